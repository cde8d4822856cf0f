//! What requests and attempts of a day add up to, by candidate and by label: a row of `day_sums` for each name.
//!
//! Only what changes those rows calls this, in the same transaction; the audit proves that they agree. All sums of a
//! name are one column: every process reads every column's definition when it begins, and each answer changes three names.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::columns::{all, first, int, millis, run, tokens};
use super::{Histogram, Label, Problem, budget, labels};
use crate::types::{CandidateId, Day, NanoUsd, Outcome, RequestId, Usage};

/// Sums of one day and one name. `ok`, `failed`, `cancelled` and the latencies are of attempts where the name is a
/// candidate's, of requests where it is a label's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sums {
    /// Requests that ended.
    pub requests: u64,
    /// With a whole answer; of requests: with exit code 0.
    pub ok: u64,
    /// Those that failed, the presumed ones among them.
    pub failed: u64,
    /// Those that were given up.
    pub cancelled: u64,
    /// Attempts whose owner died.
    pub presumed: u64,
    /// Requests that the cache answered.
    pub cache_hits: u64,
    /// What those would have cost.
    pub saved_nanousd: u64,
    /// Of those that a provider answered.
    pub latency_ms: u64,
    /// Attempts settled so far.
    pub attempts: u64,
    /// Those without a known price.
    pub unpriced: u64,
    /// What the attempts cost, as far as known.
    pub cost_nanousd: u64,
    /// What they read, …
    pub input_tokens: u64,
    /// … of that from the provider's cache, …
    pub cached_input_tokens: u64,
    /// … put into it, …
    pub cache_write_tokens: u64,
    /// … and wrote, …
    pub output_tokens: u64,
    /// … of that while thinking.
    pub reasoning_tokens: u64,
    /// The latencies that `latency_ms` is the sum of.
    pub latencies: Histogram,
}

impl Sums {
    /// Adds the sums of another one. Sums saturate, where SQLite's integers end.
    pub fn add(&mut self, other: &Self) {
        self.with_each(other, |sum, more| sum.saturating_add(more).min(i64::MAX.cast_unsigned()));
        self.latencies.merge(&other.latencies);
    }

    /// Takes the sums of another one out again. None falls below 0.
    pub fn take(&mut self, other: &Self) {
        self.with_each(other, u64::saturating_sub);
        self.latencies.take(&other.latencies);
    }

    /// Whether it says nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What attempts cost, as far as known.
    pub fn cost(&self) -> NanoUsd {
        NanoUsd(int(self.cost_nanousd))
    }

    /// What the hits of the cache would have cost.
    pub fn saved(&self) -> NanoUsd {
        NanoUsd(int(self.saved_nanousd))
    }

    /// What was read and written.
    pub fn usage(&self) -> Usage {
        Usage {
            input_tokens: self.input_tokens,
            cached_input_tokens: self.cached_input_tokens,
            cache_write_tokens: self.cache_write_tokens,
            output_tokens: self.output_tokens,
            reasoning_tokens: self.reasoning_tokens,
            estimated: false,
        }
    }

    fn with_each(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        macro_rules! each {
            ($($sum:ident)*) => {$( self.$sum = with(self.$sum, other.$sum); )*};
        }
        each! {
            requests ok failed cancelled presumed cache_hits saved_nanousd latency_ms attempts unpriced cost_nanousd
            input_tokens cached_input_tokens cache_write_tokens output_tokens reasoning_tokens
        }
    }
}

/// What sums are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Attempts of a candidate, named `provider/model`, on the day of their holds.
    Candidate,
    /// Requests with a label, on the day they began, and their attempts, on their own days.
    Label(Label),
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Label(label) => label.name(),
        }
    }
}

/// Adds to the sums of one day and name. In the caller's transaction: they are read, added to and written back.
pub(super) fn add(tx: &Connection, kind: Kind, day: Day, name: &str, by: &Sums) -> rusqlite::Result<()> {
    change(tx, kind, day, name, |sums| sums.add(by))
}

/// Takes out of the sums of one day and name what was added to them.
pub(super) fn take(tx: &Connection, kind: Kind, day: Day, name: &str, by: &Sums) -> rusqlite::Result<()> {
    change(tx, kind, day, name, |sums| sums.take(by))
}

