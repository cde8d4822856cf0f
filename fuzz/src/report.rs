//! What goes into files for other programs: CSV cells, HTML, the code of an answer.

use llmr::output::{csv, first_code_block, html, sanitize};

use super::feed;

/// Cells: none is a formula, and each is read back as it was.
pub fn csv(data: &[u8]) {
    let cells = feed::parts(data, 4);
    let safe: Vec<String> = cells.iter().map(|cell| csv::unformula(cell).into_owned()).collect();
    for (cell, safe) in cells.iter().zip(&safe) {
        assert!(!safe.starts_with(['=', '+', '-', '@', '\t', '\r']), "{safe:?}");
        // However a spreadsheet parts it: no part behind the first begins a formula but for the lines of a list.
        for part in safe.split([';', '\n', '\r']).skip(1).map(|part| part.trim_start_matches([' ', '"'])) {
            assert!(!part.starts_with(['=', '+', '@', '\t']), "{part:?} of {safe:?}");
            assert!(!part.starts_with('-') || part.starts_with("- "), "{part:?} of {safe:?}");
        }
        // Nothing but `'` was put in.
        let mut rest = cell.chars().peekable();
        let added = safe.chars().filter(|c| rest.next_if_eq(c).is_none()).all(|c| c == '\'');
        assert!(added && rest.next().is_none(), "{cell:?} became {safe:?}");
    }
    let header = ["a", "b", "c", "d"];
    let written = csv::render(&header[..safe.len()], [safe.clone()]).expect("as many cells as titles");
    let body = written.split_once('\n').expect("a header").1;
    assert_eq!(read_back(body), safe, "{written:?}");
}

/// One record of CSV, read as RFC 4180 says.
fn read_back(record: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let (mut quoted, mut chars) = (false, record.strip_suffix('\n').unwrap_or(record).chars().peekable());
    while let Some(c) = chars.next() {
        let last = cells.len() - 1;
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cells[last].push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            '\n' | '\r' if !quoted => panic!("a second record in {record:?}"),
            c => cells[last].push(c),
        }
    }
    assert!(!quoted, "an open quote in {record:?}");
    cells
}

/// Text in a page: nothing of it is markup, and a browser shows it as it was.
pub fn html(data: &[u8]) {
    let text = feed::text(data);
    let escaped = html::escape(&text);
    assert!(!escaped.contains(['<', '>', '"', '\'', '\n', '\u{1b}', '\u{202e}']), "{escaped:?}");
    assert_eq!(unescaped(&escaped), sanitize::line(&text));
    let row = vec![text.clone(), text.clone()];
    let table = html::table(&text, &[("x", false), ("y", true)], &[row]) + &html::tile(&text, &text, &text);
    let plain = html::table("", &[("x", false), ("y", true)], &[vec![String::new(); 2]]) + &html::tile("", "", "");
    assert_eq!(table.matches(['<', '>', '"']).count(), plain.matches(['<', '>', '"']).count(), "{table}");
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    assert_eq!(text.matches('&').count(), entities.iter().map(|(name, _)| text.matches(name).count()).sum::<usize>());
    entities.iter().fold(text.to_owned(), |text, (name, c)| text.replace(name, c))
}

/// The first block of code: its words stand in the answer, in their order.
pub fn code_block(data: &[u8]) {
    let text = feed::text(data);
    let Some(code) = first_code_block(&text) else { return };
    assert!(text.contains("```") || text.contains("~~~"), "code without a fence");
    // A carriage return alone breaks a line, and is not there any more.
    if text.contains('\r') {
        return;
    }
    let mut rest = text.as_str();
    for word in code.split_whitespace().filter(|word| !word.contains('\u{fffd}')) {
        let at = rest.find(word).unwrap_or_else(|| panic!("{word:?} is not in the answer"));
        rest = &rest[at + word.len()..];
    }
}
