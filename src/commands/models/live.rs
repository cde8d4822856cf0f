//! `llmr models --live`: what the providers list now, marked against the catalogue.

use serde::Serialize;

use crate::catalogue::{self, ModelState};
use crate::cli;
use crate::commands::providers::asked::{self, Asked, Key};
use crate::commands::{Context, providers, sandbox};
use crate::config::ProviderConfig;
use crate::error::{Error, Kind, Result};
use crate::output::{Align, Table, Terminal};
use crate::types::{Day, Timestamp};

/// The list as an object.
#[derive(Debug, Serialize)]
struct Report {
    models: Vec<Model>,
    providers: Vec<Provider>,
}

/// One model that a provider lists.
#[derive(Debug, Serialize)]
struct Model {
    provider: String,
    model: String,
    catalogue: Mark,
    /// Its id in the catalogue, where that is another one.
    known_as: Option<&'static str>,
    retires: Option<Day>,
    successor: Option<&'static str>,
}

/// What the catalogue says of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Mark {
    Known,
    Unknown,
    Retired,
}

/// One provider that was asked.
#[derive(Debug, Serialize)]
struct Provider {
    provider: String,
    key: Key,
    models: Option<usize>,
    failure: Option<String>,
    checked_at: Timestamp,
}

/// Runs `llmr models --live`.
pub fn run(context: &mut Context, args: &cli::Models) -> Result<()> {
    let rehearsal = sandbox::start(context)?;
    let wanted: Vec<ProviderConfig> = match &args.provider {
        Some(name) => vec![providers::find(context, name)?.clone()],
        None => context.config.providers.iter().filter(|p| p.participates()).cloned().collect(),
    };
    if wanted.is_empty() {
        let error = Error::new(Kind::NoProvider, "no provider is configured, so nobody can be asked what it has");
        return Err(error.hint("`llmr models` lists what the catalogue knows"));
    }
    let asked = asked::ask(context, &wanted, false)?;
    drop(rehearsal);
    complain(context, &wanted, &asked)?;
    let today = context.now().day();
    let mut models = Vec::new();
    for (provider, asked) in wanted.iter().zip(&asked) {
        let fits = |model: &&String| args.filter.as_deref().is_none_or(|f| model.contains(f));
        let mut ids: Vec<&String> = asked.said.models.iter().flatten().filter(fits).collect();
        ids.sort();
        models.extend(ids.into_iter().map(|id| model(provider, id, today)));
    }
    let providers = wanted.iter().zip(asked).map(|(provider, asked)| Provider {
        provider: provider.name.clone(),
        key: asked.said.key,
        models: asked.said.models.map(|models| models.len()),
        failure: asked.said.failure.map(|why| why.class),
        checked_at: asked.at,
    });
    let report = Report { providers: providers.collect(), models };
    context.print(&report, |r, terminal| table(&r.models, terminal))
}

/// Says who did not list anything and why; an error when nobody did.
fn complain(context: &mut Context, wanted: &[ProviderConfig], asked: &[Asked]) -> Result<()> {
    let mut first = None;
    for (provider, asked) in wanted.iter().zip(asked).filter(|(_, asked)| asked.said.models.is_none()) {
        let (kind, why) = match (&asked.said.failure, asked.said.key) {
            (Some(why), Key::Refused) => (Kind::Auth, why.message.clone()),
            (Some(why), _) => (Kind::Unavailable, why.message.clone()),
            (None, Key::Missing) => (Kind::NoProvider, crate::router::select::why_not(provider)),
            (None, _) => (Kind::Other, "it does not list its models".to_owned()),
        };
        let text = format!("{}: {why}", provider.name);
        if wanted.len() > 1 {
            context.warn(&text);
        }
        first.get_or_insert(Error::new(kind, text));
    }
    match first {
        Some(error) if asked.iter().all(|asked| asked.said.models.is_none()) => Err(error),
        _ => Ok(()),
    }
}

fn model(provider: &ProviderConfig, id: &str, today: Day) -> Model {
    let row = catalogue::find(&provider.name, id);
    let own = provider.models.iter().any(|m| m == id) || provider.model_row(id).is_some_and(|row| row.model.is_some());
    let retired = row.is_some_and(|row| matches!(row.state(today), ModelState::Retired { .. }));
    Model {
        provider: provider.name.clone(),
        model: id.to_owned(),
        catalogue: match (retired, row.is_some() || own) {
            (true, _) => Mark::Retired,
            (_, true) => Mark::Known,
            (_, false) => Mark::Unknown,
        },
        known_as: row.map(|row| row.id).filter(|known| *known != id),
        retires: row.and_then(|row| row.retired),
        successor: row.and_then(|row| row.successor),
    }
}

fn table(models: &[Model], terminal: &Terminal) -> String {
    let mut table = Table::new(&[("model", Align::Left), ("catalogue", Align::Left)]);
    for m in models {
        let known = match (m.catalogue, m.known_as, m.retires) {
            (Mark::Unknown, ..) => "unknown".to_owned(),
            (Mark::Retired, ..) => "retired".to_owned(),
            (Mark::Known, _, Some(day)) => format!("known, until {day}"),
            (Mark::Known, Some(id), None) => format!("known as {id}"),
            (Mark::Known, None, None) => "known".to_owned(),
        };
        table.row([format!("{}/{}", m.provider, m.model), known]);
    }
    if table.is_empty() { String::new() } else { table.render(terminal) }
}
