//! `llmr man`: a page for each command, made of the command line's own definitions.

use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use serde::Serialize;

use super::usage;
use crate::cli;
use crate::commands::Printer;
use crate::error::{Error, Kind, Result};

/// The date on the pages: of the last change to the command line's definitions.
const DATE: &str = "2026-11-21";

/// A page and the name of its file.
pub struct Page {
    /// Such as `llmr-budget-set.1`.
    pub file: String,
    /// Its roff source.
    pub text: Vec<u8>,
}

/// Prints the page of a command, or writes all of them into a folder.
pub fn print(args: &cli::Man, printer: &Printer) -> Result<()> {
    match &args.out {
        None => show(&args.command, printer),
        Some(folder) => write_all(folder, printer),
    }
}

fn show(command: &[String], printer: &Printer) -> Result<()> {
    #[derive(Serialize)]
    struct Report {
        file: String,
        page: String,
    }
    let file = format!("{}.1", [&["llmr".to_owned()], command].concat().join("-"));
    let page = pages().into_iter().find(|page| page.file == file).ok_or_else(|| {
        Error::new(Kind::Usage, format!("there is no command `{}`", command.join(" "))).hint("`llmr help` lists them")
    })?;
    let report = Report { file, page: String::from_utf8_lossy(&page.text).into_owned() };
    printer.print(&report, |report, _| report.page.clone())
}

fn write_all(folder: &Path, printer: &Printer) -> Result<()> {
    #[derive(Serialize)]
    struct Report {
        folder: String,
        files: Vec<String>,
    }
    let failed = |error: io::Error| {
        Error::new(Kind::Other, format!("cannot write into {}: {error}", folder.display()))
            .hint("the folder is made if it is not there; its parent must be one you may write to")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut report = Report { folder: folder.display().to_string(), files: Vec::new() };
    for page in pages() {
        std::fs::write(folder.join(&page.file), page.text).map_err(failed)?;
        report.files.push(page.file);
    }
    printer.print(&report, |_, _| String::new())
}

/// Every page, llmr's own first.
pub fn pages() -> Vec<Page> {
    let mut root = usage::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    collect(&root, &mut pages);
    pages
}

fn collect(command: &Command, pages: &mut Vec<Page>) {
    let man = Man::new(command.clone()).date(DATE).source(concat!("llmr ", env!("CARGO_PKG_VERSION"))).manual("llmr");
    let mut text = Vec::new();
    // A vector takes every byte.
    if render(&man, command, &mut text).is_ok() {
        pages.push(Page { file: man.get_filename(), text });
    }
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).for_each(|sub| collect(sub, pages));
}

/// The library's sections, and the examples as they were written: it would fill them like prose.
fn render(man: &Man, command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    man.render_title(text)?;
    man.render_name_section(text)?;
    man.render_synopsis_section(text)?;
    man.render_description_section(text)?;
    man.render_options_section(text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(text)?;
    }
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    text.extend(literal(&examples).bytes());
    Ok(())
}

/// A section of lines that stay as they are; nothing for no text. A text that begins with a heading (`Examples:`)
/// names the section.
fn literal(text: &str) -> String {
    let (heading, body) = match text.split_once(":\n") {
        _ if text.is_empty() => return String::new(),
        Some((heading, body)) if !heading.contains('\n') => (heading, body),
        _ => ("notes", text),
    };
    let lines = body.lines().map(|line| {
        let escaped = line.replace('\\', "\\e").replace('-', "\\-");
        if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}\n") } else { format!("{escaped}\n") }
    });
    format!(".SH {}\n.nf\n{}.fi\n", heading.to_uppercase(), lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_stay_as_they_are() {
        assert_eq!(literal(""), "");
        assert_eq!(literal("Examples:\n  llmr -m x\n.dot"), ".SH EXAMPLES\n.nf\n  llmr \\-m x\n\\&.dot\n.fi\n");
        assert_eq!(literal("one\ntwo\\"), ".SH NOTES\n.nf\none\ntwo\\e\n.fi\n");
    }
}
