//! The data stream: answers and reports as bytes, written at once. Only a terminal sees Markdown rendered.
//!
//! A closed pipe is an end, not an error; a full disk is an error. Stdout is taken as a plain file
//! because the standard library's handle would cut each piece at its last line break.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

use super::Sanitizer;
use super::markdown::{Look, Renderer};

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    /// The bytes are out.
    All,
    /// Nobody reads any more: a reason to end quietly, with exit code 0.
    Closed,
}

/// How long to wait before asking a full non-blocking pipe again: unnoticed by a reader, cheap for us.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(2);

/// The process's stdout, unbuffered.
#[cfg(unix)]
pub fn stdout() -> Box<dyn Write + Send> {
    use std::os::fd::AsFd;
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(fd) => Box::new(std::fs::File::from(fd)),
        Err(_) => Box::new(io::stdout()),
    }
}

/// The process's stdout.
#[cfg(not(unix))]
pub fn stdout() -> Box<dyn Write + Send> {
    Box::new(io::stdout())
}

/// Writes all of it and flushes. Errors are those of the stream (a full disk), never a closed pipe.
///
/// A non-blocking pipe, which some parents hand down, is waited for when it is full.
pub fn write_all(out: &mut (impl Write + ?Sized), mut bytes: &[u8]) -> io::Result<Wrote> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL_PIPE_PAUSE),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return closed_or(error),
        }
    }
    out.flush().map_or_else(closed_or, |()| Ok(Wrote::All))
}

fn closed_or(error: io::Error) -> io::Result<Wrote> {
    if error.kind() == ErrorKind::BrokenPipe { Ok(Wrote::Closed) } else { Err(error) }
}

/// Writes a text answer, in as many pieces as it comes in.
///
/// Line breaks at its end become one: they are held back until more text comes. An empty answer
/// writes nothing at all. Each piece is one write and one flush. After its end the next answer may come.
pub struct AnswerWriter<W> {
    out: W,
    way: Way,
    held: String,
    begun: bool,
    closed: bool,
}

/// What becomes of the text on its way.
enum Way {
    AsItIs,
    Harmless(Sanitizer),
    Rendered(Sanitizer, Box<Renderer>),
}

impl Way {
    fn push<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        match self {
            Self::AsItIs => Cow::Borrowed(piece),
            Self::Harmless(sanitizer) => sanitizer.push(piece),
            Self::Rendered(sanitizer, renderer) => Cow::Owned(renderer.push(&sanitizer.push(piece))),
        }
    }

    fn finish(&mut self) -> String {
        match self {
            Self::AsItIs => String::new(),
            Self::Harmless(sanitizer) => sanitizer.finish().to_owned(),
            Self::Rendered(sanitizer, renderer) => renderer.push(sanitizer.finish()) + &renderer.finish(),
        }
    }
}

impl<W: Write> AnswerWriter<W> {
    /// One whose text goes out as it is: to a pipe or a file, or because of `--raw`.
    pub fn plain(out: W) -> Self {
        Self::on(out, Way::AsItIs)
    }

    /// One whose text is made harmless and stays as it was written: to a terminal without rendering.
    pub fn for_terminal(out: W) -> Self {
        Self::on(out, Way::Harmless(Sanitizer::default()))
    }

    /// One whose text is made harmless and rendered as Markdown: to a terminal.
    pub fn rendered(out: W, look: Look) -> Self {
        Self::on(out, Way::Rendered(Sanitizer::default(), Box::new(Renderer::new(look))))
    }

    fn on(out: W, way: Way) -> Self {
        Self { out, way, held: String::new(), begun: false, closed: false }
    }

    /// Whether any of the answer came, so that failing over would no longer be unseen.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// The terminal's columns from now on, looked up where they matter: not for each piece in a pipe.
    pub fn set_columns(&mut self, columns: fn() -> Option<u16>) {
        if let Way::Rendered(_, renderer) = &mut self.way {
            renderer.set_columns(columns());
        }
    }

    /// The next piece of the answer.
    pub fn push(&mut self, piece: &str) -> io::Result<Wrote> {
        self.push_after(piece, || ())
    }

    /// The next piece of the answer; `before` is called first if any of it can be shown already.
    pub fn push_after(&mut self, piece: &str, before: impl FnOnce()) -> io::Result<Wrote> {
        self.begun |= !piece.is_empty();
        let text = self.way.push(piece);
        if !text.is_empty() {
            before();
        }
        self.show(&text)
    }

    /// Ends the answer, whole or not, with exactly one line break, if there was any of it.
    pub fn finish(&mut self) -> io::Result<Wrote> {
        let rest = self.way.finish();
        self.show(&rest)?;
        self.held.clear();
        if !std::mem::take(&mut self.begun) {
            return Ok(self.wrote(Wrote::All));
        }
        self.write("\n")
    }

    /// A whole answer, from its beginning to its end, in one write: lines of processes that share a pipe
    /// (`xargs -P`) stay whole.
    pub fn put(&mut self, answer: &str) -> io::Result<Wrote> {
        self.begun |= !answer.is_empty();
        let text = self.way.push(answer).into_owned() + &self.way.finish();
        self.held.clear();
        if !std::mem::take(&mut self.begun) {
            return Ok(self.wrote(Wrote::All));
        }
        self.write(&(text.trim_end_matches(['\r', '\n']).to_owned() + "\n"))
    }

