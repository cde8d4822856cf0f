//! An answer as it comes in: status, headers, then the body piece by piece with a limit on silence.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::{Limits, failure};
use crate::providers::Headers;
use crate::types::Failure;

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
            limits,
        }
    }

    /// The next piece of the body, unpacked; `None` at its end.
    ///
    /// Fails with `timeout` when nothing comes in time, `cut` when the body ends before its end, `malformed`
    /// when it cannot be unpacked.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let quiet_until = Instant::now() + Duration::from_millis(self.limits.idle_ms);
        let deadline = self.begin_by.map_or(quiet_until, |begin_by| begin_by.max(quiet_until));
        let piece = timeout_at(deadline, self.answer.chunk())
            .await
            .map_err(|_| self.out_of_time())?
            .map_err(|error| failure::of_body(&error, &self.host, self.status))?;
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
