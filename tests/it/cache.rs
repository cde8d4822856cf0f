//! Stored answers: a hit costs nothing and goes nowhere, and no row that somebody has touched is ever served.

use rusqlite::Connection;
use serde_json::Value;

use crate::common::{Place, sandbox};

fn change(place: &Place, sql: &str) {
    let db = Connection::open(place.home().join("llmr.db")).unwrap();
    // Garbage of any type gets in where somebody wants it to.
    db.pragma_update(None, "ignore_check_constraints", true).unwrap();
    assert_ne!(db.execute(sql, []).unwrap(), 0, "{sql}");
}

/// Rebuilds the table without the types that SQLite would check, as somebody with the file could.
fn without_types(place: &Place) {
    let db = Connection::open(place.home().join("llmr.db")).unwrap();
    let sql: String = db.query_row("SELECT sql FROM sqlite_master WHERE name = 'cache'", [], |row| row.get(0)).unwrap();
    let loose = sql.replace("STRICT", "").replace("NOT NULL", "").replace("CREATE TABLE cache", "CREATE TABLE loose");
    let loose = ["INTEGER", "TEXT", "BLOB"].iter().fold(loose, |sql, kind| sql.replace(kind, ""));
    db.execute_batch(&loose).unwrap();
    db.execute_batch("INSERT INTO loose SELECT * FROM cache; DROP TABLE cache; ALTER TABLE loose RENAME TO cache")
        .unwrap();
}

fn counts(place: &Place) -> (i64, i64) {
    let (_, stats) = place.json(&["stats"]);
    let (_, cache) = place.json(&["cache"]);
    let of = |report: &Value| (report["integrity_failures"].as_i64().unwrap(), report["foreign"].as_i64().unwrap());
    assert_eq!(of(&stats["cache"]), of(&cache), "{stats}");
    of(&cache)
}

#[test]
fn a_hit_costs_nothing_and_makes_no_connection() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let (_, first) = place.json(&["ask", "hello", "there"]);
    assert_eq!((first["cache"].as_str(), sandbox.requests().len()), (Some("miss"), 1));
    let (code, hit) = place.json(&["ask", "hello there", "--tag", "again"]);
    assert_eq!((code, hit["cache"].as_str(), sandbox.requests().len()), (0, Some("hit"), 1));
    for field in ["content", "provider", "model", "usage", "finish_reason", "tier", "cost_source"] {
        assert_eq!(hit[field], first[field], "{field}");
    }
    assert_eq!((&hit["cost_usd"], &hit["attempts"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(hit["budget"]["spent_usd"], first["budget"]["spent_usd"]);
    assert_ne!(hit["id"], first["id"]);

    // With nobody there to ask, in text as in JSON.
    drop(sandbox);
    let text = place.run(&["ask", "hello there", "-u"]).expect(0);
    assert_eq!(text.stdout, format!("{}\n", first["content"].as_str().unwrap()));
    assert!(text.stderr.contains("cache hit"), "{text:?}");
    let lines = place.run(&["ask", "hello there", "--output-format", "stream-json"]).expect(0);
    let last: Value = serde_json::from_str(lines.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["cache"], &last["content"]), (&"result".into(), &"hit".into(), &first["content"]));

    let (_, log) = place.json(&["log"]);
    let kinds: Vec<_> = log["requests"].as_array().unwrap().iter().map(|r| r["cache"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["hit", "hit", "hit", "miss"]);
    let tagged = &log["requests"][2];
    assert_eq!((&tagged["tag"], &tagged["exit_code"], &tagged["cost_usd"]), (&"again".into(), &0.into(), &0.into()));
    assert_eq!(place.sql("SELECT count(*) FROM ledger"), ["1"]);
    let (_, cache) = place.json(&["cache"]);
    assert_eq!((&cache["hits"], &cache["misses"], &cache["l2_size"]), (&3.into(), &1.into(), &1.into()));
    assert_eq!(
        cache["saved_usd"].as_f64().map(|s| (s * 1e9).round()),
        first["cost_usd"].as_f64().map(|c| (c * 3e9).round())
    );
}

#[test]
fn a_hit_needs_no_money() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    place.run(&["budget", "set", "0"]).expect(0);
    place.run(&["ask", "hello"]).expect(0);
    place.run(&["ask", "other"]).expect(4);
}

#[test]
fn flags_and_settings_pass_it_by() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let sent = || sandbox.requests().len();
    let kind = |args: &[&str]| place.json(&[&["ask", "hello"], args].concat()).1["cache"].as_str().unwrap().to_owned();
    assert_eq!((kind(&["--no-cache"]), sent()), ("off".into(), 1));
    assert_eq!((kind(&[]), sent()), ("miss".into(), 2), "--no-cache has not written");
    assert_eq!((kind(&["--no-cache"]), sent()), ("off".into(), 3));
    assert_eq!((kind(&["--refresh"]), sent()), ("miss".into(), 4));
    assert_eq!((kind(&[]), sent()), ("hit".into(), 4), "--refresh has written");
    let off = Place::new().with(&sandbox).var("LLMR_CACHE", "off");
    for n in 5..7 {
        assert_eq!(off.json(&["ask", "hello"]).1["cache"], "off");
        assert_eq!(sent(), n);
    }
    assert_eq!(off.sql("SELECT count(*) FROM cache"), ["0"]);
    assert!(!off.home().join("cache.key").exists());
}

