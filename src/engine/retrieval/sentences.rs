//! A block as sentences or lines.
//!
//! Rules of few words, as a wrong cut costs little here: a unit too many. An unusually long sentence is cut at a clause
//! or a space, and where a script has neither, between two characters that do not belong together.

use std::ops::Range;

use super::words;

/// A longer unit (bytes) is cut: four lines of a book, 150 tokens of English or 170 of Chinese.
const LONGEST: usize = 600;

/// Words before a point that ends no sentence, in small letters, from texts in English, German, French and Spanish.
const SHORTENED: [&str; 32] = [
    "al", "approx", "art", "bzw", "ca", "cf", "dr", "ed", "eds", "eq", "etc", "fig", "figs", "inc", "jr", "mr", "mrs",
    "ms", "no", "nr", "pp", "prof", "ref", "refs", "sr", "sra", "st", "tab", "usw", "vol", "vs", "z",
];

/// Widths (bytes) at which text is broken into lines by hand or by programs: from 60 columns to 100, with some room.
const WRAPPED: std::ops::RangeInclusive<usize> = 50..=110;

/// Calls `push` with each sentence of the range.
pub(super) fn each(text: &str, range: Range<usize>, push: &mut impl FnMut(Range<usize>)) {
    let mut start = range.start;
    let mut ended: Option<char> = None;
    let mut broken = false;
    let (mut before, mut line) = (range.start, range.start);
    let block = text.get(range.clone()).unwrap_or_default();
    for (at, c) in block.char_indices() {
        let at = range.start + at;
        if c.is_whitespace() {
            if c == '\n' {
                // A line of a book's width that ends in no sentence goes on in the next one.
                broken |= !WRAPPED.contains(&(before.saturating_sub(line)));
                line = at + 1;
            }
            continue;
        }
        // `before` is where the last character that is no space ended.
        let spaced = at > before;
        let cut = match ended {
            Some(_) if is_closing(c) && !spaced => false,
            Some('.') => spaced && begins(c) && !is_shortened(text, start, before),
            Some(mark) => spaced && begins(c) || !mark.is_ascii(),
            None => false,
        } || (broken && begins(c));
        if cut {
            within(text, start..at, push);
            start = at;
        }
        if !(ended.is_some() && is_closing(c)) || cut {
            ended = is_end(c).then_some(c);
        }
        broken = false;
        before = at + c.len_utf8();
    }
    within(text, start..range.end, push);
}

/// Calls `push` with each line of the range; empty ones go with the line before.
pub(super) fn lines(text: &str, range: Range<usize>, push: &mut impl FnMut(Range<usize>)) {
    let (mut start, mut at) = (range.start, range.start);
    for line in text.get(range.clone()).unwrap_or_default().split_inclusive('\n') {
        if at > start && !line.trim().is_empty() {
            within(text, start..at, push);
            start = at;
        }
        at += line.len();
    }
    within(text, start..range.end, push);
}

/// Pushes the range, in parts of no more than [`LONGEST`] bytes unless a word or a stretch of space is longer.
fn within(text: &str, mut range: Range<usize>, push: &mut impl FnMut(Range<usize>)) {
    while range.len() > LONGEST {
        let Some(part) = text.get(range.clone()) else { break };
        let cut = range.start + cut(part);
        if cut >= range.end {
            break;
        }
        push(range.start..cut);
        range.start = cut;
    }
    if !range.is_empty() {
        push(range);
    }
}

/// Where to cut a part that is too long, in bytes from its start: behind a clause in its second half, else behind a
/// space, else between characters.
fn cut(part: &str) -> usize {
    let (mut clause, mut space, mut between) = (0, 0, 0);
    let mut last = ' ';
    for (at, c) in part.char_indices() {
        let late = at >= LONGEST / 2;
        if at > 0 && !c.is_whitespace() {
            if last.is_whitespace() {
                space = at;
            }
            if late && (last.is_whitespace() || !last.is_ascii()) && ends_clause(part, at) {
                clause = at;
            }
            if !words::belongs(last, c) {
                between = at;
            }
        }
        if at > LONGEST && clause.max(space).max(between) > 0 {
            break;
        }
        last = c;
    }
    let latest = [clause, space, between].into_iter().find(|at| *at > 0 && *at <= LONGEST);
    latest.or([clause, space, between].into_iter().find(|at| *at > 0)).unwrap_or(part.len())
}

/// Whether the text before this byte ends in a clause's mark and spaces.
fn ends_clause(part: &str, at: usize) -> bool {
    part.get(..at)
        .is_some_and(|head| head.trim_end().ends_with([',', ';', ':', '、', '，', '；', '：', '،', '؛', '–', '—']))
}

/// A mark that ends a sentence.
fn is_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '｡' | '।' | '॥' | '؟' | '۔' | '။' | '។' | '።')
}

/// What may stand between the end of a sentence and the space.
fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）' | '“' | '*' | '_' | '.' | '!' | '?' | '。'
    )
}

/// Whether a sentence may begin so: not with a small letter.
fn begins(c: char) -> bool {
    !c.is_lowercase() && !matches!(c, ')' | ']' | ',' | ';' | ':' | '%')
}

/// Whether the word before the point is an initial or a known short form.
fn is_shortened(text: &str, start: usize, point: usize) -> bool {
    let head = text.get(start..point).unwrap_or_default().trim_end_matches('.');
    let word = head.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let mut letters = word.chars();
    let initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    initial || SHORTENED.contains(&word.to_lowercase().as_str())
}
