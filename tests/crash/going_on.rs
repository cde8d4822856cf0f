//! After the dead: what they had begun is taken up again, and ends as if nobody had died.

use std::collections::HashSet;
use std::process::Command;
use std::thread;

use llmr::sandbox::Sandbox;
use rusqlite::Connection;
use serde_json::Value;

use crate::campaign::Round;
use crate::common::Place;
use crate::database::{self, lines};
use crate::deeds::{self, BEFORE, LINES};
use crate::money;
use crate::part::{Kind, Part};
use crate::process::{self, Played};

/// The script has so many faults at most that a line may fail so often.
const TRIES: usize = 6;
/// The turn that is asked after the dead.
const LATER: usize = 50;

/// Takes everything up again, all at once, and checks it.
pub fn go_on(round: &mut Round<'_>, place: &Place, sandbox: &Sandbox, played: &[Played]) {
    let again: Vec<(Part, Result<Played, String>)> = thread::scope(|scope| {
        let one = |part: Part| scope.spawn(move || (part, take_up(place, &part)));
        let all: Vec<_> = to_take_up(played).into_iter().map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let verify = place.run(&["cache", "verify"]);
    if verify.code != Some(0) {
        round.wrong(format!("the cache does not verify: {verify:?}"));
    }
    let db = database::open(&database::path(place)).expect("it can be opened");
    for (part, ended) in again {
        match (part.kind, ended) {
            (_, Err(why)) => round.wrong(why),
            (Kind::Batch, Ok(_)) => finished_batch(round, place, &db, &part),
            (Kind::Cached, Ok(played)) => answered_again(round, &part, &played),
            (_, Ok(_)) => finished_chat(round, &db, &part),
        }
    }
    round.sound(&db, "at the end");
    let found = money::audit(sandbox, &database::attempts(&db).unwrap(), database::holds(&db).unwrap().into_values());
    round.wrongs("at the end", found.wrong);
    kept_answers(round, &db);
    cached_answers(round, &db);
}

/// Who is taken up again; of those that asked the same, one.
fn to_take_up(played: &[Played]) -> Vec<Part> {
    let mut asked = HashSet::new();
    let parts = played.iter().map(|one| one.part);
    parts
        .filter(|part| match part.kind {
            Kind::Batch | Kind::Chat | Kind::Terminal => true,
            Kind::Cached => asked.insert(deeds::single(part)),
            _ => false,
        })
        .collect()
}

fn take_up(place: &Place, part: &Part) -> Result<Played, String> {
    until_done(place, part, |tag| match part.kind {
        Kind::Batch => deeds::batch(place, part),
        Kind::Cached => place.command(&["ask", "--tag", tag, "--no-stdin", &deeds::single(part)]),
        _ => deeds::chat(place, part, LATER..=LATER),
    })
}

/// Runs it until it ends well; what it said at last otherwise.
fn until_done(place: &Place, part: &Part, command: impl Fn(&str) -> Command) -> Result<Played, String> {
    let again = Part { number: BEFORE + 30 + part.number, starts_ms: 0, blow: None, ..*part };
    let mut last = String::new();
    for _ in 0..TRIES {
        let played = process::play(place, again, 1.0, command(&again.tag()));
        if played.status.is_some_and(|status| status.success()) {
            return Ok(played);
        }
        last = format!("{:?}: {}", played.status, played.stderr);
    }
    Err(format!("{part:?} cannot be gone on with: {last}"))
}

fn finished_batch(round: &mut Round<'_>, place: &Place, db: &Connection, part: &Part) {
    let [_, output] = deeds::files(part);
    let text = std::fs::read_to_string(place.work().join(output)).unwrap();
    let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let wrong = |n: usize| {
        let (object, prompt) = (&objects[n], deeds::prompt(part.number, n + 1));
        object["id"] != format!("l{}", n + 1) || !round.oracle.knows(&prompt, object["content"].as_str().unwrap_or(""))
    };
    let wrong: Vec<usize> = (0..objects.len().min(LINES)).filter(|n| wrong(*n)).collect();
    let requests: HashSet<String> = objects.iter().map(|object| object["request_id"].to_string()).collect();
    if objects.len() != LINES || !wrong.is_empty() || requests.len() != LINES {
        round.wrong(format!("{part:?}: its file is wrong in {wrong:?}: {text}"));
    }
    // A line that was answered is never asked again, so that no line has two answers.
    let twice = format!(
        "SELECT line, count(*) FROM batch_lines l JOIN requests r ON r.id = l.request_id
         JOIN contents c ON c.request_id = l.request_id
         WHERE tag = '{}' AND answer IS NOT NULL AND partial = 0 AND exit_code = 0 GROUP BY batch_id, line
         HAVING count(*) > 1",
        part.tag()
    );
    let paid_for = format!(
        "SELECT line, count(*) FROM batch_lines l JOIN requests r ON r.id = l.request_id
         JOIN attempts a ON a.request_id = l.request_id WHERE tag = '{}' AND outcome = 'ok' GROUP BY batch_id, line
         HAVING count(*) > 1",
        part.tag()
    );
    for (what, sql) in [("answered", twice), ("paid for", paid_for)] {
        let found = lines(db, &sql).unwrap();
        if !found.is_empty() {
            round.wrong(format!("{part:?}: lines {what} more than once: {found:?}"));
        }
    }
}

fn finished_chat(round: &mut Round<'_>, db: &Connection, part: &Part) {
    let turns = format!(
        "SELECT number, prompt FROM turns t JOIN conversations c ON c.id = t.conversation_id
         LEFT JOIN contents USING (request_id) WHERE name = '{}' ORDER BY number",
        deeds::session(part)
    );
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?));
    let mut statement = db.prepare(&turns).unwrap();
    let turns: Vec<_> = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
    let in_order = turns.iter().zip(1..).all(|((number, prompt), n)| *number == n && prompt.is_some());
    let last = turns.last().and_then(|(_, prompt)| prompt.clone());
    if !in_order || last != Some(deeds::prompt(part.number, LATER)) {
        round.wrong(format!("{part:?}: its turns are {turns:?}"));
    }
}

