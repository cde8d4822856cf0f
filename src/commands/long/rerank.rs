//! `--rerank`: the best passages get a second look by vectors before one call reads them.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;

use crate::commands::batch::voice::{Voice, Watch};
use crate::commands::embed::calls::{Calls, Made, only};
use crate::commands::embed::for_vectors;
use crate::commands::embed::texts::{Text, calls};
use crate::engine::long::{Document, Part, best, ranking};
use crate::engine::retrieval::{Piece, tokens};
use crate::error::{Error, Kind, Result};
use crate::router::{Request, Router, Selection, select};
use crate::types::{Embed, NanoUsd, Purpose, cosine};

use super::wanted::Reading;

/// So many times as many tokens are looked at as one call reads.
const POOL: u64 = 4;

/// Passages that get a second look.
pub struct Rerank {
    base: Request,
    pool: Vec<Piece>,
    texts: Vec<Text>,
    /// The calls that it takes, but for the one about the question.
    pub calls: Vec<Vec<usize>>,
}

/// What that would take.
#[derive(Debug, Clone, Serialize)]
pub struct Takes {
    /// By whom.
    pub model: String,
    pieces: u64,
    pub calls: u64,
    pub tokens: u64,
    #[serde(skip)]
    pub low_usd: Option<NanoUsd>,
    #[serde(skip)]
    pub high_usd: Option<NanoUsd>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Looked {
    /// The passages; `None` where the ranking alone counts.
    pub part: Option<Part>,
    /// `None` where a price is not known.
    pub cost: Option<NanoUsd>,
    /// Calls that were answered, and how many of them by the cache.
    pub calls: u64,
    pub from_cache: u64,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Rerank {
    /// The passages of the texts that a question is about, and what their vectors would cost; `None` where there is nothing
    /// to choose: no word of the question occurs.
    pub fn plan(
        router: &mut Router<'_>,
        request: &Request,
        model: Option<&str>,
        (documents, question, size): (&[Document<'_>], &str, u64),
    ) -> Result<Option<(Self, Takes)>> {
        let pool = ranking(documents, question).pool(size.saturating_mul(POOL));
        if pool.is_empty() {
            return Ok(None);
        }
        let providers = allowed(router, request, model)?;
        let selection = Selection { model: model.map(str::to_owned), providers, ..Selection::default() };
        let embed = Embed { dimensions: None, purpose: Purpose::Document };
        // What is passed through is for the model that answers.
        let base = Request { extra: serde_json::Map::new(), ..for_vectors(request.clone(), selection, embed) };
        let texts: Vec<Text> = pool
            .iter()
            .map(|piece| Text::new(documents[piece.text].name, &documents[piece.text].text[piece.span.clone()]))
            .collect();
        let calls = calls(&texts, |_| false);
        let mut takes = Takes {
            model: String::new(),
            pieces: texts.len() as u64,
            calls: calls.len() as u64 + 1,
            tokens: texts.iter().map(|text| tokens(&text.text)).sum::<u64>() + tokens(question),
            low_usd: Some(NanoUsd::ZERO),
            high_usd: Some(NanoUsd::ZERO),
        };
        let of_call = |call: &Vec<usize>| call.iter().map(|number| texts[*number].message()).collect();
        for messages in calls.iter().map(of_call).chain([vec![Text::new("", question).message()]]) {
            takes.add(router, Request { messages, ..base.clone() })?;
        }
        Ok(Some((Self { base, pool, texts, calls }, takes)))
    }

    /// Makes the vectors, and picks the passages by ranking and likeness together.
    pub async fn look(
        &self,
        reading: &Reading,
        idle: &mut Vec<Router<'_>>,
        voice: &Rc<RefCell<Voice>>,
        watch: &mut Watch,
    ) -> (Looked, Result<()>) {
        let mut looked = Looked { cost: Some(NanoUsd::ZERO), ..Looked::default() };
        let (made, result) = Calls::new(&self.texts, &self.calls, self.base.clone(), voice, watch).make(idle).await;
        looked.count(&made);
        let Some(by) = made.candidate.clone().filter(|_| result.is_ok()) else { return (looked, result) };
        let question = [Text::new("", &reading.question)];
        let base = Request {
            selection: only(&self.base.selection, &by),
            embed: self.base.embed.map(|embed| Embed { purpose: Purpose::Query, ..embed }),
            ..self.base.clone()
        };
        let (asked, result) = Calls::new(&question, &[vec![0]], base, voice, watch).make(idle).await;
        looked.count(&asked);
        let Some(own) = asked.vectors.get(&question[0].digest) else { return (looked, result) };
        if made.vectors.values().any(|vector| vector.len() != own.len()) {
            let error = Error::new(Kind::Unavailable, format!("the vectors of {by} are not of one length"));
            return (looked, Err(error));
        }
        let alike = |text: &Text| made.vectors.get(&text.digest).map_or(0.0, |vector| cosine(own, vector));
        let alike: Vec<f64> = self.texts.iter().map(alike).collect();
        let documents = reading.documents();
        let mixed = ranking(&documents, &reading.question).mixed(&self.pool, &alike);
        looked.part = best(&mixed, &documents, reading.size);
        (looked, result)
    }
}

impl Looked {
    fn count(&mut self, made: &Made) {
        self.cost = self.cost.zip(made.cost).map(|(sum, cost)| sum + cost);
        self.calls += made.requests.len() as u64;
        self.from_cache += made.from_cache;
        self.warnings.extend(made.warnings.iter().cloned());
    }
}

impl Takes {
    /// One call more.
    fn add(&mut self, router: &mut Router<'_>, request: Request) -> Result<()> {
        let elsewhere = |error: Error| match error.kind {
            // Who answers is another matter: nobody is to think that nobody does.
            Kind::NoProvider => Error { kind: Kind::Usage, hints: Vec::new(), ..error }.hint(NAME_ONE),
            _ => error,
        };
        let job = router.prepare(request).map_err(elsewhere)?;
        let rehearsal = router.rehearse(&job)?;
        let Some(first) = rehearsal.plan.order.first() else {
            let refused = &rehearsal.plan.refused;
            let why = refused.first().map(|r| format!(": {}: {}", r.id, r.reason)).unwrap_or_default();
            let kind = if refused.iter().any(|r| r.reason.is_money()) { Kind::Budget } else { Kind::Refused };
            return Err(Error::new(kind, format!("nobody can be asked for vectors{why}")).hint(WITHOUT));
        };
        if self.model.is_empty() {
            self.model = first.candidate.id.to_string();
        }
        let most = first.candidate.pricing.as_ref().map(|_| first.sized.hold);
        self.low_usd = self.low_usd.zip(first.expected.load.cost).map(|(sum, more)| sum + more);
        self.high_usd = self.high_usd.zip(most).map(|(sum, more)| sum + more);
        Ok(())
    }
}

const NAME_ONE: &str = "--rerank=PROVIDER/MODEL says who makes vectors; without --rerank the ranking alone counts";
const WITHOUT: &str = "leave --rerank out: the ranking alone finds what shares words with the question";

/// Who may be asked: passages go to nobody whom the question would not go to, unless a provider is named for them. Empty for
/// everybody.
fn allowed(router: &Router<'_>, request: &Request, model: Option<&str>) -> Result<Vec<String>> {
    let selection = &request.selection;
    let named = model.and_then(|model| model.split_once('/')).and_then(|(owner, _)| router.config.provider(owner));
    if named.is_some() || selection.model.is_none() {
        return Ok(if named.is_some() { Vec::new() } else { selection.providers.clone() });
    }
    let selected = select(router.config, selection, router.host.now().day())?;
    let mut providers: Vec<String> = selected.targets.iter().map(|t| t.candidate.id.provider.clone()).collect();
    providers.sort();
    providers.dedup();
    Ok(providers)
}
