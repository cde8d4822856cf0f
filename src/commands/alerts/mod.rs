//! Alerts: what is worth waking somebody for, each thing said once.
//!
//! What is due is read from the database after a request has ended, so that it does not matter which of many processes
//! has passed a limit or opened a breaker: the first one that looks says so, and no other. It is said on stderr as a
//! warning, and to the user's own command or webhook in the background. In JSON mode and with `-q` it is not said on
//! stderr, and then counts as not said: the next request that may say it does. It stands in no result's `warnings`,
//! because it is looked for after the result has been printed; `budget.state` is in there.

mod delivery;

use serde::Serialize;

use crate::catalogue;
use crate::commands::Stderr;
use crate::config::{AlertKind, Alerts};
use crate::engine::breaker::BreakerState;
use crate::engine::budget::{self, BudgetState};
use crate::error::{Error, Kind, Result};
use crate::output::{Level, units};
use crate::router::select::row_of;
use crate::router::{Answered, Router, SOFT_WARNING};
use crate::types::{AttemptReport, CacheOutcome, Day, NanoUsd, Timestamp, whole_ms};

pub use delivery::Deliveries;

/// A model with at most so many days left is alerted of. The warning of a request comes earlier; an alert is for what
/// has to be done now.
const RETIRES_WITHIN_DAYS: i32 = 30;

/// What a request left behind.
#[derive(Debug, Clone)]
pub struct Happened {
    attempts: Vec<AttemptReport>,
    warnings: Vec<String>,
    over_the_day: bool,
    /// Nobody was asked, so nothing can have changed; or the database failed, which has been said.
    nothing: bool,
}

impl Happened {
    /// It was answered. A hit of the cache changes nothing, and nothing is looked for.
    pub fn answered(answered: &Answered) -> Self {
        let nothing = answered.cache == CacheOutcome::Hit;
        let (attempts, warnings) = (answered.attempts.clone(), answered.warnings.clone());
        Self { attempts, warnings, over_the_day: false, nothing }
    }

    /// It failed.
    pub fn failed(error: &Error) -> Self {
        let (attempts, over_the_day) = (error.attempts.clone(), error.over_the_day);
        Self { attempts, warnings: Vec::new(), over_the_day, nothing: error.kind == Kind::Store }
    }

    /// Both of them.
    pub fn and(mut self, other: Self) -> Self {
        for attempt in other.attempts {
            // Only who was asked matters.
            let same = |known: &AttemptReport| (&known.provider, &known.model) == (&attempt.provider, &attempt.model);
            if !self.attempts.iter().any(same) {
                self.attempts.push(attempt);
            }
        }
        self.warnings.extend(other.warnings);
        self.over_the_day |= other.over_the_day;
        self.nothing &= other.nothing;
        self
    }
}

/// Says on stderr what has become due, and begins its delivery in the background. Never waits, never fails: what cannot
/// be read is a warning. To be called once the answer has been written out, or the request has failed.
pub fn after(router: &Router<'_>, messages: &mut Stderr, deliveries: &Deliveries, happened: &Happened) {
    let level = messages.level();
    look(router, level, &mut |text| messages.warning(text), deliveries, happened);
}

/// The same where a warning is said in another way.
pub fn look(
    router: &Router<'_>,
    level: Level,
    warn: &mut dyn FnMut(&str),
    deliveries: &Deliveries,
    happened: &Happened,
) {
    let alerts = &router.config.alerts;
    if happened.nothing || alerts.on.is_empty() || (!alerts.delivers() && level == Level::Quiet) {
        return;
    }
    match due(router, happened) {
        Ok(events) => events.iter().for_each(|event| tell(router, level, warn, deliveries, happened, event)),
        Err(error) => warn(&format!("alerts could not be looked for: {error}")),
    }
}

/// Something worth an alert: the object that a command or a webhook gets.
#[derive(Debug, Clone, Serialize)]
struct Event {
    schema_version: u32,
    #[serde(serialize_with = "name")]
    event: AlertKind,
    at: Timestamp,
    day: Day,
    /// One sentence.
    text: String,
    provider: Option<String>,
    model: Option<String>,
    spent_usd: Option<NanoUsd>,
    limit_usd: Option<NanoUsd>,
    /// Of a breaker.
    open_until: Option<Timestamp>,
    /// Of a model.
    retires: Option<Day>,
    successor: Option<&'static str>,
    /// Who has said this since then has said it.
    #[serde(skip)]
    since: Timestamp,
}

