//! The table that a run prints, and what must hold of it.

use std::io::{self, Write};

use super::book::Books;
use super::counts::Counts;
use super::crew::Ran;
use super::jobs::{KINDS, Kind};
use super::watch::Looks;

/// A kind of process may need so much more memory in the last tenth than in the second one: a tenth …
const MORE_PERCENT: u64 = 10;
/// … and this, in KiB: by so much two runs of the same command differ.
const MORE_KIB: u64 = 1024;
/// The write-ahead log may have so many bytes: it is copied from 1 MiB on, and readers may keep it for a moment.
const LONGEST_LOG: u64 = 16 << 20;
const MIB: f64 = 1024.0 * 1024.0;

/// The table's head and the width of each column.
const HEAD: [(&str, usize); 18] = [
    ("requests", 8),
    ("attempts", 8),
    ("failovers", 9),
    ("retries", 7),
    ("hits", 6),
    ("refused", 7),
    ("failed", 6),
    ("p50 ms", 6),
    ("p99 ms", 6),
    ("db MiB", 6),
    ("log MiB", 7),
    ("holds", 5),
    ("billed", 11),
    ("ledger", 11),
    ("told differ", 11),
    ("below", 5),
    ("lost", 4),
    ("memory MiB", 10),
];

/// What one tenth of a run came to. The counts and the money are those of the whole run so far.
#[derive(Debug, Clone)]
pub struct Tenth {
    pub counts: Counts,
    pub books: Books,
    pub ran: Vec<Ran>,
    pub database_bytes: u64,
    pub log_bytes: u64,
}

impl Tenth {
    /// The most memory that a process of that kind had, in KiB.
    fn peak(&self, kind: Kind) -> u64 {
        self.ran.iter().filter(|ran| ran.kind == kind).map(|ran| ran.peak_kib).max().unwrap_or(0)
    }

    /// How long so many of a hundred `ask` processes took at most, in milliseconds.
    fn took(&self, percent: usize) -> u64 {
        let mut all: Vec<u64> = self.ran.iter().filter(|ran| ran.kind == Kind::Ask).map(|ran| ran.ms).collect();
        all.sort_unstable();
        all.get((all.len() * percent / 100).min(all.len().saturating_sub(1))).copied().unwrap_or(0)
    }

    /// Prints its row.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let (counts, books) = (&self.counts, &self.books);
        let peak = self.ran.iter().map(|ran| ran.peak_kib).max().unwrap_or(0);
        let cells = [
            counts.requests.to_string(),
            counts.attempts.to_string(),
            counts.failovers.to_string(),
            counts.retries.to_string(),
            counts.hits.to_string(),
            counts.refused.to_string(),
            counts.failed.to_string(),
            self.took(50).to_string(),
            self.took(99).to_string(),
            format!("{:.1}", mib(self.database_bytes)),
            format!("{:.1}", mib(self.log_bytes)),
            counts.holds.to_string(),
            books.billed.to_string(),
            books.ledger.to_string(),
            books.told_differ.to_string(),
            books.below.to_string(),
            books.lost.to_string(),
            format!("{:.1}", mib(peak * 1024)),
        ];
        row(out, cells.iter().map(String::as_str))
    }
}

#[allow(clippy::cast_precision_loss)]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// Prints the head of the table.
pub fn head(out: &mut dyn Write) -> io::Result<()> {
    row(out, HEAD.iter().map(|(name, _)| *name))
}

fn row<'a>(out: &mut dyn Write, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let cells: Vec<String> = cells.zip(HEAD).map(|(cell, (_, width))| format!("{cell:>width$}")).collect();
    writeln!(out, "{}", cells.join(" "))?;
    out.flush()
}

/// Prints what stands below the table.
pub fn foot(out: &mut dyn Write, tenths: &[Tenth], looks: &Looks) -> io::Result<()> {
    let Some(Tenth { books, .. }) = tenths.last() else { return Ok(()) };
    let faults: Vec<String> = books.faults.iter().map(|(name, times)| format!("{name} {times}")).collect();
    writeln!(out, "\nmoney in nano-USD; memory: the most of any process of the tenth; ms: of its ask processes\n")?;
    writeln!(out, "faults            {}", faults.join(", "))?;
    money(out, books, looks)?;
    writeln!(out, "write-ahead log   {:.1} MiB at most", mib(looks.log_bytes))?;
    memory(out, tenths)
}

