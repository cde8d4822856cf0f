//! The program's own policy, driven as over the protocol but without its text.

use std::collections::HashMap;

use llmr::commands::simulate::{Decide, Driver, Id, Input, Outcome, Profile, Provider, Reset};
use llmr::engine::tuning::Tuning;
use serde_json::Value;

use super::walk::{Ended, Policy};
use super::world::World;

/// The policy under test.
pub struct Ours<'a> {
    driver: Driver,
    world: &'a World,
    places: HashMap<String, usize>,
}

impl<'a> Ours<'a> {
    /// Begins with providers and profile as the judge would send them.
    pub fn new(world: &'a World, profile: Profile, tuning: Tuning, seed: u64) -> Self {
        let mut driver = Driver::tuned(seed, tuning);
        let providers = world.hosts.iter().map(|host| Provider {
            name: host.recorded.name.clone(),
            group: Some(Value::String(host.group.clone())),
            usd_in: Some(host.recorded.usd.0),
            usd_out: Some(host.recorded.usd.1),
            tier: Some(Value::String("balanced".into())),
        });
        let _ = driver.take(Input::Reset(Reset { providers: providers.collect(), profile }));
        let places = world.hosts.iter().enumerate().map(|(i, h)| (h.recorded.name.clone(), i)).collect();
        Self { driver, world, places }
    }
}

impl Policy for Ours<'_> {
    fn decide(&mut self, id: usize, t: f64) -> (Vec<usize>, f64) {
        let arrival = self.world.arrivals[id];
        let ask = Decide {
            id: Id::from(id),
            t,
            in_tok: Some(arrival.read),
            out_tok_hint: self.world.form.hints.then_some(arrival.written),
        };
        match self.driver.take(Input::Decide(ask)) {
            Ok(Some(answer)) => (answer.order.iter().map(|name| self.places[name]).collect(), answer.timeout_s),
            _ => (Vec::new(), 30.0),
        }
    }

    fn learn(&mut self, ended: &Ended) {
        let _ = self.driver.take(Input::Result(Outcome {
            id: Id::from(ended.id),
            t: ended.t,
            provider: self.world.hosts[ended.host].recorded.name.clone(),
            ok: ended.ok,
            status: Some(f64::from(ended.status)),
            latency_s: Some(ended.seconds),
            cost_usd: Some(ended.usd),
            quality: ended.quality,
            retry_after_s: ended.retry_after_s,
        }));
    }
}
