//! Byte offsets as offsets in Unicode code points, which other programs count in, and as lines, which people do.

use std::ops::Range;

/// The same spans counted in code points, in one pass over the text. The spans ascend and do not overlap; an offset
/// inside a character counts as the one behind it, an offset behind the text as its end.
pub fn code_points(text: &str, spans: &[Range<usize>]) -> Vec<Range<usize>> {
    // Every character has one byte that is no continuation.
    let mut counter = Counter { rest: text.as_bytes(), at: 0, count: 0, counts: |byte| byte & 0xc0 != 0x80 };
    spans.iter().map(|span| counter.up_to(span.start)..counter.up_to(span.end)).collect()
}

/// The first and the last line of each span, counted from 1, without the white space around what it says.
pub fn lines(text: &str, spans: &[Range<usize>]) -> Vec<(usize, usize)> {
    let mut counter = Counter { rest: text.as_bytes(), at: 0, count: 1, counts: |byte| byte == b'\n' };
    let mut of = |span: &Range<usize>| {
        let said = text.get(span.clone()).unwrap_or_default();
        let start = span.start + (said.len() - said.trim_start().len());
        let first = counter.up_to(start);
        (first, counter.up_to(start + said.trim().len()))
    };
    spans.iter().map(&mut of).collect()
}

/// How far the counting has come.
struct Counter<'t> {
    rest: &'t [u8],
    at: usize,
    count: usize,
    counts: fn(u8) -> bool,
}

impl Counter<'_> {
    /// The count before this byte.
    fn up_to(&mut self, byte: usize) -> usize {
        let (head, rest) = self.rest.split_at(byte.saturating_sub(self.at).min(self.rest.len()));
        self.count += head.iter().filter(|byte| (self.counts)(**byte)).count();
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

    #[test]
    fn bytes_become_lines() {
        let text = "\none\ntwo\r\n\r\nthree\n\n";
        for (spans, expected) in [
            (vec![], vec![]),
            (vec![0..5], vec![(2, 2)]),
            (vec![1..12], vec![(2, 3)]),
            (vec![1..5, 12..19], vec![(2, 2), (5, 5)]),
            (vec![5..8, 8..19], vec![(3, 3), (5, 5)]),
        ] {
            assert_eq!(lines(text, &spans), expected, "{spans:?}");
        }
    }
}
