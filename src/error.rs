//! The error a person sees: what went wrong, what to do, and the exit code that says it to a script.

use std::fmt;

use crate::types::{AttemptReport, FailureClass};

/// What kind of error it is; each kind has one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything that has no kind of its own.
    Other,
    /// Wrong usage of the command line.
    Usage,
    /// A setting, file or variable that cannot be used.
    Config,
    /// No provider takes part.
    NoProvider,
    /// An input that cannot be read.
    Input,
    /// The request itself is refused.
    Refused,
    /// The request would pass the budget or `--max-cost`.
    Budget,
    /// Something stored failed verification.
    Verification,
    /// Every candidate failed.
    Unavailable,
    /// Every candidate is rate-limited.
    RateLimited,
    /// Every candidate refused its key.
    Auth,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// The database cannot be used.
    Store,
    /// The reader of stdout is gone: not an error, only an end.
    Closed,
}

impl Kind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::NoProvider => "no_provider",
            Self::Input => "input",
            Self::Refused => "refused",
            Self::Budget => "budget",
            Self::Verification => "verification",
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::Auth => "auth",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
            Self::Store => "store",
            Self::Closed => "closed",
        }
    }

    /// The exit code (contract section 4).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Other | Self::Store => 1,
            Self::Usage | Self::Config | Self::NoProvider | Self::Input => 2,
            Self::Refused => 3,
            Self::Budget => 4,
            Self::Verification => 5,
            Self::Unavailable => 69,
            Self::RateLimited => 75,
            Self::Auth => 77,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The kind of a request whose every candidate failed in this class.
    pub fn of_class(class: FailureClass) -> Self {
        match class.exit_code() {
            3 => Self::Refused,
            75 => Self::RateLimited,
            77 => Self::Auth,
            130 => Self::Interrupted,
            _ => Self::Unavailable,
        }
    }
}

/// An error with its hints. Messages are lower-case and name the thing.
#[derive(Debug, Clone)]
pub struct Error {
    /// What kind.
    pub kind: Kind,
    /// What went wrong, in one or a few lines.
    pub message: String,
    /// What to do about it, a line each.
    pub hints: Vec<String>,
    /// The attempts made before, if it was a request.
    pub attempts: Vec<AttemptReport>,
    /// The answer that was paid for and cannot be given as one: it does not fit its schema.
    pub answer: Option<String>,
    /// Whether the day's limit, not only the request's own, is what kept it out.
    pub over_the_day: bool,
    /// Whether a report on stdout has said it already, so that JSON stays one object.
    pub printed: bool,
}

/// A result with the crate's own error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without hints.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
            attempts: Vec::new(),
            answer: None,
            over_the_day: false,
            printed: false,
        }
    }

    /// The same with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same, after a report on stdout that says it.
    #[must_use]
    pub fn printed(self) -> Self {
        Self { printed: true, ..self }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
