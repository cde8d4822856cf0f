//! A conversation: what is stored of it, what of it is sent, and what happens when it outgrows a model's window.
//!
//! The stored turns are never changed by condensing: a summary stands beside them and is sent in their place.

mod condense;
mod markdown;
mod name;
#[cfg(test)]
mod tests;

use crate::error::{Error, Kind, Result};
use crate::router::{Answered, Keep, Listener, Request, Router};
use crate::store::{Condensation, Conversation, Find, Store, Turn};
use crate::types::{Message, NanoUsd, Timestamp};

pub use markdown::markdown;

/// How often a turn may condense at most. Each time halves what is sent, so that the fourth leaves a sixteenth.
const ROUNDS: u32 = 4;

/// Which conversation is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// A new one, with this name or none.
    New(Option<String>),
    /// The one that was used last; an error when there is none.
    Last,
    /// The one of this name or number (`c3`), or `last`; an error when there is none.
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

impl Pinned {
    /// What a request asks for, as flags and templates have made it.
    pub fn of(request: &Request) -> Self {
        let Request { system, selection, .. } = request;
        Self { system: system.clone(), model: selection.model.clone(), providers: selection.providers.clone() }
    }
}

/// A conversation under way.
#[derive(Debug, Clone)]
pub struct Talk {
    /// Its row; its number is 0 until there is one.
    pub conversation: Conversation,
    /// Its turns in order, the dropped ones too.
    pub turns: Vec<Turn>,
    /// What its older turns were condensed into, if they were.
    pub condensed: Option<Condensation>,
    /// Whether what is pinned was changed since it was read.
    changed: bool,
}

/// The names of all conversations that have one, the one used last first.
pub fn names(store: &Store) -> Result<Vec<String>> {
    Ok(store.conversations(None)?.into_iter().filter_map(|listed| listed.conversation.name).collect())
}

/// The stored conversation of that name or number (`c3`), or `last`.
pub fn find(store: &Store, id: &str) -> Result<Conversation> {
    let found = match (id, name::number(id)) {
        ("last", _) => store.conversation(Find::Last)?,
        (_, Some(number)) => store.conversation(Find::Number(number))?,
        _ => store.conversation(Find::Name(id))?,
    };
    found.ok_or_else(|| match id {
        "last" => Error::new(Kind::Usage, "there is no conversation yet")
            .hint("`llmr chat` begins one, and so does `llmr ask --session NAME`"),
        _ => Error::new(Kind::Usage, format!("there is no conversation {id}")).hint("`llmr chat list` lists them"),
    })
}

impl Talk {
    /// Opens a conversation, or begins one. Nothing is written: a new one gets its row, and an old one what is now
    /// pinned, with the next turn.
    pub fn open(store: &Store, which: &Which, pinned: &Pinned, now: Timestamp) -> Result<Self> {
        let stored = match which {
            Which::New(None) => None,
            Which::New(Some(name)) => match store.conversation(Find::Name(name::checked(name)?))? {
                Some(_) => return Err(taken(name)),
                None => None,
            },
            Which::Last => Some(find(store, "last")?),
            Which::Known(id) => Some(find(store, id)?),
            Which::Named(id) if id == "last" || name::number(id).is_some() => Some(find(store, id)?),
            Which::Named(name) => store.conversation(Find::Name(name::checked(name)?))?,
        };
        let name = match which {
            Which::New(name) => name.clone(),
            Which::Named(name) => Some(name.clone()),
            Which::Last | Which::Known(_) => None,
        };
        let mut talk = match stored {
            Some(conversation) => Self::load(store, conversation)?,
            None => Self::begun(name, now),
        };
        talk.given(pinned);
        Ok(talk)
    }

    /// A stored conversation with its turns.
    pub fn load(store: &Store, conversation: Conversation) -> Result<Self> {
        let (turns, condensed) = (store.turns(conversation.id)?, store.condensation(conversation.id)?);
        Ok(Self { conversation, turns, condensed, changed: false })
    }

    fn begun(name: Option<String>, now: Timestamp) -> Self {
        let conversation =
            Conversation { id: 0, name, at: now, used_at: now, system: None, model: None, providers: Vec::new() };
        Self { conversation, turns: Vec::new(), condensed: None, changed: false }
    }

