//! One cell: the real binary against real sockets, what came of it, and what must hold of that whatever the table
//! says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use llmr::types::{DialectKind, FailureClass};

use super::fault::{Asked, BIG, Fault, PROMPT, Told, Until};
use super::rows::{Needs, Row};
use super::server::{FaultServer, Part, Seen, base_url};
use super::{Case, Form};
use crate::common::{Place, Ran, impatient};

/// What a rate limit asks for where nobody waits for it: more than anybody is waited for.
const LONG_MS: u64 = 30_000;
/// The time limits that no row is about.
const LIMIT: Duration = Duration::from_secs(50);
/// What a redirect's address holds that nobody may see.
const SECRETS: [&str; 2] = ["their-password", "their-token"];

/// One cell of the matrix.
pub struct Cell<'r> {
    pub row: &'r Row,
    pub case: Case,
    pub form: Form,
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    provider: String,
    ok: bool,
    failure: Option<FailureClass>,
    cost: i64,
    estimated: bool,
}

/// What came of a cell.
#[derive(Debug, Clone)]
pub struct Line {
    alpha: usize,
    beta: Option<usize>,
    exit: i32,
    stdout: String,
    breaker: String,
    rest: String,
    ledger: Vec<Entry>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alpha, exit, stdout, breaker, rest, ledger, .. } = self;
        let beta = self.beta.map_or("-".to_owned(), |beta| beta.to_string());
        let charged: i64 = ledger.iter().map(|entry| entry.cost).sum();
        let charged = format!("{}{charged}", if ledger.iter().any(|entry| entry.estimated) { "~" } else { "" });
        write!(f, "{alpha} {beta} {exit:<4} {stdout:<13} {breaker:<8} {rest:<7} {charged:<8} ")?;
        let mut runs: Vec<(String, usize)> = Vec::new();
        for entry in ledger {
            match runs.last_mut() {
                Some((text, times)) if *text == entry.to_string() => *times += 1,
                _ => runs.push((entry.to_string(), 1)),
            }
        }
        let times = |n: usize| if n > 1 { format!(" x{n}") } else { String::new() };
        let runs: Vec<String> = runs.into_iter().map(|(text, n)| format!("{text}{}", times(n))).collect();
        f.write_str(&runs.join(", "))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.failure.map_or("ok", FailureClass::name);
        write!(f, "{} {end} {}{}", self.provider, if self.estimated { "~" } else { "" }, self.cost)
    }
}

/// Everybody who takes part.
struct Cast {
    alpha: FaultServer,
    beta: Option<FaultServer>,
    /// Where a redirect points: another name, another port.
    elsewhere: FaultServer,
}

