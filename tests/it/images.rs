//! `-i` as a user gives it: to the models that can see, in all four dialects, at the vendor's price.

use llmr::sandbox::{Sandbox, SandboxProvider};
use llmr::types::DialectKind;
use serde_json::{Value, json};

use crate::common::{Place, provider, sandbox, sandbox_of};

/// A PNG as far as anybody here looks: signature, header, end.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    bytes.extend(b"\x08\x06\0\0\0\0\0\0\0\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}

/// The least GIF.
fn gif() -> Vec<u8> {
    b"GIF89a\x09\0\x09\0\0\0\0\x3b".to_vec()
}

fn with_file(place: Place, name: &str, bytes: &[u8]) -> Place {
    std::fs::write(place.work().join(name), bytes).unwrap();
    place
}

/// One provider of each dialect with a model that sees, at its price.
fn seeing() -> Vec<SandboxProvider> {
    vec![
        provider("openai", "gpt-6-luna", "0.1", "0.5"),
        provider("anthropic", "claude-haiku-5-5", "0.1", "0.5"),
        provider("gemini", "gemini-3.1-flash-lite", "0.25", "1.5"),
        provider("cohere", "command-a-vision-07-2025", "2.5", "10"),
    ]
}

/// The content or the parts of the last message that was sent to that provider.
fn sent(sandbox: &Sandbox, name: &str) -> Value {
    let requests = sandbox.requests();
    let body = &requests.iter().rfind(|r| r.provider == name).unwrap().body;
    let list = body.get("messages").or(body.get("contents")).unwrap().as_array().unwrap();
    let last = list.last().unwrap();
    last.get("content").or(last.get("parts")).unwrap().clone()
}

