//! The lines of a batch: found and checked before anything is asked, read again one by one when they are asked.
//!
//! Of each line only its place and a digest are kept, so that a file of a hundred thousand long prompts needs a few
//! megabytes. What cannot be read twice (a pipe) is kept whole.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::base::Base;
use super::fields::{self, Line};
use crate::error::{Error, Kind, Result};
use crate::router::{Request, Router, select};
use crate::types::{Day, hex};

/// So many bad lines are named; whoever made one mistake a thousand times need not read it a thousand times.
const MOST_NAMED: usize = 20;
/// A longer line is no prompt: the same bound as for any other prompt.
const MAX_LINE_BYTES: u64 = 64 << 20;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where a line is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1; empty lines count.
    pub number: u64,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes, with the line break.
    pub length: u64,
    /// Of everything that can change its answer.
    pub digest: [u8; 16],
}

/// The prompts of a file.
pub struct Lines {
    source: Source,
    /// Which file it is: its path, or what a pipe held.
    pub name: String,
    /// Its path, where it is a file.
    pub path: Option<PathBuf>,
    /// Its lines with something in them.
    pub entries: Vec<Entry>,
}

enum Source {
    File(File),
    Memory(Vec<u8>),
}

impl Lines {
    /// Opens a file, or standard input for `-`; its lines are not looked at yet.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |e| Error::new(Kind::Input, format!("{} cannot be read: {e}", path.display()));
        if path.as_os_str() == "-" {
            return Self::in_memory(&mut std::io::stdin().lock(), "standard input");
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let kind = file.metadata().map_err(unreadable)?;
        if kind.is_dir() {
            return Err(Error::new(Kind::Input, format!("{} is a folder, not a file", path.display())));
        }
        if !kind.is_file() {
            return Self::in_memory(&mut file, &path.display().to_string());
        }
        let path = path.canonicalize().map_err(unreadable)?;
        let name = path.to_string_lossy().into_owned();
        Ok(Self { source: Source::File(file), name, path: Some(path), entries: Vec::new() })
    }

    fn in_memory(reader: &mut impl Read, what: &str) -> Result<Self> {
        let mut bytes = Vec::new();
        let unreadable = |e| Error::new(Kind::Input, format!("{what} cannot be read: {e}"));
        reader.read_to_end(&mut bytes).map_err(unreadable)?;
        let name = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
        Ok(Self { source: Source::Memory(bytes), name, path: None, entries: Vec::new() })
    }

    /// Finds and checks every line against what holds for all. One error names up to twenty bad ones.
    pub fn check(&mut self, base: &Base, router: &Router<'_>, today: Day) -> Result<()> {
        let mut check = Check { base, router, today, ids: HashMap::new(), known: HashSet::new(), bad: Vec::new() };
        let mut reader: Box<dyn BufRead + '_> = match &mut self.source {
            Source::File(file) => Box::new(BufReader::with_capacity(1 << 16, &*file)),
            Source::Memory(bytes) => Box::new(Cursor::new(bytes.as_slice())),
        };
        let mut bytes = Vec::new();
        let (mut offset, mut number, mut bad) = (0, 0, 0);
        loop {
            bytes.clear();
            let read = reader.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes);
            let read = read.map_err(|e| Error::new(Kind::Input, format!("{} cannot be read: {e}", self.name)))?;
            if read == 0 {
                break;
            }
            if read as u64 > MAX_LINE_BYTES {
                return Err(Error::new(Kind::Input, format!("line {} is longer than 64 MiB", number + 1)));
            }
            number += 1;
            let length = read as u64;
            match parse(&bytes, number) {
                Ok(None) => {}
                Ok(Some(object)) => match check.line(object, number)? {
                    Some(digest) => self.entries.push(Entry { number, offset, length, digest }),
                    None => bad += 1,
                },
                Err(why) => {
                    check.complain(why);
                    bad += 1;
                }
            }
            offset += length;
        }
        drop(reader);
        match bad {
            0 if self.entries.is_empty() => Err(Error::new(Kind::Input, format!("{} holds no prompt", self.shown()))
                .hint("each line is an object such as {\"prompt\": \"name a river\"}")),
            0 => Ok(()),
            _ => Err(refusal(self.shown(), bad, check.bad)),
        }
    }

    fn shown(&self) -> &str {
        self.path.as_ref().map_or("standard input", |_| self.name.as_str())
    }

    /// Reads one line again. Fails when the file has changed since.
    pub fn read(&mut self, entry: &Entry, base: &Base) -> Result<Line> {
        let bytes = self.source.read(entry)?;
        let object = parse(&bytes, entry.number).ok().flatten();
        let line = object.and_then(|object| fields::line(base, object).ok());
        line.ok_or_else(|| changed(entry.number))
    }
}

/// The error of a line that is not what it was when it was checked.
pub fn changed(number: u64) -> Error {
    Error::new(Kind::Input, format!("line {number} has changed since the batch was begun"))
        .hint("leave the file alone while it is asked; the same command once more asks what it says then")
}

