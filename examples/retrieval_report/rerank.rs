//! The ranking mixed with the likeness of vectors: what a model that makes them would add.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use llmr::engine::retrieval::tuning::Tuning;
use llmr::engine::retrieval::{Index, pieces};
use llmr::types::cosine;

use crate::{data, line};

/// Tokens of a piece that gets a vector.
const PIECE: u64 = 150;
/// What likeness counts beside the ranking, whose best unit counts 1.
const WEIGHTS: [f32; 6] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6];

/// Recall with vectors of every piece of every document, by each weight.
pub fn print(folder: &Path, command: &[&str], out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let tuning = Tuning::default();
    for set in data::sets(folder)? {
        writeln!(out, "{}: {} questions", set.name, set.questions.len())?;
        let index = Index::new(&set.text);
        let pieces = pieces(index.units(), PIECE, 0);
        let texts = pieces.iter().map(|piece| &set.text[piece.clone()]);
        let questions = set.questions.iter().map(|question| question.text.as_str());
        let vectors = vectors(command, texts.chain(questions))?;
        let (of_pieces, of_questions) = vectors.split_at(pieces.len());
        let piece_of: Vec<usize> =
            index.units().iter().map(|unit| pieces.partition_point(|piece| piece.end <= unit.start)).collect();
        let number = |text: &str| set.questions.iter().position(|question| question.text == text).unwrap_or(0);
        let alike = |question: &str| -> Vec<f32> {
            let own = &of_questions[number(question)];
            of_pieces.iter().map(|piece| cosine(own, piece).max(0.0) as f32).collect()
        };
        line(out, "shipped", &set, |question, budget| index.pick_tuned(question, budget, &tuning).spans)?;
        line(out, "vectors alone", &set, |question, budget| {
            let alike = alike(question);
            let scores: Vec<f32> = piece_of.iter().map(|piece| alike[*piece]).collect();
            index.pick_scored(&scores, budget).spans
        })?;
        for weight in WEIGHTS {
            line(out, &format!("mixed {weight}"), &set, |question, budget| {
                let (mut scores, alike) = (index.scores(question, &tuning), alike(question));
                let best = scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
                for (score, piece) in scores.iter_mut().zip(&piece_of) {
                    *score = *score / best + weight * alike[*piece];
                }
                index.pick_scored(&scores, budget).spans
            })?;
        }
    }
    Ok(())
}

/// A vector of each text, by a command that reads a text a line.
fn vectors<'t>(command: &[&str], texts: impl Iterator<Item = &'t str>) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    // What has no word in it still has a line.
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = texts.map(one_line).map(|line| if line.is_empty() { "-".into() } else { line }).collect();
    let mut child =
        Command::new(command[0]).args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let sent = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(sent.as_bytes()));
    let stdout = child.stdout.take().ok_or("no standard output")?;
    let read = BufReader::new(stdout).lines().map(|line| Ok(serde_json::from_str(&line?)?));
    let vectors: Result<Vec<Vec<f32>>, Box<dyn Error>> = read.collect();
    writer.join().map_err(|_| "the command took no text")??;
    let (vectors, status) = (vectors?, child.wait()?);
    match status.success() && vectors.len() == lines.len() {
        true => Ok(vectors),
        false => Err(format!("{} vectors came for {} texts ({status})", vectors.len(), lines.len()).into()),
    }
}
