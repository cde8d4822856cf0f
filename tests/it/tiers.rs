//! Tiers by what a prompt needs: judged alike everywhere, bound by the user's rules, corrected by what is said of answers.

use serde_json::{Value, json};

use crate::common::canned::{Canned, completion};
use crate::common::{Place, sandbox};

const HARD: &str = "Prove that there are infinitely many primes, and compute the remainder of 7^100 modulo 13.";

/// Every line of a JSON lines output.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_prompt_is_judged_without_any_key_and_the_same_in_a_line_of_its_own() {
    let place = Place::new();
    let (code, alone) = place.json(&["classify", HARD]);
    assert_eq!(code, 0, "{alone}");
    let (_, easy) = place.json(&["classify", "hello"]);
    assert!(alone["score"].as_f64() > easy["score"].as_f64(), "{alone} {easy}");
    assert_eq!((&easy["intent"], &easy["tier"]), (&json!("greeting"), &json!("fast")));
    let input =
        format!("{}\n\n{}\n", json!({"id": "a", "prompt": HARD, "more": 1}), json!({"id": 2, "prompt": "hello"}));
    let ran = place.run_with_stdin(&["classify", "--jsonl"], input.as_bytes()).expect(0);
    let judged = lines(&ran.stdout);
    assert_eq!((&judged[0]["id"], &judged[1]["id"], judged.len()), (&json!("a"), &json!(2), 2));
    for (line, alone) in judged.iter().zip([&alone, &easy]) {
        assert_eq!((&line["tier"], &line["intent"]), (&alone["tier"], &alone["intent"]));
        assert!((line["score"].as_f64().unwrap() - alone["score"].as_f64().unwrap()).abs() < 1e-3);
    }
    assert!(!place.home().join("llmr.db").exists(), "looking leaves nothing behind");
    for (bad, says) in [("{\"id\": 1}", "line 2"), ("nothing", "line 2"), ("[1]", "line 2")] {
        let input = format!("{}\n{bad}\n", json!({"id": 1, "prompt": "x"}));
        let ran = place.run_with_stdin(&["classify", "--jsonl"], input.as_bytes()).expect(2);
        assert!(ran.stderr.contains(says), "{ran:?}");
        assert_eq!(lines(&ran.stdout).len(), 1, "what was judged before is not lost: {ran:?}");
    }
    for args in [&["classify", "--min-quality", "2", "x"][..], &["classify", "--jsonl", "x"]] {
        place.run(args).expect(2);
    }
}

