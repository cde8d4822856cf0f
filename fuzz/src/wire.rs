//! What providers send: event streams, answers, errors, waits, lists of models.

use llmr::providers::framing::SseFramer;
use llmr::providers::think::ThinkFilter;
use llmr::providers::{AnswerReader, Dialect, Endpoint, Frame, Headers, ModelFacts, dialect, listing, table};
use llmr::types::{
    Answer, CostSource, DialectKind, Failure, FailureClass, FinishReason, NanoUsd, Pricing, Rate, Rates, Timestamp,
    Usage,
};

use super::feed;

/// Characters of the longest message that a failure may have: the provider's words, shortened, and ours around them.
const LONGEST_MESSAGE: usize = 1000;

/// Event streams: the frames are those of a plain reading, and no cut changes them.
pub fn sse(data: &[u8]) {
    let ([seed], body) = feed::choices(data);
    let expected = plainly_framed(body);
    for pieces in [vec![body], feed::pieces(body, 0), feed::pieces(body, seed)] {
        assert_eq!(framed(&pieces), expected, "in {} pieces", pieces.len());
    }
}

/// The frames, and whether all of it could be read.
fn framed(pieces: &[&[u8]]) -> (Vec<Frame>, bool) {
    let (mut framer, mut frames) = (SseFramer::default(), Vec::new());
    if pieces.iter().any(|piece| framer.push(piece, &mut frames).is_err()) {
        return (frames, false);
    }
    match framer.end() {
        Ok(last) => frames.extend(last),
        Err(_) => return (frames, false),
    }
    (frames, true)
}

/// The same from the whole body, line by line, as the standard tells it.
fn plainly_framed(body: &[u8]) -> (Vec<Frame>, bool) {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let (mut frames, mut frame, mut data) = (Vec::new(), Frame::default(), Vec::new());
    let mut dispatch = |frame: &mut Frame, data: &mut Vec<String>| {
        let done = Frame { data: data.join("\n"), ..std::mem::take(frame) };
        frames.extend((!std::mem::take(data).is_empty()).then_some(done));
    };
    let mut whole = true;
    for line in lines_of(body) {
        let Ok(line) = std::str::from_utf8(line) else {
            whole &= line.starts_with(b":");
            if whole { continue } else { break }
        };
        match line.split_once(':').unwrap_or((line, "")) {
            ("", "") if line.is_empty() => dispatch(&mut frame, &mut data),
            ("data", value) => data.push(value.strip_prefix(' ').unwrap_or(value).to_owned()),
            ("event", value) => frame.event = value.strip_prefix(' ').unwrap_or(value).to_owned(),
            _ => {}
        }
    }
    if whole {
        dispatch(&mut frame, &mut data);
    }
    (frames, whole)
}

fn lines_of(body: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut start, mut at) = (Vec::new(), 0, 0);
    while at < body.len() {
        let broken = matches!(body[at], b'\n' | b'\r');
        let end = at;
        at += if body[at..].starts_with(b"\r\n") { 2 } else { 1 };
        if broken {
            lines.push(&body[start..end]);
            start = at;
        }
    }
    lines.push(&body[start..]);
    lines
}

/// Answers in OpenAI's dialect, of every provider that speaks it.
pub fn openai(data: &[u8]) {
    answers(DialectKind::Openai, data);
}

/// Answers in Anthropic's dialect.
pub fn anthropic(data: &[u8]) {
    answers(DialectKind::Anthropic, data);
}

/// Answers in Gemini's dialect.
pub fn gemini(data: &[u8]) {
    answers(DialectKind::Gemini, data);
}

/// Answers in Cohere's dialect.
pub fn cohere(data: &[u8]) {
    answers(DialectKind::Cohere, data);
}

/// What reading a body came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// All that was shown.
    text: String,
    answer: Result<Answer, Failure>,
    thinking_chars: u64,
    usage: Option<Usage>,
    reported_cost: Option<NanoUsd>,
}

/// A body with status 200, streamed or whole: whatever the cuts, the same text, answer, usage and cost.
fn answers(kind: DialectKind, data: &[u8]) {
    let ([provider, form, seed], body) = feed::choices(data);
    let dialect = of_some_provider(kind, provider);
    let outcome = read(&*dialect, form, &[body]);
    for pieces in [feed::pieces(body, 0), feed::pieces(body, seed)] {
        assert_eq!(read(&*dialect, form, &pieces), outcome, "in {} pieces", pieces.len());
    }
    judge(&outcome);
    if body.starts_with(b"{") {
        assert_eq!(dialect.answer(body), outcome.answer, "a whole answer");
    }
}

fn of_some_provider(kind: DialectKind, choice: u8) -> Box<dyn Dialect> {
    let rows: Vec<_> = table::PROVIDERS.iter().filter(|row| row.dialect == kind).collect();
    dialect(kind, &rows[usize::from(choice) % rows.len()].quirks)
}

/// Reads as the router does: no further than the answer goes.
fn read(dialect: &dyn Dialect, form: u8, pieces: &[&[u8]]) -> Outcome {
    let kinds = ["", "text/event-stream", "application/json; charset=utf-8", "text/html"];
    let kind = kinds[usize::from(form >> 1) % kinds.len()].to_owned();
    let headers = Headers(vec![("content-type".to_owned(), kind)]);
    let mut reader = AnswerReader::new(dialect, form & 1 == 1, &headers);
    let mut text = String::new();
    for piece in pieces {
        for delta in reader.push(piece) {
            assert!(!delta.0.is_empty(), "an empty piece of text");
            text.push_str(&delta.0);
        }
        if reader.is_over() {
            break;
        }
    }
    let read = reader.end();
    text.extend(read.rest.map(|rest| rest.0));
    let llmr::providers::Read { answer, thinking_chars, usage, reported_cost, .. } = read;
    Outcome { text, answer, thinking_chars, usage, reported_cost }
}

