//! Over real sockets on loopback: what each kind of bad server becomes, and what is never sent.

use std::io::Write as _;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::*;
use crate::types::Secret;

const LIMITS: Limits = Limits { first_byte_ms: 300, idle_ms: 100 };
/// For answers that do come, on a machine that is busy.
const PATIENT: Limits = Limits { first_byte_ms: 20_000, idle_ms: 20_000 };

/// What a server does once it has read a request.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Hang,
}

/// A server that answers every connection with these bytes; what it read is kept.
struct Server {
    port: u16,
    read: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let read = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (answer.into(), Arc::clone(&read));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                let _ = stream.write_all(&answer).await;
                if matches!(then, Then::Hang) {
                    tokio::spawn(async move { (stream, std::future::pending::<()>().await).1 });
                }
            }
        });
        Self { port, read }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/chat?api=1", self.port)
    }

    fn requests(&self) -> Vec<String> {
        self.read.lock().unwrap().clone()
    }
}

/// Reads headers and a body of `content-length`.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.unwrap_or(0);
        text.extend_from_slice(&buffer[..n]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        let length = so_far.split("content-length: ").nth(1).and_then(|t| t.lines().next()?.parse::<usize>().ok());
        let whole = so_far.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
        if whole || n == 0 {
            return so_far;
        }
    }
}

fn request(url: &str) -> HttpRequest {
    HttpRequest {
        url: url.to_owned(),
        headers: vec![
            ("authorization", HeaderValue::Secret("Bearer ", Secret::new("test-key"))),
            ("x-plain", HeaderValue::Plain("shown".into())),
        ],
        body: br#"{"a":1}"#.to_vec(),
        stream: false,
    }
}

fn client() -> Client {
    Client::new(&Network::default()).unwrap()
}

async fn ask(url: &str, limits: &Limits) -> Result<(u16, Vec<u8>), Failure> {
    let answer = client().send(&request(url), limits).await?;
    Ok((answer.status, answer.body(1 << 20).await?))
}

/// An answer with these headers beside its status line, and this body.
fn raw(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), body].concat()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    // A stored block: gzip's own frame without compression, so that no compressor is needed here.
    let length = u16::try_from(text.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend_from_slice(text);
    out.extend(crc32(text).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 })
    })
}