#[test]
fn another_question_is_another_entry() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    for args in [
        &["hello"][..],
        &["hello", "!"],
        &["-s", "be brief", "hello"],
        &["-t", "0.5", "hello"],
        &["--top-p", "0.5", "hello"],
        &["--max-tokens", "500", "hello"],
        &["--stop", "END", "hello"],
        &["--effort", "low", "hello"],
        &["-o", "seed=1", "hello"],
        &["-p", "openai", "hello"],
        &["-p", "openai", "-p", "cohere", "hello"],
        &["-m", "gpt-6-luna", "hello"],
        &["--tier", "fast", "hello"],
        &["--fallback", "claude-haiku-5-5", "hello"],
    ] {
        let ask = [&["ask"], args].concat();
        assert_eq!(place.json(&ask).1["cache"], "miss", "{args:?}");
        assert_eq!(place.json(&ask).1["cache"], "hit", "{args:?}");
    }
    assert_eq!(
        place.json(&["ask", "-p", "cohere", "-p", "openai", "hello"]).1["cache"],
        "hit",
        "the order says nothing"
    );
}

#[test]
fn only_answers_that_were_done_are_stored() {
    for (faults, args, code) in [
        ("", &["--max-tokens", "5"][..], 0),
        ("openai=refuse", &[], 3),
        ("openai=cut", &["--max-retries", "0"], 69),
        ("openai=no-end", &["--max-retries", "0"], 69),
        ("openai=empty", &["--max-retries", "0"], 69),
    ] {
        let sandbox = sandbox(faults);
        let place = Place::new().with(&sandbox);
        let ask = [&["ask", "-p", "openai", "hello"], args].concat();
        place.run(&ask).expect(code);
        assert_eq!(place.sql("SELECT count(*) FROM cache"), ["0"], "{faults} {args:?}");
        let sent = sandbox.requests().len();
        place.run(&ask);
        assert!(sandbox.requests().len() > sent || code == 69, "{faults} {args:?}: asked again");
    }
}

