//! Reads what a plan is made from.

use std::sync::Arc;

use serde::Serialize;

use crate::engine::belief::distance;
use crate::engine::budget::{self, BudgetState};
use crate::engine::facts::{Facts, Known, Money, Policy, Rest};
use crate::engine::math;
use crate::engine::rate::Metered;
use crate::error::Result;
use crate::router::{Job, Purse, Router};
use crate::store::OpenTry;
use crate::types::{CandidateId, Limit, NanoUsd, RateLimit, RequestId, Strategy, Timestamp};

/// The day's money, as reports show it.
#[derive(Debug, Clone, Serialize)]
pub struct Day {
    /// The day's limit; null when there is none.
    pub limit_usd: Option<NanoUsd>,
    /// Settled today.
    pub spent_usd: NanoUsd,
    /// Held for attempts under way.
    pub held_usd: NanoUsd,
    /// What may still be spent or held; null when there is no limit.
    pub remaining_usd: Option<NanoUsd>,
    /// The spent share of the limit, in percent; 0 when there is none.
    pub used_pct: f64,
    /// Below, between or above the cut-offs.
    pub state: BudgetState,
    /// Requests of today.
    pub requests: u64,
    /// Today, UTC.
    pub day: crate::types::Day,
    /// When the next day begins.
    pub resets_at: Timestamp,
}

impl Day {
    /// From the sums of the day.
    pub fn of(limit: Limit, soft_pct: f64, sums: &crate::store::Facts) -> Self {
        let limit_usd = limit.amount();
        Self {
            limit_usd,
            spent_usd: sums.spent,
            held_usd: sums.held,
            remaining_usd: limit_usd.map(|l| l.saturating_sub(sums.spent + sums.held)),
            used_pct: limit_usd.map_or(0.0, |l| share(sums.spent, l)),
            state: budget::state(limit, soft_pct, sums.spent),
            requests: sums.requests,
            day: sums.day,
            resets_at: sums.day.plus(1).start(),
        }
    }
}

/// In percent, two decimals; all of nothing is 100.
fn share(spent: NanoUsd, limit: NanoUsd) -> f64 {
    if limit == NanoUsd::ZERO {
        return 100.0;
    }
    (spent.as_usd() / limit.as_usd() * 1e4).round() / 1e2
}

impl Router<'_> {
    /// The facts as they are now. `own_spent` is what this request's attempts cost so far.
    pub(super) fn facts(&self, job: &Job, request: RequestId, draw: u64, own_spent: NanoUsd) -> Result<Facts> {
        let now = self.host.now();
        let recorded = self.store.facts(now)?;
        let mut known = Vec::with_capacity(job.selected.targets.len());
        let beliefs = self.store.beliefs(job.selected.targets.iter().map(|target| &target.candidate.id))?;
        for (target, belief) in job.selected.targets.iter().zip(beliefs) {
            let id = &target.candidate.id;
            known.push(Known {
                group: target.group,
                breaker: recorded.breakers.get(&id.provider).copied().unwrap_or_default(),
                rest: rest_of(&recorded, id, now),
                belief,
                open_s: open_s(&recorded.open, id, request, now),
                rate: target.rate.map(|limit| self.metered(limit, &id.provider, now)).transpose()?,
                ..Known::new(Arc::clone(&target.candidate))
            });
        }
        let settings = &self.config.settings;
        let own_held = recorded.held_by.get(&request).copied().unwrap_or_default();
        // A purse is the cap of all its requests together: what they have cost counts as this one's own.
        let purse = self.purse.as_deref();
        Ok(Facts {
            now,
            request,
            draw,
            known,
            barred: job.selected.barred.clone(),
            money: Money {
                // As it is now: somebody may have set another one since this request began.
                limit: settings.limit(recorded.limit_set).0,
                soft_pct: settings.soft_pct,
                spent: recorded.spent,
                held: recorded.held,
                own_held,
                own_spent: purse.map_or(own_spent, Purse::spent),
                request_cap: purse.map(Purse::cap).or(job.request.max_cost),
                hedge_free: match job.request.hedge {
                    true => settings.hedge_daily.saturating_sub(self.store.hedged(recorded.day)?),
                    false => NanoUsd::ZERO,
                },
                cap_held: purse.map_or(NanoUsd::ZERO, |purse| purse.held().saturating_sub(own_held)),
                allow_unpriced: job.request.allow_unpriced,
            },
            question: job.question.clone(),
            policy: Policy {
                strategy: match job.request.cascade {
                    Some(_) => Strategy::Cheapest,
                    None => job.request.strategy,
                },
                weights: job.request.weights,
                tier: job.request.selection.tier,
                attempt_ms: i64::try_from(job.request.timeout_ms).unwrap_or(i64::MAX),
            },
        })
    }

    fn metered(&self, limit: RateLimit, provider: &str, now: Timestamp) -> Result<Metered> {
        Ok(Metered { limit, slices: self.store.rate(provider, now)? })
    }

    /// The day's money now.
    pub fn day(&self) -> Result<Day> {
        let sums = self.store.facts(self.host.now())?;
        Ok(Day::of(self.limit, self.config.settings.soft_pct, &sums))
    }
}

