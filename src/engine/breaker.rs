//! The circuit breaker of one provider, as a value: what it admits, and what comes after an outcome.
//!
//! The row lives in the database and is shared by every process; the store applies these functions
//! inside its transactions.

use crate::types::Timestamp;

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerRules {
    /// So many failures in a row open it.
    pub threshold: u32,
    /// How long it stays open, in seconds.
    pub open_secs: f64,
}

/// The recorded state of one provider's breaker. The default is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row that were the provider's fault.
    pub failures: u32,
    /// Set while it is open or half open: until then nobody gets through.
    pub open_until: Option<Timestamp>,
    /// Set while one process has the trial: until then nobody else gets one.
    pub trial_until: Option<Timestamp>,
}

/// What a breaker's row means at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// Nothing passes.
    Open,
    /// The time is up: one trial passes.
    HalfOpen,
}

impl Breaker {
    /// What the row means now.
    pub fn state(&self, now: Timestamp) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Whether a request would pass now: closed, or half open with the trial still to be had.
    pub fn admits(&self, now: Timestamp) -> bool {
        match self.state(now) {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => self.trial_until.is_none_or(|until| now >= until),
        }
    }

    /// When a request may pass next, if none does now.
    pub fn opens_again_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.admits(now) {
            return None;
        }
        self.open_until.max(self.trial_until)
    }

    /// The row after a request was let through: half open, it takes the trial until `lease_until`.
    /// `None` when it does not pass.
    #[must_use]
    pub fn pass(self, now: Timestamp, lease_until: Timestamp) -> Option<Self> {
        match self.state(now) {
            _ if !self.admits(now) => None,
            BreakerState::HalfOpen => Some(Self { trial_until: Some(lease_until), ..self }),
            _ => Some(self),
        }
    }

    /// The row after a success. One that ends while the breaker is open began before it opened, and says nothing
    /// about now; unless it is the trial, and the clock was set back meanwhile.
    #[must_use]
    pub fn after_success(self, now: Timestamp) -> Self {
        match self.state(now) {
            BreakerState::Open if self.trial_until.is_none() => self,
            _ => Self::default(),
        }
    }

    /// The row after a failure that was the provider's fault.
    #[must_use]
    pub fn after_failure(self, now: Timestamp, rules: &BreakerRules) -> Self {
        let failures = self.failures.saturating_add(1);
        match self.state(now) {
            BreakerState::Open if self.trial_until.is_none() => self,
            BreakerState::Closed if failures < rules.threshold => Self { failures, ..self },
            _ => Self { failures, open_until: Some(now.plus_secs(rules.open_secs)), trial_until: None },
        }
    }

    /// The row after an attempt that says nothing about the provider (the caller's fault, a 429):
    /// a trial it held is given back.
    #[must_use]
    pub fn after_neutral(self) -> Self {
        Self { trial_until: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: BreakerRules = BreakerRules { threshold: 3, open_secs: 60.0 };

    fn at(secs: i64) -> Timestamp {
        Timestamp(secs * 1000)
    }

    fn failed(times: i64) -> Breaker {
        (0..times).fold(Breaker::default(), |b, i| b.after_failure(at(i), &RULES))
    }

    #[test]
    fn three_failures_in_a_row_open_it() {
        assert!(failed(2).admits(at(2)));
        assert_eq!(failed(3).state(at(3)), BreakerState::Open);
        assert!(!failed(3).admits(at(61)));
        let mended = failed(2).after_success(at(2)).after_failure(at(3), &RULES);
        assert_eq!(mended.state(at(4)), BreakerState::Closed);
    }

    #[test]
    fn after_a_minute_exactly_one_gets_a_trial() {
        let half_open = failed(3);
        assert_eq!(half_open.state(at(62)), BreakerState::HalfOpen);
        let leased = half_open.pass(at(62), at(100)).unwrap();
        assert_eq!(leased.pass(at(63), at(101)), None);
        assert_eq!(leased.opens_again_at(at(63)), Some(at(100)));
        assert!(leased.pass(at(100), at(140)).is_some(), "a dead trial does not block");
    }

    #[test]
    fn the_trial_decides() {
        let leased = failed(3).pass(at(62), at(100)).unwrap();
        assert_eq!(leased.after_success(at(63)), Breaker::default());
        let reopened = leased.after_failure(at(63), &RULES);
        assert_eq!(reopened.open_until, Some(at(123)));
        let given_back = leased.after_neutral();
        assert!(given_back.admits(at(64)));
        assert_eq!(
            (given_back.failures, given_back.state(at(64))),
            (3, BreakerState::HalfOpen),
            "it says nothing else"
        );
    }

    #[test]
    fn the_trial_decides_also_by_a_clock_that_was_set_back() {
        let leased = failed(3).pass(at(62), at(100)).unwrap();
        assert_eq!(leased.state(at(30)), BreakerState::Open);
        assert_eq!(leased.after_success(at(30)), Breaker::default());
        assert_eq!(leased.after_failure(at(30), &RULES).open_until, Some(at(90)));
    }

    #[test]
    fn what_ends_while_it_is_open_changes_nothing() {
        let open = failed(3);
        assert_eq!(open.after_success(at(10)), open);
        assert_eq!(open.after_failure(at(10), &RULES), open);
    }
}
