//! Where the answers go: a file that is only ever appended to, in the order of the prompts, or standard output.
//!
//! What a crash leaves is a valid beginning. It is taken up again where it still agrees with what was asked; a torn
//! last line, and what comes after a line that is asked anew, is cut off and written again from the database. A file
//! that is not the output of this batch is never touched.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::output::{Wrote, stdout};

/// How every line of an output begins; a torn one is a piece of it, or begins with it.
const BEGINNING: &str = "{\"schema_version\":1,\"line\":";

/// An output.
pub struct Target {
    out: Box<dyn Write>,
    /// What it is called in messages.
    shown: String,
}

/// A line that was found in an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The number of the prompt.
    pub line: u64,
    /// Its id, as JSON.
    pub id: String,
    /// The fields of the user's own, as JSON.
    pub own: String,
    /// The request that was answered; `None` for an error.
    pub request: Option<i64>,
}

/// An output that was there before.
#[derive(Debug, Default)]
pub struct Before {
    /// Its whole lines, with the offset at which each ends.
    pub lines: Vec<(Found, u64)>,
    /// Its bytes, a torn line included.
    pub length: u64,
}

/// Where `-o` leads, told apart from other outputs of the same prompts.
pub fn name_of(path: &Path) -> Result<PathBuf> {
    let unwritable = |e| Error::new(Kind::Input, format!("{} cannot be written: {e}", path.display()));
    if path.exists() {
        return path.canonicalize().map_err(unwritable);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| Error::new(Kind::Usage, format!("{} is no file", path.display())))?;
    Ok(folder.canonicalize().map_err(unwritable)?.join(name))
}

/// Reads what an output holds. `ours` are the requests of this batch. Fails, and changes nothing, when one of its lines
/// cannot have come from this batch.
pub fn look(path: &Path, ours: &HashSet<i64>, known: bool) -> Result<Before> {
    let unreadable = |e| Error::new(Kind::Input, format!("{} cannot be read: {e}", path.display()));
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Before::default()),
        opened => opened.map_err(unreadable)?,
    };
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Ok(Before::default());
    }
    let mut reader = BufReader::new(file);
    let mut before = Before::default();
    let (mut end, mut bytes) = (0, Vec::new());
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if read == 0 {
            return Ok(before);
        }
        end += read as u64;
        before.length = end;
        let torn = !bytes.ends_with(b"\n");
        let found = if torn { None } else { found(&bytes).filter(|f| f.request.is_none_or(|id| ours.contains(&id))) };
        match found {
            Some(found) if known => before.lines.push((found, end)),
            None if known && torn && is_torn(&bytes) => {}
            _ => return Err(not_ours(path, before.lines.len() + 1)),
        }
    }
}

fn is_torn(bytes: &[u8]) -> bool {
    let n = bytes.len().min(BEGINNING.len());
    bytes[..n] == BEGINNING.as_bytes()[..n]
}

fn not_ours(path: &Path, line: usize) -> Error {
    let message = format!("{} is there already, and its line {line} is no answer of this batch", path.display());
    Error::new(Kind::Input, message).hint("choose another file for -o, or move this one away")
}

fn found(bytes: &[u8]) -> Option<Found> {
    if !bytes.starts_with(BEGINNING.as_bytes()) {
        return None;
    }
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let request = value.get("request_id").and_then(Value::as_str).and_then(|id| id.strip_prefix('r')?.parse().ok());
    if request.is_none() && value.get("error").is_none() {
        return None;
    }
    Some(Found {
        line: value.get("line")?.as_u64()?,
        id: value.get("id")?.to_string(),
        own: value.get("input").map(ToString::to_string).unwrap_or_default(),
        request,
    })
}

impl Target {
    /// Standard output.
    pub fn stdout() -> Self {
        Self { out: stdout::stdout(), shown: "standard output".to_owned() }
    }

    /// A file that was `length` bytes long when it was looked at, of which the first `keep` stay. Nobody else writes to
    /// it until this process's end: another batch may have it as its output, too.
    pub fn file(path: &Path, length: u64, keep: u64) -> Result<Self> {
        let unwritable = |e| Error::new(Kind::Input, format!("{} cannot be written: {e}", path.display()));
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unwritable)?;
        // A pipe or a device has no length.
        if file.metadata().map_err(unwritable)?.is_file() {
            // A file system that has no locks is none to refuse.
            let locked = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            if locked || file.metadata().map_err(unwritable)?.len() != length {
                let message = format!("another process writes to {}", path.display());
                return Err(Error::new(Kind::Input, message).hint("choose another file for -o, or wait for its end"));
            }
            file.set_len(keep).and_then(|()| file.seek(SeekFrom::Start(keep))).map_err(unwritable)?;
        }
        Ok(Self { out: Box::new(file), shown: path.display().to_string() })
    }

    /// Writes whole lines, at once.
    pub fn write(&mut self, lines: &str) -> Result<()> {
        match stdout::write_all(&mut self.out, lines.as_bytes()) {
            Ok(Wrote::All) => Ok(()),
            Ok(Wrote::Closed) => Err(Error::new(Kind::Closed, "")),
            Err(e) => Err(Error::new(Kind::Other, format!("cannot write to {}: {e}", self.shown))
                .hint("no answer is lost: the same command once more writes them, and asks the rest")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(content: &[u8], known: bool) -> Result<Vec<(u64, Option<i64>, u64)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, content).unwrap();
        let before = look(&path, &HashSet::from([7, 8]), known);
        assert_eq!(std::fs::read(&path).unwrap(), content, "looking changes nothing");
        Ok(before?.lines.into_iter().map(|(found, end)| (found.line, found.request, end)).collect())
    }

    #[test]
    fn only_what_this_batch_can_have_written_is_taken_up() {
        let one = r#"{"schema_version":1,"line":1,"id":null,"request_id":"r7"}"#;
        let failed = r#"{"schema_version":1,"line":2,"id":"b","error":{"kind":"refused"},"input":{"x":1}}"#;
        let both = format!("{one}\n{failed}\n");
        let ends = [one.len() as u64 + 1, both.len() as u64];
        let all = [(1, Some(7), ends[0]), (2, None, ends[1])];
        assert_eq!(looked(both.as_bytes(), true).unwrap(), all);
        for torn in ["{", "{\"schema_version\":1,\"li", "{\"schema_version\":1,\"line\":3,\"id\":\"c"] {
            assert_eq!(looked(format!("{both}{torn}").as_bytes(), true).unwrap(), all, "{torn}");
        }
        assert_eq!(looked(b"", false).unwrap(), []);
        for (content, known) in [
            (both.clone(), false),
            (one.to_owned() + "\n" + "my own notes\n", true),
            ("my own notes".to_owned(), true),
            (one.replace("r7", "r9") + "\n", true),
            ("{\"schema_version\":1,\"line\":1}\n".to_owned(), true),
            ("\n".to_owned(), true),
        ] {
            let error = looked(content.as_bytes(), known).unwrap_err();
            assert!(error.message.contains("is no answer of this batch"), "{content}: {error}");
        }
    }
}
