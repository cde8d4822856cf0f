//! What a request that nobody answered says: what went wrong, and what to do about it.

use std::collections::BTreeSet;

use crate::catalogue::{self, Ability, ModelRow, Status};
use crate::engine::attempt::Ending;
use crate::engine::breaker::BreakerState;
use crate::engine::budget;
use crate::engine::facts::Facts;
use crate::engine::plan::{Plan, Reason, Refused};
use crate::error::{Error, Kind};
use crate::providers::table::PROVIDERS;
use crate::router::Router;
use crate::types::{CandidateId, FailureClass, Limit, NanoUsd, Timestamp};

/// What to do about the day's limit.
const RAISE_LIMIT: &str =
    "`llmr budget` says where the limit is set, `llmr budget set USD` sets another; a new day begins at midnight UTC";

/// So many models that can see are named where nobody can.
const SEEING_NAMED: usize = 4;

/// How a walk ended, with what was known then.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Why.
    pub ending: &'a Ending,
    /// The last plan.
    pub plan: &'a Plan,
    /// What it was made from.
    pub facts: &'a Facts,
}

impl Router<'_> {
    /// The error with which `ask` would end.
    pub fn would_end(&self, end: &End<'_>) -> Error {
        ended(end, None)
    }
}

/// The error of a walk that found nobody. `failures` says how the last attempt failed, if one was made.
pub(super) fn ended(end: &End<'_>, failures: Option<String>) -> Error {
    let said = |text: &str| failures.as_ref().map_or(text.to_owned(), |f| format!("{text}; the last was {f}"));
    match end.ending {
        Ending::Refused(class) => refused(*class, failures, end.plan),
        Ending::Budget => failures.into_iter().fold(over_budget(end.plan, end.facts), |error, last| {
            error.hint(format!("whoever could be paid for failed; the last was {last}"))
        }),
        Ending::RateLimited(until) => {
            let until = until.or_else(|| soonest(end.facts).map(|(_, until)| until));
            let when = until.map(|u| format!(" until {u}")).unwrap_or_default();
            let error = Error::new(Kind::RateLimited, said(&format!("every candidate is rate-limited{when}")));
            let limited = end.plan.refused.iter().filter(|refused| matches!(refused.reason, Reason::Limited(_)));
            let error = limited.fold(error, |error, refused| error.hint(format!("{}: {}", refused.id, refused.reason)));
            error.hint("try again later, or configure another provider")
        }
        Ending::Auth => Error::new(Kind::Auth, said("every candidate refused its key"))
            .hint("check the key's variable: `llmr providers` shows which is set, `llmr config show` where from"),
        Ending::Unavailable(_) if failures.is_none() => {
            let error = Error::new(Kind::Unavailable, "nobody can be asked now");
            let error = with_recovery(with_reasons(error, end.plan), end);
            match end.plan.refused.iter().any(|refused| refused.reason.is_money()) {
                true => error.hint(RAISE_LIMIT),
                false => error,
            }
        }
        Ending::Unavailable(_) => with_recovery(Error::new(Kind::Unavailable, said("every candidate failed")), end),
        Ending::NoCandidate => {
            let blind = |refused: &Refused| refused.reason == Reason::Blind;
            let message = match end.plan.refused.iter().all(blind) && !end.plan.refused.is_empty() {
                true => "no candidate can see pictures",
                false => "no candidate may be asked",
            };
            let error = with_reasons(Error::new(Kind::NoProvider, message), end.plan);
            if end.plan.refused.iter().any(blind) { error.hint(who_sees(end.plan)) } else { error }
        }
    }
}

/// Whom to ask about a picture: a model of each provider that takes part, else some provider's default.
fn who_sees(plan: &Plan) -> String {
    let sees = |row: &&ModelRow| row.can(Ability::Vision) && row.status == Status::Active;
    let default = |provider: &str| catalogue::find(provider, catalogue::defaults(provider)?.default).filter(sees);
    let any = |provider: &str| catalogue::by_provider(provider).iter().rfind(sees);
    let here: BTreeSet<&str> = plan.refused.iter().map(|refused| refused.id.provider.as_str()).collect();
    let mut seeing: Vec<&ModelRow> = here.into_iter().filter_map(|name| default(name).or_else(|| any(name))).collect();
    if seeing.is_empty() {
        seeing = PROVIDERS.iter().filter_map(|row| default(row.name)).collect();
    }
    let names: Vec<String> = seeing.iter().take(SEEING_NAMED).map(|r| format!("-m {}/{}", r.provider, r.id)).collect();
    format!("to ask one that can see: {}; `llmr models --json` has every one with `vision`", names.join(", "))
}

