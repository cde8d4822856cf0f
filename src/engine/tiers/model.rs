//! The learned weights: their layout in `weights.bin`, and the sums they take part in.
//!
//! All numbers are little-endian. `examples/train_tiers` writes the file; nothing in it is set by hand.
//!
//! | part | bytes |
//! |---|---|
//! | magic and version | 8 |
//! | per rule: mean, spread | 24 × 2 × 4 |
//! | difficulty: bias, step of the hashed weights, a weight per rule | (2 + 24) × 4 |
//! | per tier: offset and slope of the chance that it suffices | 4 × 2 × 4 |
//! | per intent: bias, a weight per rule, per cue and per property of the form; one step of the hashed weights | (12 × 71 + 1) × 4 |
//! | difficulty: hashed weights | 8,192 |
//! | per intent: hashed weights | 12 × 4,096 |

use std::borrow::Cow;
use std::sync::LazyLock;

use super::features::{BUCKETS, INTENT_BUCKETS, Sketch, bucket};
use super::intent::{self, Intent};
use super::rules;
use crate::engine::math;

/// The first bytes of the file; the last one is the version of the layout and of the features.
pub const MAGIC: &[u8; 8] = b"llmrtw\x00\x02";
/// A pair counts half as much as a word: rarer, and learned from fewer examples. Between 0.25 and 1
/// nothing changed on benchmarks held out.
pub const PAIR: f32 = 0.5;
/// Keeps the few words of a short prompt from weighing everything.
const SHORT: f32 = 4.0;
/// A rule beyond so many spreads from the training mean says no more than one at it.
const CLAMP: f32 = 2.5;

static BUILT_IN: LazyLock<Model> =
    LazyLock::new(|| Model::from_bytes(include_bytes!("weights.bin")).unwrap_or_default());

/// The weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Mean and spread of each rule over the training prompts.
    pub scales: [(f32, f32); rules::COUNT],
    /// What the sum starts from.
    pub bias: f32,
    /// What one step of a hashed weight is worth.
    pub step: f32,
    /// Weight of each rule.
    pub rules: [f32; rules::COUNT],
    /// Offset and slope of the logit that a tier suffices, tiers ascending.
    pub tiers: [(f32, f32); 4],
    /// Weights of the intents.
    pub intents: Vec<IntentWeights>,
    /// What one step of an intent's hashed weight is worth.
    pub intent_step: f32,
    /// Hashed weights of the difficulty.
    pub words: Steps,
}

/// What speaks for one intent.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentWeights {
    /// What the sum starts from.
    pub bias: f32,
    /// Weight of each rule, then of each intent's cue, then of each property of the form.
    pub dense: [f32; intent::DENSE],
    /// Hashed weights.
    pub words: Steps,
}

/// A hashed weight a bucket, in steps of -128 to 127: as they are in the file, so that of the one that is compiled in
/// only those are read that a prompt's words ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps(Cow<'static, [u8]>);

impl Steps {
    /// Of the bucket that a hash falls into.
    pub fn of(&self, hash: u32) -> i32 {
        let byte = self.0[bucket(hash, self.0.len())];
        i32::from(i8::from_le_bytes([byte]))
    }

    fn none(buckets: usize) -> Steps {
        const { assert!(INTENT_BUCKETS <= BUCKETS) };
        static NONE: [u8; BUCKETS] = [0; BUCKETS];
        Steps(Cow::Borrowed(&NONE[..buckets]))
    }

    fn read(rest: &mut &'static [u8], buckets: usize) -> Option<Steps> {
        let (bytes, after) = rest.split_at_checked(buckets)?;
        *rest = after;
        Some(Steps(Cow::Borrowed(bytes)))
    }
}

impl FromIterator<i8> for Steps {
    fn from_iter<I: IntoIterator<Item = i8>>(steps: I) -> Self {
        Steps(steps.into_iter().map(|step| step.to_le_bytes()[0]).collect())
    }
}

impl Default for Model {
    /// Knows nothing: every prompt the same.
    fn default() -> Model {
        let intent = IntentWeights { bias: 0.0, dense: [0.0; intent::DENSE], words: Steps::none(INTENT_BUCKETS) };
        Model {
            scales: [(0.0, 1.0); rules::COUNT],
            bias: 0.0,
            step: 0.0,
            rules: [0.0; rules::COUNT],
            tiers: [(0.0, 0.0); 4],
            intents: vec![intent; Intent::ALL.len()],
            intent_step: 0.0,
            words: Steps::none(BUCKETS),
        }
    }
}

