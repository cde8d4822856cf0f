//! `[tiers]`: which models each tier has, and the user's own rules for `--tier auto`.

use std::collections::BTreeMap;

use regex::Regex;

use super::Row;
use super::file::{File, Item, Key, Reader};
use crate::engine::tiers::Intent;
use crate::error::Result;
use crate::types::{CandidateId, Tier};

/// What stands in `[tiers]` beside settings.
const KEYS: [&str; 5] = ["tiers.fast", "tiers.balanced", "tiers.advanced", "tiers.premium", "tiers.rule"];
/// What stands in a rule.
const RULE: [&str; 8] = ["intent", "tag", "meta", "matches", "longer_than", "shorter_than", "at_least", "at_most"];
/// What a rule must have one of.
const BOUNDS: &str = "a rule with `at_least` or `at_most`, a tier";
const INTENT: &str = "one of greeting, knowledge, commonsense, logic, math, code, writing, reading, translation, extraction, action, other";
const TOKENS: &str = "a number of tokens";

/// Which models each tier has, and what binds the choice of one.
#[derive(Debug, Clone, Default)]
pub struct Tiers {
    /// Models by tier, as `model` or `provider/model`; a tier that is not listed has the catalogue's.
    pub models: BTreeMap<Tier, Vec<String>>,
    /// In the order in which they are written.
    pub rules: Vec<TierRule>,
}

impl Tiers {
    /// The highest tier for which a model is listed.
    pub fn of(&self, id: &CandidateId) -> Option<Tier> {
        let is = |name: &String| *name == id.model || name.split_once('/') == Some((&id.provider, &id.model));
        self.models.iter().rev().find(|(_, names)| names.iter().any(is)).map(|(tier, _)| *tier)
    }
}

/// What is known of a prompt when rules are asked.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What kind of prompt it is.
    pub intent: Intent,
    /// `--tag`.
    pub tag: Option<&'a str>,
    /// `--meta`.
    pub meta: &'a BTreeMap<String, String>,
    /// Its text.
    pub prompt: &'a str,
    /// How many tokens it has, as estimated.
    pub tokens: u64,
}

/// Binds the choice of a tier for the prompts that it is about: those of which all that it says is true.
#[derive(Debug, Clone, Default)]
pub struct TierRule {
    intents: Vec<Intent>,
    tags: Vec<String>,
    meta: BTreeMap<String, Vec<String>>,
    matches: Option<Regex>,
    longer_than: Option<u64>,
    shorter_than: Option<u64>,
    /// No tier below this one.
    pub at_least: Option<Tier>,
    /// No tier above this one.
    pub at_most: Option<Tier>,
    /// Where it is written.
    pub place: String,
}

impl TierRule {
    /// Whether it is about such a prompt.
    pub fn is_about(&self, about: &About<'_>) -> bool {
        let one_of = |words: &[String], word: Option<&str>| {
            words.is_empty() || word.is_some_and(|word| words.iter().any(|w| w == word))
        };
        (self.intents.is_empty() || self.intents.contains(&about.intent))
            && one_of(&self.tags, about.tag)
            && self.meta.iter().all(|(name, values)| one_of(values, about.meta.get(name).map(String::as_str)))
            && self.matches.as_ref().is_none_or(|pattern| pattern.is_match(about.prompt))
            && self.longer_than.is_none_or(|tokens| about.tokens > tokens)
            && self.shorter_than.is_none_or(|tokens| about.tokens < tokens)
    }
}

/// Takes `[tiers]` over: settings of it go to the file's others.
pub(super) fn read(reader: &Reader, value: &Item, file: &mut File) -> Result<()> {
    for (key, value) in reader.table(value, "tiers")? {
        let name = key.get_ref().as_ref();
        match name.parse::<Tier>() {
            Ok(tier) => {
                let words = reader.words(value, &format!("tiers.{name}"))?;
                let (source, shown) = (reader.place(value).to_string(), words.join(", "));
                file.rows.push(Row { key: format!("tiers.{name}"), variable: String::new(), value: shown, source });
                file.tiers.models.insert(tier, words);
            }
            Err(_) if name == "rule" => file.tiers.rules = rules(reader, value)?,
            Err(_) => file.setting(reader, "tiers.", key, value, &KEYS)?,
        }
    }
    Ok(())
}

fn rules(reader: &Reader, value: &Item) -> Result<Vec<TierRule>> {
    let items = value.get_ref().as_array().ok_or_else(|| reader.wrong(value, "tiers.rule", "a [[tiers.rule]]"))?;
    items.iter().map(|item| rule(reader, item)).collect()
}

