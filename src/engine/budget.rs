//! What of an attempt fits the money that is left: the whole worst case, one with a smaller output
//! cap, or nothing.

use super::facts::{Money, Question};
use crate::types::{Candidate, Limit, NanoUsd, Timestamp};

/// A smaller output cap than the user would get is never below this, in tokens, neither for money nor for a long
/// prompt …
pub(super) const LEAST_CAP: u64 = 256;
/// … or this for a model that thinks first, whose thinking eats of the same cap.
const LEAST_CAP_REASONING: u64 = 1024;
/// On top of an estimated prompt length, where the byte bound would not fit (contract, section 5).
const ESTIMATE_MARGIN: f64 = 1.15;
/// Thinking beside the output cap, of a model of which neither the longest answer nor the window is known, in tokens.
const UNKNOWN_REASONING: u64 = 32_768;

/// How the day stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetState {
    /// Below the soft cut-off.
    Ok,
    /// Cheaper candidates are preferred.
    Soft,
    /// Only free answers are given.
    Hard,
}

/// How the day stands after so much was spent.
pub fn state(limit: Limit, soft_pct: f64, spent: NanoUsd) -> BudgetState {
    match limit.amount() {
        Some(limit) if spent >= limit => BudgetState::Hard,
        Some(limit) if spent >= limit.percent(soft_pct) => BudgetState::Soft,
        _ => BudgetState::Ok,
    }
}

/// Whether and how an attempt's worst case fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It fits now.
    Now,
    /// It would fit, were it not for what other requests hold.
    AfterOthers,
    /// It fits now with a smaller output cap.
    Reduced,
    /// With a smaller output cap it would fit, were it not for what other requests hold.
    ReducedAfterOthers,
}

/// An output cap with the worst case it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sized {
    /// Whether it fits, and when.
    pub fit: Fit,
    /// The output cap to send.
    pub cap: u64,
    /// The worst case to hold; 0 where no price is known.
    pub hold: NanoUsd,
}

impl Money {
    /// What may be held now.
    pub fn free(&self) -> NanoUsd {
        self.within_request(
            self.limit.amount().map(|limit| limit.saturating_sub(self.spent + self.held)),
            self.cap_held,
        )
    }

    /// What might be held once all other requests have given theirs back unspent.
    fn free_without_others(&self) -> NanoUsd {
        let day = self.limit.amount().map(|limit| limit.saturating_sub(self.spent + self.own_held));
        self.within_request(day, NanoUsd::ZERO)
    }

    fn within_request(&self, day: Option<NanoUsd>, cap_held: NanoUsd) -> NanoUsd {
        let request = self.request_cap.map(|cap| cap.saturating_sub(self.own_spent + self.own_held + cap_held));
        day.unwrap_or(NanoUsd::MAX).min(request.unwrap_or(NanoUsd::MAX))
    }
}

/// The prompt length that a hold is made for.
#[derive(Debug, Clone, Copy)]
enum PromptBound {
    /// No tokenizer makes more of it.
    Bytes,
    /// The estimate with its margin.
    Estimate,
}

/// The worst case of one attempt: its prompt as long as it can be, its answer as long as the cap,
/// all of it at the dearest price it can meet.
fn worst_case(c: &Candidate, q: &Question, bound: PromptBound, cap: u64, from: Timestamp, until: Timestamp) -> NanoUsd {
    let prompt = match bound {
        PromptBound::Bytes => q.most_prompt_tokens(c),
        PromptBound::Estimate => q.prompt_tokens_with_margin(c, ESTIMATE_MARGIN),
    };
    let beside = if c.reasoning_beside_output {
        c.max_output_tokens.or(c.context_tokens).unwrap_or(UNKNOWN_REASONING).max(cap)
    } else {
        0
    };
    let pictures = q.images.iter().map(|_| c.sight.fee).sum();
    c.pricing
        .as_ref()
        .map_or(NanoUsd::ZERO, |p| p.worst_case(from, until, prompt, cap.saturating_add(beside)) + pictures)
}

/// The most an attempt with this cap can cost, by the bound that holds for any tokenizer.
pub fn upper_bound(c: &Candidate, q: &Question, cap: u64, from: Timestamp, until: Timestamp) -> NanoUsd {
    worst_case(c, q, PromptBound::Bytes, cap, from, until)
}