impl Cell<'_> {
    /// Plays it: what came of it, and which promises that breaks.
    pub fn play(&self) -> (Line, Vec<String>) {
        let cast = self.cast();
        let place = self.place(&cast);
        let began = Instant::now();
        let ran = place.run(&self.args());
        let took = began.elapsed();
        let ledger = ledger(&place);
        let line = Line {
            alpha: cast.alpha.seen().len(),
            beta: cast.beta.as_ref().map(|beta| beta.seen().len()),
            exit: ran.code.unwrap_or(-1),
            stdout: said(&ran.stdout),
            breaker: breaker(&place),
            rest: rest(&place),
            ledger,
        };
        let mut broken = self.broken(&cast, &place, &ran, &line);
        if self.row.needs.limits_time() && took > LIMIT {
            broken.push(format!("its own limit ends it, but it took {took:?}"));
        }
        let name =
            format!("{} ({}), {}, {}", self.row.name, self.row.dialect.name(), self.case.name(), self.form.name());
        let tell = |what: String| format!("{name}: {what}\n    {line}\n    {}", ran.stderr.replace('\n', "\n    "));
        (line.clone(), broken.into_iter().map(tell).collect())
    }

    fn cast(&self) -> Cast {
        let elsewhere = FaultServer::start(self.part("elsewhere", DialectKind::Openai, Fault::Good, String::new()));
        let port = elsewhere.port();
        let target = format!("http://someone:{}@localhost:{port}/v1/chat/completions?token={}", SECRETS[0], SECRETS[1]);
        let alpha = FaultServer::start(self.part("alpha", self.row.dialect, self.row.fault, target));
        let beta = matches!(self.case, Case::Failover | Case::Parallel)
            .then(|| FaultServer::start(self.part("beta", DialectKind::Openai, Fault::Good, String::new())));
        Cast { alpha, beta, elsewhere }
    }

    fn part(&self, name: &str, dialect: DialectKind, fault: Fault, elsewhere: String) -> Part {
        let asked = Asked { dialect, name: name.to_owned(), stream: false, wait_ms: self.wait_ms(), elsewhere };
        Part { asked, fault, times: (self.case == Case::Retry).then_some(1) }
    }

    /// The wait that alpha asks for, where it does.
    fn wait_ms(&self) -> u64 {
        match (self.row.fault, self.case) {
            (Fault::Limited(told), Case::Retry) => told.least_ms(),
            _ => LONG_MS,
        }
    }

    fn place(&self, cast: &Cast) -> Place {
        let own = if self.row.needs == Needs::OwnLimit { "timeout_secs = 1\n" } else { "" };
        let mut config = provider("alpha", self.row.dialect, &cast.alpha, own);
        if let Some(beta) = &cast.beta {
            config.push_str(&provider("beta", DialectKind::Openai, beta, ""));
        }
        let mut place = Place::new().var("LLMR_SEED", seed()).var("LLMR_STRATEGY", "priority");
        place.home_file("config.toml", &config);
        for (name, value) in self.limits() {
            place = place.var(name, value);
        }
        if let Some(authority) = &cast.alpha.authority {
            let file = place.home_file("authority.pem", authority);
            place = place.var("SSL_CERT_FILE", file.display());
        }
        place.var("ALPHA_KEY", key("alpha")).var("BETA_KEY", key("beta"))
    }

    /// Time limits that no machine reaches, but for the one that the row is about.
    fn limits(&self) -> [(&'static str, f64); 3] {
        let needs = self.row.needs;
        let limit = |is: Needs, secs| if needs == is { secs } else { LIMIT.as_secs_f64() };
        [
            ("LLMR_TIMEOUT_CONNECT_SECS", limit(Needs::ConnectLimit, 0.7)),
            ("LLMR_TIMEOUT_FIRST_BYTE_SECS", limit(Needs::FirstByteLimit, 1.5)),
            ("LLMR_TIMEOUT_IDLE_SECS", limit(Needs::IdleLimit, 1.5)),
        ]
    }

    fn args(&self) -> Vec<&'static str> {
        let mut args = vec!["ask", "--max-tokens", "100"];
        args.extend(match self.form {
            Form::Whole => &["--no-stream"][..],
            Form::Unseen => &[],
            Form::Shown => &["--stream"],
        });
        if self.case == Case::Parallel {
            args.extend(["--parallel", "2"]);
        }
        args.extend(match self.row.needs {
            Needs::Nothing | Needs::ConnectLimit => &[][..],
            Needs::FirstByteLimit | Needs::IdleLimit | Needs::OwnLimit => &["--max-retries", "1"],
            Needs::WholeLimit => &["--timeout", "2"],
            Needs::NoRetries => &["--max-retries", "0"],
        });
        args.push(PROMPT);
        args
    }

    /// Which promises this cell breaks.
    fn broken(&self, cast: &Cast, place: &Place, ran: &Ran, line: &Line) -> Vec<String> {
        let mut broken = Vec::new();
        let mut promise = |holds: bool, what: &str| {
            if !holds {
                broken.push(what.to_owned());
            }
        };
        let answered = line.ledger.iter().any(|entry| entry.ok);
        let shown = self.form == Form::Shown && self.case != Case::Parallel && self.text_comes();
        let sum: i64 = line.ledger.iter().map(|entry| entry.cost).sum();
        promise(place.money() == (sum, 0, 0), "the ledger's sum is that of its rows, and nothing is held");
        promise(day(place) == sum && request_cost(place) == sum, "day and request cost what the rows say");
        for server in
            [Some(("alpha", &cast.alpha)), cast.beta.as_ref().map(|beta| ("beta", beta))].into_iter().flatten()
        {
            money(server.0, &server.1.seen(), &line.ledger).into_iter().for_each(|what| promise(false, &what));
            promise(server.1.seen().len() <= self.row.needs.most_requests(), "nobody is asked too often");
            promise(server.1.seen().iter().all(|seen| only_key_of(server.0, seen)), "each gets its own key");
        }
        promise(self.waited_as_told(&cast.alpha.seen()), "nobody is asked again before the time that it told");
        promise(cast.elsewhere.connections() == 0, "nobody follows a redirect");
        promise(line.exit == expected_exit(&line.ledger), "the exit code is that of the classes");
        promise(answered || shown || ran.stdout.is_empty(), "nothing is printed of what failed");
        promise(!answered || ran.stdout.ends_with('\n') && line.exit == 0, "an answer is printed");
        promise(cached(place) == usize::from(answered && ran.stdout.len() <= 1 << 20), "only whole answers are kept");
        promise(self.breaker_is_right(line), "the breaker counts what its class says");
        let told = format!("{}{}", said(&ran.stdout), ran.stderr);
        let secrets = SECRETS.iter().map(|s| (*s).to_owned()).chain(["alpha", "beta"].map(key));
        promise(!secrets.into_iter().any(|secret| told.contains(&secret)), "no secret is printed");
        let redirected = matches!(self.row.fault, Fault::Redirect(_)) && self.case != Case::Parallel;
        promise(!redirected || told.contains("redirected to http://localhost:"), "a redirect's host is named");
        promise(!told.contains("panicked"), "nothing panics");
        broken
    }

    /// Whether text arrives before it fails.
    fn text_comes(&self) -> bool {
        matches!(
            self.row.fault,
            Fault::Stops(Until::Middle, _) | Fault::Malformed | Fault::ErrorInside(Until::Middle, _) | Fault::NoEnd
        )
    }

    fn waited_as_told(&self, seen: &[Seen]) -> bool {
        let told = match self.row.fault {
            Fault::Limited(Told::Not) => 1_000,
            Fault::Limited(_) => self.wait_ms(),
            _ => 0,
        };
        // A twentieth: the provider sees a request a moment after it was sent, the first one too.
        seen.windows(2).all(|two| (two[1].at - two[0].at).as_millis() as u64 >= told - told / 20)
    }

    /// The failures since the last answer, by the class's own column.
    fn breaker_is_right(&self, line: &Line) -> bool {
        let of_alpha = line.ledger.iter().rev().filter(|entry| entry.provider == "alpha");
        let counts = |entry: &&Entry| entry.failure.is_some_and(FailureClass::counts_for_breaker);
        let counted = of_alpha.take_while(|entry| !entry.ok).filter(counts).count();
        let open = if counted >= 3 { " open" } else { "" };
        line.breaker == format!("{counted}{open}")
    }
}

