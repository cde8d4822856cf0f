//! The steps of one request, each by itself, by the public API.
//!
//! `cargo bench --bench parts` measures all of them; `-- plan/` those with that in their name; `-- --quick` roughly.
//! What they come to in a process is measured by `whole`. Nothing is judged here: machines differ.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench fails by panicking"
)]

use std::cell::LazyCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Map, json};
use tempfile::TempDir;

use llmr::cache::{self, Asked, Sealer, Verdict};
use llmr::engine::belief::{Belief, Seen, Verdict as Said};
use llmr::engine::breaker::BreakerRules;
use llmr::engine::estimate;
use llmr::engine::facts::{Done, Facts, Known, Money, Policy, Question};
use llmr::engine::plan::plan;
use llmr::engine::score::load;
use llmr::engine::tiers;
use llmr::engine::tuning::Tuning;
use llmr::output::markdown::{Look, Renderer};
use llmr::output::{Redactor, sanitize};
use llmr::providers::framing::SseFramer;
use llmr::providers::{AnswerReader, Dialect, Headers, Read, dialect, table};
use llmr::store::{
    Admission, Admitted, CacheHit, CachePut, CacheRow, Label, LogFilter, RequestEnd, RequestStart, Settled, Settlement,
    Store, StoreOptions, Waiting,
};
use llmr::types::{
    AttemptId, CacheOutcome, Candidate, CandidateId, CostSource, FinishReason, LengthStep, Limit, Liveness, Message,
    Mode, NanoUsd, Outcome, Owner, PeakHours, Pricing, Rate, Rates, RequestId, Secret, Sight, Strategy, Tier,
    Timestamp, Usage, Weights,
};

/// Of a Friday, because prices may depend on the hour of a weekday.
const NOON: Timestamp = Timestamp(1_795_176_000_000);
const DAY_MS: i64 = 86_400_000;
/// As many as take part when every built-in provider has a key.
const CANDIDATES: u32 = 15;
/// A prompt or an answer of some pages.
const TEXT_BYTES: usize = 4096;
/// Words of a streamed answer; each comes in an event of its own.
const TOKENS: usize = 200;
/// Requests of the ledger that is reported on, and the days that they are spread over.
const ROWS: i64 = 3000;
const DAYS: i64 = 60;

const USAGE: Usage = Usage {
    input_tokens: 900,
    cached_input_tokens: 100,
    cache_write_tokens: 0,
    output_tokens: 200,
    reasoning_tokens: 50,
    estimated: false,
};

const PARAGRAPH: &str = "The sky is blue because air scatters short waves more than long ones: of the light that \
    comes from the sun (about 150,000,000 km away), violet and blue are thrown about, and reach us from everywhere. \
    At dusk the way through the air is longer; what's left by then is orange and red. Nobody needed a telescope to \
    find that out, but Rayleigh's formula of 1871 says how much.\n\n";

/// English of about that many bytes.
fn english() -> String {
    PARAGRAPH.chars().cycle().take(TEXT_BYTES).collect()
}

fn bytes(text: &str) -> Throughput {
    Throughput::Bytes(text.len() as u64)
}