    fn show(&mut self, text: &str) -> io::Result<Wrote> {
        let body = text.trim_end_matches(['\r', '\n']);
        let line_ends = &text[body.len()..];
        if body.is_empty() {
            self.held.push_str(line_ends);
            return Ok(self.wrote(Wrote::All));
        }
        let held = std::mem::replace(&mut self.held, line_ends.to_owned());
        if held.is_empty() { self.write(body) } else { self.write(&(held + body)) }
    }

    fn write(&mut self, text: &str) -> io::Result<Wrote> {
        if !self.closed {
            self.closed = write_all(&mut self.out, text.as_bytes())? == Wrote::Closed;
        }
        Ok(self.wrote(Wrote::All))
    }

    fn wrote(&self, wrote: Wrote) -> Wrote {
        if self.closed { Wrote::Closed } else { wrote }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts writes, and fails in a chosen way after some of them.
    #[derive(Default)]
    struct Recorder {
        writes: Vec<String>,
        flushes: usize,
        errors: Vec<ErrorKind>,
    }

    impl Write for &mut Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(kind) = self.errors.pop() {
                return Err(kind.into());
            }
            self.writes.push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.flushes += 1;
            Ok(())
        }
    }

    fn written(pieces: &[&str], terminal: bool) -> String {
        let mut recorder = Recorder::default();
        let mut writer =
            if terminal { AnswerWriter::for_terminal(&mut recorder) } else { AnswerWriter::plain(&mut recorder) };
        for piece in pieces {
            writer.push(piece).unwrap();
        }
        writer.finish().unwrap();
        recorder.writes.concat()
    }

    #[test]
    fn a_whole_answer_is_one_write() {
        for (answer, written) in [("a\nb", "a\nb\n"), ("a\n\n", "a\n"), ("\n", "\n"), ("", "")] {
            let mut recorder = Recorder::default();
            let mut writer = AnswerWriter::plain(&mut recorder);
            assert_eq!(writer.put(answer).unwrap(), Wrote::All);
            assert!(!writer.has_begun());
            let expected: &[&str] = if written.is_empty() { &[] } else { &[written] };
            assert_eq!(recorder.writes, expected, "{answer:?}");
        }
        let mut recorder = Recorder::default();
        AnswerWriter::for_terminal(&mut recorder).put("red \x1b[31m").unwrap();
        assert_eq!(recorder.writes, ["red ␛[31m\n"]);
    }

    #[test]
    fn line_breaks_at_the_end_become_one() {
        for (pieces, out) in [
            (&["a"][..], "a\n"),
            (&["a\n"], "a\n"),
            (&["a\n\n\n"], "a\n"),
            (&["a\n", "\n", "\n"], "a\n"),
            (&["a\n\n", "\nb", "\n"], "a\n\n\nb\n"),
            (&["a\r\n", "b\r\n\r\n"], "a\r\nb\n"),
            (&["a\r", "\nb"], "a\r\nb\n"),
            (&["a \t\n"], "a \t\n"),
            (&["\n\na"], "\n\na\n"),
            (&["\n"], "\n"),
            (&["\n\n", "\n"], "\n"),
            (&[], ""),
            (&["", ""], ""),
        ] {
            assert_eq!(written(pieces, false), out, "{pieces:?}");
            assert_eq!(written(pieces, true), out, "{pieces:?} on a terminal");
        }
    }

    #[test]
    fn only_a_terminal_s_text_is_changed() {
        let pieces = ["a\x1b", "]52;c;x\x07", "\u{202e}b\r", "c\r"];
        assert_eq!(written(&pieces, false), "a\x1b]52;c;x\x07\u{202e}b\rc\n");
        assert_eq!(written(&pieces, true), "a␛]52;c;x␇<U+202E>b␍c␍\n");
    }

    #[test]
    fn a_piece_is_one_write_and_one_flush() {
        let mut recorder = Recorder::default();
        let mut writer = AnswerWriter::plain(&mut recorder);
        assert!(!writer.has_begun());
        for piece in ["one\ntwo\n", "\nthree", ""] {
            writer.push(piece).unwrap();
        }
        assert!(writer.has_begun());
        assert_eq!(recorder.writes, ["one\ntwo", "\n\nthree"]);
        assert_eq!(recorder.flushes, 2);
    }

    #[test]
    fn a_closed_pipe_is_an_end_and_all_else_an_error() {
        let mut recorder = Recorder { errors: vec![ErrorKind::BrokenPipe], ..Recorder::default() };
        let mut writer = AnswerWriter::plain(&mut recorder);
        assert_eq!(writer.push("a").unwrap(), Wrote::Closed);
        assert_eq!(writer.push("b").unwrap(), Wrote::Closed);
        assert_eq!(writer.finish().unwrap(), Wrote::Closed);
        assert!(recorder.writes.is_empty(), "nothing is written after the end");

        let mut full = Recorder { errors: vec![ErrorKind::StorageFull], ..Recorder::default() };
        let error = AnswerWriter::plain(&mut full).push("a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);

        let mut slow = Recorder { errors: vec![ErrorKind::WouldBlock, ErrorKind::Interrupted], ..Recorder::default() };
        assert_eq!(write_all(&mut &mut slow, b"late").unwrap(), Wrote::All);
        assert_eq!(slow.writes, ["late"]);
    }

    #[test]
    fn a_real_pipe_without_a_reader_is_closed() {
        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        assert_eq!(write_all(&mut writer, b"x").unwrap(), Wrote::Closed);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let mut full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(write_all(&mut full, b"x").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
