//! What the four dialects really send, and what reaches the user of what comes back.

use llmr::sandbox::{Received, Sandbox};
use llmr::types::{CostSource, DialectKind, Pricing, Rate, Rates};
use serde_json::{Value, json};

use crate::common::{Place, provider, sandbox, sandbox_of};
use crate::listener::{Listener, completion};

const NAMES: [&str; 4] = ["openai", "anthropic", "gemini", "cohere"];

/// What a provider was sent for these arguments.
fn sent(args: &[&str]) -> (Received, Value) {
    sent_with(args, &[])
}

fn sent_with(args: &[&str], vars: &[(&str, &str)]) -> (Received, Value) {
    let sandbox = sandbox("");
    let place = vars.iter().fold(Place::new().with(&sandbox), |place, (name, value)| place.var(name, value));
    let (code, answer) = place.json(&[&["ask", "--no-cache"], args].concat());
    assert_eq!(code, 0, "{args:?}: {answer}");
    let mut requests = sandbox.requests();
    assert_eq!(requests.len(), 1, "{args:?}");
    (requests.remove(0), answer)
}

/// Where a dialect has its output cap.
fn cap(provider: &str, body: &Value) -> Value {
    match provider {
        "openai" => body["max_completion_tokens"].clone(),
        "gemini" => body["generationConfig"]["maxOutputTokens"].clone(),
        _ => body["max_tokens"].clone(),
    }
}

#[test]
fn each_dialect_has_its_path_and_its_key_in_its_header_and_nowhere_else() {
    for (name, path, query, header, value) in [
        ("openai", "/openai/v1/chat/completions", "", "authorization", "Bearer test-key"),
        ("anthropic", "/anthropic/v1/messages", "", "x-api-key", "test-key"),
        (
            "gemini",
            "/gemini/v1beta/models/gemini-3.1-flash-lite:streamGenerateContent",
            "alt=sse",
            "x-goog-api-key",
            "test-key",
        ),
        ("cohere", "/cohere/v2/chat", "", "authorization", "Bearer test-key"),
    ] {
        let (request, answer) = sent(&["-p", name, "hello"]);
        assert_eq!(
            (request.method.as_str(), request.path.as_str(), request.query.as_str()),
            ("POST", path, query),
            "{name}"
        );
        assert_eq!(request.header(header), Some(value), "{name}");
        let with_key = request.headers.iter().filter(|(_, v)| v.contains("test-key")).count();
        assert_eq!(with_key, 1, "{name}: {:?}", request.headers);
        assert!(!request.body.to_string().contains("test-key"), "{name}");
        assert!(!request.path.contains("test-key") && !request.query.contains("key"), "{name}");
        assert_eq!(request.header("content-type"), Some("application/json"), "{name}");
        assert!(answer["content"].as_str().unwrap().contains("begins with “hello”"), "{answer}");
    }
    let (request, _) = sent(&["-p", "anthropic", "hello"]);
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    // Not streamed, another path and no query.
    let (request, _) = sent(&["-p", "gemini", "--no-stream", "hello"]);
    assert_eq!(
        (request.path.as_str(), request.query.as_str()),
        ("/gemini/v1beta/models/gemini-3.1-flash-lite:generateContent", "")
    );
}

#[test]
fn an_output_cap_is_always_sent() {
    for name in NAMES {
        for (args, expected) in [
            (&[][..], if name == "cohere" { 4000 } else { 8192 }),
            (&["--max-tokens", "77"], 77),
            (&["--no-stream"], if name == "cohere" { 4000 } else { 8192 }),
        ] {
            let (request, _) = sent(&[&["-p", name, "hello"], args].concat());
            assert_eq!(cap(name, &request.body), expected, "{name} {args:?}: {}", request.body);
        }
        let (request, _) = sent_with(&["-p", name, "hello"], &[("LLMR_MAX_OUTPUT_TOKENS", "55")]);
        assert_eq!(cap(name, &request.body), 55, "{name}");
        // Also where the model writes less than is asked for: then it is told.
        let (request, answer) = sent(&["-p", name, "--max-tokens", "10000000", "hello"]);
        assert!(cap(name, &request.body).as_u64().unwrap() < 10_000_000, "{name}");
        assert!(answer["warnings"].to_string().contains("was lowered"), "{name}: {answer}");
    }
}

