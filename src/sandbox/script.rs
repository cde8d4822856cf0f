//! What goes wrong, and when: the script of `openai=429,anthropic=cutx2,gemini=500%5`.

use super::wire::Problem;
use crate::engine::draw;
use crate::error::{Error, Kind};
use crate::types::whole_ms;

/// What one provider does with one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// Answers.
    Ok,
    /// Refuses with an error status.
    Refuse(Problem),
    /// Never answers.
    Hang,
    /// Answers after a while, in milliseconds.
    Slow(u64),
    /// Closes the connection in the middle.
    Cut,
    /// Goes silent in the middle.
    Stall,
    /// Sends something that is not JSON in the middle.
    Malformed,
    /// Reports an error inside a 200.
    ErrorInside,
    /// Does not tell what it counted.
    NoUsage,
    /// Leaves out the end marker of a stream.
    NoEnd,
    /// Answers without any text.
    Empty,
    /// Ends without any text for its content policy.
    Blocked,
    /// Thinks first.
    Think,
    /// Answers with what the prompt itself says about its question.
    Quote,
    /// Answers in prose where JSON was asked for.
    Misfit,
    /// Takes no field that asks for JSON.
    NoSchema,
}

/// One row of the table of faults.
struct Row {
    name: &'static str,
    fault: fn(Option<u64>) -> Fault,
    /// What `:SECS` means when it is left out, in milliseconds; `None`: the fault takes no seconds.
    default_ms: Option<u64>,
}

macro_rules! rows {
    ($($name:literal $default:expr, $fault:expr;)*) => {
        &[$(Row { name: $name, default_ms: $default, fault: $fault }),*]
    };
}

#[rustfmt::skip]
const ROWS: &[Row] = rows![
    "ok"           None,       |_| Fault::Ok;
    "429"          Some(1000), |ms| Fault::Refuse(Problem::RateLimited { retry_after_ms: ms });
    "429-bare"     None,       |_| Fault::Refuse(Problem::RateLimited { retry_after_ms: None });
    "400"          None,       |_| Fault::Refuse(Problem::Invalid("the sandbox was told to find this request invalid", None));
    "401"          None,       |_| Fault::Refuse(Problem::BadKey);
    "402"          None,       |_| Fault::Refuse(Problem::NoCredit);
    "403"          None,       |_| Fault::Refuse(Problem::Forbidden);
    "404"          None,       |_| Fault::Refuse(Problem::UnknownModel);
    "500"          None,       |_| Fault::Refuse(Problem::ServerError);
    "503"          None,       |_| Fault::Refuse(Problem::Unavailable);
    "529"          None,       |_| Fault::Refuse(Problem::Overloaded);
    "overflow"     None,       |_| Fault::Refuse(Problem::Overflow);
    "refuse"       None,       |_| Fault::Blocked;
    "hang"         None,       |_| Fault::Hang;
    "slow"         Some(2000), |ms| Fault::Slow(ms.unwrap_or_default());
    "cut"          None,       |_| Fault::Cut;
    "stall"        None,       |_| Fault::Stall;
    "malformed"    None,       |_| Fault::Malformed;
    "error-in-200" None,       |_| Fault::ErrorInside;
    "no-usage"     None,       |_| Fault::NoUsage;
    "no-end"       None,       |_| Fault::NoEnd;
    "empty"        None,       |_| Fault::Empty;
    "think"        None,       |_| Fault::Think;
    "quote"        None,       |_| Fault::Quote;
    "misfit"       None,       |_| Fault::Misfit;
    "no-schema"    None,       |_| Fault::NoSchema;
];

/// Every fault and what it does, for help texts; the names are those of a script.
#[rustfmt::skip]
pub const FAULTS: &[(&str, &str)] = &[
    ("ok",           "answers as usual"),
    ("429[:SECS]",   "rate limited; asks to be left alone for SECS (1), in the vendor's own way"),
    ("429-bare",     "rate limited, without saying for how long"),
    ("400",          "finds the request invalid"),
    ("401",          "does not know the key"),
    ("402",          "no credit left, in the vendor's own way (openai: 429, anthropic: 400)"),
    ("403",          "the key may not do this"),
    ("404",          "does not know the model"),
    ("500",          "fails inside"),
    ("503",          "is not available"),
    ("529",          "is overloaded"),
    ("overflow",     "finds the prompt longer than the model's window"),
    ("refuse",       "refuses for its content policy, without any text; bills the input (cohere: nothing)"),
    ("hang",         "takes the request and never answers; bills nothing"),
    ("slow[:SECS]",  "answers after SECS (2) more; bills as usual"),
    ("cut",          "closes the connection in the middle; bills what it sent (not streamed: all)"),
    ("stall",        "goes silent in the middle; bills what it sent (not streamed: all)"),
    ("malformed",    "sends broken JSON in the middle; bills what it sent (not streamed: all)"),
    ("error-in-200", "reports an error inside a 200, after some text if it streams; bills nothing"),
    ("no-usage",     "does not tell what it counted; bills as usual"),
    ("no-end",       "leaves out the end marker of a stream; bills as usual"),
    ("empty",        "answers without any text; bills the input"),
    ("think",        "thinks first; bills the thinking beside the answer"),
    ("quote",        "answers with the lines of the prompt that have the most words of its question"),
    ("misfit",       "answers in prose although a schema asks for JSON; bills as usual"),
    ("no-schema",    "refuses the field that asks for JSON, answers where it is asked in words"),
];

