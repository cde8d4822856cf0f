//! The other end of a connection: says any bytes at all, and remembers everything that it was sent.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// No exchange takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request as it came: the head with its lines, and the body.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Heard {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = |line: &'_ str| line.split_once(':').is_some_and(|(n, _)| n.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| header(line)).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

/// Listens on loopback until it is dropped, one connection after the other.
pub struct Peer {
    /// Where.
    pub addr: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Answers each request with the bytes that a function makes of it, and closes.
    pub fn start(answer: impl Fn(&Heard) -> Vec<u8> + Send + 'static) -> Self {
        Self::start_raw(move |mut stream, keep| {
            let Some(heard) = read_request(&mut stream) else { return };
            keep(heard.clone());
            _ = stream.write_all(&answer(&heard));
        })
    }

    /// Leaves a whole connection to a function, which says what it heard.
    pub fn start_raw(serve: impl Fn(TcpStream, &dyn Fn(Heard)) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let (heard, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (keep, stopped) = (Arc::clone(&heard), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                serve(stream, &|heard| keep.lock().unwrap().push(heard));
            }
        });
        Self { addr, heard, stop, thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it was sent so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        _ = TcpStream::connect(self.addr);
        _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Reads one request; `None` when nothing came.
pub fn read_request(stream: &mut impl Read) -> Option<Heard> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ if head.is_empty() => return None,
            _ => return Some(Heard { head: String::from_utf8_lossy(&head).into_owned(), body: Vec::new() }),
        }
    }
    let mut heard = Heard { head: String::from_utf8_lossy(&head).into_owned(), body: Vec::new() };
    let length = heard.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    heard.body = vec![0; length];
    _ = stream.read_exact(&mut heard.body);
    Some(heard)
}

/// An answer with a body.
pub fn answer(status: u16, more_headers: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n{more_headers}\r\n{body}"
    )
    .into_bytes()
}
