//! What is kept of prompts and answers, and what it is kept for.

use rusqlite::{Connection, named_params};
use serde_json::json;

use super::columns::run;
use crate::types::{Image, Message, RequestId, Timestamp};

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

fn as_json(images: &[Image]) -> String {
    use base64::Engine as _;
    let one = |image: &Image| {
        json!({
            "name": image.name, "media_type": image.kind.media_type(), "width": image.width, "height": image.height,
            "data": base64::engine::general_purpose::STANDARD.encode(&image.bytes),
        })
    };
    images.iter().map(one).collect::<serde_json::Value>().to_string()
}
