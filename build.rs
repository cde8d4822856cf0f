//! How the program is linked.

#[expect(clippy::disallowed_methods, reason = "how cargo tells for what it builds; llmr itself has one reader")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A position-independent program has each of its 25,000 pointers to its own constants put right at every start: on
    // Linux that costs more than all else that `llmr --version` does. Stack, heap and libraries lie at random
    // addresses all the same. (What is linked statically, as with musl, is linked in another way.)
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    let static_c_library = target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("OS") == "linux" && target("ENV") == "gnu" && !static_c_library {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
