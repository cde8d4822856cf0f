//! End to end: the real binary, real sockets on loopback, a real database in a folder of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod alerts;
mod audit;
mod batch;
mod cache;
mod chat;
mod check;
mod common;
mod conversations;
mod dry_run;
mod failover;
mod files;
mod forget;
mod hostile_folder;
mod html_report;
mod images;
mod import;
mod kill;
mod listener;
mod money;
mod parallel;
mod profiles;
mod rates;
mod rendering;
mod reports;
mod schema;
mod settings;
mod stats;
mod stdio;
mod templates;
mod terminal;
mod wire;
