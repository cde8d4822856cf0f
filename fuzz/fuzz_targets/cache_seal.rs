//! See `stored::cache_seal`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::stored::cache_seal(data));
