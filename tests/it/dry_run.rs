//! `dry-run` is `ask` without the sends: the same candidate first, a cost range that holds the real cost, the same
//! exit code, and nothing left behind.

use std::path::Path;

use llmr::sandbox::Sandbox;
use serde_json::Value;

use crate::common::{Place, Ran, finish, sandbox};

/// A clock that stands still between two runs, so that no rest ends in between.
const NOON: &str = "2026-11-20T12:00:00Z";

const GERMAN: &str = "Erkläre mir in drei Sätzen, warum der Himmel über der Nordsee an manchen Abenden grün schimmert, \
                      obwohl er doch sonst blau ist. Übertreibe nicht, und lass die Größenordnungen weg.";
const CHINESE: &str = "请用三句话解释为什么天空在某些傍晚会呈现绿色,而平时却是蓝色的。请不要夸张,也不要提及数量级。";
const CODE: &str =
    "fn main() {\n    let xs: Vec<u64> = (0..10).map(|x| x * x).collect();\n    println!(\"{xs:?}\");\n}\n";
const JSON: &str = r#"{"items": [{"id": 1, "price": 2.5e-3, "tags": ["a", "b"]}, {"id": 2, "price": null}]}"#;

/// What is asked: the arguments of `ask` and `dry-run` alike.
fn prompts(place: &Place) -> Vec<(&'static str, Vec<String>)> {
    let long = "Summarise what follows, and leave nothing out. ".repeat(600);
    let file = |name: &str, text: &str| place.work_file(name, text).display().to_string();
    let (a, b) = (file("a.rs", CODE), file("b.json", &JSON.repeat(40)));
    let own = |args: &[&str]| args.iter().map(|a| (*a).to_owned()).collect();
    vec![
        ("short", own(&["hi"])),
        ("long", own(&[&long])),
        ("German", own(&[GERMAN])),
        ("Chinese", own(&[CHINESE])),
        ("code", own(&[CODE])),
        ("JSON", own(&[JSON])),
        ("files", own(&["review", "-f", &a, "-f", &b])),
        ("system", own(&["-s", GERMAN, "name a colour"])),
    ]
}

fn nano(value: &Value) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let nano = (value.as_f64().unwrap_or_else(|| panic!("no amount: {value}")) * 1e9).round() as i64;
    nano
}

/// Every row of every table but those that a reader's first look may make.
fn everything(place: &Place) -> Vec<String> {
    if !place.home().join("llmr.db").exists() {
        return Vec::new();
    }
    let tables = place.sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    let rows = |table: String| -> Vec<String> {
        place.sql(&format!("SELECT * FROM {table}")).into_iter().map(|row| format!("{table}: {row}")).collect()
    };
    tables.into_iter().flat_map(rows).collect()
}

/// A state of the world: what was set, and what was asked before.
struct Case {
    name: &'static str,
    faults: &'static str,
    vars: &'static [(&'static str, &'static str)],
    before: &'static [&'static [&'static str]],
    args: &'static [&'static str],
}

const PLAIN: Case = Case { name: "fresh", faults: "", vars: &[], before: &[], args: &[] };

const HISTORY: &[&[&str]] = &[
    &["ask", "-p", "openai", "one"],
    &["ask", "-p", "anthropic", "two"],
    &["ask", "-p", "gemini", "three"],
    &["ask", "-p", "cohere", "four"],
    &["ask", "five"],
    &["ask", "six"],
];

