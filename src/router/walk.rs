//! The walk: a fresh plan before every step, until somebody answers or nobody is left.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::engine::attempt::{Ending, Step, Wait, Walk, WalkRules};
use crate::engine::budget::{self, BudgetState};
use crate::engine::draw;
use crate::engine::facts::Facts;
use crate::engine::plan::{Plan, Reason, plan};
use crate::error::{Error, Kind, Result};
use crate::router::attempt::End;
use crate::router::decision::decision;
use crate::router::interrupt::interrupted;
use crate::router::request::{Answered, CacheUse, Listener};
use crate::router::shape::Dropped;
use crate::router::{Job, Router, start};
use crate::store::RequestEnd;
use crate::transport::Client;
use crate::types::{AttemptReport, CacheOutcome, CandidateId, FailureClass, Limit, NanoUsd, RequestId, Timestamp};

/// How long after a plan that could not be followed the next one is made, in milliseconds: unnoticed by a person.
const LOOK_AGAIN_MS: i64 = 10;

/// A walk under way.
pub(super) struct Trip<'j> {
    pub job: &'j Job,
    pub id: RequestId,
    pub walk: Walk,
    pub client: Client,
    /// When it began, on a clock that never jumps.
    pub began: Instant,
    pub deadline: Timestamp,
    pub reports: Vec<AttemptReport>,
    pub warnings: Vec<String>,
    /// What each candidate refused to take.
    pub dropped: BTreeMap<CandidateId, Dropped>,
    /// Whom the last attempt asked, and how it failed.
    pub last: Option<(AttemptReport, String)>,
    /// The decision, until it is recorded with the first attempt.
    pub decision: Option<String>,
    /// Resolves when the process is asked to stop.
    pub stop: Pin<Box<dyn Future<Output = Kind>>>,
}

impl Trip<'_> {
    /// What the attempts cost so far, where that is known.
    pub fn spent(&self) -> NanoUsd {
        self.reports.iter().filter_map(|r| r.cost_usd).sum()
    }

    /// What the whole request cost; `None` when one of its attempts has no known price.
    pub fn cost(&self) -> Option<NanoUsd> {
        let known: Option<Vec<_>> = self.reports.iter().map(|r| r.cost_usd).collect();
        known.map(|costs| costs.into_iter().sum())
    }
}

