//! `llmr ask --resume`: what the last reading was, until it ended with an answer.

use serde::{Deserialize, Serialize};

use super::Reading;
use crate::commands::Context;
use crate::error::{Error, Kind, Result};
use crate::types::NanoUsd;

/// How it was asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    folder: String,
    words: Vec<String>,
    /// Whether a text came on standard input.
    piped: bool,
    /// What it was agreed to cost at most, in nano-dollars.
    most: Option<i64>,
    config: Option<String>,
    profile: Option<String>,
}

/// A reading that may be gone on with.
pub struct Again {
    /// What was typed.
    pub words: Vec<String>,
    /// What it was agreed to cost at most.
    pub most: Option<NanoUsd>,
}

/// How a reading is asked for: kept until it ends with an answer.
pub fn asked(context: &Context, reading: &Reading, most: Option<NanoUsd>) -> Result<String> {
    let (config, profile) = surroundings(context);
    let asked = Asked {
        folder: reading.folder.clone(),
        words: context.global.words.clone(),
        piped: reading.piped,
        most: most.map(|most| most.0),
        config,
        profile,
    };
    serde_json::to_string(&asked).map_err(|e| Error::new(Kind::Other, e.to_string()))
}

/// The last reading that did not end.
pub fn again(context: &Context) -> Result<Again> {
    let kept = context.store_for_reading()?.kept_reading()?;
    let nothing = || {
        Error::new(Kind::Usage, "there is no reading to go on with")
            .hint("only one that was stopped before its answer is kept")
    };
    let asked: Asked = serde_json::from_str(&kept.ok_or_else(nothing)?).map_err(|_| nothing())?;
    let same = "with the same command as before, what was read is not asked for again";
    if asked.piped {
        let message = "a text of the last reading came on standard input, and is gone";
        return Err(Error::new(Kind::Usage, message).hint(format!("give it again: {same}")));
    }
    if context.host.cwd.to_string_lossy() != asked.folder {
        return Err(Error::new(Kind::Usage, format!("the last reading was asked for in {}", asked.folder))
            .hint(format!("cd {} first: its files are named from there", asked.folder)));
    }
    if asked.words.is_empty() {
        let message = "the last reading was asked for with words that are not UTF-8";
        return Err(Error::new(Kind::Usage, message).hint(format!("give it again: {same}")));
    }
    if surroundings(context) != (asked.config, asked.profile) {
        let message = "the last reading was asked for with another --config or --profile";
        return Err(Error::new(Kind::Usage, message).hint("say the same beside --resume"));
    }
    Ok(Again { words: asked.words, most: asked.most.map(NanoUsd) })
}

/// What decides who is asked, beside the words of the command.
fn surroundings(context: &Context) -> (Option<String>, Option<String>) {
    let config = context.global.config.as_ref().map(|path| path.to_string_lossy().into_owned());
    (config, context.global.profile.clone())
}
