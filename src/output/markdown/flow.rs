//! A paragraph as it flows in: cut into chunks that mean the same however the paragraph goes on, so that its words
//! can be shown while it is still being written.
//!
//! A chunk ends before a blank, or between two wide letters (of a script without blanks), where nothing is open that
//! could end later: emphasis, code, a link, a tag, a formula. It is only looked for openings here; what they mean
//! is decided by [`super::inline`], chunk by chunk. What stays open too long is shown as it is.
//!
//! Formulas (`\(…\)`, `\[…\]`, `$…$`, `$$…$$`) are left as they are, and so is a single tilde (`~5 km`): both are
//! escaped for the parser, which gives them back unchanged.

use unicode_width::UnicodeWidthChar;

/// A line break inside of a chunk. The parser takes it for a blank, and no text has one: it is a control character.
pub const BREAK: char = '\u{c}';
/// From so many bytes on, a chunk ends at the next blank, whatever is open: no emphasis or link is that long.
const LONG: usize = 1000;
/// And from here on anywhere.
const TOO_LONG: usize = 4000;
/// A `$` that is not closed after so many bytes was a dollar.
const FORMULA: usize = 120;

/// Text to be shown at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Markdown of one paragraph, with [`BREAK`] for a line break.
    pub text: String,
    /// Whether it begins a line; otherwise something stands before it.
    pub first: bool,
}

/// The open end of a paragraph.
#[derive(Debug, Default)]
pub struct Flow {
    text: String,
    /// What may be closed later, the outermost first.
    open: Vec<Open>,
    inside: Inside,
    /// Marks of the same kind that have just come: what they mean depends on what follows.
    run: Option<Run>,
    last: Option<char>,
    escaped: bool,
    /// Whether anything was taken out of this paragraph's line.
    flowed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Emphasis {
        mark: char,
        count: usize,
    },
    Bracket,
    /// The address of a link, with so many parentheses open.
    Address(usize),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Text,
    /// Between backticks, so many on each side.
    Code(usize),
    /// In a formula that began at this byte and ends so.
    Formula(usize, &'static str),
    /// Between `<` and `>`.
    Tag,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    mark: char,
    count: usize,
    start: usize,
    before: Option<char>,
}

impl Flow {
    /// The next character, which is no line break. A chunk that ends before it, if one does.
    pub fn push(&mut self, c: char) -> Option<Chunk> {
        if let Some(run) = &mut self.run {
            if run.mark == c && c != '<' {
                run.count += 1;
                self.text.push(c);
                self.last = Some(c);
                return None;
            }
            self.resolve(Some(c));
        }
        let chunk = self.may_cut(c).then(|| self.take());
        self.step(c);
        self.last = Some(c);
        chunk
    }

    /// The line ends. What there was of it, unless something is open that may go on.
    pub fn line_break(&mut self) -> Option<Chunk> {
        self.resolve(None);
        self.escaped = false;
        if matches!(self.inside, Inside::Formula(_, "$")) {
            self.inside = Inside::Text;
        }
        let trimmed = self.text.trim_end_matches([' ', '\t']).len();
        self.text.truncate(trimmed);
        if self.is_closed() || self.text.len() > LONG {
            let chunk = self.take();
            self.flowed = false;
            self.last = None;
            return Some(chunk);
        }
        self.text.push(BREAK);
        self.last = Some(BREAK);
        None
    }

    /// The paragraph ends. What was left of it.
    pub fn finish(&mut self) -> Chunk {
        self.resolve(None);
        let rest = std::mem::take(self);
        Chunk { text: rest.text.trim_end_matches([' ', '\t', BREAK]).to_owned(), first: !rest.flowed }
    }

    /// Whether anything waits for what comes.
    pub fn is_pending(&self) -> bool {
        !self.text.is_empty()
    }

    fn is_closed(&self) -> bool {
        self.open.is_empty() && self.inside == Inside::Text
    }

