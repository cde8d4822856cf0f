//! The world that policies are tried in: hosts with recorded times, and weather on top.

use llmr::engine::chance::Chance;
use llmr::engine::draw;

use super::data::{Arrival, Data, Recorded, Sample};
use super::scenario::{Scenario, Weather};

/// How a world is made.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// So many requests.
    pub requests: usize,
    /// So many hosts are asked in a request at most.
    pub tries: usize,
    /// Whether the time follows from the tokens written, or is the recorded one.
    pub by_tokens: bool,
    /// Whether the results of a request come all together at its end.
    pub at_end: bool,
    /// Whether the policy is told how long the answer will be.
    pub hints: bool,
    /// Whether tries are cut when the policy says so, or after 30 s.
    pub cuts: bool,
    /// How far the hosts' qualities lie apart (standard deviation).
    pub quality_spread: f64,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            requests: 1200,
            tries: 3,
            by_tokens: false,
            at_end: false,
            hints: true,
            cuts: true,
            quality_spread: 0.03,
        }
    }
}

/// One host.
pub struct Host {
    /// What was recorded.
    pub recorded: Recorded,
    /// What it shares with others.
    pub group: String,
    /// The mean quality of its answers.
    pub quality: f64,
    offset: usize,
    means: Means,
    /// What goes wrong, and when.
    pub weather: Weather,
}

/// What happens to one try.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    /// Whether an answer comes.
    pub ok: bool,
    /// After so many seconds; infinite: never.
    pub seconds: f64,
    /// HTTP status.
    pub status: u16,
    /// The pause it asks for.
    pub retry_after_s: Option<f64>,
    /// How good the answer is.
    pub quality: f64,
}

/// A world.
pub struct World {
    /// Who can be asked.
    pub hosts: Vec<Host>,
    /// What is asked.
    pub arrivals: Vec<Arrival>,
    /// How it was made.
    pub form: Form,
    seed: u64,
}

/// A refusal, an error page and the like take so long, in seconds: a round trip and a bit.
const REFUSAL_S: f64 = 0.3;

impl World {
    /// Makes one.
    pub fn new(data: &Data, hosts: &[Recorded], scenario: Scenario, form: Form, seed: u64) -> Self {
        let mut chance = Chance::new(draw::of_name(seed, "world"));
        let room = data.arrivals.len().saturating_sub(form.requests).max(1);
        let from = (chance.unit() * room as f64) as usize % room;
        let begin = data.arrivals[from].t;
        let arrivals: Vec<Arrival> =
            data.arrivals[from..].iter().take(form.requests).map(|a| Arrival { t: a.t - begin, ..*a }).collect();
        let span = arrivals.last().map_or(1.0, |a| a.t);
        let groups = (hosts.len() / 2).max(1);
        let mut hosts: Vec<Host> = hosts
            .iter()
            .map(|recorded| Host {
                group: format!("g{}", (chance.unit() * groups as f64) as usize),
                quality: (0.8 + form.quality_spread * chance.normal()).clamp(0.0, 1.0),
                offset: (chance.unit() * 1000.0) as usize,
                means: Means::of(recorded),
                recorded: recorded.clone(),
                weather: Weather::default(),
            })
            .collect();
        scenario.brew(&mut hosts, &data.incidents, span, &mut chance);
        Self { hosts, arrivals, form, seed }
    }

    /// What happens when this host is asked for request `n` at `t`.
    pub fn fate(&self, n: usize, host: usize, t: f64, asked_lately: usize) -> Fate {
        let it = &self.hosts[host];
        let mut chance = Chance::new(draw::of_name(self.seed ^ (n as u64) << 8 ^ host as u64, "fate"));
        let quality = (it.quality + 0.1 * chance.normal()).clamp(0.0, 1.0);
        let failed = |status, seconds| Fate { ok: false, seconds, status, retry_after_s: None, quality: 0.0 };
        let now = it.weather.at(t);
        if now.hangs {
            return failed(0, f64::INFINITY);
        }
        if now.limit.is_some_and(|limit| asked_lately >= limit) {
            return Fate { retry_after_s: Some(60.0 - t % 60.0), ..failed(429, REFUSAL_S) };
        }
        if chance.unit() < now.fails {
            return failed(503, REFUSAL_S * (0.5 + chance.unit()));
        }
        let sample = it.recorded.samples[(n + it.offset) % it.recorded.samples.len()];
        let Some(seconds) = self.seconds(&sample, n) else { return failed(429, REFUSAL_S) };
        Fate { ok: true, seconds: seconds * now.slower, status: 200, retry_after_s: None, quality }
    }

    fn seconds(&self, sample: &Sample, n: usize) -> Option<f64> {
        let total = sample.total_s?;
        Some(if self.form.by_tokens { sample.first_s + sample.token_s * self.arrivals[n].written } else { total })
    }

    /// What an answer of this host to request `n` costs in USD.
    pub fn usd(&self, n: usize, host: usize) -> f64 {
        let (read, written) = self.hosts[host].recorded.usd;
        (self.arrivals[n].read * read + self.arrivals[n].written * written) / 1e6
    }

    /// The true mean time of this host for request `n` without any weather, and its true share of refusals.
    pub fn truth(&self, n: usize, host: usize) -> (f64, f64) {
        let means = &self.hosts[host].means;
        let by_tokens = means.first + means.token * self.arrivals[n].written;
        (if self.form.by_tokens { by_tokens } else { means.total }, means.refused)
    }
}

/// A host's true averages.
#[derive(Debug, Clone, Copy)]
struct Means {
    total: f64,
    first: f64,
    token: f64,
    refused: f64,
}

impl Means {
    fn of(recorded: &Recorded) -> Self {
        let answered: Vec<&Sample> = recorded.samples.iter().filter(|s| s.total_s.is_some()).collect();
        let count = answered.len().max(1) as f64;
        let mean = |of: fn(&Sample) -> f64| answered.iter().map(|s| of(s)).sum::<f64>() / count;
        Self {
            total: mean(|s| s.total_s.unwrap_or(0.0)),
            first: mean(|s| s.first_s),
            token: mean(|s| s.token_s),
            refused: 1.0 - answered.len() as f64 / recorded.samples.len() as f64,
        }
    }
}
