//! `[alerts]`: whom to tell when money runs out, a provider fails or a model is about to go.
//!
//! From the user's own `config.toml` alone: a command that is run and an address that is written to are no business
//! of a working folder, and no variable sets them.

use std::collections::BTreeMap;

use super::file::{Item, Reader};
use super::settings;
use super::{Row, address};
use crate::error::Result;
use crate::types::Secret;

/// How long a command or a webhook may take when nothing is said, in seconds.
const TIMEOUT_SECS: f64 = 5.0;

/// What an alert can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertKind {
    /// The day's spending has passed the soft cut-off.
    Soft,
    /// It has passed the hard one, or a request was refused for it.
    Hard,
    /// A provider's breaker has opened.
    Breaker,
    /// A model in use is about to retire.
    Retiring,
}

impl AlertKind {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Soft, Self::Hard, Self::Breaker, Self::Retiring];

    /// Its name in the config and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Hard => "hard",
            Self::Breaker => "breaker",
            Self::Retiring => "retiring",
        }
    }
}

/// Whom to tell, and of what.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    /// A program and its arguments, run without a shell; empty: none.
    pub command: Vec<String>,
    /// An address that gets a POST; it may be a secret itself.
    pub webhook: Option<Secret>,
    /// How long either may take, in seconds.
    pub timeout_secs: f64,
    /// What is told, on stderr as well.
    pub on: Vec<AlertKind>,
}

impl Default for Alerts {
    /// Everything, on stderr alone.
    fn default() -> Self {
        Self { command: Vec::new(), webhook: None, timeout_secs: TIMEOUT_SECS, on: AlertKind::ALL.to_vec() }
    }
}

impl Alerts {
    /// Whether anybody beside the person at stderr is told.
    pub fn delivers(&self) -> bool {
        !self.command.is_empty() || self.webhook.is_some()
    }
}

/// The keys of the table.
const KEYS: [&str; 4] = ["command", "webhook", "timeout_secs", "on"];

/// The table with the places of its keys.
#[derive(Default)]
pub(super) struct Read {
    /// What it says.
    pub alerts: Alerts,
    /// Where, by key.
    places: BTreeMap<&'static str, String>,
}

/// Reads the table. Errors name file, line and key, and never the webhook.
pub(super) fn read(reader: &Reader, value: &Item) -> Result<Read> {
    let mut read = Read::default();
    for (key, value) in reader.table(value, "alerts")? {
        let name = format!("alerts.{}", key.get_ref());
        let Some(known) = KEYS.iter().find(|known| **known == key.get_ref().as_ref()) else {
            return Err(reader.unknown(key, &name, KEYS.into_iter()));
        };
        take(&mut read.alerts, known, reader, value, &name)?;
        read.places.insert(known, reader.place(value).to_string());
    }
    Ok(read)
}

fn take(alerts: &mut Alerts, key: &str, reader: &Reader, value: &Item, name: &str) -> Result<()> {
    match key {
        "command" => {
            alerts.command = match value.get_ref().as_array() {
                Some(list) => list.iter().map(|item| reader.argument(item, name)).collect::<Result<_>>()?,
                None => return Err(reader.wrong(value, name, "a list such as [\"notify-send\", \"llmr\"]")),
            };
            if alerts.command.first().is_some_and(String::is_empty) {
                return Err(reader.wrong(value, name, "a list that begins with a program"));
            }
        }
        "webhook" => {
            let text = reader.word(value, name)?;
            let secret = address::is_webhook(&text).then(|| Secret::new(&text));
            alerts.webhook = Some(secret.ok_or_else(|| reader.wrong(value, name, address::WEBHOOK))?);
        }
        "timeout_secs" => {
            const ALLOWED: &str = "a number of seconds above 0, at most 60";
            let secs = settings::secs(&reader.number(value, name, ALLOWED)?).filter(|secs| *secs <= 60.0);
            alerts.timeout_secs = secs.ok_or_else(|| reader.wrong(value, name, ALLOWED))?;
        }
        _ => {
            let kind = |word: &String| AlertKind::ALL.into_iter().find(|kind| kind.name() == word);
            let kinds: Option<Vec<_>> = reader.words(value, name)?.iter().map(kind).collect();
            alerts.on = kinds.ok_or_else(|| reader.wrong(value, name, "a list of soft, hard, breaker, retiring"))?;
        }
    }
    Ok(())
}

impl Read {
    /// Its rows for `config show`; of the webhook only whether it is set.
    pub fn rows(&self) -> Vec<Row> {
        let alerts = &self.alerts;
        let command = || serde_json::to_string(&alerts.command).unwrap_or_default();
        let values = [
            ("command", if alerts.command.is_empty() { "not set".to_owned() } else { command() }),
            ("webhook", if alerts.webhook.is_some() { "set" } else { "not set" }.to_owned()),
            ("timeout_secs", alerts.timeout_secs.to_string()),
            ("on", alerts.on.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")),
        ];
        let row = |(key, value): (&'static str, String)| Row {
            key: format!("alerts.{key}"),
            variable: String::new(),
            value,
            source: self.places.get(key).cloned().unwrap_or_else(|| super::Source::Default.to_string()),
        };
        values.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::File;
    use super::*;
    use std::path::Path;

    fn alerts(text: &str) -> Result<Read> {
        File::parse(&format!("[alerts]\n{text}"), Path::new("c.toml")).map(|file| file.alerts)
    }

    #[test]
    fn the_table_says_whom_to_tell() {
        let read = alerts(
            "command = [\"notify-send\", \"\", \"-a\"]\nwebhook = \"https://h.test/T/B?x=1\"\ntimeout_secs = 0.5\non = [\"hard\"]",
        );
        let read = read.unwrap();
        assert_eq!(read.alerts.command, ["notify-send", "", "-a"]);
        assert_eq!((read.alerts.timeout_secs, &read.alerts.on), (0.5, &vec![AlertKind::Hard]));
        let rows: Vec<_> = read.rows().into_iter().map(|r| (r.key, r.value, r.source)).collect();
        assert_eq!(rows[0], ("alerts.command".into(), r#"["notify-send","","-a"]"#.into(), "c.toml:2".into()));
        assert_eq!(rows[1], ("alerts.webhook".into(), "set".into(), "c.toml:3".into()));
        assert!(!format!("{:?}", read.alerts).contains("h.test"));
        assert_eq!(alerts("").unwrap().alerts, Alerts::default());
        assert!(alerts("on = []").unwrap().alerts.on.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_never_shown() {
        for (text, says) in [
            ("command = \"rm -rf\"", "c.toml:2: alerts.command: not a list"),
            ("command = [\"\"]", "alerts.command: not a list that begins with a program"),
            ("command = [1]", "alerts.command: not a list of strings"),
            ("webhook = \"file:///etc/secret-word\"", "alerts.webhook: not an http"),
            ("webhook = \"https://user:secret-word@h.test\"", "alerts.webhook: not an http"),
            ("timeout_secs = 0", "alerts.timeout_secs: not a number of seconds"),
            ("timeout_secs = 61", "alerts.timeout_secs: not a number of seconds"),
            ("on = [\"sofd\"]", "alerts.on: not a list of soft"),
            ("comand = []", "unknown key `alerts.comand`"),
        ] {
            let error = alerts(text).err().unwrap();
            assert!(error.message.contains(says), "{text}: {error}");
            assert!(!format!("{error:?}").contains("secret-word"));
        }
    }
}
