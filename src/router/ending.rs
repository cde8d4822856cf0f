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
    use crate::engine::breaker::Breaker;
    use crate::engine::facts::{Done, Known, Rest};
    use crate::engine::plan::{plan, tests::facts};
    use crate::engine::score::tests::known;
    use crate::types::{Limit, Tier};

    /// A plan that refuses these and asks nobody.
    fn refusing(refused: &[(&str, Reason)]) -> Plan {
        let refused =
            refused.iter().map(|(name, reason)| Refused { id: CandidateId::new(*name, "m"), reason: reason.clone() });
        Plan { refused: refused.collect(), ..plan(&facts(vec![]), &Done::new()) }
    }

    /// The error of this ending, with nothing known of anybody: its kind, its message and its hints.
    fn told(ending: &Ending, plan: &Plan, failures: Option<&str>) -> (Kind, String, Vec<String>) {
        let error = ended(&End { ending, plan, facts: &facts(vec![]) }, failures.map(str::to_owned));
        (error.kind, error.message, error.hints)
    }

    const STATES: &str = "`llmr providers` shows their state, -v every attempt";
    const OVER: Reason = Reason::Budget { needs: NanoUsd(1) };
    const LOW: Reason = Reason::Tier { has: None, wants: Tier::Premium };

    #[test]
    fn where_nobody_is_left_the_reasons_are_told_and_money_s_with_its_remedy() {
        let nobody = Ending::Unavailable(None);
        let failed = told(&nobody, &refusing(&[]), Some("a/m: cut"));
        assert_eq!(
            failed,
            (Kind::Unavailable, "every candidate failed; the last was a/m: cut".into(), vec![STATES.into()])
        );
        let (kind, message, hints) = told(&nobody, &refusing(&[("a", OVER)]), None);
        assert_eq!((kind, message.as_str()), (Kind::Unavailable, "nobody can be asked now"));
        assert_eq!(hints, [&format!("a/m: {OVER}"), STATES, RAISE_LIMIT]);
        let (.., hints) = told(&nobody, &refusing(&[("a", Reason::Failed(FailureClass::Cut))]), None);
        assert_eq!(hints.last().map(String::as_str), Some(STATES));
    }

    #[test]
    fn who_recovers_first_is_named() {
        let until = Timestamp(2_000_000);
        let ending = Ending::Unavailable(Some((CandidateId::new("b", "m"), until)));
        let (.., hints) = told(&ending, &refusing(&[]), Some("a/m: cut"));
        assert_eq!(hints[0], format!("the soonest to recover is b/m, at {until}"));
        assert!(hints[1].contains("providers reset NAME"), "{hints:?}");
    }

    #[test]
    fn the_soonest_is_told_only_where_everybody_is_left_alone() {
        let now = facts(vec![]).now;
        let (past, soon, late) = (now.plus_ms(-1), now.plus_ms(10), now.plus_ms(20));
        let rests = |name: &str, until| Known {
            rest: Some(Rest { until, class: FailureClass::RateLimited }),
            ..known(name, "1", "1")
        };
        let opened = |name: &str, until, trial_until| Known {
            breaker: Breaker { failures: 3, open_until: Some(until), trial_until },
            ..known(name, "1", "1")
        };
        let both = Known { rest: rests("a", soon).rest, ..opened("a", late, None) };
        for (known, first) in [
            (vec![], None),
            (vec![rests("a", late), rests("b", soon)], Some(("b", soon))),
            (vec![opened("a", soon, None), rests("b", late)], Some(("a", soon))),
            (vec![both], Some(("a", late))),
            (vec![rests("a", late), known("b", "1", "1")], None),
            (vec![rests("a", late), rests("b", now)], None),
            (vec![rests("a", late), rests("b", past)], None),
            // Half open: somebody may be let through at any moment.
            (vec![rests("a", late), opened("b", past, Some(late))], None),
        ] {
            let names: Vec<_> = known.iter().map(|k| k.candidate.id.to_string()).collect();
            let first = first.map(|(name, until)| (CandidateId::new(name, "m"), until));
            assert_eq!(soonest(&facts(known)), first, "{names:?}");
        }
    }

    #[test]
    fn nobody_who_sees_is_another_thing_than_nobody() {
        let message = |refused: &[(&str, Reason)]| told(&Ending::NoCandidate, &refusing(refused), None).1;
        assert_eq!(message(&[]), "no candidate may be asked");
        assert_eq!(message(&[("a", Reason::Blind), ("b", Reason::Blind)]), "no candidate can see pictures");
        assert_eq!(message(&[("a", Reason::Blind), ("b", LOW)]), "no candidate may be asked");
        let hints = |refused: &[(&str, Reason)]| told(&Ending::NoCandidate, &refusing(refused), None).2.len();
        assert_eq!((hints(&[("a", LOW)]), hints(&[("a", LOW), ("b", Reason::Blind)])), (1, 3));
    }

    #[test]
    fn only_models_that_see_are_named_to_who_has_a_picture() {
        for provider in PROVIDERS {
            let hint = who_sees(&refusing(&[(provider.name, Reason::Blind)]));
            let (names, _) = hint.split_once(';').unwrap();
            let names = names.strip_prefix("to ask one that can see: ").unwrap().split(", ");
            for name in names.map(|name| name.strip_prefix("-m ").unwrap()) {
                let (provider, id) = name.split_once('/').unwrap();
                let row = catalogue::find(provider, id).unwrap();
                assert!(row.can(Ability::Vision) && row.status == Status::Active, "{hint}");
            }
        }
    }

    #[test]
    fn a_refusal_says_what_to_do_about_it() {
        use FailureClass as C;
        let windows = [("a", Reason::Window { needs: 9, has: 8 }), ("b", LOW)];
        let known = "`llmr models` lists what is known";
        let address = "`llmr config show` says where a base URL is set";
        for (class, failures, message, hint) in [
            (C::InvalidRequest, Some("a/m: no"), "the request is refused by a/m: no", None),
            (C::InvalidRequest, None, "the request is refused (invalid_request)", None),
            (C::ContextOverflow, None, "the prompt is too long for every candidate", None),
            (C::ModelNotFound, Some("a/m: no"), "the request is refused by a/m: no", Some(known)),
            (
                C::ModelNotFound,
                Some("a/m: check the base URL"),
                "the request is refused by a/m: check the base URL",
                Some(address),
            ),
        ] {
            let (kind, said, hints) = told(&Ending::Refused(class), &refusing(&windows), failures);
            assert_eq!((kind, said.as_str()), (Kind::Refused, message));
            let hint = hint.map(str::to_owned);
            assert_eq!(hints, Vec::from_iter(hint.into_iter().chain([format!("a/m: {}", windows[0].1)])));
        }
    }

    #[test]
    fn what_money_keeps_out_is_told_with_what_would_fit() {
        let mut facts = facts(vec![known("dear", "10", "50"), known("cheap", "0.1", "0.4")]);
        facts.money.limit = Limit::Usd(NanoUsd(300_000));
        (facts.money.spent, facts.money.held) = (NanoUsd(100_000), NanoUsd(50_000));
        let error = over_budget(&plan(&facts, &Done::new()), &facts);
        assert_eq!(
            error.message,
            "the request's worst case does not fit today's limit of 0.0003 USD: 0.0001 USD are spent, \
             0.00005 USD held by requests under way"
        );
        // 4,000 tokens of input and 8,192 of output, at 100 and 400 nano-dollars.
        let cheap = "cheap/m may cost up to 0.0036768 USD; 0.00015 USD are left, enough for --max-tokens 87";
        assert_eq!((error.hints, error.over_the_day), (vec![cheap.to_owned(), RAISE_LIMIT.to_owned()], true));

        (facts.money.limit, facts.money.request_cap) = (Limit::Off, Some(NanoUsd(100_000)));
        let error = over_budget(&plan(&facts, &Done::new()), &facts);
        let message = "the request's worst case does not fit --max-cost 0.0001: 0 USD of that are spent";
        let cheap =
            "cheap/m may cost up to 0.0036768 USD; 0.0001 USD are left, not enough for any answer to this prompt";
        assert_eq!((error.message.as_str(), error.over_the_day), (message, false));
        assert_eq!(error.hints, [cheap, "a higher --max-cost lets it through"]);

        (facts.money.limit, facts.money.request_cap) = (Limit::Usd(NanoUsd(1)), Some(NanoUsd(1)));
        let message = over_budget(&plan(&facts, &Done::new()), &facts).message;
        assert!(message.contains("fits neither --max-cost 0.000000001 nor today's limit"), "{message}");
    }

    #[test]
    fn without_a_price_nothing_is_said_of_limits() {
        let facts = facts(vec![known("cheap", "0.1", "0.4")]);
        let unpriced =
            |refused| over_budget(&refusing(refused), &facts).message.contains("the price of b/m is not known");
        assert!(unpriced(&[("b", Reason::Unpriced), ("a", LOW)]));
        assert!(!unpriced(&[("b", Reason::Unpriced), ("a", OVER)]));
        let waiting = Plan { order: plan(&facts, &Done::new()).order, ..refusing(&[("b", Reason::Unpriced)]) };
        let error = over_budget(&waiting, &facts);
        assert!(error.message.contains("does not fit today's limit"), "{error:?}");
        assert!(error.hints[0].starts_with("cheap/m may cost up to "), "{error:?}");
    }

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
