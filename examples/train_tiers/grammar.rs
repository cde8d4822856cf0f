//! Training prompts from templates: few hand-written patterns and lists of words make many prompts in the forms
//! that public benchmarks have. Nothing is copied from one; the same templates give the same prompts.
//!
//! A slot is `{list}` (any entry), `{list#1}` (the same entry throughout the prompt), `{2-9}` (a number),
//! `{a|b}` (one of them) or `{?a|b}` (options to choose from, in one of the usual styles). Entries may hold slots.

use std::collections::BTreeMap;

/// Slots inside slots, at most.
const DEPTH: u32 = 6;

/// Lists of words, by name.
pub struct Grammar<'a> {
    lists: BTreeMap<&'a str, Vec<&'a str>>,
}

/// One prompt in the making.
struct Draft {
    state: u64,
    kept: BTreeMap<String, String>,
}

impl<'a> Grammar<'a> {
    /// Reads `name TAB entry|entry` lines.
    pub fn new(words: &'a str) -> Grammar<'a> {
        let line = |line: &'a str| line.split_once('\t').map(|(name, entries)| (name, split(entries)));
        Grammar { lists: words.lines().filter_map(line).collect() }
    }

    /// `intent TAB count TAB template` lines as pairs of intent and prompt.
    pub fn prompts(&self, templates: &'a str) -> Vec<(&'a str, String)> {
        let mut prompts = Vec::new();
        for (at, line) in templates.lines().enumerate() {
            let mut fields = line.splitn(3, '\t');
            let (Some(intent), Some(count), Some(template)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let template = template.replace("\\n", "\n");
            for turn in 0..count.parse::<u64>().unwrap_or(0) {
                let mut draft = Draft { state: (at as u64) << 20 | turn, kept: BTreeMap::new() };
                prompts.push((intent, self.filled(&template, &mut draft, 0)));
            }
        }
        prompts
    }

    fn filled(&self, template: &str, draft: &mut Draft, depth: u32) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let slot = closed(rest).and_then(|end| Some((end, self.slot(&rest[1..end], draft, depth)?)));
            match slot {
                Some((end, value)) => {
                    text.push_str(&value);
                    rest = &rest[end + 1..];
                }
                None => {
                    text.push('{');
                    rest = &rest[1..];
                }
            }
        }
        text + rest
    }

    /// What stands for a slot; `None` where the braces are the prompt's own.
    fn slot(&self, slot: &str, draft: &mut Draft, depth: u32) -> Option<String> {
        if depth > DEPTH {
            return Some(String::new());
        }
        if let Some(options) = slot.strip_prefix('?') {
            return Some(self.options(&split(options), draft, depth + 1));
        }
        if let Some(kept) = draft.kept.get(slot) {
            return Some(kept.clone());
        }
        if let Some(number) = number(slot, draft) {
            return Some(number);
        }
        let entries = self.lists.get(slot.split('#').next().unwrap_or(slot)).cloned();
        let entries = entries.or_else(|| Some(split(slot)).filter(|parts| parts.len() > 1))?;
        let entry = self.filled(entries[draft.below(entries.len())], draft, depth + 1);
        if slot.contains('#') {
            draft.kept.insert(slot.to_owned(), entry.clone());
        }
        Some(entry)
    }

    /// Options in one of the usual styles; a quarter of the prompts goes without, as some benchmarks do.
    fn options(&self, entries: &[&str], draft: &mut Draft, depth: u32) -> String {
        let style = draft.below(8);
        let free = entries.iter().any(|entry| !entry.contains('#') && (entry.contains('{') || self.is_list(entry)));
        let count = if free { [4, 4, 4, 2, 5, 3, 10, 4][draft.below(8)] } else { entries.len() };
        if style < 2 {
            return String::new();
        }
        let mut text = String::new();
        for (at, letter) in ('A'..='J').take(count).enumerate() {
            let entry = if free { entries[draft.below(entries.len())] } else { entries[at] };
            let entry = if self.is_list(entry) { format!("{{{entry}}}") } else { entry.to_owned() };
            let entry = self.filled(&entry, draft, depth);
            let mark = match style {
                2 | 3 => format!("{letter}. "),
                4 | 5 => format!("{letter}) "),
                6 => format!("({letter}) "),
                _ => format!("{at}: "),
            };
            text.push_str(&format!("\n{mark}{entry}"));
        }
        text
    }

    fn is_list(&self, name: &str) -> bool {
        self.lists.contains_key(name)
    }
}

impl Draft {
    /// A number below `bound` (SplitMix64).
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        for factor in [0xBF58_476D_1CE4_E5B9_u64, 0x94D0_49BB_1331_11EB] {
            z = (z ^ (z >> 30)).wrapping_mul(factor);
        }
        ((z >> 33) % bound.max(1) as u64) as usize
    }
}

fn number(slot: &str, draft: &mut Draft) -> Option<String> {
    let (low, high) = slot.split_once('-')?;
    let (low, high): (usize, usize) = (low.parse().ok()?, high.parse().ok()?);
    Some((low + draft.below(high.saturating_sub(low) + 1)).to_string())
}

/// Parts between bars that stand in no inner braces.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut open) = (Vec::new(), 0, 0_i32);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            b'|' if open == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Where the brace at the start is closed.
fn closed(text: &str) -> Option<usize> {
    let mut open = 0_i32;
    text.bytes().position(|byte| {
        open += i32::from(byte == b'{') - i32::from(byte == b'}');
        open == 0
    })
}
