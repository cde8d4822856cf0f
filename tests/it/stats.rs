//! `stats` in all of its forms, `budget history`, and what they cost to make.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::pty::Pty;
use crate::common::{Place, impatient, provider, sandbox, sandbox_of, skipped};

/// A place with so many days behind it, two requests each but none on the second; it is noon of 2026-11-21.
pub fn past(days: i64) -> Place {
    let place = Place::new().var("LLMR_NOW", "2026-11-21T12:00:00Z");
    place.run(&["budget", "set", "0.01"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    let today = 20_778;
    for n in (0..days).filter(|n| *n != 1) {
        let (day, cost) = (today + 1 - days + n, (n + 1) * 1_000_000);
        db.execute_batch(&format!(
            "INSERT INTO days VALUES ({day}, {cost}, 0, 2, 2, 1, 1, 0, 0, 500000);
             INSERT INTO day_sums (kind, day, name, sums)
             VALUES ('candidate', {day}, 'lab/small', json_object('attempts', 2, 'ok', 1, 'failed', 1,
                        'cost_nanousd', {cost}, 'latency_ms', 800, 'latencies', json_object('137', 1))),
                    ('tag', {day}, '<script>alert(1)</script>',
                        json_object('requests', 2, 'ok', 2, 'attempts', 2, 'cost_nanousd', {cost})),
                    ('tier', {day}, 'fast', json_object('requests', 2, 'ok', 1, 'attempts', 2, 'cost_nanousd', {cost})),
                    ('answered', {day}, 'lab/small', json_object('requests', 2, 'ok', 2));"
        ))
        .unwrap();
    }
    place
}

#[test]
fn each_view_as_text_is_a_table() {
    let place = past(4);
    let days = place.run(&["stats", "--by", "day"]).expect(0).stdout;
    let table: Vec<&str> = days.lines().take(7).collect();
    let full = |n: usize| "█".repeat(n) + &"░".repeat(30 - n);
    assert_eq!(
        table,
        [
            "2026-10-23 to 2026-11-21: 6 requests, $0.008",
            "day                                           cost  requests  success  median    95 %",
            &"─".repeat(85),
            &format!("2026-11-18  {}  $0.001         2     50 %  819 ms  819 ms", full(8)),
            &format!("2026-11-19  {}   $0.00         0", full(0)),
            &format!("2026-11-20  {}  $0.003         2     50 %  819 ms  819 ms", full(23)),
            &format!("2026-11-21  {}  $0.004         2     50 %  819 ms  819 ms", full(30)),
        ],
        "{days}"
    );
    assert!(
        days.contains("2026-11: $0.008 so far, about $0.0207 ($0.00837 to $0.033) by its end, from 3 days\n"),
        "{days}"
    );
    for (by, row) in [
        ("provider", "lab 6 50 % 819 ms 819 ms 0 $0.008 $0.00133"),
        ("model", "lab/small 6 50 % 819 ms 819 ms 0 $0.008 $0.00133"),
        ("tag", "<script>alert(1)</script> 6 100 % 0 $0.008 $0.00133"),
        ("tier", "fast 6 100 % 0 $0.008 $0.00133"),
    ] {
        let text = place.run(&["stats", "--by", by]).expect(0).stdout;
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|line| words(line) == row), "{by}: {text}");
    }
    let nothing = Place::new().run(&["stats", "--by", "day"]).expect(0);
    assert!(nothing.stdout.contains("0 requests, $0.00\n0 entries"), "{nothing:?}");
}