#[tokio::test]
async fn a_request_and_its_answer_arrive_whole() {
    let server = Server::start(raw("Content-Length: 5\r\nX-Request-Id: r1\r\n", b"hello"), Then::Hang).await;
    let answer = client().send(&request(&server.url()), &PATIENT).await.unwrap();
    assert_eq!((answer.status, answer.headers.get("x-request-id")), (200, Some("r1")));
    assert_eq!(answer.body(5).await.unwrap(), b"hello");
    let sent = server.requests().remove(0);
    let lower = sent.to_lowercase();
    assert!(sent.starts_with("POST /v1/chat?api=1 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with(r#"{"a":1}"#), "{sent}");
    for line in [
        "authorization: bearer test-key",
        "content-type: application/json",
        "content-length: 7",
        "x-plain: shown",
        concat!("user-agent: llmr/", env!("CARGO_PKG_VERSION")),
        "accept-encoding: gzip",
    ] {
        assert!(lower.contains(&format!("{line}\r\n")), "{line} is missing in {sent}");
    }
    assert!(!lower.contains("cookie") && !lower.contains("referer"), "{sent}");
}

#[tokio::test]
async fn a_packed_answer_is_unpacked() {
    let body = gzip(b"hello");
    let head = format!("content-encoding: gzip\r\ncontent-length: {}\r\n", body.len());
    let server = Server::start(raw(&head, &body), Then::Hang).await;
    assert_eq!(ask(&server.url(), &PATIENT).await.unwrap(), (200, b"hello".to_vec()));
}

#[tokio::test]
async fn pieces_come_as_they_are_sent() {
    let server = Server::start(raw("transfer-encoding: chunked\r\n", b"3\r\nabc\r\n"), Then::Hang).await;
    let limits = Limits { idle_ms: 100, ..PATIENT };
    let mut answer = client().send(&request(&server.url()), &limits).await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "abc");
    let failure = answer.chunk().await.unwrap_err();
    assert_eq!((failure.class, failure.status, failure.unsent), (FailureClass::Timeout, Some(200), false));
    assert!(failure.message.ends_with("went silent in the middle of its answer for 100 ms"), "{}", failure.message);
}

#[tokio::test]
async fn what_fails_has_its_class() {
    use FailureClass::{Cut, Malformed, Network, Timeout};
    let packed = gzip(b"hello hello hello");
    let mut corrupt = packed.clone();
    corrupt[10] = 7;
    let gzip_head = |n: usize| format!("content-encoding: gzip\r\ncontent-length: {n}\r\n");
    for (what, answer, then, class, words) in [
        ("no answer", vec![], Then::Close, Network, "broke before an answer began"),
        ("half a head", b"HTTP/1.1 200 OK\r\ncont".to_vec(), Then::Close, Network, "broke before an answer began"),
        ("not HTTP", b"SSH-2.0-OpenSSH_9\r\n\r\n".to_vec(), Then::Hang, Malformed, "does not answer in HTTP"),
        ("silence", vec![], Then::Hang, Timeout, "no answer from 127.0.0.1"),
        ("headers only", raw("content-length: 5\r\n", b""), Then::Hang, Timeout, "no answer from 127.0.0.1"),
        ("silence in the body", raw("content-length: 5\r\n", b"he"), Then::Hang, Timeout, "silent in the middle"),
        ("short", raw("content-length: 5\r\n", b"he"), Then::Close, Cut, "was cut off"),
        ("cut chunk", raw("transfer-encoding: chunked\r\n", b"5\r\nhe"), Then::Close, Cut, "was cut off"),
        ("no last chunk", raw("transfer-encoding: chunked\r\n", b"2\r\nhe\r\n"), Then::Close, Cut, "was cut off"),
        ("bad chunk", raw("transfer-encoding: chunked\r\n", b"zz\r\nhe"), Then::Hang, Malformed, "cannot be read"),
        ("cut gzip", raw(&gzip_head(packed.len() - 9), &packed[..packed.len() - 9]), Then::Hang, Cut, "was cut off"),
        ("bad gzip", raw(&gzip_head(corrupt.len()), &corrupt), Then::Hang, Malformed, "cannot be read"),
    ] {
        let server = Server::start(answer, then).await;
        let limits = if class == Timeout { LIMITS } else { PATIENT };
        let failure = ask(&server.url(), &limits).await.unwrap_err();
        assert_eq!((failure.class, failure.unsent), (class, false), "{what}: {failure}");
        assert!(failure.message.contains(words), "{what}: {failure}");
        assert!(!failure.message.contains("test-key") && !failure.message.contains("api=1"), "{what}: {failure}");
    }
}

#[tokio::test]
async fn headers_alone_do_not_put_the_first_byte_off() {
    let server = Server::start(raw("content-length: 9\r\n", b""), Then::Hang).await;
    let limits = Limits { first_byte_ms: 300, idle_ms: 20_000 };
    let url = server.url();
    let asked = tokio::time::timeout(Duration::from_secs(10), ask(&url, &limits)).await;
    let failure = asked.expect("the silence of a body that has not begun is not waited for").unwrap_err();
    assert_eq!(failure.message, format!("no answer from 127.0.0.1:{} within 300 ms", server.port));
}

#[tokio::test]
async fn what_was_never_sent_says_so() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain_port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    // Accepts connections and never speaks: a TLS handshake there does not end.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = (silent.local_addr().unwrap(), silent);
    for (url, connect_ms, class, words) in [
        (format!("http://{closed}/?key=test-key"), 5000, FailureClass::Network, "connection refused"),
        (format!("https://127.0.0.1:{}/", plain_port), 5000, FailureClass::Network, "does not speak TLS"),
        (format!("https://{}/", silent.0), 50, FailureClass::Timeout, "within 50 ms"),
        (format!("https://{}/", silent.0), 5000, FailureClass::Timeout, "no answer"),
        ("http://a..b/".into(), 5000, FailureClass::Network, "does not resolve"),
        ("ftp://127.0.0.1/?key=test-key".into(), 5000, FailureClass::InvalidRequest, "cannot send to 127.0.0.1"),
        ("no address?key=test-key".into(), 5000, FailureClass::InvalidRequest, "not an http(s) address"),
    ] {
        let client = Client::new(&Network { connect_ms, ..Network::default() }).unwrap();
        let limits = if words == "no answer" { LIMITS } else { PATIENT };
        let failure = client.send(&request(&url), &limits).await.unwrap_err();
        assert_eq!((failure.class, failure.unsent), (class, true), "{url}: {failure}");
        assert!(failure.message.contains(words), "{url}: {failure}");
        assert!(!failure.message.contains("test-key"), "{failure}");
    }
}

