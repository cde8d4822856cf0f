//! What ends a chat from outside: SIGTERM, or a terminal that was closed. Ctrl-C never does.
//!
//! While an answer is under way the request itself listens; while a prompt is read nobody would. So a thread waits for
//! these signals all the time, and takes the reader out of its prompt, so that the line editor gives the terminal back
//! as it was and the chat ends like any other command.

#[cfg(not(unix))]
use crate::{error::Result, host::modes::Modes};

/// The watch over a chat's end.
pub struct Watch {
    #[cfg(unix)]
    shared: std::sync::Arc<unix::Shared>,
}

#[cfg(unix)]
mod unix {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::{flag, low_level};

    use super::Watch;
    use crate::error::{Error, Kind, Result};
    use crate::host::modes::{Modes, interrupt_reading};

    /// How often a reader is nudged: unnoticed by who waits, and no load.
    const NUDGE: Duration = Duration::from_millis(20);
    /// A reader that has not come out of its prompt by then does not listen (a terminal without a line editor).
    const STUBBORN: Duration = Duration::from_millis(500);
    /// A terminal that closes may say so twice, kernel and shell; who asks again after this long means it.
    const AGAIN: Duration = Duration::from_secs(1);

    #[derive(Default)]
    pub struct Shared {
        pub asked: AtomicBool,
        pub reading: AtomicBool,
    }

    impl Watch {
        /// Watches from now on. `modes` are those that the terminal shall have in the end.
        pub fn start(modes: Modes) -> Result<Self> {
            let failed = |why: std::io::Error| Error::new(Kind::Other, format!("signals cannot be watched: {why}"));
            let (ours, theirs) = UnixStream::pair().map_err(failed)?;
            for signal in [SIGTERM, SIGHUP] {
                let end = theirs.try_clone().map_err(failed)?;
                low_level::pipe::register(signal, end).map_err(failed)?;
            }
            // Ctrl-C between two answers: nobody is there to be interrupted, and it is not to end the process.
            flag::register(SIGINT, Arc::new(AtomicBool::new(false))).map_err(failed)?;
            let shared = Arc::new(Shared::default());
            let theirs = Arc::clone(&shared);
            let watching = move || wait(ours, &theirs, &modes);
            thread::Builder::new().name("watch".to_owned()).spawn(watching).map_err(failed)?;
            Ok(Self { shared })
        }

        /// Whether the process was asked to end.
        pub fn asked(&self) -> bool {
            self.shared.asked.load(Ordering::SeqCst)
        }

        /// Reads, until that is done or the process is asked to end.
        pub fn reading<T>(&self, read: impl FnOnce() -> T) -> T {
            self.shared.reading.store(true, Ordering::SeqCst);
            let read = read();
            self.shared.reading.store(false, Ordering::SeqCst);
            read
        }
    }

    fn wait(mut signals: UnixStream, shared: &Shared, modes: &Modes) {
        let mut byte = [0];
        if signals.read_exact(&mut byte).is_err() {
            return;
        }
        shared.asked.store(true, Ordering::SeqCst);
        let asked = Instant::now();
        let mut reading_for = Duration::ZERO;
        _ = signals.set_read_timeout(Some(NUDGE));
        loop {
            let again = signals.read(&mut byte).is_ok_and(|n| n > 0) && asked.elapsed() > AGAIN;
            if shared.reading.load(Ordering::SeqCst) {
                reading_for += NUDGE;
                interrupt_reading();
            }
            if again || reading_for > STUBBORN {
                modes.restore();
                low_level::exit(i32::from(Kind::Terminated.exit_code()));
            }
        }
    }
}

#[cfg(not(unix))]
impl Watch {
    /// Elsewhere the system ends the process.
    pub fn start(_: Modes) -> Result<Self> {
        Ok(Self {})
    }

    /// Never.
    pub fn asked(&self) -> bool {
        false
    }

    /// Reads.
    pub fn reading<T>(&self, read: impl FnOnce() -> T) -> T {
        read()
    }
}
