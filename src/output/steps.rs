//! How far a number of steps has come: a bar on stderr that leaves no trace.
//!
//! Like the spinner it shows up late, leaves the cursor alone, and belongs on a terminal only.

use std::time::{Duration, Instant};

use super::line::{Line, Width, fitting};
use super::{Level, Terminal, progress};

/// A message is cut here.
const WIDEST: usize = 40;
/// Cells of the bar.
const CELLS: usize = 20;

/// A bar, or nothing where none belongs. Gone when it is dropped.
pub struct Steps(Option<Bar>);

struct Bar {
    line: Line,
    done: usize,
    total: usize,
    utf8: bool,
    began: Instant,
    delay: Duration,
}

impl Steps {
    /// One over so many steps, if stderr is a terminal and llmr is not to be quiet.
    pub fn start(total: usize, terminal: &Terminal, level: Level, width: Width) -> Self {
        let shown = terminal.stderr && level != Level::Quiet;
        Self(shown.then(|| Bar::new(Line::stderr(width), total, terminal.utf8, progress::DELAY)))
    }

    /// One more step is done; `waiting` says what is waited for.
    pub fn step(&mut self, waiting: &str) {
        if let Some(bar) = &mut self.0 {
            bar.done += 1;
            bar.draw(waiting);
        }
    }

    /// Says what is waited for; shows the bar once it has taken long enough to be worth one.
    pub fn say(&mut self, waiting: &str) {
        if let Some(bar) = &mut self.0 {
            bar.draw(waiting);
        }
    }
}

impl Bar {
    fn new(line: Line, total: usize, utf8: bool, delay: Duration) -> Self {
        Self { line, done: 0, total, utf8, began: Instant::now(), delay }
    }

    fn draw(&mut self, waiting: &str) {
        if self.began.elapsed() < self.delay {
            return;
        }
        let (done, total) = (self.done.min(self.total), self.total);
        self.line.draw(format!("{} {done}/{total} {}", self.cells(), fitting(waiting, WIDEST)).trim_end());
    }

    fn cells(&self) -> String {
        let [full, half, empty] = if self.utf8 { ["█", "▌", "░"] } else { ["#", ">", "."] };
        let halves = (self.done.min(self.total) * 2 * CELLS).checked_div(self.total).unwrap_or(2 * CELLS);
        let left = CELLS - halves.div_ceil(2);
        [full.repeat(halves / 2), half.repeat(halves % 2), empty.repeat(left)].concat()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::AWAY;
    use super::super::line::tests::Screen;
    use super::*;

    fn bar(screen: &Screen, total: usize, width: Width, utf8: bool) -> Steps {
        Steps(Some(Bar::new(screen.target(width), total, utf8, Duration::ZERO)))
    }

    #[test]
    fn it_fills_step_by_step_and_leaves_no_trace() {
        let screen = Screen::default();
        let mut steps = bar(&screen, 8, || Some(80), true);
        steps.say("a, b");
        assert_eq!(screen.line(), format!("{} 0/8 a, b", "░".repeat(20)));
        steps.step("\x1b[31mb");
        assert_eq!(screen.line(), format!("██▌{} 1/8 ␛[31mb", "░".repeat(17)));
        for _ in 0..9 {
            steps.step("");
        }
        assert_eq!(screen.line(), format!("{} 8/8", "█".repeat(20)));
        drop(steps);
        assert_eq!(screen.line(), "");
        bar(&screen, 0, || None, false).say("nothing");
        assert!(screen.all().contains(&format!("{AWAY}{} 0/0 nothing", "#".repeat(20))));
    }

    #[test]
    fn it_stays_within_the_terminal_and_waits_for_its_time() {
        let screen = Screen::default();
        bar(&screen, 3, || Some(40), false).step(&"x".repeat(99));
        let longest = screen.all().split(AWAY).map(str::len).max();
        assert_eq!((longest, screen.line()), (Some(32), String::new()));
        let quick = Screen::default();
        let terminal = Terminal { stderr: true, ..Terminal::PIPES };
        Steps(Some(Bar::new(quick.target(|| None), 3, true, Duration::from_secs(60)))).step("x");
        assert_eq!(quick.all(), "");
        assert!(Steps::start(3, &Terminal::PIPES, Level::Normal, || None).0.is_none());
        assert!(
            Steps::start(3, &terminal, Level::Quiet, || None).0.is_none()
                && Steps::start(3, &terminal, Level::Normal, || None).0.is_some()
        );
    }
}
