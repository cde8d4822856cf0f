//! `llmr` on a real terminal: a pty, what is typed into it, and the screen as a terminal would show it.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::Place;

/// How long anything may take to appear.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program on a terminal of its own.
pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    terminal: vt100::Parser,
    /// How the terminal was before the program began.
    modes: String,
    /// Everything that was printed, as it came.
    pub raw: Vec<u8>,
}

impl Pty {
    /// Starts `llmr` with these arguments on a terminal of so many columns and rows.
    pub fn start(place: &Place, args: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_with(place, args, columns, rows, |_| ())
    }

    /// The same with a command that is changed before it runs.
    pub fn start_with(
        place: &Place,
        args: &[&str],
        columns: u16,
        rows: u16,
        change: impl FnOnce(&mut CommandBuilder),
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let modes = modes(pair.master.as_ref());
        let plain = place.command(args);
        let mut command = CommandBuilder::new(plain.get_program());
        command.args(plain.get_args());
        command.env_clear();
        command.env("TERM", "xterm-256color");
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.cwd(place.work());
        change(&mut command);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (send, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal's other end is closed with an error when the program ends.
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                if send.send(bytes[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        let terminal = vt100::Parser::new(cells(rows), cells(columns), 1000);
        Self { child, master: pair.master, keyboard, output, terminal, modes, raw: Vec::new() }
    }

    /// Types this.
    pub fn send(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(size(columns, rows)).unwrap();
        self.terminal.screen_mut().set_size(cells(rows), cells(columns));
    }

    /// Waits until the screen shows this; everything printed so far.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Waits until the screen is so.
    pub fn wait_until(&mut self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let late = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if so(&screen) {
                return screen;
            }
            let left = late.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(why) => panic!("{why}: the screen never shows {what}:\n{screen}"),
            }
        }
    }

    /// What the screen shows now, lines without the blanks at their ends.
    pub fn screen(&mut self) -> String {
        while let Ok(bytes) = self.output.try_recv() {
            self.take(&bytes);
        }
        self.terminal.screen().contents()
    }

    /// The terminal itself: cursor, modes, colours.
    pub fn terminal(&self) -> &vt100::Screen {
        self.terminal.screen()
    }

    /// Whether the terminal is as it was before: echo, lines, signals, and nothing of a line editor left on.
    pub fn is_restored(&mut self) -> bool {
        _ = self.screen();
        modes(self.master.as_ref()) == self.modes && !self.terminal.screen().bracketed_paste()
    }

    /// Sends a signal (`TERM`, `HUP`) to the program.
    pub fn signal(&mut self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.process_id().unwrap());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until the terminal is as it was before, and for the end; the exit code and everything it printed.
    pub fn end_restored(mut self) -> (u32, String) {
        let late = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < late, "it does not end:\n{}", self.screen());
            thread::sleep(Duration::from_millis(2));
        }
        while !self.is_restored() {
            assert!(Instant::now() < late, "{}\n{}", modes(self.master.as_ref()), self.modes);
            thread::sleep(Duration::from_millis(2));
        }
        self.end()
    }

    /// Waits for its end; the exit code and everything it printed.
    pub fn end(mut self) -> (u32, String) {
        let late = Instant::now() + PATIENCE;
        loop {
            let left = late.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) => {
                    self.child.kill().unwrap();
                    panic!("it does not end:\n{}", self.terminal.screen().contents());
                }
            }
        }
        let status = self.child.wait().unwrap();
        (status.exit_code(), String::from_utf8_lossy(&self.raw).into_owned())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.terminal.process(bytes);
    }
}

/// Everything that the system keeps of a terminal.
#[cfg(unix)]
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

#[cfg(not(unix))]
fn modes(_: &dyn MasterPty) -> String {
    String::new()
}

/// The emulator knows no empty screen; a terminal may say that it has no columns.
fn cells(count: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(count).unwrap_or(std::num::NonZeroU16::MIN)
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
