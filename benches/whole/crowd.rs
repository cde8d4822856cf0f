//! Many processes that hold and settle money in one database at the same moment.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use llmr::engine::breaker::BreakerRules;
use llmr::store::{Admission, Admitted, RequestEnd, RequestStart, Settlement, Store, StoreOptions, Waiting};
use llmr::types::{
    AttemptId, CacheOutcome, CandidateId, CostSource, FinishReason, Limit, Liveness, Mode, NanoUsd, Outcome, Owner,
    Timestamp,
};

/// The argument that makes this program one of the crowd.
pub const MEMBER: &str = "--member";

/// Requests that each process makes, one after another.
const REQUESTS: usize = 1;

/// How long the members waited for a transaction.
pub struct Waits {
    /// In the middle.
    pub median: Duration,
    /// The longest of all.
    pub longest: Duration,
}

/// Starts so many processes, lets all of them go at once, and gathers how long each hold and each settling took.
pub fn measure(database: &Path, processes: usize) -> Result<Waits, Box<dyn Error>> {
    let mut members: Vec<Child> = Vec::new();
    for _ in 0..processes {
        let mut command = Command::new(std::env::current_exe()?);
        members.push(command.arg(MEMBER).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    }
    let mut outputs = Vec::new();
    for member in &mut members {
        let mut lines = BufReader::new(member.stdout.take().ok_or("no pipe")?).lines();
        lines.next().ok_or("a member did not get ready")??;
        outputs.push(lines);
    }
    for member in &mut members {
        member.stdin.take().ok_or("no pipe")?.write_all(b"go\n")?;
    }
    let mut waits = Vec::new();
    for lines in outputs {
        for line in lines {
            waits.push(Duration::from_micros(line?.parse()?));
        }
    }
    for mut member in members {
        if !member.wait()?.success() {
            return Err("a member failed".into());
        }
    }
    let longest = waits.iter().copied().max().ok_or("nobody told anything")?;
    Ok(Waits { median: crate::measure::median(waits.into_iter()), longest })
}

/// What a member does: gets ready, waits for `go`, and prints how many microseconds each transaction took.
pub fn member(database: &Path) -> Result<(), Box<dyn Error>> {
    let store = Store::open(database, options())?;
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    for _ in 0..REQUESTS {
        request(&store)?;
    }
    Ok(())
}

fn request(store: &Store) -> Result<(), Box<dyn Error>> {
    let at = Timestamp(1_795_262_400_000);
    let start =
        RequestStart { at, tag: None, mode: Mode::Production, stream: false, requested_model: None, kept: None };
    let request = timed(|| store.begin(&start))?;
    let (attempt, candidate) = (AttemptId { request, number: 1 }, CandidateId::new("lab", "small"));
    let admission = Admission {
        attempt,
        candidate: &candidate,
        at,
        amount: NanoUsd(10),
        limit: Limit::Usd(NanoUsd(1_000_000_000)),
        request_cap: None,
        lease_until: at.plus_ms(60_000),
        decision: None,
        rated: None,
        expected_tokens: 400,
        hedge: None,
    };
    if !matches!(timed(|| store.admit(&admission))?, Admitted::Yes { .. }) {
        return Err("not admitted".into());
    }
    let settlement = Settlement {
        attempt,
        at,
        outcome: Outcome::Ok,
        failure: None,
        status: Some(200),
        latency_ms: 5,
        first_token_ms: None,
        usage: None,
        cost: Some(NanoUsd(7)),
        cost_source: CostSource::Catalogue,
        estimated: false,
        answered_model: None,
        counts_for_breaker: false,
        breaker: BreakerRules { threshold: 3, open_secs: 60.0 },
        rest: None,
        observation: None,
        recount: None,
    };
    let end = RequestEnd {
        id: request,
        at,
        exit_code: 0,
        cache: CacheOutcome::Off,
        provider: Some("lab"),
        model: Some("small"),
        tier: None,
        finish_reason: Some(FinishReason::Stop),
        cost: settlement.cost,
        latency_ms: 5,
        first_token_ms: None,
        usage: None,
        error_kind: None,
        decision: None,
        answer: None,
        partial: false,
        cache_key: None,
        judged: None,
    };
    timed(|| store.settle(&settlement, Some(&end), None))?;
    Ok(())
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let began = Instant::now();
    let done = work()?;
    println!("{}", began.elapsed().as_micros());
    Ok(done)
}

fn options() -> StoreOptions {
    let pid = std::process::id();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let start_ticks = stat.split(' ').nth(21).and_then(|ticks| ticks.parse().ok()).unwrap_or(1);
    StoreOptions {
        busy_timeout_ms: 15_000,
        me: Owner { pid, start_ticks, ..Owner::default() }.into(),
        liveness: |_| Liveness::Alive,
        seed: 1.into(),
        waiting: Waiting::default(),
    }
}
