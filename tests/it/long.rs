//! Texts that are too long for one call: planned, read in parts, answered with sources that are there.

use std::collections::BTreeSet;

use llmr::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::{Place, paced, price, provider, sandbox_at, sandbox_of, until};

const TOWNS: [&str; 7] = ["Aldova", "Brenik", "Corvane", "Dunmor", "Estril", "Fanwick", "Gorlan"];

/// A fact with its line: one at every tenth of the text. Its number looks like all the others.
fn fact(n: usize) -> String {
    format!("The code of the vault at {}ville{n} is {}.", TOWNS[n % 7], 40_000 + n * 1_117)
}

fn question(of: &[usize]) -> String {
    let places: Vec<String> = of.iter().map(|n| format!("{}ville{n}", TOWNS[n % 7])).collect();
    format!("What is the code of the vault at {}?", places.join(" and at "))
}

/// So many paragraphs that look alike, with ten facts among them.
fn book(paragraphs: usize) -> String {
    (0..paragraphs)
        .map(|n| {
            let town = TOWNS[n % 7];
            let hidden = if n % (paragraphs / 10) == paragraphs / 20 {
                fact(n * 10 / paragraphs) + "\n\n"
            } else {
                String::new()
            };
            format!(
                "The depot at {town}, number {n}, keeps {} crates. Its keeper writes a letter each month.\n\n{hidden}",
                n * 37 % 9973
            )
        })
        .collect()
}

/// A reader that sees what it is sent.
fn reader() -> Sandbox {
    sandbox_of(vec![provider("alpha", "m", "1", "10")], "alpha=quote")
}

fn place(sandbox: &Sandbox, text: &str) -> Place {
    let place = Place::new().labs(sandbox, "");
    place.work_file("book.txt", text);
    // Makes the database.
    place.run(&["budget", "set", "5"]).expect(0);
    place
}

const ASK: [&str; 5] = ["ask", "-f", "book.txt", "--read-tokens", "2000"];

fn ask<'a>(way: &'a str, more: &[&'a str], question: &'a str) -> Vec<&'a str> {
    [&ASK[..], &["--strategy-long", way], more, &[question]].concat()
}

#[test]
fn every_fact_is_found_wherever_it_stands_and_its_lines_are_told() {
    let (sandbox, text) = (reader(), book(1000));
    for way in ["map-reduce", "retrieve", "refine"] {
        let asked: &[&[usize]] = match way {
            "refine" => &[&[0], &[9]],
            _ => &[&[0], &[3], &[5], &[9], &[1, 4, 8]],
        };
        for of in asked {
            let place = place(&sandbox, &text);
            let (code, answer) = place.json(&ask(way, &["--yes"], &question(of)));
            assert_eq!(code, 0, "{way} {of:?}: {answer}");
            let content = answer["content"].as_str().unwrap();
            for n in *of {
                assert!(content.contains(&fact(*n)), "{way} {of:?}: {content}");
            }
            let long = &answer["long"];
            assert_eq!(long["strategy"], way, "{of:?}");
            assert_eq!(long["parts"] == json!(1), way == "retrieve", "{long}");
            let lines: Vec<&str> = text.lines().collect();
            let sources = long["sources"].as_array().unwrap();
            assert!(!sources.is_empty(), "{way} {of:?}: {answer}");
            for n in *of {
                let there = |source: &Value| {
                    let [first, last] = ["first_line", "last_line"].map(|key| source[key].as_u64().unwrap() as usize);
                    source["file"] == "book.txt" && lines[first - 1..last].contains(&fact(*n).as_str())
                };
                assert!(sources.iter().any(there), "{way}: {n} is in none of {sources:?}");
            }
            assert_eq!(long["removed"], json!([]));
            let spent = place.money();
            assert_eq!(
                (answer["cost_usd"].as_f64().unwrap() * 1e9).round() as i64,
                spent.0,
                "all calls are in its cost"
            );
            assert_eq!((spent.1, spent.2), (0, 0));
        }
    }
}

