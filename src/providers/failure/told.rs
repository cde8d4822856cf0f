//! What an error body tells, in any vendor's shape.
//!
//! The shapes overlap so little that one reader serves them all: `{"error": {…}}` (OpenAI and most others, Anthropic,
//! Gemini), `{"error": "text", "code"}` (xAI, Ollama), `{"detail": "text" or […]}` (Mistral), `{"message", …}` (Cohere,
//! Mistral, gateways), an array around any of them (Gemini), and plain text or HTML from a proxy in front.

use serde_json::{Map, Value};

use super::super::{Headers, wait};

/// The longest message shown, in characters.
const MAX_MESSAGE: usize = 300;
/// So much of a message is taken together, in bytes: what says more in a list of a hundred thousand parts says nothing.
const MAX_TOLD: usize = 16 << 10;

/// What an error body tells.
#[derive(Debug, Default)]
pub struct Told {
    /// Every code, type and reason, in lower case, outermost first.
    pub codes: Vec<String>,
    /// The vendor's own words, on one line; [`Told::short`] is what is shown of them.
    pub message: String,
    /// The request field it names.
    pub param: Option<String>,
    /// A status that the body names.
    pub status: Option<u16>,
    /// A wait told in a field.
    pub wait_ms: Option<u64>,
    /// Headers that the body repeats (OpenRouter), names in lower case.
    pub headers: Headers,
}

impl Told {
    /// Reads an error body, whatever it is.
    pub fn read(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::of(&value),
            Err(_) => Self { message: one_line(&plain(&String::from_utf8_lossy(body))), ..Self::default() },
        }
    }

    /// Reads an error object.
    pub fn of(value: &Value) -> Self {
        let mut told = Self::default();
        told.take(value);
        told.message = one_line(&told.message);
        told
    }

    /// The message, cut where it is overlong.
    pub fn short(&self) -> String {
        shortened(&self.message)
    }

    fn take(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.say(text),
            Value::Array(items) => items.first().into_iter().for_each(|first| self.take(first)),
            Value::Object(map) => self.take_object(map),
            _ => {}
        }
    }

    fn take_object(&mut self, map: &Map<String, Value>) {
        for key in ["code", "type", "status", "error_type", "status_code", "raw_status_code", "statusCode"] {
            self.take_code(map.get(key));
        }
        for key in ["message", "error", "detail", "failure"] {
            match map.get(key) {
                Some(Value::Array(items)) => items.iter().for_each(|item| self.take_detail(item)),
                Some(value) => self.take(value),
                None => {}
            }
        }
        if let Some(param) = map.get("param").and_then(Value::as_str) {
            self.param = Some(param.to_owned());
        }
        self.take_code(map.get("innererror").and_then(|inner| inner.get("code")));
        for detail in map.get("details").and_then(Value::as_array).into_iter().flatten() {
            self.take_code(detail.get("reason"));
            self.wait_ms = detail.get("retryDelay").and_then(wait::told).or(self.wait_ms);
        }
        if let Some(metadata) = map.get("metadata") {
            self.take_metadata(metadata);
        }
    }

    /// A code in words or digits; three digits are a status.
    fn take_code(&mut self, code: Option<&Value>) {
        let code = match code {
            Some(Value::String(text)) => text.to_ascii_lowercase(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return,
        };
        match code.parse::<u16>() {
            Ok(status @ 100..=599) => self.status = self.status.or(Some(status)),
            _ => self.codes.push(code),
        }
    }

    /// One entry of a list of validation errors; what was wrong is told, the value is not.
    fn take_detail(&mut self, item: &Value) {
        let text = item.get("msg").and_then(Value::as_str);
        let place: Vec<String> = item.get("loc").and_then(Value::as_array).into_iter().flatten().map(word).collect();
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "extra_forbidden" {
            self.codes.push(kind.to_owned());
            self.param = place.get(1).cloned();
        }
        match text {
            Some(text) => self.append("; ", &format!("{}: {text}", place.join("."))),
            None => self.take(item),
        }
    }

    /// OpenRouter's: the upstream provider's own body, the headers of a rate limit, what moderation flagged.
    fn take_metadata(&mut self, metadata: &Value) {
        self.take_code(metadata.get("error_type"));
        if metadata.get("flagged_input").is_some() {
            self.codes.push("flagged_input".to_owned());
        }
        for (name, value) in metadata.get("headers").and_then(Value::as_object).into_iter().flatten() {
            self.headers.0.push((name.to_ascii_lowercase(), word(value)));
        }
        match metadata.get("raw") {
            Some(Value::String(raw)) => match serde_json::from_str::<Value>(raw) {
                Ok(upstream) => self.take(&upstream),
                Err(_) => self.say(&plain(raw)),
            },
            Some(upstream) => self.take(upstream),
            None => {}
        }
    }

    fn say(&mut self, text: &str) {
        if self.message.len() <= MAX_TOLD && !self.message.contains(text) {
            self.append(": ", text);
        }
    }

    fn append(&mut self, joint: &str, text: &str) {
        if self.message.len() > MAX_TOLD {
            return;
        }
        if !self.message.is_empty() {
            self.message.push_str(joint);
        }
        self.message.push_str(text);
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A body that is not JSON: its text, or the title of an HTML page.
fn plain(text: &str) -> String {
    let head = text.trim_start();
    if !head.starts_with('<') {
        return head.to_owned();
    }
    let title = between(head, "<title>", "</title>").or_else(|| between(head, "<h1>", "</h1>"));
    match title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => format!("an HTML page: {title}"),
        None => "an HTML page".to_owned(),
    }
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    // Only ASCII changes case, so that positions in both texts are the same.
    let lower = text.to_ascii_lowercase();
    let start = lower.find(open)? + open.len();
    let end = lower.get(start..)?.find(close)?;
    text.get(start..start + end)
}

/// A text of a provider's, on one line, cut where it is overlong.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE - 1) {
        Some((end, last)) if end + last.len_utf8() < text.len() => format!("{}…", one_line(&text[..end])),
        _ => one_line(text),
    }
}

