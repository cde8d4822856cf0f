//! The texts that vectors are made of, and the calls that they are made in.

use std::collections::HashSet;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::cli;
use crate::commands::{Context, question};
use crate::engine::retrieval::{self, lines, pieces_within, tokens};
use crate::error::{Error, Kind, Result};
use crate::input::{self, Given};
use crate::store::TextDigest;
use crate::types::Message;

/// So many texts go into one call: every vendor takes as many, and an answer stays short enough to be kept.
const MOST_TEXTS: usize = 32;
/// So many tokens together; some vendors take no more than twice as many.
const MOST_TOKENS: u64 = 8_000;

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The file's name as given; `text` for the words of the command line, `-` for standard input.
    pub source: String,
    /// The same as an absolute path, for a file.
    pub path: String,
    /// Its lines there, where the file was split.
    pub lines: Option<(usize, usize)>,
    /// Its place in code points, where the file was split.
    pub span: Option<[usize; 2]>,
    /// The text.
    pub text: String,
    /// Of the text.
    pub digest: TextDigest,
}

impl Text {
    /// All of a text.
    pub fn new(source: &str, text: &str) -> Self {
        let digest = Sha256::digest(text).into();
        Self {
            source: source.to_owned(),
            path: source.to_owned(),
            lines: None,
            span: None,
            text: text.to_owned(),
            digest,
        }
    }

    /// As it is sent.
    pub fn message(&self) -> Message {
        Message::user(&self.text)
    }
}

/// What was read.
pub struct Read {
    /// In the order in which it is named.
    pub texts: Vec<Text>,
    /// The files as absolute paths, those without any text too.
    pub sources: Vec<String>,
}

/// What the command line names, in the order in which it names it.
pub fn read(context: &mut Context, args: &cli::Embed) -> Result<Read> {
    let given = Given { words: &args.text, files: &args.files, no_stdin: args.no_stdin };
    let parts = input::read_parts(&given, question::stdin(), |hint| context.messages.hint(hint))?;
    let piped = parts.stdin.filter(|text| !text.is_empty());
    let nameless = parts.prompt.is_some() || piped.is_some() || parts.files.iter().any(|(name, _)| name == STDIN);
    if nameless && args.save.is_some() {
        return Err(Error::new(Kind::Usage, "a collection keeps files: what is found in it is told by its name")
            .hint("write the text to a file and name that: -f FILE"));
    }
    let (mut texts, mut sources) = (Vec::new(), Vec::new());
    let words = parts.prompt.map(|text| (WORDS.to_owned(), text));
    let piped = piped.map(|text| (STDIN.to_owned(), text));
    for (name, text) in words.into_iter().chain(parts.files).chain(piped) {
        let path = absolute(context, &name);
        if args.save.is_none() || !sources.contains(&path) {
            let cut = cut(&name, &text, args.lines, args.split);
            texts.extend(cut.into_iter().map(|text| Text { path: path.clone(), ..text }));
            sources.push(path);
        }
    }
    if texts.is_empty() && args.save.is_none() {
        return Err(Error::new(Kind::Input, "there is no text to make a vector of")
            .hint("say llmr embed \"…\", name files with -f, or pipe a text in"));
    }
    Ok(Read { texts, sources })
}

/// A file by its own path, so that it is the same from every folder.
fn absolute(context: &Context, name: &str) -> String {
    let path = context.host.cwd.join(name);
    path.canonicalize().unwrap_or(path).to_string_lossy().into_owned()
}

/// What words of the command line go by.
const WORDS: &str = "text";
/// What standard input goes by.
const STDIN: &str = "-";

/// A whole text as it is, by lines, or in pieces. What has no letter in it is no text.
fn cut(name: &str, whole: &str, by_line: bool, split: Option<u64>) -> Vec<Text> {
    let spans = match (by_line, split) {
        (true, _) => line_spans(whole),
        (_, Some(size)) => pieces_within(whole, size, size),
        _ => return Some(Text::new(name, whole)).filter(|text| !text.text.trim().is_empty()).into_iter().collect(),
    };
    let said: Vec<Range<usize>> = spans.into_iter().filter(|span| !whole[span.clone()].trim().is_empty()).collect();
    let points = retrieval::code_points(whole, &said);
    let mut texts = Vec::with_capacity(said.len());
    for ((span, lines), points) in said.iter().zip(lines(whole, &said)).zip(points) {
        let text = Text::new(name, whole[span.clone()].trim_end_matches(['\n', '\r']));
        texts.push(Text { lines: Some(lines), span: Some([points.start, points.end]), ..text });
    }
    texts
}

fn line_spans(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let span = start..start + line.len();
        start = span.end;
        span
    });
    lines.collect()
}

/// The texts that are asked for, each once, in calls: numbers of texts.
pub fn calls(texts: &[Text], known: impl Fn(&Text) -> bool) -> Vec<Vec<usize>> {
    let (mut calls, mut call, mut cost) = (Vec::new(), Vec::new(), 0);
    let mut seen: HashSet<&TextDigest> = HashSet::new();
    for (number, text) in texts.iter().enumerate() {
        if known(text) || !seen.insert(&text.digest) {
            continue;
        }
        let own = tokens(&text.text);
        if !call.is_empty() && (call.len() >= MOST_TEXTS || cost + own > MOST_TOKENS) {
            calls.push(std::mem::take(&mut call));
            cost = 0;
        }
        call.push(number);
        cost += own;
    }
    calls.extend((!call.is_empty()).then_some(call));
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(whole: &str, lines: bool, split: Option<u64>) -> Vec<Text> {
        cut("a", whole, lines, split)
    }

    #[test]
    fn a_file_is_one_text_or_its_lines_or_pieces_of_it() {
        let whole = "Ärger eins.\n\nTwo.\r\n";
        assert_eq!(of(whole, false, None)[0].text, whole);
        let lines = of(whole, true, None);
        assert_eq!(lines.iter().map(|text| text.text.as_str()).collect::<Vec<_>>(), ["Ärger eins.", "Two."]);
        assert_eq!((lines[1].lines, lines[1].span), (Some((3, 3)), Some([13, 19])));
        let long = "A sentence of seven words stands here. ".repeat(100);
        let pieces = of(&long, false, Some(50));
        assert!(pieces.len() > 10 && pieces.iter().all(|piece| tokens(&piece.text) <= 50));
        assert_eq!(pieces.iter().map(|piece| piece.text.len()).sum::<usize>(), long.len());
        assert!(of(" \n\n", false, None).is_empty() && of(" \n\n", true, None).is_empty());
    }

    #[test]
    fn a_call_is_short_and_no_text_is_asked_for_twice() {
        let texts: Vec<Text> = (0..100).map(|n| Text::new("a", &format!("text {}", n % 80))).collect();
        let all = calls(&texts, |_| false);
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [32, 32, 16]);
        assert_eq!(calls(&texts, |text| text.text != "text 7"), [[7]]);
        let long: Vec<Text> = (0..5).map(|n| Text::new("a", &format!("{n} {}", "word ".repeat(3000)))).collect();
        assert_eq!(calls(&long, |_| false).iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        assert!(calls(&texts, |_| true).is_empty());
    }
}
