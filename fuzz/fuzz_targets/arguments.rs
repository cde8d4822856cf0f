//! See `asked::arguments`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::asked::arguments(data));
