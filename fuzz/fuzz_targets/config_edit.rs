//! See `settings::config_edit`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::settings::config_edit(data));
