//! Decisions: pure functions over plain data. No I/O, no clock, no async; imports `types` alone.

pub mod breaker;
pub mod health;