/// A candidate with some past. Prices and past differ from one to the next, so that there is something to sort.
fn known(number: u32) -> Known {
    let rates = Rates::new(Rate(100_000 * u64::from(number + 1)), Rate(400_000 * u64::from(number + 1)));
    let mut pricing = Pricing::plain(rates, CostSource::Catalogue);
    // The forms that built-in prices have: most are plain.
    match number {
        3 => pricing.peak = Some(PeakHours { windows: &[(60, 240), (360, 600)], rates }),
        7 => pricing.steps = vec![LengthStep { above_input_tokens: 200_000, rates }].into(),
        _ => {}
    }
    let verdict = if number == 5 { Said::Failed } else { Said::Answered };
    let total_s = Some(2.0 + 0.1 * f64::from(number));
    let seen = Seen { verdict, first_s: Some(0.3), total_s, tokens: 200.0, quality: None, cost: None };
    let mut belief = Belief::default();
    belief.observe(NOON.plus_ms(-DAY_MS / 4).as_secs(), &seen, &Tuning::default());
    let candidate = Candidate {
        id: CandidateId::new(format!("provider-{number}"), "a-model-of-usual-length"),
        pricing: Some(pricing),
        context_tokens: Some(128_000),
        max_output_tokens: Some(16_384),
        tier: Tier::ALL.into_iter().cycle().nth(number as usize),
        accepts_temperature: true,
        max_temperature: 2.0,
        reasons: number % 4 == 3,
        reasoning_beside_output: false,
        streams: true,
        sight: Sight::UNKNOWN,
        priority: 100,
        token_factor: 1.0 + f64::from(number) / 100.0,
        retires: None,
        successor: None,
    };
    Known { belief, ..Known::new(candidate) }
}

fn facts(strategy: Strategy, limit: NanoUsd) -> Facts {
    Facts {
        now: NOON,
        request: RequestId(1),
        draw: 42,
        known: (0..CANDIDATES).map(known).collect(),
        barred: Vec::new(),
        money: Money {
            limit: Limit::Usd(limit),
            soft_pct: 95.0,
            spent: NanoUsd::ZERO,
            held: NanoUsd::ZERO,
            own_held: NanoUsd::ZERO,
            own_spent: NanoUsd::ZERO,
            request_cap: None,
            cap_held: NanoUsd::ZERO,
            hedge_free: NanoUsd::ZERO,
            allow_unpriced: false,
        },
        question: Question {
            reference_tokens: 1000,
            bound_tokens: 4200,
            images: Vec::new(),
            explicit_cap: None,
            default_cap: 8192,
            effort: None,
            unbounded: false,
        },
        policy: Policy { strategy, weights: Weights::default(), tier: None, attempt_ms: 300_000 },
    }
}

/// The same after thirty answers of each within the last minute.
fn often_asked(mut facts: Facts) -> Facts {
    let cost = Some((0.001, 0.0011));
    let seen =
        Seen { verdict: Said::Answered, first_s: Some(0.4), total_s: Some(2.5), tokens: 200.0, quality: None, cost };
    for known in &mut facts.known {
        (0..30).for_each(|_| known.belief.observe(NOON.plus_ms(-60_000).as_secs(), &seen, &Tuning::default()));
    }
    facts
}

fn decisions(c: &mut Criterion) {
    let (plenty, little) = (NanoUsd(5_000_000_000), NanoUsd(5_000_000));
    let mut group = c.benchmark_group("plan");
    group.throughput(Throughput::Elements(1));
    for (name, facts) in [
        ("15 candidates", facts(Strategy::Weighted, plenty)),
        ("15 candidates, often asked", often_asked(facts(Strategy::Weighted, plenty))),
        ("15 candidates by lot", facts(Strategy::Balanced, plenty)),
        // Answers are made shorter until they fit.
        ("15 candidates, little money", facts(Strategy::Weighted, little)),
    ] {
        assert!(!plan(&facts, &Done::new()).order.is_empty(), "{name}");
        group.bench_function(name, |b| b.iter(|| plan(black_box(&facts), &Done::new())));
    }
    group.finish();

    let facts = facts(Strategy::Weighted, plenty);
    let mut group = c.benchmark_group("candidate");
    group.bench_function("load", |b| b.iter(|| load(black_box(&facts.known[1]), &facts.question, 1000, 8192, NOON)));
    for (name, number) in [("cost", 1), ("cost with peak hours", 3), ("cost with a length step", 7)] {
        let pricing = facts.known[number].candidate.pricing.clone().unwrap();
        group.bench_function(name, |b| b.iter(|| black_box(&pricing).cost(black_box(&USAGE), NOON)));
    }
    group.finish();

    let text = english();
    let mut group = c.benchmark_group("estimate");
    group.throughput(bytes(&text));
    group.bench_function("tier of 4 KB", |b| b.iter(|| tiers::classify(black_box(&text))));
    group.bench_function("tier of a short prompt", |b| b.iter(|| tiers::classify(black_box("why is the sky blue?"))));
    group.bench_function("tokens of 4 KB", |b| b.iter(|| estimate::tokens(black_box(&text))));
    group.finish();
}

