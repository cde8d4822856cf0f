//! Regret per policy, profile and kind of weather.

use std::collections::VecDeque;

use llmr::commands::simulate::Profile;
use llmr::engine::chance::Chance;
use llmr::engine::draw;
use llmr::engine::tuning::Tuning;

use super::baselines::{Average, LeastLatency, Oracle, Priority, RoundRobin, Weighted};
use super::data::{Data, Recorded};
use super::ours::Ours;
use super::scenario::Scenario;
use super::walk::{Account, Judge, Policy, walk};
use super::world::{Form, World};

pub const PROFILES: [(&str, Profile); 4] = [
    ("balanced", Profile { q: 1.0, c: 100.0, l: 0.05, fail: 2.0 }),
    ("cheap", Profile { q: 1.0, c: 400.0, l: 0.02, fail: 2.0 }),
    ("fast", Profile { q: 1.0, c: 50.0, l: 0.15, fail: 2.0 }),
    ("quality", Profile { q: 3.0, c: 50.0, l: 0.03, fail: 3.0 }),
];

pub const NAMES: [&str; 6] = ["priority", "round-robin", "least-10", "weighted", "plain DTS", "ours"];

pub fn judge(profile: &Profile) -> Judge {
    Judge { q: profile.q, per_usd: profile.c, l: profile.l, fail: profile.fail }
}

/// Hosts of the sizes that are recorded with prices.
pub fn sets(data: &Data) -> Vec<Vec<Recorded>> {
    ["70b", "13b"].iter().map(|size| data.hosts.iter().filter(|h| h.size == *size).cloned().collect()).collect()
}

pub fn run(world: &World, judge: &Judge, which: &str, profile: &Profile, tuning: Tuning, seed: u64) -> Account {
    let count = world.hosts.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| world.usd(0, *a).total_cmp(&world.usd(0, *b)));
    let weighted = |keep, draws| Weighted { world, judge: *judge, seen: vec![Average::default(); count], keep, draws };
    let mut policy: Box<dyn Policy> = match which {
        "oracle" => Box::new(Oracle { world, judge: *judge }),
        "priority" => Box::new(Priority { order, until: vec![0.0; count] }),
        "round-robin" => Box::new(RoundRobin(count)),
        "least-10" => Box::new(LeastLatency(vec![VecDeque::new(); count])),
        "weighted" => Box::new(weighted(1.0, false)),
        "plain DTS" => Box::new(weighted(0.95, true)),
        _ => Box::new(Ours::new(world, *profile, tuning, seed)),
    };
    walk(world, judge, &mut *policy)
}

pub fn print(data: &Data, seeds: u64) {
    for (name, profile) in PROFILES {
        println!("profile {name}: {profile:?}");
        print!("{:12}", "");
        for scenario in Scenario::ALL {
            print!("{:>10}", format!("{scenario:?}").to_lowercase());
        }
        println!("{:>9}{:>8}{:>10}{:>7}{:>9}{:>8}", "mean", "spread", "no answer", "µs", "seconds", "m$");
        for which in NAMES {
            line(data, seeds, which, &profile);
        }
    }
}

fn line(data: &Data, seeds: u64, which: &str, profile: &Profile) {
    let judge = judge(profile);
    let mut per_seed = vec![0.0; seeds as usize];
    let (mut all, mut unanswered, mut us, mut seconds, mut usd) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut runs = 0.0;
    print!("{which:12}");
    for scenario in Scenario::ALL {
        let mut sum = 0.0;
        for seed in 0..seeds {
            for hosts in sets(data) {
                let world = World::new(data, &hosts, scenario, Form::default(), seed);
                let best = run(&world, &judge, "oracle", profile, Tuning::default(), seed);
                let got = run(&world, &judge, which, profile, Tuning::default(), seed);
                let regret = best.utility - got.utility;
                sum += regret;
                per_seed[seed as usize] += regret / 18.0;
                unanswered += got.unanswered;
                seconds += got.seconds - best.seconds;
                usd += (got.usd - best.usd) * 1e3;
                us += got.us;
                runs += 1.0;
            }
        }
        all += sum;
        print!("{:>10.3}", sum / (2 * seeds) as f64);
    }
    let mean = all / runs;
    let spread = (per_seed.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / seeds as f64).sqrt();
    println!(
        "{:>9.4}{:>8.4}{:>9.3}%{:>7.1}{:>9.3}{:>8.3}",
        mean,
        spread,
        100.0 * unanswered / runs,
        us / runs,
        seconds / runs,
        usd / runs
    );
}

