//! The recorded facts: how long hosts took, what they asked for, when vendors were down, when requests came.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

/// One recorded request.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The whole time in seconds; `None`: refused.
    pub total_s: Option<f64>,
    /// To the first token, in seconds.
    pub first_s: f64,
    /// Per token, in seconds.
    pub token_s: f64,
}

/// One host of one model.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Vendor and model size.
    pub name: String,
    /// The model's size alone.
    pub size: String,
    /// In measured order.
    pub samples: Vec<Sample>,
    /// USD per million tokens, read and written.
    pub usd: (f64, f64),
}

/// One reported incident of a vendor.
#[derive(Debug, Clone, Copy)]
pub struct Incident {
    /// Begin and end in days of the year.
    pub days: (f64, f64),
    /// 0 (a notice) to 4 (all down).
    pub level: usize,
}

/// One request of the trace.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Seconds from the trace's begin.
    pub t: f64,
    /// Tokens read.
    pub read: f64,
    /// Tokens written.
    pub written: f64,
}

/// All of it.
pub struct Data {
    /// Every host of every size.
    pub hosts: Vec<Recorded>,
    /// By their begin.
    pub incidents: Vec<Incident>,
    /// By time.
    pub arrivals: Vec<Arrival>,
}

type Rows = Vec<BTreeMap<String, String>>;

impl Data {
    /// Reads a folder.
    pub fn load(folder: &Path) -> std::io::Result<Self> {
        let runs = rows(&read(&folder.join("llmperf_llama2.csv.gz"))?);
        let prices = rows(&read(&folder.join("llmperf_prices.csv"))?);
        let incidents = rows(&read(&folder.join("incidents_2023.csv"))?).iter().map(incident).collect();
        let arrivals = rows(&read(&folder.join("arrivals_azure_conv_dev.csv.gz"))?).iter().map(arrival).collect();
        Ok(Self { hosts: hosts(&runs, &prices), incidents, arrivals })
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = BufReader::new(File::open(path)?);
    if path.extension().is_some_and(|e| e == "gz") {
        GzDecoder::new(file).read_to_string(&mut text)?;
    } else {
        let mut file = file;
        file.read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Only the last column of these files may hold a comma.
fn rows(text: &str) -> Rows {
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let row = |line: &str| {
        let cells = line.splitn(heads.len(), ',').map(str::to_owned);
        heads.iter().map(|h| (*h).to_owned()).zip(cells).collect()
    };
    lines.map(row).collect()
}

fn number(row: &BTreeMap<String, String>, key: &str) -> f64 {
    row.get(key).and_then(|cell| cell.parse().ok()).unwrap_or(0.0)
}

fn text<'a>(row: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    row.get(key).map_or("", String::as_str)
}

fn hosts(runs: &Rows, prices: &Rows) -> Vec<Recorded> {
    let mut by_name: BTreeMap<(String, String), Vec<Sample>> = BTreeMap::new();
    for row in runs {
        let key = (text(row, "size").to_owned(), text(row, "provider").to_owned());
        by_name.entry(key).or_default().push(sample(row));
    }
    let make = |((size, vendor), samples): ((String, String), Vec<Sample>)| Recorded {
        usd: price(prices, &vendor, &size),
        name: format!("{vendor}-{size}"),
        size,
        samples,
    };
    by_name.into_iter().map(make).collect()
}

/// A code of -100 means only that the answer was short.
fn sample(row: &BTreeMap<String, String>) -> Sample {
    let refused = !matches!(text(row, "error_code"), "" | "-100" | "-1");
    let total_s = (!refused).then(|| number(row, "e2e_s"));
    Sample { total_s, first_s: number(row, "ttft_s"), token_s: number(row, "inter_token_s") }
}

/// The smallest model has no recorded prices: 0.7 of the next one's, as such models went for then.
fn price(prices: &Rows, vendor: &str, size: &str) -> (f64, f64) {
    let (listed, share) = if size == "7b" { ("13b", 0.7) } else { (size, 1.0) };
    let row = prices.iter().find(|row| text(row, "provider") == vendor && text(row, "size") == listed);
    row.map_or((1.0, 1.0), |row| (number(row, "usd_per_mtok_in") * share, number(row, "usd_per_mtok_out") * share))
}

fn incident(row: &BTreeMap<String, String>) -> Incident {
    let days = (day(text(row, "start_utc")), day(text(row, "end_utc")));
    Incident { days, level: text(row, "impact_level").parse().unwrap_or(0) }
}

/// `2023-02-05T20:13:00Z` as days from the year's begin; months of 30.4 days are near enough here.
fn day(stamp: &str) -> f64 {
    let part = |from: usize| stamp.get(from..from + 2).and_then(|s| s.parse::<f64>().ok()).unwrap_or(0.0);
    (part(5) - 1.0) * 30.4 + part(8) - 1.0 + part(11) / 24.0 + part(14) / 1440.0
}

fn arrival(row: &BTreeMap<String, String>) -> Arrival {
    Arrival { t: number(row, "t_s"), read: number(row, "in_tok"), written: number(row, "out_tok") }
}
