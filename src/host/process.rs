//! Which process this is, and whether another one still lives. Linux only: elsewhere nothing can be said.
//!
//! A wrong "dead" would charge money that is still being spent, so every doubt is [`Liveness::Unknown`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use crate::types::{Liveness, Owner};

/// This process. It stays who it is, and is asked for a few times a line of a batch: looked up once.
pub fn process_owner() -> Owner {
    me().clone()
}

fn me() -> &'static Owner {
    static ME: OnceLock<Owner> = OnceLock::new();
    ME.get_or_init(|| owner_in(Path::new("/proc")))
}

/// Whether the process that this names still runs.
pub fn liveness(other: &Owner) -> Liveness {
    liveness_in(Path::new("/proc"), me(), other)
}

fn owner_in(proc: &Path) -> Owner {
    let text = |name: &str| text(&proc.join(name)).unwrap_or_default().trim().to_owned();
    let namespace = fs::read_link(proc.join("self/ns/pid")).map(|p| p.to_string_lossy().into_owned());
    Owner {
        pid: std::process::id(),
        start_ticks: Stat::parse(&text("self/stat")).map_or(0, |stat| stat.start_ticks),
        boot_id: text("sys/kernel/random/boot_id"),
        pid_namespace: namespace.unwrap_or_default(),
    }
}

fn liveness_in(proc: &Path, me: &Owner, other: &Owner) -> Liveness {
    if !me.is_known() || me.boot_id != other.boot_id || me.pid_namespace != other.pid_namespace {
        return Liveness::Unknown;
    }
    match text(&proc.join(format!("{}/stat", other.pid))) {
        Ok(text) => Stat::parse(&text).map_or(Liveness::Unknown, |stat| stat.liveness(other.start_ticks)),
        Err(e) if is_gone(&e) && shows_others(proc) => Liveness::Dead,
        Err(_) => Liveness::Unknown,
    }
}

/// A short file of /proc, which says of none how long it is: read at once, and not beginning with 32 bytes.
fn text(path: &Path) -> io::Result<String> {
    let mut text = String::with_capacity(1024);
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// No such process, before opening its file or (ESRCH, 3) while reading it.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(3)
}

/// Whether this /proc shows other users' processes: one mounted with `hidepid=2` hides even process 1,
/// and then a process that is not there may be there.
fn shows_others(proc: &Path) -> bool {
    proc.join("1/stat").exists()
}

/// What counts of a `/proc/PID/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    state: char,
    start_ticks: u64,
}

impl Stat {
    /// The second field is the program's name in parentheses and may hold spaces and parentheses itself:
    /// the last `)` ends it. State is field 3, the start time field 22 (proc_pid_stat(5)).
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let start_ticks = fields.nth(22 - 3 - 1)?.parse().ok()?;
        Some(Self { state, start_ticks })
    }

    fn liveness(&self, start_ticks: u64) -> Liveness {
        match self.state {
            // A zombie has ended and waits for its parent; X is one that is just going.
            'Z' | 'X' | 'x' => Liveness::Dead,
            _ if start_ticks == 0 => Liveness::Unknown,
            _ if self.start_ticks == start_ticks => Liveness::Alive,
            // The number was given to a younger process.
            _ => Liveness::Dead,
        }
    }
}

/// Kills every process of a group; one that has ended already is as good as killed.
#[cfg(unix)]
pub fn kill_group(leader: u32) {
    use nix::sys::signal::{Signal, killpg};
    if let Ok(group) = i32::try_from(leader) {
        _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// There are no groups here.
#[cfg(not(unix))]
pub fn kill_group(_: u32) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(comm: &str, state: char, start: u64) -> String {
        format!("42 ({comm}) {state} 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 {start} 1000 1 184\n")
    }

    #[test]
    fn a_program_s_name_may_hold_anything() {
        for comm in ["llmr", "a b", "x) R 1 (y", "((", ") Z 1 2"] {
            assert_eq!(Stat::parse(&stat(comm, 'S', 777)), Some(Stat { state: 'S', start_ticks: 777 }), "{comm}");
        }
        for bad in ["", "42", "42 (x)", "42 (x) S 1"] {
            assert_eq!(Stat::parse(bad), None, "{bad}");
        }
    }

    /// A /proc made of files: process 42 as given, process 1 visible or not.
    fn proc_with(stat_42: Option<&str>, visible: bool) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let files = [(42, stat_42), (1, visible.then_some("1 (init) S"))];
        for (pid, text) in files.into_iter().filter_map(|(pid, text)| Some((pid, text?))) {
            fs::create_dir(dir.path().join(pid.to_string())).unwrap();
            fs::write(dir.path().join(format!("{pid}/stat")), text).unwrap();
        }
        dir
    }

    fn owner(pid: u32, start_ticks: u64, boot: &str, namespace: &str) -> Owner {
        Owner { pid, start_ticks, boot_id: boot.into(), pid_namespace: namespace.into() }
    }

    #[test]
    fn dead_is_said_only_where_nothing_else_is_possible() {
        let (running, zombie) = (stat("x", 'S', 7), stat("x", 'Z', 7));
        let me = owner(9, 5, "b", "n");
        let other = owner(42, 7, "b", "n");
        let cases = [
            ("running", Some(&*running), true, other.clone(), Liveness::Alive),
            ("gone", None, true, other.clone(), Liveness::Dead),
            ("gone or hidden", None, false, other.clone(), Liveness::Unknown),
            ("zombie", Some(&*zombie), true, other.clone(), Liveness::Dead),
            ("pid given again", Some(&*running), true, owner(42, 6, "b", "n"), Liveness::Dead),
            ("start unknown", Some(&*running), true, owner(42, 0, "b", "n"), Liveness::Unknown),
            ("another boot", None, true, owner(42, 7, "c", "n"), Liveness::Unknown),
            ("another namespace", None, true, owner(42, 7, "b", "m"), Liveness::Unknown),
            ("nothing known", None, true, owner(42, 0, "", ""), Liveness::Unknown),
            ("unreadable", Some("garbage"), true, other.clone(), Liveness::Unknown),
        ];
        for (what, stat_42, visible, other, expected) in cases {
            let proc = proc_with(stat_42, visible);
            assert_eq!(liveness_in(proc.path(), &me, &other), expected, "{what}");
        }
        let proc = proc_with(None, true);
        let nobody = owner(9, 0, "", "");
        assert_eq!(liveness_in(proc.path(), &nobody, &nobody), Liveness::Unknown, "no /proc of our own");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_is_alive_until_it_is_killed_even_unburied() {
        use std::process::{Command, Stdio};
        let me = process_owner();
        assert_eq!(liveness(&me), Liveness::Alive);
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let start_ticks = Stat::parse(&text).unwrap().start_ticks;
        let other = Owner { pid: child.id(), start_ticks, ..me };
        assert_eq!(liveness(&other), Liveness::Alive);
        child.kill().unwrap();
        let began = std::time::Instant::now();
        while liveness(&other) != Liveness::Dead {
            assert!(began.elapsed().as_secs() < 10, "a zombie counts as dead");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(liveness(&other), Liveness::Dead);
    }
}
