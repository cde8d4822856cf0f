//! The `llmr` binary: parse, make the host, run, return the exit code.

use std::process::ExitCode;

use clap::Parser;
use llmr::cli::{Cli, normalise};
use llmr::host::Host;

fn main() -> ExitCode {
    let args = normalise(std::env::args_os());
    match Cli::try_parse_from(args) {
        Ok(cli) => ExitCode::from(llmr::run(cli, Host::real())),
        Err(error) => {
            // Help and version go to stdout and end well; the rest is wrong usage. Nobody is left to be
            // told when that cannot be printed.
            _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}