#[test]
fn the_whole_question_arrives_as_it_is() {
    let text = "a \"quoted\"\tline\nand ünïcødé 你好 </file> \u{1f600}";
    for (name, system, prompt) in [
        ("openai", "/messages/0/content", "/messages/1/content"),
        ("anthropic", "/system", "/messages/0/content"),
        ("gemini", "/systemInstruction/parts/0/text", "/contents/0/parts/0/text"),
        ("cohere", "/messages/0/content", "/messages/1/content"),
    ] {
        let args = ["-p", name, "-s", "be brief", "--stop", "END", "--top-p", "0.25", text];
        let (request, _) = sent(&args);
        assert_eq!(request.body.pointer(system), Some(&json!("be brief")), "{name}: {}", request.body);
        assert_eq!(request.body.pointer(prompt), Some(&json!(text)), "{name}: {}", request.body);
        let stop = [("openai", "/stop"), ("gemini", "/generationConfig/stopSequences")];
        let stop = stop.iter().find(|(n, _)| *n == name).map_or("/stop_sequences", |(_, p)| p);
        assert_eq!(request.body.pointer(stop), Some(&json!(["END"])), "{name}: {}", request.body);
    }
}

#[test]
fn a_temperature_goes_where_it_is_taken_and_is_left_out_with_a_warning_where_not() {
    // The gpt-6 family takes none.
    let (request, answer) = sent(&["-p", "openai", "-t", "0.5", "--top-p", "0.5", "hello"]);
    assert_eq!((&request.body["temperature"], &request.body["top_p"]), (&Value::Null, &Value::Null));
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("openai/gpt-6-luna does not take a temperature: left out"), "{warnings}");
    assert!(warnings.contains("top-p"), "{warnings}");
    let (request, answer) = sent_with(&["-p", "openai", "-t", "0.5", "hello"], &[("OPENAI_MODEL", "gpt-4.1-mini")]);
    assert_eq!(request.body["temperature"], 0.5);
    assert!(!answer["warnings"].to_string().contains("temperature"), "{answer}");
    let (request, _) = sent(&["-p", "gemini", "-t", "0.5", "hello"]);
    assert_eq!(request.body["generationConfig"]["temperature"], 0.5);
    let (request, _) = sent(&["-p", "cohere", "-t", "0.5", "hello"]);
    assert_eq!(request.body["temperature"], 0.5);
    // On stderr in text mode, and not with -q.
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let ran = place.run(&["ask", "-p", "openai", "-t", "1", "hello"]).expect(0);
    assert_eq!(ran.stderr, "warning: openai/gpt-6-luna does not take a temperature: left out\n");
    let ran = place.run(&["ask", "-p", "openai", "-t", "1", "hello", "-q", "--no-cache"]).expect(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_temperature_above_a_vendor_s_most_is_lowered() {
    let vars = [("ANTHROPIC_MODEL", "claude-haiku-4-5")];
    let (request, answer) = sent_with(&["-p", "anthropic", "-t", "1.5", "hello"], &vars);
    assert_eq!(request.body["temperature"], 1.0, "{answer}");
    assert!(answer["warnings"].to_string().contains("1.5 was lowered"), "{answer}");
}

#[test]
fn effort_is_asked_for_in_each_dialect_s_words() {
    let (request, _) = sent(&["-p", "openai", "--effort", "low", "hello"]);
    assert_eq!(request.body["reasoning_effort"], "low");
    let (request, _) = sent(&["-p", "anthropic", "--effort", "high", "hello"]);
    assert!(request.body["thinking"].is_object(), "{}", request.body);
    let (request, _) = sent(&["-p", "gemini", "--effort", "medium", "hello"]);
    assert!(request.body["generationConfig"]["thinkingConfig"].is_object(), "{}", request.body);
    // Nothing is said of it unless it is asked for; the setting asks for it too.
    for name in NAMES {
        let (request, _) = sent(&["-p", name, "hello"]);
        let text = request.body.to_string();
        assert!(!text.contains("thinking") && !text.contains("effort"), "{name}: {text}");
    }
    let (request, _) = sent_with(&["-p", "openai", "hello"], &[("LLMR_EFFORT", "low")]);
    assert_eq!(request.body["reasoning_effort"], "low");
}

#[test]
fn fields_are_passed_through_but_not_those_that_money_depends_on() {
    let (request, _) =
        sent(&["-p", "openai", "-o", "seed=7", "-o", "user=me", "-o", "logit_bias={\"5\": -1}", "hello"]);
    assert_eq!(
        (&request.body["seed"], &request.body["user"], &request.body["logit_bias"]),
        (&7.into(), &"me".into(), &json!({"5": -1}))
    );
    let (request, _) = sent(&["-p", "gemini", "-o", "seed=7", "-o", "safetySettings=[]", "hello"]);
    assert_eq!((&request.body["generationConfig"]["seed"], &request.body["safetySettings"]), (&7.into(), &json!([])));
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    for field in [
        "model=gpt-6-astra",
        "messages=[]",
        "contents=[]",
        "stream=false",
        "max_tokens=999999",
        "max_completion_tokens=999999",
        "maxOutputTokens=999999",
        "max_output_tokens=999999",
        "generationConfig={\"maxOutputTokens\": 999999}",
        "n=9",
        "candidateCount=9",
        "best_of=9",
        "=1",
        "seed",
    ] {
        let ran = place.run(&["ask", "-o", field, "hello"]).expect(2);
        assert!(ran.stderr.starts_with("error: -o "), "{field}: {ran:?}");
    }
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn what_is_passed_through_is_held_money_for() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let hold = |args: &[&str]| {
        let (code, plan) = place.json(&[&["dry-run", "-p", "cohere", "--max-tokens", "9", "hello"], args].concat());
        assert_eq!(code, 0, "{plan}");
        (plan["candidates"][0]["hold_usd"].as_f64().unwrap() * 1e9).round()
    };
    let passed = format!("metadata={{\"note\": \"{}\"}}", "read this ".repeat(1000));
    // A byte is the most that a token can be short of; cohere's are 0.0375 USD a million.
    assert!(hold(&["-o", &passed]) - hold(&[]) >= 10_000.0 * 37.5, "{} {}", hold(&["-o", &passed]), hold(&[]));
}

/// A built-in provider on the sandbox under another name: a copy of the OpenAI dialect.
fn copy(name: &str, model: &str) -> (Sandbox, Place) {
    let sandbox = sandbox_of(vec![provider(name, model, "1", "2")], "");
    let place = Place::new().with(&sandbox);
    (sandbox, place)
}

#[test]
fn openrouter_is_told_the_most_it_may_charge() {
    let (sandbox, place) = copy("openrouter", "deepseek/deepseek-v4-flash");
    place.home_file(
        "config.toml",
        "[[provider]]\nname = \"openrouter\"\n[[provider.model]]\nid = \"deepseek/deepseek-v4-flash\"\n\
         input_usd_per_mtok = 0.5\noutput_usd_per_mtok = 1.25\nvision = true\n",
    );
    place.run(&["ask", "hello"]).expect(0);
    let most = json!({ "prompt": 0.5, "completion": 1.25, "request": 0.0 });
    assert_eq!(sandbox.requests()[0].body["provider"]["max_price"], most);
    assert_eq!(sandbox.requests()[0].body["usage"]["include"], true);
    // What is passed through for it joins the bound and does not replace it.
    place.run(&["ask", "--no-cache", "-o", "provider={\"sort\": \"price\"}", "hello"]).expect(0);
    assert_eq!(sandbox.requests()[1].body["provider"], json!({ "max_price": most, "sort": "price" }));
    let ran = place.run(&["ask", "--no-cache", "-o", "provider={\"max_price\": {\"prompt\": 900}}", "hello"]);
    let seen = sandbox.requests().get(2).map(|r| r.body["provider"]["max_price"].clone());
    assert!(seen.is_none_or(|seen| seen == most), "{ran:?}");
    // What a host may take for a picture by piece is bounded, and held.
    std::fs::write(place.work().join("a.png"), crate::images::png(9, 9)).unwrap();
    let ask = |cap| place.run(&["ask", "--no-cache", "-i", "a.png", "-i", "a.png", "--max-cost", cap, "hello"]);
    ask("0.0199").expect(4);
    ask("0.03").expect(0);
    let seen = sandbox.requests().last().unwrap().body["provider"]["max_price"].clone();
    assert_eq!(seen, json!({ "prompt": 0.5, "completion": 1.25, "request": 0.0, "image": 0.01 }));
}

#[test]
fn azure_has_its_paths_and_its_header() {
    let azure = |version: Option<&str>, suffix: &str| {
        let listener = Listener::start(|request| (200, completion(request, "hello")));
        let place = Place::new()
            .var("AZURE_OPENAI_API_KEY", "test-key")
            .var("AZURE_OPENAI_ENDPOINT", listener.url() + suffix)
            .var("AZURE_OPENAI_DEPLOYMENT", "my-own")
            .var("AZURE_OPENAI_MODEL", "gpt-4.1-mini");
        let place = version.into_iter().fold(place, |place, v| place.var("AZURE_OPENAI_API_VERSION", v));
        let (code, answer) = place.json(&["ask", "hello"]);
        assert_eq!(code, 0, "{answer}");
        assert_eq!((&answer["provider"], &answer["model"]), (&"azure".into(), &"my-own".into()));
        assert!(answer["cost_usd"].as_f64().unwrap() > 0.0, "the model behind it has a price: {answer}");
        let request = listener.requests().remove(0);
        assert_eq!((request.header("api-key"), request.header("authorization")), (Some("test-key"), None));
        request
    };
    let dated = "/openai/deployments/my-own/chat/completions?api-version=2024-10-21";
    for (version, suffix, target, named) in [
        (Some("2024-10-21"), "", dated, false),
        (Some("2024-10-21"), "/", dated, false),
        (None, "", "/openai/v1/chat/completions", true),
        (None, "/openai/v1/", "/openai/v1/chat/completions", true),
    ] {
        let request = azure(version, suffix);
        assert_eq!(request.target, target);
        assert_eq!(request.body["model"] == "my-own", named, "{}", request.body);
        assert!(!request.target.contains("test-key"));
    }
}

#[test]
fn a_provider_of_the_user_s_own_is_asked_in_its_dialect() {
    let pricing = Pricing::plain(Rates::new(Rate::usd_per_mtok("0"), Rate::usd_per_mtok("0")), CostSource::Config);
    for (dialect, header) in [
        (DialectKind::Openai, "authorization"),
        (DialectKind::Anthropic, "x-api-key"),
        (DialectKind::Gemini, "x-goog-api-key"),
        (DialectKind::Cohere, "authorization"),
    ] {
        let lab = llmr::sandbox::SandboxProvider::new("lab", dialect, "small", pricing.clone());
        let sandbox = sandbox_of(vec![lab], "");
        let place = Place::new().var("LAB_KEY", "test-key");
        let row = format!(
            "[[provider]]\nname = \"lab\"\ndialect = \"{}\"\nbase_url = \"{}/\"\napi_key_env = \"LAB_KEY\"\n\
             models = [\"small\"]\ninput_usd_per_mtok = 0.0\noutput_usd_per_mtok = 0.0\n",
            dialect.name(),
            sandbox.base_url("lab").unwrap()
        );
        place.home_file("config.toml", &row);
        let (code, answer) = place.json(&["ask", "hello"]);
        assert_eq!(code, 0, "{dialect:?}: {answer}");
        assert_eq!((&answer["cost_usd"], &answer["cost_source"]), (&0.into(), &"config".into()), "{dialect:?}");
        assert!(sandbox.requests()[0].header(header).is_some(), "{dialect:?}");
    }
}

#[test]
fn thinking_is_never_in_the_answer() {
    for name in NAMES {
        for stream in ["--stream", "--no-stream"] {
            let sandbox = sandbox(&format!("{name}=think"));
            let place = Place::new().with(&sandbox);
            let ran = place.run(&["ask", "-p", name, stream, "hello"]).expect(0);
            assert!(
                ran.stdout.starts_with("This is the sandbox of llmr: no model was asked"),
                "{name} {stream}: {ran:?}"
            );
            assert!(!ran.stdout.contains("told to think first"), "{name} {stream}");
            let (_, log) = place.json(&["log"]);
            assert!(log["requests"][0]["usage"]["reasoning_tokens"].as_u64().unwrap() > 0, "{name} {stream}: {log}");
        }
    }
}

#[test]
fn think_tags_are_taken_out_of_a_text() {
    let spoken = "<think>\nthe user is wrong\n</think>\n\nthe answer";
    for args in [&["--stream"][..], &["--no-stream"], &["--json"], &[]] {
        let listener = Listener::start(move |request| (200, completion(request, spoken)));
        let place = Place::new().var("GROQ_API_KEY", "test-key").var("GROQ_BASE_URL", listener.url());
        let ran = place.run(&[&["ask", "hello"], args].concat()).expect(0);
        assert!(!ran.stdout.contains("think") && !ran.stdout.contains("wrong"), "{args:?}: {ran:?}");
        if args != ["--json"] {
            assert_eq!(ran.stdout, "the answer\n", "{args:?}");
        }
    }
}

/// Refuses these fields, one after the other, in the vendor's words, and answers a request without them.
fn picky(fields: &'static [&'static str]) -> Listener {
    Listener::start(move |request| match fields.iter().find(|field| !request.body[**field].is_null()) {
        None => (200, completion(request, "answered")),
        Some(field) => {
            let message = format!("Unsupported parameter: '{field}' is not supported with this model.");
            let error = json!({ "message": message, "type": "invalid_request_error", "param": field, "code": "unsupported_parameter" });
            (400, json!({ "error": error }).to_string())
        }
    })
}

