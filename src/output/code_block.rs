//! The code in an answer: the first fenced block of its Markdown, for `-x`.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// What is in the first fenced code block, without its fences; `None` where there is none.
///
/// A block that is never closed goes to the end. Indented blocks do not count: a list may look like one.
pub fn first_code_block(markdown: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for event in Parser::new(markdown) {
        match (event, &mut found) {
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))), None) => found = Some(String::new()),
            (Event::Text(text), Some(code)) => code.push_str(&text),
            (Event::End(TagEnd::CodeBlock), Some(_)) => break,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fenced_block_is_found() {
        for (markdown, expected) in [
            ("before\n```rust\nfn main() {}\n```\nafter\n```\nsecond\n```", Some("fn main() {}\n")),
            ("~~~\na\n\n  b\n~~~", Some("a\n\n  b\n")),
            ("````md\n```\ninner\n```\n````", Some("```\ninner\n```\n")),
            ("```\nnever closed\nrest", Some("never closed\nrest")),
            ("- item\n\n  ```sh\n  ls\n  ```\n", Some("ls\n")),
            ("> ```\n> quoted\n> ```\n", Some("quoted\n")),
            ("    indented\n\n```\nfenced\n```", Some("fenced\n")),
            ("```\n```", Some("")),
            ("```\n&amp; <b> \\n\n```", Some("&amp; <b> \\n\n")),
            ("`inline` and no more", None),
            ("", None),
        ] {
            assert_eq!(first_code_block(markdown).as_deref(), expected, "{markdown}");
        }
    }
}
