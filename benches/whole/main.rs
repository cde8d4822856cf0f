//! Whole processes: llmr beside what a user would pick instead, in one run on one machine.
//!
//! `cargo bench --bench whole` prints the table of the README; `-- --rounds 20`, `-- --rows 100000` (the largest
//! ledger), `-- --only ask` (lines whose name begins with that) make it shorter; `-- --llmr PATH` measures another
//! build than that of `cargo build --release`, which is made first. `-- --hot-functions FILE` writes what the linker is to
//! lay side by side (see `hot`). Linux only. Tools that are not installed are named.

#![allow(clippy::print_stdout, missing_docs, reason = "a bench prints what it measured")]

mod bare;
mod crowd;
mod home;
mod hot;
mod measure;
mod server;
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use home::{Home, MODEL, base};
use measure::{Command, find, first_byte, pair};
use server::Server;
use table::{Row, memory, time};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PROMPT: &str = "Say two hundred words about the sky.";

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|first| first.to_str()) {
        Some(measure::PEAK) => println!("{}", measure::print_peak(args)?),
        Some(bare::BARE) => bare::run(args.map(|word| word.to_string_lossy().into_owned()))?,
        Some(crowd::MEMBER) => crowd::member(&PathBuf::from(args.next().ok_or("no database")?))?,
        _ => {
            let wanted = Wanted::parse(std::env::args().skip(1))?;
            let bench = Bench::new(&wanted)?;
            match &wanted.hot_functions {
                Some(file) => fs::write(file, bench.hot_functions()?)?,
                None => bench.run()?,
            }
        }
    }
    Ok(())
}

/// What the command line asks for.
struct Wanted {
    rounds: usize,
    rows: u64,
    only: String,
    llmr: Option<PathBuf>,
    hot_functions: Option<PathBuf>,
}

impl Wanted {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let (rounds, rows) = (100, 10_000_000);
        let mut wanted = Self { rounds, rows, only: String::new(), llmr: None, hot_functions: None };
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--rounds" => wanted.rounds = value()?.parse()?,
                "--rows" => wanted.rows = value()?.parse()?,
                "--only" => wanted.only = value()?,
                "--llmr" => wanted.llmr = Some(fs::canonicalize(value()?)?),
                "--hot-functions" => wanted.hot_functions = Some(value()?.into()),
                // Cargo's own.
                "--bench" => {}
                _ => {
                    let flags = "--rounds N, --rows N, --only NAME, --llmr PATH and --hot-functions FILE";
                    return Err(format!("{flag}: there are {flags}").into());
                }
            }
        }
        Ok(wanted)
    }
}

/// The program as people build it. The one that comes with a bench is made as for tests: its panics unwind, and so its
/// functions have other names than those that the linker lays side by side.
#[expect(clippy::disallowed_methods, reason = "a bench, not llmr")]
fn built() -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let target = me.ancestors().nth(3).ok_or("this is not in a folder of cargo's")?;
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--bin", "llmr", "--message-format", "json-render-diagnostics"]);
    cargo
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(std::process::Stdio::inherit());
    let told = String::from_utf8(cargo.output()?.stdout)?;
    let messages = told.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut made = messages.filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)));
    made.next_back().ok_or_else(|| "llmr could not be built".into())
}

/// Everything that is measured with.
struct Bench<'a> {
    wanted: &'a Wanted,
    llmr: PathBuf,
    folder: tempfile::TempDir,
    server: Server,
    rows: Vec<Row>,
    tools: Tools,
}

/// What a user would pick instead, where it is installed.
struct Tools {
    curl: Option<PathBuf>,
    sqlite3: Option<PathBuf>,
    aichat: Option<PathBuf>,
    llm: Option<PathBuf>,
}

impl<'a> Bench<'a> {
    fn new(wanted: &'a Wanted) -> Result<Self> {
        let tools = Tools { curl: find("curl"), sqlite3: find("sqlite3"), aichat: find("aichat"), llm: find("llm") };
        let all = [("curl", &tools.curl), ("sqlite3", &tools.sqlite3), ("aichat", &tools.aichat), ("llm", &tools.llm)];
        for (name, _) in all.iter().filter(|(_, found)| found.is_none()) {
            println!("not installed, so not measured: {name}");
        }
        let llmr = wanted.llmr.clone().map_or_else(built, Ok)?;
        Ok(Self { wanted, llmr, folder: tempfile::tempdir()?, server: Server::start()?, rows: Vec::new(), tools })
    }

    fn run(mut self) -> Result<()> {
        println!("{}", machine());
        let measured = self.measure();
        table::print(&self.rows);
        println!("medians of {} runs each, in turn; `against` is in the same run", self.wanted.rounds);
        measured
    }

