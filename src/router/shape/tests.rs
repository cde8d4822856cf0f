//! What each candidate gets of a request, and what is said of the rest.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::config::Sampling;
use crate::engine::score::tests::known;
use crate::providers::table::Quirks;
use crate::providers::{Endpoint, ModelFacts};
use crate::router::request::{CacheUse, Keep, Selection};
use crate::types::{DialectKind, Image, ImageKind, Message, Mode, Schema, Strategy, Weights};

fn target() -> Target {
    let candidate = known("lab", "1", "1").candidate;
    Target {
        endpoint: Endpoint {
            provider: candidate.id.provider.clone(),
            base_url: "http://127.0.0.1:1".into(),
            key: None,
            model: candidate.id.model.clone(),
            quirks: Quirks::OPENAI_LIKE,
            api_version: None,
            model_facts: ModelFacts::default(),
            max_price: None,
        },
        candidate,
        group: 0,
        dialect: DialectKind::Openai,
        sampling: Sampling::default(),
        timeout_ms: None,
        warning: None,
        rate: None,
    }
}

pub fn request() -> Request {
    Request {
        selection: Selection::default(),
        system: None,
        messages: vec![Message::user("hello")],
        explicit_cap: None,
        default_cap: 8192,
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        effort: None,
        extra: Map::new(),
        strategy: Strategy::Weighted,
        weights: Weights::default(),
        max_cost: None,
        timeout_ms: 300_000,
        max_retries: 2,
        allow_unpriced: false,
        parallel: 1,
        race: false,
        hedge: false,
        mode: Mode::Production,
        tag: None,
        meta: std::collections::BTreeMap::new(),
        cascade: None,
        min_quality: 0.6,
        schema: None,
        embed: None,
        keep: Keep::Nothing,
        cache: CacheUse::On,
        stream: true,
    }
}

