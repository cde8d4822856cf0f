//! An answer that does not fit its schema: it is asked for once more, inside the same request and its limits.

use crate::error::{Error, Kind, Result};
use crate::router::attempt::Over;
use crate::router::request::{Answered, Listener, Request};
use crate::router::walk::{Trip, Walked};
use crate::router::{Job, Router, question};
use crate::schema;
use crate::types::{Answer, CandidateId, FinishReason, Message};

/// An answer that does not fit.
#[derive(Debug, Clone)]
pub(super) struct Misfit {
    who: CandidateId,
    text: String,
    finish: FinishReason,
    complaints: Vec<String>,
}

/// What is wrong with an answer, if its request has a schema and it does not fit.
pub(super) fn misfit(request: &Request, over: &Over, answer: &Answer) -> Option<Misfit> {
    let complaints = schema::fit(request.schema.as_ref()?, &answer.text).err()?;
    let who = over.ready.ranked.candidate.id.clone();
    Some(Misfit { who, text: answer.text.clone(), finish: answer.finish, complaints })
}

/// Whether an answer is what its request asked for.
pub(super) fn fits(request: &Request, answer: &Answer) -> bool {
    request.schema.as_ref().is_none_or(|schema| schema::fit(schema, &answer.text).is_ok())
}

/// The JSON alone, where the request has a schema.
pub(super) fn without_block(request: &Request, text: String) -> String {
    match request.schema.as_ref().and_then(|schema| schema::fit(schema, &text).ok().map(str::to_owned)) {
        Some(json) => json,
        None => text,
    }
}

impl Misfit {
    /// Whether asking again can help: not where the answer was cut or refused.
    pub fn can_be_mended(&self) -> bool {
        !matches!(self.finish, FinishReason::Length | FinishReason::ContentFilter)
    }

    /// The request with this answer and what is wrong with it. What it comes to is cached under the first one's key.
    pub fn mended(&self, job: &Job) -> Job {
        // Judged is what the user asked, not what is added to it here.
        job.judgement.verdict(&job.request);
        let mut request = Request { parallel: 1, ..job.request.clone() };
        request.messages.push(Message::assistant(&self.text));
        request.messages.push(Message::user(schema::repair_prompt(&self.complaints)));
        Job { question: question(&request), request, ..job.clone() }
    }

    /// The error of a request that ends with it.
    pub fn error(&self) -> Error {
        let error = Error::new(Kind::Verification, format!("the answer of {} does not fit the schema", self.who));
        let error = self.complaints.iter().fold(error, Error::hint);
        let error = match self.finish {
            FinishReason::Length => error.hint("the answer was cut: --max-tokens N leaves it more room"),
            FinishReason::ContentFilter => error.hint("the model refused; what it said is the answer"),
            _ => error,
        };
        Error { answer: Some(self.text.clone()), ..error }
    }
}

impl Router<'_> {
    /// The one try to have an answer mended: by whoever gave it, or by the next where that one cannot be asked.
    pub(super) async fn mend(
        &mut self,
        trip: &mut Trip<'_>,
        draw: u64,
        first: &Misfit,
        listener: &mut dyn Listener,
    ) -> Result<Answered> {
        let what = first.complaints.first().map_or("", String::as_str);
        trip.warn(format!("the answer of {} does not fit the schema ({what}): asked once more", first.who), listener);
        trip.walk.once_more(&first.who, self.host.now());
        trip.last = None;
        match self.walk(trip, draw, listener).await {
            Ok(Walked::Answered(answered)) => Ok(*answered),
            Ok(Walked::Misfit(second)) => Err(second.error()),
            Ok(Walked::Disagreed) => Err(first.error()),
            Err(stopped) if matches!(stopped.kind, Kind::Interrupted | Kind::Terminated | Kind::Closed) => Err(stopped),
            // It was answered, only not well: that nobody could be asked to mend it comes second.
            Err(error) => Err(first.error().hint(format!("it could not be asked for again: {}", error.message))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_does_not_fit_is_kept_and_asked_for_again_unless_it_was_cut_or_refused() {
        for (finish, mendable, hint) in [
            (FinishReason::Stop, true, None),
            (FinishReason::Other, true, None),
            (FinishReason::Length, false, Some("the answer was cut: --max-tokens N leaves it more room")),
            (FinishReason::ContentFilter, false, Some("the model refused; what it said is the answer")),
        ] {
            let complaints = vec!["not JSON".to_owned()];
            let misfit = Misfit { who: CandidateId::new("a", "m"), text: "x".into(), finish, complaints };
            let error = misfit.error();
            let hints: Vec<_> = ["not JSON"].into_iter().chain(hint).collect();
            assert_eq!(
                (misfit.can_be_mended(), error.hints),
                (mendable, hints.into_iter().map(str::to_owned).collect())
            );
            assert_eq!((error.kind, error.answer.as_deref()), (Kind::Verification, Some("x")));
        }
    }
}
