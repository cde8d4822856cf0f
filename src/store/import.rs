//! Conversations of other tools, brought over: rows like those of a chat, but of mode `imported`.
//!
//! They were neither asked nor paid for here: they have no attempts and no cost, and stand in no sum of a day, so that
//! neither the budget nor statistics nor health know of them. Of each it is recorded where it came from, so that it is
//! not brought over twice, also after it was forgotten here.

use rusqlite::{Connection, named_params};
use sha2::{Digest as _, Sha256};

use super::columns::{first, int, run};
use super::{Problem, Store, StoreError};
use crate::types::{Timestamp, hex};

/// A conversation of another tool's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedConversation {
    /// Its name there: what makes it the same when it is met again.
    pub source: String,
    /// A name for it here, if it is still free.
    pub name: Option<String>,
    /// Its system prompt.
    pub system: Option<String>,
    /// Its turns, oldest first.
    pub turns: Vec<ImportedTurn>,
}

/// One turn of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedTurn {
    /// When it was asked.
    pub at: Timestamp,
    /// What was asked.
    pub prompt: String,
    /// The answer; `None` where none came.
    pub answer: Option<String>,
    /// Who answered, as the other tool calls them.
    pub provider: Option<String>,
    /// Which model, as the other tool calls it.
    pub model: Option<String>,
    /// Tokens in and out, where it has noted them.
    pub tokens: Option<(u64, u64)>,
}

/// What importing a conversation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importing {
    /// It is new: so many turns.
    New(u64),
    /// It has grown since it was brought over: so many turns more.
    Grown(u64),
    /// It is here already, or was and has been forgotten.
    Known,
}

impl Store {
    /// What [`Store::import`] would do. Changes nothing.
    pub fn would_import(&self, tool: &str, from: &ImportedConversation) -> Result<Importing, StoreError> {
        self.read(|tx| Ok(importing(tx, tool, from)?.0))
    }

    /// Brings a conversation over, or what it has grown by since.
    pub fn import(&self, tool: &str, from: &ImportedConversation, now: Timestamp) -> Result<Importing, StoreError> {
        self.write(|tx| {
            let (importing, known) = importing(tx, tool, from)?;
            let (conversation, done) = match (importing, known) {
                (Importing::Known, _) => return Ok(importing),
                (Importing::Grown(_), Some((id, turns))) => (id, usize::try_from(turns).unwrap_or(usize::MAX)),
                _ => (begin(tx, from)?, 0),
            };
            for turn in from.turns.iter().skip(done) {
                insert_turn(tx, conversation, from, turn)?;
            }
            let sql = "INSERT INTO imports (tool, source, conversation_id, turns, at)
                       VALUES (:tool, :source, :conversation, :turns, :at)
                       ON CONFLICT DO UPDATE SET turns = excluded.turns, at = excluded.at";
            let values = named_params! {
                ":tool": tool, ":source": mark(&from.source), ":conversation": conversation,
                ":turns": int(from.turns.len() as u64), ":at": now,
            };
            run(tx, sql, values)?;
            Ok(importing)
        })
    }
}

/// What a name is known by: it may tell what the conversation is about, and its row outlives that.
fn mark(source: &str) -> String {
    hex(&Sha256::digest(source))
}

/// What is to be done, and the conversation here with the number of turns that were brought over.
fn importing(
    tx: &Connection,
    tool: &str,
    from: &ImportedConversation,
) -> Result<(Importing, Option<(i64, u64)>), Problem> {
    let sql = "SELECT i.conversation_id, i.turns, c.id IS NOT NULL FROM imports AS i
               LEFT JOIN conversations AS c ON c.id = i.conversation_id WHERE i.tool = ?1 AND i.source = ?2";
    let read = |row: &rusqlite::Row<'_>| {
        let turns = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
        Ok((row.get::<_, i64>(0)?, turns, row.get::<_, bool>(2)?))
    };
    let count = from.turns.len() as u64;
    Ok(match first(tx, sql, (tool, mark(&from.source)), read)? {
        None => (Importing::New(count), None),
        Some((id, turns, true)) if turns < count => (Importing::Grown(count - turns), Some((id, turns))),
        Some((id, turns, _)) => (Importing::Known, Some((id, turns))),
    })
}

