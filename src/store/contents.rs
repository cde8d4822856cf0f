//! What is kept of prompts and answers, and what it is kept for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::{Connection, Row, named_params};
use serde_json::{Value, json};

use super::columns::{all, first, int, run};
use super::{LogEntry, Store, StoreError, reports};
use crate::types::{Image, ImageKind, Message, RequestId, Timestamp};

/// What is kept of a request's texts, from its beginning on.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// The system prompt.
    pub system: Option<&'a str>,
    /// The message that was asked.
    pub message: Option<&'a Message>,
    /// Whether the log keeps texts.
    pub logged: bool,
    /// What they are kept for.
    pub place: Place,
}

/// What texts are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The log alone.
    Log,
    /// The next turn of a conversation.
    Turn {
        /// The conversation's number.
        conversation: i64,
    },
    /// A line of a batch.
    Line {
        /// The batch's number.
        batch: i64,
        /// The line's number, from 1.
        line: u64,
        /// Of everything that can change its answer.
        digest: [u8; 16],
    },
}

/// Keeps what a request asks, in the transaction that gives it its number.
pub(super) fn insert(tx: &Connection, id: RequestId, at: Timestamp, kept: &Kept<'_>) -> rusqlite::Result<()> {
    let images = kept.message.map(|m| m.images.as_slice()).filter(|images| !images.is_empty());
    run(
        tx,
        "INSERT INTO contents (request_id, logged, system, prompt, images)
         VALUES (:id, :logged, :system, :prompt, :images)",
        named_params! {
            ":id": id, ":logged": kept.logged, ":system": kept.system,
            ":prompt": kept.message.map_or("", |m| m.text.as_str()), ":images": images.map(as_json),
        },
    )?;
    match kept.place {
        Place::Log => {}
        Place::Turn { conversation } => {
            run(
                tx,
                "INSERT INTO turns (conversation_id, number, request_id)
                 SELECT ?1, 1 + coalesce(max(number), 0), ?2 FROM turns WHERE conversation_id = ?1",
                (conversation, id),
            )?;
            run(tx, "UPDATE conversations SET used_at = ?2 WHERE id = ?1", (conversation, at))?;
        }
        Place::Line { batch, line, digest } => {
            let sql = "INSERT INTO batch_lines (batch_id, line, request_id, digest) VALUES (?1, ?2, ?3, ?4)";
            run(tx, sql, (batch, super::columns::int(line), id, digest))?;
        }
    }
    Ok(())
}

/// Keeps the answer, where the request's texts are kept.
pub(super) fn answer(tx: &Connection, id: RequestId, answer: &str, partial: bool) -> rusqlite::Result<()> {
    let sql = "UPDATE contents SET answer = ?2, partial = ?3 WHERE request_id = ?1";
    run(tx, sql, (id, answer, partial)).map(drop)
}

/// The texts that are kept of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Whether the log keeps them; else a conversation or a batch does.
    pub logged: bool,
    /// The system prompt.
    pub system: Option<String>,
    /// What was asked; of a conversation the last message.
    pub prompt: String,
    /// Pictures that went with it.
    pub images: Vec<Image>,
    /// The answer; `None` where none came.
    pub answer: Option<String>,
    /// Whether the answer broke off.
    pub partial: bool,
}

impl Store {
    /// The texts that are kept of a request.
    pub fn content(&self, id: RequestId) -> Result<Option<Content>, StoreError> {
        self.read(|tx| Ok(first(tx, "SELECT * FROM contents WHERE request_id = ?1", [id], read)?))
    }

    /// At most so many requests after that one whose texts the log keeps (`all`: or anything else), the oldest first.
    /// Without their attempts.
    pub fn contents(
        &self,
        after: RequestId,
        everything: bool,
        limit: u64,
    ) -> Result<Vec<(LogEntry, Content)>, StoreError> {
        let sql = "SELECT * FROM contents JOIN requests ON id = request_id
                   WHERE request_id > ?1 AND (logged OR ?2) ORDER BY request_id LIMIT ?3";
        let both = |row: &Row<'_>| Ok((reports::read_request(row)?, read(row)?));
        self.read(|tx| Ok(all(tx, sql, (after, everything, int(limit)), both)?))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Content> {
    Ok(Content {
        logged: row.get("logged")?,
        system: row.get("system")?,
        prompt: row.get("prompt")?,
        images: row.get::<_, Option<String>>("images")?.map(|json| images(&json)).unwrap_or_default(),
        answer: row.get("answer")?,
        partial: row.get("partial")?,
    })
}

/// The pictures that [`as_json`] wrote down; what somebody else put there is left out.
pub(super) fn images(json: &str) -> Vec<Image> {
    let list: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    list.iter().filter_map(image).collect()
}

fn image(value: &Value) -> Option<Image> {
    let pixels = |field: &str| u32::try_from(value[field].as_u64()?).ok();
    Some(Image {
        name: value["name"].as_str()?.to_owned(),
        kind: ImageKind::from_media_type(value["media_type"].as_str()?)?,
        width: pixels("width")?,
        height: pixels("height")?,
        bytes: BASE64.decode(value["data"].as_str()?).ok()?.into(),
    })
}

fn as_json(images: &[Image]) -> String {
    let one = |image: &Image| {
        json!({
            "name": image.name, "media_type": image.kind.media_type(), "width": image.width, "height": image.height,
            "data": BASE64.encode(&image.bytes),
        })
    };
    images.iter().map(one).collect::<Value>().to_string()
}