impl Router<'_> {
    /// Walks the plan until somebody answers. Everything it spends is recorded before it returns.
    pub async fn answer(&mut self, job: &Job, listener: &mut dyn Listener) -> Result<Answered> {
        let began = Instant::now();
        let id = self.begin(job, listener)?;
        let draw = draw::of_request(self.seed(), id.0);
        let deadline = job.began.plus_ms(i64::try_from(job.request.timeout_ms).unwrap_or(i64::MAX));
        let mut trip = Trip {
            job,
            id,
            walk: Walk::new(self.walk_rules(job, draw)),
            client: Client::new(&self.network)?,
            began,
            deadline,
            reports: Vec::new(),
            warnings: job.selected.warnings.clone(),
            dropped: BTreeMap::new(),
            last: None,
            decision: None,
            stop: Box::pin(interrupted()),
        };
        let result = self.walk(&mut trip, draw, listener).await;
        result.map_err(|error| self.close_failed(&trip, error))
    }

    /// Gives the request its number. A database that cannot be written stops it here, before it costs anything;
    /// without a budget there is nothing that it must be written for.
    fn begin(&mut self, job: &Job, listener: &mut dyn Listener) -> Result<RequestId> {
        match self.store.begin(&start(job)) {
            Err(problem) if self.limit == Limit::Off => {
                listener.note(&format!("nothing will be recorded: {problem}"));
                self.store = self.store.stand_in()?;
                Ok(self.store.begin(&start(job))?)
            }
            begun => Ok(begun?),
        }
    }

    async fn walk(&mut self, trip: &mut Trip<'_>, draw: u64, listener: &mut dyn Listener) -> Result<Answered> {
        let mut noted = None;
        let mut first = true;
        loop {
            let facts = self.facts(trip.job, trip.id, draw, trip.spent())?;
            let plan = plan(&facts, trip.walk.done());
            if first {
                self.note_decision(trip, &facts, &plan, listener);
                first = false;
            }
            if trip.job.request.parallel > 1 && trip.job.request.max_cost.is_none_or(|cap| trip.spent() < cap) {
                let together = trip.walk.side_by_side(&plan, self.side_by_side(trip.job), facts.now);
                if together.len() > 1 {
                    match self.ask_together(trip, together, listener).await? {
                        End::Answered(answered) => return Ok(*answered),
                        End::GoOn => continue,
                    }
                }
            }
            match trip.walk.next(&plan, facts.now) {
                Step::Try(ranked) => match self.attempt(trip, &ranked, listener).await? {
                    End::Answered(answered) => return Ok(*answered),
                    End::GoOn => {}
                },
                Step::Wait { until, why } => {
                    if noted.as_ref() != Some(&why) {
                        self.note_wait(&why, &facts, listener);
                        noted = Some(why);
                    }
                    self.pause(trip, until).await?;
                }
                Step::End(ending) => {
                    let last = trip.last.as_ref().map(|(of, why)| format!("{}/{}: {why}", of.provider, of.model));
                    return Err(ended(&ending, &plan, &facts, last));
                }
            }
        }
    }

    /// The bounds of a walk.
    pub fn walk_rules(&self, job: &Job, draw: u64) -> WalkRules {
        let settings = &self.config.settings;
        WalkRules {
            max_retries: job.request.max_retries,
            max_attempts: settings.max_attempts,
            budget_wait_ms: milliseconds(settings.budget_wait_secs),
            deadline: job.began.plus_ms(i64::try_from(job.request.timeout_ms).unwrap_or(i64::MAX)),
            draw,
        }
    }

    /// The error with which `ask` would end.
    pub fn would_end(&self, ending: &Ending, plan: &Plan, facts: &Facts) -> Error {
        ended(ending, plan, facts, None)
    }

    /// How many may be asked at once.
    fn side_by_side(&self, job: &Job) -> usize {
        job.request.parallel.min(self.config.settings.max_parallel as usize)
    }

    fn note_decision(&self, trip: &mut Trip<'_>, facts: &Facts, plan: &Plan, listener: &mut dyn Listener) {
        let decision = decision(facts, plan, trip.job.request.mode);
        trip.decision = serde_json::to_string(&decision).ok();
        if plan.state == BudgetState::Soft {
            let limit = facts.money.limit;
            let text =
                format!("{} USD of today's {limit} USD are spent: cheaper providers are preferred", facts.money.spent);
            listener.note(&text);
            trip.warnings.push(text);
        }
        for refused in plan.refused.iter().filter(|r| matches!(r.reason, Reason::Retired { .. })) {
            trip.warnings.push(format!("{} is left out: {}", refused.id, refused.reason));
        }
    }

    fn note_wait(&self, why: &Wait, facts: &Facts, listener: &mut dyn Listener) {
        match why {
            Wait::Backoff(_) => {}
            Wait::Money => listener.note(&format!(
                "waiting for {} USD that other requests hold of today's {} USD",
                facts.money.held, facts.money.limit
            )),
            Wait::Rest(id, until) => {
                let secs = until.since_ms(facts.now).max(0).div_euclid(1000) + 1;
                listener.note(&format!("{id} is rate-limited: waiting {secs} s"));
            }
        }
    }

    /// Facts have changed since the plan was made: a moment later there is a fresh one. The pause keeps a plan and
    /// a database that do not agree from spinning.
    pub(super) async fn look_again(&self, trip: &mut Trip<'_>) -> Result<End> {
        self.pause(trip, self.host.now().plus_ms(LOOK_AGAIN_MS)).await?;
        Ok(End::GoOn)
    }

    /// Sleeps until then, or until the process is asked to stop.
    pub(super) async fn pause(&self, trip: &mut Trip<'_>, until: Timestamp) -> Result<()> {
        let ms = u64::try_from(until.since_ms(self.host.now())).unwrap_or(0).max(1);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => Ok(()),
            kind = &mut trip.stop => Err(Error::new(kind, stopped(kind))),
        }
    }

    /// Records the end of a request that was not answered.
    fn close_failed(&mut self, trip: &Trip<'_>, error: Error) -> Error {
        let end = RequestEnd {
            id: trip.id,
            at: self.host.now(),
            exit_code: error.exit_code(),
            cache: self.cache_outcome(trip.job),
            provider: None,
            model: None,
            tier: None,
            finish_reason: None,
            cost: trip.cost(),
            latency_ms: self.elapsed(trip),
            first_token_ms: None,
            usage: None,
            error_kind: Some(error.kind.name()),
        };
        let recorded = self.store.finish(&end);
        let error = Error { attempts: trip.reports.clone(), ..error };
        match recorded {
            Ok(()) => error,
            Err(problem) => error.hint(format!("the request's end could not be recorded: {problem}")),
        }
    }

    pub(super) fn elapsed(&self, trip: &Trip<'_>) -> u64 {
        u64::try_from(trip.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn cache_outcome(&self, job: &Job) -> CacheOutcome {
        match (job.request.cache, &self.sealer) {
            (CacheUse::Off, _) | (_, None) => CacheOutcome::Off,
            _ => CacheOutcome::Miss,
        }
    }
}

/// Seconds as whole milliseconds.
fn milliseconds(secs: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let ms = (secs * 1000.0).round() as i64;
    ms
}

/// What a stopped request says of itself.
pub(super) fn stopped(kind: Kind) -> &'static str {
    match kind {
        Kind::Terminated => "terminated; what was spent is recorded",
        _ => "interrupted; what was spent is recorded",
    }
}