fn with_reasons(error: Error, plan: &Plan) -> Error {
    plan.refused.iter().fold(error, |error, refused| error.hint(format!("{}: {}", refused.id, refused.reason)))
}

/// With who is back first, and how to have somebody back now.
fn with_recovery(error: Error, end: &End<'_>) -> Error {
    let first = match end.ending {
        Ending::Unavailable(Some(first)) => Some(first.clone()),
        _ => soonest(end.facts),
    };
    match first {
        Some((id, until)) => error
            .hint(format!("the soonest to recover is {id}, at {until}"))
            .hint("`llmr providers` shows their state, `llmr providers reset NAME` closes a breaker and ends a rest"),
        None => error.hint("`llmr providers` shows their state, -v every attempt"),
    }
}

/// Who may be asked again first, where everybody must be left alone now.
fn soonest(facts: &Facts) -> Option<(CandidateId, Timestamp)> {
    let left_alone = facts.known.iter().map(|known| {
        let rest = known.rest.map(|rest| rest.until).filter(|until| facts.now < *until);
        let open = known.breaker.open_until.filter(|_| known.breaker.state(facts.now) == BreakerState::Open);
        rest.max(open).map(|until| (until, &known.candidate.id))
    });
    let first = left_alone.collect::<Option<Vec<_>>>()?.into_iter().min();
    first.map(|(until, id)| (id.clone(), until))
}

fn refused(class: FailureClass, failures: Option<String>, plan: &Plan) -> Error {
    let wrong_address = failures.as_ref().is_some_and(|failures| failures.contains("check the base URL"));
    let message = match failures {
        Some(failures) => format!("the request is refused by {failures}"),
        None if class == FailureClass::ContextOverflow => "the prompt is too long for every candidate".to_owned(),
        None => format!("the request is refused ({class})"),
    };
    let error = Error::new(Kind::Refused, message);
    let error = match class {
        FailureClass::ModelNotFound if wrong_address => error.hint("`llmr config show` says where a base URL is set"),
        FailureClass::ModelNotFound => error.hint("`llmr models` lists what is known"),
        _ => error,
    };
    let windows = plan.refused.iter().filter(|r| matches!(r.reason, Reason::Window { .. }));
    windows.fold(error, |error, refused| error.hint(format!("{}: {}", refused.id, refused.reason)))
}

/// Says what is spent, what is held, and what would fit.
fn over_budget(plan: &Plan, facts: &Facts) -> Error {
    if plan.refused.iter().all(|r| !matches!(r.reason, Reason::Budget { .. })) && plan.order.is_empty() {
        let unpriced = plan.refused.iter().filter(|r| r.reason == Reason::Unpriced).map(|r| r.id.to_string());
        let names = unpriced.collect::<Vec<_>>().join(", ");
        let message = format!("the price of {names} is not known or cannot be bounded, and money is limited");
        return Error::new(Kind::Budget, message).hint(match facts.question.unbounded {
            true => "leave out what -o adds: nothing bounds its price; or ask all the same with --allow-unpriced",
            false => "give a price in config.toml ([[provider]]), or ask all the same with --allow-unpriced",
        });
    }
    let least = cheapest(plan);
    let bound = Bound::of(facts, least.as_ref().map_or(NanoUsd::ZERO, |(needs, _)| *needs));
    let over_the_day = !matches!(bound, Bound::Request(_));
    let error = Error { over_the_day, ..Error::new(Kind::Budget, bound.message(facts)) };
    let fits = least.and_then(|(needs, id)| what_would_fit(needs, &id, facts));
    fits.into_iter().fold(error, Error::hint).hint(bound.hint())
}

/// The cheapest worst case of those that money keeps out, for now or for the day.
fn cheapest(plan: &Plan) -> Option<(NanoUsd, CandidateId)> {
    let refused = plan.refused.iter().filter_map(|r| match r.reason {
        Reason::Budget { needs } => Some((needs, &r.id)),
        _ => None,
    });
    let waiting = plan.order.iter().map(|r| (r.sized.hold, &r.candidate.id));
    refused.chain(waiting).min().map(|(needs, id)| (needs, id.clone()))
}

