//! One verb a file: arguments into a plain request, a call, a report, output. No decisions.

pub mod alerts;
pub mod answer;
pub mod ask;
pub mod batch;
pub mod budget;
pub mod cache;
pub mod chat;
pub mod classify;
pub mod config;
mod context;
pub mod dry_run;
pub mod embed;
pub mod forget;
pub mod import;
pub mod log;
pub mod long;
pub mod models;
pub mod providers;
mod question;
pub mod rate;
pub mod sandbox;
pub mod select;
mod side_by_side;
pub mod simulate;
pub mod stats;
pub mod template;

pub use context::{Context, Printer, Runtime, Stderr, runtime, write};
