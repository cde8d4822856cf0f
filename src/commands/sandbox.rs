//! `llmr sandbox`, and `--sandbox` of every other command: providers of llmr's own on loopback.

use std::path::PathBuf;

use crate::catalogue;
use crate::cli::{self, Global};
use crate::commands::{Context, runtime};
use crate::config::{Config, Paths};
use crate::error::{Error, Kind, Result};
use crate::output::{Align, Table, Terminal, units};
use crate::router::interrupted;
use crate::sandbox::{self, Bill, Sandbox, SandboxOptions, SandboxProvider, Script};
use crate::types::{Mode, Timestamp};

/// How many requests a sandbox of its own process remembers: none, nobody looks at them.
const REMEMBERED: usize = 0;

/// What every rehearsal says of itself, in JSON as a warning.
pub const NOTE: &str = "sandbox: llmr's own providers answer on loopback, no model is asked, no money is spent";

/// How long the sandbox of another process may take to accept a connection: on loopback it is there or it is not.
const ACCEPT_MS: u64 = 1_000;

/// Where the rehearsed providers of a command listen.
pub enum Rehearsal {
    /// Nowhere: the command sends nothing.
    Nowhere,
    /// In another process.
    Elsewhere,
    /// Here, until the command ends.
    Here(Sandbox),
}

/// Turns the settings into those of a rehearsal: the sandbox's providers in place of the user's own, a
/// database of their own, no proxies.
pub fn rehearse(config: &mut Config, global: &Global) -> Result<()> {
    let address = global.sandbox.as_deref().filter(|value| cli::is_address(value)).unwrap_or("127.0.0.1:0");
    script(global)?;
    point_at(config, address);
    (config.paths.database, config.paths.history_file) = state(&config.paths);
    config.proxies = crate::config::Proxies::default();
    // Nobody is to be woken up by a rehearsal.
    config.alerts = crate::config::Alerts { on: config.alerts.on.clone(), ..crate::config::Alerts::default() };
    Ok(())
}

/// Where rehearsals keep what they need: the database, and what was typed into the chat editor.
pub fn state(paths: &Paths) -> (PathBuf, PathBuf) {
    (paths.database.with_file_name("llmr-sandbox.db"), paths.history_file.with_file_name("chat_history-sandbox"))
}

/// Starts what a command that sends needs.
pub fn start(context: &mut Context) -> Result<Rehearsal> {
    let Some(value) = context.global.sandbox.clone() else { return Ok(Rehearsal::Nowhere) };
    context.messages.note(NOTE);
    if cli::is_address(&value) {
        return if listens(&value) { Ok(Rehearsal::Elsewhere) } else { Err(nobody_listens(&value)) };
    }
    let options = options(script(&context.global)?, 0, 1.0, context.now());
    let sandbox = Sandbox::start_on_thread(options).map_err(|e| cannot_listen(0, &e))?;
    point_at(&mut context.config, &sandbox.addr().to_string());
    Ok(Rehearsal::Here(sandbox))
}

fn listens(address: &str) -> bool {
    use std::net::{TcpStream, ToSocketAddrs};
    let wait = std::time::Duration::from_millis(ACCEPT_MS);
    address.to_socket_addrs().is_ok_and(|mut all| all.any(|to| TcpStream::connect_timeout(&to, wait).is_ok()))
}

fn nobody_listens(address: &str) -> Error {
    let port = address.rsplit_once(':').map_or("0", |(_, port)| port);
    Error::new(Kind::Unavailable, format!("no sandbox listens on {address}"))
        .hint(format!("start one in another terminal: llmr sandbox --port {port}"))
}

/// The providers that faults were ordered for, in the order of the script; none without faults.
pub fn faulty(global: &Global) -> Vec<&str> {
    let script = global.sandbox.as_deref().filter(|value| !cli::is_address(value)).unwrap_or_default();
    script.split(',').filter_map(|step| step.split_once('=')).map(|(name, _)| name).collect()
}

/// Runs `llmr sandbox`.
pub fn run(context: &mut Context, args: &cli::Sandbox) -> Result<()> {
    if !(args.delay.is_finite() && args.delay >= 0.0) {
        return Err(Error::new(Kind::Usage, format!("--delay {} is not a factor from 0", args.delay)));
    }
    let script = Script::parse(&args.faults, &names())?;
    let options = options(script, args.port, args.delay, context.now());
    let sandbox = Sandbox::start_on_thread(options).map_err(|e| cannot_listen(args.port, &e))?;
    let address = sandbox.addr();
    context.messages.note(&format!("llmr's own providers listen on {address}; no model is asked"));
    context.messages.hint(&format!("in another terminal: llmr ask --sandbox={address} \"hello\""));
    context.messages.hint(&format!("the bill: http://{address}/bill, or Ctrl-C here"));
    runtime()?.block_on(async { interrupted().await });
    context.printer.print(&sandbox.bill(), bill)
}

fn options(script: Script, port: u16, speed: f64, now: Timestamp) -> SandboxOptions {
    SandboxOptions {
        port,
        script,
        providers: providers(),
        speed,
        started_at: now,
        keep_requests: REMEMBERED,
        ..SandboxOptions::default()
    }
}

/// The sandbox's providers at the catalogue's prices, so that its bill and the ledger can be compared.
fn providers() -> Vec<SandboxProvider> {
    let mut providers = SandboxProvider::built_in();
    for provider in &mut providers {
        if let Some(pricing) = catalogue::find(&provider.name, &provider.model).and_then(catalogue::ModelRow::pricing) {
            provider.pricing = pricing;
        }
    }
    providers
}

fn names() -> Vec<&'static str> {
    vec!["openai", "anthropic", "gemini", "cohere"]
}

fn script(global: &Global) -> Result<Script> {
    let value = global.sandbox.as_deref().filter(|value| !cli::is_address(value)).unwrap_or_default();
    Script::parse(value, &names())
}

fn point_at(config: &mut Config, address: &str) {
    let sandboxed = providers();
    let rehearsed = sandboxed.iter().filter_map(|provider| {
        let own = config.provider(&provider.name)?;
        Some(own.rehearsed(sandbox::base_url(address, provider), &provider.model))
    });
    config.providers = rehearsed.collect();
    config.settings.mode = match config.settings.mode {
        Mode::Shadow => Mode::Shadow,
        _ => Mode::Production,
    };
}

fn cannot_listen(port: u16, error: &std::io::Error) -> Error {
    Error::new(Kind::Other, format!("the sandbox cannot listen on 127.0.0.1:{port}: {error}"))
        .hint("take another --port, or 0 for any free one")
}

fn bill(bill: &Bill, terminal: &Terminal) -> String {
    let mut table = Table::new(&[
        ("provider", Align::Left),
        ("requests", Align::Right),
        ("billed", Align::Right),
        ("tokens in", Align::Right),
        ("out", Align::Right),
        ("cost", Align::Right),
    ]);
    for row in &bill.providers {
        table.row([
            row.provider.clone(),
            units::tokens(row.requests),
            units::tokens(row.billed_requests),
            units::tokens(row.usage.prompt_tokens()),
            units::tokens(row.usage.completion_tokens()),
            units::usd(row.cost_usd),
        ]);
    }
    format!("{}would have cost {}\n", table.render(terminal), units::usd(bill.cost_usd))
}
