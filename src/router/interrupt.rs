//! Ctrl-C and SIGTERM as a future, so that a request can settle what it spent before it ends.

use crate::error::Kind;

/// Resolves when the process is asked to stop, with the kind of error that says so.
#[cfg(unix)]
pub async fn interrupted() -> Kind {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        // Without handlers the system's own default ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Kind::Interrupted,
        _ = terminate.recv() => Kind::Terminated,
        _ = hangup.recv() => Kind::Terminated,
    }
}

/// Resolves when the process is asked to stop, with the kind of error that says so.
#[cfg(not(unix))]
pub async fn interrupted() -> Kind {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Kind::Interrupted,
        Err(_) => std::future::pending().await,
    }
}
