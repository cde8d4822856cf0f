//! llmr's splitting, indexing and ranking beside the public tools that do the same, on the same text.
//!
//! ```sh
//! cargo build --release          # for `llmr select`
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- [--tokens 2000000] [--rounds 5] [--python PATH] [--llmr PATH]
//! ```
//!
//! Each contender is a process of its own in each round; the rounds go through all of them, so that a machine whose
//! speed drifts is as slow for all. Times are medians in milliseconds: of the steps, which begin once the text is read
//! and imports are done, of the whole process, and of its CPU time. Only tantivy works in a second thread, which
//! indexes what the first one hands it. Each has to print a sentence that is hidden in the middle of the text. What
//! only splits is compared with llmr's splitting, the others with its one pass for one question. Linux only.
//!
//! The Python ones need `pip install rank_bm25 bm25s langchain-text-splitters`; what is not installed is named. Ends with 1 if
//! somebody does not find the sentence, or llmr misses its goals.

mod contenders;
mod process;
mod table;
mod text;

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use process::Run;
use table::Row;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The argument that makes this program one of the contenders.
const CONTENDER: &str = "--contender";
/// The contenders in Python, and whether they only split.
const PYTHON: [(&str, bool); 3] = [("langchain", true), ("langchain + rank_bm25", false), ("langchain + bm25s", false)];

/// Tokens of the text. llmr's goals are for so many: milliseconds of split, index and rank, and memory by the size of the text.
const TOKENS: usize = 2_000_000;
const MOST_MS: f64 = 1_000.0;
const MOST_PEAK: f64 = 6.0;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let done = match words.next().as_deref().and_then(|first| first.to_str()) {
        Some(process::MEASURED) => process::measured(words).map(ExitCode::from),
        Some(CONTENDER) => contend(words),
        _ => compare(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("peers: {error}");
        ExitCode::from(2)
    })
}

/// What a contender's process does.
fn contend(mut words: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let (name, file) = words.next().zip(words.next()).ok_or("a name and a file are needed")?;
    let contender = contenders::ALL.iter().find(|contender| *contender.name == *name).ok_or("nobody has that name")?;
    println!("{}", contender.run(&fs::read_to_string(file)?)?);
    Ok(ExitCode::SUCCESS)
}

/// What the command line asks for.
struct Wanted {
    tokens: usize,
    rounds: usize,
    python: OsString,
    llmr: PathBuf,
}

impl Wanted {
    fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Self> {
        let llmr = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/llmr");
        let mut wanted = Self { tokens: TOKENS, rounds: 5, python: "python3".into(), llmr };
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{} needs a value", flag.display()))?;
            let number = || value.to_string_lossy().parse();
            match flag.to_str() {
                Some("--tokens") => wanted.tokens = number()?,
                Some("--rounds") => wanted.rounds = number()?,
                Some("--python") => wanted.python = value,
                Some("--llmr") => wanted.llmr = value.into(),
                _ => return Err("there are --tokens N, --rounds N, --python PATH and --llmr PATH".into()),
            }
        }
        Ok(wanted)
    }

    /// The name of each contender, whether it only splits, and its command.
    fn contenders(&self, file: &Path) -> Result<Vec<(String, bool, Vec<OsString>)>> {
        let own = std::env::current_exe()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers.py");
        let mut all = Vec::new();
        for contender in &contenders::ALL {
            let command = vec![own.clone().into(), CONTENDER.into(), contender.name.into(), file.into()];
            all.push((contender.name.to_owned(), contender.splits, command));
        }
        match self.llmr.exists() {
            true => {
                let words = ["select", "--budget", &text::BUDGET.to_string(), text::QUESTION, "-f"].map(OsString::from);
                let command = [vec![self.llmr.clone().into()], words.to_vec(), vec![file.into()]].concat();
                all.push(("`llmr select`".to_owned(), false, command));
            }
            false => println!("`llmr select` is not measured: {} is not there (--llmr PATH)\n", self.llmr.display()),
        }
        for (name, splits) in PYTHON {
            let words = [name, text::QUESTION, &text::CHUNK.to_string(), &text::BUDGET.to_string()];
            let mut command = vec![self.python.clone(), script.clone().into(), file.into()];
            command.extend(words.map(OsString::from));
            command.push(text::FACT.into());
            all.push((name.to_owned(), splits, command));
        }
        Ok(all)
    }
}

fn compare() -> Result<ExitCode> {
    let wanted = Wanted::parse(std::env::args_os().skip(1))?;
    let text = text::with_fact(wanted.tokens);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("text.txt");
    fs::write(&file, &text)?;
    let megabytes = text.len() as f64 / 1e6;
    println!("{} tokens, {megabytes:.1} MB; medians of {} rounds\n", wanted.tokens, wanted.rounds);

    let mut contenders = wanted.contenders(&file)?;
    let mut runs: Vec<Vec<Run>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..wanted.rounds {
        let mut missing = Vec::new();
        for (number, (name, _, command)) in contenders.iter().enumerate() {
            match Run::of(command)? {
                Ok(run) => runs[number].push(run),
                Err(why) => {
                    println!("{name} is not measured: {why}\n");
                    missing.push(number);
                }
            }
        }
        // Nobody looks a second time for what is not installed.
        for number in missing.into_iter().rev() {
            contenders.remove(number);
            runs.remove(number);
        }
        if round == 0 {
            versions(&runs);
        }
    }
    let rows: Vec<Row> =
        contenders.iter().zip(&runs).map(|((name, splits, _), runs)| Row::new(name, *splits, runs)).collect();
    let (splitting, whole): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.splits);
    let rows: Vec<Row> = splitting.into_iter().chain(whole).collect();
    table::print(&rows, megabytes);

    let found = rows.iter().all(|row| row.found);
    let met = wanted.tokens != TOKENS || goals(&rows, megabytes);
    println!("the fact was found by all: {found}");
    Ok(if met && found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints llmr's goals; whether they are met.
fn goals(rows: &[Row], megabytes: f64) -> bool {
    let ours: Vec<&Row> = rows.iter().filter(|row| row.name.starts_with("llmr") && !row.splits).collect();
    let fast = ours.iter().all(|row| row.all < MOST_MS);
    let small = ours.iter().all(|row| row.peak < MOST_PEAK * megabytes);
    println!("llmr took less than {MOST_MS} ms: {fast}; less memory than {MOST_PEAK} times the text: {small}");
    fast && small
}

/// Prints which versions were run.
fn versions(runs: &[Vec<Run>]) {
    let lock = include_str!("../Cargo.lock").split("\n\n");
    let names = ["text-splitter", "bm25", "tantivy"];
    let version = |package: &str| {
        let mut lines = package.lines().filter_map(|line| line.split_once(" = "));
        let mut value = |key: &str| lines.find(|(name, _)| *name == key).map(|(_, value)| value.trim_matches('"'));
        value("name").filter(|name| names.contains(name)).zip(value("version")).map(|(a, b)| format!("{a} {b}"))
    };
    let mut told: BTreeSet<String> = lock.filter_map(version).collect();
    let of_python = runs.iter().flatten().filter_map(Run::versions);
    told.extend(of_python.flat_map(|versions| versions.split(", ")).map(str::to_owned));
    println!("{}\n", told.into_iter().collect::<Vec<_>>().join(", "));
}
