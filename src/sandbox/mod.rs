//! Loopback providers that speak the four real dialects and fail on order.
//!
//! For trying llmr without a key and for its tests. No model is asked and nothing leaves the machine: an answer is a
//! plain text, made from the prompt and always the same for it, that says so. What is real is everything around it: paths,
//! headers, streams, usage, errors and the cost of it all.
//!
//! One listener on 127.0.0.1 serves them all, each below its name:
//! `/openai/v1/chat/completions`, `/anthropic/v1/messages`, `/gemini/v1beta/models/M:generateContent` and
//! `:streamGenerateContent?alt=sse`, `/cohere/v2/chat`, where three of them make vectors, and the list of models where each
//! dialect has it; beside them
//! `GET /bill` and `GET /health`. Any model name and
//! any key that is not empty will do; a request that the vendor would refuse is refused in the vendor's words.
//!
//! # Counting
//!
//! A token is a word with the white space before it, of the prompt (system prompt included) as of the answer; an answer
//! has about 60 to 160 of them, or exactly the output cap where that is lower. A prompt has at least one. Every real
//! tokenizer needs at least as many, so a client that estimates with one what it was not told does not come out below
//! the bill. A picture has the tokens that the model's vendor counts for its size; a model that the catalogue knows to
//! be blind refuses it.
//!
//! # The bill
//!
//! It has what a client must reckon with and never more: a whole answer is billed in full once it is made, whether it
//! arrives or not; a stream is billed its input and what was written of it, so a cut, stalled, malformed or
//! cancelled one up to there. Refused requests, those that hang, and errors inside a 200 are not billed.
//!
//! # Faults
//!
//! A [`Script`] such as `openai=500x2,anthropic=cut` says who fails, how, and for how many requests;
//! [`FAULTS`] lists them. A request is checked before the script is asked, so a wrong one is refused either way,
//! and it counts as one of the `xN`. With `openai=500%5` it is drawn for each request whether it fails; the draws
//! follow from the seed and from when the sandbox was started.

mod bill;
mod instance;
mod play;
mod quote;
mod script;
mod server;
mod text;
mod wire;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::types::{CostSource, DialectKind, Pricing, Rate, Rates, Timestamp};

pub use bill::{Bill, BilledRequest, ProviderBill, Received};
pub use script::{FAULTS, Script};

/// One sandboxed provider.
#[derive(Debug, Clone, PartialEq)]
pub struct SandboxProvider {
    /// Its name: the first part of its paths.
    pub name: String,
    /// Whose wire format it speaks.
    pub dialect: DialectKind,
    /// The model it is best asked for; any other one is answered too, at the same price.
    pub model: String,
    /// What its tokens cost.
    pub pricing: Pricing,
    /// How long its first token takes, in milliseconds; each prompt's differs by up to a fifth.
    pub first_token_ms: u64,
    /// How long each further token takes, in milliseconds.
    pub per_token_ms: u64,
    /// Whether a request without a key is refused.
    pub needs_key: bool,
}

impl SandboxProvider {
    /// A provider of middling speed that wants a key.
    pub fn new(name: &str, dialect: DialectKind, model: &str, pricing: Pricing) -> Self {
        Self {
            name: name.to_owned(),
            dialect,
            model: model.to_owned(),
            pricing,
            first_token_ms: 120,
            per_token_ms: 4,
            needs_key: true,
        }
    }

    /// One of each dialect: a small model at its list price of autumn 2026, and a speed that is believable for it.
    pub fn built_in() -> Vec<Self> {
        const fn rates(input: &str, output: &str) -> Rates {
            Rates::new(Rate::usd_per_mtok(input), Rate::usd_per_mtok(output))
        }
        let row = |name, dialect, model, rates, first_token_ms, per_token_ms| Self {
            first_token_ms,
            per_token_ms,
            ..Self::new(name, dialect, model, Pricing::plain(rates, CostSource::Catalogue))
        };
        vec![
            row("openai", DialectKind::Openai, "gpt-6-luna", const { rates("0.10", "0.50") }, 180, 5),
            row("anthropic", DialectKind::Anthropic, "claude-haiku-5-5", const { rates("0.10", "0.50") }, 240, 6),
            row("gemini", DialectKind::Gemini, "gemini-3.1-flash-lite", const { rates("0.25", "1.50") }, 120, 3),
            row("cohere", DialectKind::Cohere, "command-r7b-12-2024", const { rates("0.0375", "0.15") }, 70, 8),
        ]
    }
}

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// Who fails and how.
    pub script: Script,
    /// The providers.
    pub providers: Vec<SandboxProvider>,
    /// The factor on all delays but those of the script: 1 for believable ones, 0 for none.
    pub speed: f64,
    /// What the answers are drawn from, beside the prompt.
    pub seed: u64,
    /// What time it is; it runs on from there. Prices may depend on it.
    pub started_at: Timestamp,
    /// How many requests [`Sandbox::requests`] remembers, keys and all.
    pub keep_requests: usize,
}

