//! What is said on stderr: errors with their hints, warnings, notes. The one place that renders an
//! error for people. Every text is freed of keys and made harmless here, so that no caller can forget.

use std::fmt::Write as _;
use std::io::Write;

use super::{Redactor, Terminal, sanitize, units};
use crate::error::Error;
use crate::types::AttemptReport;

/// How much is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Errors and their hints only (`-q`).
    Quiet,
    /// Warnings, hints and notes too.
    #[default]
    Normal,
    /// Details of every decision too (`-v`).
    Verbose,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Error,
    Warning,
    Hint,
    Note,
    Detail,
}

impl Label {
    /// Its word, and the terminal's code for its colour.
    fn word(self) -> (&'static str, &'static str) {
        match self {
            Self::Error => ("error", "\x1b[1;31m"),
            Self::Warning => ("warning", "\x1b[1;33m"),
            Self::Hint => ("hint", "\x1b[1;36m"),
            Self::Note => ("note", "\x1b[1m"),
            Self::Detail => ("detail", "\x1b[2m"),
        }
    }

    /// From which level on it is said.
    fn level(self) -> Level {
        match self {
            Self::Error => Level::Quiet,
            Self::Warning | Self::Hint | Self::Note => Level::Normal,
            Self::Detail => Level::Verbose,
        }
    }
}

/// Writes messages. A stderr that cannot be written to is no reason to fail.
pub struct Messages<W> {
    out: W,
    level: Level,
    color: bool,
    redactor: Redactor,
}

impl<W: Write> Messages<W> {
    /// To `out`, which is stderr, or a buffer in a test.
    pub fn new(out: W, terminal: &Terminal, level: Level, redactor: Redactor) -> Self {
        Self { out, level, color: terminal.stderr_color, redactor }
    }

    /// An error, its attempts and its hints; said at every level.
    pub fn error(&mut self, error: &Error) {
        let mut text = self.line(Label::Error, &error.message);
        // A single attempt is what the message tells already.
        if error.attempts.len() > 1 {
            for (summary, times) in alike(&error.attempts) {
                let times = if times > 1 { format!(", {times} times") } else { String::new() };
                // Writing to a String cannot fail.
                _ = writeln!(text, "  tried {}{times}", self.harmless(&summary));
            }
        }
        for hint in &error.hints {
            text += &self.line(Label::Hint, hint);
        }
        self.write(&text);
    }

    /// Something that went wrong without ending the work.
    pub fn warning(&mut self, text: &str) {
        self.say(Label::Warning, text);
    }

    /// What the person may do.
    pub fn hint(&mut self, text: &str) {
        self.say(Label::Hint, text);
    }

    /// Something worth knowing.
    pub fn note(&mut self, text: &str) {
        self.say(Label::Note, text);
    }

    /// Something for `-v`.
    pub fn detail(&mut self, text: &str) {
        self.say(Label::Detail, text);
    }

    /// A line without a label that was asked for, such as the receipt of `-u`; said at every level.
    pub fn plain(&mut self, text: &str) {
        let line = self.harmless(text) + "\n";
        self.write(&line);
    }

    /// Lines without a label beside an answer, such as what a turn cost: dim, and not said by `-q`.
    pub fn aside(&mut self, text: &str) {
        if self.level >= Level::Normal {
            let (dim, reset) = if self.color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
            let redacted = self.redactor.redact(text.trim_end());
            let line = format!("{dim}{}{reset}\n", sanitize::text(&redacted));
            self.write(&line);
        }
    }

    /// How much is said.
    pub fn level(&self) -> Level {
        self.level
    }

    fn say(&mut self, label: Label, text: &str) {
        if self.level >= label.level() {
            let line = self.line(label, text);
            self.write(&line);
        }
    }

    fn line(&self, label: Label, text: &str) -> String {
        let (word, color) = label.word();
        let reset = if self.color { "\x1b[0m" } else { "" };
        let color = if self.color { color } else { "" };
        format!("{color}{word}:{reset} {}\n", self.harmless(text))
    }

    /// Without keys and control characters. Further lines are indented: a text from outside cannot
    /// pretend to be a line of llmr's own.
    fn harmless(&self, text: &str) -> String {
        let redacted = self.redactor.redact(text.trim_end());
        sanitize::text(&redacted).replace('\n', "\n  ")
    }

