//! Pieces of text with their looks, and how these become bytes: SGR codes where colour is on, the Markdown marks
//! themselves where it is off.
//!
//! Every piece turns its attributes on and off again, so that the terminal is as it was after each of them, wherever
//! the answer breaks off. Colours are of the 16 that the user's own theme defines, and none that vanishes on a light
//! or a dark ground (no white, black, yellow, bright black).

use unicode_width::UnicodeWidthStr;

use crate::output::Terminal;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colours and attributes may be used.
    pub color: bool,
    /// Whether lines and bullets may be drawn beyond ASCII.
    pub utf8: bool,
    /// Columns that a table is fitted into; `None`: as wide as it gets.
    pub columns: Option<usize>,
}

impl Look {
    /// What stdout can show.
    pub fn of(terminal: &Terminal) -> Self {
        Self { color: terminal.stdout_color, utf8: terminal.utf8, columns: terminal.columns().map(usize::from) }
    }

    /// The one of the two that can be shown.
    pub fn glyph(self, utf8: &'static str, ascii: &'static str) -> &'static str {
        if self.utf8 { utf8 } else { ascii }
    }
}

/// A set of attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style(u8);

impl Style {
    /// None.
    pub const PLAIN: Self = Self(0);
    /// Strong emphasis, headings.
    pub const BOLD: Self = Self(1);
    /// What llmr adds: rules, bars, addresses.
    pub const DIM: Self = Self(2);
    /// Emphasis.
    pub const ITALIC: Self = Self(4);
    /// Links, the highest heading.
    pub const UNDERLINE: Self = Self(8);
    /// Struck through.
    pub const STRIKE: Self = Self(16);
    /// Code in a sentence.
    pub const CODE: Self = Self(32);

    const CODES: [(Self, &str); 6] = [
        (Self::BOLD, "1"),
        (Self::DIM, "2"),
        (Self::ITALIC, "3"),
        (Self::UNDERLINE, "4"),
        (Self::STRIKE, "9"),
        (Self::CODE, "36"),
    ];

    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This one without the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn codes(self) -> String {
        let set = Self::CODES.iter().filter(|(style, _)| self.0 & style.0 != 0);
        set.map(|(_, code)| *code).collect::<Vec<_>>().join(";")
    }
}

/// Text of one style. A line break is a span of its own, [`Span::BREAK`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its looks.
    pub style: Style,
    /// Harmless text, on one line.
    pub text: String,
}

impl Span {
    /// The text of a line break.
    pub const BREAK: &'static str = "\n";

    /// Text of a style.
    pub fn new(style: Style, text: impl Into<String>) -> Self {
        Self { style, text: text.into() }
    }

    /// Whether it is a line break.
    pub fn is_break(&self) -> bool {
        self.text == Self::BREAK
    }
}

/// Adds a text in its style.
pub fn paint(out: &mut String, style: Style, text: &str, color: bool) {
    paint_codes(out, &style.codes(), text, color);
}

/// Adds a text with these SGR parameters; without any it is added as it is.
pub fn paint_codes(out: &mut String, codes: &str, text: &str, color: bool) {
    if !color || codes.is_empty() || text.is_empty() {
        out.push_str(text);
    } else {
        out.extend(["\x1b[", codes, "m", text, "\x1b[0m"]);
    }
}

/// The columns of spans on one line.
pub fn width(spans: &[Span]) -> usize {
    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
    text.width()
}
