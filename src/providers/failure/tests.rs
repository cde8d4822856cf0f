//! Error bodies of every shape and what they mean.

use serde_json::json;

use super::*;
use FailureClass::{
    Auth, ContentRefused, ContextOverflow, Forbidden, InvalidRequest, ModelNotFound, Overloaded, QuotaExhausted,
    RateLimited, ServerError, Timeout,
};

fn openai(code: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}})
}

fn said(message: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "code": null}})
}

#[test]
fn code_then_message_then_status() {
    for (status, body, expected) in [
        // authentication
        (400, json!({"code": "invalid-argument", "error": "Incorrect API key provided."}), Auth),
        (
            400,
            json!({"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}),
            Auth,
        ),
        (401, json!({"detail": "Unauthorized"}), Auth),
        (
            401,
            json!({"error": {"message": "Fails", "type": "authentication_error", "code": "invalid_request_error"}}),
            Auth,
        ),
        (401, json!({"error": {"code": "401", "message": "Access denied"}}), Auth),
        (401, json!(null), Auth),
        // unknown model
        (400, said("Model Not Exist"), ModelNotFound),
        (400, said("The supported API model names are a or b, but you passed c."), ModelNotFound),
        (400, json!({"object": "error", "message": "No: x", "type": "invalid_model", "code": "1500"}), ModelNotFound),
        (400, json!({"error": {"code": 400, "message": "x/y is not a valid model ID"}}), ModelNotFound),
        (400, json!({"code": "invalid-argument", "error": "Model not found: x"}), ModelNotFound),
        (400, said("invalid model ID"), ModelNotFound),
        (404, json!({"error": {"code": 404, "message": "No endpoints found for x/y."}}), ModelNotFound),
        (404, json!({"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}), ModelNotFound),
        (404, json!({"error": {"code": "DeploymentNotFound", "message": "gone"}}), ModelNotFound),
        (404, json!({"error": {"code": "404", "message": "Resource not found"}}), ModelNotFound),
        (404, json!({"error": "model 'x' not found"}), ModelNotFound),
        (403, openai("model_not_found", "Project has no access to model x"), ModelNotFound),
        (400, openai("model_decommissioned", "Gone"), ModelNotFound),
        // out of money
        (429, openai("insufficient_quota", "You exceeded your current quota, please check your plan"), QuotaExhausted),
        (429, said("You exceeded your current quota, please check your plan"), QuotaExhausted),
        (
            429,
            json!({"code": "Some resource has been exhausted", "error": "has either used all available credits or"}),
            QuotaExhausted,
        ),
        (
            403,
            json!({"code": "no permission", "error": "Your newly created team doesn't have any credits yet."}),
            QuotaExhausted,
        ),
        (402, said("Insufficient Balance"), QuotaExhausted),
        (402, json!({"error": {"code": 402, "status": "RESOURCE_EXHAUSTED", "message": "Prepaid"}}), QuotaExhausted),
        (
            402,
            json!({"error": {"code": 402, "message": "Your rate limit is fine, your balance is not"}}),
            QuotaExhausted,
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access"}}),
            QuotaExhausted,
        ),
        // rate limits
        (
            429,
            json!({"error": {"code": 429, "message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}}),
            RateLimited,
        ),
        (429, openai("rate_limit_exceeded", "Request too large for m on tokens per min"), RateLimited),
        (
            429,
            json!({"code": "Some resource has been exhausted", "error": "Too many requests for team x"}),
            RateLimited,
        ),
        (429, json!({"message": "You are using a Trial key, which is limited to 10 calls / minute"}), RateLimited),
        (429, said("The engine is currently overloaded"), RateLimited),
        (429, json!({"error": {"code": "RateLimitReached", "message": "slow"}}), RateLimited),
        (429, json!(""), RateLimited),
        // too large
        (413, openai("rate_limit_exceeded", "Request too large for model x"), ContextOverflow),
        (413, json!({"type": "error", "error": {"type": "request_too_large", "message": "big"}}), ContextOverflow),
        (
            400,
            json!({"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 5 maximum"}}),
            ContextOverflow,
        ),
        (400, openai("context_length_exceeded", "hm"), ContextOverflow),
        (400, said("This model's maximum context length is 9 tokens. However, you requested 10"), ContextOverflow),
        (400, said("Your input exceeds the context window of this model"), ContextOverflow),
        (400, json!({"error_type": "TOO_MANY_TOKENS", "message": "size limit exceeded"}), ContextOverflow),
        (400, json!({"error": {"type": "too_many_prompt_tokens", "message": "x", "code": 400}}), ContextOverflow),
        (
            400,
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "The input token count (9) exceeds the maximum"}}),
            ContextOverflow,
        ),
        (422, said("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193"), ContextOverflow),
        // content
        (400, openai("content_filter", "The response was filtered"), ContentRefused),
        (400, said("Content Exists Risk"), ContentRefused),
        (
            403,
            json!({"error": {"code": 403, "message": "m requires moderation. Your input was flagged for \"x\". No credits were charged."}}),
            ContentRefused,
        ),
        (403, json!({"code": "x", "error": "Content violates usage guidelines."}), ContentRefused),
        (400, said("Output blocked by content filtering policy"), ContentRefused),
        // not allowed
        (403, json!({"type": "error", "error": {"type": "permission_error", "message": "no"}}), Forbidden),
        (
            403,
            json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "unregistered callers"}}),
            Forbidden,
        ),
        (
            400,
            json!({"error": {"status": "FAILED_PRECONDITION", "message": "User location is not supported for the API use."}}),
            Forbidden,
        ),
        // overload and inner failures
        (500, json!({"object": "error", "message": "Service unavailable.", "type": "x", "code": "1000"}), Overloaded),
        (
            503,
            json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}),
            Overloaded,
        ),
        (529, json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}), Overloaded),
        (503, json!(null), Overloaded),
        (498, said("flex tier capacity"), Overloaded),
        (500, json!({"error": {"message": "hm", "type": "server_error", "code": null}}), ServerError),
        (502, json!(null), ServerError),
        (520, json!(null), ServerError),
        (424, json!(null), ServerError),
        (499, json!(null), ServerError),
        (422, json!({"id": "x", "message": "No valid response generated. Try again"}), ServerError),
        (301, json!(null), ModelNotFound),
        (408, json!({"error": {"code": 408, "message": "late"}}), Timeout),
        // the request
        (
            400,
            openai("unsupported_parameter", "Unsupported parameter: 'stop' is not supported with this model."),
            InvalidRequest,
        ),
        (400, openai("tool_use_failed", "Failed to call a function"), InvalidRequest),
        (422, json!({"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required"}]}), InvalidRequest),
        (400, json!(null), InvalidRequest),
        // inside a 200
        (200, json!({"error": {"message": "Provider returned error", "code": 400}}), ServerError),
        (200, json!({"error": {"message": "Provider returned error", "code": 429}}), RateLimited),
        (200, json!({"error": {"message": "Provider returned error", "code": 502}}), ServerError),
        (200, json!({"error": {"message": "x", "code": 401}}), Auth),
        (200, json!({"error": {"message": "x", "code": 402}}), QuotaExhausted),
        (200, json!({"error": {"message": "hm", "type": "tokens", "code": "rate_limit_exceeded"}}), RateLimited),
        (200, json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}), Overloaded),
        (200, json!({"type": "error", "error": {"type": "api_error", "message": "Internal"}}), ServerError),
        (
            200,
            json!({"error": {"message": "no call", "type": "invalid_request_error", "code": "tool_use_failed", "status_code": 400}}),
            ServerError,
        ),
        (200, said("max_tokens or model output limit was reached"), InvalidRequest),
        (200, json!({"error": "something"}), ServerError),
        (200, json!({"error": {"message": "Rate limit reached, wait"}}), RateLimited),
        (
            200,
            json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "{\"message\":\"prompt is too long: 9\"}"}}}),
            ContextOverflow,
        ),
    ] {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let failure = match status {
            200 => inside_ok(&body),
            _ => of_status(status, &Headers::default(), text.as_bytes()),
        };
        assert_eq!(failure.class, expected, "{status} {body}");
        assert_eq!(failure.status, Some(status));
        assert!(!failure.message.is_empty() && !failure.message.contains('\n'), "{status} {body}");
    }
}

