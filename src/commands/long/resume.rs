//! `llmr ask --resume`: what the last reading was, until it ended with an answer.

use serde::{Deserialize, Serialize};

use crate::commands::Context;
use crate::error::{Error, Kind, Result};

/// How it was asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    folder: String,
    words: Vec<String>,
    /// Whether a text came on standard input.
    piped: bool,
}

/// How a reading is asked for: kept until it ends with an answer.
pub fn asked(context: &Context, piped: bool) -> Result<String> {
    let folder = context.host.cwd.to_string_lossy().into_owned();
    let asked = Asked { folder, words: context.global.words.clone(), piped };
    serde_json::to_string(&asked).map_err(|e| Error::new(Kind::Other, e.to_string()))
}

/// The words that the last reading was asked for with that did not end.
pub fn again(context: &Context) -> Result<Vec<String>> {
    let kept = context.store_for_reading()?.kept_reading()?;
    let nothing = || {
        Error::new(Kind::Usage, "there is no reading to go on with")
            .hint("only one that was stopped before its answer is kept")
    };
    let asked: Asked = serde_json::from_str(&kept.ok_or_else(nothing)?).map_err(|_| nothing())?;
    if asked.piped {
        return Err(Error::new(Kind::Usage, "a text of the last reading came on standard input, and is gone")
            .hint("give it again with the same command: what was read of it is kept"));
    }
    if context.host.cwd.to_string_lossy() != asked.folder {
        return Err(Error::new(Kind::Usage, format!("the last reading was asked for in {}", asked.folder))
            .hint(format!("cd {} first: its files are named from there", asked.folder)));
    }
    Ok(asked.words)
}
