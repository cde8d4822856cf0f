//! The walk through random plans and random failures: nobody more often than its retries, no more attempts than in
//! all, nobody below the tier, every wait within its bounds, and an end.

use std::collections::BTreeMap;

use llmr::engine::attempt::{Ending, Step, Wait, Walk, WalkRules};
use llmr::engine::facts::{Facts, Rest};
use llmr::engine::plan::plan;
use llmr::engine::retry;
use llmr::types::{CandidateId, Failure, FailureClass, Retry, Timestamp};
use proptest::prelude::*;

use crate::cases;
use crate::facts::{at, facts};
use crate::store::{NOON, RULES};

/// How an attempt goes: the class, what is asked for as a pause, and how long it took.
#[derive(Debug, Clone, Copy)]
struct Fate {
    class: FailureClass,
    retry_after_ms: Option<u64>,
    took_ms: i64,
}

fn fate() -> impl Strategy<Value = Fate> {
    let retryable: Vec<FailureClass> = FailureClass::all().filter(|class| class.retry() != Retry::Never).collect();
    let going_on: Vec<FailureClass> = FailureClass::all().filter(|class| class.tries_next()).collect();
    let class = prop_oneof![
        6 => prop::sample::select(retryable),
        3 => prop::sample::select(going_on),
        1 => prop::sample::select(FailureClass::all().collect::<Vec<_>>()),
    ];
    let pause = prop_oneof![3 => Just(None), 1 => (0..40_000u64).prop_map(Some), 1 => any::<u64>().prop_map(Some)];
    let took = prop_oneof![3 => 0..5_001i64, 1 => 5_001..30_000i64];
    (class, pause, took).prop_map(|(class, retry_after_ms, took_ms)| Fate { class, retry_after_ms, took_ms })
}

prop_compose! {
    fn rules()(
        max_retries in 0..4u32, max_attempts in 0..9u32, budget_wait_ms in 0..20_000i64, lasts in 0..300_000i64,
        patient in prop::bool::weighted(0.2), draw in any::<u64>(),
    ) -> WalkRules {
        WalkRules { max_retries, max_attempts, budget_wait_ms, deadline: NOON.plus_ms(lasts), patient, draw }
    }
}

/// One walk as the router walks it, on a clock of its own.
struct Trip<'a> {
    facts: Facts,
    rules: WalkRules,
    walk: Walk,
    now: Timestamp,
    fates: std::slice::Iter<'a, Fate>,
    asked: Vec<(CandidateId, FailureClass)>,
    waited_for_money_ms: i64,
}

/// How often to look before a walk counts as endless: some wait 40 ms at a time.
const LOOKS: usize = 20_000;

