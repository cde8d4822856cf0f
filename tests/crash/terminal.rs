//! A round of chats on terminals: killed in an answer or at the prompt, by a signal or by nobody's leave. Whoever was
//! asked to end leaves the terminal as it was; the conversation goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::campaign::Round;
use crate::common::Place;
use crate::common::pty::Pty;
use crate::database::{self, Look};
use crate::deeds;
use crate::going_on;
use crate::lots::Lots;
use crate::mixed;
use crate::money;
use crate::part::{Aim, Blow, Kind, Part};
use crate::process::{Hit, Played, Stage};

const CHATS: usize = 4;

/// Runs one, and adds what was found to the round.
pub fn run(round: &mut Round<'_>) {
    let sandbox = mixed::at("alpha=okx2,alpha=500x1,beta=okx1,beta=cutx1", 60);
    let place = mixed::place(&sandbox, &mut round.lots);
    let parts: Vec<Part> = (0..CHATS).map(|n| part(&mut round.lots, n)).collect();
    let played: Vec<Result<Played, String>> = thread::scope(|scope| {
        let one = |part: &Part| {
            let (part, place) = (*part, &place);
            scope.spawn(move || {
                catch_unwind(AssertUnwindSafe(|| chat(place, part)))
                    .map_err(|why| format!("{part:?}: {}", told(why.as_ref())))
            })
        };
        let all: Vec<_> = parts.iter().map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (played, wrong): (Vec<_>, Vec<_>) = played.into_iter().partition(Result::is_ok);
    round.wrongs("terminal", wrong.into_iter().filter_map(Result::err).collect());
    let played: Vec<Played> = played.into_iter().flatten().collect();
    round.count(&played);
    as_left(round, &place, &sandbox, &played);
    going_on::go_on(round, &place, &sandbox, &played);
    round.keep(&place, Some(&sandbox));
}

/// What a panic says.
pub fn told(why: &(dyn std::any::Any + Send)) -> String {
    let text = why.downcast_ref::<String>().cloned();
    text.or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn part(lots: &mut Lots, number: usize) -> Part {
    let signal = lots.of(&[Signal::SIGKILL, Signal::SIGTERM, Signal::SIGHUP]);
    // About the time of an answer: some are hit at the next prompt.
    let aim = if lots.percent(25) { Aim::After(lots.below(60)) } else { Aim::Holding(lots.below(250)) };
    Part { number, kind: Kind::Terminal, starts_ms: lots.below(100), blow: Some(Blow { signal, aim }) }
}

/// One chat, from its prompt to its end.
fn chat(place: &Place, part: Part) -> Played {
    thread::sleep(Duration::from_millis(part.starts_ms));
    let (tag, session) = (part.tag(), deeds::session(&part));
    let mut pty = Pty::start(place, &["chat", "--session", &session, "--tag", &tag], 80, 40);
    pty.wait_until("the prompt", |screen| screen.trim_end().ends_with('>'));
    let blow = part.blow.unwrap();
    let mut look = Look::at(place);
    pty.send(&format!("{}\r", deeds::prompt(part.number, 1)));
    match blow.aim {
        Aim::Holding(ms) => {
            // An answer may be over before it is looked for.
            for _ in 0..500 {
                if look.traces_of(&tag).0 > 0 {
                    break;
                }
                thread::sleep(Duration::from_millis(2));
            }
            thread::sleep(Duration::from_millis(ms));
        }
        Aim::After(ms) => thread::sleep(Duration::from_millis(ms)),
        Aim::Settled | Aim::Writing => {}
    }
    let stage = match (look.traces_of(&tag), look.holds_of(&tag)) {
        (_, 1..) => Stage::Holding,
        ((_, 1..), _) => Stage::Settled,
        ((1.., _), _) => Stage::Begun,
        _ => Stage::Before,
    };
    pty.signal(blow.signal.as_str().trim_start_matches("SIG"));
    let (code, stdout) = match blow.signal {
        // What nobody can catch leaves the terminal as it is.
        Signal::SIGKILL => pty.end(),
        _ => pty.end_restored(),
    };
    assert!(blow.signal == Signal::SIGKILL || code == 143, "it ended with {code}: {stdout}");
    Played {
        took: Duration::ZERO,
        part,
        hit: Some(Hit { signal: blow.signal, stage, attempt: 0 }),
        status: None,
        stdout,
        stderr: String::new(),
    }
}

/// Checks a copy that no other llmr has touched: those that were asked to end have recorded what they spent.
fn as_left(round: &mut Round<'_>, place: &Place, sandbox: &llmr::sandbox::Sandbox, played: &[Played]) {
    let db = database::open(&database::copy(place, "as-left").unwrap()).unwrap();
    round.sound(&db, "as the dead left it");
    let holds = database::holds(&db).unwrap();
    let found = money::audit(sandbox, &database::attempts(&db).unwrap(), holds.values().cloned());
    round.wrongs("as the dead left it", found.wrong);
    for one in played.iter().filter(|one| one.part.blow.is_some_and(|blow| blow.signal != Signal::SIGKILL)) {
        let running = "SELECT count(*) FROM requests WHERE tag = ?1 AND state <> 'done'";
        let running: i64 = db.query_row(running, [one.part.tag()], |row| row.get(0)).unwrap();
        if running > 0 || holds.values().any(|hold| hold.tag == one.part.tag()) {
            round.wrong(format!("{:?} left {running} requests that run: {}", one.part, one.stdout));
        }
    }
    let next = place.run(&["budget"]);
    let db = database::open(&database::path(place)).unwrap();
    let left = database::holds(&db).unwrap();
    if next.code != Some(0) || !left.is_empty() {
        round.wrong(format!("{left:?} is held after the next process: {next:?}"));
    }
    let rows = database::attempts(&db).unwrap();
    for (id, hold) in &holds {
        if !rows.iter().any(|row| row.id == *id && row.presumed && row.cost == hold.amount) {
            round.wrong(format!("{hold:?} of {id:?} was not charged"));
        }
    }
    round.tally.presumed += holds.len() as u64;
}
