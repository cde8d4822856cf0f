//! How one answer is played: what is billed at once, what is waited for, and the steps on the wire.
//!
//! A play is data, made by pure functions; [`super::server`] performs it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::script::Fault;
use super::wire::{Event, Finish, Part, Prompt, Reply, Wire};
use super::{SandboxProvider, instance, quote, text};
use crate::catalogue;
use crate::engine::images;
use crate::types::Usage;

/// One step on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Waits; at least until what was sent before has been written.
    Wait(Duration),
    Send(Bytes),
    /// Bills what has been sent: tokens of thinking and of text.
    Bill {
        thought: u64,
        text: u64,
    },
    /// Waits for ever.
    Hang,
    /// Closes the connection.
    Break,
}

/// An answer to be played.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Play {
    /// What is billed before anything is sent; `None`: nothing is billed at all.
    pub billed: Option<Usage>,
    /// How long it takes until the headers are sent.
    pub before: Duration,
    /// The length announced in the headers; `None` for a stream.
    pub length: Option<usize>,
    pub steps: VecDeque<Step>,
}

/// How fast a provider is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    first_token_ms: f64,
    per_token_ms: f64,
}

impl Pace {
    /// A provider's own, within a fifth around its first token, by this draw; times the sandbox's factor.
    pub(super) fn of(provider: &SandboxProvider, factor: f64, draw: u64) -> Self {
        #[allow(clippy::cast_precision_loss)]
        let (first, per, jitter) =
            (provider.first_token_ms as f64, provider.per_token_ms as f64, (draw % 401) as f64 / 1000.0);
        Self { first_token_ms: first * (0.8 + jitter) * factor, per_token_ms: per * factor }
    }

    fn of_tokens(self, tokens: u64) -> Duration {
        #[allow(clippy::cast_precision_loss)]
        milliseconds(self.per_token_ms * tokens as f64)
    }
}

fn milliseconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

/// The answer to a prompt.
pub(super) fn reply(
    provider: &SandboxProvider,
    prompt: &Prompt,
    fault: Fault,
    seed: u64,
    number: u64,
    created: i64,
) -> Reply {
    let silent = matches!(fault, Fault::Empty | Fault::Blocked);
    let limit = prompt.max_tokens.unwrap_or(u64::MAX);
    let thought = if fault == Fault::Think { text::first(text::THOUGHT, limit) } else { String::new() };
    let reasoning_tokens = text::count(&thought);
    let whole = match prompt.schema().filter(|_| fault != Fault::Misfit) {
        // On several lines, because a token is a word with the white space before it.
        Some(schema) => format!("{:#}", instance::of(&schema)),
        None if fault == Fault::Quote => quote::quote(&prompt.last),
        None => text::answer(&provider.name, &prompt.model, &prompt.last, seed),
    };
    let text = if silent { String::new() } else { text::first(&whole, limit - reasoning_tokens) };
    let output_tokens = text::count(&text);
    let finish = match fault {
        Fault::Blocked => Finish::Blocked,
        Fault::Empty => Finish::Stop,
        _ if output_tokens < text::count(&whole) => Finish::Length,
        _ => Finish::Stop,
    };
    let input_tokens = (text::count(&prompt.text) + picture_tokens(provider, prompt)).max(1);
    Reply {
        number,
        created,
        model: prompt.model.clone(),
        thought,
        text,
        usage: Usage { input_tokens, output_tokens, reasoning_tokens, ..Usage::default() },
        finish,
        tell_usage: fault != Fault::NoUsage,
        include_usage: prompt.include_usage,
    }
}

/// What the pictures of a prompt count, by the rule of the model's vendor.
fn picture_tokens(provider: &SandboxProvider, prompt: &Prompt) -> u64 {
    let rule = catalogue::image_tokens(&provider.name, &prompt.model);
    prompt.pictures.iter().map(|(width, height)| images::count(rule, *width, *height).likely).sum()
}

/// The play of a whole answer. A vendor has made all of it before it sends anything, so all of it is billed.
pub(super) fn whole(wire: &dyn Wire, reply: &Reply, fault: Fault, pace: Pace) -> Play {
    told(wire, &wire.whole(reply), reply.usage, fault, pace)
}

