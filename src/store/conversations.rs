//! Conversations: their turns are requests whose texts are kept.

use crate::types::{CandidateId, Image, NanoUsd, RequestId, Timestamp};

/// A conversation without its turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its number; `c3` for people.
    pub id: i64,
    /// The user's name for it.
    pub name: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// Its system prompt.
    pub system: Option<String>,
    /// Its model, where one was pinned.
    pub model: Option<String>,
    /// Its providers, where some were pinned.
    pub providers: Vec<String>,
}

/// One turn: what was asked, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its place in the conversation, from 1.
    pub number: u32,
    /// The request.
    pub request: RequestId,
    /// When it was asked.
    pub at: Timestamp,
    /// What was asked.
    pub prompt: String,
    /// Pictures that went with it.
    pub images: Vec<Image>,
    /// The answer; `None` where none came.
    pub answer: Option<String>,
    /// Whether the answer broke off.
    pub partial: bool,
    /// Who answered.
    pub candidate: Option<CandidateId>,
    /// What it cost, all attempts together; `None` where that is not known.
    pub cost: Option<NanoUsd>,
    /// Taken back: kept, but not sent any more.
    pub dropped: bool,
}

/// What older turns were condensed into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condensation {
    /// The last turn that is in it.
    pub upto: u32,
    /// The summary.
    pub summary: String,
    /// The request that made it.
    pub request: RequestId,
}
