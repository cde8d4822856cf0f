//! The shape of every JSON object, and the exit codes.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Place, finish, sandbox};
use crate::listener::{Listener, completion};

/// Asserts that an object has these fields and no others, each of its type: `s`tring, `n`umber, `i`nteger, `b`ool,
/// `a`rray, `o`bject; `?` behind it: or null.
fn shape(object: &Value, fields: &[(&str, &str)]) {
    let map = object.as_object().unwrap_or_else(|| panic!("no object: {object}"));
    let mut names: Vec<_> = map.keys().map(String::as_str).collect();
    let mut expected: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "{object}");
    for (name, kind) in fields {
        let value = &map[*name];
        let fits = match kind.trim_end_matches('?') {
            "s" => value.is_string(),
            "n" => value.is_number(),
            "i" => value.is_u64(),
            "b" => value.is_boolean(),
            "a" => value.is_array(),
            "o" => value.is_object(),
            _ => panic!("{kind}"),
        };
        assert!(fits || (kind.ends_with('?') && value.is_null()), "{name} is {value}, not {kind}: {object}");
    }
}

const USAGE: &[(&str, &str)] = &[
    ("input_tokens", "i"),
    ("cached_input_tokens", "i"),
    ("cache_write_tokens", "i"),
    ("output_tokens", "i"),
    ("reasoning_tokens", "i"),
    ("estimated", "b"),
];
const ATTEMPT: &[(&str, &str)] = &[
    ("provider", "s"),
    ("model", "s"),
    ("outcome", "s"),
    ("failure", "s?"),
    ("status", "i?"),
    ("latency_ms", "i"),
    ("cost_usd", "n?"),
];
const DAY: &[(&str, &str)] = &[
    ("limit_usd", "n?"),
    ("spent_usd", "n"),
    ("held_usd", "n"),
    ("remaining_usd", "n?"),
    ("used_pct", "n"),
    ("state", "s"),
    ("requests", "i"),
    ("day", "s"),
    ("resets_at", "s"),
];
const ASK: &[(&str, &str)] = &[
    ("schema_version", "i"),
    ("id", "s"),
    ("provider", "s"),
    ("model", "s"),
    ("requested_model", "s?"),
    ("tier", "s?"),
    ("content", "s"),
    ("finish_reason", "s"),
    ("usage", "o"),
    ("cost_usd", "n?"),
    ("conversation", "o?"),
    ("cost_source", "s"),
    ("latency_ms", "i"),
    ("first_token_ms", "i?"),
    ("cache", "s"),
    ("attempts", "a"),
    ("budget", "o"),
    ("warnings", "a"),
];
const CANDIDATE: &[(&str, &str)] = &[
    ("rank", "i"),
    ("provider", "s"),
    ("model", "s"),
    ("score", "n"),
    ("plain_score", "n"),
    ("success", "n"),
    ("parts", "o"),
    ("expected_cost_usd", "n?"),
    ("expected_latency_ms", "i"),
    ("breaker", "s"),
    ("hold_usd", "n"),
    ("max_tokens", "i"),
];
const CACHE: &[(&str, &str)] = &[
    ("hits", "i"),
    ("misses", "i"),
    ("hit_rate", "n"),
    ("l1_size", "i"),
    ("l2_size", "i"),
    ("integrity_failures", "i"),
    ("foreign", "i"),
    ("saved_usd", "n"),
];

const ROW: &[(&str, &str)] = &[
    ("name", "s?"),
    ("requests", "i"),
    ("attempts", "i"),
    ("ok", "i"),
    ("failed", "i"),
    ("cancelled", "i"),
    ("success_rate", "n?"),
    ("cost_usd", "n?"),
    ("unpriced_attempts", "i"),
    ("cost_per_request_usd", "n?"),
    ("p50_latency_ms", "i?"),
    ("p95_latency_ms", "i?"),
    ("p99_latency_ms", "i?"),
    ("input_tokens", "i"),
    ("cached_input_tokens", "i"),
    ("cache_write_tokens", "i"),
    ("output_tokens", "i"),
    ("reasoning_tokens", "i"),
    ("cache_hits", "i"),
    ("saved_usd", "n"),
];

fn with<'a>(fields: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [fields, more].concat()
}

fn one_of(value: &Value, words: &[&str]) {
    assert!(words.contains(&value.as_str().unwrap()), "{value} is none of {words:?}");
}

