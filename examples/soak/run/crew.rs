//! The processes: so many at a time, each with a job, until the jobs are done.

use std::fs;
use std::io::{self, Write};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::home::Home;
use super::jobs::{Job, Kind, marked};
use super::watch::{Seen, Watch};

/// What no process may say, in lower case, and what is wrong then.
const NEVER_SAID: [(&str, &str); 5] = [
    ("is locked", "found the database locked"),
    ("panicked", "panicked"),
    ("could not be recorded", "lost a ledger row"),
    ("disk image is malformed", "found the database malformed"),
    ("more than the worst case", "met a bill above its hold"),
];

/// A batch of so many lines has made everything it needs long before its middle.
const LONG: u64 = 50;

/// What came of one process.
#[derive(Debug, Clone)]
pub struct Ran {
    pub kind: Kind,
    /// From its start to its end.
    pub ms: u64,
    /// The most memory it had, in KiB; 0 where nobody saw it.
    pub peak_kib: u64,
    /// Of a long one: what it had at most in the first half of its life and at its end.
    pub life_kib: Option<(u64, u64)>,
    /// What it did that it may not.
    pub wrong: Vec<String>,
}

/// Runs all jobs, so many at a time; `tell` hears how many are done.
pub fn run(home: &Home, watch: &Watch, jobs: &[Job], processes: usize, tell: &(dyn Fn(usize) + Sync)) -> Vec<Ran> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = || {
        let mut ran = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            ran.push(one(home, watch, job));
            tell(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        ran
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processes).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

fn one(home: &Home, watch: &Watch, job: &Job) -> Ran {
    let began = Instant::now();
    let ended = perform(home, watch, job);
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (wrong, seen) = match ended {
        Ok((output, seen)) => (wrong(home, job, &output), seen),
        Err(error) => (vec![format!("{:?} did not run: {error}", job.kind)], None),
    };
    let life_kib = seen.as_ref().filter(|_| job.requests >= LONG).and_then(Seen::life);
    let peak_kib = seen.map_or(0, |seen| seen.peak_kib);
    Ran { kind: job.kind, ms, peak_kib, life_kib, wrong }
}

fn perform(home: &Home, watch: &Watch, job: &Job) -> io::Result<(Output, Option<Seen>)> {
    let (args, stdin) = job.call(&home.work())?;
    let mut command = home.command(&args);
    if stdin.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    let pid = child.id();
    watch.enter(pid, job.kind);
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        // A process that ends before it has read all of it says why by its exit code.
        _ = pipe.write_all(text.as_bytes());
    }
    let output = child.wait_with_output()?;
    Ok((output, watch.leave(pid)))
}

/// What a process did that it may not.
fn wrong(home: &Home, job: &Job, output: &Output) -> Vec<String> {
    let name = format!("{:?} {}", job.kind, job.first);
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    let mut wrong: Vec<String> = NEVER_SAID
        .iter()
        .filter(|(words, _)| said.contains(words))
        .map(|(_, what)| format!("{name} {what}: {}", said.trim()))
        .collect();
    if !output.status.code().is_some_and(|code| may_end_with(job.kind).contains(&code)) {
        wrong.push(format!("{name} ended with {}: {}", output.status, said.trim()));
    }
    let answered = String::from_utf8_lossy(&output.stdout);
    let asks = matches!(job.kind, Kind::Ask | Kind::Chat);
    if asks && output.status.success() && marked(&answered) != Some(job.last()) {
        wrong.push(format!("{name} was given another one's answer: {}", answered.trim()));
    }
    if matches!(job.kind, Kind::Batch | Kind::LongBatch) {
        wrong.extend(foreign_lines(home, job).into_iter().map(|line| format!("{name} wrote a wrong line: {line}")));
    }
    wrong
}

/// Done, refused by the provider, by the budget, nobody left to ask, all of them rate-limited. A batch ends with 1
/// where its lines failed for several reasons.
fn may_end_with(kind: Kind) -> &'static [i32] {
    match kind {
        Kind::Ask | Kind::Chat => &[0, 3, 4, 69, 75],
        Kind::Batch | Kind::LongBatch => &[0, 1, 3, 4, 69, 75],
        Kind::Look => &[0],
    }
}

/// The lines of a batch's output whose answer is not that of their prompt.
fn foreign_lines(home: &Home, job: &Job) -> Vec<String> {
    let text = fs::read_to_string(home.work().join(format!("{}.jsonl.out", job.first))).unwrap_or_default();
    let is_own = |line: &&str| {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return false };
        let id = line["id"].as_str().and_then(marked);
        id.is_some() && line["content"].as_str().is_none_or(|content| marked(content) == id)
    };
    text.lines().filter(|line| !is_own(line)).map(str::to_owned).collect()
}
