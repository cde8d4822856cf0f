//! Ctrl-C and SIGTERM as a future, so that a request can settle what it spent before it ends.

use crate::error::Kind;

/// Resolves when the process is asked to stop, with the kind of error that says so.
///
/// Listens from the call on, not from the first poll: between taking a hold and waiting for the answer a signal
/// would else end the process, and the hold would be charged in full. Must be called on a runtime.
#[cfg(unix)]
pub fn interrupted() -> impl Future<Output = Kind> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    async move {
        let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = signals else {
            // Without handlers the system's own default ends the process.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => Kind::Interrupted,
            _ = terminate.recv() => Kind::Terminated,
            _ = hangup.recv() => Kind::Terminated,
        }
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
