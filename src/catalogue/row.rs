//! A row of the catalogue, and the words in which the tables are written.
//!
//! The builder functions are `const`: a wrong price or date stops the compiler, and at run time a
//! row is read-only data that nobody had to build.

use std::borrow::Cow;

use crate::types::{CostSource, Day, LengthStep, NanoUsd, PeakHours, PriceChange, Pricing, Rate, Rates, Tier};

/// What the vendor says about a model's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Served, and meant to be.
    Active,
    /// Served, may change or go at short notice.
    Preview,
    /// Served, but its end is announced or the vendor advises against it.
    Deprecated,
    /// Switched off.
    Retired,
}

impl Status {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Preview => "preview",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
        }
    }
}

/// Something a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Answers piece by piece.
    Streaming,
    /// Reads images.
    Vision,
    /// Calls tools.
    Tools,
    /// Answers in a given JSON schema.
    JsonSchema,
    /// Answers in JSON, but knows no schema.
    JsonObject,
    /// Thinks before it answers.
    Reasoning,
    /// Searches the web, always.
    WebSearch,
}

impl Ability {
    /// Every one with its name in JSON.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Streaming, "streaming"),
        (Self::Vision, "vision"),
        (Self::Tools, "tools"),
        (Self::JsonSchema, "json_schema"),
        (Self::JsonObject, "json_object"),
        (Self::Reasoning, "reasoning"),
        (Self::WebSearch, "web_search"),
    ];
}

/// What a model's status means on some day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    /// Served, no end in sight.
    Current,
    /// Served until the day before this one.
    RetiresOn {
        /// The first day without it.
        day: Day,
        /// Days from today to that day, at least 1. Worth a warning from
        /// [`super::RETIREMENT_NOTICE_DAYS`] on.
        days_left: i32,
    },
    /// Served, but advised against; nobody has named a day.
    Deprecated,
    /// Gone.
    Retired {
        /// Since when, where that is known.
        since: Option<Day>,
    },
}

/// One chat model at one provider.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelRow {
    /// The provider's name, as in `-p`.
    pub provider: &'static str,
    /// The model's id at that provider.
    pub id: &'static str,
    /// Other names of the same model at that provider.
    pub aliases: &'static [&'static str],
    /// What the vendor says about its life.
    pub status: Status,
    /// What it is good for; the rule is in [`super::models`].
    pub tier: Option<Tier>,
    /// Prompt and answer together, in tokens.
    pub context_tokens: Option<u64>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u64>,
    /// What it can do.
    pub abilities: &'static [Ability],
    /// Whether temperature and top-p may be sent.
    pub accepts_temperature: bool,
    /// The effort levels it names, ascending; empty when unknown.
    pub reasoning_levels: &'static [&'static str],
    /// Whether it thinks adaptively and no longer takes a thinking budget in tokens (Anthropic only).
    pub adaptive_thinking: bool,
    /// The list price, off-peak, of a short prompt; `None` when nobody knows.
    pub rates: Option<Rates>,
    /// Prices of longer prompts, ascending.
    pub steps: &'static [LengthStep],
    /// Prices at peak hours.
    pub peak: Option<PeakHours>,
    /// Announced prices, ascending.
    pub changes: &'static [PriceChange],
    /// What a request costs on top of its tokens, asked in the cheapest way (Perplexity: with
    /// `search_context_size: low`, which is what is sent when nothing else is asked for).
    pub request_fee: NanoUsd,
    /// The same asked in the dearest way.
    pub request_fee_max: NanoUsd,
    /// Whether it makes charges that nothing in the request bounds (its own searches, citations).
    pub unbounded: bool,
    /// The day the price was last read from its source; the first of the month where only that is known.
    pub price_as_of: Option<Day>,
    /// When it came out; the first of the month where only that is known.
    pub released: Option<Day>,
    /// The first day without it, past or announced.
    pub retired: Option<Day>,
    /// The vendor promises it until this day.
    pub min_retirement: Option<Day>,
    /// The model, at the same provider, that the vendor names in its place.
    pub successor: Option<&'static str>,
    /// The name of the underlying model, equal at all providers that serve it; see [`super::same_as`].
    pub same: Option<&'static str>,
}