fn change(tx: &Connection, kind: Kind, day: Day, name: &str, by: impl FnOnce(&mut Sums)) -> rusqlite::Result<()> {
    let sql = "SELECT sums FROM day_sums WHERE kind = ?1 AND day = ?2 AND name = ?3";
    // Sums that nobody can read keep no answer from being recorded; the audit finds them, and what became of them.
    let read = |row: &Row<'_>| Ok(read(row.get_ref(0)?).unwrap_or_default());
    let mut sums = first(tx, sql, (kind.name(), day, name), read)?.unwrap_or_default();
    by(&mut sums);
    let text = serde_json::to_string(&sums).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sql = "INSERT OR REPLACE INTO day_sums (kind, day, name, sums) VALUES (?1, ?2, ?3, ?4)";
    run(tx, sql, (kind.name(), day, name, text)).map(drop)
}

fn read(sums: ValueRef<'_>) -> Option<Sums> {
    serde_json::from_slice(sums.as_bytes().ok()?).ok()
}

/// The sums of one kind over the days from one to another, both included: by day, then by name. Those that say nothing are
/// left out: attempts that moved to their request's tier leave some behind.
pub(super) fn between(tx: &Connection, kind: Kind, from: Day, to: Day) -> Result<Vec<(Day, String, Sums)>, Problem> {
    let sql = "SELECT day, name, sums FROM day_sums WHERE kind = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, name";
    let rows = all(tx, sql, (kind.name(), from, to), |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?, read(row.get_ref(2)?)))
    })?;
    let mut all = Vec::with_capacity(rows.len());
    for (day, name, sums) in rows {
        let sums = sums.ok_or_else(|| Problem::Sums(unreadable(kind.name(), day, &name)))?;
        if !sums.is_nothing() {
            all.push((day, name, sums));
        }
    }
    Ok(all)
}

/// What is wrong with rows that no report reads, a line each.
pub(super) fn strange(tx: &Connection) -> rusqlite::Result<Vec<String>> {
    let kinds = Label::ALL.map(Kind::Label).into_iter().chain([Kind::Candidate]).map(Kind::name).collect::<Vec<_>>();
    let read = |row: &Row<'_>| {
        let (kind, day, name): (String, Day, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(match read(row.get_ref(3)?) {
            _ if !kinds.contains(&&*kind) => Some(format!("there are sums of `{kind}`, which is nothing to sum up by")),
            None => Some(unreadable(&kind, day, &name)),
            Some(_) => None,
        })
    };
    Ok(all(tx, "SELECT kind, day, name, sums FROM day_sums", [], read)?.into_iter().flatten().collect())
}

fn unreadable(kind: &str, day: Day, name: &str) -> String {
    format!("the sums of {kind} `{name}` of {day} cannot be read")
}

/// What of a ledger row counts in the sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    outcome: Outcome,
    presumed: bool,
    cost: Option<NanoUsd>,
    usage: Usage,
    latency_ms: Option<u64>,
}

impl Counted {
    /// A settled row. Only whole answers have a latency: those of failures would make a provider look quick.
    pub fn settled(outcome: Outcome, cost: Option<NanoUsd>, usage: Option<Usage>, latency_ms: u64) -> Self {
        let latency_ms = (outcome == Outcome::Ok).then_some(latency_ms);
        Self { outcome, presumed: false, cost, usage: usage.unwrap_or_default(), latency_ms }
    }

    /// A presumed charge.
    pub fn presumed(charge: NanoUsd) -> Self {
        let usage = Usage::default();
        Self { outcome: Outcome::Failed, presumed: true, cost: Some(charge), usage, latency_ms: None }
    }

    /// What it adds to the sums of its request's labels.
    pub fn of_label(&self) -> Sums {
        let [input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens] =
            tokens(self.usage).map(i64::unsigned_abs);
        Sums {
            attempts: 1,
            unpriced: u64::from(self.cost.is_none()),
            cost_nanousd: u64::try_from(self.cost.unwrap_or_default().0).unwrap_or(0),
            input_tokens,
            cached_input_tokens,
            cache_write_tokens,
            output_tokens,
            reasoning_tokens,
            ..Sums::default()
        }
    }

    /// What it adds to those of its candidate.
    fn of_candidate(&self) -> Sums {
        let is = |outcome| u64::from(self.outcome == outcome);
        let latency_ms = self.latency_ms.map(millis).map(i64::unsigned_abs);
        Sums {
            ok: is(Outcome::Ok),
            failed: is(Outcome::Failed),
            cancelled: is(Outcome::Cancelled),
            presumed: u64::from(self.presumed),
            latency_ms: latency_ms.unwrap_or(0),
            latencies: self.latency_ms.into_iter().collect(),
            ..self.of_label()
        }
    }
}

/// Whose row it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    /// The request's.
    pub request: RequestId,
    /// The day of its hold.
    pub day: Day,
    /// With whom.
    pub candidate: &'a CandidateId,
}