#[test]
fn every_dialect_shows_the_picture_and_bills_what_the_ledger_has() {
    let sandbox = sandbox_of(seeing(), "");
    let place = with_file(Place::new().with(&sandbox), "a.png", &png(1000, 1000));
    let data = "iVBORw0KGgoAAAANSUhEUgAAA+gAAAPoCAYAAAAAAAAAAAAAAElFTkSuQmCC";
    let url = json!([{"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}},
        {"type": "text", "text": "What?"}]);
    let source = json!({"type": "base64", "media_type": "image/png", "data": data});
    let blocks = json!([{"type": "image", "source": source}, {"type": "text", "text": "What?"}]);
    let parts = json!([{"inlineData": {"mimeType": "image/png", "data": data}}, {"text": "What?"}]);
    // 32 x 32 patches of 32 px times 1.2; 36 x 36 patches of 28 px; flat ones. And one word.
    for (name, tokens, content) in
        [("openai", 1229, &url), ("anthropic", 1296, &blocks), ("gemini", 1120, &parts), ("cohere", 1610, &url)]
    {
        for flags in [&["--stream"][..], &["--no-stream"]] {
            let args = [&["ask", "-p", name, "-i", "a.png", "--no-cache", "What?"], flags].concat();
            let ran = place.run(&args).expect(0);
            assert!(ran.stdout.contains("the sandbox of llmr"), "{ran:?}");
            assert_eq!(ran.stderr, "", "{name}");
            let bill = sandbox.bill();
            assert_eq!(&sent(&sandbox, name), content, "{name}");
            assert_eq!(bill.requests.last().unwrap().usage.input_tokens, tokens + 1, "{name}");
            assert_eq!(place.money(), (bill.cost_usd.0, 0, 0), "{name}");
        }
    }
}

#[test]
fn the_hold_is_never_below_the_cost_whatever_the_size() {
    let sandbox = sandbox_of(seeing(), "");
    let mut place = Place::new().with(&sandbox);
    let sizes =
        [(1, 1), (27, 29), (384, 384), (385, 384), (513, 767), (1024, 1024), (2049, 2047), (3000, 40), (7999, 7999)];
    for (n, (width, height)) in sizes.into_iter().enumerate() {
        place = with_file(place, "a.png", &png(width, height));
        for p in seeing() {
            // OpenAI refuses more than 30,000 patches.
            if p.dialect == DialectKind::Openai && u64::from(width) * u64::from(height) > 30_000 * 1024 {
                continue;
            }
            let args = ["-p", &p.name, "-i", "a.png", "--no-cache", "What is it?"];
            let (code, plan) = place.json(&[&["dry-run"], &args[..]].concat());
            assert_eq!(code, 0, "{plan}");
            let (code, answer) = place.json(&[&["ask"], &args[..]].concat());
            assert_eq!(code, 0, "{answer}");
            let (most, cost) = (plan["estimate"]["high_usd"].as_f64().unwrap(), answer["cost_usd"].as_f64().unwrap());
            assert!(cost <= most, "{} {width}x{height}: {cost} of {most}", p.name);
            assert!(answer["warnings"].as_array().unwrap().is_empty(), "{answer}");
            // Not only with the output's share of the hold: what is read alone fits the estimate of it.
            let read = answer["usage"]["input_tokens"].as_u64().unwrap();
            let planned = plan["estimate"]["input_tokens"].as_u64().unwrap();
            assert!(read <= planned, "{} {width}x{height}: {read} of {planned}", p.name);
        }
        assert_eq!(place.money(), (sandbox.bill().cost_usd.0, 0, 0), "size {n}");
    }
}

#[test]
fn what_is_not_told_is_charged_with_the_picture() {
    let faults = "openai=no-usage,anthropic=no-usage,gemini=no-usage,cohere=no-usage";
    let sandbox = sandbox_of(seeing(), faults);
    let place = with_file(Place::new().with(&sandbox), "a.png", &png(1000, 1000));
    for name in ["openai", "anthropic", "gemini", "cohere"] {
        let (code, answer) = place.json(&["ask", "-p", name, "-i", "a.png", "What is it?"]);
        assert_eq!((code, &answer["usage"]["estimated"]), (0, &json!(true)), "{answer}");
        let billed = sandbox.bill().requests.last().unwrap().usage.input_tokens;
        let charged = answer["usage"]["input_tokens"].as_u64().unwrap();
        assert!((billed..billed + 20).contains(&charged), "{name}: {charged} for {billed}");
    }
}

#[test]
fn money_is_held_for_the_picture() {
    // 10 USD a token read, nothing written: the picture is nearly all of it.
    let sandbox = sandbox_of(vec![provider("alpha", "m", "10", "0")], "");
    let config =
        "[[provider.model]]\nid = \"gpt-4o\"\ninput_usd_per_mtok = 10\noutput_usd_per_mtok = 0\nvision = true\n";
    let place = with_file(Place::new(), "a.png", &png(1024, 1024)).labs(&sandbox, "");
    let all = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    place.home_file("config.toml", &format!("{all}{config}"));
    let ask = |limit: f64| {
        let limit = limit.to_string();
        place.run(&["ask", "-m", "alpha/gpt-4o", "-i", "a.png", "--no-cache", "--max-cost", &limit, "hi"])
    };
    // 765 tokens by OpenAI's tiles and 16 around it, and the words: at most 2 + 16 + 128 of them, about 8 with 15 %.
    let refused = ask(0.00780).expect(4);
    assert!(refused.stderr.contains("does not fit --max-cost"), "{}", refused.stderr);
    ask(0.00795).expect(0);
}

#[test]
fn only_models_that_see_are_asked() {
    let sandbox = sandbox("");
    let place = with_file(Place::new().with(&sandbox), "a.png", &png(9, 9));
    // The sandbox's Cohere model is blind.
    let (code, plan) = place.json(&["dry-run", "-i", "a.png", "hi"]);
    assert_eq!((code, plan["candidates"].as_array().unwrap().len()), (0, 3), "{plan}");
    let refused = json!([{"provider": "cohere", "model": "command-r7b-12-2024", "reason": "it cannot see pictures"}]);
    assert_eq!(plan["refused"], refused);
    let (code, plan) = place.json(&["dry-run", "hi"]);
    assert_eq!((code, plan["refused"].as_array().unwrap().len()), (0, 0), "{plan}");
    for flags in [&["-p", "cohere"][..], &["-m", "cohere/command-r7b-12-2024"]] {
        let ran = place.run(&[&["ask", "-i", "a.png", "hi"], flags].concat()).expect(2);
        let expected = "error: no candidate can see pictures\nhint: cohere/command-r7b-12-2024: it cannot see pictures\n\
                        hint: to ask one that can see: -m cohere/command-a";
        assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
    }
    let (code, error) = place.json(&["ask", "-p", "cohere", "-i", "a.png", "hi"]);
    assert_eq!((code, &error["error"]["exit_code"]), (2, &json!(2)), "{error}");
    let (code, plan) = place.json(&["dry-run", "--check", "-p", "cohere", "-i", "a.png", "hi"]);
    assert_eq!(code, 2, "{plan}");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_model_nobody_knows_is_asked_with_a_warning_unless_the_config_says() {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "0", "0")], "");
    let place = with_file(Place::new(), "a.png", &png(9, 9)).labs(&sandbox, "");
    let unsure = "warning: it is not known whether alpha/m can see pictures; `vision` in config.toml says so\n";
    for (vision, code, stderr) in [
        ("", 0, unsure),
        ("vision = true", 0, ""),
        ("vision = false", 2, "error: no candidate can see pictures\nhint: alpha/m: it cannot see pictures\n"),
        ("vision = 1", 2, "error: "),
    ] {
        let place = with_file(Place::new(), "a.png", &png(9, 9)).labs(&sandbox, "");
        let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
        place.home_file("config.toml", &format!("{config}[[provider.model]]\nid = \"m\"\n{vision}\n"));
        let ran = place.run(&["ask", "-i", "a.png", "--no-cache", "hi"]).expect(code);
        assert!(ran.stderr.starts_with(stderr) && (code == 2 || ran.stderr == stderr), "{vision}: {}", ran.stderr);
    }
    let ran = place.run(&["dry-run", "-i", "a.png", "hi"]).expect(0);
    assert_eq!(ran.stderr, unsure);
    assert_eq!(place.run(&["ask", "hi"]).expect(0).stderr, "");
}

