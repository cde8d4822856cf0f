//! See `asked::batch_lines`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| llmr_fuzz::asked::batch_lines(data));
