//! `providers check` and `models --live`: what the providers say of themselves, and what asking them leaves behind.

use std::time::{Duration, Instant};

use llmr::sandbox::SandboxProvider;
use llmr::types::DialectKind;
use serde_json::{Value, json};

use crate::common::{Place, finish, provider, sandbox, sandbox_of, signal, until};

fn check<'v>(report: &'v Value, name: &str) -> &'v Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["provider"] == name).unwrap()
}

#[test]
fn every_dialect_is_asked_and_nothing_is_counted() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let (code, report) = place.json(&["providers", "check"]);
    assert_eq!((code, report["checks"].as_array().unwrap().len()), (0, 4), "{report}");
    for name in ["openai", "anthropic", "gemini", "cohere"] {
        let check = check(&report, name);
        assert_eq!((&check["key"], &check["reachable"]), (&json!("accepted"), &json!(true)), "{check}");
        assert_eq!((&check["models"], &check["default_model_listed"]), (&json!(1), &json!(true)), "{check}");
        assert!(check["failure"].is_null() && check["live"].is_null() && check["latency_ms"].is_u64());
    }
    let asked: Vec<_> = sandbox.requests();
    assert!(asked.iter().all(|r| r.method == "GET" && r.body.is_null() && !r.query.contains("test-key")), "{asked:?}");
    assert_eq!(asked.len(), 4);
    assert_eq!((sandbox.bill().requests.len(), place.money()), (0, (0, 0, 0)));
    assert_eq!(place.sql("SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM breakers)"), ["0|0"]);
}

#[test]
fn what_was_found_is_told_for_half_a_minute_by_every_process() {
    let sandbox = sandbox("");
    let at = |time: &str| ("LLMR_NOW", format!("2026-11-21T12:00:{time}Z"));
    let place = Place::new().with(&sandbox);
    let run = |place: Place, time: &str, args: &[&str]| {
        let (name, value) = at(time);
        let place = place.var(name, value);
        let ran = place.run(args).expect(0);
        (place, ran)
    };
    let (place, ran) = run(place, "00", &["providers", "check", "openai"]);
    assert!(ran.stdout.contains("accepted") && ran.stdout.contains("just now"), "{ran:?}");
    let (place, ran) = run(place, "12.5", &["providers", "check", "openai"]);
    assert!(ran.stdout.contains("12 s ago"), "{ran:?}");
    let (place, ran) = run(place, "13", &["models", "--live", "-p", "openai"]);
    assert!(ran.stdout.contains("openai/gpt-6-luna"), "{ran:?}");
    assert_eq!(sandbox.requests().len(), 1);
    let (place, _) = run(place, "45", &["providers", "check", "openai"]);
    assert_eq!(sandbox.requests().len(), 2, "too old");
    // Another key is another question.
    let place = place.var("OPENAI_API_KEY", "other-key");
    let (place, _) = run(place, "46", &["providers", "check", "openai"]);
    assert_eq!(sandbox.requests().len(), 3);
    let dump = place.sql("SELECT * FROM checks").join("\n");
    assert!(!dump.contains("other-key") && dump.contains("gpt-6-luna"), "{dump}");
}

#[test]
fn what_is_wrong_is_said_with_an_exit_code_that_fits_all_or_1() {
    for (faults, names, code, key, failure) in [
        ("openai=401", &["openai"][..], 77, "refused", json!("auth")),
        ("openai=403,cohere=401", &["openai", "cohere"], 77, "refused", json!("forbidden")),
        ("openai=401", &["openai", "cohere"], 1, "refused", json!("auth")),
        ("openai=500", &["openai"], 69, "unknown", json!("server_error")),
        ("openai=429", &["openai"], 75, "unknown", json!("rate_limited")),
        ("openai=hang", &["openai"], 69, "unknown", json!("timeout")),
        ("openai=402", &["openai"], 69, "accepted", json!("quota_exhausted")),
    ] {
        let sandbox = sandbox(faults);
        let place = Place::new().with(&sandbox).var("LLMR_TIMEOUT_FIRST_BYTE_SECS", "0.3");
        let (exit, report) = place.json(&[&["providers", "check"], names].concat());
        let openai = check(&report, "openai");
        assert_eq!((exit, &openai["key"], &openai["failure"]), (code, &json!(key), &failure), "{faults}: {report}");
        assert_eq!(openai["reachable"], json!(faults != "openai=hang"), "{report}");
        assert_eq!(
            place.sql("SELECT (SELECT count(*) FROM breakers) + (SELECT count(*) FROM rests)"),
            ["0"],
            "{faults}"
        );
    }
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    let (code, report) = place.json(&["providers", "check", "openai", "groq", "perplexity"]);
    let of = |name| (check(&report, name)["key"].clone(), check(&report, name)["reachable"].clone());
    assert_eq!(
        (code, of("openai"), of("groq")),
        (1, (json!("unknown"), json!(false)), (json!("missing"), Value::Null))
    );
    let ran = place.run(&["providers", "check", "openai"]).expect(69);
    assert!(
        ran.stderr.contains("error: openai: network: cannot connect to 127.0.0.1:1: connection refused"),
        "{ran:?}"
    );
    assert!(!format!("{ran:?}").contains("test-key"));
    place.run(&["providers", "check", "groq"]).expect(2);
    place.run(&["providers", "check", "nobody"]).expect(2);
    let place = Place::new().var("PERPLEXITY_API_KEY", "test-key");
    let ran = place.run(&["providers", "check"]).expect(0);
    assert!(
        ran.stdout.contains("unknown  not listed") && ran.stderr.contains("hint: perplexity does not list"),
        "{ran:?}"
    );
}

