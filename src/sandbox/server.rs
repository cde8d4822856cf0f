//! The loopback server: connections, paths, and the playing of answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use super::bill::{Books, Entry, EntryId, Received};
use super::play::{self, Pace, Play, Step};
use super::script::{Fault, Script};
use super::wire::vectors::{self, Wanted};
use super::wire::{self, Meta, Problem, Prompt, Refusal, Reply, Route, Wire};
use super::{SandboxProvider, text};
use crate::catalogue::{self, Ability};
use crate::engine::draw;
use crate::types::{Pricing, Timestamp, Usage};

/// The longest request that is read, in bytes: longer than any catalogue model's window.
const MAX_REQUEST_BYTES: usize = 64 << 20;
/// How long to rest when no connection can be accepted (no file descriptor left).
const ACCEPT_REST: Duration = Duration::from_millis(20);

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What all connections share.
pub(super) struct State {
    pub providers: Vec<SandboxProvider>,
    pub script: Script,
    pub speed: f64,
    pub seed: u64,
    pub started_at: Timestamp,
    pub started: Instant,
    pub books: Books,
    /// Connections that were accepted.
    pub connections: AtomicU64,
}

impl State {
    fn now(&self) -> Timestamp {
        self.started_at.plus_ms(i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// What the script's lots are drawn by. The time is in it, because a rehearsal has a sandbox a command, whose
    /// first request would else meet the same lot for ever.
    fn lots(&self) -> u64 {
        draw::of_request(self.seed, self.started_at.0)
    }
}

/// Serves until it is dropped; every connection goes with it.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    state.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
                Err(_) => sleep(ACCEPT_REST).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, with as many requests as the client likes. A broken one is the client's to notice.
async fn connection(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(&state, request).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(state: &Arc<State>, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    match (&head.method, path) {
        (&Method::GET, "/health") => return json_response(200, &json!({ "status": "ok" })),
        (&Method::GET, "/bill") => return json_response(200, &json!(state.books.bill(&state.providers))),
        _ => {}
    }
    let name = path.split('/').nth(1).unwrap_or_default();
    let index = state.providers.iter().position(|provider| provider.name == name);
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await.map(http_body_util::Collected::to_bytes);
    let exchange = index.and_then(|index| Exchange::of(state, index, &head.method));
    let received = Received {
        number: exchange.as_ref().filter(|_| head.method != Method::GET).map_or(0, |exchange| exchange.number),
        fault: exchange.as_ref().map_or("ok", |exchange| exchange.fault_name),
        provider: index.map_or_else(String::new, |_| name.to_owned()),
        method: head.method.to_string(),
        path: path.to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: text_headers(&head.headers),
        body: body.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null),
    };
    state.books.keep(received.clone());
    match exchange {
        Some(exchange) if received.method == "GET" => exchange.list(&received).await,
        Some(exchange) => exchange.answer(&received).await,
        None => json_response(404, &json!({ "error": format!("the sandbox has no provider `{name}`") })),
    }
}

fn text_headers(headers: &hyper::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect()
}

/// What a request asks for.
enum Asked {
    Answer(Prompt),
    Vectors(Wanted),
}

/// One request to one provider.
struct Exchange<'a> {
    state: &'a Arc<State>,
    index: usize,
    provider: &'a SandboxProvider,
    wire: &'static dyn Wire,
    /// Its number among all requests, from 1.
    number: u64,
    fault_name: &'static str,
    fault: Fault,
}

impl<'a> Exchange<'a> {
    /// Counts the request and looks up what the script has for it. One that asks no model meets the fault that the
    /// next request will meet, and uses none up.
    fn of(state: &'a Arc<State>, index: usize, method: &Method) -> Option<Self> {
        let provider = state.providers.get(index)?;
        let looks = method == Method::GET;
        let (number, own) = if looks { state.books.counted(index) } else { state.books.count(index) };
        let (fault_name, fault) = state.script.fault(&provider.name, own, state.lots());
        Some(Self { state, index, provider, wire: wire::of(provider.dialect), number, fault_name, fault })
    }

    /// The list of models, which has the one that it is best asked for.
    async fn list(&self, received: &Received) -> Response<Body> {
        let meta = Meta { headers: &received.headers, query: &received.query };
        let path = received.path.get(self.provider.name.len() + 1..).unwrap_or_default();
        if !self.wire.lists(path) {
            return self.refuse(&Problem::UnknownPath, "");
        }
        if self.provider.needs_key && self.wire.key(&meta).is_none_or(|key| key.trim().is_empty()) {
            return self.refuse(&Problem::MissingKey, "");
        }
        match self.fault {
            Fault::Hang => std::future::pending().await,
            Fault::Refuse(problem) => self.refuse(&problem, &self.provider.model),
            Fault::Slow(ms) => {
                sleep(Duration::from_millis(ms)).await;
                json_response(200, &self.wire.models(&[&self.provider.model]))
            }
            _ => json_response(200, &self.wire.models(&[&self.provider.model])),
        }
    }

    async fn answer(&self, received: &Received) -> Response<Body> {
        let asked = match self.read(received) {
            Ok(asked) => asked,
            Err(problem) => return self.refuse(&problem, received.body["model"].as_str().unwrap_or_default()),
        };
        let model = match &asked {
            Asked::Answer(prompt) => &prompt.model,
            Asked::Vectors(wanted) => &wanted.model,
        };
        match (self.fault, &asked) {
            (Fault::Hang, _) => std::future::pending().await,
            (Fault::Refuse(problem), _) => self.refuse(&problem, model),
            (Fault::NoSchema, Asked::Answer(prompt)) if prompt.format.is_some() => {
                let problem = Problem::Invalid("this model does not support response_format", Some("response_format"));
                self.refuse(&problem, model)
            }
            (Fault::Blocked, _) if self.wire.blocks_with_status() => self.refuse(&Problem::Blocked, model),
            (_, Asked::Answer(prompt)) => self.play(prompt).await,
            (_, Asked::Vectors(wanted)) => self.play_vectors(wanted).await,
        }
    }

