//! How the program is linked.

#[expect(clippy::disallowed_methods, reason = "how cargo tells for what it builds; llmr itself has one reader")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A position-independent program has each of its 25,000 pointers to its own constants put right at every start: on
    // Linux that costs more than all else that `llmr --version` does. Stack, heap and libraries lie at random
    // addresses all the same. (With musl everything is linked in another way.)
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
