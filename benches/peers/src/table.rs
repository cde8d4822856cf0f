//! The table that is printed: medians of each contender's runs.

use crate::process::Run;
use crate::text::FACT;

/// A line of it.
pub struct Row {
    /// Whose.
    pub name: String,
    /// Whether it only splits.
    pub splits: bool,
    /// Its steps together, in milliseconds.
    pub all: f64,
    /// The most memory, in MB.
    pub peak: f64,
    /// Whether every run had the fact.
    pub found: bool,
    steps: [Option<f64>; 3],
    process: f64,
    cpu: f64,
}

impl Row {
    /// Of all runs of a contender.
    pub fn new(name: &str, splits: bool, runs: &[Run]) -> Self {
        let number = |of: &str| median(runs.iter().filter_map(|run| run.number(of)).collect());
        let steps = ["split", "index", "rank"].map(number);
        let process = number("process").unwrap_or_default();
        let together =
            number("all").or_else(|| steps.iter().any(Option::is_some).then(|| steps.iter().flatten().sum()));
        Self {
            name: name.to_owned(),
            splits,
            all: together.unwrap_or(process),
            peak: number("peak").unwrap_or_default(),
            found: !runs.is_empty() && runs.iter().all(|run| run.found.contains(FACT)),
            steps,
            process,
            cpu: number("cpu").unwrap_or_default(),
        }
    }

    /// In milliseconds, times what llmr takes, megabytes, and times the text.
    fn cells(&self, ours: f64, text: f64) -> [String; 10] {
        let ms = |ms: f64| format!("{ms:.0}");
        let step = |at: usize| self.steps[at].map(ms).unwrap_or_default();
        [
            self.name.clone(),
            step(0),
            step(1),
            step(2),
            ms(self.all),
            format!("{:.1}", self.all / ours),
            ms(self.process),
            ms(self.cpu),
            format!("{:.0} ({:.1})", self.peak, self.peak / text),
            if self.found { "yes" } else { "NO" }.to_owned(),
        ]
    }
}

const HEAD: [&str; 10] =
    ["contender", "split", "index", "rank", "all", "of llmr", "process", "its CPU", "peak MB (of the text)", "fact"];

/// Prints the rows as a Markdown table: those that only split are compared with the first such, the others with the first other.
pub fn print(rows: &[Row], text: f64) {
    let ours = |row: &Row| rows.iter().find(|other| other.splits == row.splits).map_or(1.0, |first| first.all);
    let mut cells = vec![HEAD.map(str::to_owned)];
    cells.extend(rows.iter().map(|row| row.cells(ours(row), text)));
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 10] = std::array::from_fn(width);
    for (number, row) in cells.iter().enumerate() {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("| {} |", padded.join(" | "));
        if number == 0 {
            println!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"));
        }
    }
    println!();
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