impl Default for SandboxOptions {
    /// The built-in providers on any port, believable delays, no faults, 1000 requests remembered.
    fn default() -> Self {
        Self {
            port: 0,
            script: Script::default(),
            providers: SandboxProvider::built_in(),
            speed: 1.0,
            seed: 0,
            started_at: Timestamp::default(),
            keep_requests: 1000,
        }
    }
}

/// A running sandbox. Dropping it closes its port and all its connections.
pub struct Sandbox {
    addr: SocketAddr,
    state: Arc<server::State>,
    runs: Runs,
}

/// Where it runs.
enum Runs {
    Task(AbortHandle),
    Thread { stop: Option<oneshot::Sender<()>>, thread: Option<JoinHandle<()>> },
}

impl Sandbox {
    /// Starts on the runtime of the caller, which must have I/O and time, and keep running for it to answer.
    ///
    /// Fails when the port cannot be had or there is no runtime.
    pub fn start(options: SandboxOptions) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let (listener, addr) = listen(options.port)?;
        let state = state(options);
        let listener = TcpListener::from_std(listener)?;
        let task = runtime.spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { addr, state, runs: Runs::Task(task.abort_handle()) })
    }

    /// Starts on a thread and a runtime of its own: for a caller that blocks, such as a test that runs a program.
    ///
    /// Fails when the port, the thread or the runtime cannot be had.
    pub fn start_on_thread(options: SandboxOptions) -> io::Result<Self> {
        let (listener, addr) = listen(options.port)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let state = {
            let _inside = runtime.enter();
            state(options)
        };
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = server::serve(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { addr, state, runs: Runs::Thread { stop: Some(stop), thread: Some(thread) } })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of a provider, in the form that its own SDK takes (`…/openai/v1`, but `…/anthropic`).
    /// `None` for a provider that is not there.
    pub fn base_url(&self, name: &str) -> Option<String> {
        let provider = self.state.providers.iter().find(|provider| provider.name == name)?;
        Some(base_url(&self.addr.to_string(), provider))
    }

    /// Its providers.
    pub fn providers(&self) -> &[SandboxProvider] {
        &self.state.providers
    }

    /// What it has billed so far.
    pub fn bill(&self) -> Bill {
        self.state.books.bill(&self.state.providers)
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// The last requests it was sent, oldest first, as they came: with their keys.
    pub fn requests(&self) -> Vec<Received> {
        self.state.books.received()
    }

    /// The same, and forgets them: for somebody who looks at all of a great many.
    pub fn take_requests(&self) -> Vec<Received> {
        self.state.books.take_received()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        match &mut self.runs {
            Runs::Task(task) => task.abort(),
            Runs::Thread { stop, thread } => {
                drop(stop.take());
                if let Some(thread) = thread.take() {
                    let _ = thread.join();
                }
            }
        }
    }
}

/// The base URL of a provider of the sandbox that listens at `HOST:PORT`.
pub fn base_url(address: &str, provider: &SandboxProvider) -> String {
    format!("http://{address}/{}{}", provider.name, wire::of(provider.dialect).base())
}

/// Only ever on loopback: there is nothing in it for others.
fn listen(port: u16) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

fn state(options: SandboxOptions) -> Arc<server::State> {
    Arc::new(server::State {
        books: bill::Books::new(options.providers.len(), options.keep_requests),
        providers: options.providers,
        script: options.script,
        speed: options.speed,
        seed: options.seed,
        started_at: options.started_at,
        started: Instant::now(),
        connections: AtomicU64::new(0),
    })
}
