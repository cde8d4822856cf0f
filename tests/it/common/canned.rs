//! A provider that always gives the same answer, whatever that is: for what no real one should do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

/// Where it listens, and how often it was asked.
pub struct Canned {
    /// Its base URL, of the OpenAI dialect.
    pub base_url: String,
    asked: Arc<AtomicUsize>,
}

impl Canned {
    /// Answers every request with this body. It ends with the process of the test.
    pub fn start(body: &Value) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (body, count) = (body.to_string(), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::Relaxed);
                _ = answer(stream, &body);
            }
        });
        Self { base_url, asked }
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn answer(stream: TcpStream, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        match line.strip_prefix("content-length:") {
            Some(n) => length = n.trim().parse().unwrap_or(0),
            None if line.is_empty() => break,
            None => {}
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    reader.get_mut().write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes())
}

/// A whole answer of the OpenAI dialect.
pub fn completion(text: &str, finish: &str, input: u64, output: u64) -> Value {
    json!({
        "id": "x", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
    })
}
