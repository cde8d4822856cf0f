//! A table, drawn as a whole once it has ended: its columns fitted into the terminal, cells wrapped where they must
//! be. Where that would break words into splinters, each row becomes a block of names and values.
//!
//! No frame around it: a line under the head and bars between columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::inline;
use super::line::cells;
use super::style::{Look, Span, Style, width};

/// A column that has more to show is not made narrower than this: words stay whole that far.
const LEAST_WIDTH: usize = 8;
/// Columns between two columns.
const GAP: usize = 3;

/// A table has at most so many places: rows times columns. Each takes some hundred bytes until the table ends, and a
/// table beyond this one is nobody's to read.
const MOST_PLACES: usize = 20_000;
/// A table has at most so many bytes of text.
const MOST_BYTES: usize = 1 << 20;

/// On which side a column is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Center,
    Right,
}

/// Rows as they were written.
#[derive(Debug, Default)]
pub struct Table {
    /// The head first.
    rows: Vec<Vec<String>>,
    aligns: Vec<Align>,
    columns: usize,
    bytes: usize,
}

/// A line as spans; without its line break.
pub type Line = Vec<Span>;

impl Table {
    /// A table with this head; the row below it says how its columns are aligned.
    pub fn begin(head: &str, delimiters: &str) -> Self {
        let align = |cell: &String| match (cell.starts_with(':'), cell.ends_with(':')) {
            (true, true) => Align::Center,
            (false, true) => Align::Right,
            _ => Align::Left,
        };
        let mut table = Self { aligns: cells(delimiters).iter().map(align).collect(), ..Self::default() };
        table.push(head);
        table
    }

    /// Whether a line can be a table's head: not one that is longer than a table.
    pub fn may_begin(head: &str) -> bool {
        Self::default().has_room(head, cells(head).len())
    }

    /// Adds a row, if there is still room for it; otherwise the table is over.
    pub fn push(&mut self, row: &str) -> bool {
        let row_cells = cells(row);
        if !self.has_room(row, row_cells.len()) {
            return false;
        }
        self.columns = self.columns.max(row_cells.len());
        self.bytes += row.len();
        self.rows.push(row_cells);
        true
    }

    fn has_room(&self, row: &str, columns: usize) -> bool {
        (self.rows.len() + 1) * self.columns.max(columns) <= MOST_PLACES && self.bytes + row.len() <= MOST_BYTES
    }

    /// Its lines, none wider than the columns of the look where that is possible.
    pub fn render(&self, look: Look) -> Vec<Line> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let style = |row| if row == 0 { Style::BOLD } else { Style::PLAIN };
        let cell = |row: usize, text: &String| lines(inline::spans(text, style(row), look));
        let row =
            |(i, row): (usize, &Vec<String>)| -> Vec<Vec<Line>> { row.iter().map(|text| cell(i, text)).collect() };
        let rows: Vec<Vec<Vec<Line>>> = self.rows.iter().enumerate().map(row).collect();
        let natural: Vec<usize> = (0..columns).map(|column| widest(&rows, column)).collect();
        match fitted(&natural, look.columns) {
            Some(widths) => self.grid(&rows, &widths, look),
            None => blocks(&rows),
        }
    }

    fn grid(&self, rows: &[Vec<Vec<Line>>], widths: &[usize], look: Look) -> Vec<Line> {
        let cell = |row: &[Vec<Line>], column: usize| -> Vec<Line> {
            let lines = row.get(column).map(Vec::as_slice).unwrap_or_default();
            lines.iter().flat_map(|line| wrap(line, widths[column])).collect()
        };
        let rows: Vec<Vec<Vec<Line>>> =
            rows.iter().map(|row| (0..widths.len()).map(|column| cell(row, column)).collect()).collect();
        let tall = rows.iter().skip(1).any(|row| row.iter().any(|cell| cell.len() > 1));
        let mut out = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            if i == 1 || (i > 1 && tall) {
                out.push(rule(widths, look));
            }
            out.extend(self.row(row, widths, look));
        }
        if rows.len() == 1 {
            out.push(rule(widths, look));
        }
        out
    }

    fn row(&self, row: &[Vec<Line>], widths: &[usize], look: Look) -> Vec<Line> {
        let height = row.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let bar = Span::new(Style::DIM, look.glyph(" │ ", " | "));
        let line = |at: usize| {
            let mut line = Line::new();
            for (column, cell) in row.iter().enumerate() {
                let text = cell.get(at).cloned().unwrap_or_default();
                let align = self.aligns.get(column).copied().unwrap_or(Align::Left);
                let last = column + 1 == row.len();
                line.extend((column > 0).then(|| bar.clone()));
                line.extend(aligned(text, widths[column], align, last));
            }
            line
        };
        (0..height).map(line).collect()
    }
}

fn widest(rows: &[Vec<Vec<Line>>], column: usize) -> usize {
    rows.iter().filter_map(|row| row.get(column)).flatten().map(|line| width(line)).max().unwrap_or(0)
}

/// Widths of columns that fit, the widest ones cut; `None` where these would become too narrow.
fn fitted(natural: &[usize], columns: Option<usize>) -> Option<Vec<usize>> {
    let gaps = GAP * natural.len().saturating_sub(1);
    let Some(room) = columns.filter(|columns| natural.iter().sum::<usize>() + gaps > *columns) else {
        return Some(natural.to_vec());
    };
    let room = room.checked_sub(gaps)?;
    let cut = |most: usize| natural.iter().map(move |width| (*width).min(most));
    let most = (LEAST_WIDTH..=room).rev().find(|most| cut(*most).sum::<usize>() <= room)?;
    let mut widths: Vec<usize> = cut(most).collect();
    // What is left over goes to the first ones that were cut.
    let mut left = room - widths.iter().sum::<usize>();
    for (width, natural) in widths.iter_mut().zip(natural).filter(|(width, natural)| **width < **natural) {
        let more = usize::from(left > 0).min(natural - *width);
        *width += more;
        left -= more;
    }
    Some(widths)
}

