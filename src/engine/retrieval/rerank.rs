//! A second look at the best passages: what vectors say of them, mixed with the ranking.
//!
//! Words that mean the same and are not alike are found so. What it is worth is measured by `examples/retrieval_report`.

use std::ops::Range;

use super::measure::TOKEN;
use super::{Ranking, pieces, starts};

/// Tokens of a piece that gets a vector.
const PIECE: u64 = 150;
/// What likeness, from 0 to 1, counts beside the ranking, whose best unit counts 1.
const WEIGHT: f32 = 0.4;

/// A piece of one of the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Which text.
    pub text: usize,
    /// Its bytes there.
    pub span: Range<usize>,
}

impl Ranking<'_> {
    /// The pieces that rank best, of so many tokens together, in the texts' order. The texts are always cut in the same
    /// places, so that a piece is the same for every question.
    pub fn pool(&self, budget: u64) -> Vec<Piece> {
        let mut ranked: Vec<(f32, u64, Piece)> = Vec::new();
        let mut from = 0;
        for (text, start) in starts(&self.texts).enumerate() {
            let end = start + self.texts[text].len();
            let to = from + self.units[from..].partition_point(|unit| unit.end <= end);
            for span in pieces(&self.units[from..to], PIECE, 0) {
                let units = self.units_of(&span);
                let best = self.scores[units.clone()].iter().copied().fold(0.0, f32::max);
                let cost: u64 = self.units[units].iter().map(|unit| u64::from(unit.hundredths)).sum();
                if best > 0.0 {
                    ranked.push((best, cost, Piece { text, span: span.start - start..span.end - start }));
                }
            }
            from = to;
        }
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut left = budget.saturating_mul(TOKEN);
        ranked.retain(|(_, cost, _)| {
            let fits = *cost <= left;
            left = if fits { left - cost } else { 0 };
            fits
        });
        let mut pool: Vec<Piece> = ranked.into_iter().map(|(_, _, piece)| piece).collect();
        pool.sort_by_key(|piece| (piece.text, piece.span.start));
        pool
    }

    /// The ranking with how alike each piece of a pool is to the question, from -1 to 1.
    #[must_use]
    pub fn mixed(mut self, pool: &[Piece], alike: &[f64]) -> Self {
        let best = self.scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        self.scores.iter_mut().for_each(|score| *score /= best);
        let starts: Vec<usize> = starts(&self.texts).collect();
        for (piece, alike) in pool.iter().zip(alike) {
            let start = starts[piece.text];
            let units = self.units_of(&(piece.span.start + start..piece.span.end + start));
            #[allow(clippy::cast_possible_truncation)]
            let more = WEIGHT * alike.max(0.0) as f32;
            self.scores[units].iter_mut().for_each(|score| *score += more);
        }
        self
    }

    /// The units inside a span of the texts as they lie one after the other.
    fn units_of(&self, span: &Range<usize>) -> Range<usize> {
        let first = self.units.partition_point(|unit| unit.start < span.start);
        first..first + self.units[first..].partition_point(|unit| unit.end <= span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> [String; 2] {
        let line =
            |n: usize| format!("The depot number {n} keeps crates, and its keeper writes a letter each month.\n\n");
        [(0..400).map(line).collect(), (400..500).map(line).collect::<String>() + "A vault opens with 7001.\n\n"]
    }

    #[test]
    fn a_pool_has_the_best_pieces_and_is_cut_in_the_same_places_for_every_question() {
        let [one, two] = texts();
        let ranking = Ranking::of(&[&one, &two], "what opens the vault?");
        let pool = ranking.pool(1000);
        let texts = [&one, &two];
        assert!(pool.iter().any(|piece| texts[piece.text][piece.span.clone()].contains("7001")), "{pool:?}");
        let all = Ranking::of(&[&one, &two], "the crates of a depot").pool(u64::MAX);
        assert!(pool.iter().all(|piece| all.contains(piece)));
        let sizes: usize = all.iter().map(|piece| piece.span.len()).sum();
        assert_eq!(sizes, one.len() + two.len(), "they cover both texts");
        assert!(Ranking::of(&[&one], "zebra").pool(1000).is_empty());
    }

    #[test]
    fn what_is_alike_moves_up() {
        let [one, two] = texts();
        let ranking = Ranking::of(&[&one, &two], "crates of depot number 123");
        let pool = ranking.pool(3000);
        let liked = pool.iter().position(|piece| piece.text == 1).unwrap_or(0);
        let alike: Vec<f64> = (0..pool.len()).map(|n| if n == liked { 1.0 } else { -1.0 }).collect();
        let before = ranking.pick(200).0;
        let (after, tokens) = ranking.mixed(&pool, &alike).pick(200);
        assert!(tokens <= 200 && after != before);
        let Piece { text, span } = &pool[liked];
        assert!(after[*text].iter().any(|picked| picked.start < span.end && span.start < picked.end), "{after:?}");
    }
}
