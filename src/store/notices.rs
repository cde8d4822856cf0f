//! What is said at most once a day, and decisions to look back at.

use rusqlite::named_params;

use super::columns::{all, run};
use super::{Store, StoreError};
use crate::types::{Day, Mode, Timestamp};

impl Store {
    /// Whether nobody has asked this before today (UTC); from then on somebody has.
    pub fn first_of_day(&self, what: &str, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO settings (name, value, at) VALUES ('said ' || :what, :day, :at)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at WHERE value <> excluded.value";
        let day = at.day().to_string();
        self.write(|tx| Ok(run(tx, sql, named_params! { ":what": what, ":day": day, ":at": at })? > 0))
    }

    /// The recorded decisions of the requests made in a mode, over the days from one to another, both included.
    pub fn decisions(&self, mode: Mode, from: Day, to: Day) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT decision FROM requests
             WHERE mode = :mode AND day BETWEEN :from AND :to AND decision IS NOT NULL ORDER BY id";
        self.read(|tx| {
            let values = named_params! { ":mode": mode.name(), ":from": from, ":to": to };
            Ok(all(tx, sql, values, |row| row.get(0))?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;
    use crate::types::{Liveness, Owner};

    #[test]
    fn a_thing_is_said_first_once_a_day() {
        let options = StoreOptions { busy_timeout_ms: 0, me: Owner::default(), liveness: |_| Liveness::Alive, seed: 1 };
        let store = Store::in_memory(options).unwrap();
        let at = Timestamp(0);
        let said = [at, at, at.plus_ms(86_400_000)].map(|at| store.first_of_day("a", at).unwrap());
        assert_eq!(said, [true, false, true]);
        assert!(store.first_of_day("b", at).unwrap());
    }
}
