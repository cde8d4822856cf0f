//! Databases of other tools, read and never written: the logs of `llm`, the titles of `mods`.
//!
//! They are somebody else's: opened read-only, with nothing in their schema trusted, texts no longer than a bound.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

use super::StoreError;
use super::import::{ImportedConversation, ImportedTurn};
use super::{Problem, columns::all, files};
use crate::types::Timestamp;

/// The longest text of a turn, in bytes.
pub const MAX_TEXT_BYTES: usize = 16 << 20;

/// What is known of a conversation of `mods` beside its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModsRow {
    /// Its title.
    pub title: Option<String>,
    /// When it was last used.
    pub at: Timestamp,
    /// Its model.
    pub model: Option<String>,
    /// Its API.
    pub api: Option<String>,
}

/// What the logs of `llm` hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LlmLog {
    /// Conversations, the oldest first; a response without one is a conversation by itself.
    pub conversations: Vec<ImportedConversation>,
    /// Responses that were left out because a text of theirs is too long.
    pub too_long: u64,
    /// Attachments, which are not brought over.
    pub attachments: u64,
}

/// Reads `logs.db` of `llm`. Columns that an older version does not have are taken for empty.
pub fn llm_log(path: &Path) -> Result<LlmLog, StoreError> {
    with(path, |db| {
        let known = column_names(db, "responses")?;
        let mut log = LlmLog::default();
        if known.is_empty() {
            return Ok(log);
        }
        let column = |name: &str| if known.contains(name) { format!("r.{name}") } else { "NULL".to_owned() };
        let sql = format!(
            "SELECT CAST(r.id AS TEXT) AS id, {} AS conversation, {} AS model, {} AS prompt, {} AS system,
                 {} AS response, {} AS at, {} AS input, {} AS output
             FROM responses AS r ORDER BY {}, r.rowid",
            column("conversation_id"),
            column("model"),
            bounded(&column("prompt")),
            bounded(&column("system")),
            bounded(&column("response")),
            column("datetime_utc"),
            column("input_tokens"),
            column("output_tokens"),
            column("datetime_utc"),
        );
        let prompts = fragments(db, "prompt_fragments")?;
        let systems = fragments(db, "system_fragments")?;
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut statement = db.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(mut response) = Response::read(row)? else {
                log.too_long += 1;
                continue;
            };
            response.prepend(prompts.get(&response.id), systems.get(&response.id));
            let source = response.conversation.clone().unwrap_or_else(|| format!("response {}", response.id));
            let place = *places.entry(source.clone()).or_insert_with(|| {
                log.conversations.push(ImportedConversation { source, ..ImportedConversation::default() });
                log.conversations.len() - 1
            });
            if let Some(conversation) = log.conversations.get_mut(place) {
                conversation.system = conversation.system.take().or(response.system);
                conversation.turns.push(response.turn);
            }
        }
        if !column_names(db, "prompt_attachments")?.is_empty() {
            log.attachments = db
                .query_row("SELECT count(*) FROM prompt_attachments", [], |row| row.get::<_, i64>(0))?
                .try_into()
                .unwrap_or(0);
        }
        Ok(log)
    })
}

/// Reads the index of `mods`: its conversations by id.
pub fn mods_index(path: &Path) -> Result<HashMap<String, ModsRow>, StoreError> {
    with(path, |db| {
        let known = column_names(db, "conversations")?;
        if known.is_empty() {
            return Ok(HashMap::new());
        }
        let column = |name: &str| if known.contains(name) { name.to_owned() } else { "NULL".to_owned() };
        let (title, at, model, api) = (bounded("title"), column("updated_at"), column("model"), column("api"));
        let sql = format!("SELECT CAST(id AS TEXT), {title}, CAST({at} AS TEXT), {model}, {api} FROM conversations");
        let read = |row: &Row<'_>| {
            let at = row.get::<_, Option<String>>(2)?.and_then(|text| time(&text)).unwrap_or_default();
            Ok((row.get::<_, String>(0)?, ModsRow { title: row.get(1)?, at, model: row.get(3)?, api: row.get(4)? }))
        };
        Ok(all(db, &sql, [], read)?.into_iter().collect())
    })
}

/// One response of `llm`.
struct Response {
    id: String,
    conversation: Option<String>,
    system: Option<String>,
    turn: ImportedTurn,
}

