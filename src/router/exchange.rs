//! One HTTP exchange with one candidate: send, read what comes, make an answer or a failure of it.

use std::time::Instant;

use crate::engine::estimate;
use crate::providers::{AnswerReader, Dialect, HttpRequest};
use crate::router::request::Flow;
use crate::router::settle::Progress;
use crate::transport::{Client, Limits, Response, Sent};
use crate::types::{Answer, Delta, Failure, FailureClass};

/// An error body longer than this is not read: nobody says it in more.
const MAX_ERROR_BYTES: usize = 1 << 20;
/// Characters of thinking that make a token, roughly; only counted where usage is not told.
const CHARS_PER_TOKEN: u64 = 4;

/// Everything one exchange needs.
pub struct Exchange<'a> {
    /// The one client of the process.
    pub client: &'a Client,
    /// Whose wire format.
    pub dialect: &'a dyn Dialect,
    /// What is sent.
    pub request: &'a HttpRequest,
    /// How long to wait for the first byte, and in between.
    pub limits: &'a Limits,
}

impl Exchange<'_> {
    /// Sends and reads to the end. `show` gets each piece of the answer's text as it comes.
    ///
    /// What was seen is kept in `seen`, so that an exchange given up half-way can be charged.
    pub async fn run(&self, seen: &mut Progress, show: &mut dyn FnMut(&str) -> Flow) -> Result<Answer, Failure> {
        let sent = Instant::now();
        seen.stream = self.request.stream;
        let mark = Sent::default();
        seen.sent = mark.clone();
        let mut response = self.client.send_noting(self.request, self.limits, &mark).await?;
        seen.status = Some(response.status);
        if response.status != 200 {
            return Err(self.refused(response).await);
        }
        let headers = response.headers.clone();
        let mut reader = AnswerReader::new(self.dialect, self.request.stream, &headers);
        while !reader.is_over() {
            let Some(bytes) = response.chunk().await? else { break };
            let deltas = reader.push(&bytes);
            note(seen, &reader);
            for delta in deltas {
                seen.first_token_ms.get_or_insert_with(|| elapsed_ms(sent));
                shown(seen, &delta, show)?;
            }
        }
        if reader.is_complete() {
            response.release();
        }
        let read = reader.end();
        (seen.usage, seen.reported_cost) = (read.usage, read.reported_cost);
        seen.thought = read.thinking_chars.div_ceil(CHARS_PER_TOKEN);
        seen.ended = read.ended;
        if let Some(rest) = read.rest.filter(|_| read.answer.is_ok()) {
            shown(seen, &rest, show)?;
        }
        read.answer.map_err(|failure| Failure { status: failure.status.or(Some(200)), ..failure })
    }

    async fn refused(&self, response: Response) -> Failure {
        let (status, headers) = (response.status, response.headers.clone());
        let body = response.body(MAX_ERROR_BYTES).await.unwrap_or_default();
        self.dialect.failure(status, &headers, &body)
    }
}

/// Keeps what the stream has told so far.
fn note(seen: &mut Progress, reader: &AnswerReader<'_>) {
    let so_far = reader.so_far();
    (seen.usage, seen.reported_cost) = (so_far.usage, so_far.reported_cost);
    seen.thought = so_far.thinking_chars.div_ceil(CHARS_PER_TOKEN);
    seen.stream &= !reader.is_whole();
}

fn shown(seen: &mut Progress, delta: &Delta, show: &mut dyn FnMut(&str) -> Flow) -> Result<(), Failure> {
    seen.written += estimate::tokens(&delta.0);
    if let Some(text) = &mut seen.text {
        text.push_str(&delta.0);
    }
    match show(&delta.0) {
        Flow::On => Ok(()),
        Flow::Closed => Err(Failure::new(FailureClass::Cancelled, "the reader closed the pipe")),
    }
}

/// Milliseconds since then.
pub fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_is_counted_in_whole_milliseconds() {
        let since = Instant::now().checked_sub(Duration::from_micros(1_234_900)).unwrap();
        assert!((1234..60_000).contains(&elapsed_ms(since)));
    }
}
