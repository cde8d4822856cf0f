//! What the program's own record says against the built-in guess: a correction per kind of prompt and tier.
//!
//! A record is a few sums, so that any store can keep it: how many answers were good and bad, and how many
//! good ones the classifier had expected. The difference is shrunk towards what all kinds together show,
//! and that towards none, so that little evidence changes little.

use super::Verdict;
use crate::engine::math;

/// Evidence over all kinds of prompts counts against the built-in guess as if that were so many outcomes.
const PRIOR_ALL: f64 = 20.0;
/// Evidence of one kind of prompt counts against that of all kinds likewise. Larger, since a kind has fewer outcomes; a
/// guess, as the one above is.
const PRIOR_KIND: f64 = 30.0;
/// Evidence of one kind counts only beyond half a standard error of a coin thrown as often (0.5 of each
/// outcome's 0.5), so that chance alone seldom turns an order round.
const NOISE: f64 = 0.25;
/// The standard error of one throw of a coin: what the strong tier gained counts only beyond one such error, so that
/// a correction hardly ever makes an order worse (half an error let single runs lose 0.02).
const COIN: f64 = 0.5;
/// What it gained counts against the built-in guess as if that were so many outcomes. Few: the error above keeps
/// chance out already.
const PRIOR_GAIN: f64 = 4.0;
/// A record loses half its weight in so many days, since providers change models under the same name. A guess: new
/// models come about every quarter.
const HALF_LIFE_DAYS: f64 = 60.0;
/// No correction moves a probability further than this: a record can be unlucky, and a user can rate only
/// what displeases. A guess.
const LARGEST: f64 = 0.35;

/// Outcomes of one tier (or one model), as sums.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Record {
    /// Good answers.
    pub good: f64,
    /// Bad answers.
    pub bad: f64,
    /// Sum of the probabilities the classifier had given to good ones.
    pub expected: f64,
}

impl Record {
    /// With one more outcome, of which a good end had been given the probability `expected`. It counts `weight` times;
    /// below 0 one is taken back.
    #[must_use]
    pub fn with(self, good: bool, expected: f64, weight: f64) -> Record {
        let (more_good, more_bad) = if good { (weight, 0.0) } else { (0.0, weight) };
        let sum = |sum: f64, more: f64| (sum + more).max(0.0);
        Record {
            good: sum(self.good, more_good),
            bad: sum(self.bad, more_bad),
            expected: sum(self.expected, expected * weight),
        }
    }

    /// The record as it counts after so many days.
    #[must_use]
    pub fn aged(self, days: f64) -> Record {
        let left = math::exp2(-days.max(0.0) / HALF_LIFE_DAYS);
        Record { good: self.good * left, bad: self.bad * left, expected: self.expected * left }
    }

    fn outcomes(&self) -> f64 {
        self.good + self.bad
    }

    /// Good ends beyond the expected, when each was already expected to be `shift` likelier.
    fn surplus(&self, shift: f64) -> f64 {
        self.good - self.expected - shift * self.outcomes()
    }
}

/// The records that bear on a prompt, tiers ascending.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Records {
    /// Of all prompts.
    pub all: [Record; 4],
    /// Of the prompts of the same intent.
    pub kind: [Record; 4],
}

/// The verdict after what was recorded. Without records it is the same verdict.
///
/// The score moves by what the strongest recorded tier gained on the weakest: prompts at which the strong
/// model fails as well are not worth sending there.
pub fn corrected(verdict: &Verdict, records: &Records) -> Verdict {
    let mut shifts = [0.0; 4];
    for (at, (all, kind)) in records.all.iter().zip(&records.kind).enumerate() {
        let general = shrunk(all, 0.0, PRIOR_ALL);
        shifts[at] = (general + beyond_noise(kind, general)).clamp(-LARGEST, LARGEST);
    }
    let recorded = |at: &usize| records.all[*at].outcomes() > 0.0;
    let weak = (0..4).find(recorded).unwrap_or(0);
    let strong = (0..4).rev().find(recorded).unwrap_or(0);
    let side = |at: usize| (&records.kind[at], shrunk(&records.all[at], 0.0, PRIOR_ALL).clamp(-LARGEST, LARGEST));
    let kind = if weak == strong { 0.0 } else { gained(side(weak), side(strong)) };
    let mut best = 0.0_f64;
    let mut suffices = verdict.suffices;
    for (chance, shift) in suffices.iter_mut().zip(shifts) {
        best = best.max((*chance + shift).clamp(0.0, 1.0));
        *chance = best;
    }
    let general = side(strong).1 - side(weak).1;
    Verdict { score: (verdict.score + general + kind).clamp(0.0, 1.0), suffices, ..*verdict }
}

