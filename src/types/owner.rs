//! Which process holds money, so that another one can tell whether it still lives.

/// A process, told apart from any other one, also after its pid was given to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Owner {
    /// Its process id.
    pub pid: u32,
    /// When it started, in the kernel's clock ticks since boot; 0 where that cannot be known.
    pub start_ticks: u64,
    /// The kernel's random id of this boot; empty where that cannot be known.
    pub boot_id: String,
    /// The PID namespace the pid is a number of; empty where that cannot be known.
    pub pid_namespace: String,
}

impl Owner {
    /// Whether all of it is known: only then can it be told from others, and others from it.
    pub fn is_known(&self) -> bool {
        self.start_ticks != 0 && !self.boot_id.is_empty() && !self.pid_namespace.is_empty()
    }
}

/// What can be said about another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It is running.
    Alive,
    /// Same boot and PID namespace, and no process with that pid and start time.
    Dead,
    /// Another boot, another namespace or another system: only a lease can tell.
    Unknown,
}
