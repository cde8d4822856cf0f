//! A round of everything at once: `ask`, `chat`, `batch`, `cache` and `forget` on one database, with providers that
//! fail, and a limit that does not always suffice.

use std::thread;
use std::time::Duration;

use llmr::sandbox::{Sandbox, SandboxOptions, Script};
use llmr::types::NanoUsd;

use crate::campaign::Round;
use crate::common::Place;
use crate::database::{self, Row, Seen};
use crate::deeds::{self, BEFORE};
use crate::going_on;
use crate::lots::Lots;
use crate::money::{self, Audit};
use crate::part::{Kind, Part};
use crate::process::{self, Played};
use crate::whole::{self, PROVIDERS};

/// How many take part, and how many of a hundred are killed.
const PARTS: usize = 12;
const KILLED_PERCENT: u64 = 80;
/// Within how many milliseconds all of them begin.
const WITHIN_MS: u64 = 300;
/// No process may wait longer for a lock, in milliseconds; the first one after the dead must not wait at all, but may
/// find a busy machine.
const NEXT_AT_MOST_MS: u64 = 10_000;

/// How long a process waits for locks: one that asks nobody takes no longer, whoever has died.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

/// What a fault script is made of, the usual ones more than once.
const FAULTS: [&str; 16] = [
    "500x1",
    "503x1",
    "529x1",
    "429:0.1x1",
    "cutx1",
    "cutx1",
    "malformedx1",
    "error-in-200x1",
    "no-usagex1",
    "no-endx1",
    "emptyx1",
    "slow:0.2x1",
    "slow:0.2x1",
    "thinkx1",
    "500x2",
    "stallx1",
];

/// Runs one, and adds what was found to the round.
pub fn run(round: &mut Round<'_>) {
    let lots = &mut round.lots;
    let sandbox = sandbox(lots);
    let limit = if lots.percent(40) { 8_000_000 + lots.below(25_000_000) as i64 } else { 5_000_000_000 };
    let place = place(&sandbox, lots).var("LLMR_BUDGET_DAILY_USD", NanoUsd(limit));
    let parts = parts(lots);
    let before = Part { number: BEFORE, kind: Kind::Whole, starts_ms: 0, blow: None };
    process::play(&place, before, 1.0, deeds::command(&place, &before));
    let (played, seen) = database::watching(&place, || play(&place, &parts));
    round.count(&played);
    let left = what_is_left(round, &place, &sandbox, &played);
    for one in played.iter().filter(|one| !process::was_killed(one) && seen.presumed.contains(&one.part.tag())) {
        round.wrong(format!("{:?} was taken for dead", one.part));
    }
    if seen.most > limit {
        round.wrong(format!("{} was spent and held, of {limit}", seen.most));
    }
    round.tally.looks += seen.looks;
    let (next, seen_next) = database::watching(&place, || next(&place));
    if seen_next.most > limit {
        round.wrong(format!("{} is charged for the dead, of {limit}", seen_next.most));
    }
    after_the_next(round, &place, &sandbox, &Left { seen, ..left }, &next);
    let place = place.var("LLMR_BUDGET_DAILY_USD", "off");
    going_on::go_on(round, &place, &sandbox, &played);
    round.keep(&place, Some(&sandbox));
}

fn sandbox(lots: &mut Lots) -> Sandbox {
    let mut script = Vec::new();
    for (name, ..) in PROVIDERS {
        for _ in 0..lots.below(6) {
            script.push(format!("{name}=okx{}", 1 + lots.below(6)));
            script.push(format!("{name}={}", lots.of(&FAULTS)));
        }
    }
    at(&script.join(","), 30 + lots.below(40))
}

/// Providers that take so long for a first token and a millisecond for each other one, with these faults.
pub fn at(script: &str, first_token_ms: u64) -> Sandbox {
    let script = Script::parse(script, &PROVIDERS.map(|(name, ..)| name)).unwrap();
    let providers = whole::providers(first_token_ms, 1);
    let options = SandboxOptions { providers, script, keep_requests: 100_000, ..SandboxOptions::default() };
    Sandbox::start_on_thread(options).unwrap()
}

