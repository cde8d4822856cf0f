//! The books of both sides: what the providers served and billed, what the ledger says, and where they differ.
//!
//! A request of a provider and a row of the ledger belong together when they are of the same prompt and the same
//! provider. Where a prompt was sent there several times (retries, questions of the cache) their amounts decide, so
//! that every request has at most one row and every row at most one request.

use std::collections::{BTreeMap, HashMap};

use llmr::sandbox::{BilledRequest, SandboxProvider};
use llmr::types::{Timestamp, Usage};
use rusqlite::{Connection, Row};

use super::home::Home;
use super::jobs::marked;

/// Differences that are told one by one; more of them are counted only.
const TOLD: usize = 5;

/// The rows of the ledger after the last one that was looked at.
const ROWS: &str = "SELECT a.request_id, a.attempt, a.provider, a.outcome, coalesce(a.failure, ''), a.estimated,
        coalesce(a.cost_nanousd, 0), coalesce(c.prompt, '')
    FROM attempts AS a LEFT JOIN contents AS c ON c.request_id = a.request_id WHERE a.request_id > ?1";

/// How the books compare.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// What the providers billed, in nano-dollars.
    pub billed: i64,
    /// What the ledger has.
    pub ledger: i64,
    /// Rows whose usage was told: how many, and by how much they differ in all.
    pub told: u64,
    pub told_differ: i64,
    /// Rows that are estimated (a stream that broke, an answer that never came): how many, by how much they are above
    /// the bill, and by how much any is below.
    pub estimated: u64,
    pub above: i64,
    pub below: i64,
    /// Streams that llmr went away from, because another answer was first or its time was up: how many, and what of
    /// them a provider had written that never arrived.
    pub left: u64,
    pub unread: i64,
    /// Rows of attempts that llmr went away from before the provider had read them.
    pub unheard: u64,
    /// Requests without a row, and rows without a request.
    pub lost: u64,
    /// The first of what differs, in words.
    pub differ: Vec<String>,
    /// What the script had in store for the requests, and how many met it.
    pub faults: BTreeMap<&'static str, u64>,
}

/// A request as the provider saw it.
#[derive(Debug, Clone)]
struct Served {
    number: u64,
    billed: i64,
    /// What of it is for the prompt.
    input: i64,
    /// Whether the provider went silent on order: whoever goes away then has everything that was written.
    silent: bool,
}

/// A row of the ledger.
#[derive(Debug, Clone)]
struct Entry {
    name: String,
    sort: Sort,
    cost: i64,
}

/// How much the amount of a row says; in the order in which rows find their requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    /// The provider told it, or refused: it equals the bill.
    Told,
    /// Nobody told it, but all that was written came: it is not below the bill.
    Estimated,
    /// llmr went away before the end: what had come is charged.
    Left,
    /// llmr went away before it had sent anything: it costs nothing.
    Unsent,
}

impl Sort {
    fn of(outcome: &str, failure: &str, estimated: bool) -> Self {
        let left = outcome == "cancelled" || failure == "timeout";
        match (left, estimated) {
            (false, false) => Self::Told,
            (false, true) => Self::Estimated,
            (true, true) => Self::Left,
            (true, false) => Self::Unsent,
        }
    }
}

/// What one prompt and one provider have in both books.
#[derive(Debug, Default)]
struct Page {
    served: Vec<Served>,
    entries: Vec<Entry>,
}

type Pages = HashMap<(Option<u64>, String), Page>;

impl Books {
    /// Adds what has happened since the last time; the number of the last request of the ledger.
    pub fn compare(&mut self, home: &Home, db: &Connection, after: i64) -> rusqlite::Result<i64> {
        let mut pages = Pages::new();
        self.served(home, &mut pages);
        let last = self.entered(db, after, &mut pages)?;
        for ((mark, provider), page) in pages {
            let name = mark.map_or_else(|| "an unmarked prompt".to_owned(), |mark| format!("prompt {mark}"));
            self.page(&format!("{name} at {provider}"), page);
        }
        self.billed = home.billed().0;
        Ok(last)
    }

