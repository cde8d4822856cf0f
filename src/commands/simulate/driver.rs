//! Keeps what the engine decides from: beliefs, rests and open tries, all by the virtual clock.

use std::collections::HashMap;

use super::protocol::{Answer, Decide, Id, Input, Outcome, Provider, Reset};
use super::reading::{USUAL_TOKENS, list_usd, quality, read};
use crate::engine::belief::{Belief, Length, Seen, Sums, Verdict};
use crate::engine::draw::{self, Name};
use crate::engine::math;
use crate::engine::policy::{Contender, Occasion, Opinion, Taste, decide};
use crate::engine::tuning::Tuning;

/// No try is given longer, in seconds: what vendors' clients and proxies commonly allow until something comes.
pub const LONGEST_TRY_S: f64 = 30.0;
/// How long a provider rests after a 429 without a word, in seconds; doubles with each …
const BARE_REST_S: f64 = 1.0;
/// … up to so many times.
const MOST_DOUBLINGS: i32 = 6;
/// And after a refused key or exhausted credit.
const REFUSED_REST_S: f64 = 300.0;
/// A try that should have been cut this many times over is forgotten: nobody will tell how it ended.
const FORGET_AFTER_CUTS: f64 = 2.0;
/// The time given is enough for so many of the order's first: the answer has room for one number.
const GIVEN_FOR: usize = 2;

/// Not more requests than this are remembered until they end; the oldest is forgotten first.
const MOST_OPEN: usize = 10_000;
/// Among more providers than this nobody chooses.
const MOST_PROVIDERS: usize = 1_000;

struct Known {
    provider: Provider,
    group: Option<String>,
    quality: f64,
    belief: Belief,
    resting_until: Option<f64>,
    refusals: i32,
}

struct Open {
    /// The decision's number, from 1.
    number: i64,
    order: Vec<usize>,
    position: usize,
    since: f64,
    cut_s: f64,
    read: f64,
    written: f64,
}

/// What was known of a try when it began; nothing of one whose request is not known.
#[derive(Default)]
struct Began {
    cut_s: Option<f64>,
    usd: Option<f64>,
    written: f64,
}

/// The policy with its memory.
pub struct Driver {
    seed: u64,
    decisions: i64,
    known: Vec<Known>,
    places: HashMap<String, usize>,
    open: HashMap<Id, Open>,
    taste: Option<Taste>,
    dearness: Sums,
    length: Length,
    deepest: usize,
    tuning: Tuning,
}

impl Driver {
    /// A policy that knows nobody.
    pub fn new(seed: u64) -> Self {
        Self::tuned(seed, Tuning::default())
    }

    /// The same with other numbers.
    pub fn tuned(seed: u64, tuning: Tuning) -> Self {
        Self {
            seed,
            decisions: 0,
            known: Vec::new(),
            places: HashMap::new(),
            open: HashMap::new(),
            taste: None,
            dearness: Sums::default(),
            length: Length::default(),
            deepest: 1,
            tuning,
        }
    }

