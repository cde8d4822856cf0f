//! The measured outcomes, as read from a folder: which model answered which prompt how well at what cost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use serde::Deserialize;

/// Whatever went wrong in reading.
pub type Trouble = Box<dyn std::error::Error>;

/// One prompt and what became of it.
pub struct Prompt {
    pub set: String,
    /// The benchmark: the set, or set and topic where a set has several.
    pub unit: String,
    pub text: String,
    /// Score and cost in USD by model.
    pub outcomes: BTreeMap<String, (f64, Option<f64>)>,
}

/// Two models of a gap.
#[derive(Deserialize)]
pub struct Pair {
    pub name: String,
    pub weak: String,
    pub strong: String,
    pub sets: Vec<String>,
}

/// Four models, a tier each.
#[derive(Deserialize)]
pub struct Ladder {
    pub name: String,
    pub tiers: BTreeMap<String, String>,
    pub sets: Vec<String>,
}

/// What is measured over the prompts.
#[derive(Deserialize)]
pub struct Plan {
    pub pairs: Vec<Pair>,
    pub ladders: Vec<Ladder>,
    /// Kind of task by benchmark.
    pub intents: BTreeMap<String, String>,
}

/// Everything in the folder.
pub struct Data {
    pub prompts: Vec<Prompt>,
    pub plan: Plan,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    set: String,
    topic: String,
    prompt: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    model: String,
    score: f64,
    cost_usd: Option<f64>,
}

/// Reads `prompts.jsonl.gz`, `outcomes.csv.gz` and `pairs.json`.
pub fn read(folder: &Path) -> Result<Data, Trouble> {
    let mut prompts = Vec::new();
    let mut places = BTreeMap::new();
    for line in BufReader::new(GzDecoder::new(File::open(folder.join("prompts.jsonl.gz"))?)).lines() {
        let Line { id, set, topic, prompt } = serde_json::from_str(&line?)?;
        let unit = if topic.is_empty() { set.clone() } else { format!("{set}:{topic}") };
        places.insert(id, prompts.len());
        prompts.push(Prompt { set, unit, text: prompt, outcomes: BTreeMap::new() });
    }
    let mut rows = csv::Reader::from_reader(GzDecoder::new(File::open(folder.join("outcomes.csv.gz"))?));
    for row in rows.deserialize() {
        let Row { id, model, score, cost_usd } = row?;
        if let Some(&at) = places.get(&id) {
            let prompt: &mut Prompt = &mut prompts[at];
            prompt.outcomes.insert(model, (score, cost_usd));
        }
    }
    let plan = serde_json::from_reader(File::open(folder.join("pairs.json"))?)?;
    Ok(Data { prompts, plan })
}

/// Benchmarks of the same origin are held out together: two extracts of one benchmark share prompts' wording.
pub fn family(unit: &str) -> &str {
    let name = unit.rsplit(':').next().unwrap_or(unit);
    match unit.split(':').next() {
        Some("mmlu-pro-stem") => "mmlu-pro-stem",
        _ => match name {
            "arc-challenge" | "arc_challenge" => "arc",
            "gsm8k" | "agentverse-mgsm" => "gsm8k",
            name => name,
        },
    }
}
