//! The parts of texts: passages, each below its source, so that a model can cite it and the citation be checked.

use std::ops::Range;

use super::Document;
use crate::engine::retrieval::{Ranking, lines, pieces_within, tokens};

/// Tokens of a passage: so exact a citation is.
const PASSAGE: u64 = 300;
/// Bytes between two passages that cost no more than a source of its own for the second one.
const NEAR: usize = 60;

/// Where a passage stands: lines of a document, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Which document.
    pub document: usize,
    /// Its first line.
    pub first: usize,
    /// Its last line.
    pub last: usize,
}

/// Some passages of texts, as a model reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Each below its source in brackets.
    pub text: String,
    /// The sources, ascending.
    pub sources: Vec<Source>,
    /// What the text costs, in tokens.
    pub tokens: u64,
}

/// One passage.
struct Passage {
    text: String,
    source: Source,
    tokens: u64,
}

/// All of the texts in parts of at most `size` tokens, whole passages each; a part begins with the last passage of the
/// one before, so that nothing is cut off from what it belongs to. Short texts share a part.
pub fn whole(documents: &[Document<'_>], size: u64) -> Vec<Part> {
    let labels = labels(documents);
    let all = documents.iter().enumerate().flat_map(|(number, document)| {
        let most = PASSAGE.min(size / 2).max(1);
        passages(document, &labels[number], number, &pieces_within(document.text, most, most * 2))
    });
    let mut parts = Vec::new();
    let mut part: Vec<Passage> = Vec::new();
    let mut cost = 0;
    for passage in all {
        if !part.is_empty() && cost + passage.tokens > size {
            parts.push(joined(&part));
            let last = part.pop().filter(|last| part.len() > 1 && last.tokens + passage.tokens <= size);
            part.clear();
            part.extend(last);
            cost = part.iter().map(|passage| passage.tokens).sum();
        }
        cost += passage.tokens;
        part.push(passage);
    }
    if !part.is_empty() {
        parts.push(joined(&part));
    }
    parts
}

/// The passages that the question is about, within so many tokens; `None` where no word of it occurs.
pub fn passages_for(documents: &[Document<'_>], question: &str, budget: u64) -> Option<Part> {
    best(&ranking(documents, question), documents, budget)
}

/// The texts ranked against a question.
pub fn ranking<'t>(documents: &[Document<'t>], question: &str) -> Ranking<'t> {
    let texts: Vec<&str> = documents.iter().map(|document| document.text).collect();
    Ranking::of(&texts, question)
}

/// The best passages by a ranking, within so many tokens; `None` where it has none.
pub fn best(ranking: &Ranking<'_>, documents: &[Document<'_>], budget: u64) -> Option<Part> {
    let labels = labels(documents);
    let mut within = budget;
    // Fewer until they fit with their sources above them: how much these take depends on how long the passages are.
    while within > 0 {
        let (picked, _) = ranking.pick(within);
        let all = picked.iter().enumerate().flat_map(|(number, spans)| {
            let text = documents[number].text;
            let short = near(spans).iter().flat_map(|span| shorter(text, span)).collect::<Vec<_>>();
            passages(&documents[number], &labels[number], number, &short)
        });
        let part = joined(&all.collect::<Vec<_>>());
        if part.sources.is_empty() {
            return None;
        }
        if part.tokens <= budget {
            return Some(part);
        }
        within = (within * budget / part.tokens).min(within * 9 / 10);
    }
    None
}

/// The spans, those that all but touch as one.
fn near(spans: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match joined.last_mut().filter(|last| span.start <= last.end + NEAR) {
            Some(last) => last.end = span.end,
            None => joined.push(span.clone()),
        }
    }
    joined
}

/// A span in passages of the usual size.
fn shorter(text: &str, span: &Range<usize>) -> Vec<Range<usize>> {
    let pieces = pieces_within(&text[span.clone()], PASSAGE, PASSAGE * 2);
    pieces.into_iter().map(|piece| piece.start + span.start..piece.end + span.start).collect()
}

fn passages(of: &Document<'_>, label: &str, number: usize, spans: &[Range<usize>]) -> Vec<Passage> {
    let text = of.text;
    let said = |(span, (first, last)): (&Range<usize>, (usize, usize))| {
        let source = Source { document: number, first, last };
        let text = format!("[{label}:{first}-{last}]\n{}\n\n", text[span.clone()].trim_matches('\n'));
        Passage { tokens: tokens(&text), text, source }
    };
    let of_text = spans.iter().zip(lines(text, spans)).filter(|(span, _)| !text[(*span).clone()].trim().is_empty());
    of_text.map(said).collect()
}

fn joined(passages: &[Passage]) -> Part {
    Part {
        text: passages.iter().map(|passage| passage.text.as_str()).collect(),
        sources: passages.iter().map(|passage| passage.source).collect(),
        tokens: passages.iter().map(|passage| passage.tokens).sum(),
    }
}

/// What each text is cited by: its name without what cannot stand in brackets, the end of it where it is long, and no two
/// alike.
pub fn labels(documents: &[Document<'_>]) -> Vec<String> {
    let mut labels: Vec<String> = Vec::with_capacity(documents.len());
    for (number, document) in documents.iter().enumerate() {
        let plain: Vec<char> = document
            .name
            .chars()
            .filter(|c| !matches!(c, '[' | ']' | '(' | ')' | ',' | ';') && !c.is_control())
            .collect();
        let plain: String = plain[plain.len().saturating_sub(LONGEST_LABEL)..].iter().collect();
        let alone = !plain.trim().is_empty() && !labels.contains(&plain);
        labels.push(if alone { plain } else { format!("{plain}#{}", number + 1) });
    }
    labels
}

/// Characters of a label.
const LONGEST_LABEL: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(paragraphs: usize) -> String {
        (0..paragraphs)
            .map(|n| format!("Paragraph {n} tells of depot {n}, which keeps {} crates.\n\n", n * 37))
            .collect()
    }

    #[test]
    fn parts_cover_the_texts_within_their_size_and_name_their_lines() {
        let (long, short) = (text(400), "One line.\n".to_owned());
        let documents = [Document { name: "long.txt", text: &long }, Document { name: "b[1].txt", text: &short }];
        for size in [400, 1000, 5000] {
            let parts = whole(&documents, size);
            assert!(parts.len() > 1 || size == 5000);
            assert!(
                parts.iter().all(|part| part.tokens <= size && part.tokens >= tokens(&part.text).saturating_sub(40))
            );
            let everything: String = parts.iter().map(|part| part.text.as_str()).collect();
            for n in 0..400 {
                assert!(everything.contains(&format!("Paragraph {n} tells")), "{size}: {n}");
            }
            assert!(everything.contains("[b1.txt:1-1]\nOne line."));
            for part in &parts {
                for source in part.sources.iter().filter(|source| source.document == 0) {
                    let line = long.lines().nth(source.first - 1).unwrap();
                    assert!(part.text.contains(&format!("[long.txt:{}-{}]\n{line}", source.first, source.last)));
                }
            }
        }
        assert!(whole(&[], 100).is_empty());
    }

    #[test]
    fn the_passages_of_a_question_fit_their_budget() {
        let long = text(2000);
        let documents = [Document { name: "a", text: &long }];
        for budget in [200, 1000, 4000] {
            let part = passages_for(&documents, "How many crates does depot 1234 keep?", budget).unwrap();
            assert!(part.tokens <= budget && part.text.contains("depot 1234, which keeps 45658 crates"), "{budget}");
        }
        assert_eq!(passages_for(&documents, "zebra", 500), None);
    }
}
