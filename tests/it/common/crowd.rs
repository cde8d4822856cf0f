//! Many processes at once against one budget, and somebody who watches the database meanwhile.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use llmr::sandbox::Sandbox;

use super::{MONEY, Place, Ran, finish};

/// So many processes.
pub const CROWD: usize = 50;
/// `--max-tokens` of each of them: less than any answer of the sandbox has, so that each has exactly as many.
pub const TOKENS: i64 = 40;

/// What each process runs, by its number: its prompt is a file, its tag says which one it is.
const ONE: &str = "\"$LLMR\" ask --no-cache --max-tokens 40 --tag \"k$1\" <\"prompts/$1\" >\"out/$1\" 2>\"err/$1\"; \
                   echo $? >\"code/$1\"";

impl Place {
    /// A prompt a process, the one with number `n` having `n + 1` words, so that each is billed its own input.
    pub fn with_prompts(self) -> Self {
        for n in 0..CROWD {
            self.work_file(&format!("prompts/{n}"), &"word ".repeat(n + 1));
        }
        for folder in ["out", "err", "code"] {
            std::fs::create_dir(self.work().join(folder)).unwrap();
        }
        self
    }

    /// One of them, as a command.
    pub fn one(&self, n: usize) -> Command {
        let tag = format!("k{n}");
        let mut command =
            self.command(&["ask", "--no-cache", "--max-tokens", &TOKENS.to_string(), "--tag", tag.as_str()]);
        command.stdin(std::fs::File::open(self.work().join(format!("prompts/{n}"))).unwrap());
        command
    }

    /// All of them at once, started by `xargs -P`, or by threads where there is none.
    pub fn crowd(&self) -> Vec<Ran> {
        let Some(path) = xargs() else {
            crate::common::skipped("xargs, which is not here: the processes are started by threads");
            return thread::scope(|scope| {
                let one = |n| scope.spawn(move || finish(self.one(n).spawn().unwrap()));
                let all: Vec<_> = (0..CROWD).map(one).collect();
                all.into_iter().map(|one| one.join().unwrap()).collect()
            });
        };
        let mut xargs = self.command_of(&path);
        xargs.args(["-P", &CROWD.to_string(), "-n", "1", "sh", "-c", ONE, "one"]);
        let mut child = xargs.stdin(Stdio::piped()).spawn().unwrap();
        let numbers: String = (0..CROWD).map(|n| format!("{n}\n")).collect();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), numbers.as_bytes()).unwrap();
        let all = finish(child);
        assert_eq!((all.code, all.stderr.as_str()), (Some(0), ""), "{all:?}");
        (0..CROWD).map(|n| self.left_by(n)).collect()
    }

    fn command_of(&self, program: &PathBuf) -> Command {
        let mut command = self.command(&[]);
        let mut other = Command::new(program);
        other.env_clear().current_dir(self.work()).stdout(Stdio::piped()).stderr(Stdio::piped());
        other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        other.env("LLMR", command.get_program()).env("PATH", path());
        command.stdin(Stdio::null());
        other
    }

    fn left_by(&self, n: usize) -> Ran {
        let read = |folder: &str| std::fs::read_to_string(self.work().join(format!("{folder}/{n}"))).unwrap();
        Ran { code: read("code").trim().parse().ok(), stdout: read("out"), stderr: read("err") }
    }
}

#[expect(clippy::disallowed_methods, reason = "where the programs of this machine are")]
fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn xargs() -> Option<PathBuf> {
    std::env::split_paths(&path()).map(|folder| folder.join("xargs")).find(|file| file.is_file())
}

/// What was seen of the money while it was spent.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often it was looked at.
    pub looks: usize,
    /// The most that was spent and held together, in nano-dollars.
    pub most: i64,
    /// The most holds at once.
    pub holds: i64,
}

/// Looks at the money every few milliseconds while something is done.
pub fn watching<T>(place: &Place, work: impl FnOnce() -> T) -> (T, Seen) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(place, &over));
        let done = work();
        over.store(true, Ordering::Relaxed);
        (done, watcher.join().unwrap())
    })
}

fn watch(place: &Place, over: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let database = place.home().join("llmr.db");
    let mut db = None;
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(3));
        if db.is_none() && database.exists() {
            db = rusqlite::Connection::open(&database).ok();
        }
        // Before the first process has made the tables there is nothing to see.
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let Some(Ok((spent, held, holds))) = db.as_ref().map(|db| db.query_row(MONEY, [], read)) else { continue };
        seen.looks += 1;
        (seen.most, seen.holds) = (seen.most.max(spent + held), seen.holds.max(holds));
    }
    seen
}

/// The tag, the cost, and what was held of every attempt; whether it is a presumed charge.
pub fn attempts(place: &Place) -> Vec<(usize, i64, i64, bool)> {
    let sql = "SELECT substr(tag, 2), a.cost_nanousd, held_nanousd, presumed FROM attempts AS a
               JOIN requests ON id = request_id";
    let number = |cell: &str| cell.parse::<i64>().unwrap();
    let row = |row: &String| {
        let cells: Vec<&str> = row.split('|').collect();
        (cells[0].parse().unwrap(), number(cells[1]), number(cells[2]), cells[3] == "1")
    };
    place.sql(sql).iter().map(row).collect()
}

/// What the sandbox billed the process with that number, in nano-dollars; `None`: nothing.
pub fn billed(sandbox: &Sandbox, n: usize) -> Option<i64> {
    let bill = sandbox.bill();
    let mut its = bill.requests.iter().filter(|r| r.usage.input_tokens == n as u64 + 1);
    let first = its.next()?.cost_usd.0;
    assert!(its.next().is_none(), "number {n} was billed twice");
    Some(first)
}
