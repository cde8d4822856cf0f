//! What leaves llmr: data to stdout, the rest to stderr; text, tables and JSON.
//!
//! Nothing here asks the environment: what kind of terminal it is comes in as a [`Terminal`].
//! Text from outside passes [`sanitize`] before it reaches a terminal, and an error's text passes
//! [`redact`] before it reaches anything. An answer on a terminal is rendered by [`markdown`].

pub mod bars;
mod code_block;
pub mod csv;
pub mod html;
pub mod json;
pub mod line;
pub mod markdown;
pub mod message;
pub mod progress;
pub mod prometheus;
pub mod redact;
pub mod sanitize;
pub mod stdout;
pub mod steps;
pub mod table;
pub mod units;
pub mod usage;

pub use code_block::first_code_block;
pub use line::Line;
pub use message::{Level, Messages};
pub use progress::Spinner;
pub use redact::Redactor;
pub use sanitize::Sanitizer;
pub use stdout::{AnswerWriter, Wrote};
pub use steps::Steps;
pub use table::{Align, Table};

/// What stdout and stderr are connected to, as far as output depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Whether stdout is a terminal.
    pub stdout: bool,
    /// Whether stderr is a terminal.
    pub stderr: bool,
    /// Columns of the terminal; `None` or 0 when unknown: then nothing is wrapped.
    pub width: Option<u16>,
    /// Whether stdout may be coloured (`--color`, `NO_COLOR` and the like are decided already).
    pub stdout_color: bool,
    /// Whether stderr may be coloured.
    pub stderr_color: bool,
    /// Whether lines and bars may be drawn beyond ASCII.
    pub utf8: bool,
}

impl Terminal {
    /// No terminal at all: both streams are pipes or files.
    pub const PIPES: Self =
        Self { stdout: false, stderr: false, width: None, stdout_color: false, stderr_color: false, utf8: true };

    /// The columns to fit a table on stdout into; `None`: as wide as it gets.
    pub fn columns(&self) -> Option<u16> {
        self.width.filter(|width| self.stdout && *width > 0)
    }
}