/// Pauses hardly at all before a retry.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| impatient(1))
}

fn key(name: &str) -> String {
    format!("the-key-of-{name}")
}

fn only_key_of(name: &str, seen: &Seen) -> bool {
    seen.head.contains(&key(name)) && seen.head.matches("the-key-of-").count() == 1
}

fn provider(name: &str, dialect: DialectKind, server: &FaultServer, more: &str) -> String {
    let (base_url, dialect_name) = (base_url(dialect, &server.url), dialect.name());
    let (priority, variable) = (name.as_bytes()[0], name.to_uppercase());
    format!(
        "[[provider]]\nname = \"{name}\"\ndialect = \"{dialect_name}\"\nbase_url = \"{base_url}\"\n\
         api_key_env = \"{variable}_KEY\"\npriority = {priority}\nmodels = [\"{name}-m\"]\n{more}\
         input_usd_per_mtok = 1\noutput_usd_per_mtok = 10\n"
    )
}

/// A provider's rows against its own books: every request has its row, none below its bill, and where the usage of an
/// answer was told, exactly that.
fn money(name: &str, seen: &[Seen], ledger: &[Entry]) -> Vec<String> {
    let rows: Vec<&Entry> = ledger.iter().filter(|entry| entry.provider == name).collect();
    if rows.len() < seen.len() {
        return vec![format!("{name} was asked {} times and has {} rows", seen.len(), rows.len())];
    }
    let mut broken = Vec::new();
    // An attempt that reached nobody costs nothing, and comes before those that did.
    let (unseen, rows) = rows.split_at(rows.len() - seen.len());
    broken.extend(unseen.iter().filter(|entry| entry.cost != 0).map(|entry| format!("{entry}, and nobody was asked")));
    for (entry, seen) in rows.iter().zip(seen) {
        if entry.cost < seen.bill {
            broken.push(format!("{entry}, but {} was billed", seen.bill));
        }
        // Of an answer that came to its end, also one that says nothing.
        let whole = entry.ok || matches!(entry.failure, Some(FailureClass::Empty | FailureClass::ContentRefused));
        if whole && seen.told && (entry.cost, entry.estimated) != (seen.bill, false) {
            broken.push(format!("{entry}, but {} was told", seen.bill));
        }
        if entry.ok && !seen.told && !entry.estimated {
            broken.push(format!("{entry}, which nobody told"));
        }
    }
    broken
}

