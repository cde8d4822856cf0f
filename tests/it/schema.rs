//! `--schema` and `-x`: what is sent, what is judged, what is printed.

use llmr::sandbox::SandboxProvider;
use serde_json::{Value, json};

use crate::common::pty::Pty;
use crate::common::{Place, canned::Canned, canned::completion, sandbox, sandbox_of};

const PERSON: &str = r#"{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"], "additionalProperties": false}"#;
/// What the sandbox makes of it.
const SMALLEST: &str = "{\n  \"name\": \"sandbox\",\n  \"age\": 0\n}\n";

fn place(sandbox: &llmr::sandbox::Sandbox) -> Place {
    let place = Place::new().with(sandbox).var("LLMR_STRATEGY", "priority");
    place.work_file("person.json", PERSON);
    place
}

#[test]
fn every_dialect_gives_json_that_fits() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    let fields = |provider: &str, body: &Value| match provider {
        "anthropic" => body.pointer("/output_config/format/schema").cloned(),
        "gemini" => body.pointer("/generationConfig/responseJsonSchema").cloned(),
        "cohere" => body.pointer("/response_format/schema").cloned(),
        _ => body.pointer("/response_format/json_schema/schema").cloned(),
    };
    for provider in ["openai", "anthropic", "gemini"] {
        let ran = place.run(&["ask", "--stream", "-p", provider, "--schema", "person.json", "who?"]).expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (SMALLEST, ""), "{provider}");
        let sent = sandbox.requests().pop().unwrap().body;
        assert_eq!(fields(provider, &sent).unwrap(), serde_json::from_str::<Value>(PERSON).unwrap(), "{provider}");
        let (_, report) = place.json(&["ask", "-p", provider, "--schema", "person.json", "who?"]);
        assert_eq!(report["cache"], "hit");
        assert_eq!(report["data"], json!({"name": "sandbox", "age": 0}));
        assert_eq!(report["content"], SMALLEST.trim_end());
    }
    // The schema is part of the key, and the schema's text is input.
    place.work_file("person.json", &PERSON.replace("age", "years"));
    let (_, other) = place.json(&["ask", "-p", "openai", "--schema", "person.json", "who?"]);
    assert_eq!(other["data"], json!({"name": "sandbox", "years": 0}));
    let tokens = |args: &[&str]| place.json(&[&["dry-run", "x"], args].concat()).1["estimate"]["input_tokens"].clone();
    assert!(tokens(&["--schema", "person.json"]).as_u64().unwrap() > tokens(&[]).as_u64().unwrap() + 30);
}