/// White space of any kind becomes single spaces.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_shape_gives_up_its_message_and_codes() {
        for (body, message, codes) in [
            (
                json!({"error": {"message": "No such key", "type": "auth", "code": "bad_key"}}),
                "No such key",
                "bad_key auth",
            ),
            (json!({"type": "error", "error": {"type": "api_error", "message": "Oops"}}), "Oops", "error api_error"),
            (json!([{"error": {"code": 429, "message": "Slow", "status": "EXHAUSTED"}}]), "Slow", "exhausted"),
            (json!({"code": "Bad Thing", "error": "It broke"}), "It broke", "bad thing"),
            (json!({"error": "just words"}), "just words", ""),
            (json!({"detail": "Go away"}), "Go away", ""),
            (
                json!({"detail": [{"type": "missing", "loc": ["body", "messages", 0], "msg": "Field required", "input": "hush"}]}),
                "body.messages.0: Field required",
                "",
            ),
            (json!({"id": "x", "message": "no\n  such   model"}), "no such model", ""),
            (json!({"object": "error", "message": "Busy", "type": "t", "code": "1300"}), "Busy", "1300 t"),
            (json!({"statusCode": 401, "message": "Denied"}), "Denied", ""),
            (
                json!({"error": {"code": 400, "message": "Upstream failed", "metadata": {"raw": "{\"error\":{\"code\":\"too_long\",\"message\":\"Way too long\"}}"}}}),
                "Upstream failed: Way too long",
                "too_long",
            ),
            (
                json!({"error": {"message": "Upstream failed", "metadata": {"raw": "boom"}}}),
                "Upstream failed: boom",
                "",
            ),
            (json!({"error": {"code": "f", "innererror": {"code": "Inner"}, "message": "x"}}), "x", "f inner"),
            (json!(null), "", ""),
            (json!({"error": {"message": null, "code": null}}), "", ""),
        ] {
            let told = Told::of(&body);
            assert_eq!((told.message.as_str(), told.codes.join(" ").as_str()), (message, codes), "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_summarised() {
        for (body, message) in [
            ("<html><head><Title>502 Bad Gateway</TITLE></head></html>", "an HTML page: 502 Bad Gateway"),
            ("<!doctype html><p>hm", "an HTML page"),
            (" 404 page not found\n", "404 page not found"),
            ("", ""),
        ] {
            assert_eq!(Told::read(body.as_bytes()).message, message, "{body}");
        }
        assert_eq!(Told::read(&[0xff, b'x']).message, "\u{fffd}x");
    }

    #[test]
    fn a_message_is_short() {
        for (length, shown) in [(1000, MAX_MESSAGE), (MAX_MESSAGE + 1, MAX_MESSAGE), (MAX_MESSAGE, MAX_MESSAGE), (3, 3)]
        {
            let short = Told::of(&json!({"message": "é".repeat(length)})).short();
            assert_eq!((short.chars().count(), short.ends_with('…')), (shown, length > MAX_MESSAGE));
        }
    }

    /// Each part is compared with all that was said before: a list of a megabyte took a minute.
    #[test]
    fn a_list_without_end_is_not_read_to_its_end() {
        let parts: Vec<String> = (0..100_000).map(|n| format!("part {n}")).collect();
        let told = Told::of(&json!({"error": parts}));
        assert!(told.message.starts_with("part 0: part 1") && told.message.len() < 2 * MAX_TOLD);
    }

    #[test]
    fn digits_of_a_status_are_a_status() {
        for (code, status) in
            [(json!(402), Some(402)), (json!("401"), Some(401)), (json!("1500"), None), (json!(7), None)]
        {
            assert_eq!(Told::of(&json!({"error": {"code": code}})).status, status, "{code}");
        }
    }
}
