//! Rounds until enough processes were killed; at the first one that goes wrong it stops, and keeps what is left.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use llmr::sandbox::Sandbox;
use rusqlite::Connection;
use serde_json::json;

use crate::common::Place;
use crate::lots::Lots;
use crate::process::Played;
use crate::tally::Tally;
use crate::whole::Oracle;
use crate::{database, migrating, mixed, sums, terminal};

/// How many processes are killed where nothing else is said: what a debug build does within a minute on two cores.
const KILLS: u64 = 300;
/// Where nothing else is said, no round begins later: on a machine that does other things, too, it is a few less.
const AT_MOST: Duration = Duration::from_secs(50);
/// A long run says after so many kills that it goes on.
const PROGRESS: u64 = 500;
/// So many rounds at a time: most of a round is waiting.
const SIDE_BY_SIDE: usize = 6;

/// What is to be done.
pub struct Orders {
    kills: u64,
    at_most: Duration,
    seed: u64,
    /// Only this round.
    round: Option<u64>,
}

impl Orders {
    /// `LLMR_CRASHES`, `LLMR_CRASH_SEED`, `LLMR_CRASH_ROUND`.
    #[expect(clippy::disallowed_methods, reason = "how a test is told what to do")]
    pub fn from_environment() -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
        };
        let kills = number("LLMR_CRASHES");
        Self {
            kills: kills.unwrap_or(KILLS),
            at_most: if kills.is_some() { Duration::MAX } else { AT_MOST },
            seed: number("LLMR_CRASH_SEED").unwrap_or(7),
            round: number("LLMR_CRASH_ROUND"),
        }
    }
}

/// One round: its chance, and what was found in it.
pub struct Round<'a> {
    /// Its chance.
    pub lots: Lots,
    /// Knows every whole answer.
    pub oracle: &'a Oracle,
    /// What was done.
    pub tally: Tally,
    seed: u64,
    number: u64,
    wrong: Vec<String>,
    kept: Option<PathBuf>,
}

impl<'a> Round<'a> {
    fn new(seed: u64, number: u64, oracle: &'a Oracle) -> Self {
        let mut tally = Tally::default();
        tally.rounds = 1;
        Self { lots: Lots::of_round(seed, number), oracle, tally, seed, number, wrong: Vec::new(), kept: None }
    }

    /// Something is wrong.
    pub fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// These are, seen at that point.
    pub fn wrongs(&mut self, when: &str, what: Vec<String>) {
        self.wrong.extend(what.into_iter().map(|what| format!("{when}: {what}")));
    }

    /// Counts those that took part.
    pub fn count(&mut self, played: &[Played]) {
        self.tally.processes += played.len() as u64;
        for one in played {
            if let Some(hit) = one.hit {
                self.tally.hit(one.part.kind, hit);
            }
        }
    }

    /// Checks the file itself, and that its sums are those of its rows.
    pub fn sound(&mut self, db: &Connection, when: &str) {
        self.tally.copies += u64::from(when.starts_with("as "));
        let damage = database::damage(db);
        self.tally.damaged += u64::from(!damage.is_empty());
        self.wrongs(when, damage);
        self.wrongs(when, sums::wrong(db));
    }

    /// Keeps everything of the place for looking at, if something is wrong.
    pub fn keep(&mut self, place: &Place, sandbox: Option<&Sandbox>) {
        if self.wrong.is_empty() {
            return;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{}-{}", self.seed, self.number));
        _ = fs::remove_dir_all(&folder);
        for (from, name) in [(place.home(), "home"), (place.work(), "work")] {
            copy_all(&from, &folder.join(name));
        }
        if let Some(sandbox) = sandbox {
            fs::write(folder.join("bill.json"), json!(sandbox.bill()).to_string()).unwrap();
        }
        fs::write(folder.join("wrong.txt"), self.wrong.join("\n")).unwrap();
        self.kept = Some(folder);
    }

    fn report(&self) -> String {
        let kept = self.kept.as_ref().map_or_else(String::new, |folder| format!("kept in {}\n", folder.display()));
        format!(
            "round {} of seed {} went wrong:\n{}\n{kept}repeat it with LLMR_CRASH_SEED={} LLMR_CRASH_ROUND={}",
            self.number,
            self.seed,
            self.wrong.join("\n"),
            self.seed,
            self.number
        )
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            _ = fs::copy(&path, &to);
        }
    }
}

/// Runs rounds until so many processes were killed, and prints the table.
pub fn run(orders: &Orders) {
    let (oracle, began) = (Oracle::new(), Instant::now());
    let (next, stop) = (AtomicU64::new(orders.round.unwrap_or(0)), AtomicBool::new(false));
    let sums = Mutex::new((Tally::default(), Vec::new()));
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let mut round = Round::new(orders.seed, number, &oracle);
            // A round that cannot even be checked is one that went wrong.
            if let Err(why) = catch_unwind(AssertUnwindSafe(|| play(&mut round, number))) {
                round.wrong(format!("panicked: {}", terminal::told(why.as_ref())));
            }
            let mut sums = sums.lock().unwrap();
            if !round.wrong.is_empty() {
                sums.1.push(round.report());
            }
            let before = sums.0.kills();
            sums.0.add(round.tally);
            if sums.0.kills() / PROGRESS > before / PROGRESS {
                println!("{} killed in {} s", sums.0.kills(), began.elapsed().as_secs());
            }
            let over = sums.0.kills() >= orders.kills || began.elapsed() >= orders.at_most;
            let enough = over || orders.round.is_some() || !sums.1.is_empty();
            stop.fetch_or(enough, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let threads = if orders.round.is_some() { 1 } else { SIDE_BY_SIDE };
        (0..threads).for_each(|_| _ = scope.spawn(work));
    });
    let (tally, wrong) = sums.into_inner().unwrap();
    println!("seed {}\n\n{tally}", orders.seed);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// One of the kinds of rounds.
fn play(round: &mut Round<'_>, number: u64) {
    match number % 8 {
        2 | 5 => migrating::run(round),
        7 => terminal::run(round),
        _ => mixed::run(round),
    }
}
