//! The walk: a fresh plan before every step, until somebody answers or nobody is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::engine::attempt::{LOOK_AGAIN_MS, Step, Wait, Walk, WalkRules};
use crate::engine::budget::BudgetState;
use crate::engine::draw;
use crate::engine::facts::Facts;
use crate::engine::plan::{Plan, Reason, plan};
use crate::error::{Error, Kind, Result};
use crate::router::attempt::End;
use crate::router::cascade;
use crate::router::decision::decision;
use crate::router::ending::{End as Last, ended};
use crate::router::hedge::hedge;
use crate::router::interrupt::{Stop, asked_to_stop, interrupted};
use crate::router::record::judged;
use crate::router::repair::Misfit;
use crate::router::request::{Answered, CacheUse, Keep, Listener};
use crate::router::shape::Dropped;
use crate::router::{Job, Router};
use crate::store::{Fault, RequestEnd, RequestStart};
use crate::transport::Client;
use crate::types::{AttemptReport, CacheOutcome, CandidateId, Limit, NanoUsd, RequestId, Timestamp, whole_ms};

/// How the warning ends that is given with every answer from the soft cut-off on.
pub const SOFT_WARNING: &str = "cheaper providers are preferred";

/// Why no second one stands by although that was wished for.
const NO_HEDGE: &str = "no second one stands by: nobody else may be asked, it is not known yet when the first one is late, \
     or the money for second ones (LLMR_HEDGE_DAILY_USD) does not hold its worst case";

/// A walk under way.
pub(super) struct Trip<'j> {
    pub job: &'j Job,
    pub id: RequestId,
    pub walk: Walk,
    pub client: Client,
    /// When it began, on a clock that never jumps.
    pub began: Instant,
    pub reports: Vec<AttemptReport>,
    pub warnings: Vec<String>,
    /// What each candidate refused to take.
    pub dropped: BTreeMap<CandidateId, Dropped>,
    /// Whom the last attempt asked, and how it failed.
    pub last: Option<(AttemptReport, String)>,
    /// The decision, until it is recorded with the first attempt or the end.
    pub decision: Option<String>,
    /// Resolves when the process is asked to stop.
    pub stop: Stop,
    /// What had been shown of an answer that broke off, where texts are kept.
    pub partial: Option<String>,
    /// Whether nobody else is left to ask than who is asked now.
    pub alone: bool,
    /// Whom was waited for as long as was usual, and not longer, in vain.
    pub cut_early: BTreeSet<CandidateId>,
}

/// How a walk ended that somebody ended by answering.
pub(super) enum Walked {
    /// With an answer to the request.
    Answered(Box<Answered>),
    /// With one that does not fit its schema.
    Misfit(Box<Misfit>),
    /// With two that do not agree, or not two of them.
    Disagreed,
}

