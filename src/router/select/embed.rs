//! Who makes vectors. Those of two models say nothing about each other, so that only the same model stands in for one.

use std::sync::Arc;

use super::{Selected, is_azure, named, nobody, participants, provider};
use crate::catalogue::{self, EmbeddingRow};
use crate::config::{Config, ProviderConfig};
use crate::engine::estimate;
use crate::engine::plan::Reason;
use crate::error::{Error, Kind, Result};
use crate::router::Request;
use crate::types::{Day, DialectKind, Embed};

/// The candidates of a request for vectors: each provider's default model, or the one that is named at everybody who
/// has it. The window is that of one text: a candidate that one of the texts does not fit is left out.
///
/// Fails with exit code 2 when nobody who takes part has such a model, or the one asked for is not known.
pub fn embedders(config: &Config, request: &Request, embed: Embed, today: Day) -> Result<Selected> {
    let wanted = &request.selection;
    let providers: Vec<_> = participants(config, wanted)?;
    let mut selected = Selected::default();
    match &wanted.model {
        None => {
            for provider in &providers {
                let model = default_model(provider);
                model.into_iter().for_each(|model| take(&mut selected, provider, &model, 0, false, today));
            }
        }
        Some(model) => by_name(config, &providers, model, !wanted.providers.is_empty(), &mut selected, today)?,
    }
    leave_out_short_windows(&mut selected, request);
    leave_out_other_lengths(&mut selected, embed);
    match selected.targets.is_empty() && selected.barred.is_empty() {
        true => Err(nobody_embeds(&selected)),
        false => Ok(selected),
    }
}

/// A model by its name: an alias, `provider/model`, with `-p` whatever stands there, else one that is known.
fn by_name(
    config: &Config,
    providers: &[&ProviderConfig],
    name: &str,
    verbatim: bool,
    selected: &mut Selected,
    today: Day,
) -> Result<()> {
    let model = config.aliases.get(name).filter(|_| !verbatim).map_or(name, String::as_str);
    named(model)?;
    if verbatim {
        for provider in providers {
            take(selected, provider, model, 0, true, today);
        }
        return Ok(());
    }
    if let Some((owner, model)) = model.split_once('/')
        && let Ok(owner) = provider(config, owner)
    {
        let owner =
            providers.iter().find(|p| p.name == owner.name).copied().ok_or_else(|| super::missing_key(owner))?;
        take(selected, owner, model, 0, false, today);
        if let Some(row) = identity(owner, model) {
            take_same(selected, providers, row, 1, today);
        }
        return Ok(());
    }
    let rows: Vec<_> = catalogue::embeddings().filter(|row| row.model.is_called(model)).collect();
    for provider in providers.iter().filter(|p| p.lists(model)) {
        take(selected, provider, model, 0, false, today);
    }
    rows.iter().for_each(|row| take_same(selected, providers, row, 0, today));
    if !selected.targets.is_empty() || !selected.barred.is_empty() {
        return Ok(());
    }
    let error = Error::new(Kind::Usage, format!("no provider that takes part is known to make vectors with `{model}`"));
    let known: Vec<_> = catalogue::embeddings().map(|row| row.model.id).collect();
    let near =
        known.iter().filter(|id| strsim::osa_distance(model, id) <= 3).min_by_key(|id| strsim::osa_distance(model, id));
    let owners: Vec<_> = rows.iter().map(|row| row.model.provider).collect();
    let error = match near.filter(|_| rows.is_empty()) {
        _ if !rows.is_empty() => error.hint(format!("it is a model of {}", owners.join(", "))),
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint("`llmr models --embed` lists all that are known"),
    };
    Err(error.hint(format!("to ask for it all the same: -p PROVIDER -m {model}")))
}

/// What a provider makes vectors with when nobody says: its deployment on Azure, if that is of such a model.
fn default_model(provider: &ProviderConfig) -> Option<String> {
    match deployment(provider) {
        Some(deployment) => embedding_row(provider, deployment).map(|_| deployment.to_owned()),
        None if is_azure(provider) => None,
        None => catalogue::default_embedding(&provider.name).map(|row| row.model.id.to_owned()),
    }
}

