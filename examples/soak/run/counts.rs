//! What the database says of itself: counts for the report, and whether its parts agree.

use rusqlite::Connection;

/// What the requests of a run came to.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub requests: i64,
    pub attempts: i64,
    /// Attempts after one that failed: with another candidate, and with the same one.
    pub failovers: i64,
    pub retries: i64,
    pub hits: i64,
    /// Requests that the budget refused, and those that failed otherwise.
    pub refused: i64,
    pub failed: i64,
    /// Money that is still held, although nobody runs: how often.
    pub holds: i64,
    /// Requests that never ended.
    pub unfinished: i64,
    /// Attempts whose process was taken for dead.
    pub presumed: i64,
    pub spent: i64,
}

const COUNTS: &str = "SELECT
    (SELECT count(*) FROM requests),
    (SELECT count(*) FROM attempts),
    (SELECT count(*) FROM tried WHERE failed = 'failed' AND before <> provider),
    (SELECT count(*) FROM tried WHERE failed = 'failed' AND before = provider),
    (SELECT count(*) FROM requests WHERE cache = 'hit'),
    (SELECT count(*) FROM requests WHERE exit_code = 4),
    (SELECT count(*) FROM requests WHERE exit_code NOT IN (0, 4)),
    (SELECT count(*) FROM holds),
    (SELECT count(*) FROM requests WHERE state <> 'done'),
    (SELECT count(*) FROM attempts WHERE presumed),
    (SELECT coalesce(sum(ledger_nanousd + adjusted_nanousd), 0) FROM days)";

/// Every attempt with the one before it of the same request; those that ran side by side are no failovers.
const TRIED: &str = "WITH tried AS (
    SELECT a.provider, lag(a.provider) OVER requests AS before, lag(a.outcome) OVER requests AS failed
    FROM attempts AS a JOIN requests AS r ON r.id = request_id AND coalesce(r.tag, '') <> 'parallel'
    WINDOW requests AS (PARTITION BY request_id ORDER BY attempt))";

/// Sums that are kept beside the rows they sum up; each must be 0.
const SUMS: &[(&str, &str)] = &[
    (
        "the days and the ledger",
        "SELECT (SELECT sum(ledger_nanousd) FROM days) - (SELECT sum(cost_nanousd) FROM attempts)",
    ),
    (
        "the sums of the candidates and the ledger",
        "SELECT (SELECT sum(sums ->> 'cost_nanousd') FROM day_sums WHERE kind = 'candidate') - (SELECT sum(cost_nanousd) FROM attempts)",
    ),
    (
        "the sums of the tags and the ledger",
        "SELECT (SELECT sum(sums ->> 'cost_nanousd') FROM day_sums WHERE kind = 'tag') - (SELECT sum(cost_nanousd) FROM attempts)",
    ),
    (
        "the attempts of the days and the ledger",
        "SELECT (SELECT sum(attempts) FROM days) - (SELECT count(*) FROM attempts)",
    ),
    (
        "the requests of the days and the log",
        "SELECT (SELECT sum(requests) FROM days) - (SELECT count(*) FROM requests)",
    ),
    (
        "what requests cost and what their attempts cost",
        "SELECT count(*) FROM (SELECT coalesce(r.cost_nanousd, 0) AS told, coalesce(sum(a.cost_nanousd), 0) AS cost
         FROM requests AS r LEFT JOIN attempts AS a ON a.request_id = r.id GROUP BY r.id) WHERE told <> cost",
    ),
];

impl Counts {
    /// As the database is now.
    pub fn of(db: &Connection) -> rusqlite::Result<Self> {
        db.query_row(&format!("{TRIED} {COUNTS}"), [], |row| {
            Ok(Self {
                requests: row.get(0)?,
                attempts: row.get(1)?,
                failovers: row.get(2)?,
                retries: row.get(3)?,
                hits: row.get(4)?,
                refused: row.get(5)?,
                failed: row.get(6)?,
                holds: row.get(7)?,
                unfinished: row.get(8)?,
                presumed: row.get(9)?,
                spent: row.get(10)?,
            })
        })
    }
}

/// What does not agree within the database.
pub fn disagreements(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = Vec::new();
    for (what, sql) in SUMS {
        let by: i64 = db.query_row(sql, [], |row| row.get(0))?;
        if by != 0 {
            found.push(format!("{what} differ by {by}"));
        }
    }
    let mut check = db.prepare("PRAGMA integrity_check")?;
    let said = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    found.extend(said.into_iter().filter(|line| line != "ok").map(|line| format!("integrity_check: {line}")));
    Ok(found)
}
