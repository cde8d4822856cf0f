//! A question as what to look for: its words but for those that only ask.

use super::stems;
use super::stops::{self, Stops};
use super::tuning::Tuning;
use super::words::{self, Kind};

/// A word or group of the question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub folded: String,
    pub kind: Kind,
    /// How much it counts, before its rarity does.
    pub weight: f32,
    /// Its length in characters.
    pub shape: stems::Shape,
    /// Whether the word before it in the question is the term before it here.
    pub follows: bool,
}

/// The terms of a question, each once, in its order. If every word only asks, every word is a term.
pub(super) fn terms(question: &str, tuning: &Tuning) -> Vec<Term> {
    let mut terms = Vec::new();
    if tuning.stops {
        let asked = stops::blanked(question);
        let mut words = Vec::new();
        words::each(&asked, |word| words.push(word.folded.to_owned()));
        terms = gathered(&asked, tuning, &Stops::of(&words));
    }
    if terms.is_empty() {
        terms = gathered(question, tuning, &Stops::none());
    }
    terms
}

fn gathered(question: &str, tuning: &Tuning, stops: &Stops) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    let mut adjacent = false;
    words::each(question, |word| {
        let plain = word.kind == Kind::Word;
        if plain && stops.contains(word.folded) {
            adjacent = false;
            return;
        }
        match terms.iter_mut().find(|term| term.folded == word.folded) {
            Some(_) => adjacent = false,
            None => {
                let weight = if plain && is_name(question, word.start) { tuning.name } else { 1.0 };
                terms.push(Term {
                    folded: word.folded.to_owned(),
                    kind: word.kind,
                    weight,
                    shape: stems::Shape::of(word.folded),
                    follows: adjacent && plain,
                });
                adjacent = plain;
            }
        }
    });
    terms
}

/// Whether the word is written as a name or a number is, and not because the question begins with it.
fn is_name(question: &str, start: usize) -> bool {
    let first = question.get(start..).and_then(|rest| rest.chars().next());
    let inside = question.get(..start).is_some_and(|head| head.contains(char::is_alphanumeric));
    first.is_some_and(|c| c.is_numeric() || c.is_uppercase() && inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_asks_is_left_out() {
        for (question, expected) in [
            ("What is the boiling point of Zinc?", "boiling point zinc"),
            ("Who won the war?", "won war"),
            ("Wer war der erste Kapitän?", "erste kapitan"),
            ("¿Cuándo se fundó la ciudad?", "fundo ciudad"),
            ("Когда был построен мост?", "построен мост"),
            ("Who is it?", "who is it"),
            ("", ""),
            ("?!", ""),
        ] {
            let terms = terms(question, &Tuning::default());
            let words: Vec<&str> = terms.iter().map(|term| term.folded.as_str()).collect();
            assert_eq!(words.join(" "), expected, "{question}");
        }
    }

    #[test]
    fn pairs_stand_for_words_without_spaces() {
        let terms = terms("长城有多少公里？", &Tuning::default());
        let groups: Vec<&str> = terms.iter().map(|term| term.folded.as_str()).collect();
        assert_eq!(groups, ["长城", "城有", "公里"]);
    }
}