impl Source {
    fn read(&mut self, entry: &Entry) -> Result<Vec<u8>> {
        let gone = |_| changed(entry.number);
        let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; length];
                file.seek(SeekFrom::Start(entry.offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(gone)?;
                Ok(bytes)
            }
            Self::Memory(all) => {
                let from = usize::try_from(entry.offset).unwrap_or(usize::MAX);
                Ok(all.get(from..from.saturating_add(length)).unwrap_or_default().to_vec())
            }
        }
    }
}

/// The object of a line; `None` for one with nothing in it. A mark of Windows' editors before the first is no text.
pub fn parse(bytes: &[u8], number: u64) -> std::result::Result<Option<Map<String, Value>>, String> {
    let bytes = if number == 1 { bytes.strip_prefix(BOM).unwrap_or(bytes) } else { bytes };
    let bytes = bytes.trim_ascii_end();
    if bytes.trim_ascii_start().is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| format!("line {number}: not UTF-8"))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(_) => Err(format!("line {number}: not an object such as {{\"prompt\": \"…\"}}")),
        // The position is within the line, whose number stands before it already.
        Err(e) => {
            let why = e.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            Err(format!("line {number}: not JSON: {why} (column {})", e.column()))
        }
    }
}

fn refusal(file: &str, count: usize, bad: Vec<String>) -> Error {
    let lines = if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
    let more = count.saturating_sub(bad.len());
    let error = Error::new(Kind::Input, format!("{lines} of {file} cannot be asked; nothing was"));
    let error = bad.into_iter().fold(error, Error::hint);
    if more > 0 { error.hint(format!("… and {more} more")) } else { error }
}

/// What checking needs, and has found.
struct Check<'a> {
    base: &'a Base,
    router: &'a Router<'a>,
    today: Day,
    /// Where each id stands.
    ids: HashMap<String, u64>,
    /// Selections that have somebody to ask.
    known: HashSet<String>,
    bad: Vec<String>,
}

impl Check<'_> {
    fn complain(&mut self, why: String) {
        if self.bad.len() < MOST_NAMED {
            self.bad.push(why);
        }
    }

    /// The digest of a line that may be asked. An error is one of what holds for all lines.
    fn line(&mut self, object: Map<String, Value>, number: u64) -> Result<Option<[u8; 16]>> {
        let line = match fields::line(self.base, object) {
            Ok(line) => line,
            Err(why) => {
                self.complain(format!("line {number}: {why}"));
                return Ok(None);
            }
        };
        if let Some(first) = line.id.as_ref().and_then(|id| self.ids.insert(id.to_string(), number)) {
            let id = line.id.unwrap_or_default();
            self.complain(format!("line {number}: the id {id} is that of line {first} already"));
            return Ok(None);
        }
        let selection = &line.request.selection;
        let wanted = format!("{selection:?}");
        if !self.known.contains(&wanted) {
            match select(self.router.config, selection, self.today) {
                Ok(_) => _ = self.known.insert(wanted),
                Err(error) if *selection == self.base.request.selection => return Err(error),
                Err(error) => {
                    let hint = error.hints.first().map(|hint| format!(" ({hint})")).unwrap_or_default();
                    self.complain(format!("line {number}: {}{hint}", error.message));
                    return Ok(None);
                }
            }
        }
        Ok(Some(digest(self.router, &line.request)))
    }
}

/// A digest of what a line asks. Not of defaults that the settings add: a batch that is gone on with after they were
/// changed keeps the answers that it has.
pub fn digest(router: &Router<'_>, request: &Request) -> [u8; 16] {
    let key = router.key(request, &[]);
    let mut short = [0; 16];
    short.copy_from_slice(&key[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_or_nothing_or_says_what_it_is_not() {
        let parsed =
            |bytes: &[u8], number| parse(bytes, number).map(|object| object.map(|o| Value::Object(o).to_string()));
        for (bytes, number, expected) in [
            (&b"{\"prompt\":\"a\"}\r\n"[..], 3, Ok(Some(r#"{"prompt":"a"}"#.to_owned()))),
            (b"\xef\xbb\xbf{\"prompt\":\"a\"}", 1, Ok(Some(r#"{"prompt":"a"}"#.to_owned()))),
            (b" \t\r\n", 2, Ok(None)),
            (b"\xef\xbb\xbf\n", 1, Ok(None)),
            (b"[1]\n", 4, Err("line 4: not an object such as {\"prompt\": \"…\"}".to_owned())),
            (b"{\"prompt\": \"\xff\"}\n", 5, Err("line 5: not UTF-8".to_owned())),
            (b"{\"prompt\": \"a\",}\n", 6, Err("line 6: not JSON: trailing comma (column 16)".to_owned())),
            (b"{\"prompt\": \"a\"", 7, Err("line 7: not JSON: EOF while parsing an object (column 14)".to_owned())),
        ] {
            assert_eq!(parsed(bytes, number), expected);
        }
    }
}