#[test]
fn a_terminal_gets_bars_that_fit_it_and_the_limit_in_them() {
    let place = past(4).var("LC_ALL", "C");
    let history = place.run(&["budget", "history"]).expect(0).stdout;
    assert_eq!(
        history,
        format!(
            "day                                          spent  requests\n{}\n\
             2026-11-18  ###..........................|  $0.001         2\n\
             2026-11-19  .............................|   $0.00         0\n\
             2026-11-20  #########....................|  $0.003         2\n\
             2026-11-21  ############.................|  $0.004         2\n| marks today's limit, $0.01\n",
            "-".repeat(60)
        )
    );
    let place = place.var("LC_ALL", "C.UTF-8");
    for (columns, bars) in [(100, true), (60, true), (36, true), (30, false), (20, false)] {
        for args in [&["budget", "history"][..], &["stats", "--by", "day"]] {
            let (code, text) = Pty::start(&place, args, columns, 30).end();
            assert_eq!(code, 0, "{text}");
            let drawn = text.contains('░');
            assert!(drawn == bars || args[0] == "stats" && columns < 100, "{columns} {args:?}: {text}");
            let rows = text.lines().filter(|line| line.contains('░'));
            assert!(
                rows.clone().all(|line| line.trim_end().chars().count() <= usize::from(columns)),
                "{columns}: {text}"
            );
        }
    }
}

#[test]
fn csv_and_json_have_the_same_rows() {
    let place = past(4);
    let csv = place.run(&["stats", "--by", "tag", "--format", "csv", "--since", "2026-11-20"]).expect(0).stdout;
    assert_eq!(
        csv,
        "tag,requests,attempts,ok,failed,cancelled,success_rate,cost_usd,unpriced_attempts,cost_per_request_usd,\
         p50_latency_ms,p95_latency_ms,p99_latency_ms,input_tokens,cached_input_tokens,cache_write_tokens,\
         output_tokens,reasoning_tokens,cache_hits,saved_usd\n\
         <script>alert(1)</script>,4,4,4,0,0,1,0.007,0,0.00175,,,,0,0,0,0,0,0,0\n"
    );
    let json = place.run(&["stats", "--format", "json", "--by", "day"]).expect(0).stdout;
    assert_eq!(json, place.run(&["stats", "--json", "--by", "day"]).expect(0).stdout);
    let stats: serde_json::Value = serde_json::from_str(&json).unwrap();
    let days: Vec<&str> = stats["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(days, ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"]);
    assert_eq!((&stats["trend"], &stats["forecast"]["spent_usd"]), (&serde_json::Value::Null, &0.008.into()));
}

#[test]
fn a_thousand_tags_stay_readable_and_json_has_them_all() {
    let place = past(1);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    db.execute_batch(
        "INSERT INTO day_sums (kind, day, name, sums)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT 'tag', 20778, 't' || i, json_object('requests', 1, 'ok', 1, 'attempts', 1, 'cost_nanousd', i * 1000) FROM n",
    )
    .unwrap();
    let text = place.run(&["stats", "--by", "tag"]).expect(0).stdout;
    assert!(text.lines().count() < 30 && text.contains("(9982 others)"), "{text}");
    let (_, json) = place.json(&["stats", "--by", "tag"]);
    assert_eq!(json["rows"].as_array().unwrap().len(), 10_001);
    let html = place.run(&["stats", "--format", "html"]).expect(0).stdout;
    assert!(html.contains("(9972 others)") && html.len() < 200_000, "{}", html.len());
}

#[test]
fn flags_that_make_no_sense_are_wrong_usage() {
    let place = past(1);
    for (args, said) in [
        (&["--json", "--format", "csv"][..], "--json and --format csv contradict each other"),
        (&["--format", "prometheus", "--days", "3"], "--days and --format prometheus contradict"),
        (&["--format", "prometheus", "--by", "tag"], "--by and --format prometheus contradict"),
        (&["--since", "2026-11-22"], "--since 2026-11-22 is after today"),
        (&["--since", "tomorrow"], "--since `tomorrow` is not a day"),
        (&["--until", "2026-11-31"], "--until `2026-11-31` is not a day"),
        (&["--since", "2026-11-01", "--days", "3"], "cannot be used with"),
        (&["--by", "colour"], "colour"),
    ] {
        let ran = place.run(&[&["stats"], args].concat()).expect(2);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(said), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout.is_empty(), !args.contains(&"--json") || args.contains(&"csv"), "{ran:?}");
    }
    for args in [&["--json", "--format", "json"][..], &["--days", "4294967295"], &["--until", "2030-01-01"]] {
        place.run(&[&["stats"], args].concat()).expect(0);
    }
    let error = place.run(&["stats", "--format", "json", "--since", "x"]).expect(2);
    assert!(error.stdout.starts_with("{\"schema_version\":1,\"error\""), "{error:?}");
}

