//! What the processes are asked to do: drawn by the seed, a tenth of the run at a time.

use std::fs;
use std::io;
use std::path::Path;

use llmr::engine::draw;
use serde_json::json;

/// Of a hundred requests so many are lines of batches …
const IN_BATCHES: u64 = 30;
/// … and so many turns of chats; the rest are asked one by one.
const IN_CHATS: u64 = 10;
/// One batch of each tenth has so many percent of its lines: it is under way for long, and its memory is watched.
const IN_THE_LONG_ONE: u64 = 10;
/// So often, of a hundred other jobs, somebody only looks.
const LOOKS: u64 = 4;
/// The questions asked with the cache on are one of so many numbers: the first one asks a provider, or several do at
/// once, and the others are answered by the cache.
const REPEATS: u64 = 40;
/// How those are asked.
const CACHED: &str = "--tag cached";
/// What a question is made longer with.
const WORDS: [&str; 8] = ["why", "does", "the", "river", "run", "so", "slowly", "here?"];

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// One request.
    Ask,
    /// A file of requests.
    Batch,
    /// The one batch of a tenth that is long.
    LongBatch,
    /// A conversation.
    Chat,
    /// A report: it asks nothing.
    Look,
}

/// Every kind of process, and its name in the report.
pub const KINDS: [(Kind, &str); 5] = [
    (Kind::Ask, "ask"),
    (Kind::Batch, "batch"),
    (Kind::LongBatch, "long batch"),
    (Kind::Chat, "chat"),
    (Kind::Look, "reports"),
];

/// One process to run.
#[derive(Debug, Clone)]
pub struct Job {
    pub kind: Kind,
    /// The numbers of its requests: the first, and how many. Each prompt has its own.
    pub first: u64,
    pub requests: u64,
    /// By which the rest is drawn.
    draw: u64,
}

/// Draws jobs; the numbers of their requests go on over the whole run.
pub struct Drawer {
    seed: u64,
    next: u64,
}

impl Drawer {
    /// One that begins with request 1.
    pub fn new(seed: u64) -> Self {
        Self { seed, next: 1 }
    }

    /// The jobs of so many requests, those that last longest first.
    pub fn jobs(&mut self, requests: u64) -> Vec<Job> {
        let mut jobs = vec![self.job(Kind::LongBatch, (requests * IN_THE_LONG_ONE / 100).max(1))];
        let last = self.next + requests - jobs[0].requests;
        let long = (requests / 20).clamp(4, 120);
        let (mut batches, mut chats) = (requests * (IN_BATCHES - IN_THE_LONG_ONE) / 100, requests * IN_CHATS / 100);
        let mut short = Vec::new();
        while self.next < last {
            let left = last - self.next;
            let drawn = draw::of_name(self.seed, &format!("job {}", self.next));
            let job = match drawn % 100 {
                ..20 if batches > 0 => {
                    let lines = (long / 2 + drawn / 100 % long).min(left).min(batches);
                    batches -= lines;
                    self.job(Kind::Batch, lines)
                }
                20..60 if chats > 0 => {
                    let turns = (2 + drawn / 100 % 4).min(left).min(chats);
                    chats -= turns;
                    self.job(Kind::Chat, turns)
                }
                _ => self.job(Kind::Ask, 1),
            };
            short.push(job);
            if drawn / 1000 % 100 < LOOKS {
                short.push(self.job(Kind::Look, 0));
            }
        }
        jobs.append(&mut short);
        jobs
    }

    /// So many single questions: what a tenth still lacks.
    pub fn asks(&mut self, requests: u64) -> Vec<Job> {
        (0..requests).map(|_| self.job(Kind::Ask, 1)).collect()
    }

    fn job(&mut self, kind: Kind, requests: u64) -> Job {
        let first = self.next;
        self.next += requests;
        let draw = draw::of_name(self.seed, &format!("{kind:?} {first} {requests}"));
        Job { kind, first, requests, draw }
    }
}

/// What marks a prompt: the number is found again in what the provider received and in the ledger.
pub const MARK: &str = "soak-";