    fn write(&mut self, text: &str) {
        // Nobody is left to be told.
        _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Attempts that went the same way in a row, counted; one alone says how long it took.
fn alike(attempts: &[AttemptReport]) -> Vec<(String, usize)> {
    let same = |a: &AttemptReport, b: &AttemptReport| {
        (&a.provider, &a.model, a.failure, a.status) == (&b.provider, &b.model, b.failure, b.status)
    };
    let groups = attempts.chunk_by(same).map(|group| match group {
        [one] => (attempt_summary(one), 1),
        several => (outcome(&several[0]), several.len()),
    });
    groups.collect()
}

/// An attempt in a few words: `openai/gpt-6-luna: overloaded (503) after 0.8 s`.
pub fn attempt_summary(attempt: &AttemptReport) -> String {
    format!("{} after {}", outcome(attempt), units::duration_ms(attempt.latency_ms))
}

fn outcome(attempt: &AttemptReport) -> String {
    let AttemptReport { provider, model, outcome, failure, status, .. } = attempt;
    let what = failure.map_or(outcome.name(), |class| class.name());
    let status = status.filter(|code| *code != 200).map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{provider}/{model}: {what}{status}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::types::{FailureClass, Outcome, Secret};

    fn said(level: Level, color: bool, say: impl FnOnce(&mut Messages<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        let terminal = Terminal { stderr_color: color, ..Terminal::PIPES };
        say(&mut Messages::new(&mut out, &terminal, level, Redactor::new(&[Secret::new("test-key")])));
        String::from_utf8(out).unwrap()
    }

    fn attempt(failure: Option<FailureClass>, status: Option<u16>) -> AttemptReport {
        AttemptReport {
            provider: "openai".into(),
            model: "m".into(),
            outcome: Outcome::Failed,
            failure,
            status,
            latency_ms: 840,
            cost_usd: None,
        }
    }

    #[test]
    fn an_error_comes_with_its_attempts_and_hints() {
        let mut error = Error::new(Kind::Unavailable, "every candidate failed").hint("try later").hint("or -p groq");
        error.attempts = vec![attempt(Some(FailureClass::Overloaded), Some(503)), attempt(None, None)];
        let text = said(Level::Quiet, false, |m| m.error(&error));
        assert_eq!(
            text,
            "error: every candidate failed\n  tried openai/m: overloaded (503) after 840 ms\n  \
             tried openai/m: failed after 840 ms\nhint: try later\nhint: or -p groq\n"
        );
    }

    #[test]
    fn attempts_that_went_the_same_way_are_counted() {
        let mut error = Error::new(Kind::Unavailable, "every candidate failed");
        let overloaded = attempt(Some(FailureClass::Overloaded), Some(503));
        error.attempts = vec![overloaded.clone(), overloaded.clone(), attempt(None, None), overloaded];
        let text = said(Level::Quiet, false, |m| m.error(&error));
        let overloaded = "  tried openai/m: overloaded (503)";
        assert_eq!(
            text,
            format!(
                "error: every candidate failed\n{overloaded}, 2 times\n  tried openai/m: failed after 840 ms\n\
                 {overloaded} after 840 ms\n"
            )
        );
        error.attempts.truncate(1);
        assert_eq!(said(Level::Quiet, false, |m| m.error(&error)), "error: every candidate failed\n");
    }

    #[test]
    fn quiet_keeps_errors_only() {
        let all = |m: &mut Messages<&mut Vec<u8>>| {
            m.detail("d");
            m.note("n");
            m.hint("h");
            m.warning("w");
            m.plain("p");
            m.aside("a\nb");
        };
        for (level, text) in [
            (Level::Quiet, "p\n"),
            (Level::Normal, "note: n\nhint: h\nwarning: w\np\na\nb\n"),
            (Level::Verbose, "detail: d\nnote: n\nhint: h\nwarning: w\np\na\nb\n"),
        ] {
            assert_eq!(said(level, false, all), text);
        }
    }

    #[test]
    fn messages_are_harmless() {
        for (text, line) in [
            ("bad test-key", "warning: bad [redacted]\n"),
            ("a\x1b]0;t\x07b", "warning: a␛]0;t␇b\n"),
            ("first\nhint: run this\n\n", "warning: first\n  hint: run this\n"),
            ("over\rwritten", "warning: over␍written\n"),
        ] {
            assert_eq!(said(Level::Normal, false, |m| m.warning(text)), line);
            let error = Error::new(Kind::Other, text);
            assert_eq!(said(Level::Normal, false, |m| m.error(&error)), line.replacen("warning", "error", 1));
        }
    }

    #[test]
    fn colour_is_only_where_it_is_allowed() {
        assert_eq!(said(Level::Normal, true, |m| m.warning("w")), "\x1b[1;33mwarning:\x1b[0m w\n");
        assert_eq!(said(Level::Normal, false, |m| m.warning("w")), "warning: w\n");
    }

    #[test]
    fn a_closed_stderr_ends_nothing() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Messages::new(writer, &Terminal::PIPES, Level::Normal, Redactor::default()).warning("w");
    }
}
