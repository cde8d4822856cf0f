//! A request as chat completions, with the differences between the copies as [`Quirks`].

use serde_json::{Map, Value, json};

use crate::providers::MaxPrice;
use crate::providers::image::url_parts;
use crate::providers::request::{join, key_header, number, pass_through, post, segment};
use crate::providers::schema::response_format;
use crate::providers::table::{EffortField, Quirks, ReportedCost};
use crate::providers::{Endpoint, HttpRequest, ModelFacts};
use crate::types::{Ask, Effort, Failure, Role};

/// Azure's dated API of that month is the first that knows `max_completion_tokens` and `stream_options`.
const AZURE_KNOWS_NEW_FIELDS: &str = "2024-09-01";

/// The HTTP request that asks this.
pub fn request(to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure> {
    let (url, names_model) = address(to)?;
    Ok(post(url, key_header(to.quirks.auth, to.key.as_ref()), body(to, ask, names_model), ask))
}

/// The URL, and whether the body names the model (otherwise the URL does).
pub fn address(to: &Endpoint) -> Result<(String, bool), Failure> {
    if !to.quirks.deployment_paths {
        return Ok((join(&to.base_url, to.quirks.path), true));
    }
    let base = to.base_url.trim_end_matches('/');
    let version = to.api_version.as_deref().filter(|version| !version.is_empty());
    // Azure AI Foundry's own route for models of other vendors.
    if base.ends_with("/models") {
        let query = version.map(|version| format!("?api-version={version}")).unwrap_or_default();
        return Ok((format!("{base}{}{query}", to.quirks.path), true));
    }
    let root = base.strip_suffix("/openai/v1").or_else(|| base.strip_suffix("/openai")).unwrap_or(base);
    Ok(match version {
        None => (format!("{root}/openai/v1{}", to.quirks.path), true),
        Some(version) => {
            let deployment = segment(&to.model)?;
            (format!("{root}/openai/deployments/{deployment}{}?api-version={version}", to.quirks.path), false)
        }
    })
}

fn body(to: &Endpoint, ask: &Ask, names_model: bool) -> Map<String, Value> {
    let quirks = &to.quirks;
    let mut body = Map::new();
    if names_model {
        body.insert("model".into(), json!(to.model));
    }
    body.insert("messages".into(), messages(ask));
    body.insert(output_cap(to).into(), json!(ask.max_output_tokens));
    let sampling = [("temperature", ask.temperature), ("top_p", ask.top_p)];
    body.extend(sampling.into_iter().filter_map(|(name, value)| Some((name.to_owned(), number(value?)))));
    if !ask.stop.is_empty() {
        body.insert("stop".into(), json!(ask.stop));
    }
    body.insert("stream".into(), json!(ask.stream));
    if ask.stream && quirks.stream_usage_option && !is_old_azure(to) {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(effort) = ask.effort {
        body.extend(effort_fields(effort, quirks.effort, &to.model_facts));
    }
    if quirks.cost == ReportedCost::UsageCost {
        body.insert("usage".into(), json!({"include": true}));
    }
    if let Some(MaxPrice { prompt, completion, request, image }) = to.max_price.filter(|_| quirks.max_price) {
        let mut most = json!({"prompt": number(prompt), "completion": number(completion), "request": number(request)});
        if ask.messages.iter().any(|message| !message.images.is_empty()) {
            most["image"] = number(image);
        }
        body.insert("provider".into(), json!({"max_price": most}));
    }
    if let Some(size) = quirks.search_context {
        body.insert("web_search_options".into(), json!({"search_context_size": size}));
    }
    if let Some(format) = ask.schema.as_ref().and_then(|schema| response_format(quirks.json, schema)) {
        body.insert("response_format".into(), format);
    }
    pass_through(&mut body, &ask.extra);
    body
}

/// The system prompt goes as role `system`, which newer models read as `developer`.
fn messages(ask: &Ask) -> Value {
    let system = ask.system.iter().map(|text| json!({"role": "system", "content": text}));
    let turns = ask.messages.iter().map(|message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": url_parts(message)})
    });
    system.chain(turns).collect()
}

fn output_cap(to: &Endpoint) -> &'static str {
    if is_old_azure(to) { Quirks::OPENAI_LIKE.output_cap } else { to.quirks.output_cap }
}

