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
mod cache_key;
mod chat;
mod check;
mod clock;
mod common;
mod conversations;
mod corrupt;
mod dry_run;
mod embed;
mod escapes;
mod exports;
mod failover;
mod fault_matrix;
mod files;
mod forget;
mod full_disk;
mod hedge;
mod hostile_folder;
mod html_report;
mod images;
mod import;
mod instructions;
mod kill;
mod links;
mod listener;
mod locked;
mod long;
mod modes;
mod money;
mod parallel;
mod profiles;
mod rates;
mod read_only;
mod rendering;
mod reports;
mod schema;
mod secrets;
mod select;
mod settings;
mod simulate;
mod stats;
mod stdio;
mod strange_files;
mod strangers;
mod templates;
mod terminal;
mod threat_model;
mod tiers;
mod wire;
