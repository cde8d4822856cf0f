//! What the program's own record says against the built-in guess: a correction per kind of prompt and tier.
//!
//! A record is a few sums, so that any store can keep it: how many answers were good and bad, and how many
//! good ones the classifier had expected. The difference is shrunk towards what all kinds together show,
//! and that towards none, so that little evidence changes little.

use super::{Intent, Verdict};
use crate::engine::math;
use crate::types::Tier;

/// Evidence over all kinds of prompts counts against the built-in guess as if that were so many outcomes.
const PRIOR_ALL: f64 = 20.0;
/// Evidence of one kind of prompt counts against that of all kinds likewise. Larger, since a kind has fewer outcomes; a
/// guess, as the one above is.
const PRIOR_KIND: f64 = 30.0;
/// Evidence of one kind counts only beyond half a standard error of a coin thrown as often (0.5 of each
/// outcome's 0.5), so that chance alone seldom turns an order round.
const NOISE: f64 = 0.25;
/// The standard error of one throw of a coin: of an answer that is good or bad, at most.
const COIN: f64 = 0.5;
/// What the strong tier gained at a kind counts only beyond so many of its standard errors.
const ERRORS: f64 = 0.5;
/// What it gained counts against the built-in guess as if that were so many outcomes. Few: the error above keeps
/// chance out already.
const PRIOR_GAIN: f64 = 4.0;
/// Kinds are told apart from where they differ more than chance lets them by so many of its standard deviations …
const APART_FROM: f64 = 1.5;
/// … and wholly from so many on. Chosen in simulations on the benchmarks: without this threshold one run in seven lost by
/// its outcomes, nearly all of them where strong models gain about the same everywhere; with it one in fifty.
const APART_WHOLLY: f64 = 3.5;
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

    /// Both together.
    fn and(&self, more: &Record) -> Record {
        Record { good: self.good + more.good, bad: self.bad + more.bad, expected: self.expected + more.expected }
    }

    fn outcomes(&self) -> f64 {
        self.good + self.bad
    }

    /// Good ends beyond the expected, when each was already expected to be `shift` likelier.
    fn surplus(&self, shift: f64) -> f64 {
        self.good - self.expected - shift * self.outcomes()
    }
}

/// What is recorded of each kind of prompt, tiers ascending.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Records([[Record; 4]; Intent::ALL.len()]);

impl Records {
    /// Adds what is recorded of a kind and a tier.
    pub fn add(&mut self, intent: Intent, tier: Tier, more: &Record) {
        let sum = &mut self.0[intent as usize][tier as usize];
        *sum = sum.and(more);
    }

    /// Of all kinds together.
    fn all(&self) -> [Record; 4] {
        let none = [Record::default(); 4];
        self.0.iter().fold(none, |sums, kind| std::array::from_fn(|tier| sums[tier].and(&kind[tier])))
    }
}

/// The verdict after what was recorded. Without records it is the same verdict.
///
/// The chances move by what each tier did, and a tier is chosen by them. The score moves by what the strongest recorded
/// tier gained on the weakest, and puts prompts in an order: those at which the strong model fails as well are not worth
/// sending there.
pub fn corrected(verdict: &Verdict, records: &Records) -> Verdict {
    let all = records.all();
    let kind = &records.0[verdict.intent as usize];
    let general = all.map(|all| shrunk(&all, 0.0, PRIOR_ALL));
    let mut best = 0.0_f64;
    let mut suffices = verdict.suffices;
    for (tier, chance) in suffices.iter_mut().enumerate() {
        let shift = general[tier] + beyond_noise(&kind[tier], general[tier]);
        best = best.max((*chance + shift.clamp(-LARGEST, LARGEST)).clamp(0.0, 1.0));
        *chance = best;
    }
    let mut recorded = (0..4).filter(|tier| all[*tier].outcomes() > 0.0);
    let moved = match (recorded.next(), recorded.next_back()) {
        (Some(weak), Some(strong)) => moved_within_kinds(records, weak, strong, verdict.intent)
            // Each side is known of other kinds only.
            .unwrap_or_else(|| general[strong].clamp(-LARGEST, LARGEST) - general[weak].clamp(-LARGEST, LARGEST)),
        _ => 0.0,
    };
    Verdict { score: (verdict.score + moved).clamp(0.0, 1.0), suffices, ..*verdict }
}