/// The exit code by the table of failure classes: of an answer, of a class that nobody else mends, or of what all
/// candidates have in common.
fn expected_exit(ledger: &[Entry]) -> i32 {
    if ledger.iter().any(|entry| entry.ok) {
        return 0;
    }
    let last: BTreeMap<&str, FailureClass> =
        ledger.iter().filter_map(|entry| Some((entry.provider.as_str(), entry.failure?))).collect();
    let classes: Vec<FailureClass> = last.into_values().collect();
    let codes: Vec<u8> = match classes.iter().find(|class| !class.tries_next()) {
        Some(class) => vec![class.exit_code()],
        None => classes.iter().map(|class| class.exit_code()).collect(),
    };
    match codes.as_slice() {
        [first, others @ ..] if others.iter().all(|code| code == first) => i32::from(*first),
        _ => 69,
    }
}

/// Standard output in short.
fn said(stdout: &str) -> String {
    let end = stdout.strip_prefix("the answer of ").and_then(|rest| rest.strip_suffix('\n'));
    match (stdout, end) {
        ("", _) => "-".to_owned(),
        (_, Some(name @ ("alpha" | "beta"))) => name.to_owned(),
        (_, Some(long)) if long.starts_with("alpha more more ") && long.len().abs_diff(BIG) < 100_000 => {
            "alpha, 50 MB".to_owned()
        }
        _ => format!("{:?}", stdout.chars().take(40).collect::<String>()),
    }
}

fn ledger(place: &Place) -> Vec<Entry> {
    let rows = place.sql(
        "SELECT provider, outcome, coalesce(failure, ''), cost_nanousd, coalesce(estimated, 0) FROM ledger ORDER BY attempt",
    );
    let entry = |row: &String| {
        let cells: Vec<&str> = row.split('|').collect();
        Entry {
            provider: cells[0].to_owned(),
            ok: cells[1] == "ok",
            failure: FailureClass::from_name(cells[2]),
            cost: cells[3].parse().expect("a cost"),
            estimated: cells[4] == "1",
        }
    };
    rows.iter().map(entry).collect()
}

fn breaker(place: &Place) -> String {
    let state = "SELECT failures || CASE WHEN open_until IS NULL THEN '' ELSE ' open' END FROM breakers WHERE provider = 'alpha'";
    place.sql(state).pop().unwrap_or_else(|| "0".to_owned())
}

/// From the end of alpha's last failure to the end of its rest.
fn rest(place: &Place) -> String {
    let rest = "SELECT max(rest_until) - (SELECT max(settled_at) FROM attempts WHERE provider = 'alpha' AND outcome = 'failed')
                FROM rests WHERE provider = 'alpha'";
    match place.sql(rest)[0].parse::<i64>() {
        Err(_) => "-".to_owned(),
        Ok(ms) if ms % 1000 == 0 => format!("{} s", ms / 1000),
        Ok(ms) => format!("{ms} ms"),
    }
}

fn number(place: &Place, query: &str) -> i64 {
    place.sql(query)[0].parse().unwrap_or(-1)
}

fn day(place: &Place) -> i64 {
    number(place, "SELECT sum(ledger_nanousd + adjusted_nanousd) FROM days")
}

fn request_cost(place: &Place) -> i64 {
    number(place, "SELECT coalesce(sum(cost_nanousd), 0) FROM requests")
}

fn cached(place: &Place) -> usize {
    usize::try_from(number(place, "SELECT count(*) FROM cache WHERE finish_reason = 'stop'")).unwrap()
}
