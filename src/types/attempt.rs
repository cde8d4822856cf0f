//! One HTTP exchange with one candidate, as it is recorded and reported.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{FailureClass, NanoUsd};

/// The number of a request in the database: 1, 2, 3, …; shown as `r1`, `r2`, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub i64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl RequestId {
    /// Reads `r17` or `17`.
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix('r').unwrap_or(text).parse().ok().map(Self)
    }
}

/// One attempt of one request: its attempts are numbered 1, 2, 3, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptId {
    /// The request.
    pub request: RequestId,
    /// Which attempt of it.
    pub number: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A whole answer.
    Ok,
    /// No answer, or not a whole one.
    Failed,
    /// Given up by the caller.
    Cancelled,
}

impl Outcome {
    /// Its name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ok, Self::Failed, Self::Cancelled].into_iter().find(|outcome| outcome.name() == name)
    }
}

/// An attempt as reports show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptReport {
    /// Whom.
    pub provider: String,
    /// Which model was asked for.
    pub model: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    pub failure: Option<FailureClass>,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// From sending to the end.
    pub latency_ms: u64,
    /// What it cost; `None` when the price is unknown.
    pub cost_usd: Option<NanoUsd>,
}

/// How the cache answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheOutcome {
    /// The answer is a stored one.
    Hit,
    /// There was none.
    Miss,
    /// It was not asked.
    Off,
}

impl CacheOutcome {
    /// Its name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Off => "off",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hit, Self::Miss, Self::Off].into_iter().find(|outcome| outcome.name() == name)
    }
}
