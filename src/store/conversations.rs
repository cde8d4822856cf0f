//! Conversations: their turns are requests whose texts are kept.
//!
//! Which turns are sent, and when older ones are condensed, is not decided here.

use rusqlite::{Connection, Row, named_params};

use super::columns::{all, count, first, int, run};
use super::{Problem, Store, StoreError, contents};
use crate::types::{CandidateId, Image, NanoUsd, RequestId, Timestamp};

/// A conversation without its turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its number; `c3` for people.
    pub id: i64,
    /// The user's name for it.
    pub name: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// Its system prompt.
    pub system: Option<String>,
    /// Its model, where one was pinned.
    pub model: Option<String>,
    /// Its providers, where some were pinned.
    pub providers: Vec<String>,
}

impl Conversation {
    /// How people call it: `c3`.
    pub fn handle(&self) -> String {
        format!("c{}", self.id)
    }
}

/// Which conversation is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find<'a> {
    /// The one with this number.
    Number(i64),
    /// The one of this name.
    Name(&'a str),
    /// The one that was used last.
    Last,
}

/// A conversation as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The conversation.
    pub conversation: Conversation,
    /// How many turns it has, without those taken back.
    pub turns: u64,
    /// What it has cost, as [`Store::conversation_cost`] tells it.
    pub cost: Option<NanoUsd>,
    /// What was asked first; `None` where that was forgotten.
    pub first: Option<String>,
}

/// One turn: what was asked, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its place in the conversation, from 1.
    pub number: u32,
    /// The request.
    pub request: RequestId,
    /// When it was asked.
    pub at: Timestamp,
    /// What was asked.
    pub prompt: String,
    /// Pictures that went with it.
    pub images: Vec<Image>,
    /// The answer; `None` where none came.
    pub answer: Option<String>,
    /// Whether the answer broke off.
    pub partial: bool,
    /// Who answered.
    pub candidate: Option<CandidateId>,
    /// What it cost, all attempts together; `None` where that is not known.
    pub cost: Option<NanoUsd>,
    /// Taken back: kept, but not sent any more.
    pub dropped: bool,
}

impl Turn {
    /// Whether its texts were removed: a prompt is never empty.
    pub fn is_forgotten(&self) -> bool {
        self.prompt.is_empty() && self.images.is_empty() && self.answer.is_none()
    }
}

/// What older turns were condensed into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condensation {
    /// The last turn that is in it.
    pub upto: u32,
    /// The summary.
    pub summary: String,
    /// The request that made it.
    pub request: RequestId,
}

/// What a request cost: until it has ended, the sum of its attempts so far.
const COST: &str = "CASE r.state WHEN 'done' THEN r.cost_nanousd
    ELSE (SELECT CASE WHEN count(*) = count(cost_nanousd) THEN coalesce(sum(cost_nanousd), 0) END
          FROM attempts WHERE attempts.request_id = r.id) END";

impl Store {
    /// Begins a conversation as it is described, whatever its number; its number. `None`: the name is taken.
    pub fn begin_conversation(&self, new: &Conversation) -> Result<Option<i64>, StoreError> {
        self.write(|tx| {
            let added = run(
                tx,
                "INSERT OR IGNORE INTO conversations (name, at, used_at, system, model, providers)
                 VALUES (:name, :at, :used_at, :system, :model, :providers)",
                named_params! {
                    ":name": new.name, ":at": new.at, ":used_at": new.used_at, ":system": new.system,
                    ":model": new.model, ":providers": as_json(&new.providers),
                },
            )?;
            Ok((added == 1).then(|| tx.last_insert_rowid()))
        })
    }