/// The same of this body, which so many tokens were read and written for.
pub(super) fn told(wire: &dyn Wire, body: &Value, usage: Usage, fault: Fault, pace: Pace) -> Play {
    let error = fault == Fault::ErrorInside;
    let body = if error { &wire.error_body() } else { body };
    let body = Bytes::from(body.to_string());
    let half = body.slice(..body.len() / 2);
    let (length, steps) = match fault {
        Fault::Cut => (body.len(), vec![Step::Send(half), Step::Wait(Duration::ZERO), Step::Break]),
        Fault::Stall => (body.len(), vec![Step::Send(half), Step::Hang]),
        Fault::Malformed => (half.len(), vec![Step::Send(half)]),
        _ => (body.len(), vec![Step::Send(body)]),
    };
    let before = milliseconds(pace.first_token_ms) + pace.of_tokens(usage.completion_tokens());
    Play {
        billed: (!error).then_some(usage),
        before: before + slowness(fault),
        length: Some(length),
        steps: steps.into(),
    }
}

/// The play of a stream. The input is billed at once, the rest as it is sent.
pub(super) fn stream(wire: &dyn Wire, reply: &Reply, fault: Fault, pace: Pace) -> Play {
    let events = wire.events(reply);
    let billed =
        (fault != Fault::ErrorInside).then_some(Usage { output_tokens: 0, reasoning_tokens: 0, ..reply.usage });
    let (events, rest) = match fault {
        Fault::NoEnd => (events.into_iter().filter(|event| event.part != Part::End).collect(), None),
        Fault::Cut | Fault::Stall | Fault::Malformed | Fault::ErrorInside => split_in_the_middle(events),
        _ => (events, None),
    };
    let mut steps = VecDeque::new();
    for event in events {
        perform(event, pace, billed.is_some(), &mut steps);
    }
    steps.extend(match fault {
        Fault::Cut => vec![Step::Break],
        Fault::Stall => vec![Step::Hang],
        Fault::Malformed => vec![Step::Send(broken(&rest.map_or_else(String::new, |event| event.wire)))],
        Fault::ErrorInside => vec![Step::Send(wire.error_event().into())],
        _ => vec![],
    });
    let before = milliseconds(pace.first_token_ms) + slowness(fault);
    Play { billed, before, length: None, steps }
}

/// Sends an event once its tokens have been made. It is billed when it has been written, so that whoever goes away
/// in the middle is not billed for what cannot have arrived.
fn perform(event: Event, pace: Pace, bill: bool, steps: &mut VecDeque<Step>) {
    let (thought, text) = (event.thought, event.text);
    steps.push_back(Step::Wait(pace.of_tokens(thought + text)));
    steps.push_back(Step::Send(event.wire.into()));
    steps.push_back(Step::Wait(Duration::ZERO));
    if bill && thought + text > 0 {
        steps.push_back(Step::Bill { thought, text });
    }
}

/// The events up to half of the text (at least one of it), and the one after them.
fn split_in_the_middle(mut events: Vec<Event>) -> (Vec<Event>, Option<Event>) {
    let texts: Vec<usize> =
        events.iter().enumerate().filter(|(_, event)| event.part == Part::Text).map(|(at, _)| at).collect();
    let last = texts.get((texts.len() / 2).saturating_sub(1)).copied().unwrap_or(0);
    let rest = events.split_off((last + 1).min(events.len()));
    (events, rest.into_iter().next())
}

/// An event whose JSON ends in the middle.
fn broken(wire: &str) -> Bytes {
    let data = wire.trim_end();
    let cut = (data.len() * 2 / 3..data.len()).find(|at| data.is_char_boundary(*at)).unwrap_or(0);
    format!("{}\n\n", data.get(..cut).unwrap_or_default()).into()
}

