//! Results as JSON: one object, or one object a line, each with `schema_version` first.
//!
//! Two things differ from `serde_json`'s own printing, and neither changes a value: floats
//! have no exponent (a script that compares prices as decimals shall not meet `5e-7`), and characters
//! on which a terminal would act are escaped, because strings come from models and providers.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::sanitize::acts_on_a_terminal;
use super::{Redactor, Terminal};
use crate::error::{Error, Kind, Result};
use crate::types::{AttemptReport, CandidateId, RequestId};

/// The version of every object's shape; fields are only ever added within one.
pub const SCHEMA_VERSION: u32 = 1;

/// How an object is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// On one line.
    Compact,
    /// Indented by two spaces.
    Pretty,
}

impl Layout {
    /// For a whole object on stdout: pretty for the eye of a person, one line for a program.
    /// The lines of a stream are always compact.
    pub fn of(terminal: &Terminal) -> Self {
        if terminal.stdout { Self::Pretty } else { Self::Compact }
    }
}

/// The object as text with a line break at its end. `body` is a struct or a map with text keys;
/// anything else is an error.
pub fn render<T: Serialize>(body: &T, layout: Layout) -> Result<String> {
    let object = Versioned { schema_version: SCHEMA_VERSION, body };
    let mut bytes = Vec::with_capacity(256);
    let printed = match layout {
        Layout::Compact => object.serialize(&mut Serializer::with_formatter(&mut bytes, Plain(CompactFormatter))),
        Layout::Pretty => object.serialize(&mut Serializer::with_formatter(&mut bytes, Plain(PrettyFormatter::new()))),
    };
    let unprintable = |why: &dyn std::fmt::Display| Error::new(Kind::Other, format!("cannot print as JSON: {why}"));
    printed.map_err(|why| unprintable(&why))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|why| unprintable(&why))
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    schema_version: u32,
    #[serde(flatten)]
    body: &'a T,
}

/// An error as an object: `{"error": {…}}`.
#[derive(Debug, Serialize)]
pub struct ErrorReport<'a> {
    /// The error itself.
    pub error: ErrorBody<'a>,
}

/// The inner part of an [`ErrorReport`], free of keys.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    /// What kind.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// The process's exit code.
    pub exit_code: u8,
    /// The attempts made before.
    pub attempts: &'a [AttemptReport],
    /// The answer that does not fit its schema, if that is what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl<'a> ErrorReport<'a> {
    /// The error, with every key taken out.
    pub fn new(error: &'a Error, redactor: &Redactor) -> Self {
        let error = ErrorBody {
            kind: error.kind.name(),
            message: redactor.redact(&error.message),
            hints: error.hints.iter().map(|hint| redactor.redact(hint)).collect(),
            exit_code: error.exit_code(),
            attempts: &error.attempts,
            answer: error.answer.as_deref().map(|answer| redactor.redact(answer)),
        };
        Self { error }
    }
}

/// One line of `stream-json`. `R` is the `ask` object.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event<'a, R> {
    /// A candidate was asked; the first line.
    Start {
        /// The request's id; `null` while it is not recorded (the budget is off and so is the database).
        id: Option<RequestId>,
        /// Whom.
        provider: &'a str,
        /// Which model.
        model: &'a str,
    },
    /// The next piece of the answer.
    Delta {
        /// Never empty.
        text: &'a str,
    },
    /// An attempt failed and another candidate is asked.
    Fallback {
        /// What failed.
        attempt: &'a AttemptReport,
        /// Who is asked now.
        next: Next<'a>,
    },
    /// The end: everything there is to know. The answer's text is whole in it.
    Result(&'a R),
    /// The end without a whole answer.
    Error(ErrorReport<'a>),
}

/// A candidate in an [`Event`].
#[derive(Debug, Serialize)]
pub struct Next<'a> {
    /// Whom.
    pub provider: &'a str,
    /// Which model.
    pub model: &'a str,
}

impl<'a> From<&'a CandidateId> for Next<'a> {
    fn from(id: &'a CandidateId) -> Self {
        Self { provider: &id.provider, model: &id.model }
    }
}

/// One line of a stream, with its line break.
pub fn line<R: Serialize>(event: &Event<'_, R>) -> Result<String> {
    render(event, Layout::Compact)
}

/// From here on a float has no decimals, and its digits would only be zeros: an exponent is left to it.
const HUGE: f64 = 1e16;

/// Another formatter's layout, with floats as plain decimals and no character that a terminal acts on.
struct Plain<F>(F);

macro_rules! as_inner {
    ($($name:ident($($arg:ident: $type:ty)?);)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $arg: $type)?) -> io::Result<()> {
            self.0.$name(writer $(, $arg)?)
        })*
    };
}

