//! Which line is asked next: one that comes back, else the first one that nobody has begun.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::answers::Answers;

/// A line that every candidate was rate-limited for is asked so many times more, after a longer pause each time.
const MOST_RETURNS: u32 = 5;
/// The first of those pauses; it doubles.
const FIRST_RETURN: Duration = Duration::from_secs(1);

/// A line that is asked once more, later.
struct Return {
    index: usize,
    due: Instant,
    times: u32,
}

/// Lines by index.
#[derive(Default)]
pub struct Queue {
    /// Lines before this one were begun.
    begun: usize,
    returns: Vec<Return>,
    /// When each line that is under way or comes back was begun, and how often it has come back.
    since: BTreeMap<usize, (Instant, u32)>,
}

impl Queue {
    /// The next line to ask, if one may be asked now.
    pub fn next(&mut self, answers: &Answers) -> Option<usize> {
        if let Some(at) = self.returns.iter().position(|back| back.due <= Instant::now()) {
            let back = self.returns.swap_remove(at);
            if let Some((_, times)) = self.since.get_mut(&back.index) {
                *times = back.times;
            }
            return Some(back.index);
        }
        while self.begun < answers.len() {
            self.begun += 1;
            if answers.is_open(self.begun - 1) {
                return Some(self.begun - 1);
            }
        }
        None
    }

    /// A line is asked; how long it has been under way already.
    pub fn begins(&mut self, index: usize) -> Duration {
        self.since.entry(index).or_insert((Instant::now(), 0)).0.elapsed()
    }

    /// Nothing more is to be done about a line.
    pub fn done(&mut self, index: usize) {
        self.since.remove(&index);
    }

    /// Whether a line that every candidate is rate-limited for is asked once more: it has time left.
    pub fn comes_back(&mut self, index: usize, limit: Duration) -> bool {
        let Some((since, times)) = self.since.get(&index).copied() else { return false };
        let pause = FIRST_RETURN * 2u32.pow(times.min(MOST_RETURNS));
        if times >= MOST_RETURNS || since.elapsed() + pause >= limit {
            return false;
        }
        self.returns.push(Return { index, due: Instant::now() + pause, times: times + 1 });
        true
    }

    /// Whether a line comes back.
    pub fn waits(&self) -> bool {
        !self.returns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_so_often_and_while_it_has_time() {
        const HOUR: Duration = Duration::from_secs(3600);
        for (times, limit, back) in [
            (0, HOUR, Some(1)),
            (MOST_RETURNS - 1, HOUR, Some(MOST_RETURNS)),
            (MOST_RETURNS, HOUR, None),
            (0, FIRST_RETURN / 2, None),
            (2, FIRST_RETURN * 3, None),
        ] {
            let mut queue = Queue { since: BTreeMap::from([(7, (Instant::now(), times))]), ..Queue::default() };
            assert_eq!(queue.comes_back(7, limit), back.is_some(), "{times} {limit:?}");
            assert_eq!(queue.returns.first().map(|line| (line.index, line.times)), back.map(|times| (7, times)));
        }
        assert!(!Queue::default().comes_back(7, HOUR), "one that was never begun");
    }
}
