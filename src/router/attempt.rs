//! One attempt: its worst case is held, it is sent, and what came of it decides what comes next.

use std::time::{Duration, Instant};

use crate::engine::budget::Fit;
use crate::engine::plan::Ranked;
use crate::error::{Error, Kind, Result};
use crate::providers::{self, Dialect, HttpRequest};
use crate::router::exchange::{Exchange, elapsed_ms};
use crate::router::interrupt::or_given_up;
use crate::router::repair::{Misfit, misfit};
use crate::router::request::{Answered, Flow, Listener};
use crate::router::settle::{Charge, Progress};
use crate::router::shape::{droppable, shape};
use crate::router::walk::{Trip, stopped};
use crate::router::{Router, Target};
use crate::store::{Admission, Admitted, Rated};
use crate::transport::Limits;
use crate::types::{
    Answer, AttemptId, AttemptReport, CandidateId, Effort, Failure, FailureClass, FinishReason, NanoUsd, Outcome,
    Timestamp, whole_ms,
};

/// A hold outlives its attempt's deadline by this much (contract, section 5).
const LEASE_GRACE_MS: i64 = 60_000;

/// What comes after an attempt.
pub(super) enum End {
    /// The request is answered.
    Answered(Box<Answered>),
    /// It is answered, but not in the way its schema wants.
    Misfit(Box<Misfit>),
    /// Several were asked, and they do not agree.
    Disagreed,
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
    /// What it counts against its provider's limit, if that has one.
    pub rated: Option<Rated>,
    /// Whether it is waited for shorter than the settings say, as it usually is quicker.
    pub cut_early: bool,
}

/// On which terms an attempt's worst case is held.
struct Terms {
    rated: Option<Rated>,
    hedge: Option<NanoUsd>,
    at: Timestamp,
    time_limit: Duration,
}

/// An attempt that is over.
pub(super) struct Over {
    pub ready: Ready,
    pub result: std::result::Result<Answer, Failure>,
    pub seen: Progress,
    pub latency_ms: u64,
    /// Whether it was late, and another one that began after it was faster.
    pub overtaken: bool,
}

