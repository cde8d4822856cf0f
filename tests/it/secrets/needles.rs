//! A secret in all the ways in which somebody might find it again.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::common::Ran;

/// So much of a secret counts as all of it.
const PART: usize = 14;

/// What is looked for.
pub struct Needles(Vec<(&'static str, String)>);

impl Needles {
    /// All the ways in which a secret can be written.
    pub fn of(secret: &str) -> Self {
        let mut all: Vec<(&'static str, String)> = written(secret);
        if secret.len() > 2 * PART {
            all.push(("its beginning", secret[..PART].to_owned()));
            all.push(("its end", secret[secret.len() - PART..].to_owned()));
            all.push(("its middle", secret[(secret.len() - PART) / 2..][..PART].to_owned()));
        }
        // Every text is compared in small letters, so that "the same in capitals" needs no needle of its own.
        all.iter_mut().for_each(|(_, needle)| needle.make_ascii_lowercase());
        Self(all)
    }

    /// The way in which it stands there, if it does.
    pub fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        let bytes = bytes.to_ascii_lowercase();
        let stands = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        self.0.iter().find(|(_, needle)| stands(needle)).map(|(what, _)| *what)
    }

    /// That it stands in neither stream.
    pub fn not_said(&self, what: &str, ran: &Ran) {
        for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            let found = self.found_in(text.as_bytes());
            assert_eq!(found, None, "{what}: the key is on {stream}:\n{}\n{}", ran.stdout, ran.stderr);
        }
    }

    /// That it stands in no file below a folder, nor in a file's name, but in these.
    pub fn not_kept(&self, what: &str, folder: &Path, but: &[&str]) {
        for (path, bytes) in files(folder) {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if !but.contains(&name.as_str()) {
                assert_eq!(self.found_in(name.as_bytes()), None, "{what}: the key is in a name: {name}");
                assert_eq!(self.found_in(&bytes), None, "{what}: the key is in {name}");
            }
        }
    }
}

/// A secret as it is, encoded and escaped.
pub fn written(secret: &str) -> Vec<(&'static str, String)> {
    let each = |of: fn(u8) -> String| secret.bytes().map(of).collect::<String>();
    // The characters at the ends hold bits of what stands beside it.
    let inside = |base64: String, before: usize| base64[before * 2..base64.len() - 2].to_owned();
    let behind = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{secret}"));
    vec![
        ("as it is", secret.to_owned()),
        ("in base64", inside(behind(""), 0)),
        ("in base64 behind one byte", inside(behind("x"), 1)),
        ("in base64 behind two bytes", inside(behind("xy"), 2)),
        ("in base64 for URLs", inside(URL_SAFE_NO_PAD.encode(secret), 0)),
        ("in hex", each(|b| format!("{b:02x}"))),
        ("escaped for a URL", each(in_a_url)),
        ("every byte escaped for a URL", each(|b| format!("%{b:02x}"))),
        ("escaped for JSON", each(|b| format!("\\u{b:04x}"))),
        ("escaped for HTML", each(|b| format!("&#{b};"))),
        (
            "with capitals and small letters exchanged",
            each(|b| char::from(b ^ if b.is_ascii_alphabetic() { 32 } else { 0 }).into()),
        ),
        ("backwards", secret.chars().rev().collect()),
    ]
}

fn in_a_url(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).into()
    } else {
        format!("%{byte:02x}")
    }
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found
}
