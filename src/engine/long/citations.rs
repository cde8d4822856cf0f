//! Citations of an answer, held against what was read.

use std::ops::Range;

use super::parts::labels;
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

/// Takes out the citations of lines that are not there or that nobody read. A citation is `FILE:FIRST-LAST` in brackets or
/// parentheses, or several with commas or semicolons between them, of which later ones may leave the name out. A bracket
/// without the name of a text, or of some other file, is none: times, slices, links and code stay as they are.
pub fn check(answer: &str, documents: &[Document<'_>], read: &[Source]) -> Checked {
    let texts = Texts { labels: labels(documents), documents, read };
    let mut checked = Checked { text: String::with_capacity(answer.len()), cited: Vec::new(), removed: Vec::new() };
    let mut rest = answer;
    let mut in_code = false;
    while let Some(at) = rest.find(['[', '(', '`']) {
        let (before, bracket) = rest.split_at(at);
        checked.text.push_str(before);
        let fence = bracket.chars().take_while(|c| *c == '`').count();
        if fence > 0 {
            in_code = !in_code;
            checked.text.push_str(&bracket[..fence]);
            rest = &bracket[fence..];
            continue;
        }
        let close = if bracket.starts_with('[') { ']' } else { ')' };
        let end = bracket.find(close).filter(|end| *end < LONGEST && !in_code);
        let link = end.is_some_and(|end| bracket[end + 1..].starts_with('('));
        let items = end.filter(|_| !link).and_then(|end| texts.citations(&bracket[1..end]));
        let Some((end, items)) = end.zip(items) else {
            checked.text.push_str(&bracket[..1]);
            rest = &bracket[1..];
            continue;
        };
        let (good, bad): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| texts.holds(item));
        checked.removed.extend(bad.iter().map(Citation::full));
        checked.cited.extend(good.iter().filter_map(|item| texts.source(item)));
        if good.is_empty() {
            let shorter = checked.text.strip_suffix(' ').filter(|text| !text.ends_with(['\n', ' '])).map(str::len);
            checked.text.truncate(shorter.unwrap_or(checked.text.len()));
        } else if bad.is_empty() {
            checked.text.push_str(&bracket[..=end]);
        } else {
            let all: Vec<String> = good.iter().map(Citation::full).collect();
            checked.text.push_str(&format!("{}{}{close}", &bracket[..1], all.join("; ")));
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
    name: &'a str,
    lines: &'a str,
    range: Range<usize>,
}

impl Citation<'_> {
    fn full(&self) -> String {
        format!("{}:{}", self.name, self.lines)
    }
}

/// What may be cited.
struct Texts<'t> {
    labels: Vec<String>,
    documents: &'t [Document<'t>],
    read: &'t [Source],
}

impl Texts<'_> {
    /// What stands in a bracket, if it is nothing but citations.
    fn citations<'a>(&self, inside: &'a str) -> Option<Vec<Citation<'a>>> {
        let mut name = None;
        let items = inside.split([',', ';']).map(|item| {
            let item = item.trim();
            let (given, lines) = item.rsplit_once(':').unwrap_or(("", item));
            if !given.is_empty() {
                name = Some(given.trim());
            }
            let (name, range) = (name?, lines_of(lines)?);
            self.is_name(name).then_some(Citation { name, lines: lines.trim(), range })
        });
        items.collect()
    }

    /// Whether it is the name of a text, or could be that of another file: it has an ending or a folder.
    fn is_name(&self, name: &str) -> bool {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let like_a_file =
            !ending.is_empty() && ending.len() <= 8 && ending.starts_with(|c: char| c.is_ascii_alphabetic());
        let plain = !name.contains(['\n', '/', ' ']);
        self.labels.iter().any(|label| label == name) || (like_a_file && plain)
    }

    fn source(&self, citation: &Citation<'_>) -> Option<Source> {
        let document = self.labels.iter().position(|label| label == citation.name)?;
        Some(Source { document, first: citation.range.start, last: citation.range.end })
    }

    /// Whether every line of it that says something stands in what was read.
    fn holds(&self, citation: &Citation<'_>) -> bool {
        let Some(source) = self.source(citation) else { return false };
        if source.first == 0 || source.first > source.last {
            return false;
        }
        let mut of_document: Vec<&Source> = self.read.iter().filter(|part| part.document == source.document).collect();
        of_document.sort_unstable();
        let mut next = source.first;
        for part in of_document {
            if part.last < next || next > source.last {
                continue;
            }
            let gap = next..part.first.min(source.last.saturating_add(1));
            if gap.start > source.first && !self.are_blank(source.document, gap.clone())
                || gap.start == source.first && !gap.is_empty()
            {
                break;
            }
            next = part.last.saturating_add(1);
        }
        next > source.last
    }

    /// Whether these lines of a text say nothing.
    fn are_blank(&self, document: usize, lines: Range<usize>) -> bool {
        let Some(text) = self.documents.get(document).map(|document| document.text) else { return false };
        let count = lines.len();
        let blank = || text.lines().skip(lines.start - 1).take(count).filter(|line| line.trim().is_empty()).count();
        count == 0 || (count <= MOST_BLANK && blank() == count)
    }
}

/// More lines between two passages are looked at by nobody.
const MOST_BLANK: usize = 100;

/// Lines as models write them: `12-20`, `12`, `L12-L20`, `lines 12 to 20`.
fn lines_of(text: &str) -> Option<Range<usize>> {
    let text = text.trim().to_lowercase();
    let text = ["lines", "line", "ll.", "l."].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(&text);
    let (first, last) = text.split_once(['-', '–']).or_else(|| text.split_once(" to ")).unwrap_or((text, text));
    let number = |text: &str| text.trim().trim_start_matches(['l', '#']).trim().parse::<usize>().ok();
    Some(number(first)?..number(last)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: [Document<'static>; 2] = [
        Document { name: "a.txt", text: "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n\n12\n13\n14\n" },
        Document { name: "minutes/b[2].md", text: "" },
    ];

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