    fn may_cut(&self, c: char) -> bool {
        let blank = matches!(c, ' ' | '\t');
        if self.text.len() > TOO_LONG || (blank && self.text.len() > LONG) {
            return true;
        }
        self.is_closed() && !self.text.is_empty() && if blank { !self.is_blank() } else { self.between_wide(c) }
    }

    fn is_blank(&self) -> bool {
        self.text.ends_with([' ', '\t', BREAK])
    }

    fn between_wide(&self, c: char) -> bool {
        let wide = |c: char| c.width() == Some(2);
        !self.escaped && wide(c) && c.is_alphanumeric() && self.last.is_some_and(wide)
    }

    fn take(&mut self) -> Chunk {
        self.open.clear();
        self.inside = Inside::Text;
        self.escaped = false;
        let first = !std::mem::replace(&mut self.flowed, true);
        Chunk { text: std::mem::take(&mut self.text), first }
    }

    fn step(&mut self, c: char) {
        let escaped = std::mem::take(&mut self.escaped);
        let after_bracket = self.last == Some(']');
        match (self.inside, c) {
            (Inside::Code(_), '`') => return self.begin_run(c),
            (Inside::Formula(start, end), _) => {
                self.text.push(c);
                return self.in_formula(start, end);
            }
            (Inside::Tag, '>') => self.inside = Inside::Text,
            (Inside::Code(_) | Inside::Tag, _) => {}
            (Inside::Text, '(') if escaped => self.inside = Inside::Formula(self.text.len() - 1, "\\)"),
            (Inside::Text, '[') if escaped => self.inside = Inside::Formula(self.text.len() - 1, "\\]"),
            (Inside::Text, _) if escaped && c.is_ascii_punctuation() => {}
            (Inside::Text, '\\') => self.escaped = true,
            (Inside::Text, '(' | ')') if self.in_address() => self.parenthesis(c),
            (Inside::Text, '*' | '_' | '~' | '`' | '$' | '<') if !self.in_address() => return self.begin_run(c),
            (Inside::Text, '(') if after_bracket => self.open.push(Open::Address(1)),
            (Inside::Text, '[') => self.open.push(Open::Bracket),
            (Inside::Text, ']') => {
                if let Some(at) = self.open.iter().rposition(|open| *open == Open::Bracket) {
                    self.open.truncate(at);
                }
            }
            (Inside::Text, _) => {}
        }
        self.text.push(c);
    }

    fn begin_run(&mut self, mark: char) {
        self.run = Some(Run { mark, count: 1, start: self.text.len(), before: self.last });
        self.text.push(mark);
    }

    fn in_address(&self) -> bool {
        matches!(self.open.last(), Some(Open::Address(_)))
    }

    fn parenthesis(&mut self, c: char) {
        let Some(Open::Address(depth)) = self.open.last_mut() else { return };
        *depth = if c == '(' { *depth + 1 } else { *depth - 1 };
        if *depth == 0 {
            self.open.pop();
        }
    }

