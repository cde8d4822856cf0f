//! A hermetic place to run `llmr` in: its own home, no environment but what a test sets, providers on loopback.

#![allow(dead_code, reason = "each test uses what it needs of it")]

pub mod canned;
pub mod crowd;
pub mod everything;
pub mod mount;
pub mod pty;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use llmr::sandbox::{Sandbox, SandboxOptions, SandboxProvider, Script};
use llmr::types::{CostSource, DialectKind, Pricing, Rate, Rates};
use serde_json::Value;
use tempfile::TempDir;

/// No run of a test may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home folder and the environment in which `llmr` runs.
pub struct Place {
    folder: TempDir,
    env: Vec<(String, String)>,
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Place {
    /// An empty home, an empty working folder, and no waiting for anything.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "work"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        private(&folder.path().join("home"));
        Self { folder, env: Vec::new() }.var("LLMR_SEED", "7")
    }

    /// The same with one more variable.
    pub fn var(mut self, name: &str, value: impl ToString) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same with a key and an address for each provider of a sandbox, which must be named like a built-in one.
    pub fn with(self, sandbox: &Sandbox) -> Self {
        sandbox.providers().iter().fold(self, |place, provider| {
            let row = llmr::providers::table::find(&provider.name).expect("a built-in provider's name");
            let base_url = sandbox.base_url(&provider.name).unwrap();
            let place = place.var(row.base_url_var, base_url).var(row.model_vars[0], &provider.model);
            match row.key_vars.first() {
                Some(key) => place.var(key, "test-key"),
                None => place,
            }
        })
    }

    /// The same with every provider of a sandbox as one of the user's own, at the price that it bills; asked in
    /// their order by strategy `priority`. `more` goes before them into `config.toml`.
    pub fn labs(self, sandbox: &Sandbox, more: &str) -> Self {
        let rows = sandbox.providers().iter().zip(1..).map(|(provider, priority)| {
            format!("{}{}", lab_row(provider, &sandbox.base_url(&provider.name).unwrap(), priority), price(provider))
        });
        self.home_file("config.toml", &format!("{more}\n{}", rows.collect::<String>()));
        self.var("LAB_KEY", "test-key").var("LLMR_STRATEGY", "priority")
    }

    /// What the database holds of money today: spent, held, and how many hold it, in one look.
    pub fn money(&self) -> (i64, i64, i64) {
        money(&self.home().join("llmr.db")).unwrap()
    }

    /// Waits until so many attempts are under way.
    pub fn until_held(&self, holds: i64) {
        let (database, index) = (self.home().join("llmr.db"), self.home().join("llmr.db-shm"));
        // Not before llmr has made all its files: looking makes those that are missing, as another user in some tests.
        until("so many holds", || index.exists() && money(&database).is_ok_and(|(.., n)| n == holds));
    }

    /// `LLMR_HOME`.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The working folder.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file of the home folder, readable by its owner alone.
    pub fn home_file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, content).unwrap();
        private(&path);
        path
    }

    /// Writes a file of the working folder.
    pub fn work_file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The command, not yet run: stdin is empty, stdout and stderr are pipes.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmr"));
        command.args(args).env_clear().env("LLMR_HOME", self.home()).current_dir(self.work());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args).spawn().unwrap())
    }

    /// Runs it with something on a piped stdin.
    pub fn run_with_stdin(&self, args: &[&str], stdin: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        // A program that does not read its stdin closes the pipe: that is not this test's matter.
        let writer = thread::spawn(move || _ = pipe.write_all(&bytes));
        let ran = finish(child);
        writer.join().unwrap();
        ran
    }

    /// Runs it with `--json`; its exit code and its one object.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        let ran = self.run(&[args, &["--json"]].concat());
        let object = serde_json::from_str(&ran.stdout);
        (ran.code.unwrap(), object.unwrap_or_else(|e| panic!("{e}: {ran:?}")))
    }

    /// What a query on the database says, a row a line, columns parted by `|`.
    pub fn sql(&self, query: &str) -> Vec<String> {
        rows(&self.home().join("llmr.db"), query)
    }
}

/// One statement, so that what is spent and what is held are seen at the same moment.
pub const MONEY: &str = "SELECT (SELECT coalesce(sum(cost_nanousd), 0) FROM ledger),
    (SELECT coalesce(sum(amount_nanousd), 0) FROM holds), (SELECT count(*) FROM holds)";