impl ModelRow {
    /// Whether this is its id or one of its aliases.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.contains(&name)
    }

    /// Whether it can do that.
    pub fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    /// What it costs; `None` when nobody knows, which is never the same as free.
    pub fn pricing(&self) -> Option<Pricing> {
        Some(Pricing {
            steps: Cow::Borrowed(self.steps),
            peak: self.peak,
            changes: Cow::Borrowed(self.changes),
            request_fee: self.request_fee,
            request_fee_max: self.request_fee_max,
            unbounded: self.unbounded,
            as_of: self.price_as_of,
            ..Pricing::plain(self.rates?, CostSource::Catalogue)
        })
    }

    /// What its status and dates mean on this day.
    pub fn state(&self, today: Day) -> ModelState {
        match (self.status, self.retired) {
            (Status::Retired, since) => ModelState::Retired { since },
            (_, Some(day)) if day <= today => ModelState::Retired { since: Some(day) },
            (_, Some(day)) => ModelState::RetiresOn { day, days_left: day.0.saturating_sub(today.0) },
            (Status::Deprecated, None) => ModelState::Deprecated,
            (Status::Active | Status::Preview, None) => ModelState::Current,
        }
    }
}

/// The models a provider is asked with when nobody names one. All of them ids of its own rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// Without any wish.
    pub default: &'static str,
    /// For [`Tier::Fast`].
    pub fast: &'static str,
    /// For [`Tier::Balanced`].
    pub balanced: &'static str,
    /// For [`Tier::Advanced`].
    pub advanced: &'static str,
    /// For [`Tier::Premium`].
    pub premium: &'static str,
}

impl Defaults {
    /// The model of that tier.
    pub fn for_tier(&self, tier: Tier) -> &'static str {
        match tier {
            Tier::Fast => self.fast,
            Tier::Balanced => self.balanced,
            Tier::Advanced => self.advanced,
            Tier::Premium => self.premium,
        }
    }
}

/// All that the catalogue knows of one provider.
#[derive(Debug)]
pub(super) struct Section {
    pub provider: &'static str,
    pub defaults: Defaults,
    /// Sorted by id.
    pub rows: &'static [ModelRow],
}

/// A price that the vendor does not list: unknown, or no such charge. Never 0.
pub(super) const NONE: &str = "-";

/// The words of the tables. A row starts with what every model has; what is left out is unknown or
/// does not apply.
impl ModelRow {
    pub(super) const fn new(provider: &'static str, id: &'static str, status: Status, tier: Tier) -> Self {
        Self {
            provider,
            id,
            aliases: &[],
            status,
            tier: Some(tier),
            context_tokens: None,
            max_output_tokens: None,
            abilities: &[Ability::Streaming],
            accepts_temperature: true,
            reasoning_levels: &[],
            adaptive_thinking: false,
            rates: None,
            steps: &[],
            peak: None,
            changes: &[],
            request_fee: NanoUsd::ZERO,
            request_fee_max: NanoUsd::ZERO,
            unbounded: false,
            price_as_of: None,
            released: None,
            retired: None,
            min_retirement: None,
            successor: None,
            same: None,
        }
    }

    pub(super) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    pub(super) const fn context(self, tokens: u64) -> Self {
        Self { context_tokens: Some(tokens), ..self }
    }

    pub(super) const fn output(self, tokens: u64) -> Self {
        Self { max_output_tokens: Some(tokens), ..self }
    }

    pub(super) const fn abilities(self, abilities: &'static [Ability]) -> Self {
        Self { abilities, ..self }
    }

    pub(super) const fn no_temperature(self) -> Self {
        Self { accepts_temperature: false, ..self }
    }