/// By how much the score of a kind of prompt moves; nothing where no kind has a record of both sides. Within kinds, since
/// the two sides may have been asked of different ones.
fn moved_within_kinds(records: &Records, weak: usize, strong: usize, intent: Intent) -> Option<f64> {
    let gain = |kind: &[Record; 4]| Gain::of(&kind[weak], &kind[strong]);
    let gains: Vec<Gain> = records.0.iter().filter_map(gain).collect();
    if gains.is_empty() {
        return None;
    }
    let weights: f64 = gains.iter().map(|gain| 1.0 / gain.variance).sum();
    let average = gains.iter().map(|gain| gain.mean / gain.variance).sum::<f64>() / weights;
    let outcomes: f64 = gains.iter().map(|gain| gain.fewer).sum();
    let general = (average * outcomes / (outcomes + PRIOR_ALL)).clamp(-LARGEST, LARGEST);
    let own = gain(&records.0[intent as usize]).map_or(0.0, |own| own.beyond(average));
    Some(general + apart(&gains, average) * own)
}

/// What the strong tier gained on the weak one at one kind of prompt.
#[derive(Clone, Copy)]
struct Gain {
    /// Share of good ends beyond the expected, of the strong one less the weak one.
    mean: f64,
    /// The square of its standard error, were every outcome the throw of a coin.
    variance: f64,
    /// Outcomes of whichever has fewer.
    fewer: f64,
}

impl Gain {
    /// Nothing unless both have a record of it.
    fn of(weak: &Record, strong: &Record) -> Option<Self> {
        let (one, other) = (weak.outcomes(), strong.outcomes());
        let fewer = one.min(other);
        (fewer >= 1.0).then(|| Self {
            mean: strong.surplus(0.0) / other - weak.surplus(0.0) / one,
            variance: COIN * COIN * (1.0 / one + 1.0 / other),
            fewer,
        })
    }

    /// How far it is from the average by more than chance.
    fn beyond(&self, average: f64) -> f64 {
        let difference = self.mean - average;
        let left = (difference.abs() - ERRORS * self.variance.sqrt()).max(0.0);
        left.copysign(difference) * self.fewer / (self.fewer + PRIOR_GAIN)
    }
}