fn deployment(provider: &ProviderConfig) -> Option<&str> {
    provider.azure.as_ref()?.deployment.as_deref()
}

/// The row of a provider's own model. Azure's deployment goes by the model that was named for it.
pub fn embedding_row(provider: &ProviderConfig, model: &str) -> Option<&'static EmbeddingRow> {
    let deployed = provider.azure.as_ref().filter(|azure| azure.deployment.as_deref() == Some(model));
    catalogue::embedding(&provider.name, deployed.and_then(|azure| azure.model.as_deref()).unwrap_or(model))
}

/// Which model that is: its own row, else the one of the same name that somebody else lists.
fn identity(provider: &ProviderConfig, model: &str) -> Option<&'static EmbeddingRow> {
    embedding_row(provider, model).or_else(|| catalogue::embeddings().find(|row| row.model.is_called(model)))
}

/// Everybody who has this very model, under whatever name.
fn take_same(
    selected: &mut Selected,
    providers: &[&ProviderConfig],
    row: &'static EmbeddingRow,
    group: u32,
    today: Day,
) {
    for provider in providers {
        let known = catalogue::embeddings().filter(|own| own.model.provider == provider.name && !is_azure(provider));
        let listed = provider.models.iter().map(String::as_str);
        let rows = provider.model_rows.iter().filter_map(|own| own.model.as_deref());
        let names = known.map(|own| own.model.id).chain(deployment(provider)).chain(listed).chain(rows);
        for model in names.filter(|model| identity(provider, model).is_some_and(|own| same(own, row))) {
            take(selected, provider, model, group, false, today);
        }
    }
}

/// Whether two rows are of one model, whose vectors can be compared.
pub fn same(one: &EmbeddingRow, other: &EmbeddingRow) -> bool {
    let (one, other) = (&one.model, &other.model);
    one.id == other.id || (one.same.is_some() && one.same == other.same)
}

fn take(selected: &mut Selected, provider: &ProviderConfig, model: &str, group: u32, verbatim: bool, today: Day) {
    if provider.dialect == DialectKind::Anthropic {
        selected.warnings.push(format!("provider `{}` is left out: it makes no vectors", provider.name));
        return;
    }
    let row = embedding_row(provider, model).map(|row| &row.model);
    selected.take_row(provider, model, row, group, verbatim, today);
}

/// A window is that of one text, not of all together.
fn leave_out_short_windows(selected: &mut Selected, request: &Request) {
    let longest = request.messages.iter().map(|message| estimate::tokens(&message.text)).max().unwrap_or_default();
    for mut target in std::mem::take(&mut selected.targets) {
        let needs = estimate::scaled(longest, target.candidate.token_factor);
        match target.candidate.context_tokens.filter(|has| needs > *has) {
            Some(has) => selected.barred.push((target.candidate.id.clone(), Reason::Window { needs, has })),
            None => {
                Arc::make_mut(&mut target.candidate).context_tokens = None;
                selected.targets.push(target);
            }
        }
    }
}

/// Who cannot make vectors of the length that is wanted is not asked for them.
fn leave_out_other_lengths(selected: &mut Selected, embed: Embed) {
    let Some(wanted) = embed.dimensions else { return };
    selected.targets.retain(|target| {
        let id = &target.candidate.id;
        let row = catalogue::embedding(&id.provider, &id.model);
        let makes = row.is_none_or(|row| row.dimensions == wanted || row.shortens && wanted < row.dimensions);
        if !makes {
            selected.warnings.push(format!("{id} is left out: it makes no vectors of {wanted} numbers"));
        }
        makes
    });
}

fn nobody_embeds(selected: &Selected) -> Error {
    let error = Error::new(Kind::NoProvider, "no provider that takes part makes vectors")
        .hint("openai, mistral, gemini, cohere, together and ollama do; others with -p PROVIDER -m MODEL");
    let told = nobody(selected);
    told.hints.into_iter().fold(error, |error, hint| error.hint(hint))
}
