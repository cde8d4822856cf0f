//! The order in which candidates are asked, and how long each is given: beliefs in, decision out.
//!
//! Candidates are asked one after the other until one answers. The order that is worth most then follows from a number
//! of each candidate alone: `utility - loss by a failure × (1 - p) / p`, where p is its chance to answer (exchange two
//! neighbours of an order to see it). Beliefs are drawn from, not taken at their mean, so that now and then somebody
//! else gets a chance to show a change (Thompson 1933); nobody who was never seen is drawn, so that an order without
//! history is the order of prices.

mod opinion;
mod taste;

pub use opinion::{FirstToken, Opinion};
pub use taste::{Scale, Taste};

use opinion::CutLogs;

use super::belief::{Assumed, Belief};
use super::draw::Name;
use super::tuning::Tuning;

/// One candidate with what is known of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contender<'a> {
    /// Its name; its draws depend on it.
    pub name: Name,
    /// What it shares with others, if anything; candidates of one group often fail together.
    pub group: Option<Name>,
    /// Those of lower numbers are asked first, whatever is thought of them.
    pub turn: u64,
    /// What this request costs by its list price in USD; `None`: unknown, then it counts as much as the dearest known.
    pub usd: Option<f64>,
    /// The quality assumed of it before any answer was rated, in [0, 1].
    pub quality: f64,
    /// The logarithm of a usual answer's time in seconds, assumed before any was seen.
    pub assumed_log_s: f64,
    /// Tokens that it is expected to write.
    pub tokens: f64,
    /// How much a whole time grows with the tokens, in [0, 1]; see [`Belief::times`].
    pub slope: f64,
    /// What is believed of it.
    pub belief: &'a Belief,
    /// For how many seconds each of its open tries has been waited for, longer answers counted as usual ones.
    pub open_s: &'a [f64],
    /// Until when it is to be left alone (seconds): Retry-After, an open breaker.
    pub resting_until: Option<f64>,
}

/// What a decision is made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occasion<'a> {
    /// Now, in seconds.
    pub now: f64,
    /// One random draw.
    pub draw: u64,
    /// Whether beliefs are drawn from; otherwise their means count.
    pub explore: bool,
    /// Whether each is judged by itself: what is assumed of a stranger is then not learned from the others.
    pub apart: bool,
    /// No try is given more than this, in seconds.
    pub most_s: f64,
    /// What an answer is worth.
    pub taste: &'a Taste,
    /// The usual true cost / list price over all candidates, as a logarithm; 0 when nothing is known.
    pub dearness: f64,
    /// The numbers that shape it.
    pub tuning: &'a Tuning,
}

