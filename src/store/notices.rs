//! What is said at most once a day.

use rusqlite::named_params;

use super::columns::run;
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
