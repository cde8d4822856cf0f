//! `llmr chat` without a keyboard: each line of standard input is a turn, each answer ends with a line break.
//!
//! The first turn that fails ends it: what follows was written for a conversation in which it was answered.

use std::io::{self, BufRead, Read};

use super::opening::{Opening, opening, which};
use super::slash::{self, Verb};
use crate::cli;
use crate::commands::alerts::{self, Happened};
use crate::commands::answer::{ConversationReport, Format, Output, Voice, show};
use crate::commands::{Context, Runtime, runtime, sandbox};
use crate::conversation::{Talk, turn};
use crate::error::{Error, Kind, Result};
use crate::router::Request;
use crate::transport::Client;
use crate::types::{CacheOutcome, Message};

/// A line longer than this, in bytes, is no prompt: more than any model reads.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Runs `llmr chat` where standard input is no terminal.
pub fn run(context: &mut Context, args: &cli::Chat) -> Result<()> {
    let Opening { base, pinned, first, mut frame } = opening(context, &args.question, true)?;
    let request = Request { tag: args.tag.clone(), stream: true, ..base };
    let rehearsal = sandbox::start(context)?;
    let talk = Talk::open(&context.store_for_reading()?, &which(args), &pinned, context.now())?;
    if let Some(frame) = &frame {
        context.messages.note(&frame.text());
    }
    let mut session = Session { talk, request, raw: args.raw, runtime: runtime()?, client: None };
    let mut turns = 0;
    if let Some(message) = first {
        session.take(context, message)?;
        turns += 1;
    }
    let mut lines = Lines { reader: io::stdin().lock(), number: 0 };
    while let Some(line) = lines.next()? {
        let line = match slash::command_of(&line) {
            Some(Verb::Exit) => break,
            Some(_) => return Err(disobeyed(&line, lines.number)),
            None => slash::unescaped(line),
        };
        let at = |error: Error| Error { message: format!("line {}: {}", lines.number, error.message), ..error };
        let text = frame.take().map_or_else(|| line.clone(), |frame| frame.around(&line));
        session.take(context, Message::user(text)).map_err(at)?;
        turns += 1;
    }
    drop(rehearsal);
    match turns {
        0 => Err(Error::new(Kind::Input, "there is nothing to ask: standard input is empty")
            .hint("each line of it is a turn; on a terminal `llmr chat` reads what is typed")),
        _ => Ok(()),
    }
}

/// The error of a line that is a command of the chat at a terminal: as a prompt it would cost money, and surprise.
fn disobeyed(line: &str, number: u64) -> Error {
    let word = line.split_whitespace().next().unwrap_or_default();
    Error::new(Kind::Usage, format!("line {number}: `{word}` is a command of the chat at a terminal; it was not sent"))
        .hint("in a pipe flags say it, such as -m, -s, -f, --session")
        .hint(format!("to send the line as a prompt, begin it with two slashes: /{word} …"))
}

/// A conversation from the first line to the last.
struct Session {
    talk: Talk,
    request: Request,
    raw: bool,
    runtime: Runtime,
    /// The client of the turn before: its connections are still open.
    client: Option<Client>,
}

impl Session {
    /// One turn: asks, and prints the answer.
    fn take(&mut self, context: &mut Context, message: Message) -> Result<()> {
        let format = if context.global.json { Format::Json } else { Format::Text };
        let streams = format == Format::Text && context.printer.terminal.stdout;
        let rehearsed = context.global.sandbox.is_some();
        let structured = self.request.schema.is_some();
        let mut voice = Voice::of(context);
        voice.renders &= !structured;
        let mut output = Output::speaking(&voice, format, streams, self.raw).in_lines().parsing(structured);
        let (mut messages, deliveries) = (voice.messages(), context.deliveries.clone());
        let mut router = context.router()?;
        router.client = self.client.take();
        let asked = turn(&mut router, &mut self.talk, self.request.clone(), message, &mut output);
        let answered = self.runtime.block_on(asked);
        self.client = router.client.take();
        output.finish_stream()?;
        let mut answered = answered.inspect_err(|error| {
            error.answer.iter().for_each(|answer| output.show_unfit(answer));
            alerts::after(&router, &mut messages, &deliveries, &Happened::failed(error));
        })?;
        if answered.cache == CacheOutcome::Hit {
            output.hit(&answered.candidate);
        }
        if output.quiet() {
            let rehearsal = rehearsed.then(|| sandbox::NOTE.to_owned());
            answered.warnings.splice(0..0, rehearsal.into_iter().chain(router.warned.iter().cloned()));
        }
        output.about(ConversationReport::of(&self.talk, &router.store));
        let happened = Happened::answered(&answered);
        let shown = show(&mut router, &mut output, self.talk.conversation.model.as_deref(), answered, false);
        alerts::after(&router, &mut messages, &deliveries, &happened);
        shown
    }
}

/// The lines of a stream that are not empty, and the number of the last one read, from 1.
struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line without its break; `None` at the end.
    fn next(&mut self) -> Result<Option<String>> {
        loop {
            let mut bytes = Vec::new();
            let read = (&mut self.reader).take(LONGEST + 1).read_until(b'\n', &mut bytes);
            if read.map_err(|why| self.unreadable(&why))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if bytes.len() as u64 > LONGEST {
                return Err(self.unreadable(&"it is longer than 64 MiB, more than any model reads"));
            }
            let line = String::from_utf8(bytes).map_err(|why| {
                self.unreadable(&format!("not valid UTF-8 at byte {}", why.utf8_error().valid_up_to()))
            })?;
            let line = line.trim_end_matches(['\n', '\r']);
            if !line.trim().is_empty() {
                return Ok(Some(line.to_owned()));
            }
        }
    }

    fn unreadable(&self, why: &dyn std::fmt::Display) -> Error {
        let line = self.number.max(1);
        Error::new(Kind::Input, format!("cannot read standard input, line {line}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_turns_and_empty_ones_are_none() {
        let mut lines = Lines { reader: "one\n\n  \r\ntwo \r\nthree".as_bytes(), number: 0 };
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push((lines.number, line));
        }
        assert_eq!(read, [(1, "one".to_owned()), (4, "two ".to_owned()), (5, "three".to_owned())]);
    }

    #[test]
    fn what_is_no_text_is_named_with_its_line() {
        let mut lines = Lines { reader: &b"one\n\xff\xfe\n"[..], number: 0 };
        lines.next().unwrap();
        let error = lines.next().unwrap_err();
        assert_eq!(error.kind, Kind::Input);
        assert!(error.message.contains("line 2: not valid UTF-8 at byte 0"), "{}", error.message);
    }
}
