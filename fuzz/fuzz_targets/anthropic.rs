//! See `wire::anthropic`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::wire::anthropic(data));
