//! From measured outcomes to weights: two ridge regressions for the difficulty, one per intent, and a
//! logistic calibration per tier. Everything is deterministic; nothing is drawn at random.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use llmr::engine::tiers::features::{BUCKETS, Sketch, bucket};
use llmr::engine::tiers::intent::Intent;
use llmr::engine::tiers::model::{self, Model, PAIR, Steps};
use llmr::engine::tiers::rules;

use super::data::{Data, Prompt, family};
use super::kinds::{self, Fixture};
use super::ridge::{Row, ridge, to_f32};

/// Column scale of a rule in the difficulty: a smaller scale is a stronger penalty. Held-out figures are flat
/// between 0.05 and 0.3.
const RULE_SCALE: f32 = 0.1;
/// Penalty of both regressions, relative to the mean square of a row. Flat between 3e-4 and 3e-3.
const PENALTY: f32 = 2e-3;
/// Share of the gap (strong minus weak) in the target; the rest is how often cheap models fail. The gap alone
/// is too noisy (within a benchmark 0.50), failure alone ignores prompts at which all models fail.
const GAP_SHARE: f64 = 0.4;
/// How much of the difference between benchmarks the words may explain; the rules may explain all of it. Words
/// that know a benchmark by its topic do not carry over.
const WORDS_ACROSS: f64 = 0.3;
/// A word must occur in so many families of benchmarks to get a weight.
const FAMILIES: u32 = 3;
/// Weight of a fixture in the difficulty, where they only keep small talk from looking hard.
const PRIOR_WEIGHT: f32 = 0.5;
/// Calibration is fitted on prompts of families that were left out, in so many parts.
const PARTS: usize = 3;

/// What is left out for an ablation.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    pub words: bool,
    pub pairs: bool,
    pub rules: bool,
    /// Hand-made fixtures in training.
    pub fixtures: bool,
    /// Words learned inside benchmarks only, apart from the rules.
    pub two_stages: bool,
    /// The intents, which most of the report does not need again.
    pub intents: bool,
}

/// Everything.
pub const WHOLE: Parts =
    Parts { words: true, pairs: true, rules: true, fixtures: true, two_stages: true, intents: true };

/// How much more (or less) often than on an average benchmark cheap models fail at a kind that no benchmark
/// here has. Rough, from public scores of MT-Bench by category, where writing, role-play and extraction are
/// near the top for small models and reasoning is not.
fn prior(intent: Intent) -> Option<f64> {
    match intent {
        Intent::Greeting => Some(-0.35),
        Intent::Action => Some(-0.25),
        Intent::Translation | Intent::Writing | Intent::Other => Some(-0.20),
        Intent::Extraction | Intent::Reading => Some(-0.15),
        Intent::Logic => Some(0.15),
        Intent::Knowledge | Intent::Commonsense | Intent::Math | Intent::Code => None,
    }
}

/// The models of each tier where outcomes come from the same source, by measured success and price.
pub fn tiers(set: &str) -> [&'static [&'static str]; 4] {
    match set {
        "mmlu-pro-stem" => [
            &["mistral-7b-v0.2", "qwen1.5-7b", "phi-3-mini"],
            &["llama-3.1-8b", "mixtral-8x7b"],
            &["llama-3.1-70b", "deepseek-coder-v2"],
            &["gemini-1.5-pro"],
        ],
        "numersense" => [&["llama-3-8b"], &["gpt-3.5-turbo"], &["llama-3-70b", "gpt-4o-mini"], &["gpt-4o-0513"]],
        "llmrouter" => [
            &["mistral-7b-instruct-v0.3"],
            &["qwen2.5-7b-instruct", "gemma-2-9b-it", "llama-3.1-8b-instruct"],
            &["llama-3.1-nemotron-51b-instruct"],
            &["llama-3.1-nemotron-51b-instruct", "llama-3.3-nemotron-super-49b-v1"],
        ],
        _ => [
            &["mistral-7b", "wizardlm-13b"],
            &["mixtral-8x7b", "llama-2-70b", "codellama-34b"],
            &["gpt-3.5-turbo", "yi-34b", "claude-instant-1"],
            &["gpt-4-1106"],
        ],
    }
}

