//! What the sandbox would have charged, and what it was asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::SandboxProvider;
use crate::types::{NanoUsd, Pricing, Timestamp, Usage};

/// The bill so far. In JSON (`GET /bill`) every field has its name from here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    /// The sum over all providers.
    pub cost_usd: NanoUsd,
    /// One row a provider, in the sandbox's order.
    pub providers: Vec<ProviderBill>,
    /// Every request that was billed, in the order in which they came.
    pub requests: Vec<BilledRequest>,
}

/// One provider's part of the bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderBill {
    /// Its name.
    pub provider: String,
    /// All requests that reached it, refused ones too.
    pub requests: u64,
    /// Those that cost something or would at another price.
    pub billed_requests: u64,
    /// Tokens of the billed ones.
    pub usage: Usage,
    /// Their cost; each request's is rounded up by itself.
    pub cost_usd: NanoUsd,
}

/// One billed request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BilledRequest {
    /// Its number: the requests of all providers are counted from 1.
    pub number: u64,
    /// Whom it asked.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// What the script had for it (`ok` for nothing).
    pub fault: &'static str,
    /// What is billed.
    pub usage: Usage,
    /// What that costs.
    pub cost_usd: NanoUsd,
}

impl Bill {
    /// One provider's row.
    pub fn provider(&self, name: &str) -> Option<&ProviderBill> {
        self.providers.iter().find(|row| row.provider == name)
    }
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Its number, which the bill has too; 0 for one that asks no model.
    pub number: u64,
    /// What the script had for it (`ok` for nothing).
    pub fault: &'static str,
    /// The provider it was for; empty when the path names none.
    pub provider: String,
    /// `POST` or another.
    pub method: String,
    /// The path, from the provider's name on.
    pub path: String,
    /// What follows the `?`; empty without one.
    pub query: String,
    /// Headers with text values, names in lower case. They include the key.
    pub headers: Vec<(String, String)>,
    /// The body; null when it was no JSON.
    pub body: Value,
}

impl Received {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Where a stream's tokens are booked.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryId(usize);

/// What is billed for one request.
pub(super) struct Entry {
    pub number: u64,
    /// Its place in the list.
    pub provider: usize,
    pub model: String,
    pub fault: &'static str,
    pub sent_at: Timestamp,
    pub usage: Usage,
    /// What its tokens cost, where that is not the provider's usual price.
    pub pricing: Option<Pricing>,
}

#[derive(Default)]
struct Pages {
    /// Requests of each provider, by its place in the list.
    counts: Vec<u64>,
    total: u64,
    entries: Vec<Entry>,
    received: VecDeque<Received>,
}

/// The sandbox's books; shared by its connections.
pub(super) struct Books {
    pages: Mutex<Pages>,
    keep: usize,
}

impl Books {
    /// Empty books that keep the last so many requests.
    pub(super) fn new(providers: usize, keep: usize) -> Self {
        Self { pages: Mutex::new(Pages { counts: vec![0; providers], ..Pages::default() }), keep }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request of that provider: its number among all (from 1) and among this provider's (from 0).
    pub(super) fn count(&self, provider: usize) -> (u64, u64) {
        let mut pages = self.pages();
        pages.total += 1;
        let total = pages.total;
        let own = pages.counts.get_mut(provider).map_or(0, |count| {
            *count += 1;
            *count - 1
        });
        (total, own)
    }

    /// How many requests were counted: the number of the last one, and how many are this provider's.
    pub(super) fn counted(&self, provider: usize) -> (u64, u64) {
        let pages = self.pages();
        (pages.total, pages.counts.get(provider).copied().unwrap_or_default())
    }

    pub(super) fn keep(&self, request: Received) {
        let mut pages = self.pages();
        pages.received.push_back(request);
        let excess = pages.received.len().saturating_sub(self.keep);
        pages.received.drain(..excess);
    }

    /// Opens an entry with what is billed at once.
    pub(super) fn open(&self, entry: Entry) -> EntryId {
        let mut pages = self.pages();
        pages.entries.push(entry);
        EntryId(pages.entries.len() - 1)
    }

    /// Adds what a stream has sent.
    pub(super) fn add(&self, entry: EntryId, thought: u64, text: u64) {
        if let Some(entry) = self.pages().entries.get_mut(entry.0) {
            entry.usage.reasoning_tokens += thought;
            entry.usage.output_tokens += text;
        }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.pages().received.iter().cloned().collect()
    }

    /// What is kept, which is forgotten with that.
    pub(super) fn take_received(&self) -> Vec<Received> {
        self.pages().received.drain(..).collect()
    }

    pub(super) fn bill(&self, providers: &[SandboxProvider]) -> Bill {
        let pages = self.pages();
        let mut rows: Vec<ProviderBill> = providers
            .iter()
            .zip(&pages.counts)
            .map(|(provider, requests)| ProviderBill {
                provider: provider.name.clone(),
                requests: *requests,
                billed_requests: 0,
                usage: Usage::default(),
                cost_usd: NanoUsd::ZERO,
            })
            .collect();
        let mut requests = Vec::with_capacity(pages.entries.len());
        for entry in &pages.entries {
            let (Some(provider), Some(row)) = (providers.get(entry.provider), rows.get_mut(entry.provider)) else {
                continue;
            };
            let cost_usd = entry.pricing.as_ref().unwrap_or(&provider.pricing).cost(&entry.usage, entry.sent_at);
            row.billed_requests += 1;
            row.cost_usd += cost_usd;
            row.usage = sum(row.usage, entry.usage);
            requests.push(BilledRequest {
                number: entry.number,
                provider: provider.name.clone(),
                model: entry.model.clone(),
                fault: entry.fault,
                usage: entry.usage,
                cost_usd,
            });
        }
        Bill { cost_usd: rows.iter().map(|row| row.cost_usd).sum(), providers: rows, requests }
    }
}

fn sum(a: Usage, b: Usage) -> Usage {
    Usage {
        input_tokens: a.input_tokens + b.input_tokens,
        cached_input_tokens: a.cached_input_tokens + b.cached_input_tokens,
        cache_write_tokens: a.cache_write_tokens + b.cache_write_tokens,
        output_tokens: a.output_tokens + b.output_tokens,
        reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
        estimated: a.estimated || b.estimated,
    }
}
