//! The three ways of reading a document, as they really go: `llmr ask -f` against a sandbox whose model can only quote what it
//! is sent. Each has a home of its own, so that nothing is known from the one before.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use llmr::engine::long::Way;
use llmr::sandbox::{Sandbox, SandboxOptions, SandboxProvider, Script};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::document::{Document, Fact};
use crate::program;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const WAYS: [Way; 3] = [Way::Retrieve, Way::MapReduce, Way::Refine];
/// The one that is asked.
const PROVIDER: &str = "openai";
/// The facts that are asked for, from the beginning to the end of the document. The quoting model takes lines that have half
/// the words of the question, so these facts share the words that are not their own.
const ASKED: [usize; 5] = [0, 10, 20, 30, 35];

/// What a reading takes.
struct Took {
    calls: u64,
    read: u64,
    written: u64,
    usd: f64,
    time: Duration,
}

/// Prints what each way takes, by its plan and as it went; whether every answer has every fact.
pub fn compare(tokens: u64, size: u64) -> Result<bool> {
    let llmr = program::built()?;
    let document = Document::new(usize::try_from(tokens)?);
    let facts: Vec<&Fact> = ASKED.iter().filter_map(|number| document.facts.get(*number)).collect();
    let out = &mut std::io::stdout();
    writeln!(out, "{tokens} tokens, {size} a call, {} facts asked for together, {PROVIDER}\n", facts.len())?;
    writeln!(out, "| way | | calls | tokens read | tokens written | cost | time | facts |")?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    let mut all = true;
    for way in WAYS {
        let reading = Reading::new(&llmr, way, size, &document.text, &facts)?;
        let (planned, most) = reading.plan()?;
        let (took, found) = reading.read(&facts)?;
        writeln!(
            out,
            "| {} | plan | {}, at most ${most:.4} | {} | |",
            way.name(),
            planned.amounts(),
            planned.seconds()
        )?;
        writeln!(out, "| | measured | {} | {} | {found} of {} |", took.amounts(), took.seconds(), facts.len())?;
        all &= found == facts.len();
    }
    Ok(all)
}

/// A home, a document and a sandbox of one way.
struct Reading {
    folder: TempDir,
    llmr: PathBuf,
    sandbox: Sandbox,
    words: Vec<String>,
}

impl Reading {
    fn new(llmr: &Path, way: Way, size: u64, text: &str, facts: &[&Fact]) -> Result<Self> {
        let providers = SandboxProvider::built_in();
        let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
        let script = Script::parse(&format!("{PROVIDER}=quote"), &names).map_err(|error| error.message)?;
        // The delays are the usual ones; what it was sent is counted, not kept.
        let sandbox =
            Sandbox::start_on_thread(SandboxOptions { script, keep_requests: 1, ..SandboxOptions::default() })?;
        let folder = tempfile::Builder::new().prefix("llmr-needles-").tempdir()?;
        fs::write(folder.path().join("needles.txt"), text)?;
        let question = facts.iter().map(|fact| fact.question.as_str()).collect::<Vec<_>>().join(" ");
        let words = [
            "-f",
            "needles.txt",
            "--json",
            "-p",
            PROVIDER,
            "--strategy-long",
            way.name(),
            "--read-tokens",
            &size.to_string(),
            &format!("--sandbox={}", sandbox.addr()),
            &question,
        ];
        let words = words.map(str::to_owned).to_vec();
        Ok(Self { folder, llmr: llmr.to_owned(), sandbox, words })
    }

    /// What `dry-run` says, with the most that it may cost.
    fn plan(&self) -> Result<(Took, f64)> {
        let plan = &self.run(&["dry-run"])?["long"];
        let number = |key: &str| plan[key].as_u64().ok_or_else(|| format!("the plan has no {key}: {plan}"));
        let usd = |key: &str| plan[key].as_f64().ok_or_else(|| format!("the plan has no {key}: {plan}"));
        let planned = Took {
            calls: number("calls")?,
            read: number("input_tokens")?,
            written: number("output_tokens")?,
            usd: usd("low_usd")?,
            time: Duration::from_secs(number("seconds")?),
        };
        Ok((planned, usd("high_usd")?))
    }

    /// What `ask` takes, by the ledger; and how many of the facts its answer has.
    fn read(&self, facts: &[&Fact]) -> Result<(Took, usize)> {
        let began = Instant::now();
        let answer = self.run(&["ask", "--yes"])?;
        let time = began.elapsed();
        let ledger = Connection::open(self.folder.path().join("llmr-sandbox.db"))?;
        let sums = "SELECT count(*), sum(input_tokens), sum(output_tokens), sum(cost_nanousd) FROM attempts";
        let (calls, read, written, nano_usd) = ledger.query_row(sums, [], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?, row.get::<_, i64>(3)?))
        })?;
        let billed = self.sandbox.bill().cost_usd.0;
        if billed != nano_usd {
            return Err(format!("the ledger has {nano_usd} nano-USD, the bill {billed}").into());
        }
        let content = answer["content"].as_str().unwrap_or_default();
        let found = facts.iter().filter(|fact| content.contains(&fact.sentence)).count();
        let usd = nano_usd as f64 / 1e9;
        Ok((Took { calls: calls.into(), read: read.into(), written: written.into(), usd, time }, found))
    }

    fn run(&self, command: &[&str]) -> Result<Value> {
        let mut llmr = Command::new(&self.llmr);
        llmr.args(command).args(&self.words).env_clear().current_dir(self.folder.path());
        let output = llmr.env("LLMR_HOME", self.folder.path()).stdin(Stdio::null()).output()?;
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout)?),
            false => Err(String::from_utf8_lossy(&output.stdout).into()),
        }
    }
}

impl Took {
    fn amounts(&self) -> String {
        format!("{} | {} | {} | ${:.4}", self.calls, thousands(self.read), thousands(self.written), self.usd)
    }

    fn seconds(&self) -> String {
        format!("{:.1} s", self.time.as_secs_f64())
    }
}

/// A number as people read it.
fn thousands(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1_000), number % 1_000),
    }
}
