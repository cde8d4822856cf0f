//! A text as units: the smallest parts that are read or left out whole.
//!
//! A unit is a sentence of prose, a line of code, of a table or of a list, a heading. Units lie end to end and cover the
//! text to the last byte; the space behind a sentence belongs to it.

use std::ops::Range;

use super::blocks::{self, Block, Kind};
use super::measure;
use super::sentences;

/// A sentence or line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// What it costs, in hundredths of a token.
    pub hundredths: u32,
    /// The paragraph, heading or other block it belongs to, counted from 0.
    pub block: u32,
    /// Whether it is a heading.
    pub heading: bool,
}

impl Unit {
    /// Its bytes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// A unit of fewer bytes is no sentence but a number, a bracket, a short form's point: it goes with the one before it.
const SHORTEST: usize = 40;

/// Together they are no longer than this (bytes): a line of a book.
const JOINED: usize = 100;

/// The units of a text, in its order.
pub fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut number = 0;
    blocks::each(text, |block: Block| {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut push = |range: Range<usize>| match ranges.last_mut() {
            Some(last) if last.len().min(range.len()) < SHORTEST && last.len() + range.len() <= JOINED => {
                last.end = range.end;
            }
            _ => ranges.push(range),
        };
        match block.kind {
            Kind::Lines => sentences::lines(text, block.range.clone(), &mut push),
            Kind::Heading | Kind::Prose => sentences::each(text, block.range.clone(), &mut push),
        }
        units.extend(ranges.into_iter().map(|range| unit(text, range, number, block.kind)));
        number += 1;
    });
    units
}

fn unit(text: &str, range: Range<usize>, block: u32, kind: Kind) -> Unit {
    let hundredths = measure::hundredths(text.get(range.clone()).unwrap_or_default());
    Unit { start: range.start, end: range.end, hundredths, block, heading: kind == Kind::Heading }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::retrieval::words;

    fn texts() -> Vec<String> {
        let prose = "Dr. Ito came in. She sat down! Was it 3.5 km? \u{201c}Yes.\u{201d} It was.";
        vec![
            String::new(),
            "\n\n\n".into(),
            "one".into(),
            prose.into(),
            prose.repeat(50).replace(' ', "\r\n"),
            "word ".repeat(5_000),
            "x".repeat(5_000),
            "長い文は続く".repeat(400),
            "これは一つ。これは二つ。".repeat(100),
            "กำแพงเมืองใหญ่".repeat(200),
            "مرحبا بالعالم؟ نعم. ".repeat(100),
            "👩‍👩‍👧👍🏽🇩🇪".repeat(200),
            "e\u{301}".repeat(1_000),
            "\0\u{1}\u{fffd}\u{fffd}\0 \u{7f}\0".repeat(300),
            "# Title\n\nText here.\n\n```rust\nfn main() {\n}\n```\n- a\n- b\n\n| a | b |\n|---|---|\n".into(),
            "```\nnever closed\n".repeat(500),
        ]
    }

    #[test]
    fn units_cover_the_text_and_cut_no_word() {
        for text in texts() {
            let mut at = 0;
            for unit in units(&text) {
                assert_eq!(unit.start, at, "{text:.60}");
                assert!(unit.end > unit.start && text.is_char_boundary(unit.end), "{text:.60}");
                let (last, next) = (text[..unit.end].chars().next_back(), text[unit.end..].chars().next());
                if let (Some(last), Some(next)) = (last, next) {
                    assert!(!words::belongs(last, next), "{last:?} {next:?} in {text:.60}");
                }
                at = unit.end;
            }
            assert_eq!(at, text.len(), "{text:.60}");
        }
    }

    #[test]
    fn a_unit_is_a_sentence_or_a_line() {
        let one = "The first of them is a sentence of some length. ";
        let two = "A second one, by Dr. Smith, stands behind it (see Fig. 3).\n\n";
        let code = "fn the_first_function_of_all(argument: u32) -> u32 {\n";
        let body = "    argument_of_the_function_before + 1_000_000;\n}\n";
        let text = format!("# A heading\n{one}{two}{code}{body}");
        let found: Vec<&str> = units(&text).iter().map(|unit| &text[unit.range()]).collect();
        assert_eq!(found, ["# A heading\n", one, two, code, body]);
        assert!(units(&text)[0].heading);
    }
}
