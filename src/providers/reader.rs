//! Reads the body of a 200 as it comes: a stream, a whole answer, or one where the other was asked for.

use std::mem;

use crate::types::{Answer, Delta, Failure, FailureClass, NanoUsd, Usage};

use super::framing::SseFramer;
use super::partial::inside_ok;
use super::{Dialect, Frame, Headers, Partial};

/// The largest whole answer taken, in bytes; also the most text of a stream, whose events are not kept.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Reads the body of one answer with status 200, in whatever pieces it comes.
pub struct AnswerReader<'a> {
    dialect: &'a dyn Dialect,
    streamed: bool,
    form: Form,
    so_far: Partial,
    /// What went wrong in the middle; nothing behind it counts.
    failed: Option<Failure>,
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
    /// Whether it came to its own end, also where it is no answer: what it told is final.
    pub ended: bool,
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
        Self { dialect, streamed, form: Form::Unknown, so_far: Partial::default(), failed: None }
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

    /// Whether nothing that may still come can count: the answer is complete, or cannot become one any more.
    pub fn is_over(&self) -> bool {
        self.failed.is_some() || self.is_complete()
    }

    /// Takes bytes in; the texts to show that they bring, up to where the answer is over. What went wrong is told in
    /// the end: the same texts come whether or not the trouble behind them was in the same piece.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Delta> {
        if self.is_over() {
            return Vec::new();
        }
        let bytes = if matches!(self.form, Form::Unknown) { self.decide(bytes) } else { bytes };
        let mut deltas = Vec::new();
        let pushed = match &mut self.form {
            Form::Unknown => Ok(()),
            Form::Whole(body) => {
                body.extend_from_slice(bytes);
                match body.len() > MAX_BODY {
                    true => Err(too_large()),
                    false => Ok(()),
                }
            }
            Form::Stream(framer) => {
                let mut frames = Vec::new();
                let framed = framer.push(bytes, &mut frames);
                self.take(&frames, &mut deltas).and(framed)
            }
        };
        // Behind its end marker an answer cannot be spoilt.
        self.failed = pushed.err().filter(|_| !self.is_complete());
        deltas
    }

    /// What it came to, now that the body has ended.
    pub fn end(mut self) -> Read {
        let shown = self.so_far.text.len();
        let read = match self.failed.take() {
            Some(failure) => Err(failure),
            None if self.is_complete() => Ok(()),
            None => self.read_rest(),
        };
        let (usage, reported_cost) = (self.so_far.usage, self.so_far.reported_cost);
        let (thinking_chars, ended) = (self.so_far.thinking_chars, read.is_ok() && self.so_far.ended);
        let answer = read.and_then(|()| self.dialect.finish(self.so_far));
        let rest = answer.as_ref().ok().and_then(|answer| answer.text.get(shown..)).filter(|rest| !rest.is_empty());
        Read { rest: rest.map(|text| Delta(text.to_owned())), answer, thinking_chars, ended, usage, reported_cost }
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

    fn take(&mut self, frames: &[Frame], deltas: &mut Vec<Delta>) -> Result<(), Failure> {
        for frame in frames {
            deltas.extend(self.dialect.event(frame, &mut self.so_far)?);
            if self.so_far.text.len() > MAX_BODY {
                return Err(too_large());
            }
        }
        Ok(())
    }

    /// What was still unread when the body ended: a whole answer, or a last frame without its blank line.
    fn read_rest(&mut self) -> Result<(), Failure> {
        if self.is_complete() {
            return Ok(());
        }
        match mem::replace(&mut self.form, Form::Unknown) {
            Form::Unknown => Err(inside_ok(FailureClass::Cut, "the body of the answer is empty")),
            Form::Whole(body) => self.dialect.read(&body, &mut self.so_far),
            Form::Stream(mut framer) => {
                let rest = framer.end().and_then(|frame| self.take(frame.as_slice(), &mut Vec::new()));
                rest.or_else(cut_if_malformed)
            }
        }
    }
}