impl Router<'_> {
    /// Asks one candidate once.
    pub(super) async fn attempt(
        &mut self,
        trip: &mut Trip<'_>,
        ranked: &Ranked,
        listener: &mut dyn Listener,
    ) -> Result<End> {
        let Some(ready) = self.ready(trip, ranked, None, listener)? else { return self.look_again(trip).await };
        let text = self.keeps(trip.job).then(String::new);
        let mut seen = Progress { sent_at: ready.at, text, ..Progress::default() };
        let mut closed = false;
        let began = Instant::now();
        let exchange = Exchange {
            client: &trip.client,
            dialect: ready.dialect.as_ref(),
            request: &ready.http,
            limits: &ready.limits,
        };
        // What may still turn out not to fit is not shown.
        let streams = listener.streams() && trip.job.request.schema.is_none();
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
        let given_up = async {
            tokio::select! {
                () = tokio::time::sleep(ready.time_limit) => None,
                kind = &mut trip.stop => Some(kind),
            }
        };
        let (result, why) = or_given_up(exchange.run(&mut seen, &mut show), given_up).await;
        let mut stopped_by = why.flatten();
        let result = result.unwrap_or_else(|| {
            Err(match stopped_by {
                Some(kind) => Failure::new(FailureClass::Cancelled, stopped(kind)),
                None => Failure::new(FailureClass::Timeout, out_of_time(ready.time_limit)),
            })
        });
        seen.shown = shown;
        if trip.job.request.embed.is_some() {
            // Of vectors no token was written.
            seen.written = 0;
        }
        let over = Over { ready, result, seen, latency_ms: elapsed_ms(began), overtaken: false };
        if closed {
            stopped_by = Some(Kind::Closed);
        }
        self.conclude(trip, over, stopped_by)
    }

    /// Shapes the request, holds its worst case and says who is asked. `None` when money, breaker or rest
    /// came in the way meanwhile, or the request cannot be made: a fresh plan decides. `hedge`: see
    /// [`Admission::hedge`].
    pub(super) fn ready(
        &mut self,
        trip: &mut Trip<'_>,
        ranked: &Ranked,
        hedge: Option<NanoUsd>,
        listener: &mut dyn Listener,
    ) -> Result<Option<Ready>> {
        let id = &ranked.candidate.id;
        let Some(target) = trip.job.selected.target(id) else { return Ok(None) };
        let dropped = trip.dropped.get(id).cloned().unwrap_or_default();
        let shaped = shape(&trip.job.request, target, ranked.sized.cap, &dropped);
        for warning in target.warning.iter().cloned().chain(shaped.warnings) {
            trip.warn(warning, listener);
        }
        let quirks = &shaped.target.endpoint.quirks;
        let dialect = match shaped.ask.embed {
            Some(embed) => providers::embedder(target.dialect, quirks, shaped.ask.messages.len(), embed.dimensions),
            None => providers::dialect(target.dialect, quirks),
        };
        let http = match dialect.request(&shaped.target.endpoint, &shaped.ask) {
            Ok(http) => http,
            Err(failure) => {
                self.failed_unsent(trip, ranked, &failure);
                return Ok(None);
            }
        };
        let at = self.host.now();
        let time_limit = time_limit(trip, target);
        let rated = target.rate.map(|limit| Rated { limit, tokens: ranked.expected.load.tokens() });
        let terms = Terms { rated, hedge, at, time_limit };
        let Some(attempt) = self.hold(trip, ranked, &terms)? else { return Ok(None) };
        match &trip.last {
            Some((from, why)) if hedge.is_none() && (&from.provider, &from.model) != (&id.provider, &id.model) => {
                listener.switched(from, why, id);
            }
            _ => {}
        }
        listener.started(trip.id, id);
        let timeouts = &self.config.settings.timeouts;
        let most = whole_ms(timeouts.first_byte_secs);
        let usual = usual_first_byte_ms(ranked).filter(|_| http.stream && !trip.alone);
        // Who was cut too early once is given all the time the second time, and everybody else more: a slow hour is one for
        // all of them.
        let patience = 1 << trip.cut_early.len().min(16);
        let usual = usual.filter(|_| !trip.cut_early.contains(id) && !thinks_hard(trip, ranked));
        let first_byte_ms = usual.map_or(most, |usual| usual.saturating_mul(patience).min(most));
        let limits = Limits { first_byte_ms, idle_ms: whole_ms(timeouts.idle_secs) };
        let cut_early = first_byte_ms < most;
        Ok(Some(Ready { ranked: ranked.clone(), attempt, dialect, http, limits, time_limit, at, rated, cut_early }))
    }

    /// Holds an attempt's worst case. `None` when money, breaker or rest came in the way meanwhile.
    fn hold(&self, trip: &mut Trip<'_>, ranked: &Ranked, terms: &Terms) -> Result<Option<AttemptId>> {
        let at = terms.at;
        let amount = ranked.sized.hold;
        if self.purse.as_ref().is_some_and(|purse| !purse.hold(amount)) {
            return Ok(None);
        }
        let attempt = AttemptId { request: trip.id, number: trip.walk.attempts() + 1 };
        let limit_ms = u64::try_from(terms.time_limit.as_millis()).unwrap_or(u64::MAX);
        let admitted = self.store.admit(&Admission {
            rated: terms.rated,
            expected_tokens: ranked.expected.load.output_tokens,
            hedge: terms.hedge,
            attempt,
            candidate: &ranked.candidate.id,
            at,
            amount,
            limit: self.limit,
            request_cap: trip.job.request.max_cost,
            lease_until: at.after_ms(limit_ms).plus_ms(LEASE_GRACE_MS),
            decision: trip.decision.as_deref(),
        });
        if !matches!(admitted, Ok(Admitted::Yes { .. })) {
            self.give_back(amount);
            return admitted.map(|_| None).map_err(Error::from);
        }
        trip.decision = None;
        trip.walk.begin(&ranked.candidate.id, at);
        Ok(Some(attempt))
    }

    /// Nothing of what a purse held for an attempt was spent.
    fn give_back(&self, held: NanoUsd) {
        if let Some(purse) = &self.purse {
            purse.settle(held, NanoUsd::ZERO);
        }
    }

    fn failed_unsent(&mut self, trip: &mut Trip<'_>, ranked: &Ranked, failure: &Failure) {
        trip.walk.begin(&ranked.candidate.id, self.host.now());
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

    /// Gives back what is held for attempts that will not be sent.
    pub(super) fn release(&self, unsent: &[Ready], error: Error) -> Error {
        unsent.iter().for_each(|ready| self.give_back(ready.ranked.sized.hold));
        unsent.iter().fold(error, |error, ready| match self.store.release(ready.attempt, self.host.now()) {
            Ok(()) => error,
            Err(problem) => error.hint(format!("what was held could not be given back: {problem}")),
        })
    }

    /// Settles an attempt and decides what comes after it.
    pub(super) fn conclude(&mut self, trip: &mut Trip<'_>, over: Over, stopped_by: Option<Kind>) -> Result<End> {
        let misfit = misfit_of(trip, &over);
        let charge = self.settle(trip, &over, verdict(&over).is_ok() && misfit.is_none());
        self.settled(trip, &over, &charge, misfit, stopped_by)
    }

    /// Decides what comes after an attempt that is settled.
    pub(super) fn settled(
        &mut self,
        trip: &mut Trip<'_>,
        over: &Over,
        charge: &Charge,
        misfit: Option<Misfit>,
        stopped_by: Option<Kind>,
    ) -> Result<End> {
        let verdict = verdict(over);
        let answered = over.result.as_ref().ok().filter(|_| verdict.is_ok()).cloned();
        let whole = answered.is_some() && misfit.is_none();
        if over.seen.shown {
            trip.partial.clone_from(&over.seen.text);
        }
        // An answer that was whole when it was to end has been paid for, and is given.
        if let Some(kind) = stopped_by.filter(|kind| !whole || *kind == Kind::Closed) {
            return Err(Error::new(kind, stopped(kind)));
        }
        if let Some(misfit) = misfit {
            return Ok(End::Misfit(Box::new(misfit)));
        }
        match verdict {
            Ok(()) => match answered {
                Some(answer) => Ok(End::Answered(Box::new(self.answered(trip, over, answer, charge)))),
                None => Ok(End::GoOn),
            },
            Err(Verdict::OutOfTokens) => Err(out_of_tokens(over)),
            Err(Verdict::Failed(failure)) => self.after_failure(trip, over, charge, &failure),
        }
    }

    fn after_failure(&mut self, trip: &mut Trip<'_>, over: &Over, charge: &Charge, failure: &Failure) -> Result<End> {
        let candidate = &over.ready.ranked.candidate;
        let why = self.redactor.redact(&failure.to_string());
        if over.seen.shown {
            let message = format!("{} broke off after text was shown: {why}", candidate.id);
            return Err(Error::new(Kind::Unavailable, message)
                .hint("with --no-stream an answer comes whole, or from another provider"));
        }
        trip.last = Some((over.report(charge), why));
        if over.was_cut_early() {
            trip.cut_early.insert(candidate.id.clone());
        }
        let now = self.host.now();
        match drops(trip, &candidate.id, failure) {
            true => trip.walk.mended(&candidate.id, now),
            false => trip.walk.failed(candidate, failure, now),
        }
        Ok(End::GoOn)
    }
}

