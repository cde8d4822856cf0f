//! One HTTP exchange: an [`HttpRequest`] goes out, a [`Response`] comes in piece by piece.
//!
//! The only place that knows reqwest. Nothing here knows a dialect, reads the environment or decides
//! what to do about a failure: a 3xx, 4xx or 5xx is an answer like any other.
//!
//! What always holds: redirects are not followed (a key would go with them), loopback is never proxied,
//! proxies come from [`Network`] alone, keys are marked sensitive, and no error text holds a key, a query,
//! a proxy's address or a proxy's password.
//!
//! Classes of what fails here: a connection that cannot be made is `network`, one that takes longer than
//! [`Network::connect_ms`] is `timeout`, both with [`Failure::unsent`]; whether anything was sent is not guessed
//! from the error but seen, by a body that notes when it is read for the first time.

mod failure;
mod response;
mod tls;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Kind};
use crate::providers::{HeaderValue, HttpGet, HttpRequest};
use crate::types::{Failure, FailureClass};

pub use response::Response;

/// The most that is read of an answer that is taken whole, in bytes: the longest answer any catalogue
/// model can write is under 1 MiB of text, so more than this is not an answer.
pub const MAX_BODY_BYTES: usize = 64 << 20;

/// What is sent as `user-agent`.
const USER_AGENT: &str = concat!("llmr/", env!("CARGO_PKG_VERSION"));

/// A connection that nobody has used for so long is not used again. The load balancers in front of most vendors close
/// it after 60 s or more, and a request on one that is just being closed may be lost and charged all the same.
const KEPT_OPEN: Duration = Duration::from_secs(50);

/// Hosts that are reached directly whatever the proxies are.
const LOOPBACK: &str = "localhost,localhost.,127.0.0.0/8,::1,::ffff:127.0.0.0/104";

