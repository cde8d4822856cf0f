//! How plain values are written into columns and read from them, and the ways to run a statement.
//!
//! Counters are `u64` outside and SQLite's signed integers inside: both ways saturate.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::engine::tiers::Intent;
use crate::types::{
    AttemptId, CandidateId, CostSource, Day, FailureClass, FinishReason, NanoUsd, Outcome, Owner, RequestId, Tier,
    Timestamp, Usage,
};

/// More tokens, and more milliseconds, than any attempt has: what is told beyond that is wrong, and sums over
/// nine million such attempts still fit a column.
const MOST: u64 = 1_000_000_000_000;

/// Newtypes over an integer.
macro_rules! integer_column {
    ($($type:ident)*) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                FromSql::column_result(value).map(Self)
            }
        }
    )*};
}

/// Closed sets of names.
macro_rules! name_column {
    ($($type:ident $parse:expr;)*) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.name().into())
            }
        }
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let name = value.as_str()?;
                let unknown = || FromSqlError::Other(format!("unknown name `{name}`").into());
                $parse(name).ok_or_else(unknown)
            }
        }
    )*};
}

integer_column! { NanoUsd Timestamp Day RequestId }
name_column! {
    Outcome Outcome::from_name;
    FailureClass FailureClass::from_name;
    FinishReason FinishReason::from_name;
    CostSource CostSource::from_name;
    Tier |name: &str| name.parse::<Tier>().ok();
    Intent Intent::named;
}

/// A counter as a column takes it.
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Milliseconds as a column takes them.
pub(super) fn millis(ms: u64) -> i64 {
    int(ms.min(MOST))
}

/// The counter in a column; never below 0.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// The counter in a column that may be NULL.
pub(super) fn opt_count(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|n| u64::try_from(n).unwrap_or(0)))
}

/// Token counts in the order of the columns: input, cached input, cache write, output, reasoning.
pub(super) fn tokens(usage: Usage) -> [i64; 5] {
    [
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    ]
    .map(|n| int(n.min(MOST)))
}

/// The usage in the columns `input_tokens`, …, `usage_estimated`; `None` where they are NULL.
pub(super) fn usage(row: &Row<'_>) -> rusqlite::Result<Option<Usage>> {
    if row.get::<_, Option<i64>>("input_tokens")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Usage {
        input_tokens: count(row, "input_tokens")?,
        cached_input_tokens: count(row, "cached_input_tokens")?,
        cache_write_tokens: count(row, "cache_write_tokens")?,
        output_tokens: count(row, "output_tokens")?,
        reasoning_tokens: count(row, "reasoning_tokens")?,
        estimated: row.get("usage_estimated")?,
    }))
}

/// The candidate in the columns `provider` and `model`.
pub(super) fn candidate(row: &Row<'_>) -> rusqlite::Result<CandidateId> {
    Ok(CandidateId { provider: row.get("provider")?, model: row.get("model")? })
}

/// The attempt in the columns `request_id` and `attempt`.
pub(super) fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptId> {
    Ok(AttemptId { request: row.get("request_id")?, number: row.get("attempt")? })
}

/// The process in the columns `owner_pid`, `owner_start`, `owner_boot` and `owner_pidns`.
pub(super) fn owner(row: &Row<'_>) -> rusqlite::Result<Owner> {
    Ok(Owner {
        pid: row.get("owner_pid")?,
        start_ticks: row.get::<_, i64>("owner_start")?.cast_unsigned(),
        boot_id: row.get("owner_boot")?,
        pid_namespace: row.get("owner_pidns")?,
    })
}

/// The first columns of a row, in their order.
pub(super) fn leading<T: FromSql + Copy + Default, const N: usize>(row: &Row<'_>) -> rusqlite::Result<[T; N]> {
    let mut values = [T::default(); N];
    for (at, value) in values.iter_mut().enumerate() {
        *value = row.get(at)?;
    }
    Ok(values)
}

/// Runs a statement; how many rows it changed.
pub(super) fn run(conn: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    conn.prepare_cached(sql)?.execute(params)
}

/// A row as it is written: each column with its value.
pub(super) type Cells<'a> = [(&'a str, &'a dyn ToSql)];

/// Writes a new row. A column without a value is not named: fewer are prepared in less time.
pub(super) fn insert(conn: &Connection, table: &str, row: &Cells<'_>) -> rusqlite::Result<()> {
    write(conn, "INSERT", table, row)
}

/// Writes a row in place of the one with its key, if there is one.
pub(super) fn replace(conn: &Connection, table: &str, row: &Cells<'_>) -> rusqlite::Result<()> {
    write(conn, "INSERT OR REPLACE", table, row)
}

fn write(conn: &Connection, verb: &str, table: &str, row: &Cells<'_>) -> rusqlite::Result<()> {
    let mut names = Vec::with_capacity(row.len());
    let mut values = Vec::with_capacity(row.len());
    for (name, value) in row {
        if !is_null(*value)? {
            names.push(*name);
            values.push(*value);
        }
    }
    let (names, marks) = (names.join(", "), vec!["?"; values.len()].join(", "));
    run(conn, &format!("{verb} INTO {table} ({names}) VALUES ({marks})"), &*values).map(drop)
}

/// Whether a value is none.
pub(super) fn is_null(value: &dyn ToSql) -> rusqlite::Result<bool> {
    Ok(matches!(value.to_sql()?, ToSqlOutput::Borrowed(ValueRef::Null) | ToSqlOutput::Owned(Value::Null)))
}

/// The first row of a query, if there is one.
pub(super) fn first<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    conn.prepare_cached(sql)?.query_row(params, read).optional()
}

/// Every row of a query.
pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map(params, read)?.collect()
}
