//! Which functions short commands run: `--hot-functions FILE` writes the list by which `build.rs` has them lie side by side
//! in the program. The program must have its symbols still, and be built as it is released:
//!
//! ```text
//! cargo rustc --release --bin llmr -- -C strip=none && cp target/release/llmr /tmp/llmr
//! cargo bench --bench whole -- --hot-functions benches/whole/hot_functions.txt --llmr /tmp/llmr
//! ```

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::measure::{Command, find};

/// The functions that these commands run, each with the first command that runs it: what one runs lies together.
pub fn functions(commands: &[Command], folder: &Path) -> Result<String> {
    let valgrind = find("valgrind").ok_or("not installed: valgrind")?;
    let mut known = BTreeSet::new();
    let mut list = String::new();
    for command in commands {
        let file = folder.join("callgrind.out");
        let out = format!("--callgrind-out-file={}", file.display());
        command.clone().under(&valgrind, &["--tool=callgrind", "--demangle=no", &out]).time()?;
        for name in fs::read_to_string(&file)?.lines().filter_map(named) {
            if known.insert(name.to_owned()) {
                writeln!(list, "{name}")?;
            }
        }
    }
    Ok(list)
}

/// The function that a line of a profile names, as it does at a function's first mention: `fn=(7) name` or `cfn=(7) name`.
fn named(line: &str) -> Option<&str> {
    let (_, name) = line.strip_prefix("fn=(").or_else(|| line.strip_prefix("cfn=("))?.split_once(") ")?;
    // A recursive call is counted as `name'2`; what the program did not name stands in brackets.
    name.split('\'').next().filter(|name| !name.contains('('))
}
