//! How long to wait for somebody else's lock, and in what steps.
//!
//! SQLite's own busy timeout sleeps longer the longer it has waited, so that under load newcomers overtake
//! those who wait. Here everybody asks again after about a millisecond, however long the wait has been, and a
//! jitter keeps processes that were started together from asking together.

use std::time::Duration;

/// The shortest pause, in microseconds: about the length of one write transaction.
const SHORTEST_US: u64 = 400;
/// What the jitter adds at most, in microseconds.
const JITTER_US: u64 = 1200;

/// The pauses of one wait, until their sum reaches the limit. Counts what it asked to sleep: no clock is read.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    limit_us: u64,
    waited_us: u64,
    state: u64,
}

impl Patience {
    /// Waits for `limit_ms` in all; `salt` (a process id) makes the jitter differ between processes.
    pub fn new(limit_ms: u32, salt: u32) -> Self {
        Self { limit_us: u64::from(limit_ms) * 1000, waited_us: 0, state: u64::from(salt) }
    }

    /// Starts over: a new wait with the old jitter going on.
    pub fn restart(&mut self) {
        self.waited_us = 0;
    }

    /// The next pause, or `None` when the limit is reached.
    pub fn next_pause(&mut self) -> Option<Duration> {
        if self.waited_us >= self.limit_us {
            return None;
        }
        // Knuth's MMIX generator: its upper bits are random enough to spread pauses.
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = SHORTEST_US + (self.state >> 33) % JITTER_US;
        self.waited_us += pause;
        Some(Duration::from_micros(pause))
    }

    /// Sleeps the next pause; `false` when the limit is reached.
    pub fn pause(&mut self) -> bool {
        self.next_pause().map(std::thread::sleep).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_short_and_sum_up_to_the_limit() {
        let mut patience = Patience::new(100, 42);
        let pauses: Vec<_> = std::iter::from_fn(|| patience.next_pause()).collect();
        assert!(pauses.iter().all(|p| (400..1600).contains(&p.as_micros())), "{pauses:?}");
        let sum: Duration = pauses.iter().sum();
        assert!((100..102).contains(&sum.as_millis()), "{sum:?}");
        assert!(pauses.iter().collect::<std::collections::HashSet<_>>().len() > pauses.len() / 2);
        patience.restart();
        assert!(patience.next_pause().is_some());
    }

    #[test]
    fn processes_started_together_do_not_ask_together() {
        assert_ne!(Patience::new(10, 1).next_pause(), Patience::new(10, 2).next_pause());
        assert_eq!(Patience::new(0, 1).next_pause(), None);
    }
}
