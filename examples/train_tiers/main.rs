//! Learns the weights of the tier classifier: `cargo run --release --example train_tiers -- DATA weights.bin`.
//!
//! `DATA` holds `prompts.jsonl.gz`, `outcomes.csv.gz` and `pairs.json`. The same data give the same bytes.
#![allow(missing_docs, dead_code, clippy::print_stdout)]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]

mod data;
mod fit;
mod grammar;
mod kinds;
mod ridge;
mod softmax;

use std::path::Path;

use data::Trouble;

fn main() -> Result<(), Trouble> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, target] = arguments.as_slice() else {
        return Err("usage: train_tiers DATA weights.bin".into());
    };
    let data = data::read(Path::new(folder))?;
    let training = fit::Training::new(&data, kinds::all());
    let bytes = training.model(&|_| true, fit::WHOLE).to_bytes();
    std::fs::write(target, &bytes)?;
    println!("{} prompts, {} bytes of weights to {target}", data.prompts.len(), bytes.len());
    Ok(())
}
