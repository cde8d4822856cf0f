//! `llmr log export`: the kept prompts and answers as a data set, a request a line or row, the oldest first.
//!
//! JSON lines tell every text as it was; in CSV none is one that a spreadsheet would take for a formula.

use std::borrow::Cow;

use serde::Serialize;

use super::Picture;
use crate::commands::{Context, write};
use crate::error::{Error, Kind, Result};
use crate::output::csv::unformula;
use crate::output::json::{self, Layout};
use crate::output::sanitize;
use crate::store::{Content, LogEntry, Store};
use crate::types::{CacheOutcome, NanoUsd, RequestId, Tier, Timestamp, Usage};

/// Rows that are read at once: with pictures each may have some megabytes.
const PAGE: u64 = 32;

/// A request with its texts.
#[derive(Debug, Serialize)]
struct Row {
    id: RequestId,
    at: Timestamp,
    provider: Option<String>,
    model: Option<String>,
    requested_model: Option<String>,
    tier: Option<Tier>,
    tag: Option<String>,
    system: Option<String>,
    prompt: String,
    images: Vec<Picture>,
    answer: Option<String>,
    partial: bool,
    finish_reason: Option<&'static str>,
    usage: Option<Usage>,
    cost_usd: Option<NanoUsd>,
    latency_ms: Option<u64>,
    first_token_ms: Option<u64>,
    cache: Option<CacheOutcome>,
    exit_code: Option<u8>,
    error: Option<String>,
}

/// Runs `llmr log export`.
pub(super) fn run(context: &mut Context, format: &str, everything: bool) -> Result<()> {
    let store = context.store_for_reading()?;
    let terminal = context.printer.terminal.stdout;
    let print = |text: &str| write(&if terminal { sanitize::text(text) } else { Cow::Borrowed(text) });
    let csv = format == "csv" && !context.json();
    let mut rows = 0;
    each(&store, everything, |entry, content| {
        let row = Row::new(entry, content);
        if csv && rows == 0 {
            print(&line(&TITLES.map(Cow::Borrowed))?)?;
        }
        rows += 1;
        match csv {
            true => print(&line(&row.cells())?),
            false => print(&json::render(&row, Layout::Compact)?),
        }
    })?;
    if rows == 0 {
        context.messages.hint(match (context.config.settings.log_content, everything) {
            (false, false) => {
                "no prompts and answers are kept in the log: `log_content = true` in config.toml keeps those to come; \
                 --all exports those of conversations and batches too"
            }
            _ => "no prompts and answers are kept yet",
        });
    }
    Ok(())
}

/// Every request whose texts are kept, a page at a time.
fn each(store: &Store, everything: bool, mut visit: impl FnMut(LogEntry, Content) -> Result<()>) -> Result<()> {
    let mut after = RequestId(0);
    loop {
        let page = store.contents(after, everything, PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = last.id;
        for (entry, content) in page {
            visit(entry, content)?;
        }
    }
}

impl Row {
    fn new(entry: LogEntry, content: Content) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            provider: entry.provider,
            model: entry.model,
            requested_model: entry.requested_model,
            tier: entry.tier,
            tag: entry.tag,
            system: content.system,
            prompt: content.prompt,
            images: content.images.iter().map(Picture::with_data).collect(),
            answer: content.answer,
            partial: content.partial,
            finish_reason: entry.finish_reason.map(|finish| finish.name()),
            usage: entry.usage,
            cost_usd: entry.cost,
            latency_ms: entry.latency_ms,
            first_token_ms: entry.first_token_ms,
            cache: entry.cache,
            exit_code: entry.exit_code,
            error: entry.error_kind,
        }
    }

    /// In the order of [`TITLES`]; of pictures only their names.
    fn cells(&self) -> [Cow<'_, str>; TITLES.len()] {
        let text = |text: &'_ Option<String>| text.as_deref().map(unformula).map(Cow::into_owned).unwrap_or_default();
        let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
        let usage = |field: fn(&Usage) -> u64| number(self.usage.as_ref().map(field));
        let images: Vec<&str> = self.images.iter().map(|image| image.name.as_str()).collect();
        [
            self.id.to_string().into(),
            self.at.to_string().into(),
            text(&self.provider).into(),
            text(&self.model).into(),
            text(&self.requested_model).into(),
            self.tier.map_or("", Tier::name).into(),
            text(&self.tag).into(),
            text(&self.system).into(),
            unformula(&self.prompt),
            text(&Some(images.join(" "))).into(),
            text(&self.answer).into(),
            self.partial.to_string().into(),
            self.finish_reason.unwrap_or_default().into(),
            usage(|u| u.input_tokens).into(),
            usage(|u| u.cached_input_tokens).into(),
            usage(|u| u.cache_write_tokens).into(),
            usage(|u| u.output_tokens).into(),
            usage(|u| u.reasoning_tokens).into(),
            self.usage.map(|u| u.estimated.to_string()).unwrap_or_default().into(),
            self.cost_usd.map(|cost| cost.to_string()).unwrap_or_default().into(),
            number(self.latency_ms).into(),
            number(self.first_token_ms).into(),
            self.cache.map_or("", CacheOutcome::name).into(),
            number(self.exit_code.map(u64::from)).into(),
            text(&self.error).into(),
        ]
    }
}

const TITLES: [&str; 25] = [
    "id",
    "at",
    "provider",
    "model",
    "requested_model",
    "tier",
    "tag",
    "system",
    "prompt",
    "images",
    "answer",
    "partial",
    "finish_reason",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "usage_estimated",
    "cost_usd",
    "latency_ms",
    "first_token_ms",
    "cache",
    "exit_code",
    "error",
];

/// One row of RFC 4180.
fn line(cells: &[Cow<'_, str>]) -> Result<String> {
    let failed = |why: &dyn std::fmt::Display| Error::new(Kind::Other, format!("cannot write as CSV: {why}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells.iter().map(|cell| cell.as_bytes())).map_err(|why| failed(&why))?;
    let bytes = writer.into_inner().map_err(|why| failed(&why))?;
    String::from_utf8(bytes).map_err(|why| failed(&why))
}