/// The samples of a page by metric, checked line by line against text format 0.0.4.
fn metrics(page: &str) -> BTreeMap<String, Vec<(String, f64)>> {
    let name_is_good = |name: &str| {
        let tail = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        name.chars().next().is_some_and(|c| !c.is_ascii_digit()) && name.chars().all(tail)
    };
    let (mut samples, mut kind, mut seen) = (BTreeMap::new(), String::new(), HashSet::new());
    assert!(page.ends_with('\n'));
    let mut metric = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(name.starts_with("llmr_") && name_is_good(name) && !help.is_empty(), "{line}");
            assert!(!samples.contains_key(name), "{name} comes twice");
            metric = name.to_owned();
            samples.insert(metric.clone(), Vec::new());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            kind = rest.strip_prefix(&format!("{metric} ")).unwrap_or_else(|| panic!("{line}")).to_owned();
            assert_eq!(kind == "counter", metric.ends_with("_total"), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let suffix = name.strip_prefix(&metric).unwrap_or_else(|| panic!("{line} is not of {metric}"));
            let allowed: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(allowed.contains(&suffix) && seen.insert(series.to_owned()), "{line}");
            labels_are_good(labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}")));
            samples.get_mut(&metric).unwrap().push((series.to_owned(), value.parse().unwrap()));
        }
    }
    samples
}

