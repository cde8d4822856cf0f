//! The request as one candidate gets it: what its model would refuse is left out, with a warning.

use std::collections::BTreeSet;

use crate::providers::schema::{JsonMode, instructed};
use crate::providers::table::EffortField;
use crate::router::request::Request;
use crate::router::select::Target;
use crate::types::{Ask, Candidate, Effort};

/// Request fields that a candidate refused when it was asked; they are not sent to it again.
pub type Dropped = BTreeSet<String>;

/// What is sent, and what the user should know about it.
pub struct Shaped {
    /// The request in no vendor's words.
    pub ask: Ask,
    /// Where it goes.
    pub target: Target,
    /// What was left out or changed.
    pub warnings: Vec<String>,
}

/// The request for one candidate, with this output cap.
pub fn shape(request: &Request, target: &Target, cap: u64, dropped: &Dropped) -> Shaped {
    let mut target = target.clone();
    let mut warnings: Vec<String> = unsure_of_pictures(request, &target.candidate).into_iter().collect();
    let (temperature, top_p) = sampling(request, &target, dropped, &mut warnings);
    let (candidate, quirks) = (&target.candidate, &mut target.endpoint.quirks);
    let id = &candidate.id;
    let mut left_out = |name: &str| warnings.push(format!("{id} does not take {name}: left out"));
    let mut stop = request.stop.clone();
    if !stop.is_empty() && dropped.contains("stop") {
        stop.clear();
        left_out("stop texts");
    }
    let effort = request.effort.filter(|_| quirks.effort != EffortField::Unsupported && !dropped.contains("effort"));
    if effort.is_none() && request.effort.is_some_and(|e| e != Effort::None) {
        left_out("an effort");
    }
    if let Some(most) = request.explicit_cap.filter(|wanted| cap < *wanted && Some(cap) == candidate.max_output_tokens)
    {
        warnings.push(format!("{id} writes at most {cap} tokens: --max-tokens {most} was lowered"));
    }
    let mut system = request.system.clone();
    if let Some(schema) = &request.schema {
        let refused = dropped.contains("response_format");
        quirks.json = if refused { JsonMode::WORDS } else { quirks.json.for_schema(schema) };
        if quirks.json.needs_words() {
            system = Some(instructed(system.as_deref(), schema));
        }
    }
    let streams = candidate.streams && (request.schema.is_none() || quirks.json.streams);
    quirks.output_cap = other_cap_field(quirks.output_cap, dropped);
    quirks.stream_usage_option &= !dropped.contains("stream_options");
    let ask = Ask {
        system,
        messages: request.messages.clone(),
        max_output_tokens: cap,
        temperature,
        top_p,
        stop,
        effort,
        extra: request.extra.clone(),
        schema: request.schema.clone(),
        embed: request.embed,
        stream: request.stream && streams,
    };
    Shaped { ask, target, warnings }
}

/// Temperature and top-p: as asked for, else the provider's defaults; what the model would refuse is left out or lowered.
fn sampling(
    request: &Request,
    target: &Target,
    dropped: &Dropped,
    warnings: &mut Vec<String>,
) -> (Option<f64>, Option<f64>) {
    let (candidate, default) = (&target.candidate, target.sampling);
    let (id, most) = (&candidate.id, candidate.max_temperature);
    let takes = |name: &str| candidate.accepts_temperature && !dropped.contains(name);
    // A default that this model does not take is no wish that was left out.
    let mut chosen = |own: Option<f64>, default: Option<f64>, name: &str, words: &str| {
        if own.is_some() && !takes(name) {
            warnings.push(format!("{id} does not take {words}: left out"));
        }
        own.or(default).filter(|_| takes(name))
    };
    let temperature =
        chosen(request.temperature, default.temperature.map(|t| t.min(most)), "temperature", "a temperature");
    let top_p = chosen(request.top_p, default.top_p, "top_p", "top-p");
    if let Some(high) = temperature.filter(|t| *t > most) {
        warnings.push(format!("{id} takes a temperature of at most {most}: {high} was lowered"));
    }
    (temperature.map(|t| t.min(most)), top_p)
}

/// That nobody knows whether this candidate can see what it is shown.
pub fn unsure_of_pictures(request: &Request, candidate: &Candidate) -> Option<String> {
    let shown = request.messages.iter().any(|message| !message.images.is_empty());
    let unsure = shown && candidate.sight.sees.is_none();
    unsure
        .then(|| format!("it is not known whether {} can see pictures; `vision` in config.toml says so", candidate.id))
}

/// The output cap must be sent: where one name of it is refused, the other one is tried.
fn other_cap_field(name: &'static str, dropped: &Dropped) -> &'static str {
    match name {
        "max_tokens" if dropped.contains("max_tokens") => "max_completion_tokens",
        "max_completion_tokens" if dropped.contains("max_completion_tokens") => "max_tokens",
        _ => name,
    }
}

/// The name under which a refused field is dropped, if the request can do without it.
pub fn droppable(parameter: &str, request: &Request) -> Option<&'static str> {
    match parameter {
        // Its own or a provider's default.
        "temperature" if !request.extra.contains_key(parameter) => Some("temperature"),
        "top_p" if !request.extra.contains_key(parameter) => Some("top_p"),
        "stop" if !request.stop.is_empty() => Some("stop"),
        "reasoning_effort" if request.effort.is_some() => Some("effort"),
        "response_format" if request.schema.is_some() => Some("response_format"),
        "max_tokens" => Some("max_tokens"),
        "max_completion_tokens" => Some("max_completion_tokens"),
        "stream_options" => Some("stream_options"),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests;
