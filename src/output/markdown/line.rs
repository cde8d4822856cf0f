//! What a line is, in the blocks that are open: pure recognition after CommonMark, a line at a time.
//!
//! Where it differs, it is because answers differ from documents: an item's sublist may be indented too little, a
//! fence in an item goes on when its lines are indented too little, a table ends at the first line without a bar,
//! and a line of `=` is left as it is, because the heading above it has been printed by then.

/// Blocks inside of each other that are drawn; deeper ones are text. Nobody indents so far but to make trouble.
const DEEPEST: usize = 24;

/// A block that holds other blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Container {
    /// `>`.
    Quote,
    /// Items with the same mark (`-`, `*`, `+`, `.`, `)`), and the number of the last one.
    List {
        /// What distinguishes it from a list that follows it directly.
        mark: char,
        /// Of the last item; a list with bullets counts too.
        number: u64,
    },
    /// One item.
    Item {
        /// Columns that its further lines are indented by.
        indent: usize,
        /// Columns before its mark.
        offset: usize,
    },
}

/// A block that begins on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A quote.
    Quote,
    /// An item of a list.
    Item {
        /// As in [`Container::List`].
        mark: char,
        /// As it was written; 0 for a bullet.
        number: u64,
        /// As in [`Container::Item`].
        indent: usize,
        /// As in [`Container::Item`].
        offset: usize,
    },
}

/// What the rest of a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf<'a> {
    /// Nothing.
    Blank,
    /// The first line of a fenced code block.
    Fence(Fence<'a>),
    /// A thematic break.
    Rule,
    /// A heading: its level, from 1, and its text.
    Heading(usize, &'a str),
    /// A line of indented code, without its indentation.
    Code(String),
    /// The row below a table's head.
    Delimiters(&'a str),
    /// Anything else.
    Text(&'a str),
}

/// The first line of a fenced code block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence<'a> {
    /// A backtick or a tilde.
    pub mark: char,
    /// How many there are.
    pub length: usize,
    /// Columns before them.
    pub indent: usize,
    /// What follows them, trimmed: the language.
    pub info: &'a str,
}

/// Where a line belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// How many of the open containers it continues.
    pub matched: usize,
    /// Containers that begin on it.
    pub starts: Vec<Start>,
    /// The rest of it.
    pub leaf: Leaf<'a>,
    /// Whether it continues the paragraph of containers that it does not continue itself.
    pub lazy: bool,
}

/// What is open before a line.
#[derive(Debug, Clone, Copy)]
pub struct Open<'a> {
    /// Containers, the outermost first.
    pub containers: &'a [Container],
    /// Whether a paragraph is open in them.
    pub paragraph: bool,
    /// Its last line, if that could be a table's head.
    pub head: Option<&'a str>,
}

/// Where a line (without its line break) belongs, outside of a fence.
pub fn place<'a>(open: Open<'_>, line: &'a str) -> Place<'a> {
    let mut cursor = Cursor::new(line);
    let matched = open.containers.iter().take_while(|container| continues(container, &mut cursor)).count();
    let whole = matched == open.containers.len();
    if whole && open.head.is_some_and(|head| is_delimiter_row(head, cursor.rest())) {
        return Place { matched, starts: Vec::new(), leaf: Leaf::Delimiters(cursor.rest()), lazy: false };
    }
    let starts = starts(&mut cursor, whole && open.paragraph, DEEPEST.saturating_sub(matched));
    let goes_on = open.paragraph && starts.is_empty();
    let leaf = leaf(&mut cursor, goes_on);
    let lazy = goes_on && !whole && matches!(leaf, Leaf::Text(_));
    Place { matched, starts, leaf, lazy }
}

/// Whether a container goes on, moving past what belongs to it.
fn continues(container: &Container, cursor: &mut Cursor<'_>) -> bool {
    match container {
        Container::List { .. } => true,
        Container::Quote => cursor.skip_quote(),
        Container::Item { .. } if cursor.rest().is_empty() => true,
        Container::Item { indent, .. } if cursor.indent() >= *indent => {
            cursor.skip(*indent);
            true
        }
        Container::Item { offset, .. } if cursor.indent() >= offset + 2 && mark_of(cursor.rest()).is_some() => {
            cursor.skip(usize::MAX);
            true
        }
        Container::Item { .. } => false,
    }
}