#[test]
fn an_answer() {
    let sandbox = sandbox("cohere=500");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", "0");
    let (_, answer) = place.json(&["ask", "hello"]);
    shape(&answer, ASK);
    shape(&answer["usage"], USAGE);
    shape(&answer["budget"], DAY);
    let attempts = answer["attempts"].as_array().unwrap();
    attempts.iter().for_each(|attempt| shape(attempt, ATTEMPT));
    assert_eq!(
        (&attempts[0]["outcome"], &attempts[0]["failure"], &attempts[0]["status"]),
        (&"failed".into(), &"server_error".into(), &500.into())
    );
    assert_eq!((&attempts[1]["outcome"], &attempts[1]["failure"]), (&"ok".into(), &Value::Null));
    assert_eq!(
        (&answer["schema_version"], &answer["finish_reason"], &answer["cache"]),
        (&1.into(), &"stop".into(), &"miss".into())
    );
    assert_eq!(answer["requested_model"], Value::Null);
    one_of(&answer["tier"], &["fast", "balanced", "advanced", "premium"]);
    assert_eq!(answer["cost_source"], "catalogue");
    assert!(answer["first_token_ms"].is_u64(), "streamed");
    let (_, whole) = place.json(&["ask", "--no-stream", "-m", "claude-haiku-5-5", "--max-tokens", "3", "hello"]);
    shape(&whole, ASK);
    assert_eq!((&whole["first_token_ms"], &whole["finish_reason"]), (&Value::Null, &"length".into()));
    assert_eq!(whole["requested_model"], "claude-haiku-5-5");
    // The same fields in the last line of a stream.
    let lines = place.run(&["ask", "--output-format", "stream-json", "other"]).expect(0);
    let last: Value = serde_json::from_str(lines.stdout.lines().last().unwrap()).unwrap();
    shape(&last, &with(ASK, &[("type", "s")]));
}

#[test]
fn an_unknown_price_is_null_and_never_0() {
    let listener = Listener::start(|request| (200, completion(request, "hello")));
    let place = Place::new().var("LAB_KEY", "test-key");
    let row = format!(
        "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{}\"\napi_key_env = \"LAB_KEY\"\nmodels = [\"m\"]\n",
        listener.url()
    );
    place.home_file("config.toml", &row);
    let (code, refused) = place.json(&["ask", "hello"]);
    assert_eq!((code, &refused["error"]["kind"]), (4, &"budget".into()), "{refused}");
    assert!(listener.requests().is_empty());
    let (code, answer) = place.json(&["ask", "hello", "--allow-unpriced"]);
    assert_eq!((code, &answer["cost_usd"], &answer["cost_source"]), (0, &Value::Null, &"none".into()), "{answer}");
    assert_eq!(answer["attempts"][0]["cost_usd"], Value::Null);
    assert_eq!(place.sql("SELECT cost_nanousd IS NULL FROM ledger"), ["1"]);
    let (_, log) = place.json(&["log"]);
    assert_eq!(log["requests"][0]["cost_usd"], Value::Null);
    let text = place.run(&["ask", "hi", "-u", "--allow-unpriced"]).expect(0);
    assert!(text.stderr.contains("price unknown"), "{text:?}");
    let (_, stats) = place.json(&["stats"]);
    let unknown = [&stats, &stats["rows"][0], &stats["providers"]["lab"]].map(|object| &object["cost_usd"]);
    assert_eq!((unknown, &stats["unpriced_attempts"]), ([&Value::Null; 3], &2.into()), "{stats}");
    let text = place.run(&["stats"]).expect(0).stdout;
    assert!(text.contains("unknown") && text.contains("2 attempts had no known price"), "{text}");
    let metrics = place.run(&["stats", "--format", "prometheus"]).expect(0).stdout;
    assert!(!metrics.contains("llmr_cost_usd_total{") && metrics.contains("unpriced_attempts_total{"), "{metrics}");
}

#[test]
fn an_error() {
    let sandbox = sandbox("cohere=500");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", "0");
    let (code, report) = place.json(&["ask", "-p", "cohere", "hello"]);
    assert_eq!(code, 69);
    shape(&report, &[("schema_version", "i"), ("error", "o")]);
    shape(&report["error"], &[("kind", "s"), ("message", "s"), ("hints", "a"), ("exit_code", "i"), ("attempts", "a")]);
    assert_eq!(report["error"]["exit_code"], 69);
    shape(&report["error"]["attempts"][0], ATTEMPT);
}

