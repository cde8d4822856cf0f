//! Markdown for a terminal while it is still being written: pieces of text in, finished bytes out.
//!
//! What was given out is never changed: there is no cursor movement, no painting over, no other screen, only text
//! and SGR attributes, which are off again after each piece. So a resize, a paste or a slow stream cannot garble it.
//! Lines are not wrapped here (the terminal does that, and wraps them anew when it is resized; a copied line is
//! whole), but for the cells of tables.
//!
//! A line of a paragraph is shown word by word; a heading and a line of code when they end; a table when it ends,
//! because its columns depend on every row. The result does not depend on how the text is cut into pieces: every
//! decision is made at a character. Work and memory are those of the block that is open, never of the whole answer.
//!
//! The text given in must be harmless already (see [`super::sanitize`]); what entities decode to is made so here.

mod canvas;
mod flow;
mod highlight;
mod inline;
mod line;
mod style;
mod table;
#[cfg(test)]
mod tests;

use canvas::{Canvas, Drawn};
use flow::Flow;
use highlight::Highlighter;
use line::{Container, Fence, Leaf, Open, Place, Start};
pub use style::Look;
use style::{Span, Style};
use table::Table;

/// A line is looked at when it has so many characters, or ends: then it is known what it begins, and whether it has
/// a bar so early that it may be a table's head. The price is that its first words wait for so long.
const OPENING: usize = 24;
/// So much of a paragraph must be there by then, past all marks and blanks.
const LEAST_TEXT: usize = 8;
/// Columns of a thematic break, where there is room.
const RULE: usize = 32;

/// Turns Markdown into text for a terminal.
pub struct Renderer {
    look: Look,
    canvas: Canvas,
    containers: Vec<Container>,
    block: Block,
    flow: Flow,
    /// The line that has begun, as far as it is not shown.
    line: String,
    progress: Progress,
}

/// The block that is open in the innermost container.
enum Block {
    None,
    Paragraph,
    /// A line that is a table's head if the next one says so.
    Head(String),
    Table(Table),
    Code {
        mark: char,
        length: usize,
        indent: usize,
        highlighter: Option<Highlighter>,
    },
}

/// How far a line has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// So many characters, and nothing decided.
    Opening(usize),
    /// It must be whole to be understood.
    Waiting,
    /// Its text goes into the paragraph as it comes.
    Flowing,
}

impl Renderer {
    /// One for a terminal that can show so much.
    pub fn new(look: Look) -> Self {
        Self {
            look,
            canvas: Canvas::new(look),
            containers: Vec::new(),
            block: Block::None,
            flow: Flow::default(),
            line: String::new(),
            progress: Progress::Opening(0),
        }
    }

    /// The columns that tables are fitted into from now on; `None` or 0: as wide as they get.
    pub fn set_columns(&mut self, columns: Option<u16>) {
        self.look.columns = columns.filter(|columns| *columns > 0).map(usize::from);
        self.canvas.set_look(self.look);
    }

    /// The next piece of the text. What can be shown because of it.
    pub fn push(&mut self, text: &str) -> String {
        text.chars().for_each(|c| self.character(c));
        self.canvas.take()
    }

    /// The text ends, whole or not. What was left of it; the next piece begins another text.
    pub fn finish(&mut self) -> String {
        if self.progress == Progress::Flowing || !self.line.is_empty() {
            self.character('\n');
        }
        self.close_block();
        self.keep(0);
        let rest = self.canvas.take();
        *self = Self::new(self.look);
        rest
    }

    fn character(&mut self, c: char) {
        match (c, self.progress) {
            ('\r', _) => {}
            ('\n', progress) => {
                self.progress = Progress::Opening(0);
                let line = std::mem::take(&mut self.line);
                if progress == Progress::Flowing { self.end_of_text() } else { self.whole(&line) }
            }
            (c, Progress::Flowing) => self.flow(c),
            (c, Progress::Waiting) => self.line.push(c),
            (c, Progress::Opening(seen)) => {
                self.line.push(c);
                self.progress = Progress::Opening(seen + 1);
                if seen + 1 == OPENING {
                    let line = std::mem::take(&mut self.line);
                    self.opening(line);
                }
            }
        }
    }

