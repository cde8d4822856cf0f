//! How strong a model a prompt needs: a small linear model over words and counted properties.
//!
//! Pure and bounded: no I/O, no clock, at most 4 KiB of a prompt are read. The weights come from
//! `examples/train_tiers`, their worth is measured by `examples/tier_report`.

pub mod cascade;
pub mod correct;
mod cues;
pub mod explain;
pub mod features;
pub mod intent;
pub mod model;
pub mod rules;
pub mod shape;
pub mod text;

pub use correct::corrected;
pub use explain::explain;
pub use intent::Intent;

use crate::types::Tier;
use features::Sketch;
use model::Model;

/// The default of `--min-quality`: the chance of success that a tier must reach. Chosen by the ladder gain that
/// `examples/tier_report` prints: from 0.55 to 0.60 it is the same.
pub const MIN_QUALITY: f64 = 0.58;

/// What is thought of a prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// About the chance that a cheap model fails, in [0, 1], and a little more for kinds at which strong models gain
    /// most: higher needs a stronger model.
    pub score: f64,
    /// The chance that each tier suffices, fast to premium, never falling.
    pub suffices: [f64; 4],
    /// The kind of task.
    pub intent: Intent,
}

/// Judges a prompt with the built-in weights.
pub fn classify(prompt: &str) -> Verdict {
    classify_with(Model::built_in(), &Sketch::of(prompt))
}

/// Judges a prompt with given weights.
pub fn classify_with(model: &Model, sketch: &Sketch) -> Verdict {
    let kinds = model.intents(sketch);
    let intent = strongest(&kinds);
    let suffices = model.suffices(model.difficulty(sketch) - easier(intent));
    let chances = model::chances(&kinds);
    let worth: f64 = Intent::ALL.iter().zip(chances).map(|(&kind, chance)| f64::from(chance) * worth(kind)).sum();
    Verdict { score: (1.0 - suffices[0] + worth).clamp(0.0, 1.0), suffices, intent }
}

/// How much easier a kind is, in difficulty, that the benchmarks behind the calibration do not have. By hand and
/// rough: no cheap model fails at a greeting, few at what MT-Bench calls writing and extraction.
fn easier(intent: Intent) -> f64 {
    match intent {
        Intent::Greeting => 0.6,
        Intent::Action => 0.4,
        Intent::Translation => 0.3,
        Intent::Writing | Intent::Extraction | Intent::Other => 0.2,
        Intent::Knowledge | Intent::Commonsense | Intent::Logic | Intent::Math | Intent::Code | Intent::Reading => 0.0,
    }
}

/// How much more a strong model gains on a weak one at a kind than failure of the weak alone says: where nobody
/// fails for want of facts but for want of steps. By hand, from the gaps that public leaderboards show between small
/// and large models; it moves the score, not the chances of the tiers.
fn worth(intent: Intent) -> f64 {
    match intent {
        Intent::Math | Intent::Code => 0.1,
        Intent::Commonsense => 0.05,
        _ => 0.0,
    }
}

fn strongest(sums: &[f32; Intent::ALL.len()]) -> Intent {
    let mut best = (Intent::Other, f32::NEG_INFINITY);
    for (intent, &sum) in Intent::ALL.into_iter().zip(sums) {
        if sum > best.1 {
            best = (intent, sum);
        }
    }
    best.0
}

/// The cheapest tier whose chance reaches `min_quality`; the strongest where none does.
pub fn tier(verdict: &Verdict, min_quality: f64) -> Tier {
    let reaches = |&(chance, _): &(f64, Tier)| chance >= min_quality;
    verdict.suffices.into_iter().zip(Tier::ALL).find(reaches).map_or(Tier::Premium, |(_, tier)| tier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts() -> Vec<String> {
        let scripts = "hello Привет こんにちは 你好 مرحبا नमस्ते สวัสดี שלום 안녕 Γειά e\u{301} \u{200d} 🦀";
        let mut prompts: Vec<String> = scripts.split(' ').map(str::to_owned).collect();
        prompts.extend(["", " ", "\n\n", "\0\u{1}\u{fffd}", "0", "A)", "(", "1.", "$$$"].map(str::to_owned));
        prompts.extend([scripts.repeat(2000), "x".repeat(300_000), "9".repeat(300_000), "漢".repeat(9_000)]);
        prompts.push((0..6000_u32).filter_map(|code| char::from_u32(code * 7 % 0x3000)).collect());
        prompts
    }

    #[test]
    fn every_prompt_gets_finite_ordered_chances() {
        for prompt in prompts() {
            let verdict = classify(&prompt);
            assert!((0.0..=1.0).contains(&verdict.score), "{verdict:?}");
            assert!(verdict.suffices.is_sorted() && verdict.suffices.iter().all(|chance| (0.0..=1.0).contains(chance)));
            assert_eq!(classify(&prompt), verdict, "the same prompt is judged alike");
        }
    }

    #[test]
    fn the_weights_are_read_and_fit() {
        let bytes = include_bytes!("weights.bin");
        assert!(bytes.len() <= 64 * 1024);
        assert_eq!(Model::from_bytes(bytes).map(|model| model.to_bytes()).as_deref(), Some(&bytes[..]));
        assert_eq!(Model::from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Model::from_bytes(b""), None);
    }

    #[test]
    fn a_higher_target_never_takes_a_cheaper_tier() {
        let verdict = Verdict { score: 0.5, suffices: [0.5, 0.6, 0.7, 0.8], intent: Intent::Other };
        let cases = [
            (0.0, Tier::Fast),
            (0.5, Tier::Fast),
            (0.55, Tier::Balanced),
            (0.7, Tier::Advanced),
            (0.8, Tier::Premium),
            (1.0, Tier::Premium),
        ];
        for (target, wanted) in cases {
            assert_eq!(tier(&verdict, target), wanted, "{target}");
        }
    }

    #[test]
    fn proofs_need_more_than_greetings() {
        let hard = classify("Prove that the number of partitions of n into odd parts equals that into distinct parts.");
        assert!(hard.score > classify("hi there").score + 0.1);
    }

    #[test]
    fn intents_of_prompts_that_no_benchmark_has() {
        let cases = [
            ("hello", Intent::Greeting),
            ("Translate into Danish: the milk is sour.", Intent::Translation),
            ("Write a poem about rain.", Intent::Writing),
            ("Remind me to buy bread.", Intent::Action),
            ("Extract all prices from this text: tea 2 euro, cake 4 euro.", Intent::Extraction),
            ("Write a Python function that counts words.", Intent::Code),
            ("Who discovered penicillin?", Intent::Knowledge),
        ];
        for (prompt, wanted) in cases {
            assert_eq!(classify(prompt).intent, wanted, "{prompt}");
        }
    }

    #[test]
    fn reasons_are_strongest_first_and_as_many_as_asked() {
        let reasons = explain("Prove that sqrt(2) is irrational. Which integers n satisfy it?", 5);
        assert_eq!(reasons.len(), 5);
        assert!(reasons.is_sorted_by(|a, b| a.weight.abs() >= b.weight.abs()));
        assert!(explain("anything", 0).is_empty());
    }
}
