//! Each goal's figure for a router whose verdicts on some prompts are known.

use std::collections::{BTreeMap, BTreeSet};

use llmr::engine::math;
use llmr::engine::tiers::correct::{Record, Records, corrected};
use llmr::engine::tiers::{Intent, Verdict, cascade, tier};
use llmr::types::Tier;

use super::data::{Data, Pair};
use super::fit::{success, tiers};
use super::measure::{Item, Rung, apgr, ladder, ladder_over_ends, spread};

/// Verdicts by prompt; `None` was not judged.
pub type Verdicts = [Option<Verdict>];

fn unit_of_set(data: &Data, at: usize) -> &str {
    // MMLU-Pro is one benchmark by subject; LLMRouter's topics are benchmarks.
    let prompt = &data.prompts[at];
    if prompt.set == "llmrouter" { &prompt.unit } else { &prompt.set }
}

fn sizes<'a>(data: &'a Data, judged: &[usize]) -> BTreeMap<&'a str, f64> {
    let mut sizes = BTreeMap::new();
    judged.iter().for_each(|&at| *sizes.entry(unit_of_set(data, at)).or_insert(0.0) += 1.0);
    sizes
}

fn items(data: &Data, verdicts: &Verdicts, pair: &Pair) -> Vec<(usize, Item)> {
    let judged: Vec<usize> =
        (0..verdicts.len()).filter(|&at| verdicts[at].is_some() && pair.sets.contains(&data.prompts[at].set)).collect();
    let sizes = sizes(data, &judged);
    let item = |at: usize| {
        let outcomes = &data.prompts[at].outcomes;
        let (weak, strong) = (outcomes.get(&pair.weak)?.0, outcomes.get(&pair.strong)?.0);
        let weight = 1.0 / sizes[unit_of_set(data, at)];
        Some((at, Item { score: verdicts[at]?.score, weak, strong, weight }))
    };
    judged.into_iter().filter_map(item).collect()
}

fn mixes(pair: &Pair) -> bool {
    pair.sets.len() > 1 || pair.sets.iter().any(|set| set == "llmrouter")
}

/// APGR of each pair over its benchmarks mixed in equal parts; pairs with one benchmark only have no mix.
pub fn mixed(data: &Data, verdicts: &Verdicts) -> Vec<f64> {
    let pairs = data.plan.pairs.iter().filter(|pair| mixes(pair));
    pairs
        .filter_map(|pair| apgr(&items(data, verdicts, pair).into_iter().map(|(_, item)| item).collect::<Vec<_>>()))
        .collect()
}

/// APGR over every benchmark in equal parts, weak and strong being the mean of the two lower and upper tiers.
pub fn everything(data: &Data, verdicts: &Verdicts) -> Option<f64> {
    let judged: Vec<usize> = (0..verdicts.len()).filter(|&at| verdicts[at].is_some()).collect();
    let sizes = sizes(data, &judged);
    let item = |&at: &usize| {
        let prompt = &data.prompts[at];
        let [fast, balanced, advanced, premium] = tiers(&prompt.set);
        let weak = success(prompt, &[fast, balanced].concat())?;
        let strong = success(prompt, &[advanced, premium].concat())?;
        Some(Item { score: verdicts[at]?.score, weak, strong, weight: 1.0 / sizes[unit_of_set(data, at)] })
    };
    apgr(&judged.iter().filter_map(item).collect::<Vec<_>>())
}

/// APGR inside each benchmark of each pair, where there is a gap.
pub fn inside(data: &Data, verdicts: &Verdicts) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for pair in &data.plan.pairs {
        let mut units: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
        for (at, item) in items(data, verdicts, pair) {
            units.entry(unit_of_set(data, at)).or_default().push(Item { weight: 1.0, ..item });
        }
        found.extend(units.into_iter().filter_map(|(unit, items)| Some((unit.to_owned(), apgr(&items)?))));
    }
    found
}

