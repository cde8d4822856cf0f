//! Every kept sum beside the same sum over the rows: what one transaction changes together must agree.

use rusqlite::Connection;

use crate::database::lines;

/// A table of sums, its key, each sum with the same over rows, and the rows.
type Sums = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const SUMS: [Sums; 4] = [
    ("days", "day", &[("ledger_nanousd", "sum(cost_nanousd)"), ("attempts", "count(*)")], "attempts"),
    ("days", "day", &[("requests", "count(*)")], "requests"),
    (
        "day_candidates",
        "day, provider, model",
        &[
            ("attempts", "count(*)"),
            ("ok", "sum(outcome = 'ok' AND NOT presumed)"),
            ("presumed", "sum(presumed)"),
            ("cost_nanousd", "sum(cost_nanousd)"),
        ],
        "attempts",
    ),
    (
        "(SELECT day, name, sum(attempts) AS attempts, sum(cost_nanousd) AS cost FROM day_labels WHERE kind = 'tag' \
          GROUP BY 1, 2)",
        "day, name",
        &[("attempts", "count(*)"), ("cost", "sum(cost_nanousd)")],
        "(SELECT a.day, coalesce(tag, '') AS name, a.cost_nanousd FROM attempts a JOIN requests ON id = request_id)",
    ),
];

/// Sums that do not agree with their rows. `labels`: whether the database is new enough to have those.
pub fn wrong(db: &Connection, labels: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (table, key, sums, rows) in SUMS.iter().filter(|(table, ..)| labels || !table.starts_with('(')) {
        for (kept, counted) in *sums {
            let sql = format!(
                "SELECT * FROM (SELECT {key}, {kept} AS n FROM {table} WHERE {kept} <> 0) AS kept
                 FULL JOIN (SELECT {key}, {counted} AS n FROM {rows} GROUP BY {key}) AS rows USING ({key})
                 WHERE coalesce(kept.n, 0) <> coalesce(rows.n, 0)"
            );
            match lines(db, &sql) {
                Ok(found) => wrong.extend(found.iter().map(|line| format!("the sum {table}.{kept} drifted: {line}"))),
                Err(error) => wrong.push(format!("the sum {table}.{kept} cannot be read: {error}")),
            }
        }
    }
    wrong
}
