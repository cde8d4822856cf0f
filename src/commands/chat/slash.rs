//! What a typed text means: a prompt, or a command that begins with `/`. Pure; what a command does is elsewhere.

use crate::error::{Error, Kind, Result};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Shows or pins the model.
    Model,
    /// Shows or pins the providers.
    Provider,
    /// Shows, sets or takes away the system prompt.
    System,
    /// Puts a file before the next prompt.
    File,
    /// Shows a picture with the next prompt.
    Image,
    /// Asks the last prompt again.
    Retry,
    /// Writes a prompt in the user's editor.
    Edit,
    /// Says that the last answer was good.
    Good,
    /// Says that the last answer was bad.
    Bad,
    /// What the turns have cost.
    Cost,
    /// The day's money.
    Budget,
    /// Names the conversation, or writes it to a file.
    Save,
    /// Shows the conversation, or goes to another one.
    Session,
    /// Begins a new conversation.
    Clear,
    /// Lists the commands.
    Help,
    /// Leaves.
    Exit,
}

/// What Tab offers behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offers {
    /// Nothing.
    Nothing,
    /// Models and aliases.
    Models,
    /// Providers; each word is one.
    Providers,
    /// Files and folders.
    Paths,
    /// Named conversations.
    Sessions,
}

/// One row of the table of commands.
#[derive(Debug)]
pub struct Row {
    /// As it is typed, without the slash.
    pub name: &'static str,
    /// The argument's form; empty where there is none.
    pub argument: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// What it does.
    pub verb: Verb,
    /// What Tab offers as its argument.
    pub offers: Offers,
}

const fn row(name: &'static str, argument: &'static str, help: &'static str, verb: Verb, offers: Offers) -> Row {
    Row { name, argument, help, verb, offers }
}

/// Every command, in the order of `/help`.
#[rustfmt::skip]
pub const COMMANDS: &[Row] = &[
    row("model",    "[NAME|any]",      "show or pin the model; `any` lets the router choose", Verb::Model, Offers::Models),
    row("provider", "[NAME…|any]",     "show or pin the providers",                           Verb::Provider, Offers::Providers),
    row("system",   "[TEXT|-]",        "show or set the system prompt; `-`: none",    Verb::System, Offers::Nothing),
    row("file",     "[PATH|-]",        "put a file before the next prompt; `-`: none", Verb::File, Offers::Paths),
    row("image",    "[PATH|-]",        "show a picture with the next prompt",                 Verb::Image, Offers::Paths),
    row("retry",    "[MODEL]",         "take the last turn back and ask it again",            Verb::Retry, Offers::Models),
    row("edit",     "[TEXT]",          "write the next prompt in $EDITOR, from the last or TEXT", Verb::Edit, Offers::Nothing),
    row("good",     "",                "the last answer was good: --tier auto learns from it", Verb::Good, Offers::Nothing),
    row("bad",      "",                "the last answer was bad",                             Verb::Bad, Offers::Nothing),
    row("cost",     "",                "what each turn has cost",                             Verb::Cost, Offers::Nothing),
    row("budget",   "",                "the day's money",                                     Verb::Budget, Offers::Nothing),
    row("save",     "NAME|FILE.md",    "name this conversation, or write it to a file",       Verb::Save, Offers::Paths),
    row("session",  "[NAME]",          "show this conversation, or go to another one", Verb::Session, Offers::Sessions),
    row("clear",    "",                "begin a new conversation; this one stays kept",       Verb::Clear, Offers::Nothing),
    row("help",     "",                "this list",                                           Verb::Help, Offers::Nothing),
    row("exit",     "",                "leave; so does Ctrl-D",                               Verb::Exit, Offers::Nothing),
];

/// Other words for some of them, as other tools have them.
const SYNONYMS: &[(&str, &str)] =
    &[("quit", "exit"), ("bye", "exit"), ("q", "exit"), ("new", "clear"), ("?", "help"), ("regenerate", "retry")];

/// A typed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing to do.
    Nothing,
    /// Something to ask.
    Prompt(String),
    /// A command with its argument, without blanks around it; empty where none was given.
    Command(Verb, String),
}

/// What a text means.
///
/// Fails (kind `usage`) for an unknown command and for an argument that a command does not take: then nothing is to
/// be sent.
pub fn parse(text: &str) -> Result<Input> {
    let Some(command) = text.trim_start().strip_prefix('/') else {
        return Ok(if text.trim().is_empty() { Input::Nothing } else { Input::Prompt(text.to_owned()) });
    };
    if command.starts_with('/') {
        return Ok(Input::Prompt(command.to_owned()));
    }
    let (word, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let row = find(word).ok_or_else(|| unknown(word))?;
    let argument = argument.trim();
    if row.argument.is_empty() && !argument.is_empty() {
        return Err(Error::new(Kind::Usage, format!("/{} takes nothing behind it", row.name)));
    }
    Ok(Input::Command(row.verb, argument.to_owned()))
}

/// The command that a line begins with, if it is one.
pub fn command_of(line: &str) -> Option<Verb> {
    let word = line.trim_start().strip_prefix('/')?.split_whitespace().next()?;
    find(word).map(|row| row.verb)
}

/// A line that begins like a command behind a second slash, without that slash; any other as it is.
pub fn unescaped(line: String) -> String {
    match line.trim_start().strip_prefix('/').filter(|rest| command_of(rest).is_some()) {
        Some(rest) => rest.to_owned(),
        None => line,
    }
}

/// The command of that name.
pub fn find(word: &str) -> Option<&'static Row> {
    let word = SYNONYMS.iter().find(|(other, _)| *other == word).map_or(word, |(_, name)| name);
    COMMANDS.iter().find(|row| row.name == word)
}

