//! What was found when a provider was checked: kept for a short while, for every process.

use rusqlite::named_params;

use super::columns::{first, run};
use super::{Store, StoreError};
use crate::types::Timestamp;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// When it was made.
    pub at: Timestamp,
    /// What it found, as JSON.
    pub found: String,
}

impl Store {
    /// The last check of a provider that asked the same and is no older than `since`. One from the future was made by
    /// a clock that has been set back since: it is not told.
    pub fn check(
        &self,
        provider: &str,
        asked: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Check>, StoreError> {
        let sql = "SELECT at, found FROM checks WHERE provider = ?1 AND asked = ?2 AND at BETWEEN ?3 AND ?4";
        let read = |row: &rusqlite::Row<'_>| Ok(Check { at: row.get(0)?, found: row.get(1)? });
        self.read(|tx| Ok(first(tx, sql, (provider, asked, since, now), read)?))
    }

    /// Keeps what a check of a provider found, in place of the last one.
    pub fn keep_check(&self, provider: &str, asked: &str, check: &Check) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO checks (provider, asked, at, found) VALUES (:provider, :asked, :at, :found)";
        let values = named_params! {
            ":provider": provider, ":asked": asked, ":at": check.at, ":found": check.found,
        };
        self.write(|tx| Ok(run(tx, sql, values).map(drop)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StoreOptions, Waiting};
    use crate::types::{Liveness, Owner};

    #[test]
    fn a_check_is_told_while_it_is_young_and_asked_the_same() {
        let options = StoreOptions {
            busy_timeout_ms: 0,
            me: Owner::default().into(),
            liveness: |_| Liveness::Alive,
            seed: 1.into(),
            waiting: Waiting::default(),
        };
        let store = Store::in_memory(options).unwrap();
        let check = Check { at: Timestamp(100), found: "{}".into() };
        store.keep_check("p", "a", &check).unwrap();
        let told = |asked, since, now| store.check("p", asked, Timestamp(since), Timestamp(now)).unwrap();
        assert_eq!(told("a", 100, 130), Some(check));
        assert_eq!(told("a", 101, 131), None, "too old");
        assert_eq!(told("a", 60, 99), None, "from the future");
        assert_eq!(told("b", 100, 130), None, "another key");
    }
}
