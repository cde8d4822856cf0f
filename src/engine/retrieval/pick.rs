//! The best units that fit a budget, neighbours joined.

use std::ops::Range;

use super::measure::TOKEN;
use super::split::Unit;

/// What was picked of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picked {
    /// Bytes of the text, ascending, none touching another.
    pub spans: Vec<Range<usize>>,
    /// What they cost together, in tokens; never more than the budget.
    pub tokens: u64,
}

/// What a gap between two spans costs, in hundredths: a mark for what is left out takes a token.
const GAP: u64 = TOKEN;

/// Everything if it fits; else units by their score, the best first, as long as they fit.
pub(super) fn pick(units: &[Unit], scores: &[f32], budget: u64) -> Picked {
    let all = picked(units, &vec![true; units.len()]);
    if all.tokens <= budget {
        return all;
    }
    let mut order: Vec<usize> =
        (0..units.len()).filter(|unit| scores.get(*unit).is_some_and(|score| *score > 0.0)).collect();
    order.sort_by(|one, other| scores.get(*other).partial_cmp(&scores.get(*one)).unwrap_or(std::cmp::Ordering::Equal));
    let mut taken = vec![false; units.len()];
    let mut left = budget.saturating_mul(TOKEN);
    for unit in order {
        let Some(cost) = units.get(unit).map(|of| u64::from(of.hundredths)) else { continue };
        let is_taken = |unit: Option<usize>| unit.and_then(|unit| taken.get(unit)).copied().unwrap_or(false);
        let joined = usize::from(is_taken(unit.checked_sub(1))) + usize::from(is_taken(Some(unit + 1)));
        let (more, less) = match joined {
            0 => (cost + GAP, 0),
            1 => (cost, 0),
            _ => (cost, GAP),
        };
        if more > left + less {
            continue;
        }
        left = left + less - more;
        if let Some(taken) = taken.get_mut(unit) {
            *taken = true;
        }
    }
    picked(units, &taken)
}

/// The units that are taken, neighbours joined.
fn picked(units: &[Unit], taken: &[bool]) -> Picked {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut hundredths = 0;
    for (unit, _) in units.iter().zip(taken).filter(|(_, taken)| **taken) {
        hundredths += u64::from(unit.hundredths);
        match spans.last_mut() {
            Some(last) if last.end == unit.start => last.end = unit.end,
            _ => {
                hundredths += GAP;
                spans.push(unit.range());
            }
        }
    }
    Picked { spans, tokens: hundredths.div_ceil(TOKEN) }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    fn units(costs: &[u32]) -> Vec<Unit> {
        let unit =
            |(at, cost): (usize, &u32)| Unit { start: at, end: at + 1, hundredths: *cost, block: 0, heading: false };
        costs.iter().enumerate().map(unit).collect()
    }

    #[test]
    fn the_best_that_fit_are_taken_and_neighbours_joined() {
        for (costs, scores, budget, spans, tokens) in [
            (vec![], vec![], 5, vec![], 0),
            (vec![100, 100, 100], vec![1.0, 3.0, 2.0], 0, vec![], 0),
            (vec![100, 100, 100], vec![1.0, 3.0, 2.0], 1, vec![], 0),
            (vec![100, 100, 100], vec![1.0, 3.0, 2.0], 2, vec![1..2], 2),
            (vec![100, 100, 100], vec![1.0, 3.0, 2.0], 3, vec![1..3], 3),
            (vec![100, 100, 100], vec![3.0, 1.0, 2.0], 5, vec![0..3], 4),
            (vec![100, 900, 100], vec![2.0, 3.0, 0.0], 9, vec![0..1], 2),
            (vec![100, 500, 100], vec![3.0, 0.0, 2.0], 5, vec![0..1, 2..3], 4),
            (vec![100, 100, 100], vec![0.0, 0.0, 0.0], 4, vec![0..3], 4),
            (vec![100, 100, 100], vec![0.0, 0.0, 0.0], 3, vec![], 0),
        ] {
            let picked = pick(&units(&costs), &scores, budget);
            assert_eq!(picked, Picked { spans, tokens }, "{costs:?} {scores:?} {budget}");
        }
    }
}
