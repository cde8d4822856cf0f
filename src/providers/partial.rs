//! What an answer has told so far, streamed or whole, and the one place that judges whether it is an answer.

use crate::types::{Answer, Delta, Failure, FailureClass, FinishReason, NanoUsd, Usage};

use super::think::ThinkFilter;

/// The longest word of a vendor's for an end that is kept, in characters: real ones have about twenty.
const LONGEST_WORD: usize = 64;

/// What an answer has told so far.
///
/// The deltas given out so far, joined, are always a beginning of `text`.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// The answer's text so far, without thinking.
    pub text: String,
    /// Characters of thinking seen so far.
    pub thinking_chars: u64,
    /// Why it ended, once told.
    pub finish: Option<FinishReason>,
    /// The same in the vendor's own word, for messages.
    pub finish_word: Option<String>,
    /// Usage, as last told.
    pub usage: Option<Usage>,
    /// The provider's own cost, once told.
    pub reported_cost: Option<NanoUsd>,
    /// The answering model, once told.
    pub model: Option<String>,
    /// Whether a tool call was seen.
    pub tool_calls: bool,
    /// Whether a refusal in words was seen.
    pub refusal: bool,
    /// Whether the end marker was seen (`[DONE]`, `message_stop`, …): nothing of the answer follows.
    pub ended: bool,
    /// Keeps inline thinking out of the text.
    pub filter: ThinkFilter,
}

impl Partial {
    /// Adds text of the answer.
    pub(super) fn add_text(&mut self, text: String) -> Option<Delta> {
        self.text.push_str(&text);
        (!text.is_empty()).then_some(Delta(text))
    }

    /// Counts thinking.
    pub(super) fn add_thinking(&mut self, text: &str) {
        self.thinking_chars += text.chars().count() as u64;
    }

    /// Notes the model, unless the name is empty (Azure's first chunk).
    pub(super) fn set_model(&mut self, model: Option<&str>) {
        // Each event of a stream names it.
        if let Some(model) = model.filter(|model| !model.is_empty() && self.model.as_deref() != Some(*model)) {
            self.model = Some(model.to_owned());
        }
    }

    /// Notes why it ended.
    pub(super) fn set_finish(&mut self, finish: FinishReason, word: &str) {
        self.finish = Some(finish);
        self.finish_word = Some(word.chars().take(LONGEST_WORD).collect());
    }

    /// The answer, now that nothing follows, or why there is none.
    pub(super) fn judge(mut self) -> Result<Answer, Failure> {
        if !self.ended {
            let message = match self.finish {
                Some(_) => "the answer ended without its end marker",
                None => "the answer ended in the middle",
            };
            return Err(inside_ok(FailureClass::Cut, message));
        }
        let Some(told) = self.finish else {
            return Err(inside_ok(FailureClass::Cut, "the answer ended without a finish reason"));
        };
        let held = self.filter.flush();
        self.text.push_str(&held);
        let finish = match told {
            _ if self.refusal => FinishReason::ContentFilter,
            FinishReason::Stop | FinishReason::Other if self.tool_calls => FinishReason::ToolCalls,
            told => told,
        };
        self.refuse_nothing(finish)?;
        Ok(Answer {
            text: self.text,
            finish,
            usage: self.usage,
            reported_cost: self.reported_cost,
            model: self.model,
            tool_calls: self.tool_calls,
        })
    }

    /// An answer has text, or a tool call, or was cut off by its cap before the first word.
    fn refuse_nothing(&self, finish: FinishReason) -> Result<(), Failure> {
        if self.tool_calls || finish == FinishReason::Length || !self.text.trim().is_empty() {
            return Ok(());
        }
        let word = self.finish_word.as_deref().unwrap_or(finish.name());
        Err(match finish {
            FinishReason::ContentFilter => {
                inside_ok(FailureClass::ContentRefused, format!("refused by the content policy (`{word}`)"))
            }
            _ => inside_ok(FailureClass::Empty, format!("an answer without text (finish reason `{word}`)")),
        })
    }
}

/// A failure found inside an answer with status 200.
pub(super) fn inside_ok(class: FailureClass, message: impl Into<String>) -> Failure {
    Failure::new(class, message).with_status(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_and_says_something() {
        use FailureClass::{ContentRefused, Cut, Empty};
        use FinishReason::{ContentFilter, Length, Other, Stop, ToolCalls};
        let partial = |text: &str, finish| Partial { text: text.into(), finish, ended: true, ..Partial::default() };
        for (so_far, expected) in [
            (partial("hi", Some(Stop)), Ok(Stop)),
            (partial("hi", Some(ContentFilter)), Ok(ContentFilter)),
            (partial("hi", Some(Other)), Ok(Other)),
            (partial("", Some(Length)), Ok(Length)),
            (partial("", Some(Stop)), Err(Empty)),
            (partial(" \n", Some(Stop)), Err(Empty)),
            (partial("", Some(ContentFilter)), Err(ContentRefused)),
            (partial("hi", None), Err(Cut)),
            (Partial { ended: false, ..partial("hi", Some(Stop)) }, Err(Cut)),
            (Partial { tool_calls: true, ..partial("", Some(Stop)) }, Ok(ToolCalls)),
            (Partial { tool_calls: true, ..partial("", Some(Length)) }, Ok(Length)),
            (Partial { refusal: true, ..partial("no", Some(Stop)) }, Ok(ContentFilter)),
            (Partial { refusal: true, ..partial("", Some(Stop)) }, Err(ContentRefused)),
        ] {
            let shown = format!("{so_far:?}");
            let judged = so_far.judge().map(|answer| answer.finish).map_err(|failure| failure.class);
            assert_eq!(judged, expected, "{shown}");
        }
    }
}
