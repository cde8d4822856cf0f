//! `--cascade`: two cheap models are asked first, a strong one only where they do not agree.

use crate::config::Config;
use crate::engine::facts::Facts;
use crate::engine::plan::{Plan, Ranked};
use crate::engine::tiers::cascade::{First, agree, first};
use crate::error::Result;
use crate::router::attempt::Over;
use crate::router::repair::fits;
use crate::router::request::{Request, Selection};
use crate::router::walk::Trip;
use crate::router::{Job, Selected, select};
use crate::schema;
use crate::types::{Day, FinishReason, Tier};

/// The request that the two cheap ones are asked with: anybody may answer it. The cheapest come first, whatever the
/// strategy.
pub fn opened(request: Request, strong: Tier) -> Request {
    let selection = Selection { tier: None, auto: false, ..request.selection };
    Request { selection, cascade: Some(strong), ..request }
}

/// Whom that concerns: the models of the strong tier and of all below it.
pub(super) fn select_all(config: &Config, request: &Request, strong: Tier, today: Day) -> Result<Selected> {
    let of = |tier: Tier| select(config, &Selection { tier: Some(tier), ..request.selection.clone() }, today);
    let mut all = of(strong)?;
    for tier in Tier::ALL.into_iter().filter(|tier| *tier < strong) {
        for target in of(tier)?.targets {
            if all.target(&target.candidate.id).is_none() {
                all.targets.push(target);
            }
        }
    }
    Ok(all)
}

/// Whether the prompt is one of those that cheap models fail at so often that they are not asked.
pub(super) fn begins_strong(job: &Job) -> bool {
    first(job.judgement.verdict(&job.request)) == First::Strong
}

/// The same request for the strong tier.
pub fn strong(job: &Job) -> Job {
    let tier = job.request.cascade;
    let selection = Selection { tier, ..job.request.selection.clone() };
    let request = Request { selection, cascade: None, ..job.request.clone() };
    Job { request, ..job.clone() }
}

/// The two cheapest of different models, both below the strong tier; nobody where there are not two.
pub fn two_cheap(order: &[Ranked], strong: Tier) -> Vec<Ranked> {
    let mut cheap = order.iter().filter(|ranked| ranked.candidate.tier.is_some_and(|tier| tier < strong));
    let Some(one) = cheap.next() else { return Vec::new() };
    let other = cheap.find(|other| other.candidate.id.model != one.candidate.id.model);
    other.map_or_else(Vec::new, |other| vec![one.clone(), other.clone()])
}

/// The plan's part that may be asked now.
pub(super) fn pair(trip: &Trip<'_>, plan: &Plan, facts: &Facts, strong: Tier) -> Vec<Ranked> {
    let all = trip.walk.side_by_side(plan, usize::MAX, trip.now(facts.now));
    two_cheap(&all, strong)
}

/// Whether all answers came whole and say the same.
pub(super) fn agreement(request: &Request, overs: &[Over]) -> bool {
    let answers: Option<Vec<&str>> = overs.iter().map(|over| whole(request, over)).collect();
    let same = |one: &str, other: &str| match &request.schema {
        Some(schema) => {
            let data = |text| serde_json::from_str::<serde_json::Value>(schema::fit(schema, text).ok()?).ok();
            data(one) == data(other)
        }
        None => agree(one, other),
    };
    answers.is_some_and(|answers| answers.len() > 1 && answers.windows(2).all(|pair| same(pair[0], pair[1])))
}

/// An answer that ended because it was done, and fits.
fn whole<'o>(request: &Request, over: &'o Over) -> Option<&'o str> {
    let answer = over.result.as_ref().ok()?;
    (answer.finish == FinishReason::Stop && fits(request, answer)).then_some(answer.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::facts::Done;
    use crate::engine::plan::{plan, tests::facts};
    use crate::engine::score::tests::known;
    use crate::router::record::tests::{failed, over, said};
    use crate::router::shape::tests::{object, request};
    use crate::types::FinishReason::{Length, Stop};
    use crate::types::{FailureClass, Strategy};

    #[test]
    fn the_two_cheapest_of_different_models_are_asked() {
        let of = |name: &str, model: &str, price: &str, tier| {
            let mut candidate = (*known(name, price, price).candidate).clone();
            (candidate.id.model, candidate.tier) = (model.to_owned(), tier);
            crate::engine::facts::Known::new(candidate)
        };
        let all = vec![
            of("a", "small", "1", Some(Tier::Fast)),
            of("b", "small", "2", Some(Tier::Fast)),
            of("c", "medium", "3", Some(Tier::Balanced)),
            of("d", "own", "0", None),
            of("e", "large", "0.5", Some(Tier::Premium)),
        ];
        let mut facts = facts(all);
        facts.policy.strategy = Strategy::Cheapest;
        let names = |order: &[Ranked], strong| -> Vec<String> {
            two_cheap(order, strong).iter().map(|ranked| ranked.candidate.id.provider.clone()).collect()
        };
        let order = plan(&facts, &Done::new()).order;
        assert_eq!(names(&order, Tier::Premium), ["a", "c"]);
        assert_eq!(names(&order, Tier::Balanced), [""; 0], "two of the same model are one opinion");
        assert_eq!(names(&order, Tier::Fast), [""; 0]);
    }

    #[test]
    fn answers_agree_when_both_came_whole_and_say_the_same() {
        let (plain, schema) = (request(), Request { schema: object(), ..request() });
        for (request, answers, agrees) in [
            (&plain, [said("42", Stop), said("The answer is 42.", Stop)], true),
            (&plain, [said("42", Stop), said("43", Stop)], false),
            (&plain, [said("42", Stop), said("42", Length)], false),
            (&plain, [said("42", Stop), failed(FailureClass::Cut)], false),
            (&plain, [said("", Stop), said("", Stop)], false),
            (&schema, [said("{\"a\": 1}", Stop), said("{\"a\":1}", Stop)], true),
            (&schema, [said("{\"a\": 1}", Stop), said("{\"a\": 2}", Stop)], false),
            (&schema, [said("{}", Stop), said("x", Stop)], false),
        ] {
            let overs: Vec<Over> = answers.into_iter().map(over).collect();
            let results: Vec<_> = overs.iter().map(|over| &over.result).collect();
            assert_eq!(agreement(request, &overs), agrees, "{results:?}");
        }
    }
}