/// One step: a fault, and whom it meets.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    provider: String,
    name: &'static str,
    fault: Fault,
    meets: Meets,
}

/// Which of a provider's requests a fault meets.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meets {
    /// All that come.
    All,
    /// The next so many.
    Next(u64),
    /// So many of a hundred, by lot.
    Percent(f64),
}

/// What each provider does, request by request. The default: everybody answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script(Vec<Step>);

impl Script {
    /// Reads `PROVIDER=FAULT[:SECS][xN|%P]`, with commas between; several for one provider follow each other.
    ///
    /// `N` is for how many requests it holds (without it for all that come); after the last one it answers.
    /// `P` is how many of a hundred requests it meets, drawn for each; those of one provider exclude each other,
    /// and the request that meets none of them meets what else the script has for it.
    /// Fails (kind `usage`) with the known providers or faults in the hint.
    pub fn parse(text: &str, providers: &[&str]) -> Result<Self, Error> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let script: Self = parts.map(|part| step(part, providers)).collect::<Result<_, _>>().map(Self)?;
        match providers.iter().find(|provider| script.percent(provider) > 100.0) {
            Some(provider) => Err(Error::new(Kind::Usage, format!("the faults of `{provider}` are more than 100 %"))),
            None => Ok(script),
        }
    }

    /// What a provider does with its request of this number (from 0), and the name of that; the lots are drawn by
    /// the seed.
    pub(super) fn fault(&self, provider: &str, number: u64, seed: u64) -> (&'static str, Fault) {
        let lot = draw::of_name(draw::of_name(seed, provider), &format!("request {number}"));
        let (mut lot, mut left) = (draw::unit(lot) * 100.0, number);
        let own = || self.0.iter().filter(|step| step.provider == provider);
        for step in own() {
            match step.meets {
                Meets::Percent(percent) if lot <= percent => return (step.name, step.fault),
                Meets::Percent(percent) => lot -= percent,
                Meets::All | Meets::Next(_) => {}
            }
        }
        for step in own() {
            match step.meets {
                Meets::Percent(_) => {}
                Meets::Next(times) if times <= left => left -= times,
                Meets::All | Meets::Next(_) => return (step.name, step.fault),
            }
        }
        ("ok", Fault::Ok)
    }

    /// How many of a hundred requests of a provider meet a fault by lot.
    fn percent(&self, provider: &str) -> f64 {
        let own = self.0.iter().filter(|step| step.provider == provider);
        let percent = |step: &Step| if let Meets::Percent(percent) = step.meets { percent } else { 0.0 };
        own.map(percent).sum()
    }
}

fn step(part: &str, providers: &[&str]) -> Result<Step, Error> {
    let Some((provider, what)) = part.split_once('=') else {
        return Err(Error::new(Kind::Usage, format!("`{part}` is not PROVIDER=FAULT")).hint(known_faults()));
    };
    let provider = provider.trim();
    if !providers.contains(&provider) {
        return Err(Error::new(Kind::Usage, format!("the sandbox has no provider `{provider}`"))
            .hint(format!("there are {}", providers.join(", "))));
    }
    let (name, fault, meets) = fault(what.trim())
        .ok_or_else(|| Error::new(Kind::Usage, format!("the sandbox knows no fault `{what}`")).hint(known_faults()))?;
    Ok(Step { provider: provider.to_owned(), name, fault, meets })
}

/// `NAME[:SECS][xN|%P]`.
fn fault(text: &str) -> Option<(&'static str, Fault, Meets)> {
    let (rest, meets) = meets(text)?;
    let (name, secs) = rest.split_once(':').map_or((rest, None), |(name, secs)| (name, Some(secs)));
    let row = ROWS.iter().find(|row| row.name == name)?;
    let ms = match (secs, row.default_ms) {
        (None, default) => default,
        (Some(secs), Some(_)) => Some(milliseconds(secs)?),
        (Some(_), None) => return None,
    };
    Some((row.name, (row.fault)(ms), meets))
}

