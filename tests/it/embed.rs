//! Vectors of texts: the same routing, budget and cache as answers, and collections that are searched.

use llmr::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::{Place, finish, paced, provider, sandbox, sandbox_at, sandbox_of, signal};

fn place(sandbox: &Sandbox) -> Place {
    Place::new().with(sandbox).var("LLMR_STRATEGY", "cheapest")
}

fn nano(usd: &Value) -> i64 {
    (usd.as_f64().unwrap() * 1e9).round() as i64
}

#[test]
fn the_cheapest_who_can_makes_vectors_and_the_bill_is_the_ledger() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    place.work_file("a.txt", "the old bridge of stone");
    place.work_file("b.txt", "rain in autumn");
    let (code, made) = place.json(&["embed", "-f", "a.txt", "-f", "b.txt", "who built it?"]);
    assert_eq!(code, 0, "{made}");
    assert_eq!((&made["provider"], &made["model"]), (&json!("openai"), &json!("text-embedding-3-small")));
    let texts = made["texts"].as_array().unwrap();
    let sources: Vec<&str> = texts.iter().map(|text| text["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["text", "a.txt", "b.txt"]);
    assert!(texts.iter().all(|text| text["vector"].as_array().unwrap().len() == 1536));
    assert_eq!((&made["calls"], made["usage"]["input_tokens"].as_u64()), (&json!(1), Some(11)));
    let bill = sandbox.bill();
    assert_eq!(bill.cost_usd.0, 220, "11 tokens at 0.02 USD a million");
    assert_eq!((place.money(), nano(&made["cost_usd"])), ((220, 0, 0), 220));
    // Lines of numbers without --json, the same ones, from the cache.
    let lines = place.run(&["embed", "-f", "a.txt", "-f", "b.txt", "who built it?"]).expect(0).stdout;
    let vectors: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(vectors.iter().zip(texts).all(|(line, text)| *line == text["vector"]) && vectors.len() == 3);
    assert_eq!(sandbox.bill().requests.len(), 1, "the cache has answered");
    let ran = place.run_with_stdin(&["embed", "--dimensions", "8"], b"a piped text").expect(0);
    assert_eq!(serde_json::from_str::<Vec<f64>>(&ran.stdout).unwrap().len(), 8);
}

#[test]
fn every_dialect_that_makes_vectors_is_spoken() {
    let sandbox = sandbox("");
    for (name, model, size) in [
        ("openai", "text-embedding-3-large", 3072),
        ("gemini", "gemini-embedding-001", 3072),
        ("cohere", "embed-english-v3.0", 1024),
    ] {
        let place = place(&sandbox);
        let (code, made) = place.json(&["embed", "-p", name, "-m", model, "a text of six words here"]);
        assert_eq!((code, &made["provider"], &made["model"]), (0, &json!(name), &json!(model)), "{made}");
        assert_eq!(made["texts"][0]["vector"].as_array().unwrap().len(), size);
        // Gemini tells no usage: what was read is estimated, and nothing was written.
        assert_eq!(made["usage"]["estimated"], json!(name == "gemini"), "{made}");
        let tokens = place.sql("SELECT output_tokens FROM attempts");
        assert_eq!(tokens, ["0"], "{name}");
        assert!(place.money().0 > 0);
    }
    let place = place(&sandbox);
    let refused = place.run(&["embed", "-p", "anthropic", "x"]).expect(2);
    assert!(refused.stderr.contains("no provider that takes part makes vectors"), "{}", refused.stderr);
    let (code, error) = place.json(&["embed", "-m", "text-embeding-3-small", "x"]);
    assert_eq!(code, 2);
    assert!(error.to_string().contains("did you mean `text-embedding-3-small`?"), "{error}");
}

#[test]
fn only_the_same_model_stands_in_for_one() {
    // The first call finds out who answers; the second meets an outage and must not go to another model.
    let sandbox = sandbox_of(
        vec![provider("openai", "m", "1", "1"), provider("cohere", "m", "1", "1")],
        "openai=okx1,openai=503x9",
    );
    let place = place(&sandbox).var("LLMR_MAX_RETRIES", "0");
    let text = (0..40).map(|n| format!("line {n}\n")).collect::<String>();
    let ran = place.run_with_stdin(&["embed", "--lines", "--save", "lines"], text.as_bytes());
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("1 of 2 calls"), "{}", ran.stderr);
    assert_eq!(sandbox.bill().provider("cohere").unwrap().requests, 0);
    // A first call may: nothing has been made yet.
    let sandbox =
        sandbox_of(vec![provider("openai", "m", "1", "1"), provider("cohere", "m", "1", "1")], "openai=503x9");
    let place = super::embed::place(&sandbox).var("LLMR_MAX_RETRIES", "0");
    let (code, made) = place.json(&["embed", "x"]);
    assert_eq!((code, &made["model"]), (0, &json!("embed-v4.0")), "{made}");
}

