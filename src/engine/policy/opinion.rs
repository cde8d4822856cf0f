//! What is thought of one candidate for one request, and how long it would be given.

use super::{Contender, Occasion, Strangers, assumed};
use crate::engine::belief::{Assumed, Belief, Counts, Posterior, Success, Sums, USUAL_TOKENS};
use crate::engine::chance::Chance;
use crate::engine::draw;
use crate::engine::tuning::Tuning;

/// What is thought of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opinion {
    /// Its place among the contenders.
    pub place: usize,
    /// What it is ranked by, higher is better.
    pub index: f64,
    /// The chance that it answers, as drawn, in [0, 1].
    pub chance: f64,
    /// How good its answer is, as drawn.
    pub quality: f64,
    /// What its answer is worth.
    pub utility: f64,
    /// What is lost when it fails.
    pub loss: f64,
    /// The whole time of its answer, as drawn, in seconds.
    pub expected_s: f64,
    /// What its answer costs, in USD.
    pub expected_usd: f64,
    /// How long it is given, in seconds.
    pub cut_s: f64,
    /// When its first token is late, where that has been seen often enough.
    pub first: Option<First>,
    /// Until when it rests, if it does.
    pub resting_until: Option<f64>,
}

/// When a first token is late.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct First {
    /// So long it is waited for, in seconds.
    pub cut_s: f64,
    /// 19 of 20 have come by then, in seconds.
    pub late_s: f64,
}

impl Opinion {
    /// What it is ranked by if its chance to answer were this.
    pub fn index_at(&self, chance: f64) -> f64 {
        self.utility - self.risk_at(chance)
    }

    /// What is lost by its failures for each of its answers.
    pub fn risk(&self) -> f64 {
        self.risk_at(self.chance)
    }

    fn risk_at(&self, chance: f64) -> f64 {
        let p = chance.clamp(LEAST_CHANCE, 1.0);
        self.loss * (1.0 - p) / p
    }
}

/// Nobody is thought to be dead for certain.
const LEAST_CHANCE: f64 = 0.001;
/// Of fewer first tokens nobody knows when one is late.
const LEAST_SEEN: f64 = 5.0;
/// The standard normal distribution's 95 % quantile.
const LATE_DEVIATIONS: f64 = 1.645;
/// The mean of a log-normal distribution is not believed to be further from its median than by this exponent of e.
const MOST_SKEW: f64 = 0.5;

/// Forms an opinion of a contender that costs so many dollars by its list price.
pub(super) fn form(
    place: usize,
    of: &Contender<'_>,
    usd: f64,
    strangers: &Strangers,
    occasion: &Occasion<'_>,
) -> Opinion {
    let (tuning, taste) = (occasion.tuning, occasion.taste);
    let belief = of.belief.faded(occasion.now, tuning);
    let assumed = assumed(strangers.time.unwrap_or(of.assumed_log_s), tuning);
    let usual = belief.time(USUAL_TOKENS, 0.0, &assumed, tuning);
    let time = belief.time(of.tokens, of.longer, &assumed, tuning);
    let mut chance = Chance::new(draw::of_name(occasion.draw, of.name));
    let deviation = chance.normal();
    let cut_s = cut(&time, occasion.most_s, tuning);
    let late = overdue(of.open_s, &usual, &belief.success.posterior(tuning), tuning);
    let success = if late > 0.0 { belief.success.failed(late, tuning) } else { belief.success };
    let p = answers(&success, &time, &mut chance, occasion);
    let expected_s = drawn_time(&time, deviation, occasion).min(cut_s);
    let expected_usd = usd * belief.dearness.mean(occasion.dearness, tuning.dearness_weight).exp();
    let quality = drawn_quality(&belief, of.quality + strangers.better, &mut chance, occasion);
    let utility = taste.utility(quality, expected_usd, expected_s);
    let loss = taste.wasted(failing(&belief.failing, late, cut_s)) + taste.fail * tuning.risk;
    let resting_until = of.resting_until.filter(|until| *until > occasion.now);
    let first = first(&belief, &assumed, occasion);
    let mut opinion = Opinion {
        place,
        index: 0.0,
        chance: p,
        quality,
        utility,
        loss,
        expected_s,
        expected_usd,
        cut_s,
        first,
        resting_until,
    };
    opinion.index = opinion.index_at(p);
    opinion
}