#[test]
fn keys_are_marked_so_that_nothing_prints_them() {
    let headers = headers(&request("http://127.0.0.1/").headers).unwrap();
    assert!(headers["authorization"].is_sensitive());
    assert!(!headers["x-plain"].is_sensitive());
    assert!(!format!("{headers:?}").contains("test-key"));
}

/// Runs another test of this file in a process whose environment has a proxy that refuses every connection:
/// it would say so, instead of that a name does not resolve.
#[test]
fn proxies_of_the_environment_are_not_looked_at() {
    let test = "transport::tests::what_was_never_sent_says_so";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test]);
    for variable in ["http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        again.env(variable, "http://127.0.0.1:9");
    }
    let output = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn a_caller_who_gives_up_knows_whether_it_was_sent() {
    let server = Server::start(vec![], Then::Hang).await;
    let (sent, request) = (Sent::default(), request(&server.url()));
    assert!(!sent.get());
    let client = client();
    let exchange = client.send_noting(&request, &PATIENT, &sent);
    let _ = tokio::time::timeout(Duration::from_millis(200), exchange).await.unwrap_err();
    assert!(sent.get());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_for_ever() {
    let server = Server::start(raw("content-length: 5\r\n", b"hello"), Then::Hang).await;
    let answer = client().send(&request(&server.url()), &PATIENT).await.unwrap();
    let failure = answer.body(4).await.unwrap_err();
    assert_eq!((failure.class, failure.status), (FailureClass::Malformed, Some(200)));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_the_key_stays_home() {
    let elsewhere = Server::start(raw("content-length: 0\r\n", b""), Then::Hang).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
        let server = Server::start(answer, Then::Hang).await;
        assert_eq!(ask(&server.url(), &PATIENT).await.unwrap(), (status, vec![]));
    }
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_cannot_be_sent_is_an_auth_failure_that_does_not_show_it() {
    let server = Server::start(vec![], Then::Hang).await;
    for key in ["test-\nkey", "test-\u{1}key", "test-\u{201c}key"] {
        let mut request = request(&server.url());
        request.headers = vec![("x-api-key", HeaderValue::Secret("", Secret::new(key)))];
        let failure = client().send(&request, &LIMITS).await.unwrap_err();
        assert_eq!((failure.class, failure.unsent), (FailureClass::Auth, true));
        assert_eq!(failure.message, "the key of header `x-api-key` holds characters that HTTP cannot send");
    }
    let mut request = request(&server.url());
    request.headers = vec![("x-plain", HeaderValue::Plain("a\nb".into()))];
    let failure = client().send(&request, &LIMITS).await.unwrap_err();
    assert_eq!((failure.class, failure.unsent), (FailureClass::InvalidRequest, true));
    assert_eq!(server.requests(), Vec::<String>::new());
}

fn with_proxy(port: u16, no_proxy: &str) -> Network {
    let proxy = Some(format!("http://user:secret-word@127.0.0.1:{port}"));
    Network { all_proxy: proxy, no_proxy: Some(no_proxy.into()), ..Network::default() }
}

#[tokio::test]
async fn proxies_serve_everything_but_loopback_and_what_is_excepted() {
    let proxy = Server::start(raw("content-length: 2\r\n", b"ok"), Then::Hang).await;
    let server = Server::start(raw("content-length: 2\r\n", b"me"), Then::Hang).await;
    let client = Client::new(&with_proxy(proxy.port, "direct.invalid")).unwrap();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/", server.port);
        let answer = client.send(&request(&url), &PATIENT).await.unwrap();
        assert_eq!(answer.body(9).await.unwrap(), b"me", "{host}");
    }
    assert_eq!(proxy.requests(), Vec::<String>::new());

    let answer = client.send(&request("http://llm.invalid/x"), &PATIENT).await.unwrap();
    assert_eq!(answer.body(9).await.unwrap(), b"ok");
    let seen = proxy.requests().remove(0).to_lowercase();
    assert!(seen.starts_with("post http://llm.invalid/x http/1.1\r\n"), "{seen}");
    assert!(seen.contains("proxy-authorization: basic "), "{seen}");

    let everything = Client::new(&with_proxy(proxy.port, "*")).unwrap();
    let failure = everything.send(&request("http://a..b/x"), &PATIENT).await.unwrap_err();
    assert!(failure.message.contains("does not resolve"), "{failure}");
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn a_failing_proxy_is_named_without_its_password() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refusing = Server::start("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n", Then::Hang).await;
    for port in [closed.port(), refusing.port] {
        let client = Client::new(&with_proxy(port, "")).unwrap();
        let failure = client.send(&request("https://llm.invalid/x"), &PATIENT).await.unwrap_err();
        assert_eq!((failure.class, failure.unsent), (FailureClass::Network, true), "{failure}");
        assert!(failure.message.starts_with("cannot connect to llm.invalid (a proxy is set): "), "{failure}");
        assert!(!failure.message.contains("secret-word"), "{failure}");
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let url = format!("http://{host}:{}/", closed.port());
            let failure = client.send(&request(&url), &PATIENT).await.unwrap_err();
            assert!(!failure.message.contains("proxy"), "{failure}");
        }
    }
}

