//! Alerts on their way to the user's command and webhook, each on a thread of its own.
//!
//! Nobody waits for them but the end of the process, and that no longer than their time limit. A command gets the text as
//! its last argument and the event as JSON on its standard input; it is run without a shell, in the config folder
//! (never in a working folder, which may have a program of that name), without the variables that hold secrets, and in a
//! process group of its own, so that with it everything is ended that it started.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::commands::{Stderr, runtime};
use crate::host;
use crate::providers::HttpRequest;
use crate::router::{Router, asked_to_stop};
use crate::transport::{Client, Limits, Network};
use crate::types::{Secret, whole_ms};

/// Between two looks at a command that runs.
const LOOK: Duration = Duration::from_millis(5);
/// What a delivery may take beyond its time limit, until its thread has cleaned up.
const GRACE: Duration = Duration::from_millis(500);
/// Of a webhook's answer only the status counts; so much of its body is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Deliveries under way; clones share them.
#[derive(Clone, Default)]
pub struct Deliveries(Arc<Shared>);

#[derive(Default)]
struct Shared {
    running: Mutex<Vec<Running>>,
    /// The process is asked to stop: whoever runs is ended.
    stop: Arc<AtomicBool>,
}

/// One delivery.
struct Running {
    /// What went wrong, if anything did.
    done: Receiver<Option<String>>,
    until: Instant,
}

impl Deliveries {
    /// Begins to deliver an event to everybody that the config names.
    pub(super) fn begin(&self, router: &Router<'_>, text: &str, event: String) {
        let alerts = &router.config.alerts;
        let timeout = Duration::from_millis(whole_ms(alerts.timeout_secs));
        let stop = || Arc::clone(&self.0.stop);
        if let [program, arguments @ ..] = alerts.command.as_slice() {
            let job = Job {
                program: program.clone(),
                arguments: arguments.iter().cloned().chain([text.to_owned()]).collect(),
                hidden: router.config.secret_variables(),
                folder: router.config.paths.config_dir.clone(),
                stdin: format!("{event}\n"),
            };
            let stop = stop();
            self.start(timeout, move || job.run(timeout, &stop).err());
        }
        if let Some(url) = alerts.webhook.clone() {
            let network = router.network.clone();
            self.start(timeout, move || post(&url, event, &network, timeout).err());
        }
    }

    fn start(&self, timeout: Duration, work: impl FnOnce() -> Option<String> + Send + 'static) {
        let (send, done) = channel();
        // Nobody listens any more when the process has been stopped.
        let work = move || drop(send.send(work()));
        if thread::Builder::new().name("alert".to_owned()).spawn(work).is_ok() {
            let running = Running { done, until: Instant::now() + timeout + GRACE };
            self.0.running.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        }
    }

    /// Waits for all of them, each no longer than its time limit, and says what went wrong. Ctrl-C ends the waiting and
    /// the commands.
    pub fn wait(&self, messages: &mut Stderr) {
        let running = std::mem::take(&mut *self.0.running.lock().unwrap_or_else(PoisonError::into_inner));
        if running.is_empty() {
            return;
        }
        watch_signals(&self.0.stop);
        if asked_to_stop().is_some() {
            // It came before this watched.
            self.0.stop.store(true, Ordering::Relaxed);
        }
        for one in running {
            if let Some(problem) = self.wait_for(&one) {
                messages.warning(&format!("an alert was not delivered: {problem}"));
            }
        }
    }

    fn wait_for(&self, one: &Running) -> Option<String> {
        let mut until = one.until;
        loop {
            match one.done.recv_timeout(LOOK) {
                Ok(problem) => return problem,
                Err(RecvTimeoutError::Disconnected) => return Some("its thread has ended".to_owned()),
                Err(RecvTimeoutError::Timeout) if Instant::now() >= until => {
                    return (!self.0.stop.load(Ordering::Relaxed)).then(|| "it took too long".to_owned());
                }
                // A command is ended by its own thread; a webhook is not worth waiting for.
                Err(RecvTimeoutError::Timeout) if self.0.stop.load(Ordering::Relaxed) => {
                    until = until.min(Instant::now() + GRACE);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// From now on a signal sets the flag; whoever asked to be told of it before still is.
fn watch_signals(stop: &Arc<AtomicBool>) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM] {
        // Without it the waiting ends by its time limit.
        _ = signal_hook::flag::register(signal, Arc::clone(stop));
    }
}

/// A command to be run.
struct Job {
    program: String,
    arguments: Vec<String>,
    hidden: Vec<String>,
    folder: PathBuf,
    stdin: String,
}

impl Job {
    fn run(&self, timeout: Duration, stop: &AtomicBool) -> Result<(), String> {
        let mut child = self.command().spawn().map_err(|e| format!("`{}` cannot be run: {e}", self.program))?;
        if let Some(mut stdin) = child.stdin.take() {
            // An event fits into a pipe's buffer, and a command need not read it.
            _ = stdin.write_all(self.stdin.as_bytes());
        }
        let late = Instant::now() + timeout;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return ended(&self.program, status),
                Ok(None) if Instant::now() >= late => {
                    end(&mut child);
                    return Err(format!("`{}` took longer than {} s", self.program, timeout.as_secs_f64()));
                }
                Ok(None) if stop.load(Ordering::Relaxed) => {
                    end(&mut child);
                    return Ok(());
                }
                Ok(None) => thread::sleep(LOOK),
                Err(e) => return Err(format!("`{}` cannot be watched: {e}", self.program)),
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        for name in &self.hidden {
            command.env_remove(name);
        }
        if self.folder.is_dir() {
            command.current_dir(&self.folder);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}

fn ended(program: &str, status: ExitStatus) -> Result<(), String> {
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{program}` ended with {status}")),
    }
}

/// Ends a command with everything that it started and that stayed in its group, and buries it.
fn end(child: &mut Child) {
    host::kill_group(child.id());
    _ = child.kill();
    _ = child.wait();
}

/// Posts an event. No error shows the address, which may be a secret.
fn post(url: &Secret, event: String, network: &Network, timeout: Duration) -> Result<(), String> {
    let said = |why: &dyn std::fmt::Display| format!("the webhook: {why}");
    let client = Client::new(network).map_err(|e| said(&e))?;
    let request =
        HttpRequest { url: url.expose().to_owned(), headers: Vec::new(), body: event.into_bytes(), stream: false };
    let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let limits = Limits { first_byte_ms: ms, idle_ms: ms };
    let exchange = async {
        let response = client.send(&request, &limits).await.map_err(|failure| said(&failure))?;
        let status = response.status;
        // Reading it lets the other side end in order.
        _ = response.body(MAX_ANSWER_BYTES).await;
        match status {
            200..=299 => Ok(()),
            _ => Err(said(&format!("it answered with status {status}"))),
        }
    };
    let runtime = runtime().map_err(|e| said(&e))?;
    let late = |_| Err(said(&format!("no answer within {} s", timeout.as_secs_f64())));
    runtime.block_on(async { tokio::time::timeout(timeout, exchange).await.unwrap_or_else(late) })
}
