//! What is thought of one candidate for one request, and how long it would be given.

use super::{Common, Contender, Occasion, assumed};
use crate::engine::belief::{Belief, Counts, Posterior, Success, Sums, Times, USUAL_TOKENS};
use crate::engine::chance::Chance;
use crate::engine::math;
use crate::engine::tuning::Tuning;

/// What is thought of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opinion {
    /// Its place among the contenders.
    pub place: usize,
    /// What it is ranked by, higher is better.
    pub index: f64,
    /// The same without any draw.
    pub plain_index: f64,
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
    /// How long its first token takes, where that has been seen often enough.
    pub first: Option<FirstToken>,
    /// Until when it rests, if it does.
    pub resting_until: Option<f64>,
}

/// How long a first token takes. When it is late is worked out for the few of whom somebody asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstToken {
    time: Posterior,
    most_s: f64,
}

impl FirstToken {
    /// So long it is waited for, in seconds.
    pub fn cut_s(&self, tuning: &Tuning) -> f64 {
        cut(&self.time, &CutLogs::of(tuning), self.most_s, tuning)
    }

    /// 19 of 20 have come by then, or it is no longer waited for, in seconds.
    pub fn late_s(&self, tuning: &Tuning) -> f64 {
        let late = math::exp(self.time.mean + LATE_DEVIATIONS * self.time.variance.sqrt());
        late.min(self.cut_s(tuning))
    }
}

impl Opinion {
    /// What it is ranked by if its chance to answer were this.
    pub fn index_at(&self, chance: f64) -> f64 {
        self.utility - risk(self.loss, chance)
    }

    /// What is lost by its failures for each of its answers.
    pub fn risk(&self) -> f64 {
        risk(self.loss, self.chance)
    }
}

/// What is lost for each answer where a failure loses this much.
fn risk(loss: f64, chance: f64) -> f64 {
    let p = chance.clamp(LEAST_CHANCE, 1.0);
    loss * (1.0 - p) / p
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
pub(super) fn form(place: usize, of: &Contender<'_>, usd: f64, common: &Common, occasion: &Occasion<'_>) -> Opinion {
    let (tuning, taste) = (occasion.tuning, occasion.taste);
    let belief = of.belief.faded(occasion.now, tuning);
    let assumed = assumed(common.time.unwrap_or(of.assumed_log_s), tuning);
    let Times { first: first_token, whole: time } = belief.times(of.tokens, of.slope, &assumed, tuning);
    let cut_s = cut(&time, &common.cut, occasion.most_s, tuning);
    let late = match of.open_s.is_empty() {
        true => 0.0,
        false => {
            let usual = belief.time(USUAL_TOKENS, 0.0, &assumed, tuning);
            overdue(of.open_s, &usual, &belief.success.posterior(tuning), tuning)
        }
    };
    let success = if late > 0.0 { belief.success.failed(late, tuning) } else { belief.success };
    let expected_usd = usd * math::exp(belief.dearness.mean(occasion.dearness, tuning.dearness_weight));
    let loss = taste.wasted(failing(&belief.failing, late, cut_s)) + taste.fail * tuning.risk;
    let plain = Draws {
        s: expected_s(&time, 0.0, common),
        chance: success.mean(tuning),
        quality: belief.quality.mean(of.quality + common.better, tuning.quality_weight) + tuning.hope_quality,
    };
    let index = |draws: &Draws| {
        let utility = taste.utility(draws.quality, expected_usd, draws.s.min(cut_s));
        (utility, utility - risk(loss, draws.chance))
    };
    let (_, plain_index) = index(&plain);
    let drawn = match occasion.explore {
        true => {
            let by = Chance::new(of.name.draw(occasion.draw));
            plain.drawn(&belief, &success, &time, by, common, tuning)
        }
        false => plain,
    };
    let (utility, index) = index(&drawn);
    Opinion {
        place,
        index,
        plain_index,
        chance: drawn.chance,
        quality: drawn.quality,
        utility,
        loss,
        expected_s: drawn.s.min(cut_s),
        expected_usd,
        cut_s,
        first: (belief.first.usual.weight >= LEAST_SEEN)
            .then_some(FirstToken { time: first_token, most_s: occasion.most_s }),
        resting_until: of.resting_until.filter(|until| *until > occasion.now),
    }
}

/// What an opinion goes by: at first what is likeliest, and hoped for where nothing was seen.
#[derive(Clone, Copy)]
struct Draws {
    /// The time of the whole answer, in seconds.
    s: f64,
    /// The chance that it answers.
    chance: f64,
    /// How good it is.
    quality: f64,
}

impl Draws {
    /// The same with draws around what is believed, as far as it was ever seen.
    fn drawn(
        self,
        belief: &Belief,
        success: &Success,
        time: &Posterior,
        mut by: Chance,
        common: &Common,
        tuning: &Tuning,
    ) -> Self {
        let s = match time.seen > 0.0 {
            true => expected_s(time, by.normal() * tuning.pace_daring * time.error * time.seen, common),
            // The first number is the time's, used or not.
            false => {
                by.skip();
                self.s
            }
        };
        let seen = (success.usual.ok + success.usual.bad).max(time.seen).min(1.0);
        let chance = match seen > 0.0 {
            true => {
                let counts = success.posterior(tuning);
                self.chance + tuning.success_daring * seen * (by.beta(counts.ok, counts.bad) - self.chance)
            }
            false => self.chance,
        };
        let rated = &belief.quality;
        let quality = match rated.weight > 0.0 {
            // Somebody rates answers: then what one is really like is worth more than hope.
            true => {
                let variance = rated.variance(tuning.quality_variance, 2.0);
                let error = (variance / (rated.weight + tuning.quality_weight)).sqrt();
                self.quality - tuning.hope_quality + by.normal() * tuning.quality_daring * error
            }
            false => self.quality,
        };
        Self { s, chance, quality }
    }
}

/// The time that counts, this much beside the mean of its logarithm: hoped for as far as it was not seen.
fn expected_s(time: &Posterior, beside: f64, common: &Common) -> f64 {
    let hoped = common.hope_log * (1.0 - time.seen);
    math::exp(time.mean + beside - hoped + (time.variance / 2.0).min(MOST_SKEW))
}

/// Logarithms of the least and the most times the usual time at which a try is cut.
pub(super) struct CutLogs {
    least: f64,
    most: f64,
}

impl CutLogs {
    pub(super) fn of(tuning: &Tuning) -> Self {
        Self { least: math::ln(tuning.cut_least), most: math::ln(tuning.cut_most) }
    }
}

/// How long a try is given, at most `most_s`: a multiple of the usual time, the wider the more it varies.
fn cut(time: &Posterior, logs: &CutLogs, most_s: f64, tuning: &Tuning) -> f64 {
    let spread = (time.variance + time.error * time.error).sqrt();
    let most = logs.most.max(tuning.cut_tail * time.variance.sqrt());
    let multiple = (tuning.cut_deviations * spread).max(logs.least).min(most);
    math::exp(time.mean + multiple).max(tuning.cut_floor_s).min(most_s)
}

/// How many failures the open tries amount to: by Bayes' rule, from how unlikely it is to be waited for that long
/// by one that answers.
fn overdue(open_s: &[f64], time: &Posterior, counts: &Counts, tuning: &Tuning) -> f64 {
    let p = counts.ok / (counts.ok + counts.bad);
    let spread = (time.variance + time.error * time.error).sqrt();
    let doubt = |s: f64| {
        let still = 1.0 / (1.0 + math::exp(LOGISTIC * (math::ln(s) - time.mean) / spread));
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
