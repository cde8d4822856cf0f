//! Where the soaked processes live: a home of their own, a folder to work in, and providers that fail by lot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use llmr::sandbox::{Sandbox, SandboxOptions, SandboxProvider, Script};
use llmr::types::{CostSource, DialectKind, NanoUsd, Pricing, Rate, Rates};
use tempfile::TempDir;

use super::Options;

/// What goes wrong, by lot, in percent of each provider's requests; about one request in six meets something.
/// What makes a provider rest for minutes (401, 402) is left out: all of them would soon.
const FAULTS: &[&str] = &[
    "429:0.05%2",
    "429-bare%0.2",
    "500%1.5",
    "503%1",
    "529%1",
    "cut%3",
    "stall%0.15",
    "hang%0.05",
    "slow:0.1%1",
    "malformed%2",
    "error-in-200%1.5",
    "no-usage%1.5",
    "no-end%1",
    "empty%0.5",
    "think%0.5",
    "refuse%0.2",
    "overflow%0.1",
    "400%0.1",
    "403%0.1",
    "404%0.1",
];

/// The settings of every process. Answers of the sandbox are shorter than the output cap, so that only money cuts
/// them; the time limits end what hangs, not what a busy machine
/// keeps waiting; a breaker that opens does so for half a second, because all of this
/// happens within minutes; texts are kept, because the prompt says which request a row belongs to.
const SETTINGS: &str = "\
budget_daily_usd = 5
budget_wait_secs = 0.3
max_output_tokens = 400
log_content = true
[timeouts]
first_byte_secs = 10
idle_secs = 4
[breaker]
open_secs = 0.5
";

/// How long the bill may take to come to rest once nobody asks any more.
const REST: Duration = Duration::from_secs(5);

/// A home, a working folder, and the sandbox.
pub struct Home {
    folder: TempDir,
    program: PathBuf,
    seed: u64,
    /// The providers.
    pub sandbox: Sandbox,
}

impl Home {
    /// An empty one.
    pub fn new(options: &Options) -> Result<Self, Box<dyn std::error::Error>> {
        let providers = providers();
        let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
        let faults: Vec<String> =
            names.iter().flat_map(|name| FAULTS.iter().map(move |fault| format!("{name}={fault}"))).collect();
        let script = Script::parse(&faults.join(","), &names).map_err(|error| error.message)?;
        let sandbox = Sandbox::start_on_thread(SandboxOptions {
            script,
            providers,
            speed: 0.0,
            seed: options.seed,
            keep_requests: usize::MAX,
            ..SandboxOptions::default()
        })?;
        let home = Self {
            folder: tempfile::Builder::new().prefix("llmr-soak-").tempdir()?,
            program: options.program.clone(),
            seed: options.seed,
            sandbox,
        };
        home.furnish()?;
        Ok(home)
    }

    fn furnish(&self) -> io::Result<()> {
        for name in ["home", "work"] {
            private(&self.folder.path().join(name), |path| fs::create_dir(path), 0o700)?;
        }
        let rows = self.sandbox.providers().iter().zip(1..).map(|(provider, priority)| self.row(provider, priority));
        let config = format!("{SETTINGS}{}", rows.collect::<String>());
        private(&self.folder.path().join("home/config.toml"), |path| fs::write(path, &config), 0o600)
    }

    /// A provider in `config.toml`, at the price that it bills.
    fn row(&self, provider: &SandboxProvider, priority: usize) -> String {
        let SandboxProvider { name, dialect, model, pricing, .. } = provider;
        let (dialect, url) = (dialect.name(), self.sandbox.base_url(name).unwrap_or_default());
        let (input, output) = (pricing.rates.input.as_usd_per_mtok(), pricing.rates.output.as_usd_per_mtok());
        format!(
            "[[provider]]\nname = \"{name}\"\ndialect = \"{dialect}\"\nbase_url = \"{url}\"\napi_key_env = \"SOAK_KEY\"\n\
             priority = {priority}\nmodels = [\"{model}\"]\n\
             input_usd_per_mtok = {input}\noutput_usd_per_mtok = {output}\n"
        )
    }

    /// `llmr` with these arguments, not yet run: its standard input is empty, the rest are pipes.
    pub fn command(&self, args: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env_clear().current_dir(self.work());
        command.env("LLMR_HOME", self.folder.path().join("home"));
        command.env("LLMR_SEED", self.seed.to_string()).env("SOAK_KEY", "test-key");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Where batches find their prompts.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("home/llmr.db")
    }

    /// Its write-ahead log.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("home/llmr.db-wal")
    }

    /// What the providers have billed, once that has come to rest: who went away in the middle of an answer is
    /// noticed a moment later.
    pub fn billed(&self) -> NanoUsd {
        let late = Instant::now() + REST;
        let mut before = self.sandbox.bill().cost_usd;
        loop {
            std::thread::sleep(Duration::from_millis(30));
            let now = self.sandbox.bill().cost_usd;
            if now == before || Instant::now() > late {
                return now;
            }
            before = now;
        }
    }
}

/// Two providers of each dialect, each at a price of its own.
fn providers() -> Vec<SandboxProvider> {
    let row = |name, dialect, rates: [&'static str; 2]| {
        let [input, output] = rates.map(Rate::usd_per_mtok);
        let pricing = Pricing::plain(Rates::new(input, output), CostSource::Config);
        SandboxProvider::new(name, dialect, &format!("{name}-1"), pricing)
    };
    vec![
        row("alpha", DialectKind::Openai, ["0.10", "0.50"]),
        row("beta", DialectKind::Anthropic, ["0.11", "0.47"]),
        row("gamma", DialectKind::Gemini, ["0.13", "0.53"]),
        row("delta", DialectKind::Cohere, ["0.0375", "0.61"]),
        row("epsilon", DialectKind::Openai, ["0.0703", "0.559"]),
        row("zeta", DialectKind::Anthropic, ["0.25", "0.431"]),
        row("eta", DialectKind::Gemini, ["0.19", "0.4999"]),
        row("theta", DialectKind::Cohere, ["0.3", "0.4"]),
    ]
}

/// Makes something that only its owner may read.
fn private(path: &Path, make: impl Fn(&Path) -> io::Result<()>, mode: u32) -> io::Result<()> {
    make(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = mode;
    Ok(())
}