fn slowness(fault: Fault) -> Duration {
    match fault {
        Fault::Slow(ms) => Duration::from_millis(ms),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::wire;
    use crate::types::DialectKind;

    fn provider(dialect: DialectKind) -> SandboxProvider {
        SandboxProvider::built_in().into_iter().find(|p| p.dialect == dialect).unwrap()
    }

    fn asked(dialect: DialectKind, fault: Fault, max_tokens: Option<u64>) -> Reply {
        let prompt = Prompt {
            model: "m".into(),
            text: "be brief\nhello there".into(),
            last: "hello there".into(),
            pictures: Vec::new(),
            max_tokens,
            stream: true,
            include_usage: true,
            format: None,
        };
        reply(&provider(dialect), &prompt, fault, 1, 1, 0)
    }

    fn billed(play: &Play) -> u64 {
        let steps = play.steps.iter().map(|step| match step {
            Step::Bill { thought, text } => thought + text,
            _ => 0,
        });
        play.billed.map_or(0, |usage| usage.completion_tokens()) + steps.sum::<u64>()
    }

    #[test]
    fn a_first_token_comes_within_a_fifth_of_its_time() {
        let provider = SandboxProvider { first_token_ms: 100, per_token_ms: 7, ..provider(DialectKind::Openai) };
        for (draw, factor, first, each) in [(0, 1.0, 80.0, 7.0), (200, 1.0, 100.0, 7.0), (400, 0.5, 60.0, 3.5)] {
            let pace = Pace::of(&provider, factor, draw);
            assert!((pace.first_token_ms - first).abs() < 1e-9, "{pace:?}");
            assert!((pace.per_token_ms - each).abs() < 1e-9, "{pace:?}");
        }
    }

    #[test]
    fn the_output_cap_is_met_exactly() {
        let usual = asked(DialectKind::Openai, Fault::Ok, None).usage.output_tokens;
        for cap in [1, 2, 7, usual - 1, usual, usual + 1, 8192] {
            let reply = asked(DialectKind::Openai, Fault::Ok, Some(cap));
            assert_eq!(reply.usage.output_tokens, cap.min(usual), "{cap}");
            assert_eq!(reply.finish, if cap < usual { Finish::Length } else { Finish::Stop }, "{cap}");
            let thinking = asked(DialectKind::Openai, Fault::Think, Some(cap));
            let thoughts = text::count(text::THOUGHT);
            assert_eq!(thinking.usage.completion_tokens(), cap.min(usual + thoughts), "{cap}");
        }
    }

    #[test]
    fn a_stream_bills_what_it_sends() {
        let pace = Pace { first_token_ms: 0.0, per_token_ms: 0.0 };
        for dialect in crate::providers::DIALECTS {
            for fault in [Fault::Ok, Fault::NoUsage, Fault::NoEnd, Fault::Think, Fault::Empty] {
                let reply = asked(dialect, fault, None);
                let play = stream(wire::of(dialect), &reply, fault, pace);
                assert_eq!(billed(&play), reply.usage.completion_tokens(), "{dialect:?} {fault:?}");
                assert_eq!(play.billed.unwrap().prompt_tokens(), 4);
            }
            for fault in [Fault::Cut, Fault::Stall, Fault::Malformed] {
                let reply = asked(dialect, fault, None);
                let part = billed(&stream(wire::of(dialect), &reply, fault, pace));
                assert!(0 < part && part < reply.usage.output_tokens, "{dialect:?} {fault:?}: {part}");
            }
            let reply = asked(dialect, Fault::ErrorInside, None);
            let play = stream(wire::of(dialect), &reply, Fault::ErrorInside, pace);
            assert_eq!((billed(&play), play.billed), (0, None), "{dialect:?}");
        }
    }

    #[test]
    fn a_whole_answer_is_billed_before_it_is_sent() {
        let pace = Pace { first_token_ms: 100.0, per_token_ms: 2.0 };
        let reply = asked(DialectKind::Cohere, Fault::Ok, Some(10));
        for fault in [Fault::Ok, Fault::Cut, Fault::Stall, Fault::Malformed, Fault::Slow(500)] {
            let play = whole(wire::of(DialectKind::Cohere), &reply, fault, pace);
            assert_eq!(play.billed, Some(reply.usage), "{fault:?}");
            let slow = if fault == Fault::Slow(500) { 500 } else { 0 };
            assert_eq!(play.before, Duration::from_millis(120 + slow), "{fault:?}");
        }
        assert_eq!(whole(wire::of(DialectKind::Cohere), &reply, Fault::ErrorInside, pace).billed, None);
    }

    #[test]
    fn broken_events_are_not_json() {
        let text = broken("event: x\ndata: {\"text\": \"ünïcödé ünïcödé\"}\r\n\r\n");
        let text = std::str::from_utf8(&text).unwrap();
        let data = text.split("data: ").nth(1).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(data).is_err());
        assert!(text.ends_with("\n\n"));
    }
}
