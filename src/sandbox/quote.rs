//! A reader that can only see what it is sent: it answers with the lines of the prompt that have the most words of the
//! question.

/// Shorter words say nothing about a question.
const LEAST_LETTERS: usize = 4;
/// Words that questions are made of.
const ASKING: [&str; 12] =
    ["what", "which", "where", "when", "does", "that", "this", "they", "have", "with", "from", "about"];
/// So many lines at most.
const MOST_LINES: usize = 12;

/// The lines that say the most about the question between `<question>` and `</question>`, each with the source in
/// brackets that stands above it; `NOTHING` where none has half of its words. Without such a question the first line is it.
pub(super) fn quote(prompt: &str) -> String {
    let (question, rest) = parts(prompt);
    let wanted = words(question);
    let mut source = "";
    let mut best: Vec<String> = Vec::new();
    let mut most = wanted.len().div_ceil(2).max(1);
    for line in rest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            source = name;
            continue;
        }
        let has = words(line);
        let shared = wanted.iter().filter(|word| has.contains(word)).count();
        if shared > most {
            best.clear();
            most = shared;
        }
        if shared == most {
            let cited =
                if line.ends_with(']') || source.is_empty() { line.to_owned() } else { format!("{line} [{source}]") };
            if !best.contains(&cited) {
                best.push(cited);
            }
        }
    }
    match best.is_empty() {
        true => "NOTHING".to_owned(),
        false => best.into_iter().take(MOST_LINES).collect::<Vec<_>>().join("\n"),
    }
}

fn parts(prompt: &str) -> (&str, &str) {
    let tagged = prompt.split_once("<question>").and_then(|(_, rest)| rest.split_once("</question>"));
    tagged.or_else(|| prompt.split_once('\n')).unwrap_or((prompt, ""))
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= LEAST_LETTERS || word.chars().any(|c| c.is_ascii_digit()))
        .map(str::to_lowercase)
        .filter(|word| !ASKING.contains(&word.as_str()))
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_quotes_what_it_was_sent_and_nothing_else() {
        let prompt = "<question>\nWhat is the code of the vault at Corvane?\n</question>\n\n<part>\n[a.txt:1-2]\nThe code of the \
                      vault at Brenik is 11.\n\n[a.txt:9-9]\nThe code of the vault at Corvane is 48213.\n</part>";
        assert_eq!(quote(prompt), "The code of the vault at Corvane is 48213. [a.txt:9-9]");
        assert_eq!(quote("<question>\nWho is Anna?\n</question>\nNobody knows."), "NOTHING");
    }
}
