//! The table that is printed.

use std::time::Duration;

/// One line of it.
pub struct Row {
    work: String,
    ours: String,
    against: String,
    ratio: String,
    goal: String,
    met: Option<bool>,
}

impl Row {
    /// A ratio that is to be at most `goal`; without a goal it is for comparison only.
    pub fn ratio(work: &str, ours: String, against: String, ratio: f64, goal: Option<f64>) -> Self {
        let most = goal.map_or_else(String::new, |goal| format!("{goal}"));
        Self {
            work: work.to_owned(),
            ours,
            against,
            ratio: format!("{ratio:.2}"),
            goal: most,
            met: goal.map(|goal| ratio <= goal),
        }
    }

    /// A time that is to be below `goal`.
    pub fn below(work: &str, ours: Duration, against: String, goal: Duration) -> Self {
        Self {
            work: work.to_owned(),
            ours: time(ours),
            against,
            ratio: String::new(),
            goal: format!("< {}", time(goal)),
            met: Some(ours < goal),
        }
    }

    /// A figure without a goal.
    pub fn figure(work: &str, ours: String, against: String) -> Self {
        Self { work: work.to_owned(), ours, against, ratio: String::new(), goal: String::new(), met: None }
    }

    fn cells(&self) -> [&str; 6] {
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        [&self.work, &self.ours, &self.against, &self.ratio, &self.goal, met]
    }
}

/// Prints the rows as a Markdown table.
pub fn print(rows: &[Row]) {
    let head = ["work", "llmr", "against", "ratio", "at most", "met"];
    let cells: Vec<[&str; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    for (number, row) in cells.iter().enumerate() {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("| {} |", padded.join(" | "));
        if number == 0 {
            println!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"));
        }
    }
}

/// A time as people read it.
pub fn time(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Memory, from KiB.
pub fn memory(kib: u64) -> String {
    format!("{:.1} MB", kib as f64 * 1024.0 / 1e6)
}
