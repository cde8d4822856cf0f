//! A sign of life on stderr while nothing has come yet: a spinner that shows up late and leaves no trace.
//!
//! It never hides the cursor, so that there is nothing to restore if the process is killed.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Level, Terminal, sanitize};

/// Whoever answers faster than this needs no spinner; people notice a delay from about here on.
pub const DELAY: Duration = Duration::from_millis(300);
/// Between two pictures: moving, but not restless.
const TICK: Duration = Duration::from_millis(100);

/// A message is cut here, or where the terminal ends: never as wide as the line, because the `^C` that a terminal
/// shows behind it would wrap, and the line above could not be taken away any more.
const WIDEST: usize = 60;
/// Columns for the picture, and for what a key echoes.
const BESIDE: usize = 8;

/// A spinner, or nothing where none belongs. Gone when it is dropped.
pub struct Spinner(Option<Running>);

struct Running {
    bar: ProgressBar,
    /// Characters that a message may have.
    room: usize,
    /// Whether it was drawn already. Locked while it is being drawn for the first time.
    shown: Arc<Mutex<bool>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Spinner {
    /// One that says `message` after [`DELAY`], if stderr is a terminal and llmr is not to be quiet.
    pub fn start(message: &str, terminal: &Terminal, level: Level) -> Self {
        if !terminal.stderr || level == Level::Quiet {
            return Self::none();
        }
        let columns = terminal.width.filter(|width| *width > 0).map_or(WIDEST, usize::from);
        let room = columns.saturating_sub(BESIDE).min(WIDEST);
        Self::on(ProgressDrawTarget::stderr(), message, terminal.utf8, room, DELAY)
    }

    /// One that never shows up: in JSON mode, in a pipe.
    pub fn none() -> Self {
        Self(None)
    }

    fn on(target: ProgressDrawTarget, message: &str, utf8: bool, room: usize, delay: Duration) -> Self {
        // Hidden until its time has come: setting a message would draw it.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style(utf8));
        bar.set_message(fitting(message, room));
        let (stop, stopped) = channel::<()>();
        let shown = Arc::new(Mutex::new(false));
        let (its_bar, its_shown) = (bar.clone(), Arc::clone(&shown));
        let wait_and_show = move || {
            if stopped.recv_timeout(delay) == Err(RecvTimeoutError::Timeout) {
                let mut shown = lock(&its_shown);
                its_bar.set_draw_target(target);
                its_bar.enable_steady_tick(TICK);
                *shown = true;
            }
        };
        let thread = thread::Builder::new().name("spinner".to_owned()).spawn(wait_and_show).ok();
        Self(Some(Running { bar, room, shown, stop: Some(stop), thread }))
    }

    /// Says something else from now on.
    pub fn set_message(&self, message: &str) {
        if let Some(running) = &self.0 {
            running.bar.set_message(fitting(message, running.room));
        }
    }

    /// Does something that writes to the terminal, with the spinner out of the way.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        let Some(running) = &self.0 else { return work() };
        let shown = lock(&running.shown);
        if *shown { running.bar.suspend(work) } else { work() }
    }

    /// Takes it away, before the first piece of the answer is written.
    pub fn clear(&mut self) {
        let Some(mut running) = self.0.take() else { return };
        drop(running.stop.take());
        // A thread that panicked has drawn nothing that matters.
        running.thread.take().map(JoinHandle::join);
        running.bar.finish_and_clear();
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

/// Harmless, and as much of it as there is room for.
fn fitting(message: &str, room: usize) -> String {
    sanitize::line(message).chars().take(room).collect()
}

fn lock(shown: &Mutex<bool>) -> MutexGuard<'_, bool> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

fn style(utf8: bool) -> ProgressStyle {
    let pictures = if utf8 { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ " } else { "|/-\\ " };
    let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.tick_chars(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;

    /// A terminal of one line: what stands in it, and all that was ever written.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<(String, String)>>);

    impl Screen {
        fn line(&self) -> String {
            self.0.lock().unwrap().0.trim_end().to_owned()
        }
        fn all(&self) -> String {
            self.0.lock().unwrap().1.clone()
        }
        fn target(&self) -> ProgressDrawTarget {
            ProgressDrawTarget::term_like(Box::new(self.clone()))
        }
        /// Waits, boundedly, until something is drawn.
        fn drawn(&self) -> bool {
            (0..500).any(|_| {
                thread::sleep(Duration::from_millis(2));
                !self.line().is_empty()
            })
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            40
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, s: &str) -> io::Result<()> {
            self.write_str(s)
        }
        fn write_str(&self, s: &str) -> io::Result<()> {
            let mut screen = self.0.lock().unwrap();
            screen.0.push_str(s);
            screen.1.push_str(s);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().0.clear();
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_quick_answer_sees_no_spinner() {
        let screen = Screen::default();
        let mut spinner = Spinner::on(screen.target(), "asking", true, WIDEST, Duration::from_secs(60));
        spinner.set_message("still asking");
        spinner.suspend(|| ());
        spinner.clear();
        assert_eq!(screen.all(), "");
    }

    #[test]
    fn a_slow_one_does_and_it_leaves_no_trace() {
        let screen = Screen::default();
        let mut spinner = Spinner::on(screen.target(), "asking \x1b[31mred", false, WIDEST, Duration::from_millis(1));
        assert!(screen.drawn());
        assert!(screen.all().contains("asking ␛[31mred"), "{:?}", screen.all());
        spinner.suspend(|| assert_eq!(screen.line(), "", "out of the way"));
        assert_ne!(screen.line(), "", "and back");
        spinner.clear();
        assert_eq!(screen.line(), "");
        assert!(!screen.all().contains('\x1b'), "no code of its own, so no hidden cursor");
    }

    #[test]
    fn dropping_it_takes_it_away() {
        let screen = Screen::default();
        let spinner = Spinner::on(screen.target(), "asking", true, WIDEST, Duration::from_millis(1));
        assert!(screen.drawn());
        drop(spinner);
        assert_eq!(screen.line(), "");
    }

    #[test]
    fn it_belongs_on_a_terminal_only() {
        let on = Terminal { stderr: true, ..Terminal::PIPES };
        assert!(Spinner::start("m", &Terminal::PIPES, Level::Normal).0.is_none());
        assert!(Spinner::start("m", &on, Level::Quiet).0.is_none());
        assert!(Spinner::start("m", &on, Level::Normal).0.is_some());
    }
}
