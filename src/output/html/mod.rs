//! One self-contained HTML page: no script, no font, no image and no address of anything else.
//!
//! What is shown comes in as text and leaves escaped; only the functions here and in [`chart`] write markup.

pub mod chart;
mod scale;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::sanitize;

/// Colours are named by role and given twice, for light and dark. The two series are blue and orange: told apart
/// with any of the usual colour blindnesses, and at least 3 to 1 against their background; text is at least 4.5 to 1.
const STYLE: &str = include_str!("page.css");

/// A text from anywhere as text of a page or value of an attribute: on one line, harmless, escaped.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in sanitize::line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A whole page around a body of markup. Its policy forbids everything but its own style.
pub fn page(title: &str, body: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

/// A column of a table: its title, and whether it holds numbers.
pub type Column = (&'static str, bool);

/// A table of texts; its first column names the rows.
pub fn table(caption: &str, columns: &[Column], rows: &[Vec<String>]) -> String {
    let class = |i: usize| if columns.get(i).is_some_and(|(_, number)| *number) { " class=\"n\"" } else { "" };
    let mut out = format!("<div class=\"wide\"><table>\n<caption>{}</caption>\n<thead><tr>", escape(caption));
    for (i, (title, _)) in columns.iter().enumerate() {
        _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(i), escape(title));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            let (open, close) = if i == 0 { ("<th scope=\"row\"", "</th>") } else { ("<td", "</td>") };
            _ = write!(out, "{open}{}><bdi>{}</bdi>{close}", class(i), escape(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    out
}

/// Markup that is shown when it is asked for.
pub fn details(summary: &str, inner: &str) -> String {
    format!("<details><summary>{}</summary>\n{inner}</details>\n", escape(summary))
}

/// A figure that stands for itself: what it is of, the figure, a remark.
pub fn tile(of: &str, figure: &str, remark: &str) -> String {
    format!(
        "<div class=\"tile\"><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>\n",
        escape(of),
        escape(figure),
        escape(remark)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(escape("<script>'\"&</script>"), "&lt;script&gt;&#39;&quot;&amp;&lt;/script&gt;");
        assert!(!escape("a\nb\u{1b}[31m\u{202e}c").contains(['\n', '\u{1b}', '\u{202e}']));
        let all = table("<i>", &[("<b>", false)], &[vec!["<script>alert(1)</script>".to_owned()]]);
        assert!(!all.contains("<script") && !all.contains("<i>") && !all.contains("<b>"), "{all}");
        assert!(page("</title><script>", "").contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
        assert!(!tile("<", "<", "<").contains("<<"));
    }

    #[test]
    fn the_style_needs_nothing_from_elsewhere() {
        for word in ["url(", "@import", "http", "<"] {
            assert!(!STYLE.contains(word), "{word}");
        }
    }
}