    /// Takes over what is given. Model and providers say together who is asked: either one replaces both.
    fn given(&mut self, pinned: &Pinned) {
        let before = self.conversation.clone();
        if pinned.system.is_some() {
            self.conversation.system.clone_from(&pinned.system);
        }
        if pinned.model.is_some() || !pinned.providers.is_empty() {
            self.conversation.model.clone_from(&pinned.model);
            self.conversation.providers.clone_from(&pinned.providers);
        }
        self.changed |= before != self.conversation;
    }

    /// Pins exactly this for the turns to come.
    pub fn pin(&mut self, store: &Store, pinned: &Pinned) -> Result<()> {
        let Pinned { system, model, providers } = pinned.clone();
        self.change(store, Conversation { system, model, providers, ..self.conversation.clone() })
    }

    /// Gives it a name, or another one. An error (kind usage) when that is another's, or none.
    pub fn rename(&mut self, store: &Store, name: &str) -> Result<()> {
        let found = store.conversation(Find::Name(name::checked(name)?))?;
        if found.is_some_and(|other| other.id != self.conversation.id) {
            return Err(taken(name));
        }
        self.change(store, Conversation { name: Some(name.to_owned()), ..self.conversation.clone() })
    }

    fn change(&mut self, store: &Store, to: Conversation) -> Result<()> {
        if to.id != 0 && !store.change_conversation(&to)? {
            return Err(match &to.name {
                Some(name) if self.conversation.name != to.name => taken(name),
                _ => removed(&to),
            });
        }
        self.conversation = to;
        self.changed = false;
        Ok(())
    }

    /// Takes the last turn that is not dropped back; it stays stored. `None` when there is none.
    pub fn drop_last(&mut self, store: &Store) -> Result<Option<Turn>> {
        let Some(at) = self.turns.iter().rposition(|turn| !turn.dropped) else { return Ok(None) };
        let id = self.conversation.id;
        store.drop_turn(id, self.turns[at].number)?;
        self.turns[at].dropped = true;
        self.condensed = store.condensation(id)?;
        Ok(Some(self.turns[at].clone()))
    }

    /// What is sent to ask this: the summary where there is one, the turns after it, and the message. Turns that were
    /// dropped or have no answer are not sent; an answer that broke off is sent as it is.
    pub fn messages(&self, message: Message) -> Vec<Message> {
        let sent = self.sent_from(self.condensed.as_ref().map_or(0, |condensed| condensed.upto));
        let pair = |turn: &Turn| {
            let asked = Message { images: turn.images.clone(), ..Message::user(&turn.prompt) };
            [asked, Message::assistant(turn.answer.clone().unwrap_or_default())]
        };
        let mut messages: Vec<Message> = sent.into_iter().flat_map(pair).chain([message]).collect();
        // Inside a message and not one of its own: some vendors take user and assistant in turns only.
        if let (Some(condensed), Some(first)) = (&self.condensed, messages.first_mut()) {
            first.text = condense::before(&condensed.summary, &first.text);
        }
        messages
    }

    /// The turns after that number that are sent.
    fn sent_from(&self, upto: u32) -> Vec<&Turn> {
        let answered = |turn: &&Turn| turn.answer.as_ref().is_some_and(|answer| !answer.is_empty());
        self.turns.iter().filter(|turn| turn.number > upto && !turn.dropped).filter(answered).collect()
    }

    /// The request with what is pinned, and with the messages that ask this.
    pub fn request(&self, request: &Request, message: &Message) -> Request {
        let mut request = request.clone();
        request.system.clone_from(&self.conversation.system);
        request.selection.model.clone_from(&self.conversation.model);
        request.selection.providers.clone_from(&self.conversation.providers);
        request.messages = self.messages(message.clone());
        request.keep = Keep::Turn { conversation: self.conversation.id };
        request
    }

    /// What its turns have cost so far, condensing and dropped turns included; `None` when a cost is not known.
    pub fn cost(&self, store: &Store) -> Result<Option<NanoUsd>> {
        Ok(store.conversation_cost(self.conversation.id)?)
    }

    /// Takes in what other processes added, forgot or took back meanwhile. An error when the conversation is gone.
    fn refresh(&mut self, store: &Store) -> Result<()> {
        if self.conversation.id == 0 || is_stand_in(store) {
            return Ok(());
        }
        let id = self.conversation.id;
        let stored = store.conversation(Find::Number(id))?.ok_or_else(|| removed(&self.conversation))?;
        self.turns = store.turns(id)?;
        self.condensed = store.condensation(id)?;
        self.conversation.used_at = stored.used_at;
        Ok(())
    }