#[test]
fn an_answer_that_does_not_fit_is_mended_once_and_paid_for_twice() {
    let sandbox = sandbox("openai=misfitx1");
    let place = place(&sandbox);
    let ran = place.run(&["ask", "-p", "openai", "--schema", "person.json", "who?"]).expect(0);
    assert_eq!(ran.stdout, SMALLEST);
    assert!(ran.stderr.starts_with("warning: the answer of openai/"), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not fit the schema (not JSON: expected value"), "{}", ran.stderr);
    let sent = sandbox.requests();
    let roles = |body: &Value| -> Vec<String> {
        body["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&sent[0].body), ["user"]);
    assert_eq!(roles(&sent[1].body), ["user", "assistant", "user"]);
    assert!(sent[1].body["messages"][2]["content"].as_str().unwrap().contains("- not JSON: expected value"));
    assert_eq!(place.sql("SELECT count(*), count(DISTINCT request_id), min(cost_nanousd) > 0 FROM ledger"), ["2|1|1"]);
    assert_eq!(place.money(), (sandbox.bill().cost_usd.0, 0, 0));
    // The second question is longer by the first answer, and its hold too.
    let held = "SELECT one.held_nanousd < two.held_nanousd FROM attempts AS one JOIN attempts AS two USING (request_id)
        WHERE one.attempt = 1 AND two.attempt = 2";
    assert_eq!(place.sql(held), ["1"]);
    // What fits is cached under the question as it was asked.
    let (_, again) = place.json(&["ask", "-p", "openai", "--schema", "person.json", "who?"]);
    assert_eq!((&again["cache"], &again["data"]["name"]), (&json!("hit"), &json!("sandbox")));
}

#[test]
fn an_answer_that_never_fits_ends_with_5_and_is_not_lost() {
    let sandbox = sandbox("openai=misfit");
    let place = place(&sandbox);
    let ran = place.run(&["ask", "-p", "openai", "--schema", "person.json", "who?"]).expect(5);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("the answer, which was paid for:\nThis is the sandbox of llmr"), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: the answer of openai/gpt-6-luna does not fit the schema\n"), "{}", ran.stderr);
    let (code, report) = place.json(&["ask", "-p", "openai", "--schema", "person.json", "who?"]);
    assert_eq!((code, &report["error"]["kind"]), (5, &json!("verification")));
    assert!(report["error"]["answer"].as_str().unwrap().starts_with("This is the sandbox"), "{report}");
    assert!(report["error"]["hints"][0].as_str().unwrap().starts_with("not JSON"), "{report}");
    let attempts = report["error"]["attempts"].as_array().unwrap();
    assert_eq!(attempts.iter().map(|a| a["outcome"].as_str().unwrap()).collect::<Vec<_>>(), ["ok", "ok"]);
    // Four attempts in two requests: nothing was cached.
    assert_eq!(sandbox.requests().len(), 4);
    assert_eq!(place.sql("SELECT count(*) FROM cache"), ["0"]);
    assert_eq!(place.json(&["log", "-n", "1"]).1["requests"][0]["exit_code"], 5);
    assert_eq!(place.json(&["providers", "show", "openai"]).1["providers"][0]["breaker"], "closed");
}

#[test]
fn a_try_to_mend_counts_against_what_the_request_may_cost() {
    let sandbox = sandbox("openai=misfit");
    let place = place(&sandbox);
    let ask = |cost: &str| {
        let args =
            ["ask", "-p", "openai", "--schema", "person.json", "--max-tokens", "300", "--max-cost", cost, "who?"];
        place.json(&args)
    };
    // The first attempt's worst case fits; what is left after it is too little for a second one.
    let (code, report) = ask("0.00021");
    assert_eq!(code, 5, "{report}");
    assert_eq!(report["error"]["attempts"].as_array().unwrap().len(), 1, "{report}");
    let hints = report["error"]["hints"].to_string();
    assert!(
        hints.contains("it could not be asked for again: the request's worst case does not fit --max-cost"),
        "{hints}"
    );
}

#[test]
fn a_vendor_that_does_not_take_the_field_is_asked_in_words() {
    let sandbox = sandbox("openai=no-schema,anthropic=no-schema,gemini=no-schema");
    let place = place(&sandbox);
    for provider in ["openai", "anthropic", "gemini"] {
        let (code, report) = place.json(&["ask", "-p", provider, "--schema", "person.json", "-s", "Be brief.", "who?"]);
        assert_eq!((code, &report["data"]["age"]), (0, &json!(0)), "{report}");
        let outcomes: Vec<_> = report["attempts"].as_array().unwrap().iter().map(|a| &a["outcome"]).collect();
        assert_eq!(outcomes, ["failed", "ok"], "{provider}");
        let told = sandbox.requests().pop().unwrap().body.to_string();
        assert!(told.contains("Be brief.\\n\\nThe answer must be one JSON value"), "{told}");
        assert!(!told.contains("json_schema") && !told.contains("responseJsonSchema"), "{told}");
    }
}

#[test]
fn side_by_side_the_one_that_fits_wins() {
    let sandbox = sandbox("openai=misfit");
    let place = place(&sandbox);
    for extra in [&["--parallel", "2"][..], &["--parallel", "2", "--race"]] {
        let args = ["ask", "-p", "openai", "-p", "anthropic", "--no-cache", "--schema", "person.json", "who?"];
        let (code, report) = place.json(&[&args[..], extra].concat());
        assert_eq!((code, &report["provider"]), (0, &json!("anthropic")), "{report}");
        assert_eq!(report["data"]["age"], 0);
    }
}

#[test]
fn where_none_of_several_fits_one_alone_is_asked_to_mend_it() {
    let sandbox = sandbox("openai=misfit,anthropic=misfit");
    let place = place(&sandbox);
    let args = ["ask", "-p", "openai", "-p", "anthropic", "--parallel", "2", "--schema", "person.json", "who?"];
    let (code, report) = place.json(&args);
    assert_eq!((code, &report["error"]["kind"], sandbox.requests().len()), (5, &json!("verification"), 3), "{report}");
    assert_eq!(place.sql("SELECT count(*) FROM cache"), ["0"]);
}

#[test]
fn a_code_block_around_the_json_is_taken_off() {
    let canned = Canned::start(&completion("```json\n{\"name\": \"Ada\",\n\"age\": 36}\n```\n", "stop", 5, 5));
    let place = Place::new();
    place.work_file("person.json", PERSON);
    place.home_file(
        "config.toml",
        &format!("[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{}\"\nmodels = [\"m\"]\ninput_usd_per_mtok = 0\noutput_usd_per_mtok = 0\n", canned.base_url),
    );
    for _ in 0..2 {
        let ran = place.run(&["ask", "--schema", "person.json", "who?"]).expect(0);
        assert_eq!(ran.stdout, "{\"name\": \"Ada\",\n\"age\": 36}\n");
    }
    assert_eq!(canned.asked(), 1);
}

#[test]
fn an_answer_that_was_cut_is_not_asked_for_again() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    let args = ["ask", "-p", "openai", "--schema", "person.json", "--max-tokens", "3", "who?"];
    let (code, report) = place.json(&args);
    assert_eq!((code, sandbox.requests().len()), (5, 1), "{report}");
    assert!(report["error"]["hints"].to_string().contains("--max-tokens"), "{report}");
}

#[test]
fn a_schema_that_cannot_be_used_costs_nothing() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    for (text, place_in_it) in [
        ("{\"type\": \"object\",}", ":1:19: not JSON"),
        (
            "{\"properties\": {\"a\": {\"type\": \"strin\"}}}",
            ": not a JSON Schema that can be used: at /properties/a/type",
        ),
        ("{\"$ref\": \"https://schemas.test/x\"}", "https://schemas.test/x"),
    ] {
        place.work_file("bad.json", text);
        let ran = place.run(&["ask", "--schema", "bad.json", "who?"]).expect(2);
        assert!(ran.stderr.starts_with("error: bad.json"), "{}", ran.stderr);
        assert!(ran.stderr.contains(place_in_it), "{}", ran.stderr);
    }
    let ran = place.run(&["ask", "--schema", "none.json", "who?"]).expect(2);
    assert!(ran.stderr.contains("none.json cannot be read"), "{}", ran.stderr);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn the_first_code_block_alone_is_printed() {
    let block = "Here:\n\n~~~python\nprint('hi')\n~~~\n\n```\nno\n```\n";
    let (with, without) =
        (Canned::start(&completion(block, "stop", 5, 5)), Canned::start(&completion("no code", "stop", 5, 5)));
    let place = Place::new();
    let rows = [("lab", &with), ("bare", &without)].map(|(name, canned)| {
        format!("[[provider]]\nname = \"{name}\"\ndialect = \"openai\"\nbase_url = \"{}\"\nmodels = [\"m\"]\ninput_usd_per_mtok = 0\noutput_usd_per_mtok = 0\n", canned.base_url)
    });
    place.home_file("config.toml", &rows.concat());
    let ran = place.run(&["ask", "-x", "--stream", "-p", "lab", "hi"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.contains("warning")), ("print('hi')\n", false), "{ran:?}");
    let (_, report) = place.json(&["ask", "-x", "-p", "lab", "hi"]);
    assert_eq!((&report["extracted"], &report["content"]), (&json!("print('hi')\n"), &json!(block)));
    let ran = place.run(&["ask", "-x", "-p", "bare", "hi"]).expect(0);
    assert_eq!(ran.stdout, "no code\n");
    assert!(ran.stderr.contains("warning: the answer has no code block: it is printed whole"), "{}", ran.stderr);
    assert_eq!(place.json(&["ask", "-x", "-p", "bare", "hi"]).1["extracted"], Value::Null);
}

#[test]
fn a_provider_that_only_promises_json_is_told_the_schema_as_well() {
    let deepseek = SandboxProvider::built_in().into_iter().find(|p| p.name == "openai").unwrap();
    let sandbox =
        sandbox_of(vec![SandboxProvider { name: "deepseek".into(), model: "deepseek-flash".into(), ..deepseek }], "");
    let place = place(&sandbox);
    assert_eq!(place.run(&["ask", "--schema", "person.json", "who?"]).expect(0).stdout, SMALLEST);
    let sent = sandbox.requests().pop().unwrap().body;
    assert_eq!(sent["response_format"], json!({"type": "json_object"}));
    assert!(sent["messages"][0]["content"].as_str().unwrap().contains("<schema>"), "{sent}");
}

#[test]
fn in_a_chat_every_answer_is_json_as_it_was_given() {
    // Underscores and stars would be drawn as Markdown.
    let json = "{\"name\": \"_a_ **b** `c`\", \"age\": 3}";
    let canned = Canned::start(&completion(&format!("```json\n{json}\n```"), "stop", 5, 5));
    let place = Place::new();
    let row = format!(
        "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{}\"\nmodels = [\"m\"]\n",
        canned.base_url
    );
    place.home_file("config.toml", &format!("{row}input_usd_per_mtok = 1\noutput_usd_per_mtok = 1\n"));
    place.work_file("person.json", PERSON);
    let mut pty = Pty::start(&place, &["chat", "--schema", "person.json"], 100, 40);
    pty.wait_for(">");
    pty.send("who?\r");
    let screen = pty.wait_until("the answer", |screen| screen.contains(" left today") && at_prompt(screen));
    assert!(screen.contains(&format!("\n{json}\n")) && !screen.contains("```"), "{screen}");
    pty.send("/exit\r");
    assert_eq!(pty.end_restored().0, 0);
    let ran = place.run_with_stdin(&["chat", "--schema", "person.json"], b"who?\n").expect(0);
    assert_eq!(ran.stdout, format!("{json}\n"));
    let ran = place.run_with_stdin(&["chat", "--schema", "person.json", "--json"], b"who?\n").expect(0);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["data"]["age"], 3);
}

#[test]
fn in_a_chat_an_answer_that_never_fits_is_told_and_the_chat_goes_on() {
    let sandbox = sandbox("openai=misfit");
    let place = place(&sandbox);
    let args = ["chat", "-p", "openai", "--schema", "person.json"];
    let mut pty = Pty::start(&place, &args, 100, 60);
    pty.wait_for(">");
    pty.send("who?\r");
    let again = "hint: /retry asks it again";
    let screen = pty.wait_until(again, |screen| screen.contains(again) && at_prompt(screen));
    assert!(screen.contains("the answer, which was paid for:\nThis is the sandbox"), "{screen}");
    pty.send("/exit\r");
    assert_eq!(pty.end_restored().0, 0);
    let ran = place.run_with_stdin(&args, b"who?\nand?\n").expect(5);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("the answer, which was paid for:\nThis is the sandbox"), "{ran:?}");
    assert!(ran.stderr.contains("error: line 1: the answer of openai/"), "{ran:?}");
}

/// Whether the last line is an empty prompt.
fn at_prompt(screen: &str) -> bool {
    screen.trim_end().lines().last().is_some_and(|line| line.ends_with('>'))
}
