//! What is believed of one candidate: whether it answers, how fast, how well, and what it costs in truth.
//!
//! A handful of sums and the time they are of: a row of a database. They fade as they age, the short memory back to
//! what is usual of this candidate, the long one back to a hopeful prior.

mod length;
mod success;
mod sums;

use serde::{Deserialize, Serialize};

pub use length::{FIRST_TOKENS, Length, USUAL_TOKENS, distance};
pub use success::{Counts, Success};
pub use sums::{Assumed, Posterior, Sums, Track};

use super::math;
use super::tuning::Tuning;

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A whole answer came.
    Answered,
    /// It failed by the provider's own fault.
    Failed,
    /// It was cut: nothing had come for as long as it was given.
    Cut,
    /// It was late, and given up because another one was faster.
    Late,
    /// The provider asked for fewer requests (a 429).
    Limited,
    /// It says nothing about the provider.
    Nothing,
}

/// One try that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// How.
    pub verdict: Verdict,
    /// Sending to the first token in seconds, where the answer was streamed.
    pub first_s: Option<f64>,
    /// Sending to the end in seconds, if known; the whole time of an answer whose first token nobody saw is taken as
    /// that of its tokens, if they are known.
    pub total_s: Option<f64>,
    /// Tokens written; 0: not known.
    pub tokens: f64,
    /// How good the answer was, in [0, 1], if anybody said so.
    pub quality: Option<f64>,
    /// What it was expected to cost and what it did, in USD.
    pub cost: Option<(f64, f64)>,
}

/// What is believed of an answer's times: logarithms of seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// Until the first token.
    pub first: Posterior,
    /// Until the end.
    pub whole: Posterior,
}

/// What is believed of one candidate. The default is: nothing seen yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Belief {
    /// When the sums were last faded, in seconds.
    pub as_of: f64,
    /// Whether it answers.
    pub success: Success,
    /// Logarithms of the time to the first token in seconds.
    pub first: Track,
    /// Logarithms of the time per token in seconds.
    pub pace: Track,
    /// Logarithms of the whole time in seconds, of answers whose first token nobody saw.
    pub whole: Track,
    /// Tokens of answers, thinking included.
    pub written: Sums,
    /// How long failed tries took, in seconds.
    pub failing: Sums,
    /// How good answers were.
    pub quality: Sums,
    /// Logarithms of true cost / expected cost.
    pub dearness: Sums,
}

impl Belief {
    /// The sums as they count at `now`. Where the clock was set back by more than two clocks of one machine are ever apart,
    /// nobody knows how old they are: what was recent is over.
    #[must_use]
    pub fn faded(self, now: f64, tuning: &Tuning) -> Self {
        if self.as_of > now + SLACK_S {
            let success = self.success.scaled(0.0, 1.0);
            return Self { as_of: now, success, failing: Sums::default(), ..self };
        }
        let idle = (now - self.as_of).max(0.0);
        let by = |half_life: f64| math::exp2(-idle / half_life);
        let (recent, usual) = (by(tuning.pace_half_life_s), by(tuning.usual_half_life_s));
        Self {
            as_of: self.as_of.max(now),
            success: self.success.scaled(by(tuning.success_half_life_s), usual),
            first: self.first.scaled(recent, usual),
            pace: self.pace.scaled(recent, usual),
            whole: self.whole.scaled(recent, usual),
            written: self.written.scaled(usual),
            failing: self.failing.scaled(recent),
            quality: self.quality.scaled(usual),
            dearness: self.dearness.scaled(usual),
        }
    }

    /// Takes in a try that ended at `at` (seconds).
    pub fn observe(&mut self, at: f64, seen: &Seen, tuning: &Tuning) {
        *self = self.faded(at, tuning);
        match seen.verdict {
            Verdict::Answered => self.answered(seen, tuning),
            Verdict::Failed => self.failed(seen, 1.0, tuning),
            Verdict::Cut => self.cut(seen, tuning),
            Verdict::Late => self.slower(seen, tuning),
            Verdict::Limited => self.failed(seen, tuning.limited_weight, tuning),
            Verdict::Nothing => {}
        }
    }

    /// Takes in that another candidate, of the same house, failed at `at`.
    pub fn hear_of_failure(&mut self, at: f64, tuning: &Tuning) {
        *self = self.faded(at, tuning);
        self.success = self.success.heard_of_failure(tuning.group_weight, tuning);
    }

    /// The whole time of an answer of so many tokens; see [`Self::times`].
    pub fn time(&self, tokens: f64, slope: f64, assumed: &Assumed, tuning: &Tuning) -> Posterior {
        self.times(tokens, slope, assumed, tuning).whole
    }

