//! What a provider does with a request: each fault as the bytes that it puts on the wire, and what it bills for them.

use std::sync::OnceLock;
use std::time::Duration;

use llmr::types::DialectKind;
use serde_json::{Value, json};

use super::packed;
use super::wire::{self, Finish, Part, Says};

/// The prompt; it is billed a token a word.
pub const PROMPT: &str = "one two three";
/// The same, counted.
pub const INPUT_TOKENS: u64 = 3;
/// Nano-dollars of a token that is read, and of one that is written: 1 and 10 USD per million.
pub const PRICES: (i64, i64) = (1_000, 10_000);
/// So much text is beside the four words in the answer that is too long to be one.
pub const BIG: usize = 50_000_000;
/// More than any answer may have.
const SWOLLEN: usize = 66 << 20;
/// It comes in so many events where it is streamed.
const BIG_PIECES: usize = 800;
/// How long a slow answer takes, a byte at a time: longer than the limit on silence, with each byte within it.
const DRIP: Duration = Duration::from_millis(2_200);
/// When the answers say that they were written.
const DATE: &str = "Sat, 21 Nov 2026 12:00:00 GMT";
/// The same in epoch milliseconds.
const DATE_MS: u64 = 1_795_262_400_000;

/// How an answer with status 429 tells the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Seconds,
    HttpDate,
    Millis,
    ResetDuration,
    ResetSeconds,
    ResetEpoch,
    ResetEpochMs,
    ResetInstant,
    RetryInfo,
    TryAgainIn,
    RetryIn,
    RetryAfterWords,
    HeadersInBody,
    Not,
}

/// How far an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Not to its status line.
    Nothing,
    /// To the end of its headers.
    Headers,
    /// Before its first text.
    Text,
    /// After some text.
    Middle,
}

/// What ends it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its own end.
    Done,
    /// The connection is closed.
    Cut,
    /// Nothing: it says no more and stays.
    Silence,
    /// Nothing: a byte now and then that means nothing, for ever.
    Forever,
}