impl Model {
    /// The model that is compiled in.
    pub fn built_in() -> &'static Model {
        &BUILT_IN
    }

    /// Reads the layout above; `None` when the bytes are of another version, too few or too many.
    pub fn from_bytes(bytes: &'static [u8]) -> Option<Model> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let mut model = Model::default();
        for scale in &mut model.scales {
            *scale = (float(&mut rest)?, float(&mut rest)?);
        }
        model.bias = float(&mut rest)?;
        model.step = float(&mut rest)?;
        floats(&mut rest, &mut model.rules)?;
        for tier in &mut model.tiers {
            *tier = (float(&mut rest)?, float(&mut rest)?);
        }
        for intent in &mut model.intents {
            intent.bias = float(&mut rest)?;
            floats(&mut rest, &mut intent.dense)?;
        }
        model.intent_step = float(&mut rest)?;
        model.words = Steps::read(&mut rest, BUCKETS)?;
        for intent in &mut model.intents {
            intent.words = Steps::read(&mut rest, INTENT_BUCKETS)?;
        }
        rest.is_empty().then_some(model)
    }

    /// The layout above.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let mut put = |value: f32| bytes.extend(value.to_le_bytes());
        self.scales.iter().flat_map(|&(mean, spread)| [mean, spread]).for_each(&mut put);
        [self.bias, self.step].into_iter().chain(self.rules).for_each(&mut put);
        self.tiers.iter().flat_map(|&(offset, slope)| [offset, slope]).for_each(&mut put);
        for intent in &self.intents {
            put(intent.bias);
            intent.dense.into_iter().for_each(&mut put);
        }
        put(self.intent_step);
        bytes.extend(&*self.words.0);
        self.intents.iter().for_each(|intent| bytes.extend(&*intent.words.0));
        bytes
    }

    /// How hard a prompt is, without a unit: higher is harder.
    pub fn difficulty(&self, sketch: &Sketch) -> f64 {
        let rules = self.rules(sketch);
        let counted: f32 = rules.iter().zip(&self.rules).map(|(value, weight)| value * weight).sum();
        let sum = |hashes: &[u32]| -> i32 { hashes.iter().map(|&hash| self.words.of(hash)).sum() };
        #[allow(clippy::cast_precision_loss)] // at most a few thousand words of at most 127
        let hashed = sum(&sketch.words) as f32 + PAIR * sum(&sketch.pairs) as f32;
        f64::from(self.bias + counted + hashed * self.step / norm(sketch))
    }

    /// The rules in spreads from the training mean.
    pub fn rules(&self, sketch: &Sketch) -> [f32; rules::COUNT] {
        let mut values = sketch.rules();
        for (value, (mean, spread)) in values.iter_mut().zip(&self.scales) {
            *value = ((*value - mean) / spread).clamp(-CLAMP, CLAMP);
        }
        values
    }

    /// The chance that each tier suffices at a difficulty: never falling, tiers ascending.
    pub fn suffices(&self, difficulty: f64) -> [f64; 4] {
        let mut best = 0.0_f64;
        self.tiers.map(|(offset, slope)| {
            best = best.max(sigmoid(f64::from(offset) - f64::from(slope) * difficulty));
            best
        })
    }

    /// What speaks for each intent, in the order of [`Intent::ALL`].
    pub fn intents(&self, sketch: &Sketch) -> [f32; Intent::ALL.len()] {
        let dense = intent::dense(&self.rules(sketch), sketch);
        let mut sums = [0.0; Intent::ALL.len()];
        for (sum, weights) in sums.iter_mut().zip(&self.intents) {
            let counted: f32 = dense.iter().zip(&weights.dense).map(|(value, weight)| value * weight).sum();
            let hashed: i32 = sketch.words.iter().chain(&sketch.forms).map(|&hash| weights.words.of(hash)).sum();
            #[allow(clippy::cast_precision_loss)] // as above
            let hashed = hashed as f32 * self.intent_step / intent::norm(sketch);
            *sum = weights.bias + counted + hashed;
        }
        sums
    }
}

/// The chance of each intent, of what speaks for it.
pub fn chances(sums: &[f32; Intent::ALL.len()]) -> [f32; Intent::ALL.len()] {
    let most = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers = sums.map(|sum| math::exp_f32(sum - most));
    let total: f32 = powers.iter().sum();
    powers.map(|power| power / total)
}

/// What the sum of the hashed weights is divided by: their length as a vector.
#[allow(clippy::cast_precision_loss)] // at most a few thousand
pub fn norm(sketch: &Sketch) -> f32 {
    (sketch.words.len() as f32 + PAIR * PAIR * sketch.pairs.len() as f32 + SHORT).sqrt()
}

/// The logistic function.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + math::exp(-x))
}

fn float(rest: &mut &[u8]) -> Option<f32> {
    let (bytes, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(f32::from_le_bytes(*bytes)).filter(|value| value.is_finite())
}

fn floats(rest: &mut &[u8], into: &mut [f32]) -> Option<()> {
    for value in into {
        *value = float(rest)?;
    }
    Some(())
}