/// The containers that begin here, moving past their marks.
fn starts(cursor: &mut Cursor<'_>, in_paragraph: bool, most: usize) -> Vec<Start> {
    let mut starts = Vec::new();
    while starts.len() < most && cursor.indent() < 4 && !is_rule(cursor.rest()) {
        let offset = cursor.indent();
        if cursor.skip_quote() {
            starts.push(Start::Quote);
            continue;
        }
        let Some(mark) = mark_of(cursor.rest()) else { break };
        if in_paragraph && starts.is_empty() && !mark.interrupts {
            break;
        }
        cursor.skip(usize::MAX);
        cursor.advance(mark.length);
        // Five columns or more are code, or nothing: then one belongs to the mark.
        let after = if cursor.rest().is_empty() { 1 } else { cursor.indent() };
        let after = if after > 4 { 1 } else { after };
        cursor.skip(after);
        starts.push(Start::Item { mark: mark.mark, number: mark.number, indent: offset + mark.length + after, offset });
    }
    starts
}

fn leaf<'a>(cursor: &mut Cursor<'a>, in_paragraph: bool) -> Leaf<'a> {
    let rest = cursor.rest();
    if rest.is_empty() {
        return Leaf::Blank;
    }
    if cursor.indent() >= 4 {
        if in_paragraph {
            return Leaf::Text(cursor.flowing());
        }
        cursor.skip(4);
        return Leaf::Code(cursor.remaining());
    }
    if let Some(fence) = fence_of(rest, cursor.indent()) {
        return Leaf::Fence(fence);
    }
    if is_rule(rest) {
        return Leaf::Rule;
    }
    heading_of(rest).unwrap_or_else(|| Leaf::Text(cursor.flowing()))
}

/// Inside of a fence (its mark, length and indent): the line's code, or an inner `None` where the line is its end.
/// `None` where a quote that it stood in is over: the line belongs to what follows.
pub fn code(containers: &[Container], fence: (char, usize, usize), line: &str) -> Option<Option<String>> {
    let (mark, length, indent) = fence;
    let mut cursor = Cursor::new(line);
    for container in containers {
        match container {
            Container::Quote if !cursor.skip_quote() => return None,
            Container::Item { indent, .. } => cursor.skip(*indent),
            _ => {}
        }
    }
    let rest = cursor.rest();
    let closing = rest.len() - rest.trim_start_matches(mark).len();
    if closing >= length && cursor.indent() < 4 && rest[closing..].trim().is_empty() {
        return Some(None);
    }
    cursor.skip(indent);
    Some(Some(cursor.remaining()))
}

/// The mark of an item.
struct Mark {
    mark: char,
    number: u64,
    /// Bytes, which are columns.
    length: usize,
    /// Whether it may end a paragraph.
    interrupts: bool,
}

fn mark_of(rest: &str) -> Option<Mark> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mark = rest[digits..].chars().next()?;
    let (ordered, length) = (digits > 0, digits + 1);
    // More than nine digits are a number that somebody writes about.
    let is_mark = if ordered { matches!(mark, '.' | ')') && digits <= 9 } else { matches!(mark, '-' | '*' | '+') };
    let after = &rest.get(length..)?;
    if !is_mark || !(after.is_empty() || after.starts_with([' ', '\t'])) {
        return None;
    }
    let number = if ordered { rest[..digits].parse().unwrap_or(0) } else { 0 };
    let interrupts = !after.trim().is_empty() && (!ordered || number == 1);
    Some(Mark { mark, number, length, interrupts })
}

fn fence_of(rest: &str, indent: usize) -> Option<Fence<'_>> {
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let info = rest.trim_start_matches(mark);
    let length = rest.len() - info.len();
    let is_fence = length >= 3 && !(mark == '`' && info.contains('`'));
    is_fence.then(|| Fence { mark, length, indent, info: info.trim() })
}

