//! Server-sent events: bytes in any pieces into frames.
//!
//! Only the framing of the HTML standard (line ends LF, CRLF and CR, comments, several `data:` lines). What a frame
//! means, `[DONE]` included, is the dialect's business. One leniency: a last frame without its blank line still
//! counts, because some servers leave the line out.

use std::mem;

use super::Frame;
use crate::types::{Failure, FailureClass};

/// The largest frame taken, in bytes: far above any real one, and a bound for a server that never ends a line.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// Turns the bytes of an event stream into frames.
#[derive(Debug, Default)]
pub struct SseFramer {
    /// A line whose end has not come yet.
    line: Vec<u8>,
    /// The frame being collected.
    event: String,
    data: String,
    has_data: bool,
    /// The last byte was a CR, so that a LF right behind it belongs to the same line end.
    after_cr: bool,
    /// The first line is behind us: a byte order mark is looked for no more.
    started: bool,
}

impl SseFramer {
    /// Takes bytes in, and adds the frames that they complete.
    ///
    /// Fails with `malformed` on invalid UTF-8 and on a frame of more than [`MAX_FRAME`] bytes; frames before that
    /// are added all the same, so that nothing depends on how the bytes were cut.
    pub fn push(&mut self, mut bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Failure> {
        while !bytes.is_empty() {
            if mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
                self.line.extend_from_slice(bytes);
                return self.bounded(0);
            };
            self.after_cr = bytes[end] == b'\r';
            self.bounded(end)?;
            let whole = (!self.line.is_empty()).then(|| {
                self.line.extend_from_slice(&bytes[..end]);
                mem::take(&mut self.line)
            });
            frames.extend(self.take_line(whole.as_deref().unwrap_or(&bytes[..end]))?);
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// The frame that was still open when the body ended.
    pub fn end(&mut self) -> Result<Option<Frame>, Failure> {
        let rest = mem::take(&mut self.line);
        // Nothing is no line: as a blank one it would end the frame, whose last line may have had its end.
        if !rest.is_empty() {
            self.take_line(&rest)?;
        }
        Ok(self.dispatch())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Frame>, Failure> {
        let line = match mem::replace(&mut self.started, true) {
            false => line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line),
            true => line,
        };
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        if line[0] == b':' {
            return Ok(None);
        }
        let line = std::str::from_utf8(line).map_err(|_| malformed("the stream is not valid UTF-8"))?;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add_data(value),
            "event" => value.clone_into(&mut self.event),
            _ => {}
        }
        Ok(None)
    }

    fn add_data(&mut self, value: &str) {
        if mem::replace(&mut self.has_data, true) {
            self.data.push('\n');
        }
        self.data.push_str(value);
    }

    fn dispatch(&mut self) -> Option<Frame> {
        let frame = Frame { event: mem::take(&mut self.event), data: mem::take(&mut self.data) };
        mem::take(&mut self.has_data).then_some(frame)
    }

    /// What has come of a frame, with so many bytes more of its last line, is within the bound.
    fn bounded(&self, more: usize) -> Result<(), Failure> {
        if self.line.len() + more + self.data.len() > MAX_FRAME {
            return Err(malformed("one event of the stream is larger than 16 MiB"));
        }
        Ok(())
    }
}

fn malformed(message: &str) -> Failure {
    Failure::new(FailureClass::Malformed, message).with_status(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(event: &str, data: &str) -> Frame {
        Frame { event: event.into(), data: data.into() }
    }

    fn frames(pieces: &[&[u8]]) -> Vec<Frame> {
        let (mut framer, mut all) = (SseFramer::default(), Vec::new());
        pieces.iter().for_each(|piece| framer.push(piece, &mut all).unwrap());
        all.extend(framer.end().unwrap());
        all
    }

    #[test]
    fn frames_are_found_in_every_dress() {
        for (text, expected) in [
            ("data: a\n\n", vec![frame("", "a")]),
            ("data:a\r\n\r\ndata:  b\r\n\r\n", vec![frame("", "a"), frame("", " b")]),
            ("data: a\r\rdata: b\r\r", vec![frame("", "a"), frame("", "b")]),
            ("event: x\ndata: a\ndata: b\n\n", vec![frame("x", "a\nb")]),
            ("event: x\r\ndata: a\r\ndata: b\r\n\r\n", vec![frame("x", "a\nb")]),
            ("event: x\rdata: a\rdata: b\r\r", vec![frame("x", "a\nb")]),
            (": hello\n\n: \n\ndata: a\n: in between\n\n", vec![frame("", "a")]),
            ("\u{feff}data: a\n\n", vec![frame("", "a")]),
            ("data: \u{feff}a\n\n", vec![frame("", "\u{feff}a")]),
            ("event: lonely\n\ndata: a\n\n", vec![frame("", "a")]),
            ("id: 7\nretry: 10\ndata\n\n", vec![frame("", "")]),
            ("data: no blank line", vec![frame("", "no blank line")]),
            ("data: no blank line\n", vec![frame("", "no blank line")]),
            ("data: a\r\n\r\ndata: b\r\n", vec![frame("", "a"), frame("", "b")]),
            ("data: é\u{1f600}\r\n\r\n\r\n", vec![frame("", "é\u{1f600}")]),
            ("\n\n\n", vec![]),
        ] {
            assert_eq!(frames(&[text.as_bytes()]), expected, "{text:?}");
            for cut in 0..=text.len() {
                let (a, b) = text.as_bytes().split_at(cut);
                assert_eq!(frames(&[a, b]), expected, "{text:?} cut at {cut}");
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(frames(&bytes), expected, "{text:?} byte by byte");
        }
    }

    #[test]
    fn what_is_not_text_is_malformed() {
        let mut frames = Vec::new();
        let failure = SseFramer::default().push(b"data: a\n\ndata: \xff\xfe\n\n", &mut frames).unwrap_err();
        assert_eq!((failure.class, frames), (FailureClass::Malformed, vec![frame("", "a")]), "what came before counts");
        let fine = SseFramer::default().push(b": \xff\ndata: fine\n\n", &mut Vec::new());
        assert!(fine.is_ok(), "a comment may be anything");
    }

    #[test]
    fn a_frame_has_a_bound() {
        let (mut framer, mut frames) = (SseFramer::default(), Vec::new());
        let piece = vec![b'x'; MAX_FRAME / 2];
        assert!(framer.push(&piece, &mut frames).is_ok());
        assert!(framer.push(&piece, &mut frames).is_ok());
        assert_eq!(framer.push(b"x", &mut frames).unwrap_err().class, FailureClass::Malformed);

        let mut framer = SseFramer::default();
        let mut line = b"data: ".to_vec();
        line.extend(vec![b'x'; MAX_FRAME / 2]);
        line.push(b'\n');
        assert!(framer.push(&line, &mut frames).is_ok());
        assert_eq!(framer.push(&line, &mut frames).unwrap_err().class, FailureClass::Malformed);
    }
}
