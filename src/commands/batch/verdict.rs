//! How a run ends, and which failures end it before its last line.

use super::report::Summary;
use crate::error::{Error, Kind, Result};

/// So many lines in a row that nobody could answer, for the same reason, end a run: the next one would not either.
const HOPELESS: u32 = 10;

/// Failures that are not their line's own, in a row.
#[derive(Debug, Default)]
pub struct InARow(Option<(Kind, u32)>);

impl InARow {
    /// A line was answered.
    pub fn broken(&mut self) {
        self.0 = None;
    }

    /// A line failed. The error that ends the run, if that is one too many.
    pub fn failed(&mut self, error: &Error) -> Option<Error> {
        if !is_everybody_s(error.kind) {
            return None;
        }
        let times = match self.0 {
            Some((kind, times)) if kind == error.kind => times + 1,
            _ => 1,
        };
        self.0 = Some((error.kind, times));
        let ends = || Error { hints: error.hints.clone(), ..Error::new(error.kind, &error.message) };
        (times >= HOPELESS).then(ends)
    }
}

/// Kinds of failure that are not the line's own: the next line would probably fail, too.
fn is_everybody_s(kind: Kind) -> bool {
    use Kind::{Auth, Budget, NoProvider, Other, RateLimited, Store, Unavailable};
    matches!(kind, Budget | Auth | RateLimited | Unavailable | NoProvider | Store | Other)
}

/// How the process ends: interrupted, stopped, with lines that failed, or well.
pub fn verdict(stopped: Option<Error>, summary: &Summary, kinds: &[Kind]) -> Result<()> {
    const AGAIN: &str = "the same command once more goes on where this one ended";
    let Summary { lines, answered, failed, left, .. } = summary;
    let failures = |error: Error| summary.failures.iter().fold(error, |error, failure| error.hint(failure.text()));
    if let Some(why) = stopped {
        return Err(match why.kind {
            Kind::Closed => why,
            Kind::Interrupted | Kind::Terminated => {
                let word = if why.kind == Kind::Terminated { "terminated" } else { "interrupted" };
                Error::new(why.kind, format!("{word}; {answered} of {lines} lines are answered")).hint(AGAIN)
            }
            _ => {
                let message = format!("stopped: {failed} lines failed, {left} are left; {}", why.message);
                let error = Error { hints: why.hints, ..Error::new(why.kind, message) };
                error.hint(AGAIN)
            }
        });
    }
    if *failed == 0 {
        return Ok(());
    }
    let kind = if kinds == [Kind::Budget] { Kind::Budget } else { Kind::Other };
    let what = if *failed == 1 { "line" } else { "lines" };
    let error = failures(Error::new(kind, format!("{failed} {what} of {lines} failed")));
    Err(error.hint("the same command once more asks them again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_what_it_was() {
        let summary = Summary { lines: 9, answered: 4, failed: 2, left: 3, ..Summary::default() };
        let whole = Summary { lines: 9, answered: 9, ..Summary::default() };
        let stopped = |kind| Some(Error::new(kind, "no money"));
        for (why, summary, kinds, code, says) in [
            (None, &whole, &[][..], 0, ""),
            (None, &summary, &[Kind::Refused], 1, "2 lines of 9 failed"),
            (None, &summary, &[Kind::Budget], 4, "2 lines of 9 failed"),
            (None, &summary, &[Kind::Budget, Kind::Refused], 1, "2 lines of 9 failed"),
            (stopped(Kind::Budget), &summary, &[Kind::Budget], 4, "stopped: 2 lines failed, 3 are left; no money"),
            (stopped(Kind::Interrupted), &summary, &[], 130, "interrupted; 4 of 9 lines are answered"),
            (stopped(Kind::Terminated), &summary, &[], 143, "terminated; 4 of 9 lines are answered"),
        ] {
            let ended = verdict(why, summary, kinds);
            let (is, said) = ended.map_or_else(|e| (e.exit_code(), e.message), |()| (0, String::new()));
            assert_eq!((is, said.as_str()), (code, says));
        }
    }
}
