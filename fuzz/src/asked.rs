//! What is asked with: arguments, numbers in them, lines of a batch, schemas.

use std::ffi::OsString;

use llmr::commands::batch::{base::Base, fields, lines};
use llmr::router::{CacheUse, Keep, Request, Selection};
use llmr::sandbox::Script;
use llmr::schema as schemas;
use llmr::types::{Day, Effort, Limit, Mode, NanoUsd, RequestId, Strategy, Tier, Timestamp, Weights, whole_ms};
use serde_json::{Map, Value};

use super::feed;

/// A command line, its arguments apart by bytes of 0.
pub fn arguments(data: &[u8]) {
    let args = ["llmr".to_owned()].into_iter().chain(feed::parts(data, 12));
    let args: Vec<OsString> = args.map(OsString::from).collect();
    let normal = llmr::cli::normalise(args.clone());
    assert_eq!(llmr::cli::normalise(normal.clone()), normal, "twice");
    assert!(normal.len() <= args.len() + 1);
    if let Err(error) = llmr::app::usage::command().try_get_matches_from(normal) {
        assert!(!error.render().to_string().is_empty());
    }
    _ = llmr::cli::plain_words(&args);
}

/// A number, a time, a name: what is read is within its bounds, and printed it is read again as the same.
pub fn numbers(data: &[u8]) {
    let text = feed::text(data);
    if let Ok(amount) = text.parse::<NanoUsd>() {
        assert!(amount >= NanoUsd::ZERO);
        assert_eq!(amount.to_string().parse(), Ok(amount));
        assert_eq!(NanoUsd::from_decimal_ceil(text.trim()), Ok(amount));
    }
    if let Ok(limit) = text.parse::<Limit>() {
        assert_eq!(limit.to_string().parse(), Ok(limit));
    }
    if let Ok(Weights { cost, latency, quality }) = text.parse() {
        assert!([cost, latency, quality].iter().all(|w| (0.0..=1.0).contains(w)), "{text}");
        assert!((cost + latency + quality - 1.0).abs() < 1e-9, "{text}: {cost} {latency} {quality}");
    }
    if let Some(at) = Timestamp::parse(&text) {
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert!(at.day().start() <= at && at < at.day().plus(1).start() && at.minute_of_day() < 1440);
    }
    if let Some(day) = Day::parse(&text) {
        assert_eq!(Day::parse(&day.to_string()), Some(day), "{text}");
        assert!(
            day.first_of_month() <= day && (day < day.first_of_next_month() || day.first_of_next_month().0 > 2_900_000)
        );
    }
    if let Ok(number) = text.parse::<f64>() {
        assert!(NanoUsd::from_f64_ceil(number).is_none_or(|amount| amount.as_usd() >= number * 0.999_999));
        assert!(Timestamp(0).plus_secs(number).0 >= 0 && (whole_ms(number) > 0 || number.is_nan() || number <= 0.0));
    }
    let named = [
        text.parse::<Effort>().ok().map(|name| name.to_string()),
        text.parse::<Tier>().ok().map(|name| name.to_string()),
        text.parse::<Strategy>().ok().map(|name| name.to_string()),
        text.parse::<Mode>().ok().map(|name| name.to_string()),
    ];
    assert!(named.into_iter().flatten().all(|name| name == text), "{text}");
    _ = (Script::parse(&text, &["openai", "anthropic"]), RequestId::parse(&text));
}

fn request() -> Request {
    Request {
        selection: Selection::default(),
        system: None,
        messages: Vec::new(),
        explicit_cap: None,
        default_cap: 8192,
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        effort: None,
        extra: Map::new(),
        strategy: Strategy::default(),
        weights: Weights::default(),
        max_cost: None,
        timeout_ms: 1000,
        max_retries: 2,
        allow_unpriced: false,
        parallel: 1,
        race: false,
        hedge: false,
        mode: Mode::Production,
        cascade: None,
        meta: std::collections::BTreeMap::new(),
        min_quality: 0.6,
        tag: None,
        schema: None,
        embed: None,
        keep: Keep::Nothing,
        cache: CacheUse::On,
        stream: true,
    }
}

/// The lines of a batch: each is asked as it says, or refused with its number or its field.
pub fn batch_lines(data: &[u8]) {
    let base = Base { request: request(), template: None };
    for (n, bytes) in data.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = n as u64 + 1;
        let object = match lines::parse(bytes, number) {
            Ok(Some(object)) => object,
            Ok(None) => continue,
            Err(why) => {
                assert!(why.starts_with(&format!("line {number}: ")), "{why}");
                continue;
            }
        };
        let named: Vec<String> = object.keys().cloned().collect();
        let Ok(line) = fields::line(&base, object) else { continue };
        let request = line.request;
        assert!(request.messages.last().is_some_and(|last| !last.text.trim().is_empty()), "{request:?}");
        assert!(request.explicit_cap.is_none_or(|cap| cap > 0));
        assert!(request.temperature.is_none_or(|t| (0.0..=2.0).contains(&t)));
        assert!(named.iter().all(|name| fields::FIELDS.contains(&name.as_str()) || line.own.contains_key(name)));
    }
}

/// A schema and an answer, apart by a byte of 0: what fits is JSON that stands in the answer.
pub fn schema(data: &[u8]) {
    let parts = feed::parts(data, 2);
    let Ok(value) = serde_json::from_str::<Value>(&parts[0]) else { return };
    let schema = match schemas::checked("a name", value, "here") {
        Ok(schema) => schema,
        Err(error) => return assert!(error.exit_code() == 2 && error.message.starts_with("here"), "{error}"),
    };
    let text = parts.get(1).map_or("", String::as_str);
    match schemas::fit(&schema, text) {
        Ok(json) => {
            assert!(text.contains(json) && serde_json::from_str::<Value>(json).is_ok());
            assert_eq!(schemas::fit(&schema, json), Ok(json), "what fits fits by itself");
        }
        Err(complaints) => {
            assert!(!complaints.is_empty() && complaints.len() <= 5);
            assert!(schemas::repair_prompt(&complaints).len() < 10_000);
        }
    }
}
