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

/// Whether a folder surely lies on this machine: one look at its file system, where reading the table of mounts takes a
/// dozen. `false` where that does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn is_surely_local(folder: &Path) -> bool {
    use nix::sys::statfs;
    const LOCAL: [statfs::FsType; 6] = [
        // ext2 and ext3 have the same number.
        statfs::EXT4_SUPER_MAGIC,
        // XFS, which nix has no name for with musl: "XFSB".
        statfs::FsType(0x5846_5342),
        statfs::BTRFS_SUPER_MAGIC,
        statfs::F2FS_SUPER_MAGIC,
        statfs::TMPFS_MAGIC,
        statfs::OVERLAYFS_SUPER_MAGIC,
    ];
    statfs::statfs(folder).is_ok_and(|found| LOCAL.contains(&found.filesystem_type()))
}

/// There is no such look here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn is_surely_local(_: &Path) -> bool {
    false
}

/// The bytes of a regular file; `None` when there is none of that name.
///
/// Errors name the file: unreadable, not regular, or larger than [`MAX_FILE_BYTES`].
pub fn read_regular(path: &Path) -> Result<Option<Vec<u8>>> {
    match open_regular(path) {
        Ok(Some(file)) => read_bounded(file, path).map(Some),
        Ok(None) => Err(Error::new(Kind::Config, format!("{} is not a regular file", path.display()))),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(unreadable(path, &e)),
    }
}

/// Opens a file to be read; `None` when it is not a regular one.
///
/// Looked at before, because opening a device may do something, and after, because whoever owns the folder may have put
/// a pipe into its place meanwhile; that is why nothing is waited for.
fn open_regular(path: &Path) -> io::Result<Option<File>> {
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nix::libc::O_NONBLOCK);
    let file = options.open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Whether a file that llmr adds to is there and its own: it begins with this. `false`: there is none.
///
/// Errors when it is something else: a link that leads nowhere, or to a file that llmr has not begun; a pipe; another
/// program's file. What is written there would be lost, or would harm what it is.
pub fn begins_with(path: &Path, beginning: &[u8]) -> io::Result<bool> {
    let not_ours = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what.to_owned()));
    let link = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?.is_symlink(),
    };
    let file = match open_regular(path) {
        Err(e) if link && e.kind() == io::ErrorKind::NotFound => return not_ours("it is a link that leads nowhere"),
        opened => opened?,
    };
    let Some(file) = file else { return not_ours("it is not a regular file") };
    let mut start = Vec::new();
    file.take(beginning.len() as u64).read_to_end(&mut start)?;
    match (start == beginning, start.is_empty() && !link) {
        (true, _) | (_, true) => Ok(true),
        _ if link => not_ours("it is a link to a file that llmr has not begun"),
        _ => not_ours("it is another program's file"),
    }
}

/// The bytes of a file that was named by hand, whatever kind it is (`<(…)` of a shell is a pipe).
pub fn read_any(path: &Path) -> Result<Vec<u8>> {
    read_bounded(File::open(path).map_err(|e| unreadable(path, &e))?, path)
}

fn read_bounded(file: File, path: &Path) -> Result<Vec<u8>> {
    // A usual file is read at once; one of unknown length would begin with 32 bytes.
    let mut bytes = Vec::with_capacity(4096);
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
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

    #[cfg(unix)]
    #[test]
    fn what_llmr_adds_to_is_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(path(to), path(name)).unwrap();
        for (name, text) in [("ours", "#V2\nx"), ("empty", ""), ("theirs", "alias ls=ls\n"), ("short", "#V")] {
            fs::write(path(name), text).unwrap();
        }
        for name in ["ours", "empty", "theirs", "nothing"] {
            link(name, &format!("to_{name}"));
        }
        link("to_ours", "twice");
        for (name, expected) in [
            ("nothing", Ok(false)),
            ("ours", Ok(true)),
            ("empty", Ok(true)),
            ("to_ours", Ok(true)),
            ("twice", Ok(true)),
            ("theirs", Err("it is another program's file")),
            ("short", Err("it is another program's file")),
            ("to_theirs", Err("it is a link to a file that llmr has not begun")),
            ("to_empty", Err("it is a link to a file that llmr has not begun")),
            ("to_nothing", Err("it is a link that leads nowhere")),
            (".", Err("it is not a regular file")),
        ] {
            let found = begins_with(&path(name), b"#V2\n").map_err(|e| e.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{name}");
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
