//! How far a number of steps has come: a bar on stderr that leaves no trace.
//!
//! Like the spinner it shows up late, never hides the cursor, and belongs on a terminal only.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Level, Terminal, progress, sanitize};

/// A message is cut here: bar, count and message stay within the narrowest usual terminal.
const WIDEST: usize = 40;

/// A bar, or nothing where none belongs. Gone when it is dropped.
pub struct Steps {
    bar: Option<ProgressBar>,
    began: Instant,
}

impl Steps {
    /// One over so many steps, if stderr is a terminal and llmr is not to be quiet.
    pub fn start(total: usize, terminal: &Terminal, level: Level) -> Self {
        let shown = terminal.stderr && level != Level::Quiet;
        let bar = shown.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
            bar.with_style(style(terminal.utf8))
        });
        Self { bar, began: Instant::now() }
    }

    /// One more step is done; `waiting` says what is waited for.
    pub fn step(&self, waiting: &str) {
        let Some(bar) = &self.bar else { return };
        bar.inc(1);
        self.say(waiting);
    }

    /// Says what is waited for; shows the bar once it has taken long enough to be worth one.
    pub fn say(&self, waiting: &str) {
        let Some(bar) = &self.bar else { return };
        bar.set_message(sanitize::line(waiting).chars().take(WIDEST).collect::<String>());
        if bar.is_hidden() && self.began.elapsed() >= progress::DELAY {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(utf8: bool) -> ProgressStyle {
    let chars = if utf8 { "█▌░" } else { "#>." };
    let style = ProgressStyle::with_template("{bar:20} {pos}/{len} {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars(chars)
}