#[test]
fn a_budget_holds_for_vectors_too() {
    let sandbox = sandbox("");
    let text = "word ".repeat(1000);
    // A thousand words are at least a thousand tokens, at 0.02 USD a million.
    for (limit, code) in [("0.000019", 4), ("0.0002", 0)] {
        let place = place(&sandbox).var("LLMR_BUDGET_DAILY_USD", limit);
        assert_eq!(place.run(&["embed", "-p", "openai", &text]).code, Some(code), "{limit}");
    }
    let place = place(&sandbox);
    assert_eq!(place.run(&["embed", "-p", "openai", "--max-cost", "0.000019", &text]).code, Some(4));
    // One purse for all calls: what the first one has cost is not there for the second.
    let lines = (0..64).map(|n| format!("{n} {}\n", "word ".repeat(100))).collect::<String>();
    place.work_file("lines.txt", &lines);
    let ran = place.run(&["embed", "-p", "openai", "--lines", "-f", "lines.txt", "--max-cost", "0.0001"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let (spent, held, _) = place.money();
    assert!(spent > 0 && spent <= 100_000 && held == 0, "{spent}");
}

#[test]
fn a_collection_is_found_again_and_only_what_is_new_is_paid_for() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    let chapter =
        |about: &str| format!("A chapter about {about}.\n\nIt tells of {about} again, and of {about} once more.\n\n");
    let topics = ["bridges of stone", "rain in autumn", "wolves at night", "ships under sail", "keys and locks"];
    place.work_file("book.txt", &topics.map(chapter).concat());
    let save = ["embed", "-f", "book.txt", "--split", "30", "--save", "book"];
    let (code, made) = place.json(&save);
    assert_eq!(code, 0, "{made}");
    let pieces = made["texts"].as_array().unwrap();
    assert!(pieces.len() >= 5 && pieces.iter().all(|piece| piece.get("vector").is_none() && piece["lines"].is_array()));
    assert_eq!((&made["kept"], sandbox.bill().requests.len()), (&json!(0), 1));
    let (_, again) = place.json(&save);
    assert_eq!((&again["kept"], sandbox.bill().requests.len()), (&json!(pieces.len()), 1));
    let (code, near) = place.json(&["embed", "--near", "book", "--top", "2", "wolves in the night"]);
    assert_eq!(code, 0, "{near}");
    let found = near["matches"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[0]["score"].as_f64() >= found[1]["score"].as_f64());
    let first_line: usize = found[0]["lines"].as_str().unwrap().split('-').next().unwrap().parse().unwrap();
    let line = std::fs::read_to_string(place.work().join("book.txt")).unwrap();
    let passage: String = line.lines().skip(first_line - 1).take(3).collect();
    assert!(passage.contains("wolves"), "{found:?}: {passage}");
    // A file that changed: what is new is asked for, what is gone is not found any more.
    place.work_file("book.txt", &[topics[0], topics[1], "snow in winter"].map(chapter).concat());
    let before = sandbox.bill().cost_usd;
    let (_, changed) = place.json(&save);
    assert!(changed["kept"].as_u64().unwrap() >= 1 && sandbox.bill().cost_usd > before, "{changed}");
    let (_, near) = place.json(&["embed", "--near", "book", "wolves in the night"]);
    assert_eq!(near["matches"].as_array().unwrap().len(), changed["texts"].as_array().unwrap().len());
    // Others cannot be compared with these.
    let other = place.run(&["embed", "-p", "cohere", "--save", "book", "x"]).expect(2);
    assert!(other.stderr.contains("cannot be compared"), "{}", other.stderr);
    let none = place.run(&["embed", "--near", "nothing", "x"]).expect(2);
    assert!(none.stderr.contains("there are book"), "{}", none.stderr);
    // No text is in the database, and all of it is gone when it is forgotten.
    let bytes = std::fs::read(place.home().join("llmr.db")).unwrap();
    assert!(!bytes.windows(16).any(|window| window == b"bridges of stone"));
    let (_, forgotten) = place.json(&["forget", "--vectors", "book"]);
    assert!(forgotten["removed"]["vectors"].as_u64().unwrap() >= 3 && forgotten["scrubbed"] == true, "{forgotten}");
    place.run(&["forget", "--vectors", "book"]).expect(2);
}

#[test]
fn a_text_that_is_too_long_is_told_and_can_be_split() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    place.work_file(
        "long.txt",
        &(0..200).map(|n| format!("Sentence {n} of seven words stands here. ")).collect::<String>(),
    );
    let embed = ["embed", "-p", "cohere", "-m", "embed-english-v3.0", "-f", "long.txt"];
    let refused = place.run(&embed).expect(3);
    assert!(refused.stderr.contains("window of 512") && refused.stderr.contains("--split"), "{}", refused.stderr);
    assert_eq!(sandbox.bill().requests.len(), 0);
    let (code, made) = place.json(&[&embed[..], &["--split", "400"]].concat());
    assert_eq!(code, 0, "{made}");
    assert!(made["texts"].as_array().unwrap().len() >= 4);
    for (text, code) in [("", 2), (" \n", 2)] {
        assert_eq!(place.run(&["embed", text]).code, Some(code));
    }
    assert_eq!(place.run(&["embed"]).code, Some(2));
    let (code, plan) = place.json(&["embed", "-f", "long.txt", "--split", "400", "--dry-run"]);
    assert_eq!(
        (code, plan["texts"].as_u64(), plan["calls"].as_u64()),
        (0, made["texts"].as_array().map(|texts| texts.len() as u64), Some(1)),
        "{plan}"
    );
    let first = &plan["candidates"][0];
    assert!(first["provider"] == "openai" && first["cost_usd"].as_f64() < first["most_usd"].as_f64(), "{plan}");
}

