//! The prompt: words of the command line, files, standard input, made into one text.
//!
//! Files and patterns are in `files`, pictures in [`images`]; documents that are looked through, in `documents`.
//!
//! Reading and composing are apart: [`compose`] is pure, [`read`] finds out what to compose. Whether
//! stdin is a terminal, a pipe or a file comes in as [`Stdin`].
//!
//! The shape: the prompt, then each file as `<file name="PATH">…</file>` in the order given, then
//! `<stdin>…</stdin>`, with an empty line between them. Contents are not changed, escaped or trimmed, so
//! a text that itself contains `</file>` can look as if it ended early: a model is told about, not
//! protected from, what it reads. Without a prompt, stdin is the prompt and gets no block.

mod documents;
mod files;
pub mod images;

#[cfg(unix)]
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

pub use documents::{Asked, documents};

/// How long an open, silent stdin is waited for without a word (contract section 2).
pub const SILENCE: Duration = Duration::from_secs(2);
/// What is said then.
pub const SILENCE_HINT: &str = "still waiting for standard input; end it, or leave it out with --no-stdin";

/// More than any model reads, by far; without an end a device such as `/dev/zero` would fill the memory.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The usual size of a pipe's buffer.
const CHUNK: usize = 64 * 1024;
/// The word, or the path of `-f`, that means stdin.
const DASH: &str = "-";

/// What stdin is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdinKind {
    /// A terminal: read only when `-` asks for it.
    Terminal,
    /// A pipe or a socket (some programs hand down one as a pipe), or a file.
    Data,
    /// Something else, such as `/dev/null` or nothing at all: not read beside a prompt.
    Other,
}

impl StdinKind {
    /// What an open file descriptor is connected to.
    #[cfg(unix)]
    pub fn of(fd: &impl std::os::fd::AsFd) -> Self {
        use std::io::IsTerminal;
        use std::os::unix::fs::FileTypeExt;
        let fd = fd.as_fd();
        if fd.is_terminal() {
            return Self::Terminal;
        }
        let kind = fd.try_clone_to_owned().and_then(|fd| fs::File::from(fd).metadata()).map(|meta| meta.file_type());
        match kind {
            Ok(kind) if kind.is_file() || kind.is_fifo() || kind.is_socket() => Self::Data,
            _ => Self::Other,
        }
    }
}

/// Standard input.
#[derive(Debug)]
pub struct Stdin<R> {
    /// What it is connected to.
    pub kind: StdinKind,
    /// Where it is read from.
    pub reader: R,
    /// After how long a silence the hint is given; [`SILENCE`] outside of tests.
    pub silence: Duration,
}

/// What the command line says about the prompt.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// The words of the prompt; a last `-` means stdin.
    pub words: &'a [String],
    /// The paths and patterns of `-f`; `-` means stdin.
    pub files: &'a [PathBuf],
    /// Whether stdin is left alone (`--no-stdin`).
    pub no_stdin: bool,
}

/// The prompt of words, files (names and contents) and stdin. Empty stdin is no stdin.
///
/// An error (exit 2) if the prompt is empty or only white space, or if there is nothing in all of them.
pub fn compose(prompt: Option<&str>, files: &[(String, String)], stdin: Option<&str>) -> Result<String> {
    let stdin = stdin.filter(|text| !text.is_empty());
    // Without a prompt, stdin is the prompt.
    let (prompt, stdin) = if prompt.is_some() { (prompt, stdin) } else { (stdin, None) };
    match prompt {
        Some(prompt) if prompt.trim().is_empty() => return Err(empty_prompt()),
        None if files.iter().all(|(_, text)| text.is_empty()) => return Err(no_prompt()),
        _ => {}
    }
    let files = files.iter().map(|(name, text)| format!("<file name=\"{}\">{text}</file>", attribute(name)));
    let mut parts: Vec<String> = prompt.map(str::to_owned).into_iter().chain(files).collect();
    parts.extend(stdin.map(|text| format!("<stdin>{text}</stdin>")));
    Ok(parts.join("\n\n"))
}

/// What the command line names, read and not yet composed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The words.
    pub prompt: Option<String>,
    /// Names and contents; stdin among them where `-f -` names it.
    pub files: Vec<(String, String)>,
    /// What stands beside them.
    pub stdin: Option<String>,
}

impl Parts {
    /// The prompt that they make.
    pub fn composed(&self) -> Result<String> {
        compose(self.prompt.as_deref(), &self.files, self.stdin.as_deref())
    }
}