impl Trip<'_> {
    /// Everything up to the end, and what it was.
    fn run(&mut self) -> Result<Ending, TestCaseError> {
        for _ in 0..LOOKS {
            let plan = plan(&at(&self.facts, self.now), self.walk.done());
            match self.walk.next(&plan, self.now) {
                Step::End(ending) => return Ok(ending),
                Step::Wait { until, why } => self.wait(until, &why)?,
                Step::Try(ranked) => {
                    prop_assert!(plan.order.iter().any(|r| r == &*ranked), "it is in the plan");
                    self.attempt(&ranked.candidate)?;
                }
            }
        }
        Err(TestCaseError::fail("the walk does not end"))
    }

    fn wait(&mut self, until: Timestamp, why: &Wait) -> Result<(), TestCaseError> {
        prop_assert!(until > self.now, "a wait that is over: {:?}", why);
        prop_assert!(until <= self.rules.deadline, "a wait beyond the deadline: {:?}", why);
        let ms = until.since_ms(self.now);
        match why {
            Wait::Backoff(_) => prop_assert!(ms <= retry::PATIENCE_MS as i64, "a pause of {} ms", ms),
            Wait::Rest(..) => {
                prop_assert!(self.rules.patient || ms <= retry::PATIENCE_MS as i64, "a rest of {} ms", ms)
            }
            Wait::Money => {
                self.waited_for_money_ms += ms;
                prop_assert!(self.waited_for_money_ms <= self.rules.budget_wait_ms);
            }
        }
        self.now = until;
        Ok(())
    }

    fn attempt(&mut self, candidate: &llmr::types::Candidate) -> Result<(), TestCaseError> {
        prop_assert!(self.now < self.rules.deadline);
        let tier = self.facts.policy.tier;
        prop_assert!(tier.is_none_or(|wants| candidate.tier.is_some_and(|has| has >= wants)), "below the tier");
        let stopped = self.asked.iter().find(|(_, class)| !class.tries_next());
        prop_assert!(stopped.is_none(), "asked again after {:?}", stopped);
        let never_again = self.asked.iter().any(|(id, class)| *id == candidate.id && class.retry() == Retry::Never);
        prop_assert!(!never_again, "{} was done with", candidate.id);
        self.walk.begin(&candidate.id, self.now);
        self.waited_for_money_ms = 0;
        let Some(fate) = self.fates.next() else { return Err(TestCaseError::reject("no more fates")) };
        self.now = self.now.plus_ms(fate.took_ms);
        self.asked.push((candidate.id.clone(), fate.class));
        let failure = Failure { retry_after_ms: fate.retry_after_ms, ..Failure::new(fate.class, "it failed") };
        self.walk.failed(candidate, &failure, self.now);
        self.remember(&candidate.id, fate);
        Ok(())
    }

    /// What the store would know of it at the next look.
    fn remember(&mut self, id: &CandidateId, fate: &Fate) {
        let tries = self.walk.tries(id);
        for known in self.facts.known.iter_mut().filter(|known| known.candidate.id.provider == id.provider) {
            if fate.class.counts_for_breaker() {
                known.breaker = known.breaker.after_failure(self.now, &RULES);
            }
            if fate.class == FailureClass::RateLimited && known.candidate.id == *id {
                let ms = retry::rest_ms(tries - 1, fate.retry_after_ms);
                known.rest = Some(Rest { until: self.now.after_ms(ms), class: fate.class });
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn a_walk_keeps_every_bound(facts in facts(), rules in rules(), fates in prop::collection::vec(fate(), 10)) {
        let mut trips = [(); 2].map(|()| Trip {
            facts: facts.clone(), rules, walk: Walk::new(rules), now: NOON, fates: fates.iter(), asked: Vec::new(),
            waited_for_money_ms: 0,
        });
        let ending = trips[0].run()?;
        let trip = &trips[0];
        let mut tries: BTreeMap<&CandidateId, u32> = BTreeMap::new();
        trip.asked.iter().for_each(|(id, _)| *tries.entry(id).or_default() += 1);
        for (id, tries) in tries {
            prop_assert_eq!(trip.walk.tries(id), tries);
            // Who is patient waits a rate limit out for as long as attempts are left.
            prop_assert!(tries <= rules.max_retries + 1 || rules.patient, "{} was asked {} times", id, tries);
        }
        prop_assert_eq!(trip.walk.attempts() as usize, trip.asked.len());
        prop_assert!(trip.asked.len() <= rules.max_attempts as usize);
        if let Some((_, class)) = trip.asked.iter().find(|(_, class)| !class.tries_next()) {
            prop_assert_eq!(&ending, &Ending::Refused(*class));
        }
        // The same facts, the same draw, the same fates: the same walk.
        let again = trips[1].run()?;
        prop_assert_eq!((again, &trips[1].asked, trips[1].now), (ending, &trips[0].asked, trips[0].now));
    }

    #[test]
    fn side_by_side_everybody_is_asked_once_and_within_the_attempts(
        facts in facts(), rules in rules(), n in 0..9usize, asked in 0..5usize,
    ) {
        let mut walk = Walk::new(rules);
        let plan = plan(&facts, &llmr::engine::facts::Done::new());
        for ranked in plan.order.iter().take(asked) {
            walk.begin(&ranked.candidate.id, NOON);
            walk.give_up_on(&ranked.candidate.id);
        }
        let together = walk.side_by_side(&plan, n, NOON);
        let left = (rules.max_attempts as usize).saturating_sub(walk.attempts() as usize);
        prop_assert!(together.len() <= n.min(left));
        for (at, ranked) in together.iter().enumerate() {
            prop_assert!(!walk.done().contains(&ranked.candidate.id));
            prop_assert!(together[..at].iter().all(|other| other.candidate.id != ranked.candidate.id), "twice");
            prop_assert!(ranked.sized.hold <= facts.money.free());
        }
        prop_assert!(NOON < rules.deadline || together.is_empty());
    }

    #[test]
    fn a_pause_is_within_its_ceiling_and_never_before_the_provider_s_word(
        retry in any::<u32>(), draw in any::<u64>(), told in prop::option::of(any::<u64>()),
    ) {
        let ceiling = 500u64.saturating_mul(1 << retry.min(10)).min(8000);
        let own = retry::wait_ms(retry, draw, None);
        prop_assert!(own <= ceiling);
        prop_assert_eq!(retry::wait_ms(retry, draw, told), own.max(told.unwrap_or(0)));
        let rest = retry::rest_ms(retry, told);
        prop_assert!(rest <= 86_400_000);
        prop_assert_eq!(rest, told.unwrap_or(1000 << retry.min(6)).min(86_400_000));
    }
}