#[test]
fn a_plan() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", "0.006");
    let (_, plan) = place.json(&["dry-run", "--max-tokens", "8192", "hello"]);
    shape(
        &plan,
        &[
            ("schema_version", "i"),
            ("estimate", "o"),
            ("cache", "s"),
            ("candidates", "a"),
            ("refused", "a"),
            ("budget", "o"),
            ("would", "s"),
            ("warnings", "a"),
        ],
    );
    shape(&plan["estimate"], &[("input_tokens", "i"), ("output_tokens", "i"), ("low_usd", "n?"), ("high_usd", "n?")]);
    shape(&plan["budget"], DAY);
    for (i, candidate) in plan["candidates"].as_array().unwrap().iter().enumerate() {
        shape(candidate, CANDIDATE);
        shape(&candidate["parts"], &[("cost", "n"), ("latency", "n"), ("quality", "n"), ("risk", "n")]);
        assert_eq!(candidate["rank"], i + 1);
        for part in ["score", "/parts/cost", "/parts/latency", "/parts/quality"] {
            let value = if part == "score" { &candidate[part] } else { candidate.pointer(part).unwrap() };
            assert!((0.0..=1.0).contains(&value.as_f64().unwrap()), "{part}: {candidate}");
        }
    }
    let refused = plan["refused"].as_array().unwrap();
    assert!(!refused.is_empty(), "{plan}");
    refused.iter().for_each(|r| shape(r, &[("provider", "s"), ("model", "s"), ("reason", "s")]));
}

#[test]
fn providers() {
    let sandbox = sandbox("cohere=500,gemini=429:900");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", "0").var("LLMR_BREAKER_THRESHOLD", "1");
    place.run(&["ask", "-p", "cohere", "hello"]).expect(69);
    place.run(&["ask", "-p", "gemini", "hello"]).expect(75);
    place.run(&["ask", "-p", "openai", "hello"]).expect(0);
    let (_, list) = place.json(&["providers"]);
    shape(&list, &[("schema_version", "i"), ("providers", "a")]);
    let rows = list["providers"].as_array().unwrap();
    assert_eq!(rows.len(), llmr::providers::table::PROVIDERS.len());
    for row in rows {
        shape(
            row,
            &[
                ("name", "s"),
                ("dialect", "s"),
                ("models", "a"),
                ("default_model", "s?"),
                ("key", "s"),
                ("takes_part", "b"),
                ("why_not", "s?"),
                ("base_url", "s"),
                ("breaker", "s"),
                ("open_until", "s?"),
                ("resting_until", "s?"),
                ("health", "s"),
                ("last_failure", "s?"),
                ("p50_latency_ms", "i?"),
                ("spent_today_usd", "n"),
            ],
        );
        one_of(&row["key"], &["set", "missing", "not_needed"]);
        one_of(&row["breaker"], &["closed", "open", "half_open"]);
        one_of(&row["health"], &["healthy", "degraded", "unhealthy", "circuit_open"]);
        one_of(&row["dialect"], &["openai", "anthropic", "gemini", "cohere"]);
    }
    let show = |name: &str| place.json(&["providers", "show", name]).1["providers"][0].clone();
    let cohere = show("cohere");
    assert_eq!(
        (&cohere["breaker"], &cohere["health"], &cohere["last_failure"]),
        (&"open".into(), &"circuit_open".into(), &"server_error".into())
    );
    assert!(cohere["open_until"].is_string());
    let gemini = show("gemini");
    assert_eq!((&gemini["breaker"], &gemini["last_failure"]), (&"closed".into(), &"rate_limited".into()));
    assert!(gemini["resting_until"].is_string() && gemini["open_until"].is_null());
    let openai = show("openai");
    assert!(openai["spent_today_usd"].as_f64().unwrap() > 0.0 && openai["p50_latency_ms"].is_u64());
    assert_eq!((&show("mistral")["key"], &show("ollama")["key"]), (&"missing".into(), &"not_needed".into()));

    let (code, reset) = place.json(&["providers", "reset", "cohere"]);
    assert_eq!((code, &reset["providers"][0]["breaker"]), (0, &"closed".into()));
    place.json(&["providers", "reset", "gemini"]);
    assert_eq!(show("gemini")["resting_until"], Value::Null);
    for action in ["show", "reset"] {
        let ran = place.run(&["providers", action, "nobody"]).expect(2);
        assert!(ran.stderr.contains("unknown provider `nobody`"), "{ran:?}");
    }
    let text = place.run(&["providers"]).expect(0);
    assert!(text.stdout.contains("openai") && !text.stdout.contains("mistral"), "{text:?}");
    assert!(place.run(&["providers", "list", "--all"]).expect(0).stdout.contains("mistral"));
}

