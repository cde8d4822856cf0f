//! The rows of the matrix: every way to fail, in the dialects where it looks different, and what each row needs.

use llmr::types::DialectKind::{self, Anthropic, Cohere, Gemini, Openai};

use super::fault::Until::{Headers, Middle, Nothing, Text};
use super::fault::{End, Fault, Told};
use super::{Case, Form};

/// A row: a fault of `alpha`, in its dialect.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    pub dialect: DialectKind,
    pub fault: Fault,
    /// What is set beside the generous limits that every row has.
    pub needs: Needs,
}

/// What a row is about, as far as it is about time or size; every other row has limits that no machine reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// `LLMR_TIMEOUT_CONNECT_SECS=0.7`.
    ConnectLimit,
    /// `LLMR_TIMEOUT_FIRST_BYTE_SECS=1.5`, and one retry.
    FirstByteLimit,
    /// `LLMR_TIMEOUT_IDLE_SECS=1.5`, and one retry.
    IdleLimit,
    /// `--timeout 2`.
    WholeLimit,
    /// `timeout_secs = 1` in the row of `alpha`, and one retry.
    OwnLimit,
    /// One attempt at each: what comes is large.
    NoRetries,
}

impl Needs {
    /// The variable or flag that says so.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::ConnectLimit => "LLMR_TIMEOUT_CONNECT_SECS=0.7",
            Self::FirstByteLimit => "LLMR_TIMEOUT_FIRST_BYTE_SECS=1.5 --max-retries 1",
            Self::IdleLimit => "LLMR_TIMEOUT_IDLE_SECS=1.5 --max-retries 1",
            Self::WholeLimit => "--timeout 2",
            Self::OwnLimit => "timeout_secs = 1 --max-retries 1",
            Self::NoRetries => "--max-retries 0",
        }
    }

    /// Whether a time limit is what the row is about.
    pub fn limits_time(self) -> bool {
        !matches!(self, Self::Nothing | Self::NoRetries)
    }

    /// How often the same provider may be asked.
    pub fn most_requests(self) -> usize {
        match self {
            Self::Nothing | Self::ConnectLimit | Self::WholeLimit => 3,
            Self::FirstByteLimit | Self::IdleLimit | Self::OwnLimit => 2,
            Self::NoRetries => 1,
        }
    }
}

const fn row(name: &'static str, dialect: DialectKind, fault: Fault) -> Row {
    Row { name, dialect, fault, needs: Needs::Nothing }
}

const fn within(needs: Needs, name: &'static str, dialect: DialectKind, fault: Fault) -> Row {
    Row { name, dialect, fault, needs }
}

impl Row {
    /// Why a cell cannot be; nothing where it can.
    pub fn why_not(&self, form: Form, case: Case) -> Option<&'static str> {
        let answers =
            matches!(self.fault, Fault::NoUsage | Fault::Mislabelled | Fault::Big | Fault::Packed | Fault::Drip);
        match (self.fault, case) {
            (Fault::Refused | Fault::NoSuchHost | Fault::FullQueue, Case::Retry) => {
                Some("nobody is there who could answer the second time")
            }
            (Fault::Big, Case::Failover) => Some("it answers, as in `last`"),
            (_, Case::Retry) if answers => Some("it answers: there is nothing to try again"),
            (_, Case::Retry) if self.needs == Needs::WholeLimit => Some("no time is left for a second attempt"),
            (_, Case::Retry) if self.needs == Needs::NoRetries => Some("no retries in this row"),
            (Fault::NoEnd, _) if form == Form::Whole => Some("an answer that comes whole has no end marker"),
            _ => None,
        }
    }

    /// Most of its time is waited: such rows are begun first.
    pub fn waits(&self) -> bool {
        !matches!(self.needs, Needs::Nothing) || matches!(self.fault, Fault::Drip | Fault::Limited(Told::Not))
    }
}