/// Mean success of some models at a prompt.
pub fn success(prompt: &Prompt, models: &[&str]) -> Option<f64> {
    let scores: Vec<f64> = models.iter().filter_map(|model| Some(prompt.outcomes.get(*model)?.0)).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}

/// The prompts as the trainer sees them.
pub struct Training<'a> {
    pub data: &'a Data,
    pub sketches: Vec<Sketch>,
    /// What is to be learned of each prompt: failure of the cheap, and gap.
    targets: Vec<f64>,
    /// Sets with the same models share a source; difficulty is comparable inside one only.
    sources: Vec<&'a str>,
    sizes: BTreeMap<&'a str, f64>,
    families: BTreeMap<&'a str, usize>,
    /// The families in which a hash occurs, a bit each: there are fewer than 64.
    seen: HashMap<u32, u64>,
    pub fixtures: Vec<Fixture>,
}

impl<'a> Training<'a> {
    /// Looks at every prompt once.
    pub fn new(data: &'a Data, fixtures: Vec<Fixture>) -> Training<'a> {
        let sketches: Vec<Sketch> = data.prompts.iter().map(|prompt| Sketch::of(&prompt.text)).collect();
        let targets = data.prompts.iter().map(target).collect();
        let sources = data.prompts.iter().map(|prompt| source(&prompt.set)).collect();
        let mut sizes = BTreeMap::new();
        for prompt in &data.prompts {
            *sizes.entry(prompt.unit.as_str()).or_insert(0.0) += 1.0;
        }
        let names: BTreeSet<&str> = data.prompts.iter().map(|prompt| family(&prompt.unit)).collect();
        let families = names.into_iter().enumerate().map(|(at, name)| (name, at)).collect();
        let mut training =
            Training { data, sketches, targets, sources, sizes, families, seen: HashMap::new(), fixtures };
        for (at, sketch) in training.sketches.iter().enumerate() {
            let bit = 1 << training.families[family(&data.prompts[at].unit)];
            sketch.words.iter().chain(&sketch.pairs).for_each(|&hash| *training.seen.entry(hash).or_insert(0) |= bit);
        }
        training
    }

    pub fn unit(&self, at: usize) -> &'a str {
        &self.data.prompts[at].unit
    }

    /// Prompts in a benchmark, by any of its prompts.
    pub fn size(&self, at: usize) -> f64 {
        self.sizes[self.unit(at)]
    }

    /// The model learned from the prompts for which `keep` holds, calibrated on left-out families.
    pub fn model(&self, keep: &dyn Fn(usize) -> bool, parts: Parts) -> Model {
        let mut model = self.uncalibrated(keep, parts);
        let mut points = Vec::new();
        for part in 0..PARTS {
            let here = |at: usize| self.part(at) == part;
            let other = self.uncalibrated(&|at| keep(at) && !here(at), parts);
            let held = (0..self.sketches.len()).filter(|&at| keep(at) && here(at));
            points.extend(held.map(|at| (at, other.difficulty(&self.sketches[at]))));
        }
        self.calibrate(&mut model, &points);
        kinds::learn(self, &mut model, keep, parts);
        model
    }

    /// The same with the calibration of another model: figures of models that each left out another family
    /// are comparable only on one scale. It is eight numbers for all prompts.
    pub fn model_like(&self, scale: &Model, keep: &dyn Fn(usize) -> bool, parts: Parts) -> Model {
        let mut model = self.uncalibrated(keep, parts);
        model.tiers = scale.tiers;
        if parts.intents {
            kinds::learn(self, &mut model, keep, parts);
        }
        model
    }

    /// Families dealt out in the order of their names.
    fn part(&self, at: usize) -> usize {
        family(self.unit(at)).bytes().map(usize::from).sum::<usize>() % PARTS
    }