#[test]
fn of_a_text_that_fits_it_is_said_where_reading_passages_costs_far_less() {
    let sandbox = reader();
    for (paragraphs, told) in [(4000, true), (200, false)] {
        let place = place(&sandbox, &book(paragraphs));
        let ran = place.run(&["ask", "-f", "book.txt", &question(&[4])]).expect(0);
        assert!(ran.stdout.contains(&fact(4)), "all of it is read: {}", ran.stdout);
        assert_eq!(
            ran.stderr.contains("--strategy-long retrieve reads the best passages for about"),
            told,
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn in_a_script_it_goes_on_only_within_a_bound() {
    let sandbox = reader();
    let place = place(&sandbox, &book(400));
    let question = question(&[4]);
    let refused = place.run(&ask("map-reduce", &[], &question)).expect(2);
    assert!(refused.stderr.contains("plan: map-reduce") && refused.stderr.contains("--max-cost"), "{}", refused.stderr);
    let (code, error) = place.json(&ask("map-reduce", &[], &question));
    assert_eq!((code, &error["error"]["kind"]), (2, &json!("usage")));
    assert_eq!(sandbox.bill().requests.len(), 0);
    let dry = ["dry-run", "-f", "book.txt", "--read-tokens", "2000", "--strategy-long", "map-reduce", &question];
    let (_, plan) = place.json(&dry);
    assert!(
        plan["long"]["calls"].as_u64().unwrap() > 3
            && plan["long"]["high_usd"].as_f64() > plan["long"]["low_usd"].as_f64()
    );
    assert_eq!(plan["estimate"]["high_usd"], plan["long"]["high_usd"]);
    let said = place.run(&dry).expect(0).stdout;
    assert!(
        said.starts_with("would ask nobody and exit with 2, unless --yes or --max-cost agrees to read the texts"),
        "{said}"
    );
    let bounded = place.run(&[&dry[..], &["--max-cost", "1"]].concat()).expect(0).stdout;
    assert!(bounded.starts_with("would read the texts by map-reduce"), "{bounded}");
    let high = plan["long"]["high_usd"].to_string();
    let ran = place.run(&ask("map-reduce", &["--max-cost", &high], &question)).expect(0);
    assert!(ran.stdout.contains(&fact(4)), "{}", ran.stdout);
    assert!(place.money().0 <= (high.parse::<f64>().unwrap() * 1e9) as i64);
}

#[test]
fn what_does_not_fit_anybody_s_window_is_read_in_parts_and_what_fits_is_not() {
    let sandbox = reader();
    let place = place(&sandbox, &book(400));
    let config = std::fs::read_to_string(place.home().join("config.toml")).unwrap();
    let alpha = price(&sandbox.providers()[0]);
    let question = question(&[4]);
    let whole = ["ask", "--no-cache", "-f", "book.txt", "--max-cost", "1", &question];
    let (_, fits) = place.json(&whole);
    assert_eq!(fits["long"], Value::Null, "{fits}");
    let small = config.replace(&alpha, &format!("{alpha}[[provider.model]]\nid = \"m\"\ncontext_tokens = 6000\n"));
    place.home_file("config.toml", &small);
    let (code, answer) = place.json(&whole);
    assert_eq!((code, &answer["long"]["strategy"]), (0, &json!("retrieve")), "{answer}");
    assert!(answer["content"].as_str().unwrap().contains(&fact(4)), "{answer}");
    // One that asks for all of it reads all of it; a word that does not occur, too.
    for question in ["list every code", "zebra?"] {
        let (_, plan) = place.json(&["dry-run", "-f", "book.txt", question]);
        assert_eq!(plan["long"]["strategy"], "map-reduce", "{plan}");
    }
    let nowhere = ["ask", "-f", "book.txt", "--strategy-long", "retrieve", "--yes", "zebra?"];
    let refused = place.run(&nowhere).expect(3);
    assert!(refused.stderr.contains("no word of the question"), "{}", refused.stderr);
    for flags in [&["--strategy-long", "retrieve"][..], &["--strategy-long", "retrieve", "-c", "-f", "book.txt"]] {
        place.run(&[&["ask"], flags, &["hello"]].concat()).expect(2);
    }
}

/// Digests of lines that were asked after they had been answered.
fn asked_again(place: &Place) -> Vec<String> {
    place.sql(
        "SELECT a.request_id FROM batch_lines a JOIN batch_lines b ON b.digest = a.digest AND b.request_id < a.request_id
         JOIN requests r ON r.id = b.request_id AND r.exit_code = 0",
    )
}

#[cfg(unix)]
#[test]
fn a_reading_that_is_killed_five_times_asks_for_nothing_twice_whose_answer_had_arrived() {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 40, 1)], "alpha=quote");
    let place = place(&sandbox, &book(1000));
    let question = question(&[7]);
    let answered =
        |place: &Place| place.sql("SELECT count(*) FROM requests WHERE exit_code = 0")[0].parse::<u64>().unwrap();
    for _ in 0..5 {
        let before = answered(&place);
        let mut child = place.command(&ask("map-reduce", &["--yes"], &question)).spawn().unwrap();
        until("something more is answered", || answered(&place) > before + 1);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let before = answered(&place);
    let ran = place.run(&["ask", "--resume", "--json"]).expect(0);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(answer["content"].as_str().unwrap().contains(&fact(7)), "{answer}");
    let long = &answer["long"];
    assert!(long["kept"].as_u64().unwrap() >= before, "{long}: {before} had arrived");
    assert_eq!(asked_again(&place), [""; 0]);
    // Nothing of the texts was ever kept, and there is nothing to go on with any more.
    assert_eq!(place.sql("SELECT count(*) FROM contents WHERE prompt <> ''"), ["0"]);
    let nothing = place.run(&["ask", "--resume"]).expect(2);
    assert!(nothing.stderr.contains("no reading to go on with"), "{}", nothing.stderr);
    // The same once more asks nobody: its answer is in the cache.
    let (_, again) = place.json(&ask("map-reduce", &["--yes"], &question));
    assert_eq!((&again["long"]["calls"], &again["content"]), (&json!(0), &answer["content"]), "{again}");
    // A text that grew at its end is read anew there alone.
    place.work_file("book.txt", &format!("{}{}", book(1000), "One more line.\n".repeat(30)));
    let (_, more) = place.json(&ask("map-reduce", &["--yes"], &question));
    assert!(more["long"]["calls"].as_u64().unwrap() <= 4, "{}", more["long"]);
}

#[test]
fn an_exhausted_budget_loses_no_answer() {
    let sandbox = reader();
    let place = place(&sandbox, &book(600));
    let question = question(&[2]);
    let hopeless = place.run(&ask("map-reduce", &["--max-cost", "0.0001"], &question)).expect(4);
    assert!(hopeless.stderr.contains("is less than that") && place.money().0 == 0, "{}", hopeless.stderr);
    let place = place.var("LLMR_BUDGET_DAILY_USD", "0.012");
    let poor = place.run(&ask("map-reduce", &["--yes"], &question)).expect(4);
    assert!(poor.stderr.contains("--resume"), "{}", poor.stderr);
    let kept = place.sql("SELECT count(*) FROM requests WHERE exit_code = 0")[0].parse::<u64>().unwrap();
    assert!(kept > 0);
    assert!(place.money().0 <= 12_000_000 && place.money().2 == 0);
    let place = place.var("LLMR_BUDGET_DAILY_USD", "5");
    let dry = ["dry-run", "-f", "book.txt", "--read-tokens", "2000", "--strategy-long", "map-reduce", &question];
    let (_, plan) = place.json(&dry);
    assert_eq!(plan["long"]["kept"], json!(kept), "{plan}");
    let (code, answer) = place.json(&ask("map-reduce", &["--max-cost", "1"], &question));
    assert_eq!((code, &answer["long"]["kept"]), (0, &json!(kept)), "{answer}");
    assert_eq!(asked_again(&place), [""; 0]);
}

#[test]
fn who_fails_is_replaced_for_each_part_and_a_dead_end_keeps_what_came() {
    let both = || vec![provider("alpha", "m", "1", "10"), provider("beta", "m", "1", "10")];
    let sandbox = sandbox_of(both(), "alpha=quotex3,alpha=500,beta=quote");
    let place = place(&sandbox, &book(600));
    let question = question(&[8]);
    let ran = place.run(&ask("map-reduce", &["--yes", "--max-retries", "0"], &question)).expect(0);
    assert!(ran.stdout.contains(&fact(8)), "{}", ran.stdout);
    assert!(sandbox.bill().provider("beta").unwrap().requests > 2);

    let dead = sandbox_of(vec![provider("alpha", "m", "1", "10")], "alpha=quotex3,alpha=400");
    let place = self::place(&dead, &book(600));
    let ran = place.run(&ask("map-reduce", &["--yes"], &question));
    assert!(ran.code == Some(3) && ran.stdout.is_empty(), "{ran:?}");
    assert!(ran.stderr.contains("3 of about"), "{}", ran.stderr);
    assert_eq!(place.money().2, 0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_and_keeps_what_came() {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 60, 1)], "alpha=quote");
    let place = place(&sandbox, &book(1000));
    let child = place.command(&ask("map-reduce", &["--yes"], &question(&[1]))).spawn().unwrap();
    until("something is answered", || place.sql("SELECT count(*) FROM requests WHERE exit_code = 0") != ["0"]);
    crate::common::signal(&child, "INT");
    let ran = crate::common::finish(child).expect(130);
    assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
    assert_eq!(place.money().2, 0, "everything is settled");
    // From another folder its files would be others.
    let mut elsewhere = place.command(&["ask", "--resume"]);
    let ran = crate::common::finish(elsewhere.current_dir(place.home()).spawn().unwrap()).expect(2);
    assert!(ran.stderr.contains("was asked for in"), "{}", ran.stderr);
    for flags in [&["words"][..], &["-f", "book.txt"], &["--profile", "x"]] {
        place.run(&[&["ask", "--resume"], flags].concat()).expect(2);
    }
    let bound = place.run(&["ask", "--resume", "--max-cost", "0.0001"]);
    assert!(bound.code == Some(4), "{bound:?}");
    // Another text than was agreed to is not read unasked.
    place.work_file("book.txt", &book(9000));
    let changed = place.run(&["ask", "--resume"]).expect(2);
    assert!(changed.stderr.contains("have changed"), "{}", changed.stderr);
    place.work_file("book.txt", &book(1000));
    place.run(&["ask", "--resume"]).expect(0);
}

