//! What a prompt is about: cue words by hand, weighed by a learned linear model.
//!
//! The cues cover the kinds that no benchmark has (greetings, translations, errands); the learned part
//! decides where cues contradict each other.

use super::features::Sketch;
use super::text::{Kind, Token};
use super::{rules, shape};
use crate::engine::math;

/// The kind of task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    /// Hello, thanks, goodbye.
    Greeting,
    /// Facts and their explanation.
    Knowledge,
    /// What anybody knows of everyday life.
    Commonsense,
    /// Conclusions from premises, puzzles.
    Logic,
    /// Calculation and proof.
    Math,
    /// Programs.
    Code,
    /// Texts to write or improve.
    Writing,
    /// Questions about a text that comes along, and its summary.
    Reading,
    /// From one language into another.
    Translation,
    /// Data out of a text, and its classification.
    Extraction,
    /// Something to be done in the world.
    Action,
    /// Anything else.
    Other,
}

impl Intent {
    /// Every intent, in the order of the weights.
    pub const ALL: [Intent; 12] = [
        Intent::Greeting,
        Intent::Knowledge,
        Intent::Commonsense,
        Intent::Logic,
        Intent::Math,
        Intent::Code,
        Intent::Writing,
        Intent::Reading,
        Intent::Translation,
        Intent::Extraction,
        Intent::Action,
        Intent::Other,
    ];

    /// Its name in configuration and output.
    pub fn name(self) -> &'static str {
        match self {
            Intent::Greeting => "greeting",
            Intent::Knowledge => "knowledge",
            Intent::Commonsense => "commonsense",
            Intent::Logic => "logic",
            Intent::Math => "math",
            Intent::Code => "code",
            Intent::Writing => "writing",
            Intent::Reading => "reading",
            Intent::Translation => "translation",
            Intent::Extraction => "extraction",
            Intent::Action => "action",
            Intent::Other => "other",
        }
    }

    /// The intent of that name.
    pub fn named(name: &str) -> Option<Intent> {
        Intent::ALL.into_iter().find(|intent| intent.name() == name)
    }
}

/// Inputs of an intent beside the hashed words: the rules, a cue of each intent, and the form.
pub const DENSE: usize = rules::COUNT + Intent::ALL.len() + shape::COUNT;

/// What the sum of the hashed weights is divided by.
#[allow(clippy::cast_precision_loss)] // at most a few thousand
pub fn norm(sketch: &Sketch) -> f32 {
    ((sketch.words.len() + sketch.forms.len()) as f32 + 4.0).sqrt()
}

/// The rules, then the cues, then the form.
pub fn dense(rules: &[f32; rules::COUNT], sketch: &Sketch) -> [f32; DENSE] {
    let mut dense = [0.0; DENSE];
    let cues = sketch.cues.values();
    let shape = sketch.shape.values();
    for (into, &value) in dense.iter_mut().zip(rules.iter().chain(&cues).chain(&shape)) {
        *into = value;
    }
    dense
}

/// How often each intent was spoken for by a cue word.
#[derive(Debug, Clone, Default)]
pub struct Cues {
    seen: u32,
    counts: [u32; Intent::ALL.len()],
}

/// A verb of a request counts where requests begin: among so many tokens.
const OPENING: u32 = 4;
/// A cue in the opening counts as much as so many elsewhere.
const OPENING_COUNTS: u32 = 3;
/// A prompt longer than so many tokens is no greeting and no errand.
const SHORT: u32 = 14;

impl Cues {
    /// Counts one token in.
    pub fn add(&mut self, token: &Token<'_>) {
        if token.kind == Kind::Break {
            return;
        }
        let opening = self.seen < OPENING;
        self.seen += 1;
        if let Some((intent, anywhere)) = super::cues::of(token.lower)
            && (anywhere || opening)
        {
            self.counts[intent as usize] += if opening { OPENING_COUNTS } else { 1 };
        }
    }

    /// The cue of each intent, between 0 and about 1.
    #[allow(clippy::cast_precision_loss)] // at most a few thousand
    pub fn values(&self) -> [f32; Intent::ALL.len()] {
        let mut values = self.counts.map(|count| (math::ln_f32(1.0 + count as f32) / 2.0).min(1.5));
        if self.seen > SHORT {
            for intent in [Intent::Greeting, Intent::Action] {
                values[intent as usize] *= SHORT as f32 / self.seen as f32;
            }
        }
        values
    }
}
