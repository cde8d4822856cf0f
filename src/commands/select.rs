//! `llmr select`: what of long documents to read for a question. Nobody is asked, no setting is read.

use std::io;
use std::ops::Range;

use serde::Serialize;

use super::context::level;
use crate::cli::{self, Global};
use crate::commands::{Printer, question};
use crate::engine::retrieval;
use crate::error::{Error, Kind, Result};
use crate::input::{Asked, documents};
use crate::output::{Messages, Redactor, sanitize};

/// What was picked.
#[derive(Debug, Serialize)]
struct Report {
    /// Of the one document there is; several have theirs under `files`.
    #[serde(skip_serializing_if = "Option::is_none")]
    spans: Option<Vec<Span>>,
    /// What all of it costs together; never more than the budget.
    tokens: u64,
    files: Vec<FileReport>,
}

/// From a code point of the document up to another.
type Span = [usize; 2];

#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    spans: Vec<Span>,
}

/// Runs `llmr select`.
pub fn run(printer: &Printer, global: &Global, args: &cli::Select) -> Result<()> {
    if args.budget == 0 {
        return Err(Error::new(Kind::Usage, "--budget 0 leaves no room for any text")
            .hint("--budget 4000 takes some ten pages of a book"));
    }
    let mut messages = Messages::new(io::stderr(), &printer.terminal, level(global), Redactor::new(&[]));
    let asked = Asked { words: &args.query, query_file: args.query_file.as_deref(), files: &args.files };
    let (documents, question) = documents(&asked, question::stdin(), |hint| messages.hint(hint))?;
    let texts: Vec<&str> = documents.iter().map(|(_, text)| text.as_str()).collect();
    let (picked, tokens) = retrieval::pick_from(&texts, &question, args.budget);
    let files: Vec<FileReport> =
        documents.iter().zip(&picked).map(|((name, text), spans)| of_file(name, text, spans)).collect();
    if files.iter().all(|file| file.spans.is_empty()) {
        messages.note("nothing is picked: no word of the question occurs, or no passage with one fits into the budget");
    }
    let spans = match &files[..] {
        [only] => Some(only.spans.clone()),
        _ => None,
    };
    printer.print(&Report { spans, tokens, files }, |_, _| passages(&documents, &picked))
}

fn of_file(name: &str, text: &str, spans: &[Range<usize>]) -> FileReport {
    let spans = retrieval::code_points(text, spans).into_iter().map(|span| [span.start, span.end]);
    FileReport { file: name.to_owned(), spans: spans.collect() }
}

/// Each passage as it is, below a line with its place; an empty line between two.
fn passages(documents: &[(String, String)], picked: &[Vec<Range<usize>>]) -> String {
    let mut out = String::new();
    for ((name, text), spans) in documents.iter().zip(picked) {
        let name = sanitize::line(name);
        for (span, (first, last)) in spans.iter().zip(retrieval::lines(text, spans)) {
            let passage = text.get(span.clone()).unwrap_or_default();
            let (before, end) =
                (if out.is_empty() { "" } else { "\n" }, if passage.ends_with('\n') { "" } else { "\n" });
            out.extend([before, &format!("{name}:{first}-{last}\n"), passage, end]);
        }
    }
    out
}