/// How to reach the network, as plain values. An empty text is no proxy.
#[derive(Clone)]
pub struct Network {
    /// The longest a connection may take to be made (name, TCP, proxy and TLS together), in milliseconds.
    pub connect_ms: u64,
    /// `HTTPS_PROXY`: the proxy of `https` addresses.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`: the proxy of `http` addresses.
    pub http_proxy: Option<String>,
    /// `ALL_PROXY`: the proxy of both, where they have none of their own.
    pub all_proxy: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks that are reached directly, with commas between; `*` for all.
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`: a PEM file of the authorities to trust, **instead of** the built-in ones, as elsewhere.
    pub ssl_cert_file: Option<PathBuf>,
}

impl Default for Network {
    /// No proxy, the built-in authorities, and the contract's 10 s for connecting.
    fn default() -> Self {
        Self {
            connect_ms: 10_000,
            https_proxy: None,
            http_proxy: None,
            all_proxy: None,
            no_proxy: None,
            ssl_cert_file: None,
        }
    }
}

/// How long an answer may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From sending to the first byte of the body (connecting included). Headers alone do not count: some
    /// providers send them at once and think afterwards.
    pub first_byte_ms: u64,
    /// Silence within the body.
    pub idle_ms: u64,
}

/// Whether a request has begun to leave this machine; from then on it may be charged.
///
/// Clones share one mark, so that a caller who gives up in the middle can still look.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<AtomicBool>);

impl Sent {
    /// Whether anything of the request may have reached the provider.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The HTTP client: one a process. Connections are kept open and used again; clones share them.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    connect_ms: u64,
    proxied: bool,
}

impl Client {
    /// A client; makes no connection. Takes well under a millisecond without `ssl_cert_file`.
    ///
    /// Fails (kind `config`) for a proxy address that is none and for a certificate file that cannot be used.
    pub fn new(network: &Network) -> Result<Self, Error> {
        Self::with_tls(network, tls::config(network.ssl_cert_file.as_deref())?)
    }

    fn with_tls(network: &Network, tls: rustls::ClientConfig) -> Result<Self, Error> {
        let proxies = proxies(network)?;
        let proxied = !proxies.is_empty();
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(Duration::from_millis(network.connect_ms))
            .tcp_nodelay(true)
            .pool_idle_timeout(KEPT_OPEN)
            .http1_only()
            .no_proxy()
            .tls_backend_preconfigured(tls);
        let http = proxies
            .into_iter()
            .fold(builder, reqwest::ClientBuilder::proxy)
            .build()
            .map_err(|error| Error::new(Kind::Other, format!("cannot set up HTTP: {}", failure::cause(&error))))?;
        Ok(Self { http, connect_ms: network.connect_ms, proxied })
    }

    /// Sends a request and waits for the headers of its answer, whatever their status.
    pub async fn send(&self, request: &HttpRequest, limits: &Limits) -> Result<Response, Failure> {
        self.send_noting(request, limits, &Sent::default()).await
    }

    /// The same for a caller who may drop the future and must know then whether anything was sent.
    pub async fn send_noting(&self, request: &HttpRequest, limits: &Limits, sent: &Sent) -> Result<Response, Failure> {
        self.execute(self.outgoing(request, sent)?, limits, sent).await
    }

    /// Asks for what lies at an address, and waits for the headers of its answer, whatever their status.
    pub async fn get(&self, request: &HttpGet, limits: &Limits) -> Result<Response, Failure> {
        let headers = headers(&request.headers).map_err(unsent)?;
        let outgoing = self.http.get(&request.url).headers(headers).build().map_err(|_| no_address())?;
        let sent = Sent::default();
        sent.mark();
        self.execute(outgoing, limits, &sent).await
    }

    async fn execute(&self, outgoing: reqwest::Request, limits: &Limits, sent: &Sent) -> Result<Response, Failure> {
        let deadline = Instant::now() + Duration::from_millis(limits.first_byte_ms);
        let host = host(outgoing.url());
        let described = self.described(&host, outgoing.url());
        see_what_was_closed().await;
        match timeout_at(deadline, self.http.execute(outgoing)).await {
            Ok(Ok(answer)) => Ok(Response::new(answer, host, deadline, *limits)),
            Ok(Err(error)) => Err(failure::of_send(&error, &described, self.connect_ms, sent.get())),
            Err(_) => Err(failure::no_first_byte(&host, limits.first_byte_ms, !sent.get())),
        }
    }

    fn outgoing(&self, request: &HttpRequest, sent: &Sent) -> Result<reqwest::Request, Failure> {
        let mut headers = headers(&request.headers).map_err(unsent)?;
        headers.insert(CONTENT_TYPE, reqwest::header::HeaderValue::from_static("application/json"));
        self.http
            .post(&request.url)
            .headers(headers)
            .body(reqwest::Body::wrap(NotedBody::new(&request.body, sent)))
            .build()
            .map_err(|_| no_address())
    }

    /// The host for messages about connecting, where a proxy may be what fails.
    fn described(&self, host: &str, url: &reqwest::Url) -> String {
        if self.proxied && !is_loopback(url) { format!("{host} (a proxy is set)") } else { host.to_owned() }
    }
}

/// Lets kept connections notice that they were closed meanwhile, before one of them is taken: in a chat the runtime
/// rests between the turns, and a request on a closed connection would fail after it had been sent.
async fn see_what_was_closed() {
    // The first turn looks at the sockets, in the second one the connections look at what came.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

fn unsent(failure: Failure) -> Failure {
    Failure { unsent: true, ..failure }
}

fn no_address() -> Failure {
    unsent(Failure::new(FailureClass::InvalidRequest, "the base URL is not an http(s) address"))
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    ip.map_or(host == "localhost" || host.ends_with(".localhost"), |ip| ip.to_canonical().is_loopback())
}

/// A request's body, which notes that it is being sent.
struct NotedBody {
    bytes: Bytes,
    sent: Sent,
}

impl NotedBody {
    fn new(bytes: &[u8], sent: &Sent) -> Self {
        if bytes.is_empty() {
            // It is never read: the request counts as sent from the start.
            sent.mark();
        }
        Self { bytes: Bytes::copy_from_slice(bytes), sent: sent.clone() }
    }
}

impl hyper::body::Body for NotedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        self.sent.mark();
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(hyper::body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// The request's headers, keys marked so that nothing prints them.
fn headers(given: &[(&'static str, HeaderValue)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::with_capacity(given.len() + 1);
    for (name, value) in given {
        let (text, class, sensitive) = match value {
            HeaderValue::Plain(text) => (text.clone(), FailureClass::InvalidRequest, false),
            HeaderValue::Secret(prefix, key) => (format!("{prefix}{}", key.expose()), FailureClass::Auth, true),
        };
        let unfit = || {
            let what = if sensitive { "the key" } else { "the value" };
            Failure::new(class, format!("{what} of header `{name}` holds characters that HTTP cannot send"))
        };
        // HTTP lets other bytes pass, but no vendor's key has them: a curly quote that was pasted along.
        if sensitive && !text.is_ascii() {
            return Err(unfit());
        }
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let mut value = reqwest::header::HeaderValue::from_str(&text).map_err(|_| unfit())?;
        value.set_sensitive(sensitive);
        map.insert(name, value);
    }
    Ok(map)
}

/// The host of a URL for messages, with its port where it is not the usual one.
fn host(url: &reqwest::Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// The proxies as reqwest wants them: one rule for `https`, one for `http`.
fn proxies(network: &Network) -> Result<Vec<reqwest::Proxy>, Error> {
    type Rule = fn(reqwest::Url) -> reqwest::Result<reqwest::Proxy>;
    let rules: [(&str, &Option<String>, Rule); 2] = [
        ("HTTPS_PROXY", &network.https_proxy, reqwest::Proxy::https),
        ("HTTP_PROXY", &network.http_proxy, reqwest::Proxy::http),
    ];
    let direct = [LOOPBACK, network.no_proxy.as_deref().unwrap_or_default()].join(",");
    let mut proxies = Vec::new();
    for (variable, own, rule) in rules {
        let set = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        let Some((variable, address)) =
            set(own).map(|a| (variable, a)).or_else(|| set(&network.all_proxy).map(|a| ("ALL_PROXY", a)))
        else {
            continue;
        };
        let unfit = || unfit_proxy(variable);
        let url = proxy_url(&address).ok_or_else(unfit)?;
        proxies.push(rule(url).map_err(|_| unfit())?.no_proxy(reqwest::NoProxy::from_string(&direct)));
    }
    Ok(proxies)
}

/// A proxy's address; `http://` where it has no scheme, as everywhere. `None` for one that would be
/// ignored in silence, so that requests meant for a proxy never go out without it.
fn proxy_url(address: &str) -> Option<reqwest::Url> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url = reqwest::Url::parse(&whole).ok()?;
    (SCHEMES.contains(&url.scheme()) && url.has_host()).then_some(url)
}

/// The value may hold a password: only its name is told.
fn unfit_proxy(variable: &str) -> Error {
    Error::new(Kind::Config, format!("{variable}: its value is not the address of a proxy"))
        .hint("a proxy's address looks like http://host:port or socks5://host:port")
}
