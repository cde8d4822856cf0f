//! A sign of life on stderr while nothing has come yet: a spinner that shows up late and leaves no trace.
//!
//! It writes nothing but text, blanks and returns to the beginning of the line: the cursor stays as it is, so that there
//! is nothing to restore if the process is killed.

use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::{Level, Terminal, sanitize};

/// Whoever answers faster than this needs no spinner; people notice a delay from about here on.
pub const DELAY: Duration = Duration::from_millis(300);
/// Between two pictures: moving, but not restless.
const TICK: Duration = Duration::from_millis(100);

/// A message is cut here, or where the terminal ends.
const WIDEST: usize = 60;
/// Columns for what a key echoes.
const BESIDE: usize = 6;

/// How many columns the terminal has now, if that is known.
pub type Width = fn() -> Option<u16>;

/// The line in which the cursor stands, drawn anew again and again, and empty in the end.
pub(super) struct Line {
    out: Box<dyn Write + Send>,
    /// Asked each time: terminals are made narrower while somebody waits, and what wraps cannot be taken away any more.
    width: Width,
    /// Columns of what stands in it.
    drawn: usize,
}

impl Line {
    /// The one of stderr.
    pub fn stderr(width: Width) -> Self {
        Self { out: Box::new(io::stderr()), width, drawn: 0 }
    }

    /// Puts this in place of what stood there, as much of it as there is room for: never as wide as the terminal, because
    /// the `^C` that it shows behind it would wrap.
    pub fn draw(&mut self, text: &str) {
        let columns = (self.width)().filter(|width| *width > 0).map_or(usize::MAX, usize::from);
        let text = fitting(text, columns.saturating_sub(BESIDE));
        let columns = text.width();
        self.write(&format!("\r{text}{}", " ".repeat(self.drawn.saturating_sub(columns))));
        self.drawn = columns;
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        if self.drawn > 0 {
            self.write(&format!("\r{}\r", " ".repeat(self.drawn)));
            self.drawn = 0;
        }
    }

    /// In one piece. Nobody is left to be told that it failed.
    fn write(&mut self, text: &str) {
        _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Harmless, and as much of it as there is room for, in columns.
pub(super) fn fitting(message: &str, room: usize) -> String {
    let mut text: String = sanitize::line(message).chars().take(room).collect();
    while text.width() > room {
        text.pop();
    }
    text
}

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
pub(super) mod tests {
    use super::*;

    /// A terminal of one line: what was written to it.
    #[derive(Debug, Clone, Default)]
    pub struct Screen(Arc<Mutex<String>>);

    impl Screen {
        /// What stands in the line.
        pub fn line(&self) -> String {
            let (mut cells, mut at): (Vec<char>, usize) = (Vec::new(), 0);
            for c in self.all().chars() {
                if c == '\r' {
                    at = 0;
                    continue;
                }
                let columns = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
                cells.resize(cells.len().max(at + columns), ' ');
                // The second cell of a wide one holds nothing of its own.
                cells[at..at + columns].fill('\0');
                cells[at] = c;
                at += columns;
            }
            cells.into_iter().filter(|c| *c != '\0').collect::<String>().trim_end().to_owned()
        }
        /// All that was ever written.
        pub fn all(&self) -> String {
            self.0.lock().unwrap().clone()
        }
        pub fn target(&self, width: Width) -> Line {
            Line { out: Box::new(self.clone()), width, drawn: 0 }
        }
        /// Waits, boundedly, until something is drawn.
        fn drawn(&self) -> bool {
            (0..500).any(|_| {
                thread::sleep(Duration::from_millis(2));
                !self.line().is_empty()
            })
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_drawn_over_the_one_before() {
        let screen = Screen::default();
        let mut line = screen.target(|| None);
        line.clear();
        assert_eq!(screen.all(), "");
        for text in ["a long one", "short", "日本", "一", ""] {
            line.draw(text);
            assert_eq!(screen.line(), text);
        }
        line.draw("once more");
        line.clear();
        line.clear();
        assert_eq!((screen.line(), screen.all().ends_with('\r')), (String::new(), true));
    }

    #[test]
    fn a_message_is_cut_by_columns() {
        for (room, cut) in [(0, ""), (1, "a"), (2, "a"), (3, "a日"), (4, "a日b"), (9, "a日b")] {
            assert_eq!(fitting("a日b", room), cut, "{room}");
        }
        assert!(fitting(&"☺\u{fe0f}".repeat(9), 5).width() <= 5);
    }

    #[test]
    fn it_stays_within_a_terminal_that_is_made_narrower() {
        let screen = Screen::default();
        let mut line = screen.target(|| Some(40));
        line.draw("a line of some thirty columns!");
        line.width = || Some(15);
        line.draw("a line of some thirty columns!");
        assert_eq!(screen.line(), "a line of");
        for width in [|| Some(1), || Some(6), || Some(7)] as [Width; 3] {
            line.width = width;
            line.draw("xyz");
            assert!(screen.line().len() < usize::from(width().unwrap()), "{}", screen.line());
        }
    }

    #[test]
    fn it_turns_and_says_something_else() {
        let screen = Screen::default();
        let spinner = Spinner::on(screen.target(|| None), "asking", false, Duration::from_millis(1));
        assert!(screen.drawn());
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
        let spinner = Spinner::on(screen.target(|| None), "asking", true, Duration::from_millis(1));
        assert!(screen.drawn());
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
