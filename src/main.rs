//! The `llmr` binary: parse, make the host, run, return the exit code.

use std::process::ExitCode;

use llmr::host::Host;

fn main() -> ExitCode {
    llmr::host::keep_private();
    llmr::app::bug::end_plainly();
    if asked_to_complete() {
        return ExitCode::from(llmr::complete::answer(std::env::args_os()));
    }
    ExitCode::from(match llmr::parse(std::env::args_os()) {
        Ok(cli) => llmr::run(cli, Host::real()),
        Err(code) => code,
    })
}

/// Whether a shell asks what may be typed next.
#[expect(clippy::disallowed_methods, reason = "asked before there is a host, on every start")]
fn asked_to_complete() -> bool {
    std::env::var_os(llmr::complete::VARIABLE).is_some_and(|shell| !shell.is_empty())
}
