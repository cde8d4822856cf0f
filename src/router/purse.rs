//! What several requests of one process may cost together: the `--max-cost` of a batch.
//!
//! The day's limit is checked in the database, because it is everybody's. This bound is one process's own, and that
//! has one thread: counting here is as exact, and costs nobody else a look into the database.

use std::cell::Cell;

use crate::types::NanoUsd;

/// Money that several requests share.
#[derive(Debug)]
pub struct Purse {
    cap: NanoUsd,
    spent: Cell<NanoUsd>,
    held: Cell<NanoUsd>,
}

impl Purse {
    /// One of this size, of which so much was spent before.
    pub fn new(cap: NanoUsd, spent: NanoUsd) -> Self {
        Self { cap, spent: Cell::new(spent), held: Cell::default() }
    }

    /// Its size.
    pub fn cap(&self) -> NanoUsd {
        self.cap
    }

    /// What attempts have cost, those of earlier runs too.
    pub fn spent(&self) -> NanoUsd {
        self.spent.get()
    }

    /// What is held for attempts under way.
    pub fn held(&self) -> NanoUsd {
        self.held.get()
    }

    /// Holds so much, if it fits. What is free always does.
    pub fn hold(&self, amount: NanoUsd) -> bool {
        let fits = amount == NanoUsd::ZERO || self.spent() + self.held() + amount <= self.cap;
        if fits {
            self.held.set(self.held() + amount);
        }
        fits
    }

    /// Gives back what was held, and takes what it cost.
    pub fn settle(&self, held: NanoUsd, cost: NanoUsd) {
        self.held.set(self.held().saturating_sub(held));
        self.spent.set(self.spent() + cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_overdrawn_by_a_hold_and_tells_the_truth_of_a_cost() {
        let purse = Purse::new(NanoUsd(100), NanoUsd(30));
        assert!(purse.hold(NanoUsd(50)) && purse.hold(NanoUsd(20)));
        assert!(!purse.hold(NanoUsd(1)) && purse.hold(NanoUsd::ZERO));
        purse.settle(NanoUsd(50), NanoUsd(10));
        assert_eq!((purse.spent(), purse.held()), (NanoUsd(40), NanoUsd(20)));
        assert!(!purse.hold(NanoUsd(41)) && purse.hold(NanoUsd(40)));
        purse.settle(NanoUsd(40), NanoUsd(90));
        assert_eq!(purse.spent(), NanoUsd(130), "a vendor may bill more than its worst case");
        assert!(!purse.hold(NanoUsd(1)));
    }
}
