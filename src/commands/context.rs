//! What a command may need, each part made when it is first asked for.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::cache::Sealer;
use crate::cli::Global;
use crate::commands::alerts::Deliveries;
use crate::config::{self, Config};
use crate::engine::draw;
use crate::error::{Error, Kind, Result};
use crate::host::{self, Host};
use crate::output::json::{self, Layout};
use crate::output::{Level, Messages, Redactor, Terminal, line, sanitize, stdout};
use crate::router::{Router, asked_to_stop};
use crate::store::{FirstSeed, Store, StoreOptions, Waiting};
use crate::transport::Network;
use crate::types::{Limit, Secret, Timestamp, whole_ms};

/// How long a process waits for others' locks on the database, in milliseconds.
const BUSY_TIMEOUT_MS: u32 = 15_000;

/// Where messages go.
pub type Stderr = Messages<io::Stderr>;

/// The surroundings of one command.
pub struct Context {
    /// Environment, clock, process.
    pub host: Host,
    /// Settings.
    pub config: Config,
    /// Flags that every command takes.
    pub global: Global,
    /// Where reports go.
    pub printer: Printer,
    /// What is said on stderr.
    pub messages: Stderr,
    /// Keeps keys out of texts.
    pub redactor: Redactor,
    /// What was warned of, each thing once; in JSON it stands in the result.
    pub warned: Vec<String>,
    /// Alerts on their way; waited for when everything else is done.
    pub deliveries: Deliveries,
}

impl Context {
    /// Reads the settings; with every value and its source where those are shown. Fails with exit code 2 on any that
    /// cannot be used.
    pub fn load(host: Host, global: Global, shows_settings: bool) -> Result<Self> {
        let (config_path, profile) = (global.config.clone(), global.profile.clone());
        let mut config = config::load(&host, &config::Flags { config_path, profile, rows: shows_settings })?;
        if global.sandbox.is_some() {
            super::sandbox::rehearse(&mut config, &global)?;
        }
        let secrets: Vec<_> = config.secrets();
        let redactor = Redactor::new(&secrets);
        let printer = Printer::new(&host, &global);
        let messages = Messages::new(io::stderr(), &printer.terminal, level(&global), redactor.clone());
        let (warned, deliveries) = (Vec::new(), Deliveries::default());
        let mut context = Self { host, config, global, printer, messages, redactor, warned, deliveries };
        for warning in context.config.warnings.clone() {
            context.warn(&warning);
        }
        if context.config.settings.budget.tight.is_some() {
            let store = context.store_for_reading()?;
            context.limit(store.limit_at_opening())?;
        }
        Ok(context)
    }

    /// Whether results are JSON.
    pub fn json(&self) -> bool {
        self.global.json
    }

    /// How much is said on stderr; nothing but errors beside JSON.
    pub fn level(&self) -> Level {
        level(&self.global)
    }

    /// A second writer of messages, for a listener.
    pub fn stderr(&self) -> Stderr {
        self.stderr_at(self.level())
    }

    /// The same that says so much.
    pub fn stderr_at(&self, level: Level) -> Stderr {
        Messages::new(io::stderr(), &self.printer.terminal, level, self.redactor.clone())
    }

    /// Says a warning, once.
    pub fn warn(&mut self, text: &str) {
        let text = self.redactor.redact(text);
        if !self.warned.contains(&text) {
            self.messages.warning(&text);
            self.warned.push(text);
        }
    }

    fn store_options(&self) -> StoreOptions {
        StoreOptions {
            busy_timeout_ms: BUSY_TIMEOUT_MS,
            me: self.host.me.clone(),
            liveness: host::liveness,
            seed: self.first_seed(),
            waiting: self.waiting(),
        }
    }

    /// Says why nothing happens while another program keeps the database locked, and ends that wait with Ctrl-C.
    fn waiting(&self) -> Waiting {
        let (level, redactor, terminal) = (self.level(), self.redactor.clone(), self.printer.terminal);
        let tell = move |path: &Path| {
            let mut stderr = io::stderr();
            if terminal.stderr && level > Level::Quiet {
                // A spinner may stand there: it draws itself anew below.
                _ = stdout::write_all(&mut stderr, line::AWAY.as_bytes());
            }
            Messages::new(stderr, &terminal, level, redactor.clone())
                .note(&format!("waiting for database {}: another program is using it", path.display()));
        };
        Waiting { tell: Arc::new(tell), stopped: || asked_to_stop().is_some() }
    }

    /// The seed of a database that is not there yet. Of this machine and this path and not a random one, so that a
    /// dry run draws what the first request will draw.
    fn first_seed(&self) -> FirstSeed {
        let (me, path) = (self.host.me.clone(), self.config.paths.database.clone());
        FirstSeed::new(move || {
            let me = me.owner();
            draw::of_name(0, &format!("{} {} {}", me.boot_id, me.pid_namespace, path.display()))
        })
    }