    /// Path, key and body, in the order in which vendors look at them.
    fn read(&self, received: &Received) -> Result<Asked, Problem> {
        let meta = Meta { headers: &received.headers, query: &received.query };
        let path = received.path.get(self.provider.name.len() + 1..).unwrap_or_default();
        let posted = |_: &Route| received.method == "POST";
        let to_vectors = vectors::route(self.provider.dialect, path).filter(posted);
        let route: Option<Route> = self.wire.route(path).filter(posted);
        if to_vectors.is_none() && route.is_none() {
            return Err(Problem::UnknownPath);
        }
        if self.provider.needs_key && self.wire.key(&meta).is_none_or(|key| key.trim().is_empty()) {
            return Err(Problem::MissingKey);
        }
        if received.body.is_null() {
            return Err(Problem::Invalid("the body is not JSON, or it is too long", None));
        }
        if let Some(route) = to_vectors {
            let wanted = vectors::read(self.provider.dialect, route, &received.body)?;
            return match vectors::overflows(&self.provider.name, &wanted) {
                true => Err(Problem::Overflow),
                false => Ok(Asked::Vectors(wanted)),
            };
        }
        let prompt = self.wire.read(route.unwrap_or_default(), &meta, &received.body)?;
        let blind = catalogue::find(&self.provider.name, &prompt.model).is_some_and(|row| !row.can(Ability::Vision));
        match blind && !prompt.pictures.is_empty() {
            true => Err(Problem::Invalid("image: this model does not take pictures", Some("messages"))),
            false => Ok(Asked::Answer(prompt)),
        }
    }

    fn refuse(&self, problem: &Problem, model: &str) -> Response<Body> {
        let Refusal { status, headers, body } = self.wire.refusal(problem, model);
        let mut response = json_response(status, &body);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    async fn play(&self, prompt: &Prompt) -> Response<Body> {
        let now = self.state.now();
        let reply: Reply =
            play::reply(self.provider, prompt, self.fault, self.state.seed, self.number, now.0.div_euclid(1000));
        let make = if prompt.stream { play::stream } else { play::whole };
        let play = make(self.wire, &reply, self.fault, self.pace(&prompt.last));
        self.bill_and_perform(play, &prompt.model, None, now).await
    }

    async fn play_vectors(&self, wanted: &Wanted) -> Response<Body> {
        let silent = matches!(self.fault, Fault::Empty | Fault::Blocked);
        let dialect = self.provider.dialect;
        let body = vectors::answer(dialect, &self.provider.name, wanted, silent, self.fault != Fault::NoUsage);
        let usage = Usage { input_tokens: vectors::tokens(wanted), ..Usage::default() };
        let pace = self.pace(wanted.texts.first().map_or("", String::as_str));
        let play = play::told(self.wire, &body, usage, self.fault, pace);
        let row = catalogue::embedding(&self.provider.name, &wanted.model);
        self.bill_and_perform(play, &wanted.model, row.and_then(|row| row.model.pricing()), self.state.now()).await
    }

    fn pace(&self, prompt: &str) -> Pace {
        let draw = text::hash(&[&self.provider.name, prompt, &self.state.seed.to_string()]);
        Pace::of(self.provider, self.state.speed, draw)
    }

    async fn bill_and_perform(
        &self,
        play: Play,
        model: &str,
        pricing: Option<Pricing>,
        sent_at: Timestamp,
    ) -> Response<Body> {
        let entry = play.billed.map(|usage| Entry {
            number: self.number,
            provider: self.index,
            model: model.to_owned(),
            fault: self.fault_name,
            sent_at,
            usage,
            pricing,
        });
        let entry = entry.map(|entry| self.state.books.open(entry));
        if !play.before.is_zero() {
            sleep(play.before).await;
        }
        self.perform(play, entry)
    }

    /// The headers now, the steps as the client reads.
    fn perform(&self, play: Play, entry: Option<EntryId>) -> Response<Body> {
        let kind = if play.length.is_some() { "application/json" } else { "text/event-stream" };
        let length = play.length;
        let steps = stream::unfold((play, entry, Arc::clone(self.state)), |(mut play, entry, state)| async move {
            let frame = next(&mut play, entry, &state).await?;
            Some((frame, (play, entry, state)))
        });
        let mut response = Response::new(Body::new(StreamBody::new(steps)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let id = HeaderValue::from_str(&format!("sandbox{}", self.number));
        if let (Some(name), Ok(id)) = (self.wire.id_header(), id) {
            headers.insert(name, id);
        }
        response
    }
}

/// Takes steps until one has something for the wire; `None` at the end of the answer.
async fn next(play: &mut Play, entry: Option<EntryId>, state: &State) -> Option<std::io::Result<Frame<Bytes>>> {
    while let Some(step) = play.steps.pop_front() {
        match step {
            // Yielding lets the connection write what it has.
            Step::Wait(Duration::ZERO) => tokio::task::yield_now().await,
            Step::Wait(time) => sleep(time).await,
            Step::Send(bytes) => return Some(Ok(Frame::data(bytes))),
            Step::Bill { thought, text } => {
                if let Some(entry) = entry {
                    state.books.add(entry, thought, text);
                }
            }
            Step::Hang => std::future::pending().await,
            Step::Break => return Some(Err(std::io::Error::other("cut on order"))),
        }
    }
    None
}

fn json_response(status: u16, body: &Value) -> Response<Body> {
    let full = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
    let mut response = Response::new(Body::new(full));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