fn too_large() -> Failure {
    inside_ok(FailureClass::Malformed, "the answer is larger than 64 MiB")
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
            body.as_bytes().chunks(1).for_each(|byte| drop(reader.push(byte)));
            assert_eq!(reader.end().answer.unwrap().text, "Hi", "{asked} {kind} {body}");
        }
    }

    #[test]
    fn only_an_end_marker_is_the_end() {
        let done = STREAM.find("data: [DONE]").unwrap();
        for (provider, before, after) in [("openai", false, true), ("perplexity", false, false)] {
            let dialect = of(provider);
            let mut reader = AnswerReader::new(&*dialect, true, &Headers::default());
            reader.push(&STREAM.as_bytes()[..done]);
            assert_eq!(reader.is_complete(), before, "{provider}");
            reader.push(&STREAM.as_bytes()[done..]);
            assert_eq!(reader.is_complete(), after, "{provider}");
        }
    }

    #[test]
    fn usage_is_told_beside_a_failure() {
        let openai = of("openai");
        let mut reader = AnswerReader::new(&*openai, true, &Headers::default());
        reader.push(&STREAM.as_bytes()[..STREAM.find("data: [DONE]").unwrap()]);
        let read = reader.end();
        assert_eq!(read.answer.unwrap_err().class, FailureClass::Cut);
        assert_eq!(read.usage.unwrap().input_tokens, 3);
    }

    /// Trouble in the same piece takes nothing away from what came before it, and behind the end there is none.
    #[test]
    fn what_came_before_trouble_does_not_depend_on_the_cuts() {
        let openai = of("openai");
        let text = STREAM.find("data: [DONE]").unwrap();
        for trouble in ["data: {\n\n", "data: \u{1}\n\n"] {
            let (middle, behind) = (format!("{}{trouble}", &STREAM[..text]), format!("{STREAM}{trouble}"));
            for (body, class) in [(&middle, Some(FailureClass::Malformed)), (&behind, None)] {
                for size in [1, body.len()] {
                    let mut reader = AnswerReader::new(&*openai, true, &Headers::default());
                    let deltas: Vec<Delta> =
                        body.as_bytes().chunks(size).flat_map(|piece| reader.push(piece)).collect();
                    assert_eq!(deltas, [Delta("Hi".to_owned())], "{body} by {size}");
                    assert!(reader.is_over());
                    let read = reader.end();
                    assert_eq!(read.answer.err().map(|failure| failure.class), class, "{body} by {size}");
                    assert_eq!(read.usage.unwrap().input_tokens, 3);
                }
            }
        }
        for behind in [&b"data: \xff\n\n"[..], b"data: \xff"] {
            let mut reader = AnswerReader::new(&*openai, true, &Headers::default());
            reader.push(&[STREAM.as_bytes(), behind].concat());
            assert!(reader.end().answer.is_ok(), "what is no text behind the end is nobody's");
        }
    }

    #[test]
    fn an_answer_has_a_bound() {
        let openai = of("openai");
        let mut reader = AnswerReader::new(&*openai, false, &Headers::default());
        reader.push(b"{");
        let piece = vec![b' '; MAX_BODY / 4];
        (0..4).for_each(|n| {
            assert!(!reader.is_over(), "{n}");
            reader.push(&piece);
        });
        assert!(reader.is_over());
        assert_eq!(reader.end().answer.unwrap_err().class, FailureClass::Malformed);
    }

    #[test]
    fn so_has_the_text_of_a_stream_that_never_ends() {
        let openai = of("openai");
        let mut reader = AnswerReader::new(&*openai, true, &Headers::default());
        let (event, _) = STREAM.split_at(STREAM.find("data: [DONE]").unwrap());
        reader.push(event.as_bytes());
        reader.so_far.text.push_str(&"x".repeat(MAX_BODY - "HiHi".len()));
        reader.push(event.as_bytes());
        assert!(!reader.is_over());
        reader.push(event.as_bytes());
        assert!(reader.is_over());
        assert_eq!(reader.end().answer.unwrap_err().class, FailureClass::Malformed);
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