/// States in which the first candidate answers.
#[rustfmt::skip]
const STATES: &[Case] = &[
    PLAIN,
    Case { name: "some history", before: HISTORY, ..PLAIN },
    Case { name: "one breaker open", faults: "cohere=500", before: &[&["ask", "one"]], ..PLAIN },
    Case { name: "one refused its key", faults: "cohere=401", before: &[&["ask", "one"]], ..PLAIN },
    Case { name: "one is rate-limited", faults: "cohere=429:900", before: &[&["ask", "one"]], ..PLAIN },
    Case { name: "past the soft cut-off", before: &[&["budget", "reset", "--to", "4.8"]], ..PLAIN },
    Case { name: "little money", before: &[&["budget", "reset", "--to", "4.9965"]], ..PLAIN },
    Case { name: "no limit", vars: &[("LLMR_BUDGET_DAILY_USD", "off")], ..PLAIN },
    Case { name: "effort", args: &["--effort", "high"], ..PLAIN },
    Case { name: "few tokens", args: &["--max-tokens", "3"], ..PLAIN },
    Case { name: "whole answers", args: &["--no-cache"], before: HISTORY, ..PLAIN },
    Case { name: "two providers", args: &["-p", "gemini", "-p", "openai"], ..PLAIN },
    Case { name: "one model", args: &["-m", "claude-haiku-5-5"], ..PLAIN },
    Case { name: "cheapest", args: &["--strategy", "cheapest"], before: HISTORY, ..PLAIN },
    Case { name: "fastest", args: &["--strategy", "fastest"], before: HISTORY, ..PLAIN },
    Case { name: "reliable", args: &["--strategy", "reliable"], before: HISTORY, ..PLAIN },
    Case { name: "priority", args: &["--strategy", "priority"], before: HISTORY, ..PLAIN },
    Case { name: "round-robin", args: &["--strategy", "round-robin"], ..PLAIN },
    Case { name: "balanced", args: &["--strategy", "balanced"], before: HISTORY, ..PLAIN },
    Case { name: "balanced without a seed", args: &["--strategy", "balanced"], vars: &[("LLMR_SEED", "")], ..PLAIN },
    Case { name: "other weights", args: &["--weights", "0,0,1"], before: HISTORY, ..PLAIN },
    Case { name: "a tier", args: &["--tier", "balanced"], vars: &[("OPENAI_MODEL", "gpt-6.1-sol")], ..PLAIN },
];

impl Case {
    fn place(&self, sandbox: &Sandbox) -> Place {
        let place = Place::new().with(sandbox).var("LLMR_NOW", NOON);
        let place = self.vars.iter().fold(place, |place, (name, value)| place.var(name, value));
        for args in self.before {
            place.run(args).expect(0);
        }
        place
    }

    fn with<'a>(&'a self, command: &'a str, prompt: &'a [String]) -> Vec<&'a str> {
        [command].into_iter().chain(self.args.iter().copied()).chain(prompt.iter().map(String::as_str)).collect()
    }
}

