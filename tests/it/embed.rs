//! Vectors of texts: the same routing, budget and cache as answers, and collections that are searched.

use llmr::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::pty::Pty;
use crate::common::{Place, finish, paced, provider, sandbox, sandbox_at, sandbox_of, signal};

fn place(sandbox: &Sandbox) -> Place {
    Place::new().with(sandbox).var("LLMR_STRATEGY", "cheapest")
}

fn write(place: &Place, sql: &str) {
    rusqlite::Connection::open(place.home().join("llmr.db")).unwrap().execute_batch(sql).unwrap();
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
fn a_person_is_not_shown_a_wall_of_numbers() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    let (code, screen) = Pty::start(&place, &["embed", "a bridge"], 120, 24).end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("... 1536 numbers]") && screen.contains("--json gets all"), "{screen}");
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

/// A row of the user's own that lists a model.
fn lab(sandbox: &Sandbox, more: &str) -> String {
    let url = sandbox.base_url("lab").unwrap();
    format!(
        "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{url}\"\napi_key_env = \"LAB_KEY\"\n{more}\n"
    )
}

#[test]
fn only_the_same_model_stands_in_for_one() {
    // The first call finds out who answers; the second meets an outage and must not go to another model.
    let three = || {
        sandbox_of(
            vec![
                provider("openai", "m", "1", "1"),
                provider("cohere", "m", "1", "1"),
                provider("lab", "m", "0.02", "0"),
            ],
            "openai=okx1,openai=503x9",
        )
    };
    let text = (0..40).map(|n| format!("line {n}\n")).collect::<String>();
    let row = "[[provider.model]]\nid = \"text-embedding-3-small\"\ninput_usd_per_mtok = 0.02\noutput_usd_per_mtok = 0";
    let listed = format!("models = [\"text-embedding-3-small\"]\n{row}");
    for (own, code, lab_answers) in [("models = [\"other\"]", 69, 0), (&listed, 0, 1)] {
        let sandbox = three();
        let two: Vec<_> = ["openai", "cohere"].iter().filter_map(|name| llmr::providers::table::find(name)).collect();
        let place = two.iter().fold(Place::new().var("LLMR_STRATEGY", "cheapest"), |place, row| {
            place.var(row.key_vars[0], "test-key").var(row.base_url_var, sandbox.base_url(row.name).unwrap())
        });
        let place = place.var("LLMR_MAX_RETRIES", "0").var("LAB_KEY", "test-key");
        place.home_file("config.toml", &lab(&sandbox, own));
        place.work_file("lines.txt", &text);
        let ran = place.run(&["embed", "--lines", "-f", "lines.txt", "--save", "lines"]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(code == 0 || ran.stderr.contains("1 of 2 calls"), "{}", ran.stderr);
        let asked = |name: &str| sandbox.bill().provider(name).unwrap().billed_requests;
        assert_eq!((asked("openai"), asked("cohere"), asked("lab")), (1, 0, lab_answers), "{ran:?}");
    }
    // A first call may: nothing has been made yet.
    let sandbox =
        sandbox_of(vec![provider("openai", "m", "1", "1"), provider("cohere", "m", "1", "1")], "openai=503x9");
    let place = place(&sandbox).var("LLMR_MAX_RETRIES", "0");
    let (code, made) = place.json(&["embed", "x"]);
    assert_eq!((code, &made["model"]), (0, &json!("embed-v4.0")), "{made}");
}

#[test]
fn a_deployment_is_found_by_the_model_it_was_made_of() {
    let sandbox = sandbox_of(vec![provider("azure", "of-ours", "0.02", "0")], "");
    let place = Place::new()
        .var("AZURE_OPENAI_API_KEY", "test-key")
        .var("AZURE_OPENAI_ENDPOINT", sandbox.base_url("azure").unwrap())
        .var("AZURE_OPENAI_DEPLOYMENT", "of-ours");
    let named = |model: &str| {
        let ran = place
            .command(&["embed", "-m", model, "--dry-run", "--json", "x"])
            .env("AZURE_OPENAI_MODEL", "text-embedding-3-small")
            .output()
            .unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
    };
    for model in ["text-embedding-3-small", "azure/of-ours"] {
        let (code, plan) = named(model);
        assert!(code == Some(0) && plan.contains("of-ours") && !plan.contains("\"cost_usd\":null"), "{model}: {plan}");
    }
    assert_eq!(named("mistral-embed").0, Some(2));
}

#[test]
fn a_profile_says_who_is_asked_for_nothing() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    place.home_file(
        "config.toml",
        "[profile.one]\nproviders = [\"cohere\"]\nmodel = \"command-a-03-2025\"\n[profile.two]\nmodel = \"gpt-6-luna\"\n",
    );
    let (code, made) = place.json(&["--profile", "one", "embed", "x"]);
    assert_eq!((code, &made["provider"]), (0, &json!("cohere")), "{made}");
    let refused = place.run(&["--profile", "two", "embed", "x"]).expect(2);
    assert!(refused.stderr.contains("gpt-6-luna"), "{}", refused.stderr);
    place.run(&["--profile", "two", "embed", "-p", "openai", "x"]).expect(0);
    // A collection says who makes its vectors.
    place.work_file("a.txt", "one");
    place.run(&["embed", "-p", "openai", "--save", "c", "-f", "a.txt"]).expect(0);
    place.run(&["--profile", "two", "embed", "--save", "c", "-f", "a.txt"]).expect(0);
    place.run(&["--profile", "two", "embed", "--near", "c", "x"]).expect(0);
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
    // One purse for all calls, four of them at a time behind the first one.
    let lines = (0..32 * 12).map(|n| format!("{n} {}\n", "word ".repeat(100))).collect::<String>();
    place.work_file("lines.txt", &lines);
    let place = place.var("LLMR_MAX_PARALLEL_PROVIDERS", "4");
    let before = sandbox.bill().cost_usd.0;
    let ran = place.run(&["embed", "-p", "openai", "--lines", "-f", "lines.txt", "--max-cost", "0.0005"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let spent = sandbox.bill().cost_usd.0 - before;
    assert!((130_000..=500_000).contains(&spent), "several calls, and never more than that: {spent}");
    assert_eq!((place.money().1, place.money().2), (0, 0));
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
    let first_line = found[0]["lines"][0].as_u64().unwrap() as usize;
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
    let other = place.run(&["embed", "-p", "cohere", "--save", "book", "-f", "book.txt"]).expect(2);
    assert!(other.stderr.contains("can be compared with them"), "{}", other.stderr);
    let none = place.run(&["embed", "--near", "nothing", "x"]).expect(2);
    assert!(none.stderr.contains("there are book"), "{}", none.stderr);
    // No text is in the database, and all of it is gone when it is forgotten.
    let bytes = std::fs::read(place.home().join("llmr.db")).unwrap();
    assert!(!bytes.windows(16).any(|window| window == b"bridges of stone"));
    let (_, listed) = place.json(&["embed", "--list"]);
    assert_eq!((&listed["collections"][0]["name"], &listed["collections"][0]["files"]), (&json!("book"), &json!(1)));
    let stored = || place.sql("SELECT count(*) FROM cache WHERE model = 'text-embedding-3-small'");
    assert_ne!(stored(), ["0"], "what was looked for is cached");
    let (_, forgotten) = place.json(&["forget", "--vectors", "book"]);
    assert!(forgotten["removed"]["vectors"].as_u64().unwrap() >= 3 && forgotten["scrubbed"] == true, "{forgotten}");
    assert_eq!(stored(), ["0"], "the same vectors are in no stored answer either");
    place.run(&["forget", "--vectors", "book"]).expect(2);
}

#[test]
fn pieces_of_one_line_and_files_of_one_name_are_kept_apart() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    let sentences = (0..200).map(|n| format!("Sentence {n} tells of matter {}. ", n * 37)).collect::<String>();
    for folder in ["a", "b"] {
        place.work_file(&format!("{folder}/one.txt"), &format!("{folder} {sentences}"));
    }
    let save = ["embed", "--split", "20", "--save", "c", "-f", "a/one.txt", "-f", "b/one.txt", "-f", "./a/one.txt"];
    let (code, made) = place.json(&save);
    assert_eq!(code, 0, "{made}");
    let pieces = made["texts"].as_array().unwrap().len();
    let (_, listed) = place.json(&["embed", "--list"]);
    let row = &listed["collections"][0];
    assert_eq!((&row["files"], &row["vectors"]), (&json!(2), &json!(pieces)), "{listed}");
    assert!(pieces > 100);
    let billed = sandbox.bill().requests.len();
    let (_, plan) = place.json(&[&save[..], &["--dry-run"]].concat());
    assert_eq!((&plan["kept"], &plan["calls"]), (&json!(pieces), &json!(0)), "{plan}");
    let (_, again) = place.json(&save);
    assert_eq!((&again["kept"], sandbox.bill().requests.len()), (&json!(pieces), billed));
    let (_, near) = place.json(&["embed", "--near", "c", "--top", "1", "a Sentence 150 tells of matter 5550"]);
    assert!(near["matches"][0]["start"].as_u64().unwrap() > 4000, "{near}");
    // An emptied file is found no more; words have no name to be found by.
    place.work_file("a/one.txt", "");
    place.run(&save).expect(0);
    assert_eq!(place.json(&["embed", "--list"]).1["collections"][0]["files"], 1);
    place.run(&["embed", "--save", "c", "words"]).expect(2);
    // Refreshed, all of it is asked for again.
    write(&place, "UPDATE vectors SET vector = x'0000c07f'");
    place.run(&[&save[..], &["--refresh"]].concat()).expect(0);
    assert!(sandbox.bill().requests.len() > billed);
    assert_eq!(place.sql("SELECT DISTINCT length(vector) FROM vectors"), ["6144"], "and all of it is new");
}

#[test]
fn a_collection_stays_with_its_model_and_knows_it_by_every_name() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    place.home_file("config.toml", "[aliases]\nemb = \"openai/text-embedding-3-small\"\n");
    place.work_file("a.txt", "one two three");
    place.work_file("b.txt", "four five six");
    let save = |model: &'static str, more: &[&'static str]| {
        place.run(&[&["embed", "--save", "c", "-f", "a.txt", "-m", model], more].concat()).code
    };
    assert_eq!(save("emb", &["--dimensions", "64"]), Some(0));
    for (model, more, code) in [
        ("emb", &[][..], 0),
        ("text-embedding-3-small", &[], 0),
        ("openai/text-embedding-3-small", &["-f", "b.txt"], 0),
        ("emb", &["--dimensions", "32"], 2),
        ("text-embedding-3-large", &[], 2),
        ("cohere/embed-v4.0", &[], 2),
    ] {
        assert_eq!(save(model, more), Some(code), "{model} {more:?}");
    }
    let near = place.json(&["embed", "--near", "c", "four"]).1;
    assert!(near["matches"][0]["source"] == "b.txt" && near["matches"][0].get("lines").is_none(), "{near}");
    assert_eq!(place.sql("SELECT DISTINCT length(vector) FROM vectors"), ["256"]);
    // Damaged vectors are left out and told.
    write(&place, "UPDATE vectors SET vector = x'0000c07f' WHERE source LIKE '%b.txt'");
    let near = place.json(&["embed", "--near", "c", "four"]).1;
    assert_eq!(near["matches"].as_array().unwrap().len(), 1);
    assert!(near["warnings"].to_string().contains("damaged"), "{near}");
    // Begun by two at once with two models: one of them is refused, and nothing is mixed.
    let models = ["openai/text-embedding-3-small", "cohere/embed-v4.0"];
    let children = models.map(|model| {
        place.command(&["embed", "--save", "race", "-f", "a.txt", "-f", "b.txt", "-m", model]).spawn().unwrap()
    });
    let codes: Vec<_> = children.map(|child| finish(child).code).into_iter().flatten().collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 2].contains(code)), "{codes:?}");
    let (_, listed) = place.json(&["embed", "--list"]);
    let race = listed["collections"].as_array().unwrap().iter().find(|row| row["name"] == "race").unwrap();
    assert_eq!((&race["vectors"], codes.iter().filter(|code| **code == 0).count()), (&json!(2), 1), "{listed}");
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
    // Ctrl-C and a kill: what has come is in the collection, though nothing is found before all is there.
    let place = super::embed::place(&sandbox).var("LLMR_MAX_PARALLEL_PROVIDERS", "1").var("LLMR_CACHE", "off");
    place.work_file("lines.txt", &text);
    let save = ["embed", "--lines", "-f", "lines.txt", "--save", "c"];
    let start = sandbox.bill().requests.len();
    for name in ["INT", "KILL"] {
        let child = place.command(&save).spawn().unwrap();
        let before = sandbox.bill().requests.len();
        crate::common::until("a call and a half", || sandbox.bill().requests.len() >= before + 2);
        signal(&child, name);
        let ran = finish(child);
        assert!(name == "KILL" || ran.code == Some(130), "{ran:?}");
        let told = ["interrupted; what was spent is recorded", "are kept: the same command asks for the others only"];
        assert!(name == "KILL" || told.iter().all(|told| ran.stderr.contains(told)), "{ran:?}");
        assert_eq!(place.json(&["embed", "--list"]).1["collections"][0]["vectors"], 0);
    }
    let (code, made) = place.json(&save);
    assert_eq!((code, made["kept"].as_u64() >= Some(64)), (0, true), "{made}");
    assert!(sandbox.bill().requests.len() - start <= 8 + 2);
    assert_eq!(place.json(&["embed", "--list"]).1["collections"][0]["vectors"], 256);
}
