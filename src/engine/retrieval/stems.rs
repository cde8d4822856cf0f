//! Which words are the same word in another form, without knowing the language.
//!
//! Two words are taken for forms of one if they begin alike and differ in no more than an ending. That suits every
//! language that inflects by endings (all European ones, Turkish, Hindi) without guessing which one it is.

use super::tuning::{Stemming, Tuning};

/// A word's length in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub chars: usize,
}

impl Shape {
    pub(super) fn of(word: &str) -> Self {
        Self { chars: if word.is_ascii() { word.len() } else { word.chars().count() } }
    }
}

/// The longest ending (characters) that two forms may differ in, each.
const ENDING: usize = 3;

/// What an occurrence of `word` counts for the term: 1 the same, 0 nothing.
pub(super) fn alike(term: &str, shape: Shape, word: &str, tuning: &Tuning) -> f32 {
    if term == word {
        return 1.0;
    }
    if tuning.stemming == Stemming::None || term.as_bytes().first() != word.as_bytes().first() {
        return 0.0;
    }
    if word.bytes().any(|b| b.is_ascii_digit()) {
        return 0.0;
    }
    let common = common(term, word);
    let (left, right) = (shape.chars - common, Shape::of(word).chars - common);
    // Short stems are shared by words that have nothing else in common.
    let stem = common >= 3 && common >= 2 * left.max(right).min(ENDING);
    if stem && left <= ENDING && right <= ENDING {
        return tuning.ending;
    }
    if tuning.stemming == Stemming::Compounds && common >= 5 && left == 0 {
        return tuning.compound;
    }
    0.0
}

/// How many characters two words begin with alike.
fn common(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_are_alike() {
        let tuning = Tuning::default();
        for (term, word, expected) in [
            ("virus", "virus", true),
            ("virus", "viruses", true),
            ("infected", "infection", true),
            ("hauser", "hause", true),
            ("вируса", "вирусов", true),
            ("ποταμοσ", "ποταμου", true),
            ("evlerde", "evlerin", true),
            ("cat", "category", false),
            ("can", "cat", false),
            ("1905", "1906", false),
            ("190", "1905", false),
            ("", "a", false),
        ] {
            assert_eq!(alike(term, Shape::of(term), word, &tuning) > 0.0, expected, "{term} {word}");
        }
    }
}
