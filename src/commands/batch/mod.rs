//! `llmr batch`: a file of prompts in, a file of answers out, in the same order, whatever happens in between.
//!
//! The database is what is believed: an answer is kept in the transaction that settles it, and the output is written
//! from what is kept. So a run that was killed costs the lines that were in flight, and no other one.

mod answers;
pub mod base;
pub mod fields;
pub mod lines;
pub mod progress;
mod queue;
mod report;
mod run;
mod state;
mod target;
mod verdict;
pub mod voice;

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use crate::cli;
use crate::commands::context::{Printer, write};
use crate::commands::{Context, runtime, sandbox};
use crate::error::{Error, Kind, Result};
use crate::output::json::{self, Layout};
use crate::router::{Purse, Router};
use crate::store::{Batch, BatchOpened};

use answers::Answers;
use base::Base;
use lines::Lines;
use report::Summary;
use run::Run;
use state::State;
use target::{Before, Target};
use voice::{Voice, Watch};

/// Runs `llmr batch`.
pub fn run(context: &mut Context, args: &cli::Batch) -> Result<()> {
    let mut base = Base::of(context, args)?;
    let cap = base.request.max_cost.take();
    let mut lines = Lines::open(&args.file)?;
    let output = args.output.as_deref().map(target::name_of).transpose()?;
    if output.is_some() && output == lines.path {
        return Err(Error::new(Kind::Usage, "-o names the file of the prompts").hint("choose another file for -o"));
    }
    let rehearsal = sandbox::start(context)?;
    let (printer, level, redactor) = (context.printer, context.level(), context.redactor.clone());
    let voice = Voice::new(context.stderr(), &printer.terminal, level);
    let watch = Watch::new(context.deliveries.clone());
    let mut router = context.router()?;
    lines.check(&base, &router, router.host.now().day())?;
    let mut batch = open(&router, &lines, output.as_deref(), args.restart)?;
    let mut states = state::assign(&lines.entries, &batch);
    let target = match &output {
        None => (Target::stdout(), 0),
        Some(path) => resume(path, &mut lines, &base, &states, &batch, args.restart)?,
    };
    if args.restart {
        batch = restarted(&router, batch)?;
        states = state::assign(&lines.entries, &batch);
    }
    router.purse = cap.map(|cap| Rc::new(Purse::new(cap, batch.cost)));
    let jobs = usize::try_from(args.jobs).unwrap_or(usize::MAX).min(lines.entries.len());
    let store = router.store.clone();
    let answers = Answers::new(lines, base, states, target, store.clone());
    let mut run = Run::new(answers, &batch, redactor, voice, watch);
    runtime()?.block_on(run.drive(siblings(router, jobs)?));
    let (summary, verdict) = run.end();
    drop(rehearsal);
    // The next run finds a dead owner otherwise: that is as good.
    _ = store.close_batch(batch.id);
    if printer.json {
        print(&summary, &printer, output.is_some())?;
        return verdict.map_err(Error::printed);
    }
    verdict
}

/// The summary as an object; on stderr where the answers went to standard output, which holds nothing else then.
fn print(summary: &Summary, printer: &Printer, to_stdout: bool) -> Result<()> {
    if to_stdout {
        return write(&json::render(summary, Layout::of(&printer.terminal))?);
    }
    let text = json::render(summary, Layout::Compact)?;
    _ = crate::output::stdout::write_all(&mut std::io::stderr(), text.as_bytes());
    Ok(())
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
    base: &Base,
    states: &[State],
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
fn agreeing(before: &Before, lines: &mut Lines, base: &Base, states: &[State]) -> usize {
    let entries = lines.entries.clone();
    let agrees = |((found, _), (entry, state)): &(&(target::Found, u64), (&lines::Entry, &State))| {
        let State::Kept(request) = state else { return false };
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