#[test]
fn it_names_whom_ask_then_asks_and_what_that_costs() {
    let mut first = std::collections::BTreeSet::new();
    for (i, case) in STATES.iter().enumerate() {
        let sandbox = sandbox(case.faults);
        let place = case.place(&sandbox);
        let prompts = prompts(&place).into_iter().enumerate();
        // Every prompt in the first two states, in the others every third.
        for (name, prompt) in prompts.filter(|(n, _)| i < 2 || (n + i) % 3 == 0).map(|(_, prompt)| prompt) {
            let (state, sent) = (everything(&place), sandbox.requests().len());
            let (code, plan) = place.json(&[&case.with("dry-run", &prompt)[..], &["--check"]].concat());
            let case_name = format!("{}, {name}: {plan}", case.name);
            assert_eq!(code, 0, "{case_name}");
            assert_eq!((everything(&place), sandbox.requests().len()), (state, sent), "it left something: {case_name}");

            let (code, answer) = place.json(&case.with("ask", &prompt));
            assert_eq!(code, 0, "{case_name}\n{answer}");
            let planned = &plan["candidates"][0];
            assert_eq!(
                (&planned["provider"], &planned["model"]),
                (&answer["provider"], &answer["model"]),
                "{case_name}\n{answer}"
            );
            assert_eq!(plan["cache"], answer["cache"], "{case_name}");
            let (low, high) = (nano(&plan["estimate"]["low_usd"]), nano(&plan["estimate"]["high_usd"]));
            let cost = nano(&answer["cost_usd"]);
            assert!(low <= cost && cost <= high, "{low} to {high}, it was {cost}: {case_name}");
            assert!(cost <= nano(&planned["hold_usd"]), "{case_name}");
            assert!(plan["would"].as_str().unwrap().starts_with("ask "), "{case_name}");
            first.insert(answer["provider"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(first.len(), 4, "the states shall not all have the same first candidate: {first:?}");
}

#[test]
fn round_robin_and_balanced_do_not_always_choose_the_same() {
    for strategy in ["round-robin", "balanced"] {
        let sandbox = sandbox("");
        let place = PLAIN.place(&sandbox);
        let mut chosen = std::collections::BTreeSet::new();
        for prompt in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            let (_, plan) = place.json(&["dry-run", "--strategy", strategy, prompt]);
            // Looking twice changes nothing.
            let (_, again) = place.json(&["dry-run", "--strategy", strategy, prompt]);
            assert_eq!(plan["candidates"][0]["provider"], again["candidates"][0]["provider"], "{strategy}");
            let (_, answer) = place.json(&["ask", "--strategy", strategy, prompt]);
            assert_eq!(plan["candidates"][0]["provider"], answer["provider"], "{strategy}: {plan}");
            chosen.insert(answer["provider"].as_str().unwrap().to_owned());
        }
        assert!(chosen.len() > 1, "{strategy}: {chosen:?}");
    }
}

#[test]
fn a_stored_answer_is_foreseen() {
    let sandbox = sandbox("");
    // Time must pass: an entry from the future would not be served.
    let place = PLAIN.place(&sandbox).var("LLMR_NOW", "");
    for (name, prompt) in prompts(&place) {
        let (_, stored) = place.json(&PLAIN.with("ask", &prompt));
        let (state, sent) = (everything(&place), sandbox.requests().len());
        let (code, plan) = place.json(&[&PLAIN.with("dry-run", &prompt)[..], &["--check"]].concat());
        assert_eq!((code, &plan["cache"]), (0, &"hit".into()), "{name}: {plan}");
        let who = format!("{}/{}", stored["provider"].as_str().unwrap(), stored["model"].as_str().unwrap());
        assert!(plan["would"].as_str().unwrap().contains(&who), "{name}: {plan}");
        assert_eq!((nano(&plan["estimate"]["low_usd"]), nano(&plan["estimate"]["high_usd"])), (0, 0), "{name}");
        assert_eq!((everything(&place), sandbox.requests().len()), (state, sent), "{name}");
        let (_, answer) = place.json(&PLAIN.with("ask", &prompt));
        assert_eq!((&answer["cache"], nano(&answer["cost_usd"])), (&"hit".into(), 0), "{name}: {answer}");
        assert_eq!((&answer["provider"], &answer["model"]), (&stored["provider"], &stored["model"]), "{name}");
        // Asked anew, it is foreseen as a request.
        let (_, plan) = place.json(&[&PLAIN.with("dry-run", &prompt)[..], &["--refresh"]].concat());
        assert_eq!(plan["cache"], "miss", "{name}");
        let (_, plan) = place.json(&[&PLAIN.with("dry-run", &prompt)[..], &["--no-cache"]].concat());
        assert_eq!(plan["cache"], "off", "{name}");
    }
}

#[test]
fn a_bad_entry_is_found_and_left_for_ask_to_remove() {
    let sandbox = sandbox("");
    let place = PLAIN.place(&sandbox);
    place.run(&["ask", "hi"]).expect(0);
    rusqlite::Connection::open(place.home().join("llmr.db"))
        .unwrap()
        .execute("UPDATE cache SET content = 'forged'", [])
        .unwrap();
    let state = everything(&place);
    let (_, plan) = place.json(&["dry-run", "hi"]);
    assert_eq!(plan["cache"], "miss");
    assert_eq!(everything(&place), state);
}

/// Whoever cannot be answered is told so before, with the same exit code.
#[test]
fn check_exits_as_ask_does() {
    let all = |fault: &str| ["openai", "anthropic", "gemini", "cohere"].map(|p| format!("{p}={fault}")).join(",");
    let (limits, failures) = (all("429:900"), all("500"));
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [&'a [&'a str]], &'a [&'a str], i32);
    let rows: &[Row] = &[
        ("rate-limited", &limits, &[], &[&["ask", "one"]], &["x"], 75),
        (
            "breakers open",
            &failures,
            &[("LLMR_MAX_RETRIES", "0"), ("LLMR_BREAKER_THRESHOLD", "1")],
            &[&["ask", "one"]],
            &["x"],
            69,
        ),
        ("no money", "", &[("LLMR_BUDGET_DAILY_USD", "0")], &[], &["x"], 4),
        ("hardly any", "", &[("LLMR_BUDGET_DAILY_USD", "0.000001")], &[], &["x"], 4),
        ("used up", "", &[], &[&["budget", "reset", "--to", "5"]], &["x"], 4),
        (
            "an explicit cap that does not fit",
            "",
            &[("LLMR_BUDGET_DAILY_USD", "0.0005")],
            &[],
            &["--max-tokens", "4000", "x"],
            4,
        ),
        ("--max-cost", "", &[], &[], &["--max-cost", "0.000000001", "x"], 4),
        ("unknown price", "", &[], &[], &["-p", "openai", "-m", "no-such-model", "x"], 4),
        ("too long for the window", "", &[], &[], &["-p", "cohere", "-f", "long.txt", "x"], 3),
        ("retired", "", &[], &[], &["-m", "gpt-3.5-turbo", "x"], 2),
        ("unknown provider", "", &[], &[], &["-p", "nobody", "x"], 2),
        ("no prompt", "", &[], &[], &[], 2),
        ("a tier nobody has", "", &[("OPENAI_MODEL", "gpt-6-luna")], &[], &["--tier", "premium", "x"], 2),
    ];
    for (name, faults, vars, before, args, expected) in rows {
        let sandbox = sandbox(faults);
        let place = Place::new().with(&sandbox).var("LLMR_NOW", NOON);
        let place = vars.iter().fold(place, |place, (name, value)| place.var(name, value));
        place.work_file("long.txt", &"word ".repeat(140_000));
        for args in *before {
            place.run(args);
        }
        let sent = sandbox.requests().len();
        let dry = place.run(&[&["dry-run", "--check", "--json"], *args].concat());
        assert_eq!(dry.code, Some(*expected), "{name}: {dry:?}");
        assert_eq!(dry.stdout.lines().count(), 1, "{name}: one object, the plan or the error: {dry:?}");
        let ask = place.run(&[&["ask", "--json"], *args].concat());
        assert_eq!(ask.code, Some(*expected), "{name}: {ask:?}");
        assert_eq!(sandbox.requests().len(), sent, "{name}: nobody was to be asked");
        if *expected != 2 {
            let plan = place.run(&[&["dry-run", "--json"], *args].concat()).expect(0);
            let would: Value = serde_json::from_str(&plan.stdout).unwrap();
            let would = would["would"].as_str().unwrap().to_owned();
            assert!(would.contains(&format!("exit with {expected}")), "{name}: {would}");
        }
    }
}

