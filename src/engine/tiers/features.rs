//! What the linear models look at: hashed words and word pairs, and a few counted properties.

use super::intent::Cues;
use super::rules::{self, Counts};
use super::text::{self, Kind};

/// Hash buckets of the difficulty model: 16,384 weights of 8 bits were as good as eight times as many
/// floats on the training data.
pub const BUCKETS: usize = 1 << 14;
/// The same for the intents, of which there are twelve: together they stay under 32 KiB.
pub const INTENT_BUCKETS: usize = 1 << 11;
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
}

impl Sketch {
    /// Reads a prompt: at most its first and last 2 KiB.
    pub fn of(prompt: &str) -> Sketch {
        let mut sketch = Sketch { counts: Counts::of_length(prompt.len()), ..Sketch::default() };
        for window in text::windows(prompt) {
            let mut before = FNV_START;
            text::scan(window, |token| {
                sketch.counts.add(&token);
                sketch.cues.add(&token);
                if token.kind != Kind::Break {
                    let word = hash(token.lower);
                    sketch.words.push(word);
                    sketch.pairs.push(pair(before, word));
                    before = word;
                }
            });
        }
        distinct(&mut sketch.words);
        distinct(&mut sketch.pairs);
        sketch
    }

    /// The counted properties on the scale of the models.
    pub fn rules(&self) -> [f32; rules::COUNT] {
        self.counts.values()
    }
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