#[test]
fn a_row_that_somebody_has_changed_is_never_served() {
    let text_columns =
        ["provider", "model", "answered_model", "tier", "content", "finish_reason", "cost_source", "key_id"];
    let numbers = [
        "input_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "usage_estimated",
        "cost_nanousd",
        "created_at",
        "expires_at",
    ];
    let mut changes: Vec<String> = numbers.iter().map(|n| format!("{n} = coalesce({n}, 0) + 1")).collect();
    changes.extend(numbers.iter().map(|n| format!("{n} = -1")));
    changes.extend(text_columns.iter().filter(|c| **c != "key_id").map(|c| format!("{c} = 'forged'")));
    changes
        .extend(["provider = 'openai'", "model = 'gpt-6-luna'", "tier = 'premium'", "tier = NULL"].map(String::from));
    changes.extend(["finish_reason = 'length'", "cost_source = 'none'", "answered_model = ''"].map(String::from));
    changes.extend(["content = substr(content, 1, 40)", "content = content || ' '", "content = ''"].map(String::from));
    changes.extend(
        ["seal = x''", "seal = zeroblob(32)", "seal = substr(seal, 1, 31)", "seal = zeroblob(33)"].map(String::from),
    );
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let mut failures = 0;
    for change_made in &changes {
        place.run(&["ask", "-p", "cohere", "--refresh", "hello"]).expect(0);
        change(&place, &format!("UPDATE cache SET {change_made}"));
        let (code, verified) = place.json(&["cache", "verify"]);
        assert_eq!((code, &verified["bad"]), (5, &1.into()), "{change_made}: {verified}");
        let sent = sandbox.requests().len();
        let (code, answer) = place.json(&["ask", "-p", "cohere", "hello"]);
        assert_eq!((code, &answer["cache"]), (0, &"miss".into()), "{change_made}: {answer}");
        assert_eq!((&answer["provider"], sandbox.requests().len()), (&"cohere".into(), sent + 1), "{change_made}");
        assert!(answer["content"].as_str().unwrap().starts_with("This is the sandbox"), "{change_made}");
        failures += 1;
        assert_eq!(counts(&place), (failures, 0), "{change_made}");
        // It was replaced by the new answer.
        assert_eq!(place.json(&["cache", "verify"]).0, 0, "{change_made}");
    }
}

#[test]
fn garbage_of_the_wrong_type_is_never_served() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    without_types(&place);
    let mut failures = 0;
    for garbage in [
        "content = x'ff00'",
        "content = NULL",
        "content = 7",
        "provider = NULL",
        "finish_reason = 3.5",
        "tier = x'00'",
        "output_tokens = 'many'",
        "cost_nanousd = 1.5",
        "expires_at = 'never'",
        "created_at = NULL",
        "key_id = NULL",
        "key_id = x'00'",
        "seal = NULL",
        "seal = 'text'",
        "used_at = 'x'",
    ] {
        place.run(&["ask", "--refresh", "hello"]).expect(0);
        change(&place, &format!("UPDATE cache SET {garbage}"));
        let sent = sandbox.requests().len();
        assert_eq!(place.json(&["cache", "verify"]).0, 5, "{garbage}");
        let (code, answer) = place.json(&["ask", "hello"]);
        assert_eq!((code, &answer["cache"]), (0, &"miss".into()), "{garbage}: {answer}");
        assert_eq!(sandbox.requests().len(), sent + 1, "{garbage}");
        failures += 1;
        assert_eq!(counts(&place), (failures, 0), "{garbage}");
    }
}

#[test]
fn an_entry_answers_the_question_it_was_stored_for() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "what is the safe word?"]).expect(0);
    place.run(&["ask", "another question"]).expect(0);
    // The first one's answer under the second one's key.
    change(&place, "UPDATE cache SET key = (SELECT key FROM cache ORDER BY rowid DESC LIMIT 1) || 'x' WHERE rowid = 1");
    change(&place, "DELETE FROM cache WHERE rowid = 2");
    change(&place, "UPDATE cache SET key = rtrim(key, 'x')");
    let sent = sandbox.requests().len();
    let (_, answer) = place.json(&["ask", "another question"]);
    assert_eq!((&answer["cache"], sandbox.requests().len()), (&"miss".into(), sent + 1));
    assert!(answer["content"].as_str().unwrap().contains("another question"), "{answer}");
    assert_eq!(counts(&place), (1, 0));
}