/// Ladder gains, against the best blind mix and against the line between the ends; and the shares of the tiers.
pub fn ladders(data: &Data, verdicts: &Verdicts, min_quality: f64) -> (f64, f64, [f64; 4]) {
    let (mut strict, mut ends, mut shares) = (Vec::new(), Vec::new(), [0.0; 4]);
    for plan in &data.plan.ladders {
        let models: Vec<&String> =
            ["fast", "balanced", "advanced", "premium"].iter().filter_map(|name| plan.tiers.get(*name)).collect();
        let judged: Vec<usize> = (0..verdicts.len())
            .filter(|&at| verdicts[at].is_some() && plan.sets.contains(&data.prompts[at].set))
            .collect();
        let sizes = sizes(data, &judged);
        let mut rungs = Vec::new();
        for at in judged {
            let Some(verdict) = verdicts[at] else { continue };
            let picked = tier(&verdict, min_quality) as usize;
            let mut rung = Rung { score: [0.0; 4], cost: [0.0; 4], picked, weight: 1.0 / sizes[unit_of_set(data, at)] };
            for (slot, model) in models.iter().enumerate() {
                let Some(&(score, cost)) = data.prompts[at].outcomes.get(*model) else { continue };
                (rung.score[slot], rung.cost[slot]) = (score, cost.unwrap_or(0.0));
            }
            shares[picked] += rung.weight / sizes.len() as f64;
            rungs.push(rung);
        }
        strict.push(ladder(&rungs));
        ends.push(ladder_over_ends(&rungs));
    }
    (spread(&strict).0, spread(&ends).0, shares)
}

/// Share of intents right: over prompts, benchmarks weighing alike.
pub fn intents(data: &Data, verdicts: &Verdicts) -> (f64, Vec<(String, f64)>) {
    let mut right: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (prompt, verdict) in data.prompts.iter().zip(verdicts) {
        let wanted = data.plan.intents.get(&prompt.unit).and_then(|name| Intent::named(name));
        if let (Some(verdict), Some(wanted)) = (verdict, wanted) {
            let (hits, count) = right.entry(&prompt.unit).or_default();
            *hits += f64::from(u8::from(verdict.intent == wanted));
            *count += 1.0;
        }
    }
    let shares: Vec<(String, f64)> =
        right.into_iter().map(|(unit, (hits, count))| (unit.to_owned(), hits / count)).collect();
    (shares.iter().map(|(_, share)| share).sum::<f64>() / shares.len().max(1) as f64, shares)
}

/// What each benchmark's prompts are taken for, also of those whose kind is not known: shares of 5 % or more.
pub fn taken_for(data: &Data, verdicts: &Verdicts) -> Vec<(String, String)> {
    let mut taken: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for (prompt, verdict) in data.prompts.iter().zip(verdicts) {
        if let Some(verdict) = verdict {
            *taken.entry(&prompt.unit).or_default().entry(verdict.intent.name()).or_default() += 1.0;
        }
    }
    let shares = |counts: BTreeMap<&str, f64>| {
        let all: f64 = counts.values().sum();
        let mut shares: Vec<_> = counts.into_iter().map(|(name, count)| (count / all, name)).collect();
        shares.sort_by(|a, b| b.0.total_cmp(&a.0));
        let texts = shares.iter().filter(|(share, _)| *share >= 0.05).map(|(share, name)| format!("{name} {share:.2}"));
        texts.collect::<Vec<_>>().join(", ")
    };
    taken.into_iter().map(|(unit, counts)| (unit.to_owned(), shares(counts))).collect()
}

