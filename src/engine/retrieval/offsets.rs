//! Byte offsets as offsets in Unicode code points, which other programs count in.

use std::ops::Range;

/// The same spans counted in code points, in one pass over the text. The spans ascend and do not overlap; an offset
/// inside a character counts as the one behind it, an offset behind the text as its end.
pub fn code_points(text: &str, spans: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut counter = Counter { rest: text.as_bytes(), at: 0, count: 0 };
    spans.iter().map(|span| counter.up_to(span.start)..counter.up_to(span.end)).collect()
}

/// How far the counting has come.
struct Counter<'t> {
    rest: &'t [u8],
    at: usize,
    count: usize,
}

impl Counter<'_> {
    /// The code points before this byte.
    fn up_to(&mut self, byte: usize) -> usize {
        let (head, rest) = self.rest.split_at(byte.saturating_sub(self.at).min(self.rest.len()));
        // Every character has one byte that is no continuation.
        self.count += head.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        self.at += head.len();
        self.rest = rest;
        self.count
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_code_points() {
        let text = "aä漢🎉z";
        for (spans, expected) in [
            (vec![], vec![]),
            (vec![0..1], vec![0..1]),
            (vec![0..3, 3..6], vec![0..2, 2..3]),
            (vec![1..3, 10..11], vec![1..2, 4..5]),
            (vec![6..10], vec![3..4]),
            (vec![0..99], vec![0..5]),
        ] {
            assert_eq!(code_points(text, &spans), expected, "{spans:?}");
        }
    }
}