/// How far kinds are to be told apart, in [0, 1]: by how much their squared distances from the average, each in its
/// standard errors, add up to more than chance lets them (Cochran's Q, 1954: by chance at most one less than there are
/// kinds, with a variance of twice that; less than that where answers are mostly good, since the errors are a coin's).
#[allow(clippy::cast_precision_loss)] // a dozen at most
fn apart(gains: &[Gain], average: f64) -> f64 {
    let by_chance = gains.len() as f64 - 1.0;
    if by_chance < 1.0 {
        return 0.0;
    }
    let q: f64 = gains.iter().map(|gain| (gain.mean - average).powi(2) / gain.variance).sum();
    let deviations = (q - by_chance) / (2.0 * by_chance).sqrt();
    ((deviations - APART_FROM) / (APART_WHOLLY - APART_FROM)).clamp(0.0, 1.0)
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

    const VERDICT: Verdict = Verdict { score: 0.4, suffices: [0.6, 0.7, 0.8, 0.9], intent: Intent::Math };

    fn record(good: f64, bad: f64, expected: f64) -> Record {
        Record { good, bad, expected }
    }

    /// Records of the fast and the premium tier of some kinds.
    fn records(kinds: &[(Intent, Record, Record)]) -> Records {
        let mut records = Records::default();
        for (intent, fast, premium) in kinds {
            records.add(*intent, Tier::Fast, fast);
            records.add(*intent, Tier::Premium, premium);
        }
        records
    }

    fn score(records: &Records, intent: Intent) -> f64 {
        corrected(&Verdict { intent, ..VERDICT }, records).score
    }

    #[test]
    fn nothing_recorded_changes_nothing() {
        assert_eq!(corrected(&VERDICT, &Records::default()), VERDICT);
    }

    #[test]
    fn one_bad_answer_changes_little() {
        let bad = Record::default().with(false, 0.6, 1.0);
        let records = records(&[(Intent::Math, bad, Record::default())]);
        assert!((corrected(&VERDICT, &records).score - VERDICT.score).abs() < 0.05);
        assert!((corrected(&VERDICT, &records).suffices[0] - VERDICT.suffices[0]).abs() < 0.05);
    }

    #[test]
    fn a_cheap_model_that_keeps_failing_raises_the_score_and_keeps_the_order_of_tiers() {
        let records = records(&[(Intent::Math, record(20.0, 80.0, 60.0), record(90.0, 10.0, 90.0))]);
        let after = corrected(&VERDICT, &records);
        assert!(after.score > 0.6 && after.suffices[0] < 0.4, "{after:?}");
        assert!(after.suffices.is_sorted());
    }

    #[test]
    fn a_strong_model_that_fails_as_well_lowers_the_score() {
        let even = record(60.0, 40.0, 60.0);
        let records = records(&[(Intent::Math, even, record(60.0, 40.0, 90.0))]);
        assert!(corrected(&VERDICT, &records).score < 0.3);
    }

    #[test]
    fn kinds_at_which_the_strong_model_gains_more_go_before_those_at_which_it_gains_less() {
        let (half, most, none) = (record(50.0, 50.0, 60.0), record(95.0, 5.0, 80.0), record(50.0, 50.0, 80.0));
        let records = records(&[(Intent::Math, half, most), (Intent::Code, half, none)]);
        let [math, code, other] = [Intent::Math, Intent::Code, Intent::Writing].map(|intent| score(&records, intent));
        // 0.25 and -0.2 around their average, less half a standard error, among a hundred outcomes each.
        let moved = (0.225 - ERRORS * COIN * 0.02_f64.sqrt()) * 100.0 / (100.0 + PRIOR_GAIN);
        assert!((math - other - moved).abs() < 1e-9 && (other - code - moved).abs() < 1e-9, "{math} {other} {code}");
    }

    #[test]
    fn kinds_that_differ_no_more_than_by_chance_are_moved_alike() {
        let fast = record(50.0, 50.0, 60.0);
        let premiums = [82.0, 74.0, 80.0, 76.0].map(|good| record(good, 100.0 - good, 80.0));
        let kinds = [Intent::Math, Intent::Code, Intent::Knowledge, Intent::Logic];
        let recorded: Vec<_> = kinds.into_iter().zip(premiums).map(|(kind, premium)| (kind, fast, premium)).collect();
        let alike = records(&recorded);
        for kind in kinds {
            assert!((score(&alike, kind) - score(&alike, Intent::Writing)).abs() < 1e-12, "{kind:?}");
        }
    }

    #[test]
    fn kinds_are_told_apart_from_a_number_of_deviations_on() {
        // Two kinds a standard error of 0.1 each: both as far from their average, so that Q is twice its square.
        let apart_at = |deviations: f64| {
            let q = 1.0 + deviations * 2.0_f64.sqrt();
            let gain = |sign: f64| Gain { mean: 0.3 + sign * 0.1 * (q / 2.0).sqrt(), variance: 0.01, fewer: 50.0 };
            apart(&[gain(1.0), gain(-1.0)], 0.3)
        };
        for (deviations, wanted) in [(0.0, 0.0), (APART_FROM - 0.01, 0.0), (2.5, 0.5), (APART_WHOLLY, 1.0), (9.0, 1.0)]
        {
            assert!((apart_at(deviations) - wanted).abs() < 1e-9, "{deviations}: {}", apart_at(deviations));
        }
        assert!(apart(&[Gain { mean: 9.0, variance: 0.01, fewer: 50.0 }], 0.0).abs() < 1e-12, "one kind alone");
    }

    #[test]
    fn kinds_that_the_two_sides_were_asked_of_unequally_do_not_count_as_a_gain() {
        // At mathematics both are worse than expected, and it is mostly the strong one that is asked there.
        let worse = |outcomes: f64| record(outcomes * 0.5, outcomes * 0.5, outcomes * 0.75);
        let as_expected = |outcomes: f64| record(outcomes * 0.75, outcomes * 0.25, outcomes * 0.75);
        let records = records(&[
            (Intent::Math, worse(100.0), worse(1000.0)),
            (Intent::Knowledge, as_expected(1000.0), as_expected(100.0)),
        ]);
        for intent in [Intent::Math, Intent::Knowledge, Intent::Writing] {
            assert!((score(&records, intent) - VERDICT.score).abs() < 1e-9, "{intent:?}");
        }
    }

    #[test]
    fn a_kind_of_which_one_side_alone_has_a_record_is_moved_by_all_kinds_only() {
        let (fast, premium) = (record(600.0, 400.0, 600.0), record(900.0, 100.0, 800.0));
        let recorded = [(Intent::Knowledge, fast, premium), (Intent::Code, fast, record(500.0, 500.0, 800.0))];
        let one_side = (Intent::Math, record(10.0, 90.0, 60.0), Record::default());
        let records = records(&[&recorded[..], &[one_side]].concat());
        assert!((score(&records, Intent::Math) - score(&records, Intent::Writing)).abs() < 1e-12);
    }

    #[test]
    fn where_no_kind_has_both_sides_all_kinds_together_count() {
        let records = records(&[
            (Intent::Code, record(20.0, 80.0, 60.0), Record::default()),
            (Intent::Knowledge, Record::default(), record(80.0, 20.0, 80.0)),
        ]);
        let moved = 40.0 / (100.0 + PRIOR_ALL);
        assert!((score(&records, Intent::Math) - VERDICT.score - moved).abs() < 1e-9);
    }

    #[test]
    fn a_record_halves_with_its_age() {
        assert_eq!(record(8.0, 4.0, 6.0).aged(60.0), record(4.0, 2.0, 3.0));
        assert_eq!(record(8.0, 4.0, 6.0).aged(-1.0), record(8.0, 4.0, 6.0));
    }
}
