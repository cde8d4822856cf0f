//! A sign of life on stderr while nothing has come yet: a spinner that shows up late and leaves no trace.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::line::{Line, Width, fitting};
use super::{Level, Terminal};

/// Whoever answers faster than this needs no spinner; people notice a delay from about here on.
pub const DELAY: Duration = Duration::from_millis(300);
/// Between two pictures: moving, but not restless.
const TICK: Duration = Duration::from_millis(100);

/// A message is cut here, or where the terminal ends.
const WIDEST: usize = 60;

/// A spinner, or nothing where none belongs. Gone when it is dropped.
pub struct Spinner(Option<Running>);

struct Running {
    picture: Arc<Mutex<Picture>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is to be seen.
struct Picture {
    line: Line,
    message: String,
    phases: &'static [&'static str],
    phase: usize,
    /// Whether its time has come.
    shown: bool,
}

impl Picture {
    fn draw(&mut self) {
        if self.shown {
            let phase = self.phases.get(self.phase % self.phases.len().max(1)).copied().unwrap_or_default();
            self.line.draw(&format!("{phase} {}", self.message));
        }
    }

    fn turn(&mut self) {
        self.phase += usize::from(self.shown);
        self.shown = true;
        self.draw();
    }
}

impl Spinner {
    /// One that says `message` after [`DELAY`], if stderr is a terminal and llmr is not to be quiet.
    pub fn start(message: &str, terminal: &Terminal, level: Level, width: Width) -> Self {
        if !terminal.stderr || level == Level::Quiet {
            return Self::none();
        }
        Self::on(Line::stderr(width), message, terminal.utf8, DELAY)
    }

    /// One that never shows up: in JSON mode, in a pipe.
    pub fn none() -> Self {
        Self(None)
    }

    fn on(line: Line, message: &str, utf8: bool, delay: Duration) -> Self {
        let phases: &[&str] = if utf8 {
            &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
        } else {
            &["|", "/", "-", "\\"]
        };
        let picture = Picture { line, message: fitting(message, WIDEST), phases, phase: 0, shown: false };
        let picture = Arc::new(Mutex::new(picture));
        let (stop, stopped) = channel::<()>();
        let its = Arc::clone(&picture);
        let turn = move || {
            let mut wait = delay;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                lock(&its).turn();
                wait = TICK;
            }
        };
        let thread = thread::Builder::new().name("spinner".to_owned()).spawn(turn).ok();
        Self(Some(Running { picture, stop: Some(stop), thread }))
    }

    /// Says something else from now on.
    pub fn set_message(&self, message: &str) {
        if let Some(running) = &self.0 {
            let mut picture = lock(&running.picture);
            picture.message = fitting(message, WIDEST);
            picture.draw();
        }
    }

    /// Does something that writes to the terminal, with the spinner out of the way.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        let Some(running) = &self.0 else { return work() };
        let mut picture = lock(&running.picture);
        picture.line.clear();
        let done = work();
        picture.draw();
        done
    }

    /// Takes it away, before the first piece of the answer is written.
    pub fn clear(&mut self) {
        let Some(mut running) = self.0.take() else { return };
        drop(running.stop.take());
        // A thread that panicked has drawn nothing that matters.
        running.thread.take().map(JoinHandle::join);
        lock(&running.picture).line.clear();
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for Spinner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Spinner(running)" } else { "Spinner(none)" })
    }
}

fn lock(picture: &Mutex<Picture>) -> MutexGuard<'_, Picture> {
    picture.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::line::AWAY;
    use super::super::line::tests::Screen;
    use super::*;

    /// Waits, boundedly, until something is drawn.
    fn drawn(screen: &Screen) -> bool {
        (0..500).any(|_| {
            thread::sleep(Duration::from_millis(2));
            !screen.line().is_empty()
        })
    }

    #[test]
    fn it_turns_and_says_something_else() {
        let screen = Screen::default();
        let spinner = Spinner::on(screen.target(|| None), "asking", false, Duration::from_millis(1));
        assert!(drawn(&screen));
        let running = spinner.0.as_ref().unwrap();
        for phase in ["/", "-", "\\", "|"] {
            let mut picture = lock(&running.picture);
            picture.phase = ["|", "/", "-", "\\"].iter().position(|p| *p == phase).unwrap() + 3;
            picture.turn();
            assert!(screen.line().starts_with(phase), "{}", screen.line());
        }
        spinner.set_message("still asking");
        assert!(screen.line().ends_with(" still asking"), "{}", screen.line());
        spinner.set_message("done");
        assert!(screen.line().ends_with(" done"), "{}", screen.line());
    }

    #[test]
    fn a_quick_answer_sees_no_spinner() {
        let screen = Screen::default();
        let mut spinner = Spinner::on(screen.target(|| None), "asking", true, Duration::from_secs(60));
        spinner.set_message("still asking");
        spinner.suspend(|| ());
        spinner.clear();
        assert_eq!(screen.all(), "");
    }

    #[test]
    fn a_slow_one_does_and_it_leaves_no_trace() {
        let screen = Screen::default();
        let mut spinner = Spinner::on(screen.target(|| None), "asking \x1b[31mred", false, Duration::from_millis(1));
        assert!(drawn(&screen));
        assert!(screen.all().contains("asking ␛[31mred"), "{:?}", screen.all());
        spinner.suspend(|| assert_eq!(screen.line(), "", "out of the way"));
        assert_ne!(screen.line(), "", "and back");
        spinner.clear();
        assert_eq!(screen.line(), "");
        assert!(!screen.all().replace(AWAY, "").contains('\x1b'), "no other code of its own, so no hidden cursor");
    }

    #[test]
    fn dropping_it_takes_it_away() {
        let screen = Screen::default();
        let spinner = Spinner::on(screen.target(|| None), "asking", true, Duration::from_millis(1));
        assert!(drawn(&screen));
        drop(spinner);
        assert_eq!(screen.line(), "");
    }

    #[test]
    fn it_belongs_on_a_terminal_only() {
        let on = Terminal { stderr: true, ..Terminal::PIPES };
        assert!(Spinner::start("m", &Terminal::PIPES, Level::Normal, || None).0.is_none());
        assert!(Spinner::start("m", &on, Level::Quiet, || None).0.is_none());
        assert!(Spinner::start("m", &on, Level::Normal, || None).0.is_some());
    }
}