impl<F: Formatter> Formatter for Plain<F> {
    as_inner! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // Rust prints the shortest digits that name the float, and never an exponent.
        match value {
            _ if value.abs() >= HUGE => self.0.write_f64(writer, value),
            _ if value.fract() == 0.0 => write!(writer, "{value:.1}"),
            _ => write!(writer, "{value}"),
        }
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, mut text: &str) -> io::Result<()> {
        while let Some((at, c)) = text.char_indices().find(|(_, c)| acts_on_a_terminal(*c)) {
            writer.write_all(&text.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            text = &text[at + c.len_utf8()..];
        }
        writer.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FailureClass, NanoUsd, Outcome, Secret};
    use serde_json::{Value, json};

    #[derive(Serialize)]
    struct Report {
        name: &'static str,
        cost_usd: Option<NanoUsd>,
        rate: f64,
        list: Vec<u8>,
    }

    const REPORT: Report = Report { name: "a", cost_usd: Some(NanoUsd(1)), rate: 5e-7, list: Vec::new() };

    fn attempt() -> AttemptReport {
        AttemptReport {
            provider: "openai".into(),
            model: "m".into(),
            outcome: Outcome::Failed,
            failure: Some(FailureClass::RateLimited),
            status: Some(429),
            latency_ms: 12,
            cost_usd: Some(NanoUsd(27_000)),
        }
    }

    #[test]
    fn an_object_has_its_version_first_and_no_exponent() {
        let compact = render(&REPORT, Layout::Compact).unwrap();
        assert_eq!(
            compact,
            "{\"schema_version\":1,\"name\":\"a\",\"cost_usd\":0.000000001,\"rate\":0.0000005,\"list\":[]}\n"
        );
        let pretty = render(&REPORT, Layout::Pretty).unwrap();
        let expected = "{\n  \"schema_version\": 1,\n  \"name\": \"a\",\n  \"cost_usd\": 0.000000001,\n  \
                        \"rate\": 0.0000005,\n  \"list\": []\n}\n";
        assert_eq!(pretty, expected);
    }

    #[test]
    fn money_that_went_through_a_value_has_no_exponent_either() {
        for nano in [1, 5, 500, 27_000, 123_456_789, 8_000_000_000_000_001, -1, 3_000_000_000] {
            let value = json!({ "cost": serde_json::to_value(NanoUsd(nano)).unwrap() });
            let expected = format!("{{\"schema_version\":1,\"cost\":{}}}\n", NanoUsd(nano));
            assert_eq!(render(&value, Layout::Compact).unwrap(), expected);
        }
    }

    #[test]
    fn floats_keep_their_value() {
        for float in [0.0, 1.0, 0.1, 1e-9, 123.456, 1e15, 9e15, -2.5e-8, 1e-12] {
            let text = render(&json!({ "x": float }), Layout::Compact).unwrap();
            assert!(!text["{\"schema_version\":1,\"x\":".len()..].contains(['e', 'E']), "{text}");
            let back: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(back["x"].as_f64(), Some(float), "{text}");
        }
        assert_eq!(render(&json!({ "x": 1.0 }), Layout::Compact).unwrap(), "{\"schema_version\":1,\"x\":1.0}\n");
        assert_eq!(render(&json!({ "x": 1e300 }), Layout::Compact).unwrap(), "{\"schema_version\":1,\"x\":1e+300}\n");
    }

    #[test]
    fn strings_are_harmless_and_unchanged() {
        for text in ["\x1b[2J", "\u{9b}2J", "\u{7f}", "\u{202e}x\u{2066}", "\u{e0041}", "a\u{2028}b", "ünï\n\"\\", ""]
        {
            let printed = render(&json!({ "x": text }), Layout::Compact).unwrap();
            assert!(!printed.trim_end().contains(acts_on_a_terminal), "{text:?}");
            let back: Value = serde_json::from_str(&printed).unwrap();
            assert_eq!(back["x"], text);
        }
    }

    #[test]
    fn an_error_is_an_object_without_keys() {
        let mut error = Error::new(Kind::RateLimited, "key test-key is limited").hint("replace test-key");
        error.attempts.push(attempt());
        let redactor = Redactor::new(&[Secret::new("test-key")]);
        let expected = concat!(
            r#"{"schema_version":1,"error":{"kind":"rate_limited","message":"key [redacted] is limited","#,
            r#""hints":["replace [redacted]"],"exit_code":75,"attempts":[{"provider":"openai","model":"m","#,
            r#""outcome":"failed","failure":"rate_limited","status":429,"latency_ms":12,"cost_usd":0.000027}]}}"#,
            "\n"
        );
        assert_eq!(render(&ErrorReport::new(&error, &redactor), Layout::Compact).unwrap(), expected);
    }

    #[test]
    fn a_stream_s_lines_have_a_type() {
        let (attempt, error) = (attempt(), Error::new(Kind::Budget, "no money"));
        let id = CandidateId::new("groq", "n");
        let report = ErrorReport::new(&error, &Redactor::default());
        let lines: [(Event<'_, Report>, &str); 5] = [
            (
                Event::Start { id: Some(RequestId(7)), provider: "openai", model: "m" },
                r#""type":"start","id":"r7","provider":"openai","model":"m"}"#,
            ),
            (Event::Delta { text: "hi\n\n" }, r#""type":"delta","text":"hi\n\n"}"#),
            (
                Event::Fallback { attempt: &attempt, next: Next::from(&id) },
                concat!(
                    r#""type":"fallback","attempt":{"provider":"openai","model":"m","outcome":"failed","#,
                    r#""failure":"rate_limited","status":429,"latency_ms":12,"cost_usd":0.000027},"#,
                    r#""next":{"provider":"groq","model":"n"}}"#
                ),
            ),
            (
                Event::Result(&REPORT),
                r#""type":"result","name":"a","cost_usd":0.000000001,"rate":0.0000005,"list":[]}"#,
            ),
            (
                Event::Error(report),
                concat!(
                    r#""type":"error","error":{"kind":"budget","message":"no money","hints":[],"#,
                    r#""exit_code":4,"attempts":[]}}"#
                ),
            ),
        ];
        for (event, expected) in lines {
            assert_eq!(line(&event).unwrap(), format!("{{\"schema_version\":1,{expected}\n"));
        }
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        assert_eq!(render(&3, Layout::Compact).unwrap_err().kind, Kind::Other);
    }

    #[test]
    fn only_a_terminal_gets_the_pretty_layout() {
        assert_eq!(Layout::of(&Terminal::PIPES), Layout::Compact);
        assert_eq!(Layout::of(&Terminal { stdout: true, ..Terminal::PIPES }), Layout::Pretty);
    }
}
