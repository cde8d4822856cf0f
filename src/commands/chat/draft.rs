//! A prompt of several lines: when Enter goes on with it, and what is sent of it. Pure.
//!
//! Two ways that users of other tools know: a line that ends in `\`, and a text that begins with `"""` and goes on to
//! the next `"""`. Only where a text *begins* so: quotes in the middle of a pasted text keep nobody from sending it.

const QUOTES: &str = "\"\"\"";

/// Whether Enter goes on with the text instead of sending it. The cursor is taken to stand at its end.
pub fn is_open(text: &str) -> bool {
    is_open_block(text) || continues(text)
}

/// Whether the text begins a block that nothing ends yet.
pub fn is_open_block(text: &str) -> bool {
    text.trim_start().strip_prefix(QUOTES).is_some_and(|rest| !rest.contains(QUOTES))
}

/// Whether the last line ends in a `\` that is not itself behind one.
fn continues(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Whether the text is a block: then it is no command, whatever it begins with.
pub fn is_block(text: &str) -> bool {
    block(text).is_some()
}

/// What is meant by a text as it was typed: without the quotes around a block, the `\` at the ends of lines, and
/// line breaks behind it all.
pub fn meant(typed: &str) -> String {
    let typed = typed.trim_end_matches(['\n', '\r']);
    if let Some(block) = block(typed) {
        return block;
    }
    let mut out = String::with_capacity(typed.len());
    let mut lines = typed.split('\n').peekable();
    while let Some(line) = lines.next() {
        let goes_on = continues(line) && lines.peek().is_some();
        out.push_str(if goes_on { &line[..line.len() - 1] } else { line });
        if lines.peek().is_some() {
            out.push('\n');
        }
    }
    out
}

/// The inside of a block with what stands behind it.
fn block(typed: &str) -> Option<String> {
    let (inside, behind) = typed.trim_start().strip_prefix(QUOTES)?.split_once(QUOTES)?;
    let inside = inside.strip_prefix('\n').unwrap_or(inside);
    Some(format!("{}{behind}", inside.strip_suffix('\n').unwrap_or(inside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_goes_on_with_an_open_text_and_sends_any_other() {
        for (text, open) in [
            ("", false),
            ("hello", false),
            ("hello \\", true),
            ("a path C:\\\\", false),
            ("one \\\ntwo", false),
            ("one \\\n", false),
            ("\"\"\"", true),
            ("\"\"\"\nfn main() {", true),
            ("\"\"\"\nfn main() {}\n\"\"\"", false),
            ("\"\"\"one line\"\"\"", false),
            ("def f():\n    \"\"\"Says hello.", false),
        ] {
            assert_eq!(is_open(text), open, "{text:?}");
        }
    }

    #[test]
    fn what_holds_lines_together_is_not_sent() {
        for (typed, sent) in [
            ("hello", "hello"),
            ("hello\n\n", "hello"),
            ("  two\n  lines", "  two\n  lines"),
            ("one \\\ntwo", "one \ntwo"),
            ("one \\\n", "one \\"),
            ("C:\\\\\nx", "C:\\\\\nx"),
            ("\"\"\"\n  a\n\n  b\n\"\"\"", "  a\n\n  b"),
            ("\"\"\"a\"\"\" explain", "a explain"),
            ("\"\"\"never ended", "\"\"\"never ended"),
        ] {
            assert_eq!(meant(typed), sent, "{typed:?}");
        }
    }
}
