//! The text of a `.env` file into entries, in the grammar of the `dotenvy` crate.
//!
//! Not that crate itself, because it expands `$NAME` from the process environment while it parses: whoever writes a
//! `.env` could then move one variable's value into another. Here parsing reads nothing, an entry says where it would
//! be expanded, and the same parse decides what is refused and what is used. It differs from dotenvy only where that
//! one stumbles: an underscore belongs to a `$NAME`, a quote after one still closes, a lone `$` stays, and a last
//! line may end in blanks. A test holds the two together.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

/// One `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its value, or what is wrong with it; a wrong value does not spoil the entries after it.
    pub value: Result<Value, &'static str>,
}

/// A value as it was written. Its `Debug` shows nothing: it may be a key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Value(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `$NAME` or `${NAME}`; empty for a `$` without a name.
    Expand(String),
}

/// Why a whole file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: &'static str,
}

const NOT_AN_ASSIGNMENT: &str = "not of the form NAME=VALUE";
const UNCLOSED: &str = "a quote that is opened here is never closed";
const TRAILING: &str = "text after a space: quote the whole value";
const BAD_ESCAPE: &str = "a backslash that escapes nothing: put the value into single quotes";
const BAD_NAME: &str = "only $NAME and ${NAME} are understood";

/// The entries in their order, duplicates included.
pub fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser { chars: text.chars().peekable(), line: 1 };
    let mut entries = Vec::new();
    while parser.skip_to_entry() {
        entries.push(parser.entry()?);
    }
    Ok(entries)
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

