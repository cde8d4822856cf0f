//! The flags that whatever asks shares, as a request with every setting resolved: flags win over the template, the
//! template over the profile, the profile over the settings.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::cli;
use crate::commands::{Context, sandbox};
use crate::config::Settings;
use crate::config::templates::{self, SchemaPlace, Template};
use crate::conversation::{Opening, Pinned};
use crate::error::{Error, Kind, Result};
use crate::input::{self, Given, Parts, Stdin, StdinKind};
use crate::providers::passed;
use crate::router::{self, CacheUse, Keep, Request, Selection, select};
use crate::schema;
use crate::types::{Image, Limit, Message, Mode, NanoUsd, Schema, Tier, TierWish, whole_ms};

/// A question with the defaults of its template and of the profile; its prompt is still to be read.
pub struct Resolved {
    /// The flags, each with its default.
    pub question: cli::Question,
    /// The template, and the values of its variables.
    pub template: Option<(Template, BTreeMap<String, String>)>,
    /// What is pinned in a conversation that is begun with it, and in one that is gone on with.
    pub opening: Opening,
    /// Everything but the prompt.
    pub base: Request,
}

/// Resolves every flag against template, profile and settings. A wrong one is told before anything is read.
pub fn resolve(context: &Context, question: &cli::Question) -> Result<Resolved> {
    let template = template(context, question)?;
    let variables = templates::given_variables(&question.variables)?;
    let template = template.map(|template| template.values(&variables).map(|values| (template, values))).transpose()?;
    let said = match &template {
        None => question.clone(),
        Some((template, values)) => {
            let own = cli::Question { system: template.system(values), ..template.flags.clone() };
            templates::fill(question, &own)
        }
    };
    let filled = templates::fill(&said, &context.config.defaults);
    let mut base = checked(context, &filled)?;
    if let (None, Some((template, _))) = (&base.schema, &template) {
        base.schema = template_schema(template)?;
    }
    let opening = Opening { begins: pinned(&filled), changes: pinned(&said) };
    Ok(Resolved { question: filled, template, opening, base })
}

/// What flags say of a conversation.
fn pinned(flags: &cli::Question) -> Pinned {
    Pinned { system: flags.system.clone(), model: flags.model.clone(), providers: flags.providers.clone() }
}

impl Resolved {
    /// The request, with its prompt read.
    pub fn request(self, context: &mut Context) -> Result<Request> {
        self.read(context).map(|(request, _)| request)
    }

    /// The same with what its prompt is made of, where that may be read in parts: not beside pictures, nor in a template.
    pub fn read(self, context: &mut Context) -> Result<(Request, Option<Parts>)> {
        let images = images(context, &self.question)?;
        let (text, parts) = match &self.template {
            None => {
                let parts = parts(context, &self.question)?;
                (parts.composed()?, Some(parts).filter(|_| images.is_empty()))
            }
            Some((template, values)) => (template_prompt(context, template, values, self.question)?, None),
        };
        Ok((Request { messages: vec![Message { images, ..Message::user(text) }], ..self.base }, parts))
    }
}

/// The template that is asked for, if one is.
pub fn template(context: &Context, question: &cli::Question) -> Result<Option<Template>> {
    let load = |name| Template::load(&context.config.paths.config_dir, name);
    question.template.as_deref().map(load).transpose()
}

/// The schema that a template names.
pub fn template_schema(template: &Template) -> Result<Option<Arc<Schema>>> {
    match &template.schema {
        None => Ok(None),
        Some(SchemaPlace::File(path)) => schema::read(path).map(Some),
        Some(SchemaPlace::Inline(value)) => {
            let place = format!("{}: schema", template.path.display());
            schema::checked(&template.name, value.clone(), &place).map(Some)
        }
    }
}

/// The prompt of a template: the input in its place, else behind it as if it had been typed there.
fn template_prompt(
    context: &mut Context,
    template: &Template,
    values: &BTreeMap<String, String>,
    mut question: cli::Question,
) -> Result<String> {
    if template.places_input() {
        let input = prompt(context, &question)?;
        return Ok(template.asks(values, Some(&input)).unwrap_or(input));
    }
    if let Some(own) = template.prompt(values, None) {
        let dash = question.prompt.pop_if(|last| last == "-");
        let given = question.prompt.join(" ");
        let own = if given.is_empty() { own } else { format!("{own}\n\n{given}") };
        question.prompt = std::iter::once(own).chain(dash).collect();
    }
    prompt(context, &question)
}