// The events of a stream in each vendor's shape; the one with `"WORD"` comes for each word.
const OPENAI: &[&str] = &[
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"WORD"},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":200,"total_tokens":220}}"#,
    "[DONE]",
];
const ANTHROPIC: &[&str] = &[
    r#"{"type":"message_start","message":{"id":"msg","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":20,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"WORD"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":200}}"#,
    r#"{"type":"message_stop"}"#,
];
const GEMINI: &[&str] = &[
    r#"{"candidates":[{"content":{"parts":[{"text":"WORD"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":20,"totalTokenCount":20},"modelVersion":"m","responseId":"r"}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":200,"totalTokenCount":220},"modelVersion":"m","responseId":"r"}"#,
];
const COHERE: &[&str] = &[
    r#"{"type":"message-start","id":"k","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"WORD"}}}}"#,
    r#"{"type":"content-end","index":0}"#,
    r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":20,"output_tokens":200}}}}"#,
    "[DONE]",
];

/// A stream, event by event. One that has a type is named by it, as Anthropic and Cohere do.
fn stream(events: &[&str]) -> Vec<String> {
    let framed = |data: &str| match data.strip_prefix(r#"{"type":""#).and_then(|rest| rest.split('"').next()) {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    };
    let words: Vec<&str> = PARAGRAPH.split_inclusive(' ').cycle().take(TOKENS).collect();
    let times = |event: &str| if event.contains("WORD") { TOKENS } else { 1 };
    let filled = |event: &str, n: usize| framed(&event.replace("\"WORD\"", &json!(words[n]).to_string()));
    events.iter().flat_map(|event| (0..times(event)).map(|n| filled(event, n))).collect()
}

fn framing(c: &mut Criterion) {
    let events = stream(OPENAI);
    let events = &events[..TOKENS];
    let whole = [events.concat()];
    let mut group = c.benchmark_group("framing");
    group.throughput(bytes(&whole[0]));
    for (name, pieces) in [("stream of 200 events", events), ("the same in one piece", &whole[..])] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let (mut framer, mut frames) = (SseFramer::default(), Vec::new());
                pieces.iter().for_each(|piece| framer.push(piece.as_bytes(), &mut frames).unwrap());
                frames
            });
        });
    }
    group.finish();
}

/// Reads as the router does: piece by piece, as the events come, no further than the answer goes.
fn read(dialect: &dyn Dialect, pieces: &[String]) -> Read {
    let mut reader = AnswerReader::new(dialect, true, &Headers::default());
    for piece in pieces {
        black_box(reader.push(piece.as_bytes()));
        if reader.is_over() {
            break;
        }
    }
    reader.end()
}

fn readers(c: &mut Criterion) {
    let message = json!({"role": "assistant", "content": english(), "refusal": null});
    let whole = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-1",
                       "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                       "usage": {"prompt_tokens": 20, "completion_tokens": 900, "total_tokens": 920}})
    .to_string();
    let streams = [("openai", OPENAI), ("anthropic", ANTHROPIC), ("gemini", GEMINI), ("cohere", COHERE)]
        .map(|(provider, events)| (provider, "stream of 200 tokens", stream(events)));
    for (provider, name, pieces) in streams.into_iter().chain([("openai", "whole answer of 4 KB", vec![whole])]) {
        let row = table::find(provider).unwrap();
        let dialect = dialect(row.dialect, &row.quirks);
        let answer = read(&*dialect, &pieces).answer.unwrap();
        assert!(answer.finish == FinishReason::Stop && answer.usage.is_some(), "{provider}: {answer:?}");
        let mut group = c.benchmark_group(provider);
        group.throughput(bytes(&pieces.concat()));
        group.bench_function(name, |b| b.iter(|| read(&*dialect, black_box(&pieces))));
        group.finish();
    }
}

