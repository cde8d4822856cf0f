//! The event that brings a piece of the answer's text, or of its thinking, and nothing else: almost every event of a stream.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Such an event. To read it as a tree of values takes ten times as long; what has any other field than these, or one
/// of another kind, is read so, since it may say more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Piece<'a> {
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: [Choice<'a>; 1],
    #[serde(borrow, default)]
    object: Cow<'a, str>,
    /// Usage comes in an event of its own.
    #[serde(default, rename = "usage")]
    _usage: (),
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    #[serde(default, rename = "created")]
    _created: IgnoredAny,
    #[serde(default, rename = "provider")]
    _provider: IgnoredAny,
    #[serde(default, rename = "system_fingerprint")]
    _system_fingerprint: IgnoredAny,
    #[serde(default, rename = "service_tier")]
    _service_tier: IgnoredAny,
    #[serde(default, rename = "obfuscation")]
    _obfuscation: IgnoredAny,
    #[serde(default, rename = "p")]
    _padding: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Told<'a>,
    #[serde(default)]
    index: u64,
    #[serde(default, rename = "finish_reason")]
    _finish_reason: (),
    #[serde(default, rename = "native_finish_reason")]
    _native_finish_reason: (),
    #[serde(default, rename = "logprobs")]
    _logprobs: IgnoredAny,
    #[serde(default, rename = "content_filter_results")]
    _content_filter_results: IgnoredAny,
    #[serde(default, rename = "text")]
    _text: IgnoredAny,
    #[serde(default, rename = "seed")]
    _seed: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Text<'a>>,
    #[serde(default, rename = "role")]
    _role: IgnoredAny,
    #[serde(default, rename = "channel")]
    _channel: IgnoredAny,
    #[serde(default, rename = "token_id")]
    _token_id: IgnoredAny,
    #[serde(default, rename = "reasoning_details")]
    _reasoning_details: IgnoredAny,
    #[serde(default, rename = "refusal")]
    _refusal: (),
    #[serde(default, rename = "tool_calls")]
    _tool_calls: (),
    #[serde(default, rename = "function_call")]
    _function_call: (),
}

/// Borrowed unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Piece<'a> {
    /// The event, if it is one.
    pub(super) fn of(data: &'a str) -> Option<Self> {
        let piece: Self = serde_json::from_str(data).ok()?;
        (piece.choices[0].index == 0 && piece.object != "error").then_some(piece)
    }

    /// Which model answers; empty where it is not told.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// The text of the answer.
    pub(super) fn text(&self) -> &str {
        told(self.choices[0].delta.content.as_ref())
    }

    /// Thinking, in both of its names.
    pub(super) fn thinking(&self) -> [&str; 2] {
        let delta = &self.choices[0].delta;
        [told(delta.reasoning_content.as_ref()), told(delta.reasoning.as_ref())]
    }
}

fn told<'t>(text: Option<&'t Text<'_>>) -> &'t str {
    text.map_or("", |text| &text.0)
}
