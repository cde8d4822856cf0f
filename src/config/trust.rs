//! The `.env` files of working folders that the user has trusted, each by its path and its exact content.
//!
//! One line a file in `trusted` in the config folder: SHA-256 in hex, two spaces, the canonical path, as `sha256sum`
//! writes and checks them. A file that changes afterwards is a stranger's again. What is trusted may set everything
//! but what counts in the process environment only.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::private;
use crate::error::{Error, Kind, Result};
use crate::host::{self, Host};
use crate::types::hex;

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Trusted as it is.
    Trusted,
    /// Trusted once, but it has another content now.
    Changed,
    /// Never trusted.
    Unknown,
}

/// A file that was just trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// Its canonical path.
    pub path: PathBuf,
    /// The SHA-256 of its content, in hex.
    pub sha256: String,
}

/// Trusts a `.env` as it is now: this one (or the one in this folder), else the nearest one.
///
/// Errors when there is none, when it cannot be read or is not a `.env` at all, and when its path cannot be written down.
pub fn add(host: &Host, trust_file: &Path, env_file: Option<&Path>) -> Result<Trusted> {
    let path = chosen(host, env_file)?;
    let bytes = host::read_regular(&path)?.ok_or_else(|| refused(&path, "is not there"))?;
    let path = path.canonicalize().map_err(|e| refused(&path, &format!("cannot be found: {e}")))?;
    let name = path.to_str().filter(|name| !name.contains(['\n', '\r']));
    let name = name.ok_or_else(|| refused(&path, "cannot be written down: its path is not plain text"))?;
    let sha256 = sha256_hex(&bytes);
    let mut lines: Vec<String> = recorded(trust_file)?.lines().map(str::to_owned).collect();
    lines.retain(|line| line.split_once("  ").is_none_or(|(_, known)| known != name));
    lines.push(format!("{sha256}  {name}"));
    if let Some(folder) = trust_file.parent() {
        private::create_folder(folder)?;
    }
    private::replace(trust_file, (lines.join("\n") + "\n").as_bytes())?;
    Ok(Trusted { path, sha256 })
}

/// What is known of the file with this canonical path and content.
pub fn is_trusted(trust_file: &Path, canonical: &Path, bytes: &[u8]) -> Result<Trust> {
    let recorded = recorded(trust_file)?;
    let lines = recorded.lines().filter_map(|line| line.split_once("  "));
    let hashes: Vec<&str> = lines.filter(|(_, path)| Some(*path) == canonical.to_str()).map(|(hash, _)| hash).collect();
    let sha256 = sha256_hex(bytes);
    Ok(match hashes.as_slice() {
        [] => Trust::Unknown,
        hashes if hashes.contains(&sha256.as_str()) => Trust::Trusted,
        _ => Trust::Changed,
    })
}

fn chosen(host: &Host, env_file: Option<&Path>) -> Result<PathBuf> {
    match env_file.map(|path| host.cwd.join(path)) {
        Some(folder) if folder.is_dir() => Ok(folder.join(".env")),
        Some(path) => Ok(path),
        None => host::nearest_env_file(&host.cwd)
            .ok_or_else(|| Error::new(Kind::Config, "there is no .env in this folder or above it")),
    }
}

fn recorded(trust_file: &Path) -> Result<String> {
    let bytes = host::read_regular(trust_file)?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|_| refused(trust_file, "is not UTF-8"))
}

fn refused(path: &Path, why: &str) -> Error {
    Error::new(Kind::Config, format!("{} {why}", path.display()))
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn trust_is_of_a_path_and_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (env, trust_file) = (root.join(".env"), root.join("config/llmr/trusted"));
        let host = Host::from_env([("HOME", "/u")], &root);
        assert!(add(&host, &trust_file, None).unwrap_err().message.contains("no .env"));

        fs::write(&env, "A=1").unwrap();
        assert_eq!(is_trusted(&trust_file, &env, b"A=1").unwrap(), Trust::Unknown);
        let trusted = add(&host, &trust_file, None).unwrap();
        assert_eq!(trusted.path, env);
        assert_eq!(is_trusted(&trust_file, &env, b"A=1").unwrap(), Trust::Trusted);
        assert_eq!(is_trusted(&trust_file, &env, b"A=2").unwrap(), Trust::Changed);
        assert_eq!(is_trusted(&trust_file, &root.join("other"), b"A=1").unwrap(), Trust::Unknown);

        fs::write(&env, "A=2").unwrap();
        add(&host, &trust_file, Some(Path::new("."))).unwrap();
        assert_eq!(is_trusted(&trust_file, &env, b"A=1").unwrap(), Trust::Changed, "the old content counts no more");
        assert_eq!(is_trusted(&trust_file, &env, b"A=2").unwrap(), Trust::Trusted);
        assert_eq!(fs::read_to_string(&trust_file).unwrap().lines().count(), 1);
        assert_eq!(fs::read_dir(trust_file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_hash_is_what_sha256sum_says() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[cfg(unix)]
    #[test]
    fn the_list_is_the_user_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let trust_file = dir.path().join("c/trusted");
        fs::write(dir.path().join(".env"), "A=1").unwrap();
        add(&Host::from_env([("HOME", "/u")], dir.path()), &trust_file, None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&trust_file), mode(trust_file.parent().unwrap())), (0o600, 0o700));
    }
}
