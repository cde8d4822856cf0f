//! What a provider's error means: vendor code first, then message, then status. Shared by all dialects.
//!
//! The rules are rows of one table, read from the top; none of them names a vendor, but each stands for something
//! that one or several of them send.

mod parameter;
mod told;

use serde_json::Value;

use crate::types::{Failure, FailureClass};

use super::{Headers, wait};
use told::{Told, shortened};

/// Where a rule holds. An error inside a 200 can be anything.
#[derive(Debug, Clone, Copy)]
enum On {
    Any,
    /// 4xx, but not 429: what is said there of a model or a prompt is not about a rate.
    Caller,
    /// 5xx, and 498, which Groq sends when its spare capacity is used up.
    Server,
    /// Only inside a 200, where there is no status to go by.
    Ok,
    /// Exactly this.
    Status(u16),
}

impl On {
    fn holds(self, status: u16) -> bool {
        let inside_ok = (200..300).contains(&status);
        match self {
            Self::Any => true,
            Self::Caller => inside_ok || ((400..500).contains(&status) && status != 429),
            Self::Server => inside_ok || status >= 498,
            Self::Ok => inside_ok,
            Self::Status(only) => status == only,
        }
    }
}

/// One row: any of the codes, or any of the phrases (whose parts, joined by `+`, must all be there).
struct Rule(FailureClass, On, &'static [&'static str], &'static [&'static str]);

/// From the top: what no waiting mends comes before what it does, and special codes before general ones.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule(FailureClass::QuotaExhausted, On::Any,
        &["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance", "insufficient_credits", "billing_error"],
        &["credit balance is too low", "used all available credits", "have any credits", "insufficient balance", "insufficient credits",
          "credits are depleted", "requires more credits", "specified api usage limits", "account is not active", "run out of credits"]),
    Rule(FailureClass::Auth, On::Caller,
        &["invalid_api_key", "authentication_error", "api_key_invalid", "unauthenticated"],
        &["incorrect api key", "invalid api key", "api key not valid", "api key expired", "invalid x-api-key", "invalid api token",
          "missing authentication header", "no cookie auth credentials"]),
    Rule(FailureClass::ContextOverflow, On::Status(413), &[], &[""]),
    Rule(FailureClass::ContextOverflow, On::Caller,
        &["context_length_exceeded", "too_many_tokens", "too_many_prompt_tokens", "request_too_large"],
        &["prompt is too long", "maximum context length", "context window+exceed", "exceed context limit", "input token count+exceeds",
          "available context size", "maximum prompt length", "too many tokens", "`inputs` tokens+must be <=", "too large for model+context",
          "reduce the length of the messages", "context the overflows"]),
    Rule(FailureClass::ContentRefused, On::Caller,
        &["content_filter", "content_policy_violation", "responsibleaipolicyviolation", "flagged_input"],
        &["content management policy", "content policy violation", "content exists risk", "input was flagged", "flagged as potentially violating",
          "violates usage guidelines", "content filtering policy"]),
    Rule(FailureClass::ModelNotFound, On::Caller,
        &["model_not_found", "model_not_available", "modelnotfound", "deploymentnotfound", "invalid_model", "unknown_model", "model_decommissioned", "1500"],
        &["model not exist", "supported api model names", "not a valid model id", "invalid model", "unknown model", "no such model",
          "model+does not exist", "model+not found", "deployment+does not exist", "model+has been decommissioned", "no endpoints found"]),
    Rule(FailureClass::ModelNotFound, On::Ok, &["not_found_error", "not_found"], &[]),
    Rule(FailureClass::RateLimited, On::Any,
        &["rate_limit_exceeded", "rate_limit_error", "rate_limit", "rate_limited", "ratelimitreached", "too_many_requests", "resource_exhausted", "1300"],
        &[]),
    Rule(FailureClass::QuotaExhausted, On::Any, &[], &["exceeded your current quota"]),
    Rule(FailureClass::Overloaded, On::Server,
        &["overloaded_error", "unavailable", "service_unavailable", "over_capacity", "capacity_exceeded", "flex_capacity_exceeded", "engine_overloaded", "1000"],
        &["overloaded", "service unavailable", "over capacity", "over_capacity", "capacity exceeded"]),
    Rule(FailureClass::ServerError, On::Any, &[], &["no valid response generated"]),
    // The model failed to make the call it was told to make.
    Rule(FailureClass::ServerError, On::Ok, &["tool_use_failed"], &[]),
    Rule(FailureClass::ServerError, On::Ok, &["server_error", "api_error", "internal", "internal_server_error", "internal_error"], &[]),
    Rule(FailureClass::Timeout, On::Ok, &["timeout_error", "deadline_exceeded"], &[]),
    Rule(FailureClass::Forbidden, On::Caller,
        &["permission_error", "permission_denied", "failed_precondition", "unsupported_country_region_territory"],
        &["location is not supported"]),
    Rule(FailureClass::RateLimited, On::Ok, &[], &["rate limit", "too many requests"]),
    Rule(FailureClass::InvalidRequest, On::Ok,
        &["invalid_request_error", "invalid_argument", "invalid-argument", "unsupported_parameter", "unsupported_value", "unknown_parameter"], &[]),
];

/// What an answer with an error status means.
///
/// `parameter` is named where the model refuses to take a field at all; `retry_after_ms` where waiting helps.
pub fn of_status(status: u16, headers: &Headers, body: &[u8]) -> Failure {
    let told = Told::read(body);
    let class = classify(status, &told);
    let mut failure = describe(class, status, headers, &told);
    if let (300..400, Some(place)) = (status, headers.get("location")) {
        let place = host_of(place).unwrap_or_else(|| "another path".to_owned());
        let place = shortened(&place);
        failure.message = format!("redirected to {place}, which is never followed (check the base URL)");
    }
    failure
}

