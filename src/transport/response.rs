//! An answer as it comes in: status, headers, then the body piece by piece with a limit on silence.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::{Limits, failure};
use crate::providers::Headers;
use crate::types::Failure;

/// What may still come behind the end of an answer and is read for the connection's sake, in bytes: the end of a
/// stream is a line break and an empty chunk; a server that says much more is not waited for.
const MAX_REST_BYTES: usize = 16 << 10;
/// So long the end of the body is waited for. A server that takes longer loses its connection.
const REST_LIMIT: Duration = Duration::from_secs(2);

/// The answer to one request; its body is still to be read.
pub struct Response {
    /// The HTTP status; anything but 2xx is the dialect's to judge.
    pub status: u16,
    /// The headers whose values are text.
    pub headers: Headers,
    host: String,
    answer: reqwest::Response,
    /// Until when the body must have begun; `None` once it has.
    begin_by: Option<Instant>,
    /// Ends when the next piece is late. One for all pieces: to put a clock off costs less than to set up another.
    patience: Pin<Box<Sleep>>,
    limits: Limits,
}

impl Response {
    pub(super) fn new(answer: reqwest::Response, host: String, begin_by: Instant, limits: Limits) -> Self {
        let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        Self {
            status: answer.status().as_u16(),
            headers: Headers(answer.headers().iter().filter_map(text).collect()),
            host,
            answer,
            begin_by: Some(begin_by),
            patience: Box::pin(sleep_until(begin_by)),
            limits,
        }
    }

    /// The next piece of the body, unpacked; `None` at its end.
    ///
    /// Fails with `timeout` when nothing comes in time, `cut` when the body ends before its end, `malformed`
    /// when it cannot be unpacked.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let quiet_until = || Instant::now() + Duration::from_millis(self.limits.idle_ms);
        self.patience.as_mut().reset(self.begin_by.unwrap_or_else(quiet_until));
        let piece = tokio::select! {
            biased;
            piece = self.answer.chunk() => piece,
            () = &mut self.patience => return Err(self.out_of_time()),
        };
        let piece = piece.map_err(|error| failure::of_body(&error, &self.host, self.status))?;
        self.begin_by = None;
        Ok(piece)
    }

    /// The whole body; `malformed` when it is longer than so many bytes ([`super::MAX_BODY_BYTES`]).
    pub async fn body(mut self, max_bytes: usize) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        while let Some(piece) = self.chunk().await? {
            if whole.len() + piece.len() > max_bytes {
                return Err(failure::too_large(&self.host, max_bytes, self.status));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// Lets go of an answer whose last word has come, so that its connection can be used again: what is left of the
    /// body is read beside other work. Whoever drops it instead closes the connection, which is right for one that is
    /// given up. Must run inside a runtime.
    pub fn release(self) {
        let mut answer = self.answer;
        tokio::spawn(timeout(REST_LIMIT, async move {
            let mut read = 0;
            while let Ok(Some(piece)) = answer.chunk().await {
                read += piece.len();
                if read > MAX_REST_BYTES {
                    return;
                }
            }
        }));
    }

    fn out_of_time(&self) -> Failure {
        match self.begin_by {
            Some(_) => failure::no_first_byte(&self.host, self.limits.first_byte_ms, false).with_status(self.status),
            None => failure::silence(&self.host, self.limits.idle_ms, self.status),
        }
    }
}

/// Without the headers, which may hold an account's names.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).field("host", &self.host).finish_non_exhaustive()
    }
}
