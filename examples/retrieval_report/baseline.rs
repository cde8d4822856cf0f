//! Plain BM25 as everybody writes it: chunks of so many characters, words as they are, the best chunks that fit.

use std::collections::HashMap;
use std::ops::Range;

/// The usual values.
const K1: f64 = 1.5;
const B: f64 = 0.75;

pub struct Plain {
    chunks: Vec<Range<usize>>,
    lengths: Vec<usize>,
    average: f64,
    postings: HashMap<String, Vec<(u32, u32)>>,
    chars: usize,
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

impl Plain {
    pub fn new(text: &str, chars: usize) -> Self {
        let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(chars).collect();
        bytes.push(text.len());
        let chunks: Vec<Range<usize>> = bytes.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let mut postings: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
        let mut lengths = Vec::new();
        for (number, chunk) in chunks.iter().enumerate() {
            let mut length = 0;
            for word in words(&text[chunk.clone()]) {
                length += 1;
                let list = postings.entry(word).or_default();
                match list.last_mut() {
                    Some((last, count)) if *last == number as u32 => *count += 1,
                    _ => list.push((number as u32, 1)),
                }
            }
            lengths.push(length);
        }
        let average = lengths.iter().sum::<usize>() as f64 / lengths.len().max(1) as f64;
        Self { chunks, lengths, average, postings, chars }
    }

    pub fn pick(&self, question: &str, tokens: u64) -> Vec<Range<usize>> {
        let mut scores = vec![0.0; self.chunks.len()];
        let all = self.chunks.len() as f64;
        for word in words(question) {
            let Some(list) = self.postings.get(&word) else { continue };
            let with = list.len() as f64;
            let rarity = llmr::engine::math::ln(1.0 + (all - with + 0.5) / (with + 0.5));
            for &(chunk, count) in list {
                let count = f64::from(count);
                let long = K1 * (1.0 - B + B * self.lengths[chunk as usize] as f64 / self.average);
                scores[chunk as usize] += rarity * count * (K1 + 1.0) / (count + long);
            }
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let fits = (tokens as usize * 4) / self.chars;
        order.into_iter().take(fits).map(|chunk| self.chunks[chunk].clone()).collect()
    }
}
