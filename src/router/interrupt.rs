//! Ctrl-C and SIGTERM as a future, so that a request can settle what it spent before it ends.

use std::pin::Pin;

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
    Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => Kind::Interrupted,
            _ = terminate.recv() => Kind::Terminated,
            _ = hangup.recv() => Kind::Terminated,
        }
    })
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
