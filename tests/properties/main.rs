//! Properties: what holds for every input, tried on many random ones beside a plain model.
//!
//! Every run tries the same cases, so that a failure is repeated by running it again; it prints the smallest case that
//! it found. Others and more: `PROPTEST_RNG_SEED=7 PROPTEST_CASES=2560 cargo test --test properties` (ten times as
//! many of each). A case that once failed stands below its property as an ordinary test; nothing is kept in files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod breaker;
mod budget;
mod cache;
mod config_edit;
mod facts;
mod framing;
mod ledger;
mod money;
mod plan;
mod pricing;
mod rate;
mod redact;
mod split;
mod store;
mod streams;
mod terminal;
mod time;
mod wait;
mod walk;
mod writers;

use proptest::test_runner::{Config, RngSeed};

/// The seed of every property, unless `PROPTEST_RNG_SEED` says another.
const SEED: u64 = 20_261_121;

/// So many cases, or as many times more as `PROPTEST_CASES` is more than its usual 256.
fn cases(usual: u32) -> Config {
    let asked = Config::default();
    let rng_seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(SEED),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    let cases = usual.saturating_mul(asked.cases).div_ceil(256).max(1);
    // A failure is told soon, if need be with a longer case than the shortest.
    Config { cases, rng_seed, failure_persistence: None, max_shrink_iters: 4096, max_shrink_time: 20_000, ..asked }
}
