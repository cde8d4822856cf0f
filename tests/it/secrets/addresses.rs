//! Where secrets travel: to the provider that they are for, and to nobody else. Redirects, proxies, addresses with a user.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::needles::Needles;
use super::peer::{Heard, Peer, answer, read_request};
use crate::common::Place;
use crate::listener::{Request, completion};

const KEY: &str = "the-key/of+alpha~that=nobody.may&see";
/// Password of the proxy, as it is and as it stands in an address.
const PASSWORD: (&str, &str) = ("the@password/of the:proxy+only", "the%40password%2Fof%20the%3Aproxy%2Bonly");

/// A whole answer to a chat completion.
fn fine(heard: &Heard) -> Vec<u8> {
    let body = serde_json::from_slice(&heard.body).unwrap_or_default();
    let request = Request { target: heard.target().to_owned(), headers: Vec::new(), body };
    let body = completion(&request, "fine");
    let kind = if body.starts_with("data:") { "text/event-stream" } else { "application/json" };
    answer(200, "", kind, &body)
}

fn user(base_url: &str) -> Place {
    let place = Place::new().var("OPENAI_API_KEY", KEY).var("OPENAI_BASE_URL", base_url);
    place.var("OPENAI_MODEL", "gpt-6-luna").var("LLMR_MAX_RETRIES", "0")
}

#[test]
fn a_redirect_takes_nothing_with_it() {
    for status in [301, 302, 303, 307, 308] {
        let thief = Peer::start(fine);
        let to = format!("{}/v1/chat/completions", thief.url());
        let sender = Peer::start(move |_| {
            answer(status, &format!("location: {to}\r\nrefresh: 0; url={to}\r\n"), "text/html", "")
        });
        let place = user(&sender.url()).var("ANTHROPIC_API_KEY", KEY).var("ANTHROPIC_BASE_URL", sender.url());
        place.home_file("config.toml", &format!("[alerts]\nwebhook = \"{}/hook\"\n", sender.url()));
        for args in [
            &["ask", "-p", "openai", "--stream", "x"][..],
            &["ask", "-p", "anthropic", "--no-stream", "--json", "x"],
            &["providers", "check"],
            &["models", "--live"],
        ] {
            let ran = place.run(args);
            assert_ne!(ran.code, Some(0), "{status}, {args:?}: {ran:?}");
        }
        // The webhook: money has run out.
        place.run(&["budget", "set", "0.0000001"]).expect(0);
        place.run(&["ask", "-p", "openai", "y"]).expect(4);
        assert!(thief.heard().is_empty(), "{status}: {:?}", thief.heard());
        let asked: Vec<_> = sender.heard().iter().map(|heard| heard.target().to_owned()).collect();
        for path in ["/chat/completions", "/v1/messages", "/models", "/v1/models?limit=1000", "/hook"] {
            assert!(asked.iter().any(|target| target.starts_with(path)), "{status}: {path} of {asked:?}");
        }
    }
}

/// The proxy's variables for one whose user and password must not be seen.
fn proxied(place: Place, variable: &str, scheme: &str, proxy: &Peer) -> Place {
    place.var(variable, format!("{scheme}://proxy-user-of-mine:{}@{}", PASSWORD.1, proxy.addr))
}

fn proxy_needles() -> [Needles; 4] {
    let both = |password: &str| Needles::of(&format!("proxy-user-of-mine:{password}"));
    [Needles::of(PASSWORD.0), Needles::of(PASSWORD.1), both(PASSWORD.0), both(PASSWORD.1)]
}

