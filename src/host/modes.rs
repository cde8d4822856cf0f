//! The terminal's modes: what they were, out of the way of an answer, and back again.
//!
//! A process that leaves a terminal without echo, or in raw mode, leaves its user with a shell that shows nothing. So
//! whoever changes them does it through a guard, and a panic or a signal that no guard survives calls
//! [`Modes::restore`].

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use nix::sys::signal::{self, Signal};
    use nix::sys::termios::{self, FlushArg, LocalFlags, SetArg, SpecialCharacterIndices, Termios};
    use nix::unistd::Pid;

    /// Ends a bracketed paste and a synchronized update, the two modes of its own that a line editor sets.
    const EDITOR_OFF: &[u8] = b"\x1b[?2004l\x1b[?2026l";

    /// Begins bracketed paste: a text that is pasted comes marked as one, whoever reads it later.
    const PASTES_MARKED: &[u8] = b"\x1b[?2004h";
    /// Ends it.
    const PASTES_PLAIN: &[u8] = b"\x1b[?2004l";

    /// A character that no key sends: the key that had it does nothing special.
    const DISABLED: u8 = 0;

    /// The modes that standard input's terminal had; nothing where it is none.
    #[derive(Clone)]
    pub struct Modes(Option<Arc<Mutex<Termios>>>);

    impl Modes {
        /// As they are now.
        pub fn now() -> Self {
            Self(termios::tcgetattr(io::stdin()).ok().map(|modes| Arc::new(Mutex::new(modes))))
        }

        fn saved(&self) -> Option<Termios> {
            self.0.as_ref().map(|modes| modes.lock().unwrap_or_else(PoisonError::into_inner).clone())
        }

        /// Sets them again, and ends what a line editor may have begun. Does nothing where there is no terminal any
        /// more.
        pub fn restore(&self) {
            let Some(modes) = self.saved() else { return };
            // At once, and not after the output is drained: a terminal that was stopped would hold this up.
            _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &modes);
            tell_terminal(EDITOR_OFF);
        }

        /// Keys that are typed from now on show nothing and wait for whoever reads next, until the guard is dropped;
        /// Ctrl-C and Ctrl-Z stay what they are. A paste comes marked: the kernel keeps 4 KiB of it, and what is
        /// longer would reach a line editor with every line break as an Enter.
        pub fn hush(&self) -> Hush {
            let Some(mut modes) = self.saved() else { return Hush(None) };
            modes.local_flags &= !(LocalFlags::ECHO | LocalFlags::ICANON);
            // A Ctrl-C would also drop what was printed and is still on its way to the screen.
            modes.local_flags |= LocalFlags::NOFLSH;
            modes.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
            modes.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
            // It would end the process without a word, and leave the terminal like this.
            modes.control_chars[SpecialCharacterIndices::VQUIT as usize] = DISABLED;
            let hushed = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &modes);
            tell_terminal(PASTES_MARKED);
            Hush(hushed.ok().and_then(|()| self.saved()))
        }
    }

    /// While it lives, keys show nothing.
    #[must_use]
    pub struct Hush(Option<Termios>);

    impl Drop for Hush {
        fn drop(&mut self) {
            if let Some(modes) = &self.0 {
                tell_terminal(PASTES_PLAIN);
                _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, modes);
            }
        }
    }

    /// Drops what was typed and nobody has read yet.
    pub fn forget_typed() {
        _ = termios::tcflush(io::stdin(), FlushArg::TCIFLUSH);
    }

    /// Tells the terminal something through whichever stream reaches it.
    fn tell_terminal(what: &[u8]) {
        let (mut err, mut out) = (io::stderr(), io::stdout());
        _ = match (err.is_terminal(), out.is_terminal()) {
            (true, _) => err.write_all(what),
            (false, true) => out.write_all(what).and_then(|()| out.flush()),
            (false, false) => Ok(()),
        };
    }

    /// Interrupts whatever the main thread reads, with the SIGINT that a line editor listens to. The process must
    /// have a handler for it.
    pub fn interrupt_reading() {
        _ = signal::kill(Pid::this(), Signal::SIGINT);
    }
}

#[cfg(unix)]
pub use unix::{Hush, Modes, forget_typed, interrupt_reading};

/// The modes that standard input's terminal had: elsewhere than on Unix nothing is changed.
#[cfg(not(unix))]
#[derive(Clone)]
pub struct Modes;

#[cfg(not(unix))]
impl Modes {
    /// As they are now.
    pub fn now() -> Self {
        Self
    }

    /// Sets them again.
    pub fn restore(&self) {}

    /// Nothing.
    pub fn hush(&self) -> Hush {
        Hush
    }
}

/// Nothing.
#[cfg(not(unix))]
pub struct Hush;

/// Nothing.
#[cfg(not(unix))]
pub fn forget_typed() {}

/// Nothing reads.
#[cfg(not(unix))]
pub fn interrupt_reading() {}
