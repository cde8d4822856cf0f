//! The training of the intents: benchmarks whose kind is known, hand-written prompts and prompts from templates.

use std::collections::BTreeMap;

use llmr::engine::tiers::features::{INTENT_BUCKETS, Sketch, bucket};
use llmr::engine::tiers::intent::{self, Intent};
use llmr::engine::tiers::model::Model;
use llmr::engine::tiers::rules;

use super::fit::{Parts, Training, quantised, step};
use super::grammar::Grammar;
use super::ridge::{Row, to_f32};
use super::softmax::softmax;

/// Column scales of the regressions: rules weakly, cues and words fully.
const RULE_SCALE: f32 = 0.15;
const CUE_SCALE: f32 = 1.0;
/// Penalty of the regression.
const PENALTY: f32 = 1e-4;

/// A prompt of the project's own and its kind.
pub struct Fixture {
    pub intent: Intent,
    pub text: String,
    pub sketch: Sketch,
    /// Whether a template made it; else it was written by hand.
    pub made: bool,
}

/// Where a training prompt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Benchmark,
    Hand,
    Template,
}

impl Source {
    /// What all prompts of one intent from here weigh together: every intent about alike, since no benchmark tells how
    /// often a kind is asked, and one kind must not win for having more benchmarks. Those here weigh little: their words are not those of the next one.
    fn weight(self) -> f32 {
        match self {
            Source::Benchmark => 0.2,
            Source::Hand => 0.6,
            Source::Template => 1.0,
        }
    }
}

/// How much more an intent weighs than the others: exam questions are the commonest and of most subjects.
fn prior(intent: Intent) -> f32 {
    match intent {
        Intent::Knowledge => 1.5,
        Intent::Commonsense | Intent::Logic | Intent::Math | Intent::Code | Intent::Reading | Intent::Writing => 1.0,
        _ => 0.5,
    }
}

/// Every prompt of the project's own.
pub fn all() -> Vec<Fixture> {
    let mut all = fixtures(include_str!("intents.tsv"));
    let grammar = Grammar::new(include_str!("words.tsv"));
    all.extend(grammar.prompts(include_str!("templates.tsv")).into_iter().filter_map(|(name, text)| {
        Some(Fixture { intent: Intent::named(name)?, sketch: Sketch::of(&text), text, made: true })
    }));
    all
}

/// Reads `intent TAB prompt` lines, with `\n` and `\\` escaped.
pub fn fixtures(text: &str) -> Vec<Fixture> {
    let line = |line: &str| {
        let (name, prompt) = line.split_once('\t')?;
        let text = prompt.replace("\\\\", "\u{0}").replace("\\n", "\n").replace('\u{0}', "\\");
        Some(Fixture { intent: Intent::named(name)?, sketch: Sketch::of(&text), text, made: false })
    };
    text.lines().filter_map(line).collect()
}

/// Learns the weights of every intent.
pub fn learn(training: &Training<'_>, model: &mut Model, keep: &dyn Fn(usize) -> bool, parts: Parts) {
    let examples = examples(training, keep, parts);
    let mut totals: BTreeMap<(Source, Intent), f32> = BTreeMap::new();
    for &(_, intent, source, weight) in &examples {
        *totals.entry((source, intent)).or_default() += weight;
    }
    let weight = |&(_, intent, source, weight): &(&Sketch, Intent, Source, f32)| {
        source.weight() * prior(intent) * weight / totals[&(source, intent)]
    };
    let weights: Vec<f32> = examples.iter().map(weight).collect();
    let rows: Vec<Row> = examples.iter().map(|&(sketch, ..)| row(model, sketch)).collect();
    let labels: Vec<usize> = examples.iter().map(|&(_, intent, ..)| intent as usize).collect();
    let size = (Intent::ALL.len(), INTENT_BUCKETS + intent::DENSE + 1);
    store(model, &softmax(&rows, &labels, &weights, size, PENALTY));
}

/// Sketch, intent, source and weight of each; benchmarks of an intent weigh alike.
fn examples<'a>(
    training: &'a Training<'_>,
    keep: &dyn Fn(usize) -> bool,
    parts: Parts,
) -> Vec<(&'a Sketch, Intent, Source, f32)> {
    let mut examples = Vec::new();
    for (at, sketch) in training.sketches.iter().enumerate() {
        let name = training.data.plan.intents.get(training.unit(at)).and_then(|name| Intent::named(name));
        if let Some(intent) = name.filter(|_| keep(at)) {
            examples.push((sketch, intent, Source::Benchmark, to_f32(1.0 / training.size(at))));
        }
    }
    for fixture in training.fixtures.iter().filter(|_| parts.fixtures) {
        let source = if fixture.made { Source::Template } else { Source::Hand };
        examples.push((&fixture.sketch, fixture.intent, source, 1.0));
    }
    examples
}

fn row(model: &Model, sketch: &Sketch) -> Row {
    let norm = intent::norm(sketch);
    let mut row: Row =
        sketch.words.iter().chain(&sketch.forms).map(|&hash| (bucket(hash, INTENT_BUCKETS), 1.0 / norm)).collect();
    let dense = intent::dense(&model.rules(sketch), sketch);
    row.extend(dense.iter().enumerate().map(|(at, value)| (INTENT_BUCKETS + at, value * scale(at))));
    row.push((INTENT_BUCKETS + intent::DENSE, 1.0));
    row
}

fn scale(at: usize) -> f32 {
    if at < rules::COUNT { RULE_SCALE } else { CUE_SCALE }
}

fn store(model: &mut Model, found: &[Vec<f32>]) {
    let hashed: Vec<f32> = found.iter().flat_map(|found| found[..INTENT_BUCKETS].iter().copied()).collect();
    model.intent_step = step(&hashed);
    for (slot, found) in model.intents.iter_mut().zip(found) {
        let (hashed, dense) = found.split_at(INTENT_BUCKETS);
        slot.words = quantised(hashed, model.intent_step);
        for (at, (slot, weight)) in slot.dense.iter_mut().zip(dense).enumerate() {
            *slot = weight * scale(at);
        }
        slot.bias = dense[intent::DENSE];
    }
}
