//! A process that is stopped, looked at, and ended.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::Place;
use crate::database::{self, Look};
use crate::part::{Aim, Blow, Part};

/// No process of a round may take longer.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long the right moment is waited for.
const HUNT: Duration = Duration::from_secs(5);
/// How long a process is stopped again and again to see whether it is writing. Who waits for its lock waits for its
/// stops, too, and on a busy machine each of them takes its time.
const STOPS: Duration = Duration::from_millis(600);

/// How far a process had come when it was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of it was in the database.
    Before,
    /// It had begun a request and held nothing yet.
    Begun,
    /// It held money.
    Holding,
    /// An attempt of its own was settled, and it held nothing.
    Settled,
    /// It was in the middle of a transaction that writes.
    Writing,
    /// It was copying the write-ahead log into the database, reading it after others had died, or joining those that
    /// do.
    Copying,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [Self::Before, Self::Begun, Self::Holding, Self::Settled, Self::Writing, Self::Copying];

    /// As the table at the end says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Begun => "begun",
            Self::Holding => "holding",
            Self::Settled => "settled",
            Self::Writing => "writing",
            Self::Copying => "copying",
        }
    }
}

/// A blow that met a living process.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// With what.
    pub signal: Signal,
    /// Where.
    pub stage: Stage,
    /// The number of the attempt that was under way.
    pub attempt: i64,
}

/// One who has taken part.
#[derive(Debug)]
pub struct Played {
    /// Who.
    pub part: Part,
    /// How it was hit; `None` for one that was left alone or had ended before.
    pub hit: Option<Hit>,
    /// How it ended; `None` for one that never did and was put out of the way.
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

/// How many times slower than an idle machine this one is now: what is aimed at a command's whole duration would else
/// only ever hit its beginning.
pub fn pace(place: &Place) -> f64 {
    /// What it takes an idle machine to start a debug build that opens nothing, in milliseconds.
    const IDLE_MS: f64 = 8.0;
    let began = Instant::now();
    place.run(&["config", "path"]);
    (began.elapsed().as_secs_f64() * 1000.0 / IDLE_MS).clamp(0.3, 12.0)
}

/// Runs a command as its part says: starts it, hits it at the moment aimed at, and waits for its end.
pub fn play(place: &Place, part: Part, pace: f64, mut command: Command) -> Played {
    thread::sleep(Duration::from_millis(part.starts_ms));
    let [out, err] = ["out", "err"].map(|end| place.work().join(format!("{}.{end}", part.tag())));
    let to_file = |path: &PathBuf| Stdio::from(File::create(path).unwrap());
    let began = Instant::now();
    let child = command.stdout(to_file(&out)).stderr(to_file(&err)).spawn().unwrap();
    let mut process = Process { pid: child.id(), child, look: Look::at(place), part, pace };
    let hit = part.blow.and_then(|blow| process.meet(blow));
    let status = process.end();
    let took = began.elapsed();
    let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Played { part, hit, status, stdout: read(&out), stderr: read(&err), took }
}

struct Process {
    pid: u32,
    child: Child,
    look: Look,
    part: Part,
    pace: f64,
}

impl Process {
    /// Waits for the moment, and strikes.
    fn meet(&mut self, blow: Blow) -> Option<Hit> {
        match blow.aim {
            Aim::After(ms) => thread::sleep(Duration::from_millis(ms).mul_f64(self.pace)),
            Aim::Holding(ms) => {
                self.until(|process| !process.look.held_by(process.pid).is_empty());
                thread::sleep(Duration::from_millis(ms));
            }
            Aim::Settled => self.until_settled(),
            Aim::Writing => return self.hunt(blow.signal),
        }
        self.strike(blow.signal)
    }

    fn until_settled(&mut self) {
        let mut held = Vec::new();
        self.until(|process| {
            held.extend(process.look.held_by(process.pid));
            held.iter().any(|(request, attempt)| process.look.is_settled(*request, *attempt))
        });
    }

