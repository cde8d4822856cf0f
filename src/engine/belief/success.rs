//! Whether a provider answers: counts of successes and failures that fade, and jump when the weather turns.

use serde::{Deserialize, Serialize};

use crate::engine::math;
use crate::engine::tuning::Tuning;

/// Weights of successes and failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Of successes.
    pub ok: f64,
    /// Of failures.
    pub bad: f64,
}

impl Counts {
    fn scaled(self, by: f64) -> Self {
        Self { ok: self.ok * by, bad: self.bad * by }
    }
}

/// The same tries twice: with a short memory for what is now, and a long one for what is usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Success {
    /// Fades within minutes, and whenever the opposite happens.
    pub recent: Counts,
    /// Fades within hours.
    pub usual: Counts,
}

impl Success {
    /// Both memories with less weight.
    #[must_use]
    pub fn scaled(self, recent: f64, usual: f64) -> Self {
        Self { recent: self.recent.scaled(recent), usual: self.usual.scaled(usual) }
    }

    /// One more answer. Failures before it count less: whatever it was seems over.
    #[must_use]
    pub fn answered(self, tuning: &Tuning) -> Self {
        let faded = self.scaled(tuning.success_keep, tuning.usual_keep);
        let recent = Counts { ok: faded.recent.ok + 1.0, bad: faded.recent.bad * tuning.turn_keep };
        Self { recent, usual: Counts { ok: faded.usual.ok + 1.0, ..faded.usual } }
    }

    /// One more failure, or a part of one. Answers before it count less: an outage may have begun.
    #[must_use]
    pub fn failed(self, weight: f64, tuning: &Tuning) -> Self {
        let faded = self.scaled(math::powf(tuning.success_keep, weight), math::powf(tuning.usual_keep, weight));
        let recent =
            Counts { ok: faded.recent.ok * math::powf(tuning.turn_keep, weight), bad: faded.recent.bad + weight };
        Self { recent, usual: Counts { bad: faded.usual.bad + weight, ..faded.usual } }
    }

    /// The same with news that is not this candidate's own: it counts for now, not for what is usual.
    #[must_use]
    pub fn heard_of_failure(self, weight: f64, tuning: &Tuning) -> Self {
        Self { usual: self.usual, ..self.failed(weight, tuning) }
    }

    /// The likeliest chance to answer now, in [0, 1].
    pub fn mean(&self, tuning: &Tuning) -> f64 {
        let counts = self.posterior(tuning);
        counts.ok / (counts.ok + counts.bad)
    }

    /// The beta distribution of the chance to answer now, as counts of successes and failures.
    pub fn posterior(&self, tuning: &Tuning) -> Counts {
        let hope = tuning.hope_success;
        let weight = self.usual.ok + self.usual.bad + tuning.hope_weight;
        let usual = (self.usual.ok + hope * tuning.hope_weight) / weight;
        let pull = tuning.success_pull;
        Counts { ok: self.recent.ok + pull * usual, bad: self.recent.bad + pull * (1.0 - usual) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(success: &Success) -> f64 {
        let counts = success.posterior(&Tuning::default());
        counts.ok / (counts.ok + counts.bad)
    }

    #[test]
    fn it_begins_with_hope() {
        assert!((chance(&Success::default()) - Tuning::default().hope_success).abs() < 1e-12);
    }

    #[test]
    fn two_failures_after_a_hundred_answers_are_believed_and_one_answer_is_too() {
        let tuning = Tuning::default();
        let mut success = Success::default();
        for _ in 0..100 {
            success = success.answered(&tuning);
        }
        assert!(chance(&success) > 0.98);
        let down = success.failed(1.0, &tuning).failed(1.0, &tuning).failed(1.0, &tuning);
        assert!(chance(&down) < 0.6, "{}", chance(&down));
        assert!(chance(&down.answered(&tuning)) > chance(&down));
    }

    #[test]
    fn failures_long_ago_are_forgiven() {
        let tuning = Tuning::default();
        let mut success = Success::default();
        for _ in 0..50 {
            success = success.failed(1.0, &tuning);
        }
        assert!(chance(&success) < 0.1);
        assert!(chance(&success.scaled(0.0, 1e-6)) > 0.9);
    }

    #[test]
    fn parts_of_a_failure_count_in_part() {
        let tuning = Tuning::default();
        let half = Success::default().failed(0.5, &tuning);
        assert!(chance(&half) < chance(&Success::default()));
        assert!(chance(&half) > chance(&Success::default().failed(1.0, &tuning)));
    }
}
