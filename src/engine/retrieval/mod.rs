//! What of a long text to read for a question: pure functions over text, without I/O and without a model.
//!
//! [`units`] cuts a text into sentences and lines; [`pick`] ranks them against the question and takes the best that fit
//! a budget; [`pieces`] joins them where a text is to be read whole. The ranking adds up BM25 scores of the unit itself
//! and of windows around it, up to the size of a chapter: a sentence is found by its words, its place by its surroundings.
//! The place in the document counts for nothing.
//!
//! One question is answered by one pass over the text that looks for its words alone ([`pick`]); an [`Index`] pays from
//! the second or third question on. Both pick the same. What each part of the ranking is worth is measured by
//! `examples/retrieval_report`.

mod blocks;
mod index;
mod measure;
mod offsets;
mod pick;
mod pieces;
mod question;
mod rank;
mod rerank;
mod scan;
mod sentences;
mod split;
mod stems;
mod stops;
pub mod tuning;
mod words;

use std::ops::Range;

pub use index::Index;
pub use measure::{TOKEN, hundredths, tokens};
pub use offsets::{code_points, lines};
pub use pick::Picked;
pub use pieces::{pieces, pieces_within};
pub use rerank::Piece;
use scan::Hits;
pub use split::{Unit, units};
use tuning::Tuning;

/// The best of the text for the question, within so many tokens.
///
/// A token is counted by the estimate, or as four characters where that is more; a gap costs one. A text that fits is
/// picked whole; of one that does not, nothing is picked if no word of the question occurs.
pub fn pick(text: &str, question: &str, budget: u64) -> Picked {
    pick_laid_out(&[text], question, budget)
}

/// The best of several texts, as if they were one: the spans of each, and what they cost together.
pub fn pick_from(texts: &[&str], question: &str, budget: u64) -> (Vec<Vec<Range<usize>>>, u64) {
    Ranking::of(texts, question).pick(budget)
}

/// Several texts ranked against a question, from which any number of tokens may be picked.
pub struct Ranking<'t> {
    texts: Vec<&'t str>,
    units: Vec<Unit>,
    scores: Vec<f32>,
}

impl<'t> Ranking<'t> {
    /// Ranks the texts as if they were one.
    pub fn of(texts: &[&'t str], question: &str) -> Self {
        let (units, scores) = ranked(texts, question);
        Self { texts: texts.to_vec(), units, scores }
    }

    /// The best within so many tokens: the spans of each text, and what they cost together.
    pub fn pick(&self, budget: u64) -> (Vec<Vec<Range<usize>>>, u64) {
        let Picked { spans, tokens } = pick::pick(&self.units, &self.scores, budget);
        let mut spans = spans.into_iter().peekable();
        let of_text = |(text, start): (&&str, usize)| {
            let end = start + text.len();
            std::iter::from_fn(|| spans.next_if(|span| span.end <= end))
                .map(|span| span.start - start..span.end - start)
                .collect()
        };
        (self.texts.iter().zip(starts(&self.texts)).map(of_text).collect(), tokens)
    }
}

/// Picks from texts that lie one after the other, a byte apart, so that no span goes from one into the next.
fn pick_laid_out(texts: &[&str], question: &str, budget: u64) -> Picked {
    let (units, scores) = ranked(texts, question);
    pick::pick(&units, &scores, budget)
}

/// The units of such texts with the score of each.
fn ranked(texts: &[&str], question: &str) -> (Vec<Unit>, Vec<f32>) {
    let tuning = Tuning::default();
    let terms = question::terms(question, &tuning);
    let mut hits = Hits::none(terms.len());
    let mut all: Vec<Unit> = Vec::new();
    for (text, start) in texts.iter().zip(starts(texts)) {
        let units = units(text);
        scan::add(&mut hits, all.len(), text, &units, &terms, &tuning);
        all.extend(units.into_iter().map(|unit| Unit { start: start + unit.start, end: start + unit.end, ..unit }));
    }
    let scores = rank::scores(&all, &terms, &hits, &tuning);
    (all, scores)
}

/// Where each text begins.
fn starts(texts: &[&str]) -> impl Iterator<Item = usize> {
    texts.iter().scan(0, |next, text| {
        let start = *next;
        *next += text.len() + 1;
        Some(start)
    })
}

impl Index {
    /// The best of the text for one of many questions, within so many tokens, as [`pick`] does.
    pub fn pick(&self, question: &str, budget: u64) -> Picked {
        self.pick_tuned(question, budget, &Tuning::default())
    }