/// How an answer does not fit its schema, if it is one and does not.
pub(super) fn misfit_of(trip: &Trip<'_>, over: &Over) -> Option<Misfit> {
    let answer = over.result.as_ref().ok().filter(|_| verdict(over).is_ok())?;
    misfit(&trip.job.request, over, answer)
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

/// How long a first byte is waited for by what is usual, in milliseconds, where that is known. What costs nothing is
/// given all the time there is: a model on one's own machine that has to be loaded first takes a while.
fn usual_first_byte_ms(ranked: &Ranked) -> Option<u64> {
    let cut_s = ranked.first_cut_s().filter(|_| ranked.expected.load.cost != Some(NanoUsd::ZERO))?;
    let reading = ranked.expected.load.input_tokens * 1000 / SLOWEST_READER_TOKENS_PER_S;
    Some(whole_ms(cut_s).max(LEAST_FIRST_BYTE_MS).saturating_add(reading))
}

/// Whether it is asked to think harder than it may have been before: nobody knows how long that takes.
fn thinks_hard(trip: &Trip<'_>, ranked: &Ranked) -> bool {
    let effort = trip.job.request.effort;
    ranked.candidate.reasons && effort.is_some_and(|effort| effort > Effort::Low)
}

/// Nobody is given less: a hiccup of the network, a connection that has to be made anew.
const LEAST_FIRST_BYTE_MS: u64 = 5000;
/// A prompt far longer than the usual ones is read at this speed at least; hosted models read several thousand.
const SLOWEST_READER_TOKENS_PER_S: u64 = 500;

/// How long an attempt may take: the provider's own limit, and what is left of the request's.
fn time_limit(trip: &Trip<'_>, target: &Target) -> Duration {
    let left = trip.time_left().max(Duration::from_millis(1));
    target.timeout_ms.map_or(left, |own| Duration::from_millis(own).min(left))
}

/// Whether the failure names a field that this candidate can do without, and has not yet done without.
pub(super) fn drops(trip: &mut Trip<'_>, id: &CandidateId, failure: &Failure) -> bool {
    let parameter = failure.parameter.as_deref().filter(|_| failure.class == FailureClass::InvalidRequest);
    let name = parameter.and_then(|parameter| droppable(parameter, &trip.job.request));
    name.is_some_and(|name| trip.dropped.entry(id.clone()).or_default().insert(name.to_owned()))
}

pub(super) fn out_of_time(limit: Duration) -> String {
    // A tenth is as exact as a person wants it; what is left of a limit rarely is a round number.
    format!("no whole answer within {:.1} s", limit.as_secs_f64().max(0.1))
}

/// The output cap ran out before any text: the caller's to mend, or the budget's.
pub(super) fn out_of_tokens(over: &Over) -> Error {
    let ranked = &over.ready.ranked;
    let (id, cap) = (&ranked.candidate.id, ranked.sized.cap);
    if ranked.sized.fit == Fit::Reduced {
        let message = format!("{id} wrote no text within {cap} tokens, all that the budget allowed");
        return Error::new(Kind::Budget, message)
            .hint("`llmr budget set USD` raises the day's limit, --max-cost USD the request's");
    }
    Error::new(Kind::Refused, format!("{id} wrote no text within its {cap} tokens"))
        .hint("raise --max-tokens, or lower --effort: thinking counts too")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::record::tests::{over, said};

    #[test]
    fn a_time_limit_is_told_in_tenths_of_a_second() {
        for (ms, told) in [(60_000, "60.0"), (1_500, "1.5"), (140, "0.1"), (1, "0.1")] {
            assert_eq!(out_of_time(Duration::from_millis(ms)), format!("no whole answer within {told} s"));
        }
    }

    #[test]
    fn who_cut_an_answer_that_has_no_text_is_who_is_asked_for_more() {
        let mut over = over(said("", FinishReason::Length));
        for (fit, kind) in [(Fit::Now, Kind::Refused), (Fit::AfterOthers, Kind::Refused), (Fit::Reduced, Kind::Budget)]
        {
            over.ready.ranked.sized.fit = fit;
            let error = out_of_tokens(&over);
            assert_eq!((error.kind, error.hints.len()), (kind, 1), "{fit:?}");
        }
    }
}