#[test]
fn pages_of_proxies_follow_their_status() {
    for (status, expected) in [(401, Auth), (403, Forbidden), (429, RateLimited), (502, ServerError), (503, Overloaded)]
    {
        let failure =
            of_status(status, &Headers::default(), b"<html><title>Nope</title><p>Overloaded rate limit</html>");
        assert_eq!((failure.class, failure.message.as_str()), (expected, "an HTML page: Nope"), "{status}");
    }
}

#[test]
fn a_wrong_address_is_told_from_a_wrong_model() {
    let message = |status, body: &str| of_status(status, &Headers::default(), body.as_bytes()).message;
    assert!(message(404, r#"{"error":{"code":"404","message":"Resource not found"}}"#).contains("base URL"));
    assert!(message(404, "404 page not found").contains("base URL"));
    assert!(message(405, "").contains("base URL"));
    assert!(!message(404, r#"{"error":{"code":"DeploymentNotFound","message":"None such"}}"#).contains("base URL"));
    assert!(!message(404, r#"{"message":"the model was removed"}"#).contains("base URL"));
}

#[test]
fn waits_are_told_only_where_waiting_helps() {
    let headers = Headers(vec![("retry-after".into(), "7".into())]);
    let wait = |status, body: &str| of_status(status, &headers, body.as_bytes()).retry_after_ms;
    assert_eq!(wait(429, ""), Some(7000));
    assert_eq!(wait(503, ""), Some(7000));
    assert_eq!(wait(400, ""), None);
    assert_eq!(wait(402, ""), None);
    assert_eq!(inside_ok(&said("Rate limit reached. Please try again in 20s.")).retry_after_ms, Some(20_000));
}

#[test]
fn waits_are_told_in_bodies() {
    let date = Headers(vec![("date".into(), "Sat, 21 Nov 2026 12:00:00 GMT".into())]);
    let wait = |body: &Value| of_status(429, &date, body.to_string().as_bytes()).retry_after_ms;
    let info = json!([{"@type": "x/Help"}, {"@type": "x/RetryInfo", "retryDelay": "48s"}]);
    assert_eq!(wait(&json!({"error": {"code": 429, "message": "retry in 48.9s", "details": info}})), Some(48_000));
    let long = format!("{} Please retry in 5s.", "See the page. ".repeat(40));
    assert_eq!(wait(&json!({"error": {"code": 429, "message": long}})), Some(5000), "however far behind it is said");
    let reset = json!({"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795262460000"}});
    assert_eq!(wait(&json!({"error": {"code": 429, "message": "slow down", "metadata": reset}})), Some(60_000));
}

#[test]
fn only_an_error_is_an_error() {
    for (value, is) in [
        (json!({"error": {"message": "x"}}), true),
        (json!({"error": "x"}), true),
        (json!({"object": "error", "message": "x"}), true),
        (json!({"error": null, "choices": []}), false),
        (json!({"error": {}, "choices": []}), false),
        (json!({"error": "", "choices": []}), false),
        (json!({"choices": []}), false),
    ] {
        assert_eq!(in_value(&value).is_some(), is, "{value}");
    }
}

#[test]
fn a_redirect_names_the_host_it_points_to_and_nothing_else_of_it() {
    for (location, named) in [
        ("http://elsewhere.test/", "redirected to http://elsewhere.test,"),
        ("https://user:word@elsewhere.test:8443/a?token=word#word", "redirected to https://elsewhere.test:8443,"),
        ("//elsewhere.test?token=word", "redirected to //elsewhere.test,"),
        ("https://a@word@elsewhere.test\\word", "redirected to https://elsewhere.test,"),
        ("/v2/word", "redirected to another path,"),
        ("https://", "redirected to another path,"),
        ("https://else\u{1b}where.test/", "redirected to another path,"),
    ] {
        let failure = of_status(302, &Headers(vec![("location".into(), location.into())]), b"");
        assert!(failure.message.starts_with(named) && !failure.message.contains("word"), "{location}: {failure}");
        assert_eq!(failure.class, FailureClass::ModelNotFound, "it points there the next time as well");
    }
}
