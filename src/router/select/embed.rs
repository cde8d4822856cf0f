//! Who makes vectors. Those of two models say nothing about each other, so that only the same model stands in for one.

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
            for row in providers.iter().filter(|p| !is_azure(p)).filter_map(|p| catalogue::default_embedding(&p.name)) {
                take_row(&mut selected, &providers, row, 0, today);
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
        let row = catalogue::embedding(&owner.name, model);
        row.into_iter().for_each(|row| take_same(selected, providers, row, today));
        return Ok(());
    }
    let rows: Vec<_> = catalogue::embeddings().filter(|row| row.model.is_called(model)).collect();
    for row in &rows {
        take_row(selected, providers, row, 0, today);
    }
    for provider in providers.iter().filter(|p| p.lists(model)) {
        take(selected, provider, model, 0, false, today);
    }
    rows.iter().for_each(|row| take_same(selected, providers, row, today));
    if !selected.targets.is_empty() || !selected.barred.is_empty() {
        return Ok(());
    }
    let error = Error::new(Kind::Usage, format!("no provider that takes part is known to make vectors with `{model}`"));
    let known: Vec<_> = catalogue::embeddings().map(|row| row.model.id).collect();
    let near =
        known.iter().filter(|id| strsim::osa_distance(model, id) <= 3).min_by_key(|id| strsim::osa_distance(model, id));
    let error = match (rows.first(), near) {
        (Some(row), _) => error.hint(format!("`{model}` is a model of provider `{}`", row.model.provider)),
        (None, Some(meant)) => error.hint(format!("did you mean `{meant}`?")),
        _ => error.hint("`llmr models --embed` lists all that are known"),
    };
    Err(error.hint(format!("to ask for it all the same: -p PROVIDER -m {model}")))
}

/// A row's model at its provider, where that takes part. Azure has it under a name of the user's own.
fn take_row(
    selected: &mut Selected,
    providers: &[&ProviderConfig],
    row: &'static EmbeddingRow,
    group: u32,
    today: Day,
) {
    for provider in providers.iter().filter(|p| p.name == row.model.provider && !is_azure(p)) {
        take(selected, provider, row.model.id, group, false, today);
    }
}

/// The very same model at other providers.
fn take_same(selected: &mut Selected, providers: &[&ProviderConfig], row: &EmbeddingRow, today: Day) {
    let same = catalogue::embeddings().filter(|other| other.model.same.is_some() && other.model.same == row.model.same);
    for other in same.filter(|other| other.model.provider != row.model.provider) {
        take_row(selected, providers, other, 1, today);
    }
}

fn take(selected: &mut Selected, provider: &ProviderConfig, model: &str, group: u32, verbatim: bool, today: Day) {
    if provider.dialect == DialectKind::Anthropic {
        selected.warnings.push(format!("provider `{}` is left out: it makes no vectors", provider.name));
        return;
    }
    let row = catalogue::embedding(&provider.name, model).map(|row| &row.model);
    selected.take_row(provider, model, row, group, verbatim, today);
}

/// A window is that of one text, not of all together.
fn leave_out_short_windows(selected: &mut Selected, request: &Request) {
    let longest = request.messages.iter().map(|message| estimate::tokens(&message.text)).max().unwrap_or_default();
    for mut target in std::mem::take(&mut selected.targets) {
        let needs = estimate::scaled(longest, target.candidate.token_factor);
        match target.candidate.context_tokens.take().filter(|has| needs > *has) {
            Some(has) => selected.barred.push((target.candidate.id, Reason::Window { needs, has })),
            None => selected.targets.push(target),
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