    fn served(&mut self, home: &Home, pages: &mut Pages) {
        let providers = home.sandbox.providers();
        let bill = home.sandbox.bill();
        let billed: HashMap<u64, &BilledRequest> = bill.requests.iter().map(|row| (row.number, row)).collect();
        for request in home.sandbox.take_requests().into_iter().filter(|request| request.number > 0) {
            *self.faults.entry(request.fault).or_default() += 1;
            let row = billed.get(&request.number);
            let provider = providers.iter().find(|provider| provider.name == request.provider);
            let served = Served {
                number: request.number,
                billed: row.map_or(0, |row| row.cost_usd.0),
                input: row.zip(provider).map_or(0, |(row, provider)| input(provider, row)),
                silent: ["stall", "hang"].contains(&request.fault),
            };
            let mark = marked(&request.body.to_string());
            pages.entry((mark, request.provider)).or_default().served.push(served);
        }
    }

    fn entered(&mut self, db: &Connection, after: i64, pages: &mut Pages) -> rusqlite::Result<i64> {
        let mut rows = db.prepare(ROWS)?;
        let mut last = after;
        for row in rows.query_map([after], entry)? {
            let (request, provider, mark, entry) = row?;
            last = last.max(request);
            self.ledger += entry.cost;
            pages.entry((mark, provider)).or_default().entries.push(entry);
        }
        Ok(last)
    }

    /// Compares one page.
    fn page(&mut self, name: &str, page: Page) {
        let Page { mut served, mut entries } = page;
        served.sort_by_key(|served| -served.billed);
        entries.sort_by_key(|entry| (entry.sort, -entry.cost));
        entries.retain(|entry| !self.finds(entry, &mut served));
        for entry in entries {
            match (served.is_empty(), entry.sort) {
                (true, Sort::Left | Sort::Unsent) => self.unheard += 1,
                (true, _) => {
                    self.lost += 1;
                    self.tell(format!("{name}: {} of the ledger was never a request", entry.name));
                }
                (false, _) => self.differs(name, &entry, &served.remove(0)),
            }
        }
        for served in served {
            self.lost += 1;
            self.tell(format!("{name}: request {} of the provider has no row in the ledger", served.number));
        }
    }

    /// Whether a row finds a request that it can be of, the dearest such; it is taken out then.
    fn finds(&mut self, entry: &Entry, served: &mut Vec<Served>) -> bool {
        let fits = |served: &Served| match entry.sort {
            Sort::Told | Sort::Unsent => served.billed == entry.cost,
            Sort::Estimated => served.billed <= entry.cost,
            Sort::Left => served.billed <= entry.cost || (served.input <= entry.cost && !served.silent),
        };
        let Some(at) = served.iter().position(fits) else { return false };
        let above = entry.cost - served.remove(at).billed;
        match entry.sort {
            Sort::Told | Sort::Unsent => self.told += 1,
            Sort::Left if above < 0 => (self.left, self.unread) = (self.left + 1, self.unread - above),
            Sort::Estimated | Sort::Left => (self.estimated, self.above) = (self.estimated + 1, self.above + above),
        }
        true
    }

    /// A row of another amount than that of the request which is left for it.
    fn differs(&mut self, name: &str, entry: &Entry, served: &Served) {
        let (number, cost, billed) = (served.number, entry.cost, served.billed);
        match entry.sort {
            Sort::Told | Sort::Unsent => {
                self.told += 1;
                self.told_differ += (cost - billed).abs();
            }
            Sort::Estimated | Sort::Left => {
                self.estimated += 1;
                self.below += billed - cost;
            }
        }
        let how = if entry.sort == Sort::Told { "has" } else { "is estimated at" };
        self.tell(format!("{name}: {} {how} {cost} nano-USD, request {number} was billed {billed}", entry.name));
    }

    fn tell(&mut self, what: String) {
        if self.differ.len() < TOLD {
            self.differ.push(what);
        }
    }
}

/// What of a bill is for the prompt.
fn input(provider: &SandboxProvider, row: &BilledRequest) -> i64 {
    let prompt = Usage { output_tokens: 0, reasoning_tokens: 0, ..row.usage };
    provider.pricing.cost(&prompt, Timestamp::default()).0
}

fn entry(row: &Row<'_>) -> rusqlite::Result<(i64, String, Option<u64>, Entry)> {
    let (request, attempt): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (outcome, failure): (String, String) = (row.get(3)?, row.get(4)?);
    let entry = Entry {
        name: format!("attempt {attempt} of r{request} ({outcome} {failure})"),
        sort: Sort::of(&outcome, &failure, row.get(5)?),
        cost: row.get(6)?,
    };
    Ok((request, row.get(2)?, marked(&row.get::<_, String>(7)?), entry))
}
