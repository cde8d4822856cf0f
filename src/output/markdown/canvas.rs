//! Finished lines: what stands before them (bars of quotes, marks of items, indentation), and the empty lines
//! between blocks. Lines only ever grow at their end.

use super::style::{Look, Span, Style, paint};

/// What a container puts before its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drawn {
    /// Nothing: a list.
    Nothing,
    /// A bar: a quote.
    Bar,
    /// A mark on the first line and as many blanks on the others: an item.
    Item {
        /// With the blank behind it.
        mark: String,
        /// Whether the first line is over.
        shown: bool,
    },
}

impl Drawn {
    fn width(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Bar => 2,
            Self::Item { mark, .. } => mark.chars().count(),
        }
    }
}

/// Lines that are finished, and what comes before the next one.
#[derive(Debug)]
pub struct Canvas {
    look: Look,
    out: String,
    drawn: Vec<Drawn>,
    /// Containers that have a line already: an empty line belongs to them alone.
    settled: usize,
    in_line: bool,
    blank: bool,
    begun: bool,
}

impl Canvas {
    /// An empty one.
    pub fn new(look: Look) -> Self {
        Self { look, out: String::new(), drawn: Vec::new(), settled: 0, in_line: false, blank: false, begun: false }
    }

    /// What was drawn since the last time. It is never changed again.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// What can be shown from now on.
    pub fn set_look(&mut self, look: Look) {
        self.look = look;
    }

    /// A container begins.
    pub fn open(&mut self, drawn: Drawn) {
        self.drawn.push(drawn);
    }

    /// Another mark for the item that has just begun.
    pub fn remark(&mut self, other: &str) {
        if let Some(Drawn::Item { mark, shown: false }) = self.drawn.last_mut() {
            other.clone_into(mark);
        }
    }

    /// All containers but the first so many end. An item without any content is its mark.
    pub fn close_to(&mut self, count: usize) {
        let ending = self.drawn.get(count..).unwrap_or_default();
        if ending.iter().any(|drawn| matches!(drawn, Drawn::Item { shown: false, .. })) {
            self.painted_line("");
        }
        self.drawn.truncate(count);
        self.settled = self.settled.min(count);
    }

    /// An empty line is wanted before the next one.
    pub fn blank(&mut self) {
        self.blank = true;
    }

    /// Columns that stand before each line.
    pub fn indent(&self) -> usize {
        self.drawn.iter().map(Drawn::width).sum()
    }

    /// Adds to the line that is open, or to a new one.
    pub fn spans(&mut self, spans: &[Span]) {
        for span in spans {
            if span.is_break() {
                self.end_line();
            } else {
                self.begin();
                paint(&mut self.out, span.style, &span.text, self.look.color);
            }
        }
    }

    /// A whole line that is painted already. An empty one leaves no blanks behind its bars.
    pub fn painted_line(&mut self, text: &str) {
        self.begin();
        self.out.push_str(text);
        if text.is_empty() {
            let end = self.out.trim_end_matches(' ').len();
            self.out.truncate(end);
        }
        self.end_line();
    }

    /// A whole line.
    pub fn line(&mut self, spans: &[Span]) {
        let mut text = String::new();
        spans.iter().for_each(|span| paint(&mut text, span.style, &span.text, self.look.color));
        self.painted_line(&text);
    }

    /// Ends the line that is open, if one is.
    pub fn end_line(&mut self) {
        if std::mem::take(&mut self.in_line) {
            self.out.push('\n');
        }
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.in_line, true) {
            return;
        }
        if std::mem::take(&mut self.blank) && self.begun {
            let mut empty = String::new();
            self.drawn.iter().take(self.settled).for_each(|drawn| prefix(&mut empty, drawn, self.look));
            self.out.push_str(empty.trim_end());
            self.out.push('\n');
        }
        self.begun = true;
        self.settled = self.drawn.len();
        for drawn in &mut self.drawn {
            match drawn {
                Drawn::Item { mark, shown: shown @ false } => {
                    *shown = true;
                    self.out.push_str(mark);
                }
                drawn => prefix(&mut self.out, drawn, self.look),
            }
        }
    }
}

/// What stands before a line that is not an item's first.
fn prefix(out: &mut String, drawn: &Drawn, look: Look) {
    match drawn {
        Drawn::Nothing => {}
        Drawn::Bar => {
            paint(out, Style::DIM, look.glyph("│", ">"), look.color);
            out.push(' ');
        }
        Drawn::Item { .. } => out.push_str(&" ".repeat(drawn.width())),
    }
}