fn is_old_azure(to: &Endpoint) -> bool {
    let old = |version: &str| !version.is_empty() && version < AZURE_KNOWS_NEW_FIELDS;
    to.quirks.deployment_paths && to.api_version.as_deref().is_some_and(old)
}

/// The fields that ask for so much thinking.
///
/// `reasoning_effort` goes only to models known to think: the others refuse the field. OpenRouter drops what a model
/// does not know, so it is always told.
fn effort_fields(effort: Effort, field: EffortField, facts: &ModelFacts) -> Vec<(String, Value)> {
    let thinks = facts.reasons || !facts.reasoning_levels.is_empty();
    let fields = match (field, effort) {
        (EffortField::Unsupported, _) => vec![],
        (EffortField::Reasoning, _) => {
            let level = level(effort, facts.reasoning_levels, &["none", "low", "medium", "high", "xhigh"]);
            vec![("reasoning", json!({"effort": level}))]
        }
        _ if !thinks => vec![],
        (EffortField::ReasoningEffort, _) => {
            // Without a list: `none` and `max` are refused by most models, the three in between by few.
            vec![("reasoning_effort", json!(level(effort, facts.reasoning_levels, &["low", "medium", "high"])))]
        }
        (EffortField::Thinking, Effort::None) => vec![("thinking", json!({"type": "disabled"}))],
        (EffortField::Thinking, _) => {
            let level = level(effort, facts.reasoning_levels, &["low", "medium", "high", "max"]);
            vec![("thinking", json!({"type": "enabled"})), ("reasoning_effort", json!(level))]
        }
    };
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The model's word for an effort: the best of `known` (or of `usual` where nothing is known), else its nearest end.
fn level(effort: Effort, known: &[&'static str], usual: &[&'static str]) -> &'static str {
    let levels = if known.is_empty() { usual } else { known };
    let wanted: &[&str] = match effort {
        Effort::None => &["none", "minimal", "low"],
        Effort::Low => &["low", "minimal"],
        Effort::Medium => &["medium"],
        Effort::High => &["high"],
        Effort::Max => &["max", "xhigh", "high"],
    };
    let end = if effort >= Effort::Medium { levels.last() } else { levels.first() };
    wanted.iter().find_map(|wanted| levels.iter().find(|level| *level == wanted)).or(end).copied().unwrap_or("medium")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::testing::{ask, endpoint, sent};

    #[test]
    fn urls_follow_the_provider_s_row() {
        let at = |provider, base: &str, version: Option<&str>| {
            let to = Endpoint {
                base_url: base.into(),
                api_version: version.map(Into::into),
                ..endpoint(provider, "my model")
            };
            request(&to, &ask()).unwrap().url
        };
        let deployment = "https://r.test/openai/deployments/my%20model/chat/completions?api-version=2024-10-21";
        for (provider, base, version, url) in [
            ("openai", "https://api.openai.com/v1", None, "https://api.openai.com/v1/chat/completions"),
            ("openai", "https://api.openai.com/v1", Some("2024-10-21"), "https://api.openai.com/v1/chat/completions"),
            ("ollama", "http://127.0.0.1:11434", None, "http://127.0.0.1:11434/v1/chat/completions"),
            ("ollama", "http://127.0.0.1:11434/v1", None, "http://127.0.0.1:11434/v1/chat/completions"),
            ("azure", "https://r.test", Some("2024-10-21"), deployment),
            ("azure", "https://r.test/openai", Some("2024-10-21"), deployment),
            ("azure", "https://r.test/openai/v1/", Some("2024-10-21"), deployment),
            ("azure", "https://r.test", None, "https://r.test/openai/v1/chat/completions"),
            ("azure", "https://r.test/openai/v1", None, "https://r.test/openai/v1/chat/completions"),
            (
                "azure",
                "https://r.test/models",
                Some("2024-05-01"),
                "https://r.test/models/chat/completions?api-version=2024-05-01",
            ),
        ] {
            assert_eq!(at(provider, base, version), url, "{provider} {base} {version:?}");
        }
    }

    #[test]
    fn a_whole_request_of_each_provider() {
        let full = Ask {
            system: Some("Be brief.".into()),
            temperature: Some(0.5),
            top_p: Some(0.9),
            stop: vec!["END".into()],
            stream: true,
            ..ask()
        };
        let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]);
        let usage = json!({"include_usage": true});
        for (provider, expected) in [
            (
                "openai",
                json!({"model": "m", "messages": messages, "max_completion_tokens": 100, "temperature": 0.5, "top_p": 0.9,
                       "stop": ["END"], "stream": true, "stream_options": usage}),
            ),
            (
                "mistral",
                json!({"model": "m", "messages": messages, "max_tokens": 100, "temperature": 0.5, "top_p": 0.9,
                       "stop": ["END"], "stream": true}),
            ),
            (
                "perplexity",
                json!({"model": "m", "messages": messages, "max_tokens": 100, "temperature": 0.5, "top_p": 0.9,
                       "stop": ["END"], "stream": true, "web_search_options": {"search_context_size": "low"}}),
            ),
            (
                "openrouter",
                json!({"model": "m", "messages": messages, "max_tokens": 100, "temperature": 0.5, "top_p": 0.9,
                       "stop": ["END"], "stream": true, "stream_options": usage, "usage": {"include": true},
                       "provider": {"max_price": {"prompt": 1.5, "completion": 6.0, "request": 0.25}}}),
            ),
        ] {
            let to = Endpoint {
                max_price: Some(MaxPrice { prompt: 1.5, completion: 6.0, request: 0.25, image: 0.5 }),
                ..endpoint(provider, "m")
            };
            assert_eq!(sent(&request(&to, &full).unwrap()), expected, "{provider}");
        }
    }

    #[test]
    fn old_azure_versions_get_the_fields_they_know() {
        let to = |version: &str| Endpoint { api_version: Some(version.into()), ..endpoint("azure", "m") };
        let streamed = Ask { stream: true, ..ask() };
        let old = sent(&request(&to("2024-02-01"), &streamed).unwrap());
        let messages = json!([{"role": "user", "content": "Hello"}]);
        assert_eq!(old, json!({"messages": messages, "max_tokens": 100, "stream": true}));
        let new = sent(&request(&to("2024-10-21"), &streamed).unwrap());
        assert_eq!(new["max_completion_tokens"], 100);
        assert_eq!(new["stream_options"]["include_usage"], true);
    }

    #[test]
    fn effort_is_asked_for_in_the_provider_s_field() {
        const FIVE: &[&str] = &["low", "medium", "high", "xhigh", "max"];
        const OLD: &[&str] = &["minimal", "low", "medium", "high"];
        use Effort::{High, Low, Max, Medium, None as Zero};
        for (provider, effort, levels, reasons, expected) in [
            ("openai", Max, FIVE, true, json!({"reasoning_effort": "max"})),
            ("openai", Zero, FIVE, true, json!({"reasoning_effort": "low"})),
            ("openai", Zero, OLD, true, json!({"reasoning_effort": "minimal"})),
            ("openai", Max, OLD, true, json!({"reasoning_effort": "high"})),
            ("openai", Max, &[], true, json!({"reasoning_effort": "high"})),
            ("openai", Zero, &[], true, json!({"reasoning_effort": "low"})),
            ("openai", Medium, &[], false, json!({})),
            ("openrouter", Max, &[], false, json!({"reasoning": {"effort": "xhigh"}})),
            ("openrouter", Zero, &[], false, json!({"reasoning": {"effort": "none"}})),
            ("deepseek", Zero, &[], true, json!({"thinking": {"type": "disabled"}})),
            ("deepseek", High, &[], true, json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high"})),
            ("ai21", Low, &[], true, json!({})),
        ] {
            let model_facts = ModelFacts { reasons, reasoning_levels: levels, adaptive_thinking: false };
            let to = Endpoint { model_facts, ..endpoint(provider, "m") };
            let body = sent(&request(&to, &Ask { effort: Some(effort), ..ask() }).unwrap());
            let names = ["reasoning_effort", "reasoning", "thinking"];
            let found: Map<_, _> =
                names.iter().filter_map(|n| Some(((*n).to_owned(), body.get(*n)?.clone()))).collect();
            assert_eq!(Value::Object(found), expected, "{provider} {effort}");
        }
    }

    #[test]
    fn what_is_passed_through_wins() {
        let Value::Object(extra) = json!({"web_search_options": {"search_context_size": "high"}, "seed": 1}) else {
            panic!()
        };
        let body = sent(&request(&endpoint("perplexity", "m"), &Ask { extra, ..ask() }).unwrap());
        assert_eq!(body["web_search_options"], json!({"search_context_size": "high"}));
        assert_eq!(body["seed"], 1);
    }
}
