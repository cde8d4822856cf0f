//! Pieces of a text that is read whole: neighbouring units up to a size, cut where the text itself has a seam.

use std::ops::Range;

use super::measure::{TOKEN, tokens};
use super::split::{Unit, units};

/// From this part of the size on, a piece ends where a heading begins; so a piece is at least half full.
const HEADING: u64 = 2;

/// From three quarters on, it ends at the end of a paragraph.
const PARAGRAPH: (u64, u64) = (3, 4);

/// Pieces of at most `size` tokens, in bytes, ascending; each begins with as much of the one before as fits into
/// `overlap` tokens, whole units only. Only a unit that is larger than `size` alone makes a larger piece.
pub fn pieces(units: &[Unit], size: u64, overlap: u64) -> Vec<Range<usize>> {
    let size = size.saturating_mul(TOKEN).max(1);
    let overlap = overlap.saturating_mul(TOKEN).min(size / 2);
    let mut pieces = Vec::new();
    let (mut first, mut cost) = (0, 0);
    for (number, unit) in units.iter().enumerate() {
        let next = u64::from(unit.hundredths);
        let seam = number > first && is_seam(units, number, cost, size);
        if number > first && (cost + next > size || seam) {
            pieces.extend(range(units, first, number));
            first = overlapping(units, first, number, overlap.min(size.saturating_sub(next)));
            cost = sum(units, first, number);
        }
        cost += next;
    }
    pieces.extend(range(units, first, units.len()));
    pieces
}

/// Pieces of a text of about `size` tokens and never more than `most`, which is no less: one that has no seam of its own
/// is cut anywhere between two characters.
pub fn pieces_within(text: &str, size: u64, most: u64) -> Vec<Range<usize>> {
    let whole = pieces(&units(text), size, 0);
    whole.into_iter().flat_map(|span| cut(text, span, size, most)).collect()
}

fn cut(text: &str, span: Range<usize>, size: u64, most: u64) -> Vec<Range<usize>> {
    let whole = &text[span.clone()];
    let all = tokens(whole);
    if all <= most {
        return vec![span];
    }
    // A character is a token at most where scripts are dense; four bytes are one elsewhere.
    let bytes = usize::try_from(size * whole.len() as u64 / all.max(1)).unwrap_or(usize::MAX).max(4);
    let mut pieces = Vec::new();
    let mut start = span.start;
    while start < span.end {
        let end = text.floor_char_boundary((start + bytes).min(span.end)).max(start + 1);
        let end = text.ceil_char_boundary(end);
        pieces.push(start..end);
        start = end;
    }
    pieces
}

/// Whether a piece of this cost does well to end before this unit.
fn is_seam(units: &[Unit], number: usize, cost: u64, size: u64) -> bool {
    let Some(unit) = units.get(number) else { return true };
    let before = number.checked_sub(1).and_then(|before| units.get(before));
    let paragraph = before.is_some_and(|before| before.block != unit.block && !before.heading);
    paragraph && (unit.heading && cost * HEADING >= size || cost * PARAGRAPH.1 >= size * PARAGRAPH.0)
}

/// The first of the units before `end` that together cost no more than this; never `first` itself, so that pieces go on.
fn overlapping(units: &[Unit], first: usize, end: usize, most: u64) -> usize {
    let mut from = end;
    while from > first + 1 && sum(units, from - 1, end) <= most {
        from -= 1;
    }
    from
}

fn sum(units: &[Unit], from: usize, to: usize) -> u64 {
    units.get(from..to).unwrap_or_default().iter().map(|unit| u64::from(unit.hundredths)).sum()
}

fn range(units: &[Unit], from: usize, to: usize) -> Option<Range<usize>> {
    let units = units.get(from..to)?;
    Some(units.first()?.start..units.last()?.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::retrieval::{measure, units};

    #[test]
    fn pieces_cover_the_text_within_their_size() {
        let paragraph = "A sentence of a few words stands here. Another one follows it, and is longer than that.\n";
        let text = format!("# One\n\n{}\n# Two\n\n{}", paragraph.repeat(40), paragraph.repeat(90));
        let units = units(&text);
        for (size, overlap) in [(1, 0), (50, 0), (300, 0), (300, 40), (400, 400), (100_000, 0)] {
            let pieces = pieces(&units, size, overlap);
            let mut end = 0;
            for piece in &pieces {
                assert!(piece.start <= end && piece.end > end, "{size} {overlap}: {piece:?} behind {end}");
                assert!(overlap > 0 || piece.start == end);
                if size >= 50 {
                    assert!(u64::from(measure::hundredths(&text[piece.clone()])) <= size * TOKEN);
                }
                end = piece.end;
            }
            assert_eq!(end, text.len());
        }
        assert!(pieces(&[], 300, 0).is_empty());
    }
}
