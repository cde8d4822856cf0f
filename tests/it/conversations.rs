//! Conversations: what is kept of them, what is sent, what happens when they outgrow a window.

use llmr::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::{Place, finish, lab_row, paced, price, provider, sandbox_at, sandbox_of, signal, until};

/// One provider, and `llmr` set up for it alone; `window` is the model's, where it is known.
fn lab(faults: &str, window: Option<u64>) -> (Sandbox, Place) {
    let sandbox = sandbox_of(vec![provider("alpha", "m", "1", "10")], faults);
    let place = Place::new().var("LAB_KEY", "test-key");
    let row = lab_row(&sandbox.providers()[0], &sandbox.base_url("alpha").unwrap(), 1);
    let window = window.map(|n| format!("[[provider.model]]\nid = \"m\"\ncontext_tokens = {n}\n")).unwrap_or_default();
    place.home_file("config.toml", &format!("{row}{}{window}", price(&sandbox.providers()[0])));
    (sandbox, place)
}

/// The messages of every request, in the order in which they came: role and text.
fn sent(sandbox: &Sandbox) -> Vec<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let messages = |body: &Value| -> Vec<_> {
        body["messages"].as_array().unwrap().iter().map(|m| (text(&m["role"]), text(&m["content"]))).collect()
    };
    sandbox.requests().iter().map(|received| messages(&received.body)).collect()
}

fn last_sent(sandbox: &Sandbox) -> Vec<(String, String)> {
    sent(sandbox).pop().unwrap()
}

fn ask(place: &Place, args: &[&str]) -> Value {
    let (code, object) = place.json(&[&["ask"], args].concat());
    assert_eq!(code, 0, "{object}");
    object
}

fn turn(n: usize) -> String {
    format!("question number {n}: {}", "some words that fill it up ".repeat(12))
}

