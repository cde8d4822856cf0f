//! Several candidates side by side: every one is held, sent and paid for; the best whole answer is kept.

use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::engine::plan::Ranked;
use crate::error::{Error, Kind, Result};
use crate::router::Router;
use crate::router::attempt::{End, Over, Ready, Verdict, drops, misfit_of, out_of_tokens, verdict};
use crate::router::cascade::agreement;
use crate::router::exchange::{Exchange, elapsed_ms};
use crate::router::interrupt::or_given_up;
use crate::router::repair::fits;
use crate::router::request::{Flow, Listener, Request};
use crate::router::settle::{Charge, Progress};
use crate::router::walk::{Trip, stopped};
use crate::transport::Client;
use crate::types::{Answer, Failure, FailureClass};

type Outcome = std::result::Result<Answer, Failure>;

impl Router<'_> {
    /// Asks these at once. In a race the first whole answer ends it, and the others are cancelled and charged.
    pub(super) async fn ask_together(
        &mut self,
        trip: &mut Trip<'_>,
        candidates: Vec<Ranked>,
        listener: &mut dyn Listener,
    ) -> Result<End> {
        let mut ready = Vec::new();
        for ranked in candidates {
            match self.ready(trip, &ranked, None, listener) {
                Ok(next) => ready.extend(next),
                Err(error) => return Err(self.release(&ready, error)),
            }
        }
        if ready.is_empty() {
            return self.look_again(trip).await;
        }
        let mut seen: Vec<Progress> = ready.iter().map(|r| Progress { sent_at: r.at, ..Progress::default() }).collect();
        let (results, stopped_by) = race(trip, &ready, &mut seen).await;
        let overs = ready.into_iter().zip(seen).zip(results).map(|((ready, seen), (result, latency_ms))| Over {
            ready,
            seen,
            result,
            latency_ms,
            overtaken: false,
        });
        let overs: Vec<Over> = overs.collect();
        let best = if stopped_by.is_none() { best(&overs, &trip.job.request) } else { None };
        let charges: Vec<Charge> = overs.iter().map(|over| self.settle(trip, over, false)).collect();
        if let Some(kind) = stopped_by {
            return Err(Error::new(kind, stopped(kind)));
        }
        if trip.job.request.cascade.is_some() && !agreement(&trip.job.request, &overs) {
            return Ok(End::Disagreed);
        }
        match best {
            Some(best) => match misfit_of(trip, &overs[best]) {
                Some(misfit) => Ok(End::Misfit(Box::new(misfit))),
                None => self.keep(trip, &overs[best], &charges[best]),
            },
            None => self.all_failed(trip, &overs),
        }
    }

    fn keep(&mut self, trip: &mut Trip<'_>, over: &Over, charge: &Charge) -> Result<End> {
        let Ok(answer) = over.result.clone() else { return Ok(End::GoOn) };
        let now = self.host.now();
        let end = self.request_end(trip, over, charge, now);
        let recorded = self.store.finish(&end).and_then(|()| match self.cache_row(trip, over, charge, now) {
            Some(row) => self.store.cache_put(&self.cache_put(&row), now),
            None => Ok(()),
        });
        if let Err(problem) = recorded {
            trip.warnings.push(format!("the answer could not be recorded: {problem}"));
        }
        Ok(End::Answered(Box::new(self.answered(trip, over, answer, charge))))
    }

    /// Nobody answered: who may mend it is asked once more, the others are done with.
    fn all_failed(&mut self, trip: &mut Trip<'_>, overs: &[Over]) -> Result<End> {
        let reports = trip.reports[trip.reports.len() - overs.len()..].to_vec();
        for (over, report) in overs.iter().zip(reports) {
            let candidate = &over.ready.ranked.candidate;
            let Err(Verdict::Failed(failure)) = verdict(over) else { continue };
            trip.last = Some((report, self.redactor.redact(&failure.to_string())));
            let now = self.host.now();
            if drops(trip, &candidate.id, &failure) {
                trip.walk.mended(&candidate.id, now);
            } else {
                trip.walk.failed(candidate, &failure, now);
                trip.walk.give_up_on(&candidate.id);
            }
        }
        let cut_off = overs.iter().find(|over| matches!(verdict(over), Err(Verdict::OutOfTokens)));
        cut_off.map_or(Ok(End::GoOn), |over| Err(out_of_tokens(over)))
    }
}

