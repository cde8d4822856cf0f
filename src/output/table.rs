//! Tables that people read on stdout. Programs take `--json`.
//!
//! No frame: a line under the titles and two spaces between columns, so that a copied cell is clean.
//! On a terminal of known width the columns are fitted into it, and where that would break words into splinters
//! each row becomes a block of names and values; in a pipe nothing is ever wrapped.

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table as Grid, Width,
};
use unicode_width::UnicodeWidthStr;

use super::{Terminal, sanitize};

/// A column of words is never made narrower than this: half of a model's name still tells which one it is.
const LEAST_WIDTH: usize = 14;
/// Spaces between two columns.
const GAP: usize = 2;

/// On which side a column is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers; they are never broken over two lines.
    Right,
}

/// Rows under titles. Every cell is made harmless and put on one line.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows yet.
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Names and values, without titles.
    pub fn pairs() -> Self {
        Self::new(&[("", Align::Left), ("", Align::Left)])
    }

    /// Adds a row. Cells that are missing are empty; cells without a column are left out.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        let cells = cells.into_iter().take(self.columns.len());
        self.rows.push(cells.map(|cell| sanitize::line(&cell.into()).into_owned()).collect());
        self
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines, each with its line break; titles alone if there are no rows.
    pub fn render(&self, terminal: &Terminal) -> String {
        if terminal.columns().is_some_and(|width| self.has_titles() && self.least_width() > usize::from(width)) {
            return self.blocks(terminal);
        }
        let mut out = String::new();
        for line in self.grid(terminal).lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    fn has_titles(&self) -> bool {
        self.columns.iter().any(|(title, _)| !title.is_empty())
    }

    /// How wide a column's widest cell is.
    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.chain([self.columns[column].0.width()]).max().unwrap_or(0)
    }

    /// The least that a column needs.
    fn least(&self, column: usize) -> usize {
        match self.columns[column].1 {
            Align::Left => self.width(column).min(LEAST_WIDTH),
            Align::Right => self.width(column),
        }
    }

    fn least_width(&self) -> usize {
        let columns: usize = (0..self.columns.len()).map(|column| self.least(column)).sum();
        columns + GAP * self.columns.len().saturating_sub(1)
    }

    /// Each row as names and values, with an empty line between rows; empty cells are left out.
    fn blocks(&self, terminal: &Terminal) -> String {
        // A terminal breaks a long line itself, and a value that it broke is still copied whole.
        let unbounded = Terminal { width: None, ..*terminal };
        let block = |row: &Vec<String>| {
            let mut pairs = Self::pairs();
            for ((title, _), cell) in self.columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
                pairs.row([(*title).to_owned(), cell.clone()]);
            }
            pairs.render(&unbounded)
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }

    fn grid(&self, terminal: &Terminal) -> Grid {
        let rule = if terminal.utf8 { '─' } else { '-' };
        let mut grid = Grid::new();
        // Whether to colour and how wide to be is decided by the caller, not by asking the terminal.
        grid.force_no_tty().load_style(NOTHING.header_separator(LineStyle::none().fill(rule).junction(rule)));
        if terminal.stdout_color {
            grid.enforce_styling();
        }
        if let Some(width) = terminal.columns() {
            grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if self.has_titles() {
            let title = |(title, _): &(&str, Align)| Cell::new(title).add_attribute(Attribute::Bold);
            grid.set_header(self.columns.iter().map(title).collect::<Vec<_>>());
        }
        grid.add_rows(&self.rows);
        let last = self.columns.len().saturating_sub(1);
        for (i, (column, (_, align))) in grid.column_iter_mut().zip(&self.columns).enumerate() {
            // The other space is the place of a line between columns, which this style does not draw.
            column.set_padding((0, u16::from(i != last)));
            if *align == Align::Right {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::ContentWidth);
            } else if self.has_titles() {
                // A column's width counts its padding.
                let least = self.least(i) + usize::from(i != last);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(
                    u16::try_from(least).unwrap_or(u16::MAX),
                )));
            }
        }
        grid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&[("provider", Align::Left), ("cost", Align::Right), ("note", Align::Left)]);
        table.row(["openai", "$0.12", "all is well and has been for a while"]);
        table.row(["漢字", "$1,234.00", "a\x1b[31m\nb"]);
        table.row(["short"]);
        table
    }

    const WIDE: &str = "\
provider       cost  note
─────────────────────────────────────────────────────────
openai        $0.12  all is well and has been for a while
漢字      $1,234.00  a␛[31m b
short
";

    #[test]
    fn a_pipe_gets_every_row_on_one_line() {
        assert_eq!(sample().render(&Terminal::PIPES), WIDE);
        let narrow = Terminal { width: Some(10), ..Terminal::PIPES };
        assert_eq!(sample().render(&narrow), WIDE, "the width of a terminal that stdout is not");
        let ascii = Terminal { utf8: false, ..Terminal::PIPES };
        assert_eq!(sample().render(&ascii), WIDE.replace('─', "-"));
    }

    #[test]
    fn a_terminal_gets_as_much_as_fits() {
        let on = |width| Terminal { stdout: true, width, ..Terminal::PIPES };
        assert_eq!(sample().render(&on(Some(200))), WIDE);
        assert_eq!(sample().render(&on(Some(0))), WIDE);
        assert_eq!(sample().render(&on(None)), WIDE);
        let narrow = sample().render(&on(Some(40)));
        assert!(narrow.lines().all(|line| line.width() <= 40), "{narrow}");
        assert!(narrow.contains("$1,234.00"), "{narrow}");
        for width in 1..30 {
            let tiny = sample().render(&on(Some(width)));
            assert!(tiny.contains("$1,234.00"), "{width}:\n{tiny}");
        }
    }

    #[test]
    fn where_words_would_be_broken_into_splinters_each_row_is_a_block() {
        let on = |width| Terminal { stdout: true, width: Some(width), ..Terminal::PIPES };
        let narrow = sample().render(&on(30));
        assert_eq!(narrow.lines().next(), Some("provider  openai"), "{narrow}");
        assert!(narrow.contains("\n\nprovider  漢字\ncost      $1,234.00\n"), "{narrow}");
        assert!(narrow.ends_with("\n\nprovider  short\n"), "empty cells are left out: {narrow}");
        assert!(sample().render(&on(35)).starts_with("provider       cost  note"), "what fits stays a table");
        let mut model = Table::new(&[("model", Align::Left), ("window", Align::Right)]);
        model.row(["openrouter/anthropic/claude-opus-5.5", "1,000,000"]);
        assert!(model.render(&on(25)).contains("openrouter/ant"), "{}", model.render(&on(25)));
    }

    #[test]
    fn colour_is_only_where_it_is_allowed() {
        assert!(!sample().render(&Terminal { stdout: true, ..Terminal::PIPES }).contains('\x1b'));
        let coloured = sample().render(&Terminal { stdout: true, stdout_color: true, ..Terminal::PIPES });
        assert!(coloured.starts_with("\x1b[1mprovider"), "{coloured:?}");
    }

    #[test]
    fn pairs_have_no_titles() {
        let mut pairs = Table::pairs();
        assert!(pairs.is_empty());
        assert_eq!(pairs.render(&Terminal::PIPES), "");
        pairs.row(["limit", "$5.00"]).row(["spent", "$0.12"]);
        assert_eq!(pairs.render(&Terminal::PIPES), "limit  $5.00\nspent  $0.12\n");
    }
}
