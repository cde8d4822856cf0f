//! What the linear models look at: hashed words, word pairs, endings and openings, and a few counted properties.

use super::intent::Cues;
use super::rules::{self, Counts};
use super::shape::Shape;
use super::text::{self, Kind, Token};

/// Hash buckets of the difficulty model: 8,192 weights of 8 bits were as good as twice as many, and those as eight
/// times as many floats.
pub const BUCKETS: usize = 1 << 13;
/// The same for the intents, of which there are twelve: together they are 48 KiB.
pub const INTENT_BUCKETS: usize = 1 << 12;
/// Words of so many letters have an ending that tells their kind (-osis, -ation), of so many letters.
const LONG: usize = 7;
const ENDING: usize = 4;
/// So many words open a prompt.
const OPENING: u32 = 3;
/// 2^32 divided by the golden ratio: Knuth's multiplicative hash.
const GOLDEN: u32 = 0x9E37_79B1;
/// The start value and the prime of 32-bit FNV-1a.
const FNV_START: u32 = 0x811C_9DC5;
const FNV_PRIME: u32 = 0x0100_0193;

/// A prompt as the models see it.
#[derive(Debug, Clone, Default)]
pub struct Sketch {
    /// Hashes of its distinct words, ascending.
    pub words: Vec<u32>,
    /// Hashes of its distinct pairs of neighbouring words, ascending.
    pub pairs: Vec<u32>,
    /// Its counted properties.
    pub counts: Counts,
    /// Its cues for the intents.
    pub cues: Cues,
    /// Its form.
    pub shape: Shape,
    /// Hashes of its distinct endings of longer words, and of its opening, ascending.
    pub forms: Vec<u32>,
}

impl Sketch {
    /// Reads a prompt: at most its first and last 2 KiB.
    pub fn of(prompt: &str) -> Sketch {
        let mut sketch = Sketch { counts: Counts::of_length(prompt.len()), ..Sketch::default() };
        let mut seen = 0;
        for window in text::windows(prompt) {
            let mut before = FNV_START;
            text::scan(window, |token| {
                sketch.counts.add(&token);
                sketch.cues.add(&token);
                let word = hash(token.lower);
                sketch.shape.add(&token, sketch.counts.options(), sketch.counts.in_option(), word);
                if token.kind != Kind::Break {
                    forms(&token, word, before, &mut sketch.forms, &mut seen);
                    sketch.words.push(word);
                    sketch.pairs.push(pair(before, word));
                    before = word;
                }
            });
        }
        distinct(&mut sketch.words);
        distinct(&mut sketch.pairs);
        distinct(&mut sketch.forms);
        sketch
    }

    /// The counted properties on the scale of the models.
    pub fn rules(&self) -> [f32; rules::COUNT] {
        self.counts.values()
    }
}

/// The ending of a longer word, and the words of the opening by their place.
fn forms(token: &Token<'_>, word: u32, before: u32, into: &mut Vec<u32>, seen: &mut u32) {
    if token.kind == Kind::Word && token.lower.len() >= LONG && token.lower.is_ascii() {
        into.push(hash(&token.lower[token.lower.len() - ENDING..]) ^ 0xE4D);
    }
    if *seen < OPENING {
        into.push(word.rotate_left(11).wrapping_mul(GOLDEN) ^ 0x0B3);
        into.push(pair(before, word) ^ 0x77);
    }
    *seen += 1;
}

fn distinct(hashes: &mut Vec<u32>) {
    hashes.sort_unstable();
    hashes.dedup();
}

/// 32-bit FNV-1a, then mixed, so that its upper bits are good too.
pub fn hash(word: &str) -> u32 {
    let fnv = word.bytes().fold(FNV_START, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME));
    (fnv ^ (fnv >> 15)).wrapping_mul(GOLDEN)
}

/// The hash of two words in this order.
pub fn pair(first: u32, second: u32) -> u32 {
    (first.rotate_left(7) ^ second).wrapping_mul(GOLDEN) ^ 0x5555
}

/// The bucket of a hash among a power of two of them.
pub fn bucket(hash: u32, buckets: usize) -> usize {
    // u32 to usize is lossless on every target this builds for.
    ((hash ^ (hash >> 16)) as usize) & (buckets - 1)
}
