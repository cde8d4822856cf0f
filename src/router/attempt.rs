//! One attempt: hold its worst case, send, settle with its ledger row in one transaction.

use std::time::{Duration, Instant};

use crate::cache;
use crate::engine::breaker::BreakerRules;
use crate::engine::budget::Fit;
use crate::engine::health::Observation;
use crate::engine::plan::Ranked;
use crate::engine::retry;
use crate::error::{Error, Kind, Result};
use crate::providers::{self, Dialect, HttpRequest};
use crate::router::exchange::{Exchange, elapsed_ms};
use crate::router::request::{Answered, CacheUse, Flow, Listener};
use crate::router::settle::{Charge, Progress, charge};
use crate::router::shape::{droppable, shape};
use crate::router::walk::{Trip, stopped};
use crate::router::{Router, Target};
use crate::store::{Admission, Admitted, CachePut, CacheRow, RequestEnd, RestUntil, Settlement};
use crate::transport::Limits;
use crate::types::{
    Answer, AttemptId, AttemptReport, Failure, FailureClass, FinishReason, NanoUsd, Outcome, Timestamp,
};

/// A hold outlives its attempt's deadline by this much (contract, section 5).
const LEASE_GRACE_MS: i64 = 60_000;

/// What comes after an attempt.
pub(super) enum End {
    /// The request is answered.
    Answered(Box<Answered>),
    /// A fresh plan decides.
    GoOn,
}

/// An attempt that may be sent: everything but the sending.
pub(super) struct Ready {
    pub ranked: Ranked,
    pub attempt: AttemptId,
    pub dialect: Box<dyn Dialect>,
    pub http: HttpRequest,
    pub limits: Limits,
    pub time_limit: Duration,
    pub at: Timestamp,
}

/// An attempt that is over.
pub(super) struct Over {
    pub ready: Ready,
    pub result: std::result::Result<Answer, Failure>,
    pub seen: Progress,
    pub latency_ms: u64,
}

