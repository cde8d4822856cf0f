//! Homes to measure in: settings, a `.env`, and a database with as many rows as wanted.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::measure::Command;

/// The model that is asked.
pub const MODEL: &str = "gpt-6-luna";

/// Providers whose key is set where fifteen take part.
const FIFTEEN: [&str; 15] = [
    "OPENAI",
    "ANTHROPIC",
    "DEEPSEEK",
    "MISTRAL",
    "GEMINI",
    "XAI",
    "OPENROUTER",
    "GROQ",
    "TOGETHER",
    "PERPLEXITY",
    "COHERE",
    "AI21",
    "BLACKBOX",
    "CEREBRAS",
    "FIREWORKS",
];

/// A folder for `LLMR_HOME`, and the program that is run in it.
pub struct Home {
    folder: PathBuf,
    llmr: PathBuf,
}

impl Home {
    /// A home whose one provider is the server at this address, below this path.
    pub fn of_server(folder: &Path, llmr: &Path, base: &str) -> Result<Self, Box<dyn Error>> {
        let env = format!("OPENAI_API_KEY=loopback\nOPENAI_MODEL={MODEL}\nOPENAI_BASE_URL={base}\n");
        Self::new(folder, llmr, &env)
    }

    /// The same for a model whose window and answers have no end, and that costs nothing.
    pub fn of_endless(folder: &Path, llmr: &Path, base: &str) -> Result<Self, Box<dyn Error>> {
        let home = Self::new(folder, llmr, "")?;
        let row = format!(
            "[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"{base}\"\nmodels = [\"{MODEL}\"]\n\
             input_usd_per_mtok = 0.0\noutput_usd_per_mtok = 0.0\n[[provider.model]]\nid = \"{MODEL}\"\n\
             context_tokens = 1000000000\nmax_output_tokens = 1000000000\n"
        );
        fs::write(folder.join("config.toml"), row)?;
        Ok(home)
    }

    /// A home in which fifteen providers take part.
    pub fn of_fifteen(folder: &Path, llmr: &Path) -> Result<Self, Box<dyn Error>> {
        let env: String = FIFTEEN.iter().map(|name| format!("{name}_API_KEY=loopback\n")).collect();
        Self::new(folder, llmr, &format!("{env}BLACKBOX_MODEL=blackbox\n"))
    }

    fn new(folder: &Path, llmr: &Path, env: &str) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let home = Self { folder: folder.to_owned(), llmr: llmr.to_owned() };
        fs::write(folder.join(".env"), env)?;
        fs::write(folder.join("config.toml"), "budget_daily_usd = 1000\nstrategy = \"cheapest\"\n")?;
        // As llmr makes them itself: looser ones would be warned of.
        for (path, mode) in
            [(folder.to_owned(), 0o700), (folder.join(".env"), 0o600), (folder.join("config.toml"), 0o600)]
        {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        }
        Ok(home)
    }

    /// `llmr` with these words.
    pub fn llmr(&self, args: &[&str]) -> Command {
        Command::new(&self.llmr, args, &self.folder).env("LLMR_HOME", self.folder.display())
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("llmr.db")
    }

    /// Fills an empty ledger. In plain SQL, so that ten million rows take minutes and not hours.
    pub fn fill(&self, rows: u64) -> Result<(), Box<dyn Error>> {
        self.llmr(&["budget", "set", "1000"]).time()?;
        let database = Connection::open(self.database())?;
        database.pragma_update(None, "synchronous", "off")?;
        database.execute_batch(&format!("BEGIN; {}; COMMIT;", ROWS.replace("ROWS", &rows.to_string())))?;
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Where a server's API begins.
pub fn base(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{address}/v1")
}

/// `ROWS` requests of the last sixty days, each with an attempt, of four candidates and two tags, and every sum that follows.
const ROWS: &str = "
    CREATE TEMP TABLE four AS SELECT 0 AS k, 'openai' AS provider, 'gpt-6-luna' AS model UNION ALL
        SELECT 1, 'anthropic', 'claude-haiku-5-5' UNION ALL SELECT 2, 'gemini', 'gemini-3.1-flash-lite' UNION ALL
        SELECT 3, 'cohere', 'command-r7b-12-2024';
    CREATE TEMP TABLE today AS SELECT unixepoch('now') / 86400 AS day;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS)
    INSERT INTO requests (at, day, state, mode, stream, tag, cache, exit_code, provider, model, tier, cost_nanousd,
                          latency_ms, finished_at)
    SELECT (day - i % 60) * 86400000 + i % 80000000, day - i % 60, 'done', 'production', 0, 't' || i % 2, 'miss', 0,
           provider, model, 'fast', 50000, 500 + i % 1000, (day - i % 60) * 86400000 + i % 80000000
    FROM n, today JOIN four ON k = i % 4;
    INSERT INTO attempts (request_id, attempt, at, day, settled_at, provider, model, outcome, latency_ms, held_nanousd,
                          cost_nanousd, cost_source, estimated, presumed)
    SELECT id, 1, at, day, finished_at, provider, model, 'ok', latency_ms, 60000, cost_nanousd, 'catalogue', 0, 0
    FROM requests;
    INSERT INTO days
    SELECT day, sum(cost_nanousd), 0, count(*), count(*), 0, count(*), 0, 0, 0 FROM requests GROUP BY day;
    CREATE TEMP TABLE edges AS
        WITH RECURSIVE e (bucket, ms) AS (SELECT 0, 1.0 UNION ALL SELECT bucket + 1, ms * 1.05 FROM e WHERE bucket < 200)
        SELECT bucket, ms FROM e;
    CREATE TEMP TABLE timed AS SELECT day, tag, tier, provider || '/' || model AS candidate, count(*) AS answers,
        sum(latency_ms) AS latency, sum(cost_nanousd) AS cost,
        (SELECT max(bucket) FROM edges WHERE ms <= latency_ms) AS bucket FROM requests GROUP BY 1, 2, 3, 4, latency_ms;
    CREATE TEMP TABLE kinds AS
        SELECT 'tag' AS kind UNION ALL SELECT 'tier' UNION ALL SELECT 'answered' UNION ALL SELECT 'candidate';
    CREATE TEMP TABLE slots AS
        SELECT kind, day, iif(kind = 'tag', tag, iif(kind = 'tier', tier, candidate)) AS name, bucket, sum(answers) AS answers,
               sum(latency) AS latency, sum(cost) AS cost FROM timed, kinds GROUP BY 1, 2, 3, 4;
    INSERT INTO day_sums (kind, day, name, sums)
    SELECT kind, day, name, json_object('requests', iif(kind = 'candidate', 0, sum(answers)), 'ok', sum(answers),
           'latency_ms', sum(latency), 'attempts', iif(kind = 'answered', 0, sum(answers)),
           'cost_nanousd', iif(kind = 'answered', 0, sum(cost)),
           'latencies', json_group_object(CAST(bucket AS TEXT), answers))
    FROM slots GROUP BY 1, 2, 3";
