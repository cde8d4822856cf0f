//! The line of stderr in which the cursor stands, drawn anew again and again, and empty in the end: under the spinner, the
//! bar of steps and that of a batch.
//!
//! It is written by hand: a drawing library fills it with blanks up to the edge of the terminal, which wrap where that is
//! made narrower, and has its own idea of the cursor. This one leaves the cursor as it is, so that there is nothing to
//! restore if the process is killed.

use std::fmt;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{sanitize, stdout};

/// To the beginning of the line, and nothing to its end.
pub const AWAY: &str = "\r\x1b[K";
/// Columns that stay free: the `^C` that a terminal shows behind the line would wrap it, and it could not be taken away any
/// more.
const BESIDE: usize = 8;
/// Columns where nobody says how many there are.
const USUAL: usize = 80;
/// Where there is no room for all of it.
const CUT: &str = "..";

/// How many columns the terminal has now, if that is known.
pub type Width = fn() -> Option<u16>;

/// See the module.
pub struct Line {
    out: Box<dyn Write + Send>,
    /// Asked each time: terminals are made narrower while somebody waits.
    width: Width,
    drawn: bool,
}

impl Line {
    /// The one of stderr.
    pub fn stderr(width: Width) -> Self {
        Self { out: Box::new(io::stderr()), width, drawn: false }
    }

    /// Puts this in place of what stood there, as much of it as there is room for.
    pub fn draw(&mut self, text: &str) {
        let text = fitting(text, room((self.width)()));
        self.write(&format!("{AWAY}{text}"));
        self.drawn = true;
    }

    /// Takes it away; the next picture brings it back.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.write(AWAY);
        }
    }

    /// In one piece. Nobody is left to be told that it failed.
    fn write(&mut self, text: &str) {
        _ = stdout::write_all(&mut self.out, text.as_bytes());
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

/// Columns that the line may have.
fn room(columns: Option<u16>) -> usize {
    columns.filter(|columns| *columns > 0).map_or(USUAL, usize::from).saturating_sub(BESIDE)
}

/// Harmless, and as much of it as there is room for, in columns.
pub(super) fn fitting(text: &str, room: usize) -> String {
    let mut text = sanitize::line(text).into_owned();
    if text.width() <= room {
        return text;
    }
    while text.width() + CUT.len() > room && text.pop().is_some() {}
    text.extend(CUT.chars().take(room.saturating_sub(text.width())));
    text
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A terminal of one line: what was written to it.
    #[derive(Debug, Clone, Default)]
    pub struct Screen(Arc<Mutex<String>>);

    impl Screen {
        /// What stands in the line.
        pub fn line(&self) -> String {
            self.all().rsplit(AWAY).next().unwrap_or_default().to_owned()
        }
        /// All that was ever written.
        pub fn all(&self) -> String {
            self.0.lock().unwrap().clone()
        }
        pub fn target(&self, width: Width) -> Line {
            Line { out: Box::new(self.clone()), width, drawn: false }
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
    fn a_line_is_drawn_in_place_of_the_one_before_and_taken_away_once() {
        let screen = Screen::default();
        let mut line = screen.target(|| None);
        line.clear();
        assert_eq!(screen.all(), "", "nothing was there");
        line.draw("a long one");
        line.draw("short");
        assert_eq!(screen.line(), "short");
        line.clear();
        line.clear();
        assert_eq!(screen.all(), format!("{AWAY}a long one{AWAY}short{AWAY}"));
    }

    #[test]
    fn it_fits_into_the_terminal_as_it_is_now() {
        let screen = Screen::default();
        let mut line = screen.target(|| Some(31));
        line.draw("[##--] 1/2  the breaker");
        assert_eq!(screen.line(), "[##--] 1/2  the breaker");
        line.width = || Some(24);
        line.draw("[##--] 1/2  the breaker\x1b[2J");
        assert_eq!(screen.line(), "[##--] 1/2  th..");
        for (columns, room_of) in [(Some(30), 22), (Some(0), 72), (None, 72), (Some(3), 0)] {
            assert_eq!(room(columns), room_of);
        }
    }

    #[test]
    fn a_text_is_cut_by_columns() {
        for (room, cut) in
            [(0, ""), (1, "."), (2, ".."), (3, "a.."), (4, "a.."), (5, "a日.."), (6, "a日bcd"), (9, "a日bcd")]
        {
            assert_eq!(fitting("a日bcd", room), cut, "{room}");
        }
        assert!(fitting(&"☺\u{fe0f}".repeat(9), 5).width() <= 5);
    }
}
