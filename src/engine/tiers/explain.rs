//! Why a prompt was judged as it was: the words and properties that weighed most.

use super::features::{Sketch, hash};
use super::model::{Model, norm};
use super::rules::Rule;
use super::text::{self, Kind};

/// Something that spoke for a harder (above 0) or an easier prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// A counted property by its name, or a word in quotes.
    pub feature: String,
    /// What it added to the difficulty.
    pub weight: f64,
}

/// The `most` reasons that weighed most, strongest first.
pub fn explain(prompt: &str, most: usize) -> Vec<Reason> {
    explain_with(Model::built_in(), prompt, most)
}

/// The same with given weights.
pub fn explain_with(model: &Model, prompt: &str, most: usize) -> Vec<Reason> {
    let sketch = Sketch::of(prompt);
    let mut reasons = counted(model, &sketch);
    reasons.extend(words(model, &sketch, prompt));
    reasons.retain(|reason| reason.weight != 0.0);
    // Equal weights stand by name, so that the same prompt is always explained alike.
    reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then_with(|| a.feature.cmp(&b.feature)));
    reasons.dedup();
    reasons.truncate(most);
    reasons
}

fn counted(model: &Model, sketch: &Sketch) -> Vec<Reason> {
    let values = model.rules(sketch);
    let products = values.iter().zip(&model.rules).map(|(value, weight)| f64::from(value * weight));
    Rule::ALL.iter().zip(products).map(|(rule, weight)| Reason { feature: rule.name().to_owned(), weight }).collect()
}

fn words(model: &Model, sketch: &Sketch, prompt: &str) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for window in text::windows(prompt) {
        text::scan(window, |token| {
            if token.kind == Kind::Word {
                let steps = f64::from(model.words.of(hash(token.lower)));
                let weight = steps * f64::from(model.step / norm(sketch));
                reasons.push(Reason { feature: format!("\"{}\"", token.lower), weight });
            }
        });
    }
    reasons
}
