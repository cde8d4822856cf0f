//! What goes to a terminal: at every split of a text the same, harmless, and ending with one line break.

use llmr::output::markdown::{Look, Renderer};
use llmr::output::{AnswerWriter, Sanitizer, first_code_block, sanitize};
use proptest::prelude::*;

use crate::cases;
use crate::split;

/// Texts with what a terminal acts on.
fn wild() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z \n]{0,6}",
        1 => "[\r\n\t]{0,4}",
        1 => "[\u{0}-\u{1f}\u{7f}-\u{9f}]{0,3}",
        1 => "[\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{fff9}-\u{fffb}\u{e0001}-\u{e007f}\u{feff}]{0,3}",
        1 => prop::sample::select(vec![
            "\u{1b}]52;c;YQ==\u{7}", "\u{1b}[2J", "\u{9b}31m", "\u{1b}]0;title\u{1b}\\", "\u{1b}]8;;http://x/\u{7}y",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Texts with the marks of Markdown, in and out of their places.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# ",
        "## Head\n",
        "- ",
        "* ",
        "1. ",
        "9) ",
        "> ",
        "```",
        "```rust\n",
        "~~~\n",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "| a | b |\n",
        "|---|--:|\n",
        "|",
        "---\n",
        "***",
        "**",
        "*",
        "_",
        "__",
        "`",
        "``",
        "[x](http://y)",
        "![",
        "](",
        "<b>",
        "&amp;",
        "&#27;",
        "\\",
        "- [ ] ",
        "- [x] ",
        "~~",
        "word ",
        "a longer piece of text that flows ",
        "漢字 ",
        "e\u{301}",
        "🙂",
        "fn main() {}\n",
        "http://x.example/ ",
        "\r\n",
        "===\n",
        "  ",
        "1986. ",
        "<!-- c -->",
        "[^1]",
        ":",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn look() -> impl Strategy<Value = Look> {
    (any::<bool>(), any::<bool>(), prop::sample::select(vec![None, Some(10), Some(24), Some(80)]))
        .prop_map(|(color, utf8, columns)| Look { color, utf8, columns })
}

/// A whole text and its pieces, cut three ways.
fn ways<'t>(text: &'t str, cuts: &[prop::sample::Index]) -> [Vec<&'t str>; 3] {
    [vec![text], split::text(text, cuts), split::letters(text)]
}

/// What a terminal would act on.
fn acts(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{206f}').contains(&c)
        || ('\u{fff9}'..='\u{fffb}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

fn sanitized(pieces: &[&str]) -> String {
    let mut sanitizer = Sanitizer::default();
    let mut out: String = pieces.iter().map(|piece| sanitizer.push(piece).into_owned()).collect();
    out.push_str(sanitizer.finish());
    out
}

fn rendered(pieces: &[&str], look: Look) -> String {
    let mut renderer = Renderer::new(look);
    let mut out: String = pieces.iter().map(|piece| renderer.push(piece)).collect();
    out.push_str(&renderer.finish());
    out
}

/// Somebody who keeps what is written, through a pipe that takes a few bytes at a time.
#[derive(Clone, Default)]
struct Kept(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let few = bytes.len().min(3);
        self.0.borrow_mut().extend(&bytes[..few]);
        Ok(few)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is written of an answer that comes in these pieces.
fn written(make: impl Fn(Kept) -> AnswerWriter<Kept>, pieces: &[&str], whole: bool) -> String {
    let kept = Kept::default();
    let mut writer = make(kept.clone());
    if whole {
        writer.put(&pieces.concat()).unwrap();
    } else {
        for piece in pieces {
            let begun = writer.has_begun();
            writer.push(piece).unwrap();
            assert_eq!(writer.has_begun(), begun || !piece.is_empty());
        }
        writer.finish().unwrap();
    }
    String::from_utf8(kept.0.take()).unwrap()
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn a_sanitized_text_is_harmless_and_the_same_at_every_split(text in wild(), cuts in split::cuts()) {
        let whole = sanitize::text(&text).into_owned();
        for pieces in ways(&text, &cuts) {
            prop_assert_eq!(&sanitized(&pieces), &whole);
        }
        // A carriage return is left only before a line feed.
        let bare = whole.replace("\r\n", "\n");
        prop_assert!(!bare.contains(acts), "{:?}", whole);
        prop_assert_eq!(&sanitize::text(&whole), &whole, "once more changes nothing");
        prop_assert!(!sanitize::line(&text).contains(|c| c == '\n' || c == '\t' || acts(c)));
        if !text.contains(acts) {
            prop_assert_eq!(whole, text);
        }
    }

    #[test]
    fn an_answer_is_written_alike_in_pieces_and_whole(
        text in prop_oneof![wild(), markdown()], look in look(), cuts in split::cuts(), way in 0..3usize,
    ) {
        let make = |out: Kept| match way {
            0 => AnswerWriter::plain(out),
            1 => AnswerWriter::for_terminal(out),
            _ => AnswerWriter::rendered(out, look),
        };
        let whole = written(make, &[&text], true);
        for pieces in ways(&text, &cuts) {
            prop_assert_eq!(&written(make, &pieces, false), &whole);
        }
        prop_assert_eq!(whole.is_empty(), text.is_empty());
        prop_assert!(text.is_empty() || (whole.ends_with('\n') && !whole.ends_with("\n\n")), "{:?}", whole);
        if way == 0 {
            prop_assert_eq!(whole.trim_end_matches(['\r', '\n']), text.trim_end_matches(['\r', '\n']));
        }
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn rendered_markdown_is_the_same_at_every_split(text in markdown(), look in look(), cuts in split::cuts()) {
        let whole = rendered(&[&text], look);
        for pieces in ways(&text, &cuts) {
            prop_assert_eq!(&rendered(&pieces, look), &whole, "{:?}", text);
        }
        // Only attributes, and they are off at the end.
        let plain = rendered(&[&text], Look { color: false, ..look });
        prop_assert!(!plain.contains(acts), "{:?}", plain);
        let mut colourless = String::new();
        let mut rest = whole.as_str();
        let mut on = false;
        while let Some((before, behind)) = rest.split_once("\u{1b}[") {
            let (codes, behind) = behind.split_once('m').expect("an attribute ends");
            prop_assert!(codes.chars().all(|c| c.is_ascii_digit() || c == ';'), "{:?}", codes);
            on = !matches!(codes, "" | "0");
            colourless += before;
            rest = behind;
        }
        prop_assert!(!on, "attributes stay on: {:?}", whole);
        colourless += rest;
        prop_assert!(!colourless.contains(acts), "{:?}", colourless);
    }

    #[test]
    fn the_first_code_block_is_found_between_its_fences(
        before in "([a-z]{1,6}( [a-z]{1,6}){0,2}\n\n){0,3}", code in "([a-z {}();]{0,12}\n){0,5}", after in "(\n[a-z]{1,6}\n){0,2}",
        language in "[a-z]{0,6}", (mark, length) in (prop::sample::select(vec!["`", "~"]), 3..6usize), closed in any::<bool>(),
    ) {
        let fence = mark.repeat(length);
        let mut text = format!("{before}{fence}{language}\n{code}");
        if closed {
            text += &format!("{fence}\n{after}\n```\nanother\n```\n");
        }
        prop_assert_eq!(first_code_block(&text), Some(code));
        prop_assert_eq!(first_code_block(&before), None);
    }
}