/// Three or more of `-`, `*` or `_`, with nothing but blanks between them.
fn is_rule(rest: &str) -> bool {
    let mut marks = rest.chars().filter(|c| !matches!(c, ' ' | '\t'));
    let Some(first) = marks.next().filter(|c| matches!(c, '-' | '*' | '_')) else { return false };
    let mut more = 0;
    marks.all(|c| {
        more += 1;
        c == first
    }) && more >= 2
}

fn heading_of(rest: &str) -> Option<Leaf<'_>> {
    let text = rest.trim_start_matches('#');
    let level = rest.len() - text.len();
    if !(1..=6).contains(&level) || !(text.is_empty() || text.starts_with([' ', '\t'])) {
        return None;
    }
    let text = text.trim();
    let opened = text.trim_end_matches('#');
    let closed = opened.is_empty() || opened.ends_with([' ', '\t']);
    Some(Leaf::Heading(level, if closed { opened.trim_end() } else { text }))
}

/// Whether this is the row between a table's head and its body. A rule below a sentence with a bar is none.
fn is_delimiter_row(head: &str, rest: &str) -> bool {
    let dashes = |cell: &String| {
        let dashes = cell.strip_prefix(':').unwrap_or(cell);
        let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
        !dashes.is_empty() && dashes.chars().all(|c| c == '-')
    };
    rest.starts_with(['|', '-', ':'])
        && cells(rest).iter().all(dashes)
        && (rest.contains('|') || cells(head).len() == cells(rest).len())
}

/// The cells of a table's row, trimmed; bars that are escaped do not part them, and lose their backslash.
pub fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let mut cells = vec![String::new()];
    let mut chars = row.strip_prefix('|').unwrap_or(row).chars().peekable();
    while let Some(c) = chars.next() {
        match (c, cells.last_mut()) {
            ('|', _) if chars.peek().is_none() => {}
            ('|', _) => cells.push(String::new()),
            ('\\', Some(cell)) => match chars.peek() {
                Some('|') => cell.extend(chars.next()),
                // A backslash that is itself escaped escapes no bar.
                Some('\\') => cell.extend([c].into_iter().chain(chars.next())),
                _ => cell.push(c),
            },
            (c, Some(cell)) => cell.push(c),
            (_, None) => {}
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// A place in a line, in columns: a tab goes on to the next multiple of four and may be consumed in part.
struct Cursor<'a> {
    text: &'a str,
    column: usize,
    /// Columns left of a tab.
    left: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, column: 0, left: 0 }
    }

    /// Columns of blanks ahead.
    fn indent(&self) -> usize {
        let mut column = self.column + self.left;
        for c in self.text.chars() {
            match c {
                ' ' => column += 1,
                '\t' => column += 4 - column % 4,
                _ => break,
            }
        }
        column - self.column
    }

    /// Past at most so many columns of blanks.
    fn skip(&mut self, columns: usize) {
        let mut wanted = columns;
        while wanted > 0 {
            if self.left == 0 {
                self.left = match self.text.chars().next() {
                    Some(' ') => 1,
                    Some('\t') => 4 - self.column % 4,
                    _ => return,
                };
                self.text = &self.text[1..];
            }
            let step = self.left.min(wanted);
            self.left -= step;
            self.column += step;
            wanted -= step;
        }
    }

    /// Past so many bytes of ASCII that is shown.
    fn advance(&mut self, bytes: usize) {
        self.text = self.text.get(bytes..).unwrap_or_default();
        self.column += bytes;
    }

    /// Past a quote's mark and one blank, if it is there.
    fn skip_quote(&mut self) -> bool {
        let is_quote = self.indent() < 4 && self.rest().starts_with('>');
        if is_quote {
            self.skip(usize::MAX);
            self.advance(1);
            self.skip(1);
        }
        is_quote
    }

    /// What is not blank any more.
    fn rest(&self) -> &'a str {
        self.text.trim_start_matches([' ', '\t']).trim_end_matches([' ', '\t'])
    }

    /// The same with the blanks at its end: a line that is still being written goes on after them.
    fn flowing(&self) -> &'a str {
        self.text.trim_start_matches([' ', '\t'])
    }

    /// All of it, blanks too.
    fn remaining(&self) -> String {
        " ".repeat(self.left) + self.text
    }
}