fn judge(outcome: &Outcome) {
    match &outcome.answer {
        Ok(answer) => {
            assert_eq!(answer.text, outcome.text, "what is shown is the answer");
            let says_something = !answer.text.trim().is_empty() || answer.tool_calls;
            assert!(says_something || answer.finish == FinishReason::Length, "an answer without text");
            assert_eq!((answer.usage, answer.reported_cost), (outcome.usage, outcome.reported_cost));
        }
        Err(failure) => sane(failure),
    }
    assert!(outcome.reported_cost.is_none_or(|cost| cost >= NanoUsd::ZERO));
    if let Some(usage) = &outcome.usage {
        let rates = Rates::new(Rate(u64::MAX), Rate(1));
        assert!(Pricing::plain(rates, CostSource::Catalogue).cost(usage, Timestamp(0)) >= NanoUsd::ZERO);
    }
}

fn sane(failure: &Failure) {
    assert!(!failure.message.is_empty() && !failure.unsent, "{failure:?}");
    assert!(failure.message.chars().count() <= LONGEST_MESSAGE, "a message of {} bytes", failure.message.len());
    assert!(failure.status.is_some());
}

/// Thinking in front of an answer: however the text is cut, the same of it is kept out.
pub fn think(data: &[u8]) {
    let ([seed], body) = feed::choices(data);
    let text = feed::text(body);
    let whole = filtered(&[&text]);
    for pieces in [feed::text_pieces(&text, 0), feed::text_pieces(&text, seed)] {
        assert_eq!(filtered(&pieces), whole, "in {} pieces", pieces.len());
    }
    assert!(text.trim_end().ends_with(whole.0.trim_end()), "{:?} is not the end of the text", whole.0);
    assert!(text.trim_start().starts_with("<think>") || whole.0 == text || text.trim().is_empty());
}

/// What is let through, and how many characters are not.
fn filtered(pieces: &[&str]) -> (String, u64) {
    let mut filter = ThinkFilter::default();
    let mut text: String = pieces.iter().map(|piece| filter.push(piece)).collect();
    text.push_str(&filter.flush());
    (text, filter.dropped_chars())
}

/// Answers with another status: status, header lines, an empty line, the body.
pub fn failure(data: &[u8]) {
    let ([provider, high, low], rest) = feed::choices(data);
    let row = &table::PROVIDERS[usize::from(provider) % table::PROVIDERS.len()];
    let status = 201 + u16::from_be_bytes([high, low]) % 398;
    let (headers, body) = headers_and_body(rest);
    let failure = dialect(row.dialect, &row.quirks).failure(status, &headers, body);
    sane(&failure);
    assert_eq!(failure.status, Some(status));
    assert_eq!(failure, dialect(row.dialect, &row.quirks).failure(status, &headers, body));
    use FailureClass::{Overloaded, RateLimited, ServerError, Timeout};
    let waits = matches!(failure.class, RateLimited | Overloaded | ServerError | Timeout);
    assert!(waits || failure.retry_after_ms.is_none(), "{failure:?}");
    assert!(failure.parameter.is_none() || failure.class == FailureClass::InvalidRequest, "{failure:?}");
    assert!(!matches!(failure.class, FailureClass::Cut | FailureClass::Empty | FailureClass::Cancelled));
}

fn headers_and_body(data: &[u8]) -> (Headers, &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let head = feed::text(&data[..end]);
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    (Headers(headers), data.get(end + 2..).unwrap_or_default())
}

/// How long to wait, as headers and body of a 429 tell it.
pub fn wait(data: &[u8]) {
    let (headers, body) = headers_and_body(data);
    let dialect = of_some_provider(DialectKind::Openai, 0);
    let told = dialect.failure(429, &headers, body).retry_after_ms;
    let digits = |text: &&str| (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    // With that alone, nothing else can count.
    let plain = headers.get("retry-after").filter(digits).filter(|_| headers.get("retry-after-ms").is_none());
    if let Some(seconds) = plain {
        let failure = dialect.failure(429, &headers, body);
        let ms = seconds.parse::<u64>().ok().map(|seconds| seconds * 1000);
        assert!(failure.class != FailureClass::RateLimited || told == ms, "{seconds} s: {told:?}");
    }
    let at = Timestamp(i64::MAX - 5);
    assert!(told.is_none_or(|ms| at.after_ms(ms) >= at), "a wait never leads into the past");
}

/// Lists of models, and the request for the page after it.
pub fn listing(data: &[u8]) {
    let ([provider], body) = feed::choices(data);
    let row = &table::PROVIDERS[usize::from(provider) % table::PROVIDERS.len()];
    let listed = match listing::models_answer(body) {
        Ok(listed) => listed,
        Err(failure) => return sane(&failure),
    };
    assert!(listed.models.iter().all(|id| (1..=256).contains(&id.len())), "{listed:?}");
    let to = Endpoint {
        provider: row.name.to_owned(),
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        key: None,
        model: "m".to_owned(),
        quirks: row.quirks,
        api_version: None,
        model_facts: ModelFacts::default(),
        max_price: None,
    };
    let plain = listing::models_request(row.dialect, &to, None).map(|request| request.url);
    let next = listing::models_request(row.dialect, &to, listed.next.as_deref()).map(|request| request.url);
    let Some((plain, next)) = plain.zip(next) else { return };
    assert!(next.starts_with(&plain), "{next}");
    let kept = |c: char| c.is_ascii_alphanumeric() || "-._~%&=".contains(c);
    assert!(next[plain.len()..].chars().all(kept) && next[plain.len()..].matches('&').count() <= 1, "{next}");
}
