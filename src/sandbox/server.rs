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

use super::bill::{Books, EntryId, Received};
use super::play::{self, Pace, Play, Step};
use super::script::{Fault, Script};
use super::wire::{self, Meta, Problem, Prompt, Refusal, Reply, Route, Wire};
use super::{SandboxProvider, text};
use crate::catalogue::{self, Ability};
use crate::engine::draw;
use crate::types::Timestamp;

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
        let prompt = match self.read(received) {
            Ok(prompt) => prompt,
            Err(problem) => return self.refuse(&problem, received.body["model"].as_str().unwrap_or_default()),
        };
        match self.fault {
            Fault::Hang => std::future::pending().await,
            Fault::Refuse(problem) => self.refuse(&problem, &prompt.model),
            Fault::NoSchema if prompt.format.is_some() => {
                let problem = Problem::Invalid("this model does not support response_format", Some("response_format"));
                self.refuse(&problem, &prompt.model)
            }
            Fault::Blocked if self.wire.blocks_with_status() => self.refuse(&Problem::Blocked, &prompt.model),
            _ => self.play(&prompt).await,
        }
    }

    /// Path, key and body, in the order in which vendors look at them.
    fn read(&self, received: &Received) -> Result<Prompt, Problem> {
        let meta = Meta { headers: &received.headers, query: &received.query };
        let path = received.path.get(self.provider.name.len() + 1..).unwrap_or_default();
        let route: Option<Route> = self.wire.route(path).filter(|_| received.method == "POST");
        let route = route.ok_or(Problem::UnknownPath)?;
        if self.provider.needs_key && self.wire.key(&meta).is_none_or(|key| key.trim().is_empty()) {
            return Err(Problem::MissingKey);
        }
        if received.body.is_null() {
            return Err(Problem::Invalid("the body is not JSON, or it is too long", None));
        }
        let prompt = self.wire.read(route, &meta, &received.body)?;
        let blind = catalogue::find(&self.provider.name, &prompt.model).is_some_and(|row| !row.can(Ability::Vision));
        match blind && !prompt.pictures.is_empty() {
            true => Err(Problem::Invalid("image: this model does not take pictures", Some("messages"))),
            false => Ok(prompt),
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
        let draw = text::hash(&[&self.provider.name, &prompt.last, &self.state.seed.to_string()]);
        let pace = Pace::of(self.provider, self.state.speed, draw);
        let make = if prompt.stream { play::stream } else { play::whole };
        let play = make(self.wire, &reply, self.fault, pace);
        let entry = play
            .billed
            .map(|usage| self.state.books.open(self.index, self.number, &prompt.model, self.fault_name, now, usage));
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