    /// The beginning of a line that goes on: its text flows, if it is a paragraph's and no table is possible.
    fn opening(&mut self, line: String) {
        self.progress = Progress::Waiting;
        if matches!(self.block, Block::None | Block::Paragraph) {
            let place = line::place(self.open(), &line);
            if matches!(place.leaf, Leaf::Text(text) if text.len() >= LEAST_TEXT && !text.contains('|')) {
                self.put(place);
                self.progress = Progress::Flowing;
                return;
            }
        }
        self.line = line;
    }

    fn whole(&mut self, line: &str) {
        if self.code(line) {
            return;
        }
        let place = line::place(self.open(), line);
        let text = matches!(place.leaf, Leaf::Text(_) | Leaf::Delimiters(_));
        self.put(place);
        if text && matches!(self.block, Block::Paragraph) {
            self.end_of_text();
        }
    }

    fn open(&self) -> Open<'_> {
        let (paragraph, head) = match &self.block {
            Block::Head(head) => (true, Some(head.as_str())),
            block => (matches!(block, Block::Paragraph), None),
        };
        Open { containers: &self.containers, paragraph, head }
    }

    /// A line inside of a code block. False where there is none, or where the line ends it from outside.
    fn code(&mut self, line: &str) -> bool {
        let Block::Code { mark, length, indent, highlighter } = &mut self.block else { return false };
        match line::code(&self.containers, (*mark, *length, *indent), line) {
            Some(Some(code)) => {
                let colored = highlighter.as_mut().and_then(|highlighter| highlighter.line(&code));
                if colored.is_none() {
                    *highlighter = None;
                }
                self.canvas.painted_line(colored.as_ref().unwrap_or(&code));
            }
            Some(None) => {
                self.canvas.line(&[Span::new(Style::DIM, self.look.glyph("───", "---"))]);
                self.block = Block::None;
            }
            None => {
                self.block = Block::None;
                return false;
            }
        }
        true
    }

    /// Puts a line, or as much of it as there is, where it belongs.
    fn put(&mut self, place: Place<'_>) {
        let goes_on = place.starts.is_empty() && (place.lazy || place.matched == self.containers.len());
        if goes_on && self.goes_on(&place) {
            return;
        }
        self.close_block();
        self.keep(place.matched);
        if place.starts.is_empty() && place.leaf != Leaf::Blank {
            self.end_list();
        }
        for start in &place.starts {
            self.start(*start);
        }
        match place.leaf {
            Leaf::Blank if place.starts.is_empty() => self.canvas.blank(),
            Leaf::Blank => {}
            Leaf::Fence(fence) => self.fence(fence),
            Leaf::Rule => self.rule(),
            Leaf::Heading(level, text) => self.heading(level, text),
            Leaf::Code(code) => self.canvas.painted_line(&format!("    {code}")),
            Leaf::Text(text) | Leaf::Delimiters(text) => {
                let text = self.task(text, !place.starts.is_empty());
                self.text(text);
            }
        }
    }

    /// Whether the line only continues the block that is open.
    fn goes_on(&mut self, place: &Place<'_>) -> bool {
        match (&mut self.block, &place.leaf) {
            (Block::Table(table), Leaf::Text(row)) if row.contains('|') && !place.lazy => return table.push(row),
            (Block::Head(head), Leaf::Delimiters(row)) if Table::may_begin(head) => {
                self.block = Block::Table(Table::begin(head, row))
            }
            (Block::Head(_), Leaf::Text(text)) => {
                self.no_head();
                self.text(text);
            }
            (Block::Paragraph, Leaf::Text(text)) => self.text(text),
            _ => return false,
        }
        true
    }

    /// Text of a paragraph that is open or begins here; a line with a bar between words may be a table's head.
    fn text(&mut self, text: &str) {
        if text.contains('|') && !self.flow.is_pending() {
            self.block = Block::Head(text.to_owned());
            return;
        }
        self.block = Block::Paragraph;
        text.chars().for_each(|c| self.flow(c));
    }

    /// What might have been a table's head was a line of a paragraph.
    fn no_head(&mut self) {
        let Block::Head(head) = &mut self.block else { return };
        let head = std::mem::take(head);
        self.block = Block::Paragraph;
        head.chars().for_each(|c| self.flow(c));
        self.end_of_text();
    }

    fn flow(&mut self, c: char) {
        if let Some(chunk) = self.flow.push(c) {
            self.canvas.spans(&inline::chunk_spans(&chunk, Style::PLAIN, self.look));
        }
    }

    /// The end of a paragraph's line.
    fn end_of_text(&mut self) {
        if let Some(chunk) = self.flow.line_break() {
            self.canvas.spans(&inline::chunk_spans(&chunk, Style::PLAIN, self.look));
            self.canvas.end_line();
        }
    }

    fn close_block(&mut self) {
        self.no_head();
        match std::mem::replace(&mut self.block, Block::None) {
            Block::Table(table) => {
                let columns = self.look.columns.map(|columns| columns.saturating_sub(self.canvas.indent()));
                let lines = table.render(Look { columns, ..self.look });
                lines.iter().for_each(|line| self.canvas.line(line));
            }
            Block::Paragraph => {
                let chunk = self.flow.finish();
                self.canvas.spans(&inline::chunk_spans(&chunk, Style::PLAIN, self.look));
                self.canvas.end_line();
            }
            Block::None | Block::Head(_) | Block::Code { .. } => {}
        }
    }

    /// All containers but the first so many end.
    fn keep(&mut self, count: usize) {
        self.canvas.close_to(count);
        self.containers.truncate(count);
    }

    /// A list of which the line is no item is over.
    fn end_list(&mut self) {
        if matches!(self.containers.last(), Some(Container::List { .. })) {
            self.keep(self.containers.len() - 1);
        }
    }

    fn start(&mut self, start: Start) {
        let Start::Item { mark, number, indent, offset } = start else {
            self.end_list();
            self.containers.push(Container::Quote);
            self.canvas.open(Drawn::Bar);
            return;
        };
        let number = match self.containers.last_mut() {
            Some(Container::List { mark: same, number }) if *same == mark => {
                *number = number.saturating_add(1);
                *number
            }
            _ => {
                self.end_list();
                self.containers.push(Container::List { mark, number });
                self.canvas.open(Drawn::Nothing);
                number
            }
        };
        self.containers.push(Container::Item { indent, offset });
        let mark = if matches!(mark, '.' | ')') { format!("{number}{mark} ") } else { self.bullet() };
        self.canvas.open(Drawn::Item { mark, shown: false });
    }

    /// A bullet that tells how deep its list is.
    fn bullet(&self) -> String {
        let lists =
            self.containers.iter().filter(|c| matches!(c, Container::List { mark: '-' | '*' | '+', .. })).count();
        let bullet = ["•", "◦", "‣"][lists.saturating_sub(1) % 3];
        format!("{} ", self.look.glyph(bullet, "-"))
    }

    /// A task's box in the place of its bullet; the text behind it.
    fn task<'a>(&mut self, text: &'a str, may_be: bool) -> &'a str {
        let done = [("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")];
        let found = done.iter().find_map(|(written, drawn)| Some((written, drawn, text.strip_prefix(written)?)));
        let Some((written, drawn, rest)) = found.filter(|_| may_be) else { return text };
        self.canvas.remark(self.look.glyph(drawn, written));
        rest
    }

    fn fence(&mut self, fence: Fence<'_>) {
        let rule = self.look.glyph("───", "---");
        let label = if fence.info.is_empty() { rule.to_owned() } else { format!("{rule} {}", fence.info) };
        self.canvas.line(&[Span::new(Style::DIM, label)]);
        let highlighter = if self.look.color { Highlighter::new(fence.info) } else { None };
        let Fence { mark, length, indent, .. } = fence;
        self.block = Block::Code { mark, length, indent, highlighter };
    }

    fn rule(&mut self) {
        let columns = self.look.columns.map_or(RULE, |columns| columns.saturating_sub(self.canvas.indent()));
        let dashes = self.look.glyph("─", "-").repeat(columns.clamp(3, RULE));
        self.canvas.line(&[Span::new(Style::DIM, dashes)]);
    }

    /// Without colour a heading keeps its marks: nothing else would tell its level.
    fn heading(&mut self, level: usize, text: &str) {
        let style = if level == 1 { Style::BOLD.and(Style::UNDERLINE) } else { Style::BOLD };
        let mut spans = inline::spans(text, style, self.look);
        if !self.look.color {
            spans.insert(0, Span::new(Style::PLAIN, format!("{} ", "#".repeat(level))));
        }
        self.canvas.line(&spans);
    }
}