/// Other ways to judge: mean regret per profile, and the share without an answer.
pub fn forms(data: &Data, seeds: u64) {
    let plain = Form::default();
    let forms = [
        ("as above", plain),
        ("results at the end", Form { at_end: true, ..plain }),
        ("times by tokens", Form { by_tokens: true, ..plain }),
        ("by tokens, no hint", Form { by_tokens: true, hints: false, ..plain }),
        ("cut after 30 s only", Form { cuts: false, ..plain }),
        ("two tries", Form { tries: 2, ..plain }),
        ("any number of tries", Form { tries: 99, ..plain }),
        ("300 requests", Form { requests: 300, ..plain }),
        ("3,800 requests", Form { requests: 3800, ..plain }),
        ("qualities 0.1 apart", Form { quality_spread: 0.1, ..plain }),
    ];
    println!("{:22}{}{:>10}", "", PROFILES.map(|(name, _)| format!("{name:>9}")).concat(), "no answer");
    for (name, form) in forms {
        for which in ["plain DTS", "ours"] {
            print!("{:22}", if which == "ours" { name } else { "plain DTS:" });
            let mut unanswered = 0.0;
            for (_, profile) in PROFILES {
                let (regret, none) = mean(data, seeds, which, &profile, form);
                unanswered += none / 4.0;
                print!("{regret:>9.4}");
            }
            println!("{:>9.3}%", 100.0 * unanswered);
        }
    }
}

fn mean(data: &Data, seeds: u64, which: &str, profile: &Profile, form: Form) -> (f64, f64) {
    let (mut sum, mut unanswered, mut runs) = (0.0, 0.0, 0.0);
    let judge = judge(profile);
    for (scenario, seed) in Scenario::ALL.into_iter().flat_map(|s| (0..seeds).map(move |seed| (s, seed))) {
        for hosts in sets(data) {
            let world = World::new(data, &hosts, scenario, form, seed);
            let best = run(&world, &judge, "oracle", profile, Tuning::default(), seed);
            let got = run(&world, &judge, which, profile, Tuning::default(), seed);
            sum += best.utility - got.utility;
            unanswered += got.unanswered;
            runs += 1.0;
        }
    }
    (sum / runs, unanswered / runs)
}

