//! The numbers that shape beliefs and orders, each with where its value comes from.
//!
//! "Tuned" means: the best of a coarse grid in the routing simulator (`examples/routing_sim`), mean regret over all
//! profiles, scenarios, sets of hosts and readings of the utility there.

use serde::{Deserialize, Serialize};

/// See each field. The default is what the program uses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// The chance to answer that is assumed of a stranger. Of the replayed hosts' requests without refusals 99 % are answered.
    pub hope_success: f64,
    /// As much as so many tries. Tuned.
    pub hope_weight: f64,
    /// What is usual weighs as much as so many recent tries. Tuned.
    pub success_pull: f64,
    /// A recent try counts half after so many seconds. Tuned: shorter finds recovered hosts sooner, and dead ones again.
    pub success_half_life_s: f64,
    /// What one newer try leaves of an older one, in [0, 1]. A guess, never varied: about the last twenty decide.
    pub success_keep: f64,
    /// What a failure leaves of recent answers and an answer of recent failures, in [0, 1]. Tuned: outages begin and end at once.
    pub turn_keep: f64,
    /// What is usual counts half after so many seconds. From an hour to a day it makes no difference in the simulator,
    /// where a request comes every few seconds; who asks twenty times a day wants to keep what was learned yesterday.
    pub usual_half_life_s: f64,
    /// What one newer try leaves of an older one in the long memory. A guess, never varied: about the last hundred decide.
    pub usual_keep: f64,
    /// A recent time counts half after so many seconds. Tuned.
    pub pace_half_life_s: f64,
    /// What one newer time leaves of an older one. Tuned.
    pub pace_keep: f64,
    /// The usual time weighs as much as so many recent ones. Tuned.
    pub pace_pull: f64,
    /// The logarithm of seconds that is assumed for a stranger where nobody has been measured: two seconds for a short answer.
    pub assumed_log_s: f64,
    /// Its variance: half of all replayed hosts have less within themselves.
    pub assumed_variance: f64,
    /// As much as so many times seen. Tuned.
    pub assumed_weight: f64,
    /// A stranger is taken to be faster than the mean of the known by so many standard deviations of the assumed spread. Tuned.
    pub hope_pace: f64,
    /// How far draws of the time lie from the mean, in standard errors. 1 is Thompson sampling. Tuned.
    pub pace_daring: f64,
    /// How much of a drawn chance counts beside its mean, in [0, 1]. 1 is Thompson sampling. Tuned.
    pub success_daring: f64,
    /// What one newer failure leaves of an older one's duration. Failures of one outage take the same time each.
    pub failing_keep: f64,
    /// A refusal for too many requests counts as so much of a failure. Tuned: its rest says the most.
    pub limited_weight: f64,
    /// A failure counts as so much of one for others of the same group. Tuned.
    pub group_weight: f64,
    /// After one of a group the chance of its others is times this: they often fail together. Tuned.
    pub group_doubt: f64,
    /// A cut try would have taken so many times longer. A guess, never varied.
    pub cut_stretch: f64,
    /// And counts as so much of a time. A guess, never varied.
    pub cut_weight: f64,
    /// A try is cut at the usual time times the exponential of so many standard deviations … Tuned.
    pub cut_deviations: f64,
    /// … but not before the usual time times this … Tuned.
    pub cut_least: f64,
    /// … nor after the usual time times this (tuned), unless it varies so much that more would be cut than lie beyond …
    pub cut_most: f64,
    /// … so many standard deviations. 2.3 is the normal distribution's 99 % quantile.
    pub cut_tail: f64,
    /// No try is cut sooner than this, in seconds: a network's hiccup.
    pub cut_floor_s: f64,
    /// A failed try costs this share of what no answer at all costs, as tries are limited. Tuned.
    pub risk: f64,
    /// Before any answer was rated its quality is assumed to be that of the tier, weighing as much as so many ratings.
    pub quality_weight: f64,
    /// The variance assumed of ratings: some are right or wrong, some are marks.
    pub quality_variance: f64,
    /// Before any rating the quality is taken to be better than assumed by so much. Tuned.
    pub hope_quality: f64,
    /// How far draws of the quality lie from the mean, in standard errors. Tuned.
    pub quality_daring: f64,
    /// The pull of an expected cost (list price) against the true ones, in tries.
    pub dearness_weight: f64,
    /// How much of the evidence that an open try gives counts, in [0, 1]. Tuned.
    pub open_weight: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            hope_success: 0.97,
            hope_weight: 2.0,
            success_pull: 1.0,
            success_half_life_s: 60.0,
            success_keep: 0.95,
            turn_keep: 0.4,
            usual_half_life_s: 86_400.0,
            usual_keep: 0.99,
            pace_half_life_s: 600.0,
            pace_keep: 0.95,
            pace_pull: 0.7,
            assumed_log_s: 0.7,
            assumed_variance: 0.25,
            assumed_weight: 0.5,
            hope_pace: 2.0,
            pace_daring: 1.0,
            success_daring: 1.0,
            failing_keep: 0.7,
            limited_weight: 1.0,
            group_weight: 0.2,
            group_doubt: 0.5,
            cut_stretch: 2.0,
            cut_weight: 0.5,
            cut_deviations: 4.0,
            cut_least: 2.5,
            cut_most: 4.0,
            cut_tail: 2.3,
            cut_floor_s: 1.0,
            risk: 0.02,
            hope_quality: 0.03,
            quality_weight: 4.0,
            quality_variance: 0.02,
            quality_daring: 0.5,
            dearness_weight: 2.0,
            open_weight: 1.0,
        }
    }
}