#[test]
fn a_proxy_that_would_be_ignored_is_refused_without_showing_it() {
    for address in ["ftp://user:secret-word@host:1", "http://", "http://[", "user:secret-word@ho st"] {
        let network = Network { https_proxy: Some(address.into()), ..Network::default() };
        let error = Client::new(&network).err().unwrap_or_else(|| panic!("{address} was taken"));
        assert_eq!(error.kind, Kind::Config);
        assert_eq!(error.message, "HTTPS_PROXY: its value is not the address of a proxy");
    }
    for address in ["", " ", "host:3128", "socks5://127.0.0.1:1080", "https://u:p@host"] {
        let network = Network { all_proxy: Some(address.into()), ..Network::default() };
        assert!(Client::new(&network).is_ok(), "{address}");
    }
}

/// A certificate authority of our own, and a TLS server for 127.0.0.1 that it vouches for.
struct TlsServer {
    url: String,
    authority: String,
}

impl TlsServer {
    async fn start(name: &str) -> Self {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::default();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&ca_key).unwrap().pem();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    answer_ok(stream).await;
                }
            }
        });
        Self { url, authority }
    }

    fn store(&self) -> rustls::RootCertStore {
        use rustls::pki_types::pem::PemObject as _;
        let mut roots = rustls::RootCertStore::empty();
        let der = rustls::pki_types::CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap();
        roots.add(der).unwrap();
        roots
    }
}

async fn answer_ok(mut stream: impl AsyncWrite + tokio::io::AsyncRead + Unpin) {
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(&raw("content-length: 2\r\n", b"ok")).await;
    let _ = stream.shutdown().await;
}

#[tokio::test]
async fn an_authority_of_one_s_own_is_taken_from_a_file() {
    let server = TlsServer::start("127.0.0.1").await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.authority.as_bytes()).unwrap();
    let network = Network { ssl_cert_file: Some(file.path().to_owned()), ..Network::default() };
    let answer = Client::new(&network).unwrap().send(&request(&server.url), &PATIENT).await.unwrap();
    assert_eq!(answer.body(9).await.unwrap(), b"ok");

    let failure = client().send(&request(&server.url), &PATIENT).await.unwrap_err();
    assert_eq!((failure.class, failure.unsent), (FailureClass::Network, true));
    assert!(failure.message.contains("SSL_CERT_FILE"), "{failure}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_whoever_signed_it() {
    let server = TlsServer::start("another.invalid").await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.authority.as_bytes()).unwrap();
    let network = Network { ssl_cert_file: Some(file.path().to_owned()), ..Network::default() };
    let failure = Client::new(&network).unwrap().send(&request(&server.url), &PATIENT).await.unwrap_err();
    assert_eq!((failure.class, failure.unsent), (FailureClass::Network, true));
    assert!(failure.message.ends_with("its certificate is for another name"), "{failure}");
}

