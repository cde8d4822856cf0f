//! What fields that are passed through (`-o KEY=VALUE`) can do to a bill.
//!
//! Most vendors take them under one name in one place, so one table serves all. Names are compared as Gemini does,
//! which takes `candidateCount` and `candidate_count` alike.

use serde_json::Value;

/// Fields that llmr answers for itself, and what to use instead.
const OWN: &[(&[&str], &str)] = &[
    (&["model", "models", "route"], "-m and --fallback"),
    (&["messages", "contents", "prompt", "input", "inputs", "texts", "requests", "chathistory"], "the prompt"),
    (&["system", "systeminstruction", "preamble"], "-s"),
    (&["stream", "streamoptions", "usage"], "--stream or --no-stream"),
    (
        &["maxtokens", "maxcompletiontokens", "maxoutputtokens", "maxnewtokens", "maxtokenstosample", "numpredict"],
        "--max-tokens",
    ),
    (&["n", "bestof", "candidatecount", "numgenerations"], "--parallel"),
    (&["generationconfig"], "the fields inside it"),
    (&["dimensions", "outputdimension", "outputdimensionality"], "--dimensions of `llmr embed`"),
    (&["inputtype", "tasktype"], "--query of `llmr embed`"),
];

/// Fields that can cost something beside the prompt and the answer, or make these dearer: tools that the vendor runs,
/// searches, dearer service, speculative output, other media, stored context.
const CHARGED: &[&str] = &[
    "audio",
    "cachecontrol",
    "cachedcontent",
    "connectors",
    "container",
    "contextmanagement",
    "extrabody",
    "functions",
    "inferencegeo",
    "mcpservers",
    "modalities",
    "plugins",
    "prediction",
    "responsemodalities",
    "searchparameters",
    "searchtype",
    "servicetier",
    "speechconfig",
    "speed",
    "tools",
];

/// What to use instead of a field that llmr answers for itself.
pub fn instead(name: &str) -> Option<&'static str> {
    let name = plain(name);
    OWN.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, instead)| *instead)
}

/// Whether a field can make a request cost what neither its prompt nor its output cap bounds.
pub fn opens_charges(name: &str, value: &Value) -> bool {
    match plain(name).as_str() {
        // How much is searched is in the price of the models that always search; what else is asked for is not.
        "websearchoptions" => {
            let known = |key: &String| matches!(plain(key).as_str(), "searchcontextsize" | "userlocation");
            !value.as_object().is_some_and(|options| options.keys().all(known))
        }
        // How finely Gemini looks at pictures: these two make no more of one than its usual way.
        "mediaresolution" => !matches!(value.as_str(), Some("MEDIA_RESOLUTION_LOW" | "MEDIA_RESOLUTION_MEDIUM")),
        name => CHARGED.contains(&name),
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_bounds_an_answer_is_not_passed_through() {
        for (name, flag) in [
            ("max_tokens", Some("--max-tokens")),
            ("maxOutputTokens", Some("--max-tokens")),
            ("n", Some("--parallel")),
            ("candidate_count", Some("--parallel")),
            ("stream_options", Some("--stream or --no-stream")),
            ("seed", None),
            ("thinking", None),
        ] {
            assert_eq!(instead(name), flag, "{name}");
        }
    }

    #[test]
    fn what_is_charged_beside_the_tokens_is_known() {
        for (name, value, opens) in [
            ("tools", json!([{"type": "web_search"}]), true),
            ("service_tier", json!("priority"), true),
            ("serviceTier", json!("priority"), true),
            ("prediction", json!({}), true),
            ("web_search_options", json!({"search_context_size": "high"}), false),
            ("web_search_options", json!({"search_type": "pro"}), true),
            ("web_search_options", json!(true), true),
            ("mediaResolution", json!("MEDIA_RESOLUTION_LOW"), false),
            ("mediaResolution", json!("MEDIA_RESOLUTION_HIGH"), true),
            ("seed", json!(1), false),
            ("reasoning_effort", json!("high"), false),
            ("response_format", json!({"type": "json_object"}), false),
        ] {
            assert_eq!(opens_charges(name, &value), opens, "{name} {value}");
        }
    }
}
