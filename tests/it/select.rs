//! The passages of a document for a question: offsets that are right, a budget that is kept.

use serde_json::Value;

use crate::common::{Place, Ran};

/// Paragraphs that look alike, in several scripts and with both line ends.
fn document() -> String {
    let towns = ["Aldova", "Brenik", "Corvane", "Dunmör", "Estril"];
    let paragraph = |n: usize| {
        let town = towns[n % towns.len()];
        format!("The depot at {town} {n} keeps {} crates. 🦀 Ihr Schlüssel hängt an der Tür.\r\n\r\n", n * 37 % 997)
    };
    let filler: String = (0..200).map(paragraph).collect();
    format!("{filler}东京的仓库里有三千个箱子。大阪的仓库是空的。\n\n{filler}The vault of Marrow opens with 7413.\n")
}

fn spans(report: &Value) -> Vec<(usize, usize)> {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    report["spans"].as_array().unwrap().iter().map(|span| (number(&span[0]), number(&span[1]))).collect()
}

/// What lies between two code points.
fn cut(text: &str, (start, end): (usize, usize)) -> String {
    text.chars().skip(start).take(end - start).collect()
}

#[test]
fn what_is_picked_fits_the_budget_has_the_passage_and_is_where_it_says() {
    let place = Place::new();
    let text = document();
    place.work_file("d.txt", &text);
    for (question, needed) in [
        ("Which number opens the vault of Marrow?", "The vault of Marrow opens with 7413."),
        ("东京的仓库里有多少箱子?", "东京的仓库里有三千个箱子。"),
        ("How many crates does Corvane 52 keep?", "The depot at Corvane 52 keeps"),
    ] {
        for budget in [40, 300, 2_000] {
            let all = ["select", "-f", "d.txt", "--budget", &budget.to_string(), question];
            let (code, report) = place.json(&all);
            let picked: Vec<String> = spans(&report).into_iter().map(|span| cut(&text, span)).collect();
            assert_eq!(code, 0, "{report}");
            assert!(picked.iter().any(|passage| passage.contains(needed)), "{budget}: {picked:?}");
            assert!(spans(&report).windows(2).all(|pair| pair[0].1 < pair[1].0), "{report}");
            let characters: usize = picked.iter().map(|passage| passage.chars().count()).sum();
            let tokens = report["tokens"].as_u64().unwrap();
            assert!(tokens <= budget && characters as u64 <= 4 * tokens, "{report}");
            let shown = place.run(&all).expect(0).stdout;
            assert!(picked.iter().all(|passage| shown.contains(passage.trim_end_matches(['\r', '\n']))), "{shown}");
        }
    }
    let line = text.lines().count();
    let shown = place.run(&["select", "-f", "d.txt", "--budget", "20", "vault of Marrow"]).expect(0).stdout;
    assert_eq!(shown, format!("[d.txt:{line}-{line}]\nThe vault of Marrow opens with 7413.\n\n"));
    assert!(!place.home().join("llmr.db").exists(), "looking leaves nothing behind");
}

#[test]
fn several_files_are_one_document_and_standard_input_may_be_one() {
    let place = Place::new();
    place.work_file("a.txt", "The bridge was built by Ona.\n");
    place.work_file("q.txt", "Who built the bridge?\n");
    let args = ["select", "-f", "-", "-f", "a.txt", "--query-file", "q.txt", "--budget", "200"];
    let stdin = "Nothing of note happened at the mill.\n";
    let ran = place.run_with_stdin(&args, stdin.as_bytes()).expect(0);
    assert!(ran.stdout.contains("[a.txt:1-1]\nThe bridge was built by Ona.\n"), "{ran:?}");
    let ran = place.run_with_stdin(&[&args[..], &["--json"]].concat(), stdin.as_bytes()).expect(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let whole = format!("{stdin}\n\nThe bridge was built by Ona.\n");
    let file = &report["files"][1];
    let place_of = (file["start"].as_u64().unwrap() as usize, file["end"].as_u64().unwrap() as usize);
    assert_eq!(
        (file["path"].as_str(), cut(&whole, place_of).as_str()),
        (Some("a.txt"), "The bridge was built by Ona.\n")
    );
    let ran = place.run(&["select", "-f", "a.txt", "--budget", "9", "zebra"]).expect(0);
    assert_eq!(ran.stdout, "no passage has a word of the question\n");
}

#[test]
fn what_cannot_be_picked_from_is_said() {
    let place = Place::new();
    place.work_file("a.txt", "text\n");
    std::fs::write(place.work().join("latin.txt"), b"caf\xe9").unwrap();
    let says = |args: &[&str], what: &str| {
        let ran: Ran = place.run(args).expect(2);
        assert!(ran.stderr.contains(what) && ran.stdout.is_empty(), "{ran:?}");
    };
    says(&["select", "-f", "none.txt", "--budget", "9", "x"], "cannot read none.txt");
    says(&["select", "-f", "latin.txt", "--budget", "9", "x"], "latin.txt is not UTF-8 (byte 3)");
    says(&["select", "-f", "a.txt", "--budget", "9"], "the question is empty");
    says(&["select", "-f", "a.txt", "--budget", "0", "x"], "--budget 0 leaves room for nothing");
    says(&["select", "-f", "a.txt", "x"], "--budget");
    says(&["select", "--budget", "9", "x"], "--file");
    says(&["select", "-f", "a.txt", "--budget", "9", "--query-file", "a.txt", "x"], "cannot be used with");
}
