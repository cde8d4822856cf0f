//! Ctrl-C and SIGTERM as a future, so that a request can settle what it spent before it ends.

use std::pin::Pin;
#[cfg(unix)]
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::error::Kind;

/// Which signals came since the last request began. Signals are the whole process's, and so is this: what is
/// registered once cannot be taken back without a gap in which the system's default would end the process.
#[cfg(unix)]
static SEEN: OnceLock<Vec<Arc<AtomicBool>>> = OnceLock::new();

/// The kinds of error that the signals of [`SEEN`] end with, in their order.
#[cfg(unix)]
const KINDS: [Kind; 3] = [Kind::Interrupted, Kind::Terminated, Kind::Terminated];

/// Whether a process that holds one request was asked to stop since that began: for who waits where no future can be
/// waited for.
#[cfg(unix)]
pub fn asked_to_stop() -> Option<Kind> {
    let seen = SEEN.get()?.iter().zip(KINDS);
    seen.into_iter().find(|(seen, _)| seen.load(Ordering::Relaxed)).map(|(_, kind)| kind)
}

/// Elsewhere a wait that no future can be waited for is not broken off.
#[cfg(not(unix))]
pub fn asked_to_stop() -> Option<Kind> {
    None
}

/// Resolves when the process is asked to stop, with the kind of error that says so.
pub type Stop = Pin<Box<dyn Future<Output = Kind>>>;

/// Watches from now on, not only once somebody waits: what comes while money is being held is kept until then.
/// Must be called inside a runtime.
#[cfg(unix)]
pub fn interrupted() -> Stop {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        // Without handlers the system's own default ends the process.
        return Box::pin(std::future::pending());
    };
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(end_at_the_second_one);
    Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => Kind::Interrupted,
            _ = terminate.recv() => Kind::Terminated,
            _ = hangup.recv() => Kind::Terminated,
        }
    })
}

/// Lets what came before pass by, for a process that holds many requests: a Ctrl-C that came twice ends one of them,
/// and not the next one too.
pub async fn overlook_past_signals() {
    // Each turn lets the runtime look at what came; the first one may only wake it.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

/// So many turns of the runtime at most, each of which brings one piece through the connection: some milliseconds.
const LAST_LOOKS: u32 = 1024;

/// Runs until it is over, or given up and why; what has arrived until then comes through first, so that it may be both. A
/// vendor bills what it has sent, and a process that was kept waiting for the processor may not have read all of it.
pub(super) async fn or_given_up<T, W>(
    run: impl Future<Output = T>,
    given_up: impl Future<Output = W>,
) -> (Option<T>, Option<W>) {
    let mut run = std::pin::pin!(run);
    // Looked at when it was woken, and not with every piece of an answer: it waits for a clock and three signals.
    let mut given_up = FuturesUnordered::from_iter([given_up]);
    let why = tokio::select! {
        // What is there counts, whatever came at the same moment.
        biased;
        over = &mut run => return (Some(over), None),
        Some(why) = given_up.next() => why,
    };
    let last_looks = async {
        for _ in 0..LAST_LOOKS {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        over = &mut run => (Some(over), Some(why)),
        () = last_looks => (None, Some(why)),
    }
}

/// A process that holds many requests looks after its own end: from now on no second signal ends it. Only before its
/// first request.
#[cfg(unix)]
pub fn outlive_signals() {
    // Whoever came first has registered its flags: then it stays as it is.
    _ = SEEN.set(Vec::new());
}

/// Nobody waits for a signal while an answer is written to a reader who does not read: a second one ends the
/// process at once. What was held is then charged in full, as after any other death. Each request counts anew.
#[cfg(unix)]
fn end_at_the_second_one() {
    for seen in SEEN.get_or_init(register) {
        seen.store(false, Ordering::Relaxed);
    }
}

#[cfg(unix)]
fn register() -> Vec<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    let registered = [SIGINT, SIGTERM, SIGHUP].into_iter().zip(KINDS).map(|(signal, kind)| {
        let once = Arc::new(AtomicBool::new(false));
        // In this order: the first signal finds the flag down, the second one finds it up. Without them the
        // process only ends later.
        _ = flag::register_conditional_shutdown(signal, i32::from(kind.exit_code()), Arc::clone(&once))
            .and_then(|_| flag::register(signal, Arc::clone(&once)));
        once
    });
    registered.collect()
}

/// A process that holds many requests looks after its own end.
#[cfg(not(unix))]
pub fn outlive_signals() {}

/// Watches for Ctrl-C.
#[cfg(not(unix))]
pub fn interrupted() -> Stop {
    Box::pin(async {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Kind::Interrupted,
            Err(_) => std::future::pending().await,
        }
    })
}
