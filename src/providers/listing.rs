//! What a provider lists: the request for its models, and the reading of its answer. Sends nothing.

use serde_json::Value;

use super::failure::{in_value, malformed, not_json};
use super::request::{join, key_header};
use super::table::Auth;
use super::{Endpoint, HeaderValue, HttpGet, anthropic};
use crate::types::{DialectKind, Failure};

/// So many models a page: the most that Anthropic, Gemini and Cohere give.
const PAGE: u32 = 1000;
/// A longer id, in bytes, is none: what is listed is kept and shown.
const LONGEST_ID: usize = 256;

/// One page of models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Their ids, as a request names them.
    pub models: Vec<String>,
    /// What asks for the next page, if there is one.
    pub next: Option<String>,
}

/// The request for a page of models, the first one without `page`; `None` where a provider does not list them.
pub fn models_request(dialect: DialectKind, to: &Endpoint, page: Option<&str>) -> Option<HttpGet> {
    let more = |name: &str| page.map(|page| format!("&{name}={}", escaped(page))).unwrap_or_default();
    let get = |url: String, headers| Some(HttpGet { url, headers });
    let key = |auth| key_header(auth, to.key.as_ref());
    match dialect {
        DialectKind::Openai => get(openai_url(to)?, key(to.quirks.auth)),
        DialectKind::Anthropic => {
            let mut headers = vec![("anthropic-version", HeaderValue::Plain(anthropic::VERSION.to_owned()))];
            headers.extend(key(Auth::Header("x-api-key")));
            get(format!("{}?limit={PAGE}{}", join(&to.base_url, "/v1/models"), more("after_id")), headers)
        }
        DialectKind::Gemini => {
            let base = to.base_url.trim_end_matches('/');
            let version = if base.ends_with("/v1beta") || base.ends_with("/v1") { "" } else { "/v1beta" };
            let url = format!("{base}{version}/models?pageSize={PAGE}{}", more("pageToken"));
            get(url, key(Auth::Header("x-goog-api-key")))
        }
        DialectKind::Cohere => {
            let base = to.base_url.trim_end_matches('/').trim_end_matches("/v2");
            get(format!("{}?page_size={PAGE}{}", join(base, "/v1/models"), more("page_token")), key(to.quirks.auth))
        }
    }
}

/// The request that tells whether a key is accepted, where the list of models is given to anybody.
pub fn key_request(to: &Endpoint) -> Option<HttpGet> {
    let url = join(&to.base_url, to.quirks.key_check?);
    Some(HttpGet { url, headers: key_header(to.quirks.auth, to.key.as_ref()) })
}

/// Reads a page. An error object inside a 200 is a failure, and so is a body without a list.
pub fn models_answer(body: &[u8]) -> Result<Listed, Failure> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
    if let Some(failure) = in_value(&answer) {
        return Err(failure);
    }
    // OpenAI and Anthropic say `data`, Gemini, Cohere and Ollama `models`; Together sends the bare list.
    let list =
        answer.as_array().or_else(|| answer.get("data")?.as_array()).or_else(|| answer.get("models")?.as_array());
    let list = match (list, answer.get("data")) {
        (Some(list), _) => list.as_slice(),
        // A server without a single model.
        (None, Some(Value::Null)) => &[],
        _ => return Err(malformed("the answer has no list of models")),
    };
    Ok(Listed { models: list.iter().filter_map(id).collect(), next: next(&answer) })
}

/// `id`, else `name`, without Gemini's folder.
fn id(model: &Value) -> Option<String> {
    let name = model.get("id").or_else(|| model.get("name")).and_then(Value::as_str).or_else(|| model.as_str())?;
    let name = name.strip_prefix("models/").unwrap_or(name);
    (!name.is_empty() && name.len() <= LONGEST_ID).then(|| name.to_owned())
}

fn next(answer: &Value) -> Option<String> {
    let text = |name: &str| answer.get(name)?.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    let more = answer.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    text("nextPageToken").or_else(|| text("next_page_token")).or_else(|| text("last_id").filter(|_| more))
}

/// Beside the path of completions; a base URL that has that path already is taken without it.
fn openai_url(to: &Endpoint) -> Option<String> {
    let path = to.quirks.models?;
    let base = to.base_url.trim_end_matches('/').trim_end_matches("/chat/completions");
    if !to.quirks.deployment_paths {
        return Some(join(base, path));
    }
    // Foundry's own route ends in `/models` and lists nothing.
    if base.ends_with("/models") {
        return None;
    }
    let root = base.strip_suffix("/openai/v1").or_else(|| base.strip_suffix("/openai")).unwrap_or(base);
    Some(match to.api_version.as_deref().filter(|version| !version.is_empty()) {
        None => format!("{root}/openai/v1{path}"),
        Some(version) => format!("{root}/openai{path}?api-version={version}"),
    })
}

