//! `llmr embed --near`: what in a collection is most like a text.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use serde::Serialize;

use super::calls::Calls;
use super::texts::{self, calls};
use super::{like, of_name, request};
use crate::cli;
use crate::commands::batch::voice::{Voice, Watch};
use crate::commands::{Context, runtime, sandbox};
use crate::error::{Error, Kind, Result};
use crate::output::sanitize;
use crate::router::Purse;
use crate::types::{NanoUsd, Purpose, cosine, of_bytes};

/// What is most like the text, as an object.
#[derive(Debug, Serialize)]
struct Report {
    collection: String,
    provider: String,
    model: String,
    matches: Vec<Match>,
    cost_usd: Option<NanoUsd>,
    warnings: Vec<String>,
}

/// One text of the collection.
#[derive(Debug, Clone, Serialize)]
struct Match {
    source: String,
    /// `12-40`; empty for all of it.
    lines: String,
    /// The cosine of the two vectors, from -1 to 1.
    score: f64,
}

/// Makes the text's vector by the collection's model, and compares.
pub fn run(context: &mut Context, args: &cli::Embed, name: &str) -> Result<()> {
    let base = request(context, args, Purpose::Query)?;
    let texts = texts::read(context, args)?;
    let [text] = &texts[..] else {
        return Err(Error::new(Kind::Usage, "--near compares one text").hint("give it in quotes, or one file with -f"));
    };
    let _rehearsal = sandbox::start(context)?;
    let voice = Rc::new(RefCell::new(Voice::new(context.stderr(), &context.printer.terminal, context.level())));
    let mut watch = Watch::new(context.deliveries.clone());
    let notes: Vec<String> = context.global.sandbox.iter().map(|_| sandbox::NOTE.to_owned()).collect();
    let mut router = context.router()?;
    let collection = of_name(&router.store, name)?.ok_or_else(|| unknown(name, &router.store))?;
    let mut base = like(base, &collection)?;
    router.purse = base.max_cost.take().map(|cap| Rc::new(Purse::new(cap, NanoUsd::ZERO)));
    let store = router.store.clone();
    let calls = calls(&texts, |_| false);
    let mut idle = vec![router];
    let making = Calls::new(&texts, &calls, base, &voice, &mut watch).make(&mut idle);
    let (made, result) = runtime()?.block_on(making);
    result?;
    let vector = made.vectors.get(&text.digest).ok_or_else(|| Error::new(Kind::Other, "no vector came"))?;
    if vector.len() != collection.dimensions as usize {
        let message =
            format!("a vector of {} numbers came; those of `{name}` have {}", vector.len(), collection.dimensions);
        return Err(Error::new(Kind::Unavailable, message));
    }
    let mut best = Best { most: args.top, heap: BinaryHeap::new() };
    store.each_vector(name, |kept| {
        let score = of_bytes(&kept.vector).map_or(-1.0, |own| cosine(vector, &own));
        best.offer(score, || Match { source: kept.source, lines: kept.place, score });
    })?;
    store.leave();
    let report = Report {
        collection: name.to_owned(),
        provider: collection.candidate.provider,
        model: collection.candidate.model,
        matches: best.ordered(),
        cost_usd: made.cost,
        warnings: notes.into_iter().chain(made.warnings).collect(),
    };
    context.print(&report, |report, _| lines(&report.matches))
}

fn unknown(name: &str, store: &crate::store::Store) -> Error {
    let names = store.collections().unwrap_or_default().into_iter().map(|own| own.name).collect::<Vec<_>>();
    let error = Error::new(Kind::Usage, format!("there is no collection `{}`", sanitize::line(name)));
    match names.is_empty() {
        true => error.hint(format!("make it: llmr embed -f 'docs/*.md' --split 400 --save {name}")),
        false => error.hint(format!("there are {}", names.join(", "))),
    }
}

fn lines(matches: &[Match]) -> String {
    let place = |found: &Match| match found.lines.as_str() {
        "" => sanitize::line(&found.source).into_owned(),
        lines => format!("{}:{lines}", sanitize::line(&found.source)),
    };
    matches.iter().map(|found| format!("{:.3}  {}\n", found.score, place(found))).collect()
}

/// The best so far, the worst of them on top.
struct Best {
    most: usize,
    heap: BinaryHeap<Reverse<Ranked>>,
}

/// By score, then in the order in which they came.
struct Ranked(f64, usize, Match);

impl Best {
    fn offer(&mut self, score: f64, found: impl FnOnce() -> Match) {
        let full = self.heap.len() >= self.most;
        if full && self.heap.peek().is_none_or(|worst| worst.0.0 >= score) {
            return;
        }
        let number = self.heap.len();
        self.heap.push(Reverse(Ranked(score, number, found())));
        if full {
            self.heap.pop();
        }
    }

    fn ordered(self) -> Vec<Match> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(Ranked(_, _, found))| found).collect()
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}
