//! `llmr cache`: stored answers.

use serde::Serialize;

use crate::cache::Verdict;
use crate::cli::{self, CacheAction};
use crate::commands::Context;
use crate::error::{Error, Kind, Result};
use crate::output::{sanitize, units};
use crate::types::{Day, NanoUsd};

/// What the cache holds and has done.
#[derive(Debug, Serialize)]
pub struct Report {
    hits: u64,
    misses: u64,
    hit_rate: f64,
    l1_size: u64,
    l2_size: u64,
    integrity_failures: u64,
    foreign: u64,
    saved_usd: NanoUsd,
}

/// What a verification found.
#[derive(Debug, Default, Serialize)]
struct Verified {
    checked: u64,
    good: u64,
    expired: u64,
    foreign: u64,
    bad: u64,
    deleted: u64,
    /// What is wrong with the database that they lie in.
    database: Vec<String>,
}

/// Runs `llmr cache`.
pub fn run(context: &mut Context, args: &cli::Cache) -> Result<()> {
    match args.action {
        None | Some(CacheAction::Stats) => {
            let counts = context.store_for_reading()?.cache_counts(Day(i32::MIN), Day(i32::MAX))?;
            context.print(&Report::of(&counts), |r, _| text(r))
        }
        Some(CacheAction::Clear) => {
            #[derive(Serialize)]
            struct Cleared {
                removed: u64,
            }
            let cleared = Cleared { removed: context.store()?.cache_clear()? };
            context.print(&cleared, |c, _| format!("{} entries removed\n", c.removed))
        }
        Some(CacheAction::Verify { delete }) => verify(context, delete),
    }
}

impl Report {
    /// From the database's counts. The memory layer serves long-lived processes only: here it is empty.
    pub fn of(counts: &crate::store::CacheCounts) -> Self {
        let asked = counts.hits + counts.misses;
        #[allow(clippy::cast_precision_loss)]
        let hit_rate = if asked == 0 { 0.0 } else { counts.hits as f64 / asked as f64 };
        Self {
            hits: counts.hits,
            misses: counts.misses,
            hit_rate: (hit_rate * 1e4).round() / 1e4,
            l1_size: 0,
            l2_size: counts.entries,
            integrity_failures: counts.integrity_failures,
            foreign: counts.foreign,
            saved_usd: counts.saved,
        }
    }
}

/// The counts in a few lines.
pub fn text(r: &Report) -> String {
    format!(
        "{} entries; {} hits, {} misses ({}); saved {}\n{} failed verification, {} sealed with another key\n",
        units::tokens(r.l2_size),
        units::tokens(r.hits),
        units::tokens(r.misses),
        units::percent(r.hit_rate * 100.0),
        units::usd(r.saved_usd),
        r.integrity_failures,
        r.foreign
    )
}

/// Says what is wrong with the file itself. Its rows are not looked at: what they say depends on what is wrong.
fn damaged(context: &Context, database: Vec<String>) -> Result<()> {
    let path = context.config.paths.database.display();
    let error = Error::new(Kind::Verification, format!("database {path} failed verification"))
        .hint(format!("sqlite3 '{path}' .recover | sqlite3 NEW saves what can be read of it into another file"))
        .hint("or move the file (with its -wal and -shm) away: llmr then starts a new one");
    context.print(&Verified { database, ..Verified::default() }, |found, _| {
        found.database.iter().map(|wrong| format!("{}\n", sanitize::line(wrong))).collect()
    })?;
    Err(error.printed())
}

fn verify(context: &mut Context, delete: bool) -> Result<()> {
    let sealer = context.sealer_for_reading()?;
    let now = context.host.now();
    let store = context.store_for_reading()?;
    let database = store.integrity_check().unwrap_or_else(|error| vec![error.to_string()]);
    if !database.is_empty() {
        return damaged(context, database);
    }
    let mut found = Verified::default();
    let mut bad = Vec::new();
    store.cache_rows(|entry| {
        found.checked += 1;
        match entry.row.as_ref().map(|row| (sealer.judge(row), row)) {
            Some((Verdict::Good, row)) if row.expires_at <= now => found.expired += 1,
            Some((Verdict::Good, _)) => found.good += 1,
            Some((Verdict::Foreign, _)) => found.foreign += 1,
            Some((Verdict::Bad, _)) | None => bad.push(entry.row_id),
        }
    })?;
    found.bad = bad.len() as u64;
    if delete {
        for row_id in bad {
            found.deleted += u64::from(store.cache_delete(row_id)?);
        }
    }
    context.print(&found, |f, _| {
        let text = format!(
            "{} entries checked: {} good, {} expired, {} sealed with another key, {} bad\n",
            f.checked, f.good, f.expired, f.foreign, f.bad
        );
        text
    })?;
    match found.bad {
        0 => Ok(()),
        n => {
            let error = Error::new(Kind::Verification, format!("{n} cache entries failed verification"));
            Err(if delete { error } else { error.hint("remove them: llmr cache verify --delete") }.printed())
        }
    }
}
