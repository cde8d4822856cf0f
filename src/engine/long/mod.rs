//! Texts that are too long for one call: in which parts they are read, what is asked of each part, and whether what an
//! answer cites is there. Pure functions over text.

mod citations;
mod parts;
mod prompts;

use std::str::FromStr;

pub use crate::engine::retrieval::tokens;
pub use citations::{Checked, check};
pub use parts::{Part, Source, best, passages_for, ranking, whole};
pub use prompts::{NOTES_SYSTEM, answer_prompt, is_nothing, merge_prompt, notes_prompt, refine_prompt};

/// A text with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'t> {
    /// Its path, as it was given.
    pub name: &'t str,
    /// All of it.
    pub text: &'t str,
}

/// How a long text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The passages that the question is about, in one call.
    Retrieve,
    /// Every part by itself, side by side; the notes of all are merged.
    MapReduce,
    /// Part after part, with notes that are carried on.
    Refine,
}

impl Way {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retrieve => "retrieve",
            Self::MapReduce => "map-reduce",
            Self::Refine => "refine",
        }
    }
}

/// A way that is wished for; `auto` leaves it to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish(pub Option<Way>);

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Way::Retrieve, Way::MapReduce, Way::Refine];
        match text {
            "auto" => Ok(Self(None)),
            name => match all.into_iter().find(|way| way.name() == name) {
                Some(way) => Ok(Self(Some(way))),
                None => Err(format!("`{name}` is none of auto, retrieve, map-reduce, refine")),
            },
        }
    }
}

/// What is asked of a whole text is found in no passage of it. Words; one that ends in a hyphen may go on.
const OF_ALL: [&str; 26] = [
    "summar-",
    "overview",
    "outline",
    "tldr",
    "gist",
    "every",
    "each of",
    "list",
    "how many",
    "how often",
    "throughout",
    "compare",
    "themes",
    "main points",
    "key points",
    "zusammenfass-",
    "überblick",
    "alle",
    "wie viele",
    "resum-",
    "todos los",
    "todas las",
    "résum-",
    "chaque",
    "combien",
    "all of the",
];

/// How a question is best read for: one of the whole text needs all of it, any other one the passages it is about.
pub fn way_for(question: &str) -> Way {
    let lower = question.to_lowercase().replace("tl;dr", "tldr");
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let begins = |at: usize, sign: &str| {
        let mut signs = sign.split(' ').enumerate();
        signs.all(|(n, sign)| match (words.get(at + n), sign.strip_suffix('-')) {
            (Some(word), Some(stem)) => word.starts_with(stem),
            (Some(word), None) => *word == sign,
            (None, _) => false,
        })
    };
    let of_all = (0..words.len()).any(|at| OF_ALL.iter().any(|sign| begins(at, sign)));
    if of_all { Way::MapReduce } else { Way::Retrieve }
}

/// The notes that fit into so many tokens together, as ranges over them; a note that is too long is alone.
pub fn groups(notes: &[String], size: u64) -> Vec<std::ops::Range<usize>> {
    let mut groups = Vec::new();
    let (mut first, mut cost) = (0, 0);
    for (number, note) in notes.iter().enumerate() {
        let next = tokens(note);
        if number > first && cost + next > size {
            groups.push(first..number);
            (first, cost) = (number, 0);
        }
        cost += next;
    }
    if first < notes.len() {
        groups.push(first..notes.len());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_all_of_it_reads_all_of_it() {
        for question in [
            "Summarise the minutes",
            "list every decision",
            "How many people spoke?",
            "Fasse zusammen: Zusammenfassung",
        ] {
            assert_eq!(way_for(question), Way::MapReduce, "{question}");
        }
        for question in [
            "What was decided about X, and where?",
            "Who is Anna?",
            "Wann wurde das Haus gebaut?",
            "Who keeps the depot register?",
            "How do I install the pump, and what does the specialist say?",
            "Which one does the keeper reach first?",
        ] {
            assert_eq!(way_for(question), Way::Retrieve, "{question}");
        }
    }

    #[test]
    fn notes_are_grouped_within_a_size() {
        let notes: Vec<String> = (0..10).map(|n| format!("note {n} ").repeat(40)).collect();
        let one = tokens(&notes[0]);
        for (size, most) in [(one * 3, 3), (one, 1), (1, 1), (u64::MAX, 10)] {
            let groups = groups(&notes, size);
            assert!(groups.iter().all(|group| !group.is_empty() && group.len() <= most), "{size}: {groups:?}");
            assert_eq!(groups.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        }
        assert!(groups(&[], 5).is_empty());
    }

    #[test]
    fn a_way_has_a_name() {
        for way in [Way::Retrieve, Way::MapReduce, Way::Refine] {
            assert_eq!(way.name().parse(), Ok(Wish(Some(way))));
        }
        assert_eq!("auto".parse(), Ok(Wish(None)));
        assert!("best".parse::<Wish>().is_err());
    }
}
