//! Reading small files without being held up: regular ones only, and no more than a bound.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// The largest settings file that is read: a hundred times what anybody writes by hand.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The nearest `.env`: in this folder, else in the nearest parent that has one.
///
/// Only a regular file (or a link to one) counts: a folder of that name is common and means something else,
/// and a pipe would hold the process up.
pub fn nearest_env_file(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().filter(|f| f.is_absolute()).map(|f| f.join(".env")).find(|path| path.is_file())
}

/// The bytes of a regular file; `None` when there is none of that name.
///
/// Errors name the file: unreadable, not regular, or larger than [`MAX_FILE_BYTES`].
pub fn read_regular(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => read_any(path).map(Some),
        Ok(_) => Err(Error::new(Kind::Config, format!("{} is not a regular file", path.display()))),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(unreadable(path, &e)),
    }
}

/// The bytes of a file that was named by hand, whatever kind it is (`<(…)` of a shell is a pipe).
pub fn read_any(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|e| unreadable(path, &e))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::new(Kind::Config, format!("{} is larger than 1 MiB", path.display())));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Config, format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_regular_env_file_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let deep = root.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.join(".env"), "X=1").unwrap();
        assert_eq!(nearest_env_file(&deep), Some(root.join(".env")));
        fs::create_dir(deep.join(".env")).unwrap();
        assert_eq!(nearest_env_file(&deep), Some(root.join(".env")), "a folder of that name does not count");
        fs::write(root.join("a/.env"), "X=1").unwrap();
        assert_eq!(nearest_env_file(&deep), Some(root.join("a/.env")));
        assert_eq!(nearest_env_file(Path::new("")), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_passed_over_and_a_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (piped, linked) = (root.join("piped"), root.join("linked"));
        fs::create_dir(&piped).unwrap();
        fs::create_dir(&linked).unwrap();
        fs::write(root.join(".env"), "X=1").unwrap();
        std::os::unix::fs::symlink(root.join(".env"), linked.join(".env")).unwrap();
        assert_eq!(nearest_env_file(&linked), Some(linked.join(".env")));
        match std::process::Command::new("mkfifo").arg(piped.join(".env")).status() {
            Ok(status) if status.success() => {
                assert_eq!(nearest_env_file(&piped), Some(root.join(".env")));
                assert!(read_regular(&piped.join(".env")).unwrap_err().message.contains("not a regular file"));
            }
            _ => println!("skipped: no mkfifo here"),
        }
    }

    #[test]
    fn reading_is_bounded_and_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big");
        assert_eq!(read_regular(&path).unwrap(), None);
        fs::write(&path, vec![b'#'; 1024 * 1024]).unwrap();
        assert_eq!(read_regular(&path).unwrap().map(|b| b.len()), Some(1024 * 1024));
        fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).unwrap();
        let error = read_regular(&path).unwrap_err();
        assert!(error.message.contains("big is larger"), "{error}");
        assert!(read_regular(dir.path()).is_err());
    }
}