#[test]
fn what_has_arrived_when_it_is_stopped_is_not_paid_for_again() {
    let sandbox = sandbox_at(1.0, vec![paced(provider("openai", "m", "1", "1"), 150, 0)], "");
    let place = place(&sandbox).var("LLMR_MAX_PARALLEL_PROVIDERS", "1");
    let text = (0..32 * 8).map(|n| format!("line {n}\n")).collect::<String>();
    place.work_file("lines.txt", &text);
    let embed = ["embed", "--lines", "-f", "lines.txt"];
    for _ in 0..2 {
        let child = place.command(&embed).spawn().unwrap();
        let before = sandbox.bill().requests.len();
        crate::common::until("a call and a half", || sandbox.bill().requests.len() >= before + 2);
        signal(&child, "KILL");
        finish(child);
    }
    let (code, made) = place.json(&embed);
    assert_eq!((code, made["texts"].as_array().map(Vec::len)), (0, Some(256)), "{made}");
    assert!(made["from_cache"].as_u64().unwrap() >= 2, "{made}");
    // At most the call that was under way is asked for twice, each time.
    assert!(sandbox.bill().requests.len() <= 8 + 2, "{}", sandbox.bill().requests.len());
    let (_, held, holds) = place.money();
    assert_eq!((held, holds), (0, 0), "holds of the dead are given back");
    // Ctrl-C: what has come is kept, and it says so.
    let place = super::embed::place(&sandbox).var("LLMR_MAX_PARALLEL_PROVIDERS", "1");
    place.work_file("lines.txt", &text);
    let child = place.command(&embed).spawn().unwrap();
    let before = sandbox.bill().requests.len();
    crate::common::until("a call and a half", || sandbox.bill().requests.len() >= before + 2);
    signal(&child, "INT");
    let ran = finish(child);
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.stdout.is_empty() && ran.stderr.contains("the same command goes on"), "{ran:?}");
}