/// One way to answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// As asked.
    Good,
    /// Nobody listens at the address.
    Refused,
    /// The host's name cannot be one: no resolver is asked.
    NoSuchHost,
    /// A certificate of nobody's.
    Untrusted,
    /// A port whose queue is full, so that a connection is neither made nor refused.
    FullQueue,
    /// An error status with this body.
    Status(u16, &'static str),
    /// 429, with the wait told like this.
    Limited(Told),
    /// An answer that stops there like this.
    Stops(Until, End),
    /// Something that is not JSON, in the middle.
    Malformed,
    /// An error inside a 200, before or after some text.
    ErrorInside(Until, &'static str),
    NoEnd,
    NoUsage,
    Empty,
    /// A refusal without a word.
    Blocked,
    /// A page of HTML with status 200.
    Page,
    /// A good answer with a type that is not its own.
    Mislabelled,
    Big,
    Packed,
    PackedBroken,
    PackedBomb,
    /// A byte at a time.
    Drip,
    /// To another host, with this status.
    Redirect(u16),
}

/// What a fault needs to know to become an answer.
#[derive(Debug, Clone)]
pub struct Asked {
    pub dialect: DialectKind,
    /// Who answers.
    pub name: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The wait that a rate limit tells, in milliseconds.
    pub wait_ms: u64,
    /// Where a redirect points.
    pub elsewhere: String,
}

/// The bytes of an answer.
#[derive(Debug, Default)]
pub struct Reply {
    /// Status line and headers; without them nothing is said at all.
    pub head: Option<String>,
    /// The body, framed for HTTP.
    pub body: Vec<u8>,
    /// From one byte of it to the next.
    pub pace: Option<Duration>,
    /// What comes after it.
    pub end: Option<End>,
    /// What is said for ever, where that is the end.
    pub filler: &'static [u8],
    /// What it costs, in nano-dollars.
    pub bill: i64,
    /// Whether the usage that is billed was told.
    pub told: bool,
}

fn bill(read: u64, written: u64) -> i64 {
    i64::try_from(read).unwrap() * PRICES.0 + i64::try_from(written).unwrap() * PRICES.1
}

/// The four words of an answer.
fn answer_of(name: &str) -> Vec<String> {
    vec!["the".into(), " answer".into(), " of".into(), format!(" {name}")]
}

impl Asked {
    fn says(&self) -> Says {
        let pieces = answer_of(&self.name);
        let usage = Some((INPUT_TOKENS, pieces.len() as u64));
        Says { pieces, finish: Finish::Stop, usage }
    }

    /// What it does with this request.
    pub fn reply(&self, fault: Fault) -> Reply {
        let says = self.says();
        match fault {
            Fault::Good | Fault::Refused | Fault::NoSuchHost | Fault::Untrusted | Fault::FullQueue => self.sent(&says),
            Fault::Status(status, body) => refusal(status, &[], body),
            Fault::Limited(told) => self.limited(told),
            Fault::Redirect(status) => refusal(status, &[("location", self.elsewhere.clone())], ""),
            Fault::Stops(until, end) => self.stops(until, end),
            Fault::Malformed => self.malformed(),
            Fault::ErrorInside(until, body) => self.error_inside(until, body),
            Fault::NoEnd => self.without_end(),
            Fault::NoUsage => Reply { bill: self.sent(&says).bill, ..self.sent(&Says { usage: None, ..says }) },
            Fault::Empty => self.sent(&Says { pieces: vec![], usage: Some((INPUT_TOKENS, 0)), ..says }),
            Fault::Blocked => {
                let usage = Some((INPUT_TOKENS, 0));
                self.sent(&Says { pieces: vec![], finish: Finish::Blocked, usage })
            }
            Fault::Page => Reply { told: false, bill: bill(INPUT_TOKENS, 0), ..page() },
            Fault::Mislabelled => {
                let sent = self.sent(&says);
                let head = sent.head.map(|head| head.replace("text/event-stream", "text/plain"));
                Reply { head: head.map(|head| head.replace("application/json", "text/plain")), ..sent }
            }
            Fault::Big => self.big(says),
            Fault::Packed => self.packed(packed::good(&self.bytes(&says)), 4, true),
            Fault::PackedBroken => self.packed_broken(&says),
            Fault::PackedBomb => self.bomb(),
            Fault::Drip => {
                let sent = self.sent(&says);
                Reply { pace: Some(DRIP / u32::try_from(sent.body.len()).unwrap()), ..sent }
            }
        }
    }

    /// The whole answer as it was asked for.
    fn sent(&self, says: &Says) -> Reply {
        let (read, written) = says.usage.unwrap_or_default();
        let reply = if self.stream {
            let events = wire::events(self.dialect, says);
            Reply { head: Some(self.stream_head()), body: chunked(frames(&events), true), ..Reply::default() }
        } else {
            plain(200, "application/json", &[], wire::whole(self.dialect, says).into_bytes())
        };
        Reply { bill: bill(read, written), told: says.usage.is_some(), end: Some(End::Done), ..reply }
    }

    /// The body of the whole answer, not framed for HTTP.
    fn bytes(&self, says: &Says) -> Vec<u8> {
        match self.stream {
            true => frames(&wire::events(self.dialect, says)).concat().into_bytes(),
            false => wire::whole(self.dialect, says).into_bytes(),
        }
    }

    fn stream_head(&self) -> String {
        head(200, "text/event-stream", &[("transfer-encoding", "chunked".into())], None)
    }

    /// The events before the first text, or up to the second word.
    fn begun(&self, until: Until) -> Vec<wire::Event> {
        let mut left = if until == Until::Middle { 2 } else { 0 };
        let mut more = |event: &wire::Event| match event.0 {
            Part::Head => true,
            Part::Text if left > 0 => {
                left -= 1;
                true
            }
            _ => false,
        };
        wire::events(self.dialect, &self.says()).into_iter().take_while(|event| more(event)).collect()
    }

    /// What a stream that is given up bills is what it wrote; an answer that comes whole was written whole.
    fn bill_until(&self, until: Until) -> i64 {
        let written = if !self.stream {
            4
        } else if until == Until::Middle {
            2
        } else {
            0
        };
        bill(INPUT_TOKENS, written)
    }

    fn stops(&self, until: Until, end: End) -> Reply {
        let whole = wire::whole(self.dialect, &self.says());
        let (head, body) = match (until, self.stream) {
            (Until::Nothing, _) => (None, Vec::new()),
            (Until::Headers, true) => (Some(self.stream_head()), Vec::new()),
            (_, true) => (Some(self.stream_head()), chunked(frames(&self.begun(until)), false)),
            (_, false) => {
                let sent = if until == Until::Middle { whole.len() / 2 } else { usize::from(until == Until::Text) };
                let length = if end == End::Forever { 1 << 30 } else { whole.len() };
                let body = if end == End::Forever { b"" } else { &whole.as_bytes()[..sent] };
                (Some(self::head(200, "application/json", &[], Some(length))), body.to_vec())
            }
        };
        let filler: &[u8] = if self.stream { b"3\r\n:\n\n\r\n" } else { b" " };
        Reply { head, body, end: Some(end), filler, bill: self.bill_until(until), ..Reply::default() }
    }

    /// A stream stays open behind the event that is none, so that nobody can take what follows for the rest.
    fn malformed(&self) -> Reply {
        let end = Some(if self.stream { End::Silence } else { End::Done });
        let bill = self.bill_until(Until::Middle);
        if self.stream {
            let mut frames = frames(&self.begun(Until::Middle));
            frames.push("data: {\"choices\": [{]}\n\n".to_owned());
            let (head, body) = (Some(self.stream_head()), chunked(frames, false));
            return Reply { head, body, end, bill, ..Reply::default() };
        }
        let whole = wire::whole(self.dialect, &self.says()).replacen(':', ";", 3);
        Reply { bill, end, ..plain(200, "application/json", &[], whole.into_bytes()) }
    }

    /// Before any text nothing is billed, and nothing for a whole answer that is none.
    fn error_inside(&self, until: Until, error: &str) -> Reply {
        if !self.stream {
            return plain(200, "application/json", &[], error.into());
        }
        let mut frames = frames(&self.begun(until));
        frames.push(wire::frame(&serde_json::from_str(error).unwrap()));
        let bill = if until == Until::Middle { self.bill_until(until) } else { 0 };
        let (head, body) = (Some(self.stream_head()), chunked(frames, true));
        Reply { head, body, bill, end: Some(End::Done), ..Reply::default() }
    }

    fn without_end(&self) -> Reply {
        let says = self.says();
        let mut events = wire::events(self.dialect, &says);
        events.retain(|event| event.0 != Part::End);
        let body = chunked(frames(&events), true);
        Reply { body, told: false, ..self.sent(&says) }
    }

    /// Made once: as it is asked for, its filler in place of a mark.
    fn big(&self, mut says: Says) -> Reply {
        static MADE: [OnceLock<Vec<u8>>; 2] = [OnceLock::new(), OnceLock::new()];
        const MARK: &str = " filler";
        let body = MADE[usize::from(self.stream)].get_or_init(|| {
            says.pieces.push(MARK.to_owned());
            let more = " more".repeat(BIG / 5 / BIG_PIECES);
            match self.stream {
                true => {
                    let filled = |event: &wire::Event| match event.1.contains(MARK) {
                        true => event.1.replace(MARK, &more).repeat(BIG_PIECES),
                        false => event.1.clone(),
                    };
                    wire::events(self.dialect, &says).iter().map(filled).collect::<String>().into_bytes()
                }
                false => wire::whole(self.dialect, &says).replace(MARK, &more.repeat(BIG_PIECES)).into_bytes(),
            }
        });
        let kind = if self.stream { "text/event-stream" } else { "application/json" };
        Reply { bill: bill(INPUT_TOKENS, 4), told: true, ..plain(200, kind, &[], body.clone()) }
    }

    fn packed(&self, body: Vec<u8>, written: u64, told: bool) -> Reply {
        let kind = if self.stream { "text/event-stream" } else { "application/json" };
        let packed = [("content-encoding", "gzip".to_owned())];
        Reply { bill: bill(INPUT_TOKENS, written), told, ..plain(200, kind, &packed, body) }
    }

    /// A stream is damaged before anything of it can be unpacked; an answer that comes whole was written all the same.
    fn packed_broken(&self, says: &Says) -> Reply {
        let written = if self.stream { 0 } else { 4 };
        let begun = if self.stream { Vec::new() } else { self.bytes(says)[..40].to_vec() };
        self.packed(packed::broken(&begun), written, false)
    }

    fn bomb(&self) -> Reply {
        static MADE: [OnceLock<Vec<u8>>; 2] = [OnceLock::new(), OnceLock::new()];
        let beginning: &[u8] = if self.stream { b"data: {" } else { b"{" };
        let body = MADE[usize::from(self.stream)].get_or_init(|| packed::bomb(beginning, SWOLLEN));
        self.packed(body.clone(), 0, false)
    }

    fn limited(&self, told: Told) -> Reply {
        let (ms, date) = (self.wait_ms, ("date", DATE.to_owned()));
        let until = DATE_MS + ms;
        let secs = format!("{}", ms as f64 / 1000.0);
        let said = |words: &str| json!({ "error": { "message": words, "code": "rate_limit_exceeded" } });
        let words = said("Slow down.");
        let instant = llmr::types::Timestamp(i64::try_from(until).unwrap()).to_string();
        let (headers, body): (Vec<(&str, String)>, Value) = match told {
            Told::Seconds => (vec![("retry-after", secs)], words),
            Told::HttpDate => (vec![("retry-after", http_date(until)), date], words),
            Told::Millis => (vec![("retry-after-ms", ms.to_string()), ("retry-after", "60".into())], words),
            Told::ResetDuration => {
                let rest = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-tokens", "9h")];
                let rest = rest.map(|(name, value)| (name, value.to_owned()));
                let left = ("x-ratelimit-remaining-tokens", "70".to_owned());
                let reset = ("x-ratelimit-reset-requests", format!("{ms}ms"));
                (rest.into_iter().chain([left, reset]).collect(), words)
            }
            Told::ResetSeconds => (vec![("x-ratelimit-reset", secs)], words),
            Told::ResetEpoch => (vec![("x-ratelimit-reset", (until / 1000).to_string()), date], words),
            Told::ResetEpochMs => (vec![("x-ratelimit-reset", until.to_string()), date], words),
            Told::ResetInstant => {
                let left = ("anthropic-ratelimit-tokens-remaining", "0".to_owned());
                let error = json!({ "type": "rate_limit_error", "message": "Slow down." });
                let reset = ("anthropic-ratelimit-tokens-reset", instant);
                (vec![left, reset, date], json!({ "type": "error", "error": error }))
            }
            Told::RetryInfo => {
                let info =
                    json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{secs}s") });
                let error =
                    json!({ "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow down.", "details": [info] });
                (vec![], json!({ "error": error }))
            }
            Told::TryAgainIn => (vec![], said(&format!("Limit reached. Please try again in {ms}ms. Thank you."))),
            Told::RetryIn => (vec![], said(&format!("Please retry in {secs}s."))),
            Told::RetryAfterWords => (vec![], said(&format!("Please retry after {secs} seconds."))),
            Told::HeadersInBody => {
                let metadata = json!({ "headers": { "X-RateLimit-Reset": until.to_string() } });
                let error = json!({ "code": 429, "message": "Slow down.", "metadata": metadata });
                (vec![date], json!({ "error": error }))
            }
            Told::Not => (vec![], words),
        };
        refusal(429, &headers, &body.to_string())
    }
}

impl Told {
    /// The shortest wait that can be said like this, but for none, in milliseconds.
    pub fn least_ms(self) -> u64 {
        if matches!(self, Self::HttpDate | Self::ResetEpoch) { 1_000 } else { 40 }
    }
}

fn http_date(ms: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_millis(ms))
}