impl Router<'_> {
    /// Asks one candidate once.
    pub(super) async fn attempt(
        &mut self,
        trip: &mut Trip<'_>,
        ranked: &Ranked,
        listener: &mut dyn Listener,
    ) -> Result<End> {
        let Some(ready) = self.ready(trip, ranked, listener)? else { return self.look_again(trip).await };
        let mut seen = Progress { sent_at: ready.at, ..Progress::default() };
        let mut closed = false;
        let began = Instant::now();
        let exchange = Exchange {
            client: &trip.client,
            dialect: ready.dialect.as_ref(),
            request: &ready.http,
            limits: &ready.limits,
        };
        let streams = listener.streams();
        let mut shown = false;
        let mut show = |text: &str| {
            if !streams {
                return Flow::On;
            }
            shown = true;
            let flow = listener.delta(text);
            closed |= flow == Flow::Closed;
            flow
        };
        let mut stopped_by = None;
        let result = tokio::select! {
            result = exchange.run(&mut seen, &mut show) => result,
            () = tokio::time::sleep(ready.time_limit) => Err(Failure::new(FailureClass::Timeout, out_of_time(ready.time_limit))),
            kind = &mut trip.stop => {
                stopped_by = Some(kind);
                Err(Failure::new(FailureClass::Cancelled, stopped(kind)))
            }
        };
        seen.shown = shown;
        let over = Over { ready, result, seen, latency_ms: elapsed_ms(began) };
        if closed {
            stopped_by = Some(Kind::Closed);
        }
        self.conclude(trip, over, stopped_by)
    }

    /// Shapes the request, holds its worst case and says who is asked. `None` when money, breaker or rest
    /// came in the way meanwhile, or the request cannot be made: a fresh plan decides.
    pub(super) fn ready(
        &mut self,
        trip: &mut Trip<'_>,
        ranked: &Ranked,
        listener: &mut dyn Listener,
    ) -> Result<Option<Ready>> {
        let id = &ranked.candidate.id;
        let Some(target) = trip.job.selected.target(id) else { return Ok(None) };
        let dropped = trip.dropped.get(id).cloned().unwrap_or_default();
        let shaped = shape(&trip.job.request, target, ranked.sized.cap, &dropped);
        for warning in shaped.warnings {
            if !trip.warnings.contains(&warning) {
                listener.note(&warning);
                trip.warnings.push(warning);
            }
        }
        let dialect = providers::dialect(target.dialect, &shaped.target.endpoint.quirks);
        let http = match dialect.request(&shaped.target.endpoint, &shaped.ask) {
            Ok(http) => http,
            Err(failure) => {
                self.failed_unsent(trip, ranked, &failure);
                return Ok(None);
            }
        };
        let now = self.host.now();
        let time_limit = self.time_limit(trip, target, now);
        let attempt = AttemptId { request: trip.id, number: trip.walk.attempts() + 1 };
        let admitted = self.store.admit(&Admission {
            attempt,
            candidate: id,
            at: now,
            amount: ranked.sized.hold,
            limit: self.limit,
            request_cap: trip.job.request.max_cost,
            lease_until: now.plus_ms(i64::try_from(time_limit.as_millis()).unwrap_or(i64::MAX) + LEASE_GRACE_MS),
            decision: trip.decision.as_deref(),
        })?;
        if !matches!(admitted, Admitted::Yes { .. }) {
            return Ok(None);
        }
        trip.decision = None;
        trip.walk.begin(id);
        match &trip.last {
            Some((from, why)) if (&from.provider, &from.model) != (&id.provider, &id.model) => {
                listener.switched(from, why, id);
            }
            _ => {}
        }
        listener.started(trip.id, id);
        let timeouts = &self.config.settings.timeouts;
        let limits =
            Limits { first_byte_ms: milliseconds(timeouts.first_byte_secs), idle_ms: milliseconds(timeouts.idle_secs) };
        Ok(Some(Ready { ranked: ranked.clone(), attempt, dialect, http, limits, time_limit, at: now }))
    }

    fn failed_unsent(&mut self, trip: &mut Trip<'_>, ranked: &Ranked, failure: &Failure) {
        trip.walk.begin(&ranked.candidate.id);
        trip.walk.failed(&ranked.candidate, failure, self.host.now());
        let id = &ranked.candidate.id;
        let report = AttemptReport {
            provider: id.provider.clone(),
            model: id.model.clone(),
            outcome: Outcome::Failed,
            failure: Some(failure.class),
            status: None,
            latency_ms: 0,
            cost_usd: Some(NanoUsd::ZERO),
        };
        trip.reports.push(report.clone());
        trip.last = Some((report, self.redactor.redact(&failure.to_string())));
    }

    fn time_limit(&self, trip: &Trip<'_>, target: &Target, now: Timestamp) -> Duration {
        let left = u64::try_from(trip.deadline.since_ms(now)).unwrap_or(0).max(1);
        Duration::from_millis(target.timeout_ms.map_or(left, |own| own.min(left)))
    }

    pub(super) fn breaker_rules(&self) -> BreakerRules {
        self.config.settings.breaker
    }

    /// Settles an attempt and decides what comes after it.
    fn conclude(&mut self, trip: &mut Trip<'_>, over: Over, stopped_by: Option<Kind>) -> Result<End> {
        let verdict = verdict(&over);
        let answered = over.result.as_ref().ok().filter(|_| verdict.is_ok()).cloned();
        let charge = self.settle(trip, &over, answered.is_some());
        if let Some(kind) = stopped_by {
            return Err(Error::new(kind, stopped(kind)));
        }
        match verdict {
            Ok(()) => match answered {
                Some(answer) => Ok(End::Answered(Box::new(self.answered(trip, &over, answer, &charge)))),
                None => Ok(End::GoOn),
            },
            Err(Verdict::OutOfTokens) => Err(out_of_tokens(&over)),
            Err(Verdict::Failed(failure)) => self.after_failure(trip, &over, &failure),
        }
    }

    fn after_failure(&mut self, trip: &mut Trip<'_>, over: &Over, failure: &Failure) -> Result<End> {
        let candidate = &over.ready.ranked.candidate;
        let why = self.redactor.redact(&failure.to_string());
        if over.seen.shown {
            let message = format!("{} broke off after text was shown: {why}", candidate.id);
            return Err(Error::new(Kind::Unavailable, message)
                .hint("with --no-stream an answer comes whole, or from another provider"));
        }
        trip.last = trip.reports.last().cloned().map(|report| (report, why));
        let now = self.host.now();
        let parameter = failure.parameter.as_deref().and_then(|p| droppable(p, &trip.job.request));
        let dropped = trip.dropped.entry(candidate.id.clone()).or_default();
        match parameter.filter(|_| failure.class == FailureClass::InvalidRequest) {
            Some(name) if dropped.insert(name.to_owned()) => trip.walk.mended(&candidate.id, now),
            _ => trip.walk.failed(candidate, failure, now),
        }
        Ok(End::GoOn)
    }

    /// Replaces the hold by what the attempt cost. A paid answer is never lost for a database that fails.
    pub(super) fn settle(&mut self, trip: &mut Trip<'_>, over: &Over, answered: bool) -> Charge {
        let (ready, seen) = (&over.ready, &over.seen);
        let candidate = &ready.ranked.candidate;
        let hold = ready.ranked.sized.hold;
        let charge = charge(candidate, trip.job.question.reference_tokens, hold, &over.result, seen);
        let failure = over.failure();
        let now = self.host.now();
        trip.reports.push(over.report(&charge));
        if charge.cost.is_some_and(|cost| cost > hold) && candidate.pricing.is_some() {
            let cost = charge.cost.unwrap_or_default();
            trip.warnings.push(format!("{} billed {cost} USD, more than the worst case of {hold} USD", candidate.id));
        }
        let settlement = Settlement {
            attempt: ready.attempt,
            at: now,
            outcome: over.outcome(),
            failure,
            status: seen.status,
            latency_ms: over.latency_ms,
            first_token_ms: seen.first_token_ms,
            usage: Some(charge.usage),
            cost: charge.cost,
            cost_source: charge.source,
            estimated: charge.usage.estimated,
            answered_model: over.result.as_ref().ok().and_then(|a| a.model.as_deref()),
            breaker: self.breaker_rules(),
            counts_for_breaker: failure.is_some_and(FailureClass::counts_for_breaker) && over.result.is_err(),
            rest: self.rest(trip, over, now),
            observation: observation(over, &charge),
        };
        let end = answered.then(|| self.request_end(trip, over, &charge, now));
        let row = if answered { self.cache_row(trip, over, &charge, now) } else { None };
        let put = row.as_ref().map(|row| self.cache_put(row));
        if let Err(problem) = self.store.settle(&settlement, end.as_ref(), put.as_ref()) {
            trip.warnings.push(format!("what this attempt cost could not be recorded: {problem}"));
        }
        charge
    }

    pub(super) fn request_end<'o>(
        &self,
        trip: &Trip<'_>,
        over: &'o Over,
        charge: &Charge,
        now: Timestamp,
    ) -> RequestEnd<'o> {
        let candidate = &over.ready.ranked.candidate;
        RequestEnd {
            id: trip.id,
            at: now,
            exit_code: 0,
            cache: self.cache_outcome(trip.job),
            provider: Some(&candidate.id.provider),
            model: Some(&candidate.id.model),
            tier: candidate.tier,
            finish_reason: over.result.as_ref().ok().map(|a| a.finish),
            cost: trip.cost(),
            latency_ms: self.elapsed(trip),
            first_token_ms: over.seen.first_token_ms,
            usage: Some(charge.usage),
            error_kind: None,
        }
    }

    /// The cache entry of an answer that may be stored.
    pub(super) fn cache_row(&self, trip: &Trip<'_>, over: &Over, charge: &Charge, now: Timestamp) -> Option<CacheRow> {
        let answer = over.result.as_ref().ok()?;
        let sealer = self.sealer.as_ref().filter(|_| trip.job.request.cache != CacheUse::Off)?;
        if !cache::storable(answer.finish, &answer.text) || answer.tool_calls {
            return None;
        }
        let candidate = &over.ready.ranked.candidate;
        let mut row = CacheRow {
            key: trip.job.key,
            provider: candidate.id.provider.clone(),
            model: candidate.id.model.clone(),
            answered_model: answer.model.clone(),
            tier: candidate.tier,
            content: answer.text.clone(),
            finish_reason: answer.finish,
            usage: Some(charge.usage),
            cost: charge.cost,
            cost_source: charge.source,
            created_at: now,
            expires_at: now.plus_secs(self.config.settings.cache.ttl_secs),
            key_id: sealer.key_id().to_owned(),
            seal: Vec::new(),
            hits: 0,
            used_at: now,
        };
        row.seal = sealer.seal(&row).to_vec();
        Some(row)
    }

    pub(super) fn cache_put<'r>(&self, row: &'r CacheRow) -> CachePut<'r> {
        CachePut { row, max_entries: self.config.settings.cache.l2_max }
    }

    pub(super) fn answered(&mut self, trip: &mut Trip<'_>, over: &Over, answer: Answer, charge: &Charge) -> Answered {
        let candidate = &over.ready.ranked.candidate;
        if answer.finish == FinishReason::Length && over.ready.ranked.sized.fit == Fit::Reduced {
            let cap = over.ready.ranked.sized.cap;
            trip.warnings.push(format!("the answer was cut at {cap} tokens, all that the budget allowed"));
        }
        Answered {
            id: trip.id,
            candidate: candidate.id.clone(),
            tier: candidate.tier,
            text: answer.text,
            finish: answer.finish,
            usage: charge.usage,
            cost: trip.cost(),
            cost_source: charge.source,
            latency_ms: self.elapsed(trip),
            first_token_ms: over.seen.first_token_ms,
            cache: self.cache_outcome(trip.job),
            attempts: trip.reports.clone(),
            warnings: trip.warnings.clone(),
        }
    }

    /// How long the provider is left alone after this, by every process.
    fn rest<'o>(&self, trip: &Trip<'_>, over: &'o Over, now: Timestamp) -> Option<RestUntil<'o>> {
        let failure = over.result.as_ref().err()?;
        let id = &over.ready.ranked.candidate.id;
        let (model, ms) = match failure.class {
            FailureClass::RateLimited => {
                let retry = trip.walk.tries(id).saturating_sub(1);
                (Some(id.model.as_str()), retry::rest_ms(retry, failure.retry_after_ms))
            }
            FailureClass::Auth | FailureClass::QuotaExhausted => (None, retry::REST_REFUSED_MS),
            _ => return None,
        };
        let until = now.plus_ms(i64::try_from(ms).unwrap_or(i64::MAX));
        Some(RestUntil { provider: &id.provider, model, until })
    }
}

