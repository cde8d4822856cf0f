//! End to end: the real binary, real sockets on loopback, a real database in a folder of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod audit;
mod cache;
mod common;
mod dry_run;
mod failover;
mod hostile_folder;
mod html_report;
mod kill;
mod listener;
mod money;
mod parallel;
mod reports;
mod settings;
mod stats;
mod stdio;
mod terminal;
mod wire;