fn begin(tx: &Connection, from: &ImportedConversation) -> Result<i64, Problem> {
    let times = || from.turns.iter().map(|turn| turn.at);
    let sql = "INSERT INTO conversations (name, at, used_at, system)
               SELECT iif(EXISTS (SELECT 1 FROM conversations WHERE name = :name), NULL, :name), :at, :used, :system";
    let values = named_params! {
        ":name": from.name, ":at": times().min().unwrap_or_default(), ":used": times().max().unwrap_or_default(),
        ":system": from.system,
    };
    run(tx, sql, values)?;
    Ok(tx.last_insert_rowid())
}

fn insert_turn(
    tx: &Connection,
    conversation: i64,
    from: &ImportedConversation,
    turn: &ImportedTurn,
) -> Result<(), Problem> {
    let (input, output) = turn.tokens.unzip();
    let answered = turn.answer.as_ref().map(|_| "stop");
    run(
        tx,
        "INSERT INTO requests (at, day, state, mode, stream, finished_at, exit_code, provider, model, finish_reason,
             input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, usage_estimated)
         VALUES (:at, :day, 'done', 'imported', 0, :at, :exit, :provider, :model, :finish,
             :input, iif(:input IS NULL, NULL, 0), iif(:input IS NULL, NULL, 0), :output,
             iif(:input IS NULL, NULL, 0), iif(:input IS NULL, NULL, 0))",
        named_params! {
            ":at": turn.at, ":day": turn.at.day(), ":exit": i32::from(turn.answer.is_none()),
            ":provider": turn.provider, ":model": turn.model, ":finish": answered,
            ":input": input.map(int), ":output": output.map(int),
        },
    )?;
    let request = tx.last_insert_rowid();
    run(
        tx,
        "INSERT INTO contents (request_id, logged, system, prompt, answer) VALUES (?1, 0, ?2, ?3, ?4)",
        (request, &from.system, &turn.prompt, &turn.answer),
    )?;
    run(
        tx,
        "INSERT INTO turns (conversation_id, number, request_id)
         SELECT ?1, 1 + coalesce(max(number), 0), ?2 FROM turns WHERE conversation_id = ?1",
        (conversation, request),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StoreOptions, Waiting};
    use crate::types::{Liveness, Owner};

    fn turn(at: i64, prompt: &str, answer: Option<&str>) -> ImportedTurn {
        let answer = answer.map(str::to_owned);
        ImportedTurn { at: Timestamp(at), prompt: prompt.into(), answer, tokens: Some((3, 4)), ..Default::default() }
    }

    fn count(store: &Store, sql: &str) -> i64 {
        store.read(|tx| Ok(first(tx, sql, [], |row| row.get(0))?)).unwrap().unwrap()
    }

    #[test]
    fn what_is_brought_over_counts_nowhere_and_comes_once() {
        let options = StoreOptions {
            busy_timeout_ms: 0,
            me: Owner::default().into(),
            liveness: |_| Liveness::Alive,
            seed: 1.into(),
            waiting: Waiting::default(),
        };
        let store = Store::in_memory(options).unwrap();
        let now = Timestamp(1_800_000_000_000);
        let mut from = ImportedConversation {
            source: "s".into(),
            name: Some("work".into()),
            system: Some("be brief".into()),
            turns: vec![turn(1000, "a", Some("b"))],
        };
        assert_eq!(store.would_import("llm", &from).unwrap(), Importing::New(1));
        assert_eq!(count(&store, "SELECT count(*) FROM conversations"), 0);
        assert_eq!(store.import("llm", &from, now).unwrap(), Importing::New(1));
        assert_eq!(store.import("llm", &from, now).unwrap(), Importing::Known);
        from.turns.push(turn(2000, "c", None));
        assert_eq!(store.import("llm", &from, now).unwrap(), Importing::Grown(1));
        assert_eq!(store.import("mods", &from, now).unwrap(), Importing::New(2), "another tool's");
        assert_eq!(count(&store, "SELECT count(*) FROM conversations WHERE name = 'work'"), 1, "the name is taken");
        assert_eq!(count(&store, "SELECT count(*) FROM conversations"), 2);
        assert_eq!(count(&store, "SELECT max(number) FROM turns"), 2);
        assert_eq!(count(&store, "SELECT count(*) FROM days") + count(&store, "SELECT count(*) FROM attempts"), 0);
        assert_eq!(store.facts(now).unwrap().requests, 0);
        store
            .write(|tx| {
                run(tx, "DELETE FROM turns", [])?;
                Ok(run(tx, "DELETE FROM conversations", [])?)
            })
            .unwrap();
        assert_eq!(store.import("llm", &from, now).unwrap(), Importing::Known, "forgotten stays forgotten");
    }
}
