//! Whether the file is sound and its sums agree with the rows they sum up.

use rusqlite::Connection;

use super::columns::all;
use super::labels::{self, Label};
use super::{Problem, Store, StoreError, sums};

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
    let mut wrong = Vec::new();
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
    for column in sums::COLUMNS {
        let sql = format!(
            "SELECT coalesce(kept.day, rows.day), coalesce(kept.{column}, 0), coalesce(n, 0)
             FROM day_candidates AS kept
             FULL JOIN (SELECT day, provider, model, total({}) AS n FROM attempts GROUP BY day, provider, model) AS rows
             ON rows.day = kept.day AND rows.provider = kept.provider AND rows.model = kept.model
             WHERE coalesce(kept.{column}, 0) <> coalesce(n, 0)",
            of_a_row(column)
        );
        wrong.extend(all(tx, &sql, [], |row| drifted(column, row))?);
    }
    for label in Label::ALL {
        wrong.extend(labels_that_drifted(tx, label)?);
    }
    Ok(wrong)
}

/// The same for the sums of one kind of label.
fn labels_that_drifted(tx: &Connection, label: Label) -> Result<Vec<String>, Problem> {
    let (kind, name) = match label {
        Label::Tag => ("tag", "coalesce(tag, '')"),
        Label::Tier => ("tier", "coalesce(tier, '')"),
        Label::Answered => ("answered", "coalesce(requests.provider || '/' || coalesce(requests.model, ''), '')"),
    };
    let of_requests = "requests WHERE finished_at IS NOT NULL AND mode <> 'imported'";
    let of_attempts = "attempts JOIN requests ON requests.id = attempts.request_id";
    let requests = labels::OF_REQUESTS.map(|(column, adds)| (column, adds.to_owned(), of_requests, "requests"));
    let attempts = labels::OF_ATTEMPTS.map(|(column, adds)| (column, of_attempt(adds), of_attempts, "attempts"));
    let attempts = attempts.into_iter().filter(|_| label != Label::Answered);
    let mut wrong = Vec::new();
    for (column, adds, rows, whose) in requests.into_iter().chain(attempts) {
        let sql = format!(
            "SELECT coalesce(kept.day, rows.day), coalesce(kept.{column}, 0), coalesce(n, 0)
             FROM (SELECT * FROM day_labels WHERE kind = '{kind}') AS kept
             FULL JOIN (SELECT {whose}.day AS day, {name} AS label, total({adds}) AS n FROM {rows} GROUP BY 1, 2) AS rows
             ON rows.day = kept.day AND rows.label = kept.name
             WHERE coalesce(kept.{column}, 0) <> coalesce(n, 0)"
        );
        wrong.extend(all(tx, &sql, [], |row| drifted(&format!("{column} by {kind}"), row))?);
    }
    Ok(wrong)
}

/// The columns of an attempt are named like those of its request.
fn of_attempt(adds: &str) -> String {
    if adds == "1" { adds.to_owned() } else { format!("attempts.{adds}") }
}

/// What one ledger row adds to a column of `day_candidates`.
fn of_a_row(column: &str) -> &str {
    match column {
        "attempts" => "1",
        "ok" => "outcome = 'ok'",
        "failed" => "outcome = 'failed'",
        "cancelled" => "outcome = 'cancelled'",
        "unpriced" => "cost_nanousd IS NULL",
        "latency_ms" => "CASE outcome WHEN 'ok' THEN latency_ms END",
        itself => itself,
    }
}

fn drifted(what: &str, row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    let (day, kept, summed): (crate::types::Day, f64, f64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(format!("{what} of {day} is kept as {kept}, but the rows sum up to {summed}"))
}