/// Who is asked, in which order, for how long: everybody, those that rest at the end of their turn.
pub fn decide(contenders: &[Contender<'_>], occasion: &Occasion<'_>) -> Vec<Opinion> {
    let opinions = opinions(contenders, occasion);
    order(&opinions, contenders, occasion.tuning).into_iter().map(|place| opinions[place]).collect()
}

/// The places of all contenders in the order in which they are asked.
pub fn order(opinions: &[Opinion], contenders: &[Contender<'_>], tuning: &Tuning) -> Vec<usize> {
    let mut left: Vec<Rank> = opinions.iter().map(|o| Rank::of(o, o.index, contenders)).collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(best) = best(&left) {
        let asked = left.swap_remove(best);
        // Whoever is asked after one of its group is asked because that failed: it is less likely to answer itself.
        for rank in left.iter_mut().filter(|rank| rank.group.is_some() && rank.group == asked.group) {
            rank.chance *= tuning.group_doubt;
            rank.index = opinions[rank.place].index_at(rank.chance);
        }
        order.push(asked.place);
    }
    order
}

/// The place of whom would be asked first without any draw.
pub fn plain_first(opinions: &[Opinion], contenders: &[Contender<'_>]) -> Option<usize> {
    let ranks = opinions.iter().map(|o| Rank::of(o, o.plain_index, contenders));
    ranks.reduce(|best, other| if other.is_before(&best) { other } else { best }).map(|best| best.place)
}

/// What decides whose turn it is.
struct Rank {
    place: usize,
    turn: u64,
    /// Before everything for those that do not rest.
    resting_until: f64,
    group: Option<Name>,
    index: f64,
    chance: f64,
}

impl Rank {
    fn of(opinion: &Opinion, index: f64, contenders: &[Contender<'_>]) -> Self {
        let Contender { turn, group, .. } = contenders[opinion.place];
        let Opinion { place, resting_until, chance, .. } = *opinion;
        Self { place, turn, resting_until: resting_until.unwrap_or(f64::NEG_INFINITY), group, index, chance }
    }

    /// Of equals, the one that is listed first comes first.
    fn is_before(&self, other: &Self) -> bool {
        if self.turn != other.turn {
            self.turn < other.turn
        } else if self.resting_until != other.resting_until {
            self.resting_until < other.resting_until
        } else if self.index != other.index {
            self.index > other.index
        } else {
            self.place < other.place
        }
    }
}

/// Which of them is to be asked next.
fn best(left: &[Rank]) -> Option<usize> {
    (0..left.len()).reduce(|best, i| if left[i].is_before(&left[best]) { i } else { best })
}

/// What is thought of each, in the order in which they are given.
pub fn opinions(contenders: &[Contender<'_>], occasion: &Occasion<'_>) -> Vec<Opinion> {
    let tuning = occasion.tuning;
    let (time, better) = match occasion.apart {
        true => (None, 0.0),
        false => (Some(assumed_log_s(contenders, tuning)), better(contenders, tuning)),
    };
    let common =
        Common { time, better, cut: CutLogs::of(tuning), hope_log: tuning.hope_pace * tuning.assumed_variance.sqrt() };
    let dearest = contenders.iter().filter_map(|c| c.usd).fold(0.0, f64::max);
    let form =
        |(place, c): (usize, &Contender<'_>)| opinion::form(place, c, c.usd.unwrap_or(dearest), &common, occasion);
    contenders.iter().enumerate().map(form).collect()
}

/// What is assumed of a stranger's time: the mean of those that are known.
fn assumed_log_s(contenders: &[Contender<'_>], tuning: &Tuning) -> f64 {
    let (mut sum, mut weight) = (tuning.assumed_log_s * SETTING_WEIGHT, SETTING_WEIGHT);
    for contender in contenders {
        let time = contender.belief.time(contender.tokens, 0.0, &assumed(contender.assumed_log_s, tuning), tuning);
        sum += time.mean * time.seen;
        weight += time.seen;
    }
    sum / weight
}

/// What is assumed of a time before any was seen.
fn assumed(mean: f64, tuning: &Tuning) -> Assumed {
    Assumed { mean, variance: tuning.assumed_variance, weight: tuning.assumed_weight }
}

/// How much better answers are than the tiers of those that gave them let expect.
fn better(contenders: &[Contender<'_>], tuning: &Tuning) -> f64 {
    let (mut sum, mut weight) = (0.0, SETTING_WEIGHT);
    for rated in contenders.iter().filter(|c| c.belief.quality.weight > 0.0) {
        let seen = rated.belief.quality.weight / (rated.belief.quality.weight + tuning.quality_weight);
        sum += seen * (rated.belief.quality.mean(0.0, 0.0) - rated.quality);
        weight += seen;
    }
    sum / weight
}

/// What is the same for all opinions of one occasion.
struct Common {
    /// The logarithm of a stranger's time in seconds by what was seen of the others, if not its own is assumed.
    time: Option<f64>,
    /// What a stranger's quality has over that of its tier, by what was seen of the others.
    better: f64,
    /// Between which multiples of the usual time a try is cut.
    cut: CutLogs,
    /// By how much the logarithm of a stranger's time is hoped to be below what is assumed.
    hope_log: f64,
}

/// The setting for strangers counts as so many known candidates.
const SETTING_WEIGHT: f64 = 0.5;

#[cfg(test)]
mod tests;
