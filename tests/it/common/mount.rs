//! A small disk of a test's own: a tmpfs in a mount namespace that ends with the test, so that nothing of this machine
//! is filled up or made read-only. The test runs itself once more inside; where the kernel allows no namespace it is
//! skipped, and says so.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{finish, skipped};

/// Set for a test that runs inside.
const INSIDE: &str = "LLMR_TEST_INSIDE_A_NAMESPACE";

/// Whether to go on: the test runs inside. Otherwise it has been run there by now, or cannot be.
pub fn inside(test: &str) -> bool {
    if variable(INSIDE).is_some() {
        return true;
    }
    let ways = [&["--mount"][..], &["--user", "--map-root-user", "--mount"]];
    let folder = tempfile::tempdir().unwrap();
    let probe = format!("mount -t tmpfs -o size=64k none '{}'", folder.path().display());
    let works = |way: &&&[&str]| quietly(Command::new("unshare").args(**way).args(["sh", "-c", &probe]));
    match ways.iter().find(works) {
        Some(way) => again(test, way),
        None => skipped(&format!("{test}: no mount namespace can be made here (unshare --user --mount)")),
    }
    false
}

#[expect(clippy::disallowed_methods, reason = "where this test was started from")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

fn quietly(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn again(test: &str, way: &[&str]) {
    let mut command = Command::new("unshare");
    command.args(way).arg(this_program()).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let ran = finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert!(ran.stdout.contains("1 passed"), "{test} in a namespace:\n{}\n{}", ran.stdout, ran.stderr);
    // What was skipped inside is said outside.
    ran.stderr.lines().filter_map(|line| line.strip_prefix("skipped: ")).for_each(skipped);
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn mount(arguments: &[&OsStr]) {
    assert!(quietly(Command::new("mount").args(arguments)), "mount {arguments:?}");
}

/// Puts an empty disk of so many bytes over a folder.
pub fn small(folder: &Path, bytes: u64) -> Disk {
    let options = format!("size={bytes},mode=700");
    mount(
        &["-t", "tmpfs", "-o", options.as_str(), "none"]
            .map(OsStr::new)
            .into_iter()
            .chain([folder.as_os_str()])
            .collect::<Vec<_>>(),
    );
    Disk(folder.to_owned())
}

/// A small disk.
pub struct Disk(PathBuf);

impl Disk {
    /// Takes all of its room but so many KiB.
    pub fn fill_but(&self, kib: u64) {
        self.free();
        let mut ballast = std::fs::File::create(self.ballast()).unwrap();
        let block = [0_u8; 1024];
        // A page of memory is its smallest unit.
        while ballast.write_all(&block).is_ok() {}
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(kib * 1024) / 4096 * 4096).unwrap();
    }

    /// Gives its room back.
    pub fn free(&self) {
        _ = std::fs::remove_file(self.ballast());
    }

    /// From now on nothing can be written to it. The mount is changed and not the disk: a plain user may do that, too.
    pub fn lock(&self) {
        mount(&["-o", "remount,bind,ro"].map(OsStr::new).into_iter().chain([self.0.as_os_str()]).collect::<Vec<_>>());
    }

    /// The opposite.
    pub fn unlock(&self) {
        mount(&["-o", "remount,bind,rw"].map(OsStr::new).into_iter().chain([self.0.as_os_str()]).collect::<Vec<_>>());
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The namespace ends with the test, and its mounts with it; without this the folder could not be removed.
        _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