fn unknown(word: &str) -> Error {
    let error = Error::new(Kind::Usage, format!("unknown command `/{word}`; nothing was sent"));
    let error = match nearest(word) {
        Some(name) => error.hint(format!("did you mean `/{name}`?")),
        None => error.hint("/help lists the commands"),
    };
    error.hint("to send a text that begins with a slash, begin it with two")
}

/// The command that was probably meant: one that begins like it, else one that is nearly spelled like it.
fn nearest(word: &str) -> Option<&'static str> {
    let names = || COMMANDS.iter().map(|row| row.name);
    let begins = |name: &&str| !word.is_empty() && name.starts_with(word);
    let distance = |name: &str| strsim::osa_distance(&word.to_lowercase(), name);
    let near = |name: &&str| distance(name) <= (name.len() / 3).max(1);
    names().find(begins).or_else(|| names().filter(near).min_by_key(|name| distance(name)))
}

/// `/help`: the commands, and what the keys do.
pub fn help() -> String {
    let typed = |row: &Row| format!("/{} {}", row.name, row.argument);
    let width = COMMANDS.iter().map(|row| typed(row).chars().count()).max().unwrap_or_default();
    let lines = COMMANDS.iter().map(|row| format!("{:width$}  {}", typed(row), row.help));
    lines.chain([String::new(), KEYS.to_owned()]).collect::<Vec<_>>().join("\n")
}

const KEYS: &str = "\
Enter sends. Alt-Enter or Ctrl-J begins a new line; so does Enter behind a `\\`,
and in a text that begins with \"\"\", up to another \"\"\". A paste is sent by
Enter only. Tab completes. Ctrl-R searches what was typed before; a line that
begins with a blank is not kept there. Ctrl-X Ctrl-E goes on in $VISUAL or
$EDITOR. Ctrl-C cancels an answer (what came of it is kept, and charged) or
empties the line. Ctrl-D leaves. A text that begins with // is sent with one
slash.";

#[cfg(test)]
mod tests {
    use super::*;

    fn command(verb: Verb, argument: &str) -> Input {
        Input::Command(verb, argument.to_owned())
    }

    #[test]
    fn a_slash_makes_a_command() {
        for (typed, meant) in [
            ("", Input::Nothing),
            (" \n ", Input::Nothing),
            ("hello", Input::Prompt("hello".into())),
            ("  indented\ncode", Input::Prompt("  indented\ncode".into())),
            ("1/2", Input::Prompt("1/2".into())),
            ("//etc/hosts?", Input::Prompt("/etc/hosts?".into())),
            ("/model", command(Verb::Model, "")),
            ("/model  gpt-6-luna ", command(Verb::Model, "gpt-6-luna")),
            (" /system be brief\nand kind", command(Verb::System, "be brief\nand kind")),
            ("/system\nbe brief", command(Verb::System, "be brief")),
            ("/clear", command(Verb::Clear, "")),
            ("/quit", command(Verb::Exit, "")),
        ] {
            assert_eq!(parse(typed).unwrap(), meant, "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_command_is_not_sent_and_the_near_one_is_named() {
        for (typed, message, hint) in [
            ("/modle x", "unknown command `/modle`; nothing was sent", "did you mean `/model`?"),
            ("/mod", "unknown command `/mod`; nothing was sent", "did you mean `/model`?"),
            ("/EXIT", "unknown command `/EXIT`; nothing was sent", "did you mean `/exit`?"),
            ("/etc/hosts", "unknown command `/etc/hosts`; nothing was sent", "/help lists the commands"),
            ("/", "unknown command `/`; nothing was sent", "/help lists the commands"),
        ] {
            let error = parse(typed).unwrap_err();
            assert_eq!((error.message.as_str(), error.hints[0].as_str()), (message, hint), "{typed}");
            assert!(error.hints[1].contains("with two"));
        }
        assert_eq!(parse("/clear all").unwrap_err().message, "/clear takes nothing behind it");
    }

    #[test]
    fn a_line_of_a_pipe_is_a_command_only_where_it_names_one() {
        for (line, verb, sent) in [
            ("/exit", Some(Verb::Exit), "/exit"),
            (" /quit now", Some(Verb::Exit), " /quit now"),
            ("/model x", Some(Verb::Model), "/model x"),
            ("//model x", None, "/model x"),
            ("/etc/hosts?", None, "/etc/hosts?"),
            ("// a comment", None, "// a comment"),
            ("/", None, "/"),
            ("exit", None, "exit"),
        ] {
            assert_eq!((command_of(line), unescaped(line.to_owned()).as_str()), (verb, sent), "{line}");
        }
    }

    #[test]
    fn every_command_is_found_and_told() {
        for row in COMMANDS {
            assert_eq!(find(row.name).map(|r| r.verb), Some(row.verb));
            assert!(help().contains(&format!("/{} {}", row.name, row.argument)), "{}", row.name);
        }
        for (_, name) in SYNONYMS {
            assert!(find(name).is_some(), "{name}");
        }
        let widest = help().lines().map(|line| line.chars().count()).max();
        assert!(widest < Some(80), "a terminal of 80 columns would break a word: {widest:?}");
    }
}