    /// The same with other numbers.
    pub fn pick_tuned(&self, question: &str, budget: u64, tuning: &Tuning) -> Picked {
        let terms = question::terms(question, tuning);
        let scores = rank::scores(self.units(), &terms, &self.hits(&terms, tuning), tuning);
        pick::pick(self.units(), &scores, budget)
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    /// Paragraphs that look alike, each with a number of its own.
    fn document(paragraphs: usize) -> String {
        let towns = ["Aldova", "Brenik", "Corvane", "Dunmor", "Estril", "Fanwick", "Gorlan"];
        let line = |number: usize| {
            let town = towns[number % towns.len()];
            format!(
                "The depot at {town} {number} keeps {} crates. Its keeper writes a letter each month.\n\n",
                number * 37 % 9973
            )
        };
        (0..paragraphs).map(line).collect()
    }

    #[test]
    fn an_index_picks_what_a_scan_picks() {
        let text = document(400) + "東京の倉庫には箱が三千個ある。大阪の倉庫は空である。";
        let index = Index::new(&text);
        for question in
            ["How many crates does Corvane 100 keep?", "keepers' letters", "東京の倉庫に箱はいくつ？", "zzz", ""]
        {
            assert_eq!(index.pick(question, 200), pick(&text, question, 200), "{question}");
        }
    }

    #[test]
    fn a_budget_is_never_passed() {
        let text = document(60) + &"倉庫の箱。ящики склада. กล่องในคลัง ".repeat(50);
        for budget in [0, 1, 2, 7, 50, 300, 1_000, u64::MAX] {
            let picked = pick(&text, "crates 箱 ящик กล่อง", budget);
            let characters: usize = picked.spans.iter().map(|span| text[span.clone()].chars().count()).sum();
            assert!(picked.tokens <= budget && characters as u64 <= picked.tokens.saturating_mul(4), "{budget}");
            assert!(picked.spans.windows(2).all(|pair| pair[0].end < pair[1].start), "{budget}");
        }
    }

    #[test]
    fn a_text_that_fits_is_picked_whole() {
        let text = document(20);
        assert_eq!(pick(&text, "zzz", 10_000).spans, [0..text.len()]);
        assert!(pick(&text, "zzz", 100).spans.is_empty());
        assert!(pick("", "zzz", 100).spans.is_empty());
    }

    #[test]
    fn several_texts_are_picked_from_as_one_and_kept_apart() {
        let (one, two) = (document(300), document(200) + "The vault of Marrow opens with 7001.");
        let (spans, tokens) = pick_from(&[&one, "", &two], "What opens the vault of Marrow?", 40);
        assert!(spans[1].is_empty() && tokens <= 40, "{spans:?}");
        assert!(spans[2].iter().any(|span| two[span.clone()].contains("7001")), "{spans:?}");
        let (all, _) = pick_from(&[&one, "", &two], "", 1_000_000);
        assert_eq!(all, [vec![0..one.len()], vec![], vec![0..two.len()]]);
        assert_eq!(pick_from(&[], "vault", 100), (vec![], 0));
    }

    #[test]
    fn facts_are_found_wherever_they_are_hidden() {
        let filler = document(3_000);
        for tenth in 0..=10 {
            let at = filler.len() * tenth / 10;
            let at = filler[..at].rfind("\n\n").map_or(0, |at| at + 2);
            let fact = format!("The vault of Marrow {tenth} opens with {}.\n\n", 7_000 + tenth);
            let text = format!("{}{fact}{}", &filler[..at], &filler[at..]);
            let picked = pick(&text, &format!("Which number opens the vault of Marrow {tenth}?"), 500);
            assert!(picked.spans.iter().any(|span| text[span.clone()].contains(&fact)), "{tenth}");
        }
    }
}
