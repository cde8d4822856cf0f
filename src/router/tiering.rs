//! `--tier auto`: which tier a prompt needs, by the engine's judgement, the user's own record and the user's own rules.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::{About, Config};
use crate::engine::estimate;
use crate::engine::plan::Plan;
use crate::engine::tiers::correct::Records;
use crate::engine::tiers::explain::{self, Reason};
use crate::engine::tiers::{self, Intent, Verdict};
use crate::error::Result;
use crate::output::units;
use crate::router::request::{Request, Selection};
use crate::router::{Router, select};
use crate::store::TierOutcome;
use crate::types::{Candidate, Day, NanoUsd, Role, Tier, Timestamp, Usage};

/// So many reasons are told.
const REASONS: usize = 5;
/// Of so many bytes of a prompt a digest is made: who asks a long one again hardly changes its end alone.
const DIGESTED: usize = 65_536;

/// What is thought of a request's prompt, once it is asked for.
#[derive(Debug, Clone, Default)]
pub struct Judgement(OnceCell<(Verdict, [u8; 16])>);

impl Judgement {
    /// What kind of prompt it is and what it needs, without any record.
    pub fn verdict(&self, request: &Request) -> &Verdict {
        &self.of(request).0
    }

    /// Of the prompt, to know it again.
    pub fn digest(&self, request: &Request) -> &[u8; 16] {
        &self.of(request).1
    }

    fn of(&self, request: &Request) -> &(Verdict, [u8; 16]) {
        self.0.get_or_init(|| (tiers::classify(prompt(request)), digest(request)))
    }
}

/// The text that is judged: what the user asks, not what was said before.
fn prompt(request: &Request) -> &str {
    let asked = request.messages.iter().rev().find(|message| message.role == Role::User);
    asked.map_or("", |message| message.text.as_str())
}

fn digest(request: &Request) -> [u8; 16] {
    let text = prompt(request);
    let mut hash = Sha256::new();
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(&text.as_bytes()[..text.len().min(DIGESTED)]);
    hash.update(request.system.as_deref().unwrap_or_default());
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash.finalize()[..16]);
    digest
}

/// How the tier of a request was chosen.
#[derive(Debug, Clone)]
pub struct Tiering {
    /// The tier.
    pub tier: Tier,
    /// What the prompt needs, after what was recorded.
    pub verdict: Verdict,
    /// The chance of success that was wanted.
    pub min_quality: f64,
    /// What weighed most.
    pub reasons: Vec<Reason>,
    /// The rules that bound it, as far as they changed something.
    pub rules: Vec<String>,
    /// Whom the strongest tier would ask, for what is saved.
    strongest: Vec<Arc<Candidate>>,
}

/// The choice of a tier as reports show it.
#[derive(Debug, Clone, Serialize)]
pub struct TierReport {
    /// The tier.
    pub tier: Tier,
    /// What kind of prompt it is.
    pub intent: &'static str,
    /// About the chance that a cheap model fails.
    pub score: f64,
    /// The chance that each tier suffices.
    pub suffices: Suffices,
    /// The chance of success that was wanted.
    pub min_quality: f64,
    /// What weighed most; above 0 it speaks for a stronger model.
    pub reasons: Vec<ReasonReport>,
    /// The rules of the config that changed something.
    pub rules: Vec<String>,
    /// What the answer is expected to cost less than the strongest tier's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_usd: Option<NanoUsd>,
}

/// The chance that each tier suffices.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Suffices {
    fast: f64,
    balanced: f64,
    advanced: f64,
    premium: f64,
}

impl Suffices {
    /// Of a verdict's, in the tiers' order.
    pub fn of(suffices: [f64; 4]) -> Self {
        let [fast, balanced, advanced, premium] = suffices.map(rounded);
        Self { fast, balanced, advanced, premium }
    }
}

/// Something that weighed.
#[derive(Debug, Clone, Serialize)]
pub struct ReasonReport {
    /// A counted property, or a word in quotes.
    pub feature: String,
    /// What it added.
    pub weight: f64,
}

/// What weighed most in the judgement of a prompt.
pub fn reasons(reasons: &[Reason]) -> Vec<ReasonReport> {
    reasons.iter().map(|r| ReasonReport { feature: r.feature.clone(), weight: rounded(r.weight) }).collect()
}

/// Three decimals: more says nothing.
pub fn rounded(x: f64) -> f64 {
    (x * 1e3).round() / 1e3
}

