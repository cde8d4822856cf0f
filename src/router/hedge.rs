//! `--hedge`: a second one is asked when the first byte is late. Who writes first is kept, the other one is cancelled and
//! settled: both are paid for.

use std::cell::RefCell;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::engine::budget::Fit;
use crate::engine::facts::Facts;
use crate::engine::plan::{Plan, Ranked};
use crate::error::{Kind, Result};
use crate::router::attempt::{End, Over, Ready, Verdict, drops, misfit_of, out_of_time, verdict};
use crate::router::exchange::{Exchange, elapsed_ms};
use crate::router::interrupt::or_given_up;
use crate::router::request::{Flow, Listener};
use crate::router::settle::Progress;
use crate::router::walk::Trip;
use crate::router::{Job, Router};
use crate::transport::Client;
use crate::types::{Answer, CandidateId, Failure, FailureClass, FinishReason};

/// A second try that stands by.
#[derive(Debug, Clone, PartialEq)]
pub struct Hedge {
    /// Whom it asks.
    pub second: Ranked,
    /// After how many milliseconds without a byte from the first.
    pub after_ms: u64,
}

/// The one that would stand by a try of `first`, if the request wants that, it is known when the first one is late, and
/// somebody else is there whose worst case fits the money for that, beside the first one's.
pub fn hedge(job: &Job, plan: &Plan, facts: &Facts, first: &Ranked) -> Option<Hedge> {
    let late_s = first.first_late_s().filter(|_| job.request.hedge && job.request.stream)?;
    let left = facts.money.free().saturating_sub(first.sized.hold).min(facts.money.hedge_free);
    let rests = |id: &CandidateId| {
        let mut known = facts.known.iter().filter(|known| known.candidate.id == *id);
        known.any(|known| known.rest.is_some_and(|rest| facts.now < rest.until))
    };
    let may = |other: &&Ranked| {
        let candidate = &other.candidate;
        // Nothing bounds what has no known price.
        let fits = candidate.pricing.is_some() && other.sized.fit == Fit::Now && other.sized.hold <= left;
        candidate.id != first.candidate.id && fits && !rests(&candidate.id)
    };
    let second = plan.order.iter().find(may)?.clone();
    let after_ms = u64::try_from(Duration::from_secs_f64(late_s).as_millis()).unwrap_or(u64::MAX);
    Some(Hedge { second, after_ms })
}

/// What came of an exchange, and how long it took in milliseconds.
type Outcome = (std::result::Result<Answer, Failure>, u64);
type Running<'e> = Option<Pin<Box<dyn Future<Output = Outcome> + 'e>>>;

/// What comes while one or two exchanges run.
enum Event {
    /// One of them is over.
    Over(usize, Outcome),
    /// The first one is late.
    Late,
    /// One of them has begun to write.
    Wrote,
}

/// Who writes, and what is shown of it.
struct Screen<'l> {
    listener: &'l mut dyn Listener,
    streams: bool,
    /// Who wrote first: nobody else is shown.
    writer: Option<usize>,
    shown: bool,
    closed: bool,
}

impl Screen<'_> {
    fn delta(&mut self, of: usize, text: &str) -> Flow {
        if *self.writer.get_or_insert(of) != of || !self.streams {
            return Flow::On;
        }
        self.shown = true;
        let flow = self.listener.delta(text);
        self.closed |= flow == Flow::Closed;
        flow
    }
}

impl Screen<'_> {
    /// Whether there is nothing to wait for once this one is over, without an answer: the reader is gone, or has seen
    /// some of it. What was not shown is forgotten.
    fn ends_with(&mut self, which: usize) -> bool {
        let wrote = self.writer == Some(which);
        if wrote && !self.shown {
            self.writer = None;
        }
        self.closed || (wrote && self.shown)
    }
}

