//! `llmr template`: prompts that are used again, as files.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::cli::{self, TemplateAction};
use crate::commands::context::write;
use crate::commands::{Context, question};
use crate::config::templates::{self, Template};
use crate::error::{Error, Kind, Result};
use crate::output::{Align, Table, sanitize};
use crate::schema;

/// The columns of a prompt's beginning in the list.
const BEGINNING: usize = 60;

/// What there is.
#[derive(Debug, Serialize)]
struct Report {
    templates: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    path: String,
    model: Option<String>,
    system: Option<String>,
    prompt: Option<String>,
    variables: Vec<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// One template's file.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    path: String,
    text: &'a str,
}

/// What became of one.
#[derive(Debug, Serialize)]
struct Done<'a> {
    name: &'a str,
    path: String,
    what: &'static str,
}

/// Runs `llmr template`.
pub fn run(context: &mut Context, args: &cli::Template) -> Result<()> {
    match args.action.as_ref().unwrap_or(&TemplateAction::List) {
        TemplateAction::List => list(context),
        TemplateAction::Show { name } => show(context, name),
        TemplateAction::New { name, question, force } => new(context, name, question, *force),
        TemplateAction::Rm { name } => {
            let folder = context.config.paths.config_dir.clone();
            templates::remove(&folder, name)?;
            done(context, name, &templates::path_of(&folder, name)?, "removed")
        }
    }
}

fn list(context: &Context) -> Result<()> {
    let folder = &context.config.paths.config_dir;
    let rows = templates::names(folder).into_iter().map(|name| row(folder, name)).collect::<Result<_>>()?;
    context.print(&Report { templates: rows }, |report, terminal| {
        if report.templates.is_empty() {
            return "no templates; `llmr template new NAME PROMPT` writes one\n".to_owned();
        }
        let mut table = Table::new(&[
            ("template", Align::Left),
            ("variables", Align::Left),
            ("model", Align::Left),
            ("begins with", Align::Left),
        ]);
        for row in &report.templates {
            let model = row.model.clone().unwrap_or_default();
            table.row(vec![row.name.clone(), row.variables.join(", "), model, beginning(row)]);
        }
        table.render(terminal)
    })
}

/// A template that cannot be used is listed with the reason: the others are no less there.
fn row(folder: &Path, name: String) -> Result<Row> {
    let path = templates::path_of(folder, &name)?.display().to_string();
    let (template, error) = match Template::load(folder, &name) {
        Ok(template) => (template, None),
        Err(error) => (Template::default(), Some(error.message)),
    };
    let variables = template.variables();
    Ok(Row {
        name,
        path,
        model: template.flags.model,
        system: template.flags.system,
        prompt: template.prompt,
        variables,
        error,
    })
}

fn beginning(row: &Row) -> String {
    if let Some(error) = &row.error {
        return format!("cannot be used: {error}");
    }
    let text = row.prompt.as_ref().or(row.system.as_ref()).map_or("", String::as_str);
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(BEGINNING) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn show(context: &Context, name: &str) -> Result<()> {
    let folder = &context.config.paths.config_dir;
    let text = templates::text_of(folder, name)?;
    if context.json() {
        let path = templates::path_of(folder, name)?.display().to_string();
        return context.print(&Shown { name, path, text: &text }, |_, _| String::new());
    }
    write(&match context.printer.terminal.stdout {
        true => sanitize::text(&text),
        false => text.as_str().into(),
    })
}

fn new(context: &mut Context, name: &str, flags: &cli::Question, force: bool) -> Result<()> {
    templates::path_of(&context.config.paths.config_dir, name)?;
    if let Some(flag) = not_kept(flags) {
        return Err(Error::new(Kind::Usage, format!("a template does not keep {flag}"))
            .hint("give it beside -T when the template is used"));
    }
    let mut flags = flags.clone();
    let prompt = match flags.prompt.as_slice() {
        [dash] if dash == "-" => question::prompt(context, &flags)?,
        words => words.join(" "),
    };
    if let Some(path) = &mut flags.schema {
        schema::read(path)?;
        // Its file stays where it is, wherever the template is used.
        *path = fs::canonicalize(&*path).unwrap_or_else(|_| path.clone());
    }
    let text = templates::written(&flags, &prompt);
    if text.is_empty() {
        return Err(Error::new(Kind::Usage, format!("template `{name}` would be empty"))
            .hint("llmr template new NAME \"Review this: {{input}}\""));
    }
    let folder = context.config.paths.config_dir.clone();
    let path = templates::path_of(&folder, name)?;
    // What is wrong with a flag is told before the file is there.
    let of_flag =
        |error: Error| Error::new(Kind::Usage, error.message.replace(&format!("{}:", path.display()), "line "));
    question::options(&flags.options)?;
    Template::parse(&text, name, &path).map_err(of_flag)?;
    let path = templates::write(&folder, name, &text, force)?;
    done(context, name, &path, "written")
}

/// Says what became of a template's file.
fn done(context: &mut Context, name: &str, path: &Path, what: &'static str) -> Result<()> {
    let path = path.display().to_string();
    context.messages.note(&format!("template `{name}` is {what}: {path}"));
    if !context.json() {
        return Ok(());
    }
    context.print(&Done { name, path, what }, |_, _| String::new())
}

/// A flag that was given and would be lost.
fn not_kept(flags: &cli::Question) -> Option<&'static str> {
    let given = [
        (!flags.files.is_empty(), "-f"),
        (!flags.images.is_empty(), "-i"),
        (flags.template.is_some(), "-T"),
        (flags.weights.is_some(), "--weights"),
        (flags.bounds.max_cost.is_some(), "--max-cost"),
        (flags.bounds.timeout.is_some(), "--timeout"),
        (flags.bounds.max_retries.is_some(), "--max-retries"),
        (flags.bounds.allow_unpriced, "--allow-unpriced"),
        (flags.bounds.no_cache, "--no-cache"),
        (flags.bounds.refresh, "--refresh"),
    ];
    given.into_iter().find(|(given, _)| *given).map(|(_, flag)| flag)
}
