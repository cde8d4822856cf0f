//! Which process holds money, so that another one can tell whether it still lives.

use std::fmt;
use std::sync::{Arc, OnceLock};

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

/// This process. Of itself it knows its pid at once, the rest when it is first asked for: that takes reading three files,
/// and a request that holds no money does without.
#[derive(Clone)]
pub struct Me {
    pid: u32,
    look_up: fn() -> Owner,
    known: Arc<OnceLock<Owner>>,
}

impl Me {
    /// The process of this pid, which can be looked up.
    pub fn new(pid: u32, look_up: fn() -> Owner) -> Self {
        Self { pid, look_up, known: Arc::default() }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All that is known of it.
    pub fn owner(&self) -> &Owner {
        self.known.get_or_init(self.look_up)
    }
}

impl From<Owner> for Me {
    fn from(owner: Owner) -> Self {
        Self { pid: owner.pid, look_up: Owner::default, known: Arc::new(owner.into()) }
    }
}

impl fmt::Debug for Me {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known.get() {
            Some(owner) => owner.fmt(f),
            None => write!(f, "process {}", self.pid),
        }
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
