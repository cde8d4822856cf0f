//! Thinking written into the text itself: `<think>…</think>` at the very start of an answer.
//!
//! Some reasoning models have no field for their thoughts. Only a tag that opens the answer is thinking; the same
//! letters later in the text are text.

use std::mem;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Keeps a leading `<think>…</think>` out of a text that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct ThinkFilter {
    stage: Stage,
    /// What cannot be judged yet: the beginning of a tag, or white space in front of one.
    held: String,
    /// Characters kept out so far.
    dropped: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing but white space so far.
    #[default]
    Start,
    /// Inside the tag.
    Thinking,
    /// Behind it, where line breaks are skipped until the answer begins.
    Behind,
    /// In the answer.
    Through,
}

impl ThinkFilter {
    /// Takes a piece in; what of it (and of what was held back before) is text.
    pub fn push(&mut self, piece: &str) -> String {
        match self.stage {
            Stage::Start => self.at_start(piece),
            Stage::Thinking => self.inside(piece),
            Stage::Behind => self.behind(piece),
            Stage::Through => piece.to_owned(),
        }
    }

    /// What was held back and turned out to be text, now that nothing follows. White space alone is no text.
    pub fn flush(&mut self) -> String {
        if self.stage != Stage::Start || self.held.trim().is_empty() {
            return String::new();
        }
        self.stage = Stage::Through;
        mem::take(&mut self.held)
    }

    /// How many characters of thinking were kept out.
    pub fn dropped_chars(&self) -> u64 {
        self.dropped
    }

    fn at_start(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let begun = self.held.trim_start();
        if let Some(rest) = begun.strip_prefix(OPEN) {
            let rest = rest.to_owned();
            self.stage = Stage::Thinking;
            self.held.clear();
            return self.inside(&rest);
        }
        if OPEN.starts_with(begun) {
            return String::new();
        }
        self.stage = Stage::Through;
        mem::take(&mut self.held)
    }

    fn inside(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        if let Some((thought, rest)) = self.held.split_once(CLOSE) {
            self.dropped += thought.chars().count() as u64;
            let rest = rest.to_owned();
            self.stage = Stage::Behind;
            self.held.clear();
            return self.behind(&rest);
        }
        let kept = (0..CLOSE.len()).rev().find(|&n| self.held.ends_with(&CLOSE[..n])).unwrap_or(0);
        let thought = self.held.len() - kept;
        self.dropped += self.held[..thought].chars().count() as u64;
        self.held.drain(..thought);
        String::new()
    }

    fn behind(&mut self, piece: &str) -> String {
        let text = piece.trim_start();
        if !text.is_empty() {
            self.stage = Stage::Through;
        }
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(pieces: &[&str]) -> String {
        let mut filter = ThinkFilter::default();
        let mut text: String = pieces.iter().map(|piece| filter.push(piece)).collect();
        text.push_str(&filter.flush());
        text
    }

    #[test]
    fn only_a_leading_block_is_thinking_however_it_is_cut() {
        for (whole, text) in [
            ("<think>\nhm, ünd\n</think>\n\nHéllo", "Héllo"),
            ("\n <think>a</think>b", "b"),
            ("<think>never closed", ""),
            ("<think>a < b </thin</think> c </think>", "c </think>"),
            ("plain", "plain"),
            (" led by a space", " led by a space"),
            ("say <think>this</think>", "say <think>this</think>"),
            ("<thin", "<thin"),
            ("<thinking>out loud</thinking>", "<thinking>out loud</thinking>"),
            ("<think></think>", ""),
            (" \n", ""),
            ("", ""),
        ] {
            assert_eq!(filtered(&[whole]), text, "{whole:?}");
            for cut in (0..=whole.len()).filter(|&cut| whole.is_char_boundary(cut)) {
                assert_eq!(filtered(&[&whole[..cut], &whole[cut..]]), text, "{whole:?} cut at {cut}");
            }
            let chars: Vec<String> = whole.chars().map(String::from).collect();
            let chars: Vec<&str> = chars.iter().map(String::as_str).collect();
            assert_eq!(filtered(&chars), text, "{whole:?} by characters");
        }
    }

    #[test]
    fn thinking_is_counted() {
        let mut filter = ThinkFilter::default();
        for piece in ["<think>", "äb", "c</", "think>x"] {
            filter.push(piece);
        }
        assert_eq!(filter.dropped_chars(), 3);
    }
}
