//! See `brought::llm_log`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::brought::llm_log(data));
