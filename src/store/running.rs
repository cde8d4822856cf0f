//! Requests under way, and whose they are: those of owners that died are closed by whoever comes next.
//!
//! A request may die without holding money: before its first attempt, between two of them, or while it waits. Then
//! there is no hold that would tell.

use rusqlite::{Connection, Row};

use super::columns::{self, all, owner, run};
use crate::types::{Liveness, Owner, RequestId, Timestamp};

/// No request is under way for longer, in milliseconds. Ends one of whose owner nothing is known: it makes no
/// difference to one that ends after all.
const LONGEST_MS: i64 = 86_400_000;

/// Notes that this process makes a request.
pub(super) fn insert(tx: &Connection, id: RequestId, me: &Owner) -> rusqlite::Result<()> {
    columns::insert(
        tx,
        "running",
        &[
            ("request_id", &id),
            ("owner_pid", &me.pid),
            ("owner_start", &me.start_ticks.cast_signed()),
            ("owner_boot", &me.boot_id),
            ("owner_pidns", &me.pid_namespace),
        ],
    )
}

/// It is under way no more.
pub(super) fn remove(tx: &Connection, id: RequestId) -> rusqlite::Result<()> {
    run(tx, "DELETE FROM running WHERE request_id = ?1", [id]).map(drop)
}

/// Closes the requests that nobody will end. What they hold is charged by itself.
pub(super) fn reap(
    tx: &Connection,
    now: Timestamp,
    me: &Owner,
    liveness: fn(&Owner) -> Liveness,
) -> rusqlite::Result<()> {
    for id in dead(tx, now, me, liveness)? {
        run(tx, "UPDATE requests SET state = 'orphaned' WHERE id = ?1 AND state = 'running'", [id])?;
        remove(tx, id)?;
    }
    Ok(())
}

/// The requests that nobody will end.
pub(super) fn dead(
    tx: &Connection,
    now: Timestamp,
    me: &Owner,
    liveness: fn(&Owner) -> Liveness,
) -> rusqlite::Result<Vec<RequestId>> {
    if !has_others(tx, "running", me)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT running.*, at FROM running JOIN requests ON id = request_id ORDER BY owner_pid, owner_start";
    // A batch makes many at a time: its process is looked for once.
    let mut last: Option<(Owner, Liveness)> = None;
    let mut dead = all(tx, sql, [], read)?;
    dead.retain(|(_, at, whose)| {
        let known = last.as_ref().filter(|(known, _)| known == whose).map(|(_, liveness)| *liveness);
        let found = known.unwrap_or_else(|| liveness(whose));
        last = Some((whose.clone(), found));
        match found {
            Liveness::Alive => false,
            Liveness::Dead => true,
            Liveness::Unknown => now >= at.plus_ms(LONGEST_MS),
        }
    });
    Ok(dead.into_iter().map(|(id, ..)| id).collect())
}

/// Whether a row of this table is somebody else's; mostly none is, and then nobody's death need be looked for. Where a
/// process does not know itself, others are there for all that it can tell.
pub(super) fn has_others(tx: &Connection, table: &str, me: &Owner) -> rusqlite::Result<bool> {
    if !me.is_known() {
        return Ok(true);
    }
    let mut query =
        tx.prepare_cached(&format!("SELECT owner_pid, owner_start, owner_boot, owner_pidns FROM {table}"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        if owner(row)? != *me {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read(row: &Row<'_>) -> rusqlite::Result<(RequestId, Timestamp, Owner)> {
    Ok((row.get("request_id")?, row.get("at")?, owner(row)?))
}