/// A page's token as it can stand in a query.
fn escaped(token: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    token.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::testing::endpoint;

    #[test]
    fn every_provider_is_asked_where_it_lists() {
        for (provider, base, version, page, url) in [
            ("openai", "https://a.test/v1", None, None, Some("https://a.test/v1/models")),
            ("openai", "https://a.test/v1/chat/completions", None, None, Some("https://a.test/v1/models")),
            ("ollama", "http://127.0.0.1:11434", None, None, Some("http://127.0.0.1:11434/v1/models")),
            ("perplexity", "https://a.test", None, None, None),
            ("azure", "https://r.test", None, None, Some("https://r.test/openai/v1/models")),
            ("azure", "https://r.test", Some("v"), None, Some("https://r.test/openai/models?api-version=v")),
            ("azure", "https://r.test/models", Some("v"), None, None),
            ("anthropic", "https://a.test/v1", None, None, Some("https://a.test/v1/models?limit=1000")),
            (
                "anthropic",
                "https://a.test",
                None,
                Some("x y"),
                Some("https://a.test/v1/models?limit=1000&after_id=x%20y"),
            ),
            ("gemini", "https://g.test", None, None, Some("https://g.test/v1beta/models?pageSize=1000")),
            (
                "gemini",
                "https://g.test/v1",
                None,
                Some("t"),
                Some("https://g.test/v1/models?pageSize=1000&pageToken=t"),
            ),
            ("cohere", "https://c.test/v2", None, None, Some("https://c.test/v1/models?page_size=1000")),
        ] {
            let row = crate::providers::table::find(provider).unwrap();
            let to =
                Endpoint { base_url: base.into(), api_version: version.map(Into::into), ..endpoint(provider, "m") };
            let request = models_request(row.dialect, &to, page);
            assert_eq!(request.as_ref().map(|r| r.url.as_str()), url, "{provider} {base}");
            if let Some(request) = request {
                let secret = |(_, value): &(_, HeaderValue)| matches!(value, HeaderValue::Secret(..));
                assert!(request.headers.iter().any(secret), "{provider}: {request:?}");
                assert!(!request.url.contains("test-key"));
            }
        }
        assert_eq!(key_request(&endpoint("openrouter", "m")).unwrap().url, "https://openrouter.ai/api/v1/key");
        assert!(key_request(&endpoint("openai", "m")).is_none());
    }

    #[test]
    fn a_name_that_is_longer_than_a_name_is_left_out() {
        let list =
            |name: &str| models_answer(format!(r#"[{{"id":"{name}"}},{{"id":"b"}}]"#).as_bytes()).unwrap().models;
        assert_eq!(list(&"a".repeat(LONGEST_ID)).len(), 2);
        assert_eq!(list(&"a".repeat(LONGEST_ID + 1)), ["b"]);
    }

    #[test]
    fn a_list_is_read_in_every_vendor_s_form() {
        for (body, models, next) in [
            (r#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b"}]}"#, &["a", "b"][..], None),
            (r#"[{"id":"a/b"}]"#, &["a/b"], None),
            (r#"{"data":[{"type":"model","id":"c"}],"has_more":true,"first_id":"c","last_id":"c"}"#, &["c"], Some("c")),
            (r#"{"data":[{"id":"c"}],"has_more":false,"last_id":"c"}"#, &["c"], None),
            (r#"{"models":[{"name":"models/gemini-x"}],"nextPageToken":"t"}"#, &["gemini-x"], Some("t")),
            (r#"{"models":[{"name":"command"},{"name":""},{}],"next_page_token":""}"#, &["command"], None),
            (r#"{"object":"list","data":null}"#, &[], None),
        ] {
            let listed = models_answer(body.as_bytes()).unwrap();
            assert_eq!((listed.models, listed.next.as_deref()), (models.iter().map(|m| m.to_string()).collect(), next));
        }
        for body in ["", "{", "<html>", "{}", r#"{"data":{}}"#, r#"{"error":{"message":"no"}}"#, "7"] {
            assert!(models_answer(body.as_bytes()).is_err(), "{body}");
        }
    }
}