    /// How many requests are remembered that have not ended.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.open.len()
    }

    /// Takes a message in; answers a decision.
    pub fn take(&mut self, message: Input) -> Result<Option<Answer>, String> {
        match message {
            Input::Reset(reset) => self.reset(reset).map(|()| None),
            Input::Decide(ask) => self.decide(ask).map(Some),
            Input::Result(outcome) => self.learn(&outcome).map(|()| None),
        }
    }

    fn reset(&mut self, reset: Reset) -> Result<(), String> {
        if reset.providers.len() > MOST_PROVIDERS {
            return Err(format!("more than {MOST_PROVIDERS} providers"));
        }
        *self = Self::tuned(self.seed, self.tuning);
        self.taste = Some(read(&reset.profile, &reset.providers));
        for provider in reset.providers {
            if self.places.insert(provider.name.clone(), self.known.len()).is_some() {
                return Err(format!("provider `{}` is there twice", provider.name));
            }
            let group = provider.group.as_ref().filter(|g| !g.is_null()).map(ToString::to_string);
            let quality = quality(provider.tier.as_ref());
            self.known.push(Known {
                provider,
                group,
                quality,
                belief: Belief::default(),
                resting_until: None,
                refusals: 0,
            });
        }
        Ok(())
    }

    fn decide(&mut self, ask: Decide) -> Result<Answer, String> {
        let read = ask.in_tok.unwrap_or(USUAL_TOKENS.0);
        let written = ask.out_tok_hint.unwrap_or(USUAL_TOKENS.1);
        let decision = self.decision(ask.t, read, written)?;
        let order: Vec<usize> = decision.iter().map(|o| o.place).collect();
        let cuts = decision.iter().take(GIVEN_FOR).map(|o| o.cut_s);
        let timeout_s = cuts.fold(0.0, f64::max);
        let names = order.iter().map(|place| self.known[*place].provider.name.clone()).collect();
        if self.open.len() >= MOST_OPEN {
            let oldest = self.open.values().map(|open| open.number).min();
            self.open.retain(|_, open| Some(open.number) != oldest);
        }
        let number = self.decisions;
        self.open.insert(ask.id, Open { number, order, position: 0, since: ask.t, cut_s: timeout_s, read, written });
        Ok(Answer { order: names, timeout_s, hedge_after_s: None })
    }

    /// Decides without being asked to remember it.
    fn decision(&mut self, now: f64, read: f64, written: f64) -> Result<Vec<Opinion>, String> {
        let taste = self.taste.ok_or("a decision before any reset")?;
        if self.known.is_empty() {
            return Err("a decision among no providers".into());
        }
        self.decisions += 1;
        let open = self.open_tries(now);
        let contenders: Vec<Contender<'_>> = self
            .known
            .iter()
            .zip(&open)
            .map(|(known, open)| Contender {
                name: Name::of(&known.provider.name),
                group: known.group.as_deref().map(Name::of),
                turn: 0,
                usd: list_usd(&known.provider, read, written),
                quality: known.quality,
                assumed_log_s: self.tuning.assumed_log_s,
                tokens: written,
                slope: self.length.slope(),
                belief: &known.belief,
                open_s: open,
                resting_until: known.resting_until,
            })
            .collect();
        let occasion = Occasion {
            now,
            draw: draw::of_request(self.seed, self.decisions),
            explore: true,
            apart: false,
            most_s: LONGEST_TRY_S,
            taste: &taste,
            dearness: self.dearness.mean(0.0, 0.01),
            tuning: &self.tuning,
        };
        Ok(decide(&contenders, &occasion))
    }

    /// For how long each provider's open tries have been waited for.
    fn open_tries(&mut self, now: f64) -> Vec<Vec<f64>> {
        self.open.retain(|_, open| now - open.since < open.cut_s * FORGET_AFTER_CUTS);
        let mut waits = vec![Vec::new(); self.known.len()];
        for open in self.open.values().filter(|open| open.position <= self.deepest) {
            if let Some(place) = open.order.get(open.position) {
                waits[*place].push((now - open.since) / math::exp(self.length.longer(open.written)));
            }
        }
        // The map has no order of its own, and sums of floats depend on theirs.
        waits.iter_mut().for_each(|waits| waits.sort_by(f64::total_cmp));
        waits
    }

    fn learn(&mut self, outcome: &Outcome) -> Result<(), String> {
        let place =
            *self.places.get(&outcome.provider).ok_or_else(|| format!("unknown provider `{}`", outcome.provider))?;
        let Began { cut_s, usd: expected, written } = self.moved_on(outcome, place);
        let verdict = verdict(outcome, cut_s);
        let total_s = self.usual_time(outcome, place, written);
        let cost = expected.zip(outcome.cost_usd);
        let seen = Seen { verdict, first_s: None, total_s, tokens: 0.0, quality: outcome.quality, cost };
        if let Some((expected, real)) = cost.filter(|(e, r)| outcome.ok && *e > 0.0 && *r > 0.0) {
            self.dearness = self.dearness.scaled(self.tuning.usual_keep).with(math::ln(real / expected), 1.0);
        }
        self.known[place].belief.observe(outcome.t, &seen, &self.tuning);
        self.rest(place, outcome);
        if matches!(verdict, Verdict::Failed | Verdict::Cut) {
            self.tell_group(place, outcome.t);
        }
        Ok(())
    }

    /// How long the try would have taken for a usual answer.
    fn usual_time(&mut self, outcome: &Outcome, place: usize, written: f64) -> Option<f64> {
        let total = outcome.latency_s.filter(|s| s.is_finite() && *s >= 0.0)?;
        let usual = &self.known[place].belief.whole.recent;
        if outcome.ok && usual.weight > 1.0 {
            self.length.observe(written, math::ln(total.max(0.001)), usual.mean(0.0, 0.0));
        }
        Some(if outcome.ok { total / math::exp(self.length.longer(written)) } else { total })
    }

    /// The next of the order is open now. Returns what was known of the try when it began.
    fn moved_on(&mut self, outcome: &Outcome, place: usize) -> Began {
        let Some(open) = self.open.get_mut(&outcome.id) else { return Began::default() };
        let position = open.order.iter().position(|p| *p == place).unwrap_or(open.position);
        let usd = list_usd(&self.known[place].provider, open.read, open.written);
        let began = Began { cut_s: Some(open.cut_s), usd, written: open.written };
        self.deepest = self.deepest.max(position);
        open.position = open.position.max(position + 1);
        open.since = outcome.t;
        if outcome.ok || open.position >= open.order.len() {
            self.open.remove(&outcome.id);
        }
        began
    }

    /// A provider that asks for a pause gets it.
    fn rest(&mut self, place: usize, outcome: &Outcome) {
        let known = &mut self.known[place];
        if outcome.ok {
            known.refusals = 0;
            return;
        }
        let bare = BARE_REST_S * 2f64.powi(known.refusals.min(MOST_DOUBLINGS));
        let pause = match (outcome.retry_after_s, status(outcome)) {
            (Some(pause), _) => Some(pause),
            (None, 429) => Some(bare),
            (None, 401..=403) => Some(REFUSED_REST_S),
            _ => None,
        };
        if let Some(pause) = pause {
            known.refusals += 1;
            known.resting_until = Some(known.resting_until.unwrap_or(0.0).max(outcome.t + pause));
        }
    }

    fn tell_group(&mut self, place: usize, at: f64) {
        let Some(group) = self.known[place].group.clone() else { return };
        let tuning = self.tuning;
        for (other, known) in self.known.iter_mut().enumerate() {
            if other != place && known.group.as_ref() == Some(&group) {
                known.belief.hear_of_failure(at, &tuning);
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn status(outcome: &Outcome) -> i64 {
    outcome.status.unwrap_or(0.0) as i64
}

fn verdict(outcome: &Outcome, cut_s: Option<f64>) -> Verdict {
    let cut = cut_s.zip(outcome.latency_s).is_some_and(|(cut, took)| took >= cut * ALMOST);
    match status(outcome) {
        _ if outcome.ok => Verdict::Answered,
        429 => Verdict::Limited,
        400 | 413 | 422 => Verdict::Nothing,
        _ if cut => Verdict::Cut,
        _ => Verdict::Failed,
    }
}

/// A try that took this share of what it was given was cut: times are rounded on their way.
const ALMOST: f64 = 0.99;
