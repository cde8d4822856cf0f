//! `llmr models`: the catalogue with prices and windows.

mod live;

use serde::Serialize;

use crate::catalogue::{self, Ability, ModelRow, ModelState};
use crate::cli;
use crate::commands::Context;
use crate::error::Result;
use crate::output::{Align, Table, Terminal, units};
use crate::types::{Day, Pricing, Rate, Tier};

/// The list as an object.
#[derive(Debug, Serialize)]
struct Report {
    models: Vec<Model>,
}

/// One model at one provider.
#[derive(Debug, Serialize)]
struct Model {
    provider: String,
    model: String,
    tier: Option<Tier>,
    input_usd_per_mtok: Option<f64>,
    output_usd_per_mtok: Option<f64>,
    cached_input_usd_per_mtok: Option<f64>,
    cache_write_usd_per_mtok: Option<f64>,
    price_source: &'static str,
    price_as_of: Option<Day>,
    price_stale: bool,
    context_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    abilities: Vec<&'static str>,
    status: &'static str,
    retires: Option<Day>,
    successor: Option<String>,
    aliases: Vec<String>,
    same_as: Vec<String>,
    /// How many numbers a vector of it has, where it makes those.
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

/// Runs `llmr models`.
pub fn run(context: &mut Context, args: &cli::Models) -> Result<()> {
    if let Some(name) = &args.provider {
        super::providers::find(context, name)?;
    }
    if args.live {
        return live::run(context, args);
    }
    let today = context.host.now().day();
    // Of the user's own models nobody knows what they are for.
    let own = context.config.providers.iter().filter(|_| !args.embed).flat_map(own_models);
    let answering = catalogue::rows().filter(|row| !args.embed && !overridden(context, row));
    let embedding = catalogue::embeddings().filter(|_| args.embed);
    let embedding = embedding.map(|row| Model { dimensions: Some(row.dimensions), ..model(&row.model, today) });
    let built_in = answering.map(|row| model(row, today)).chain(embedding);
    let wanted = |m: &Model| {
        args.filter.as_deref().is_none_or(|f| m.model.contains(f) || m.aliases.iter().any(|a| a.contains(f)))
            && args.provider.as_deref().is_none_or(|p| m.provider == p)
            && (args.all || m.status != "retired")
    };
    let report = Report { models: own.chain(built_in).filter(wanted).collect() };
    if report.models.is_empty() {
        context.messages.hint("no model has that in its name; `llmr models` lists all, --all the retired ones too");
    }
    let stale = stale_warning(context, &report.models);
    context.warn_once_a_day("stale prices", stale)?;
    context.print(&report, text)
}

/// Prices of models that are in use by default and were read long ago.
fn stale_warning(context: &Context, models: &[Model]) -> Option<String> {
    let used = |m: &&Model| context.config.providers.iter().any(|p| p.name == m.provider && p.participates());
    let stale = models.iter().filter(|m| m.price_stale).filter(used).count();
    (stale > 0).then(|| {
        let days = catalogue::STALE_AFTER_DAYS;
        format!("{stale} prices of your providers are older than {days} days; newer ones can be given in config.toml")
    })
}

fn overridden(context: &Context, row: &ModelRow) -> bool {
    let own = context.config.providers.iter().find(|p| p.name == row.provider);
    own.is_some_and(|p| p.model_rows.iter().any(|m| m.model.as_deref() == Some(row.id)))
}

fn own_models(provider: &crate::config::ProviderConfig) -> Vec<Model> {
    let ids = provider.model_rows.iter().filter_map(|row| row.model.clone());
    let mut names: Vec<String> = provider.models.iter().cloned().chain(ids).collect();
    names.dedup();
    let unlisted = |name: &String| {
        catalogue::find(&provider.name, name).is_none()
            || provider.model_rows.iter().any(|row| row.model.as_ref() == Some(name))
    };
    let rows = names.iter().filter(|n| unlisted(n)).map(|name| {
        let own = provider.model_row(name);
        let own = own.as_ref();
        let rates = own.and_then(|o| o.rates);
        let price = |rate: Option<Rate>| rate.map(Rate::as_usd_per_mtok);
        Model {
            provider: provider.name.clone(),
            model: name.clone(),
            tier: None,
            input_usd_per_mtok: price(rates.map(|r| r.input)),
            output_usd_per_mtok: price(rates.map(|r| r.output)),
            cached_input_usd_per_mtok: price(rates.and_then(|r| r.cached_input)),
            cache_write_usd_per_mtok: price(rates.and_then(|r| r.cache_write)),
            price_source: if rates.is_some() { "config" } else { "none" },
            price_as_of: None,
            price_stale: false,
            context_tokens: own.and_then(|o| o.context_tokens),
            max_output_tokens: own.and_then(|o| o.max_output_tokens),
            abilities: if own.is_some_and(|o| o.vision == Some(true)) { vec!["vision"] } else { Vec::new() },
            status: "active",
            retires: None,
            successor: None,
            aliases: Vec::new(),
            same_as: Vec::new(),
            dimensions: None,
        }
    });
    rows.collect()
}

fn model(row: &ModelRow, today: Day) -> Model {
    let pricing = row.pricing();
    let now = pricing.as_ref().map(|p: &Pricing| p.rates_at(today.start(), 0));
    let read_on = price_as_of(row);
    let price = |rate: Option<Rate>| rate.map(Rate::as_usd_per_mtok);
    let status = match row.state(today) {
        ModelState::Retired { .. } => "retired",
        _ => row.status.name(),
    };
    Model {
        provider: row.provider.to_owned(),
        model: row.id.to_owned(),
        tier: row.tier,
        input_usd_per_mtok: price(now.map(|r| r.input)),
        output_usd_per_mtok: price(now.map(|r| r.output)),
        cached_input_usd_per_mtok: price(now.and_then(|r| r.cached_input)),
        cache_write_usd_per_mtok: price(now.and_then(|r| r.cache_write)),
        price_source: if pricing.is_some() { "catalogue" } else { "none" },
        price_as_of: read_on,
        price_stale: read_on.is_some_and(|day| today.0 - day.0 > catalogue::STALE_AFTER_DAYS),
        context_tokens: row.context_tokens,
        max_output_tokens: row.max_output_tokens,
        abilities: Ability::ALL.iter().filter(|(a, _)| row.can(*a)).map(|(_, name)| *name).collect(),
        status,
        retires: row.retired,
        successor: row.successor.map(str::to_owned),
        aliases: row.aliases.iter().map(|a| (*a).to_owned()).collect(),
        same_as: catalogue::same_as(row).map(|r| format!("{}/{}", r.provider, r.id)).collect(),
        dimensions: None,
    }
}

/// When a price was read; a row without a date of its own copies its maker's, date and all.
fn price_as_of(row: &ModelRow) -> Option<Day> {
    row.pricing()?;
    row.price_as_of.or_else(|| catalogue::same_as(row).find_map(|maker| maker.price_as_of))
}

fn text(report: &Report, terminal: &Terminal) -> String {
    let columns = [
        ("model", Align::Left),
        ("tier", Align::Left),
        ("in $/M", Align::Right),
        ("out $/M", Align::Right),
        ("as of", Align::Left),
        ("window", Align::Right),
        ("status", Align::Left),
    ];
    let embed = report.models.iter().any(|m| m.dimensions.is_some());
    let numbers = embed.then_some(("numbers", Align::Right));
    let mut table = Table::new(&columns.into_iter().chain(numbers).collect::<Vec<_>>());
    for m in &report.models {
        let price = |p: Option<f64>| p.map_or("?".to_owned(), |p| format!("{p}"));
        let status = match (m.status, m.retires) {
            ("active", Some(day)) | ("deprecated", Some(day)) => format!("until {day}"),
            (status, _) => status.to_owned(),
        };
        let cells = [
            format!("{}/{}", m.provider, m.model),
            m.tier.map_or(String::new(), |t| t.to_string()),
            price(m.input_usd_per_mtok),
            price(m.output_usd_per_mtok),
            m.price_as_of.map_or(String::new(), |d| d.to_string()),
            m.context_tokens.map_or(String::new(), units::tokens),
            status,
        ];
        table.row(cells.into_iter().chain(m.dimensions.map(|numbers| numbers.to_string())));
    }
    if table.is_empty() { String::new() } else { table.render(terminal) }
}