    fn measure(&mut self) -> Result<()> {
        self.start_up()?;
        self.cached()?;
        self.asks("http")?;
        self.asks("https")?;
        self.first_token()?;
        self.plans()?;
        self.large_ledgers()?;
        self.crowd()?;
        self.large_texts()?;
        self.sizes()
    }

    /// Whether a line is asked for.
    fn wants(&self, work: &str) -> bool {
        work.starts_with(&self.wanted.only)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Times two commands in turn, for one line.
    fn compare(&mut self, work: &str, ours: &Command, name: &str, theirs: &Command, goal: Option<f64>) -> Result<()> {
        if self.wants(work) {
            let pair = pair(ours, theirs, self.wanted.rounds)?;
            let against = format!("{name} {}", time(pair.theirs));
            self.rows.push(Row::ratio(work, time(pair.ours), against, pair.ratio, goal));
        }
        Ok(())
    }

    fn start_up(&mut self) -> Result<()> {
        let home = Home::of_server(&self.path("start"), &self.llmr, &base("http", self.server.plain))?;
        let Some(curl) = self.tools.curl.clone() else { return Ok(()) };
        let theirs = Command::new(&curl, &["--version"], self.folder.path());
        for args in [&["--version"][..], &["--help"], &["completions", "bash"]] {
            self.compare(&args.join(" "), &home.llmr(args), "curl --version", &theirs, Some(0.22))?;
        }
        if let Some(aichat) = self.tools.aichat.clone() {
            let theirs = Command::new(&aichat, &["--version"], self.folder.path());
            self.compare("--version", &home.llmr(&["--version"]), "aichat --version", &theirs, None)?;
        }
        Ok(())
    }

    fn cached(&mut self) -> Result<()> {
        let Some(sqlite3) = self.tools.sqlite3.clone() else { return Ok(()) };
        let home = Home::of_server(&self.path("cached"), &self.llmr, &base("http", self.server.plain))?;
        let ours = home.llmr(&["ask", "--no-stdin", PROMPT]);
        ours.time()?;
        // A copy without a write-ahead log, which sqlite3 would take away from under the next run.
        let copy = self.path("copy.db");
        rusqlite::Connection::open(home.database())?.execute("VACUUM INTO ?1", [copy.display().to_string()])?;
        let database = copy.display().to_string();
        let select = "SELECT content FROM cache LIMIT 1";
        let theirs = Command::new(&sqlite3, &[&database, select], self.folder.path());
        self.compare("cached answer", &ours, "sqlite3, one row", &theirs, Some(1.0))?;
        let bare = bare::command("cached", &home.database(), "", self.folder.path())?;
        self.compare("cached answer: the least of it", &bare, "sqlite3, one row", &theirs, None)
    }

    /// Answers that are asked for: whole and streamed.
    fn asks(&mut self, scheme: &str) -> Result<()> {
        let Some(curl) = self.tools.curl.clone() else { return Ok(()) };
        let tls = scheme == "https";
        let base = base(scheme, if tls { self.server.tls } else { self.server.plain });
        let authority = self.path("authority.pem");
        fs::write(&authority, &self.server.authority)?;
        let home = Home::of_server(&self.path(scheme), &self.llmr, &base)?;
        let trusting = |command: Command| command.env("SSL_CERT_FILE", authority.display());
        let over = if tls { " over TLS" } else { "" };
        for (work, flag, stream, goal) in [
            ("ask, whole answer", "--no-stream", false, 0.5),
            ("ask --stream, 200 tokens", "--stream", true, if tls { 0.5 } else { 0.55 }),
        ] {
            let work = format!("{work}{over}");
            let ours = trusting(home.llmr(&["ask", "--no-stdin", "--no-cache", flag, PROMPT]));
            let theirs = self.curl(&curl, &format!("{base}/chat/completions"), stream, &authority);
            self.compare(&work, &ours, "curl", &theirs, Some(goal))?;
            let memory_of = format!("{work}: peak memory");
            if self.wants(&memory_of) {
                let (ours, theirs) = (ours.peak()?, theirs.peak()?);
                let goal = (!tls && !stream).then_some(1.0);
                let against = format!("curl {}", memory(theirs));
                self.rows.push(Row::ratio(&memory_of, memory(ours), against, ours as f64 / theirs as f64, goal));
            }
            if !tls && !stream {
                let bare = bare::command("ask", &home.database(), &self.server.plain.to_string(), self.folder.path())?;
                self.compare("ask: the least of it", &bare, "curl", &theirs, None)?;
            }
            for (name, theirs) in self.peers(&base, stream)? {
                self.compare(&work, &ours, name, &theirs, None)?;
            }
        }
        Ok(())
    }

    fn curl(&self, curl: &Path, url: &str, stream: bool, authority: &Path) -> Command {
        let body = format!(
            "{{\"model\":\"{MODEL}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{PROMPT}\"}}],\"stream\":{stream}}}"
        );
        let authority = authority.display().to_string();
        let mut args = vec!["-sS", "--cacert", &authority, "-H", "content-type: application/json"];
        args.extend(["-H", "authorization: Bearer loopback", "-d", &body, url]);
        if stream {
            args.push("-N");
        }
        Command::new(curl, &args, self.folder.path())
    }

    /// Other command-line tools for models, set up for the same server. Not over TLS: each trusts in its own way.
    fn peers(&self, base: &str, stream: bool) -> Result<Vec<(&'static str, Command)>> {
        let mut peers = Vec::new();
        if base.starts_with("https") {
            return Ok(peers);
        }
        let no_stream = if stream { &[][..] } else { &["--no-stream"][..] };
        if let Some(aichat) = &self.tools.aichat {
            let folder = self.path("aichat");
            fs::create_dir_all(&folder)?;
            let client =
                format!("  - type: openai-compatible\n    name: lab\n    api_base: {base}\n    api_key: loopback\n");
            let model = format!("    models:\n      - name: {MODEL}\n");
            fs::write(folder.join("config.yaml"), format!("model: lab:{MODEL}\nclients:\n{client}{model}"))?;
            let args = if stream { vec![PROMPT] } else { vec!["-S", PROMPT] };
            let command = Command::new(aichat, &args, self.folder.path());
            peers.push(("aichat", command.env("AICHAT_CONFIG_DIR", folder.display())));
        }
        if let Some(llm) = &self.tools.llm {
            let folder = self.path("llm");
            fs::create_dir_all(&folder)?;
            let row = format!("- model_id: lab\n  model_name: {MODEL}\n  api_base: {base}\n  api_key_name: lab\n");
            fs::write(folder.join("extra-openai-models.yaml"), row)?;
            fs::write(folder.join("keys.json"), "{\"lab\": \"loopback\"}")?;
            let args: Vec<&str> = ["-m", "lab"].iter().chain(no_stream).copied().chain([PROMPT]).collect();
            let command = Command::new(llm, &args, self.folder.path());
            peers.push(("llm", command.env("LLM_USER_PATH", folder.display())));
        }
        Ok(peers)
    }

    fn first_token(&mut self) -> Result<()> {
        let work = "first token shown after it was on the wire";
        if !self.wants(work) {
            return Ok(());
        }
        let base = format!("http://{}{}", self.server.plain, server::LATER);
        let home = Home::of_server(&self.path("later"), &self.llmr, &base)?;
        let rounds = self.wanted.rounds.min(50);
        let sent = || self.server.first_tokens.recv().unwrap_or_else(|_| std::time::Instant::now());
        let ours = first_byte(&home.llmr(&["ask", "--no-stdin", "--no-cache", "--stream", PROMPT]), sent, rounds)?;
        let against = match &self.tools.curl {
            Some(curl) => {
                let theirs = self.curl(curl, &format!("{base}/chat/completions"), true, &self.path("authority.pem"));
                // curl shows the headers' chunk as soon as it comes: its first byte is the same event's.
                format!("curl -N {}", time(first_byte(&theirs, sent, rounds)?))
            }
            None => String::new(),
        };
        self.rows.push(Row::below(work, ours, against, Duration::from_micros(300)));
        Ok(())
    }

    fn plans(&mut self) -> Result<()> {
        let Some(nothing) = find("true") else { return Ok(()) };
        let home = Home::of_fifteen(&self.path("fifteen"), &self.llmr)?;
        home.llmr(&["budget", "set", "5"]).time()?;
        let theirs = Command::new(&nothing, &[], self.folder.path());
        let ours = home.llmr(&["dry-run", "--no-stdin", PROMPT]);
        self.compare("dry-run, 15 providers", &ours, "true", &theirs, Some(3.0))?;
        let bare = bare::command("look", &home.database(), "", self.folder.path())?;
        self.compare("dry-run: the least of it", &bare, "true", &theirs, None)
    }

    /// What reads the ledger, with many rows and with few.
    fn large_ledgers(&mut self) -> Result<()> {
        let works =
            [("budget check", &["budget", "check"][..], 1.2), ("stats, 30 days", &["stats", "--days", "30"], 3.0)];
        if !works.iter().any(|(work, ..)| self.wants(work)) {
            return Ok(());
        }
        let few = self.ledger(1_000)?;
        for rows in [100_000, self.wanted.rows] {
            let many = self.ledger(rows)?;
            for (work, args, goal) in works {
                let goal = (rows == self.wanted.rows).then_some(goal);
                self.compare(&format!("{work}, {rows} rows"), &many.llmr(args), "1000 rows", &few.llmr(args), goal)?;
            }
            if rows != self.wanted.rows {
                continue;
            }
            let ask = ["ask", "--no-stdin", "--no-cache", "--no-stream", PROMPT];
            self.compare(&format!("ask, {rows} rows"), &many.llmr(&ask), "1000 rows", &few.llmr(&ask), None)?;
        }
        Ok(())
    }

    fn ledger(&self, rows: u64) -> Result<Home> {
        let folder = self.path(&format!("ledger{rows}"));
        let home = Home::of_server(&folder, &self.llmr, &base("http", self.server.plain))?;
        home.fill(rows)?;
        Ok(home)
    }

    fn crowd(&mut self) -> Result<()> {
        let work = "hold and settle, 64 processes at once: longest wait";
        if !self.wants(work) {
            return Ok(());
        }
        let home = Home::of_server(&self.path("crowd"), &self.llmr, &base("http", self.server.plain))?;
        home.llmr(&["budget", "set", "1000"]).time()?;
        let alone = crowd::measure(&home.database(), 1)?;
        let many = crowd::measure(&home.database(), 64)?;
        let against = format!("alone {} (median {})", time(alone.longest), time(alone.median));
        self.rows.push(Row::below(work, many.longest, against, Duration::from_millis(250)));
        self.rows.push(Row::figure("the same: median", time(many.median), format!("alone {}", time(alone.median))));
        Ok(())
    }

    /// What large answers and prompts need of memory, beside small ones.
    fn large_texts(&mut self) -> Result<()> {
        let prompt = self.path("prompt.txt");
        for (work, path, flag, stdin) in [
            ("peak memory: an answer of 50 MB", server::LARGE.0, "--no-stream", 0),
            ("peak memory: a stream of 1,000,000 events", server::LONG.0, "--stream", 0),
            ("peak memory: 10 MB piped in", "", "--no-stream", 10_000_000),
            ("peak memory: 60 MB piped in", "", "--no-stream", 60_000_000),
        ] {
            if !self.wants(work) {
                continue;
            }
            let base = format!("http://{}{path}/v1", self.server.plain);
            let home = Home::of_endless(&self.path("endless"), &self.llmr, &base)?;
            fs::write(&prompt, "word ".repeat(stdin / 5))?;
            let ask = home.llmr(&["ask", "--no-cache", flag, PROMPT]);
            let peak = ask.reading(&prompt).peak()?;
            self.rows.push(Row::figure(work, memory(peak), String::new()));
        }
        Ok(())
    }

    /// What the linker is to lay side by side, of the commands that people wait for most first.
    fn hot_functions(&self) -> Result<String> {
        let authority = self.path("authority.pem");
        fs::write(&authority, &self.server.authority)?;
        let home = |scheme: &str, address| -> Result<Home> {
            let home = Home::of_server(&self.path(scheme), &self.llmr, &base(scheme, address))?;
            home.llmr(&["ask", "--no-stdin", PROMPT]).env("SSL_CERT_FILE", authority.display()).time()?;
            Ok(home)
        };
        let fifteen = Home::of_fifteen(&self.path("fifteen"), &self.llmr)?;
        fifteen.llmr(&["budget", "set", "5"]).time()?;
        let (plain, tls) = (home("http", self.server.plain)?, home("https", self.server.tls)?);
        let ask = |flag| ["ask", "--no-stdin", flag, PROMPT];
        let mut commands = vec![
            plain.llmr(&["--version"]),
            plain.llmr(&["ask", "--no-stdin", PROMPT]),
            plain.llmr(&ask("--no-cache")),
            plain.llmr(&ask("--refresh")),
            plain.llmr(&ask("--stream")),
            tls.llmr(&ask("--no-cache")).env("SSL_CERT_FILE", authority.display()),
            fifteen.llmr(&["dry-run", "--no-stdin", PROMPT]),
        ];
        for line in ["budget check", "budget", "stats", "providers", "log", "cache", "--help", "completions bash"] {
            commands.push(plain.llmr(&line.split(' ').collect::<Vec<_>>()));
        }
        hot::functions(&commands, self.folder.path())
    }

    fn sizes(&mut self) -> Result<()> {
        let bytes = fs::metadata(&self.llmr)?.len();
        self.rows.push(Row::figure("size of the program", format!("{:.1} MB", bytes as f64 / 1e6), String::new()));
        Ok(())
    }
}

/// The machine, for whoever reads the table elsewhere.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = read("/proc/meminfo").lines().next().unwrap_or_default().to_owned();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{count} cores of {}, {memory}, Linux {}", model.unwrap_or("an unknown kind"), kernel.trim())
}
