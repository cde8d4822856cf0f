//! The walk through a plan, as a state machine: whom to ask next, when to wait, when to give up.
//!
//! The router reads fresh facts and makes a fresh plan before every step; this remembers what
//! was tried. It sends nothing, sleeps nothing and reads no clock.

use std::collections::BTreeMap;

use super::budget::Fit;
use super::facts::Done;
use super::plan::{Plan, Ranked, Reason, Refused};
use super::retry;
use crate::types::{Candidate, CandidateId, Failure, FailureClass, Retry, Timestamp};

/// While waiting for money, or after somebody came in between: look again after this long, in milliseconds.
pub const LOOK_AGAIN_MS: i64 = 40;

/// A failure that took longer than this, in milliseconds, has used up the user's patience: another candidate is
/// asked before the same one again. Ten seconds is where people's attention ends (Nielsen, "Usability
/// Engineering", 1993); half of it leaves the other candidate some.
const QUICK_MS: i64 = 5_000;

/// Who waits for a breaker looks again after this long at the latest, in milliseconds: a trial may close it at once.
const LOOK_AT_BREAKER_MS: i64 = 1_000;

/// The bounds of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkRules {
    /// Retries on one candidate.
    pub max_retries: u32,
    /// Attempts in all.
    pub max_attempts: u32,
    /// How long to wait for money that others hold.
    pub budget_wait_ms: i64,
    /// When the whole request must be over.
    pub deadline: Timestamp,
    /// Whether a rest, a limit or a breaker is waited for until the deadline, however long it lasts: nobody sits
    /// before a line of a batch.
    pub patient: bool,
    /// The request's draw, for jitter.
    pub draw: u64,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ask this candidate now.
    Try(Box<Ranked>),
    /// Wait until then, read the facts again and ask again.
    Wait {
        /// Until when.
        until: Timestamp,
        /// What for.
        why: Wait,
    },
    /// Give up.
    End(Ending),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// The pause before a retry of this candidate.
    Backoff(CandidateId),
    /// Money that other requests hold.
    Money,
    /// The end of this candidate's rest.
    Rest(CandidateId, Timestamp),
}

/// Why a request ends without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// No other candidate would help, or none is left that might: this class.
    Refused(FailureClass),
    /// The only candidates left are kept out by money.
    Budget,
    /// Every candidate is rate-limited; the soonest is free again then.
    RateLimited(Option<Timestamp>),
    /// Every candidate refused its key.
    Auth,
    /// Every candidate failed or has an open breaker; the soonest to recover, if one is only waiting.
    Unavailable(Option<(CandidateId, Timestamp)>),
    /// Nobody could be asked at all (tier, retirement).
    NoCandidate,
}

/// What was tried so far.
#[derive(Debug, Clone)]
pub struct Walk {
    rules: WalkRules,
    attempts: u32,
    tries: BTreeMap<CandidateId, u32>,
    /// When each was asked last.
    asked_at: BTreeMap<CandidateId, Timestamp>,
    failures: BTreeMap<CandidateId, FailureClass>,
    done: Done,
    /// Tried again only when nobody else is left.
    later: BTreeMap<CandidateId, Timestamp>,
    /// Retried before anybody else, not before that time.
    again: Option<(CandidateId, Timestamp)>,
    /// The largest window that was too small.
    too_small: Option<u64>,
    /// When waiting for money began.
    waiting_since: Option<Timestamp>,
    stopped: Option<FailureClass>,
}

impl Walk {
    /// A walk that has not begun.
    pub fn new(rules: WalkRules) -> Self {
        Self {
            rules,
            attempts: 0,
            tries: BTreeMap::new(),
            asked_at: BTreeMap::new(),
            failures: BTreeMap::new(),
            done: Done::new(),
            later: BTreeMap::new(),
            again: None,
            too_small: None,
            waiting_since: None,
            stopped: None,
        }
    }

