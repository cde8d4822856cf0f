//! The fault matrix: every way in which a provider can fail, in every way of asking it, with what may come of it: who
//! was asked how often, how it ended, what was printed, what the ledger says and what that cost.
//!
//! `matrix.txt` is the table, for people; it is compared whole. After a change that is meant,
//! `LLMR_WRITE_MATRIX=1 cargo test --test it fault_matrix::` writes it anew: read the difference line by line. What
//! must hold whatever the table says is checked for every cell in `cell.rs`, against the provider's own books.

mod cell;
mod fault;
mod packed;
mod rows;
mod server;
mod wire;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::common::skipped;
use cell::{Cell, Line};
use fault::Fault;
use rows::{ROWS, Row};

/// How the answer is asked for and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `--no-stream`.
    Whole,
    /// Streamed, but not shown before it is whole, as in every pipe.
    Unseen,
    /// `--stream`: shown as it comes.
    Shown,
}

/// Who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// `alpha` alone, which fails once.
    Retry,
    /// `alpha`, which always fails, and after it `beta`, which answers.
    Failover,
    /// `alpha` alone, which always fails.
    Last,
    /// `alpha`, which always fails, and beside it `beta`, which answers, with `--parallel 2`.
    Parallel,
}

const FORMS: [Form; 3] = [Form::Whole, Form::Unseen, Form::Shown];
const CASES: [Case; 4] = [Case::Retry, Case::Failover, Case::Last, Case::Parallel];
/// Cells that are run side by side. Many of them do nothing but wait.
const THREADS: usize = 10;

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Unseen => "unseen",
            Self::Shown => "shown",
        }
    }
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Failover => "failover",
            Self::Last => "last",
            Self::Parallel => "parallel",
        }
    }
}

#[test]
fn every_fault_has_the_end_that_the_table_says() {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| is_wanted(row) && can_be_made(row)).collect();
    let lines = run(&rows);
    let complaints: Vec<&str> = lines.values().flat_map(|line| &line.1).map(String::as_str).collect();
    assert!(complaints.is_empty(), "{} broken promises:\n{}", complaints.len(), complaints.join("\n"));
    let lines: BTreeMap<_, _> = lines.into_iter().map(|(at, line)| (at, line.0)).collect();
    let groups: Vec<String> = rows.iter().enumerate().map(|(i, row)| group(i, row, &lines)).collect();
    compare(&groups);
}

/// Whether this machine has what the row needs; says so where it has not.
fn can_be_made(row: &Row) -> bool {
    let can = row.fault != Fault::FullQueue || server::FullQueue::get().is_some();
    if !can {
        skipped("the row `connect timeout`: here a full queue takes connections all the same");
    }
    can
}

/// Where a cell stands: its row, who is there, how it is asked.
type At = (usize, Case, Form);

/// Runs every cell, those that wait most first.
fn run(rows: &[&Row]) -> BTreeMap<At, (Line, Vec<String>)> {
    let mut all: Vec<At> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        for (case, form) in CASES.into_iter().flat_map(|case| FORMS.map(|form| (case, form))) {
            if row.why_not(form, case).is_none() {
                all.push((i, case, form));
            }
        }
    }
    all.sort_by_key(|(i, ..)| !rows[*i].waits());
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(&(i, case, form)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let line = Cell { row: rows[i], case, form }.play();
                    done.lock().unwrap().insert((i, case, form), line);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// A row's part of the table. Ways of asking that make no difference share a line.
fn group(i: usize, row: &Row, lines: &BTreeMap<At, Line>) -> String {
    let mut text = title(row);
    for case in CASES {
        let mut said: Vec<(Vec<&str>, String)> = Vec::new();
        for form in FORMS {
            let line = match row.why_not(form, case) {
                Some(why) => format!("  ({why})"),
                None => lines[&(i, case, form)].to_string(),
            };
            match said.iter_mut().find(|(_, known)| *known == line) {
                Some((forms, _)) => forms.push(form.name()),
                None => said.push((vec![form.name()], line)),
            }
        }
        for (forms, line) in said {
            let forms = forms.join(" ");
            writeln!(text, "  {:<9} {forms:<19}{}", case.name(), line.trim_end()).unwrap();
        }
    }
    text
}

fn title(row: &Row) -> String {
    let needs = row.needs.words();
    let with = if needs.is_empty() { String::new() } else { format!(", with {needs}") };
    format!("\n== {} ({}{with})\n", row.name, row.dialect.name())
}

const HEADER: &str = include_str!("header.txt");

fn compare(groups: &[String]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fault_matrix/matrix.txt");
    if variable("LLMR_WRITE_MATRIX").is_some() {
        std::fs::write(&path, format!("{HEADER}{}", groups.concat())).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let known = known.strip_prefix(HEADER).expect("matrix.txt begins with header.txt");
    // A row that cannot be made here stays as it is.
    let made = |text: &&String| {
        let mut rows = ROWS.iter().filter(|row| is_wanted(row) && can_be_made(row));
        rows.any(|row| text.starts_with(&title(row)))
    };
    let known: Vec<String> = known.split("\n== ").skip(1).map(|group| format!("\n== {group}")).collect();
    let known: Vec<&String> = known.iter().filter(made).collect();
    let mut wrong = String::new();
    for i in 0..known.len().max(groups.len()) {
        let (was, is) = (known.get(i).map_or("", |g| g), groups.get(i).map_or("", |g| g));
        if was != is {
            write!(wrong, "--- the table says{was}+++ but it is{is}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nif this is meant: LLMR_WRITE_MATRIX=1 cargo test --test it fault_matrix::");
}

/// Whether the row is asked for: `LLMR_MATRIX_ROWS=redirect` plays those alone in whose name that stands.
fn is_wanted(row: &Row) -> bool {
    variable("LLMR_MATRIX_ROWS").is_none_or(|part| row.name.contains(&part))
}

#[expect(clippy::disallowed_methods, reason = "looks at its own switches")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