/// The arguments of a process and its standard input.
pub type Call = (Vec<String>, Option<String>);

impl Job {
    /// How the process is called; writes the file of a batch.
    pub fn call(&self, work: &Path) -> io::Result<Call> {
        Ok(match self.kind {
            Kind::Ask => self.ask(),
            Kind::Batch | Kind::LongBatch => (self.batch(work)?, None),
            Kind::Chat => self.chat(),
            Kind::Look => (self.look(), None),
        })
    }

    fn ask(&self) -> Call {
        // A cached answer is for what was asked in the same way.
        let strategy = if self.way() == CACHED { String::new() } else { self.strategy() };
        let mut args = words(&format!("ask {} {strategy}", self.way()));
        let text = prompt(self.last());
        match self.pick("stdin", 3) {
            0 => (args, Some(text)),
            _ => {
                args.push(text);
                (args, None)
            }
        }
    }

    fn way(&self) -> &'static str {
        match self.pick("way", 100) {
            0..15 => "--no-cache --tag ask",
            15..40 => "--no-cache --stream --tag stream",
            40..55 => "--no-cache --no-stream --tag whole",
            55..75 => CACHED,
            75..83 => "--no-cache --parallel 2 --tag parallel",
            83..87 => "--no-cache --parallel 3 --no-stream --tag parallel",
            87..92 => "--no-cache --max-cost 0.0003 --tag capped",
            92..95 => "--refresh --tag refresh",
            95..98 => "--no-cache --json --tag json",
            _ => "--no-cache --output-format stream-json --tag json",
        }
    }

    fn strategy(&self) -> String {
        let name = match self.pick("strategy", 8) {
            0 => "cheapest",
            1 => "fastest",
            2 => "balanced",
            3 => "reliable",
            4 | 5 => "round-robin",
            _ => return String::new(),
        };
        format!("--strategy {name}")
    }

    fn batch(&self, work: &Path) -> io::Result<Vec<String>> {
        let name = format!("{}.jsonl", self.first);
        let line = |number| json!({ "id": format!("{MARK}{number}"), "prompt": prompt(number) }).to_string() + "\n";
        fs::write(work.join(&name), (self.first..self.first + self.requests).map(line).collect::<String>())?;
        let cache = if self.pick("cache", 2) == 0 { "" } else { "--no-cache" };
        let (tag, strategy) = (if self.kind == Kind::Batch { "batch" } else { "long-batch" }, self.strategy());
        let jobs = 2 + self.pick("jobs", 6);
        Ok(words(&format!("batch {name} -o {name}.out -j {jobs} --tag {tag} {cache} {strategy}")))
    }

    fn chat(&self) -> Call {
        let turns = (self.first..self.first + self.requests).map(|number| prompt(number) + "\n");
        let strategy = self.strategy();
        (words(&format!("chat --tag chat {strategy}")), Some(turns.collect()))
    }

    fn look(&self) -> Vec<String> {
        const LOOKS: [&str; 10] = [
            "budget",
            "budget history",
            "stats",
            "stats --json",
            "log",
            "log --json",
            "cache stats",
            "cache verify",
            "providers list",
            "dry-run hello",
        ];
        words(LOOKS[usize::try_from(self.pick("look", LOOKS.len() as u64)).unwrap_or(0)])
    }

    fn pick(&self, what: &str, of: u64) -> u64 {
        draw::of_name(self.draw, what) % of
    }

    /// The number of its last prompt.
    pub fn last(&self) -> u64 {
        match self.kind {
            Kind::Ask if self.way() == CACHED => self.first - self.first % REPEATS,
            _ => self.first + self.requests.saturating_sub(1),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A question with that number in it, up to 150 words long.
fn prompt(number: u64) -> String {
    let length = usize::try_from(draw::of_name(number, "length") % 150).unwrap_or(0);
    let more = WORDS.iter().cycle().take(length).map(|word| format!(" {word}"));
    format!("{MARK}{number}{}", more.collect::<String>())
}

/// The last number that a text is marked with.
pub fn marked(text: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(MARK)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok()
}
