//! See `wire::gemini`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::wire::gemini(data));
