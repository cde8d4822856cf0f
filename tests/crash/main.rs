//! Processes that are ended at any moment, while others work on the same database: afterwards nothing is lost,
//! nothing is charged twice, the budget was never passed, and everybody goes on.
//!
//! A **round** is one database, one sandbox whose providers fail by a script, and several processes of which most
//! are killed. What is left is checked three times: on a copy, before any other llmr has touched it; after the next
//! process; and after everything that was interrupted was taken up again. The checks read SQL and the sandbox's
//! bill, not llmr's own reports.
//!
//! A few hundred kills by default; more with `LLMR_CRASHES=5000 cargo test --release --test crash -- --nocapture`.
//! `LLMR_CRASH_SEED` chooses who is killed when (the moments are the machine's all the same), `LLMR_CRASH_ROUND`
//! repeats one round alone.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "../it/common/mod.rs"]
mod common;

mod campaign;
mod database;
mod deeds;
mod going_on;
mod lots;
mod migrating;
mod mixed;
mod money;
mod part;
mod process;
mod sums;
mod tally;
mod terminal;
mod whole;

#[test]
fn nothing_is_lost_whoever_is_killed_whenever() {
    campaign::run(&campaign::Orders::from_environment());
}
