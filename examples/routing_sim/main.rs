//! Tries the program's own policy and the ones to beat in nine kinds of weather, on recorded times.
//!
//! `cargo run --release --example routing_sim -- FOLDER [seeds]`, where FOLDER holds the four files of `data.rs`; `ablations` behind
//! them shows what each part of the policy is worth.
#![allow(missing_docs, clippy::print_stdout, clippy::cast_precision_loss)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::disallowed_methods)]

mod baselines;
mod data;
mod ours;
mod report;
mod scenario;
mod speed;
mod walk;
mod world;

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "data".into());
    let data = data::Data::load(folder.as_ref())?;
    let seeds = args.next().and_then(|s| s.parse().ok()).unwrap_or(4);
    match args.next().as_deref() {
        Some("tune") => report::tune(&data, seeds, &args.collect::<Vec<_>>()),
        Some("readings") => report::readings(&data, seeds),
        Some("ablations") => report::ablations(&data, seeds),
        Some("speed") => speed::print(),
        Some("forms") => report::forms(&data, seeds),
        Some("misread") => report::misread(&data, seeds),
        _ => report::print(&data, seeds),
    }
    Ok(())
}