impl Trip<'_> {
    /// What is left of the whole request's time.
    pub fn time_left(&self) -> Duration {
        Duration::from_millis(self.job.request.timeout_ms).saturating_sub(self.began.elapsed())
    }

    /// Now, as its bounds see it: a clock that is set back while it runs does not give it more time.
    pub fn now(&self, now: Timestamp) -> Timestamp {
        match self.time_left().is_zero() {
            true => now.max(self.job.began.after_ms(self.job.request.timeout_ms)),
            false => now,
        }
    }

    /// Says something to the user at once, and once.
    pub fn warn(&mut self, warning: String, listener: &mut dyn Listener) {
        if !self.warnings.contains(&warning) {
            listener.note(&warning);
            self.warnings.push(warning);
        }
    }

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
    ///
    /// An answer that does not fit its schema is asked for once more, by the same request.
    pub async fn answer(&mut self, job: &Job, listener: &mut dyn Listener) -> Result<Answered> {
        let (mended, strong): (Job, Job);
        // Watched before money is held, so that no hold outlives a request that was stopped.
        let stop = interrupted();
        let client = self.client()?;
        let (id, unrecorded) = self.begin(job).map_err(or_stopped)?;
        let draw = draw::of_request(self.seed(), id.0);
        let mut trip = Trip {
            job,
            id,
            walk: Walk::new(self.walk_rules(job, draw)),
            client,
            began: Instant::now(),
            reports: Vec::new(),
            warnings: job.selected.warnings.clone(),
            dropped: BTreeMap::new(),
            last: None,
            decision: None,
            stop,
            partial: None,
            alone: false,
            cut_early: BTreeSet::new(),
        };
        if let Some(warning) = unrecorded {
            trip.warn(warning, listener);
        }
        let mut walked = self.walk(&mut trip, draw, listener).await;
        if let Ok(Walked::Disagreed) = walked {
            self.note_disagreement(&trip, listener);
            strong = cascade::strong(job);
            (trip.job, trip.last) = (&strong, None);
            walked = self.walk(&mut trip, draw, listener).await;
        }
        let result = match walked {
            Ok(Walked::Disagreed) => Err(Error::new(Kind::Other, "nobody was asked")),
            Ok(Walked::Answered(answered)) => Ok(*answered),
            Ok(Walked::Misfit(first)) if first.can_be_mended() => {
                mended = first.mended(job);
                trip.job = &mended;
                self.mend(&mut trip, draw, &first, listener).await
            }
            Ok(Walked::Misfit(first)) => Err(first.error()),
            Err(error) => Err(error),
        };
        result.map_err(|error| {
            trip.warnings.iter().for_each(|warning| listener.note(warning));
            self.close_failed(&trip, error)
        })
    }

    /// The stored answer to this request if there is one that may be served, else a fresh one.
    pub async fn answer_or_stored(&mut self, job: &Job, listener: &mut dyn Listener) -> Result<Answered> {
        match self.cached(job)? {
            Some(hit) => Ok(hit),
            None => self.answer(job, listener).await,
        }
    }

    /// The one client; made when something is sent for the first time.
    pub(super) fn client(&mut self) -> Result<Client> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::new(&self.network)?,
        };
        Ok(self.client.insert(client).clone())
    }

    /// Gives the request its number, with a warning where nothing can be recorded: without a budget a database that
    /// cannot be written stops nothing.
    fn begin(&mut self, job: &Job) -> Result<(RequestId, Option<String>)> {
        match self.store.begin(&self.start(job)) {
            Err(problem) if self.limit == Limit::Off => {
                self.store = self.store.stand_in()?;
                // It knows no conversation and no batch that the texts could be kept for.
                let start = RequestStart { kept: None, ..self.start(job) };
                Ok((self.store.begin(&start)?, Some(format!("nothing will be recorded: {problem}"))))
            }
            begun => Ok((begun?, None)),
        }
    }

    /// Walks; where there is no budget, also without a database that fails on the way. Nothing is under way when it
    /// fails: what an attempt cost and cannot be recorded is a warning.
    pub(super) async fn walk(&mut self, trip: &mut Trip<'_>, draw: u64, listener: &mut dyn Listener) -> Result<Walked> {
        match self.walk_on(trip, draw, listener).await {
            Err(error) if error.kind == Kind::Store && self.limit == Limit::Off && !self.store.is_in_memory() => {
                self.store = self.store.stand_in()?;
                trip.id = self.store.begin(&RequestStart { kept: None, ..self.start(trip.job) })?;
                trip.warn(format!("nothing more will be recorded: {error}"), listener);
                self.walk_on(trip, draw, listener).await
            }
            walked => walked.map_err(or_stopped),
        }
    }

    async fn walk_on(&mut self, trip: &mut Trip<'_>, draw: u64, listener: &mut dyn Listener) -> Result<Walked> {
        let mut noted = None;
        let mut first = true;
        loop {
            let facts = self.facts(trip.job, trip.id, draw, trip.spent())?;
            self.limit = facts.money.limit;
            let plan = plan(&facts, trip.walk.done());
            if first {
                self.note_decision(trip, &facts, &plan, listener);
                first = false;
            } else if trip.decision.is_some() {
                // It waited: what is kept is why the one who is asked in the end is asked.
                let decision = decision(&facts, &plan, trip.job.request.mode, trip.job.tiering.as_ref());
                trip.decision = serde_json::to_string(&decision).ok();
            }
            let now = trip.now(facts.now);
            if let Some(strong) = trip.job.request.cascade {
                let pair = cascade::pair(trip, &plan, &facts, strong);
                if pair.len() < 2 {
                    return Ok(Walked::Disagreed);
                }
                match self.ask_together(trip, pair, listener).await? {
                    End::Answered(answered) => return Ok(Walked::Answered(answered)),
                    _ => return Ok(Walked::Disagreed),
                }
            }
            let together = trip.walk.side_by_side(&plan, self.side_by_side(trip.job, trip.spent()), now);
            if together.len() > 1 {
                match self.ask_together(trip, together, listener).await? {
                    End::Answered(answered) => return Ok(Walked::Answered(answered)),
                    End::Misfit(misfit) => return Ok(Walked::Misfit(misfit)),
                    End::GoOn | End::Disagreed => continue,
                }
            }
            match trip.walk.next(&plan, now) {
                Step::Try(ranked) => {
                    trip.alone = plan.order.iter().all(|other| other.candidate.id == ranked.candidate.id);
                    let hedge = hedge(trip.job, &plan, &facts, &ranked);
                    if trip.job.request.hedge && hedge.is_none() {
                        listener.detail(NO_HEDGE);
                    }
                    let end = match hedge {
                        Some(hedge) => self.attempt_hedged(trip, &ranked, &hedge, listener).await?,
                        None => self.attempt(trip, &ranked, listener).await?,
                    };
                    match end {
                        End::Answered(answered) => return Ok(Walked::Answered(answered)),
                        End::Misfit(misfit) => return Ok(Walked::Misfit(misfit)),
                        End::GoOn | End::Disagreed => {}
                    }
                }
                Step::Wait { until, why } => {
                    if noted.as_ref() != Some(&why) {
                        self.note_wait(&why, &plan, &facts, listener);
                        noted = Some(why);
                    }
                    self.pause(trip, until).await?;
                }
                Step::End(ending) => {
                    return Err(self.no_answer(trip, Last { ending: &ending, plan: &plan, facts: &facts }));
                }
            }
        }
    }

    /// Why a stronger model is asked.
    fn note_disagreement(&self, trip: &Trip<'_>, listener: &mut dyn Listener) {
        let Some(strong) = trip.job.request.cascade else { return };
        let asked: Vec<_> = trip.reports.iter().map(|r| format!("{}/{}", r.provider, r.model)).collect();
        listener.note(&match asked.is_empty() {
            true => format!("cascade: a model of tier {strong} is asked at once"),
            false => format!("cascade: {} do not agree: asking a model of tier {strong}", asked.join(" and ")),
        });
    }

    /// The bounds of a walk.
    pub fn walk_rules(&self, job: &Job, draw: u64) -> WalkRules {
        let settings = &self.config.settings;
        let patient = matches!(job.request.keep, Keep::Line { .. });
        let for_money = i64::try_from(whole_ms(settings.budget_wait_secs)).unwrap_or(i64::MAX);
        WalkRules {
            max_retries: job.request.max_retries,
            max_attempts: settings.max_attempts,
            // What the other lines of a batch hold comes back: its lines wait for it as long as they may.
            budget_wait_ms: if patient { i64::MAX } else { for_money },
            patient,
            deadline: job.began.after_ms(job.request.timeout_ms),
            draw,
        }
    }

    /// The error of a walk that found nobody, with the bound that ended it, if one did.
    fn no_answer(&self, trip: &Trip<'_>, last: Last<'_>) -> Error {
        let limit = format!("the time limit of {} s", seconds(trip.job.request.timeout_ms));
        let out_of_time = trip.now(last.facts.now) >= trip.job.began.after_ms(trip.job.request.timeout_ms);
        if out_of_time && trip.reports.is_empty() {
            return Error::new(Kind::Unavailable, format!("{limit} passed before anybody could be asked"))
                .hint("--timeout SECS gives more time");
        }
        let failures = trip.last.as_ref().map(|(of, why)| format!("{}/{}: {why}", of.provider, of.model));
        let error = ended(&last, failures);
        if out_of_time {
            return error.hint(format!("{limit} is over; --timeout SECS gives more"));
        }
        if trip.walk.attempts() >= self.config.settings.max_attempts {
            let most = self.config.settings.max_attempts;
            return error.hint(format!("no request makes more than {most} attempts (LLMR_MAX_ATTEMPTS)"));
        }
        error
    }

    /// How many may be asked at once, after so much was spent.
    pub fn side_by_side(&self, job: &Job, spent: NanoUsd) -> usize {
        match job.request.max_cost {
            Some(cap) if spent >= cap => 1,
            _ => job.request.parallel.min(self.config.settings.max_parallel as usize),
        }
    }

    fn note_decision(&self, trip: &mut Trip<'_>, facts: &Facts, plan: &Plan, listener: &mut dyn Listener) {
        let decision = decision(facts, plan, trip.job.request.mode, trip.job.tiering.as_ref());
        trip.decision = serde_json::to_string(&decision).ok();
        if plan.state == BudgetState::Soft {
            let limit = facts.money.limit;
            let text = format!("{} USD of today's {limit} USD are spent: {SOFT_WARNING}", facts.money.spent);
            trip.warn(text, listener);
        }
        if let Some(tier) = &decision.tier {
            listener.detail(&tier.to_string());
        }
        for candidate in &decision.candidates {
            listener.detail(&candidate.to_string());
        }
        if let Some(explored) = &decision.explored {
            listener.detail(&explored.to_string());
        }
        for refused in &plan.refused {
            listener.detail(&format!("not {}: {}", refused.id, refused.reason));
        }
        for refused in plan.refused.iter().filter(|r| matches!(r.reason, Reason::Retired { .. })) {
            trip.warn(format!("{} is left out: {}", refused.id, refused.reason), listener);
        }
    }

    fn note_wait(&self, why: &Wait, plan: &Plan, facts: &Facts, listener: &mut dyn Listener) {
        match why {
            Wait::Backoff(_) => {}
            Wait::Money => listener.note(&match facts.money.request_cap.filter(|_| self.purse.is_some()) {
                Some(cap) => format!("waiting for what the other calls hold of --max-cost {cap}"),
                None => format!(
                    "waiting for {} USD that other requests hold of today's {} USD",
                    facts.money.held, facts.money.limit
                ),
            }),
            Wait::Rest(id, until) => {
                let secs = u64::try_from(until.since_ms(facts.now)).unwrap_or(0).div_ceil(1000);
                listener.note(&match plan.refused.iter().find(|refused| refused.id == *id).map(|r| &r.reason) {
                    Some(Reason::Limited(full)) => format!("{id}: {} is used up: waiting {secs} s", full.bound),
                    Some(Reason::BreakerOpen { .. }) => format!("the breaker of {} is open: waiting", id.provider),
                    _ => format!("{id} is rate-limited: waiting {secs} s"),
                });
            }
        }
    }

    /// Facts have changed since the plan was made: a moment later there is a fresh one. The pause keeps a plan and
    /// a database that do not agree from spinning.
    pub(super) async fn look_again(&self, trip: &mut Trip<'_>) -> Result<End> {
        self.pause(trip, self.host.now().plus_ms(LOOK_AGAIN_MS)).await?;
        Ok(End::GoOn)
    }

    /// Sleeps until then, until the request's time is over, or until the process is asked to stop.
    async fn pause(&self, trip: &mut Trip<'_>, until: Timestamp) -> Result<()> {
        let pause = Duration::from_millis(self.host.now().ms_until(until).max(1));
        tokio::select! {
            () = tokio::time::sleep(pause.min(trip.time_left())) => Ok(()),
            kind = &mut trip.stop => Err(Error::new(kind, stopped(kind))),
        }
    }

    /// Records the end of a request that was not answered.
    fn close_failed(&mut self, trip: &Trip<'_>, error: Error) -> Error {
        let misfit = Some(&error).filter(|error| error.kind == Kind::Verification).and(trip.reports.last());
        let who = misfit.map(|report| CandidateId::new(&report.provider, &report.model));
        let target = who.as_ref().and_then(|who| trip.job.selected.target(who));
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
            decision: trip.decision.as_deref(),
            answer: trip.partial.as_deref().or(error.answer.as_deref().filter(|_| self.keeps(trip.job))),
            partial: true,
            cache_key: None,
            judged: target.and_then(|target| judged(trip.job, &target.candidate, Some(Fault::Schema))),
        };
        let recorded = self.store.finish(&end);
        let error = Error { attempts: trip.reports.clone(), ..error };
        match recorded {
            Ok(()) => error,
            // It has been said already.
            Err(_) if error.kind == Kind::Store => error,
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

/// A wait for the database that was broken off says so.
fn or_stopped(error: Error) -> Error {
    match asked_to_stop().filter(|_| error.kind == Kind::Store) {
        Some(kind) => Error::new(kind, stopped(kind)),
        None => error,
    }
}

/// Milliseconds as seconds, as they were typed.
fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

/// What a stopped request says of itself.
pub fn stopped(kind: Kind) -> &'static str {
    match kind {
        Kind::Terminated => "terminated; what was spent is recorded",
        _ => "interrupted; what was spent is recorded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_told_as_it_was_typed() {
        for (ms, told) in [(300_000, "300"), (1_500, "1.5"), (50, "0.05")] {
            assert_eq!(seconds(ms).to_string(), told);
        }
    }
}