fn rule(reader: &Reader, value: &Item) -> Result<TierRule> {
    let mut rule = TierRule { place: reader.place(value).to_string(), ..TierRule::default() };
    for (key, value) in reader.table(value, "tiers.rule")? {
        take(reader, &mut rule, key, value)?;
    }
    match rule.at_least.or(rule.at_most) {
        Some(_) => Ok(rule),
        None => Err(reader.wrong(value, "tiers.rule", BOUNDS)),
    }
}

fn take(reader: &Reader, rule: &mut TierRule, key: &Key, value: &Item) -> Result<()> {
    let path = format!("tiers.rule.{}", key.get_ref());
    let tier = || reader.word(value, &path)?.parse().map_err(|_| reader.wrong(value, &path, "a tier"));
    let tokens = || reader.number(value, &path, TOKENS)?.parse().map_err(|_| reader.wrong(value, &path, TOKENS));
    match key.get_ref().as_ref() {
        "intent" => {
            let named = |word: &String| Intent::named(word).ok_or_else(|| reader.wrong(value, &path, INTENT));
            rule.intents = reader.words(value, &path)?.iter().map(named).collect::<Result<_>>()?;
        }
        "tag" => rule.tags = reader.words(value, &path)?,
        "meta" => rule.meta = reader.entries(value, &path, Reader::words)?,
        "matches" => {
            let pattern = Regex::new(&reader.word(value, &path)?);
            rule.matches = Some(pattern.map_err(|_| reader.wrong(value, &path, "a regular expression"))?);
        }
        "longer_than" => rule.longer_than = Some(tokens()?),
        "shorter_than" => rule.shorter_than = Some(tokens()?),
        "at_least" => rule.at_least = Some(tier()?),
        "at_most" => rule.at_most = Some(tier()?),
        _ => return Err(reader.unknown(key, key.get_ref(), RULE.into_iter())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parsed(text: &str) -> Result<Tiers> {
        File::parse(text, Path::new("config.toml")).map(|file| file.tiers)
    }

    #[test]
    fn a_rule_is_about_the_prompts_of_which_all_that_it_says_is_true() {
        let meta = BTreeMap::from([("plan".to_owned(), "enterprise".to_owned())]);
        let about = About { intent: Intent::Code, tag: Some("vip"), meta: &meta, prompt: "fix PROJ-17", tokens: 100 };
        for (says, is_about) in [
            ("", true),
            ("intent = \"code\"", true),
            ("intent = [\"math\", \"code\"]", true),
            ("intent = \"math\"", false),
            ("tag = \"vip\"", true),
            ("tag = [\"other\"]", false),
            ("meta = { plan = [\"team\", \"enterprise\"] }", true),
            ("meta = { plan = \"team\" }", false),
            ("meta = { customer = \"acme\" }", false),
            ("matches = 'PROJ-\\d+'", true),
            ("matches = '^PROJ'", false),
            ("longer_than = 99", true),
            ("longer_than = 100", false),
            ("shorter_than = 101", true),
            ("shorter_than = 100", false),
            ("intent = \"code\"\ntag = \"other\"", false),
        ] {
            let tiers = parsed(&format!("[[tiers.rule]]\nat_least = \"premium\"\n{says}\n")).unwrap();
            assert_eq!(tiers.rules[0].is_about(&about), is_about, "{says}");
        }
    }

    #[test]
    fn tiers_have_models_and_rules_and_what_is_wrong_is_named_with_its_line() {
        let tiers = parsed("[tiers]\nfast = \"openai/gpt-6-luna\"\n\n[[tiers.rule]]\nat_most = \"fast\"\n").unwrap();
        assert_eq!(tiers.models, BTreeMap::from([(Tier::Fast, vec!["openai/gpt-6-luna".to_owned()])]));
        assert_eq!((tiers.rules[0].at_most, tiers.rules[0].place.as_str()), (Some(Tier::Fast), "config.toml:4"));
        for (text, said) in [
            ("[tiers]\nfsat = \"m\"\n", "config.toml:2: unknown key `tiers.fsat`"),
            ("[tiers]\nfast = 1\n", "config.toml:2: tiers.fast: not a list of strings"),
            ("[[tiers.rule]]\ntag = \"x\"\n", "config.toml:1: tiers.rule: not a rule with `at_least` or `at_most`"),
            ("[[tiers.rule]]\nat_least = \"best\"\n", "config.toml:2: tiers.rule.at_least: not a tier"),
            (
                "[[tiers.rule]]\nat_least = \"fast\"\nmatches = '('\n",
                "config.toml:3: tiers.rule.matches: not a regular",
            ),
            (
                "[[tiers.rule]]\nat_least = \"fast\"\nintent = \"maths\"\n",
                "config.toml:3: tiers.rule.intent: not one of",
            ),
            ("[[tiers.rule]]\nat_least = \"fast\"\nat_lest = 1\n", "config.toml:3: unknown key `at_lest`"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.message.starts_with(said), "{text}: {}", error.message);
        }
    }
}