/// A refused key or exhausted credit may have been mended meanwhile: it is tried again, and `dry-run` says so.
#[test]
fn who_refused_the_key_is_asked_again_when_nobody_else_is_left() {
    let sandbox = sandbox("cohere=401x1");
    let place = PLAIN.place(&sandbox);
    place.run(&["ask", "-p", "cohere", "one"]).expect(77);
    let (code, plan) = place.json(&["dry-run", "--check", "-p", "cohere", "x"]);
    assert_eq!((code, &plan["candidates"][0]["provider"]), (0, &"cohere".into()), "{plan}");
    place.run(&["ask", "-p", "cohere", "x"]).expect(0);
}

fn names_in(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_empty_home_stays_empty() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    for args in [
        &["dry-run", "x"][..],
        &["ask", "--dry-run", "x"],
        &["ask", "--mode", "dry-run", "x"],
        &["--json", "dry-run", "--check", "x"],
        &["budget"],
        &["budget", "check"],
        &["stats"],
        &["log"],
        &["providers"],
        &["cache"],
        &["cache", "verify"],
        &["config", "show"],
        &["config", "path"],
        &["config", "check"],
    ] {
        place.run(args).expect(0);
        assert_eq!(names_in(&place.home()), [] as [&str; 0], "{args:?}");
    }
    // Not even the folder is made.
    let gone = place.home().join("not/there");
    let run = |args: &[&str]| -> Ran { finish(place.command(args).env("LLMR_HOME", &gone).spawn().unwrap()) };
    run(&["dry-run", "x"]).expect(0);
    assert!(!gone.parent().unwrap().exists());
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn the_flag_and_the_mode_are_the_command() {
    let sandbox = sandbox("");
    let place = PLAIN.place(&sandbox);
    let plan = place.run(&["dry-run", "x", "--json"]).expect(0).stdout;
    for args in [
        &["ask", "--dry-run", "x", "--json"][..],
        &["ask", "--mode", "dry-run", "x", "--json"],
        &["--json", "--dry-run", "x"],
        &["ask", "--dry-run", "x", "--output-format", "stream-json"],
    ] {
        let same = place.run(args).expect(0).stdout;
        let (a, b): (Value, Value) = (serde_json::from_str(&plan).unwrap(), serde_json::from_str(&same).unwrap());
        assert_eq!((&a["candidates"], &a["estimate"]), (&b["candidates"], &b["estimate"]), "{args:?}");
    }
    let text = place.run(&["dry-run", "x"]).expect(0);
    assert!(text.stdout.starts_with("would ask "), "{text:?}");
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn where_nobody_can_be_asked_it_says_so_and_only_check_fails() {
    let place = Place::new();
    let gpt_4 = ["dry-run", "-m", "gpt-4", "hello"];
    for (place, args, says) in [
        (&place, &["dry-run", "hello"][..], "exit with 2: no provider is configured"),
        (&Place::new().var("OPENAI_API_KEY", "test-key"), &gpt_4, "exit with 2: model `gpt-4`"),
    ] {
        let (code, plan) = place.json(args);
        assert_eq!((code, &plan["candidates"]), (0, &serde_json::json!([])));
        assert!(plan["would"].as_str().unwrap().contains(says), "{plan}");
        assert!(!plan["warnings"].as_array().unwrap().is_empty(), "it says what to do: {plan}");
        let ran = place.run(args).expect(0);
        assert!(ran.stdout.contains(says) && ran.stderr.starts_with("warning: "), "{ran:?}");
        place.run(&[args, &["--check"]].concat()).expect(2);
    }
    // A name that nobody knows is wrong usage of this command, too.
    place.run(&["dry-run", "-p", "nobody", "hello"]).expect(2);
}

#[test]
fn those_asked_side_by_side_are_all_named() {
    let sandbox = sandbox("");
    let place = PLAIN.place(&sandbox);
    let (_, plan) = place.json(&["ask", "--dry-run", "--parallel", "2", "x"]);
    let (_, answer) = place.json(&["ask", "--parallel", "2", "x"]);
    let would = plan["would"].as_str().unwrap();
    assert!(would.starts_with("ask side by side "), "{would}");
    let asked = answer["attempts"].as_array().unwrap();
    assert_eq!(asked.len(), 2);
    for attempt in asked {
        let name = attempt["provider"].as_str().unwrap();
        assert!(would.contains(&format!("{name}/")), "{name}: {would}");
    }
    assert_eq!(would.matches("at most").count(), 2, "{would}");
    place.run(&["ask", "--dry-run", "--parallel", "0", "x"]).expect(2);
}

#[test]
fn what_ask_would_warn_of_is_said() {
    let sandbox = sandbox("");
    let place = PLAIN.place(&sandbox).var("AZURE_OPENAI_API_KEY", "k");
    let place = place.var("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:9");
    let ran = place.run(&["dry-run", "x"]).expect(0);
    assert_eq!(ran.stderr.matches("AZURE_OPENAI_DEPLOYMENT").count(), 1, "{ran:?}");
    let ran = place.run(&["dry-run", "x", "--json"]).expect(0);
    assert_eq!((ran.stderr.as_str(), ran.stdout.matches("AZURE_OPENAI_DEPLOYMENT").count()), ("", 1), "{ran:?}");
}

#[test]
fn an_unknown_price_has_no_bound() {
    let sandbox = sandbox("");
    let place = PLAIN.place(&sandbox);
    let ran = place.run(&["dry-run", "-p", "openai", "-m", "unheard-of", "--allow-unpriced", "x"]).expect(0);
    assert!(ran.stdout.contains("at an unknown price (without a bound)") && !ran.stdout.contains('$'), "{ran:?}");
}
