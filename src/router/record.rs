//! What is recorded of an attempt that is over: its ledger row, its request's end, its answer for the cache.

use std::time::Duration;

use crate::cache;
use crate::engine::belief::{Seen, Verdict as Said};
use crate::engine::budget::Fit;
use crate::engine::retry;
use crate::router::attempt::{Over, Verdict, verdict};
use crate::router::request::{Answered, CacheUse};
use crate::router::settle::{Charge, charge};
use crate::router::walk::Trip;
use crate::router::{Job, Router, repair};
use crate::store::{CachePut, CacheRow, Fault, Judged, Recount, RequestEnd, RestUntil, Settlement};
use crate::types::{Answer, AttemptReport, Candidate, FailureClass, FinishReason, NanoUsd, Outcome, Timestamp};

impl Router<'_> {
    /// Replaces the hold by what the attempt cost. A paid answer is never lost for a database that fails.
    pub(super) fn settle(&mut self, trip: &mut Trip<'_>, over: &Over, answered: bool) -> Charge {
        let (ready, seen) = (&over.ready, &over.seen);
        let candidate = &ready.ranked.candidate;
        let hold = ready.ranked.sized.hold;
        let prompt_tokens = trip.job.question.prompt_tokens(candidate);
        let charge = charge(candidate, prompt_tokens, hold, &over.result, seen);
        let failure = over.failure();
        let now = self.host.now();
        trip.reports.push(over.report(&charge));
        if charge.cost.is_some_and(|cost| cost > hold) && candidate.pricing.is_some() {
            let cost = charge.cost.unwrap_or_default();
            trip.warnings.push(format!("{} billed {cost} USD, more than the worst case of {hold} USD", candidate.id));
        }
        let answered_model = self.answered_model(over);
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
            answered_model: answered_model.as_deref(),
            breaker: self.config.settings.breaker,
            counts_for_breaker: failure.is_some_and(FailureClass::counts_for_breaker) && over.result.is_err(),
            rest: self.rest(trip, over, now),
            observation: observation(over, &charge),
            recount: recount(over, &charge),
        };
        if let Some(purse) = &self.purse {
            purse.settle(hold, charge.cost.unwrap_or_default());
        }
        let end = answered.then(|| self.request_end(trip, over, &charge, now));
        let row = if answered { self.cache_row(trip, over, &charge, now) } else { None };
        let put = row.as_ref().map(|row| self.cache_put(row));
        trip.warnings.extend(self.enter(&settlement, end.as_ref(), put.as_ref(), hold));
        charge
    }

    /// Enters it into the ledger; the warning, if something of it could not be. Where the disk has no room for all of
    /// it, or a page of the cache is damaged, ever less is entered, the money alone in the end.
    fn enter(
        &self,
        done: &Settlement<'_>,
        end: Option<&RequestEnd<'_>>,
        put: Option<&CachePut<'_>>,
        hold: NanoUsd,
    ) -> Option<String> {
        let problem = self.store.settle(done, end, put).err()?;
        let textless = end.map(|end| RequestEnd { answer: None, ..*end });
        let less = [(end, "is not cached"), (textless.as_ref(), "is not kept"), (None, "is not in the log")];
        for (end, what) in less {
            if !problem.is_busy() && self.store.settle(done, end, None).is_ok() {
                return Some(format!("this answer {what}: {problem}"));
            }
        }
        let instead = format!("the {hold} USD held for it count in its place");
        Some(format!("what this attempt cost could not be recorded, {instead}: {problem}"))
    }

    pub(super) fn request_end<'o>(
        &self,
        trip: &'o Trip<'_>,
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
            decision: None,
            answer: over.result.as_ref().ok().filter(|_| self.keeps(trip.job)).map(|a| a.text.as_str()),
            partial: false,
            cache_key: (trip.job.request.cache != CacheUse::Off).then_some(&trip.job.key),
            judged: judged(trip.job, candidate, cut_off(trip.job, over)),
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
            answered_model: self.answered_model(over),
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
            used_at: now,
        };
        row.seal = sealer.seal(&row).to_vec();
        Some(row)
    }

    /// The model in the provider's words, which come from outside.
    fn answered_model(&self, over: &Over) -> Option<String> {
        over.result.as_ref().ok()?.model.as_deref().map(|name| self.redactor.redact(name))
    }

    pub(super) fn cache_put<'r>(&self, row: &'r CacheRow) -> CachePut<'r> {
        let cache = &self.config.settings.cache;
        CachePut { row, max_entries: cache.l2_max, max_bytes: cache.l2_max_mb.saturating_mul(1_000_000) }
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
            text: repair::without_block(&trip.job.request, answer.text),
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
        Some(RestUntil { provider: &id.provider, model, until: now.after_ms(ms) })
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

    /// Whether it was given up before anything came, sooner than the settings have it.
    pub(super) fn was_cut_early(&self) -> bool {
        let timed_out = self.result.as_ref().is_err_and(|failure| failure.class == FailureClass::Timeout);
        timed_out && self.ready.cut_early && self.seen.status.is_none()
    }

    pub(super) fn report(&self, charge: &Charge) -> AttemptReport {
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

/// What an answer says of its tier; nothing, where that is not known.
pub(super) fn judged<'o>(job: &'o Job, candidate: &'o Candidate, fault: Option<Fault>) -> Option<Judged<'o>> {
    let tier = candidate.tier?;
    let verdict = job.judgement.verdict(&job.request);
    Some(Judged {
        intent: verdict.intent,
        expected: verdict.suffices[tier as usize],
        prompt_digest: job.judgement.digest(&job.request),
        candidate: &candidate.id,
        tier,
        fault,
    })
}

/// Whether an answer was cut off. By a cap of the user's own that says nothing of the model.
fn cut_off(job: &Job, over: &Over) -> Option<Fault> {
    let cut = over.result.as_ref().is_ok_and(|answer| answer.finish == FinishReason::Length);
    (cut && job.request.explicit_cap.is_none()).then_some(Fault::Truncated)
}

/// What an attempt took of its provider's tokens a minute. Where nobody knows, it took what was expected.
fn recount(over: &Over, charge: &Charge) -> Option<Recount> {
    let expected = over.ready.rated?.tokens;
    let told = charge.usage.prompt_tokens().saturating_add(charge.usage.completion_tokens());
    let unknown = over.result.as_ref().is_err_and(|failure| failure.class.may_be_billed() && !failure.unsent);
    Some(Recount { expected, used: if unknown && told == 0 { expected } else { told } })
}

/// What an attempt says about its candidate; nothing, where it was nobody's or the caller's own fault.
fn observation(over: &Over, charge: &Charge) -> Option<Seen> {
    let verdict = match &over.result {
        Ok(_) => Said::Answered,
        Err(failure) if failure.class == FailureClass::RateLimited => Said::Limited,
        Err(_) if over.was_cut_early() => Said::Cut,
        Err(failure) if failure.class.counts_for_breaker() => Said::Failed,
        Err(_) if over.overtaken => Said::Late,
        Err(_) => return None,
    };
    let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
    #[allow(clippy::cast_precision_loss)]
    let tokens = charge.usage.completion_tokens() as f64;
    Some(Seen {
        verdict,
        first_s: over.seen.first_token_ms.map(seconds),
        total_s: Some(seconds(over.latency_ms)),
        tokens,
        quality: None,
        cost: None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::facts::Done;
    use crate::engine::plan::{plan, tests::facts};
    use crate::engine::score::tests::known;
    use crate::providers::table::Quirks;
    use crate::providers::{HttpRequest, dialect};
    use crate::router::attempt::Ready;
    use crate::router::settle::Progress;
    use crate::store::Rated;
    use crate::transport::Limits;
    use crate::types::{AttemptId, CostSource, DialectKind, Failure, RateLimit, RequestId, Usage};

    /// An attempt that came to this.
    pub fn over(result: Result<Answer, Failure>) -> Over {
        let ready = Ready {
            ranked: plan(&facts(vec![known("a", "1", "1")]), &Done::new()).order.remove(0),
            attempt: AttemptId { request: RequestId(1), number: 1 },
            dialect: dialect(DialectKind::Openai, &Quirks::OPENAI_LIKE),
            http: HttpRequest { url: String::new(), headers: Vec::new(), body: Vec::new(), stream: false },
            limits: Limits { first_byte_ms: 1, idle_ms: 1 },
            time_limit: Duration::from_secs(1),
            at: Timestamp(0),
            rated: None,
            cut_early: false,
        };
        Over { ready, result, seen: Progress::default(), latency_ms: 5, overtaken: false }
    }

    pub fn said(text: &str, finish: FinishReason) -> Result<Answer, Failure> {
        Ok(Answer { text: text.into(), finish, usage: None, reported_cost: None, model: None, tool_calls: false })
    }

    pub fn failed(class: FailureClass) -> Result<Answer, Failure> {
        Err(Failure::new(class, "x"))
    }

    fn charged(input_tokens: u64, output_tokens: u64) -> Charge {
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        Charge { usage, cost: Some(NanoUsd(9)), source: CostSource::Catalogue }
    }

    #[test]
    fn what_came_of_an_attempt_is_reported_and_observed() {
        use FailureClass as C;
        use Said as V;
        // The last: whether it says something about the provider, and what.
        for (result, outcome, failure, says) in [
            (said("x", FinishReason::Stop), Outcome::Ok, None, Some(V::Answered)),
            (said("x", FinishReason::Length), Outcome::Ok, None, Some(V::Answered)),
            (said("", FinishReason::Stop), Outcome::Ok, None, Some(V::Answered)),
            (said("", FinishReason::Length), Outcome::Failed, Some(C::Empty), Some(V::Answered)),
            (failed(C::ServerError), Outcome::Failed, Some(C::ServerError), Some(V::Failed)),
            (failed(C::RateLimited), Outcome::Failed, Some(C::RateLimited), Some(V::Limited)),
            (failed(C::Auth), Outcome::Failed, Some(C::Auth), None),
            (failed(C::Cancelled), Outcome::Cancelled, Some(C::Cancelled), None),
        ] {
            let (over, charge) = (over(result), charged(3, 4));
            let report = over.report(&charge);
            assert_eq!((report.outcome, report.failure), (outcome, failure), "{:?}", over.result);
            assert_eq!((report.latency_ms, report.cost_usd), (5, Some(NanoUsd(9))));
            let seen = observation(&over, &charge);
            assert_eq!(
                seen.map(|seen| (seen.verdict, seen.tokens as u64)),
                says.map(|verdict| (verdict, 4)),
                "{:?}",
                over.result
            );
        }
    }

    #[test]
    fn where_nobody_knows_an_attempt_took_the_tokens_that_were_expected() {
        use FailureClass as C;
        let unsent = Err(Failure { unsent: true, ..Failure::new(C::Network, "x") });
        for (result, charge, used) in [
            (said("x", FinishReason::Stop), charged(30, 5), 35),
            (said("x", FinishReason::Stop), charged(0, 0), 0),
            (failed(C::Timeout), charged(30, 5), 35),
            (failed(C::Timeout), charged(0, 0), 70),
            (failed(C::RateLimited), charged(0, 0), 0),
            (unsent, charged(0, 0), 0),
        ] {
            let mut over = over(result);
            assert_eq!(recount(&over, &charge), None, "nothing is counted where there is no limit");
            over.ready.rated = Some(Rated { limit: RateLimit { rpm: None, tpm: Some(99) }, tokens: 70 });
            assert_eq!(recount(&over, &charge), Some(Recount { expected: 70, used }), "{:?}", over.result);
        }
    }
}