fn name<S: serde::Serializer>(kind: &AlertKind, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

impl Event {
    fn new(event: AlertKind, at: Timestamp, text: String) -> Self {
        Self {
            schema_version: 1,
            event,
            at,
            day: at.day(),
            text,
            provider: None,
            model: None,
            spent_usd: None,
            limit_usd: None,
            open_until: None,
            retires: None,
            successor: None,
            since: at.day().start(),
        }
    }

    /// What is said only once.
    fn subject(&self) -> String {
        let of = |part: &Option<String>| part.as_ref().map(|p| format!(" {p}")).unwrap_or_default();
        format!("alert {}{}{}", self.event.name(), of(&self.provider), of(&self.model))
    }
}

/// Everything that is worth an alert now, said or not.
fn due(router: &Router<'_>, happened: &Happened) -> Result<Vec<Event>> {
    let now = router.host.now();
    let facts = router.store.facts(now)?;
    let limit = router.config.settings.limit(facts.limit_set).0;
    let soft_pct = router.config.settings.soft_pct;
    let mut events = Vec::new();
    // With a limit of 0 everything but free answers is refused by intention.
    if let Some(limit_usd) = limit.amount().filter(|limit| *limit > NanoUsd::ZERO) {
        let state = budget::state(limit, soft_pct, facts.spent);
        events.extend(money(state, happened.over_the_day, facts.spent, limit_usd, now));
    }
    let mut open: Vec<_> =
        facts.breakers.iter().filter(|(_, breaker)| breaker.state(now) == BreakerState::Open).collect();
    open.sort_by_key(|(name, _)| name.as_str());
    let rules = router.config.settings.breaker;
    for (provider, breaker) in open {
        let Some(until) = breaker.open_until else { continue };
        let text = format!("{provider} is left alone until {until} after {} failures in a row", breaker.failures);
        // A trial that failed keeps an outage going; of that it is enough to be told once a day.
        let since = match breaker.failures > rules.threshold {
            true => now.day().start(),
            false => until.plus_ms(-i64::try_from(whole_ms(rules.open_secs)).unwrap_or(0)),
        };
        let event = Event::new(AlertKind::Breaker, now, text);
        events.push(Event { provider: Some(provider.clone()), open_until: Some(until), since, ..event });
    }
    events.extend(retiring(router, happened, now));
    events.retain(|event| router.config.alerts.on.contains(&event.event));
    Ok(events)
}

fn money(state: BudgetState, refused: bool, spent: NanoUsd, limit: NanoUsd, now: Timestamp) -> Option<Event> {
    let (kind, end) = match (state, refused) {
        (BudgetState::Hard, _) => (AlertKind::Hard, "only free answers are given until midnight UTC"),
        (_, true) => (AlertKind::Hard, "a request was refused because it might have passed that"),
        (BudgetState::Soft, _) => (AlertKind::Soft, "cheaper providers are preferred from now on"),
        (BudgetState::Ok, _) => return None,
    };
    let text = format!("{} of today's {} are spent: {end}", units::usd(spent), units::usd(limit));
    Some(Event { spent_usd: Some(spent), limit_usd: Some(limit), ..Event::new(kind, now, text) })
}

/// The models that this request asked and that will be gone soon.
fn retiring(router: &Router<'_>, happened: &Happened, now: Timestamp) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for attempt in &happened.attempts {
        let row = router.config.provider(&attempt.provider).and_then(|provider| row_of(provider, &attempt.model));
        let soon = row.and_then(|row| match row.state(now.day()) {
            catalogue::ModelState::RetiresOn { day, days_left } if days_left <= RETIRES_WITHIN_DAYS => {
                Some((day, row.successor))
            }
            _ => None,
        });
        let Some((day, successor)) = soon else { continue };
        let (provider, model) = (&attempt.provider, &attempt.model);
        if events.iter().any(|e| (e.provider.as_ref(), e.model.as_ref()) == (Some(provider), Some(model))) {
            continue;
        }
        let instead = successor.map(|s| format!("; its successor is {s}")).unwrap_or_default();
        let text = format!("{provider}/{model} will be switched off on {day}{instead}");
        events.push(Event {
            provider: Some(provider.clone()),
            model: Some(model.clone()),
            retires: Some(day),
            successor,
            ..Event::new(AlertKind::Retiring, now, text)
        });
    }
    events
}

/// Says one thing to everybody who has not been told.
fn tell(
    router: &Router<'_>,
    level: Level,
    warn: &mut dyn FnMut(&str),
    deliveries: &Deliveries,
    happened: &Happened,
    event: &Event,
) {
    let subject = event.subject();
    let first = |what: &str| router.store.first_since(what, event.since, event.at).unwrap_or(false);
    // A request that already warns of it need not say it twice.
    let soft = |warning: &String| event.event == AlertKind::Soft && warning.ends_with(SOFT_WARNING);
    let said = happened.warnings.iter().any(|warning| *warning == event.text || soft(warning));
    if level > Level::Quiet && !said && first(&format!("{subject} on stderr")) {
        warn(&event.text);
    }
    let alerts: &Alerts = &router.config.alerts;
    if alerts.delivers() && first(&subject) {
        deliveries.begin(router, &event.text, serde_json::to_string(event).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_s_money_is_told_by_its_state() {
        use BudgetState::{Hard, Ok, Soft};
        for (state, refused, kind) in [
            (Ok, false, None),
            (Soft, false, Some(AlertKind::Soft)),
            (Soft, true, Some(AlertKind::Hard)),
            (Ok, true, Some(AlertKind::Hard)),
            (Hard, false, Some(AlertKind::Hard)),
        ] {
            let event = money(state, refused, NanoUsd(4_800_000_000), NanoUsd(5_000_000_000), Timestamp(0));
            assert_eq!(event.as_ref().map(|e| e.event), kind, "{state:?} {refused}");
            assert!(event.is_none_or(|e| e.text.starts_with("$4.80 of today's $5.00 are spent: ")));
        }
    }

    #[test]
    fn an_event_is_an_object_with_every_field() {
        let event = Event { provider: Some("p".into()), ..Event::new(AlertKind::Breaker, Timestamp(0), "t".into()) };
        assert_eq!(event.subject(), "alert breaker p");
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"schema_version":1,"event":"breaker","at":"1970-01-01T00:00:00Z","day":"1970-01-01","text":"t","provider":"p","model":null,"spent_usd":null,"limit_usd":null,"open_until":null,"retires":null,"successor":null}"#
        );
    }
}
