//! A text as blocks: headings, paragraphs, and what is read by the line (code, lists, tables, verse).
//!
//! Blocks lie end to end and cover the text; empty lines belong to the block before them, or to the first. What is
//! Markdown and what is source code is not asked for: the look of the lines decides, block by block, as documents mix
//! them.

use std::ops::Range;

/// A block of lines without any empty line (a log, a table) is cut after so many bytes, about 1,000 tokens: the size of a
/// section in the ranking, so that a block never is the larger of the two.
const LONGEST: usize = 4_000;

/// A line alone that is no longer than this (bytes) and does not end as a sentence does is taken for a heading: a line and
/// a half of a book.
const LONGEST_HEADING: usize = 120;

/// A heading without an empty line below it is shorter than this (bytes), and than what follows: wrapped prose is not.
const SHORT_HEADING: usize = 50;

/// How a block is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Heading,
    Prose,
    /// Each line stands for itself.
    Lines,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub range: Range<usize>,
    pub kind: Kind,
}

/// Calls `visit` with every block of the text, in its order.
pub(super) fn each(text: &str, mut visit: impl FnMut(Block)) {
    let mut reader = Reader::default();
    for line in text.split_inclusive('\n') {
        reader.line(line, &mut visit);
    }
    reader.end(&mut visit);
}

/// The block that is being read.
#[derive(Default)]
struct Reader {
    start: usize,
    at: usize,
    /// Lines that are not empty, and those of them that look as if they stood for themselves.
    lines: usize,
    apart: usize,
    /// Whether an empty line has followed.
    over: bool,
    heading: bool,
    /// Whether a mark says so, and the bytes of the last line.
    marked: bool,
    length: usize,
    /// The mark that closes the code block one is in.
    fence: Option<&'static str>,
    fenced: bool,
}

impl Reader {
    fn line(&mut self, line: &str, visit: &mut impl FnMut(Block)) {
        let trimmed = line.trim();
        if let Some(fence) = self.fence {
            if trimmed.starts_with(fence) {
                self.fence = None;
                self.over = true;
            } else if self.at - self.start > LONGEST {
                self.end(visit);
                self.fenced = true;
            }
        } else if trimmed.is_empty() {
            self.over |= self.lines > 0;
        } else {
            self.text_line(line, trimmed, visit);
        }
        self.at += line.len();
    }

    /// A line that is not empty, outside code.
    fn text_line(&mut self, line: &str, trimmed: &str, visit: &mut impl FnMut(Block)) {
        let fence = ["```", "~~~"].into_iter().find(|fence| trimmed.starts_with(fence));
        let marked = is_marked_heading(trimmed);
        // A line as long as those of a paragraph is no heading of the line below it, but its beginning.
        self.heading &= self.over || self.marked || trimmed.len() > self.length && self.length < SHORT_HEADING;
        if self.over || self.heading || marked || fence.is_some() || self.at - self.start > LONGEST {
            self.end(visit);
        }
        self.fence = fence;
        self.fenced = fence.is_some();
        (self.marked, self.length) = (marked, trimmed.len());
        self.heading = marked || self.lines == 0 && fence.is_none() && may_be_heading(trimmed) && !stands_apart(line);
        // A second line shows that the first was none, unless it underlines it.
        self.lines += 1;
        self.apart += usize::from(stands_apart(line));
    }

    fn end(&mut self, visit: &mut impl FnMut(Block)) {
        if self.at > self.start {
            visit(Block { range: self.start..self.at, kind: self.kind() });
        }
        *self = Self { start: self.at, at: self.at, fence: self.fence, ..Self::default() };
    }

    fn kind(&self) -> Kind {
        match () {
            () if self.fenced || (self.lines > 1 && 2 * self.apart >= self.lines) => Kind::Lines,
            () if self.heading => Kind::Heading,
            () => Kind::Prose,
        }
    }
}

/// `# Title`, as in Markdown.
fn is_marked_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    (1..=6).contains(&level) && rest.starts_with([' ', '\t'])
}

/// A short line that does not end as a sentence does.
fn may_be_heading(line: &str) -> bool {
    line.len() <= LONGEST_HEADING
        && line.contains(char::is_alphabetic)
        && !line.ends_with(|c: char| !c.is_alphanumeric() && !matches!(c, ')' | ']' | '"' | '*' | '_'))
}

/// Whether a line looks like code, a list's entry or a table's row.
fn stands_apart(line: &str) -> bool {
    let text = line.trim();
    line.starts_with(['\t', '|']) || line.starts_with("  ") || is_entry(text) || text.ends_with(['{', '}', ';', '|'])
}

/// `- entry`, `* entry`, `1. entry`.
fn is_entry(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.len() == line.len() {
        true => ["- ", "* ", "+ ", "• "].iter().any(|mark| line.starts_with(mark)),
        false => rest.starts_with(". ") || rest.starts_with(") "),
    }
}
