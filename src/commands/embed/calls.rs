//! The calls: the first one finds out which model there is, the others follow side by side with that one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::collection::Keeper;
use super::texts::Text;
use crate::commands::batch::progress::Numbers;
use crate::commands::batch::voice::{Voice, Watch};
use crate::commands::side_by_side::{self, Work};
use crate::error::{Error, Kind, Result};
use crate::router::{Answered, Request, Router, Selection};
use crate::store::TextDigest;
use crate::types::{CacheOutcome, CandidateId, NanoUsd, RequestId, Usage, decode_vectors};

/// What the calls came to.
pub struct Made {
    /// Who made them, once somebody has.
    pub candidate: Option<CandidateId>,
    /// By the digest of the text.
    pub vectors: HashMap<TextDigest, Vec<f32>>,
    /// The requests that were answered.
    pub requests: Vec<RequestId>,
    /// Answers that came from the cache.
    pub from_cache: u64,
    /// Tokens that were read for money.
    pub usage: Usage,
    /// What all of it cost; `None` where a price is not known.
    pub cost: Option<NanoUsd>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Calls under way.
pub struct Calls<'c> {
    texts: &'c [Text],
    calls: &'c [Vec<usize>],
    base: Request,
    made: Made,
    voice: &'c Rc<RefCell<Voice>>,
    watch: &'c mut Watch,
    keeper: Option<&'c mut Keeper>,
    done: u64,
}

impl<'c> Calls<'c> {
    /// Those of these texts.
    pub fn new(
        texts: &'c [Text],
        calls: &'c [Vec<usize>],
        base: Request,
        voice: &'c Rc<RefCell<Voice>>,
        watch: &'c mut Watch,
    ) -> Self {
        let made = Made {
            candidate: None,
            vectors: HashMap::new(),
            requests: Vec::new(),
            from_cache: 0,
            usage: Usage::default(),
            cost: Some(NanoUsd::ZERO),
            warnings: Vec::new(),
        };
        Self { texts, calls, base, made, voice, watch, keeper: None, done: 0 }
    }

    /// The same; where there is a keeper, vectors are given to it as they arrive, and are not held here.
    #[must_use]
    pub fn kept_by(self, keeper: Option<&'c mut Keeper>) -> Self {
        Self { keeper, ..self }
    }

    /// Makes them; what has arrived is there also when it fails.
    pub async fn make(mut self, idle: &mut Vec<Router<'_>>) -> (Made, Result<()>) {
        let result = self.all(idle).await;
        self.voice.borrow_mut().clear();
        (self.made, result)
    }

    async fn all(&mut self, idle: &mut Vec<Router<'_>>) -> Result<()> {
        let voice = self.voice;
        let (texts, calls) = (self.texts, self.calls);
        let first = calls.first().map(|call| (0, request(texts, call, &self.base)));
        side_by_side::ask_all(idle, first, voice, self).await?;
        if let Some(candidate) = &self.made.candidate {
            // Vectors of another model say nothing about these.
            self.base.selection = only(&self.base.selection, candidate);
        }
        let base = self.base.clone();
        let rest = calls.iter().enumerate().skip(1).map(|(number, call)| (number, request(texts, call, &base)));
        let asked = side_by_side::ask_all(idle, rest, voice, self).await;
        idle.first().into_iter().for_each(|router| self.watch.look_now(router, voice));
        asked
    }
}

fn request(texts: &[Text], call: &[usize], base: &Request) -> Request {
    Request { messages: call.iter().map(|number| texts[*number].message()).collect(), ..base.clone() }
}

/// The same selection for this model alone, at everybody who has it among those that were asked for.
pub fn only(wanted: &Selection, candidate: &CandidateId) -> Selection {
    let CandidateId { provider, model } = candidate;
    match (wanted.providers.is_empty(), &wanted.model) {
        (true, _) => Selection { model: Some(candidate.to_string()), ..wanted.clone() },
        // What was named goes by that name at each of them.
        (false, Some(_)) => wanted.clone(),
        (false, None) => Selection { model: Some(model.clone()), providers: vec![provider.clone()], ..wanted.clone() },
    }
}

impl Work for Calls<'_> {
    fn took(&mut self, router: &Router<'_>, number: usize, result: Result<Answered>) -> Result<()> {
        self.watch.note(&result);
        self.watch.look(router, self.voice);
        self.voice.borrow_mut().goes_on();
        let attempts = result.as_ref().map_or_else(|error| error.attempts.as_slice(), |a| a.attempts.as_slice());
        for attempt in attempts {
            self.made.cost = self.made.cost.zip(attempt.cost_usd).map(|(sum, cost)| sum + cost);
        }
        let answered = result?;
        let call = &self.calls[number];
        let vectors = decode_vectors(&answered.text).filter(|vectors| vectors.len() == call.len());
        let vectors = vectors.ok_or_else(|| Error::new(Kind::Other, "the vectors that came cannot be read"))?;
        let texts: Vec<&Text> = call.iter().map(|number| &self.texts[*number]).collect();
        match &mut self.keeper {
            Some(keeper) => keeper.keep(&answered.candidate, &texts, &vectors)?,
            None => self.made.vectors.extend(texts.iter().map(|text| text.digest).zip(vectors)),
        }
        self.made.requests.push(answered.id);
        match answered.cache {
            CacheOutcome::Hit => self.made.from_cache += 1,
            _ => {
                self.made.usage.input_tokens += answered.usage.prompt_tokens();
                self.made.usage.estimated |= answered.usage.estimated;
            }
        }
        for warning in answered.warnings {
            self.voice.borrow_mut().once(&warning);
            if !self.made.warnings.contains(&warning) {
                self.made.warnings.push(warning);
            }
        }
        self.done += call.len() as u64;
        self.made.candidate.get_or_insert(answered.candidate);
        Ok(())
    }

    fn draw(&self) {
        self.voice.borrow_mut().draw(|| Numbers {
            done: self.done,
            lines: self.calls.iter().map(|call| call.len() as u64).sum(),
            of_this_run: self.done,
            failed: 0,
            cost: self.made.cost.unwrap_or_default(),
            waiting: String::new(),
        });
    }
}
