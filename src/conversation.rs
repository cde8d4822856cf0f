//! A conversation: what is stored of it, what of it is sent, and what happens when it outgrows a model's window.
//!
//! The stored turns are never changed by condensing: a summary stands beside them and is sent in their place.

use crate::error::{Error, Kind, Result};
use crate::router::{Answered, Listener, Request, Router};
use crate::store::{Condensation, Conversation, Store, Turn};
use crate::types::{Message, NanoUsd, Timestamp};

/// Which conversation is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// A new one, with this name or none.
    New(Option<String>),
    /// The one that was used last; an error when there is none.
    Last,
    /// The one of this name or number (`c3`); an error when there is none.
    Known(String),
    /// The one of this name or number; begun when there is none of that name.
    Named(String),
}

/// What a new conversation starts with, and what an old one is changed to where given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pinned {
    /// System prompt.
    pub system: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Providers; empty for all.
    pub providers: Vec<String>,
}

/// A conversation under way.
#[derive(Debug, Clone)]
pub struct Talk {
    /// Its row.
    pub conversation: Conversation,
    /// Its turns in order, the dropped ones too.
    pub turns: Vec<Turn>,
    /// What its older turns were condensed into, if they were.
    pub condensed: Option<Condensation>,
}

impl Talk {
    /// Opens a conversation, or begins one (nothing is written for a new one without a name until its first turn).
    pub fn open(_store: &Store, _which: &Which, _pinned: &Pinned, _now: Timestamp) -> Result<Self> {
        Err(Error::new(Kind::Other, "conversations are not built yet"))
    }

    /// Changes what is pinned, for the turns to come.
    pub fn pin(&mut self, _store: &Store, _pinned: &Pinned) -> Result<()> {
        Err(Error::new(Kind::Other, "conversations are not built yet"))
    }

    /// Takes the last turn that is not dropped back; it stays stored. `None` when there is none.
    pub fn drop_last(&mut self, _store: &Store) -> Result<Option<Turn>> {
        Err(Error::new(Kind::Other, "conversations are not built yet"))
    }

    /// What is sent to ask this: the summary where there is one, the turns after it, and the message.
    pub fn messages(&self, message: Message) -> Vec<Message> {
        vec![message]
    }

    /// What its turns have cost so far, condensing and dropped turns included; `None` when a cost is not known.
    pub fn cost(&self, _store: &Store) -> Result<Option<NanoUsd>> {
        Ok(None)
    }
}

/// One turn: condenses first where the window is too small for all of it, asks, and takes the turn in. `request`
/// has every setting resolved, and no messages. A turn that failed or was interrupted is taken in too, with what had
/// come of its answer.
pub async fn turn(
    router: &mut Router<'_>,
    talk: &mut Talk,
    request: Request,
    message: Message,
    listener: &mut dyn Listener,
) -> Result<Answered> {
    let request = Request { messages: talk.messages(message), ..request };
    let job = router.prepare(request)?;
    match router.cached(&job)? {
        Some(hit) => Ok(hit),
        None => router.answer(&job, listener).await,
    }
}