    /// The database, made if it is not there.
    pub fn store(&mut self) -> Result<Store> {
        let store = Store::open(&self.config.paths.database, self.store_options())?;
        for warning in store.warnings() {
            self.warn(warning);
        }
        Ok(store)
    }

    /// The database if it is there, else an empty one in memory: looking leaves no file behind, and does without
    /// writing where the disk is full or cannot be written.
    pub fn store_for_reading(&self) -> Result<Store> {
        let options = self.store_options();
        match Store::open_to_read(&self.config.paths.database, options.clone())? {
            Some(store) => Ok(store),
            None => Ok(Store::in_memory(options)?),
        }
    }

    /// The database of rehearsals, if it is there; none in a rehearsal itself, whose own it is.
    pub fn store_of_rehearsals(&self) -> Result<Option<Store>> {
        let (database, _) = super::sandbox::state(&self.config.paths);
        match database == self.config.paths.database {
            true => Ok(None),
            false => Ok(Store::open_to_read(&database, self.store_options())?),
        }
    }

    /// The day's limit and where it comes from, where this is what `budget set` has recorded.
    pub fn limit(&self, set: Option<Limit>) -> Result<(Limit, String)> {
        self.config.settings.check_tight(set)?;
        Ok(self.config.settings.limit(set))
    }

    /// The router over the real database.
    pub fn router(&mut self) -> Result<Router<'_>> {
        let store = self.store();
        self.router_over(store, Self::sealer)
    }

    /// One more router over the real database, for a request beside another one. What there is to warn of was said
    /// when the first one was made.
    pub fn another_router(&self) -> Result<Router<'_>> {
        let store = Store::open(&self.config.paths.database, self.store_options())?;
        let (limit, _) = self.limit(store.limit_at_opening())?;
        let sealer = self.config.settings.cache.enabled.then(|| self.sealer()).and_then(Result::ok);
        Ok(self.router_with(store, limit, sealer))
    }

    /// A router that only looks. A database that stops a request stops its rehearsal, too.
    pub fn router_without_writing(&mut self) -> Result<Router<'_>> {
        let options = self.store_options();
        let store = Store::open_existing(&self.config.paths.database, options.clone());
        let store = store.and_then(|store| store.map_or_else(|| Store::in_memory(options), Ok));
        let store = store.map_err(Error::from);
        self.router_over(store, Self::sealer_for_reading)
    }

    /// A database that cannot be used stops a request, unless there is no budget; a cache that cannot be used
    /// stops nothing.
    fn router_over(&mut self, store: Result<Store>, sealer: fn(&Self) -> Result<Sealer>) -> Result<Router<'_>> {
        let opened = store.and_then(|store| {
            let (limit, _) = self.limit(store.limit_at_opening())?;
            if limit == Limit::Off {
                // Nothing stops such a request: a database in which the day's money is damaged is done without from the
                // beginning. Where there is a limit, that is found when the money is reckoned.
                store.budget_day(self.now())?;
            }
            Ok((store, limit))
        });
        let (store, limit) = match opened {
            Err(error) if error.kind == Kind::Store && self.config.settings.limit(None).0 == Limit::Off => {
                self.warn(&format!("nothing will be recorded: {error}"));
                (Store::in_memory(self.store_options())?, Limit::Off)
            }
            opened => opened?,
        };
        let sealer = self.config.settings.cache.enabled.then(|| sealer(self)).transpose();
        let sealer = sealer.unwrap_or_else(|error| {
            self.warn(&format!("the cache is off: {error}"));
            None
        });
        Ok(self.router_with(store, limit, sealer))
    }

    fn router_with(&self, store: Store, limit: Limit, sealer: Option<Sealer>) -> Router<'_> {
        Router {
            host: &self.host,
            config: &self.config,
            store,
            limit,
            sealer,
            redactor: self.redactor.clone(),
            network: self.network(),
            client: None,
            warned: self.warned.clone(),
            purse: None,
        }
    }

    /// What seals cache entries.
    pub fn sealer(&self) -> Result<Sealer> {
        Ok(Sealer::new(config::hmac_key(&self.config)?.expose()))
    }

    /// What tells entries apart without making a key: where there is none yet, every entry is foreign.
    pub fn sealer_for_reading(&self) -> Result<Sealer> {
        match config::existing_hmac_key(&self.config)? {
            Some(key) => Ok(Sealer::new(key.expose())),
            None => Ok(Sealer::new(&host::random_bytes::<32>()?)),
        }
    }

    /// How the network is reached.
    pub fn network(&self) -> Network {
        let proxies = &self.config.proxies;
        let exposed = |proxy: &Option<Secret>| proxy.as_ref().map(|p| p.expose().to_owned());
        Network {
            connect_ms: whole_ms(self.config.settings.timeouts.connect_secs),
            https_proxy: exposed(&proxies.https),
            http_proxy: exposed(&proxies.http),
            all_proxy: exposed(&proxies.all),
            no_proxy: proxies.no_proxy.clone(),
            ssl_cert_file: proxies.ssl_cert_file.clone(),
        }
    }

    /// Prints a report: as JSON where that is wanted, else as the text that `render` makes of it.
    pub fn print<R: Serialize>(&self, report: &R, render: impl FnOnce(&R, &Terminal) -> String) -> Result<()> {
        self.printer.print(report, render)
    }

    /// Says something at most once a day, over all processes.
    pub fn warn_once_a_day(&mut self, what: &str, text: Option<String>) -> Result<()> {
        let Some(text) = text else { return Ok(()) };
        let now = self.host.now();
        // Where it cannot be known whether it was said, it is said once more: that is no reason to fail.
        let first = self.store().and_then(|store| Ok(store.first_of_day(what, now)?));
        if first.unwrap_or(true) {
            self.messages.warning(&text);
        }
        Ok(())
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.host.now()
    }
}