#[test]
fn another_picture_of_the_same_size_is_another_question() {
    let sandbox = sandbox_of(seeing(), "");
    let place = Place::new().with(&sandbox);
    let mut other = png(9, 9);
    other.extend(b"more");
    let place = with_file(with_file(with_file(place, "a.png", &png(9, 9)), "b.png", &other), "c.png", &png(9, 9));
    let cache = |args: &[&str]| {
        let (code, answer) = place.json(&[&["ask", "-p", "openai", "hi"], args].concat());
        assert_eq!(code, 0, "{answer}");
        answer["cache"].as_str().unwrap().to_owned()
    };
    for (args, expected) in [
        (&["-i", "a.png"][..], "miss"),
        (&["-i", "a.png"], "hit"),
        (&["-i", "b.png"], "miss"),
        // The same bytes under another name are the same picture.
        (&["-i", "c.png"], "hit"),
        (&["-i", "a.png", "-i", "b.png"], "miss"),
        (&["-i", "b.png", "-i", "a.png"], "miss"),
        (&["-i", "a.png", "-i", "b.png"], "hit"),
        (&[], "miss"),
    ] {
        assert_eq!(cache(args), expected, "{args:?}");
    }
}

#[test]
fn a_picture_comes_on_stdin_or_by_a_pattern_or_both() {
    let sandbox = sandbox_of(seeing(), "");
    let place = with_file(with_file(Place::new().with(&sandbox), "b.png", &png(2, 2)), "a.png", &png(1, 1));
    let args = ["ask", "-p", "anthropic", "-i", "*.png", "-i", "-", "What?"];
    place.run_with_stdin(&args, &png(3, 3)).expect(0);
    let content = sent(&sandbox, "anthropic");
    let kinds: Vec<&Value> = content.as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["image", "image", "image", "text"]);
    assert_eq!(content[3]["text"], "What?", "stdin is the picture and no text");
    let sizes: Vec<usize> = (0..3).map(|i| content[i]["source"]["data"].as_str().unwrap().len()).collect();
    assert_eq!(sizes, [sizes[0]; 3]);
    // Without -i -, stdin is text as ever.
    place.run_with_stdin(&["ask", "-p", "anthropic", "-i", "a.png", "What?"], b"words").expect(0);
    assert_eq!(sent(&sandbox, "anthropic")[1]["text"], "What?\n\n<stdin>words</stdin>");
}

