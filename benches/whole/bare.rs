//! The least that a program could do in llmr's place: it reads and writes the most needed rows of the same database and
//! talks to the same server over a bare socket. No settings, no plan, no checks, no messages, no sums by label, nothing
//! learned: nobody could use it, and llmr cannot be quicker. Its time is the floor beneath a line of the table.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::home::MODEL;
use crate::measure::Command;

/// The argument that makes this program such a process.
pub const BARE: &str = "--bare";

/// A command that runs one: `cached`, `ask` or `look`, with a database and, for `ask`, a server's address.
pub fn command(work: &str, database: &Path, address: &str, folder: &Path) -> Result<Command, Box<dyn Error>> {
    let database = database.display().to_string();
    Ok(Command::new(&std::env::current_exe()?, &[BARE, work, &database, address], folder))
}

/// What such a process does.
pub fn run(mut words: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut word = || words.next().ok_or("a word is missing");
    let (work, database) = (word()?, word()?);
    let mut database = open(Path::new(&database))?;
    match work.as_str() {
        "cached" => cached(&mut database)?,
        "ask" => ask(&mut database, &word()?)?,
        "look" => look(&database)?,
        _ => return Err(format!("nobody knows the work `{work}`").into()),
    }
    // As llmr ends: the system takes back at once what SQLite would give back piece by piece.
    std::mem::forget(database);
    Ok(())
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    database.pragma_update(None, "synchronous", "normal")?;
    Ok(database)
}

/// An answer is read and shown, its row in the log and the day's count are written.
fn cached(database: &mut Connection) -> Result<(), Box<dyn Error>> {
    let answer: String = database.query_row("SELECT content FROM cache LIMIT 1", [], |row| row.get(0))?;
    let writes = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    writes.execute(
        "INSERT INTO requests (at, day, state, mode, stream, cache, exit_code, finished_at)
         VALUES (0, 0, 'done', 'production', 0, 'hit', 0, 0)",
        [],
    )?;
    writes.execute("INSERT OR IGNORE INTO days VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)", [])?;
    writes.execute("UPDATE days SET cache_hits = cache_hits + 1 WHERE day = 0", [])?;
    writes.commit()?;
    Ok(std::io::stdout().write_all(answer.as_bytes())?)
}

/// What is spent and held is read and money held; the answer is fetched and shown; what it cost is written.
fn ask(database: &mut Connection, address: &str) -> Result<(), Box<dyn Error>> {
    let holds = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    look(&holds)?;
    holds
        .execute("INSERT INTO requests (at, day, state, mode, stream) VALUES (0, 0, 'running', 'production', 0)", [])?;
    let request = holds.last_insert_rowid();
    holds.execute(
        "INSERT INTO holds (request_id, attempt, at, day, provider, model, amount_nanousd, lease_until, owner_pid,
             owner_start, owner_boot, owner_pidns) VALUES (?1, 1, 0, 0, 'lab', 'small', 1000, 0, 0, 0, '', '')",
        [request],
    )?;
    holds.commit()?;
    let answer = fetched(address)?;
    std::io::stdout().write_all(&answer)?;
    let settles = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    settles.execute("DELETE FROM holds WHERE request_id = ?1", [request])?;
    settles.execute(
        "INSERT INTO attempts (request_id, attempt, at, day, settled_at, provider, model, outcome, held_nanousd,
             cost_nanousd, cost_source, estimated, presumed)
         VALUES (?1, 1, 0, 0, 0, 'lab', 'small', 'ok', 1000, 900, 'catalogue', 0, 0)",
        [request],
    )?;
    settles.execute("INSERT OR IGNORE INTO days VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)", [])?;
    settles
        .execute("UPDATE days SET attempts = attempts + 1, ledger_nanousd = ledger_nanousd + 900 WHERE day = 0", [])?;
    settles.execute("UPDATE requests SET state = 'done', finished_at = 0, exit_code = 0 WHERE id = ?1", [request])?;
    Ok(settles.commit()?)
}

/// What a plan is made of, as far as the database has it.
fn look(database: &Connection) -> Result<(), Box<dyn Error>> {
    for sql in [
        "SELECT ledger_nanousd FROM days WHERE day = 0",
        "SELECT total(amount_nanousd) FROM holds WHERE day = 0",
        "SELECT value FROM settings WHERE name = 'limit'",
        "SELECT open_until FROM breakers",
        "SELECT rest_until FROM rests",
        "SELECT belief FROM beliefs",
    ] {
        database.query_row(sql, [], |_| Ok(())).optional()?;
    }
    Ok(())
}

/// A whole answer, asked for over a socket; its body as it comes.
fn fetched(address: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let body = format!("{{\"model\":\"{MODEL}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}");
    let mut server = TcpStream::connect(address)?;
    write!(
        server,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer loopback\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = BufReader::new(server);
    let mut length = None;
    let mut line = String::new();
    while answer.read_line(&mut line)? > 2 {
        let lower = line.to_ascii_lowercase();
        length = lower.strip_prefix("content-length:").map_or(length, |rest| rest.trim().parse().ok());
        line.clear();
    }
    let mut body = Vec::new();
    match length {
        Some(length) => answer.take(length).read_to_end(&mut body)?,
        None => answer.read_to_end(&mut body)?,
    };
    Ok(body)
}
