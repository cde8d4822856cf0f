//! Batches: who runs one, which of its lines were asked, and which were answered.
//!
//! That a line was asked is written with the request's number, that it was answered with the settling of its attempt
//! (see [`super::Place::Line`]): nothing of a batch is ever written by itself.

use rusqlite::{Connection, Row, named_params};

use super::columns::{all, count, first, run};
use super::reports::{self, LogEntry};
use super::{Problem, Store, StoreError, holds};
use crate::types::{Liveness, NanoUsd, Owner, RequestId, Timestamp};

/// What opening a batch found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOpened {
    /// It is this process's now.
    Yes(Batch),
    /// Another process runs it, or may run it.
    Busy {
        /// That process.
        pid: u32,
        /// Of one in another container or on another machine, of which nobody knows whether it lives: when what it
        /// holds now ends.
        until: Option<Timestamp>,
    },
}

/// A batch, with everything that was asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub id: i64,
    /// Every request that was made for it, by lines, the oldest first.
    pub lines: Vec<BatchLine>,
    /// What all of them have cost; unknown costs count as 0.
    pub cost: NanoUsd,
}

/// One request that was made for a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLine {
    /// The line's number when it was asked, from 1.
    pub line: u64,
    /// Of everything that can change its answer.
    pub digest: [u8; 16],
    /// The request.
    pub request: RequestId,
    /// Whether its answer is kept, whole.
    pub answered: bool,
    /// Whether it was sent and its answer never came: its process was killed, or it was cancelled and is charged.
    pub cut: bool,
}

/// Every request of a batch with what became of it.
const LINES: &str = "SELECT l.line, l.digest, l.request_id,
        c.answer IS NOT NULL AND c.partial = 0 AND r.exit_code IS 0 AS answered,
        c.answer IS NULL AND EXISTS (
            SELECT 1 FROM attempts a WHERE a.request_id = l.request_id
            AND (a.presumed = 1 OR (a.outcome = 'cancelled' AND coalesce(a.cost_nanousd, 1) > 0))
        ) AS cut
    FROM batch_lines l JOIN requests r ON r.id = l.request_id LEFT JOIN contents c ON c.request_id = l.request_id
    WHERE l.batch_id = ?1 ORDER BY l.line, l.request_id";

const COST: &str = "SELECT coalesce(sum(a.cost_nanousd), 0)
    FROM batch_lines l JOIN attempts a ON a.request_id = l.request_id WHERE l.batch_id = ?1";

/// When everything that is held for a batch is over.
const LEASE: &str = "SELECT max(h.lease_until)
    FROM batch_lines l JOIN holds h ON h.request_id = l.request_id WHERE l.batch_id = ?1";

impl Store {
    /// Opens the batch of this name, makes it where there is none, and keeps other processes out of it until
    /// [`Store::close_batch`] or this process's end. Holds of dead owners are charged first.
    pub fn open_batch(&self, name: &str, at: Timestamp) -> Result<BatchOpened, StoreError> {
        let me = self.me.owner();
        self.write(|tx| {
            holds::reap_all(tx, at, me, self.liveness)?;
            run(tx, "INSERT INTO batches (name, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING", (name, at))?;
            let found = first(tx, "SELECT * FROM batches WHERE name = ?1", [name], |row| {
                Ok((row.get::<_, i64>("id")?, owner(row)?))
            })?;
            let (id, owner) = found.ok_or(Problem::Sqlite(rusqlite::Error::QueryReturnedNoRows))?;
            if let Some(other) = owner.filter(|owner| owner != me) {
                let until: Option<Timestamp> = first(tx, LEASE, [id], |row| row.get(0))?.flatten();
                match (self.liveness)(&other) {
                    Liveness::Alive => return Ok(BatchOpened::Busy { pid: other.pid, until: None }),
                    Liveness::Unknown if until.is_some() => return Ok(BatchOpened::Busy { pid: other.pid, until }),
                    Liveness::Unknown | Liveness::Dead => {}
                }
            }
            own(tx, id, Some(me))?;
            let lines = all(tx, LINES, [id], line)?;
            let cost = first(tx, COST, [id], |row| row.get(0))?.unwrap_or_default();
            Ok(BatchOpened::Yes(Batch { id, lines, cost }))
        })
    }

