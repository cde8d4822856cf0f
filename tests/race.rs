//! The budget under real processes: many at once, some of them killed while they hold money.
//!
//! A child is this same binary, started again with one test's name and a role in its environment. It talks in
//! lines on its standard output and waits for `go` on its standard input.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use llmr::engine::breaker::BreakerRules;
use llmr::store::{
    Admission, Admitted, LogFilter, RequestStart, RequestState, Settled, Settlement, Store, StoreOptions,
};
use llmr::types::{
    AttemptId, CandidateId, CostSource, Limit, Liveness, Mode, NanoUsd, Outcome, Owner, RequestId, Timestamp,
};

const ROLE: &str = "LLMR_RACE_ROLE";
const DATABASE: &str = "LLMR_RACE_DATABASE";
const NOON: Timestamp = Timestamp(1_795_262_400_000);
/// What every attempt holds and costs.
const PRICE: NanoUsd = NanoUsd(10);
/// Twenty attempts.
const LIMIT: NanoUsd = NanoUsd(200);

/// State and start time of a process, from the kernel.
fn stat(pid: u32) -> Option<(String, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect();
    Some((after_name.first()?.clone(), after_name.get(19)?.parse().ok()?))
}

fn liveness(owner: &Owner) -> Liveness {
    match stat(owner.pid) {
        Some((state, start)) if start == owner.start_ticks && state != "Z" => Liveness::Alive,
        _ => Liveness::Dead,
    }
}

fn open(path: &Path) -> Store {
    let pid = std::process::id();
    let me = Owner { pid, start_ticks: stat(pid).unwrap().1, ..Owner::default() };
    let options = StoreOptions {
        busy_timeout_ms: 10_000,
        me: me.into(),
        liveness,
        seed: u64::from(pid).into(),
        waiting: llmr::store::Waiting::default(),
    };
    Store::open(path, options).unwrap_or_else(|error| panic!("open: {error}"))
}

/// Begins a request and admits its only attempt.
fn admit(store: &Store, limit: Limit) -> (AttemptId, Admitted) {
    let start =
        RequestStart { at: NOON, tag: None, mode: Mode::Production, stream: false, requested_model: None, kept: None };
    let attempt = AttemptId { request: store.begin(&start).unwrap_or_else(|e| panic!("begin: {e}")), number: 1 };
    let candidate = CandidateId::new("lab", "small");
    let ask = Admission {
        attempt,
        candidate: &candidate,
        at: NOON,
        amount: PRICE,
        limit,
        request_cap: None,
        lease_until: NOON.plus_ms(60_000),
        decision: None,
        rated: None,
        expected_tokens: 400,
        hedge: None,
    };
    (attempt, store.admit(&ask).unwrap_or_else(|e| panic!("admit: {e}")))
}

fn settle(store: &Store, attempt: AttemptId) -> Settled {
    let done = Settlement {
        attempt,
        at: NOON,
        outcome: Outcome::Ok,
        failure: None,
        status: Some(200),
        latency_ms: 5,
        first_token_ms: None,
        usage: None,
        cost: Some(PRICE),
        cost_source: CostSource::Catalogue,
        estimated: false,
        answered_model: None,
        counts_for_breaker: false,
        breaker: BreakerRules { threshold: 3, open_secs: 60.0 },
        rest: None,
        observation: None,
        recount: None,
    };
    store.settle(&done, None, None).unwrap_or_else(|error| panic!("settle: {error}"))
}

/// Says something to the parent. The harness writes the test's name without a line end first: hence the `\n`.
fn say(line: &str) {
    println!("\n@{line}");
}

fn wait_for_go() {
    say("ready");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// What children do. As an ordinary test it has no role and does nothing.
#[test]
fn child_process() {
    #[expect(clippy::disallowed_methods, reason = "how a child is told what it is")]
    let (role, path) = (std::env::var(ROLE).unwrap_or_default(), std::env::var_os(DATABASE).unwrap_or_default());
    let path = Path::new(&path);
    match role.as_str() {
        "open" => {
            wait_for_go();
            say(&format!("seed {}", open(path).seed()));
        }
        "spend" => spend(&open(path)),
        "hold" => {
            let (attempt, admitted) = admit(&open(path), Limit::Usd(LIMIT));
            assert!(matches!(admitted, Admitted::Yes { .. }), "{admitted:?}");
            say(&format!("held {}", attempt.request));
            wait_for_go();
        }
        "work" => {
            let store = open(path);
            wait_for_go();
            loop {
                let (attempt, _) = admit(&store, Limit::Off);
                settle(&store, attempt);
                say(&format!("settled {}", attempt.request));
            }
        }
        _ => {}
    }
}

/// Four attempts, each settled at once where it is admitted.
fn spend(store: &Store) {
    wait_for_go();
    for _ in 0..4 {
        match admit(store, Limit::Usd(LIMIT)) {
            (attempt, Admitted::Yes { .. }) => {
                assert_eq!(settle(store, attempt), Settled::Fresh);
                say(&format!("settled {}", attempt.request));
            }
            (_, Admitted::OverBudget { spent, held, .. }) => {
                assert!(spent + held <= LIMIT, "{spent} + {held}");
                say("refused");
            }
            (_, other) => panic!("{other:?}"),
        }
    }
}

/// A running child and what it says.
struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(role: &str, database: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DATABASE, database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing it says; `None` when it has ended.
    fn hear(&mut self) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix('@').map(str::to_owned))
    }

    fn expect(&mut self, wanted: &str) -> String {
        let said = self.hear().unwrap_or_default();
        said.strip_prefix(wanted).unwrap_or_else(|| panic!("`{wanted}` was expected, `{said}` said")).to_owned()
    }

    fn go(&mut self) {
        writeln!(self.child.stdin.as_mut().unwrap(), "go").unwrap();
    }

    /// SIGKILL: nothing of it runs any more.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Everything it says until it ends well.
    fn finish(mut self) -> Vec<String> {
        let said = std::iter::from_fn(|| self.hear()).collect();
        assert!(self.child.wait().unwrap().success(), "{said:?}");
        said
    }
}

