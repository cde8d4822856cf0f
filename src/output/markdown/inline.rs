//! What a piece of a paragraph says: emphasis, code, links and entities as spans of text.
//!
//! An entity may stand for any character, so that decoded text is made harmless once more. A link's address is
//! shown behind its text where it says something else; it is never made clickable by llmr, because a model chose it.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

use super::flow::{BREAK, Chunk, Flow};
use super::style::{Look, Span, Style};
use crate::output::sanitize;

/// What makes a text more than text. Nothing else is parsed at all.
const MARKS: [char; 11] = ['\\', '`', '*', '_', '~', '[', ']', '<', '&', '!', BREAK];

/// The spans of a whole text: a heading, a cell of a table.
pub fn spans(text: &str, style: Style, look: Look) -> Vec<Span> {
    let mut flow = Flow::default();
    let mut chunks: Vec<Chunk> = text.chars().filter_map(|c| flow.push(c)).collect();
    chunks.push(flow.finish());
    let mut spans: Vec<Span> = Vec::new();
    for span in chunks.iter().flat_map(|chunk| chunk_spans(chunk, style, look)) {
        match spans.last_mut() {
            Some(last) if last.style == span.style && !last.is_break() && !span.is_break() => {
                last.text.push_str(&span.text);
            }
            _ => spans.push(span),
        }
    }
    spans
}

/// The spans of a chunk of a paragraph.
pub fn chunk_spans(chunk: &Chunk, style: Style, look: Look) -> Vec<Span> {
    if !chunk.text.contains(MARKS) {
        return if chunk.text.is_empty() { Vec::new() } else { vec![Span::new(style, &*chunk.text)] };
    }
    // What stands before it, so that it begins no block, and that its marks have a neighbour.
    let before = if chunk.first { ". " } else { "x" };
    let text = format!("{before}{}", chunk.text);
    let mut reader = Reader { look, style, spans: Vec::new(), links: Vec::new(), before: before.len() };
    for event in Parser::new_ext(&text, Options::ENABLE_STRIKETHROUGH) {
        reader.event(event);
    }
    reader.spans
}

struct Reader<'a> {
    look: Look,
    style: Style,
    spans: Vec<Span>,
    /// Those that are open, the outermost first.
    links: Vec<Link<'a>>,
    /// Bytes that are not of the text.
    before: usize,
}

/// A link or a picture of which the text is being read.
struct Link<'a> {
    /// Where its text begins, in bytes of all text.
    start: usize,
    address: CowStr<'a>,
    title: CowStr<'a>,
}

impl<'a> Reader<'a> {
    fn event(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => {
                let skipped = std::mem::take(&mut self.before).min(text.len());
                self.text(self.style, text.get(skipped..).unwrap_or_default());
            }
            Event::Code(text) => self.marked(Style::CODE, "`", Some(&text)),
            Event::InlineHtml(text) | Event::Html(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text(self.style, &text);
            }
            Event::FootnoteReference(text) => self.text(self.style, &text),
            Event::SoftBreak | Event::HardBreak => self.spans.push(Span::new(self.style, Span::BREAK)),
            Event::Rule | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            Tag::Emphasis => self.open(Style::ITALIC, "*"),
            Tag::Strong => self.open(Style::BOLD, "**"),
            Tag::Strikethrough => self.open(Style::STRIKE, "~~"),
            Tag::Link { dest_url, title, .. } => {
                self.links.push(Link { start: self.length(), address: dest_url, title });
                self.style = self.style.and(Style::UNDERLINE);
            }
            Tag::Image { dest_url, title, .. } => {
                self.links.push(Link { start: self.length(), address: dest_url, title });
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => self.close(Style::ITALIC, "*"),
            TagEnd::Strong => self.close(Style::BOLD, "**"),
            TagEnd::Strikethrough => self.close(Style::STRIKE, "~~"),
            TagEnd::Link => {
                self.style = self.style.without(Style::UNDERLINE);
                self.address();
            }
            TagEnd::Image => self.address(),
            _ => {}
        }
    }

    /// How much was read so far.
    fn length(&self) -> usize {
        self.spans.iter().map(|span| span.text.len()).sum()
    }

    /// The address of the link that ends, unless its text says it; and its title.
    fn address(&mut self) {
        let Some(Link { start, address, title }) = self.links.pop() else { return };
        let all: String = self.spans.iter().map(|span| span.text.as_str()).collect();
        let said = all.get(start..).unwrap_or_default();
        let line = |text: &str| text.replace(BREAK, " ");
        let (address, title) = (line(&address), line(&title));
        // An e-mail's address has no scheme here, a `mailto:` link's has one.
        let same = said == address || address.strip_prefix("mailto:") == Some(said);
        let title = if title.is_empty() { title } else { format!("\"{title}\"") };
        let shown = [if same { "" } else { &address }, &title].join(" ");
        match shown.trim() {
            "" => {}
            shown if said.is_empty() => self.text(self.style.and(Style::DIM), shown),
            shown => self.text(self.style.and(Style::DIM), &format!(" ({shown})")),
        }
    }

    fn open(&mut self, style: Style, mark: &str) {
        self.marked(style, mark, None);
        self.style = self.style.and(style);
    }

    fn close(&mut self, style: Style, mark: &str) {
        self.style = self.style.without(style);
        self.marked(style, mark, None);
    }

    /// The mark itself where there is no colour, and a text between two of them.
    fn marked(&mut self, style: Style, mark: &str, text: Option<&str>) {
        let mark = if self.look.color { "" } else { mark };
        self.text(self.style, mark);
        if let Some(text) = text {
            self.text(self.style.and(style), text);
            self.text(self.style, mark);
        }
    }

    /// A text that an entity may have brought anything into.
    fn text(&mut self, style: Style, text: &str) {
        for (i, line) in text.split(BREAK).enumerate() {
            if i > 0 {
                self.spans.push(Span::new(style, Span::BREAK));
            }
            let line = sanitize::text(line).replace(['\r', '\n'], " ");
            match self.spans.last_mut() {
                _ if line.is_empty() => {}
                Some(last) if last.style == style && !last.is_break() => last.text.push_str(&line),
                _ => self.spans.push(Span::new(style, line)),
            }
        }
    }
}
