//! `llmr batch`: a file of prompts in, a file of answers out, in the same order, whatever happens in between.
//!
//! The database is what is believed: an answer is kept in the transaction that settles it, and the output is written
//! from what is kept. So a run that was killed costs the lines that were in flight, and no other one.

mod fields;
mod lines;
mod progress;
mod report;
mod run;
mod target;

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use crate::cli;
use crate::commands::context::write;
use crate::commands::{Context, question, runtime, sandbox};
use crate::error::{Error, Kind, Result};
use crate::output::json::{self, Layout};
use crate::router::{Purse, Request, Router};
use crate::store::{Batch, BatchOpened};

use lines::Lines;
use run::{Line, Run, Voice};
use target::{Before, Target};

/// Runs `llmr batch`.
pub fn run(context: &mut Context, args: &cli::Batch) -> Result<()> {
    let mut base = base(context, args)?;
    let cap = base.max_cost.take();
    let mut lines = Lines::open(&args.file)?;
    let output = args.output.as_deref().map(target::name_of).transpose()?;
    if output.is_some() && output == lines.path {
        return Err(Error::new(Kind::Usage, "-o names the file of the prompts").hint("choose another file for -o"));
    }
    let rehearsal = sandbox::start(context)?;
    let (printer, level) = (context.printer, context.level());
    let voice = Voice::new(context.stderr(), &printer.terminal, level);
    let mut router = context.router()?;
    lines.check(&base, &router, router.host.now().day())?;
    let batch = open(&router, &lines, output.as_deref(), args.restart)?;
    let states = run::assign(&lines.entries, &batch);
    let (target, written) = match &output {
        None => (Target::stdout(), 0),
        Some(path) => resume(path, &mut lines, &base, &states, &batch, args.restart)?,
    };
    let batch = match args.restart {
        true => restarted(&router, batch)?,
        false => batch,
    };
    router.purse = cap.map(|cap| Rc::new(Purse::new(cap, batch.cost)));
    let states = if args.restart { run::assign(&lines.entries, &batch) } else { states };
    let jobs = usize::try_from(args.jobs).unwrap_or(usize::MAX).min(lines.entries.len());
    let store = router.store.clone();
    let routers = siblings(router, jobs)?;
    let mut run = Run::new(lines, base, &batch, states, target, written, store.clone(), voice);
    let drained = runtime()?.block_on(run.drive(routers));
    let (summary, verdict) = run.end(drained);
    drop(rehearsal);
    // The next run finds a dead owner otherwise: that is as good.
    _ = store.close_batch(batch.id);
    if !printer.json {
        return verdict;
    }
    match output {
        Some(_) => write(&json::render(&summary, Layout::of(&printer.terminal))?)?,
        // Standard output holds the answers and nothing else.
        None => {
            _ = crate::output::stdout::write_all(
                &mut std::io::stderr(),
                json::render(&summary, Layout::Compact)?.as_bytes(),
            )
        }
    }
    verdict.map_err(Error::printed)
}

/// What holds for every line: the flags, against the settings.
fn base(context: &Context, args: &cli::Batch) -> Result<Request> {
    if args.template.is_some() || args.schema.is_some() {
        return Err(Error::new(Kind::Other, "templates and schemas are not built yet"));
    }
    let question = cli::Question {
        model: args.model.clone(),
        providers: args.providers.clone(),
        tier: args.tier.clone(),
        fallbacks: args.fallbacks.clone(),
        strategy: args.strategy.clone(),
        system: args.system.clone(),
        temperature: args.temperature,
        max_tokens: args.max_tokens,
        effort: args.effort.clone(),
        max_cost: args.max_cost.clone(),
        timeout: args.timeout,
        max_retries: args.max_retries,
        allow_unpriced: args.allow_unpriced,
        no_cache: args.no_cache,
        refresh: args.refresh,
        ..cli::Question::default()
    };
    Ok(Request { tag: args.tag.clone(), ..question::checked(context, &question)? })
}

/// The batch of this input and this output, this process's until it ends.
fn open(router: &Router<'_>, lines: &Lines, output: Option<&Path>, restart: bool) -> Result<Batch> {
    let output = output.map_or_else(|| "-".to_owned(), |path| path.to_string_lossy().into_owned());
    let name = format!("{}\n{output}", lines.name);
    match router.store.open_batch(&name, router.host.now())? {
        BatchOpened::Yes(batch) => Ok(batch),
        BatchOpened::Busy { pid, until: Some(until) } => {
            let message = format!("process {pid} of another container or machine may run this batch");
            Err(Error::new(Kind::Usage, message).hint(format!("what it has asked is over by {until}: try again then")))
        }
        BatchOpened::Busy { pid, until: None } => {
            let what = if restart { "begin it anew" } else { "go on with it" };
            Err(Error::new(Kind::Usage, format!("process {pid} runs this batch already"))
                .hint(format!("wait for its end, or stop it to {what}")))
        }
    }
}

/// Forgets what was asked before. Its output was found to be of this batch, so it may be written anew.
fn restarted(router: &Router<'_>, batch: Batch) -> Result<Batch> {
    router.store.restart_batch(batch.id)?;
    Ok(Batch { lines: Vec::new(), cost: crate::types::NanoUsd::ZERO, ..batch })
}

/// The output file with what of it stays, and how many lines that are.
fn resume(
    path: &Path,
    lines: &mut Lines,
    base: &Request,
    states: &[Line],
    batch: &Batch,
    restart: bool,
) -> Result<(Target, usize)> {
    let ours: HashSet<i64> = batch.lines.iter().map(|line| line.request.0).collect();
    let before = target::look(path, &ours, !batch.lines.is_empty())?;
    let written = if restart { 0 } else { agreeing(&before, lines, base, states) };
    let keep = written.checked_sub(1).and_then(|last| before.lines.get(last)).map_or(0, |(_, end)| *end);
    Ok((Target::file(path, before.length, keep)?, written))
}

/// How many of its first lines are what would be written now.
fn agreeing(before: &Before, lines: &mut Lines, base: &Request, states: &[Line]) -> usize {
    let entries = lines.entries.clone();
    let agrees = |((found, _), (entry, state)): &(&(target::Found, u64), (&lines::Entry, &Line))| {
        let Line::Kept(request) = state else { return false };
        let Ok(line) = lines.read(entry, base) else { return false };
        let own = if line.own.is_empty() { String::new() } else { serde_json::Value::Object(line.own).to_string() };
        let id = line.id.unwrap_or_default().to_string();
        (found.line, found.request, &found.id, &found.own) == (entry.number, Some(request.0), &id, &own)
    };
    before.lines.iter().zip(entries.iter().zip(states)).take_while(agrees).count()
}

/// As many routers as lines are asked at a time.
fn siblings<'a>(mut first: Router<'a>, count: usize) -> Result<Vec<Router<'a>>> {
    let mut routers = (1..count).map(|_| first.sibling()).collect::<Result<Vec<_>>>()?;
    routers.push(first);
    Ok(routers)
}