/// Scheme and host of an address, without what else it may hold: a user's name and password, a path, a query. `None`
/// for one without a host, and for a host that is not spelled like one.
fn host_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.trim().split_once("//")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
    (is_plain(scheme) && is_plain(host)).then(|| format!("{scheme}//{host}"))
}

/// The failure that a value inside a 200 stands for, if it stands for one: an object with an `error`, or an error
/// object itself.
pub fn in_value(value: &Value) -> Option<Failure> {
    let told_by = |key: &str| value.get(key).filter(|error| !is_nothing(error));
    let bare = value.get("object").and_then(Value::as_str) == Some("error");
    (bare || told_by("error").is_some()).then(|| inside_ok(value))
}

/// The failure that an error object inside a 200 stands for.
pub fn inside_ok(error: &Value) -> Failure {
    let told = Told::of(error);
    describe(classify(200, &told), 200, &Headers::default(), &told)
}

/// A body or event that is not what the protocol says.
pub fn malformed(what: &str) -> Failure {
    super::partial::inside_ok(FailureClass::Malformed, what)
}

/// The failure of a whole body that is not JSON: cut off, or something else.
pub fn not_json(body: &[u8], error: &serde_json::Error) -> Failure {
    if error.is_eof() {
        return super::partial::inside_ok(FailureClass::Cut, "the answer ended in the middle");
    }
    let what = Told::read(body).short();
    malformed(&format!("the answer is not JSON: {what}"))
}

fn is_nothing(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn describe(class: FailureClass, status: u16, headers: &Headers, told: &Told) -> Failure {
    let message = match told.short() {
        words if words.is_empty() => reason(status, told),
        words if wrong_address(status, told) => format!("{words} (wrong address? check the base URL)"),
        words => words,
    };
    let mut failure = Failure::new(class, message).with_status(status);
    if class == FailureClass::InvalidRequest {
        failure.parameter = parameter::refused(told);
    }
    if waiting_helps(class) {
        failure.retry_after_ms = wait::retry_after_ms(headers, told.wait_ms, &told.message)
            .or_else(|| wait::retry_after_ms(&with_date(&told.headers, headers), None, ""));
    }
    failure
}

/// Without any words: the code, or what the status says.
fn reason(status: u16, told: &Told) -> String {
    match told.codes.first() {
        Some(code) => shortened(code),
        None if wrong_address(status, told) => "nothing is there (wrong address? check the base URL)".to_owned(),
        None if (300..400).contains(&status) => "a redirect, which is never followed".to_owned(),
        None => "an error without a message".to_owned(),
    }
}

/// A 404 that says nothing of a model is about the path or the host.
fn wrong_address(status: u16, told: &Told) -> bool {
    matches!(status, 404 | 405) && by_rule(status, told).is_none() && {
        let text = told.message.to_ascii_lowercase();
        !text.contains("model") && !told.codes.iter().any(|code| code.contains("not_found_error"))
    }
}

fn waiting_helps(class: FailureClass) -> bool {
    use FailureClass::{Overloaded, RateLimited, ServerError, Timeout};
    matches!(class, RateLimited | Overloaded | ServerError | Timeout)
}

fn with_date(told: &Headers, headers: &Headers) -> Headers {
    let date = headers.get("date").map(|date| ("date".to_owned(), date.to_owned()));
    Headers(told.0.iter().cloned().chain(date).collect())
}

fn classify(status: u16, told: &Told) -> FailureClass {
    // Out of money is out of money, whatever the code beside it (Gemini's is that of a rate limit).
    if status == 402 {
        return FailureClass::QuotaExhausted;
    }
    // Nothing is at this address: the next time it points there as well.
    if (300..400).contains(&status) {
        return FailureClass::ModelNotFound;
    }
    by_rule(status, told).unwrap_or_else(|| match (200..300).contains(&status) {
        true => by_status_inside_ok(told.status),
        false => by_status(status),
    })
}

fn by_rule(status: u16, told: &Told) -> Option<FailureClass> {
    let text = told.message.to_ascii_lowercase();
    let says = |phrase: &&str| phrase.split('+').all(|part| text.contains(part));
    let matching = |Rule(_, on, codes, phrases): &&Rule| {
        on.holds(status) && (told.codes.iter().any(|code| codes.contains(&code.as_str())) || phrases.iter().any(says))
    };
    RULES.iter().find(matching).map(|Rule(class, ..)| *class)
}

fn by_status(status: u16) -> FailureClass {
    match status {
        401 => FailureClass::Auth,
        402 => FailureClass::QuotaExhausted,
        403 | 407 | 451 => FailureClass::Forbidden,
        // Nothing else is addressed by a path here but the model.
        404 | 405 | 410 => FailureClass::ModelNotFound,
        408 => FailureClass::Timeout,
        413 | 414 | 431 => FailureClass::ContextOverflow,
        429 => FailureClass::RateLimited,
        498 | 503 | 529 => FailureClass::Overloaded,
        // Not the request but the model (424), a proxy or the vendor itself (425, 499) gave up.
        424 | 425 | 499 => FailureClass::ServerError,
        400..500 => FailureClass::InvalidRequest,
        _ => FailureClass::ServerError,
    }
}

/// A status named inside a 200. The request was taken, so a bare 400 there is not about the request.
fn by_status_inside_ok(status: Option<u16>) -> FailureClass {
    match status.map(by_status) {
        None | Some(FailureClass::InvalidRequest) => FailureClass::ServerError,
        Some(class) => class,
    }
}

#[cfg(test)]
mod tests;