impl Router<'_> {
    /// Asks one candidate once, and another one beside it when it is late.
    pub(super) async fn attempt_hedged(
        &mut self,
        trip: &mut Trip<'_>,
        ranked: &Ranked,
        hedge: &Hedge,
        listener: &mut dyn Listener,
    ) -> Result<End> {
        let Some(first) = self.ready(trip, ranked, None, listener)? else { return self.look_again(trip).await };
        // What may still turn out not to fit is not shown.
        let streams = listener.streams() && trip.job.request.schema.is_none();
        let screen = RefCell::new(Screen { listener, streams, writer: None, shown: false, closed: false });
        let (client, wrote) = (trip.client.clone(), Notify::new());
        let run = |which, ready, seen| exchange(&client, which, ready, seen, &screen, &wrote);
        let (mut first_seen, mut second_seen) = (self.progress(trip, &first), Progress::default());
        let mut second: Option<Ready> = None;
        let mut results: [Option<Outcome>; 2] = [None, None];
        let mut began = [Instant::now(); 2];
        let mut stop = std::mem::replace(&mut trip.stop, Box::pin(std::future::pending()));
        // Either is `None` once it is over, or given up.
        let mut one: Running<'_> = Some(Box::pin(run(0, &first, &mut first_seen)));
        let late = tokio::time::sleep(Duration::from_millis(hedge.after_ms));
        let alone = async {
            tokio::select! {
                biased;
                outcome = over(&mut one) => Event::Over(0, outcome),
                () = wrote.notified() => Event::Wrote,
                () = late => Event::Late,
            }
        };
        let (mut event, mut why) = or_given_up(alone, &mut stop).await;
        if let Some(Event::Late) = event {
            second = self.stand_by(trip, hedge, &screen);
            began[1] = Instant::now();
        }
        let mut two: Running<'_> = None;
        if let Some(second) = &second {
            second_seen = self.progress(trip, second);
            two = Some(Box::pin(run(1, second, &mut second_seen)));
        }
        while let Some(came) = event.take() {
            match came {
                Event::Over(which, (result, latency_ms)) => {
                    let ends = answers(&result) || screen.borrow_mut().ends_with(which);
                    results[which] = Some((result, latency_ms));
                    match which {
                        0 => one = None,
                        _ => two = None,
                    }
                    if ends {
                        break;
                    }
                }
                // Who has ended meanwhile cancels nobody.
                Event::Wrote => match screen.borrow().writer {
                    Some(0) if one.is_some() => two = None,
                    Some(1) if two.is_some() => one = None,
                    _ => {}
                },
                Event::Late => {}
            }
            if why.is_some() || (one.is_none() && two.is_none()) {
                break;
            }
            let next = async {
                tokio::select! {
                    biased;
                    outcome = over(&mut one) => Event::Over(0, outcome),
                    outcome = over(&mut two) => Event::Over(1, outcome),
                    () = wrote.notified() => Event::Wrote,
                }
            };
            (event, why) = or_given_up(next, &mut stop).await;
        }
        drop((one, two));
        trip.stop = stop;
        let stopped_by = why;
        let Screen { writer, shown, closed, .. } = screen.into_inner();
        let stopped_by = if closed { Some(Kind::Closed) } else { stopped_by };
        let [first_result, second_result] = results;
        first_seen.shown = shown && writer == Some(0);
        second_seen.shown = shown && writer == Some(1);
        let overtaken = first_result.is_none() && second.is_some() && stopped_by.is_none();
        let first = finished(first, first_seen, first_result, began[0], overtaken);
        match second {
            None => self.conclude(trip, first, stopped_by),
            Some(second) => {
                let second = finished(second, second_seen, second_result, began[1], false);
                self.conclude_both(trip, first, second, stopped_by)
            }
        }
    }

    /// The second one, if its worst case may be held. What keeps it out does not concern the first one.
    fn stand_by(&mut self, trip: &mut Trip<'_>, hedge: &Hedge, screen: &RefCell<Screen<'_>>) -> Option<Ready> {
        let most = self.config.settings.hedge_daily;
        if trip.walk.attempts() >= self.config.settings.max_attempts {
            return None;
        }
        let mut screen = screen.borrow_mut();
        let whom = &hedge.second.candidate.id;
        let (ready, note) = match self.ready(trip, &hedge.second, Some(most), &mut *screen.listener) {
            Ok(Some(ready)) => {
                (Some(ready), format!("nothing has come after {} ms: {whom} is asked too", hedge.after_ms))
            }
            Ok(None) => return None,
            Err(problem) => (None, format!("{whom} could not be asked too: {problem}")),
        };
        screen.listener.note(&note);
        ready
    }

    fn progress(&self, trip: &Trip<'_>, ready: &Ready) -> Progress {
        let text = self.keeps(trip.job).then(String::new);
        Progress { sent_at: ready.at, text, ..Progress::default() }
    }

    /// Settles both, and goes on with the one that answered, or was not cancelled.
    fn conclude_both(
        &mut self,
        trip: &mut Trip<'_>,
        first: Over,
        second: Over,
        stopped_by: Option<Kind>,
    ) -> Result<End> {
        let second_counts = answers(&second.result)
            || (!answers(&first.result) && (first.overtaken || (second.result.is_ok() && first.result.is_err())));
        let (main, other) = if second_counts { (second, first) } else { (first, second) };
        // The request's end is written with the one that answered, and tells what both cost.
        self.settle(trip, &other, false);
        let misfit = misfit_of(trip, &main);
        let charge = self.settle(trip, &main, verdict(&main).is_ok() && misfit.is_none());
        let reports = trip.reports.len();
        if !second_counts {
            trip.reports.swap(reports - 2, reports - 1);
        }
        if let Err(Verdict::Failed(failure)) = verdict(&other)
            && failure.class != FailureClass::Cancelled
        {
            let (candidate, now) = (&other.ready.ranked.candidate, self.host.now());
            match drops(trip, &candidate.id, &failure) {
                true => trip.walk.mended(&candidate.id, now),
                false => trip.walk.failed(candidate, &failure, now),
            }
        }
        self.settled(trip, &main, &charge, misfit, stopped_by)
    }
}