/// Everything that a proxy can do to a connection but let it through, and what it was then told to do.
#[test]
fn a_proxy_s_password_is_told_to_nobody_however_it_fails() {
    let echo = |heard: &Heard, status: u16| {
        let sent = heard.header("proxy-authorization").unwrap_or_default().to_owned();
        let text = format!("{sent} is proxy-user-of-mine:{} and {} to us: {}", PASSWORD.0, PASSWORD.1, heard.head);
        let headers = format!("proxy-authenticate: Basic realm=\"{}\"\r\nvia: {sent}\r\n", PASSWORD.0);
        (answer(status, &headers, "text/plain", &text), sent)
    };
    type Fault = fn(&dyn Fn(u16) -> Vec<u8>) -> Vec<u8>;
    let faults: [(&str, Fault); 5] = [
        ("407", |said| said(407)),
        ("502", |said| said(502)),
        ("closed", |_| Vec::new()),
        ("garbage", |_| b"what?\r\n\r\n".to_vec()),
        ("TLS fails behind it", |_| b"HTTP/1.1 200 OK\r\n\r\nthis is no TLS at all".to_vec()),
    ];
    let try_one = |(what, fault): (&str, Fault)| {
        let proxy = Peer::start(move |heard| fault(&|status| echo(heard, status).0));
        for (variable, scheme, url) in [
            ("HTTPS_PROXY", "http", "https://provider.invalid/v1"),
            ("HTTP_PROXY", "http", "http://provider.invalid/v1"),
            ("ALL_PROXY", "http", "https://provider.invalid/v1"),
            ("ALL_PROXY", "socks5", "http://provider.invalid/v1"),
            ("HTTPS_PROXY", "https", "https://provider.invalid/v1"),
        ] {
            let place = proxied(user(url), variable, scheme, &proxy);
            fails_in_silence(&format!("{what}, {variable} {scheme}, {url}"), &place);
        }
        let https: Vec<_> = proxy.heard().into_iter().filter(|heard| heard.head.starts_with("CONNECT ")).collect();
        assert!(!https.is_empty(), "{what}");
        assert!(https.iter().all(|heard| heard.header("proxy-authorization").is_some()), "{what}: {https:?}");
        assert!(
            https.iter().all(|heard| Needles::of(KEY).found_in(heard.head.as_bytes()).is_none()),
            "{what}: {https:?}"
        );
    };
    // Side by side: most of it is pauses between tries.
    std::thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || try_one(fault));
        }
    });
    let closed = Peer::start_raw(|_, _| {});
    let place = proxied(user("https://provider.invalid/v1"), "HTTPS_PROXY", "http", &closed);
    drop(closed);
    fails_in_silence("nobody listens", &place);
}

fn fails_in_silence(what: &str, place: &Place) {
    let needles: Vec<Needles> = proxy_needles().into_iter().chain([Needles::of(KEY)]).collect();
    for args in [
        &["ask", "-v", "x"][..],
        &["ask", "--json", "x"],
        &["providers", "check"],
        &["config", "show"],
        &["config", "show", "--json"],
        &["config", "path"],
        &["log", "show", "r1"],
    ] {
        // What is set does not change with the way in which it fails.
        if args[0] == "config" && !what.starts_with("407") {
            continue;
        }
        let ran = place.run(args);
        assert!(args[0] == "config" || args[0] == "log" || ran.code != Some(0), "{what}: {ran:?}");
        needles.iter().for_each(|needles| needles.not_said(&format!("{what}: {args:?}"), &ran));
    }
    needles.iter().for_each(|needles| needles.not_kept(what, &place.home(), &[]));
}

/// Writes down every byte that comes, before anybody makes sense of it.
struct Tapped<'s>(&'s TcpStream, Arc<Mutex<Vec<u8>>>);

impl Read for Tapped<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(into)?;
        self.1.lock().unwrap().extend(&into[..n]);
        Ok(n)
    }
}

impl Write for Tapped<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// A certificate of `provider.invalid` and what serves it.
fn certificate() -> (String, Arc<rustls::ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["provider.invalid".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), Arc::new(config))
}