/// Why an attempt's result does not answer the request.
pub(super) enum Verdict {
    /// The output cap ran out before any text: the caller's to mend.
    OutOfTokens,
    /// It failed.
    Failed(Failure),
}

/// Whether an attempt answers the request.
pub(super) fn verdict(over: &Over) -> std::result::Result<(), Verdict> {
    match &over.result {
        Ok(answer) if answer.text.is_empty() && answer.finish == FinishReason::Length => Err(Verdict::OutOfTokens),
        Ok(_) => Ok(()),
        Err(failure) => Err(Verdict::Failed(failure.clone())),
    }
}

impl Over {
    fn failure(&self) -> Option<FailureClass> {
        match verdict(self) {
            Ok(()) => None,
            Err(Verdict::OutOfTokens) => Some(FailureClass::Empty),
            Err(Verdict::Failed(failure)) => Some(failure.class),
        }
    }

    fn outcome(&self) -> Outcome {
        match self.failure() {
            None => Outcome::Ok,
            Some(FailureClass::Cancelled) => Outcome::Cancelled,
            Some(_) => Outcome::Failed,
        }
    }

    fn report(&self, charge: &Charge) -> AttemptReport {
        let id = &self.ready.ranked.candidate.id;
        AttemptReport {
            provider: id.provider.clone(),
            model: id.model.clone(),
            outcome: self.outcome(),
            failure: self.failure(),
            status: self.seen.status,
            latency_ms: self.latency_ms,
            cost_usd: charge.cost,
        }
    }
}

