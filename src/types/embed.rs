//! Vectors of texts: what is asked of a model that makes them, and how they travel as the text of an answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a text's vector is for. Some models make other vectors of what is searched than of what is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A text that is to be found.
    Document,
    /// What is looked for.
    Query,
}

impl Purpose {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Query => "query",
        }
    }
}

/// What vectors are asked for: one for each message of an [`Ask`](super::Ask).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embed {
    /// How many numbers each one shall have; `None` for the model's own number.
    pub dimensions: Option<u32>,
    /// What for.
    pub purpose: Purpose,
}

/// Vectors as a text: a line each, base64 of 32-bit floats in little-endian order. Half as long as decimals and exact,
/// so that whatever keeps answers keeps them, too.
pub fn encode_vectors(vectors: &[Vec<f32>]) -> String {
    let lines = vectors.iter().map(|vector| STANDARD.encode(bytes_of(vector)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The vectors of such a text; `None` for one that is none.
pub fn decode_vectors(text: &str) -> Option<Vec<Vec<f32>>> {
    text.lines().map(|line| of_bytes(&STANDARD.decode(line).ok()?)).collect()
}

/// A vector as bytes: 32-bit floats in little-endian order.
pub fn bytes_of(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The vector of such bytes; `None` where they are not a whole number of floats.
pub fn of_bytes(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

/// How alike the directions of two vectors are, from -1 to 1; 0 where one has no direction or another length.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    let (mut dot, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b).map(|(x, y)| (f64::from(*x), f64::from(*y))) {
        (dot, aa, bb) = (dot + x * y, aa + x * x, bb + y * y);
    }
    let length = (aa * bb).sqrt();
    if length > 0.0 { dot / length } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_travel_as_text() {
        let vectors = vec![vec![1.0, -0.5, f32::MIN_POSITIVE], vec![0.1, 2.5e-8, -3.0]];
        assert_eq!(decode_vectors(&encode_vectors(&vectors)), Some(vectors));
        for wrong in ["?", "AAAA", "AACAPw==\nAAA="] {
            assert_eq!(decode_vectors(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn likeness_is_of_directions() {
        for (a, b, alike) in [
            (vec![1.0, 0.0], vec![3.0, 0.0], 1.0),
            (vec![1.0, 0.0], vec![0.0, 2.0], 0.0),
            (vec![1.0, 1.0], vec![-2.0, -2.0], -1.0),
            (vec![0.0, 0.0], vec![1.0, 0.0], 0.0),
            (vec![1.0], vec![1.0, 0.0], 0.0),
        ] {
            assert!((cosine(&a, &b) - alike).abs() < 1e-9, "{a:?} {b:?}");
        }
    }
}