#[test]
fn a_conversation_goes_on_with_all_that_was_said() {
    let (sandbox, place) = lab("", None);
    let first = ask(&place, &["--session", "trip", "-s", "be brief", "-m", "alpha/m", "one"]);
    assert_eq!(first["conversation"], json!({"id": "c1", "name": "trip", "turn": 1, "cost_usd": first["cost_usd"]}));
    ask(&place, &["something else"]);
    let second = ask(&place, &["-c", "two"]);
    assert_eq!((&second["conversation"]["turn"], &second["requested_model"]), (&json!(2), &Value::Null));
    let said = last_sent(&sandbox);
    let roles: Vec<&str> = said.iter().map(|(role, _)| role.as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(said[0].1, "be brief");
    assert_eq!((said[1].1.as_str(), said[3].1.as_str()), ("one", "two"));
    assert_eq!(said[2].1, first["content"].as_str().unwrap());

    // Only the conversation's texts are kept, and its sum is the ledger's.
    assert_eq!(place.sql("SELECT prompt FROM contents"), ["one", "two"]);
    let nano = |usd: &Value| (usd.as_f64().unwrap() * 1e9).round();
    assert_eq!(
        nano(&second["conversation"]["cost_usd"]),
        nano(&first["cost_usd"]) + nano(&second["cost_usd"]),
        "{second}"
    );

    // A flag changes what is pinned, from then on.
    ask(&place, &["-c", "-s", "be long", "three"]);
    ask(&place, &["--session", "trip", "four"]);
    assert_eq!(last_sent(&sandbox)[0].1, "be long");
    assert_eq!(ask(&place, &["hello"])["conversation"], Value::Null);
}

#[test]
fn what_is_not_there_is_an_error_and_leaves_nothing() {
    let (_sandbox, place) = lab("", None);
    let ran = place.run(&["ask", "-c", "hello"]).expect(2);
    assert!(ran.stderr.contains("error: there is no conversation yet\nhint: `llmr chat` begins one"), "{ran:?}");
    for name in ["c7", "last", "r3", " trip"] {
        place.run(&["ask", "--session", name, "hello"]).expect(2);
    }
    place.run(&["ask", "--session", "trip", "-m", "nobody/x", "hello"]).expect(2);
    assert_eq!(place.sql("SELECT count(*) FROM conversations"), ["0"]);
    for args in [["chat", "show", "trip"], ["chat", "rm", "c1"], ["chat", "export", "last"]] {
        place.run(&args).expect(2);
    }
    assert_eq!(place.run(&["chat", "list"]).expect(0).stdout, "no conversation is kept yet\n");
}

#[test]
fn the_same_question_is_answered_from_the_cache_and_kept_as_a_turn() {
    let (sandbox, place) = lab("", None);
    ask(&place, &["--session", "one", "hello"]);
    let hit = ask(&place, &["--session", "two", "hello"]);
    assert_eq!((&hit["cache"], &hit["conversation"]["turn"]), (&json!("hit"), &json!(1)));
    assert_eq!(sandbox.requests().len(), 1);
    let (_, shown) = place.json(&["chat", "show", "two"]);
    assert_eq!((&shown["turns"][0]["answer"], &shown["conversation"]["cost_usd"]), (&hit["content"], &json!(0)));
}

#[test]
fn a_rehearsed_turn_counts_what_was_said_and_writes_nothing() {
    let (sandbox, place) = lab("", None);
    let plain = place.json(&["dry-run", "two"]).1;
    ask(&place, &["--session", "trip", "one"]);
    let planned = place.json(&["ask", "-c", "--dry-run", "-s", "other", "two"]).1;
    let tokens = |plan: &Value| plan["estimate"]["input_tokens"].as_u64().unwrap();
    assert!(tokens(&planned) > tokens(&plain) + 50, "{planned}");
    assert_eq!(place.sql("SELECT count(*), max(system) FROM conversations, turns"), ["1|"]);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn what_outgrew_the_window_is_condensed_and_stays_stored() {
    let (sandbox, place) = lab("", Some(1500));
    let turns: Vec<String> = (1..=9).map(turn).collect();
    ask(&place, &["--session", "long", "-s", "be brief", &turns[0]]);
    let answers: Vec<Value> = turns[1..].iter().map(|text| ask(&place, &["-c", text])).collect();
    let told: Vec<&Value> = answers.iter().filter(|a| a["warnings"].to_string().contains("outgrew")).collect();
    assert!((1..7).contains(&told.len()), "condensed now and then, not each time: {}", told.len());
    let says = told[0]["warnings"][0].as_str().unwrap();
    assert!(says.contains("turns 1 to ") && says.contains("all of it stays stored"), "{says}");
    assert!(told[0]["warnings"][1].as_str().unwrap().starts_with("condensed for $0."), "{}", told[0]);

    // What was sent after it: the system prompt, the summary inside the first message, and the newest whole.
    let requests = sent(&sandbox);
    let condenses = |messages: &&Vec<(String, String)>| messages[0].1.starts_with("You condense");
    let at = requests.iter().position(|messages| condenses(&messages)).unwrap();
    assert!(requests[at][1].1.contains(&turns[0]), "the older part is what is condensed");
    let after = requests[at..].iter().find(|messages| !condenses(messages)).unwrap();
    assert_eq!(after[0].1, "be brief");
    assert!(after[1].1.starts_with("<summary_of_earlier_conversation>\nThis is the sandbox"), "{after:?}");
    let newest = after.last().unwrap();
    assert!(turns.iter().any(|text| newest.1.ends_with(text)), "{newest:?}");
    let roles: Vec<&str> = after[1..].iter().map(|(role, _)| role.as_str()).collect();
    assert!(roles.iter().zip(["user", "assistant"].iter().cycle()).all(|(a, b)| a == b), "{roles:?}");

    assert_eq!(place.sql("SELECT count(*) FROM requests WHERE exit_code <> 0"), ["0"], "nobody was asked in vain");

    // Nothing of the conversation is lost, and what condensing cost is counted to it and marked in the log.
    let (_, shown) = place.json(&["chat", "show", "long"]);
    let prompts: Vec<&str> = shown["turns"].as_array().unwrap().iter().map(|t| t["prompt"].as_str().unwrap()).collect();
    assert_eq!(prompts, turns);
    assert!(shown["condensed"]["upto"].as_u64().unwrap() >= 1);
    let condensing = place.sql("SELECT count(*) FROM requests WHERE tag = 'condense'");
    assert_eq!(condensing, place.sql("SELECT count(*) FROM condensations WHERE summary IS NOT NULL"));
    let spent = llmr::types::NanoUsd(place.money().0).as_usd();
    assert_eq!(shown["conversation"]["cost_usd"], json!(spent));
    let markdown = place.run(&["chat", "export", "long"]).expect(0).stdout;
    assert!(turns.iter().all(|text| markdown.contains(text.trim_end())), "{markdown}");
}

#[test]
fn a_provider_that_only_says_so_is_condensed_for_too() {
    let (sandbox, place) = lab("alpha=okx4,alpha=overflowx1", None);
    ask(&place, &["--session", "long", &turn(1)]);
    for n in 2..=4 {
        ask(&place, &["-c", &turn(n)]);
    }
    let ran = place.run(&["ask", "-c", &turn(5)]).expect(0);
    assert!(ran.stderr.contains("warning: the conversation outgrew the model's window: turn"), "{ran:?}");
    assert!(ran.stderr.contains("warning: condensed for $0."), "{ran:?}");
    let requests = sent(&sandbox);
    assert_eq!(requests[4].len(), 9, "all of it was tried");
    assert!(requests.last().unwrap()[0].1.starts_with("<summary_of_earlier_conversation>"), "{requests:?}");
    assert!(requests.last().unwrap().len() < 9);
    assert!(requests.last().unwrap().last().unwrap().1.contains(&turn(5)));

    // The refused request is no turn of its own: its message came again with the next one.
    let (_, shown) = place.json(&["chat", "show", "long"]);
    let prompts: Vec<&str> = shown["turns"].as_array().unwrap().iter().map(|t| t["prompt"].as_str().unwrap()).collect();
    assert_eq!(prompts, (1..=5).map(turn).collect::<Vec<_>>());
    assert_eq!(shown["turns"][4]["dropped"], false);
    assert_eq!(place.sql("SELECT count(*) FROM contents"), ["5"]);
    let spent = llmr::types::NanoUsd(place.money().0).as_usd();
    assert_eq!(shown["conversation"]["cost_usd"], json!(spent));
}

#[test]
fn a_turn_that_is_condensed_for_never_costs_more_than_it_may() {
    let mut codes = Vec::new();
    // Only what is read costs something: holds are close to costs, and what is not counted shows.
    for most in (1_200_000..3_600_000_i64).step_by(240_000) {
        let providers = vec![provider("alpha", "m", "1", "0"), provider("beta", "m", "1", "0")];
        let sandbox = sandbox_of(providers, "alpha=okx2,alpha=stallx1,beta=overflowx1");
        let place = Place::new().labs(&sandbox, "").var("LLMR_MAX_RETRIES", "0").var("LLMR_TIMEOUT_IDLE_SECS", "0.1");
        ask(&place, &["--session", "long", &turn(1)]);
        ask(&place, &["-c", &turn(2)]);
        let before = place.money().0;
        let usd = llmr::types::NanoUsd(most).to_string();
        let ran = place.run(&["ask", "-c", "--max-cost", &usd, &turn(3)]);
        let cost = place.money().0 - before;
        assert!(cost <= most, "{cost} of {most}: {ran:?}");
        codes.push(ran.code.unwrap());
    }
    assert!(codes.contains(&0) && codes.contains(&4), "{codes:?}");
}

#[test]
fn a_window_that_holds_nothing_ends_after_a_few_rounds() {
    let (sandbox, place) = lab("alpha=okx3,alpha=overflow", None);
    ask(&place, &["--session", "long", &turn(1)]);
    ask(&place, &["-c", &turn(2)]);
    ask(&place, &["-c", &turn(3)]);
    let ran = place.run(&["ask", "-c", &turn(4)]).expect(3);
    assert!(ran.stderr.contains("could not be condensed"), "{ran:?}");
    assert!(ran.stderr.contains("nothing of it is lost"), "{ran:?}");
    assert!(sandbox.requests().len() < 20, "{}", sandbox.requests().len());
    let (_, shown) = place.json(&["chat", "show", "long"]);
    let answered = shown["turns"].as_array().unwrap().iter().filter(|t| t["answer"].is_string()).count();
    assert_eq!((shown["turns"].as_array().unwrap().len(), answered), (4, 3));
}

#[test]
fn a_message_that_is_too_long_by_itself_is_refused_as_it_is() {
    let (sandbox, place) = lab("", Some(1000));
    ask(&place, &["--session", "long", "hello"]);
    ask(&place, &["-c", &"word ".repeat(400)]);
    let ran = place.run(&["ask", "-c", &"word ".repeat(800)]).expect(3);
    assert!(ran.stderr.contains("error: the prompt is too long for every candidate"), "{ran:?}");
    assert_eq!(sandbox.requests().len(), 2, "nothing is condensed in vain");
    // What has no answer is not sent with the next one.
    ask(&place, &["-c", "again"]);
    assert!(!last_sent(&sandbox).iter().any(|(_, text)| text.contains(&"word ".repeat(700))));
}

#[test]
fn condensing_that_fails_says_so_and_loses_nothing() {
    let (_sandbox, place) = lab("alpha=okx4,alpha=overflowx1,alpha=400", None);
    ask(&place, &["--session", "long", &turn(1)]);
    for n in 2..=4 {
        ask(&place, &["-c", &turn(n)]);
    }
    let (code, object) = place.json(&["ask", "-c", &turn(5)]);
    let message = object["error"]["message"].as_str().unwrap();
    assert_eq!(code, 3);
    assert!(
        message.starts_with("the conversation outgrew the model's window and could not be condensed: "),
        "{object}"
    );
    assert_eq!(place.sql("SELECT count(*), count(answer) FROM turns JOIN contents USING (request_id)"), ["5|4"]);
    assert_eq!(place.sql("SELECT count(*) FROM condensations WHERE summary IS NOT NULL"), ["0"]);
}

#[test]
fn ctrl_c_keeps_what_was_shown_and_what_it_cost() {
    let sandbox = sandbox_at(1.0, vec![paced(provider("alpha", "m", "1", "10"), 5, 30)], "");
    let place = Place::new().labs(&sandbox, "");
    let mut child = place.command(&["ask", "--session", "trip", "--stream", "hello"]).spawn().unwrap();
    let mut first = [0; 16];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    signal(&child, "INT");
    let ran = finish(child).expect(130);
    let (_, shown) = place.json(&["chat", "show", "trip"]);
    let turn = &shown["turns"][0];
    let kept = turn["answer"].as_str().unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&first), ran.stdout);
    assert_eq!(kept.trim_end(), printed.trim_end(), "what was printed is what is kept");
    assert_eq!((&turn["partial"], &turn["provider"]), (&json!(true), &json!("alpha")));
    assert!(
        turn["cost_usd"].as_f64().unwrap() > 0.0 && turn["cost_usd"] == shown["conversation"]["cost_usd"],
        "{shown}"
    );
    until("nothing is held", || place.money().2 == 0);

    // It goes on with the part.
    let sent_after = {
        ask(&place, &["-c", "go on"]);
        last_sent(&sandbox)
    };
    assert_eq!(sent_after[1], ("assistant".to_owned(), kept.to_owned()));
    let text = place.run(&["chat", "show", "trip"]).expect(0).stdout;
    assert!(text.contains("(the answer broke off here)"), "{text}");
}

