//! Rows as CSV: a header, commas, quotes where they are needed, `\n` at the end of a line.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, and what a
//! stranger wrote could then read files or send them away: [`unformula`] is for every text that may be one's.

use std::borrow::Cow;

use crate::error::{Error, Kind, Result};

/// A text that no spreadsheet takes for a formula: with a `'` in front, as spreadsheets write it themselves.
pub fn unformula(text: &str) -> Cow<'_, str> {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
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
    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let row = ["a,b", "say \"x\"", "two\nlines", "", "plain"].map(str::to_owned).to_vec();
        let text = super::render(&["a", "b", "c", "d", "e"], [row.clone()]).unwrap();
        assert_eq!(text, "a,b,c,d,e\n\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",,plain\n");
        assert_eq!(super::render(&["a"], []).unwrap(), "a\n");
        assert!(super::render(&["a"], [row]).is_err());
    }
}
