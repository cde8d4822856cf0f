//! `llmr embed --near`: what in a collection is most like a text.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::rc::Rc;

use serde::Serialize;

use super::calls::Calls;
use super::collection::like;
use super::report::Spent;
use super::texts::{self, calls};
use super::{purse, request, voice};
use crate::cli;
use crate::commands::batch::voice::Watch;
use crate::commands::{Context, runtime, sandbox};
use crate::error::{Error, Kind, Result};
use crate::output::{sanitize, units};
use crate::store::{Store, TextPlace};
use crate::types::{Purpose, cosine, of_bytes};

/// What is most like the text, as an object.
#[derive(Debug, Serialize)]
struct Report {
    collection: String,
    provider: String,
    model: String,
    matches: Vec<Match>,
    #[serde(flatten)]
    spent: Spent,
}

/// One text of the collection.
#[derive(Debug, Clone, Serialize)]
struct Match {
    /// The file, as from this folder.
    source: String,
    /// Of a piece: its first and last line, and the code point where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u64>,
    /// The cosine of the two vectors, from -1 to 1.
    score: f64,
}

/// Makes the text's vector by the collection's model, and compares.
pub fn run(context: &mut Context, args: &cli::Embed, name: &str) -> Result<()> {
    let base = request(context, args, Purpose::Query)?;
    let texts = texts::read(context, args)?.texts;
    let [text] = &texts[..] else {
        return Err(Error::new(Kind::Usage, "--near compares one text").hint("give it in quotes, or one file with -f"));
    };
    let _rehearsal = sandbox::start(context)?;
    let voice = Rc::new(RefCell::new(voice(context)));
    let mut watch = Watch::new(context.deliveries.clone());
    let today = context.now().day();
    let mut router = context.router()?;
    let collection = router.store.collection(name)?.ok_or_else(|| unknown(name, &router.store))?;
    let mut base = like(router.config, base, &collection, today)?;
    purse(&mut router, &mut base);
    let store = router.store.clone();
    let calls = calls(&texts, |_| false);
    let mut idle = vec![router];
    let making = Calls::new(&texts, &calls, base, &voice, &mut watch).make(&mut idle);
    let (made, result) = runtime()?.block_on(making);
    result?;
    let vector = made.vectors.get(&text.digest).ok_or_else(|| Error::new(Kind::Other, "no vector came"))?;
    if vector.len() != collection.dimensions as usize {
        let (came, has) = (vector.len(), collection.dimensions);
        let message = format!("a vector of {came} numbers came; those of collection `{name}` have {has}");
        return Err(Error::new(Kind::Unavailable, message));
    }
    let (mut best, mut damaged) = (Best { most: args.top, offered: 0, heap: BinaryHeap::new() }, 0);
    let cwd = context.host.cwd.clone();
    store.each_vector(&collection, |place, bytes| {
        let own =
            of_bytes(bytes).filter(|own| own.len() == vector.len() && own.iter().all(|number| number.is_finite()));
        match own.map(|own| cosine(vector, &own)) {
            Some(score) => best.offer(score, || of_place(&cwd, place, score)),
            None => damaged += 1,
        }
    })?;
    store.leave();
    let mut report = Report {
        collection: name.to_owned(),
        provider: collection.candidate.provider,
        model: collection.candidate.model,
        matches: best.ordered(),
        spent: Spent::of(context, &made),
    };
    if damaged > 0 {
        let what = units::counted(damaged, "vector is damaged and was", "vectors are damaged and were");
        let warning = format!("{what} left out: `llmr forget --vectors {name}`, then save the files again");
        context.warn(&warning);
        report.spent.warnings.push(warning);
    }
    context.messages.note(&report.spent.said());
    context.print(&report, |report, _| lines(&report.matches))
}

fn of_place(cwd: &Path, place: TextPlace, score: f64) -> Match {
    let path = Path::new(&place.source);
    let source = path.strip_prefix(cwd).unwrap_or(path).to_string_lossy().into_owned();
    Match { source, lines: place.lines, start: place.lines.map(|_| place.start), score }
}

fn unknown(name: &str, store: &Store) -> Error {
    let listed = store.collections().unwrap_or_default();
    let names: Vec<_> = listed.into_iter().map(|listed| listed.collection.name).collect();
    let error = Error::new(Kind::Usage, format!("there is no collection `{name}`"));
    match names.is_empty() {
        true => error.hint("make it: llmr embed -f 'docs/*.md' --split 400 --save NAME"),
        false => error.hint(format!("there are {}", names.join(", "))),
    }
}

fn lines(matches: &[Match]) -> String {
    let place = |found: &Match| match found.lines {
        None => sanitize::line(&found.source).into_owned(),
        Some((first, last)) => format!("{}:{first}-{last}", sanitize::line(&found.source)),
    };
    matches.iter().map(|found| format!("{:.3}  {}\n", found.score, place(found))).collect()
}

/// The best so far, the worst of them on top.
struct Best {
    most: usize,
    /// How many were offered so far.
    offered: usize,
    heap: BinaryHeap<Reverse<Ranked>>,
}

/// By score, then in the order in which they came.
struct Ranked(f64, usize, Match);

impl Best {
    fn offer(&mut self, score: f64, found: impl FnOnce() -> Match) {
        self.offered += 1;
        let full = self.heap.len() >= self.most;
        if full && self.heap.peek().is_none_or(|worst| worst.0.0 >= score) {
            return;
        }
        self.heap.push(Reverse(Ranked(score, self.offered, found())));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equals_the_first_ones_are_kept_in_their_order() {
        let offered = [0.5, 1.0, 0.2, 1.0, 1.0, 0.9];
        for (most, expected) in [(0, vec![]), (2, vec![1, 3]), (4, vec![1, 3, 4, 5]), (9, vec![1, 3, 4, 5, 0, 2])] {
            let mut best = Best { most, offered: 0, heap: BinaryHeap::new() };
            for (n, score) in offered.iter().enumerate() {
                best.offer(*score, || Match { source: n.to_string(), lines: None, start: None, score: *score });
            }
            let names: Vec<usize> = best.ordered().iter().map(|found| found.source.parse().unwrap()).collect();
            assert_eq!(names, expected, "{most}");
        }
    }
}