    /// Waits until it is so, it has ended, or it has been long enough.
    fn until(&mut self, mut so: impl FnMut(&mut Self) -> bool) {
        let late = Instant::now() + HUNT;
        while Instant::now() < late && !self.has_ended() && !so(self) {
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn signal(&self, signal: Signal) {
        // One that has just ended is a zombie until it is waited for: its number is still its own.
        kill(Pid::from_raw(self.pid.cast_signed()), signal).unwrap();
    }

    /// Stops it; `false` when it has ended instead.
    fn stop(&mut self) -> bool {
        self.signal(Signal::SIGSTOP);
        loop {
            match database::state_of(self.pid) {
                Some('T') => return true,
                Some('Z') | None => return false,
                Some(_) => thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// Hits it where it is.
    fn strike(&mut self, signal: Signal) -> Option<Hit> {
        // Looked at before it is stopped: whoever reads while one is stopped in a write waits for it, and it for us.
        let (seen, attempt) = self.stage();
        if self.has_ended() || !self.stop() {
            return None;
        }
        let stage = self.look.lock_of(self.pid).unwrap_or(seen);
        Some(self.hit(Hit { signal, stage, attempt }))
    }

    /// Hits it, stopped as it is.
    fn hit(&self, hit: Hit) -> Hit {
        self.signal(hit.signal);
        self.signal(Signal::SIGCONT);
        hit
    }

    /// Stops it again and again until it is stopped within a transaction, and hits it there.
    fn hunt(&mut self, signal: Signal) -> Option<Hit> {
        let late = Instant::now() + STOPS;
        let mut pause = u64::from(self.pid);
        while Instant::now() < late {
            pause = pause.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            thread::sleep(Duration::from_micros(300 + (pause >> 33) % 2_500));
            if self.has_ended() || !self.stop() {
                return None;
            }
            if let Some(stage) = self.look.lock_of(self.pid) {
                return Some(self.hit(Hit { signal, stage, attempt: 0 }));
            }
            self.signal(Signal::SIGCONT);
        }
        self.strike(signal)
    }

    /// How far it has come, and with which attempt.
    fn stage(&mut self) -> (Stage, i64) {
        let held = self.look.held_by(self.pid);
        let attempt = held.iter().map(|(_, attempt)| *attempt).max().unwrap_or_default();
        let stage = match self.look.traces_of(&self.part.tag()) {
            _ if !held.is_empty() => Stage::Holding,
            (_, 1..) => Stage::Settled,
            (1.., _) => Stage::Begun,
            _ => Stage::Before,
        };
        (stage, attempt)
    }

    fn end(&mut self) -> Option<ExitStatus> {
        let late = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(status),
                None if Instant::now() > late => {
                    self.child.kill().unwrap();
                    self.child.wait().unwrap();
                    return None;
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

/// Nobody stays behind, stopped, when a round goes wrong.
impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The lock of a process on the files of a database that tells what it is doing there, from the kernel's list.
///
/// In WAL mode a connection locks single bytes of the shared-memory file: 120 to write, 121 to copy the log, 122 to
/// read it after a crash; the others, for a moment, to arrange who reads what. Before there is a log, it locks bytes
/// of the database itself. Nobody can read while such a lock is held: neither can we.
pub fn lock_of(pid: u32, database: &std::path::Path) -> Option<Stage> {
    let inode = |end: &str| fs::metadata(format!("{}{end}", database.display())).ok().map(|file| file.ino());
    let (file, memory) = (inode(""), inode("-shm"));
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let stages = locks.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "WRITE", owner, place, from, ..] = cells[..] else { return None };
        if owner.parse() != Ok(pid) {
            return None;
        }
        let inode: u64 = place.rsplit(':').next()?.parse().ok()?;
        match from {
            _ if Some(inode) == file => Some(Stage::Writing),
            "120" if Some(inode) == memory => Some(Stage::Writing),
            _ if Some(inode) == memory => Some(Stage::Copying),
            _ => None,
        }
    });
    stages.max_by_key(|stage| *stage as usize)
}

/// Whether a part was ended as the contract says: 143 and 130 by those that ask, the system's own way by the others
/// and before the first request.
pub fn ended_well(played: &Played) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let Some(status) = played.status else { return false };
    let kind = played.part.kind;
    let finished = status.code().is_some_and(|code| kind.may_end_with(code));
    let Some(hit) = played.hit else { return finished };
    if status.signal() == Some(hit.signal as i32) {
        return hit.signal == Signal::SIGKILL || hit.stage == Stage::Before || !kind.asks() || before_asking(hit);
    }
    match hit.signal {
        Signal::SIGKILL => false,
        Signal::SIGINT => finished || status.code() == Some(130) && kind.asks(),
        _ => finished || status.code() == Some(143) && kind.asks(),
    }
}

/// The database is opened before signals are watched, and opening may write.
fn before_asking(hit: Hit) -> bool {
    matches!(hit.stage, Stage::Writing | Stage::Copying) && hit.attempt == 0
}

/// Whether it was ended without the time to record anything: with SIGKILL, or in the system's own way before it
/// watched signals.
pub fn was_killed(played: &Played) -> bool {
    played.status.is_none_or(|status| status.code().is_none())
}
