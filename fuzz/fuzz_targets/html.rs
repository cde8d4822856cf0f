//! See `report::html`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::report::html(data));