    /// The candidates that need not be planned with any more.
    pub fn done(&self) -> &Done {
        &self.done
    }

    /// How often a candidate was asked.
    pub fn tries(&self, id: &CandidateId) -> u32 {
        self.tries.get(id).copied().unwrap_or(0)
    }

    /// How many attempts were made.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The next step by a plan made just now.
    pub fn next(&mut self, plan: &Plan, now: Timestamp) -> Step {
        if let Some(class) = self.stopped {
            return Step::End(Ending::Refused(class));
        }
        if self.attempts >= self.rules.max_attempts || now >= self.rules.deadline {
            return Step::End(self.ending(plan));
        }
        if let Some(step) = self.retry_here(plan, now) {
            return step;
        }
        self.first(plan, now, false)
            .or_else(|| self.first(plan, now, true))
            .or_else(|| self.wait_for_rest(plan, now))
            .or_else(|| self.wait_for_breaker(plan, now))
            .unwrap_or_else(|| Step::End(self.ending(plan)))
    }

    /// Up to `n` candidates to ask side by side now, the best first; nobody where [`Walk::next`] would end.
    pub fn side_by_side(&self, plan: &Plan, n: usize, now: Timestamp) -> Vec<Ranked> {
        if self.stopped.is_some() || now >= self.rules.deadline {
            return Vec::new();
        }
        let left = usize::try_from(self.rules.max_attempts.saturating_sub(self.attempts)).unwrap_or(usize::MAX);
        plan.order.iter().filter(|r| r.sized.fit == Fit::Now && self.may_ask(r)).take(n.min(left)).cloned().collect()
    }

    /// An attempt is being made.
    pub fn begin(&mut self, id: &CandidateId, now: Timestamp) {
        self.attempts += 1;
        self.asked_at.insert(id.clone(), now);
        *self.tries.entry(id.clone()).or_default() += 1;
        self.again = None;
        self.waiting_since = None;
    }

    /// The attempt failed.
    pub fn failed(&mut self, candidate: &Candidate, failure: &Failure, now: Timestamp) {
        let id = &candidate.id;
        self.failures.insert(id.clone(), failure.class);
        if !failure.class.tries_next() {
            self.stopped = Some(failure.class);
            return;
        }
        if failure.class == FailureClass::ContextOverflow {
            self.too_small = self.too_small.max(candidate.context_tokens);
        }
        let tries = self.tries(id);
        let retry_left = tries <= self.rules.max_retries;
        let wait = retry::wait_ms(tries.saturating_sub(1), self.rules.draw, failure.retry_after_ms);
        let took = self.asked_at.get(id).map_or(0, |asked_at| now.since_ms(*asked_at));
        match failure.class.retry() {
            Retry::Here if retry_left && wait <= retry::PATIENCE_MS => {
                let not_before = now.after_ms(wait);
                match took <= QUICK_MS {
                    true => self.again = Some((id.clone(), not_before)),
                    false => _ = self.later.insert(id.clone(), not_before),
                }
            }
            // Its rest says how long it is left alone.
            Retry::LastResort if retry_left || self.rules.patient => _ = self.later.insert(id.clone(), now),
            _ => _ = self.done.insert(id.clone()),
        }
    }

    /// The same candidate is asked again at once, without the request field that it refused.
    pub fn mended(&mut self, id: &CandidateId, now: Timestamp) {
        self.failures.insert(id.clone(), FailureClass::InvalidRequest);
        self.again = Some((id.clone(), now));
    }

    /// The same candidate is asked again at once, because what it answered will not do.
    pub fn once_more(&mut self, id: &CandidateId, now: Timestamp) {
        self.again = Some((id.clone(), now));
    }

    /// No more retries of this one: side by side every candidate gets one attempt.
    pub fn give_up_on(&mut self, id: &CandidateId) {
        self.again = None;
        self.later.remove(id);
        self.done.insert(id.clone());
    }

