//! See `stored::cache_row`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::stored::cache_row(data));
