//! llmr: sends a prompt to the best of many providers, inside a daily budget that holds.
//!
//! # The map
//!
//! [`cli`] says what was asked; [`commands`] make a plain request of it. The [`router`] is the only place that
//! decides *and* acts: it reads facts from [`store`], [`config`] and [`catalogue`], hands them to the [`engine`]
//! (pure functions over plain data), gets a plan, and walks it: hold money, send through [`transport`], show,
//! settle in one transaction. A dry run prints the plan and stops. [`providers`] turn a request into HTTP and
//! HTTP into an answer, for one vendor's wire format each, and touch no network. The [`sandbox`] speaks the same
//! formats from the other side.
//!
//! Imports go down only: [`types`], [`cli`] · [`error`] · [`engine`], [`providers`], [`catalogue`], [`output`],
//! [`input`], [`host`] · [`transport`], [`store`], [`config`], [`sandbox`] · [`cache`], [`schema`] · [`router`] · [`conversation`] ·
//! [`commands`] · [`app`] · this file.
//!
//! # What always holds
//!
//! - Money is integer nano-dollars. An attempt is sent only after its worst case is held, in one transaction
//!   that checks the limit; it is settled in one transaction with its ledger row.
//! - Clock, seed and environment are read by [`host`] alone; every decision is a function of recorded facts.
//! - Nothing fails over after the first text has reached the user.
//! - Only whole answers that ended because they were done are cached, and only verified ones are served.

pub mod app;
pub mod cache;
pub mod catalogue;
pub mod cli;
pub mod commands;
pub mod config;
pub mod conversation;
pub mod engine;
pub mod error;
pub mod host;
pub mod input;
pub mod output;
pub mod providers;
pub mod router;
pub mod sandbox;
pub mod schema;
pub mod store;
pub mod transport;
pub mod types;

pub use app::complete;
pub use app::run;
pub use app::usage::parse;