    /// The digests of the lines of a batch of this name whose answers are kept.
    pub fn answered_lines(&self, name: &str) -> Result<Vec<[u8; 16]>, StoreError> {
        self.read(|tx| {
            let Some(id) = first(tx, "SELECT id FROM batches WHERE name = ?1", [name], |row| row.get::<_, i64>(0))?
            else {
                return Ok(Vec::new());
            };
            let lines = all(tx, LINES, [id], line)?;
            Ok(lines.into_iter().filter(|line| line.answered).map(|line| line.digest).collect())
        })
    }

    /// Lets other processes in again.
    pub fn close_batch(&self, id: i64) -> Result<(), StoreError> {
        self.write(|tx| Ok(own(tx, id, None)?))
    }

    /// Forgets what was asked for a batch, and the texts that were kept for nothing else. The ledger stays.
    pub fn restart_batch(&self, id: i64) -> Result<(), StoreError> {
        self.write(|tx| {
            run(
                tx,
                "DELETE FROM contents WHERE logged = 0
                 AND request_id IN (SELECT request_id FROM batch_lines WHERE batch_id = ?1)",
                [id],
            )?;
            run(tx, "DELETE FROM batch_lines WHERE batch_id = ?1", [id])?;
            Ok(())
        })
    }

    /// Keeps how a reading was asked for that is under way; the newest one counts.
    pub fn keep_reading(&self, asked: &str, at: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO settings (name, value, at) VALUES ('reading', ?1, ?2)";
        self.write(|tx| Ok(run(tx, sql, (asked, at)).map(drop)?))
    }

    /// The reading that was asked for in this way has ended. Somebody else's stays.
    pub fn end_reading(&self, asked: &str) -> Result<(), StoreError> {
        self.write(|tx| Ok(run(tx, "DELETE FROM settings WHERE name = 'reading' AND value = ?1", [asked]).map(drop)?))
    }

    /// How the reading was asked for that has not ended, if there is one.
    pub fn kept_reading(&self) -> Result<Option<String>, StoreError> {
        self.read(|tx| Ok(first(tx, "SELECT value FROM settings WHERE name = 'reading'", [], |row| row.get(0))?))
    }

    /// A request with its answer, where that is kept whole.
    pub fn kept_answer(&self, id: RequestId) -> Result<Option<(LogEntry, String)>, StoreError> {
        self.read(|tx| {
            let sql = "SELECT answer FROM contents WHERE request_id = ?1 AND answer IS NOT NULL AND partial = 0";
            let Some(answer) = first(tx, sql, [id], |row| row.get::<_, String>(0))? else { return Ok(None) };
            let entry = first(tx, "SELECT * FROM requests WHERE id = ?1", [id], reports::read_request)?;
            let Some(mut entry) = entry else { return Ok(None) };
            entry.attempts = reports::attempts(tx, id)?;
            Ok(Some((entry, answer)))
        })
    }
}

fn own(tx: &Connection, id: i64, owner: Option<&Owner>) -> rusqlite::Result<()> {
    let values = named_params! {
        ":id": id, ":pid": owner.map(|o| o.pid), ":start": owner.map(|o| o.start_ticks.cast_signed()),
        ":boot": owner.map(|o| &o.boot_id), ":pidns": owner.map(|o| &o.pid_namespace),
    };
    let sql = "UPDATE batches SET owner_pid = :pid, owner_start = :start, owner_boot = :boot, owner_pidns = :pidns
               WHERE id = :id";
    run(tx, sql, values).map(drop)
}

fn owner(row: &Row<'_>) -> rusqlite::Result<Option<Owner>> {
    let Some(pid) = row.get::<_, Option<u32>>("owner_pid")? else { return Ok(None) };
    Ok(Some(Owner {
        pid,
        start_ticks: row.get::<_, i64>("owner_start")?.cast_unsigned(),
        boot_id: row.get("owner_boot")?,
        pid_namespace: row.get("owner_pidns")?,
    }))
}

fn line(row: &Row<'_>) -> rusqlite::Result<BatchLine> {
    Ok(BatchLine {
        line: count(row, "line")?,
        digest: row.get("digest")?,
        request: row.get("request_id")?,
        answered: row.get("answered")?,
        cut: row.get("cut")?,
    })
}
