//! What a fuzzer's bytes are taken for: choices, texts, pieces of a stream, files.

use std::path::{Path, PathBuf};

/// The first bytes as choices (0 where there are none), and the rest.
pub fn choices<const N: usize>(data: &[u8]) -> ([u8; N], &[u8]) {
    let mut chosen = [0; N];
    let (head, rest) = data.split_at(data.len().min(N));
    chosen[..head.len()].copy_from_slice(head);
    (chosen, rest)
}

/// The bytes as text.
pub fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// The parts between bytes of 0, at most so many.
pub fn parts(data: &[u8], most: usize) -> Vec<String> {
    data.splitn(most, |byte| *byte == 0).map(text).collect()
}

/// Lengths of pieces, drawn from a seed; with 0 every piece has one byte.
fn lengths(seed: u8) -> impl Iterator<Item = usize> {
    let mut state = u32::from(seed);
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(u32::from(seed));
        1 + (state >> 24) as usize % 24 * usize::from(seed > 0)
    })
}

/// The bytes in pieces, cut where the seed says.
pub fn pieces(mut data: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut lengths = lengths(seed);
    while !data.is_empty() {
        let (piece, rest) = data.split_at(lengths.next().unwrap_or(1).min(data.len()));
        pieces.push(piece);
        data = rest;
    }
    pieces
}

/// The text in pieces, cut between characters where the seed says.
pub fn text_pieces(mut text: &str, seed: u8) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut lengths = lengths(seed);
    while !text.is_empty() {
        let count = lengths.next().unwrap_or(1);
        let end = text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
        let (piece, rest) = text.split_at(end);
        pieces.push(piece);
        text = rest;
    }
    pieces
}

/// A folder of this process and this target alone, which is removed in the end.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub fn new(target: &str) -> Self {
        let path = std::env::temp_dir().join(format!("llmr-fuzz-{}-{target}", std::process::id()));
        _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for the target");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it; its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file of the target");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
