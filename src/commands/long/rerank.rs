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
use crate::router::{Request, Router, Selection};
use crate::types::{Embed, NanoUsd, Purpose, cosine};

use super::plan::Reading;

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
    model: String,
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
}

impl Rerank {
    /// The passages of the texts that a question is about, and what their vectors would cost.
    pub fn plan(
        router: &mut Router<'_>,
        request: &Request,
        model: Option<&str>,
        (documents, question, size): (&[Document<'_>], &str, u64),
    ) -> Result<(Self, Takes)> {
        // Passages go to nobody whom the question would not go to, unless a model is named.
        let providers = if model.is_some() { Vec::new() } else { request.selection.providers.clone() };
        let selection = Selection { model: model.map(str::to_owned), providers, ..Selection::default() };
        let embed = Embed { dimensions: None, purpose: Purpose::Document };
        let base = for_vectors(request.clone(), selection, embed);
        let pool = ranking(documents, question).pool(size.saturating_mul(POOL));
        let texts: Vec<Text> = pool
            .iter()
            .map(|piece| Text::new(documents[piece.text].name, &documents[piece.text].text[piece.span.clone()]))
            .collect();
        let calls = calls(&texts, |_| false);
        let all =
            calls.iter().flatten().map(|number| texts[*number].message()).chain([Text::new("", question).message()]);
        let job = router.prepare(Request { messages: all.collect(), ..base.clone() })?;
        let rehearsal = router.rehearse(&job)?;
        let Some(first) = rehearsal.plan.order.first() else {
            let why = rehearsal.plan.refused.first().map(|r| format!(": {}: {}", r.id, r.reason)).unwrap_or_default();
            return Err(Error::new(Kind::Refused, format!("nobody can be asked for vectors{why}"))
                .hint("leave --rerank out: the ranking alone finds what shares words with the question"));
        };
        let takes = Takes {
            model: first.candidate.id.to_string(),
            pieces: texts.len() as u64,
            calls: calls.len() as u64 + 1,
            tokens: texts.iter().map(|text| tokens(&text.text)).sum::<u64>() + tokens(question),
            low_usd: first.expected.load.cost,
            high_usd: first.candidate.pricing.as_ref().map(|_| first.sized.hold),
        };
        Ok((Self { base, pool, texts, calls }, takes))
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
    }
}