fn dropped(names: &[&str]) -> Dropped {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn object() -> Option<Arc<Schema>> {
    Some(Arc::new(Schema { name: "s".into(), value: json!({"type": "object"}) }))
}

#[test]
fn temperature_and_top_p_are_what_the_model_takes() {
    let (own, default) = ((Some(1.5), Some(0.9)), (Some(1.2), Some(0.8)));
    let (no_temperature, no_top_p) =
        ("lab/m does not take a temperature: left out", "lab/m does not take top-p: left out");
    let lowered = "lab/m takes a temperature of at most 1: 1.5 was lowered";
    for (wanted, default, takes, most, refused, sent, warnings) in [
        ((None, None), (None, None), true, 2.0, &[][..], (None, None), vec![]),
        (own, default, true, 2.0, &[], own, vec![]),
        ((None, None), default, true, 2.0, &[], default, vec![]),
        ((None, None), default, true, 1.0, &[], (Some(1.0), Some(0.8)), vec![]),
        (own, default, true, 1.5, &[], own, vec![]),
        (own, default, true, 1.0, &[], (Some(1.0), Some(0.9)), vec![lowered]),
        (own, default, true, 2.0, &["temperature"], (None, Some(0.9)), vec![no_temperature]),
        (own, default, true, 2.0, &["top_p"], (Some(1.5), None), vec![no_top_p]),
        (own, default, false, 2.0, &[], (None, None), vec![no_temperature, no_top_p]),
        // A default that it does not take is nothing that was asked for.
        ((None, None), default, false, 2.0, &[], (None, None), vec![]),
    ] {
        let mut target = target();
        let candidate = Arc::make_mut(&mut target.candidate);
        (candidate.accepts_temperature, candidate.max_temperature) = (takes, most);
        (target.sampling.temperature, target.sampling.top_p) = default;
        let request = Request { temperature: wanted.0, top_p: wanted.1, ..request() };
        let shaped = shape(&request, &target, 100, &dropped(refused));
        let case = format!("{wanted:?} {default:?} {takes} {most} {refused:?}");
        assert_eq!((shaped.ask.temperature, shaped.ask.top_p), sent, "{case}");
        assert_eq!(shaped.warnings, warnings, "{case}");
    }
}

#[test]
fn stop_texts_are_left_out_where_they_were_refused() {
    let with = Request { stop: vec!["END".into()], ..request() };
    for (request, refused, sent, warnings) in [
        (request(), &["stop"][..], 0, vec![]),
        (with.clone(), &[], 1, vec![]),
        (with, &["stop"], 0, vec!["lab/m does not take stop texts: left out"]),
    ] {
        let shaped = shape(&request, &target(), 100, &dropped(refused));
        assert_eq!((shaped.ask.stop.len(), shaped.warnings), (sent, warnings.into_iter().map(str::to_owned).collect()));
    }
}

#[test]
fn an_effort_is_left_out_where_there_is_no_field_for_it_or_it_was_refused() {
    let field = EffortField::ReasoningEffort;
    for (effort, field, refused, sent, warned) in [
        (None, field, &[][..], None, false),
        (None, EffortField::Unsupported, &[], None, false),
        (Some(Effort::High), field, &[], Some(Effort::High), false),
        (Some(Effort::High), field, &["effort"], None, true),
        (Some(Effort::High), EffortField::Unsupported, &[], None, true),
        // Not to think is what a model without the field does anyway.
        (Some(Effort::None), EffortField::Unsupported, &[], None, false),
        (Some(Effort::None), field, &[], Some(Effort::None), false),
    ] {
        let mut target = target();
        target.endpoint.quirks.effort = field;
        let shaped = shape(&Request { effort, ..request() }, &target, 100, &dropped(refused));
        let warnings = if warned { vec!["lab/m does not take an effort: left out"] } else { vec![] };
        assert_eq!(shaped.ask.effort, sent, "{effort:?} {field:?} {refused:?}");
        assert_eq!(shaped.warnings, warnings, "{effort:?} {field:?} {refused:?}");
    }
}

#[test]
fn a_cap_that_the_model_lowers_is_told_and_one_that_money_lowers_is_not() {
    for (wanted, cap, most, warned) in [
        (None, 100, Some(100), false),
        (Some(200), 100, Some(100), true),
        (Some(100), 100, Some(100), false),
        (Some(100), 200, Some(200), false),
        (Some(200), 100, Some(150), false),
        (Some(200), 100, None, false),
    ] {
        let mut target = target();
        Arc::make_mut(&mut target.candidate).max_output_tokens = most;
        let shaped = shape(&Request { explicit_cap: wanted, ..request() }, &target, cap, &dropped(&[]));
        let warnings =
            if warned { vec!["lab/m writes at most 100 tokens: --max-tokens 200 was lowered"] } else { vec![] };
        assert_eq!(
            (shaped.ask.max_output_tokens, shaped.warnings),
            (cap, warnings.into_iter().map(str::to_owned).collect())
        );
    }
}

#[test]
fn a_schema_that_was_refused_is_told_in_words() {
    let request = Request { system: Some("Be kind.".into()), schema: object(), ..request() };
    let (own, words) = (shape(&request, &target(), 100, &dropped(&[])), dropped(&["response_format"]));
    assert_eq!((own.target.endpoint.quirks.json, own.ask.system.as_deref()), (JsonMode::SCHEMA, Some("Be kind.")));
    let told = shape(&request, &target(), 100, &words);
    assert_eq!(told.target.endpoint.quirks.json, JsonMode::WORDS);
    assert!(told.ask.system.is_some_and(|system| system.starts_with("Be kind.") && system.len() > 20));
}

#[test]
fn it_is_streamed_where_all_can_that_have_a_part_in_it() {
    for (wanted, model, schema, json, streamed) in [
        (true, true, false, true, true),
        (false, true, false, true, false),
        (true, false, false, true, false),
        (true, true, true, true, true),
        (true, true, true, false, false),
        (true, true, false, false, true),
        (true, false, true, true, false),
    ] {
        let mut target = target();
        Arc::make_mut(&mut target.candidate).streams = model;
        target.endpoint.quirks.json.streams = json;
        let request = Request { stream: wanted, schema: object().filter(|_| schema), ..request() };
        let shaped = shape(&request, &target, 100, &dropped(&[]));
        assert_eq!(shaped.ask.stream, streamed, "{wanted} {model} {schema} {json}");
    }
}

#[test]
fn usage_is_asked_for_where_that_is_known_and_was_not_refused() {
    for (known, refused, asked) in
        [(true, &[][..], true), (true, &["stream_options"], false), (false, &[], false), (false, &["stop"], false)]
    {
        let mut target = target();
        target.endpoint.quirks.stream_usage_option = known;
        let shaped = shape(&request(), &target, 100, &dropped(refused));
        assert_eq!(shaped.target.endpoint.quirks.stream_usage_option, asked, "{known} {refused:?}");
    }
}

#[test]
fn the_output_cap_is_sent_under_the_name_that_was_not_refused() {
    for (name, refused, sent) in [
        ("max_tokens", &[][..], "max_tokens"),
        ("max_tokens", &["max_tokens"], "max_completion_tokens"),
        ("max_completion_tokens", &[], "max_completion_tokens"),
        ("max_completion_tokens", &["max_completion_tokens"], "max_tokens"),
        ("max_output_tokens", &["max_tokens", "max_completion_tokens"], "max_output_tokens"),
    ] {
        let mut target = target();
        target.endpoint.quirks.output_cap = name;
        let shaped = shape(&request(), &target, 100, &dropped(refused));
        assert_eq!(shaped.target.endpoint.quirks.output_cap, sent, "{name} {refused:?}");
    }
}

#[test]
fn who_is_not_known_to_see_is_told_of_with_pictures_alone() {
    let picture = Image { name: "a".into(), kind: ImageKind::Png, width: 9, height: 9, bytes: vec![0; 9].into() };
    let shown = Request { messages: vec![Message { images: vec![picture], ..Message::user("what?") }], ..request() };
    let unsure = "it is not known whether lab/m can see pictures; `vision` in config.toml says so";
    for (request, sees, warnings) in
        [(request(), None, vec![]), (shown.clone(), Some(true), vec![]), (shown, None, vec![unsure])]
    {
        let mut target = target();
        Arc::make_mut(&mut target.candidate).sight.sees = sees;
        assert_eq!(shape(&request, &target, 100, &dropped(&[])).warnings, warnings);
    }
}

#[test]
fn only_what_llmr_sends_of_itself_can_be_dropped() {
    let own = |name: &str| Request { extra: Map::from_iter([(name.to_owned(), Value::from(1))]), ..request() };
    for (parameter, request, name) in [
        ("temperature", request(), Some("temperature")),
        ("temperature", own("temperature"), None),
        ("top_p", request(), Some("top_p")),
        ("top_p", own("top_p"), None),
        ("stop", Request { stop: vec!["END".into()], ..request() }, Some("stop")),
        ("stop", request(), None),
        ("reasoning_effort", Request { effort: Some(Effort::Low), ..request() }, Some("effort")),
        ("reasoning_effort", request(), None),
        ("response_format", Request { schema: object(), ..request() }, Some("response_format")),
        ("response_format", request(), None),
        ("max_tokens", request(), Some("max_tokens")),
        ("max_completion_tokens", request(), Some("max_completion_tokens")),
        ("stream_options", request(), Some("stream_options")),
        ("messages", request(), None),
    ] {
        assert_eq!(droppable(parameter, &request), name, "{parameter}");
    }
}