/// Everything but the prompt: a wrong flag is told before standard input is waited for.
pub fn checked(context: &Context, question: &cli::Question) -> Result<Request> {
    let settings = &context.config.settings;
    let max_cost = question.bounds.max_cost.as_deref().map(|usd| amount("--max-cost", usd)).transpose()?;
    let timeout_ms = match question.bounds.timeout {
        None => whole_ms(settings.timeouts.total_secs),
        Some(secs) if secs.is_finite() && secs > 0.0 => whole_ms(secs),
        Some(secs) => return Err(usage(format!("--timeout {secs} is not a number of seconds above 0"))),
    };
    within("--temperature", question.temperature, 0.0, 2.0)?;
    within("--top-p", question.top_p, 0.0, 1.0)?;
    if question.max_tokens == Some(0) {
        return Err(usage("--max-tokens 0 leaves no room for an answer".to_owned()));
    }
    let wish = tier_wish(question, settings)?;
    let request = Request {
        selection: Selection {
            model: question.model.clone().filter(|model| select::tier_named(model) != Some(TierWish::Auto)),
            providers: question.providers.clone(),
            fallbacks: question.fallbacks.clone(),
            ..Selection::default().with_tier(wish)
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
        max_retries: question.bounds.max_retries.unwrap_or(settings.max_retries),
        allow_unpriced: question.bounds.allow_unpriced,
        parallel: 1,
        race: false,
        hedge: question.hedge || settings.hedge,
        mode: Mode::Production,
        cascade: None,
        tag: None,
        meta: meta(&question.meta)?,
        min_quality: min_quality(question.min_quality)?.unwrap_or(settings.min_quality),
        schema: question.schema.as_deref().map(schema::read).transpose()?,
        embed: None,
        keep: Keep::default(),
        cache: match (question.bounds.no_cache, question.bounds.refresh) {
            (true, _) => CacheUse::Off,
            (_, true) => CacheUse::Refresh,
            // Faults are ordered to be seen: an answer from before would hide them.
            _ if !sandbox::faulty(&context.global).is_empty() => CacheUse::Refresh,
            _ => CacheUse::On,
        },
        stream: true,
    };
    Ok(match question.cascade {
        true => router::cascade::opened(request, wish.and_then(TierWish::named).unwrap_or(Tier::Premium)),
        false => request,
    })
}

/// Which tier is wanted: a model that is named needs none.
fn tier_wish(question: &cli::Question, settings: &Settings) -> Result<Option<TierWish>> {
    if question.model.as_deref().and_then(select::tier_named) == Some(TierWish::Auto) {
        return Ok(Some(TierWish::Auto));
    }
    let asked = parsed("--tier", question.tier.as_deref())?;
    Ok(asked.or(settings.tier.filter(|_| question.model.is_none())))
}

/// `--min-quality`.
pub fn min_quality(given: Option<f64>) -> Result<Option<f64>> {
    within("--min-quality", given, 0.0, 1.0)?;
    Ok(given)
}

/// `--meta NAME=VALUE`.
fn meta(words: &[String]) -> Result<BTreeMap<String, String>> {
    let pair = |word: &String| {
        let named = word.split_once('=').filter(|(name, _)| !name.is_empty());
        named.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let wrong = |word: &String| usage(format!("--meta {word} is not of the form NAME=VALUE"));
    words.iter().map(|word| pair(word).ok_or_else(|| wrong(word))).collect()
}

/// The pictures of `-i`, read before the prompt: a wrong one is told before standard input is waited for.
pub fn images(context: &mut Context, question: &cli::Question) -> Result<Vec<Image>> {
    let given = Given { words: &question.prompt, files: &question.files, no_stdin: question.no_stdin };
    input::images::check(&question.images, &given)?;
    if question.images.is_empty() {
        return Ok(Vec::new());
    }
    input::images::read(&question.images, stdin(), |hint| context.messages.hint(hint))
}

/// The prompt of words, files and standard input.
pub fn prompt(context: &mut Context, question: &cli::Question) -> Result<String> {
    parts(context, question)?.composed()
}

fn parts(context: &mut Context, question: &cli::Question) -> Result<Parts> {
    let no_stdin = question.no_stdin || input::images::takes_stdin(&question.images);
    let given = Given { words: &question.prompt, files: &question.files, no_stdin };
    input::read_parts(&given, stdin(), |hint| context.messages.hint(hint))
}

/// Standard input, as it is.
pub fn stdin() -> Stdin<std::io::Stdin> {
    Stdin { kind: StdinKind::of(&std::io::stdin()), reader: std::io::stdin(), silence: input::SILENCE }
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
pub fn options(options: &[String]) -> Result<Map<String, Value>> {
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