/// The cap and hold of an attempt, or `None` when not even the least answer would ever fit.
pub fn size(c: &Candidate, q: &Question, cap: u64, money: &Money, from: Timestamp, until: Timestamp) -> Option<Sized> {
    let hold_of = |bound, cap| worst_case(c, q, bound, cap, from, until);
    let within = |free: NanoUsd, cap: u64| {
        [PromptBound::Bytes, PromptBound::Estimate]
            .into_iter()
            .map(|bound| hold_of(bound, cap))
            .find(|hold| *hold <= free)
            .map(|hold| (cap, hold))
    };
    let least = least_cap(c, q).min(cap);
    let reduced = |free: NanoUsd| {
        within(free, least)?;
        let cap = largest(least, cap, |cap| within(free, cap).is_some());
        within(free, cap)
    };
    let (now, later) = (money.free(), money.free_without_others());
    let sized = |fit| move |(cap, hold)| Sized { fit, cap, hold };
    within(now, cap)
        .map(sized(Fit::Now))
        .or_else(|| within(later, cap).map(sized(Fit::AfterOthers)))
        .or_else(|| reduced(now).map(sized(Fit::Reduced)))
        .or_else(|| reduced(later).map(sized(Fit::ReducedAfterOthers)))
}

/// The largest output cap up to `most` whose worst case fits now; `None` when not even one token's does.
pub fn largest_cap(
    c: &Candidate,
    q: &Question,
    most: u64,
    money: &Money,
    from: Timestamp,
    until: Timestamp,
) -> Option<u64> {
    let free = money.free();
    // The estimate is the lower one of the two bounds: what fits at all fits by it.
    let fits = |cap| worst_case(c, q, PromptBound::Estimate, cap, from, until) <= free;
    fits(1).then(|| largest(1, most.max(1), fits))
}

/// The smallest output cap that money may force.
fn least_cap(c: &Candidate, q: &Question) -> u64 {
    q.explicit_cap.unwrap_or(if c.reasons { LEAST_CAP_REASONING } else { LEAST_CAP })
}

