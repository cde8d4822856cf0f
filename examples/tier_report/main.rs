//! Prints each goal's figure of the tier classifier: `cargo run --release --example tier_report -- DATA`.
//!
//! Figures come from prompts that had no part in training: five random splits (train on 70 %), and each
//! family of benchmarks left out in turn.
#![allow(missing_docs, dead_code, clippy::print_stdout)]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]

#[path = "../train_tiers/data.rs"]
mod data;
#[path = "../train_tiers/fit.rs"]
mod fit;
mod goals;
#[path = "../train_tiers/grammar.rs"]
mod grammar;
#[path = "../train_tiers/kinds.rs"]
mod kinds;
mod measure;
#[path = "../train_tiers/ridge.rs"]
mod ridge;
#[path = "../train_tiers/softmax.rs"]
mod softmax;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use data::{Data, Trouble, family};
use fit::{Parts, Training, WHOLE};
use llmr::engine::tiers::{Intent, MIN_QUALITY, Verdict, classify, classify_with, model::Model};
use measure::spread;

const SEEDS: u64 = 5;

fn main() -> Result<(), Trouble> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(folder), quick) = (arguments.first(), arguments.iter().any(|argument| argument == "quick")) else {
        return Err("usage: tier_report DATA [quick] [fresh]".into());
    };
    let data = data::read(Path::new(folder))?;
    let fixtures = kinds::all();
    let training = Training::new(&data, fixtures);
    // Fresh: what would ship if the weights were made now.
    let fresh = arguments.iter().any(|argument| argument == "fresh");
    let shipped = if fresh { reread(&training.model(&|_| true, WHOLE)) } else { Model::built_in().clone() };
    let built_in: Vec<Option<Verdict>> = training.sketches.iter().map(|s| Some(classify_with(&shipped, s))).collect();
    println!(
        "{:<34} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "mixed", "all", "inside", "ladder", "(ends)", "gain500", "intents"
    );
    baselines(&data, &training);
    line("built in (trained on these)", &data, &built_in);
    let held = left_out(&training, &shipped, WHOLE);
    line("each family left out", &data, &held);
    let split = splits(&training, WHOLE, if quick { 2 } else { SEEDS });
    lines("random splits", &data, &split);
    if !quick {
        ablations(&data, &training, &shipped);
    }
    details(&data, &training, &held, &split[0]);
    fixtures_held(&shipped);
    speed(&data);
    Ok(())
}

fn left_out(training: &Training<'_>, shipped: &Model, parts: Parts) -> Vec<Option<Verdict>> {
    let prompts = &training.data.prompts;
    let families: BTreeSet<&str> = prompts.iter().map(|prompt| family(&prompt.unit)).collect();
    let mut verdicts = vec![None; prompts.len()];
    for left in families {
        let here = |at: usize| family(&prompts[at].unit) == left;
        let model = reread(&training.model_like(shipped, &|at| !here(at), parts));
        for at in (0..prompts.len()).filter(|&at| here(at)) {
            verdicts[at] = Some(classify_with(&model, &training.sketches[at]));
        }
    }
    verdicts
}

fn splits(training: &Training<'_>, parts: Parts, seeds: u64) -> Vec<Vec<Option<Verdict>>> {
    let split = |seed: u64| {
        let tested = |at: usize| goals::draw(seed + 1, at) < 0.3;
        let model = reread(&training.model(&|at| !tested(at), parts));
        let verdict = |(at, sketch)| tested(at).then(|| classify_with(&model, sketch));
        training.sketches.iter().enumerate().map(verdict).collect()
    };
    (0..seeds).map(split).collect()
}

/// What is measured is what would ship: through the bytes.
fn reread(model: &Model) -> Model {
    Model::from_bytes(model.to_bytes().leak()).unwrap_or_default()
}

fn figures(data: &Data, verdicts: &[Option<Verdict>]) -> [f64; 7] {
    let inside: Vec<f64> = goals::inside(data, verdicts).into_iter().map(|(_, value)| value).collect();
    let (strict, ends, _) = goals::ladders(data, verdicts, MIN_QUALITY);
    let gains: Vec<f64> = (0..4).flat_map(|seed| goals::gain(data, verdicts, 500, seed)).collect();
    [
        spread(&goals::mixed(data, verdicts)).0,
        goals::everything(data, verdicts).unwrap_or(f64::NAN),
        spread(&inside).0,
        strict,
        ends,
        spread(&gains).0,
        goals::intents(data, verdicts).0,
    ]
}

fn line(name: &str, data: &Data, verdicts: &[Option<Verdict>]) {
    let row: Vec<String> = figures(data, verdicts).iter().map(|value| format!("{value:>8.3}")).collect();
    println!("{name:<34} {}", row.join(" "));
}

fn lines(name: &str, data: &Data, splits: &[Vec<Option<Verdict>>]) {
    let all: Vec<[f64; 7]> = splits.iter().map(|verdicts| figures(data, verdicts)).collect();
    let column = |at: usize| spread(&all.iter().map(|row| row[at]).collect::<Vec<_>>());
    for (name, pick) in [(name, 0), ("  ± over seeds", 1)] {
        let row: Vec<String> = (0..7).map(|at| format!("{:>8.3}", [column(at).0, column(at).1][pick])).collect();
        println!("{name:<34} {}", row.join(" "));
    }
}

