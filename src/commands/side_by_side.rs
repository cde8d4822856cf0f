//! Many requests at a time, one router each, on one thread: what they share is touched between two of their steps only.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::commands::batch::voice::{Ear, Voice};
use crate::error::{Error, Result};
use crate::router::{Answered, Request, Router, interrupted, stopped as stopped_by};

/// How often the progress is looked at.
pub const TICK: Duration = Duration::from_millis(100);

/// Who is told what came of each request.
pub trait Work {
    /// What came of the request of this number. An error ends the work: no further request is begun.
    fn took(&mut self, router: &Router<'_>, number: usize, result: Result<Answered>) -> Result<()>;
    /// Shows how far the work has come.
    fn draw(&self);
}

/// Asks all of these in their order, as many at a time as there are routers. After the first failure and after Ctrl-C
/// no further one is begun, and those under way are waited for.
pub async fn ask_all<'r>(
    idle: &mut Vec<Router<'r>>,
    requests: impl IntoIterator<Item = (usize, Request)>,
    voice: &Rc<RefCell<Voice>>,
    work: &mut impl Work,
) -> Result<()> {
    let mut open = requests.into_iter();
    let mut stopped: Option<Error> = None;
    let mut running = FuturesUnordered::new();
    let (mut stop, mut tick) = (interrupted(), tokio::time::interval(TICK));
    loop {
        while stopped.is_none()
            && let Some(router) = idle.pop()
        {
            let Some((number, request)) = open.next() else {
                idle.push(router);
                break;
            };
            running.push(ask(router, number, request, Ear(Rc::clone(voice))));
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            kind = &mut stop, if stopped.is_none() => stopped = Some(Error::new(kind, stopped_by(kind))),
            _ = tick.tick() => work.draw(),
            Some((router, number, result)) = running.next() => {
                if let Err(error) = work.took(&router, number, result) {
                    stopped = Some(stopped.map_or_else(|| error.clone(), |first| together(first, &error)));
                }
                idle.push(router);
                // A request that the cache answers waits for nothing: signals must be seen all the same.
                tokio::task::yield_now().await;
            }
        }
    }
    stopped.map_or(Ok(()), Err)
}

/// The first error with the attempts of one that came after it. Of Ctrl-C the request that was cancelled knows more.
fn together(first: Error, later: &Error) -> Error {
    let words = if later.kind == first.kind { later } else { &first };
    let (message, hints) = (words.message.clone(), words.hints.clone());
    let attempts = first.attempts.iter().chain(&later.attempts).cloned().collect();
    Error { message, hints, attempts, ..first }
}

/// So many routers as there is work for, at most as many as the settings let.
pub fn routers(mut router: Router<'_>, work: usize) -> Result<Vec<Router<'_>>> {
    let most = (router.config.settings.max_parallel as usize).min(work).max(1);
    let mut routers = (1..most).map(|_| router.sibling()).collect::<Result<Vec<_>>>()?;
    routers.push(router);
    Ok(routers)
}

async fn ask(
    mut router: Router<'_>,
    number: usize,
    request: Request,
    mut ear: Ear,
) -> (Router<'_>, usize, Result<Answered>) {
    let result = answer(&mut router, request, &mut ear).await;
    (router, number, result)
}

/// One request: the stored answer, or a fresh one.
pub async fn answer(router: &mut Router<'_>, request: Request, ear: &mut Ear) -> Result<Answered> {
    let job = router.prepare(request)?;
    router.answer_or_stored(&job, ear).await
}
