//! `llmr select`: which passages, where they stand, within the budget; and everything that is no document.

use std::process::Stdio;

use serde_json::Value;

use llmr::engine::retrieval::Index;

use self::needles::{Document, Fact};
use crate::common::{Place, sandbox};

#[path = "../../examples/needles/document.rs"]
mod needles;

/// Paragraphs that look alike, one of them the wanted one; several scripts, and line breaks of both kinds.
fn document() -> String {
    let mut text = String::from("# Lagerbücher 📦\r\n\r\n");
    for number in 0..120 {
        text += match number % 4 {
            0 => "Der Verwalter zählt die Kisten zweimal täglich; über das Wetter schreibt er nichts. 🙂\r\n\r\n",
            1 => "仓库的箱子每天数两次。管理员不写天气。\n\n",
            2 => "The keeper counts the crates twice a day.\nHe writes nothing about the weather.\n\n",
            _ => "- Öl\n- Käse\n- Brot 🍞\n\n",
        };
        text += match number {
            60 => "Die Müllerin verkaufte 1871 ihre Mühle für 7001 Gulden an den Förster. 🏚️\r\n\r\n",
            90 => "灯塔在一九一二年由渔民建造。\n\n",
            _ => "",
        };
    }
    text
}

fn spans(of: &Value) -> Vec<(usize, usize)> {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    of.as_array().unwrap().iter().map(|span| (number(&span[0]), number(&span[1]))).collect()
}

/// What stands between two code points.
fn cut(text: &str, (start, end): (usize, usize)) -> String {
    text.chars().skip(start).take(end - start).collect()
}

/// What the text output is for these spans: the passages are cut out by code points, their lines counted from the start.
fn printed(file: &str, text: &str, spans: &[(usize, usize)]) -> String {
    let place = |&(start, end): &(usize, usize)| {
        let passage = cut(text, (start, end));
        let before = cut(text, (0, start)) + &passage[..passage.len() - passage.trim_start().len()];
        let first = before.matches('\n').count() + 1;
        let last = first + passage.trim().matches('\n').count();
        let end = if passage.ends_with('\n') { "" } else { "\n" };
        format!("{file}:{first}-{last}\n{passage}{end}")
    };
    spans.iter().map(place).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_spans_are_the_text_that_is_printed_and_never_pass_the_budget() {
    let (place, text) = (Place::new(), document());
    place.work_file("buch.txt", &text);
    for (question, wanted) in
        [("Für wie viele Gulden verkaufte die Müllerin die Mühle?", "7001 Gulden"), ("灯塔是谁建造的？", "渔民建造")]
    {
        place.work_file("q.txt", question);
        for budget in [1, 10, 40, 100, 300, 1_000, 100_000] {
            let args = ["select", "-f", "buch.txt", "--query-file", "q.txt", "--budget", &budget.to_string()];
            let (code, object) = place.json(&args);
            let found = spans(&object["spans"]);
            assert_eq!((code, &object["schema_version"]), (0, &1.into()));
            assert_eq!(object["files"], serde_json::json!([{ "file": "buch.txt", "spans": object["spans"] }]));
            assert!(found.iter().all(|(start, end)| start < end && *end <= text.chars().count()), "{object}");
            assert!(found.windows(2).all(|pair| pair[0].1 < pair[1].0), "{object}");
            let characters: usize = found.iter().map(|(start, end)| (end - start).div_ceil(4)).sum();
            let tokens = object["tokens"].as_u64().unwrap();
            assert!(tokens <= budget && characters as u64 <= tokens, "{budget}: {object}");
            let inside = found.iter().any(|span| cut(&text, *span).contains(wanted));
            assert!(inside || budget < 40, "{question} {budget}: {object}");
            assert_eq!(place.run(&args).expect(0).stdout, printed("buch.txt", &text, &found), "{budget}");
        }
    }
}

#[test]
fn several_documents_are_ranked_together() {
    let (place, text) = (Place::new(), document());
    place.work_file("a.md", "Nothing is said here of what is asked.\n".repeat(100).as_str());
    place.work_file("b.md", &text);
    let (_, object) = place.json(&["select", "-f", "*.md", "--budget", "60", "Müllerin", "Mühle", "Gulden"]);
    assert!(object.get("spans").is_none(), "{object}");
    assert_eq!((&object["files"][0]["file"], &object["files"][0]["spans"]), (&"a.md".into(), &serde_json::json!([])));
    let found = spans(&object["files"][1]["spans"]);
    let ran = place.run(&["select", "-f", "*.md", "--budget", "60", "Müllerin Mühle Gulden"]).expect(0);
    assert_eq!(ran.stdout, printed("b.md", &text, &found));
    assert!(ran.stdout.contains("7001 Gulden"), "{}", ran.stdout);
    // Standard input is a document like others.
    let args = ["select", "-f", "a.md", "-f", "-", "--budget", "60", "Müllerin Mühle Gulden"];
    let piped = place.run_with_stdin(&args, text.as_bytes()).expect(0);
    assert_eq!(piped.stdout, printed("-", &text, &found));
}

#[test]
fn the_question_may_be_piped_in_and_the_passages_on() {
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    place.work_file("buch.txt", &document());
    let args = ["select", "-f", "buch.txt", "--query-file", "-", "--budget", "60"];
    let picked = place.run_with_stdin(&args, "Wer verkaufte die Mühle?\n".as_bytes()).expect(0);
    assert_eq!(picked.stderr, "");
    place.run_with_stdin(&["ask", "-p", "openai", "who sold the mill?"], picked.stdout.as_bytes()).expect(0);
    let requests = sandbox.requests();
    let asked = requests.last().unwrap().body["messages"][0]["content"].as_str().unwrap();
    assert_eq!(asked, format!("who sold the mill?\n\n<stdin>{}</stdin>", picked.stdout));
    assert!(asked.contains("7001 Gulden"));
}

#[test]
fn nothing_to_pick_is_no_error_and_is_said() {
    let place = Place::new();
    place.work_file("buch.txt", &document());
    place.work_file("empty.txt", "");
    for args in [
        &["select", "-f", "buch.txt", "--budget", "100", "xylophone"][..],
        &["select", "-f", "buch.txt", "--budget", "1", "Mühle"],
        &["select", "-f", "empty.txt", "--budget", "9", "Mühle"],
    ] {
        let ran = place.run(args).expect(0);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.starts_with("note: nothing is picked"), "{}", ran.stderr);
        assert_eq!(place.run(&[args, &["-q"]].concat()).expect(0).stderr, "");
        let (_, object) = place.json(args);
        assert_eq!((&object["spans"], &object["tokens"]), (&serde_json::json!([]), &0.into()));
    }
}

