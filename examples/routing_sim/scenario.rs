//! The nine kinds of weather.

use llmr::engine::chance::Chance;

use super::data::Incident;
use super::world::Host;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Nothing.
    Calm,
    /// The best host refuses everything for a while.
    Outage,
    /// The best host never answers for a while.
    Hang,
    /// The best host is slow and fails now and then for a while.
    BrownOut,
    /// The best host slows down bit by bit, another one speeds up.
    Drift,
    /// The best host is down at first and comes back.
    Recovery,
    /// The best host goes down and up again and again.
    Flapping,
    /// The best host takes few requests a minute.
    RateLimit,
    /// As vendors reported them, a month in the time of the trace.
    Incidents,
}

impl Scenario {
    /// All nine.
    pub const ALL: [Self; 9] = [
        Self::Calm,
        Self::Outage,
        Self::Hang,
        Self::BrownOut,
        Self::Drift,
        Self::Recovery,
        Self::Flapping,
        Self::RateLimit,
        Self::Incidents,
    ];
}

/// A host's state for some time.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// The share of tries that fail.
    pub fails: f64,
    /// Nothing ever comes.
    pub hangs: bool,
    /// Times are multiplied by this.
    pub slower: f64,
    /// Requests a minute that it takes.
    pub limit: Option<usize>,
}

const FINE: State = State { fails: 0.0, hangs: false, slower: 1.0, limit: None };

/// Everything that goes wrong with one host: spells of another state, the last one that covers a time counts.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    spells: Vec<(f64, f64, State)>,
    /// Times grow or shrink by this factor over the span.
    drift: Option<(f64, f64)>,
}

impl Weather {
    /// The state at a time.
    pub fn at(&self, t: f64) -> State {
        let mut state = self.spells.iter().rev().find(|(from, to, _)| (*from..*to).contains(&t)).map_or(FINE, |s| s.2);
        if let Some((factor, span)) = self.drift {
            state.slower *= llmr::engine::math::powf(factor, t / span);
        }
        state
    }

    fn add(&mut self, from: f64, to: f64, state: State) {
        self.spells.push((from, to, state));
    }
}

impl Scenario {
    /// Lets it happen to the hosts, over a span of seconds. `rank[0]` is a good host: fast and cheap.
    pub fn brew(self, hosts: &mut [Host], incidents: &[Incident], span: f64, chance: &mut Chance) {
        let rank = ranked(hosts);
        let best = rank[0];
        let at = |chance: &mut Chance, from: f64, to: f64| span * (from + (to - from) * chance.unit());
        let down = State { fails: 1.0, ..FINE };
        match self {
            Self::Calm => {}
            Self::Outage | Self::Hang | Self::BrownOut => {
                let (from, lasts) = (at(chance, 0.2, 0.4), at(chance, 0.2, 0.35));
                let state = match self {
                    Self::Outage => down,
                    Self::Hang => State { hangs: true, ..FINE },
                    _ => State { fails: 0.3, slower: 4.0, ..FINE },
                };
                for host in hit(hosts, best, chance) {
                    hosts[host].weather.add(from, from + lasts, state);
                }
            }
            Self::Drift => {
                hosts[best].weather.drift = Some((4.0, span));
                let other = rank[1 + (chance.unit() * (rank.len() - 1) as f64) as usize % (rank.len() - 1)];
                hosts[other].weather.drift = Some((0.25, span));
            }
            Self::Recovery => {
                let until = at(chance, 0.3, 0.5);
                hosts[best].weather.add(0.0, until, down);
            }
            Self::Flapping => {
                let mut t = at(chance, 0.0, 0.1);
                while t < span {
                    let (bad, good) = (20.0 + 60.0 * chance.unit(), 30.0 + 90.0 * chance.unit());
                    hosts[best].weather.add(t, t + bad, down);
                    t += bad + good;
                }
            }
            Self::RateLimit => {
                let limit = Some(10 + (20.0 * chance.unit()) as usize);
                hosts[best].weather.add(0.0, f64::INFINITY, State { limit, ..FINE });
            }
            Self::Incidents => report(hosts, incidents, span, chance),
        }
    }
}

/// The best host alone, or with its group.
fn hit(hosts: &[Host], best: usize, chance: &mut Chance) -> Vec<usize> {
    if chance.unit() < 0.5 {
        return vec![best];
    }
    (0..hosts.len()).filter(|h| hosts[*h].group == hosts[best].group).collect()
}

/// Hosts by speed and price together, the best first.
fn ranked(hosts: &[Host]) -> Vec<usize> {
    let value = |host: &Host| {
        let times: Vec<f64> = host.recorded.samples.iter().filter_map(|s| s.total_s).collect();
        let share = times.len() as f64 / host.recorded.samples.len() as f64;
        let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
        share - 0.05 * mean - 0.1 * (host.recorded.usd.0 + 0.2 * host.recorded.usd.1)
    };
    let mut rank: Vec<usize> = (0..hosts.len()).collect();
    rank.sort_by(|a, b| value(&hosts[*b]).total_cmp(&value(&hosts[*a])));
    rank
}

/// Every group has the vendors' year from another month on.
fn report(hosts: &mut [Host], incidents: &[Incident], span: f64, chance: &mut Chance) {
    let mut groups: Vec<String> = hosts.iter().map(|h| h.group.clone()).collect();
    groups.sort();
    groups.dedup();
    for group in groups {
        let from = chance.unit() * 330.0;
        for incident in incidents.iter().filter(|i| i.days.1 > from && i.days.0 < from + 30.0) {
            let fails = [0.02, 0.1, 0.4, 0.8, 1.0][incident.level.min(4)];
            let state = State { fails, slower: 1.0 + fails, ..FINE };
            let scaled = |day: f64| (day - from) / 30.0 * span;
            for host in hosts.iter_mut().filter(|h| h.group == group) {
                host.weather.add(scaled(incident.days.0), scaled(incident.days.1), state);
            }
        }
    }
}