impl Tiering {
    /// As reports show it, with the plan that came of it.
    pub fn report(&self, plan: &Plan, now: Timestamp) -> TierReport {
        TierReport {
            tier: self.tier,
            intent: self.verdict.intent.name(),
            score: rounded(self.verdict.score),
            suffices: Suffices::of(self.verdict.suffices),
            min_quality: self.min_quality,
            reasons: reasons(&self.reasons),
            rules: self.rules.clone(),
            saved_usd: self.saved(plan, now),
        }
    }

    /// What the first of the plan is expected to cost less than the cheapest of the strongest tier.
    fn saved(&self, plan: &Plan, now: Timestamp) -> Option<NanoUsd> {
        let first = plan.order.first()?;
        let (input_tokens, output_tokens) = (first.expected.load.input_tokens, first.expected.load.output_tokens);
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        let costs = self.strongest.iter().filter_map(|c| Some(c.pricing.as_ref()?.cost(&usage, now)));
        Some(costs.min()?.saturating_sub(first.expected.load.cost?))
    }
}

impl std::fmt::Display for TierReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tier, intent, min_quality, .. } = self;
        let of = self.suffices;
        let chance = match tier {
            Tier::Fast => of.fast,
            Tier::Balanced => of.balanced,
            Tier::Advanced => of.advanced,
            Tier::Premium => of.premium,
        };
        write!(
            f,
            "tier {tier}: looks like {intent}; it suffices with a chance of {chance:.2}, {min_quality} is wanted"
        )?;
        for rule in &self.rules {
            write!(f, "; {rule}")?;
        }
        let weighed: Vec<_> = self.reasons.iter().map(|r| format!("{} {:+.2}", r.feature, r.weight)).collect();
        if !weighed.is_empty() {
            write!(f, "; weighed most: {}", weighed.join(", "))?;
        }
        match self.saved_usd.filter(|saved| *saved > NanoUsd::ZERO) {
            Some(saved) => write!(f, "; saves about {} against premium", units::usd(saved)),
            None => Ok(()),
        }
    }
}

/// What a choice is made for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The text that is judged.
    pub prompt: &'a str,
    /// `--tag`.
    pub tag: Option<&'a str>,
    /// `--meta`.
    pub meta: &'a BTreeMap<String, String>,
    /// The chance of success that is wanted.
    pub min_quality: f64,
}

/// A tier, and why.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The tier.
    pub tier: Tier,
    /// What the prompt needs, after what was recorded.
    pub verdict: Verdict,
    /// The rules of the config that changed something.
    pub rules: Vec<String>,
}

/// The cheapest tier that will do, by the judgement of the prompt, what was recorded, and the rules of the config.
pub fn choose(config: &Config, outcomes: &[TierOutcome], asked: &Asked<'_>, judged: &Verdict) -> Choice {
    let verdict = tiers::corrected(judged, &records(outcomes));
    let (tier, rules) = bound(config, asked, verdict.intent, tiers::tier(&verdict, asked.min_quality));
    Choice { tier, verdict, rules }
}

impl Router<'_> {
    /// The request with its tier chosen, where that is left to llmr.
    pub(super) fn tiered(
        &self,
        request: Request,
        judgement: &Judgement,
        today: Day,
    ) -> Result<(Request, Option<Tiering>)> {
        // Who names a model has chosen.
        if !request.selection.auto || request.selection.model.is_some() {
            return Ok((request, None));
        }
        let outcomes = self.store.outcomes(self.host.now())?;
        let asked = Asked {
            prompt: prompt(&request),
            tag: request.tag.as_deref(),
            meta: &request.meta,
            min_quality: request.min_quality,
        };
        let Choice { tier, verdict, mut rules } = choose(self.config, &outcomes, &asked, judgement.verdict(&request));
        let tier = match self.highest_there_is(&request.selection, tier, today) {
            Some(there) if there < tier && rules.is_empty() => {
                rules.push(format!("no provider that takes part has a model of tier {tier}"));
                there
            }
            _ => tier,
        };
        let strongest = Selection { tier: Some(Tier::Premium), ..request.selection.clone() };
        let strongest = select(self.config, &strongest, today).map(|selected| selected.targets).unwrap_or_default();
        let tiering = Tiering {
            tier,
            verdict,
            min_quality: request.min_quality,
            reasons: explain::explain(asked.prompt, REASONS),
            rules,
            strongest: strongest.into_iter().map(|target| target.candidate).collect(),
        };
        let selection = Selection { tier: Some(tier), ..request.selection };
        Ok((Request { selection, ..request }, Some(tiering)))
    }
}