/// What the strong tier gained on the weak one at one kind beyond what it did at all kinds. Nothing unless both
/// have a record of the kind and the difference is beyond what chance does.
fn gained((weak, weak_shift): (&Record, f64), (strong, strong_shift): (&Record, f64)) -> f64 {
    let (few, other) = (weak.outcomes(), strong.outcomes());
    if few < 1.0 || other < 1.0 {
        return 0.0;
    }
    let difference = strong.surplus(strong_shift) / other - weak.surplus(weak_shift) / few;
    let noise = COIN * (1.0 / few + 1.0 / other).sqrt();
    let both = few.min(other);
    (difference.abs() - noise).max(0.0).copysign(difference) * both / (both + PRIOR_GAIN)
}

/// The shrunk surplus of one kind over what all kinds show, less what chance does.
fn beyond_noise(record: &Record, shift: f64) -> f64 {
    let surplus = record.surplus(shift);
    let left = (surplus.abs() - NOISE * record.outcomes().max(0.0).sqrt()).max(0.0);
    left.copysign(surplus) / (record.outcomes() + PRIOR_KIND)
}

/// The mean surplus, as if `prior` more outcomes had come out as expected.
fn shrunk(record: &Record, shift: f64, prior: f64) -> f64 {
    record.surplus(shift) / (record.outcomes() + prior)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tiers::Intent;

    const VERDICT: Verdict = Verdict { score: 0.4, suffices: [0.6, 0.7, 0.8, 0.9], intent: Intent::Math };

    fn record(good: f64, bad: f64, expected: f64) -> Record {
        Record { good, bad, expected }
    }

    #[test]
    fn nothing_recorded_changes_nothing() {
        assert_eq!(corrected(&VERDICT, &Records::default()), VERDICT);
    }

    #[test]
    fn one_bad_answer_changes_little() {
        let bad = Record::default().with(false, 0.6, 1.0);
        let mut records = Records::default();
        (records.all[0], records.kind[0]) = (bad, bad);
        assert!((corrected(&VERDICT, &records).score - VERDICT.score).abs() < 0.05);
    }

    #[test]
    fn a_cheap_model_that_keeps_failing_raises_the_score_and_keeps_the_order_of_tiers() {
        let mut records = Records::default();
        (records.all[0], records.kind[0]) = (record(20.0, 80.0, 60.0), record(20.0, 80.0, 60.0));
        (records.all[3], records.kind[3]) = (record(90.0, 10.0, 90.0), record(90.0, 10.0, 90.0));
        let after = corrected(&VERDICT, &records);
        assert!(after.score > 0.6 && after.suffices[0] < 0.4, "{after:?}");
        assert!(after.suffices.is_sorted());
    }

    #[test]
    fn a_strong_model_that_fails_as_well_lowers_the_score() {
        let mut records = Records::default();
        (records.all[0], records.kind[0]) = (record(60.0, 40.0, 60.0), record(60.0, 40.0, 60.0));
        (records.all[3], records.kind[3]) = (record(60.0, 40.0, 90.0), record(60.0, 40.0, 90.0));
        assert!(corrected(&VERDICT, &records).score < 0.3);
    }

    #[test]
    fn what_chance_does_or_one_side_alone_says_moves_no_kind() {
        let mut records = Records::default();
        (records.all[0], records.all[3]) = (record(600.0, 400.0, 600.0), record(900.0, 100.0, 900.0));
        (records.kind[0], records.kind[3]) = (record(5.0, 5.0, 6.0), record(9.0, 1.0, 9.0));
        assert!((corrected(&VERDICT, &records).score - VERDICT.score).abs() < 1e-9);
        (records.kind[0], records.kind[3]) = (record(10.0, 90.0, 60.0), Record::default());
        assert!((corrected(&VERDICT, &records).score - VERDICT.score).abs() < 1e-9);
    }

    #[test]
    fn a_record_halves_with_its_age() {
        assert_eq!(record(8.0, 4.0, 6.0).aged(60.0), record(4.0, 2.0, 3.0));
        assert_eq!(record(8.0, 4.0, 6.0).aged(-1.0), record(8.0, 4.0, 6.0));
    }
}