fn money(database: &Path) -> rusqlite::Result<(i64, i64, i64)> {
    let db = rusqlite::Connection::open(database)?;
    db.busy_timeout(PATIENCE)?;
    db.query_row(MONEY, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// The row of a sandboxed provider in `config.toml`, without a price.
pub fn lab_row(provider: &SandboxProvider, base_url: &str, priority: u32) -> String {
    let (name, dialect, model) = (&provider.name, provider.dialect.name(), &provider.model);
    format!(
        "[[provider]]\nname = \"{name}\"\ndialect = \"{dialect}\"\nbase_url = \"{base_url}\"\n\
         api_key_env = \"LAB_KEY\"\npriority = {priority}\nmodels = [\"{model}\"]\n"
    )
}

/// Its price, as it bills.
pub fn price(provider: &SandboxProvider) -> String {
    let usd = |rate: Rate| rate.as_usd_per_mtok();
    let rates = &provider.pricing.rates;
    format!("input_usd_per_mtok = {}\noutput_usd_per_mtok = {}\n", usd(rates.input), usd(rates.output))
}

/// A seed that draws pauses of at most 20 ms for the first two retries of request `number`.
pub fn impatient(number: i64) -> u64 {
    let short = |draw| (0..2).all(|retry| llmr::engine::retry::wait_ms(retry, draw, None) <= 20);
    (0..).find(|seed| short(llmr::engine::draw::of_request(*seed, number))).unwrap()
}

/// Looks every 2 ms until it is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < late, "it never comes to this: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What a query on a database says, a row a line, columns parted by `|`.
pub fn rows(database: &Path, query: &str) -> Vec<String> {
    let db = rusqlite::Connection::open(database).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    let mut statement = db.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cell = |i| row.get::<_, rusqlite::types::Value>(i).map(|value| text(&value));
        (0..columns).map(cell).collect::<Result<Vec<_>, _>>().map(|cells| cells.join("|"))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

fn text(value: &rusqlite::types::Value) -> String {
    use rusqlite::types::Value;
    match value {
        Value::Null => String::new(),
        Value::Integer(n) => n.to_string(),
        Value::Real(x) => x.to_string(),
        Value::Text(s) => s.clone(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// Says that a test was skipped, and why; seen also when the tests pass, because it is not `println!`.
pub fn skipped(why: &str) {
    _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Sends a signal (`INT`, `TERM`) to a process of this test.
pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Waits for a process to end. One that takes too long is ended, and the test with it.
pub fn finish(mut child: Child) -> Ran {
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.unwrap().read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|p| Box::new(p) as _));
    let stderr = read(child.stderr.take().map(|p| Box::new(p) as _));
    let late = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > late => {
                child.kill().unwrap();
                panic!("it does not end: {:?}", child.wait_with_output());
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    Ran { code: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

impl Ran {
    /// Asserts how it ended, showing all of it when it did not.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn private(_: &Path) {}

/// Providers without delays, with these faults, at their built-in prices.
pub fn sandbox(faults: &str) -> Sandbox {
    sandbox_of(SandboxProvider::built_in(), faults)
}

/// These providers without delays, with these faults.
pub fn sandbox_of(providers: Vec<SandboxProvider>, faults: &str) -> Sandbox {
    sandbox_at(0.0, providers, faults)
}

/// These providers at so many times their delays, with these faults.
pub fn sandbox_at(speed: f64, providers: Vec<SandboxProvider>, faults: &str) -> Sandbox {
    let names: Vec<&str> = providers.iter().map(|p| p.name.as_str()).collect();
    let script = Script::parse(faults, &names).unwrap();
    Sandbox::start_on_thread(SandboxOptions { providers, script, speed, ..SandboxOptions::default() }).unwrap()
}

/// A provider named like a built-in one, at a price in USD per million tokens.
pub fn provider(name: &str, model: &str, input: &'static str, output: &'static str) -> SandboxProvider {
    let dialect = llmr::providers::table::find(name).map_or(DialectKind::Openai, |row| row.dialect);
    let rates = Rates::new(Rate::usd_per_mtok(input), Rate::usd_per_mtok(output));
    SandboxProvider::new(name, dialect, model, Pricing::plain(rates, CostSource::Catalogue))
}

/// The same, taking so long for its first token and for each further one.
pub fn paced(provider: SandboxProvider, first_token_ms: u64, per_token_ms: u64) -> SandboxProvider {
    SandboxProvider { first_token_ms, per_token_ms, ..provider }
}
