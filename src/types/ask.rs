//! What is sent to a model and what comes back, in no vendor's words.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Embed, Image, NanoUsd, Usage};

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation. The system prompt is a field of [`Ask`], not a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who wrote it.
    pub role: Role,
    /// What.
    pub text: String,
    /// Pictures that go before the text; only the user sends any.
    pub images: Vec<Image>,
}

impl Message {
    /// What the person says.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, text: text.into(), images: Vec::new() }
    }

    /// What the model said.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, text: text.into(), images: Vec::new() }
    }
}

/// A JSON Schema that an answer shall fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Its name for vendors that want one: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// The schema.
    pub value: serde_json::Value,
}

/// How hard a reasoning model should think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// No thinking, where the model can do without.
    None,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// A lot.
    High,
    /// As much as the model can.
    Max,
}

impl Effort {
    /// Every level with its name.
    pub const ALL: [(Self, &'static str); 5] =
        [(Self::None, "none"), (Self::Low, "low"), (Self::Medium, "medium"), (Self::High, "high"), (Self::Max, "max")];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(e, _)| *e == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Effort {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(effort, _)| *effort)
            .ok_or_else(|| format!("`{text}` is not one of none, low, medium, high, max"))
    }
}

/// One request to one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The system prompt.
    pub system: Option<String>,
    /// The conversation; the last message is the user's.
    pub messages: Vec<Message>,
    /// The output cap, in tokens; always sent.
    pub max_output_tokens: u64,
    /// Sampling temperature; only where the model takes one.
    pub temperature: Option<f64>,
    /// Nucleus sampling; only where the model takes it.
    pub top_p: Option<f64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// How hard to think; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// Fields passed through as they are (`-o KEY=VALUE`); they win over everything above.
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// What the answer shall fit; asked for in the vendor's own way where there is one.
    pub schema: Option<Arc<Schema>>,
    /// Vectors are asked for in place of an answer, one for each message; their text is that of
    /// [`encode_vectors`](super::encode_vectors).
    pub embed: Option<Embed>,
    /// Whether the answer shall come as a stream.
    pub stream: bool,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// The output cap ran out.
    Length,
    /// The content policy stopped it, or it refused in words.
    ContentFilter,
    /// It wants a tool called.
    ToolCalls,
    /// Anything else.
    Other,
}

impl FinishReason {
    /// Its name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
            Self::Other => "other",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Stop, Self::Length, Self::ContentFilter, Self::ToolCalls, Self::Other]
            .into_iter()
            .find(|reason| reason.name() == name)
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The text, without any thinking. A refusal in words is text too.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// What the provider counted; `None` when it told nothing.
    pub usage: Option<Usage>,
    /// What the provider says it charged.
    pub reported_cost: Option<NanoUsd>,
    /// The model that answered, in the provider's words (often not the one asked for).
    pub model: Option<String>,
    /// Whether it asks for a tool.
    pub tool_calls: bool,
}

/// A piece of a streamed answer's text, never empty, never thinking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta(pub String);
