//! A table with a bar in each row, for people; all bars on one scale from 0.

use super::{Align, Table, Terminal, units};

/// The longest bar: longer ones say no more and leave the numbers far from the names.
const MOST_COLUMNS: u16 = 30;
/// A shorter bar than this tells nothing: then the numbers stand alone.
const LEAST_COLUMNS: u16 = 6;
/// Spaces between two columns of a table.
const GAP: usize = 2;

/// One row.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is about.
    pub name: String,
    /// How long its bar is, on the scale of all others; not below 0.
    pub value: f64,
    /// The cells behind the bar.
    pub cells: Vec<String>,
}

/// Rows with bars.
#[derive(Debug, Clone)]
pub struct Bars {
    columns: Vec<(&'static str, Align)>,
    lines: Vec<Line>,
}

impl Bars {
    /// None yet; `columns` are those behind the bar.
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), lines: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// The rows as a table; nothing without any. `mark` is a value that is marked in each row.
    pub fn render(&self, title: &'static str, mark: Option<f64>, terminal: &Terminal) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let columns = self.bar_columns(title, terminal);
        let most = self.lines.iter().map(|line| line.value).chain(mark).fold(0.0, f64::max);
        let mut titles = vec![(title, Align::Left)];
        titles.extend(columns.map(|_| ("", Align::Right)));
        titles.extend(&self.columns);
        let mut table = Table::new(&titles);
        for line in &self.lines {
            let bar = columns
                .map(|columns| marked(share(line.value, most), mark.map(|m| share(m, most)), columns, terminal.utf8));
            table.row([line.name.clone()].into_iter().chain(bar).chain(line.cells.iter().cloned()));
        }
        table.render(terminal)
    }

    /// How long bars may be in the terminal that there is; `None`: there is no room for any.
    fn bar_columns(&self, title: &str, terminal: &Terminal) -> Option<u16> {
        let Some(width) = terminal.columns() else { return Some(MOST_COLUMNS) };
        let cells = (0..self.columns.len()).map(|i| {
            let cells = self.lines.iter().filter_map(|line| line.cells.get(i)).map(|cell| cell.chars().count());
            cells.chain([self.columns[i].0.len()]).max().unwrap_or(0) + GAP
        });
        let names = self.lines.iter().map(|line| line.name.chars().count()).chain([title.len()]).max().unwrap_or(0);
        let left = usize::from(width).saturating_sub(names + GAP + cells.sum::<usize>());
        let left = u16::try_from(left).unwrap_or(u16::MAX).min(MOST_COLUMNS);
        (left >= LEAST_COLUMNS).then_some(left)
    }
}

fn share(value: f64, most: f64) -> f64 {
    if most > 0.0 { value / most } else { 0.0 }
}

/// A bar with a mark in it where another share ends.
fn marked(share: f64, mark: Option<f64>, columns: u16, utf8: bool) -> String {
    let bar = units::bar(share, columns, utf8);
    let Some(mark) = mark else { return bar };
    let sign = if utf8 { '│' } else { '|' };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = ((mark.clamp(0.0, 1.0) * f64::from(columns)).round() as usize).clamp(1, usize::from(columns)) - 1;
    bar.chars().enumerate().map(|(i, c)| if i == at { sign } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Bars {
        let mut bars = Bars::new(&[("spent", Align::Right)]);
        for (name, value, cell) in
            [("2026-11-19", 5.0, "$5.00"), ("2026-11-20", 0.0, "$0.00"), ("2026-11-21", 10.0, "$10.00")]
        {
            bars.push(Line { name: name.to_owned(), value, cells: vec![cell.to_owned()] });
        }
        bars
    }

    #[test]
    fn bars_are_on_one_scale_and_fit() {
        let on = |width, utf8| Terminal { stdout: true, width: Some(width), utf8, ..Terminal::PIPES };
        let narrow = sample().render("day", None, &on(30, false));
        assert_eq!(
            narrow,
            "day                      spent\n------------------------------\n\
             2026-11-19  #####.....   $5.00\n2026-11-20  ..........   $0.00\n2026-11-21  ##########  $10.00\n"
        );
        let tiny = sample().render("day", None, &on(22, true));
        assert!(!tiny.contains('█') && tiny.contains("2026-11-19   $5.00"), "{tiny}");
        let pipe = sample().render("day", None, &Terminal::PIPES);
        assert!(pipe.contains(&format!("{}  ", "█".repeat(30))), "{pipe}");
        assert_eq!(Bars::new(&[]).render("day", None, &Terminal::PIPES), "");
    }

    #[test]
    fn a_mark_stands_where_its_share_ends() {
        for (share, mark, shown) in [
            (0.5, Some(1.0), "#####....|"),
            (1.0, Some(0.5), "####|#####"),
            (0.0, Some(0.0), "|........."),
            (0.2, None, "##........"),
        ] {
            assert_eq!(marked(share, mark, 10, false), shown);
        }
    }
}
