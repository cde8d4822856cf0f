//! The documents, their questions, and what of an answer is inside a picked text.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

/// A document with its questions.
pub struct Set {
    pub name: String,
    pub text: String,
    pub questions: Vec<Question>,
}

pub struct Question {
    pub text: String,
    /// Bytes of the document.
    pub gold: Vec<Range<usize>>,
}

/// All sets of a folder, by name.
pub fn sets(folder: &Path) -> Result<Vec<Set>, Box<dyn Error>> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".txt.gz").map(str::to_owned));
    }
    names.sort();
    names.into_iter().map(|name| set(folder, name)).collect()
}

fn set(folder: &Path, name: String) -> Result<Set, Box<dyn Error>> {
    let text = unpacked(&folder.join(format!("{name}.txt.gz")))?;
    let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    bytes.push(text.len());
    let mut questions = Vec::new();
    for line in unpacked(&folder.join(format!("{name}.questions.jsonl.gz")))?.lines() {
        let value: serde_json::Value = serde_json::from_str(line)?;
        let at = |value: &serde_json::Value| {
            value.as_u64().and_then(|at| bytes.get(at as usize)).copied().unwrap_or(text.len())
        };
        let gold = value["gold"].as_array().into_iter().flatten().map(|span| at(&span[0])..at(&span[1])).collect();
        questions.push(Question { text: value["question"].as_str().unwrap_or_default().to_owned(), gold });
    }
    Ok(Set { name, text, questions })
}

fn unpacked(path: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}

/// The share of the answer (bytes) inside the spans.
pub fn recall(gold: &[Range<usize>], spans: &[Range<usize>]) -> f64 {
    let all: usize = gold.iter().map(ExactSizeIterator::len).sum();
    let inside =
        |gold: &Range<usize>, span: &Range<usize>| gold.end.min(span.end).saturating_sub(gold.start.max(span.start));
    let covered: usize = gold.iter().flat_map(|gold| spans.iter().map(move |span| inside(gold, span))).sum();
    covered as f64 / all.max(1) as f64
}
