//! What past attempts say about a candidate: success rate, time to first token, time per token.
//!
//! Sums that fade: each new observation and each passing hour makes the older ones count less.

use crate::types::Timestamp;

/// An observation counts half after this many newer ones: about the last two dozen decide.
const HALF_LIFE_OBSERVATIONS: f64 = 16.0;
/// And half after this long without any: a provider's speed changes within a day.
const HALF_LIFE_MS: f64 = 6.0 * 3600.0 * 1000.0;

/// Faded sums over one candidate's attempts. The default is: nothing seen yet.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Health {
    /// Weight of all attempts that say something about the provider.
    pub attempts: f64,
    /// Weight of those that succeeded.
    pub successes: f64,
    /// Weight of attempts with a known time to first token, and their sum in ms.
    pub first_token_weight: f64,
    /// See [`Health::first_token_weight`].
    pub first_token_ms: f64,
    /// Weight, in tokens, of generation with a known speed, and its sum in ms.
    pub token_weight: f64,
    /// See [`Health::token_weight`].
    pub token_ms: f64,
    /// Sum of written tokens over the successes.
    pub written_tokens: f64,
    /// When the sums were last faded.
    pub updated: Timestamp,
}

/// One finished attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Whether a whole answer came.
    pub ok: bool,
    /// Sending to the first token, where the answer was streamed.
    pub first_token_ms: Option<u64>,
    /// Sending to the end.
    pub total_ms: u64,
    /// Tokens written, thinking included.
    pub written_tokens: u64,
}

impl Health {
    /// The sums as they count at `now`, before any new observation.
    #[must_use]
    pub fn faded(self, now: Timestamp) -> Self {
        #[allow(clippy::cast_precision_loss)]
        let idle_ms = now.since_ms(self.updated).max(0) as f64;
        self.scaled(0.5f64.powf(idle_ms / HALF_LIFE_MS), now)
    }

