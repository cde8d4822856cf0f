//! Which field of the request a model refuses to take, as its refusal names it.

use super::told::Told;

/// The names vendors have for a field, and the one name used here (OpenAI's).
const FIELDS: &[(&str, &str)] = &[
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("topp", "top_p"),
    ("top_k", "top_k"),
    ("topk", "top_k"),
    ("stop", "stop"),
    ("stop_sequences", "stop"),
    ("stopsequences", "stop"),
    ("reasoning_effort", "reasoning_effort"),
    ("reasoningeffort", "reasoning_effort"),
    ("reasoning", "reasoning_effort"),
    ("effort", "reasoning_effort"),
    ("thinking", "reasoning_effort"),
    ("thinking_budget", "reasoning_effort"),
    ("thinkingbudget", "reasoning_effort"),
    ("thinking_level", "reasoning_effort"),
    ("thinkinglevel", "reasoning_effort"),
    ("thinkingconfig", "reasoning_effort"),
    ("thinking_config", "reasoning_effort"),
    ("output_config", "reasoning_effort"),
    ("budget_tokens", "reasoning_effort"),
    ("max_tokens", "max_tokens"),
    ("maxoutputtokens", "max_tokens"),
    ("max_completion_tokens", "max_completion_tokens"),
    ("stream_options", "stream_options"),
    ("stream", "stream"),
    ("web_search_options", "web_search_options"),
    ("response_format", RESPONSE_FORMAT),
    ("responsejsonschema", RESPONSE_FORMAT),
    ("responsemimetype", RESPONSE_FORMAT),
];

/// The field that asks for JSON.
const RESPONSE_FORMAT: &str = "response_format";

/// What refusals of that field say, whether it is not taken at all or its schema is not: either way the request can
/// do without it. The last one is a model that could not keep to it.
const OF_RESPONSE_FORMAT: &[&str] = &[
    "response_format",
    "response format",
    "responsejsonschema",
    "response_json_schema",
    "responsemimetype",
    "response_mime_type",
    "output_config.format",
    "json_schema",
    "json schema",
    "schema is",
    "schema for",
    "invalid schema",
    "failed to generate json",
];

/// Names that are also plain words: only meant where they are quoted.
const WORDS: &[&str] = &["stop", "reasoning", "effort", "thinking", "stream"];

/// Codes that say that a field is not taken at all (a value out of range is the caller's to mend).
const CODES: &[&str] = &["unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"];

/// The same in words.
const PHRASES: &[&str] = &[
    "not supported",
    "unsupported",
    "deprecated",
    "does not support",
    "doesn't support",
    "not permitted",
    "unknown parameter",
    "unknown name",
    "unrecognized request argument",
    "cannot both be specified",
];

/// The field that the model refuses to take, in OpenAI's words where it is a common one.
pub fn refused(told: &Told) -> Option<String> {
    let text = told.message.to_ascii_lowercase();
    let of_format = |text: &str| OF_RESPONSE_FORMAT.iter().any(|phrase| text.contains(phrase));
    let param = told.param.as_deref().map(str::to_ascii_lowercase);
    if param.is_some_and(|param| of_format(&param)) || of_format(&text) {
        return Some(RESPONSE_FORMAT.to_owned());
    }
    let by_code = told.codes.iter().any(|code| CODES.contains(&code.as_str()));
    if !by_code && !PHRASES.iter().any(|phrase| text.contains(phrase)) {
        return None;
    }
    match &told.param {
        Some(param) => Some(field(&param.to_ascii_lowercase()).map_or_else(|| param.clone(), str::to_owned)),
        None => in_text(&text).map(str::to_owned),
    }
}

fn field(name: &str) -> Option<&'static str> {
    FIELDS.iter().find(|(alias, _)| *alias == name).map(|(_, field)| *field)
}

/// The first field named in a sentence.
fn in_text(text: &str) -> Option<&'static str> {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut start = 0;
    for word in text.split(|c: char| !of_a_name(c)) {
        let quoted = text[..start].ends_with(['\'', '"', '`', '.']);
        let labelled = start == 0 && text[word.len()..].starts_with(':');
        if let Some(field) = field(word).filter(|_| quoted || labelled || !WORDS.contains(&word)) {
            return Some(field);
        }
        start += word.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_field_is_named() {
        for (code, param, message, expected) in [
            ("unsupported_parameter", Some("max_tokens"), "use the other one", Some("max_tokens")),
            ("unsupported_value", Some("messages[0].role"), "no", Some("messages[0].role")),
            ("unsupported_value", Some("temperature"), "only the default", Some("temperature")),
            ("decimal_above_max_value", Some("temperature"), "Expected a value <= 2", None),
            ("", None, "`temperature` is deprecated for this model.", Some("temperature")),
            ("", None, "temperature: Extra inputs are not permitted", Some("temperature")),
            ("", None, "thinking: Extra inputs are not permitted", Some("reasoning_effort")),
            ("", None, "adaptive thinking is not supported; stop thinking", None),
            ("", None, "Unsupported parameter: 'stop' is not supported", Some("stop")),
            ("", None, "Model m does not support parameter reasoningEffort.", Some("reasoning_effort")),
            ("", None, "Unrecognized request argument supplied: stream_options", Some("stream_options")),
            ("", None, "max_tokens is too large: 9. This model supports at most 5", None),
            ("extra_forbidden", Some("top_p"), "Extra inputs", Some("top_p")),
            ("", None, "the image format is not supported", None),
            ("", None, "é is unsupported, so is top_p", Some("top_p")),
            ("", Some("response_format"), "'additionalProperties' is required to be false", Some("response_format")),
            ("", None, "output_config.format.schema: for 'integer', minimum is not supported", Some("response_format")),
            ("", None, "This model does not support response format `json_schema`.", Some("response_format")),
            ("", None, "Unknown name \"responseJsonSchema\" at 'generation_config'", Some("response_format")),
        ] {
            let told = Told {
                codes: vec![code.to_owned()],
                param: param.map(str::to_owned),
                message: message.to_owned(),
                ..Told::default()
            };
            assert_eq!(refused(&told).as_deref(), expected, "{message}");
        }
    }
}
