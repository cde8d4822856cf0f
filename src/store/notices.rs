//! What is said at most once a day.

use rusqlite::named_params;

use super::columns::{first, run};
use super::{Store, StoreError};
use crate::types::Timestamp;

impl Store {
    /// Whether nobody has asked this before today (UTC); from then on somebody has.
    pub fn first_of_day(&self, what: &str, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO settings (name, value, at) VALUES ('said ' || :what, :day, :at)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at WHERE value <> excluded.value";
        let day = at.day().to_string();
        self.write(|tx| Ok(run(tx, sql, named_params! { ":what": what, ":day": day, ":at": at })? > 0))
    }

    /// Whether nobody has asked this since then; from now on somebody has.
    pub fn first_since(&self, what: &str, since: Timestamp, at: Timestamp) -> Result<bool, StoreError> {
        let name = format!("said {what}");
        // Whoever looks with a clock that is behind has seen it all the same.
        let at = at.max(since);
        // Mostly somebody has: looking takes no lock.
        let last = self.read(|tx| {
            let sql = "SELECT at FROM settings WHERE name = ?1";
            Ok(first(tx, sql, [&name], |row| row.get::<_, Option<Timestamp>>(0))?.flatten())
        })?;
        // Said on a day that has not come yet, by a clock that was set back since, it would not be said until then.
        if last.is_some_and(|last| last >= since && last.day() <= at.day()) {
            return Ok(false);
        }
        let sql = "INSERT INTO settings (name, value, at) VALUES (:name, :day, :at)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at
             WHERE at < :since OR at IS :last";
        let day = at.day().to_string();
        let values = named_params! { ":name": name, ":day": day, ":at": at, ":since": since, ":last": last };
        self.write(|tx| Ok(run(tx, sql, values)? > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StoreOptions, Waiting};
    use crate::types::{Liveness, Owner};

    #[test]
    fn a_thing_is_said_first_once_a_day() {
        let options = StoreOptions {
            busy_timeout_ms: 0,
            me: Owner::default().into(),
            liveness: |_| Liveness::Alive,
            seed: 1.into(),
            waiting: Waiting::default(),
        };
        let store = Store::in_memory(options).unwrap();
        let at = Timestamp(0);
        let said = [at, at, at.plus_ms(86_400_000)].map(|at| store.first_of_day("a", at).unwrap());
        assert_eq!(said, [true, false, true]);
        assert!(store.first_of_day("b", at).unwrap());
    }

    #[test]
    fn a_thing_is_said_again_after_the_next_event() {
        let options = StoreOptions {
            busy_timeout_ms: 0,
            me: Owner::default().into(),
            liveness: |_| Liveness::Alive,
            seed: 1.into(),
            waiting: Waiting::default(),
        };
        let store = Store::in_memory(options).unwrap();
        let said = |since, at| store.first_since("a", Timestamp(since), Timestamp(at)).unwrap();
        assert_eq!(
            [said(5, 10), said(5, 12), said(10, 12), said(11, 20), said(11, 21)],
            [true, false, false, true, false]
        );
        assert_eq!([said(30, 29), said(30, 31)], [true, false], "a clock that is behind");
        let day = 86_400_000;
        assert_eq!([said(100, 100 + day), said(100, 200), said(100, 300)], [true, true, false], "a clock set back");
        assert!(store.first_since("b", Timestamp(0), Timestamp(0)).unwrap());
    }
}
