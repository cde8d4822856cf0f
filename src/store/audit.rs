//! Whether the file is sound and its sums agree with the rows they sum up.

use rusqlite::Connection;

use super::columns::all;
use super::labels::{self, Label};
use super::sums::{self, Kind};
use super::{Problem, Store, StoreError};

impl Store {
    /// What is wrong with the database, a line each; nothing when it is sound. Reads all of it.
    pub fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tx| {
            let mut wrong = all(tx, "PRAGMA integrity_check", [], |row| row.get::<_, String>(0))?;
            wrong.retain(|line| line != "ok");
            wrong.extend(all(tx, "PRAGMA foreign_key_check", [], |row| {
                Ok(format!("a row of {} belongs to nothing", row.get::<_, String>(0)?))
            })?);
            wrong.extend(sums_that_drifted(tx)?);
            Ok(wrong)
        })
    }
}

/// What the hits of each day saved. Of hits from before that was kept with each, only the day's sum is known: it is
/// taken as it is.
const SAVED: &str =
    "SELECT requests.day AS day, CASE WHEN max(requests.cache IS 'hit' AND requests.saved_nanousd IS NULL)
        THEN days.saved_nanousd ELSE total(requests.saved_nanousd) END AS n
    FROM requests LEFT JOIN days ON days.day = requests.day GROUP BY requests.day";

/// Every kept sum, beside the same sum over the rows. `total` never fails, and is exact up to nine million
/// dollars a day.
fn sums_that_drifted(tx: &Connection) -> Result<Vec<String>, Problem> {
    let mut wrong = sums::strange(tx)?;
    for (kept, rows) in [
        ("ledger_nanousd", "SELECT day, total(cost_nanousd) AS n FROM attempts GROUP BY day"),
        ("adjusted_nanousd", "SELECT day, total(amount_nanousd) AS n FROM adjustments GROUP BY day"),
        ("attempts", "SELECT day, count(*) AS n FROM attempts GROUP BY day"),
        ("requests", "SELECT day, count(*) AS n FROM requests WHERE mode <> 'imported' GROUP BY day"),
        ("saved_nanousd", SAVED),
    ] {
        let sql = format!(
            "SELECT coalesce(days.day, rows.day), coalesce({kept}, 0), coalesce(n, 0)
             FROM days FULL JOIN ({rows}) AS rows ON rows.day = days.day
             WHERE coalesce({kept}, 0) <> coalesce(n, 0)"
        );
        wrong.extend(all(tx, &sql, [], |row| drifted(kept, row))?);
    }
    let candidate = "day, provider || '/' || model AS name";
    for (sum, adds) in labels::OF_ATTEMPTS.into_iter().chain(OF_CANDIDATES) {
        let rows = format!("SELECT {candidate}, total({adds}) AS n FROM attempts GROUP BY 1, 2");
        wrong.extend(names_that_drifted(tx, Kind::Candidate, sum, &rows)?);
    }
    for label in Label::ALL {
        wrong.extend(labels_that_drifted(tx, label)?);
    }
    Ok(wrong)
}

/// What ledger rows add to the sums of their candidates alone.
const OF_CANDIDATES: [(&str, &str); 6] = [
    ("ok", "outcome = 'ok'"),
    ("failed", "outcome = 'failed'"),
    ("cancelled", "outcome = 'cancelled'"),
    ("presumed", "presumed"),
    ("latency_ms", "CASE outcome WHEN 'ok' THEN latency_ms END"),
    (ANSWERS, "outcome = 'ok' AND latency_ms IS NOT NULL"),
];

/// Stands for how many latencies are kept one by one.
const ANSWERS: &str = "latencies";

/// The same for the sums of one kind of label.
fn labels_that_drifted(tx: &Connection, label: Label) -> Result<Vec<String>, Problem> {
    let name = match label {
        Label::Tag => "coalesce(tag, '')",
        Label::Tier => "coalesce(tier, '')",
        Label::Answered => "coalesce(requests.provider || '/' || coalesce(requests.model, ''), '')",
    };
    let ended = "requests WHERE finished_at IS NOT NULL AND mode <> 'imported'";
    let of_requests = |adds: &str| format!("SELECT day, {name} AS name, total({adds}) AS n FROM {ended} GROUP BY 1, 2");
    let answers = (ANSWERS, "exit_code = 0 AND cache <> 'hit' AND latency_ms IS NOT NULL");
    let mut wrong = Vec::new();
    for (sum, adds) in labels::OF_REQUESTS.into_iter().chain([answers]) {
        wrong.extend(names_that_drifted(tx, Kind::Label(label), sum, &of_requests(adds))?);
    }
    // Who answered says nothing of who was asked.
    if label != Label::Answered {
        for (sum, adds) in labels::OF_ATTEMPTS {
            // The columns of an attempt are named like those of its request.
            let adds = if adds == "1" { adds.to_owned() } else { format!("attempts.{adds}") };
            let rows = format!(
                "SELECT attempts.day AS day, {name} AS name, total({adds}) AS n
                 FROM attempts JOIN requests ON requests.id = attempts.request_id GROUP BY 1, 2"
            );
            wrong.extend(names_that_drifted(tx, Kind::Label(label), sum, &rows)?);
        }
    }
    Ok(wrong)
}

/// One of the sums that are kept for each name of a kind, beside what `rows` (day, name and n) say of it.
fn names_that_drifted(tx: &Connection, kind: Kind, sum: &str, rows: &str) -> Result<Vec<String>, Problem> {
    let kind = kind.name();
    // What nobody can read says nothing.
    let kept = "CASE WHEN json_valid(sums) THEN sums END";
    let kept = match sum {
        ANSWERS => format!("(SELECT total(value) FROM json_each({kept}, '$.{ANSWERS}'))"),
        _ => format!("CAST({kept} ->> '{sum}' AS REAL)"),
    };
    let sql = format!(
        "SELECT coalesce(kept.day, rows.day), coalesce(kept.n, 0), coalesce(rows.n, 0)
         FROM (SELECT day, name, {kept} AS n FROM day_sums WHERE kind = '{kind}') AS kept
         FULL JOIN ({rows}) AS rows ON rows.day = kept.day AND rows.name = kept.name
         WHERE coalesce(kept.n, 0) <> coalesce(rows.n, 0)"
    );
    Ok(all(tx, &sql, [], |row| drifted(&format!("{sum} by {kind}"), row))?)
}

fn drifted(what: &str, row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    let (day, kept, summed): (crate::types::Day, f64, f64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(format!("{what} of {day} is kept as {kept}, but the rows sum up to {summed}"))
}
