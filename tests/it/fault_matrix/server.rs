//! The providers of the matrix: real sockets on loopback, blocking, a thread a connection. They know what they were
//! asked, what they sent and what that costs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use llmr::types::DialectKind;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use tokio::net::TcpSocket;

use super::fault::{Asked, End, Fault};

/// From one byte to the next of an answer that never ends.
const FILLER_PACE: Duration = Duration::from_millis(20);

/// A request as a provider saw it, and what its answer cost.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    /// Request line and headers.
    pub head: String,
    /// In nano-dollars.
    pub bill: i64,
    /// Whether the usage that is billed was told.
    pub told: bool,
}

/// What a provider does: a fault for its first requests, and then what is right.
#[derive(Debug, Clone)]
pub struct Part {
    pub asked: Asked,
    pub fault: Fault,
    /// For so many; `None`: always.
    pub times: Option<usize>,
}

impl Part {
    fn fault(&self, number: usize) -> Fault {
        if self.times.is_none_or(|times| number < times) { self.fault } else { Fault::Good }
    }
}

/// A provider.
pub struct FaultServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _reserved: Option<TcpSocket>,
    /// Its base URL up to the path.
    pub url: String,
    /// The authority that its right certificate is signed by, as PEM.
    pub authority: Option<String>,
}

struct Shared {
    part: Part,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    stop: AtomicBool,
    tls: Option<[Arc<ServerConfig>; 2]>,
}

impl FaultServer {
    /// Begins to listen, or to fail at it. It stops when it is dropped.
    pub fn start(part: Part) -> Self {
        match part.fault {
            Fault::Refused => {
                // Bound, so that nobody else gets the port, and never listening.
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
                let addr = socket.local_addr().unwrap();
                Self::nowhere(part, addr, format!("http://{addr}"), Some(socket))
            }
            Fault::NoSuchHost => {
                let url = format!("http://{}.invalid", "a".repeat(70));
                Self::nowhere(part, (Ipv4Addr::LOCALHOST, 0).into(), url, None)
            }
            Fault::FullQueue => {
                let addr = FullQueue::get().expect("looked for before").addr;
                Self::nowhere(part, addr, format!("http://{addr}"), None)
            }
            _ => Self::listen(part),
        }
    }

    fn nowhere(part: Part, addr: SocketAddr, url: String, reserved: Option<TcpSocket>) -> Self {
        let shared = Arc::new(Shared::new(part, None));
        shared.stop.store(true, Ordering::SeqCst);
        Self { addr, shared, _reserved: reserved, url, authority: None }
    }

    fn listen(part: Part) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let tls = (part.fault == Fault::Untrusted).then(|| [certified(), certified()]);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let authority = tls.as_ref().map(|tls| tls[1].1.clone());
        let shared = Arc::new(Shared::new(part, tls.map(|tls| tls.map(|(config, _)| config))));
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A client that goes away is its own business.
                thread::spawn(move || _ = shared.serve(stream));
            }
        });
        Self { addr, shared, _reserved: None, url: format!("{scheme}://{addr}"), authority }
    }

    /// The requests that came, in their order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many connections were made, also those that asked nothing.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Host and port.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        if !self.shared.stop.swap(true, Ordering::SeqCst) {
            _ = TcpStream::connect(self.addr);
        }
    }
}

impl Shared {
    fn new(part: Part, tls: Option<[Arc<ServerConfig>; 2]>) -> Self {
        let (seen, connections) = (Mutex::default(), AtomicUsize::new(0));
        Self { part, seen, connections, stop: AtomicBool::new(false), tls }
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        stream.set_nodelay(true)?;
        let Some([stranger, known]) = &self.tls else {
            self.exchange(&mut stream)?;
            return stream.shutdown(Shutdown::Write);
        };
        let wrong = self.part.times.is_none_or(|times| number < times);
        let config = Arc::clone(if wrong { stranger } else { known });
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        self.exchange(&mut stream)?;
        stream.conn.send_close_notify();
        stream.flush()
    }

    fn exchange(&self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let (head, body) = read(stream)?;
        let streamed = body["stream"] == true || head.contains("streamGenerateContent");
        let asked = Asked { stream: streamed, ..self.part.asked.clone() };
        let mut seen = self.seen.lock().unwrap();
        let reply = asked.reply(self.part.fault(seen.len()));
        seen.push(Seen { at: Instant::now(), head, bill: reply.bill, told: reply.told });
        drop(seen);
        if let Some(head) = &reply.head {
            stream.write_all(head.as_bytes())?;
            stream.flush()?;
        }
        match reply.pace {
            None => stream.write_all(&reply.body)?,
            Some(pace) => reply.body.chunks(1).try_for_each(|byte| {
                thread::sleep(pace);
                stream.write_all(byte)?;
                stream.flush()
            })?,
        }
        stream.flush()?;
        match reply.end {
            Some(End::Silence) => wait_until_left(stream),
            Some(End::Forever) => loop {
                thread::sleep(FILLER_PACE);
                stream.write_all(reply.filler)?;
                stream.flush()?;
            },
            _ => Ok(()),
        }
    }
}

fn wait_until_left(stream: &mut impl Read) -> io::Result<()> {
    while stream.read(&mut [0; 64])? > 0 {}
    Ok(())
}

fn read(stream: &mut impl Read) -> io::Result<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim().is_empty() {
            break;
        }
        let name = line.to_ascii_lowercase();
        length = name.strip_prefix("content-length:").map_or(length, |n| n.trim().parse().unwrap());
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, serde_json::from_slice(&body).unwrap_or_default()))
}

/// A certificate for loopback, and the authority that signed it.
fn certified() -> (Arc<ServerConfig>, String) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::default();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = ca.self_signed(&ca_key).unwrap().pem();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    (Arc::new(config), authority)
}

/// A port whose queue of connections is full.
pub struct FullQueue {
    addr: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl FullQueue {
    /// The one of this process; `None` where a queue takes whatever comes.
    pub fn get() -> Option<&'static Self> {
        static ONE: OnceLock<Option<FullQueue>> = OnceLock::new();
        ONE.get_or_init(Self::fill).as_ref()
    }

    fn fill() -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _inside = runtime.enter();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap().into_std().unwrap();
        let addr = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while queued.len() < 64 {
            match TcpStream::connect_timeout(&addr, Duration::from_millis(300)) {
                Ok(stream) => queued.push(stream),
                Err(_) => return Some(Self { addr, _listener: listener, _queued: queued }),
            }
        }
        None
    }
}

/// The address of a provider with this dialect, as it stands in a config.
pub fn base_url(dialect: DialectKind, url: &str) -> String {
    if dialect == DialectKind::Openai { format!("{url}/v1") } else { url.to_owned() }
}