    fn uncalibrated(&self, keep: &dyn Fn(usize) -> bool, parts: Parts) -> Model {
        let kept: Vec<usize> = (0..self.sketches.len()).filter(|&at| keep(at)).collect();
        let mut model = Model { scales: self.scales(&kept), ..Model::default() };
        let weights: Vec<f32> = kept.iter().map(|&at| to_f32(1.0 / self.size(at).sqrt())).collect();
        let carried = self.carried(&kept);
        let rows: Vec<Row> = kept.iter().map(|&at| row(&model, &self.sketches[at], parts, &carried)).collect();
        if !parts.two_stages {
            let found = self.solve(&rows, self.centred(&kept, 1.0), weights, parts, &model, None);
            store(&mut model, &found);
            return model;
        }
        let dense: Vec<Row> =
            rows.iter().map(|row| row.iter().copied().filter(|&(at, _)| at >= BUCKETS).collect()).collect();
        let first = self.solve(
            &dense,
            self.centred(&kept, 1.0),
            weights.clone(),
            Parts { words: false, pairs: false, ..parts },
            &model,
            None,
        );
        let second = self.solve(&rows, self.centred(&kept, WORDS_ACROSS), weights, parts, &model, Some(&first));
        let sum: Vec<f32> = first.iter().zip(&second).map(|(one, two)| one + two).collect();
        store(&mut model, &sum);
        model
    }

    /// Ridge over the prompts and, with their prior, the fixtures (less what `before` already says of them).
    fn solve(
        &self,
        rows: &[Row],
        mut wanted: Vec<f32>,
        mut weights: Vec<f32>,
        parts: Parts,
        model: &Model,
        before: Option<&[f32]>,
    ) -> Vec<f32> {
        let mut all: Vec<Row> = rows.to_vec();
        for fixture in self.fixtures.iter().filter(|fixture| parts.fixtures && !fixture.made) {
            let Some(prior) = prior(fixture.intent) else { continue };
            let row = row(model, &fixture.sketch, parts, &|_| true);
            let said: f32 = before.map_or(0.0, |found| row.iter().map(|&(at, value)| found[at] * value).sum());
            wanted.push(to_f32(prior) - said);
            weights.push(PRIOR_WEIGHT);
            all.push(row);
        }
        ridge(&all, &wanted, &weights, BUCKETS + rules::COUNT + 1, PENALTY)
    }

    /// Targets less the mean of their benchmark, plus a share of how that mean differs from its source's.
    fn centred(&self, kept: &[usize], across: f64) -> Vec<f32> {
        let mut units: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        let mut sources: BTreeMap<&str, (f64, BTreeSet<&str>)> = BTreeMap::new();
        for &at in kept {
            let (sum, count) = units.entry(self.unit(at)).or_default();
            (*sum, *count) = (*sum + self.targets[at], *count + 1.0);
            sources.entry(self.sources[at]).or_default().1.insert(self.unit(at));
        }
        let mean = |unit: &str| units[unit].0 / units[unit].1;
        for (sum, members) in sources.values_mut() {
            *sum = members.iter().map(|unit| mean(unit)).sum::<f64>() / members.len() as f64;
        }
        let one = |&at: &usize| {
            let own = mean(self.unit(at));
            to_f32(self.targets[at] - own + across * (own - sources[self.sources[at]].0))
        };
        kept.iter().map(one).collect()
    }

    /// Whether a hash occurs in enough of the families kept to be learned.
    fn carried(&self, kept: &[usize]) -> impl Fn(u32) -> bool {
        let there: BTreeSet<usize> = kept.iter().map(|&at| self.family(at)).collect();
        let mask: u64 = there.into_iter().map(|family| 1 << family).sum();
        move |hash| self.seen.get(&hash).is_some_and(|families| (families & mask).count_ones() >= FAMILIES)
    }