/// The largest number of a range for which a falling predicate holds, given that it holds for the first.
fn largest(first: u64, last: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (first, last);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::score::tests::{QUESTION, known};
    use crate::types::{Image, ImageKind};

    const T: Timestamp = Timestamp(0);

    pub fn money(limit: i64, spent: i64, held: i64) -> Money {
        Money {
            limit: Limit::Usd(NanoUsd(limit)),
            soft_pct: 95.0,
            spent: NanoUsd(spent),
            held: NanoUsd(held),
            own_held: NanoUsd::ZERO,
            own_spent: NanoUsd::ZERO,
            request_cap: None,
            cap_held: NanoUsd::ZERO,
            hedge_free: NanoUsd::ZERO,
            allow_unpriced: false,
        }
    }

    /// 1 USD per million both ways: 1,000 nano-dollars a token.
    fn at(money: Money, question: Question) -> Option<Sized> {
        size(&known("p", "1", "1").candidate, &question, 8192, &money, T, T)
    }

    #[test]
    fn the_byte_bound_is_held_where_it_fits() {
        let whole = (4000 + 8192) * 1000;
        assert_eq!(at(money(whole, 0, 0), QUESTION), Some(Sized { fit: Fit::Now, cap: 8192, hold: NanoUsd(whole) }));
    }

    #[test]
    fn else_the_estimate_with_its_margin() {
        let whole = (1150 + 8192) * 1000;
        assert_eq!(at(money(whole, 0, 0), QUESTION), Some(Sized { fit: Fit::Now, cap: 8192, hold: NanoUsd(whole) }));
    }

    #[test]
    fn else_it_waits_for_others_and_then_takes_a_smaller_cap() {
        let limit = (1150 + 8192) * 1000;
        assert_eq!(at(money(limit, 0, 1), QUESTION).map(|s| s.fit), Some(Fit::AfterOthers));
        let sized = at(money(limit, 1, 0), QUESTION).unwrap();
        assert_eq!((sized.fit, sized.cap), (Fit::Reduced, 8191));
        assert!(sized.hold.0 < limit);
    }

    #[test]
    fn no_cap_goes_below_its_floor() {
        let least = (1150 + 256) * 1000;
        assert_eq!(at(money(least, 0, 0), QUESTION).map(|s| s.cap), Some(256));
        assert_eq!(at(money(least, 1, 0), QUESTION), None);
        assert_eq!(at(money(least, 0, 1), QUESTION).map(|s| s.fit), Some(Fit::ReducedAfterOthers));
        let explicit = Question { explicit_cap: Some(8192), ..QUESTION };
        assert_eq!(at(money((1150 + 8191) * 1000, 0, 0), explicit), None);
        let mut thinker = (*known("p", "1", "1").candidate).clone();
        thinker.reasons = true;
        assert_eq!(size(&thinker, &QUESTION, 8192, &money((1150 + 1023) * 1000, 0, 0), T, T), None);
    }

    #[test]
    fn what_would_fit_is_found_below_every_floor() {
        let c = known("p", "1", "1").candidate;
        for (limit, held, cap) in [
            ((1150 + 8192) * 1000, 0, Some(8192)),
            ((1150 + 100) * 1000, 0, Some(100)),
            ((1150 + 100) * 1000, 99_000, Some(1)),
            ((1150 + 100) * 1000, 100_000, None),
        ] {
            assert_eq!(largest_cap(&c, &QUESTION, 8192, &money(limit, 0, held), T, T), cap, "{limit} {held}");
        }
    }

    #[test]
    fn a_request_s_own_cap_counts_all_its_attempts() {
        let capped = Money { request_cap: Some(NanoUsd(12_192_000)), ..money(i64::MAX, 0, 0) };
        assert_eq!(at(capped, QUESTION).map(|s| s.fit), Some(Fit::Now));
        let partly = Money { own_spent: NanoUsd(3_000_000), own_held: NanoUsd(1), held: NanoUsd(1), ..capped };
        assert_eq!(at(partly, QUESTION).map(|s| s.fit), Some(Fit::Reduced));
    }

    #[test]
    fn what_is_spent_and_held_is_taken_off_what_is_free() {
        // Limit 1000, spent 100, held 200 of which 50 are its own.
        let day = Money { own_held: NanoUsd(50), own_spent: NanoUsd(30), ..money(1000, 100, 200) };
        assert_eq!((day.free(), day.free_without_others()), (NanoUsd(700), NanoUsd(850)));
        // Its own cap: what it spent and holds, and what others hold of the same cap.
        let capped = Money { request_cap: Some(NanoUsd(200)), cap_held: NanoUsd(20), ..day };
        assert_eq!((capped.free(), capped.free_without_others()), (NanoUsd(100), NanoUsd(120)));
        let tight = Money { request_cap: Some(NanoUsd(10)), ..day };
        assert_eq!(tight.free(), NanoUsd::ZERO);
        assert_eq!(Money { limit: Limit::Off, ..day }.free(), NanoUsd::MAX);
    }

    #[test]
    fn the_largest_cap_is_found_by_halving_and_not_by_counting() {
        let looks = std::cell::Cell::new(0);
        for (first, last, most) in [(1, 1, 1), (1, 8192, 1), (1, 8192, 8192), (256, 8192, 4711), (7, 8, 7), (7, 8, 8)] {
            looks.set(0);
            let found = largest(first, last, |cap| {
                looks.set(looks.get() + 1);
                assert!((first..=last).contains(&cap), "{cap} is not in {first}..={last}");
                cap <= most
            });
            assert_eq!(found, most, "{first}..={last}");
            assert!(looks.get() <= 13, "{} looks at {first}..={last}", looks.get());
        }
    }

    #[test]
    fn the_bound_of_an_attempt_is_its_bytes_and_its_cap_at_their_prices() {
        let c = known("p", "1", "2").candidate;
        assert_eq!(upper_bound(&c, &QUESTION, 100, T, T), NanoUsd(4000 * 1000 + 100 * 2000));
    }

    #[test]
    fn thinking_beside_the_cap_is_held_too() {
        let mut c = (*known("p", "0", "1").candidate).clone();
        c.reasoning_beside_output = true;
        let q = Question { explicit_cap: Some(100), ..QUESTION };
        let sized = size(&c, &q, 100, &money(i64::MAX, 0, 0), T, T).unwrap();
        assert_eq!(sized.hold, NanoUsd((100 + 8192) * 1000));
        c.max_output_tokens = None;
        let sized = size(&c, &q, 100, &money(i64::MAX, 0, 0), T, T).unwrap();
        assert_eq!(sized.hold, NanoUsd((100 + 100_000) * 1000), "no longer than the window");
    }

    #[test]
    fn what_may_be_taken_for_each_picture_is_held_too() {
        let mut c = (*known("p", "0", "1").candidate).clone();
        c.sight.fee = NanoUsd(7);
        let hold = |q: &Question| size(&c, q, 100, &money(i64::MAX, 0, 0), T, T).unwrap().hold;
        assert_eq!(hold(&QUESTION), NanoUsd(100_000));
        let picture = Image { name: "p".into(), kind: ImageKind::Png, width: 1, height: 1, bytes: [0].into() };
        assert_eq!(hold(&Question { images: vec![picture; 3], ..QUESTION }), NanoUsd(100_021));
    }

    #[test]
    fn free_answers_fit_any_limit() {
        let free = known("p", "0", "0").candidate;
        let sized = size(&free, &QUESTION, 8192, &money(0, 5, 5), T, T).unwrap();
        assert_eq!((sized.fit, sized.hold), (Fit::Now, NanoUsd::ZERO));
    }

    #[test]
    fn the_day_s_state_follows_what_is_spent() {
        let limit = Limit::Usd(NanoUsd(100));
        for (spent, expected) in [(94, BudgetState::Ok), (95, BudgetState::Soft), (100, BudgetState::Hard)] {
            assert_eq!(state(limit, 95.0, NanoUsd(spent)), expected, "{spent}");
        }
        assert_eq!(state(Limit::Off, 95.0, NanoUsd::MAX), BudgetState::Ok);
        assert_eq!(state(Limit::Usd(NanoUsd::ZERO), 95.0, NanoUsd::ZERO), BudgetState::Hard);
    }
}