#[test]
fn budget() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    let fields = with(DAY, &[("schema_version", "i"), ("limit_source", "s"), ("history", "a")]);
    let checked = with(&fields, &[("check", "o")]);
    for args in [&["budget"][..], &["budget", "status"], &["budget", "history", "--days", "3"], &["budget", "check"]] {
        let (code, report) = place.json(args);
        assert_eq!(code, 0, "{args:?}");
        shape(&report, if args.contains(&"check") { &checked } else { &fields });
        shape(&report["history"][0], &[("day", "s"), ("spent_usd", "n"), ("requests", "i")]);
        assert_eq!((&report["requests"], &report["state"]), (&1.into(), &"ok".into()), "{args:?}");
        assert_eq!(report["history"][0]["spent_usd"], report["spent_usd"], "{args:?}");
    }
    let (code, set) = place.json(&["budget", "set", "2.50"]);
    shape(&set, &fields);
    assert_eq!((code, &set["limit_usd"], &set["limit_source"]), (0, &2.5.into(), &"budget set".into()));
    // to, exit of check, of check --fail-on soft, of check --min-remaining 1, state
    for (to, hard, soft, remaining, state) in [
        ("0", 0, 0, 0, "ok"),
        ("1.5", 0, 0, 0, "ok"),
        ("1.500000001", 0, 0, 4, "ok"),
        ("2.374999999", 0, 0, 4, "ok"),
        ("2.375", 0, 4, 4, "soft"),
        ("2.499999999", 0, 4, 4, "soft"),
        ("2.5", 4, 4, 4, "hard"),
        ("9", 4, 4, 4, "hard"),
    ] {
        let (code, reset) = place.json(&["budget", "reset", "--to", to]);
        shape(&reset, &fields);
        assert_eq!((code, &reset["state"]), (0, &state.into()), "{to}");
        assert_eq!(reset["spent_usd"].to_string().parse::<f64>().unwrap(), to.parse::<f64>().unwrap());
        for (args, expected) in [
            (&[][..], hard),
            (&["--fail-on", "soft"], soft),
            (&["--min-remaining", "1"], remaining),
            (&["--fail-on", "hard"], hard),
        ] {
            let ran = place.run(&[&["budget", "check", "--json"], args].concat()).expect(expected);
            let report: Value = serde_json::from_str(&ran.stdout).unwrap();
            shape(&report, &checked);
            let check = &report["check"];
            shape(check, &[("passed", "b"), ("fail_on", "s"), ("min_remaining_usd", "n?"), ("reason", "s?")]);
            assert_eq!((&check["passed"], check["reason"].is_null()), (&(expected == 0).into(), expected == 0));
            assert_eq!(ran.stderr, "", "one object, and nothing beside it");
            let text = place.run(&[&["budget", "check"], args].concat()).expect(expected);
            assert_eq!(text.stderr.starts_with("error: "), expected == 4, "{text:?}");
        }
    }
    place.run(&["budget", "reset"]).expect(0);
    let (_, off) = place.json(&["budget", "set", "off"]);
    assert_eq!((&off["limit_usd"], &off["remaining_usd"], &off["used_pct"]), (&Value::Null, &Value::Null, &0.0.into()));
    assert_eq!(place.json(&["budget", "check"]).0, 0);
    let (_, zero) = place.json(&["budget", "set", "0"]);
    assert_eq!((&zero["limit_usd"], &zero["state"], &zero["used_pct"]), (&0.into(), &"hard".into(), &100.0.into()));
    for wrong in [
        &["budget", "set", "much"][..],
        &["budget", "set", "-1"],
        &["budget", "reset", "--to", "x"],
        &["budget", "set"],
    ] {
        place.run(wrong).expect(2);
    }
    assert_eq!(place.sql("SELECT count(*) FROM ledger"), ["1"], "the ledger keeps every row");
    // The environment wins, and that is said.
    let place = place.var("LLMR_BUDGET_DAILY_USD", "1");
    let ran = place.run(&["budget", "set", "7"]).expect(0);
    assert!(ran.stderr.contains("in force is 1 USD, from environment"), "{ran:?}");
}

