//! Citations of an answer, held against what was read.

use super::parts::plain;
use super::{Document, Source};

/// A longer bracket is no citation.
const LONGEST: usize = 400;

/// An answer whose citations are all of what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The answer, without the citations that are not.
    pub text: String,
    /// What it cites, ascending, each once.
    pub cited: Vec<Source>,
    /// What was taken out, as it stood there.
    pub removed: Vec<String>,
}

/// Takes out the citations of lines that are not there or that nobody read. A citation is `[FILE:FIRST-LAST]`, or several
/// with commas or semicolons between them; any other bracket stays as it is.
pub fn check(answer: &str, documents: &[Document<'_>], read: &[Source]) -> Checked {
    let mut checked = Checked { text: String::with_capacity(answer.len()), cited: Vec::new(), removed: Vec::new() };
    let mut rest = answer;
    while let Some(open) = rest.find('[') {
        let (before, bracket) = rest.split_at(open);
        checked.text.push_str(before);
        let end = bracket.find(']').filter(|end| *end < LONGEST);
        let items = end.and_then(|end| citations(&bracket[1..end]));
        let Some((end, items)) = end.zip(items) else {
            checked.text.push('[');
            rest = &bracket[1..];
            continue;
        };
        let (good, bad): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.source(documents).is_some_and(|source| was_read(&source, read)));
        checked.removed.extend(bad.iter().map(|item| item.text.to_owned()));
        checked.cited.extend(good.iter().filter_map(|item| item.source(documents)));
        match good.is_empty() {
            true => checked.text.truncate(checked.text.trim_end_matches(' ').len()),
            false => {
                let texts: Vec<&str> = good.iter().map(|item| item.text).collect();
                checked.text.push_str(&format!("[{}]", texts.join("; ")));
            }
        }
        rest = &bracket[end + 1..];
    }
    checked.text.push_str(rest);
    checked.cited.sort_unstable();
    checked.cited.dedup();
    checked
}

/// One citation, not yet known to be of anything.
struct Citation<'a> {
    text: &'a str,
    name: &'a str,
    first: usize,
    last: usize,
}

impl Citation<'_> {
    fn source(&self, documents: &[Document<'_>]) -> Option<Source> {
        let document = documents.iter().position(|document| plain(document.name) == self.name)?;
        Some(Source { document, first: self.first, last: self.last })
    }
}

/// What stands in a bracket, if it is nothing but citations.
fn citations(inside: &str) -> Option<Vec<Citation<'_>>> {
    inside.split([',', ';']).map(|item| citation(item.trim())).collect()
}

fn citation(text: &str) -> Option<Citation<'_>> {
    let (name, lines) = text.rsplit_once(':')?;
    let (first, last) = lines.split_once(['-', '–']).unwrap_or((lines, lines));
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let name = name.trim();
    (!name.is_empty() && !name.contains('\n')).then_some(Citation {
        text,
        name,
        first: number(first)?,
        last: number(last)?,
    })
}

/// Whether every line of it stands in what was read.
fn was_read(source: &Source, read: &[Source]) -> bool {
    if source.first == 0 || source.first > source.last {
        return false;
    }
    let mut next = source.first;
    let mut of_document: Vec<&Source> = read.iter().filter(|part| part.document == source.document).collect();
    of_document.sort_unstable();
    for part in of_document {
        // Between two passages that follow each other there may be empty lines.
        if part.first <= next + BLANKS && part.last >= next {
            next = part.last + 1;
        }
    }
    next > source.last
}

/// So many empty lines between two passages are no gap.
const BLANKS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: [Document<'static>; 2] =
        [Document { name: "a.txt", text: "" }, Document { name: "minutes/b[2].md", text: "" }];

    fn read() -> Vec<Source> {
        [(0, 1, 10), (0, 12, 30), (0, 90, 95), (1, 5, 5)]
            .map(|(document, first, last)| Source { document, first, last })
            .to_vec()
    }

    #[test]
    fn what_was_not_read_is_not_cited() {
        for (answer, text, removed) in [
            ("Red [a.txt:1-4].", "Red [a.txt:1-4].", &[][..]),
            ("Red [a.txt:3].", "Red [a.txt:3].", &[]),
            ("Red [a.txt:8-14].", "Red [a.txt:8-14].", &[]),
            ("Red [a.txt:1-4; minutes/b2.md:5-5].", "Red [a.txt:1-4; minutes/b2.md:5-5].", &[]),
            ("Red [a.txt:40-41].", "Red.", &["a.txt:40-41"]),
            ("Red [a.txt:28-93].", "Red.", &["a.txt:28-93"]),
            ("Red [c.txt:1-2], blue [a.txt:2-2, a.txt:99-99]", "Red, blue [a.txt:2-2]", &["c.txt:1-2", "a.txt:99-99"]),
            ("[a.txt:0-3][a.txt:9-4]", "", &["a.txt:0-3", "a.txt:9-4"]),
            (
                "An array [1, 2] and [note: see] and a [link](x:1-2) [",
                "An array [1, 2] and [note: see] and a [link](x:1-2) [",
                &[],
            ),
        ] {
            let checked = check(answer, &DOCUMENTS, &read());
            assert_eq!(
                (checked.text.as_str(), checked.removed),
                (text, removed.iter().map(ToString::to_string).collect())
            );
        }
    }

    #[test]
    fn what_is_cited_is_told_once() {
        let checked = check("x [a.txt:2-3] y [minutes/b2.md:5-5] z [a.txt:2-3]", &DOCUMENTS, &read());
        let told: Vec<_> = checked.cited.iter().map(|source| (source.document, source.first, source.last)).collect();
        assert_eq!(told, [(0, 2, 3), (1, 5, 5)]);
    }
}