#[test]
fn what_a_provider_refuses_is_asked_of_another() {
    let sandbox = sandbox_of(seeing(), "");
    let place = with_file(Place::new().with(&sandbox), "a.gif", &gif());
    let place = with_file(with_file(place, "wide.png", &png(8001, 10)), "huge.png", &png(9000, 9000));
    let reasons = |image: &str| -> Vec<String> {
        let (_, plan) = place.json(&["dry-run", "-i", image, "hi"]);
        let refused = plan["refused"].as_array().unwrap().iter();
        refused.map(|r| format!("{}: {}", r["provider"].as_str().unwrap(), r["reason"].as_str().unwrap())).collect()
    };
    assert_eq!(reasons("a.gif"), ["gemini: it takes no GIF: `a.gif`"]);
    let wide = "anthropic: it takes no picture above 8000 px a side: `wide.png` has 8001 x 10";
    assert_eq!(reasons("wide.png"), [wide]);
    let patches = "openai: it takes no picture above 30000 patches of 32 px: `huge.png` has 9000 x 9000 px";
    let huge = "anthropic: it takes no picture above 8000 px a side: `huge.png` has 9000 x 9000";
    assert_eq!(reasons("huge.png"), [patches, huge]);
    let ran = place.run(&["ask", "-p", "gemini", "-i", "a.gif", "hi"]).expect(2);
    assert!(ran.stderr.contains("it takes no GIF"), "{}", ran.stderr);
}

#[test]
fn what_is_no_picture_is_named() {
    let sandbox = sandbox_of(seeing(), "");
    let place = Place::new().with(&sandbox);
    let mut cut = png(9, 9);
    cut.truncate(30);
    for (name, bytes) in [
        ("empty.png", &b""[..]),
        ("text.png", b"hello, I am no picture"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\xff"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>"),
        ("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"),
        ("old.bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0"),
        ("cut.png", &cut),
    ] {
        std::fs::write(place.work().join(name), bytes).unwrap();
    }
    std::fs::create_dir(place.work().join("folder")).unwrap();
    let none = "is not a PNG, JPEG, GIF or WebP picture";
    for (image, message, hint) in [
        ("empty.png", "`empty.png` is empty".to_owned(), ""),
        ("text.png", format!("`text.png` {none}"), "-f"),
        ("photo.heic", format!("`photo.heic` {none}"), "convert"),
        ("drawing.svg", format!("`drawing.svg` {none}"), "-f"),
        ("paper.pdf", format!("`paper.pdf` {none}"), "convert"),
        ("old.bmp", format!("`old.bmp` {none}"), "convert"),
        ("cut.png", "`cut.png` is cut short or damaged".to_owned(), "PNG"),
        ("folder", "`folder` is a folder".to_owned(), "-i 'folder/*'"),
        ("gone.png", "cannot read `gone.png`: No such file".to_owned(), "working folder"),
        ("*.webp", "no file matches `*.webp`".to_owned(), "working folder"),
        (
            "https://a.example/x.png",
            "`https://a.example/x.png` is a URL, and -i reads files".to_owned(),
            "llmr ask -i -",
        ),
        ("/dev/zero", "what -i names, up to `/dev/zero`, is longer than 64 MiB".to_owned(), ""),
        ("-", "`standard input` is empty".to_owned(), ""),
    ] {
        let ran = place.run(&["ask", "-i", image, "hi"]).expect(2);
        assert_eq!(ran.stdout, "", "{image}");
        assert!(ran.stderr.starts_with(&format!("error: {message}")), "{image}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{image}: {}", ran.stderr);
    }
    for (args, message) in [
        (&["ask", "-i", "-", "-"][..], "twice"),
        (&["ask", "-i", "-", "-f", "-", "hi"], "twice"),
        (&["ask", "-i", "-", "-i", "-", "hi"], "twice"),
        (&["ask", "-i", "-", "--no-stdin", "hi"], "--no-stdin leaves it out"),
        (&["ask", "-i", "-"], "is empty"),
    ] {
        let ran = place.run(args).expect(2);
        assert!(ran.stderr.contains(message), "{args:?}: {}", ran.stderr);
    }
    let ran = place.run_with_stdin(&["ask", "-i", "-"], &png(9, 9)).expect(2);
    assert!(ran.stderr.starts_with("error: there is no prompt"), "{}", ran.stderr);
    assert!(sandbox.requests().is_empty());
}
