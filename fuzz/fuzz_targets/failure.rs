//! See `wire::failure`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::wire::failure(data));