/// For how many seconds other requests have been waiting for this candidate, long answers counted as usual ones.
fn open_s(open: &[OpenTry], id: &CandidateId, own: RequestId, now: Timestamp) -> Vec<f64> {
    let of_others = open.iter().filter(|open| open.candidate == *id && open.request != own);
    let waited = of_others.map(|open| {
        #[allow(clippy::cast_precision_loss)]
        let tokens = open.expected_tokens.unwrap_or_default() as f64;
        // An answer is late when it would be though it were far longer than expected: lengths vary more than speeds.
        Timestamp(now.since_ms(open.at)).as_secs() / math::exp(distance(tokens * LONG))
    });
    waited.filter(|waited| (0.0..LOST_S).contains(waited)).collect()
}

/// So many times as long as expected nearly every answer is at most.
const LONG: f64 = 4.0;
/// Of a try that is open for so many seconds nobody knows whether anybody waits for it still.
const LOST_S: f64 = 300.0;

/// The rest that concerns a candidate, its own or its provider's: one that is kept before one that is not, then the
/// longest.
fn rest_of(recorded: &crate::store::Facts, id: &CandidateId, now: Timestamp) -> Option<Rest> {
    let concerns = |r: &&crate::store::Rest| {
        r.provider == id.provider && r.model.as_ref().is_none_or(|m| *m == id.model) && now < r.until
    };
    let longest = recorded.rests.iter().filter(concerns).max_by_key(|r| (r.class.rest_is_kept(), r.until))?;
    Some(Rest { until: longest.until, class: longest.class })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;
    use crate::store;
    use crate::types::{FailureClass, Timestamp};

    fn sums() -> store::Facts {
        store::Facts {
            day: crate::types::Day::of(2026, 11, 21),
            spent: NanoUsd(1_000_000_000),
            held: NanoUsd(500_000_000),
            held_by: BTreeMap::new(),
            requests: 7,
            limit_set: None,
            breakers: HashMap::new(),
            rests: Vec::new(),
            open: Vec::new(),
        }
    }

    #[test]
    fn a_day_tells_what_is_left_and_the_share_that_is_spent() {
        for (limit, remaining, pct) in [
            (Limit::Off, None, 0.0),
            (Limit::Usd(NanoUsd(3_000_000_000)), Some(NanoUsd(1_500_000_000)), 33.33),
            (Limit::Usd(NanoUsd(800_000_000)), Some(NanoUsd::ZERO), 125.0),
            (Limit::Usd(NanoUsd::ZERO), Some(NanoUsd::ZERO), 100.0),
        ] {
            let day = Day::of(limit, 95.0, &sums());
            assert_eq!((day.remaining_usd, day.used_pct), (remaining, pct), "{limit:?}");
        }
    }

    #[test]
    fn a_candidate_rests_with_its_model_or_its_provider_the_one_that_is_kept_first() {
        use FailureClass::{Auth, RateLimited};
        let now = Timestamp(1000);
        let rest = |provider: &str, model: Option<&str>, until, class| store::Rest {
            provider: provider.into(),
            model: model.map(str::to_owned),
            until: Timestamp(until),
            class,
        };
        for (rests, expected) in [
            (vec![], None),
            (vec![rest("a", Some("m"), 1001, RateLimited)], Some((1001, RateLimited))),
            (vec![rest("a", None, 1001, Auth)], Some((1001, Auth))),
            (vec![rest("a", Some("other"), 1001, RateLimited)], None),
            (vec![rest("b", Some("m"), 1001, RateLimited), rest("b", None, 1001, Auth)], None),
            (vec![rest("a", Some("m"), 1000, RateLimited), rest("a", None, 999, Auth)], None),
            (vec![rest("a", None, 3000, Auth), rest("a", Some("m"), 2000, RateLimited)], Some((2000, RateLimited))),
            (vec![rest("a", None, 2000, Auth), rest("a", None, 3000, Auth)], Some((3000, Auth))),
        ] {
            let recorded = store::Facts { rests: rests.clone(), ..sums() };
            let found = rest_of(&recorded, &CandidateId::new("a", "m"), now).map(|rest| (rest.until.0, rest.class));
            assert_eq!(found, expected, "{rests:?}");
        }
    }
}
