//! `llmr select`: which passages of long documents to read for a question. Nobody is asked, no setting is read.

use std::fmt::Write;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use crate::cli;
use crate::commands::Printer;
use crate::engine::retrieval;
use crate::error::{Error, Kind, Result};

/// What stands for standard input.
const STDIN: &str = "-";

/// The passages, in code points of the document: of several files one after the other.
#[derive(Debug, Serialize)]
struct Report {
    spans: Vec<[usize; 2]>,
    /// What they count, each gap between two of them included.
    tokens: u64,
    /// Where each file begins and ends in the whole, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File>,
}

/// One of several files.
#[derive(Debug, Serialize)]
struct File {
    path: String,
    start: usize,
    end: usize,
}

/// A file as it lies in the whole, in bytes.
struct Part {
    path: String,
    bytes: Range<usize>,
}

/// Runs `llmr select`.
pub fn run(args: &cli::Select, printer: &Printer) -> Result<()> {
    if args.budget == 0 {
        return Err(
            Error::new(Kind::Usage, "--budget 0 leaves room for nothing").hint("--budget 4000 is one long page")
        );
    }
    let question = match &args.query_file {
        Some(path) => read(path)?,
        None => args.query.join(" "),
    };
    if question.trim().is_empty() {
        return Err(
            Error::new(Kind::Usage, "the question is empty").hint("give it as words, or with --query-file FILE")
        );
    }
    let (text, parts) = whole(args)?;
    let picked = retrieval::pick(&text, &question, args.budget);
    let spans = retrieval::code_points(&text, &picked.spans).into_iter().map(|span| [span.start, span.end]).collect();
    let report = Report { spans, tokens: picked.tokens, files: files(&text, &parts) };
    printer.print(&report, |_, _| passages(&text, &parts, &picked.spans))
}

/// All documents one after the other, with an empty line between two.
fn whole(args: &cli::Select) -> Result<(String, Vec<Part>)> {
    let (mut text, mut parts) = (String::new(), Vec::new());
    for path in &args.files {
        if !parts.is_empty() {
            text.push_str("\n\n");
        }
        let start = text.len();
        text.push_str(&read(path)?);
        parts.push(Part { path: path.display().to_string(), bytes: start..text.len() });
    }
    Ok((text, parts))
}

fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let bytes = match path.to_str() {
        Some(STDIN) => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        }
        _ => std::fs::read(path),
    };
    let bytes = bytes.map_err(|error| Error::new(Kind::Input, format!("cannot read {shown}: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(Kind::Input, format!("{shown} is not UTF-8 (byte {at})"))
            .hint("iconv -f LATIN1 -t UTF-8 FILE converts a text")
    })
}

/// Where each file lies, in code points; nothing where there is one alone.
fn files(text: &str, parts: &[Part]) -> Vec<File> {
    if parts.len() < 2 {
        return Vec::new();
    }
    let bytes: Vec<Range<usize>> = parts.iter().map(|part| part.bytes.clone()).collect();
    let points = retrieval::code_points(text, &bytes).into_iter();
    points.zip(parts).map(|(span, part)| File { path: part.path.clone(), start: span.start, end: span.end }).collect()
}

/// Each passage under the file and the lines that it is from.
fn passages(text: &str, parts: &[Part], spans: &[Range<usize>]) -> String {
    let mut shown = String::new();
    for span in spans {
        for part in parts {
            let (start, end) = (span.start.max(part.bytes.start), span.end.min(part.bytes.end));
            if start >= end {
                continue;
            }
            let line = |at: usize| 1 + text[part.bytes.start..at].bytes().filter(|byte| *byte == b'\n').count();
            let passage = text[start..end].trim_end_matches(['\n', '\r']);
            let last = line(start + passage.len());
            // Writing to a String cannot fail.
            _ = writeln!(shown, "[{}:{}-{last}]\n{passage}\n", part.path, line(start));
        }
    }
    match shown.is_empty() {
        true => "no passage has a word of the question\n".to_owned(),
        false => shown,
    }
}