const UPSTREAM: &str = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // No answer at all.
    row("connection refused",             Openai,    Fault::Refused),
    row("dns failure",                    Openai,    Fault::NoSuchHost),
    row("tls failure",                    Openai,    Fault::Untrusted),
    within(Needs::ConnectLimit,   "connect timeout",         Openai, Fault::FullQueue),
    within(Needs::FirstByteLimit, "first-byte timeout, no headers", Openai, Fault::Stops(Nothing, End::Silence)),
    within(Needs::FirstByteLimit, "first-byte timeout, headers only", Openai, Fault::Stops(Headers, End::Silence)),
    // It goes silent, or is slow.
    within(Needs::IdleLimit, "idle timeout, before any text", Openai,    Fault::Stops(Text, End::Silence)),
    within(Needs::IdleLimit, "stalled stream, after some text", Openai,    Fault::Stops(Middle, End::Silence)),
    within(Needs::IdleLimit, "stalled stream, after some text", Anthropic, Fault::Stops(Middle, End::Silence)),
    within(Needs::IdleLimit, "slow drip, in all longer than idle", Openai, Fault::Drip),
    within(Needs::WholeLimit, "drip without end",            Openai,    Fault::Stops(Text, End::Forever)),
    within(Needs::OwnLimit, "drip without end, a limit of its own", Openai, Fault::Stops(Text, End::Forever)),
    // 429, and how it tells the wait.
    row("429 retry-after: seconds",       Openai,    Fault::Limited(Told::Seconds)),
    row("429 retry-after: http date",     Openai,    Fault::Limited(Told::HttpDate)),
    row("429 retry-after-ms",             Openai,    Fault::Limited(Told::Millis)),
    row("429 x-ratelimit-reset-requests", Openai,    Fault::Limited(Told::ResetDuration)),
    row("429 x-ratelimit-reset: seconds", Openai,    Fault::Limited(Told::ResetSeconds)),
    row("429 x-ratelimit-reset: epoch",   Openai,    Fault::Limited(Told::ResetEpoch)),
    row("429 x-ratelimit-reset: epoch ms", Openai,   Fault::Limited(Told::ResetEpochMs)),
    row("429 x-ratelimit-reset in the body", Openai, Fault::Limited(Told::HeadersInBody)),
    row("429 ratelimit-tokens-reset: instant", Anthropic, Fault::Limited(Told::ResetInstant)),
    row("429 google.rpc.RetryInfo",       Gemini,    Fault::Limited(Told::RetryInfo)),
    row("429 \"try again in\"",           Openai,    Fault::Limited(Told::TryAgainIn)),
    row("429 \"retry in\"",               Gemini,    Fault::Limited(Told::RetryIn)),
    row("429 \"retry after\"",            Cohere,    Fault::Limited(Told::RetryAfterWords)),
    row("429 without a wait",             Openai,    Fault::Limited(Told::Not)),
    // Money and keys.
    row("quota exhausted, 429",           Openai,    Fault::Status(429, r#"{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}}"#)),
    row("quota exhausted, 400",           Anthropic, Fault::Status(400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#)),
    row("quota exhausted, 429",           Gemini,    Fault::Status(429, r#"{"error":{"code":429,"message":"Your prepayment credits are depleted.","status":"RESOURCE_EXHAUSTED"}}"#)),
    row("402",                            Openai,    Fault::Status(402, r#"{"error":{"message":"Insufficient Balance"}}"#)),
    row("402",                            Cohere,    Fault::Status(402, r#"{"message":"Please add or update your payment method."}"#)),
    row("401",                            Openai,    Fault::Status(401, r#"{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}"#)),
    row("401",                            Anthropic, Fault::Status(401, r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#)),
    row("key refused, 400",               Gemini,    Fault::Status(400, r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#)),
    row("403",                            Openai,    Fault::Status(403, r#"{"error":{"message":"This project may not use this model."}}"#)),
    row("403",                            Gemini,    Fault::Status(403, r#"{"error":{"code":403,"message":"The caller does not have permission.","status":"PERMISSION_DENIED"}}"#)),
    // The request.
    row("404, unknown model",             Openai,    Fault::Status(404, r#"{"error":{"message":"The model `a` does not exist.","code":"model_not_found"}}"#)),
    row("404, unknown model",             Anthropic, Fault::Status(404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: a"}}"#)),
    row("404, nothing there",             Openai,    Fault::Status(404, "<html><head><title>404 Not Found</title></head></html>")),
    row("400",                            Openai,    Fault::Status(400, r#"{"error":{"message":"Invalid 'messages'.","type":"invalid_request_error"}}"#)),
    row("400",                            Anthropic, Fault::Status(400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages: at least one is required"}}"#)),
    row("400",                            Gemini,    Fault::Status(400, r#"{"error":{"code":400,"message":"Invalid value at 'contents'.","status":"INVALID_ARGUMENT"}}"#)),
    row("400",                            Cohere,    Fault::Status(400, r#"{"message":"invalid request: messages must be an array"}"#)),
    row("context overflow",               Openai,    Fault::Status(400, r#"{"error":{"message":"This model's maximum context length is 8 tokens.","code":"context_length_exceeded"}}"#)),
    row("context overflow",               Anthropic, Fault::Status(400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#)),
    row("context overflow",               Gemini,    Fault::Status(400, r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}"#)),
    row("context overflow",               Cohere,    Fault::Status(400, r#"{"message":"too many tokens: the total must be at most 8"}"#)),
    row("context overflow, 413",          Openai,    Fault::Status(413, "")),
    row("content refused, 400",           Openai,    Fault::Status(400, r#"{"error":{"message":"The prompt was filtered.","code":"content_filter"}}"#)),
    row("content refused, 498",           Cohere,    Fault::Status(498, r#"{"message":"the request was blocked by safety controls"}"#)),
    row("content refused, without text",  Openai,    Fault::Blocked),
    row("content refused, without text",  Anthropic, Fault::Blocked),
    row("content refused, without text",  Gemini,    Fault::Blocked),
    row("content refused, without text",  Cohere,    Fault::Blocked),
    // The provider.
    row("500",                            Openai,    Fault::Status(500, r#"{"error":{"message":"The server failed.","type":"server_error"}}"#)),
    row("502, a page",                    Openai,    Fault::Status(502, UPSTREAM)),
    row("503",                            Openai,    Fault::Status(503, r#"{"error":{"message":"The service is not available.","type":"service_unavailable"}}"#)),
    row("503",                            Gemini,    Fault::Status(503, r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#)),
    row("529",                            Anthropic, Fault::Status(529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)),
    // A 200 that is none.
    row("cut before the status line",     Openai,    Fault::Stops(Nothing, End::Cut)),
    row("cut before the body",            Openai,    Fault::Stops(Headers, End::Cut)),
    row("cut before the first token",     Openai,    Fault::Stops(Text, End::Cut)),
    row("cut before the first token",     Anthropic, Fault::Stops(Text, End::Cut)),
    row("cut after the first token",      Openai,    Fault::Stops(Middle, End::Cut)),
    row("cut after the first token",      Anthropic, Fault::Stops(Middle, End::Cut)),
    row("cut after the first token",      Gemini,    Fault::Stops(Middle, End::Cut)),
    row("cut after the first token",      Cohere,    Fault::Stops(Middle, End::Cut)),
    row("malformed event",                Openai,    Fault::Malformed),
    row("malformed event",                Anthropic, Fault::Malformed),
    row("malformed event",                Gemini,    Fault::Malformed),
    row("malformed event",                Cohere,    Fault::Malformed),
    row("error in a 200, before text",    Openai,    Fault::ErrorInside(Text, r#"{"error":{"message":"The server failed.","type":"server_error"}}"#)),
    row("error in a 200, after text",     Openai,    Fault::ErrorInside(Middle, r#"{"error":{"message":"The server failed.","type":"server_error"}}"#)),
    row("error in a 200, before text",    Anthropic, Fault::ErrorInside(Text, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)),
    row("error in a 200, after text",     Anthropic, Fault::ErrorInside(Middle, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)),
    row("error in a 200, after text",     Gemini,    Fault::ErrorInside(Middle, r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#)),
    row("error in a 200, after text",     Cohere,    Fault::ErrorInside(Middle, r#"{"type":"message-end","message":{},"finish_reason":"ERROR","delta":{"error":"the model failed","finish_reason":"ERROR"}}"#)),
    row("rate limit in a 200",            Openai,    Fault::ErrorInside(Text, r#"{"error":{"message":"Rate limit reached. Please try again in 30s.","code":"rate_limit_exceeded"}}"#)),
    row("missing end marker",             Openai,    Fault::NoEnd),
    row("missing end marker",             Anthropic, Fault::NoEnd),
    row("missing end marker",             Gemini,    Fault::NoEnd),
    row("missing end marker",             Cohere,    Fault::NoEnd),
    row("missing usage",                  Openai,    Fault::NoUsage),
    row("missing usage",                  Anthropic, Fault::NoUsage),
    row("missing usage",                  Gemini,    Fault::NoUsage),
    row("missing usage",                  Cohere,    Fault::NoUsage),
    row("empty answer",                   Openai,    Fault::Empty),
    row("empty answer",                   Anthropic, Fault::Empty),
    row("empty answer",                   Gemini,    Fault::Empty),
    row("empty answer",                   Cohere,    Fault::Empty),
    row("wrong content type, a page",     Openai,    Fault::Page),
    row("wrong content type, an answer",  Openai,    Fault::Mislabelled),
    within(Needs::NoRetries, "50 MB",     Openai,    Fault::Big),
    row("gzip",                           Openai,    Fault::Packed),
    row("gzip, damaged",                  Openai,    Fault::PackedBroken),
    within(Needs::NoRetries, "gzip, 66 MiB of nothing", Openai, Fault::PackedBomb),
    row("redirect to another host, 301",  Openai,    Fault::Redirect(301)),
    row("redirect to another host, 307",  Openai,    Fault::Redirect(307)),
    row("redirect to another host, 308",  Anthropic, Fault::Redirect(308)),
];