/// What is thought of the first token's time.
fn first(belief: &Belief, assumed: &Assumed, occasion: &Occasion<'_>) -> Option<First> {
    if belief.first.usual.weight < LEAST_SEEN {
        return None;
    }
    let time = belief.first_token(assumed, occasion.tuning);
    let cut_s = cut(&time, occasion.most_s, occasion.tuning);
    Some(First { cut_s, late_s: late_by(&time).min(cut_s) })
}

/// 19 of 20 are there by then, in seconds.
fn late_by(time: &Posterior) -> f64 {
    (time.mean + LATE_DEVIATIONS * time.variance.sqrt()).exp()
}

/// How long a try is given: a multiple of the usual time, the wider the more it varies.
fn cut(time: &Posterior, most_s: f64, tuning: &Tuning) -> f64 {
    let spread = (time.variance + time.error * time.error).sqrt();
    let most = tuning.cut_most.max((tuning.cut_tail * time.variance.sqrt()).exp());
    let multiple = (tuning.cut_deviations * spread).exp().clamp(tuning.cut_least, most);
    (time.mean.exp() * multiple).max(tuning.cut_floor_s).min(most_s)
}

/// The time that counts: drawn around the mean for whom was seen, hoped for whom was not.
fn drawn_time(time: &Posterior, deviation: f64, occasion: &Occasion<'_>) -> f64 {
    let tuning = occasion.tuning;
    let drawn = if occasion.explore { deviation * tuning.pace_daring * time.error * time.seen } else { 0.0 };
    let hoped = tuning.hope_pace * tuning.assumed_variance.sqrt() * (1.0 - time.seen);
    (time.mean + drawn - hoped + (time.variance / 2.0).min(MOST_SKEW)).exp()
}

/// The quality that counts, as long as anybody rates answers.
fn drawn_quality(belief: &Belief, assumed: f64, chance: &mut Chance, occasion: &Occasion<'_>) -> f64 {
    let (tuning, rated) = (occasion.tuning, &belief.quality);
    let mean = rated.mean(assumed, tuning.quality_weight);
    let deviation = chance.normal();
    if !occasion.explore || rated.weight <= 0.0 {
        return mean + tuning.hope_quality;
    }
    let variance = rated.variance(tuning.quality_variance, 2.0);
    mean + deviation * tuning.quality_daring * (variance / (rated.weight + tuning.quality_weight)).sqrt()
}

/// The chance to answer that counts.
fn answers(success: &Success, time: &Posterior, chance: &mut Chance, occasion: &Occasion<'_>) -> f64 {
    let tuning = occasion.tuning;
    let counts = success.posterior(tuning);
    let mean = counts.ok / (counts.ok + counts.bad);
    let seen = (success.usual.ok + success.usual.bad).max(time.seen).min(1.0);
    if !occasion.explore || seen <= 0.0 {
        return mean;
    }
    let daring = tuning.success_daring * seen;
    mean + daring * (chance.beta(counts.ok, counts.bad) - mean)
}

/// How many failures the open tries amount to: by Bayes' rule, from how unlikely it is to be waited for that long
/// by one that answers.
fn overdue(open_s: &[f64], time: &Posterior, counts: &Counts, tuning: &Tuning) -> f64 {
    let p = counts.ok / (counts.ok + counts.bad);
    let spread = (time.variance + time.error * time.error).sqrt();
    let doubt = |s: f64| {
        let still = 1.0 / (1.0 + (LOGISTIC * (s.ln() - time.mean) / spread).exp());
        1.0 - still / (p * still + 1.0 - p)
    };
    let sum: f64 = open_s.iter().filter(|s| **s > 0.0).map(|s| doubt(*s).max(0.0)).sum();
    (sum * tuning.open_weight).min(MOST_OVERDUE)
}

/// The logistic function of 1.702 x is within 0.01 of the normal distribution's (Haley 1952).
const LOGISTIC: f64 = 1.702;
/// Open tries count as so many failures at most: they were all begun in ignorance of each other.
const MOST_OVERDUE: f64 = 3.0;

/// How long the next failure takes: as the last ones did, or all of the time that is given where tries are overdue.
fn failing(seen: &Sums, late: f64, cut_s: f64) -> f64 {
    let known = seen.mean(cut_s / 2.0, 1.0).min(cut_s);
    known + (cut_s - known) * late.min(1.0)
}
