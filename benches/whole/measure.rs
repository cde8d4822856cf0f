//! Whole processes: how long they take, and what they need of memory.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// The argument that makes this program run one command and print the most memory it needed, in KiB. A process of its
/// own, because the kernel tells the most of all children that there have been.
pub const PEAK: &str = "--peak-of";

/// Runs before the first one that is counted.
const WARM_UP: usize = 3;

/// A command line with a whole environment.
#[derive(Clone)]
pub struct Command {
    program: PathBuf,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    folder: PathBuf,
    stdin: Option<PathBuf>,
}

impl Command {
    /// A program with arguments, run in a folder with nothing in its environment but the usual.
    pub fn new(program: &Path, args: &[&str], folder: &Path) -> Self {
        let env = BTreeMap::from([
            ("HOME".to_owned(), folder.display().to_string()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
            ("PATH".to_owned(), search_path()),
        ]);
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self { program: program.to_owned(), args, env, folder: folder.to_owned(), stdin: None }
    }

    /// The same with a variable.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// The same with this file on standard input.
    pub fn reading(self, path: &Path) -> Self {
        Self { stdin: Some(path.to_owned()), ..self }
    }

    /// The same run by another program with these words first.
    pub fn under(mut self, program: &Path, words: &[&str]) -> Self {
        let own = std::mem::replace(&mut self.program, program.to_owned()).display().to_string();
        self.args.splice(0..0, words.iter().map(|word| (*word).to_owned()).chain([own]));
        self
    }

    fn process(&self, program: &Path) -> std::io::Result<std::process::Command> {
        let stdin = self.stdin.as_ref().map(File::open).transpose()?;
        let mut command = std::process::Command::new(program);
        command.env_clear().envs(&self.env).current_dir(&self.folder);
        command.stdin(stdin.map_or_else(Stdio::null, Stdio::from)).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }

    /// Starts it with its output in a pipe.
    pub fn start(&self) -> std::io::Result<Child> {
        self.process(&self.program)?.args(&self.args).stdout(Stdio::piped()).spawn()
    }

    /// From starting it to its end. Fails where it fails: a broken command is quick.
    pub fn time(&self) -> Result<Duration, Box<dyn Error>> {
        let mut process = self.process(&self.program)?;
        process.args(&self.args);
        let began = Instant::now();
        let status = process.status()?;
        let took = began.elapsed();
        if status.success() { Ok(took) } else { Err(format!("{} ended with {status}", self.line()).into()) }
    }

    /// The most memory it needs at once, in KiB.
    pub fn peak(&self) -> Result<u64, Box<dyn Error>> {
        let mut process = self.process(&std::env::current_exe()?)?;
        let output = process.arg(PEAK).arg(&self.program).args(&self.args).stdout(Stdio::piped()).output()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| format!("{} failed", self.line()).into())
    }

    fn line(&self) -> String {
        format!("{} {}", self.program.display(), self.args.join(" "))
    }
}

/// What `--peak-of` does. Standard input is handed on.
pub fn print_peak(mut words: impl Iterator<Item = std::ffi::OsString>) -> Result<u64, Box<dyn Error>> {
    let program = words.next().ok_or("no program")?;
    let status = std::process::Command::new(program).args(words).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(format!("it ended with {status}").into());
    }
    Ok(u64::try_from(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss())?)
}

/// Two commands timed in turn.
pub struct Pair {
    /// The first one's median.
    pub ours: Duration,
    /// The second one's.
    pub theirs: Duration,
    /// The median of the first by the second, pair by pair.
    pub ratio: f64,
}

/// Times two commands in turn, so that a machine whose speed drifts is as slow for both.
pub fn pair(ours: &Command, theirs: &Command, rounds: usize) -> Result<Pair, Box<dyn Error>> {
    for _ in 0..WARM_UP {
        ours.time()?;
        theirs.time()?;
    }
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        times.push((ours.time()?, theirs.time()?));
    }
    Ok(Pair {
        ours: median(times.iter().map(|(ours, _)| *ours)),
        theirs: median(times.iter().map(|(_, theirs)| *theirs)),
        ratio: median(times.iter().map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64())),
    })
}

/// From `sent` (told by the server) to the first byte that a command prints, in the median.
pub fn first_byte(command: &Command, sent: impl Fn() -> Instant, rounds: usize) -> Result<Duration, Box<dyn Error>> {
    let mut delays = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let mut child = command.start()?;
        let mut stdout = child.stdout.take().ok_or("no pipe")?;
        let mut byte = [0; 1];
        stdout.read_exact(&mut byte)?;
        let seen = Instant::now();
        stdout.read_to_end(&mut Vec::new())?;
        child.wait()?;
        delays.push(seen.saturating_duration_since(sent()));
    }
    Ok(median(delays.into_iter()))
}

/// The middle one.
pub fn median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values[values.len() / 2]
}

/// Where a program lies, if it is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = search_path();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[expect(clippy::disallowed_methods, reason = "a bench, not llmr")]
fn search_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}
