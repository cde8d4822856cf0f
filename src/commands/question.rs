//! The flags that `ask` and `dry-run` share, as a request with every setting resolved.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::cli;
use crate::commands::{Context, sandbox};
use crate::error::{Error, Kind, Result};
use crate::input::{self, Given, Stdin, StdinKind};
use crate::providers::passed;
use crate::router::{CacheUse, Keep, Request, Selection};
use crate::types::{Limit, Message, Mode, NanoUsd, whole_ms};

/// Reads the prompt and resolves every flag against the settings.
pub fn request(context: &mut Context, question: &cli::Question) -> Result<Request> {
    let checked = checked(context, question)?;
    let text = prompt(context, question)?;
    Ok(Request { messages: vec![Message::user(text)], ..checked })
}

/// Everything but the prompt: a wrong flag is told before standard input is waited for.
pub fn checked(context: &Context, question: &cli::Question) -> Result<Request> {
    let settings = &context.config.settings;
    let max_cost = question.max_cost.as_deref().map(|usd| amount("--max-cost", usd)).transpose()?;
    let timeout_ms = match question.timeout {
        None => whole_ms(settings.timeouts.total_secs),
        Some(secs) if secs.is_finite() && secs > 0.0 => whole_ms(secs),
        Some(secs) => return Err(usage(format!("--timeout {secs} is not a number of seconds above 0"))),
    };
    within("--temperature", question.temperature, 0.0, 2.0)?;
    within("--top-p", question.top_p, 0.0, 1.0)?;
    if question.max_tokens == Some(0) {
        return Err(usage("--max-tokens 0 leaves no room for an answer".to_owned()));
    }
    Ok(Request {
        selection: Selection {
            model: question.model.clone(),
            providers: question.providers.clone(),
            tier: parsed("--tier", question.tier.as_deref())?,
            fallbacks: question.fallbacks.clone(),
        },
        system: question.system.clone(),
        messages: Vec::new(),
        explicit_cap: question.max_tokens,
        default_cap: settings.max_output_tokens,
        temperature: question.temperature,
        top_p: question.top_p,
        stop: question.stop.clone(),
        effort: parsed("--effort", question.effort.as_deref())?.or(settings.effort),
        extra: options(&question.options)?,
        strategy: parsed("--strategy", question.strategy.as_deref())?.unwrap_or(settings.strategy),
        weights: parsed("--weights", question.weights.as_deref())?.unwrap_or(settings.weights),
        max_cost,
        timeout_ms,
        max_retries: question.max_retries.unwrap_or(settings.max_retries),
        allow_unpriced: question.allow_unpriced,
        parallel: 1,
        race: false,
        mode: Mode::Production,
        tag: None,
        schema: None,
        keep: Keep::default(),
        cache: match (question.no_cache, question.refresh) {
            (true, _) => CacheUse::Off,
            (_, true) => CacheUse::Refresh,
            // Faults are ordered to be seen: an answer from before would hide them.
            _ if !sandbox::faulty(&context.global).is_empty() => CacheUse::Refresh,
            _ => CacheUse::On,
        },
        stream: true,
    })
}

fn prompt(context: &mut Context, question: &cli::Question) -> Result<String> {
    let given = Given { words: &question.prompt, files: &question.files, no_stdin: question.no_stdin };
    let stdin = Stdin { kind: StdinKind::of(&std::io::stdin()), reader: std::io::stdin(), silence: input::SILENCE };
    input::read(&given, stdin, |hint| context.messages.hint(hint))
}

/// A value of a flag; clap has checked closed sets already, the rest is checked here.
pub fn parsed<T: FromStr<Err = String>>(flag: &str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| text.parse().map_err(|why| usage(format!("{flag}: {why}")))).transpose()
}

/// An amount of money behind a flag.
pub fn amount(flag: &str, text: &str) -> Result<NanoUsd> {
    text.parse().map_err(|why| usage(format!("{flag}: {why}")))
}

/// A day's limit behind a command.
pub fn limit(text: &str) -> Result<Limit> {
    text.parse().map_err(|why: String| usage(why))
}

fn usage(message: String) -> Error {
    Error::new(Kind::Usage, message)
}

fn within(flag: &str, value: Option<f64>, least: f64, most: f64) -> Result<()> {
    match value {
        Some(v) if !(least..=most).contains(&v) => Err(usage(format!("{flag} {v} is not between {least} and {most}"))),
        _ => Ok(()),
    }
}

/// `-o KEY=VALUE`: the value is JSON, or else a text.
fn options(options: &[String]) -> Result<Map<String, Value>> {
    let mut fields = Map::new();
    for option in options {
        let Some((key, value)) = option.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(usage(format!("-o {option} is not of the form KEY=VALUE")));
        };
        if let Some(instead) = passed::instead(key) {
            let error = usage(format!("-o {key} would change what llmr holds money for"));
            return Err(error.hint(format!("use {instead}")));
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        fields.insert(key.to_owned(), value);
    }
    Ok(fields)
}