    /// The place of a prompt's family among all.
    fn family(&self, at: usize) -> usize {
        self.families[family(self.unit(at))]
    }

    /// Mean and spread of each rule, benchmarks by the root of their size.
    fn scales(&self, kept: &[usize]) -> [(f32, f32); rules::COUNT] {
        let mut sums = [(0.0_f64, 0.0_f64); rules::COUNT];
        let mut total = 0.0;
        for &at in kept {
            let weight = 1.0 / self.size(at).sqrt();
            total += weight;
            for ((sum, square), value) in sums.iter_mut().zip(self.sketches[at].rules()) {
                *sum += weight * f64::from(value);
                *square += weight * f64::from(value) * f64::from(value);
            }
        }
        sums.map(|(sum, square)| {
            let mean = sum / total;
            (to_f32(mean), to_f32((square / total - mean * mean).max(0.0).sqrt().max(1e-3)))
        })
    }

    /// Offset and slope of each tier by logistic regression (Newton), one slope for all: tiers keep their order.
    fn calibrate(&self, model: &mut Model, points: &[(usize, f64)]) {
        for (tier, slot) in model.tiers.iter_mut().enumerate() {
            let seen = points.iter().filter_map(|&(at, difficulty)| {
                let prompt = &self.data.prompts[at];
                Some((difficulty, success(prompt, tiers(&prompt.set)[tier])?, 1.0 / self.size(at).sqrt()))
            });
            let (offset, slope) = super::ridge::logistic(&seen.collect::<Vec<_>>());
            *slot = (to_f32(offset), to_f32(slope.max(0.0)));
        }
    }
}

fn target(prompt: &Prompt) -> f64 {
    let [fast, balanced, advanced, premium] = tiers(&prompt.set);
    let weak = success(prompt, &[fast, balanced].concat()).unwrap_or(0.5);
    let strong = success(prompt, &[advanced, premium].concat()).unwrap_or(weak);
    (1.0 - GAP_SHARE) * (1.0 - weak) + GAP_SHARE * (strong - weak)
}

/// Where the outcomes of a set come from.
pub fn source(set: &str) -> &str {
    match set {
        "arc-challenge" | "winogrande" | "mbpp" => "routerbench",
        set => set,
    }
}

fn row(model: &Model, sketch: &Sketch, parts: Parts, carried: &dyn Fn(u32) -> bool) -> Row {
    let norm = model::norm(sketch);
    let mut row = Row::new();
    let mut hashed = |hashes: &[u32], value: f32| {
        row.extend(hashes.iter().filter(|&&hash| carried(hash)).map(|&hash| (bucket(hash, BUCKETS), value / norm)));
    };
    if parts.words {
        hashed(&sketch.words, 1.0);
    }
    if parts.pairs {
        hashed(&sketch.pairs, PAIR);
    }
    if parts.rules {
        row.extend(model.rules(sketch).iter().enumerate().map(|(at, value)| (BUCKETS + at, value * RULE_SCALE)));
    }
    row.push((BUCKETS + rules::COUNT, 1.0));
    row
}

fn store(model: &mut Model, found: &[f32]) {
    let (hashed, dense) = found.split_at(BUCKETS);
    model.step = step(hashed);
    model.words = quantised(hashed, model.step);
    for (slot, weight) in model.rules.iter_mut().zip(dense) {
        *slot = weight * RULE_SCALE;
    }
    model.bias = dense[rules::COUNT];
}

/// 127 steps reach the largest weight but for one in a thousand, which is cut.
pub fn step(weights: &[f32]) -> f32 {
    let mut sizes: Vec<f32> = weights.iter().map(|weight| weight.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    sizes.get(sizes.len() * 999 / 1000).copied().unwrap_or(0.0).max(1e-9) / 127.0
}

pub fn quantised(weights: &[f32], step: f32) -> Steps {
    weights.iter().map(|weight| (weight / step).round().clamp(-127.0, 127.0) as i8).collect()
}
