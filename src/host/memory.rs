//! The memory of this process, which holds keys: it goes into no core file, and nobody looks into it.

/// Keeps keys from leaving by the back door. On Linux the process becomes one that cannot be dumped: it leaves no core
/// file and no core for a crash reporter, and no other process of the same user reads its memory or its environment
/// (`/proc/PID/mem`, `environ`, a debugger that attaches; root still may). On other Unix systems the core file alone is
/// switched off, and for the programs that it starts as well.
///
/// A program that this process starts is an ordinary one again. Nothing is said where the system refuses: there is
/// nothing that anybody could do.
pub fn keep_private() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if nix::sys::prctl::set_dumpable(false).is_ok() {
        return;
    }
    #[cfg(unix)]
    without_core_file();
}

/// The soft limit alone: whoever wants a core file of a program that is started from here may raise it again.
#[cfg(unix)]
fn without_core_file() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CORE) {
        _ = setrlimit(Resource::RLIMIT_CORE, 0, hard);
    }
}
