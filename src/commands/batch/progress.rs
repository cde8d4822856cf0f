//! How far a batch has come: one line on stderr, on terminals only.

use std::time::{Duration, Instant};

use crate::host;
use crate::output::{Level, Line, Terminal, units};
use crate::types::NanoUsd;

/// Between two pictures: a person reads no faster.
const PAUSE: Duration = Duration::from_millis(100);
/// Columns of the bar.
const BAR: u64 = 20;

/// What the line tells.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    /// Lines that need not be asked any more: answered, failed, or answered before.
    pub done: u64,
    /// Lines in all.
    pub lines: u64,
    /// Lines done in this run.
    pub of_this_run: u64,
    /// Failed ones.
    pub failed: u64,
    /// What the batch has cost so far.
    pub cost: NanoUsd,
    /// What it is waiting for, if anybody is.
    pub waiting: String,
}

/// The line, where one belongs.
pub struct Progress {
    line: Option<Line>,
    began: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// One that is drawn if stderr is a terminal and llmr is not to be quiet.
    pub fn new(terminal: &Terminal, level: Level) -> Self {
        let shown = terminal.stderr && level > Level::Quiet;
        let line = shown.then(|| Line::stderr(host::terminal_width));
        Self { line, began: Instant::now(), drawn: None }
    }

    /// Draws these numbers, if the last picture is old enough.
    pub fn draw(&mut self, numbers: impl FnOnce() -> Numbers) {
        let Some(line) = &mut self.line else { return };
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE) {
            self.drawn = Some(Instant::now());
            line.draw(&text(&numbers(), self.began.elapsed()));
        }
    }

    /// Takes it away; the next picture brings it back.
    pub fn clear(&mut self) {
        self.drawn = None;
        self.line.iter_mut().for_each(Line::clear);
    }
}

/// `[#####-----] 812/2,000  41/s  $0.0312  ETA 0:29  3 failed`.
fn text(n: &Numbers, elapsed: Duration) -> String {
    let filled = (n.done * BAR).checked_div(n.lines).unwrap_or(BAR).min(BAR);
    let bar: String = (0..BAR).map(|i| if i < filled { '#' } else { '-' }).collect();
    #[allow(clippy::cast_precision_loss)]
    let rate = n.of_this_run as f64 / elapsed.as_secs_f64().max(0.001);
    let rate_text = if rate >= 10.0 { format!("{rate:.0}/s") } else { format!("{rate:.1}/s") };
    let mut parts = vec![format!("[{bar}] {}/{}", units::tokens(n.done), units::tokens(n.lines)), rate_text];
    parts.push(units::usd(n.cost));
    #[allow(clippy::cast_precision_loss)]
    let left = n.lines.saturating_sub(n.done) as f64 / rate;
    if n.of_this_run > 0 {
        parts.push(format!("ETA {}", clock(left)));
    }
    if n.failed > 0 {
        parts.push(format!("{} failed", units::tokens(n.failed)));
    }
    if !n.waiting.is_empty() {
        parts.push(n.waiting.clone());
    }
    parts.join("  ")
}

/// `0:29`, `12:00`, `3:05:00`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn clock(secs: f64) -> String {
    let secs = secs.round() as u64;
    match secs / 3600 {
        0 => format!("{}:{:02}", secs / 60, secs % 60),
        hours => format!("{hours}:{:02}:{:02}", secs % 3600 / 60, secs % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_how_far_how_fast_how_dear_and_how_long() {
        let n = Numbers {
            done: 812,
            lines: 2000,
            of_this_run: 410,
            failed: 3,
            cost: NanoUsd(31_200_000),
            ..Numbers::default()
        };
        let line = text(&n, Duration::from_secs(10));
        assert_eq!(line, "[########------------] 812/2,000  41/s  $0.0312  ETA 0:29  3 failed");
        let nothing = Numbers { lines: 2000, waiting: "waiting 3 s".to_owned(), ..Numbers::default() };
        let line = text(&nothing, Duration::from_secs(1));
        assert_eq!(line, "[--------------------] 0/2,000  0.0/s  $0.00  waiting 3 s");
    }

    #[test]
    fn times_are_as_on_a_clock() {
        for (secs, text) in [(0.0, "0:00"), (29.4, "0:29"), (720.0, "12:00"), (11_100.0, "3:05:00")] {
            assert_eq!(clock(secs), text);
        }
    }
}
