//! `llmr config`: settings and where they come from.

use serde::Serialize;

use crate::cli::Global;
use crate::cli::{self, ConfigAction};
use crate::commands::Context;
use crate::commands::Printer;
use crate::config::{self, Flags, Paths, Row, templates, trust};
use crate::error::Result;
use crate::host::Host;
use crate::output::{Align, Table};

/// Every value with its source.
#[derive(Debug, Serialize)]
struct Values<'a> {
    settings: &'a [Row],
    warnings: &'a [String],
}

/// Runs `llmr config`.
pub fn run(context: &mut Context, args: &cli::Config) -> Result<()> {
    match args.action.as_ref().unwrap_or(&ConfigAction::Show) {
        ConfigAction::Show => {
            let values = Values { settings: &context.config.rows, warnings: &context.config.warnings };
            context.print(&values, |values, terminal| {
                let mut table =
                    Table::new(&[("setting", Align::Left), ("value", Align::Left), ("source", Align::Left)]);
                for row in values.settings {
                    table.row([row.key.clone(), row.value.clone(), row.source.clone()]);
                }
                table.render(terminal)
            })
        }
        ConfigAction::Check => check(context),
        // Need no settings: see `run_without_settings`.
        ConfigAction::Path | ConfigAction::Init | ConfigAction::Trust { .. } => Ok(()),
    }
}

/// What must work when the settings cannot be read, because it mends or explains that. `None` for the rest.
pub fn run_without_settings(host: &Host, global: &Global, args: &cli::Config) -> Option<Result<()>> {
    let flags = Flags { config_path: global.config.clone(), profile: global.profile.clone(), rows: false };
    let printer = Printer::new(host, global);
    match args.action.as_ref().unwrap_or(&ConfigAction::Show) {
        ConfigAction::Show | ConfigAction::Check => None,
        ConfigAction::Path => Some(Paths::of(host, &flags).and_then(|paths| show_paths(printer, host, &flags, paths))),
        ConfigAction::Init => Some(config::init(host, &flags).and_then(|path| done(printer, &path, "written"))),
        ConfigAction::Trust { path } => Some(trust_file(printer, host, &flags, path.as_deref())),
    }
}

/// Every path, as an object.
#[derive(Debug, Serialize)]
struct PathReport {
    config_dir: String,
    config_file: String,
    env_files: Vec<String>,
    data_dir: String,
    database: String,
    cache_key: String,
    trusted: String,
    templates: String,
    chat_history: String,
}

fn show_paths(printer: Printer, host: &Host, flags: &Flags, paths: Paths) -> Result<()> {
    // With settings that can be read, the .env files that count are known too.
    let paths = config::load(host, flags).map_or(paths, |config| config.paths);
    let text = |path: &std::path::Path| path.display().to_string();
    let report = PathReport {
        config_dir: text(&paths.config_dir),
        config_file: text(&paths.config_file),
        env_files: paths.env_files.iter().map(|p| text(p)).collect(),
        data_dir: text(&paths.data_dir),
        database: text(&paths.database),
        cache_key: text(&paths.hmac_key_file),
        trusted: text(&paths.trust_file),
        templates: text(&templates::folder(&paths.config_dir)),
        chat_history: text(&paths.history_file),
    };
    printer.print(&report, |r, terminal| {
        let mut table = Table::pairs();
        table.row(["settings", &r.config_file]);
        r.env_files.iter().for_each(|file| _ = table.row([".env", file]));
        table.row(["database", &r.database]).row(["cache key", &r.cache_key]).row(["trusted .env files", &r.trusted]);
        table.row(["templates", &r.templates]).row(["chat history", &r.chat_history]);
        table.render(terminal)
    })
}

/// What was written or recorded.
#[derive(Debug, Serialize)]
struct Done {
    path: String,
    what: &'static str,
}

fn done(printer: Printer, path: &std::path::Path, what: &'static str) -> Result<()> {
    let done = Done { path: path.display().to_string(), what };
    printer.print(&done, |done, _| format!("{} {}\n", done.what, done.path))
}

fn trust_file(printer: Printer, host: &Host, flags: &Flags, path: Option<&std::path::Path>) -> Result<()> {
    let trusted = trust::add(host, &Paths::of(host, flags)?.trust_file, path)?;
    done(printer, &trusted.path, "trusted as it is now:")
}

/// Everything was read before the command began; what is left to say is who takes part.
fn check(context: &Context) -> Result<()> {
    #[derive(Serialize)]
    struct Checked<'a> {
        providers: Vec<&'a str>,
        warnings: &'a [String],
    }
    let taking_part = context.config.providers.iter().filter(|p| p.participates()).map(|p| p.name.as_str());
    let checked = Checked { providers: taking_part.collect(), warnings: &context.config.warnings };
    context.print(&checked, |checked, _| match checked.providers.as_slice() {
        [] => "settings are sound; no provider takes part yet\n".to_owned(),
        names => format!("settings are sound; taking part: {}\n", names.join(", ")),
    })
}
