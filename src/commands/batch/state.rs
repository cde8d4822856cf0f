//! What is to be done about each line, by what was answered before.

use std::collections::HashMap;

use super::lines::Entry;
use crate::store::Batch;
use crate::types::RequestId;

/// What is to be done about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is asked.
    Open,
    /// Its text waits for the lines before it.
    Ready(String),
    /// Its answer is in the database.
    Kept(RequestId),
    /// It was written, and every line before it.
    Written,
}

/// Which lines were answered before: the same line with the same question, or the same question in another line that
/// is no longer there.
pub fn assign(entries: &[Entry], batch: &Batch) -> Vec<State> {
    let mut in_place = HashMap::new();
    for line in batch.lines.iter().filter(|line| line.answered) {
        in_place.insert((line.line, line.digest), line.request);
    }
    let mut states: Vec<State> = Vec::with_capacity(entries.len());
    for entry in entries {
        states.push(in_place.remove(&(entry.number, entry.digest)).map_or(State::Open, State::Kept));
    }
    let mut moved: HashMap<[u8; 16], Vec<RequestId>> = HashMap::new();
    for line in batch.lines.iter().rev() {
        if in_place.get(&(line.line, line.digest)) == Some(&line.request) {
            moved.entry(line.digest).or_default().push(line.request);
        }
    }
    for (entry, state) in entries.iter().zip(&mut states).filter(|(_, state)| **state == State::Open) {
        if let Some(request) = moved.get_mut(&entry.digest).and_then(Vec::pop) {
            *state = State::Kept(request);
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::BatchLine;

    fn entry(number: u64, digest: u8) -> Entry {
        Entry { number, digest: [digest; 16], ..Entry::default() }
    }

    fn asked(line: u64, digest: u8, request: i64, answered: bool) -> BatchLine {
        BatchLine { line, digest: [digest; 16], request: RequestId(request), answered, cut: !answered }
    }

    #[test]
    fn an_answer_stays_with_its_question() {
        let batch = |lines: &[BatchLine]| Batch { id: 1, lines: lines.to_vec(), cost: Default::default() };
        let all = [asked(1, 1, 11, true), asked(2, 2, 12, true), asked(3, 3, 13, false), asked(4, 1, 14, true)];
        let kept = |n| State::Kept(RequestId(n));
        for (entries, expected) in [
            (&[(1, 1), (2, 2), (3, 3), (4, 1)][..], &[kept(11), kept(12), State::Open, kept(14)][..]),
            // One was edited; one was inserted before them all; the order was changed; one is asked a third time.
            (&[(1, 1), (2, 9), (3, 3), (4, 1)], &[kept(11), State::Open, State::Open, kept(14)]),
            (&[(1, 9), (2, 1), (3, 2), (4, 3), (5, 1)], &[State::Open, kept(11), kept(12), State::Open, kept(14)]),
            (&[(1, 2), (2, 1)], &[kept(12), kept(11)]),
            (&[(4, 1), (5, 1), (6, 1)], &[kept(14), kept(11), State::Open]),
            (&[], &[]),
        ] {
            let entries: Vec<Entry> = entries.iter().map(|(number, digest)| entry(*number, *digest)).collect();
            assert_eq!(assign(&entries, &batch(&all)), expected, "{entries:?}");
        }
    }
}