#[test]
fn without_a_terminal_each_line_is_a_turn() {
    let (sandbox, place) = lab("", None);
    let ran = place.run_with_stdin(&["chat", "--session", "piped", "zero"], b"one\n\ntwo\r\n").expect(0);
    assert_eq!(ran.stderr, "");
    let (_, shown) = place.json(&["chat", "show", "piped"]);
    let turns = shown["turns"].as_array().unwrap();
    let answers: String = turns.iter().map(|t| format!("{}\n", t["answer"].as_str().unwrap())).collect();
    assert_eq!(ran.stdout, answers);
    assert_eq!(turns.iter().map(|t| t["prompt"].as_str().unwrap()).collect::<Vec<_>>(), ["zero", "one", "two"]);
    assert_eq!(last_sent(&sandbox).len(), 5);

    let ran = place.run_with_stdin(&["chat", "-c", "--json"], b"three\nfour").expect(0);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|l| l["conversation"]["turn"].as_u64().unwrap()).collect::<Vec<_>>(), [4, 5]);
    let ran = place.run(&["chat"]).expect(2);
    assert!(ran.stderr.contains("error: there is nothing to ask: standard input is empty"), "{ran:?}");
}

#[test]
fn a_line_that_fails_is_named_and_ends_it() {
    let (sandbox, place) = lab("alpha=okx1,alpha=400x1", None);
    let ran = place.run_with_stdin(&["chat"], b"one\ntwo\nthree\n").expect(3);
    assert!(ran.stderr.starts_with("error: line 2: the request is refused by alpha/m"), "{ran:?}");
    assert_eq!((ran.stdout.lines().count(), sandbox.requests().len()), (1, 2));
    let (code, error) = {
        let ran = place.run_with_stdin(&["chat", "--json"], b"one\n\xff\n");
        let last = ran.stdout.lines().last().map(|line| serde_json::from_str::<Value>(line).unwrap());
        (ran.code, last.unwrap())
    };
    assert_eq!((code, &error["error"]["kind"]), (Some(2), &json!("input")));
}