    /// Decides what the marks that have just come mean, now that it is known what follows them.
    fn resolve(&mut self, next: Option<char>) {
        let Some(run) = self.run.take() else { return };
        match (run.mark, self.inside) {
            ('`', Inside::Code(count)) if count == run.count => self.inside = Inside::Text,
            (_, Inside::Code(_)) => {}
            ('`', _) => self.inside = Inside::Code(run.count),
            ('<', _) if next.is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '!' | '?')) => {
                self.inside = Inside::Tag;
            }
            ('$', _) => self.dollars(&run, next),
            ('~', _) if run.count != 2 => {
                self.text.truncate(run.start);
                self.text.push_str(&"\\~".repeat(run.count));
            }
            ('*' | '_' | '~', _) => self.emphasis(&run, next),
            _ => {}
        }
    }

    fn dollars(&mut self, run: &Run, next: Option<char>) {
        let formula = next.is_some_and(|c| !c.is_whitespace() && !c.is_numeric());
        match run.count {
            2 => self.inside = Inside::Formula(run.start, "$$"),
            1 if formula && !run.before.is_some_and(char::is_alphanumeric) => {
                self.inside = Inside::Formula(run.start, "$");
            }
            _ => {}
        }
    }

    /// A character of a formula has come: it may be its last one.
    fn in_formula(&mut self, start: usize, end: &str) {
        let formula = &self.text[start..];
        // What opens it closes nothing, and before a closing dollar there is no blank.
        let inner = formula.strip_suffix(end).filter(|inner| inner.len() >= end.len());
        if inner.is_some_and(|inner| end != "$" || !inner.ends_with([' ', BREAK])) {
            let formula = self.text.split_off(start);
            for c in formula.chars() {
                if c.is_ascii_punctuation() {
                    self.text.push('\\');
                }
                self.text.push(c);
            }
            self.inside = Inside::Text;
        } else if end == "$" && formula.len() > FORMULA {
            self.inside = Inside::Text;
        }
    }

    fn emphasis(&mut self, run: &Run, next: Option<char>) {
        let flanks = Flanks::of(run.mark, run.before, next);
        let mut left = run.count;
        while flanks.closes && left > 0 {
            let since = self.open.iter().rposition(|open| *open == Open::Bracket).map_or(0, |at| at + 1);
            let same = |open: &Open| matches!(open, Open::Emphasis { mark, .. } if *mark == run.mark);
            let Some(at) = self.open[since..].iter().rposition(same) else { break };
            self.open.truncate(since + at + 1);
            let Some(Open::Emphasis { count, .. }) = self.open.last_mut() else { break };
            let closed = left.min(*count);
            left -= closed;
            *count -= closed;
            if *count == 0 {
                self.open.pop();
            }
        }
        if flanks.opens && left > 0 {
            self.open.push(Open::Emphasis { mark: run.mark, count: left });
        }
    }
}

/// Whether marks can open or close emphasis, by what stands around them (CommonMark's flanking rules).
struct Flanks {
    opens: bool,
    closes: bool,
}

impl Flanks {
    fn of(mark: char, before: Option<char>, next: Option<char>) -> Self {
        let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
        let sign = |c: Option<char>| !blank(c) && !c.is_some_and(char::is_alphanumeric);
        let left = !blank(next) && (!sign(next) || blank(before) || sign(before));
        let right = !blank(before) && (!sign(before) || blank(next) || sign(next));
        match mark {
            '_' => Self { opens: left && (!right || sign(before)), closes: right && (!left || sign(next)) },
            _ => Self { opens: left, closes: right },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_open_and_close_by_what_stands_around_them() {
        for (mark, before, next, opens, closes) in [
            ('*', Some(' '), Some('a'), true, false),
            ('*', Some('a'), Some(' '), false, true),
            ('*', Some('a'), Some('b'), true, true),
            ('*', Some(' '), Some(' '), false, false),
            ('*', None, None, false, false),
            ('*', None, Some('"'), true, false),
            ('*', Some('a'), Some('"'), false, true),
            ('*', Some('('), Some('"'), true, true),
            ('_', Some('a'), Some('b'), false, false),
            ('_', Some('('), Some('b'), true, false),
            ('_', Some('a'), Some(')'), false, true),
        ] {
            let flanks = Flanks::of(mark, before, next);
            assert_eq!((flanks.opens, flanks.closes), (opens, closes), "{before:?} {mark} {next:?}");
        }
    }

    #[test]
    fn what_closes_emphasis_opens_none() {
        for (text, open) in
            [("a**b", true), ("a**b**c", false), ("a***b**c", true), ("a***b**c*d", false), ("a*b**c", true)]
        {
            let mut flow = Flow::default();
            text.chars().for_each(|c| drop(flow.push(c)));
            assert_eq!(!flow.is_closed(), open, "{text}");
        }
    }
}
