//! What was done and what was found, as a table at the end.

use std::collections::BTreeMap;
use std::fmt;

use crate::part::Kind;
use crate::process::{Hit, Stage};

/// Sums over rounds.
#[derive(Debug, Default)]
pub struct Tally {
    /// Rounds.
    pub rounds: u64,
    /// Processes that were started for them, those that look afterwards not counted.
    pub processes: u64,
    /// By command and signal: how many were hit at which stage.
    hits: BTreeMap<(Kind, &'static str), [u64; Stage::ALL.len()]>,
    /// Attempts under way when their process was hit that were not the first of their request.
    pub later_attempts: u64,
    /// Holds of the dead that the next process charged.
    pub presumed: u64,
    /// Requests of the dead that the next process closed.
    pub orphaned: u64,
    /// Attempts that the sandbox was sent.
    pub sent: u64,
    /// Attempts that were answered and are charged to the nano-dollar.
    pub exact: u64,
    /// Stored answers that were compared with the whole ones.
    pub cached: u64,
    /// Times that somebody looked at the money while it was spent.
    pub looks: u64,
    /// Copies of a database that were opened as the dead had left them.
    pub copies: u64,
    /// Attempts that were sent and have no row.
    pub lost: u64,
    /// Copies and databases that SQLite finds damaged.
    pub damaged: u64,
    /// The longest that the first process after the dead took, in milliseconds.
    pub slowest_next_ms: u64,
}

impl Tally {
    /// Counts a process that was hit.
    pub fn hit(&mut self, kind: Kind, hit: Hit) {
        self.hits.entry((kind, hit.signal.as_str())).or_default()[hit.stage as usize] += 1;
        self.later_attempts += u64::from(hit.attempt > 1);
    }

    /// How many processes were hit.
    pub fn kills(&self) -> u64 {
        self.hits.values().flatten().sum()
    }

    /// Adds the sums of another round.
    pub fn add(&mut self, more: Self) {
        for (key, stages) in more.hits {
            let sums = self.hits.entry(key).or_default();
            sums.iter_mut().zip(stages).for_each(|(sum, n)| *sum += n);
        }
        for (sum, n) in [
            (&mut self.rounds, more.rounds),
            (&mut self.processes, more.processes),
            (&mut self.later_attempts, more.later_attempts),
            (&mut self.presumed, more.presumed),
            (&mut self.orphaned, more.orphaned),
            (&mut self.sent, more.sent),
            (&mut self.exact, more.exact),
            (&mut self.cached, more.cached),
            (&mut self.looks, more.looks),
            (&mut self.copies, more.copies),
            (&mut self.lost, more.lost),
            (&mut self.damaged, more.damaged),
        ] {
            *sum += n;
        }
        self.slowest_next_ms = self.slowest_next_ms.max(more.slowest_next_ms);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<14} {:<8}", "command", "signal")?;
        Stage::ALL.iter().try_for_each(|stage| write!(f, " {:>10}", stage.name()))?;
        writeln!(f, " {:>8}", "all")?;
        for ((kind, signal), stages) in &self.hits {
            write!(f, "{:<14} {signal:<8}", kind.name())?;
            stages.iter().try_for_each(|n| write!(f, " {n:>10}"))?;
            writeln!(f, " {:>8}", stages.iter().sum::<u64>())?;
        }
        write!(f, "{:<23}", "all")?;
        for stage in Stage::ALL {
            write!(f, " {:>10}", self.hits.values().map(|stages| stages[stage as usize]).sum::<u64>())?;
        }
        writeln!(f, " {:>8}\n", self.kills())?;
        for (what, n) in [
            ("rounds", self.rounds),
            ("processes started", self.processes),
            ("of them killed", self.kills()),
            ("  in a retry or a failover", self.later_attempts),
            ("holds charged by the next process", self.presumed),
            ("requests closed by the next process", self.orphaned),
            ("attempts that reached a provider", self.sent),
            ("  answered, charged to the nano-dollar", self.exact),
            ("cache entries compared", self.cached),
            ("looks at spent + held", self.looks),
            ("copies checked as the dead left them", self.copies),
            ("slowest process after the dead, ms", self.slowest_next_ms),
            ("attempts without a row", self.lost),
            ("integrity failures", self.damaged),
        ] {
            writeln!(f, "{what:<42} {n:>10}")?;
        }
        Ok(())
    }
}
