//! The arguments as clap shall see them: a prompt without a command, `--sandbox` with a value.

use std::ffi::OsString;

use super::COMMANDS;

/// Global flags that take a value as the next argument.
const WITH_VALUE: [&str; 3] = ["--color", "--config", "--profile"];

/// The arguments as clap shall see them.
///
/// A prompt without a command gets `ask` in front, and `--sandbox FAULTS` becomes
/// `--sandbox=FAULTS` where the next argument has the form of faults or of an address: clap could
/// not tell it from a prompt.
pub fn normalise(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    join_sandbox_value(&mut args);
    if asks_plainly(&args) {
        args.insert(1.min(args.len()), "ask".into());
    }
    args
}

fn join_sandbox_value(args: &mut Vec<OsString>) {
    let end = args.iter().position(|a| a == "--").unwrap_or(args.len());
    let Some(at) = args[..end].iter().position(|a| a == "--sandbox") else { return };
    let value = args.get(at + 1).filter(|_| at + 1 < end).and_then(|v| v.to_str()).filter(|v| is_sandbox_value(v));
    if let Some(joined) = value.map(|v| format!("--sandbox={v}")) {
        args[at] = joined.into();
        args.remove(at + 1);
    }
}

/// `name=fault,…`, or `HOST:PORT`: no spaces, so that no prompt of several words is taken for it.
pub fn is_sandbox_value(text: &str) -> bool {
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:%".contains(&b));
    let fault = |s: &str| s.split_once('=').is_some_and(|(name, fault)| word(name) && word(fault));
    text.split(',').all(fault) || is_address(text)
}

/// `127.0.0.1:8011`, `localhost:8011` or `[::1]:8011`.
pub fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| ["127.0.0.1", "localhost", "[::1]"].contains(&host) && port.parse::<u16>().is_ok())
}

/// Whether the first thing that is not a global flag is no command.
fn asks_plainly(args: &[OsString]) -> bool {
    plain_start(args).is_some()
}

/// Where a prompt without a command begins: at the first thing that is no global flag, if it is no command.
fn plain_start(args: &[OsString]) -> Option<usize> {
    first_word(args).filter(|(_, word)| !COMMANDS.contains(&word.as_str())).map(|(at, _)| at)
}

/// The command that is named, if one is.
pub fn named_command(args: &[OsString]) -> Option<&'static str> {
    let (_, word) = first_word(args)?;
    COMMANDS.into_iter().find(|command| *command == word)
}

/// The first thing that is no global flag, and where it stands; `None` where help or the version comes first.
fn first_word(args: &[OsString]) -> Option<(usize, String)> {
    let mut rest = args.iter().enumerate().skip(1).map(|(i, a)| (i, a.to_string_lossy()));
    while let Some((i, arg)) = rest.next() {
        match arg.as_ref() {
            "--json" | "--quiet" | "--verbose" | "-q" | "-v" | "-qv" | "-vq" | "--sandbox" => {}
            flag if WITH_VALUE.contains(&flag) => _ = rest.next(),
            flag if flag.split_once('=').is_some_and(|(name, _)| name == "--sandbox" || WITH_VALUE.contains(&name)) => {
            }
            "-h" | "--help" | "-V" | "--version" => return None,
            word => return Some((i, word.to_owned())),
        }
    }
    None
}

/// The words of a prompt without a command that begins with one, at most two: it may be a mistyped command.
pub fn plain_words(args: &[OsString]) -> Option<(String, Option<String>)> {
    let mut args = args.to_vec();
    join_sandbox_value(&mut args);
    let rest = &args[plain_start(&args)?..];
    let first = rest.first()?.to_str().filter(|word| !word.starts_with('-'))?;
    let second = rest[1..].iter().filter_map(|a| a.to_str()).find(|a| !a.starts_with('-'));
    Some((first.to_owned(), second.map(str::to_owned)))
}
