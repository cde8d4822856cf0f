//! The database's folder and file: made for their owner alone, and looked at for what could go wrong there.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::Problem;
use crate::host;

/// File systems on which SQLite's locks or shared memory cannot be trusted between machines.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "davfs",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb",
    "smb2",
    "smb3",
    "smbfs",
];

/// Makes the folder (0700) and an empty file (0600) where there is none; what is there is left as it is.
///
/// The file is made before SQLite sees it, because SQLite would give it the umask's mode; -wal and -shm get
/// the file's own mode.
pub(super) fn create(path: &Path) -> Result<(), Problem> {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file()) {
        return Ok(());
    }
    let folder = folder_of(path);
    create_folder(&folder).map_err(problem("cannot make folder", &folder))?;
    match new_file().open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(problem("cannot make file", path)(error)),
        Err(_) => not_begun_through_a_link(path).map_err(problem("cannot use", path)),
        Ok(_) => Ok(()),
    }
}

/// A database may lie elsewhere, behind a link; but none is begun in a file that somebody's link leads to.
fn not_begun_through_a_link(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_symlink() {
        return Ok(());
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(io::Error::other("it is a link that leads nowhere"))
        }
        Ok(meta) if meta.is_file() && meta.len() == 0 => Err(io::Error::other("it is a link to an empty file")),
        found => found.map(|_| ()),
    }
}

/// Whether there is such a file; an error when that cannot be seen.
pub(super) fn exists(path: &Path) -> Result<bool, Problem> {
    match path.try_exists() {
        // Something on the way is a file: then there is no database either, and `create` will say why.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Ok(true) => not_begun_through_a_link(path).map(|()| true).map_err(problem("cannot use", path)),
        found => found.map_err(problem("cannot look for", path)),
    }
}

/// Refuses what SQLite could not open, or would wait for (a pipe).
pub(super) fn regular(path: &Path) -> Result<(), Problem> {
    match fs::metadata(path).map_err(problem("cannot look at", path))?.is_file() {
        true => Ok(()),
        false => Err(Problem::NotAFile),
    }
}

/// The file as an address. SQLite makes two files beside a database with a write-ahead log, also where it only reads;
/// not where the log is empty and the database is said not to change meanwhile.
pub(super) fn uri(path: &Path) -> String {
    let log = path.with_file_name(format!("{}-wal", path.file_name().unwrap_or_default().to_string_lossy()));
    let quiet = fs::metadata(log).map_or(true, |log| log.len() == 0);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._".contains(&byte);
    let one = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let escaped: String = path.as_os_str().as_encoded_bytes().iter().copied().map(one).collect();
    format!("file:{escaped}{}", if quiet { "?immutable=1" } else { "" })
}

/// What a person should know about where the database lies. Who can get at it is looked at with the settings.
pub(super) fn warnings(path: &Path) -> Vec<String> {
    let folder = folder_of(path);
    if host::is_surely_local(&folder) {
        return Vec::new();
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let network = fs::canonicalize(&folder).ok().and_then(|real| network_file_system(&mounts, &real));
    let network = network.map(|kind| {
        format!(
            "{} is on a network file system ({kind}): its locks may fail, and with them the budget; \
             name a local folder with LLMR_HOME",
            path.display()
        )
    });
    network.into_iter().collect()
}

/// The folder a file lies in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn problem(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Problem {
    let path = path.to_owned();
    move |source| Problem::Files { what, path, source }
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The kind of network file system that a path lies on, by the kernel's table of mounts
/// (`device mount-point kind options …`, spaces as `\040`): the longest mount point decides, the last of equals.
fn network_file_system(mounts: &str, path: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (point, kind) = (fields.nth(1)?, fields.next()?);
            let point = unescape(point);
            path.starts_with(&point).then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind.to_owned())
        .filter(|kind| NETWORK.contains(&kind.as_str()))
}

fn unescape(mount_point: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(mount_point.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/me/local\\040disk xfs rw 0 0
me@host: /mnt/far fuse.sshfs rw 0 0
tmpfs /mnt/far/tmp tmpfs rw 0 0
//nas/share /over cifs rw 0 0
/dev/sdc1 /over ext4 rw 0 0
";

    #[test]
    fn the_longest_mount_point_decides_the_last_of_equals() {
        for (path, kind) in [
            ("/var/lib/llmr", None),
            ("/home/me/.local/share/llmr", Some("nfs4")),
            ("/homes/me", None),
            ("/home/me/local disk/llmr", None),
            ("/mnt/far/llmr", Some("fuse.sshfs")),
            ("/mnt/far/tmp/llmr", None),
            ("/over/llmr", None),
        ] {
            assert_eq!(network_file_system(MOUNTS, Path::new(path)).as_deref(), kind, "{path}");
        }
        assert_eq!(network_file_system("", Path::new("/")), None);
    }

    #[cfg(unix)]
    #[test]
    fn made_for_the_owner_alone_and_never_changed_again() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let home = tempfile::tempdir().unwrap();
        let (folder, path) = (home.path().join("a/b"), home.path().join("a/b/llmr.db"));
        create(&path).unwrap();
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
        fs::write(&path, "kept").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
        create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
        assert_eq!((mode(&folder), mode(&path)), (0o750, 0o644));
    }

    #[test]
    fn a_file_in_the_folder_s_place_is_named() {
        let home = tempfile::tempdir().unwrap();
        let blocked = home.path().join("file");
        fs::write(&blocked, "").unwrap();
        let path = blocked.join("llmr.db");
        assert!(!exists(&path).unwrap());
        let said = create(&path).unwrap_err().to_string();
        assert!(said.starts_with("cannot make folder") && said.contains("file"), "{said}");
    }
}