fn rule(widths: &[usize], look: Look) -> Line {
    let (dash, cross) = (look.glyph("─", "-"), look.glyph("─┼─", "-+-"));
    let dashes: Vec<String> = widths.iter().map(|width| dash.repeat(*width)).collect();
    vec![Span::new(Style::DIM, dashes.join(cross))]
}

/// A cell's line with the blanks that align it; none behind the last column.
fn aligned(text: Line, room: usize, align: Align, last: bool) -> Line {
    let blanks = room.saturating_sub(width(&text));
    let before = match align {
        Align::Left => 0,
        Align::Center => blanks / 2,
        Align::Right => blanks,
    };
    let after = if last { 0 } else { blanks - before };
    let blank = |count: usize| (count > 0).then(|| Span::new(Style::PLAIN, " ".repeat(count)));
    blank(before).into_iter().chain(text).chain(blank(after)).collect()
}

/// Each row as names and values, with an empty line between rows. The terminal wraps them.
fn blocks(rows: &[Vec<Vec<Line>>]) -> Vec<Line> {
    let Some((head, rows)) = rows.split_first() else { return Vec::new() };
    let flat = |cell: &Vec<Line>| cell.join(&Span::new(Style::PLAIN, " "));
    let name = |column: usize| head.get(column).map(flat).unwrap_or_default();
    let pair = |(column, cell): (usize, &Vec<Line>)| -> Line {
        let name = name(column);
        let colon = (!name.is_empty()).then(|| Span::new(Style::PLAIN, ": "));
        name.into_iter().chain(colon).chain(flat(cell)).collect()
    };
    let block = |row: &Vec<Vec<Line>>| -> Vec<Line> { row.iter().enumerate().map(pair).collect() };
    if rows.is_empty() {
        return head.iter().map(flat).collect();
    }
    rows.iter().map(block).collect::<Vec<_>>().join(&Line::new())
}

/// The lines of a cell: it may hold line breaks, which are written as tags; tabs become blanks.
fn lines(spans: Vec<Span>) -> Vec<Line> {
    let mut lines = vec![Line::new()];
    for span in spans {
        let mut rest = span.text.as_str();
        while let Some((before, after)) = split_break(rest) {
            push(&mut lines, span.style, before);
            lines.push(Line::new());
            rest = after;
        }
        push(&mut lines, span.style, rest);
    }
    lines
}

fn push(lines: &mut [Line], style: Style, text: &str) {
    if let (Some(line), false) = (lines.last_mut(), text.is_empty()) {
        line.push(Span::new(style, text.replace('\t', " ")));
    }
}

fn split_break(text: &str) -> Option<(&str, &str)> {
    let tags = ["\n", "<br>", "<br/>", "<br />"];
    tags.iter().filter_map(|tag| text.split_once(tag)).min_by_key(|(before, _)| before.len())
}

/// A line in lines of at most so many columns, broken between words, and inside of those that are wider.
fn wrap(line: &Line, room: usize) -> Vec<Line> {
    if width(line) <= room {
        return vec![line.clone()];
    }
    let chars: Vec<(char, Style)> =
        line.iter().flat_map(|span| span.text.chars().map(move |c| (c, span.style))).collect();
    let mut lines: Vec<Vec<(char, Style)>> = vec![Vec::new()];
    let mut used = 0;
    for word in chars.chunk_by(|a, b| (a.0 == ' ') == (b.0 == ' ')) {
        let wide = word.iter().map(|(c, _)| *c).collect::<String>().width();
        let blank = word[0].0 == ' ';
        if used + wide <= room {
            used += wide;
            extend(&mut lines, word);
        } else if blank {
            // Between two lines no blank is needed.
            (used > 0).then(|| lines.push(Vec::new()));
            used = 0;
        } else {
            for piece in pieces(word, room) {
                (used > 0).then(|| lines.push(Vec::new()));
                used = piece.iter().map(|(c, _)| *c).collect::<String>().width();
                extend(&mut lines, piece);
            }
        }
    }
    lines.iter().map(|line| grouped(line)).collect()
}

fn extend(lines: &mut [Vec<(char, Style)>], chars: &[(char, Style)]) {
    if let Some(line) = lines.last_mut() {
        line.extend_from_slice(chars);
    }
}

/// A word in pieces of at most so many columns; a mark without width stays with its letter.
fn pieces(word: &[(char, Style)], room: usize) -> Vec<&[(char, Style)]> {
    let mut pieces = Vec::new();
    let (mut start, mut used, mut joined) = (0, 0, false);
    for (at, (c, _)) in word.iter().enumerate() {
        let wide = c.width().unwrap_or(0);
        if used + wide > room && at > start && wide > 0 && !joined {
            pieces.push(&word[start..at]);
            (start, used) = (at, 0);
        }
        used += wide;
        joined = *c == '\u{200d}';
    }
    pieces.push(&word[start..]);
    pieces
}

fn grouped(chars: &[(char, Style)]) -> Line {
    // A blank at the end of a line would only be in the way.
    let end = chars.iter().rposition(|(c, _)| *c != ' ').map_or(0, |at| at + 1);
    let runs = chars[..end].chunk_by(|a, b| a.1 == b.1);
    runs.map(|run| Span::new(run[0].1, run.iter().map(|(c, _)| *c).collect::<String>())).collect()
}