/// Where all of them run: texts are kept, so that each attempt's prompt is known.
pub fn place(sandbox: &Sandbox, lots: &mut Lots) -> Place {
    let strategy = lots.of(&["priority", "weighted", "fastest"]);
    let limits = "[limits.beta]\nrpm = 100000\ntpm = 100000000\n";
    let place = Place::new().labs(sandbox, "").var("LLMR_STRATEGY", strategy);
    let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    place.home_file("config.toml", &format!("{config}{limits}"));
    place
        .var("LLMR_SEED", lots.below(1 << 30))
        .var("LLMR_LOG_CONTENT", "on")
        .var("LLMR_MAX_OUTPUT_TOKENS", 256)
        .var("LLMR_MAX_RETRIES", 1)
        .var("LLMR_BUDGET_WAIT_SECS", 1)
        .var("LLMR_BREAKER_OPEN_SECS", 0.2)
        .var("LLMR_BREAKER_THRESHOLD", 1 + lots.below(3))
        .var("LLMR_TIMEOUT_FIRST_BYTE_SECS", 3)
        .var("LLMR_TIMEOUT_IDLE_SECS", 1.5)
        .var("LLMR_TIMEOUT_SECS", 40)
}

fn parts(lots: &mut Lots) -> Vec<Part> {
    let kind = |lots: &mut Lots, n: usize| match n {
        0 => Kind::Batch,
        1 => Kind::Chat,
        2 => lots.of(&[Kind::Clear, Kind::Verify, Kind::Forget]),
        3 => lots.of(&[Kind::Clear, Kind::Verify, Kind::Forget, Kind::Budget]),
        _ => lots.of(&[
            Kind::Stream,
            Kind::Stream,
            Kind::Whole,
            Kind::Whole,
            Kind::Cached,
            Kind::Cached,
            Kind::Cached,
            Kind::Parallel,
            Kind::Parallel,
            Kind::Race,
            Kind::Chat,
            Kind::Batch,
        ]),
    };
    let part = |n| {
        let kind = kind(lots, n);
        Part::draw(lots, n, kind, WITHIN_MS, KILLED_PERCENT)
    };
    (0..PARTS).map(part).collect()
}