#[test]
fn stats_cache_and_log() {
    let sandbox = sandbox("cohere=500x1");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", "0");
    let (_, first) = place.json(&["ask", "hello", "--tag", "mine"]);
    place.run(&["ask", "hello"]).expect(0);
    place.run(&["ask", "--max-cost", "0.000000001", "refused"]).expect(4);
    let (_, stats) = place.json(&["stats"]);
    shape(
        &stats,
        &[
            ("schema_version", "i"),
            ("from", "s"),
            ("to", "s"),
            ("total_requests", "i"),
            ("cost_usd", "n?"),
            ("providers", "o"),
            ("circuit_breakers", "o"),
            ("cache", "o"),
            ("unpriced_attempts", "i"),
            ("by", "s"),
            ("counted", "s"),
            ("rows", "a"),
            ("trend", "o?"),
            ("forecast", "o?"),
        ],
    );
    shape(&stats["cache"], CACHE);
    for by in ["provider", "model", "day", "tag", "tier"] {
        let (_, stats) = place.json(&["stats", "--by", by]);
        let rows = stats["rows"].as_array().unwrap();
        let more: &[_] = if by == "model" { &[("provider", "s"), ("model", "s")] } else { &[] };
        rows.iter().for_each(|row| shape(row, &with(ROW, more)));
        assert_eq!((&stats["by"], rows.is_empty()), (&by.into(), false), "{stats}");
        let attempts: u64 = rows.iter().map(|row| row["attempts"].as_u64().unwrap()).sum();
        assert_eq!(attempts, 2, "{by}: every view has every attempt: {stats}");
    }
    let (_, tags) = place.json(&["stats", "--by", "tag"]);
    let of = |n: usize| (&tags["rows"][n]["name"], &tags["rows"][n]["requests"], &tags["rows"][n]["failed"]);
    assert_eq!(of(0), (&Value::Null, &2.into(), &1.into()), "{tags}");
    assert_eq!(of(1), (&"mine".into(), &1.into(), &0.into()), "{tags}");
    assert_eq!((&tags["counted"], &stats["counted"]), (&"requests".into(), &"attempts".into()));
    assert_eq!((&stats["total_requests"], &stats["cache"]["hits"]), (&3.into(), &1.into()), "{stats}");
    for (_, provider) in stats["providers"].as_object().unwrap() {
        shape(
            provider,
            &[
                ("total_requests", "i"),
                ("success_rate", "n"),
                ("avg_cost_per_request_usd", "n?"),
                ("avg_latency_ms", "n?"),
                ("p50_latency_ms", "i?"),
                ("p95_latency_ms", "i?"),
                ("tokens", "i"),
                ("cost_usd", "n?"),
                ("health", "s"),
            ],
        );
    }
    assert_eq!(stats["providers"]["cohere"]["success_rate"], 0.0);
    for (_, breaker) in stats["circuit_breakers"].as_object().unwrap() {
        shape(breaker, &[("state", "s"), ("failures", "i"), ("open_until", "s?")]);
    }
    place.run(&["stats", "--days", "0"]).expect(2);

    let (_, cache) = place.json(&["cache"]);
    shape(&cache, &with(CACHE, &[("schema_version", "i")]));
    let (_, verified) = place.json(&["cache", "verify"]);
    let counts = ["checked", "good", "expired", "foreign", "bad", "deleted", "schema_version"].map(|name| (name, "i"));
    shape(&verified, &with(&counts, &[("database", "a")]));
    shape(&place.json(&["cache", "clear"]).1, &[("schema_version", "i"), ("removed", "i")]);

    let (_, log) = place.json(&["log"]);
    shape(&log, &[("schema_version", "i"), ("requests", "a")]);
    let requests = log["requests"].as_array().unwrap();
    assert_eq!(requests.iter().map(|r| &r["exit_code"]).collect::<Vec<_>>(), [4, 0, 0]);
    for request in requests {
        shape(
            request,
            &[
                ("id", "s"),
                ("at", "s"),
                ("day", "s"),
                ("state", "s"),
                ("cache", "s?"),
                ("provider", "s?"),
                ("model", "s?"),
                ("requested_model", "s?"),
                ("cost_usd", "n?"),
                ("latency_ms", "i?"),
                ("first_token_ms", "i?"),
                ("usage", "o?"),
                ("finish_reason", "s?"),
                ("exit_code", "i?"),
                ("error", "s?"),
                ("tag", "s?"),
                ("decision", "o?"),
                ("attempts", "a"),
            ],
        );
    }
    let asked = &requests[2];
    assert_eq!((&asked["id"], &asked["tag"], &asked["cost_usd"]), (&first["id"], &"mine".into(), &first["cost_usd"]));
    let attempts = asked["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2);
    for attempt in attempts {
        let more = [
            ("answered_model", "s?"),
            ("first_token_ms", "i?"),
            ("usage", "o?"),
            ("held_usd", "n"),
            ("cost_source", "s"),
            ("estimated", "b"),
            ("presumed", "b"),
        ];
        shape(attempt, &with(ATTEMPT, &more));
    }
    asked["decision"]["candidates"].as_array().unwrap().iter().for_each(|c| shape(c, CANDIDATE));
    // One, by either form of its id, and the newest of several.
    for id in ["r1", "1"] {
        let mut shown = place.json(&["log", "show", id]).1["requests"][0].clone();
        assert_eq!(shown.as_object_mut().unwrap().remove("content"), Some(Value::Null), "nothing is kept");
        assert_eq!(shown, *asked);
    }
    assert_eq!(place.json(&["log", "-n", "1"]).1["requests"].as_array().unwrap().len(), 1);
    for id in ["r99", "x", ""] {
        place.run(&["log", "show", id]).expect(2);
    }
    // For SQL users.
    let row =
        place.sql("SELECT request_id, attempt, provider, outcome, failure, estimated FROM ledger ORDER BY attempt");
    assert_eq!(row[0], "r1|1|cohere|failed|server_error|0");
    assert!(row[1].starts_with("r1|2|") && row[1].contains("|ok||0"), "{row:?}");
    let at = &place.sql("SELECT at, day FROM ledger")[0];
    assert!(at.contains('T') && at.contains("Z|20") && at.len() == "2026-01-01T00:00:00.000Z|2026-01-01".len(), "{at}");
}

#[test]
fn models_and_settings() {
    let place = Place::new().var("OPENAI_API_KEY", "test-key");
    let (_, models) = place.json(&["models"]);
    shape(&models, &[("schema_version", "i"), ("models", "a")]);
    let rows = models["models"].as_array().unwrap();
    assert!(rows.len() > 50);
    for row in rows {
        shape(
            row,
            &[
                ("provider", "s"),
                ("model", "s"),
                ("tier", "s?"),
                ("input_usd_per_mtok", "n?"),
                ("output_usd_per_mtok", "n?"),
                ("cached_input_usd_per_mtok", "n?"),
                ("cache_write_usd_per_mtok", "n?"),
                ("price_source", "s"),
                ("price_as_of", "s?"),
                ("price_stale", "b"),
                ("context_tokens", "i?"),
                ("max_output_tokens", "i?"),
                ("abilities", "a"),
                ("status", "s"),
                ("retires", "s?"),
                ("successor", "s?"),
                ("aliases", "a"),
                ("same_as", "a"),
            ],
        );
        assert_ne!(row["status"], "retired", "only with --all");
        // A price has its date; what is free needs none.
        let price = row["input_usd_per_mtok"].as_f64().unwrap_or_default();
        assert!(price == 0.0 || row["price_as_of"].is_string(), "{row}");
    }
    let all = place.json(&["models", "--all"]).1["models"].as_array().unwrap().len();
    assert!(all > rows.len());
    let (_, some) = place.json(&["models", "-p", "anthropic", "haiku"]);
    let some = some["models"].as_array().unwrap().clone();
    assert!(!some.is_empty() && some.iter().all(|m| m["provider"] == "anthropic" && m.to_string().contains("haiku")));

    let (_, show) = place.json(&["config", "show"]);
    shape(&show, &[("schema_version", "i"), ("settings", "a"), ("warnings", "a")]);
    for row in show["settings"].as_array().unwrap() {
        shape(row, &[("key", "s"), ("variable", "s"), ("value", "s"), ("source", "s")]);
    }
    let (_, path) = place.json(&["config", "path"]);
    let named =
        ["config_dir", "config_file", "data_dir", "database", "cache_key", "trusted", "templates", "chat_history"];
    let paths = named.map(|name| (name, "s"));
    shape(&path, &with(&paths, &[("schema_version", "i"), ("env_files", "a")]));
    let (_, check) = place.json(&["config", "check"]);
    shape(&check, &[("schema_version", "i"), ("providers", "a"), ("warnings", "a")]);
    assert_eq!(check["providers"], json!(["openai"]));
    let (_, init) = place.json(&["config", "init"]);
    shape(&init, &[("schema_version", "i"), ("path", "s"), ("what", "s")]);
    let (_, script) = place.json(&["completions", "fish"]);
    shape(&script, &[("schema_version", "i"), ("shell", "s"), ("script", "s")]);
    let (_, page) = place.json(&["man", "budget", "set"]);
    shape(&page, &[("schema_version", "i"), ("file", "s"), ("page", "s")]);
    let pages = place.home().join("pages");
    let (_, written) = place.json(&["man", "--out", pages.to_str().unwrap()]);
    shape(&written, &[("schema_version", "i"), ("folder", "s"), ("files", "a")]);
    assert_eq!(written["files"].as_array().unwrap().len(), std::fs::read_dir(pages).unwrap().count());
}

/// A number with an exponent, outside of strings.
fn exponent(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let (mut inside, mut escaped) = (false, false);
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'e' | b'E' if !inside && i > 0 && bytes[i - 1].is_ascii_digit() => {
                return Some(&text[i.saturating_sub(40)..(i + 5).min(text.len())]);
            }
            _ => {}
        }
    }
    None
}