#[test]
fn what_a_model_turns_out_not_to_take_is_left_out_and_asked_again() {
    let listener = picky(&["temperature", "stop"]);
    let place = Place::new()
        .var("GROQ_API_KEY", "test-key")
        .var("GROQ_BASE_URL", listener.url())
        // It needs no retries: the request is mended, not repeated.
        .var("LLMR_MAX_RETRIES", "0");
    let (code, answer) = place.json(&["ask", "-t", "0.5", "--stop", "END", "hello"]);
    assert_eq!((code, &answer["content"]), (0, &"answered".into()), "{answer}");
    let seen: Vec<_> =
        listener.requests().iter().map(|r| (r.body["temperature"].clone(), r.body["stop"].clone())).collect();
    let (half, end) = (json!(0.5), json!(["END"]));
    assert_eq!(seen, [(half, end.clone()), (Value::Null, end), (Value::Null, Value::Null)]);
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("does not take a temperature") && warnings.contains("stop texts"), "{warnings}");
    let failures: Vec<_> = answer["attempts"].as_array().unwrap().iter().map(|a| a["failure"].clone()).collect();
    assert_eq!(failures, [json!("invalid_request"), json!("invalid_request"), Value::Null]);
    let (_, providers) = place.json(&["providers", "show", "groq"]);
    assert_eq!(providers["providers"][0]["breaker"], "closed");
}