/// Takes what stands behind a fault off: `xN` or `%P`.
fn meets(text: &str) -> Option<(&str, Meets)> {
    if let Some((rest, percent)) = text.split_once('%') {
        let percent = percent.parse().ok().filter(|p| (0.0..=100.0).contains(p))?;
        return Some((rest, Meets::Percent(percent)));
    }
    let counted = text.rsplit_once('x').and_then(|(rest, n)| Some((rest, Meets::Next(n.parse().ok()?))));
    Some(counted.unwrap_or((text, Meets::All)))
}

/// Seconds with decimals, at most a day.
fn milliseconds(secs: &str) -> Option<u64> {
    let secs: f64 = secs.parse().ok().filter(|s| (0.0..=86_400.0).contains(s))?;
    Some(whole_ms(secs))
}

fn known_faults() -> String {
    let names: Vec<_> = FAULTS.iter().map(|(name, _)| *name).collect();
    format!("the faults are {}; xN after one means: for N requests, %P: for P of a hundred", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["openai", "lab"];

    fn faults(text: &str, provider: &str) -> Vec<Fault> {
        let script = Script::parse(text, &NAMES).unwrap();
        (0..4).map(|n| script.fault(provider, n, 1).1).collect()
    }

    #[test]
    fn a_script_says_what_each_request_meets() {
        let limited = |ms| Fault::Refuse(Problem::RateLimited { retry_after_ms: ms });
        let (ok, failed) = (Fault::Ok, Fault::Refuse(Problem::ServerError));
        for (text, expected) in [
            ("", [ok; 4]),
            ("lab=500", [ok; 4]),
            ("openai=500", [failed; 4]),
            (" openai = 500x2 , lab=cut", [failed, failed, ok, ok]),
            ("openai=500,openai=cut", [failed; 4]),
            ("openai=500x1,openai=okx1,openai=cutx1", [failed, ok, Fault::Cut, ok]),
            ("openai=500x0,openai=hang", [Fault::Hang; 4]),
            ("openai=429", [limited(Some(1000)); 4]),
            ("openai=429-bare", [limited(None); 4]),
            ("openai=429:0.25x1", [limited(Some(250)), ok, ok, ok]),
            ("openai=slow", [Fault::Slow(2000); 4]),
            ("openai=slow:0.05", [Fault::Slow(50); 4]),
            ("openai=cut%100", [Fault::Cut; 4]),
            ("openai=500%0,openai=cut", [Fault::Cut; 4]),
            ("openai=500x2,openai=slow:0.05%100", [Fault::Slow(50); 4]),
        ] {
            assert_eq!(faults(text, "openai"), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_what_exists() {
        for (text, message, hint) in [
            ("openai", "`openai` is not PROVIDER=FAULT", "error-in-200"),
            ("opnai=429", "the sandbox has no provider `opnai`", "there are openai, lab"),
            ("openai=430", "the sandbox knows no fault `430`", "429[:SECS]"),
            ("openai=cut:1", "the sandbox knows no fault `cut:1`", "no-usage"),
            ("openai=slow:-1", "the sandbox knows no fault `slow:-1`", "slow"),
            ("openai=slow:NaN", "the sandbox knows no fault `slow:NaN`", "slow"),
            ("openai=500x-1", "the sandbox knows no fault `500x-1`", "xN"),
            ("openai=500%101", "the sandbox knows no fault `500%101`", "%P"),
            ("openai=500%", "the sandbox knows no fault `500%`", "%P"),
            ("openai=500x2%5", "the sandbox knows no fault `500x2%5`", "%P"),
        ] {
            let error = Script::parse(text, &NAMES).unwrap_err();
            assert_eq!((error.kind, error.message.as_str()), (Kind::Usage, message));
            assert!(error.hints[0].contains(hint), "{:?}", error.hints);
        }
    }

    #[test]
    fn lots_are_drawn_by_the_seed_and_as_often_as_they_should() {
        let script = Script::parse("openai=500%10,openai=cut%25.5,lab=hang%50", &NAMES).unwrap();
        let draw = |seed: u64| -> Vec<&str> { (0..10_000).map(|n| script.fault("openai", n, seed).0).collect() };
        let drawn = draw(7);
        for (name, expected) in [("500", 1_000), ("cut", 2_550), ("ok", 6_450), ("hang", 0)] {
            let found = drawn.iter().filter(|fault| **fault == name).count();
            assert!(found.abs_diff(expected) <= expected / 10, "{name}: {found}");
        }
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        let too_many = Script::parse("lab=500%60,lab=cut%41", &NAMES).unwrap_err();
        assert_eq!(too_many.message, "the faults of `lab` are more than 100 %");
    }

    #[test]
    fn the_help_lists_exactly_what_is_understood() {
        let told: Vec<_> = FAULTS.iter().map(|(name, _)| name.trim_end_matches("[:SECS]")).collect();
        let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(told, known);
        for (row, (name, _)) in ROWS.iter().zip(FAULTS) {
            assert_eq!(row.default_ms.is_some(), name.ends_with("[:SECS]"), "{name}");
        }
    }
}
