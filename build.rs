//! How the program is linked.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The functions that short commands run, in the order in which they are to lie in the program. Made by
/// `cargo bench --bench whole -- --hot-functions FILE` (see there).
const HOT_FUNCTIONS: &str = "benches/whole/hot_functions.txt";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={HOT_FUNCTIONS}");
    let target = |part: &str| variable(&format!("CARGO_CFG_TARGET_{part}"));
    let static_c_library = target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("OS") != "linux" || target("ENV") != "gnu" || static_c_library {
        return;
    }
    // A position-independent program has each of its 25,000 pointers to its own constants put right at every start: on
    // Linux that costs more than all else that `llmr --version` does. Stack, heap and libraries lie at random
    // addresses all the same. (What is linked statically, as with musl, is linked in another way.)
    println!("cargo::rustc-link-arg-bins=-no-pie");
    // Side by side they need half as many pages as spread over all of the program. A list that is out of date orders
    // less, and breaks nothing.
    if variable("PROFILE") == "release" && links_with_lld() {
        // A library of its own, only to look for stack frames when something goes wrong, costs every start as much as
        // a tenth of `true`: what is needed of it goes into the program.
        if let Some(unwinder) = library_of_the_c_compiler("libgcc_eh.a") {
            println!("cargo::rerun-if-changed={}", unwinder.display());
            println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
        }
        let list = Path::new(&variable("CARGO_MANIFEST_DIR")).join(HOT_FUNCTIONS);
        println!("cargo::rustc-link-arg-bins=-Wl,--symbol-ordering-file={}", list.display());
        println!("cargo::rustc-link-arg-bins=-Wl,--no-warn-symbol-ordering");
    }
}

/// Whether the linker is the one that Rust brings along, and nobody has chosen another: only that one takes the list.
fn links_with_lld() -> bool {
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let chosen = !variable("RUSTC_LINKER").is_empty() || flags.contains("link");
    !chosen && variable("TARGET") == "x86_64-unknown-linux-gnu" && sysroot().is_some_and(|root| has_lld(&root))
}

fn has_lld(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld").exists()
}

fn sysroot() -> Option<PathBuf> {
    let output = Command::new(variable("RUSTC")).args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// A library of the C compiler, which Rust's linker is called through and which knows where it has it.
fn library_of_the_c_compiler(name: &str) -> Option<PathBuf> {
    let output = Command::new("cc").arg(format!("-print-file-name={name}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    (output.status.success() && path.is_absolute() && path.is_file()).then_some(path)
}

#[expect(clippy::disallowed_methods, reason = "how cargo tells for what it builds; llmr itself has one reader")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