/// What was asked with the cache prints the whole answer, whoever stored it.
fn answered_again(round: &mut Round<'_>, part: &Part, played: &Played) {
    if !round.oracle.knows(&deeds::single(part), played.stdout.trim_end()) {
        round.wrong(format!("{part:?} asked again: {:?}", played.stdout));
    }
}

/// Every answer that is kept as a whole one is one.
fn kept_answers(round: &mut Round<'_>, db: &Connection) {
    let sql = "SELECT prompt, answer, partial FROM contents WHERE answer IS NOT NULL";
    for (prompt, answer, partial) in texts(db, sql) {
        let good = if partial { round.oracle.begins(&prompt, &answer) } else { round.oracle.knows(&prompt, &answer) };
        if !good {
            round.wrong(format!("kept (partial: {partial}) of {prompt:?}: {answer:?}"));
        }
    }
}

/// Every stored answer is a whole one.
fn cached_answers(round: &mut Round<'_>, db: &Connection) {
    let sql = "SELECT DISTINCT prompt, content, 0 FROM cache JOIN requests ON cache_key = key
               JOIN contents ON request_id = requests.id";
    for (prompt, content, _) in texts(db, sql) {
        round.tally.cached += 1;
        if !round.oracle.knows(&prompt, &content) {
            round.wrong(format!("stored for {prompt:?}: {content:?}"));
        }
    }
    let half = lines(db, "SELECT content FROM cache WHERE finish_reason <> 'stop'").unwrap();
    if !half.is_empty() {
        round.wrong(format!("stored although it did not end: {half:?}"));
    }
}

fn texts(db: &Connection, sql: &str) -> Vec<(String, String, bool)> {
    let mut statement = db.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}