/// `TEXT_BYTES` of Markdown, give or take a section: headings, paragraphs, lists, tables, code.
fn markdown() -> String {
    let code = "```rust\nfn main() {\n    let sky = Some(\"blue\"); // by day\n    println!(\"{sky:?}\");\n}\n```\n\n";
    let table = "| colour | wavelength | scattered |\n|:-------|-----------:|:---------:|\n| blue | 450 nm | much |\n\
                 | red | 700 nm | *little* |\n\n";
    let list = "- **blue**: scattered, see [Rayleigh](https://example.com/rayleigh)\n- `red`: not\n\n";
    let section = format!("## Why the sky is *blue*\n\n{PARAGRAPH}{list}{table}{code}");
    section.repeat(TEXT_BYTES.div_ceil(section.len()))
}

fn terminal(c: &mut Criterion) {
    let plain = english();
    let hostile = plain.replace("blue", "\x1b[34mblue\x1b[0m").replace('\n', "\r\n");
    let mut group = c.benchmark_group("sanitize");
    for (name, text) in [("4 KB plain", &plain), ("4 KB with escapes", &hostile)] {
        group.throughput(bytes(text));
        group.bench_function(name, |b| b.iter(|| sanitize::text(black_box(text))));
    }
    group.finish();

    let document = markdown();
    let look = Look { color: true, utf8: true, columns: Some(80) };
    let mut group = c.benchmark_group("markdown");
    group.throughput(bytes(&document));
    // A word a piece, as a stream brings it.
    let words: Vec<&str> = document.split_inclusive(' ').collect();
    for (name, pieces) in [("4 KB, word by word", &words[..]), ("4 KB in one piece", &[&*document])] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut renderer = Renderer::new(look);
                pieces.iter().for_each(|piece| _ = black_box(renderer.push(piece)));
                renderer.finish()
            });
        });
    }
    group.finish();
}

fn redaction(c: &mut Criterion) {
    let key = |number| Secret::new(&format!("sk-proj-{number:02}AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"));
    let secrets: Vec<Secret> = (0..CANDIDATES).map(key).collect();
    let body = json!({"error": {"message": english(), "key": secrets[1].expose(), "request_id": "req_1"}}).to_string();
    let redactor = Redactor::new(&secrets);
    assert!(!redactor.redact(&body).contains(secrets[1].expose()));
    let mut group = c.benchmark_group("redact");
    group.throughput(bytes(&body));
    group.bench_function("4 KB", |b| b.iter(|| redactor.redact(black_box(&body))));
    // What a process pays that has one error to show: the forms of fifteen keys are made first.
    group.bench_function("4 KB, the first text", |b| b.iter(|| Redactor::new(&secrets).redact(black_box(&body))));
    group.finish();
}

fn cache_row(sealer: &Sealer, key: cache::Key) -> CacheRow {
    let mut row = CacheRow {
        key,
        provider: "provider-1".into(),
        model: "a-model-of-usual-length".into(),
        answered_model: Some("a-model-of-usual-length-2026-11-01".into()),
        tier: Some(Tier::Fast),
        content: english(),
        finish_reason: FinishReason::Stop,
        usage: Some(USAGE),
        cost: Some(NanoUsd(50_000)),
        cost_source: CostSource::Catalogue,
        created_at: NOON,
        expires_at: NOON.plus_ms(DAY_MS),
        key_id: sealer.key_id().to_owned(),
        seal: Vec::new(),
        used_at: NOON,
    };
    row.seal = sealer.seal(&row).to_vec();
    row
}