#[test]
fn the_output_cap_is_never_left_out_only_renamed() {
    let listener = picky(&["max_tokens"]);
    let place = Place::new().var("GROQ_API_KEY", "test-key").var("GROQ_BASE_URL", listener.url());
    place.run(&["ask", "--max-tokens", "9", "hello"]).expect(0);
    let last = listener.requests().pop().unwrap();
    assert_eq!((&last.body["max_tokens"], &last.body["max_completion_tokens"]), (&Value::Null, &9.into()));
    // Who takes neither cannot be asked: there is no end to what it might cost.
    let listener = picky(&["max_tokens", "max_completion_tokens"]);
    let place = place.var("GROQ_BASE_URL", listener.url());
    place.run(&["ask", "--max-tokens", "9", "hello", "--no-cache"]).expect(3);
    let capped = |r: &crate::listener::Request| r.body["max_tokens"] == 9 || r.body["max_completion_tokens"] == 9;
    assert!(listener.requests().iter().all(capped));
    assert!(listener.requests().len() <= 3);
}

#[test]
fn a_refusal_of_the_request_itself_is_not_asked_of_anybody_else() {
    let sandbox = sandbox("cohere=400");
    let place = Place::new().with(&sandbox);
    let ran = place.run(&["ask", "hello"]).expect(3);
    assert!(ran.stderr.contains("told to find this request invalid"), "the vendor's words: {ran:?}");
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn redirects_are_not_followed() {
    let thief = Listener::start(|request| (200, completion(request, "stolen")));
    let to = thief.url();
    let mover = Listener::start(move |_| (307, format!("{{\"to\": \"{to}\"}}")));
    let place =
        Place::new().var("GROQ_API_KEY", "test-key").var("GROQ_BASE_URL", mover.url()).var("LLMR_MAX_RETRIES", "0");
    let ran = place.run(&["ask", "hello"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(thief.requests().is_empty() && !mover.requests().is_empty());
}

#[test]
fn connections_are_used_again() {
    let lines: String = (0..30).map(|n| format!("{{\"prompt\": \"river {n}\"}}\n")).collect();
    for name in NAMES {
        let sandbox = sandbox("");
        let place = Place::new().with(&sandbox);
        place.work_file("in.jsonl", &lines);
        place.run(&["batch", "in.jsonl", "-p", name, "--max-tokens", "9", "--jobs", "2"]).expect(0);
        // One a job, and now and then one more because the end of an answer was still on its way.
        assert!(sandbox.connections() < 15, "{name}: {} connections", sandbox.connections());
        let batch = sandbox.connections();
        place.run_with_stdin(&["chat", "-p", name, "--max-tokens", "9"], b"a\nb\nc\nd\ne\nf\n").expect(0);
        let chat = sandbox.connections() - batch;
        assert!(chat <= 3, "{name}: {chat} connections");
        assert_eq!(sandbox.bill().requests.len(), 36);
    }
}