/// APGR mixed after so many recorded outcomes less before: every other of the strong model, the rest of the weak, drawn
/// from the mix; measured on the other prompts.
pub fn gain(data: &Data, verdicts: &Verdicts, outcomes: usize, seed: u64) -> Vec<f64> {
    let mut gains = Vec::new();
    for pair in data.plan.pairs.iter().filter(|pair| mixes(pair)) {
        let items = items(data, verdicts, pair);
        let mut order: Vec<(f64, usize)> = Vec::new();
        for (place, (at, item)) in items.iter().enumerate() {
            // Weighted draw without replacement: the smallest of exponentials with the weights as rates.
            order.push((-math::ln(draw(seed, *at)) / item.weight, place));
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let recorded = outcomes.min(items.len() / 2);
        let mut records = Records::default();
        for (turn, &(_, place)) in order[..recorded].iter().enumerate() {
            let (at, item) = items[place];
            let Some(verdict) = verdicts[at] else { continue };
            let (tier, score) = if turn % 2 == 0 { (Tier::Premium, item.strong) } else { (Tier::Fast, item.weak) };
            let outcome = Record::default().with(score > 0.5, verdict.suffices[tier as usize], 1.0);
            records.add(verdict.intent, tier, &outcome);
        }
        let rest: BTreeSet<usize> = order[recorded..].iter().map(|&(_, place)| place).collect();
        let before: Vec<Item> = rest.iter().map(|&place| items[place].1).collect();
        let after = rest.iter().filter_map(|&place| {
            let (at, item) = items[place];
            let verdict = verdicts[at]?;
            Some(Item { score: corrected(&verdict, &records).score, ..item })
        });
        if let (Some(before), Some(after)) = (apgr(&before), apgr(&after.collect::<Vec<_>>())) {
            gains.push(after - before);
        }
    }
    gains
}

/// The same by pair if what the strong model gains at each kind of prompt were known exactly: what no number of outcomes
/// that are counted by kind can pass by much.
pub fn gain_known(data: &Data, verdicts: &Verdicts) -> Vec<f64> {
    let known = |pair: &Pair| {
        let items = items(data, verdicts, pair);
        let intent = |at: usize| verdicts[at].map_or(Intent::Other, |verdict| verdict.intent);
        let mut kinds: BTreeMap<Intent, (f64, f64)> = BTreeMap::new();
        for (at, item) in &items {
            let (beyond, weight) = kinds.entry(intent(*at)).or_default();
            *beyond += item.weight * (item.strong - item.weak - item.score);
            *weight += item.weight;
        }
        let moved = |(at, item): &(usize, Item)| {
            let (beyond, weight) = kinds[&intent(*at)];
            Item { score: item.score + beyond / weight, ..*item }
        };
        let before: Vec<Item> = items.iter().map(|(_, item)| *item).collect();
        Some(apgr(&items.iter().map(moved).collect::<Vec<_>>())? - apgr(&before)?)
    };
    data.plan.pairs.iter().filter(|pair| mixes(pair)).filter_map(known).collect()
}

/// A number in (0, 1) that depends on both only (SplitMix64).
pub fn draw(seed: u64, at: usize) -> f64 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add((at as u64).wrapping_mul(0xD134_2543_DE82_EF95));
    for factor in [0xBF58_476D_1CE4_E5B9_u64, 0x94D0_49BB_1331_11EB] {
        z = (z ^ (z >> 30)).wrapping_mul(factor);
    }
    ((z >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

/// Two cheap models and a strong one, where all have measured or list-price costs.
pub const CASCADES: [(&str, &str, &str, &str); 5] = [
    ("arc-challenge", "mistral-7b", "mixtral-8x7b", "gpt-4-1106"),
    ("winogrande", "mistral-7b", "mixtral-8x7b", "gpt-4-1106"),
    ("arc-challenge", "mixtral-8x7b", "yi-34b", "gpt-4-1106"),
    ("mmlu-pro-stem", "llama-3.1-8b", "gemini-1.5-flash", "gemini-1.5-pro"),
    ("numersense", "llama-3-8b", "gpt-3.5-turbo", "gpt-4o-0513"),
];

/// Share of the gap between the first cheap and the strong model, and share of the strong one's cost, with
/// `same` the chance that two wrong answers are the same wrong one (`None`: one in the other options).
pub fn cascade(
    data: &Data,
    verdicts: &Verdicts,
    models: (&str, &str, &str, &str),
    same: Option<f64>,
    options: &dyn Fn(usize) -> f64,
) -> Option<(f64, f64, f64)> {
    let (set, one, two, strong) = models;
    let (mut weak, mut top, mut won, mut paid, mut price, mut straight, mut n) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, verdict) in verdicts.iter().enumerate() {
        let (Some(verdict), prompt) = (verdict, &data.prompts[at]) else { continue };
        if prompt.set != set {
            continue;
        }
        let of = |model: &str| prompt.outcomes.get(model).map(|&(score, cost)| (score, cost.unwrap_or(0.0)));
        let (Some(a), Some(b), Some(s)) = (of(one), of(two), of(strong)) else { continue };
        (weak, top, price, n) = (weak + a.0, top + s.0, price + s.1, n + 1.0);
        if cascade::first(verdict) == cascade::First::Strong {
            (won, paid, straight) = (won + s.0, paid + s.1, straight + 1.0);
            continue;
        }
        let same = same.unwrap_or_else(|| 1.0 / (options(at) - 1.0).max(1.0));
        let agree = a.0 * b.0 + (1.0 - a.0) * (1.0 - b.0) * same;
        won += a.0 * b.0 + (1.0 - agree) * s.0;
        paid += a.1 + b.1 + (1.0 - agree) * s.1;
    }
    (n > 0.0).then(|| ((won - weak) / (top - weak), paid / price, straight / n))
}
