//! The clock: the real one, or one that was set to a time and runs on from there.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::types::Timestamp;

/// A clock that was started with the process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    pinned: Option<Timestamp>,
}

impl Clock {
    /// Starts it, at the real time unless another one is given.
    pub(super) fn start(pinned: Option<Timestamp>) -> Self {
        Self { started: Instant::now(), pinned }
    }

    /// How long it has been running.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.pinned.map_or_else(real, |start| start.plus_ms(millis(self.elapsed())))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
fn real() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp(millis(since)),
        Err(before) => Timestamp(-millis(before.duration())),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