/// No child outlives a failed test.
impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn crowd(size: usize, role: &str, database: &Path) -> Vec<Worker> {
    (0..size).map(|_| Worker::start(role, database)).collect()
}

fn start_together(workers: &mut [Worker]) {
    for worker in workers.iter_mut() {
        worker.expect("ready");
    }
    workers.iter_mut().for_each(Worker::go);
}

fn assert_sound(store: &Store) {
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn fifty_processes_open_a_fresh_path_at_once() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data/llmr.db");
    let mut workers = crowd(50, "open", &path);
    start_together(&mut workers);
    let seeds: Vec<_> = workers.into_iter().flat_map(Worker::finish).collect();
    assert!(seeds.len() == 50 && seeds.iter().all(|seed| *seed == seeds[0]), "{seeds:?}");
    assert_sound(&open(&path));
}

#[test]
fn twenty_attempts_fit_whoever_runs_and_whoever_dies() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("llmr.db");
    let mut holders = crowd(6, "hold", &path);
    let orphans: Vec<_> = holders.iter_mut().map(|w| RequestId::parse(&w.expect("held ")).unwrap()).collect();
    let mut spenders = crowd(18, "spend", &path);
    start_together(&mut spenders);
    for holder in &mut holders {
        holder.kill();
        let day = open(&path).budget_day(NOON).unwrap();
        assert!(day.spend.spent + day.held <= LIMIT, "{day:?}");
    }
    let said: Vec<_> = spenders.into_iter().flat_map(Worker::finish).collect();
    let settled = said.iter().filter(|line| line.starts_with("settled")).count();
    assert_eq!((settled, said.len()), (14, 18 * 4), "{said:?}");

    let store = open(&path);
    let day = store.budget_day(NOON).unwrap();
    assert_eq!((day.spend.spent, day.held, day.spend.requests), (LIMIT, NanoUsd::ZERO, 6 + 18 * 4));
    let log = store.log(&LogFilter::default()).unwrap();
    let charged = |presumed| {
        let rows = log.iter().flat_map(|entry| &entry.attempts);
        rows.filter(|row| row.presumed == presumed && row.cost == Some(PRICE)).count()
    };
    assert_eq!((charged(false), charged(true)), (14, 6));
    for entry in log.iter().filter(|entry| orphans.contains(&entry.id)) {
        assert_eq!((entry.state, entry.cost), (RequestState::Orphaned, Some(PRICE)));
    }
    let full = Admitted::OverBudget { spent: LIMIT, held: NanoUsd::ZERO, others_held: NanoUsd::ZERO };
    assert_eq!(admit(&store, Limit::Usd(LIMIT)).1, full);
    assert_sound(&store);
}

#[test]
fn what_was_settled_survives_sigkill_at_any_moment() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("llmr.db");
    let mut workers = crowd(8, "work", &path);
    start_together(&mut workers);
    let mut told = Vec::new();
    for (worker, nap) in workers.iter_mut().zip(0u64..) {
        told.push(worker.expect("settled "));
        std::thread::sleep(Duration::from_micros(700 * nap));
        worker.kill();
        told.extend(
            std::iter::from_fn(|| worker.hear()).filter_map(|line| line.strip_prefix("settled ").map(str::to_owned)),
        );
    }
    let store = open(&path);
    assert_eq!(store.budget_day(NOON).unwrap().held, NanoUsd::ZERO);
    let log = store.log(&LogFilter::default()).unwrap();
    let is_settled = |entry: &&llmr::store::LogEntry| entry.attempts.iter().any(|attempt| !attempt.presumed);
    let settled: HashSet<_> = log.iter().filter(is_settled).map(|entry| entry.id.to_string()).collect();
    let lost: Vec<_> = told.iter().filter(|id| !settled.contains(*id)).collect();
    assert!(told.len() >= 8 && lost.is_empty(), "{lost:?} of {} are lost", told.len());
    assert_sound(&store);
}