#[test]
fn the_cheapest_tier_that_will_do_is_asked_and_dry_run_says_why() {
    let place = Place::new();
    let auto = |prompt: &'static str| ["dry-run", "--sandbox", "--tier", "auto", prompt];
    let easy = place.json(&auto("hello")).1;
    assert_eq!((&easy["tier"]["tier"], &easy["tier"]["intent"]), (&json!("fast"), &json!("greeting")), "{easy}");
    assert!(easy["tier"]["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()));
    let plain = place.json(&["dry-run", "--sandbox", "hello"]).1;
    assert_eq!(plain.get("tier"), None, "nobody asked for it");
    // What is wanted of it, by flag, variable and config.
    let tier = |place: &Place, args: &[&str]| {
        let all: Vec<&str> = ["dry-run", "--sandbox"].iter().chain(args).copied().collect();
        place.json(&all).1["tier"]["tier"].clone()
    };
    assert_eq!(tier(&place, &["--tier", "auto", "--min-quality", "0", HARD]), json!("fast"));
    assert_eq!(tier(&place, &["-m", "tier/auto", "--min-quality", "0", HARD]), json!("fast"));
    let place = Place::new().var("LLMR_TIER", "auto").var("LLMR_MIN_QUALITY", "0");
    assert_eq!(tier(&place, &[HARD]), json!("fast"));
    assert_eq!(tier(&place, &["-m", "gpt-6-luna", HARD]), Value::Null, "who names a model has chosen");
    assert_eq!(tier(&place, &["--tier", "balanced", HARD]), Value::Null);
    let text = place.run(&["dry-run", "--sandbox", "hello"]).expect(0).stdout;
    assert!(text.contains("tier fast: looks like greeting"), "{text}");
}

#[test]
fn rules_of_the_config_come_first() {
    let rules = "[[tiers.rule]]\ntag = \"vip\"\nat_least = \"balanced\"\n\n[[tiers.rule]]\nmeta = { plan = \"free\" }\nat_most = \"fast\"\n";
    let place = Place::new();
    place.home_file("config.toml", rules);
    let tier = |args: &[&str]| {
        let all: Vec<&str> = ["dry-run", "--sandbox", "--tier", "auto"].iter().chain(args).copied().collect();
        let report = place.json(&all).1;
        (report["tier"]["tier"].clone(), report["tier"]["rules"].as_array().unwrap().len())
    };
    assert_eq!(tier(&["hello"]), (json!("fast"), 0));
    assert_eq!(tier(&["--tag", "vip", "hello"]), (json!("balanced"), 1));
    assert_eq!(tier(&["--meta", "plan=free", "--min-quality", "1", HARD]), (json!("fast"), 1));
    assert_eq!(tier(&["--meta", "plan=free", "--tag", "vip", "--min-quality", "1", HARD]).0, json!("balanced"));
    let ran = place.run(&["ask", "--sandbox", "--meta", "plan", "hello"]).expect(2);
    assert!(ran.stderr.contains("--meta plan is not of the form NAME=VALUE"), "{ran:?}");
    // A line of a batch has its own fields for that.
    place.work_file(
        "in.jsonl",
        "{\"prompt\": \"hello\", \"tag\": \"vip\"}\n{\"prompt\": \"hello\", \"plan\": \"free\"}\n",
    );
    place.run(&["batch", "--sandbox", "--tier", "auto", "in.jsonl", "-o", "out.jsonl"]).expect(0);
    let out = lines(&std::fs::read_to_string(place.work().join("out.jsonl")).unwrap());
    assert_eq!((&out[0]["tier"], &out[1]["tier"]), (&json!("balanced"), &json!("fast")), "{out:?}");
}

#[test]
fn a_tier_s_models_may_be_listed_and_its_name_stands_for_them() {
    let place = Place::new();
    place.home_file(
        "config.toml",
        "[tiers]\npremium = [\"gemini/gemini-3.1-flash-lite\"]\n[aliases]\nbest = \"tier/premium\"\n",
    );
    for args in [&["--tier", "premium"][..], &["-m", "tier/premium"], &["-m", "best"]] {
        let all: Vec<&str> = ["dry-run", "--sandbox"].iter().chain(args).copied().chain(["hello"]).collect();
        let plan = place.json(&all).1;
        let first = &plan["candidates"][0];
        assert_eq!(
            (&first["provider"], &first["model"]),
            (&json!("gemini"), &json!("gemini-3.1-flash-lite")),
            "{plan}"
        );
        assert_eq!(plan["candidates"].as_array().unwrap().len(), 1, "{plan}");
    }
}

#[test]
fn what_is_said_of_answers_is_kept_and_counts() {
    let place = Place::new();
    let ran = place.run(&["rate", "good"]).expect(2);
    assert!(ran.stderr.contains("nothing was answered yet"), "{ran:?}");
    place.run(&["ask", "--sandbox", "-p", "openai", "hello"]).expect(0);
    let said = place.run(&["rate", "--sandbox", "last", "bad"]).expect(0).stdout;
    assert_eq!(said, "r1 is bad: openai/gpt-6-luna, tier balanced, for greeting\n");
    let (_, again) = place.json(&["rate", "--sandbox", "r1", "good"]);
    assert_eq!((&again["before"], &again["rating"]), (&json!("bad"), &json!("good")));
    // From the cache: there is nothing to learn, and `last` passes it over.
    place.run(&["ask", "--sandbox", "-p", "openai", "hello"]).expect(0);
    assert_eq!(place.json(&["rate", "--sandbox", "good"]).1["id"], "r1");
    let ran = place.run(&["rate", "--sandbox", "r2", "good"]).expect(2);
    assert!(ran.stderr.contains("nothing can be learned from r2"), "{ran:?}");
    for (args, says) in [
        (&["rate", "--sandbox", "r9", "good"][..], "there is no request r9"),
        (&["rate", "--sandbox", "x", "good"], "`x` is neither a request's id"),
        (&["rate", "--sandbox", "fine"], "`fine` is neither `good` nor `bad`"),
    ] {
        let ran = place.run(args).expect(2);
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
}

#[test]
fn a_record_of_bad_answers_raises_the_tier_of_such_prompts() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let tier = || place.json(&["dry-run", "--tier", "auto", "hello"]).1["tier"]["tier"].clone();
    assert_eq!(tier(), "fast");
    place.run(&["ask", "--no-cache", "--tier", "auto", "hello"]).expect(0);
    place.run(&["rate", "bad"]).expect(0);
    assert_eq!(tier(), "fast", "one word changes little");
    for _ in 0..40 {
        place.run(&["ask", "--no-cache", "-m", "tier/fast", "hello there"]).expect(0);
        place.run(&["rate", "bad"]).expect(0);
    }
    assert_ne!(tier(), "fast");
}

#[test]
fn answers_that_do_not_fit_are_cut_or_asked_again_count_as_bad() {
    let rating = |place: &Place| place.sql("SELECT rating, rated_by FROM requests WHERE id = 1");
    let provider = Canned::start(&completion("not JSON", "stop", 1, 1));
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", &provider.base_url);
    let schema = place.work_file("s.json", "{\"type\": \"object\"}");
    place.run(&["ask", "--schema", schema.to_str().unwrap(), "hello"]).expect(5);
    assert_eq!(rating(&place), ["bad|schema"]);
    let provider = Canned::start(&completion("and then", "length", 1, 1));
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", &provider.base_url);
    place.run(&["ask", "hello"]).expect(0);
    assert_eq!(rating(&place), ["bad|truncated"]);
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", &provider.base_url);
    place.run(&["ask", "--max-tokens", "5", "hello"]).expect(0);
    assert_eq!(rating(&place), ["|"], "a cap of the user's own says nothing of the model");
    let provider = Canned::start(&completion("fine", "stop", 1, 1));
    let place = Place::new().var("OPENAI_API_KEY", "test-key").var("OPENAI_BASE_URL", &provider.base_url);
    place.run(&["ask", "--tier", "fast", "-m", "tier/fast", "hello"]).expect(0);
    place.run(&["ask", "-m", "tier/premium", "hello"]).expect(0);
    assert_eq!(rating(&place), ["bad|retried"]);
}

/// Three providers that always say this: a fast one, a balanced one and a premium one.
fn three(says: [(&str, &str); 3]) -> (Place, [Canned; 3]) {
    let providers = says.map(|(text, finish)| Canned::start(&completion(text, finish, 100, 10)));
    let mut toml = "[tiers]\nfast = \"a/small\"\nbalanced = \"b/medium\"\npremium = \"c/large\"\n".to_owned();
    for ((name, model, price), provider) in
        [("a", "small", 1), ("b", "medium", 2), ("c", "large", 50)].into_iter().zip(&providers)
    {
        toml += &format!(
            "[[provider]]\nname = \"{name}\"\ndialect = \"openai\"\nbase_url = \"{}\"\nmodels = [\"{model}\"]\n\
             input_usd_per_mtok = {price}\noutput_usd_per_mtok = {price}\n",
            provider.base_url
        );
    }
    let place = Place::new();
    place.home_file("config.toml", &toml);
    (place, providers)
}

#[test]
fn two_cheap_models_that_agree_are_enough_and_else_a_strong_one_is_asked() {
    let asked = |providers: &[Canned; 3]| providers.each_ref().map(Canned::asked);
    for (says, counts, answer) in [
        ([("42", "stop"), ("The answer is 42.", "stop"), ("43", "stop")], [1, 1, 0], "42"),
        ([("42", "stop"), ("41", "stop"), ("43", "stop")], [1, 1, 1], "43"),
        ([("42", "stop"), ("42", "length"), ("43", "stop")], [1, 1, 1], "43"),
        ([("", "stop"), ("42", "stop"), ("43", "stop")], [1, 1, 1], "43"),
    ] {
        let (place, providers) = three(says);
        let (code, report) = place.json(&["ask", "--cascade", "hello, six times seven?"]);
        assert_eq!((code, asked(&providers)), (0, counts), "{report}");
        assert!(report["content"].as_str().unwrap().contains(answer), "{report}");
        assert_eq!(report["attempts"].as_array().unwrap().len(), counts.iter().sum::<usize>(), "everything is shown");
        let ledger = place.sql("SELECT CAST(total(cost_nanousd) AS INTEGER) FROM attempts");
        let cost = (report["cost_usd"].as_f64().unwrap() * 1e9).round();
        assert_eq!(ledger, [format!("{cost}")], "everything is paid for");
        assert_eq!(place.sql("SELECT count(*) FROM holds"), ["0"]);
        // It is one answer of one request: the cache has it, and only for such a request.
        let again = place.json(&["ask", "--cascade", "hello, six times seven?"]).1;
        assert_eq!((&again["cache"], &again["content"]), (&json!("hit"), &report["content"]));
        let plain = place.json(&["dry-run", "hello, six times seven?"]).1;
        assert_eq!(plain["cache"], "miss");
    }
}

#[test]
fn a_cascade_tells_beforehand_what_it_may_cost_and_keeps_to_it() {
    let (place, _) = three([("42", "stop"), ("41", "stop"), ("43", "stop")]);
    let plan = place.json(&["dry-run", "--cascade", "hello"]).1;
    let would = plan["would"].as_str().unwrap();
    assert!(would.contains("side by side a/small") && would.contains("one of tier premium"), "{plan}");
    let high = plan["estimate"]["high_usd"].as_f64().unwrap();
    let ran = place.run(&["ask", "--cascade", "hello"]).expect(0);
    assert!(ran.stderr.contains("cascade: a/small and b/medium do not agree"), "{ran:?}");
    let spent: f64 = place.sql("SELECT total(cost_nanousd) / 1e9 FROM attempts")[0].parse().unwrap();
    assert!(spent <= high, "{spent} of {high}");
    // Not enough for the strong one: nobody else is paid for in its place.
    let (place, _) = three([("42", "stop"), ("41", "stop"), ("43", "stop")]);
    let ran = place.run(&["ask", "--cascade", "--max-cost", "0.002", "--max-tokens", "100", "hello"]).expect(4);
    assert!(ran.stdout.is_empty(), "{ran:?}");
    let spent: f64 = place.sql("SELECT total(cost_nanousd) / 1e9 FROM attempts")[0].parse().unwrap();
    assert!(spent > 0.0 && spent <= 0.002, "{spent}");
    place.run(&["ask", "--cascade", "-m", "c/large", "hello"]).expect(2);
    // One at a time: two cannot be compared, and dry-run says so too.
    let place = place.var("LLMR_MAX_PARALLEL_PROVIDERS", 1);
    let would = place.json(&["dry-run", "--cascade", "hello"]).1["would"].as_str().unwrap().to_owned();
    assert!(would.starts_with("ask c/large"), "{would}");
    assert_eq!(place.json(&["ask", "--cascade", "--no-cache", "hello"]).1["provider"], "c");
    // A race ends with the first whole answer; a cascade needs both.
    let (place, providers) = three([("42", "stop"), ("42", "stop"), ("43", "stop")]);
    let report = place.json(&["ask", "--cascade", "--parallel", "2", "--race", "hello"]).1;
    assert_eq!((&report["content"], providers[2].asked()), (&json!("42"), 0), "{report}");
}
