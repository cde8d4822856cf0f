//! Reads the body of a 200 as it comes: a stream, a whole answer, or one where the other was asked for.

use std::mem;

use crate::types::{Answer, Delta, Failure, FailureClass, NanoUsd, Usage};

use super::framing::SseFramer;
use super::partial::inside_ok;
use super::{Dialect, Frame, Headers, Partial};

/// The largest whole answer taken, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Reads the body of one answer with status 200, in whatever pieces it comes.
pub struct AnswerReader<'a> {
    dialect: &'a dyn Dialect,
    streamed: bool,
    form: Form,
    so_far: Partial,
}

/// What the body turns out to be.
enum Form {
    /// Only white space so far (some providers send it to keep the connection alive).
    Unknown,
    Stream(SseFramer),
    Whole(Vec<u8>),
}

/// What a body came to.
#[derive(Debug)]
pub struct Read {
    /// The answer, or why there is none.
    pub answer: Result<Answer, Failure>,
    /// Text of the answer that no delta has brought yet (all of it, if it came whole).
    pub rest: Option<Delta>,
    /// Characters of thinking that were seen.
    pub thinking_chars: u64,
    /// What was told of usage, also beside a failure.
    pub usage: Option<Usage>,
    /// What the provider says it charged, also beside a failure.
    pub reported_cost: Option<NanoUsd>,
}

impl<'a> AnswerReader<'a> {
    /// A reader of the answer to a request that did or did not ask for a stream.
    pub fn new(dialect: &'a dyn Dialect, asked_for_stream: bool, headers: &Headers) -> Self {
        let streamed = match headers.get("content-type").map(str::to_ascii_lowercase) {
            Some(kind) if kind.contains("event-stream") => true,
            Some(kind) if kind.contains("json") || kind.contains("html") => false,
            _ => asked_for_stream,
        };
        Self { dialect, streamed, form: Form::Unknown, so_far: Partial::default() }
    }

    /// What was told so far: for settling a stream that is given up in the middle.
    pub fn so_far(&self) -> &Partial {
        &self.so_far
    }

    /// Whether the answer comes whole, also where a stream was asked for.
    pub fn is_whole(&self) -> bool {
        matches!(self.form, Form::Whole(_))
    }

    /// Whether the answer is complete, so that the rest of the body need not be waited for.
    ///
    /// Only true of streams with an end marker of their own: behind a mere finish reason usage may still follow.
    pub fn is_complete(&self) -> bool {
        matches!(self.form, Form::Stream(_)) && self.dialect.ends_with_marker() && self.so_far.ended
    }

    /// Takes bytes in; the texts to show that they bring.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Delta>, Failure> {
        let bytes = if matches!(self.form, Form::Unknown) { self.decide(bytes) } else { bytes };
        match &mut self.form {
            Form::Unknown => Ok(Vec::new()),
            Form::Whole(body) => {
                body.extend_from_slice(bytes);
                if body.len() > MAX_BODY {
                    return Err(inside_ok(FailureClass::Malformed, "the answer is larger than 64 MiB"));
                }
                Ok(Vec::new())
            }
            Form::Stream(framer) => {
                let frames = framer.push(bytes)?;
                self.take(&frames)
            }
        }
    }

    /// What it came to, now that the body has ended.
    pub fn end(mut self) -> Read {
        let shown = self.so_far.text.len();
        let read = self.read_rest();
        let (usage, reported_cost) = (self.so_far.usage, self.so_far.reported_cost);
        let thinking_chars = self.so_far.thinking_chars;
        let answer = read.and_then(|()| self.dialect.finish(self.so_far));
        let rest = answer.as_ref().ok().and_then(|answer| answer.text.get(shown..)).filter(|rest| !rest.is_empty());
        Read { rest: rest.map(|text| Delta(text.to_owned())), answer, thinking_chars, usage, reported_cost }
    }

    /// Skips leading white space and byte order marks, and sees from the first byte what follows: a stream never
    /// begins like JSON or HTML, and neither of them like a stream.
    fn decide<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let skipped = |b: &u8| b.is_ascii_whitespace() || matches!(b, 0xEF | 0xBB | 0xBF);
        let start = bytes.iter().position(|b| !skipped(b)).unwrap_or(bytes.len());
        let rest = &bytes[start..];
        match rest.first() {
            None => {}
            Some(b'{' | b'[' | b'<') => self.form = Form::Whole(Vec::new()),
            Some(b':' | b'd' | b'e' | b'i' | b'r') => self.form = Form::Stream(SseFramer::default()),
            Some(_) if self.streamed => self.form = Form::Stream(SseFramer::default()),
            Some(_) => self.form = Form::Whole(Vec::new()),
        }
        rest
    }

    fn take(&mut self, frames: &[Frame]) -> Result<Vec<Delta>, Failure> {
        let mut deltas = Vec::new();
        for frame in frames {
            deltas.extend(self.dialect.event(frame, &mut self.so_far)?);
        }
        Ok(deltas)
    }

    /// What was still unread when the body ended: a whole answer, or a last frame without its blank line.
    fn read_rest(&mut self) -> Result<(), Failure> {
        match mem::replace(&mut self.form, Form::Unknown) {
            Form::Unknown => Err(inside_ok(FailureClass::Cut, "the body of the answer is empty")),
            Form::Whole(body) => self.dialect.read(&body, &mut self.so_far),
            Form::Stream(mut framer) => {
                let rest = framer.end().and_then(|frame| self.take(frame.as_slice()));
                rest.map(drop).or_else(cut_if_malformed)
            }
        }
    }
}