impl Response {
    /// `None` when a text is too long.
    fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let texts: [Option<String>; 3] = [row.get("prompt")?, row.get("system")?, row.get("response")?];
        if texts.iter().flatten().any(|text| text == TOO_LONG) {
            return Ok(None);
        }
        let [prompt, system, answer] = texts;
        let count =
            |name: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(name)?.and_then(|n| n.try_into().ok()));
        let tokens = count("input")?.zip(count("output")?);
        let at = row.get::<_, Option<String>>("at")?.and_then(|text| time(&text)).unwrap_or_default();
        Ok(Some(Self {
            id: row.get("id")?,
            conversation: row.get::<_, Option<String>>("conversation")?.filter(|id| !id.is_empty()),
            system: system.filter(|text| !text.is_empty()),
            turn: ImportedTurn {
                at,
                prompt: prompt.unwrap_or_default(),
                answer: answer.filter(|text| !text.is_empty()),
                provider: None,
                model: row.get("model")?,
                tokens,
            },
        }))
    }

    /// Fragments go before what was typed, as they were sent.
    fn prepend(&mut self, prompt: Option<&Vec<String>>, system: Option<&Vec<String>>) {
        let joined = |fragments: &Vec<String>, rest: &str| {
            let rest = Some(rest.to_owned()).filter(|rest| !rest.is_empty());
            fragments.iter().cloned().chain(rest).collect::<Vec<_>>().join("\n")
        };
        if let Some(fragments) = prompt {
            self.turn.prompt = joined(fragments, &self.turn.prompt);
        }
        if let Some(fragments) = system {
            self.system = Some(joined(fragments, self.system.as_deref().unwrap_or_default()));
        }
    }
}

/// Stands for a text that is too long; no text of that length is one.
const TOO_LONG: &str = "\u{0}too long";

fn bounded(column: &str) -> String {
    format!("CASE WHEN length(CAST({column} AS BLOB)) > {MAX_TEXT_BYTES} THEN char(0) || 'too long' ELSE {column} END")
}

/// The fragments of every response, in their order.
fn fragments(db: &Connection, table: &str) -> Result<HashMap<String, Vec<String>>, Problem> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    if column_names(db, table)?.is_empty() || column_names(db, "fragments")?.is_empty() {
        return Ok(found);
    }
    let sql = format!(
        "SELECT CAST(l.response_id AS TEXT), {} FROM {table} AS l JOIN fragments AS f ON f.id = l.fragment_id
         ORDER BY l.response_id, l.\"order\"",
        bounded("f.content")
    );
    for (id, text) in all(db, &sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)))? {
        found.entry(id).or_default().extend(text.filter(|text| text != TOO_LONG));
    }
    Ok(found)
}

fn column_names(db: &Connection, table: &str) -> Result<BTreeSet<String>, Problem> {
    // A view could go on for ever.
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE EXISTS
               (SELECT 1 FROM pragma_table_list(?1) WHERE type = 'table' AND schema = 'main')";
    let names = all(db, sql, [table], |row| row.get::<_, String>(0))?;
    Ok(names.into_iter().collect())
}

/// A time as Python and SQLite write it, with or without its zone (UTC).
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim().replacen(' ', "T", 1);
    Timestamp::parse(&text).or_else(|| Timestamp::parse(&format!("{text}Z")))
}

fn with<T>(path: &Path, work: impl FnOnce(&Connection) -> Result<T, Problem>) -> Result<T, StoreError> {
    let all = || -> Result<T, Problem> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let db = Connection::open_with_flags(files::uri(path), flags)?;
        db.pragma_update(None, "trusted_schema", false)?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        work(&db)
    };
    all().map_err(|problem| {
        let problem = match problem {
            Problem::Sqlite(error) => Problem::Foreign(error),
            other => other,
        };
        StoreError { path: path.to_owned(), problem }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for text in [
            "2023-07-28T17:03:59.500000+00:00",
            "2023-07-28T17:03:59.5",
            "2023-07-28 17:03:59.5",
            "2023-07-28 17:03:59.5+00:00",
        ] {
            assert_eq!(time(text).map(|t| t.to_string()).as_deref(), Some("2023-07-28T17:03:59.5Z"), "{text}");
        }
        assert_eq!(time("yesterday"), None);
    }
}