#[test]
fn money_is_a_plain_decimal_down_to_a_nano_dollar() {
    assert!(exponent("{\"a\":1e-9}").is_some() && exponent("{\"a\":\"1e-9\",\"b\":true}").is_none());
    // One nano-dollar a token read, nothing for what is written; the answer says that it read one.
    let listener = Listener::start(|request| (200, completion(request, "hello")));
    let place = Place::new().var("LLMR_BUDGET_DAILY_USD", "0.001");
    let row = format!(
        "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{}\"\nmodels = [\"m\"]\n\
         input_usd_per_mtok = 0.001\noutput_usd_per_mtok = 0.0\n",
        listener.url()
    );
    place.home_file("config.toml", &row);
    let nano = "0.000000001";
    let ran = place.run(&["ask", "hello", "--json"]).expect(0);
    assert_eq!(ran.stdout.matches(&format!("\"cost_usd\":{nano}")).count(), 2, "{ran:?}");
    assert!(ran.stdout.contains(&format!("\"spent_usd\":{nano}")), "{ran:?}");
    place.run(&["ask", "hello", "--json"]).expect(0);
    for args in [
        &["budget"][..],
        &["budget", "history"],
        &["stats"],
        &["providers"],
        &["log"],
        &["dry-run", "hello", "--no-cache"],
        &["dry-run", "hello"],
        &["cache"],
        &["models", "--all"],
        &["config", "show"],
        &["budget", "set", nano],
        &["budget", "reset", "--to", nano],
    ] {
        let ran = place.run(&[args, &["--json"]].concat()).expect(0);
        assert_eq!(exponent(&ran.stdout), None, "{args:?}");
    }
    for (args, field) in [
        (&["budget"][..], "spent_usd"),
        (&["stats"], "avg_cost_per_request_usd"),
        (&["stats"], "saved_usd"),
        (&["providers", "show", "lab"], "spent_today_usd"),
        (&["log"], "cost_usd"),
    ] {
        let ran = place.run(&[args, &["--json"]].concat()).expect(0);
        assert!(ran.stdout.contains(&format!("\"{field}\":{nano}")), "{args:?}: {ran:?}");
    }
    let lines = place.run(&["ask", "again", "--output-format", "stream-json"]).expect(0);
    assert!(exponent(&lines.stdout).is_none() && lines.stdout.contains(&format!("\"cost_usd\":{nano}")), "{lines:?}");
    let refused = place.var("LLMR_BUDGET_DAILY_USD", "0.000000002").run(&["ask", "more"]).expect(4);
    assert!(refused.stderr.contains("0.000000002") && !refused.stderr.contains("e-"), "{refused:?}");
}

