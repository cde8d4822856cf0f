//! See `settings::foreign_env`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::settings::foreign_env(data));