fn caching(c: &mut Criterion) {
    let (messages, extra) = ([Message::user(english())], Map::new());
    let asked = Asked {
        model: Some("a-model-of-usual-length"),
        providers: &[],
        cascade: None,
        tier: None,
        fallbacks: &[],
        system: Some("Be brief."),
        messages: &messages,
        cap: 8192,
        temperature: Some(0.2),
        top_p: None,
        sampling: &[],
        stop: &[],
        effort: None,
        extra: &extra,
        schema: None,
        embed: None,
    };
    let sealer = Sealer::new(&[7; 32]);
    let row = cache_row(&sealer, cache::key(&asked));
    assert_eq!(sealer.judge(&row), Verdict::Good);
    let mut group = c.benchmark_group("cache");
    group.throughput(bytes(&row.content));
    group.bench_function("key of a 4 KB prompt", |b| b.iter(|| cache::key(black_box(&asked))));
    group.bench_function("seal of a 4 KB answer", |b| b.iter(|| sealer.seal(black_box(&row))));
    group.bench_function("judge a 4 KB answer", |b| b.iter(|| sealer.judge(black_box(&row))));
    group.finish();
}

/// A database on disk; its folder lives as long as it.
struct Ledger {
    store: Store,
    _folder: TempDir,
}

impl Ledger {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let me = Owner { pid: std::process::id(), start_ticks: 1, ..Owner::default() };
        let waiting = Waiting::default();
        let options = StoreOptions {
            busy_timeout_ms: 1000,
            me: me.into(),
            liveness: |_| Liveness::Alive,
            seed: 1.into(),
            waiting,
        };
        Self { store: Store::open(&folder.path().join("llmr.db"), options).unwrap(), _folder: folder }
    }

    /// One with `ROWS` requests of the last days and one stored answer.
    fn filled(row: &CacheRow) -> Self {
        let ledger = Self::new();
        for number in 0..ROWS {
            let at = NOON.plus_ms(-DAYS * DAY_MS + (number + 1) * DAY_MS * DAYS / ROWS);
            ledger.request(at, u32::try_from(number).unwrap() % CANDIDATES);
        }
        ledger.store.cache_put(&CachePut { row, max_entries: 1000, max_bytes: 1 << 30 }, NOON).unwrap();
        ledger
    }

    /// A request from beginning to end with its one attempt; how long it took to begin, admit and settle it.
    fn request(&self, at: Timestamp, number: u32) -> [Duration; 3] {
        let who = CandidateId::new(format!("provider-{number}"), "a-model-of-usual-length");
        let (request, begin) = timed(|| self.store.begin(&start(at, number)).unwrap());
        let attempt = AttemptId { request, number: 1 };
        let (admitted, admit) = timed(|| self.store.admit(&admission(attempt, &who, at)).unwrap());
        assert_eq!(admitted, Admitted::Yes { trial: false });
        let (done, end) = (settlement(attempt, at), end(request, &who, at));
        let (settled, settle) = timed(|| self.store.settle(&done, Some(&end), None).unwrap());
        assert_eq!(settled, Settled::Fresh);
        [begin, admit, settle]
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

fn start(at: Timestamp, number: u32) -> RequestStart<'static> {
    let tag = Some(["work", "play"][number as usize % 2]);
    RequestStart { at, tag, mode: Mode::Production, stream: true, requested_model: None, kept: None }
}

fn admission(attempt: AttemptId, candidate: &CandidateId, at: Timestamp) -> Admission<'_> {
    Admission {
        attempt,
        candidate,
        at,
        amount: NanoUsd(60_000),
        limit: Limit::Usd(NanoUsd::MAX),
        request_cap: None,
        lease_until: at.plus_ms(300_000),
        decision: Some("{\"strategy\":\"weighted\"}"),
        rated: None,
        expected_tokens: 400,
        hedge: None,
    }
}

fn settlement(attempt: AttemptId, at: Timestamp) -> Settlement<'static> {
    let observation = Seen {
        verdict: Said::Answered,
        first_s: Some(0.3),
        total_s: Some(2.0),
        tokens: 250.0,
        quality: None,
        cost: None,
    };
    Settlement {
        attempt,
        at: at.plus_ms(2000),
        outcome: Outcome::Ok,
        failure: None,
        status: Some(200),
        latency_ms: 2000,
        first_token_ms: Some(300),
        usage: Some(USAGE),
        cost: Some(NanoUsd(50_000)),
        cost_source: CostSource::Catalogue,
        estimated: false,
        answered_model: Some("a-model-of-usual-length-2026-11-01"),
        counts_for_breaker: false,
        breaker: BreakerRules { threshold: 3, open_secs: 60.0 },
        rest: None,
        observation: Some(observation),
        recount: None,
    }
}