    fn retry_here(&mut self, plan: &Plan, now: Timestamp) -> Option<Step> {
        let (id, not_before) = self.again.clone()?;
        let Some(ranked) = plan.order.iter().find(|r| r.candidate.id == id) else {
            // Its breaker opened, or its money is gone: on to the next.
            self.again = None;
            if self.failures.contains_key(&id) {
                self.done.insert(id);
            }
            return None;
        };
        if now < not_before {
            return Some(Step::Wait { until: not_before.min(self.rules.deadline), why: Wait::Backoff(id) });
        }
        matches!(ranked.sized.fit, Fit::Now | Fit::Reduced).then(|| Step::Try(Box::new(ranked.clone())))
    }

    fn may_ask(&self, ranked: &Ranked) -> bool {
        let large_enough = match (self.too_small, ranked.candidate.context_tokens) {
            (Some(too_small), Some(window)) => window > too_small,
            _ => true,
        };
        large_enough && !self.done.contains(&ranked.candidate.id)
    }

    /// The first that fits, or the wait for money that one needs; of those that were put off, or of the others.
    fn first(&mut self, plan: &Plan, now: Timestamp, put_off: bool) -> Option<Step> {
        for fit in [Fit::Now, Fit::AfterOthers, Fit::Reduced, Fit::ReducedAfterOthers] {
            let fits = |r: &&Ranked| r.sized.fit == fit && self.later.contains_key(&r.candidate.id) == put_off;
            let Some(ranked) = plan.order.iter().filter(fits).find(|r| self.may_ask(r)) else { continue };
            match fit {
                Fit::Now | Fit::Reduced => return Some(self.ask_or_wait(ranked, now)),
                Fit::AfterOthers | Fit::ReducedAfterOthers => {
                    if let Some(wait) = self.wait_for_money(now) {
                        return Some(wait);
                    }
                }
            }
        }
        None
    }

    /// Asks it now, unless it was put off until later and its pause is not over.
    fn ask_or_wait(&self, ranked: &Ranked, now: Timestamp) -> Step {
        let id = &ranked.candidate.id;
        match self.later.get(id) {
            Some(not_before) if now < *not_before => {
                Step::Wait { until: (*not_before).min(self.rules.deadline), why: Wait::Backoff(id.clone()) }
            }
            _ => Step::Try(Box::new(ranked.clone())),
        }
    }

    fn wait_for_money(&mut self, now: Timestamp) -> Option<Step> {
        let since = *self.waiting_since.get_or_insert(now);
        let until = since.plus_ms(self.rules.budget_wait_ms).min(self.rules.deadline);
        (now < until).then(|| Step::Wait { until: now.plus_ms(LOOK_AGAIN_MS).min(until), why: Wait::Money })
    }

    /// Nobody can be asked now, but a rest ends soon: for a candidate with retries left, it is waited for.
    fn wait_for_rest(&self, plan: &Plan, now: Timestamp) -> Option<Step> {
        let patience = match self.rules.patient {
            true => self.rules.deadline,
            false => now.plus_ms(i64::try_from(retry::PATIENCE_MS).unwrap_or(0)).min(self.rules.deadline),
        };
        let has_retries = |id: &CandidateId| self.rules.patient || self.tries(id) <= self.rules.max_retries;
        let (id, until) = resting(plan).filter(|(id, _)| has_retries(id)).min_by_key(|r| r.1)?;
        (until <= patience).then(|| Step::Wait { until, why: Wait::Rest(id.clone(), until) })
    }

    /// Nobody can be asked now, but a breaker will close again: for who has the time, it is waited for.
    fn wait_for_breaker(&self, plan: &Plan, now: Timestamp) -> Option<Step> {
        let open = plan.refused.iter().filter_map(|r| match r.reason {
            Reason::BreakerOpen { until } => Some((&r.id, until)),
            _ => None,
        });
        let (id, opens) = open.filter(|(id, _)| self.rules.patient && !self.done.contains(id)).min_by_key(|r| r.1)?;
        let until = opens.min(now.plus_ms(LOOK_AT_BREAKER_MS)).min(self.rules.deadline);
        Some(Step::Wait { until, why: Wait::Rest(id.clone(), opens) })
    }