    /// Changes its name and what is pinned. `false`: another one has that name, or there is no such conversation.
    pub fn change_conversation(&self, to: &Conversation) -> Result<bool, StoreError> {
        let sql = "UPDATE OR IGNORE conversations
                   SET name = :name, system = :system, model = :model, providers = :providers WHERE id = :id";
        self.write(|tx| {
            let changed = run(
                tx,
                sql,
                named_params! {
                    ":id": to.id, ":name": to.name, ":system": to.system, ":model": to.model,
                    ":providers": as_json(&to.providers),
                },
            )?;
            Ok(changed == 1)
        })
    }

    /// The conversation that is looked for.
    pub fn conversation(&self, find: Find<'_>) -> Result<Option<Conversation>, StoreError> {
        let (condition, number, name) = match find {
            Find::Number(id) => ("id = ?1 AND ?2 IS NULL", Some(id), None),
            Find::Name(name) => ("name = ?2 AND ?1 IS NULL", None, Some(name)),
            Find::Last => ("?1 IS NULL AND ?2 IS NULL", None, None),
        };
        let sql = format!("SELECT * FROM conversations WHERE {condition} ORDER BY used_at DESC, id DESC LIMIT 1");
        self.read(|tx| Ok(first(tx, &sql, (number, name), read)?))
    }

    /// So many conversations (all without a number), the one used last first.
    pub fn conversations(&self, limit: Option<u64>) -> Result<Vec<Listed>, StoreError> {
        let sql = "SELECT c.*,
                       (SELECT count(*) FROM turns WHERE conversation_id = c.id AND NOT dropped) AS turns,
                       (SELECT nullif(prompt, '') FROM turns JOIN contents USING (request_id)
                        WHERE conversation_id = c.id AND NOT dropped ORDER BY number LIMIT 1) AS first
                   FROM conversations AS c ORDER BY used_at DESC, id DESC LIMIT ?1";
        self.read(|tx| {
            let rows = all(tx, sql, [limit.map_or(-1, int)], |row| {
                Ok(Listed {
                    conversation: read(row)?,
                    turns: count(row, "turns")?,
                    cost: None,
                    first: row.get("first")?,
                })
            })?;
            let priced = |listed: Listed| Ok(Listed { cost: cost(tx, listed.conversation.id)?, ..listed });
            rows.into_iter().map(priced).collect()
        })
    }

    /// Its turns in order, the dropped ones too.
    pub fn turns(&self, conversation: i64) -> Result<Vec<Turn>, StoreError> {
        let sql = format!(
            "SELECT t.number, t.request_id, t.dropped, r.at, {COST} AS cost, c.prompt, c.images, c.answer, c.partial,
                 coalesce(r.provider, a.provider) AS provider, coalesce(r.model, a.model) AS model
             FROM turns AS t JOIN requests AS r ON r.id = t.request_id
             LEFT JOIN contents AS c ON c.request_id = r.id
             LEFT JOIN attempts AS a ON a.request_id = r.id
                 AND a.attempt = (SELECT max(attempt) FROM attempts WHERE request_id = r.id)
             WHERE t.conversation_id = ?1 ORDER BY t.number"
        );
        self.read(|tx| Ok(all(tx, &sql, [conversation], read_turn)?))
    }

    /// Takes a turn back: it stays, but is not sent any more. What it was condensed into is void.
    pub fn drop_turn(&self, conversation: i64, number: u32) -> Result<(), StoreError> {
        self.write(|tx| {
            let which = (conversation, number);
            run(tx, "UPDATE turns SET dropped = 1 WHERE conversation_id = ?1 AND number = ?2", which)?;
            run(tx, "UPDATE condensations SET summary = NULL WHERE conversation_id = ?1 AND upto >= ?2", which)?;
            Ok(())
        })
    }

