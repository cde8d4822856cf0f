//! The `llmr` binary: parse, make the host, run, return the exit code.

use std::process::ExitCode;

use llmr::host::Host;

fn main() -> ExitCode {
    ExitCode::from(match llmr::parse(std::env::args_os()) {
        Ok(cli) => llmr::run(cli, Host::real()),
        Err(code) => code,
    })
}