#[test]
fn a_text_of_standard_input_is_read_too_and_cannot_be_resumed() {
    let sandbox = reader();
    let place = place(&sandbox, "");
    let question = question(&[6]);
    let flags = ["ask", "--read-tokens", "2000", "--strategy-long", "retrieve", "--yes", &question];
    let ran = place.run_with_stdin(&flags, book(400).as_bytes()).expect(0);
    assert!(ran.stdout.contains(&fact(6)) && ran.stdout.contains("[stdin:"), "{}", ran.stdout);
    let several: BTreeSet<String> = place.sql("SELECT name FROM batches").into_iter().collect();
    assert_eq!(several.len(), 1);
}

#[test]
fn text_without_any_seam_is_read_in_parts_all_the_same() {
    let sandbox = reader();
    let place = place(&sandbox, &("x".repeat(60_000) + &"好".repeat(9_000)));
    let (code, answer) = place.json(&ask("map-reduce", &["--yes"], "what is said about xylophones?"));
    assert_eq!(code, 0, "{answer}");
    assert!(answer["long"]["parts"].as_u64().unwrap() > 5, "{}", answer["long"]);
    assert!(sandbox.bill().requests.len() > 5);
}

#[test]
fn several_read_different_texts_of_the_same_name_at_once() {
    let sandbox = reader();
    let place = place(&sandbox, "");
    let question = question(&[6]);
    let flags = ["ask", "--read-tokens", "2000", "--strategy-long", "map-reduce", "--yes", &question];
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (place, flags) = (&place, &flags);
            scope.spawn(move || place.run_with_stdin(flags, format!("{n} {}", book(300)).as_bytes()).expect(0));
        }
    });
}