impl Value {
    /// The value, if it is the same however it is read: nothing in it would be expanded.
    pub fn literal(&self) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Expand(_) => None,
        };
        self.0.iter().map(text).collect()
    }

    /// The value with every `$NAME` replaced by what `lookup` knows of it, or by nothing.
    pub fn expanded(&self, lookup: impl Fn(&str) -> Option<String>) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Expand(name) if name.is_empty() => "$".to_owned(),
            Piece::Expand(name) => lookup(name).unwrap_or_default(),
        };
        self.0.iter().map(text).collect()
    }

    fn push(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => self.0.push(Piece::Text(c.into())),
        }
    }
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.chars.next_if(|&c| wanted(c)) {
            self.line += usize::from(c == '\n');
            taken.push(c);
        }
        taken
    }

    fn skip_blanks(&mut self) {
        self.take_while(|c| c.is_whitespace() && c != '\n');
    }

    fn skip_line(&mut self) {
        self.take_while(|c| c != '\n');
    }

    /// Past empty lines and comments; whether anything follows.
    fn skip_to_entry(&mut self) -> bool {
        self.take_while(char::is_whitespace);
        while self.chars.peek() == Some(&'#') {
            self.skip_line();
            self.take_while(char::is_whitespace);
        }
        self.chars.peek().is_some()
    }

    fn entry(&mut self) -> Result<Entry, SyntaxError> {
        let line = self.line;
        let wrong = SyntaxError { line, what: NOT_AN_ASSIGNMENT };
        let mut name = self.name().ok_or(wrong)?;
        self.skip_blanks();
        if name == "export" && self.chars.peek() != Some(&'=') {
            name = self.name().ok_or(wrong)?;
            self.skip_blanks();
        }
        self.chars.next_if_eq(&'=').ok_or(wrong)?;
        self.skip_blanks();
        Ok(Entry { name, line, value: self.value()? })
    }

    fn name(&mut self) -> Option<String> {
        self.chars.peek().filter(|c| c.is_ascii_alphabetic() || **c == '_')?;
        Some(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.'))
    }

    fn value(&mut self) -> Result<Result<Value, &'static str>, SyntaxError> {
        let (mut value, mut problem) = (Value::default(), Ok(()));
        if self.chars.peek() == Some(&'#') {
            self.skip_line();
        }
        while let Some(c) = self.chars.next_if(|&c| c != '\n') {
            let piece = match c {
                '\'' => self.single_quoted(&mut value)?,
                '"' => self.double_quoted(&mut value)?,
                c if c.is_whitespace() => self.after_value(),
                c => self.plain(c, &mut value),
            };
            problem = problem.and(piece);
        }
        Ok(problem.map(|()| value))
    }

    /// What means the same outside of quotes and between double ones.
    fn plain(&mut self, c: char, value: &mut Value) -> Result<(), &'static str> {
        match c {
            '$' => self.expansion(value),
            '\\' => self.escape(value),
            c => {
                value.push(c);
                Ok(())
            }
        }
    }

    fn escape(&mut self, value: &mut Value) -> Result<(), &'static str> {
        let c = self.chars.next_if(|c| matches!(c, '\\' | '\'' | '"' | '$' | ' ' | 'n')).ok_or(BAD_ESCAPE)?;
        value.push(if c == 'n' { '\n' } else { c });
        Ok(())
    }

    fn expansion(&mut self, value: &mut Value) -> Result<(), &'static str> {
        let in_braces = self.chars.next_if_eq(&'{').is_some();
        let name = self.take_while(|c| c.is_alphanumeric() || c == '_');
        let closed = !in_braces || (!name.is_empty() && self.chars.next_if_eq(&'}').is_some());
        value.0.push(Piece::Expand(name));
        if closed { Ok(()) } else { Err(BAD_NAME) }
    }

    fn single_quoted(&mut self, value: &mut Value) -> Result<Result<(), &'static str>, SyntaxError> {
        let unclosed = SyntaxError { line: self.line, what: UNCLOSED };
        loop {
            match self.next().ok_or(unclosed)? {
                '\'' => return Ok(Ok(())),
                c => value.push(c),
            }
        }
    }

    fn double_quoted(&mut self, value: &mut Value) -> Result<Result<(), &'static str>, SyntaxError> {
        let unclosed = SyntaxError { line: self.line, what: UNCLOSED };
        let mut problem = Ok(());
        loop {
            match self.next().ok_or(unclosed)? {
                '"' => return Ok(problem),
                c => problem = problem.and(self.plain(c, value)),
            }
        }
    }

    /// Behind the blank that ends a value only a comment may follow.
    fn after_value(&mut self) -> Result<(), &'static str> {
        self.skip_blanks();
        let clean = matches!(self.chars.peek(), None | Some('\n' | '#'));
        self.skip_line();
        if clean { Ok(()) } else { Err(TRAILING) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let literal = |e: Entry| (e.name, e.value.unwrap().literal().unwrap());
        parse(text).unwrap().into_iter().map(literal).collect()
    }

    #[test]
    fn values_are_read_as_dotenv_reads_them() {
        let cases = [
            ("A=1", "1"),
            ("A = 1  # why", "1"),
            ("export A=1", "1"),
            ("export\tA=1", "1"),
            ("  A=", ""),
            ("A=#x", ""),
            ("A=a#b", "a#b"),
            ("A='a b' #c", "a b"),
            ("A=\"a # b\"", "a # b"),
            ("A='a\nb'", "a\nb"),
            (r#"A="a\nb""#, "a\nb"),
            (r"A=a\ b", "a b"),
            (r"A=\$x", "$x"),
            (r#"A="\$x""#, "$x"),
            ("A='$x'", "$x"),
            ("A=a'b'\"c\"d", "abcd"),
            ("A=1\r\n", "1"),
            ("\u{feff}A=1", "1"),
            ("# A=2\n\n  # x\nA=1", "1"),
            ("A=1   ", "1"),
            ("A=a=b", "a=b"),
        ];
        for (text, value) in cases {
            assert_eq!(pairs(text), [("A".to_owned(), value.to_owned())], "{text:?}");
        }
        assert_eq!(pairs("export=1"), [("export".into(), "1".into())]);
        assert_eq!(pairs(""), []);
    }

    #[test]
    fn what_would_be_expanded_has_no_literal() {
        let env = |name: &str| (name == "MY_KEY").then(|| "v".to_owned());
        let cases = [
            ("A=$MY_KEY", "v"),
            ("A=a${MY_KEY}b", "avb"),
            ("A=\"$MY_KEY\"", "v"),
            ("A=\"'$MY_KEY'\"", "'v'"),
            ("A='x'$MY_KEY", "xv"),
            ("A=$NONE.", "."),
            ("A=5$", "5$"),
            ("A=a$-b", "a$-b"),
            (r"A=\\$MY_KEY", r"\v"),
        ];
        for (text, expanded) in cases {
            let entry = parse(text).unwrap().remove(0);
            let value = entry.value.unwrap();
            assert_eq!(value.literal(), None, "{text}");
            assert_eq!(value.expanded(env), expanded, "{text}");
        }
    }

    #[test]
    fn a_wrong_value_is_its_own_entry_s_trouble() {
        let wrong = [
            ("A=b c", TRAILING),
            ("A=b\rc", "text after a space: quote the whole value"),
            (r"A=\d", BAD_ESCAPE),
            ("A=b\\", BAD_ESCAPE),
            ("A=\"a\\\nb\"", BAD_ESCAPE),
            ("A=${B", BAD_NAME),
            ("A=${}", BAD_NAME),
            ("A=${B:-c}", BAD_NAME),
            ("A=\"${B\"", BAD_NAME),
        ];
        for (text, what) in wrong {
            let text = format!("{text}\nNEXT=1");
            let entries = parse(&text).unwrap();
            assert_eq!(entries.iter().map(|e| &*e.name).collect::<Vec<_>>(), ["A", "NEXT"], "{text:?}");
            assert_eq!(entries[0].value, Err(what), "{text:?}");
        }
    }

    #[test]
    fn lines_are_counted() {
        let text = "A=1\r\n\r\n# c\nB='x\ny\nz'\nC=3\n";
        let lines: Vec<_> = parse(text).unwrap().into_iter().map(|e| (e.name, e.line)).collect();
        assert_eq!(lines, [("A".to_owned(), 1), ("B".to_owned(), 4), ("C".to_owned(), 7)]);
        let broken = [
            ("A=1\nplain words", 2, NOT_AN_ASSIGNMENT),
            ("=1", 1, NOT_AN_ASSIGNMENT),
            ("\n1A=1", 2, NOT_AN_ASSIGNMENT),
            ("A-B=1", 1, NOT_AN_ASSIGNMENT),
            ("A", 1, NOT_AN_ASSIGNMENT),
            ("export A", 1, NOT_AN_ASSIGNMENT),
            ("A=1\nB='x\ny\n", 2, UNCLOSED),
            ("A=1\nB='x\ny'\"z\n", 3, UNCLOSED),
            ("A=it's\nB=2", 1, UNCLOSED),
        ];
        for (text, line, what) in broken {
            assert_eq!(parse(text), Err(SyntaxError { line, what }), "{text:?}");
        }
    }

    /// Every text over a small alphabet: where dotenvy reads it and nothing is expanded, so does this, alike.
    #[test]
    fn agrees_with_dotenvy_wherever_both_read_a_text() {
        const PARTS: [&str; 10] = ["A", "=", "'", "\"", "\\", " ", "#", "\n", "b", "\r\n"];
        let (mut same, mut refused) = (0, 0);
        for n in 0..10_usize.pow(6) {
            let text: String = (0..6).map(|i| PARTS[n / 10_usize.pow(i) % 10]).collect();
            // Only texts that begin an assignment can differ.
            if !text.starts_with("A=") {
                continue;
            }
            let Ok(theirs) = dotenvy::from_read_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>() else { continue };
            match parse(&text).map(|entries| entries.into_iter().map(as_pair).collect::<Option<Vec<_>>>()) {
                Ok(Some(ours)) => {
                    // Except for an escaped space at the end of a line, which dotenvy cuts off.
                    let trimmed = |pairs: &[(String, String)]| {
                        pairs.iter().map(|(n, v)| (n.clone(), v.trim_end_matches(' ').to_owned())).collect::<Vec<_>>()
                    };
                    assert_eq!(trimmed(&ours), trimmed(&theirs), "{text:?}");
                    same += 1;
                }
                _ => refused += 1,
            }
        }
        assert!(same > 1000 && refused * 10 < same, "{same} alike, {refused} refused here only");
    }

    fn as_pair(entry: Entry) -> Option<(String, String)> {
        Some((entry.name, entry.value.ok()?.literal()?))
    }
}
