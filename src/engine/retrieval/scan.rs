//! One pass over a text for the words of one question: no index of all the words is built for a single answer.

use super::question::Term;
use super::split::Unit;
use super::stems;
use super::tuning::Tuning;
use super::words::{self, Kind};

/// What a unit holds of a term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    /// The unit's number.
    pub unit: u32,
    /// Occurrences, other forms counting less.
    pub count: f32,
}

/// Where each term occurs, and then where each pair of terms that are neighbours in the question does.
pub(super) struct Hits {
    pub terms: Vec<Vec<Hit>>,
    pub pairs: Vec<Vec<Hit>>,
}

impl Hits {
    /// No hits yet of so many terms.
    pub(super) fn none(terms: usize) -> Self {
        Self { terms: vec![Vec::new(); terms], pairs: vec![Vec::new(); terms] }
    }
}

/// Adds the hits of one more text; its units have the numbers from `first` on.
pub(super) fn add(hits: &mut Hits, first: usize, text: &str, units: &[Unit], terms: &[Term], tuning: &Tuning) {
    let drawers = Drawers::of(terms);
    let mut unit = 0;
    // The terms that the word before is a form of, and those of this word.
    let (mut before, mut here): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    words::each(text, |word| {
        std::mem::swap(&mut before, &mut here);
        here.clear();
        for &number in drawers.of_word(word.folded, word.kind) {
            let Some(term) = terms.get(number).filter(|term| term.kind == word.kind) else { continue };
            let count = stems::alike(&term.folded, term.shape, word.folded, tuning);
            if count <= 0.0 {
                continue;
            }
            while units.get(unit).is_some_and(|of| of.end <= word.start) {
                unit += 1;
            }
            count_in(&mut hits.terms, number, first + unit, count);
            if term.follows && number.checked_sub(1).is_some_and(|last| before.contains(&last)) {
                count_in(&mut hits.pairs, number, first + unit, 1.0);
            }
            here.push(number);
        }
    });
}

/// So many drawers that a word of the text seldom meets a term that is not like it.
const DRAWERS: usize = 4096;

/// The terms, by what a word must have in common with them.
struct Drawers(Vec<Vec<usize>>);

impl Drawers {
    fn of(terms: &[Term]) -> Self {
        let mut drawers = vec![Vec::new(); DRAWERS];
        for (number, term) in terms.iter().enumerate() {
            if let Some(drawer) = drawers.get_mut(Self::number(&term.folded, term.kind)) {
                drawer.push(number);
            }
        }
        Self(drawers)
    }

    fn of_word(&self, folded: &str, kind: Kind) -> &[usize] {
        self.0.get(Self::number(folded, kind)).map_or(&[], Vec::as_slice)
    }

    /// Forms of a word share its first three characters, groups are the same or have nothing in common.
    fn number(folded: &str, kind: Kind) -> usize {
        let shared = if kind == Kind::Word { 3 } else { usize::MAX };
        folded.chars().take(shared).fold(0, |sum: usize, c| sum.wrapping_mul(31).wrapping_add(c as usize)) % DRAWERS
    }
}

fn count_in(lists: &mut [Vec<Hit>], number: usize, unit: usize, count: f32) {
    let (Some(list), Ok(unit)) = (lists.get_mut(number), u32::try_from(unit)) else { return };
    match list.last_mut() {
        Some(hit) if hit.unit == unit => hit.count += count,
        _ => list.push(Hit { unit, count }),
    }
}
