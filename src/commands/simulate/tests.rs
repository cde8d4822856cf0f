//! Whole conversations, line by line.

use super::*;

const RESET: &str = r#"{"type":"reset","providers":[
    {"name":"dear","group":"x","usd_in":3,"usd_out":9,"tier":"balanced"},
    {"name":"cheap","group":null,"usd_in":0.2,"usd_out":0.6,"tier":1,"more":true},
    {"name":"plain","usd_in":1,"usd_out":2}],"profile":{"q":1,"c":100,"l":0.05,"fail":2}}"#;

fn talk(lines: &[&str]) -> std::result::Result<Vec<serde_json::Value>, String> {
    let reset = RESET.replace('\n', "");
    let input = std::iter::once(reset.as_str()).chain(lines.iter().copied()).collect::<Vec<_>>().join("\n");
    let mut text = String::new();
    let keep = |line: &str| {
        text.push_str(line);
        Ok(())
    };
    converse(input.as_bytes(), 1, keep).map_err(|fault| fault.to_string())?;
    Ok(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn a_decision_names_everybody_and_a_result_has_no_answer() {
    let answers = talk(&[
        r#"{"type":"decide","id":1,"t":0,"in_tok":1000,"out_tok_hint":null}"#,
        r#"{"type":"result","id":1,"t":1.5,"provider":"cheap","ok":true,"status":200,"latency_s":1.5,"cost_usd":0.0003,"quality":0.9,"retry_after_s":null}"#,
        "",
        r#"{"type":"decide","id":"two","t":2}"#,
    ]);
    let answers = answers.unwrap();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["order"], serde_json::json!(["cheap", "plain", "dear"]));
    assert!(answers[0]["timeout_s"].as_f64().unwrap() > 1.0 && answers[0]["hedge_after_s"].is_null());
    assert_eq!(answers[1]["order"].as_array().unwrap().len(), 3);
}

#[test]
fn whoever_asks_for_a_pause_is_the_last_until_it_is_over() {
    let at = |t: f64| format!(r#"{{"type":"decide","id":{t},"t":{t}}}"#);
    let refused = r#"{"type":"result","id":9,"t":1,"provider":"cheap","ok":false,"status":429,"retry_after_s":20}"#;
    let answers = talk(&[refused, &at(2.0), &at(20.0), &at(99_999.0)]).unwrap();
    let last = |i: usize| answers[i]["order"][2] == "cheap";
    assert!(last(0) && last(1) && !last(2), "{answers:?}");
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    for (line, what) in [
        ("{", "line 2: EOF"),
        (r#"{"type":"other"}"#, "line 2: unknown variant `other`"),
        (r#"{"type":"decide","t":1}"#, "line 2: missing field `id`"),
        (r#"{"type":"result","id":1,"t":1,"provider":"who","ok":true}"#, "line 2: unknown provider `who`"),
        (r#"{"type":"reset","providers":[{"name":"a"},{"name":"a"}]}"#, "line 2: provider `a` is there twice"),
        (r#"{"type":"decide","id":1,"t":1e999}"#, "line 2: number out of range"),
        (&format!(r#"{{"type":"decide","id":"{}","t":1}}"#, "n".repeat(300)), "line 2: an id of more than 256 bytes"),
        (&format!("{{\"type\":\"reset\",\"more\":\"{}\"}}", "x".repeat(1 << 20)), "line 2: longer than 1048576 bytes"),
        (
            &format!(r#"{{"type":"reset","providers":[{}]}}"#, vec![r#"{"name":""}"#; 1001].join(",")),
            "line 2: more than 1000",
        ),
    ] {
        let fault = talk(&[line]).unwrap_err();
        assert!(fault.starts_with(what), "{fault} does not begin with {what}");
    }
    let early = converse(r#"{"type":"decide","id":1,"t":1}"#.as_bytes(), 1, |_| Ok(()));
    assert_eq!(early.unwrap_err().to_string(), "line 1: a decision before any reset");
}

#[test]
fn a_reset_forgets_and_the_same_talk_gets_the_same_answers() {
    let reset = RESET.replace('\n', "");
    let ask = r#"{"type":"decide","id":1,"t":5}"#;
    let failed = r#"{"type":"result","id":1,"t":6,"provider":"cheap","ok":false,"status":500,"latency_s":1}"#;
    let answers = talk(&[ask, failed, failed, failed, ask, &reset, ask]).unwrap();
    assert_eq!(answers[0], answers[2]);
    assert_ne!(answers[0], answers[1]);
    assert_eq!(answers, talk(&[ask, failed, failed, failed, ask, &reset, ask]).unwrap());
}

#[test]
fn late_tries_count_before_their_results_come() {
    let asks: Vec<String> = (0..6).map(|n| format!(r#"{{"type":"decide","id":"n{n}","t":{}}}"#, 100 + n)).collect();
    let good: Vec<String> = (0..30)
        .flat_map(|n| {
            ["cheap", "plain"].map(|who| {
                format!(
                    r#"{{"type":"result","id":{n},"t":{n},"provider":"{who}","ok":true,"latency_s":1,"quality":0.8}}"#
                )
            })
        })
        .collect();
    let lines: Vec<&str> = good.iter().chain(&asks).map(String::as_str).collect();
    let answers = talk(&lines).unwrap();
    assert_eq!(answers[0]["order"][0], "cheap");
    assert!(answers.iter().any(|a| a["order"][0] != "cheap"), "six silent seconds tell");
}

#[test]
fn a_profile_may_be_unknown_in_part_or_in_all() {
    let reset = |profile: &str| {
        format!(r#"{{"type":"reset","providers":[{{"name":"b","usd_in":2,"usd_out":2}},{{"name":"a"}}]{profile}}}"#)
    };
    let ask = r#"{"type":"decide","id":1,"t":5}"#;
    let answers = ["", r#","profile":null"#, r#","profile":{"q":null,"c":0.4,"l":null}"#]
        .map(|profile| talk(&[&reset(profile), ask]).unwrap());
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[test]
fn more_open_requests_than_can_be_remembered_are_forgotten() {
    let mut driver = Driver::new(1);
    let mut take = |line: &str| driver.take(serde_json::from_str(line).unwrap()).unwrap();
    take(r#"{"type":"reset","providers":[{"name":"a","usd_in":1,"usd_out":1}]}"#);
    for n in 0..10_100 {
        assert!(take(&format!(r#"{{"type":"decide","id":{n},"t":0}}"#)).is_some());
    }
    assert_eq!(driver.remembered(), 10_000);
}