/// Reads what the command line names and composes it; see [`read_parts`].
pub fn read<R>(given: &Given<'_>, stdin: Stdin<R>, hint: impl FnOnce(&str)) -> Result<String>
where
    R: Read + Send + 'static,
{
    read_parts(given, stdin, hint)?.composed()
}

/// Reads what the command line names. `hint` is called at most once, with [`SILENCE_HINT`], when stdin stays open and
/// silent; it is waited for all the same.
pub fn read_parts<R>(given: &Given<'_>, stdin: Stdin<R>, hint: impl FnOnce(&str)) -> Result<Parts>
where
    R: Read + Send + 'static,
{
    let wish = Wish::of(given)?;
    let paths = files::expand("-f", given.files)?;
    let mut files = files::read(&paths)?;
    let text = if wish.reads(stdin.kind) { Some(text_of(read_stdin(stdin, hint)?, "standard input")?) } else { None };
    let Some(at) = paths.iter().position(|path| is_dash(path)) else {
        return Ok(Parts { prompt: wish.prompt, files, stdin: text });
    };
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        files.insert(at, (DASH.to_owned(), text));
    }
    Ok(Parts { prompt: wish.prompt, files, stdin: None })
}

/// What is asked for, checked before anything is read.
#[derive(Debug)]
struct Wish {
    prompt: Option<String>,
    has_files: bool,
    /// Whether `-` names stdin.
    forced: bool,
    no_stdin: bool,
}

impl Wish {
    fn of(given: &Given<'_>) -> Result<Self> {
        let (words, dash) = match given.words.split_last() {
            Some((last, before)) if last == DASH => (before, true),
            _ => (given.words, false),
        };
        let dashes = given.files.iter().filter(|path| is_dash(path)).count() + usize::from(dash);
        if dashes > 1 {
            return Err(named_twice());
        }
        if dashes > 0 && given.no_stdin {
            return Err(left_out());
        }
        let prompt = (!words.is_empty()).then(|| words.join(" "));
        if prompt.as_deref().is_some_and(|text| text.trim().is_empty()) {
            return Err(empty_prompt());
        }
        Ok(Self { prompt, has_files: !given.files.is_empty(), forced: dashes > 0, no_stdin: given.no_stdin })
    }

    fn reads(&self, kind: StdinKind) -> bool {
        match kind {
            _ if self.no_stdin => false,
            _ if self.forced => true,
            StdinKind::Terminal => false,
            StdinKind::Data => true,
            StdinKind::Other => self.prompt.is_none() && !self.has_files,
        }
    }
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == DASH
}

/// Everything that comes on stdin; of more than [`MAX_BYTES`] only a little more than that.
fn read_stdin<R: Read + Send + 'static>(stdin: Stdin<R>, hint: impl FnOnce(&str)) -> Result<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    let Stdin { reader, silence, .. } = stdin;
    let reading = move || send_all(reader, &sender);
    // Not joined: it ends with the stream, or with the process.
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(reading)
        .map_err(|why| Error::new(Kind::Other, format!("cannot read standard input: {why}")))?;
    let mut hint = Some(hint);
    let mut bytes = Vec::new();
    while let Some(chunk) = next(&receiver, silence, &mut hint) {
        let chunk = chunk.map_err(|why| Error::new(Kind::Input, format!("cannot read standard input: {why}")))?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BYTES {
            break;
        }
    }
    Ok(bytes)
}

/// The next piece, `None` at the end; a first silence is remarked upon.
fn next(
    receiver: &Receiver<io::Result<Vec<u8>>>,
    silence: Duration,
    hint: &mut Option<impl FnOnce(&str)>,
) -> Option<io::Result<Vec<u8>>> {
    match receiver.recv_timeout(silence) {
        Ok(chunk) => Some(chunk),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            if let Some(hint) = hint.take() {
                hint(SILENCE_HINT);
            }
            receiver.recv().ok()
        }
    }
}

/// Reads to the end, an error, or until nobody listens.
fn send_all(mut reader: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let chunk = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => Ok(buffer[..len].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // A non-blocking pipe, handed down by the parent: look again soon.
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            Err(error) => Err(error),
        };
        let ends = chunk.is_err();
        if sender.send(chunk).is_err() || ends {
            return;
        }
    }
}

fn text_of(bytes: Vec<u8>, name: &str) -> Result<String> {
    if bytes.len() > MAX_BYTES {
        return Err(too_long(name));
    }
    String::from_utf8(bytes).map_err(|why| {
        let at = why.utf8_error().valid_up_to();
        let error = Error::new(Kind::Input, format!("{name} is not valid UTF-8 at byte {at}"));
        error.hint(match images::kind(why.as_bytes()) {
            Some(_) => "it is a picture: show it to the model with -i",
            None => "llmr reads text in UTF-8; convert it, such as with iconv",
        })
    })
}

fn named_twice() -> Error {
    Error::new(Kind::Usage, "`-` names standard input twice, and it can be read once")
}

fn left_out() -> Error {
    Error::new(Kind::Usage, "`-` reads standard input and --no-stdin leaves it out").hint("give one of them")
}

fn too_long(name: &str) -> Error {
    let megabytes = MAX_BYTES / (1024 * 1024);
    Error::new(Kind::Input, format!("{name} is longer than {megabytes} MiB, more than any model reads"))
}

fn empty_prompt() -> Error {
    Error::new(Kind::Input, "the prompt is empty").hint("if it comes from a variable or a command, that one is empty")
}

fn no_prompt() -> Error {
    Error::new(Kind::Input, "there is no prompt").hint("say llmr ask \"…\", or pipe a text into llmr ask")
}

/// A name as the value of an attribute in double quotes.
fn attribute(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
