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
        let answer = read.and_then(|()| self.dialect.finish(self.so_far));
        let rest = answer.as_ref().ok().and_then(|answer| answer.text.get(shown..)).filter(|rest| !rest.is_empty());
        Read { rest: rest.map(|text| Delta(text.to_owned())), answer, usage, reported_cost }
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
