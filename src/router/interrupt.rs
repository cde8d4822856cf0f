//! Ctrl-C and SIGTERM as a future, so that a request can settle what it spent before it ends.

use std::pin::Pin;
#[cfg(unix)]
use std::sync::{Arc, atomic::AtomicBool};

use crate::error::Kind;

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

/// Nobody waits for a signal while an answer is written to a reader who does not read: a second one ends the
/// process at once. What was held is then charged in full, as after any other death.
#[cfg(unix)]
fn end_at_the_second_one() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    for (signal, kind) in [(SIGINT, Kind::Interrupted), (SIGTERM, Kind::Terminated), (SIGHUP, Kind::Terminated)] {
        let once = Arc::new(AtomicBool::new(false));
        // In this order: the first signal finds the flag down, the second one finds it up. Without them the
        // process only ends later.
        _ = flag::register_conditional_shutdown(signal, i32::from(kind.exit_code()), Arc::clone(&once))
            .and_then(|_| flag::register(signal, once));
    }
}

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