#[test]
fn the_best_passages_get_a_second_look_by_vectors() {
    let (reader, vectors) = (reader(), sandbox_of(vec![provider("openai", "m", "1", "1")], ""));
    let place = |vectors: &Sandbox| {
        let place = Place::new().labs(&reader, "").with(vectors);
        place.work_file("book.txt", &book(1000));
        place
    };
    let one = place(&vectors);
    let question = question(&[7]);
    let asked = ask("retrieve", &["--yes", "--rerank"], &question);
    let (_, plan) = one.json(&["dry-run", "-f", "book.txt", "--read-tokens", "2000", "--rerank", &question]);
    let (looking, calls) = (&plan["long"]["rerank"], plan["long"]["calls"].as_u64().unwrap());
    assert_eq!(looking["model"], "openai/text-embedding-3-small", "{plan}");
    assert_eq!(looking["calls"].as_u64().map(|n| n + 1), Some(calls), "the answer is one more: {plan}");
    let (code, answer) = one.json(&asked);
    assert_eq!(code, 0, "{answer}");
    assert!(answer["content"].as_str().unwrap().contains(&fact(7)), "{answer}");
    assert_eq!(answer["long"]["calls"], calls, "{answer}");
    let bill = reader.bill().cost_usd + vectors.bill().cost_usd;
    assert_eq!((one.money(), (answer["cost_usd"].as_f64().unwrap() * 1e9).round() as i64), ((bill.0, 0, 0), bill.0));
    assert!(bill.0 > 0 && bill.0 < (plan["long"]["high_usd"].as_f64().unwrap() * 1e9) as i64, "{plan}");
    assert_eq!(vectors.bill().requests.len() as u64, calls - 1);
    let (_, again) = one.json(&asked);
    assert_eq!((&again["long"]["calls"], vectors.bill().requests.len() as u64), (&json!(0), calls - 1), "{again}");
    // Without vectors the ranking alone counts.
    let down = sandbox_of(vec![provider("openai", "m", "1", "1")], "openai=503");
    let other = place(&down).var("LLMR_MAX_RETRIES", "0");
    let ran = other.run(&asked).expect(0);
    assert!(ran.stdout.contains(&fact(7)) && ran.stderr.contains("no second look at the passages"), "{ran:?}");
    let wrong = one.run(&ask("map-reduce", &["--yes", "--rerank"], &question)).expect(2);
    assert!(wrong.stderr.contains("retrieve"), "{}", wrong.stderr);
    // In JSON it is told, too, whatever the trouble is.
    for fault in ["openai=503", "openai=404", "openai=400", "openai=401"] {
        let down = sandbox_of(vec![provider("openai", "m", "1", "1")], fault);
        let other = place(&down).var("LLMR_MAX_RETRIES", "0");
        let (code, answer) = other.json(&asked);
        assert_eq!((code, &answer["long"]["reranked"]), (0, &json!(false)), "{fault}: {answer}");
        assert!(answer["warnings"].to_string().contains("no second look"), "{fault}: {answer}");
    }
    assert_eq!(one.json(&asked).1["long"]["reranked"], true);
    // Options are for the model that answers.
    one.run(&[&asked[..], &["-o", "seed=7", "--no-cache"]].concat()).expect(0);
    let sent = vectors.requests();
    assert!(sent.len() > 3 && sent.iter().all(|request| request.body.get("seed").is_none()), "{:?}", sent.last());
    // Passages go to nobody whom the question would not go to, unless somebody is named for them.
    let before = vectors.bill().requests.len();
    for pinned in [["-p", "alpha"], ["-m", "alpha/m"]] {
        let ran = one.run(&[&asked[..], &pinned].concat()).expect(2);
        assert!(ran.stderr.contains("--rerank=PROVIDER/MODEL"), "{}", ran.stderr);
        let dry = ["dry-run", "--check", "-f", "book.txt", "--read-tokens", "2000", "--rerank", &question];
        one.run(&[&dry[..], &pinned].concat()).expect(2);
    }
    assert_eq!(vectors.bill().requests.len(), before);
    let more = ["--yes", "--no-cache", "-m", "alpha/m", "--rerank=openai/text-embedding-3-small"];
    let said = one.run(&ask("retrieve", &more, &question)).expect(0);
    assert!(said.stderr.contains("and openai/text-embedding-3-small for vectors"), "{}", said.stderr);
    assert!(vectors.bill().requests.len() > before);
    // Too little money is exit 4, and nothing is spent.
    let poor = one.run(&ask("retrieve", &["--rerank", "--no-cache", "--max-cost", "0.0000001"], &question)).expect(4);
    assert!(poor.stderr.contains("--rerank"), "{}", poor.stderr);
    // Where all of it is read there is nothing to choose.
    one.work_file("short.txt", &fact(3));
    let short = ["ask", "-f", "short.txt", "--yes", "--rerank", "--no-cache", &super::long::question(&[3])];
    let (_, short) = one.json(&short);
    assert!(short["long"]["calls"] == 1 && short["long"].get("reranked").is_none(), "{short}");
}