/// What that one may cost, what is left, and the longest answer for that.
fn what_would_fit(needs: NanoUsd, id: &CandidateId, facts: &Facts) -> Option<String> {
    let left = facts.money.free();
    let known = facts.known.iter().find(|known| known.candidate.id == *id)?;
    if known.candidate.pricing.is_none() {
        return Some(format!("the price of {id} is not known, and {left} USD are left"));
    }
    let wanted = facts.question.explicit_cap.unwrap_or(facts.question.default_cap);
    let most = wanted.min(known.candidate.max_output_tokens.unwrap_or(u64::MAX));
    let until = facts.now.plus_ms(facts.policy.attempt_ms);
    let fits = match budget::largest_cap(&known.candidate, &facts.question, most, &facts.money, facts.now, until) {
        Some(cap) => format!("enough for --max-tokens {cap}"),
        None => "not enough for any answer to this prompt".to_owned(),
    };
    Some(format!("{id} may cost up to {needs} USD; {left} USD are left, {fits}"))
}

/// Which limit is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Request(NanoUsd),
    Day(NanoUsd),
    Both(NanoUsd, NanoUsd),
}

impl Bound {
    /// The one that so much more would pass; both, where that cannot be told.
    fn of(facts: &Facts, needs: NanoUsd) -> Self {
        let money = &facts.money;
        match (money.limit, money.request_cap) {
            (Limit::Usd(day), None) => Self::Day(day),
            (Limit::Off, cap) => Self::Request(cap.unwrap_or_default()),
            (Limit::Usd(day), Some(cap)) => {
                let over_cap = money.own_spent + money.own_held + money.cap_held + needs > cap;
                let over_day = money.spent + money.held + needs > day;
                match (over_cap, over_day) {
                    (true, false) => Self::Request(cap),
                    (false, true) => Self::Day(day),
                    _ => Self::Both(day, cap),
                }
            }
        }
    }

    fn message(self, facts: &Facts) -> String {
        let money = &facts.money;
        let day = format!("{} USD are spent, {} USD held by requests under way", money.spent, money.held);
        let own = format!("{} USD of that are spent", money.own_spent);
        match self {
            Self::Request(cap) => format!("the request's worst case does not fit --max-cost {cap}: {own}"),
            Self::Day(limit) => format!("the request's worst case does not fit today's limit of {limit} USD: {day}"),
            Self::Both(limit, cap) => {
                format!(
                    "the request's worst case fits neither --max-cost {cap} nor today's limit of {limit} USD: {day}"
                )
            }
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Request(_) => "a higher --max-cost lets it through",
            _ => RAISE_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::tests::facts;
    use crate::types::Limit;

    #[test]
    fn what_was_spent_and_held_counts_for_the_limit_in_the_way() {
        let (day, cap) = (NanoUsd(20), NanoUsd(10));
        for (spent, held, [own_spent, own_held, cap_held], needs, named) in [
            (0, 0, [3, 3, 3], 1, Bound::Both(day, cap)),
            (0, 0, [3, 3, 3], 2, Bound::Request(cap)),
            (9, 9, [0, 0, 0], 3, Bound::Day(day)),
            // What just fits either is in neither's way, and neither is named alone.
            (9, 9, [3, 3, 2], 2, Bound::Both(day, cap)),
            (9, 9, [3, 3, 3], 2, Bound::Request(cap)),
            (9, 10, [3, 3, 2], 2, Bound::Day(day)),
        ] {
            let mut facts = facts(vec![]);
            let money = &mut facts.money;
            (money.limit, money.request_cap) = (Limit::Usd(day), Some(cap));
            (money.spent, money.held) = (NanoUsd(spent), NanoUsd(held));
            (money.own_spent, money.own_held, money.cap_held) =
                (NanoUsd(own_spent), NanoUsd(own_held), NanoUsd(cap_held));
            assert_eq!(Bound::of(&facts, NanoUsd(needs)), named, "{spent} {held} {own_spent} {cap_held} {needs}");
        }
    }

    #[test]
    fn the_limit_that_is_in_the_way_is_named() {
        let usd = |n: i64| NanoUsd(n * 1_000_000_000);
        for (limit, cap, needs, named) in [
            (Limit::Usd(usd(5)), None, 9, Bound::Day(usd(5))),
            (Limit::Off, Some(usd(1)), 9, Bound::Request(usd(1))),
            (Limit::Usd(usd(5)), Some(usd(1)), 2, Bound::Request(usd(1))),
            (Limit::Usd(usd(1)), Some(usd(5)), 2, Bound::Day(usd(1))),
            (Limit::Usd(usd(1)), Some(usd(1)), 2, Bound::Both(usd(1), usd(1))),
        ] {
            let mut facts = facts(vec![]);
            (facts.money.limit, facts.money.request_cap) = (limit, cap);
            (facts.money.spent, facts.money.held) = (NanoUsd::ZERO, NanoUsd::ZERO);
            assert_eq!(Bound::of(&facts, usd(needs)), named);
        }
    }
}