/// A last frame that cannot be read was cut off in the middle.
fn cut_if_malformed(failure: Failure) -> Result<(), Failure> {
    match failure.class {
        FailureClass::Malformed => Err(inside_ok(FailureClass::Cut, "the answer ended in the middle")),
        _ => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::providers::{dialect, table, testing};

    fn of(provider: &str) -> Box<dyn Dialect> {
        let row = table::find(provider).unwrap();
        dialect(row.dialect, &row.quirks)
    }

    const STREAM: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\
        \"usage\":{\"prompt_tokens\":3}}\n\ndata: [DONE]\n\n";
    const WHOLE: &str = "{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}";

    #[test]
    fn the_body_tells_what_it_is_where_the_headers_do_not() {
        for (asked, kind, body) in [
            (true, "text/event-stream; charset=utf-8", STREAM),
            (true, "", STREAM),
            (false, "text/event-stream", STREAM),
            (true, "application/json", STREAM),
            (false, "application/json", WHOLE),
            (true, "application/json", WHOLE),
            (true, "text/event-stream", WHOLE),
            (false, "", WHOLE),
            (true, "text/event-stream", &format!("\n \u{feff}\n{STREAM}")),
            (false, "application/json", &format!("\n \n\n{WHOLE}")),
        ] {
            let openai = of("openai");
            let headers = Headers(vec![("content-type".into(), kind.into())]);
            let mut reader = AnswerReader::new(&*openai, asked, &headers);
            body.as_bytes().chunks(1).for_each(|byte| drop(reader.push(byte).unwrap()));
            assert_eq!(reader.end().answer.unwrap().text, "Hi", "{asked} {kind} {body}");
        }
    }

    #[test]
    fn only_an_end_marker_is_the_end() {
        let done = STREAM.find("data: [DONE]").unwrap();
        for (provider, before, after) in [("openai", false, true), ("perplexity", false, false)] {
            let dialect = of(provider);
            let mut reader = AnswerReader::new(&*dialect, true, &Headers::default());
            reader.push(&STREAM.as_bytes()[..done]).unwrap();
            assert_eq!(reader.is_complete(), before, "{provider}");
            reader.push(&STREAM.as_bytes()[done..]).unwrap();
            assert_eq!(reader.is_complete(), after, "{provider}");
        }
    }

    #[test]
    fn usage_is_told_beside_a_failure() {
        let openai = of("openai");
        let mut reader = AnswerReader::new(&*openai, true, &Headers::default());
        reader.push(&STREAM.as_bytes()[..STREAM.find("data: [DONE]").unwrap()]).unwrap();
        let read = reader.end();
        assert_eq!(read.answer.unwrap_err().class, FailureClass::Cut);
        assert_eq!(read.usage.unwrap().input_tokens, 3);
    }

    #[test]
    fn an_answer_has_a_bound() {
        let openai = of("openai");
        let mut reader = AnswerReader::new(&*openai, false, &Headers::default());
        reader.push(b"{").unwrap();
        let piece = vec![b' '; MAX_BODY / 4];
        (0..3).for_each(|_| assert!(reader.push(&piece).is_ok()));
        assert_eq!(reader.push(&piece).unwrap_err().class, FailureClass::Malformed);
    }

    /// Every fixture with bytes changed at random (a linear congruential generator, Knuth's constants): whatever
    /// comes of it, nothing panics, and what was shown is the text.
    #[test]
    fn no_damage_breaks_a_reader() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let mut state = 1u64;
        for row in table::PROVIDERS {
            let Ok(files) = std::fs::read_dir(folder.join(row.name)) else { continue };
            let dialect = dialect(row.dialect, &row.quirks);
            for file in files {
                let body = std::fs::read(file.unwrap().path()).unwrap();
                for _ in 0..60 {
                    let mut damaged = body.clone();
                    for _ in 0..3 {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        let at = (state >> 33) as usize % damaged.len();
                        damaged[at] = b"\n\r{}[]\"\\:,nu0\xff\xc3x"[(state >> 20) as usize % 16];
                    }
                    testing::run(&*dialect, &[&damaged], state & 1 == 0);
                }
            }
        }
    }
}