/// `name="value",…` with quotes, backslashes and line breaks escaped.
fn labels_are_good(mut labels: &str) {
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").unwrap_or_else(|| panic!("{labels}"));
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().unwrap_or_else(|| panic!("{labels}")) {
                (_, '\\') => assert!(matches!(chars.next(), Some((_, '\\' | '"' | 'n'))), "{labels}"),
                (at, '"') => break at,
                _ => {}
            }
        };
        labels = &rest[end + 1..];
        labels = labels.strip_prefix(',').unwrap_or(labels);
    }
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let sandbox = sandbox("cohere=500x1");
    let place = Place::new().with(&sandbox).var("LLMR_MAX_RETRIES", "0");
    let empty = metrics(&Place::new().run(&["stats", "--format", "prometheus"]).expect(0).stdout);
    assert_eq!(empty["llmr_requests_total"], [("llmr_requests_total".to_owned(), 0.0)]);
    place.run(&["ask", "hello"]).expect(0);
    place.run(&["ask", "hello"]).expect(0);
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    let row =
        "INSERT INTO day_sums (kind, day, name, sums) VALUES ('candidate', 7, 'a\"b\\/c\nd', '{\"attempts\": 3}')";
    db.execute(row, []).unwrap();
    let page = place.run(&["stats", "--format", "prometheus"]).expect(0).stdout;
    let found = metrics(&page);
    assert!(page.contains(r#"{provider="a\"b\\",model="c\nd",outcome="ok"} 0"#), "{page}");
    let one = |name: &str| found[name][0].1;
    assert_eq!([one("llmr_requests_total"), one("llmr_cache_hits_total"), one("llmr_cache_entries")], [2.0, 1.0, 1.0]);
    let spent: f64 = found["llmr_cost_usd_total"].iter().map(|(_, usd)| usd).sum();
    assert!(spent > 0.0 && (spent - one("llmr_budget_spent_usd")).abs() < 1e-12, "{page}");
    let of_breaker: f64 = found["llmr_breaker_state"].iter().map(|(_, n)| n).sum();
    assert_eq!(of_breaker, found["llmr_breaker_state"].len() as f64 / 3.0);
    let buckets: Vec<f64> = found["llmr_answer_latency_seconds"].iter().map(|(_, n)| *n).collect();
    assert!(buckets.contains(&1.0), "{page}");

    let Ok(mut promtool) = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn() else {
        skipped("promtool is not there: metrics were checked by our own reading alone");
        return;
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    assert!(promtool.wait().unwrap().success());
}

#[test]
fn reports_read_sums_and_no_rows() {
    let place = past(1);
    let reports = [
        &["stats", "--json"][..],
        &["stats", "--by", "tag", "--json"],
        &["stats", "--by", "day", "--format", "csv"],
        &["stats", "--format", "html"],
        &["stats", "--format", "prometheus"],
        &["budget", "check", "--json"],
    ];
    let printed = || reports.map(|args| place.run(args).expect(0).stdout);
    let before = printed();
    // Rows that are in no sum: whoever reads rows, however many there are, would count them.
    let db = rusqlite::Connection::open(place.home().join("llmr.db")).unwrap();
    db.execute_batch(
        "INSERT INTO requests (at, day, state, mode, stream, tag, cost_nanousd) SELECT at, day, state, mode, stream, tag, 7 FROM requests;
         INSERT INTO attempts SELECT request_id, attempt + 100, at, day, settled_at, provider, model, answered_model, outcome,
             failure, status, latency_ms, first_token_ms, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
             reasoning_tokens, usage_estimated, held_nanousd, 7, cost_source, estimated, presumed, wiped, hedge FROM attempts",
    )
    .unwrap();
    drop(db);
    for (before, after) in before.iter().zip(printed()) {
        assert_eq!(before, &after);
    }
}

#[test]
fn what_routing_was_worth_is_told_beside_each_candidate_alone() {
    let both = vec![provider("alpha", "m", "1", "10"), provider("beta", "m", "2", "20")];
    let sandbox = sandbox_of(both, "alpha=500x3");
    let place = Place::new().labs(&sandbox, "").var("LLMR_STRATEGY", "cheapest").var("LLMR_SEED", impatient(1));
    let nothing = place.json(&["stats", "--routing"]).1;
    assert_eq!((&nothing["regret"], &nothing["best_single"]), (&Value::Null, &Value::Null));
    let said = place.run(&["stats", "--routing"]).expect(0).stdout;
    assert!(said.contains("nothing to compare with"), "{said}");
    for n in 0..6 {
        place.run(&["ask", "--max-retries", "0", "--no-cache", &format!("{n}")]).expect(0);
    }
    for n in 0..5 {
        place.run(&["ask", "-p", "beta", "--no-cache", &format!("{n}")]).expect(0);
    }
    // A cached answer says nothing about routing.
    place.run(&["ask", "-p", "beta", "again"]).expect(0);
    place.run(&["ask", "-p", "beta", "again"]).expect(0);
    let (code, report) = place.json(&["stats", "--routing"]);
    assert_eq!((code, &report["routed"]["ended"], &report["routed"]["success_rate"]), (0, &json!(12), &json!(1.0)));
    let of = |name: &str| {
        let singles = report["singles"].as_array().unwrap();
        singles.iter().find(|single| single["provider"] == name).unwrap().clone()
    };
    let (alpha, beta) = (of("alpha"), of("beta"));
    let tried =
        place.sql("SELECT count(*), count(*) FILTER (WHERE outcome = 'ok') FROM attempts WHERE provider = 'alpha'");
    let told = format!(
        "{}|{}",
        alpha["ended"],
        (alpha["success_rate"].as_f64().unwrap() * alpha["ended"].as_f64().unwrap()).round()
    );
    assert_eq!(vec![told], tried);
    assert!(beta["success_rate"] == 1.0 && beta["value"].as_f64() > alpha["value"].as_f64(), "{report}");
    assert_eq!(report["best_single"], "beta/m");
    let regret = beta["value"].as_f64().unwrap() - report["routed"]["value"].as_f64().unwrap();
    assert!((report["regret"].as_f64().unwrap() - regret).abs() < 2e-4, "{report}");
    assert!(place.run(&["stats", "--routing", "--by", "day"]).code == Some(2));
    let said = place.run(&["stats", "--routing"]).expect(0).stdout;
    assert!(said.contains("as routed") && said.contains("beta/m"), "{said}");
}