fn baselines(data: &Data, training: &Training<'_>) {
    let by = |score: &dyn Fn(usize) -> f64| -> Vec<Option<Verdict>> {
        let verdict = |at: usize| {
            let score = score(at);
            Some(Verdict {
                score,
                suffices: [1.0 - score, 1.0 - score * 0.7, 1.0 - score * 0.6, 1.0 - score * 0.3],
                intent: Intent::Knowledge,
            })
        };
        (0..data.prompts.len()).map(verdict).collect()
    };
    line("chance", data, &by(&|at| goals::draw(77, at)));
    line("length", data, &by(&|at| (data.prompts[at].text.len() as f64 / 4000.0).min(1.0)));
    let rules = |at: usize| {
        // The usual hand rules: length, mathematics, code and reasoning words, each a little.
        let v = training.sketches[at].rules();
        f64::from((0.25 * v[0] + 0.6 * v[7].min(0.5) + 0.5 * v[8].min(0.5) + 0.5 * v[9]).clamp(0.0, 1.0))
    };
    line("hand rules", data, &by(&rules));
}

fn ablations(data: &Data, training: &Training<'_>, shipped: &Model) {
    let without = [
        ("without word pairs", Parts { pairs: false, ..WHOLE }),
        ("without rules", Parts { rules: false, ..WHOLE }),
        ("without hashed words", Parts { words: false, pairs: false, ..WHOLE }),
        ("without fixtures", Parts { fixtures: false, ..WHOLE }),
        ("in one stage", Parts { two_stages: false, ..WHOLE }),
    ];
    for (name, parts) in without {
        line(&format!("{name}, left out"), data, &left_out(training, shipped, parts));
    }
}

fn details(data: &Data, training: &Training<'_>, held: &[Option<Verdict>], split: &[Option<Verdict>]) {
    for (name, verdicts) in [("left out", held), ("split", split)] {
        println!("\n{name}: mixed {:.3?}", goals::mixed(data, verdicts));
        println!(
            "inside {}",
            goals::inside(data, verdicts)
                .iter()
                .map(|(unit, value)| format!("{unit} {value:.3}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        println!(
            "intents {}",
            goals::intents(data, verdicts)
                .1
                .iter()
                .map(|(unit, value)| format!("{unit} {value:.2}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        for (unit, taken) in goals::taken_for(data, verdicts) {
            println!("  {unit} taken for {taken}");
        }
        for quality in [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8] {
            let (strict, ends, shares) = goals::ladders(data, verdicts, quality);
            println!("min quality {quality}: ladder {strict:.3}, over the ends {ends:.3}, tiers {shares:.2?}");
        }
        for outcomes in [100, 300, 500, 1000] {
            let runs: Vec<Vec<f64>> = (0..30).map(|seed| goals::gain(data, verdicts, outcomes, seed)).collect();
            let gains = runs.concat();
            let (mean, sd) = spread(&gains);
            let worst = gains.iter().copied().fold(f64::INFINITY, f64::min);
            let lost = gains.iter().filter(|gain| **gain < 0.0).count();
            let pair = |at: usize| spread(&runs.iter().filter_map(|run| run.get(at).copied()).collect::<Vec<_>>()).0;
            let pairs: Vec<f64> = (0..runs[0].len()).map(pair).collect();
            print!("after {outcomes} outcomes: {mean:+.3} ± {sd:.3}, by pair {pairs:+.3?}, ");
            println!("worst {worst:+.3}, lost in {lost} of {}", gains.len());
        }
        let known = goals::gain_known(data, verdicts);
        println!("with each kind's gap known exactly: {:+.3}, by pair {known:+.3?}", spread(&known).0);
        let options = |at: usize| f64::from(training.sketches[at].counts.options());
        for models in goals::CASCADES {
            for same in [None, Some(0.5)] {
                if let Some((gap, cost, straight)) = goals::cascade(data, verdicts, models, same, &options) {
                    println!(
                        "cascade {models:?}, two wrong agree {same:?}: {gap:.3} of the gap at {cost:.3} of the cost, straight {straight:.2}"
                    );
                }
            }
        }
    }
}

fn fixtures_held(model: &Model) {
    let fixtures = kinds::fixtures(include_str!("../train_tiers/intents_held.tsv"));
    let mut right = 0;
    for fixture in &fixtures {
        let found = classify_with(model, &fixture.sketch).intent;
        right += usize::from(found == fixture.intent);
        if found != fixture.intent {
            println!("  {:?} taken for {found:?}: {:.60?}", fixture.intent, fixture.text);
        }
    }
    println!("held-out fixtures: {right} of {} intents right", fixtures.len());
}

fn speed(data: &Data) {
    let start = Instant::now();
    let sum: f64 = data.prompts.iter().map(|prompt| classify(&prompt.text).score).sum();
    let each = start.elapsed().as_secs_f64() * 1e6 / data.prompts.len() as f64;
    let long = "The quick brown fox jumps over 13 lazy dogs. ".repeat(10_000);
    let start = Instant::now();
    let score = classify(&long).score;
    println!(
        "\n{each:.1} µs a prompt (mean score {:.3}); 450 kB: {:.1} µs (score {score:.3})",
        sum / data.prompts.len() as f64,
        start.elapsed().as_secs_f64() * 1e6
    );
    println!("{} bytes of weights", Model::built_in().to_bytes().len());
}