fn refused(class: FailureClass, failures: Option<String>, plan: &Plan) -> Error {
    let error = match failures {
        Some(failures) => Error::new(Kind::Refused, format!("the request is refused ({class}): {failures}")),
        None => Error::new(Kind::Refused, format!("the request is refused ({class})")),
    };
    let windows = plan.refused.iter().filter(|r| matches!(r.reason, Reason::Window { .. }));
    windows.fold(error, |error, refused| error.hint(format!("{}: {}", refused.id, refused.reason)))
}

/// The cheapest of those that money keeps out: what it may cost, what is left, and the longest answer for that.
fn what_would_fit(plan: &Plan, facts: &Facts) -> Option<String> {
    let refused = plan.refused.iter().filter_map(|r| match r.reason {
        Reason::Budget { needs } => Some((needs, &r.id)),
        _ => None,
    });
    let waiting = plan.order.iter().map(|r| (r.sized.hold, &r.candidate.id));
    let (needs, id) = refused.chain(waiting).min()?;
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

/// Says what is spent, what is held, and what would fit.
fn over_budget(plan: &Plan, facts: &Facts) -> Error {
    let money = &facts.money;
    if plan.refused.iter().all(|r| !matches!(r.reason, Reason::Budget { .. })) && plan.order.is_empty() {
        let unpriced = plan.refused.iter().filter(|r| r.reason == Reason::Unpriced).map(|r| r.id.to_string());
        let names = unpriced.collect::<Vec<_>>().join(", ");
        return Error::new(Kind::Budget, format!("the price of {names} is not known, and money is limited"))
            .hint("give a price in config.toml ([[provider]]), or ask all the same with --allow-unpriced");
    }
    let limits = match (money.limit, money.request_cap) {
        (Limit::Usd(limit), None) => format!("today's limit of {limit} USD"),
        (Limit::Usd(limit), Some(cap)) => format!("today's limit of {limit} USD or --max-cost {cap}"),
        (Limit::Off, Some(cap)) => format!("--max-cost {cap}"),
        (Limit::Off, None) => "the budget".to_owned(),
    };
    let message = format!(
        "the request's worst case does not fit {limits}: {} USD are spent, {} USD held by requests under way",
        money.spent, money.held
    );
    let hints = what_would_fit(plan, facts).into_iter();
    hints
        .fold(Error::new(Kind::Budget, message), Error::hint)
        .hint("`llmr budget set USD` raises the day's limit; it starts anew at midnight UTC")
}

/// The error of a walk that found nobody.
fn ended(ending: &Ending, plan: &Plan, facts: &Facts, failures: Option<String>) -> Error {
    let said = |text: &str| failures.as_ref().map_or(text.to_owned(), |f| format!("{text}; the last was {f}"));
    match ending {
        Ending::Refused(class) => refused(*class, failures, plan),
        Ending::Budget => over_budget(plan, facts),
        Ending::RateLimited(until) => {
            let when = until.map(|u| format!(" until {u}")).unwrap_or_default();
            Error::new(Kind::RateLimited, said(&format!("every candidate is rate-limited{when}")))
                .hint("try again later, or configure another provider")
        }
        Ending::Auth => Error::new(Kind::Auth, said("every candidate refused its key"))
            .hint("check the key's variable: `llmr providers` shows which is set, `llmr config show` where from"),
        Ending::Unavailable(soonest) => {
            let error = Error::new(Kind::Unavailable, said("every candidate failed"));
            let error = match soonest {
                Some((id, until)) => error.hint(format!("the soonest to recover is {id}, at {until}")),
                None => error,
            };
            error.hint("`llmr providers` shows their state, `llmr providers reset NAME` closes a breaker")
        }
        Ending::NoCandidate => {
            plan.refused.iter().fold(Error::new(Kind::NoProvider, "no candidate may be asked"), |error, refused| {
                error.hint(format!("{}: {}", refused.id, refused.reason))
            })
        }
    }
}
