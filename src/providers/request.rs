//! What the requests of all dialects have in common: addresses, thinking budgets, passed-through fields.

use serde_json::{Map, Value};

use crate::types::{Ask, Effort, Failure, FailureClass, Secret};

use super::table::Auth;
use super::{HeaderValue, HttpRequest};

/// A POST of this body.
pub fn post(
    url: String,
    headers: Vec<(&'static str, HeaderValue)>,
    body: Map<String, Value>,
    ask: &Ask,
) -> HttpRequest {
    HttpRequest { url, headers, body: Value::Object(body).to_string().into_bytes(), stream: ask.stream }
}

/// The header that carries the key, if there is one.
pub fn key_header(auth: Auth, key: Option<&Secret>) -> Vec<(&'static str, HeaderValue)> {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return Vec::new() };
    vec![match auth {
        Auth::Bearer => ("authorization", HeaderValue::Secret("Bearer ", key.clone())),
        Auth::Header(name) => (name, HeaderValue::Secret("", key.clone())),
    }]
}

/// A base URL and a path. A base that already ends in the path, or in the path's version (`/v1`), is taken as meant.
pub fn join(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    if base.ends_with(path) {
        return base.to_owned();
    }
    let version = path.get(1..).and_then(|rest| rest.find('/')).map_or(path, |end| &path[..=end]);
    match version != path && is_version(version) && base.ends_with(version) {
        true => format!("{base}{}", &path[version.len()..]),
        false => format!("{base}{path}"),
    }
}

/// `/v1`, `/v1beta`, `/v2`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix("/v").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A name as one segment of a path, percent-encoded.
///
/// Fails for a name that is no segment: empty, or one that a URL parser resolves (`.`, `..`).
pub fn segment(name: &str) -> Result<String, Failure> {
    if name.trim_matches('.').is_empty() {
        let failure = Failure::new(FailureClass::InvalidRequest, format!("`{name}` is not the name of a model"));
        return Err(Failure { unsent: true, ..failure });
    }
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    Ok(name
        .bytes()
        .map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect())
}

/// How many tokens of thinking an effort may take, where the output cap holds for thinking and text together.
///
/// The shares are the ones OpenRouter documents for models that take a budget (low 20 %, medium 50 %, high 80 %), and
/// 90 % for the most, so that some of the cap is always left for the answer.
pub fn thinking_budget(effort: Effort, cap: u64) -> u64 {
    let percent = match effort {
        Effort::None => 0,
        Effort::Low => 20,
        Effort::Medium => 50,
        Effort::High => 80,
        Effort::Max => 90,
    };
    cap / 100 * percent + cap % 100 * percent / 100
}

/// A JSON number, or null for what is none (never sent: settings are finite).
pub fn number(n: f64) -> Value {
    serde_json::Number::from_f64(n).map_or(Value::Null, Value::Number)
}

/// Objects of ours that bound what an answer costs, tell it, or carry the shape of a request: what is passed through
/// goes beside what is in them and replaces none of it. Every other field is replaced.
const MERGED: &[&str] = &["generationConfig", "provider", "stream_options", "usage"];

/// Passed-through fields, which win over ours but for the bounds.
pub fn pass_through(body: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (name, value) in extra {
        match (body.get_mut(name), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) if MERGED.contains(&name.as_str()) => {
                for (name, value) in theirs {
                    ours.entry(name).or_insert_with(|| value.clone());
                }
            }
            _ => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_base_url_may_already_have_the_version() {
        for (base, path, url) in [
            ("https://a.test/v1", "/chat/completions", "https://a.test/v1/chat/completions"),
            ("https://a.test/v1/", "/chat/completions", "https://a.test/v1/chat/completions"),
            ("https://a.test/v1/chat/completions", "/chat/completions", "https://a.test/v1/chat/completions"),
            ("https://a.test", "/v1/messages", "https://a.test/v1/messages"),
            ("https://a.test/v1", "/v1/messages", "https://a.test/v1/messages"),
            ("https://a.test/x/v1/", "/v1/messages", "https://a.test/x/v1/messages"),
            ("https://a.test/v2", "/v2/chat", "https://a.test/v2/chat"),
            ("https://a.test/chat", "/chat/completions", "https://a.test/chat/chat/completions"),
        ] {
            assert_eq!(join(base, path), url);
        }
    }

    #[test]
    fn a_model_s_name_stays_inside_its_segment() {
        for (name, expected) in [
            ("gemini-2.5-flash", Some("gemini-2.5-flash")),
            ("a/b?c#d e", Some("a%2Fb%3Fc%23d%20e")),
            ("ü:x", Some("%C3%BC%3Ax")),
            ("..", None),
            ("", None),
        ] {
            assert_eq!(segment(name).ok().as_deref(), expected, "{name}");
        }
        assert!(segment("..").unwrap_err().unsent);
    }

    #[test]
    fn thinking_leaves_room_for_the_answer() {
        assert_eq!(thinking_budget(Effort::Low, 8192), 1638);
        assert_eq!(thinking_budget(Effort::Max, 100), 90);
        assert_eq!(thinking_budget(Effort::None, 8192), 0);
        assert!(thinking_budget(Effort::Max, u64::MAX) < u64::MAX);
    }

    #[test]
    fn what_is_passed_through_wins_but_keeps_the_bounds() {
        let Value::Object(mut body) =
            json!({"model": "a", "thinking": {"type": "on", "n": 1}, "provider": {"max_price": 1}})
        else {
            panic!()
        };
        let Value::Object(extra) = json!({"model": "b", "thinking": {"type": "off"}, "provider": {"sort": "price", "max_price": 9}, "seed": 7})
        else {
            panic!()
        };
        pass_through(&mut body, &extra);
        let expected = json!({"model": "b", "thinking": {"type": "off"}, "provider": {"max_price": 1, "sort": "price"}, "seed": 7});
        assert_eq!(Value::Object(body), expected);
    }
}
