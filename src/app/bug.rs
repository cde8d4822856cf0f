//! What a panic says: that there is a bug, and where. Never a backtrace, and nothing that came from outside: a panic's text
//! may be made of whatever was being worked on, so only one that stands in the program's own source is shown.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use crate::error::Kind;

/// From now on a panic of any thread is told in one line and ends the process with exit code 1. What is held for an
/// attempt under way stays held, as after a kill: the next process charges it.
pub fn end_plainly() {
    std::panic::set_hook(Box::new(|info| {
        let mut text = told(info.payload().downcast_ref::<&'static str>().copied(), place(info).as_deref());
        text.push_str("hint: please report this line and the command, without its prompt; nothing else is in it\n");
        _ = std::io::stderr().write_all(text.as_bytes());
        end();
    }));
}

#[expect(clippy::disallowed_methods, reason = "after a panic nothing is left to return to")]
fn end() -> ! {
    std::process::exit(i32::from(Kind::Other.exit_code()))
}

fn place(info: &PanicHookInfo<'_>) -> Option<String> {
    info.location().map(|at| format!("{}:{}:{}", shortened(at.file()), at.line(), at.column()))
}

/// The line, with a text of the program's own where it has one.
fn told(what: Option<&'static str>, place: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let what = what.map(|what| format!(": {}", what.replace('\n', " "))).unwrap_or_default();
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    format!("error: this is a bug in llmr {version}{place}{what}\n")
}

/// A source file from its crate on: where that lay on the machine that built it is nobody's business.
fn shortened(file: &str) -> &str {
    let from = file.rfind("/src/").map_or(0, |src| file[..src].rfind('/').map_or(0, |slash| slash + 1));
    &file[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_and_no_more_than_the_source_does() {
        let version = env!("CARGO_PKG_VERSION");
        let told = |what| told(what, Some("src/a.rs:1:2"));
        assert_eq!(told(None), format!("error: this is a bug in llmr {version} at src/a.rs:1:2\n"));
        let line = format!("error: this is a bug in llmr {version} at src/a.rs:1:2: a thing of two lines\n");
        assert_eq!(told(Some("a thing\nof two lines")), line);
        assert_eq!(super::told(None, None), format!("error: this is a bug in llmr {version}\n"));
    }

    #[test]
    fn a_place_begins_with_its_crate() {
        for (file, shown) in [
            ("src/app.rs", "src/app.rs"),
            ("/home/somebody/registry/src/index-1/h2-0.4.1/src/proto/go.rs", "h2-0.4.1/src/proto/go.rs"),
            ("/src/x.rs", "/src/x.rs"),
            ("x.rs", "x.rs"),
        ] {
            assert_eq!(shortened(file), shown);
        }
    }
}