#[tokio::test]
async fn the_system_s_authorities_are_asked_when_the_built_in_ones_do_not_know_the_issuer() {
    let server = TlsServer::start("127.0.0.1").await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let loaded = Arc::new(AtomicBool::new(false));
    let (noted, store) = (Arc::clone(&loaded), server.store());
    let tls = tls::with_system(&provider, {
        let provider = Arc::clone(&provider);
        Box::new(move || {
            noted.store(true, Ordering::Relaxed);
            Some(tls::webpki(store, &provider).unwrap())
        })
    });
    let client = Client::with_tls(&Network::default(), tls.unwrap()).unwrap();
    assert!(!loaded.load(Ordering::Relaxed), "the system's store is read only when it is needed");
    let answer = client.send(&request(&server.url), &PATIENT).await.unwrap();
    assert_eq!(answer.body(9).await.unwrap(), b"ok");
}

#[test]
fn a_certificate_file_that_cannot_be_used_is_an_error_that_names_it() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let missing = empty.path().with_extension("missing");
    for (path, why) in [(empty.path(), "there is no certificate in it"), (&*missing, "No such file")] {
        let network = Network { ssl_cert_file: Some(path.to_owned()), ..Network::default() };
        let error = Client::new(&network).err().unwrap();
        assert_eq!(error.kind, Kind::Config);
        assert!(error.message.starts_with(&format!("SSL_CERT_FILE: {}: ", path.display())), "{error}");
        assert!(error.message.contains(why), "{error}");
    }
}

/// A server of a stream that stays open behind its end for a moment, on connections that may be used again. What it
/// has seen: connections, requests, and connections that it has closed, each as soon as it is told to.
async fn keeper(close: Option<Arc<Notify>>) -> (String, Arc<Mutex<(usize, usize, usize)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/chat", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new((0, 0, 0)));
    let counts = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counts.lock().unwrap().0 += 1;
            let (counts, close) = (Arc::clone(&counts), close.clone());
            tokio::spawn(async move {
                while !read_request(&mut stream).await.is_empty() {
                    counts.lock().unwrap().1 += 1;
                    stream.write_all(&raw("Transfer-Encoding: chunked\r\n", b"4\r\nlast\r\n")).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    stream.write_all(b"0\r\n\r\n").await.unwrap();
                    if let Some(close) = &close {
                        close.notified().await;
                        drop(stream);
                        counts.lock().unwrap().2 += 1;
                        return;
                    }
                }
            });
        }
    });
    (url, seen)
}

#[tokio::test]
async fn a_connection_whose_answer_is_complete_is_used_again() {
    let (url, seen) = keeper(None).await;
    let client = client();
    let connections = || seen.lock().unwrap().0;
    let mut used_again = false;
    for _ in 0..100 {
        let before = connections();
        let mut answer = client.send(&request(&url), &PATIENT).await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "last");
        answer.release();
        used_again |= connections() == before;
        if used_again {
            break;
        }
        // The end of the body is on its way, however busy the machine is.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(used_again, "{} connections", connections());
    // One that is given up is closed.
    let open = connections();
    for _ in 0..=open {
        let mut answer = client.send(&request(&url), &PATIENT).await.unwrap();
        answer.chunk().await.unwrap().unwrap();
        drop(answer);
    }
    assert!(connections() > open);
}

#[test]
fn a_connection_that_was_closed_while_nobody_looked_is_not_used() {
    // The server has a thread of its own: the client's runtime rests between its requests, as in a chat.
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let close = Arc::new(Notify::new());
    let closes = Arc::clone(&close);
    std::thread::spawn(move || {
        runtime().block_on(async {
            tell.send(keeper(Some(closes)).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let (url, seen) = told.recv().unwrap();
    let own = runtime();
    let client = client();
    for n in 1..=20 {
        own.block_on(async {
            let mut answer = client.send(&request(&url), &PATIENT).await.unwrap();
            assert_eq!(answer.chunk().await.unwrap().unwrap(), "last");
            answer.release();
            // Until its connection is free again.
            tokio::time::sleep(Duration::from_millis(20)).await;
        });
        close.notify_one();
        while seen.lock().unwrap().2 < n {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(*seen.lock().unwrap(), (n, n, n));
    }
}