    /// The times of an answer of so many tokens, where the whole of a usual answer is assumed to take that long. `slope` is
    /// how much the logarithm of a whole time grows with that of the tokens, from 0 (length does not matter) to 1.
    pub fn times(&self, tokens: f64, slope: f64, assumed: &Assumed, tuning: &Tuning) -> Times {
        let share = const { math::ln(FIRST_TOKENS / (USUAL_TOKENS + FIRST_TOKENS)) };
        let first = self.first.posterior(&Assumed { mean: assumed.mean + share, ..*assumed }, tuning.pace_pull);
        if self.first.usual.weight <= self.whole.usual.weight || self.pace.usual.weight <= 0.0 {
            let whole = self.whole.posterior(assumed, tuning.pace_pull);
            return Times { first, whole: Posterior { mean: whole.mean + distance(tokens) * slope, ..whole } };
        }
        let all = const { math::ln(USUAL_TOKENS + FIRST_TOKENS) };
        let pace = self.pace.posterior(&Assumed { mean: assumed.mean - all, ..*assumed }, tuning.pace_pull);
        Times { first, whole: joined(&first, &pace, tokens) }
    }

    /// Takes in what somebody said of an answer's quality, in [0, 1]; a weight below 0 takes such a word back.
    pub fn rated(&mut self, at: f64, quality: f64, weight: f64, tuning: &Tuning) {
        *self = self.faded(at, tuning);
        let kept = if weight > 0.0 { tuning.usual_keep } else { 1.0 };
        let quality = self.quality.scaled(kept).with(quality, weight);
        self.quality = if quality.weight > 0.0 { quality } else { Sums::default() };
    }

    fn answered(&mut self, seen: &Seen, tuning: &Tuning) {
        self.success = self.success.answered(tuning);
        self.timed(seen, tuning);
        if seen.tokens > 0.0 {
            self.written = self.written.scaled(tuning.pace_keep).with(seen.tokens, 1.0);
        }
        if let Some(quality) = seen.quality.filter(|q| q.is_finite()) {
            self.rated(self.as_of, quality, 1.0, tuning);
        }
        if let Some((expected, real)) = seen.cost.filter(|(expected, real)| *expected > 0.0 && *real > 0.0) {
            self.dearness = self.dearness.scaled(tuning.usual_keep).with(math::ln(real / expected), 1.0);
        }
    }

    fn timed(&mut self, seen: &Seen, tuning: &Tuning) {
        let Some(total) = seen.total_s.filter(|s| s.is_finite()) else { return };
        let add = |track: Track, s: f64| {
            track.scaled(tuning.pace_keep, tuning.usual_keep).with(math::ln(s.max(LEAST_S)), 1.0)
        };
        match seen.first_s {
            Some(first) if seen.tokens > 0.0 => {
                self.first = add(self.first, first);
                self.pace = add(self.pace, (total - first).max(LEAST_S) / seen.tokens);
            }
            _ => self.whole = add(self.whole, total / math::exp(distance(seen.tokens))),
        }
    }

    fn failed(&mut self, seen: &Seen, weight: f64, tuning: &Tuning) {
        self.success = self.success.failed(weight, tuning);
        if let Some(s) = seen.total_s.filter(|s| s.is_finite()) {
            self.failing = self.failing.scaled(tuning.failing_keep).with(s, 1.0);
        }
    }

    /// A cut try fails, and it would have taken longer still: a slow provider must not be cut for ever.
    fn cut(&mut self, seen: &Seen, tuning: &Tuning) {
        self.failed(seen, 1.0, tuning);
        self.slower(seen, tuning);
    }

    /// It would have taken longer than it was waited for.
    fn slower(&mut self, seen: &Seen, tuning: &Tuning) {
        if let Some(s) = seen.total_s.filter(|s| s.is_finite() && *s > LEAST_S) {
            let track =
                if self.first.usual.weight > self.whole.usual.weight { &mut self.first } else { &mut self.whole };
            *track = track.with(math::ln(s * tuning.cut_stretch), tuning.cut_weight);
        }
    }
}

/// The time to the first token and that of all tokens together, as one logarithm. The relative errors add up
/// by the share that each has of the whole (the first term of the series).
fn joined(first: &Posterior, pace: &Posterior, tokens: f64) -> Posterior {
    let (a, b) = (math::exp(first.mean), math::exp(pace.mean) * tokens.max(1.0));
    let share = a / (a + b);
    let mix = |x: f64, y: f64| x * share.powi(2) + y * (1.0 - share).powi(2);
    Posterior {
        mean: math::ln(a + b),
        error: mix(first.error.powi(2), pace.error.powi(2)).sqrt(),
        variance: mix(first.variance, pace.variance),
        seen: first.seen.min(pace.seen),
    }
}

/// Clocks of one machine are not further apart, in seconds.
const SLACK_S: f64 = 60.0;
/// Shorter times are not told apart: a clock's millisecond.
const LEAST_S: f64 = 0.001;

#[cfg(test)]
mod tests;
