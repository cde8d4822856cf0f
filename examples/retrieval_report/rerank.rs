//! The ranking with a second look by vectors: what a model that makes them would add.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use llmr::engine::retrieval::Ranking;
use llmr::types::cosine;

use crate::{data, line};

/// So many times the budget is looked at twice.
const POOL: u64 = 4;

/// Recall without and with the second look.
pub fn print(folder: &Path, command: &[&str], out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    for set in data::sets(folder)? {
        writeln!(out, "{}: {} questions", set.name, set.questions.len())?;
        let texts = [set.text.as_str()];
        let mut spans: Vec<_> = set
            .questions
            .iter()
            .flat_map(|question| {
                Ranking::of(&texts, &question.text).pool(POOL * crate::BUDGETS[crate::BUDGETS.len() - 1])
            })
            .map(|piece| piece.span)
            .collect();
        spans.sort_by_key(|span| span.start);
        spans.dedup();
        let pieces = spans.iter().map(|span| &set.text[span.clone()]);
        let questions = set.questions.iter().map(|question| question.text.as_str());
        let vectors = vectors(command, pieces.chain(questions))?;
        let (of_pieces, of_questions) = vectors.split_at(spans.len());
        let of_pieces: HashMap<usize, &Vec<f32>> = spans.iter().map(|span| span.start).zip(of_pieces).collect();
        let number = |text: &str| set.questions.iter().position(|question| question.text == text).unwrap_or(0);
        let picked = |ranking: &Ranking<'_>, budget| ranking.pick(budget).0.pop().unwrap_or_default();
        line(out, "the ranking alone", &set, |question, budget| picked(&Ranking::of(&texts, question), budget))?;
        line(out, "a second look", &set, |question, budget| {
            let ranking = Ranking::of(&texts, question);
            let pool = ranking.pool(POOL * budget);
            let own = &of_questions[number(question)];
            let alike: Vec<f64> = pool.iter().map(|piece| cosine(own, of_pieces[&piece.span.start])).collect();
            picked(&ranking.mixed(&pool, &alike), budget)
        })?;
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