impl Router<'_> {
    /// The highest tier up to this one that somebody has a model of.
    fn highest_there_is(&self, selection: &Selection, most: Tier, today: Day) -> Option<Tier> {
        let has = |tier: &Tier| {
            let of_tier = Selection { tier: Some(*tier), ..selection.clone() };
            let selected = select(self.config, &of_tier, today);
            selected.is_ok_and(|s| s.targets.iter().any(|t| t.candidate.tier.is_some_and(|has| has >= *tier)))
        };
        Tier::ALL.into_iter().rev().skip_while(|tier| *tier > most).find(has)
    }
}

/// What is recorded of each kind of prompt, over all models.
pub fn records(outcomes: &[TierOutcome]) -> Records {
    let mut records = Records::default();
    outcomes.iter().for_each(|outcome| records.add(outcome.intent, outcome.tier, &outcome.record));
    records
}

/// The tier within the user's own rules, and what they changed. A floor wins over a ceiling: it is a promise.
fn bound(config: &Config, asked: &Asked<'_>, intent: Intent, wanted: Tier) -> (Tier, Vec<String>) {
    let tokens = if config.tiers.rules.is_empty() { 0 } else { estimate::tokens(asked.prompt) };
    let about = About { intent, tag: asked.tag, meta: asked.meta, prompt: asked.prompt, tokens };
    let rules = || config.tiers.rules.iter().filter(|rule| rule.is_about(&about));
    let (mut tier, mut changed) = (wanted, Vec::new());
    for rule in rules() {
        if let Some(most) = rule.at_most.filter(|most| *most < tier) {
            tier = most;
            changed.push(format!("at most {most} by the rule of {}", rule.place));
        }
    }
    for rule in rules() {
        if let Some(least) = rule.at_least.filter(|least| *least > tier) {
            tier = least;
            changed.push(format!("at least {least} by the rule of {}", rule.place));
        }
    }
    (tier, changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Flags};
    use crate::engine::tiers::correct::Record;
    use crate::host::Host;

    fn config(toml: &str) -> Config {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config.toml"), toml).unwrap();
        let host = Host::from_env([("LLMR_HOME", home.path().to_str().unwrap())], home.path());
        config::load(&host, &Flags::default()).unwrap()
    }

    fn asked(prompt: &str) -> Asked<'_> {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        Asked { prompt, tag: Some("vip"), meta: &NOTHING, min_quality: 0.6 }
    }

    const JUDGED: Verdict = Verdict { score: 0.45, suffices: [0.55, 0.65, 0.75, 0.85], intent: Intent::Code };

    #[test]
    fn rules_bind_the_choice_and_a_floor_wins_over_a_ceiling() {
        let rule = |says: &str| format!("[[tiers.rule]]\n{says}\n");
        for (toml, tier, changed) in [
            (String::new(), Tier::Balanced, 0),
            (rule("tag = \"vip\"\nat_least = \"premium\""), Tier::Premium, 1),
            (rule("tag = \"other\"\nat_least = \"premium\""), Tier::Balanced, 0),
            (rule("intent = \"code\"\nat_most = \"fast\""), Tier::Fast, 1),
            (rule("at_most = \"fast\"") + &rule("at_least = \"advanced\""), Tier::Advanced, 2),
            (rule("at_least = \"advanced\"") + &rule("at_most = \"fast\""), Tier::Advanced, 2),
            (rule("at_least = \"fast\"") + &rule("at_most = \"premium\""), Tier::Balanced, 0),
        ] {
            let choice = choose(&config(&toml), &[], &asked("x"), &JUDGED);
            assert_eq!((choice.tier, choice.rules.len()), (tier, changed), "{toml}");
        }
    }

    #[test]
    fn what_was_recorded_of_such_prompts_moves_the_choice() {
        let outcome = |intent, bad: f64| TierOutcome {
            intent,
            tier: Tier::Balanced,
            candidate: crate::types::CandidateId::new("p", "m"),
            record: Record { good: 0.0, bad, expected: 0.65 * bad },
        };
        for (outcomes, tier) in [
            (vec![], Tier::Balanced),
            (vec![outcome(Intent::Code, 1.0)], Tier::Balanced),
            (vec![outcome(Intent::Code, 40.0)], Tier::Advanced),
            (vec![outcome(Intent::Math, 1.0)], Tier::Balanced),
        ] {
            let choice = choose(&config(""), &outcomes, &asked("x"), &JUDGED);
            assert_eq!(choice.tier, tier, "{outcomes:?}: {:?}", choice.verdict);
        }
    }
}
