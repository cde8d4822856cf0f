//! `llmr forget`: removes what was kept of requests and conversations, down to the bytes in the database's files.

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::cli;
use crate::commands::{Context, chat, sandbox};
use crate::conversation;
use crate::error::{Error, Kind, Result};
use crate::store::{Forget, Forgotten, Store};
use crate::types::RequestId;

/// What was removed.
#[derive(Debug, Serialize)]
struct Report {
    removed: Removed,
    /// Whether no byte of it is left in the database's files.
    scrubbed: bool,
    warnings: Vec<String>,
}

/// How much of what was removed.
#[derive(Debug, Serialize)]
struct Removed {
    requests: u64,
    conversations: u64,
    condensations: u64,
    batches: u64,
    cache_entries: u64,
    vectors: u64,
    chat_history: bool,
}

/// Runs `llmr forget`.
pub fn run(context: &mut Context, args: &cli::Forget) -> Result<()> {
    let store = context.store()?;
    if args.all {
        let (_, rehearsed) = sandbox::state(&context.config.paths);
        let history = remove_history(&context.config.paths.history_file)? | remove_history(&rehearsed)?;
        let drafts = remove_drafts(context)?;
        let mut done = store.forget_all()?;
        if let Some(rehearsals) = context.store_of_rehearsals()? {
            done += rehearsals.forget_all()?;
            if !rehearsals.scrub()? {
                context.warn("another llmr is still rehearsing: bytes of what was removed may stay in that database");
            }
        }
        return report(context, &store, done, history || drafts);
    }
    if let Some(name) = &args.vectors {
        let Some((vectors, cache_entries)) = store.forget_collection(name)? else {
            return Err(Error::new(Kind::Usage, format!("there is no collection `{name}`"))
                .hint("`llmr embed --list` shows them"));
        };
        return report(context, &store, Forgotten { vectors, cache_entries, ..Forgotten::default() }, false);
    }
    let these = args.ids.iter().map(|id| meant(&store, id)).collect::<Result<Vec<_>>>()?;
    let done = store.forget(&these)?;
    report(context, &store, done, false)
}

/// What an id means: a request (`r17`), or else a conversation.
fn meant(store: &Store, id: &str) -> Result<Forget> {
    let Some(request) = RequestId::parse(id) else {
        return Ok(Forget::Conversation(conversation::find(store, id)?.id));
    };
    match store.has_request(request)? {
        true => Ok(Forget::Request(request)),
        false => Err(Error::new(Kind::Usage, format!("there is no request {request}")).hint("`llmr log` lists them")),
    }
}

/// Removes what was typed into the chat editor; whether there was anything.
fn remove_history(path: &Path) -> Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::new(Kind::Other, format!("cannot remove {}: {error}", path.display()))),
    }
}

/// Removes texts that were being written in an editor when the process was killed; whether there were any.
fn remove_drafts(context: &Context) -> Result<bool> {
    let folder = &context.config.paths.data_dir;
    let unremovable = |why| Error::new(Kind::Other, format!("cannot remove drafts in {}: {why}", folder.display()));
    chat::remove_drafts(folder).map_err(unremovable)
}

/// Cleans the files of what was removed, and says what that was.
pub(super) fn report(context: &mut Context, store: &Store, done: Forgotten, chat_history: bool) -> Result<()> {
    let scrubbed = store.scrub();
    let problem = match &scrubbed {
        Ok(true) => None,
        Ok(false) => Some(
            "another llmr is still reading the database: bytes of what was removed may stay in its write-ahead log; \
             the same command once more, later, ends that"
                .to_owned(),
        ),
        Err(error) => Some(format!("bytes of what was removed may stay in the file: {error}")),
    };
    if let Some(problem) = &problem {
        context.warn(problem);
    }
    let Forgotten { requests, conversations, condensations, batches, cache_entries, vectors } = done;
    let report = Report {
        removed: Removed { requests, conversations, condensations, batches, cache_entries, vectors, chat_history },
        scrubbed: problem.is_none(),
        warnings: problem.into_iter().collect(),
    };
    context.print(&report, |report, _| text(&report.removed))
}

fn text(removed: &Removed) -> String {
    let rows = [
        (removed.requests, "prompt with its answer", "prompts with their answers"),
        (removed.conversations, "conversation", "conversations"),
        (removed.condensations, "summary", "summaries"),
        (removed.batches, "batch", "batches"),
        (removed.cache_entries, "stored answer", "stored answers"),
        (removed.vectors, "vector", "vectors"),
    ];
    let told = rows.iter().filter(|(count, ..)| *count > 0);
    let mut parts: Vec<String> =
        told.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many })).collect();
    parts.extend(removed.chat_history.then(|| "what was typed into chats".to_owned()));
    match parts.is_empty() {
        true => "nothing was kept of that\n".to_owned(),
        false => format!("removed: {}\n", parts.join(", ")),
    }
}