#[test]
fn an_entry_of_another_key_is_left_alone() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    let row = place.sql("SELECT hex(seal), key_id, content FROM cache");
    let place = place.var("LLMR_CACHE_HMAC_KEY", "a key of another machine");
    let (code, verified) = place.json(&["cache", "verify"]);
    assert_eq!((code, &verified["foreign"], &verified["bad"]), (0, &1.into(), &0.into()));
    let (_, verified) = place.json(&["cache", "verify", "--delete"]);
    assert_eq!(verified["deleted"], 0);
    let (_, answer) = place.json(&["ask", "--max-tokens", "5", "hello"]);
    assert_eq!(answer["cache"], "miss", "another question");
    assert_eq!(counts(&place), (0, 0));
    // The same question: a miss, counted, and the row stays until an answer takes its place.
    let unanswered = place.var("OPENAI_BASE_URL", "http://127.0.0.1:9/v1").var("LLMR_MAX_RETRIES", "0");
    let unanswered = unanswered.var("LLMR_MAX_ATTEMPTS", "1").var("COHERE_BASE_URL", "http://127.0.0.1:9");
    let unanswered =
        unanswered.var("ANTHROPIC_BASE_URL", "http://127.0.0.1:9").var("GEMINI_BASE_URL", "http://127.0.0.1:9");
    unanswered.run(&["ask", "hello"]).expect(69);
    assert_eq!(counts(&unanswered), (0, 1));
    assert_eq!(unanswered.sql("SELECT hex(seal), key_id, content FROM cache"), row);
    // Who claims to be sealed with ours without being so is not foreign but bad.
    let place = unanswered.var("LLMR_CACHE_HMAC_KEY", "");
    assert_eq!(place.json(&["ask", "hello"]).1["cache"], "hit", "and with the first key it is good again");
}

#[test]
fn a_forged_row_with_a_seal_of_another_key_does_not_verify() {
    let (mine, theirs) = (sandbox(""), sandbox(""));
    let place = Place::new().with(&mine);
    let thief = Place::new().with(&theirs).var("LLMR_CACHE_HMAC_KEY", "the key of the thief");
    place.run(&["ask", "hello"]).expect(0);
    thief.run(&["ask", "hello"]).expect(0);
    let forged = thief.sql("SELECT key, hex(seal) FROM cache")[0].clone();
    let (key, seal) = forged.split_once('|').unwrap();
    assert_eq!(place.sql("SELECT key FROM cache"), [key], "the same question");
    change(&place, &format!("UPDATE cache SET seal = x'{seal}'"));
    assert_eq!(place.json(&["ask", "hello"]).1["cache"], "miss");
    assert_eq!(counts(&place), (1, 0));
}

#[test]
fn verify_reports_removes_and_lets_the_expired_be() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_NOW", "2026-11-20T12:00:00Z").var("LLMR_CACHE_TTL_SECS", "60.5");
    for prompt in ["one", "two", "three"] {
        place.run(&["ask", prompt]).expect(0);
    }
    let sound = place.json(&["cache", "verify"]);
    assert_eq!((sound.0, &sound.1["good"], &sound.1["checked"]), (0, &3.into(), &3.into()));
    change(&place, "UPDATE cache SET content = 'forged' WHERE rowid = 2");
    let ran = place.run(&["cache", "verify"]).expect(5);
    assert!(ran.stdout.contains("1 bad") && ran.stderr.contains("cache verify --delete"), "{ran:?}");
    assert_eq!(place.sql("SELECT count(*) FROM cache"), ["3"], "reporting removes nothing");

    let later = place.var("LLMR_NOW", "2026-11-20T12:01:01Z");
    let (code, verified) = later.json(&["cache", "verify", "--delete"]);
    assert_eq!((code, &verified["bad"], &verified["deleted"]), (5, &1.into(), &1.into()));
    assert_eq!((&verified["expired"], &verified["good"]), (&2.into(), &0.into()));
    assert_eq!(later.json(&["cache", "verify"]).0, 0, "an expired one is not bad");
    assert_eq!(later.sql("SELECT count(*) FROM cache"), ["2"]);

    let sent = sandbox.requests().len();
    assert_eq!(later.json(&["ask", "one"]).1["cache"], "miss", "expired");
    assert_eq!(sandbox.requests().len(), sent + 1);
    assert_eq!(counts(&later), (0, 0), "time passing is no fault");
    let (_, cleared) = later.json(&["cache", "clear"]);
    assert_eq!(cleared["removed"], 1, "the expired ones have left with the next write");
}