    /// The sums with one more observation.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn observe(self, seen: &Observation, now: Timestamp) -> Self {
        let mut sums = self.faded(now).scaled(0.5f64.powf(1.0 / HALF_LIFE_OBSERVATIONS), now);
        sums.attempts += 1.0;
        if !seen.ok {
            return sums;
        }
        sums.successes += 1.0;
        sums.written_tokens += seen.written_tokens as f64;
        let total = seen.total_ms as f64;
        let first = seen.first_token_ms.map(|ms| ms as f64);
        if let Some(first) = first {
            sums.first_token_weight += 1.0;
            sums.first_token_ms += first;
        }
        if seen.written_tokens > 0 {
            // A whole answer hides its first token: count its usual share, as far as that is known.
            let waited = first.or(self.first_token()).unwrap_or(0.0).min(total);
            sums.token_weight += seen.written_tokens as f64;
            sums.token_ms += total - waited;
        }
        sums
    }

    /// Mean time to first token in ms, if ever seen.
    pub fn first_token(&self) -> Option<f64> {
        (self.first_token_weight > 1e-6).then(|| self.first_token_ms / self.first_token_weight)
    }

    /// Mean time per written token in ms, if ever seen.
    pub fn per_token(&self) -> Option<f64> {
        (self.token_weight > 1e-6).then(|| self.token_ms / self.token_weight)
    }

    /// Mean number of written tokens of an answer, if ever seen.
    pub fn usual_output(&self) -> Option<f64> {
        (self.successes > 1e-6).then(|| self.written_tokens / self.successes)
    }

    fn scaled(self, factor: f64, now: Timestamp) -> Self {
        Self {
            attempts: self.attempts * factor,
            successes: self.successes * factor,
            first_token_weight: self.first_token_weight * factor,
            first_token_ms: self.first_token_ms * factor,
            token_weight: self.token_weight * factor,
            token_ms: self.token_ms * factor,
            written_tokens: self.written_tokens * factor,
            updated: self.updated.max(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(first: u64, total: u64, tokens: u64) -> Observation {
        Observation { ok: true, first_token_ms: Some(first), total_ms: total, written_tokens: tokens }
    }

    #[test]
    fn recent_observations_count_more() {
        let old = (0..50).fold(Health::default(), |h, _| h.observe(&ok(1000, 2000, 100), Timestamp(0)));
        let new = (0..32).fold(old, |h, _| h.observe(&ok(100, 200, 100), Timestamp(0)));
        let first = new.first_token().unwrap();
        assert!(first < 400.0, "32 new ones outweigh 50 old ones: {first}");
    }

    /// Sixteen newer observations halve an older one.
    const FADE: f64 = 0.957_603_280_698_573_7;

    #[test]
    fn each_observation_adds_to_its_sums() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        let one = Health::default().observe(&ok(100, 1100, 50), Timestamp(0));
        let two = one.observe(&ok(300, 900, 20), Timestamp(0));
        near(two.attempts, 1.0 + FADE);
        near(two.successes, 1.0 + FADE);
        near(two.written_tokens, 20.0 + 50.0 * FADE);
        near(two.first_token_weight, 1.0 + FADE);
        near(two.first_token_ms, 300.0 + 100.0 * FADE);
        near(two.token_weight, 20.0 + 50.0 * FADE);
        near(two.token_ms, 600.0 + 1000.0 * FADE);
        near(two.first_token().unwrap(), (300.0 + 100.0 * FADE) / (1.0 + FADE));
        near(two.per_token().unwrap(), (600.0 + 1000.0 * FADE) / (20.0 + 50.0 * FADE));
        near(two.usual_output().unwrap(), (20.0 + 50.0 * FADE) / (1.0 + FADE));
    }

    #[test]
    fn a_whole_answer_s_speed_leaves_out_the_usual_wait() {
        let whole = Observation { ok: true, first_token_ms: None, total_ms: 600, written_tokens: 10 };
        let unknown = Health::default().observe(&whole, Timestamp(0));
        assert_eq!((unknown.per_token(), unknown.first_token()), (Some(60.0), None));
        let known = Health::default().observe(&ok(100, 100, 0), Timestamp(0)).observe(&whole, Timestamp(0));
        assert_eq!(known.per_token(), Some(50.0));
        // One quicker than the usual wait took no time for its tokens, rather than less than none.
        let quick = Observation { total_ms: 40, ..whole };
        let quick = Health::default().observe(&ok(100, 100, 0), Timestamp(0)).observe(&quick, Timestamp(0));
        assert_eq!(quick.per_token(), Some(0.0));
    }

    #[test]
    fn what_was_never_seen_is_not_known() {
        let silent = Health::default().observe(&ok(100, 100, 0), Timestamp(0));
        assert_eq!((silent.per_token(), silent.usual_output()), (None, Some(0.0)));
        let nothing = Health::default();
        assert_eq!((nothing.first_token(), nothing.per_token(), nothing.usual_output()), (None, None, None));
        // What has all but faded away counts as nothing, where a mean would be made of rounding errors.
        let old = Health::default().observe(&ok(100, 1100, 100), Timestamp(0)).faded(Timestamp(6 * 3_600_000 * 30));
        assert_eq!((old.first_token(), old.usual_output()), (None, None));
        let last = Health { first_token_weight: 1e-6, token_weight: 1e-6, successes: 1e-6, ..Health::default() };
        assert_eq!((last.first_token(), last.per_token(), last.usual_output()), (None, None, None));
        // The time of an answer without a token is no token's time.
        let mute = Health::default().observe(&ok(100, 600, 0), Timestamp(0)).observe(&ok(100, 1100, 100), Timestamp(0));
        assert_eq!(mute.per_token(), Some(10.0));
    }

    #[test]
    fn time_fades_the_weight_but_not_the_mean() {
        let seen = Health::default().observe(&ok(100, 1100, 100), Timestamp(0));
        let later = seen.faded(Timestamp(6 * 3_600_000));
        assert!((later.attempts - seen.attempts / 2.0).abs() < 1e-9);
        assert_eq!(later.first_token(), seen.first_token());
        assert_eq!(later.per_token(), Some(10.0));
    }

    #[test]
    fn a_clock_that_jumps_back_fades_nothing() {
        let seen = Health::default().observe(&ok(100, 1100, 100), Timestamp(1000));
        assert_eq!(seen.faded(Timestamp(0)), seen);
    }

    #[test]
    fn failures_lower_the_rate_and_touch_no_time() {
        let failed = Observation { ok: false, first_token_ms: None, total_ms: 60_000, written_tokens: 0 };
        let health = Health::default().observe(&ok(100, 1100, 100), Timestamp(0)).observe(&failed, Timestamp(0));
        assert!(health.successes < health.attempts / 1.9);
        assert_eq!(health.per_token(), Some(10.0));
    }
}