fn end(id: RequestId, who: &CandidateId, at: Timestamp) -> RequestEnd<'_> {
    RequestEnd {
        id,
        at: at.plus_ms(2000),
        exit_code: 0,
        cache: CacheOutcome::Miss,
        provider: Some(&who.provider),
        model: Some(&who.model),
        tier: Some(Tier::Fast),
        finish_reason: Some(FinishReason::Stop),
        cost: Some(NanoUsd(50_000)),
        latency_ms: 2000,
        first_token_ms: Some(300),
        usage: Some(USAGE),
        error_kind: None,
        decision: None,
        answer: None,
        partial: false,
        cache_key: None,
        judged: None,
    }
}

fn writing(c: &mut Criterion) {
    let mut group = c.benchmark_group("store");
    for (step, name) in ["begin", "admit", "settle"].into_iter().enumerate() {
        // A fresh database each, and every request is ended: none would be dear with thousands under way.
        let ledger = LazyCell::new(Ledger::new);
        group.bench_function(name, |b| b.iter_custom(|n| (0..n).map(|_| ledger.request(NOON, 1)[step]).sum()));
    }
    group.finish();
}

/// What is read, by name.
type Reading<'a> = (&'a str, &'a dyn Fn(&Store));

fn reading(c: &mut Criterion) {
    let row = cache_row(&Sealer::new(&[7; 32]), [7; 32]);
    let ledger = LazyCell::new(|| Ledger::filled(&row));
    let (from, to) = (NOON.plus_ms(-DAYS * DAY_MS).day(), NOON.day());
    let log = |store: &Store, tag| store.log(&LogFilter { limit: Some(20), tag, ..LogFilter::default() }).unwrap();
    let found = |store: &Store| store.cache_get(&row.key).unwrap().and_then(|entry| entry.row).unwrap();
    let cases: [Reading<'_>; 9] = [
        ("facts", &|store| drop(store.facts(NOON).unwrap())),
        ("log, the newest 20", &|store| drop(log(store, None))),
        ("log, the newest 20 with a tag", &|store| drop(log(store, Some("work")))),
        ("stats of 60 days", &|store| drop(store.stats(from, to).unwrap())),
        ("days of 60", &|store| drop(store.days(from, to).unwrap())),
        ("history of 60 days", &|store| drop(store.history(from, to).unwrap())),
        ("tags of 60 days", &|store| drop(store.labels(Label::Tag, from, to).unwrap())),
        ("cache_get", &|store| drop(found(store))),
        // Last, because every hit is one request more.
        ("cache_get and record_hit", &|store| _ = store.record_hit(&hit(&found(store))).unwrap()),
    ];
    let mut group = c.benchmark_group("store, 3000 requests");
    for (name, read) in cases {
        group.bench_function(name, |b| {
            // Filled by the first that is measured, before its time begins.
            let store = &ledger.store;
            b.iter(|| read(store));
        });
    }
    group.finish();
}

fn hit(row: &CacheRow) -> CacheHit<'_> {
    CacheHit {
        start: start(NOON, 0),
        key: &row.key,
        used_at: row.used_at,
        answer: None,
        provider: &row.provider,
        model: &row.model,
        tier: row.tier,
        finish_reason: row.finish_reason,
        usage: row.usage,
        saved: NanoUsd(50_000),
        latency_ms: 1,
    }
}

criterion_group! {
    name = parts;
    config = Criterion::default().without_plots();
    targets = decisions, framing, readers, terminal, redaction, caching, writing, reading
}
criterion_main!(parts);