/// Everybody at once, each started and watched by a thread of its own.
pub fn play(place: &Place, parts: &[Part]) -> Vec<Played> {
    let pace = process::pace(place);
    thread::scope(|scope| {
        let one = |part: &Part| {
            let part = *part;
            scope.spawn(move || process::play(place, part, pace, deeds::command(place, &part)))
        };
        let all: Vec<_> = parts.iter().map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// The first process after all of them.
fn next(place: &Place) -> (Played, u64) {
    let part = Part { number: BEFORE + 1, kind: Kind::Budget, starts_ms: 0, blow: None };
    let began = std::time::Instant::now();
    let played = process::play(place, part, 1.0, deeds::command(place, &part));
    (played, began.elapsed().as_millis() as u64)
}

/// The database as the dead left it.
struct Left {
    rows: Vec<Row>,
    holds: std::collections::BTreeMap<(i64, i64), database::Hold>,
    running: u64,
    seen: Seen,
}

/// Checks a copy that no other llmr has touched, and every process by itself.
fn what_is_left(round: &mut Round<'_>, place: &Place, sandbox: &Sandbox, played: &[Played]) -> Left {
    let copy = database::copy(place, "as-left").expect("there is a database");
    let db = database::open(&copy).expect("it can be opened");
    round.sound(&db, "as the dead left it");
    let (rows, holds) = (database::attempts(&db).unwrap(), database::holds(&db).unwrap());
    let found = money::audit(sandbox, &rows, holds.values().cloned());
    round.wrongs("as the dead left it", found.wrong);
    for one in played {
        round.wrongs(&format!("{:?}", one.part), ended(round, &db, one, &rows));
    }
    let running = "SELECT count(*) FROM running WHERE request_id NOT IN (SELECT request_id FROM holds)";
    let running = db.query_row(running, [], |row| row.get::<_, i64>(0)).unwrap() as u64;
    Left { rows, holds, running, seen: Seen::default() }
}

/// What is wrong with how one of them ended.
fn ended(round: &Round<'_>, db: &rusqlite::Connection, played: &Played, rows: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (part, tag) = (played.part, played.part.tag());
    if !process::ended_well(played) {
        wrong.push(format!("it ended with {:?}, hit {:?}: {}", played.status, played.hit, played.stderr));
    }
    if part.blow.is_none() && !part.kind.asks() && played.took > BUSY_TIMEOUT {
        wrong.push(format!("it took {:?}", played.took));
    }
    if played.stderr.contains("locked") || played.stderr.contains("could not be recorded") {
        wrong.push(format!("it could not write: {}", played.stderr));
    }
    if !process::was_killed(played) {
        // It ended by itself, or had the time to: everything of it is recorded.
        for (what, sql) in [
            ("holds", "SELECT count(*) FROM holds JOIN requests ON id = request_id WHERE tag = ?1"),
            ("requests that run", "SELECT count(*) FROM requests WHERE tag = ?1 AND state <> 'done'"),
        ] {
            let left: i64 = db.query_row(sql, [&tag], |row| row.get(0)).unwrap();
            if left > 0 {
                wrong.push(format!("{left} {what} of it are left: {:?} {}", played.hit, played.stderr));
            }
        }
    }
    let asks_once = matches!(part.kind, Kind::Stream | Kind::Whole | Kind::Cached | Kind::Parallel | Kind::Race);
    if asks_once {
        wrong.extend(printed(round, played, rows));
    }
    wrong
}

/// What is wrong with what an `ask` printed.
fn printed(round: &Round<'_>, played: &Played, rows: &[Row]) -> Option<String> {
    let (prompt, tag) = (deeds::single(&played.part), played.part.tag());
    let answer = played.stdout.trim_end();
    let whole = round.oracle.knows(&prompt, answer);
    let settled = rows.iter().any(|row| row.tag == tag && row.outcome == "ok");
    match played.status.and_then(|status| status.code()) {
        Some(0) if !whole => Some(format!("it printed {answer:?}")),
        Some(0) if !settled && played.part.kind != Kind::Cached => Some("its answer has no row".to_owned()),
        _ if !round.oracle.begins(&prompt, answer) => Some(format!("it printed {answer:?}")),
        // Only a stream is shown before it is settled.
        _ if !answer.is_empty() && !settled && !matches!(played.part.kind, Kind::Stream | Kind::Cached) => {
            Some("it printed an answer before that was recorded".to_owned())
        }
        _ => None,
    }
}

/// Checks that the next process charged the dead, and changed nothing else.
fn after_the_next(round: &mut Round<'_>, place: &Place, sandbox: &Sandbox, left: &Left, next: &(Played, u64)) {
    let (next, took_ms) = next;
    round.tally.slowest_next_ms = round.tally.slowest_next_ms.max(*took_ms);
    if !process::ended_well(next) || *took_ms > NEXT_AT_MOST_MS {
        round.wrong(format!("the next process ended after {took_ms} ms with {:?}: {}", next.status, next.stderr));
    }
    let db = database::open(&database::path(place)).expect("it can be opened");
    round.sound(&db, "after the next process");
    let rows = database::attempts(&db).unwrap();
    let Audit { wrong, sent, exact, lost } = money::audit(sandbox, &rows, []);
    round.wrongs("after the next process", wrong);
    (round.tally.sent, round.tally.exact) = (round.tally.sent + sent, round.tally.exact + exact);
    round.tally.lost += lost;
    round.tally.presumed += rows.iter().filter(|row| row.presumed).count() as u64;
    let (known, charged): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| !left.holds.contains_key(&row.id));
    if known.iter().map(|row| &row.id).ne(left.rows.iter().map(|row| &row.id)) {
        round.wrong(format!("rows changed with the next process: {known:?} of {:?}", left.rows));
    }
    for (id, hold) in &left.holds {
        let its = charged.iter().find(|row| row.id == *id);
        if !its.is_some_and(|row| row.presumed && row.cost == hold.amount) {
            round.wrong(format!("what was held for {id:?}, {hold:?}, became {its:?}"));
        }
    }
    // What was ever held is settled, or was never sent.
    for (id, amount) in &left.seen.holds {
        let row = rows.iter().find(|row| row.id == *id);
        if row.is_some_and(|row| row.held != *amount) {
            round.wrong(format!("{amount} was held for {row:?}"));
        }
    }
    nobody_is_waited_for(round, &db, left.running);
}

/// Nothing of the dead stands in anybody's way.
fn nobody_is_waited_for(round: &mut Round<'_>, db: &rusqlite::Connection, running: u64) {
    round.tally.orphaned += running;
    for (what, sql) in [
        ("a hold of the dead is left", "SELECT * FROM holds"),
        ("a request of the dead runs for ever", "SELECT id, tag FROM requests WHERE state = 'running'"),
        ("a request of the dead is looked for", "SELECT * FROM running"),
        (
            "a trial of the dead blocks a breaker",
            "SELECT * FROM breakers WHERE trial_request IS NOT NULL AND open_until IS NOT NULL",
        ),
    ] {
        let found = database::lines(db, sql).unwrap();
        if !found.is_empty() {
            round.wrong(format!("{what}: {found:?}"));
        }
    }
}