/// Profiles in units of which nobody told: the judge divides dollars and seconds by something of its own.
pub fn readings(data: &Data, seeds: u64) {
    let profiles = [
        (0.3, 0.4, 0.3, 1.0),
        (1.0, 1.0, 1.0, 2.0),
        (1.0, 0.3, 0.1, 2.0),
        (1.0, 0.5, 0.02, 1.0),
        (1.0, 20.0, 0.05, 2.0),
        (0.5, 3.0, 0.2, 3.0),
    ];
    let usd = [("USD", 1.0), ("cents", 100.0), ("per 1,000", 1000.0), ("relative", 0.0)];
    println!(
        "{:28}{}",
        "q, c, l, fail",
        usd.map(|(name, _)| ["s", "10 s", "30 s"].map(|s| format!("{:>15}", format!("{name}, {s}"))).concat()).concat()
    );
    for (q, c, l, fail) in profiles {
        print!("{:28}", format!("{q}, {c}, {l}, {fail}"));
        for ((_, times), seconds) in usd.into_iter().flat_map(|usd| [1.0, 10.0, 30.0].map(|s| (usd, s))) {
            let profile = Profile { q, c, l, fail };
            let (mut sum, mut runs) = (0.0, 0.0);
            for (scenario, seed) in Scenario::ALL.into_iter().flat_map(|s| (0..seeds).map(move |seed| (s, seed))) {
                for hosts in sets(data) {
                    let world = World::new(data, &hosts, scenario, Form { requests: 600, ..Form::default() }, seed);
                    let dearest = (0..hosts.len()).map(|h| world.usd(0, h)).fold(0.0, f64::max);
                    let per_usd = if times > 0.0 { c * times } else { c / dearest };
                    let judge = Judge { q, per_usd, l: l / seconds, fail };
                    let best = run(&world, &judge, "oracle", &profile, Tuning::default(), seed);
                    sum += best.utility - run(&world, &judge, "ours", &profile, Tuning::default(), seed).utility;
                    runs += 1.0;
                }
            }
            print!("{:>15.4}", sum / runs);
        }
        println!();
    }
}

/// What it costs to read a coefficient wrong: the judge's is the profile's times a factor that the policy does not know.
pub fn misread(data: &Data, seeds: u64) {
    println!("judge's c, l times   {}", PROFILES.map(|(name, _)| format!("{name:>9}")).concat());
    let factors =
        [(1.0, 1.0), (0.1, 1.0), (0.3, 1.0), (3.0, 1.0), (10.0, 1.0), (1.0, 0.3), (1.0, 3.0), (3.0, 3.0), (0.3, 0.3)];
    for (c, l) in factors {
        print!("{:>12}", format!("{c}, {l}"));
        for (_, profile) in PROFILES {
            let judge = Judge { per_usd: profile.c * c, l: profile.l * l, ..judge(&profile) };
            let (mut sum, mut runs) = (0.0, 0.0);
            for (scenario, seed) in Scenario::ALL.into_iter().flat_map(|s| (0..seeds).map(move |seed| (s, seed))) {
                for hosts in sets(data) {
                    let world = World::new(data, &hosts, scenario, Form::default(), seed);
                    let best = run(&world, &judge, "oracle", &profile, Tuning::default(), seed);
                    sum += best.utility - run(&world, &judge, "ours", &profile, Tuning::default(), seed).utility;
                    runs += 1.0;
                }
            }
            print!("{:>9.4}", sum / runs);
        }
        println!();
    }
}

/// One world with what the best policy came to in it.
struct Trial {
    kind: usize,
    world: World,
    profile: Profile,
    best: f64,
    scenario: Scenario,
    seed: u64,
}

/// Mean regret over many kinds of worlds for each changed number: `key=a,b,c`.
pub fn tune(data: &Data, seeds: u64, args: &[String]) {
    println!(
        "{:34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>8}",
        "", "sets", "subsets", "tokens", "scaled", "all", "no answer", "worst"
    );
    let trials = trials(data, seeds);
    show("default", &trials, &Tuning::default());
    for arg in args {
        let Some((key, values)) = arg.split_once('=') else { continue };
        for value in values.split(',') {
            let mut json = serde_json::to_value(Tuning::default()).unwrap_or_default();
            json[key] = value.parse::<f64>().unwrap_or(0.0).into();
            if let Ok(tuning) = serde_json::from_value(json) {
                show(&format!("{key}={value}"), &trials, &tuning);
            }
        }
    }
}