    /// What its older turns are condensed into, by the newest of its summaries.
    pub fn condensation(&self, conversation: i64) -> Result<Option<Condensation>, StoreError> {
        let sql = "SELECT * FROM condensations WHERE conversation_id = ?1 AND summary IS NOT NULL
                   ORDER BY request_id DESC LIMIT 1";
        let read = |row: &Row<'_>| {
            Ok(Condensation { upto: row.get("upto")?, summary: row.get("summary")?, request: row.get("request_id")? })
        };
        self.read(|tx| Ok(first(tx, sql, [conversation], read)?))
    }

    /// Keeps what turns up to this one were condensed into; without a summary only that the request belongs to the
    /// conversation.
    pub fn keep_condensation(
        &self,
        conversation: i64,
        request: RequestId,
        upto: u32,
        summary: Option<&str>,
    ) -> Result<(), StoreError> {
        self.write(|tx| Ok(condensed(tx, conversation, request, upto, summary)?))
    }

    /// Takes a turn out whose request was refused for its length and is made once more: its message comes again with
    /// the next one. What it cost stays the conversation's.
    pub fn retract_turn(&self, conversation: i64, request: RequestId) -> Result<(), StoreError> {
        self.write(|tx| {
            run(tx, "DELETE FROM turns WHERE conversation_id = ?1 AND request_id = ?2", (conversation, request))?;
            run(tx, "DELETE FROM contents WHERE request_id = ?1 AND NOT logged", [request])?;
            Ok(condensed(tx, conversation, request, 0, None)?)
        })
    }

    /// What a conversation has cost so far, condensing and dropped turns included; `None` when a cost is not known.
    pub fn conversation_cost(&self, conversation: i64) -> Result<Option<NanoUsd>, StoreError> {
        self.read(|tx| cost(tx, conversation))
    }
}

fn cost(tx: &Connection, conversation: i64) -> Result<Option<NanoUsd>, Problem> {
    let sql = format!(
        "SELECT count(*) AS requests, count(cost) AS known, coalesce(sum(cost), 0) AS cost
         FROM (SELECT {COST} AS cost FROM requests AS r WHERE r.id IN (
             SELECT request_id FROM turns WHERE conversation_id = ?1
             UNION SELECT request_id FROM condensations WHERE conversation_id = ?1))"
    );
    let read = |row: &Row<'_>| {
        let known = count(row, "requests")? == count(row, "known")?;
        Ok(known.then_some(row.get::<_, NanoUsd>("cost")?))
    };
    Ok(first(tx, &sql, [conversation], read)?.flatten())
}

fn condensed(
    tx: &Connection,
    conversation: i64,
    request: RequestId,
    upto: u32,
    summary: Option<&str>,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO condensations (conversation_id, request_id, upto, summary)
               VALUES (?1, ?2, ?3, ?4)";
    run(tx, sql, (conversation, request, upto, summary)).map(drop)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    let providers: String = row.get("providers")?;
    Ok(Conversation {
        id: row.get("id")?,
        name: row.get("name")?,
        at: row.get("at")?,
        used_at: row.get("used_at")?,
        system: row.get("system")?,
        model: row.get("model")?,
        // Only somebody else can have put anything but a list of names there.
        providers: serde_json::from_str(&providers).unwrap_or_default(),
    })
}

fn read_turn(row: &Row<'_>) -> rusqlite::Result<Turn> {
    let answer: Option<String> = row.get("answer")?;
    let images: Option<String> = row.get("images")?;
    let (provider, model) = (row.get::<_, Option<String>>("provider")?, row.get::<_, Option<String>>("model")?);
    let candidate = provider.zip(model).map(|(provider, model)| CandidateId { provider, model });
    Ok(Turn {
        number: row.get("number")?,
        request: row.get("request_id")?,
        at: row.get("at")?,
        prompt: row.get::<_, Option<String>>("prompt")?.unwrap_or_default(),
        images: images.map(|json| contents::images(&json)).unwrap_or_default(),
        candidate: candidate.filter(|_| answer.is_some()),
        answer,
        partial: row.get::<_, Option<bool>>("partial")?.unwrap_or_default(),
        cost: row.get("cost")?,
        dropped: row.get("dropped")?,
    })
}

fn as_json(names: &[String]) -> String {
    names.iter().map(String::as_str).collect::<serde_json::Value>().to_string()
}
