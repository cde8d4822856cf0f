//! Two cheap answers before a strong one: when to ask that way, and whether the two agree.

use super::Verdict;

/// Above this score the strong model is asked at once. Where each of two cheap models is right one time in
/// four, they agree on a right answer about one time in eight, which saves hardly more than the two cost
/// (8 % of the strong one's price on the training data), and agree on a wrong one more often.
const STRAIGHT: f64 = 0.75;

/// Whom to ask first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// Two cheap models; the strong one only where they disagree.
    TwoCheap,
    /// The strong model at once.
    Strong,
}

/// Whom to ask first about a prompt.
pub fn first(verdict: &Verdict) -> First {
    if verdict.score > STRAIGHT { First::Strong } else { First::TwoCheap }
}

/// Whether two short answers say the same.
///
/// The last number, option letter or yes/no decides when both have one of the same sort; otherwise the
/// whole text does, without case, marks, articles and spaces. Two empty answers do not agree.
pub fn agree(one: &str, other: &str) -> bool {
    match (Short::of(one), Short::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A short answer in a form that can be compared.
#[derive(Debug, Clone, PartialEq)]
enum Short {
    Letter(char),
    Yes(bool),
    Number(f64),
    Text(String),
}

impl Short {
    fn of(answer: &str) -> Option<Short> {
        let line = concluding(answer);
        let words: Vec<String> = words(line);
        let last = words.last()?;
        let short = option(line, &words)
            .map(Short::Letter)
            .or_else(|| words.iter().find_map(|word| yes(word)).map(Short::Yes).filter(|_| words.len() <= FEW))
            .or_else(|| {
                words
                    .iter()
                    .rev()
                    .find_map(|word| number(word))
                    .map(Short::Number)
                    .filter(|_| words.len() <= FEW || number(last).is_some())
            });
        Some(short.unwrap_or_else(|| Short::Text(words.concat())))
    }
}

/// Up to so many words a yes or a number in an answer is the answer.
const FEW: usize = 8;

/// What comes last is the conclusion: behind an "answer is", else the last line with words.
fn concluding(answer: &str) -> &str {
    let line = answer.lines().rev().find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or("");
    ["answer is", "Answer:", "answer:", "Antwort:", "####", "\\boxed"]
        .iter()
        .filter_map(|mark| line.rsplit_once(mark))
        .map(|(_, after)| after)
        .find(|after| after.chars().any(char::is_alphanumeric))
        .unwrap_or(line)
}

/// Words in lower case; articles say nothing. Points and commas stay inside numbers.
fn words(line: &str) -> Vec<String> {
    line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | ',' | '-' | '/'))
        .map(|word| word.trim_matches(['.', ',', '/']).to_lowercase())
        .filter(|word| {
            word.chars().any(char::is_alphanumeric) && !matches!(word.as_str(), "the" | "a" | "an")
                || word == "a" && line.trim().len() <= 3
        })
        .collect()
}

/// The letter of an option: alone, or in front with a mark behind.
fn option(line: &str, words: &[String]) -> Option<char> {
    let trimmed = line.trim().trim_start_matches(['(', '*', '[', '{', ':', ' ']);
    let mut chars = trimmed.chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
    let alone = words.len() <= 1 && trimmed.chars().filter(|c| c.is_alphanumeric()).count() == 1;
    let marked = matches!(chars.next(), Some(')' | '.' | ':' | ']'));
    (alone || marked).then_some(letter)
}

fn yes(word: &str) -> Option<bool> {
    match word {
        "yes" | "true" | "correct" | "ja" | "sí" | "oui" => Some(true),
        "no" | "false" | "incorrect" | "nein" | "non" => Some(false),
        _ => None,
    }
}

fn number(word: &str) -> Option<f64> {
    word.replace(',', "").parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tiers::Intent;

    #[test]
    fn short_answers_agree_whatever_their_wrapping() {
        let cases = [
            ("42", "The answer is 42.", true),
            ("1,200", "1200", true),
            ("3.50", "3.5", true),
            ("B", "(B)", true),
            ("B) the pancake", "b", true),
            ("Answer: C", "C.", true),
            ("yes", "Yes, it is.", true),
            ("Paris", "  paris. ", true),
            ("The Nile", "nile", true),
            ("Some steps.\nSo 6 + 6 = 12", "12", true),
            ("#### 17", "17", true),
            ("42", "43", false),
            ("A", "B", false),
            ("yes", "no", false),
            ("Paris", "Rome", false),
            ("", "", false),
            ("???", "???", false),
            ("12", "twelve", false),
        ];
        for (one, other, same) in cases {
            assert_eq!(agree(one, other), same, "{one:?} and {other:?}");
            assert_eq!(agree(other, one), same, "{other:?} and {one:?}");
        }
    }

    #[test]
    fn only_the_hardest_go_straight_to_the_strong_model() {
        let verdict = |score| Verdict { score, suffices: [1.0 - score; 4], intent: Intent::Math };
        assert_eq!(first(&verdict(0.5)), First::TwoCheap);
        assert_eq!(first(&verdict(0.9)), First::Strong);
    }
}