    pub(super) const fn efforts(self, reasoning_levels: &'static [&'static str]) -> Self {
        Self { reasoning_levels, ..self }
    }

    pub(super) const fn adaptive(self) -> Self {
        Self { adaptive_thinking: true, ..self }
    }

    /// USD per million tokens: input, output, a cache read, a cache write.
    pub(super) const fn usd(self, input: &str, output: &str, cached: &str, write: &str) -> Self {
        Self { rates: Some(rates(input, output, cached, write)), ..self }
    }

    /// USD per million tokens of thinking, where it is billed apart from the output.
    pub(super) const fn reasoning_usd(self, usd: &str) -> Self {
        match self.rates {
            Some(rates) => Self { rates: Some(Rates { reasoning: price(usd), ..rates }), ..self },
            None => self,
        }
    }

    pub(super) const fn steps(self, steps: &'static [LengthStep]) -> Self {
        Self { steps, ..self }
    }

    pub(super) const fn peak(self, windows: &'static [(u16, u16)], rates: Rates) -> Self {
        Self { peak: Some(PeakHours { windows, rates }), ..self }
    }

    pub(super) const fn changes(self, changes: &'static [PriceChange]) -> Self {
        Self { changes, ..self }
    }

    /// USD per 1,000 requests: asked in the cheapest way, in the dearest way.
    pub(super) const fn fee_per_1k(self, low: &str, high: &str) -> Self {
        Self { request_fee: fee(low), request_fee_max: fee(high), ..self }
    }

    pub(super) const fn unbounded(self) -> Self {
        Self { unbounded: true, ..self }
    }

    pub(super) const fn as_of(self, date: &str) -> Self {
        Self { price_as_of: Some(day(date)), ..self }
    }

    pub(super) const fn released(self, date: &str) -> Self {
        Self { released: Some(day(date)), ..self }
    }

    pub(super) const fn retired(self, date: &str) -> Self {
        Self { retired: Some(day(date)), ..self }
    }

    pub(super) const fn not_before(self, date: &str) -> Self {
        Self { min_retirement: Some(day(date)), ..self }
    }

    pub(super) const fn successor(self, id: &'static str) -> Self {
        Self { successor: Some(id), ..self }
    }

    pub(super) const fn same(self, name: &'static str) -> Self {
        Self { same: Some(name), ..self }
    }
}

/// USD per million tokens: input, output, a cache read, a cache write.
pub(super) const fn rates(input: &str, output: &str, cached: &str, write: &str) -> Rates {
    Rates {
        cached_input: price(cached),
        cache_write: price(write),
        ..Rates::new(Rate::usd_per_mtok(input), Rate::usd_per_mtok(output))
    }
}

/// A length step: the prices of every token once the prompt is longer than this.
pub(super) const fn above(tokens: u64, rates: Rates) -> LengthStep {
    LengthStep { above_input_tokens: tokens, rates }
}

/// An announced price.
pub(super) const fn since(date: &str, rates: Rates) -> PriceChange {
    PriceChange { from: day(date), rates }
}

const fn price(usd: &str) -> Option<Rate> {
    match usd.as_bytes() {
        b"-" => None,
        _ => Some(Rate::usd_per_mtok(usd)),
    }
}

/// USD per 1,000 requests. One of those is 10^6 nano-dollars a request, as one USD per million
/// tokens is 10^6 pico-dollars a token: the same digits.
const fn fee(usd: &str) -> NanoUsd {
    NanoUsd(Rate::usd_per_mtok(usd).0.cast_signed())
}

/// A literal date such as `2026-11-20`; anything else stops the compiler.
#[expect(clippy::panic, reason = "evaluated while compiling: a bad literal never reaches a user")]
const fn day(date: &str) -> Day {
    let text = date.as_bytes();
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        panic!("a date is written 2026-11-20");
    }
    let (month, of_month) = (number(text, 5, 7), number(text, 8, 10));
    assert!(1 <= month && month <= 12 && 1 <= of_month && of_month <= 31, "no such day");
    #[expect(clippy::cast_possible_truncation, reason = "two digits")]
    Day::of(number(text, 0, 4), month as i8, of_month as i8)
}

const fn number(text: &[u8], start: usize, end: usize) -> i16 {
    let (mut value, mut i) = (0, start);
    while i < end {
        assert!(text[i].is_ascii_digit(), "a date is written 2026-11-20");
        value = value * 10 + (text[i] - b'0') as i16;
        i += 1;
    }
    value
}
