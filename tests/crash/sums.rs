//! Every kept sum beside the same sum over the rows: what one transaction changes together must agree.

use rusqlite::Connection;

use crate::database::lines;

/// A table of sums, its key, each sum with the same over rows, and the rows.
type Sums = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

/// What sums by candidate and by tag are, from some version on. The last one holds.
const BY_CANDIDATE: [(i64, &str); 2] = [
    (1, "day_candidates"),
    (
        12,
        "(SELECT day, substr(name, 1, instr(name, '/') - 1) AS provider, substr(name, instr(name, '/') + 1) AS model,
                 sums ->> 'attempts' AS attempts, sums ->> 'ok' AS ok, sums ->> 'presumed' AS presumed,
                 sums ->> 'cost_nanousd' AS cost_nanousd FROM day_sums WHERE kind = 'candidate')",
    ),
];
const BY_TAG: [(i64, &str); 2] = [
    (
        4,
        "(SELECT day, name, sum(attempts) AS attempts, sum(cost_nanousd) AS cost FROM day_labels WHERE kind = 'tag' \
          GROUP BY 1, 2)",
    ),
    (
        12,
        "(SELECT day, name, sums ->> 'attempts' AS attempts, sums ->> 'cost_nanousd' AS cost FROM day_sums
          WHERE kind = 'tag')",
    ),
];

const SUMS: [Sums; 4] = [
    ("days", "day", &[("ledger_nanousd", "sum(cost_nanousd)"), ("attempts", "count(*)")], "attempts"),
    ("days", "day", &[("requests", "count(*)")], "requests"),
    (
        "by candidate",
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
        "by tag",
        "day, name",
        &[("attempts", "count(*)"), ("cost", "sum(cost_nanousd)")],
        "(SELECT a.day, coalesce(tag, '') AS name, a.cost_nanousd FROM attempts a JOIN requests ON id = request_id)",
    ),
];

/// Where a database of this version has sums, if it has them.
fn kept_in(table: &'static str, version: i64) -> Option<&'static str> {
    let known = match table {
        "by candidate" => &BY_CANDIDATE,
        "by tag" => &BY_TAG,
        itself => return Some(itself),
    };
    known.iter().rev().find(|(since, _)| *since <= version).map(|(_, table)| *table)
}

/// Sums that do not agree with their rows.
pub fn wrong(db: &Connection) -> Vec<String> {
    let version = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap_or(i64::MAX);
    let mut wrong = Vec::new();
    for (table, key, sums, rows) in SUMS {
        let Some(table) = kept_in(table, version) else { continue };
        for (kept, counted) in sums {
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
