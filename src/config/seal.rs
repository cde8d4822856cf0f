//! The key that authenticates cache entries: the user's own, else one that is made at first use.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use super::{Config, private};
use crate::error::{Error, Kind, Result};
use crate::host;

/// The length of a key that is made here: as long as the hash it is for.
const KEY_BYTES: usize = 32;

/// A key for HMAC-SHA256. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct HmacKey(Vec<u8>);

impl HmacKey {
    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(…)")
    }
}

/// The key: `LLMR_CACHE_HMAC_KEY`, else the file's, which is made if it is not there.
///
/// Errors name the file: it cannot be read or written, or does not hold exactly 32 bytes.
pub fn hmac_key(config: &Config) -> Result<HmacKey> {
    match &config.settings.cache.hmac_key {
        Some(key) => Ok(HmacKey(key.expose().as_bytes().to_vec())),
        None => key_of_file(&config.paths.hmac_key_file),
    }
}

/// The same, but none is made: for what only looks.
pub fn existing_hmac_key(config: &Config) -> Result<Option<HmacKey>> {
    let path = &config.paths.hmac_key_file;
    match &config.settings.cache.hmac_key {
        Some(_) => hmac_key(config).map(Some),
        None => host::read_regular(path)?.map(|bytes| checked(path, bytes)).transpose(),
    }
}

fn key_of_file(path: &Path) -> Result<HmacKey> {
    if let Some(bytes) = host::read_regular(path)? {
        return checked(path, bytes);
    }
    make(path)?;
    let bytes = host::read_regular(path)?;
    checked(path, bytes.unwrap_or_default())
}

fn checked(path: &Path, bytes: Vec<u8>) -> Result<HmacKey> {
    if bytes.len() == KEY_BYTES {
        return Ok(HmacKey(bytes));
    }
    let message = format!("{} holds {} bytes, not the {KEY_BYTES} of a cache key", path.display(), bytes.len());
    Err(Error::new(Kind::Config, message).hint("delete it: a new one is made, and the cache starts anew"))
}

/// Makes the file, whole from the first moment: of two processes the first one's key stays, and both read that.
fn make(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        private::create_folder(folder)?;
    }
    let beside = private::write_beside(path, &host::random_bytes::<KEY_BYTES>()?)?;
    let linked = match fs::hard_link(&beside, path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A file system without links: the last of two keys stays then, and the other one's entries are foreign.
        Err(_) => fs::rename(&beside, path),
        Ok(()) => Ok(()),
    };
    let _ = fs::remove_file(&beside);
    linked.map_err(|e| private::cannot_write(path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c/cache.key");
        let first = key_of_file(&path).unwrap();
        assert_eq!(first.expose().len(), 32);
        assert_eq!(key_of_file(&path).unwrap(), first);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        assert!(!private::looseness(&path).is_some_and(|w| w.contains("open to others")));
        assert_eq!(format!("{first:?}"), "HmacKey(…)");
    }

    #[test]
    fn all_who_make_one_at_once_get_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.key");
        let keys: Vec<HmacKey> = std::thread::scope(|scope| {
            let made: Vec<_> = (0..8).map(|_| scope.spawn(|| key_of_file(&path).unwrap())).collect();
            made.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_file_of_another_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache.key");
        for bytes in [&b""[..], &[1; 31], &[1; 33]] {
            fs::write(&path, bytes).unwrap();
            let error = key_of_file(&path).unwrap_err();
            assert!(error.message.contains("cache.key holds"), "{error}");
            assert!(error.hints[0].contains("delete it"));
        }
        fs::create_dir(dir.path().join("d")).unwrap();
        assert!(key_of_file(&dir.path().join("d")).is_err());
    }
}