#[test]
fn a_server_of_one_s_own_need_not_list_its_models() {
    let free = provider("alpha", "m", "0", "0");
    let sandbox = sandbox_of(vec![SandboxProvider { dialect: DialectKind::Openai, ..free }], "");
    let place = Place::new();
    let row = |path: &str, more: &str| {
        let base = format!("http://{}/alpha{path}", sandbox.addr());
        format!("[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{base}\"\n{more}\n")
    };
    place.home_file("config.toml", &row("/nowhere", "models = [\"m\"]"));
    let (code, report) = place.json(&["providers", "check"]);
    assert_eq!((code, &check(&report, "lab")["key"]), (0, &json!("not_needed")), "{report}");
    assert!(check(&report, "lab")["models"].is_null());
    place.home_file("config.toml", &row("/v1", "models = [\"x\"]\napi_key_env = \"LAB_KEY\""));
    let place = place.var("LAB_KEY", "test-key");
    let ran = place.run(&["providers", "check"]).expect(0);
    assert!(ran.stdout.contains("x (not among them)"), "{ran:?}");
}

#[test]
fn nobody_is_asked_without_the_key_that_is_wanted() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "1")], "");
    let place = Place::new();
    let row = "name = \"lab\"\ndialect = \"openai\"\nmodels = [\"m\"]\napi_key_env = \"LAB_KEY\"";
    place
        .home_file("config.toml", &format!("[[provider]]\n{row}\nbase_url = \"http://{}/alpha/v1\"\n", sandbox.addr()));
    let (_, report) = place.json(&["providers", "check", "--live", "lab"]);
    assert_eq!((&check(&report, "lab")["key"], &check(&report, "lab")["live"]), (&json!("missing"), &Value::Null));
    assert!(sandbox.requests().is_empty(), "{report}");
}

#[test]
fn a_live_check_is_an_ordinary_request_and_asks_anew() {
    let sandbox = sandbox("cohere=500");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", 0);
    place.run(&["providers", "check", "openai"]).expect(0);
    let (code, report) = place.json(&["providers", "check", "--live", "openai", "anthropic", "cohere"]);
    assert_eq!(code, 1, "{report}");
    for name in ["openai", "anthropic"] {
        let live = &check(&report, name)["live"];
        assert_eq!(live["ok"], true, "{report}");
        assert!(live["cost_usd"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(check(&report, "cohere")["live"]["ok"], false);
    let asked = sandbox.requests();
    assert_eq!(asked.iter().filter(|r| r.method == "GET" && r.provider == "openai").count(), 2, "asked anew");
    assert_eq!(place.sql("SELECT DISTINCT tag, cache FROM requests"), ["check|off"]);
    assert_eq!(place.money().0, sandbox.bill().cost_usd.0);
    // A budget that does not let it through is said like any other.
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", "0.000001");
    let ran = place.run(&["providers", "check", "--live", "openai"]).expect(4);
    assert!(ran.stderr.contains("note: 1 default models answer one word each, which costs a little"), "{ran:?}");
}

#[test]
fn ctrl_c_ends_a_check_that_waits() {
    let sandbox = sandbox("openai=hang");
    let place = Place::new().with(&sandbox);
    let child = place.command(&["providers", "check"]).spawn().unwrap();
    until("all are asked", || sandbox.requests().len() == 4);
    let began = Instant::now();
    signal(&child, "INT");
    finish(child).expect(130);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn live_models_are_marked_against_the_catalogue() {
    let models = [("openai", "gpt-6-luna"), ("gemini", "gemini-1.5-pro"), ("anthropic", "claude-of-tomorrow")];
    let sandbox = sandbox_of(models.iter().map(|(name, model)| provider(name, model, "1", "1")).collect(), "");
    let place = Place::new().with(&sandbox);
    let (code, report) = place.json(&["models", "--live"]);
    let mark = |model: &str| {
        let rows = report["models"].as_array().unwrap();
        rows.iter().find(|row| row["model"] == model).unwrap_or_else(|| panic!("{report}"))["catalogue"].clone()
    };
    assert_eq!(
        (code, mark("gpt-6-luna"), mark("claude-of-tomorrow")),
        (0, json!("known"), json!("unknown")),
        "{report}"
    );
    assert_eq!(mark("gemini-1.5-pro"), "retired");
    let ran = place.run(&["models", "--live", "luna"]).expect(0);
    assert!(ran.stdout.ends_with("openai/gpt-6-luna  known\n") && !ran.stdout.contains("claude"), "{ran:?}");
}

#[test]
fn a_profile_s_model_is_not_asked_of_every_provider() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.home_file("config.toml", "[profile.work]\nmodel = 'gpt-6-luna'\nsystem = 'Be terse.'\n");
    let (code, report) = place.json(&["providers", "check", "--live", "gemini", "--profile", "work"]);
    assert_eq!((code, &check(&report, "gemini")["live"]["ok"]), (0, &json!(true)), "{report}");
    assert!(!sandbox.requests().pop().unwrap().body.to_string().contains("terse"));
}