/// Adds a new row to the sums.
pub(super) fn enter(tx: &Connection, whose: Whose<'_>, row: &Counted) -> Result<(), Problem> {
    update(tx, whose, row, 1, add)
}

/// Takes a presumed charge out of the sums again.
pub(super) fn withdraw(tx: &Connection, whose: Whose<'_>, row: &Counted) -> Result<(), Problem> {
    update(tx, whose, row, -1, take)
}

/// [`add`] or [`take`].
pub(super) type Change = fn(&Connection, Kind, Day, &str, &Sums) -> rusqlite::Result<()>;

fn update(tx: &Connection, whose: Whose<'_>, row: &Counted, sign: i64, change: Change) -> Result<(), Problem> {
    let Whose { request, day, candidate } = whose;
    let of_label = row.of_label();
    for (label, name) in labels::of_attempts(tx, request)? {
        change(tx, Kind::Label(label), day, &name, &of_label)?;
    }
    let cost = row.cost.unwrap_or_default().0;
    budget::add_all(tx, day, [(budget::Sum::Attempts, sign), (budget::Sum::Ledger, sign * cost)])?;
    change(tx, Kind::Candidate, day, &candidate.to_string(), &row.of_candidate())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(json: &str) -> Sums {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_sum_is_added_and_taken_out_again() {
        let serde_json::Value::Object(mut all) = serde_json::to_value(Sums::default()).unwrap() else { panic!() };
        for (name, sum) in &mut all {
            *sum = if name == "latencies" { serde_json::json!({"7": 2}) } else { 2.into() };
        }
        let two: Sums = serde_json::from_value(all.clone().into()).unwrap();
        let mut four = two.clone();
        four.add(&two);
        let written = serde_json::to_value(&four).unwrap();
        for name in all.keys() {
            let sum = &written[name];
            assert_eq!(sum.get("7").unwrap_or(sum), 4, "{name}");
        }
        four.take(&two);
        assert_eq!(four, two);
        four.take(&two);
        assert!(four.is_nothing());
    }

    #[test]
    fn sums_saturate_and_never_fall_below_zero() {
        let most = i64::MAX.cast_unsigned();
        let mut some = sums(r#"{"cost_nanousd": 3}"#);
        some.take(&sums(r#"{"cost_nanousd": 5, "latencies": {"3": 1}}"#));
        assert!(some.is_nothing());
        for _ in 0..2 {
            some.add(&sums(&format!(r#"{{"cost_nanousd": {most}}}"#)));
            assert_eq!(some.cost(), NanoUsd::MAX);
        }
    }

    #[test]
    fn sums_of_a_name_are_its_own_and_those_that_nobody_can_read_begin_anew() {
        let tx = Connection::open_in_memory().unwrap();
        tx.execute_batch(include_str!("schema.sql")).unwrap();
        let (kind, one) = (Kind::Label(Label::Tag), sums(r#"{"requests": 1}"#));
        for (name, day) in [("x", 1), ("x", 1), ("x", 2), ("y", 1)] {
            add(&tx, kind, Day(day), name, &one).unwrap();
        }
        add(&tx, Kind::Candidate, Day(1), "x", &one).unwrap();
        let kept =
            || between(&tx, kind, Day(1), Day(2)).map(|all| all.into_iter().map(|(d, n, s)| (d.0, n, s.requests)));
        let of = |all: &[(i32, &str, u64)]| all.iter().map(|(d, n, s)| (*d, (*n).to_owned(), *s)).collect::<Vec<_>>();
        assert_eq!(kept().unwrap().collect::<Vec<_>>(), of(&[(1, "x", 2), (1, "y", 1), (2, "x", 1)]));
        for damaged in ["'{'", "CAST(x'ff7b7d' AS TEXT)", "'{\"requests\": 2.5}'", "'{\"requests\": -1}'", "''"] {
            tx.execute(
                &format!("UPDATE day_sums SET sums = {damaged} WHERE name = 'x' AND day = 1 AND kind = 'tag'"),
                [],
            )
            .unwrap();
            let said = kept().err().unwrap().to_string();
            assert!(said.contains("the sums of tag `x` of 1970-01-02 cannot be read"), "{damaged}: {said}");
            assert_eq!(strange(&tx).unwrap(), [said], "{damaged}");
            add(&tx, kind, Day(1), "x", &one).unwrap();
        }
        assert_eq!(strange(&tx).unwrap(), Vec::<String>::new());
        take(&tx, kind, Day(1), "y", &one).unwrap();
        assert_eq!(kept().unwrap().collect::<Vec<_>>(), of(&[(1, "x", 1), (2, "x", 1)]));
    }
}
