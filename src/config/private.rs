//! Files that belong to the user alone: folders 0700, files 0600, and a warning where they are looser.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::host;

/// Makes a folder, and what is missing above it, for the user alone.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| cannot_write(path, &e))
}

/// Writes a file that must not be there yet.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| {
        // Half a file (the disk is full) would stand for a whole one, and keep the next try from writing it.
        _ = fs::remove_file(path);
    })
}

/// Writes a whole file beside `path`, under a name of its own, to be moved there in one step.
pub(super) fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{:016x}", host::random_u64()?));
    write_new(&beside, bytes).map_err(|e| cannot_write(path, &e))?;
    Ok(beside)
}

/// Replaces a file in one step: a reader sees the old one or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = write_beside(path, bytes)?;
    fs::rename(&beside, path).map_err(|e| {
        let _ = fs::remove_file(&beside);
        cannot_write(path, &e)
    })
}

/// The error that a file cannot be written.
pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Error {
    let plain = Error::new(Kind::Config, format!("{} cannot be written: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            plain.hint("make room on that disk; what was there before is unchanged")
        }
        io::ErrorKind::ReadOnlyFilesystem => plain.hint("name a folder that can be written with LLMR_HOME"),
        _ => plain,
    }
}

/// A warning if others than the user can get at a file or folder that is there.
#[cfg(unix)]
pub(super) fn looseness(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let meta = fs::metadata(path).ok()?;
    let mode = meta.permissions().mode() & 0o777;
    let wanted = if meta.is_dir() { "700" } else { "600" };
    let path = path.display();
    (mode & 0o077 != 0).then(|| format!("{path} is open to others (mode {mode:03o}): run `chmod {wanted} {path}`"))
}

/// Elsewhere folders of a user are private by where they are.
#[cfg(not(unix))]
pub(super) fn looseness(_: &Path) -> Option<String> {
    None
}