#[test]
fn a_tunnel_keeps_the_key_from_the_proxy_and_the_password_from_the_provider() {
    let (pem, tls) = certificate();
    let tap = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tap);
    let proxy = Peer::start_raw(move |stream, keep| {
        let mut tapped = Tapped(&stream, Arc::clone(&seen));
        let Some(connect) = read_request(&mut tapped) else { return };
        keep(connect);
        _ = tapped.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let mut inside = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(&tls)).unwrap(), tapped);
        let Some(request) = read_request(&mut inside) else { return };
        _ = inside.write_all(&fine(&request)).and_then(|()| inside.flush());
        keep(request);
    });
    let place = proxied(user("https://provider.invalid/v1"), "HTTPS_PROXY", "http", &proxy);
    let authority = place.home_file("ca.pem", &pem);
    let place = place.var("SSL_CERT_FILE", authority.display());
    place.run(&["ask", "-v", "x"]).expect(0);
    let [connect, request] = <[Heard; 2]>::try_from(proxy.heard()).unwrap();
    assert!(connect.head.starts_with("CONNECT provider.invalid:443 "), "{connect:?}");
    assert!(connect.header("proxy-authorization").unwrap().starts_with("Basic "), "{connect:?}");
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert!(!request.head.to_lowercase().contains("proxy-"), "{request:?}");
    let request = [request.head.as_bytes(), &request.body].concat();
    assert!(proxy_needles().iter().all(|needles| needles.found_in(&request).is_none()));
    let on_the_wire = tap.lock().unwrap();
    assert!(on_the_wire.starts_with(b"CONNECT ") && on_the_wire.len() > connect.head.len() + request.len());
    assert_eq!(Needles::of(KEY).found_in(&on_the_wire), None, "the proxy can read the key");
    assert_eq!(Needles::of("\"model\"").found_in(&on_the_wire), None, "the proxy can read the prompt");
}

#[test]
fn a_redirect_from_behind_a_proxy_takes_nothing_with_it() {
    let thief = Peer::start(fine);
    let to = thief.url();
    // Plain HTTP through a proxy: the proxy itself answers in the provider's name.
    let proxy = Peer::start(move |_| answer(307, &format!("location: {to}/v1/chat/completions\r\n"), "text/html", ""));
    let place = proxied(user("http://provider.invalid/v1"), "HTTP_PROXY", "http", &proxy);
    for args in [&["ask", "x"][..], &["models", "--live"]] {
        assert_ne!(place.run(args).code, Some(0));
    }
    assert_eq!((thief.heard().len(), proxy.heard().len() >= 2), (0, true));
}

#[test]
fn each_key_goes_to_its_own_provider_and_no_other() {
    let key_of = |name: &str| format!("the-key-of-{name}-alone");
    let names = ["openai", "anthropic", "gemini", "cohere"];
    let failing = |_: &Heard| answer(500, "", "application/json", "{\"error\": {\"message\": \"no\"}}");
    let peers = names.map(|_| Peer::start(failing));
    let place = names.iter().zip(&peers).fold(Place::new(), |place, (name, peer)| {
        let upper = name.to_uppercase();
        place.var(&format!("{upper}_API_KEY"), key_of(name)).var(&format!("{upper}_BASE_URL"), peer.url())
    });
    let place = place.var("LLMR_MAX_RETRIES", "0").var("LLMR_CACHE_HMAC_KEY", "the-key-of-the-cache-alone");
    for args in [&["ask", "x"][..], &["ask", "--parallel", "3", "x"], &["models", "--live"], &["providers", "check"]] {
        place.run(args);
    }
    for (name, peer) in names.iter().zip(&peers) {
        let heard = peer.heard();
        assert!(heard.iter().any(|heard| heard.head.starts_with("POST")), "{name} was not asked");
        for one in &heard {
            assert!(one.head.contains(&key_of(name)), "{name}: {one:?}");
            let all = [one.head.as_bytes(), &one.body].concat();
            let others = names.iter().filter(|other| *other != name).map(|other| key_of(other));
            for other in others.chain(["the-key-of-the-cache-alone".to_owned()]) {
                assert_eq!(Needles::of(&other).found_in(&all), None, "{name} was sent {other}");
            }
        }
    }
}
