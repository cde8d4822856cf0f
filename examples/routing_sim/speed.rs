//! What a decision takes among twenty candidates, over the protocol's types but without its text.

use std::time::Instant;

use llmr::commands::simulate::{Driver, Input};

const ROUNDS: u32 = 20_000;

/// Prints the mean, and the slowest of a hundred parts of it.
pub fn print() {
    let mut driver = Driver::new(1);
    let mut take = |text: String| serde_json::from_str::<Input>(&text).map(|input| driver.take(input)).is_ok();
    let providers: Vec<String> = (0..20)
        .map(|n| format!(r#"{{"name":"p{n}","group":"g{}","usd_in":{n},"usd_out":{}}}"#, n % 5, n * 2))
        .collect();
    take(format!(
        r#"{{"type":"reset","providers":[{}],"profile":{{"q":1,"c":100,"l":0.05,"fail":2}}}}"#,
        providers.join(",")
    ));
    for n in 0..400 {
        let ok = n % 7 != 0;
        take(format!(
            r#"{{"type":"result","id":{n},"t":{n},"provider":"p{}","ok":{ok},"latency_s":{},"quality":0.8}}"#,
            n % 20,
            1 + n % 5
        ));
    }
    let mut parts: Vec<f64> = (0..100)
        .map(|part| {
            let began = Instant::now();
            for n in 0..ROUNDS / 100 {
                let at = 400.0 + f64::from(part * (ROUNDS / 100) + n);
                take(format!(r#"{{"type":"decide","id":"d{at}","t":{at},"in_tok":900,"out_tok_hint":150}}"#));
            }
            began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS / 100)
        })
        .collect();
    parts.sort_by(f64::total_cmp);
    println!(
        "a decision among 20, its JSON read: {:.1} µs median, {:.1} µs slowest of 100 parts",
        parts[50], parts[99]
    );
}