#[test]
fn exports_have_the_forms_that_others_read() {
    let (_sandbox, place) = lab("alpha=okx1,alpha=400x1", None);
    let first = ask(&place, &["--session", "trip", "-s", "be brief", "one \u{1b}[2J"]);
    place.run(&["ask", "-c", "two"]).expect(3);
    let answer = first["content"].as_str().unwrap();
    let lines = place.run(&["chat", "export", "trip", "--format", "jsonl"]).expect(0).stdout;
    assert_eq!(
        serde_json::from_str::<Value>(lines.trim_end()).unwrap(),
        json!({"messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "one \u{1b}[2J"},
            {"role": "assistant", "content": answer},
        ]})
    );
    let markdown = place.run(&["chat", "export", "c1"]).expect(0).stdout;
    let expected = format!(
        "# trip\n\n## System\n\nbe brief\n\n## You\n\none \u{1b}[2J\n\n## alpha/m\n\n{answer}\n\n## You\n\ntwo\n\n*No answer.*\n"
    );
    assert_eq!(markdown, expected);
    let object: Value =
        serde_json::from_str(&place.run(&["chat", "export", "last", "--format", "json"]).expect(0).stdout).unwrap();
    assert_eq!(object, place.json(&["chat", "show", "trip"]).1);
    let list = place.json(&["chat", "list"]).1;
    assert_eq!((&list["conversations"][0]["turns"], &list["conversations"][0]["name"]), (&json!(2), &json!("trip")));
}