fn money(out: &mut dyn Write, books: &Books, looks: &Looks) -> io::Result<()> {
    let Books { told, told_differ, estimated, above, below, left, unread, unheard, lost, .. } = books;
    let Looks { money, overspent, .. } = looks;
    writeln!(out, "usage told        {told} rows, which differ from the bill by {told_differ}")?;
    writeln!(out, "estimated         {estimated} rows, above the bill by {above}, below it by {below}")?;
    writeln!(out, "left in a stream  {left} rows; {unread} of their bill was written when nobody read any more")?;
    writeln!(out, "never read        {unheard} rows of attempts given up before the provider had read them")?;
    writeln!(out, "lost              {lost} (requests without a row, and rows without a request)")?;
    writeln!(out, "the limit         looked at {money} times, passed {overspent} times")
}

fn memory(out: &mut dyn Write, tenths: &[Tenth]) -> io::Result<()> {
    for (kind, name) in KINDS {
        let peaks: Vec<String> = tenths.iter().map(|tenth| format!("{:.1}", mib(tenth.peak(kind) * 1024))).collect();
        let runs = tenths.iter().flat_map(|tenth| &tenth.ran).filter(|ran| ran.kind == kind).count();
        writeln!(out, "{name:<18}{runs} processes; MiB at most, tenth by tenth: {}", peaks.join(" "))?;
    }
    let life = |(early, late): (u64, u64)| format!("{:.1}-{:.1}", mib(early * 1024), mib(late * 1024));
    let lives: Vec<String> = lives(tenths).map(life).collect();
    writeln!(out, "long batch        of its own life the first half and the last tenth: {}", lives.join(" "))
}

/// What each long batch had in the first half of its life and at its end, in KiB.
fn lives(tenths: &[Tenth]) -> impl Iterator<Item = (u64, u64)> {
    tenths.iter().flat_map(|tenth| &tenth.ran).filter_map(|ran| ran.life_kib)
}

/// Everything that did not hold.
pub fn broken(tenths: &[Tenth], looks: &Looks) -> Vec<String> {
    let mut broken: Vec<String> =
        tenths.iter().flat_map(|tenth| &tenth.ran).flat_map(|ran| ran.wrong.clone()).collect();
    broken.extend(looks.first_overspent.clone());
    for (number, tenth) in tenths.iter().enumerate() {
        broken.extend(unsettled(tenth).map(|what| format!("after tenth {}: {what}", number + 1)));
    }
    let Some(last) = tenths.last() else { return broken };
    broken.extend(last.books.differ.iter().cloned());
    let books = &last.books;
    for (what, amount) in [
        ("rows whose usage was told differ from the bill by", books.told_differ),
        ("estimated rows are below the bill by", books.below),
        ("requests without a row, or rows without a request:", i64::try_from(books.lost).unwrap_or(i64::MAX)),
        ("processes that never ended:", i64::try_from(looks.stuck).unwrap_or(i64::MAX)),
    ] {
        if amount != 0 {
            broken.push(format!("{what} {amount}"));
        }
    }
    if looks.log_bytes > LONGEST_LOG {
        broken.push(format!("the write-ahead log grew to {:.1} MiB", mib(looks.log_bytes)));
    }
    let grew = lives(tenths).filter(|(early, late)| *late > most(*early));
    broken.extend(grew.map(|(early, late)| format!("a long batch grew in its life from {early} to {late} KiB")));
    broken.extend(KINDS.iter().filter_map(|(kind, name)| grown(tenths, *kind, name)));
    broken
}

/// What is left over although nobody runs.
fn unsettled(tenth: &Tenth) -> impl Iterator<Item = String> {
    let (counts, books) = (&tenth.counts, &tenth.books);
    let found = [
        ("holds are left", counts.holds),
        ("requests never ended", counts.unfinished),
        ("attempts were taken for lost", counts.presumed),
        ("nano-USD of the day are not in the ledger", counts.spent - books.ledger),
    ];
    found.into_iter().filter(|(_, amount)| *amount != 0).map(|(what, amount)| format!("{amount} {what}"))
}

/// What is still the same amount of memory, in KiB.
fn most(before: u64) -> u64 {
    before + before * MORE_PERCENT / 100 + MORE_KIB
}

/// Whether a kind of process needs more memory in the end than after the first tenth, which made everything.
fn grown(tenths: &[Tenth], kind: Kind, name: &str) -> Option<String> {
    let (before, after) = (tenths.get(1)?.peak(kind), tenths.last()?.peak(kind));
    (before > 0 && after > most(before)).then(|| format!("{name} processes grew from {before} to {after} KiB"))
}
