//! A server on loopback that answers like OpenAI's chat completions, at once: plain or over TLS with an authority of
//! its own. It is the same for every tool that is timed, and does as little as it can.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Tokens of a streamed answer.
pub const TOKENS: usize = 200;

/// Below this path a whole answer has so many bytes …
pub const LARGE: (&str, usize) = ("/large", 50_000_000);
/// … and below this one a stream so many events.
pub const LONG: (&str, usize) = ("/long", 1_000_000);

/// A path that begins with this waits so long before its first token, and notes when it was written.
pub const LATER: &str = "/later";
const PAUSE: Duration = Duration::from_millis(30);

/// Where it listens, and what it saw.
pub struct Server {
    /// Plain HTTP.
    pub plain: SocketAddr,
    /// The same over TLS.
    pub tls: SocketAddr,
    /// The authority that signed its certificate, in PEM.
    pub authority: String,
    /// When a first token was written, of the answers below [`LATER`].
    pub first_tokens: Receiver<Instant>,
}

impl Server {
    /// Starts it; it ends with the process.
    pub fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let (config, authority) = certified()?;
        let (note, first_tokens) = channel();
        let plain = listen(note.clone(), |stream, note| serve(stream, &note))?;
        let tls = listen(note, move |stream, note| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            serve(StreamOwned::new(connection, stream), &note)
        })?;
        Ok(Self { plain, tls, authority, first_tokens })
    }
}

fn listen<S>(note: Sender<Instant>, serve: S) -> io::Result<SocketAddr>
where
    S: Fn(TcpStream, Sender<Instant>) -> io::Result<()> + Send + Sync + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (serve, note) = (Arc::clone(&serve), note.clone());
            // A client that goes away in the middle is none of the server's business.
            thread::spawn(move || stream.set_nodelay(true).and_then(|()| serve(stream, note)));
        }
    });
    Ok(address)
}

/// Answers requests on one connection until it is closed.
fn serve<S: Read + Write>(stream: S, note: &Sender<Instant>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut path, mut length, mut line) = (String::new(), 0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if path.is_empty() {
                path = line.split(' ').nth(1).unwrap_or("/").to_owned();
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if lower.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (out, streamed) = (reader.get_mut(), STREAMED.iter().any(|mark| contains(&body, mark)));
        match streamed {
            false if path.starts_with(LARGE.0) => send_whole(out, &"word ".repeat(LARGE.1 / 5))?,
            false => send_whole(out, &(0..TOKENS).map(word).collect::<String>())?,
            true if path.starts_with(LONG.0) => send_stream(&mut BufWriter::with_capacity(1 << 16, out), LONG.1, None)?,
            true => send_stream(out, TOKENS, path.starts_with(LATER).then_some(note))?,
        }
    }
}

/// What a request for a stream has in its body, as the tools that are timed write it.
const STREAMED: [&[u8]; 2] = [b"\"stream\":true", b"\"stream\": true"];

fn contains(body: &[u8], mark: &[u8]) -> bool {
    body.windows(mark.len()).any(|part| part == mark)
}

fn word(number: usize) -> String {
    format!(" word{number}")
}

fn send_whole(out: &mut impl Write, text: &str) -> io::Result<()> {
    let choice = format!(
        "{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}"
    );
    let body = format!(
        "{{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"gpt-6-luna\",\"choices\":[{choice}],{}}}",
        usage(TOKENS)
    );
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    out.write_all(format!("{head}{body}").as_bytes())?;
    out.flush()
}

/// Each event is a write of its own, as they come from a model.
fn send_stream(out: &mut impl Write, tokens: usize, later: Option<&Sender<Instant>>) -> io::Result<()> {
    out.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    if later.is_some() {
        out.flush()?;
        thread::sleep(PAUSE);
    }
    for token in 0..tokens {
        let delta = format!("{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":null}}", word(token));
        chunk(out, &event(&delta, ""))?;
        if let Some(note) = later.filter(|_| token == 0) {
            out.flush()?;
            // Nobody listens once the bench is over.
            _ = note.send(Instant::now());
            thread::sleep(PAUSE);
        }
    }
    let rest = format!(",{}", usage(tokens));
    chunk(out, &event("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}", &rest))?;
    chunk(out, "data: [DONE]\n\n")?;
    out.write_all(b"0\r\n\r\n")?;
    out.flush()
}

fn event(choice: &str, rest: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-6-luna\",\"choices\":[{choice}]{rest}}}\n\n"
    )
}

fn usage(tokens: usize) -> String {
    format!("\"usage\":{{\"prompt_tokens\":12,\"completion_tokens\":{tokens},\"total_tokens\":{}}}", 12 + tokens)
}

fn chunk(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
}

/// A certificate for `127.0.0.1`, and the authority that signed it.
fn certified() -> Result<(Arc<ServerConfig>, String), Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // A certificate with its signer's name would be taken for one that signed itself.
    params.distinguished_name.push(DnType::CommonName, "an authority of this run");
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    Ok((Arc::new(config), authority))
}
