//! What of the answers is inside the picked text, for the shipped ranking, for it without each of its parts, and for plain
//! BM25; and with `--cost` what a question costs on generated text.
//!
//! ```sh
//! cargo run --release --example retrieval_report -- FOLDER
//! cargo run --release --example retrieval_report -- --cost
//! cargo run --release --example retrieval_report -- FOLDER --rerank COMMAND…
//! ```
//!
//! With `--rerank` the best passages get a second look by vectors (`llmr ask --rerank`). The command makes them: it reads a text a
//! line and writes a JSON array of numbers a line, as `llmr embed --lines` does.
//!
//! The folder has `NAME.txt.gz` and `NAME.questions.jsonl.gz` with `{"question", "gold": [[start, end], …]}` a line.

mod baseline;
mod cost;
mod data;
mod english;
mod rerank;

use std::error::Error;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use llmr::engine::retrieval::Index;
use llmr::engine::retrieval::tuning::{Level, Stemming, Tuning};

use baseline::Plain;
use data::Set;

/// Tokens.
const BUDGETS: [u64; 4] = [1_000, 2_000, 4_000, 8_000];

/// What plain BM25 is measured with: 200 tokens of four characters.
const CHUNK: usize = 800;

fn main() -> Result<(), Box<dyn Error>> {
    let out = &mut std::io::stdout();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--cost"] => cost::print(out),
        [folder] => recall(Path::new(folder), out),
        [folder, "--rerank", ref command @ ..] if !command.is_empty() => rerank::print(Path::new(folder), command, out),
        _ => Err("usage: retrieval_report FOLDER [--rerank COMMAND…] | --cost".into()),
    }
}

fn recall(folder: &Path, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    for set in data::sets(folder)? {
        writeln!(out, "{}: {} questions; budgets {BUDGETS:?}", set.name, set.questions.len())?;
        let plain = Plain::new(&set.text, CHUNK);
        line(out, "plain BM25", &set, |question, budget| plain.pick(question, budget))?;
        let index = Index::new(&set.text);
        for (name, tuning) in variants() {
            line(out, name, &set, |question, budget| index.pick_tuned(question, budget, &tuning).spans)?;
        }
    }
    Ok(())
}

/// The shipped ranking, and it without each of its parts.
fn variants() -> Vec<(&'static str, Tuning)> {
    let shipped = Tuning::default();
    let levels = |keep: fn(&Level) -> bool| {
        let levels = shipped.levels.iter().copied().filter(keep).collect();
        Tuning { levels, ..Tuning::default() }
    };
    vec![
        ("no stemming", Tuning { stemming: Stemming::None, ..shipped.clone() }),
        ("compounds, too", Tuning { stemming: Stemming::Compounds, ..shipped.clone() }),
        ("question words", Tuning { stops: false, ..shipped.clone() }),
        ("no phrases", Tuning { phrase: 0.0, ..shipped.clone() }),
        ("names count 1.5", Tuning { name: 1.5, ..shipped.clone() }),
        ("no sections", levels(|level| level.tokens < 1_000)),
        ("no chapters", levels(|level| level.tokens < 6_000)),
        ("no sentences", levels(|level| level.tokens > 0)),
        ("shipped", shipped.clone()),
    ]
}

/// A line: recall at each budget, then at the first budget in both halves of the questions and two standard errors.
fn line(
    out: &mut dyn Write,
    name: &str,
    set: &Set,
    pick: impl Fn(&str, u64) -> Vec<Range<usize>>,
) -> Result<(), Box<dyn Error>> {
    write!(out, "  {name:16}")?;
    for budget in BUDGETS {
        let recall: Vec<f64> =
            set.questions.iter().map(|question| data::recall(&question.gold, &pick(&question.text, budget))).collect();
        let (even, odd): (Vec<_>, Vec<_>) = recall.iter().enumerate().partition(|(number, _)| number % 2 == 0);
        let half =
            |half: &[(usize, &f64)]| half.iter().map(|(_, recall)| **recall).sum::<f64>() / half.len().max(1) as f64;
        write!(out, "  {:.3} ({:.3} {:.3} ±{:.3})", mean(&recall), half(&even), half(&odd), 2.0 * error(&recall))?;
    }
    writeln!(out)?;
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The standard error of the mean.
fn error(values: &[f64]) -> f64 {
    let mean = mean(values);
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    square.sqrt() / values.len().max(1) as f64
}
