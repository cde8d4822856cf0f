//! Decisions: pure functions over plain data. No I/O, no clock, no async; imports `types` alone.

pub mod attempt;
pub mod belief;
pub mod breaker;
pub mod budget;
pub mod chance;
pub mod draw;
pub mod estimate;
pub mod facts;
pub mod images;
pub mod long;
pub mod math;
pub mod plan;
pub mod policy;
pub mod rate;
pub mod retrieval;
pub mod retry;
pub mod score;
pub mod tiers;
pub mod tuning;
