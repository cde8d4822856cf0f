//! What is fuzzed: one plain function for each target, which panics when a property does not hold.
//!
//! `fuzz_targets/NAME.rs` hands a function what the fuzzer comes up with. `tests/fuzz_corpus.rs` of the main crate
//! includes this file and hands the same functions what is kept in `corpus/NAME/`, with the stable toolchain and in
//! every test run. So only `llmr`, `serde_json` and the standard library are used here.

pub mod asked;
pub mod brought;
pub mod feed;
pub mod report;
pub mod settings;
pub mod stored;
pub mod terminal;
pub mod wire;

/// A target's function.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its file and of its corpus folder.
pub const TARGETS: &[(&str, Target)] = &[
    ("aichat", brought::aichat),
    ("anthropic", wire::anthropic),
    ("arguments", asked::arguments),
    ("batch_lines", asked::batch_lines),
    ("cache_row", stored::cache_row),
    ("cache_seal", stored::cache_seal),
    ("code_block", report::code_block),
    ("cohere", wire::cohere),
    ("config", settings::config),
    ("config_edit", settings::config_edit),
    ("csv", report::csv),
    ("dotenv", settings::dotenv),
    ("failure", wire::failure),
    ("foreign_env", settings::foreign_env),
    ("gemini", wire::gemini),
    ("gob", brought::gob),
    ("html", report::html),
    ("listing", wire::listing),
    ("llm", brought::llm),
    ("llm_log", brought::llm_log),
    ("markdown", terminal::markdown),
    ("mods", brought::mods),
    ("numbers", asked::numbers),
    ("openai", wire::openai),
    ("redactor", terminal::redactor),
    ("sanitizer", terminal::sanitizer),
    ("schema", asked::schema),
    ("sse", wire::sse),
    ("template", settings::template),
    ("think", wire::think),
    ("wait", wire::wait),
];