    /// What the end means, by how each candidate failed and why the others could not be asked.
    fn ending(&self, plan: &Plan) -> Ending {
        if self.kept_out_by_money(plan) {
            return Ending::Budget;
        }
        let mut classes: BTreeMap<&CandidateId, Option<FailureClass>> =
            self.left(plan).map(|r| (&r.id, class_of(&r.reason))).collect();
        // Whoever might still be asked, had the time or the attempts not run out.
        classes.extend(plan.order.iter().filter(|r| self.may_ask(r)).map(|r| (&r.candidate.id, None)));
        classes.extend(self.failures.iter().map(|(id, class)| (id, Some(*class))));
        let all = |these: &[FailureClass]| classes.values().all(|c| c.is_some_and(|class| these.contains(&class)));
        if classes.is_empty() {
            Ending::NoCandidate
        } else if all(&[FailureClass::RateLimited]) {
            Ending::RateLimited(resting(plan).map(|(_, until)| until).min())
        } else if all(&[FailureClass::Auth, FailureClass::Forbidden]) {
            Ending::Auth
        } else if all(&[FailureClass::ModelNotFound, FailureClass::ContextOverflow, FailureClass::InvalidRequest]) {
            let last = self.failures.values().next_back().copied();
            Ending::Refused(last.unwrap_or(FailureClass::ContextOverflow))
        } else {
            Ending::Unavailable(soonest(plan))
        }
    }

    /// Whether nobody is left who might be asked, or asked again, but for want of money.
    fn kept_out_by_money(&self, plan: &Plan) -> bool {
        let waiting = plan.order.iter().filter(|r| self.may_ask(r));
        let mut left = waiting
            .map(|r| matches!(r.sized.fit, Fit::AfterOthers | Fit::ReducedAfterOthers))
            .chain(self.left(plan).map(|r| r.reason.is_money()))
            .peekable();
        left.peek().is_some() && left.all(|by_money| by_money)
    }

    /// Those refused for now, not for good.
    fn left<'p>(&self, plan: &'p Plan) -> impl Iterator<Item = &'p Refused> {
        plan.refused.iter().filter(|r| !self.done.contains(&r.id) && !is_barred(&r.reason))
    }
}

/// Refused before money, breaker or rest mattered.
fn is_barred(reason: &Reason) -> bool {
    matches!(reason, Reason::Retired { .. } | Reason::Tier { .. } | Reason::Blind | Reason::Pictures(_))
}

fn class_of(reason: &Reason) -> Option<FailureClass> {
    match reason {
        Reason::Resting { class, .. } | Reason::Failed(class) => Some(*class),
        Reason::Limited(_) => Some(FailureClass::RateLimited),
        Reason::Window { .. } => Some(FailureClass::ContextOverflow),
        _ => None,
    }
}

fn resting(plan: &Plan) -> impl Iterator<Item = (&CandidateId, Timestamp)> {
    plan.refused.iter().filter_map(|r| match r.reason {
        Reason::Resting { until, .. } => Some((&r.id, until)),
        Reason::Limited(full) => Some((&r.id, full.until)),
        _ => None,
    })
}

fn soonest(plan: &Plan) -> Option<(CandidateId, Timestamp)> {
    let waits = plan.refused.iter().filter_map(|r| match r.reason {
        Reason::Resting { until, .. } | Reason::BreakerOpen { until } => Some((r.id.clone(), until)),
        Reason::Limited(full) => Some((r.id.clone(), full.until)),
        _ => None,
    });
    waits.min_by_key(|(_, until)| *until)
}

#[cfg(test)]
mod tests;