/// Where reports go.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    /// Whether as JSON.
    pub json: bool,
    /// What stdout and stderr are.
    pub terminal: Terminal,
}

impl Printer {
    /// As the flags and the terminal want it.
    pub fn new(host: &Host, global: &Global) -> Self {
        Self { json: global.json, terminal: terminal(host, global) }
    }

    /// A report as a terminal may have it, so that no text of one can be forgotten; as it is for all else.
    pub fn harmless(&self, text: String) -> String {
        match self.terminal.stdout {
            true => sanitize::report(&text).into_owned(),
            false => text,
        }
    }

    /// Prints a report: as JSON where that is wanted, else as the text that `render` makes of it.
    pub fn print<R: Serialize>(&self, report: &R, render: impl FnOnce(&R, &Terminal) -> String) -> Result<()> {
        let text = match self.json {
            true => json::render(report, Layout::of(&self.terminal))?,
            false => self.harmless(render(report, &self.terminal)),
        };
        write(&text)
    }
}

/// The runtime of a command that sends: one thread is all that one request needs.
pub fn runtime() -> Result<Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map(|runtime| Runtime(Some(runtime))).map_err(|e| Error::new(Kind::Other, format!("no runtime: {e}")))
}

/// A runtime whose end waits for nothing: a name that is still being looked up does not hold up Ctrl-C.
pub struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Runs a future to its end. Only a runtime that was dropped has nothing to run it on.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output
    where
        F::Output: Sized,
    {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("a runtime is only taken out when it is dropped"),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Writes to stdout. A closed pipe ends the process quietly.
pub fn write(text: &str) -> Result<()> {
    match stdout::write_all(&mut stdout::stdout(), text.as_bytes()) {
        Ok(crate::output::Wrote::All) => Ok(()),
        Ok(crate::output::Wrote::Closed) => Err(Error::new(Kind::Closed, "")),
        Err(error) => Err(Error::new(Kind::Other, format!("cannot write to standard output: {error}"))),
    }
}

/// How much is said on stderr; nothing but errors beside JSON.
pub(super) fn level(global: &Global) -> Level {
    match (global.quiet || global.json, global.verbose) {
        (true, _) => Level::Quiet,
        (_, true) => Level::Verbose,
        _ => Level::Normal,
    }
}

/// `--color`, then `NO_COLOR`, `CLICOLOR_FORCE` and `TERM=dumb`, then whether it is a terminal.
fn terminal(host: &Host, global: &Global) -> Terminal {
    let set = |name: &str| host.env.get(name).filter(|v| !v.is_empty());
    let dumb = set("TERM").is_some_and(|t| t == "dumb");
    let color = |is_terminal: bool| match global.color.as_str() {
        "always" => true,
        "never" => false,
        _ if set("NO_COLOR").is_some() => false,
        _ if set("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
        _ => is_terminal && !dumb,
    };
    Terminal {
        stdout: host.stdout_terminal,
        stderr: host.stderr_terminal && !dumb,
        width: host.width,
        stdout_color: color(host.stdout_terminal),
        stderr_color: color(host.stderr_terminal),
        utf8: utf8(host),
    }
}

/// Whether the locale can show more than ASCII; an unset one is taken for UTF-8, as most systems are.
fn utf8(host: &Host) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|v| host.env.get(*v).filter(|v| !v.is_empty()));
    locale.is_none_or(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dumb_terminal_gets_neither_colours_nor_what_moves() {
        for (term, drawn) in [("xterm", true), ("", true), ("dumb", false)] {
            let mut host = Host::from_env([("TERM", term)], "/");
            (host.stdout_terminal, host.stderr_terminal) = (true, true);
            let auto = Global { color: "auto".to_owned(), ..Global::default() };
            let terminal = terminal(&host, &auto);
            assert_eq!((terminal.stdout, terminal.stderr), (true, drawn), "{term}");
            assert_eq!((terminal.stdout_color, terminal.stderr_color), (drawn, drawn), "{term}");
        }
    }
}