/// What each part of the policy is worth: the same worlds without it.
pub fn ablations(data: &Data, seeds: u64) {
    let trials = trials(data, seeds);
    println!(
        "{:34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>8}",
        "", "sets", "subsets", "tokens", "scaled", "all", "no answer", "worst"
    );
    let all = Tuning::default();
    for (name, tuning) in [
        ("all of it", all),
        ("no chance for others", Tuning { pace_daring: 0.0, success_daring: 0.0, quality_daring: 0.0, ..all }),
        ("no hope for strangers", Tuning { hope_pace: 0.0, ..all }),
        ("recent tries are never forgotten", Tuning { success_half_life_s: 1e9, pace_half_life_s: 1e9, ..all }),
        ("outages turn nothing at once", Tuning { turn_keep: 1.0, ..all }),
        ("open tries do not count", Tuning { open_weight: 0.0, ..all }),
        ("groups do not count", Tuning { group_weight: 0.0, group_doubt: 1.0, ..all }),
        ("a 429 is no news", Tuning { limited_weight: 0.0, ..all }),
        ("tries are cut late", Tuning { cut_most: 30.0, ..all }),
    ] {
        show(name, &trials, &tuning);
    }
}

fn trials(data: &Data, seeds: u64) -> Vec<Trial> {
    let mut trials = Vec::new();
    for kind in 0..4 {
        for seed in 100..100 + seeds {
            for scenario in Scenario::ALL {
                let (hosts, form, profile) = mixture(data, kind, seed, scenario as u64);
                let world = World::new(data, &hosts, scenario, form, seed);
                let best = run(&world, &judge(&profile), "oracle", &profile, Tuning::default(), seed).utility;
                trials.push(Trial { kind, world, profile, best, scenario, seed });
            }
        }
    }
    trials
}

fn show(name: &str, trials: &[Trial], tuning: &Tuning) {
    let (mut sums, mut unanswered, mut worst) = ([0.0; 4], 0.0, 0.0f64);
    for trial in trials {
        let judge = judge(&trial.profile);
        let got = run(&trial.world, &judge, "ours", &trial.profile, *tuning, trial.seed);
        // Regret counts in shares of what no answer costs, so that all profiles count alike.
        let regret = (trial.best - got.utility) * 2.0 / judge.fail;
        sums[trial.kind] += regret * 4.0 / trials.len() as f64;
        if std::env::args().any(|a| a == "each") && regret > 0.08 {
            let hosts = trial.world.hosts.len();
            println!(
                "{} {:?} seed {} hosts {hosts} q {} c {} l {}: {regret:.3} unanswered {:.4}",
                trial.kind, trial.scenario, trial.seed, judge.q, judge.per_usd, judge.l, got.unanswered
            );
        }
        worst = worst.max(regret);
        unanswered += got.unanswered / trials.len() as f64;
    }
    print!("{name:34}");
    sums.iter().for_each(|sum| print!("{sum:>9.4}"));
    println!("{:>9.4}{:>9.3}%{:>8.3}", sums.iter().sum::<f64>() / 4.0, 100.0 * unanswered, worst);
}

/// Kind 0: the sets as they are; 1: any hosts, 3 to 19; 2: times by tokens; 3: steeper coefficients.
fn mixture(data: &Data, kind: usize, seed: u64, salt: u64) -> (Vec<Recorded>, Form, Profile) {
    let mut chance = Chance::new(draw::of_name(seed * 64 + salt, &format!("kind {kind}")));
    let mut profile = PROFILES[(seed as usize + salt as usize) % 4].1;
    let mut form = Form { tries: if kind == 1 { 2 + (seed as usize % 3) } else { 3 }, ..Form::default() };
    if kind == 3 {
        profile.l *= 2.5;
        profile.c *= 2.5;
        form.quality_spread = 0.1;
    }
    form.by_tokens = kind == 2;
    if kind == 0 || kind == 2 {
        let set = sets(data).swap_remove((chance.unit() * 2.0) as usize % 2);
        return (set, form, profile);
    }
    let mut hosts = data.hosts.clone();
    let count = 3 + (chance.unit() * 17.0) as usize;
    while hosts.len() > count {
        let at = (chance.unit() * hosts.len() as f64) as usize % hosts.len();
        hosts.swap_remove(at);
    }
    (hosts, form, profile)
}