#[test]
fn every_exit_code_has_its_occasion() {
    let all = |fault: &str| ["openai", "anthropic", "gemini", "cohere"].map(|p| format!("{p}={fault}")).join(",");
    let mixed = "openai=401,anthropic=500,gemini=429:900,cohere=402".to_owned();
    let (quotas, overflow) = (all("402"), all("overflow"));
    type Row<'a> = (&'a str, &'a [&'a str], i32, &'a str);
    let rows: &[Row] = &[
        ("", &["ask", "x"], 0, ""),
        ("", &["ask", "--no-such-flag"], 2, ""),
        ("", &["ask", "x", "-t", "9"], 2, "usage"),
        ("", &["ask", "x", "--timeout", "0"], 2, "usage"),
        ("", &["ask", "x", "--max-tokens", "0"], 2, "usage"),
        ("", &["ask", "x", "--max-cost", "dear"], 2, "usage"),
        ("", &["ask", "x", "--weights", "1,2"], 2, "usage"),
        ("", &["ask", "x", "--parallel", "0"], 2, "usage"),
        ("", &["ask", "x", "-m", "no-such-model"], 2, ""),
        ("", &["ask", "x", "-p", "mistral"], 2, "no_provider"),
        (&all("400"), &["ask", "x"], 3, "refused"),
        (&all("refuse"), &["ask", "x"], 3, "refused"),
        (&all("404"), &["ask", "x"], 3, "refused"),
        (&overflow, &["ask", "x"], 3, "refused"),
        ("", &["ask", "x", "--max-cost", "0"], 4, "budget"),
        (&all("500"), &["ask", "x"], 69, "unavailable"),
        (&all("503"), &["ask", "x"], 69, "unavailable"),
        (&all("529"), &["ask", "x"], 69, "unavailable"),
        (&all("cut"), &["ask", "x"], 69, "unavailable"),
        (&all("malformed"), &["ask", "x", "--no-stream"], 69, "unavailable"),
        (&all("empty"), &["ask", "x"], 69, "unavailable"),
        (&all("error-in-200"), &["ask", "x"], 69, "unavailable"),
        (&all("hang"), &["ask", "x"], 69, "unavailable"),
        (&all("stall"), &["ask", "x"], 69, "unavailable"),
        (&quotas, &["ask", "x"], 69, "unavailable"),
        (&mixed, &["ask", "x"], 69, "unavailable"),
        (&all("429:900"), &["ask", "x"], 75, "rate_limited"),
        (&all("401"), &["ask", "x"], 77, "auth"),
        (&all("403"), &["ask", "x"], 77, "auth"),
    ];
    for (faults, args, code, kind) in rows {
        let sandbox = sandbox(faults);
        let place = Place::new()
            .with(&sandbox)
            .var("LLMR_MAX_RETRIES", "0")
            .var("LLMR_TIMEOUT_FIRST_BYTE_SECS", "0.4")
            .var("LLMR_TIMEOUT_IDLE_SECS", "0.4");
        let ran = place.run(args);
        assert_eq!(ran.code, Some(*code), "{faults} {args:?}: {ran:?}");
        assert_eq!(ran.stderr.contains("error: "), *code != 0, "{faults} {args:?}: {ran:?}");
        if *code != 0 {
            assert_eq!(ran.stdout, "", "{faults} {args:?}");
        }
        if !kind.is_empty() {
            let place = Place::new()
                .with(&sandbox)
                .var("LLMR_MAX_RETRIES", "0")
                .var("LLMR_TIMEOUT_FIRST_BYTE_SECS", "0.4")
                .var("LLMR_TIMEOUT_IDLE_SECS", "0.4");
            let (ended, report) = place.json(args);
            assert_eq!((ended, &report["error"]["kind"]), (*code, &(*kind).into()), "{faults} {args:?}: {report}");
            assert_eq!(report["error"]["exit_code"], *code, "{faults} {args:?}");
        }
    }
    // Nobody configured at all, and what to do about it.
    let ran = Place::new().run(&["ask", "x"]).expect(2);
    assert!(ran.stderr.contains("no provider is configured") && ran.stderr.contains("OPENAI_API_KEY"), "{ran:?}");
    // No wait of the user's own: when a rate limit ends is told.
    let sandbox = sandbox(&all("429:900"));
    let ran = Place::new().with(&sandbox).run(&["ask", "x"]).expect(75);
    assert!(ran.stderr.contains("rate-limited until 20"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_its_code_and_what_was_spent_is_recorded() {
    for (signal, code, kind) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        for json in [false, true] {
            let sandbox = sandbox("openai=stall");
            let place = Place::new().with(&sandbox);
            let mut args = vec!["ask", "-p", "openai", "--no-stream", "x"];
            args.extend(json.then_some("--json"));
            let child = place.command(&args).spawn().unwrap();
            let late = Instant::now() + Duration::from_secs(20);
            while sandbox.bill().requests.is_empty() && Instant::now() < late {
                std::thread::sleep(Duration::from_millis(5));
            }
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
            let ran = finish(child).expect(code);
            match json {
                true => {
                    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
                    assert_eq!((&report["error"]["kind"], ran.stderr.as_str()), (&kind.into(), ""), "{report}");
                }
                false => assert!(ran.stdout.is_empty() && ran.stderr.contains("what was spent is recorded"), "{ran:?}"),
            }
            let ledger = place.sql("SELECT outcome, failure, cost_nanousd, estimated FROM ledger");
            let held = place.sql("SELECT held_nanousd FROM attempts");
            assert_eq!(
                ledger,
                [format!("cancelled|cancelled|{}|1", held[0])],
                "sent and not answered: charged in full"
            );
            assert_eq!(place.sql("SELECT count(*) FROM holds"), ["0"]);
            assert_eq!(place.sql("SELECT exit_code, error_kind FROM requests"), [format!("{code}|{kind}")]);
        }
    }
}

#[test]
fn a_request_that_asked_nobody_keeps_its_reasons() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", "0");
    place.run(&["ask", "hello"]).expect(4);
    let (_, log) = place.json(&["log"]);
    let refused = log["requests"][0]["decision"]["refused"].as_array().unwrap();
    assert!(refused.len() == 4 && refused[0]["reason"].as_str().unwrap().contains("worst case"), "{log}");
}

#[test]
fn no_label_is_a_formula_markup_or_an_escape() {
    let place = Place::new();
    let tag = "=cmd|' /C calc'!A1 <script>\u{1b}]0;x\u{7}";
    place.run(&["ask", "--sandbox", "--tag", tag, "hello"]).expect(0);
    let shown = |format: &str| place.run(&["stats", "--sandbox", "--by", "tag", "--format", format]).expect(0).stdout;
    let csv = shown("csv");
    assert!(csv.lines().any(|line| line.starts_with("'=cmd") || line.starts_with("\"'=cmd")), "{csv}");
    let html = shown("html");
    assert!(html.contains("=cmd") && !html.contains("<script") && !html.contains('\u{1b}'), "{html}");
    assert!(!shown("table").contains('\u{1b}'));
}