/// What an attempt says about its candidate; nothing, where it was nobody's or the caller's own fault.
fn observation(over: &Over, charge: &Charge) -> Option<Observation> {
    let ok = match &over.result {
        Ok(_) => true,
        Err(failure) if failure.class.counts_for_breaker() => false,
        Err(_) => return None,
    };
    Some(Observation {
        ok,
        first_token_ms: over.seen.first_token_ms,
        total_ms: over.latency_ms,
        written_tokens: charge.usage.completion_tokens(),
    })
}

/// Seconds as whole milliseconds, at least one.
fn milliseconds(secs: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let ms = (secs * 1000.0).ceil() as u64;
    ms.max(1)
}

fn out_of_time(limit: Duration) -> String {
    // A tenth is as exact as a person wants it; what is left of a limit rarely is a round number.
    format!("no whole answer within {:.1} s", limit.as_secs_f64().max(0.1))
}

fn out_of_tokens(over: &Over) -> Error {
    let ranked = &over.ready.ranked;
    let (id, cap) = (&ranked.candidate.id, ranked.sized.cap);
    if ranked.sized.fit == Fit::Reduced {
        let message = format!("{id} wrote no text within {cap} tokens, all that the budget allowed");
        return Error::new(Kind::Budget, message).hint("`llmr budget set USD` raises the day's limit");
    }
    Error::new(Kind::Refused, format!("{id} wrote no text within its {cap} tokens"))
        .hint("raise --max-tokens, or lower --effort: thinking counts too")
}