fn frames(events: &[wire::Event]) -> Vec<String> {
    events.iter().map(|event| event.1.clone()).collect()
}

/// A chunk a frame, and the end where there is one.
fn chunked(frames: Vec<String>, ended: bool) -> Vec<u8> {
    let mut body = Vec::new();
    for frame in frames.iter().filter(|frame| !frame.is_empty()) {
        body.extend(format!("{:x}\r\n{frame}\r\n", frame.len()).into_bytes());
    }
    if ended {
        body.extend(b"0\r\n\r\n");
    }
    body
}

fn head(status: u16, kind: &str, more: &[(&str, String)], length: Option<usize>) -> String {
    let length = length.map(|length| ("content-length", length.to_string()));
    let headers = more.iter().cloned().chain(length);
    let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\n{headers}\r\n")
}

fn plain(status: u16, kind: &str, headers: &[(&str, String)], body: Vec<u8>) -> Reply {
    let head = head(status, kind, headers, Some(body.len()));
    Reply { head: Some(head), body, end: Some(End::Done), ..Reply::default() }
}

/// An error status bills nothing.
fn refusal(status: u16, headers: &[(&str, String)], body: &str) -> Reply {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    plain(status, kind, headers, body.into())
}

fn page() -> Reply {
    let page = b"<!doctype html><html><head><title>Sign in</title></head><body>Welcome</body></html>";
    plain(200, "text/html; charset=utf-8", &[], page.to_vec())
}