    /// Gives it a row, or that row what is pinned now.
    fn write(&mut self, store: &Store) -> Result<()> {
        if self.conversation.id == 0 {
            let id = store.begin_conversation(&self.conversation)?;
            self.conversation.id = id.ok_or_else(|| taken(self.conversation.name.as_deref().unwrap_or_default()))?;
        } else if self.changed {
            self.change(store, self.conversation.clone())?;
        }
        self.changed = false;
        Ok(())
    }

    /// The turn that was just asked, as the database has it, or else as it is known here.
    fn take_in(&mut self, store: &Store, message: &Message, answered: Option<&Answered>) {
        if !is_stand_in(store) && self.refresh(store).is_ok() {
            return;
        }
        let Some(answered) = answered else { return };
        self.turns.push(Turn {
            number: self.turns.last().map_or(1, |turn| turn.number + 1),
            request: answered.id,
            at: self.conversation.used_at,
            prompt: message.text.clone(),
            images: message.images.clone(),
            answer: Some(answered.text.clone()),
            partial: false,
            candidate: Some(answered.candidate.clone()),
            cost: answered.cost,
            dropped: false,
        });
    }
}

/// Whether nothing is recorded: the real database has failed, and without a budget that stops nothing.
fn is_stand_in(store: &Store) -> bool {
    store.path().as_os_str() == ":memory:"
}

fn taken(name: &str) -> Error {
    Error::new(Kind::Usage, format!("there is a conversation named {name} already"))
        .hint(format!("go on with it: --session {name}; or remove it: llmr chat rm {name}"))
}

fn removed(conversation: &Conversation) -> Error {
    Error::new(Kind::Usage, format!("the conversation {} was removed meanwhile", conversation.handle()))
}

/// One turn: condenses first where the window is too small for all of it, asks, and takes the turn in. `request`
/// has every setting resolved, and no messages; what is pinned is laid over it. A turn that failed or was interrupted
/// is taken in too, with what had come of its answer; one that could not be condensed for is not.
pub async fn turn(
    router: &mut Router<'_>,
    talk: &mut Talk,
    request: Request,
    message: Message,
    listener: &mut dyn Listener,
) -> Result<Answered> {
    talk.refresh(&router.store)?;
    let mut request = request;
    let mut notes = Vec::new();
    for round in 0..=ROUNDS {
        let mut job = router.prepare(talk.request(&request, &message))?;
        talk.write(&router.store)?;
        job.request.keep = Keep::Turn { conversation: talk.conversation.id };
        if let Some(hit) = router.cached(&job)? {
            talk.take_in(&router.store, &message, Some(&hit));
            return Ok(with(hit, notes));
        }
        let last = round == ROUNDS;
        let outgrown = match talk.has_older() && !last {
            true => condense::room(&router.rehearse(&job)?),
            false => None,
        };
        if let Some(cut) = outgrown.and_then(|room| talk.cut(&message, room)) {
            condense::condense(router, talk, &mut request, cut, listener, &mut notes).await?;
            continue;
        }
        let result = router.answer(&job, listener).await;
        talk.take_in(&router.store, &message, result.as_ref().ok());
        let error = match result {
            Ok(answered) => return Ok(with(answered, notes)),
            Err(error) => error,
        };
        let refused = (!last).then(|| talk.refused_for_its_length(&error)).flatten();
        let Some((turn, cut)) = refused.and_then(|turn| {
            let cut = talk.cut(&message, condense::less_than(job.question.reference_tokens))?;
            Some((turn, cut))
        }) else {
            return Err(error);
        };
        condense::pay(&mut request, &error.attempts);
        condense::condense(router, talk, &mut request, cut, listener, &mut notes).await?;
        router.store.retract_turn(talk.conversation.id, turn)?;
        talk.refresh(&router.store)?;
    }
    // The last round always returns.
    Err(Error::new(Kind::Refused, "the conversation could not be condensed far enough"))
}

fn with(mut answered: Answered, notes: Vec<String>) -> Answered {
    answered.warnings.splice(0..0, notes);
    answered
}