#[test]
fn it_is_served_until_its_time_is_up_and_no_longer() {
    let sandbox = sandbox("");
    let noon = Place::new().with(&sandbox).var("LLMR_NOW", "2026-11-20T12:00:00Z").var("LLMR_CACHE_TTL_SECS", "60");
    noon.run(&["ask", "hello"]).expect(0);
    // Also not by a clock that was set back: the entry's age is not known then.
    let at = |place: Place, now: &str, kind: &str| {
        let place = place.var("LLMR_NOW", now);
        assert_eq!(place.json(&["dry-run", "hello"]).1["cache"], kind, "{now}");
        place
    };
    let place = at(noon, "2026-11-20T11:59:00Z", "miss");
    let place = at(place, "2026-11-20T12:00:59Z", "hit");
    let place = at(place, "2026-11-20T12:01:01Z", "miss");
    assert_eq!(place.json(&["ask", "hello"]).1["cache"], "miss");
    assert_eq!(sandbox.requests().len(), 2);
}

#[test]
fn an_answer_of_somebody_who_may_not_answer_is_not_served() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    let who = place.sql("SELECT provider FROM cache");
    assert_eq!(who, ["cohere"]);
    // The same question without that provider's key, then with another model in its place.
    let without = place.var("COHERE_API_KEY", "");
    let (_, answer) = without.json(&["ask", "hello"]);
    assert_eq!(answer["cache"], "miss", "{answer}");
    assert_ne!(answer["provider"], "cohere");
    assert_eq!(counts(&without), (0, 0), "it is sound, only not for this request");
}

#[test]
fn the_oldest_unused_leave_when_it_is_full() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox).var("LLMR_CACHE_L2_MAX", "2");
    let place = place.var("LLMR_NOW", "2026-11-21T12:00:00Z");
    for prompt in ["one", "two"] {
        place.run(&["ask", prompt]).expect(0);
    }
    // Minutes count.
    let place = place.var("LLMR_NOW", "2026-11-21T12:01:30Z");
    place.run(&["ask", "one"]).expect(0);
    place.run(&["ask", "three"]).expect(0);
    let place = place.var("LLMR_NOW", "2026-11-21T12:02:00Z");
    let kind = |prompt: &str| place.json(&["dry-run", prompt]).1["cache"].as_str().unwrap().to_owned();
    assert_eq!(["one", "two", "three"].map(kind), ["hit", "miss", "hit"]);
}

#[test]
fn a_cache_key_that_cannot_be_one_turns_the_cache_off_and_a_well_known_one_is_refused() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.home_file("cache.key", "too short");
    let ran = place.run(&["ask", "hello"]).expect(0);
    assert!(ran.stderr.contains("the cache is off") && ran.stderr.contains("cache.key"), "{ran:?}");
    assert_eq!(place.sql("SELECT count(*) FROM cache"), ["0"]);
    let ran = place.run(&["cache", "verify"]).expect(2);
    assert!(ran.stderr.contains("cache.key") && ran.stderr.contains("hint: "), "{ran:?}");
    let asked = sandbox.requests().len();
    let place = place.var("LLMR_CACHE_HMAC_KEY", "change-me");
    place.run(&["ask", "hello"]).expect(2);
    assert_eq!(sandbox.requests().len(), asked);
}

#[test]
fn a_bad_entry_that_cannot_be_removed_is_not_served_and_stops_nothing() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.run(&["ask", "hello"]).expect(0);
    for change in [
        "UPDATE cache SET content = 'forged'",
        "CREATE TRIGGER stays BEFORE DELETE ON cache BEGIN SELECT RAISE(FAIL, 'the disk is full'); END",
    ] {
        rusqlite::Connection::open(place.home().join("llmr.db")).unwrap().execute_batch(change).unwrap();
    }
    let ran = place.run(&["ask", "--no-stream", "hello"]).expect(0);
    assert!(ran.stdout.contains("no model was asked") && ran.stderr.contains("could not be removed"), "{ran:?}");
}
