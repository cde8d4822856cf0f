//! Rows as CSV: a header, commas, quotes where they are needed, `\n` at the end of a line.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@` (in some countries also their wide forms), a tab or a line
//! break for a formula, and what a stranger wrote could then read files or send them away: [`unformula`] is for every
//! text that may be one's. Where the decimal sign is a comma a spreadsheet parts cells by `;` and takes a quote in the
//! middle of one for a letter: so no formula may begin behind a `;` or a line break inside a text either. There only
//! `- ` is let be: it begins a line of every list.

use std::borrow::Cow;

use crate::error::{Error, Kind, Result};

/// What begins a formula.
const BEGINS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}'];

/// A text that no spreadsheet takes for a formula: with a `'` before what would begin one, as spreadsheets write it
/// themselves.
pub fn unformula(text: &str) -> Cow<'_, str> {
    if !text.starts_with(BEGINS) && !text.contains([';', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    // What parts cells, with the quotes and blanks behind it that a spreadsheet takes off; a cell begins there.
    let mut behind = Some(';');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let listed = c == '-' && behind != Some(';') && chars.peek() == Some(&' ');
        let line_end = matches!(c, '\n' | '\r') && !out.is_empty();
        if behind.is_some() && BEGINS.contains(&c) && !listed && !line_end {
            out.push('\'');
        }
        behind = match c {
            ';' | '\n' | '\r' => Some(c),
            '"' | ' ' => behind,
            _ => None,
        };
        out.push(c);
    }
    Cow::Owned(out)
}

/// The rows under their header. Every row must have as many cells as it.
pub fn render(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |why: &dyn std::fmt::Display| Error::new(Kind::Other, format!("cannot write as CSV: {why}"));
    writer.write_record(header).map_err(|why| failed(&why))?;
    for row in rows {
        writer.write_record(&row).map_err(|why| failed(&why))?;
    }
    let bytes = writer.into_inner().map_err(|why| failed(&why))?;
    String::from_utf8(bytes).map_err(|why| failed(&why))
}

#[cfg(test)]
mod tests {
    use super::unformula;

    #[test]
    fn no_text_is_a_formula() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("- a list", "'- a list"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r'=1"),
            ("\n=1", "'\n'=1"),
            ("\u{FF1D}1", "'\u{FF1D}1"),
            ("x;=1", "x;'=1"),
            ("x; \"=1;@y", "x; \"'=1;'@y"),
            ("x\n=1\r\n+2\n\n@3", "x\n'=1\r\n'+2\n\n'@3"),
            ("x\n-1", "x\n'-1"),
            ("list:\n- a\n- b", "list:\n- a\n- b"),
            ("a = b; c - d\ne + f", "a = b; c - d\ne + f"),
            ("", ""),
            ("plain", "plain"),
        ] {
            assert_eq!(unformula(text), cell, "{text:?}");
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let row = ["a,b", "say \"x\"", "two\nlines", "", "plain"].map(str::to_owned).to_vec();
        let text = super::render(&["a", "b", "c", "d", "e"], [row.clone()]).unwrap();
        assert_eq!(text, "a,b,c,d,e\n\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",,plain\n");
        assert_eq!(super::render(&["a"], []).unwrap(), "a\n");
        assert!(super::render(&["a"], [row]).is_err());
    }
}