#[test]
fn neither_settings_nor_a_database_are_touched() {
    let place = Place::new().var("LLMR_BUDGET_DAILY_USD", "nonsense");
    place.home_file("config.toml", "this is no toml");
    place.work_file("buch.txt", &document());
    assert!(place.run(&["select", "-f", "buch.txt", "--budget", "60", "Mühle"]).expect(0).stdout.contains("7001"));
    assert_eq!(std::fs::read_dir(place.home()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_used_is_named_with_a_hint() {
    let place = Place::new();
    place.work_file("buch.txt", &document());
    place.work_file("blank.txt", " \n");
    place.work_file("long.txt", &"word ".repeat(4_000));
    std::fs::write(place.work().join("binary"), b"a\xff\0b").unwrap();
    let file = |name: &'static str| ["select", "-f", name, "--budget", "9", "Mühle"];
    let query = |name: &'static str| ["select", "-f", "buch.txt", "--budget", "9", "--query-file", name];
    for (args, message, hint) in [
        (&file("gone.txt")[..], "cannot read `gone.txt`: No such file", "working folder"),
        (&file("*.html"), "no file matches `*.html`", "relative"),
        (&file("."), "`.` is a folder", "-f './*'"),
        (&file("binary"), "`binary` is not valid UTF-8 at byte 1", "iconv"),
        (&query("gone.txt"), "cannot read `gone.txt`: No such file", "working folder"),
        (&query("."), "`.` is a folder", "--query-file"),
        (&query("binary"), "`binary` is not valid UTF-8 at byte 1", "iconv"),
        (&query("blank.txt"), "the question is empty", "if it comes from"),
        (&query("long.txt"), "the question is longer than 16 KiB", "-f"),
        (&["select", "-f", "buch.txt", "--budget", "9", "  "], "the question is empty", "if it comes from"),
        (&["select", "-f", "buch.txt", "--budget", "9"], "there is no question", "--query-file"),
        (&["select", "-f", "buch.txt", "--budget", "0", "x"], "--budget 0 leaves no room", "--budget 4000"),
        (&["select", "-f", "buch.txt", "--budget", "-5", "x"], "invalid value '-5' for '--budget", "--help"),
        (
            &["select", "-f", "buch.txt", "x"],
            "the following required arguments were not provided:",
            "--budget <TOKENS>",
        ),
        (&["select", "--budget", "9", "x"], "the following required arguments were not provided:", "--file <DOC>"),
        (&["select", "-f", "-", "--query-file", "-", "--budget", "9"], "`-` names standard input twice", ""),
        (
            &["select", "-f", "buch.txt", "--query-file", "q", "--budget", "9", "x"],
            "the argument '--query-file",
            "Usage",
        ),
    ] {
        let ran = place.run(args).expect(2);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.starts_with(&format!("error: {message}")), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{args:?}: {}", ran.stderr);
        let (code, object) = place.json(args);
        assert!(code == 2 && object["error"]["message"].is_string(), "{args:?}: {object}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let place = Place::new();
    place.work_file("buch.txt", &document().repeat(20));
    for more in [&[][..], &["--json"]] {
        let args = [&["select", "-f", "buch.txt", "--budget", "900000", "Kisten"][..], more].concat();
        let mut child = place.command(&args).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    }
}

/// The same with two million tokens: `cargo run --release --example needles`.
#[test]
fn facts_are_found_at_every_tenth_alone_and_together() {
    let document = Document::new(40_000);
    let index = Index::new(&document.text);
    let holds = |facts: &[Fact]| {
        let question: Vec<&str> = facts.iter().map(|fact| fact.question.as_str()).collect();
        let spans = index.pick(&question.join(" "), 640).spans;
        facts.iter().all(|fact| spans.iter().any(|span| document.text[span.clone()].contains(&fact.sentence)))
    };
    let single = document.facts.chunks(1).filter(|facts| holds(facts)).count();
    let together = document.facts.windows(4).filter(|facts| holds(facts)).count();
    let all = document.facts.len();
    assert!(all >= 40 && 100 * single >= 95 * all && 100 * together >= 90 * (all - 3), "{single} {together} of {all}");
}