/// Runs the exchanges until all are over, one has won the race, or the process is asked to stop.
async fn race(trip: &mut Trip<'_>, ready: &[Ready], seen: &mut [Progress]) -> (Vec<(Outcome, u64)>, Option<Kind>) {
    let began = Instant::now();
    let mut results: Vec<Option<(Outcome, u64)>> = ready.iter().map(|_| None).collect();
    let mut running: FuturesUnordered<_> = ready
        .iter()
        .zip(seen.iter_mut())
        .enumerate()
        .map(|(i, (ready, seen))| exchange(&trip.client, i, ready, seen, began))
        .collect();
    let all = async {
        while let Some((i, outcome, latency_ms)) = running.next().await {
            let answers = |answer: &Answer| !answer.text.is_empty() && fits(&trip.job.request, answer);
            let whole = outcome.as_ref().is_ok_and(answers);
            results[i] = Some((outcome, latency_ms));
            if whole && trip.job.request.race && trip.job.request.cascade.is_none() {
                break;
            }
        }
    };
    let stopped_by = or_given_up(all, &mut trip.stop).await.1;
    drop(running);
    let cancelled = || (Err(Failure::new(FailureClass::Cancelled, "another one was faster")), elapsed_ms(began));
    (results.into_iter().map(|r| r.unwrap_or_else(cancelled)).collect(), stopped_by)
}

async fn exchange(
    client: &Client,
    i: usize,
    ready: &Ready,
    seen: &mut Progress,
    began: Instant,
) -> (usize, Outcome, u64) {
    let exchange = Exchange { client, dialect: ready.dialect.as_ref(), request: &ready.http, limits: &ready.limits };
    let mut unseen = |_: &str| Flow::On;
    let outcome = tokio::time::timeout(ready.time_limit, exchange.run(seen, &mut unseen)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(Failure::new(FailureClass::Timeout, "no whole answer in time")));
    (i, outcome, elapsed_ms(began))
}

/// The best whole answer: first by whether it fits its schema, then by its finish reason, then by its candidate's
/// score.
fn best(overs: &[Over], request: &Request) -> Option<usize> {
    let whole = overs.iter().enumerate().filter_map(|(i, over)| {
        let answer = over.result.as_ref().ok().filter(|_| verdict(over).is_ok())?;
        Some(((!fits(request, answer), answer.finish), -over.ready.ranked.score, i))
    });
    whole.min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))).map(|(.., i)| i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::record::tests::{failed, over, said};
    use crate::router::shape::tests::{object, request};
    use crate::types::FinishReason::{ContentFilter, Length, Stop};

    #[test]
    fn the_best_answer_fits_its_schema_was_not_cut_and_has_the_best_score() {
        let (plain, schema) = (request(), Request { schema: object(), ..request() });
        for (request, answers, wanted) in [
            (&plain, vec![], None),
            (&plain, vec![(failed(FailureClass::Cut), 0.9), (said("", Length), 0.9)], None),
            (&plain, vec![(failed(FailureClass::Cut), 0.9), (said("x", Stop), 0.1)], Some(1)),
            (&plain, vec![(said("x", Stop), 0.2), (said("x", Stop), 0.9), (said("x", Stop), 0.5)], Some(1)),
            (&plain, vec![(said("x", Length), 0.9), (said("x", Stop), 0.1)], Some(1)),
            (&plain, vec![(said("x", ContentFilter), 0.9), (said("x", Length), 0.1)], Some(1)),
            (&schema, vec![(said("x", Stop), 0.9), (said("{}", Stop), 0.1)], Some(1)),
            (&schema, vec![(said("x", Stop), 0.1), (said("x", Stop), 0.9)], Some(1)),
        ] {
            let overs: Vec<Over> = answers
                .into_iter()
                .map(|(answer, score)| {
                    let mut over = over(answer);
                    over.ready.ranked.score = score;
                    over
                })
                .collect();
            let results: Vec<_> = overs.iter().map(|over| &over.result).collect();
            assert_eq!(best(&overs, request), wanted, "{results:?}");
        }
    }
}