/// Whether it is an answer: not one whose tokens ran out before its text.
fn answers(result: &std::result::Result<Answer, Failure>) -> bool {
    result.as_ref().is_ok_and(|answer| !answer.text.is_empty() || answer.finish != FinishReason::Length)
}

/// What came of an exchange, once it is over; waits for ever where there is none.
async fn over(running: &mut Running<'_>) -> Outcome {
    match running {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

async fn exchange(
    client: &Client,
    which: usize,
    ready: &Ready,
    seen: &mut Progress,
    screen: &RefCell<Screen<'_>>,
    wrote: &Notify,
) -> Outcome {
    let began = Instant::now();
    let exchange = Exchange { client, dialect: ready.dialect.as_ref(), request: &ready.http, limits: &ready.limits };
    let mut show = |text: &str| {
        let mut screen = screen.borrow_mut();
        if screen.writer.is_none() {
            wrote.notify_one();
        }
        screen.delta(which, text)
    };
    let result = tokio::time::timeout(ready.time_limit, exchange.run(seen, &mut show)).await;
    let out_of_time = |_| Err(Failure::new(FailureClass::Timeout, out_of_time(ready.time_limit)));
    (result.unwrap_or_else(out_of_time), elapsed_ms(began))
}

/// An attempt that is over; one without an outcome was cancelled.
fn finished(ready: Ready, seen: Progress, outcome: Option<Outcome>, began: Instant, overtaken: bool) -> Over {
    let cancelled = || (Err(Failure::new(FailureClass::Cancelled, "another one was faster")), elapsed_ms(began));
    let (result, latency_ms) = outcome.unwrap_or_else(cancelled);
    Over { ready, result, seen, latency_ms, overtaken }
}
