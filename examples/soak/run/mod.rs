//! A run: ten tenths, after each of which everybody rests and the books are compared.

mod book;
mod counts;
mod crew;
mod home;
mod jobs;
mod report;
mod watch;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use llmr::types::NanoUsd;
use rusqlite::Connection;

use book::Books;
use counts::Counts;
use home::Home;
use jobs::{Drawer, Job};
use report::Tenth;
use watch::Watch;

/// So many parts, with a row of the report each.
const TENTHS: u64 = 10;
/// The limit as long as nobody has set one: more than a run can cost.
const ROOMY: NanoUsd = NanoUsd(5_000_000_000);
/// Without `--budget` the limit of each further tenth lets so many percent of what the first one cost be spent.
const ENOUGH_PERCENT: i64 = 92;
/// A batch that the budget stops leaves lines unasked, which are asked one by one then; at most so often.
const ROUNDS: usize = 3;
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(5);
/// How long to wait for a lock of the database.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// So many requests, rather a few more.
    pub requests: u64,
    /// So many processes at a time.
    pub processes: usize,
    /// By which jobs and faults are drawn.
    pub seed: u64,
    /// One limit for the whole run; without it the limit is raised after every tenth, to less than the next one needs.
    pub budget: Option<NanoUsd>,
    /// The `llmr` to run.
    pub program: PathBuf,
}

/// Runs it, prints its report, and says what did not hold. With `progress` there are lines on standard error.
pub fn run(options: &Options, out: &mut dyn Write, progress: bool) -> Result<Vec<String>, Box<dyn Error>> {
    let began = Instant::now();
    writeln!(out, "soak: {} requests, {} processes, seed {}\n", options.requests, options.processes, options.seed)?;
    let home = Home::new(options)?;
    let watch = Watch::new(home.database(), home.log(), ROOMY.0);
    let mut run =
        Run { options, home: &home, watch: &watch, drawer: Drawer::new(options.seed), last: 0, progress, began };
    let mut unset: Vec<String> = options.budget.and_then(|budget| run.limit(budget).err()).into_iter().collect();
    report::head(out)?;
    let mut tenths: Vec<Tenth> = Vec::new();
    for number in 1..=TENTHS {
        let tenth = run.tenth(number, tenths.last())?;
        tenth.print(out)?;
        unset.extend(run.raise(&tenth, tenths.first()).err());
        tenths.push(tenth);
    }
    let looks = watch.looks();
    report::foot(out, &tenths, &looks)?;
    let mut broken = report::broken(&tenths, &looks);
    broken.extend(unset);
    let asked = tenths.last().map_or(0, |tenth| tenth.counts.requests);
    if asked < i64::try_from(options.requests / TENTHS * TENTHS)? {
        broken.push(format!("only {asked} requests were asked"));
    }
    broken.extend(counts::disagreements(&home.open()?)?);
    let secs = began.elapsed().as_secs();
    writeln!(out, "time              {} m {:02} s\n", secs / 60, secs % 60)?;
    Ok(broken)
}

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    home: &'a Home,
    watch: &'a Watch,
    drawer: Drawer,
    /// The last request whose books were compared.
    last: i64,
    progress: bool,
    began: Instant,
}

impl Run<'_> {
    /// One tenth: its jobs, further requests until it has its number, and the comparison.
    fn tenth(&mut self, number: u64, before: Option<&Tenth>) -> Result<Tenth, Box<dyn Error>> {
        let (before, so_far) =
            before.map_or_else(Default::default, |tenth| (tenth.books.clone(), tenth.counts.requests));
        let share = self.options.requests / TENTHS;
        let jobs = self.drawer.jobs(share);
        let mut ran = self.work(number, &jobs);
        let db = self.home.open()?;
        let mut counts = Counts::of(&db)?;
        for _ in 0..ROUNDS {
            let done = u64::try_from(counts.requests - so_far).unwrap_or(0);
            let more = self.drawer.asks(share.saturating_sub(done));
            if more.is_empty() {
                break;
            }
            ran.extend(self.work(number, &more));
            counts = Counts::of(&db)?;
        }
        let mut books: Books = before;
        self.home.billed();
        self.last = books.compare(self.home, &db, self.last)?;
        let database_bytes = std::fs::metadata(self.home.database())?.len();
        let log_bytes = std::fs::metadata(self.home.log()).map_or(0, |file| file.len());
        Ok(Tenth { counts, books, ran, database_bytes, log_bytes })
    }

    fn work(&self, number: u64, jobs: &[Job]) -> Vec<crew::Ran> {
        let said = std::sync::Mutex::new(Instant::now());
        let tell = |done: usize| {
            let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if self.progress && said.elapsed() >= PROGRESS {
                *said = Instant::now();
                let secs = self.began.elapsed().as_secs();
                let line = format!("{secs:>5} s: tenth {number} of {TENTHS}, {done} of {} processes", jobs.len());
                _ = writeln!(std::io::stderr(), "{line}");
            }
        };
        self.watch.during(|| crew::run(self.home, self.watch, jobs, self.options.processes, &tell))
    }

    /// After a tenth: what the next one may spend.
    fn raise(&self, now: &Tenth, first: Option<&Tenth>) -> Result<(), String> {
        if self.options.budget.is_some() {
            return Ok(());
        }
        let need = first.unwrap_or(now).counts.spent;
        self.limit(NanoUsd(now.counts.spent + need * ENOUGH_PERCENT / 100))
    }

    /// Sets the limit, as a person does.
    fn limit(&self, limit: NanoUsd) -> Result<(), String> {
        let args = ["budget", "set", &limit.to_string()].map(str::to_owned);
        let failed = match self.home.command(&args).output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        Err(format!("the limit could not be set: {failed}"))
    }
}

impl Home {
    /// The database, to look into.
    fn open(&self) -> rusqlite::Result<Connection> {
        let db = Connection::open(self.database())?;
        db.busy_timeout(PATIENCE)?;
        Ok(db)
    }
}
