//! Providers asked for their models, side by side; what they said is kept for a short while, for every process.
//!
//! Asking costs nothing, opens no breaker and counts in no statistics.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalogue;
use crate::commands::{Context, runtime};
use crate::config::{KeyState, ProviderConfig};
use crate::error::{Error, Kind, Result};
use crate::host;
use crate::output::{Redactor, Steps};
use crate::providers::listing::{Listed, key_request, models_answer, models_request};
use crate::providers::{Endpoint, HttpGet, ModelFacts, dialect};
use crate::router::interrupted;
use crate::store::{Check, Store};
use crate::transport::{Client, Limits};
use crate::types::{Failure, FailureClass, Timestamp, hex, whole_ms};

/// What was said so long ago is told again instead of asked, in milliseconds.
const YOUNG_MS: i64 = 30_000;
/// The longest that one provider is waited for, in milliseconds: a list of models is there at once or not at all.
const LONGEST_MS: u64 = 10_000;
/// So many providers are asked at once.
const SIDE_BY_SIDE: usize = 8;
/// So many pages are asked for at most; the first one has a thousand models.
const MOST_PAGES: usize = 5;
/// A list longer than this is none, in bytes: the longest known one, with prices and descriptions, is under 2 MiB.
const MAX_LIST_BYTES: usize = 16 << 20;
/// More models than any provider has; what is listed beyond is left out.
const MOST_MODELS: usize = 10_000;

/// Whether a key is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// The provider took it.
    Accepted,
    /// The provider refused it.
    Refused,
    /// There is none.
    Missing,
    /// None is needed.
    NotNeeded,
    /// The provider did not say.
    Unknown,
}

/// What a provider said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// Whether its key is good.
    pub key: Key,
    /// Whether it answered at all; `None` when it was not asked.
    pub reachable: Option<bool>,
    /// Its models, keys taken out; `None` where it does not list them, or failed to.
    pub models: Option<Vec<String>>,
    /// How long it took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Why it failed.
    pub failure: Option<Why>,
}

/// Why asking failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Why {
    /// The name of the class.
    pub class: String,
    /// In words, keys taken out.
    pub message: String,
}

/// What a provider said, and when.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When it was asked.
    pub at: Timestamp,
    /// What it said.
    pub said: Said,
}

impl Said {
    fn without_asking(key: Key) -> Self {
        Self { key, reachable: None, models: None, latency_ms: None, failure: None }
    }

    /// The class of the failure, if there was one.
    pub fn class(&self) -> Option<FailureClass> {
        self.failure.as_ref().and_then(|why| FailureClass::from_name(&why.class))
    }

    /// Whether a model is among those listed; `None` where nothing is listed.
    pub fn lists(&self, provider: &ProviderConfig, model: &str) -> Option<bool> {
        // Azure lists what can be deployed, not what is: how a deployment is called tells nothing.
        let models = self.models.as_ref().filter(|_| provider.azure.is_none())?;
        let row = catalogue::find(&provider.name, model);
        let same = |listed: &String| {
            listed == model
                || listed.strip_suffix(":latest") == Some(model)
                || row.is_some_and(|row| catalogue::find(&provider.name, listed) == Some(row))
        };
        Some(models.iter().any(same))
    }
}

/// Asks each of these, or tells what it said a moment ago (unless `anew`); in the order of `providers`.
pub fn ask(context: &mut Context, providers: &[ProviderConfig], anew: bool) -> Result<Vec<Asked>> {
    let store = context.store()?;
    let now = context.now();
    let known = |p: &ProviderConfig| if anew { None } else { young(&store, p, now) };
    let mut asked: Vec<Option<Asked>> = providers.iter().map(known).collect();
    for (provider, asked) in providers.iter().zip(&mut asked) {
        let key = match provider.key_state {
            KeyState::Missing => Some(Key::Missing),
            KeyState::Set | KeyState::NotNeeded => None,
        };
        if let Some(key) = key {
            *asked = Some(Asked { at: now, said: Said::without_asking(key) });
        }
    }
    let open: Vec<&ProviderConfig> =
        providers.iter().zip(&asked).filter(|(_, known)| known.is_none()).map(|(provider, _)| provider).collect();
    let mut fresh = all(context, &open)?.into_iter();
    for (provider, slot) in providers.iter().zip(&mut asked) {
        if slot.is_none() {
            let Some(answer) = fresh.next() else { continue };
            if let Err(problem) = keep(&store, provider, &answer) {
                context.messages.warning(&format!("what {} said could not be kept: {problem}", provider.name));
            }
            *slot = Some(answer);
        }
    }
    Ok(asked.into_iter().flatten().collect())
}

fn young(store: &Store, provider: &ProviderConfig, now: Timestamp) -> Option<Asked> {
    let check = store.check(&provider.name, &fingerprint(store, provider), now.plus_ms(-YOUNG_MS), now).ok()??;
    Some(Asked { at: check.at, said: serde_json::from_str(&check.found).ok()? })
}

fn keep(store: &Store, provider: &ProviderConfig, asked: &Asked) -> Result<()> {
    let found = serde_json::to_string(&asked.said).map_err(|e| Error::new(Kind::Other, e.to_string()))?;
    Ok(store.keep_check(&provider.name, &fingerprint(store, provider), &Check { at: asked.at, found })?)
}

/// Where and as whom was asked. So short that no key can be told from it, and long enough that a key that was
/// corrected is checked anew.
fn fingerprint(store: &Store, provider: &ProviderConfig) -> String {
    let key = provider.key.as_ref().map_or("", |key| key.expose());
    let version = provider.azure.as_ref().and_then(|a| a.api_version.as_deref()).unwrap_or_default();
    let whole = Sha256::digest(format!("{}\n{}\n{version}\n{key}", store.seed(), provider.base_url));
    hex(whole.get(..4).unwrap_or_default())
}

/// Asks all of them, so many at once. Ctrl-C ends it.
fn all(context: &Context, providers: &[&ProviderConfig]) -> Result<Vec<Asked>> {
    if providers.is_empty() {
        return Ok(Vec::new());
    }
    let client = Client::new(&context.network())?;
    let mut steps = Steps::start(providers.len(), &context.printer.terminal, context.level(), host::terminal_width);
    let mut waiting: BTreeSet<&str> = providers.iter().map(|p| p.name.as_str()).collect();
    let mut answers: Vec<Option<Asked>> = vec![None; providers.len()];
    let questions = providers.iter().enumerate().map(|(i, provider)| {
        let question = Question::new(context, &client, provider);
        async move { (i, question.ask().await) }
    });
    runtime()?.block_on(async {
        let mut stop = interrupted();
        let mut answered = stream::iter(questions).buffer_unordered(SIDE_BY_SIDE);
        let mut tick = tokio::time::interval(crate::output::progress::DELAY);
        loop {
            tokio::select! {
                next = answered.next() => match next {
                    None => return Ok(()),
                    Some((i, said)) => {
                        waiting.remove(providers[i].name.as_str());
                        steps.step(&waiting.iter().copied().collect::<Vec<_>>().join(", "));
                        answers[i] = Some(Asked { at: context.now(), said });
                    }
                },
                _ = tick.tick() => steps.say(&waiting.iter().copied().collect::<Vec<_>>().join(", ")),
                kind = &mut stop => return Err(Error::new(kind, "interrupted; nothing was spent")),
            }
        }
    })?;
    Ok(answers.into_iter().flatten().collect())
}

/// One provider that is to be asked.
struct Question<'a> {
    provider: &'a ProviderConfig,
    endpoint: Endpoint,
    client: &'a Client,
    limits: Limits,
    total: Duration,
    redactor: &'a Redactor,
}

impl<'a> Question<'a> {
    fn new(context: &'a Context, client: &'a Client, provider: &'a ProviderConfig) -> Self {
        let timeouts = &context.config.settings.timeouts;
        let total_ms = LONGEST_MS.min(whole_ms(provider.timeout_secs.unwrap_or(timeouts.total_secs)));
        let limits = Limits {
            first_byte_ms: total_ms.min(whole_ms(timeouts.first_byte_secs)),
            idle_ms: total_ms.min(whole_ms(timeouts.idle_secs)),
        };
        let endpoint = endpoint(provider);
        Self { provider, endpoint, client, limits, total: Duration::from_millis(total_ms), redactor: &context.redactor }
    }

    async fn ask(&self) -> Said {
        let began = Instant::now();
        let told = tokio::time::timeout(self.total, self.list()).await;
        let told = told.unwrap_or_else(|_| {
            let secs = self.total.as_secs_f64();
            Err(Failure::new(FailureClass::Timeout, format!("no whole answer within {secs:.1} s")))
        });
        let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.said(told, latency_ms)
    }

    /// The models, all pages; `None` where the provider lists none.
    async fn list(&self) -> std::result::Result<Option<Vec<String>>, Failure> {
        if let Some(request) = key_request(&self.endpoint) {
            self.fetch(&request).await?;
        }
        let mut models = Vec::new();
        let mut page = None;
        for _ in 0..MOST_PAGES {
            let Some(request) = models_request(self.provider.dialect, &self.endpoint, page.as_deref()) else {
                return Ok(None);
            };
            let Listed { models: more, next } = models_answer(&self.fetch(&request).await?)?;
            models.extend(more.iter().map(|name| self.redactor.redact_own(name)));
            models.truncate(MOST_MODELS);
            page = next;
            if page.is_none() {
                break;
            }
        }
        Ok(Some(models))
    }

    async fn fetch(&self, request: &HttpGet) -> std::result::Result<Vec<u8>, Failure> {
        let response = self.client.get(request, &self.limits).await?;
        let (status, headers) = (response.status, response.headers.clone());
        let body = response.body(MAX_LIST_BYTES).await?;
        match status {
            200 => Ok(body),
            _ => Err(dialect(self.provider.dialect, &self.provider.quirks).failure(status, &headers, &body)),
        }
    }

    fn said(&self, told: std::result::Result<Option<Vec<String>>, Failure>, latency_ms: u64) -> Said {
        let keyed = self.provider.key_state == KeyState::Set;
        let latency_ms = Some(latency_ms);
        let good = if keyed { Key::Accepted } else { Key::NotNeeded };
        match told {
            Ok(Some(models)) => {
                Said { key: good, reachable: Some(true), models: Some(models), latency_ms, failure: None }
            }
            // Nobody was asked.
            Ok(None) => Said::without_asking(if keyed { Key::Unknown } else { Key::NotNeeded }),
            // A server of the user's own need not list its models.
            Err(failure) if !self.provider.built_in && matches!(failure.status, Some(404 | 405 | 501)) => {
                let key = if keyed { Key::Unknown } else { Key::NotNeeded };
                Said { key, reachable: Some(true), models: None, latency_ms, failure: None }
            }
            Err(failure) => Said {
                key: match failure.class {
                    FailureClass::Auth | FailureClass::Forbidden => Key::Refused,
                    FailureClass::QuotaExhausted => good,
                    _ if keyed => Key::Unknown,
                    _ => Key::NotNeeded,
                },
                reachable: Some(failure.status.is_some()),
                models: None,
                latency_ms,
                failure: Some(Why {
                    class: failure.class.name().to_owned(),
                    message: self.redactor.redact(&failure.to_string()),
                }),
            },
        }
    }
}

fn endpoint(provider: &ProviderConfig) -> Endpoint {
    Endpoint {
        provider: provider.name.clone(),
        base_url: provider.base_url.clone(),
        key: provider.key.clone(),
        model: provider.model.clone().unwrap_or_default(),
        quirks: provider.quirks,
        api_version: provider.azure.as_ref().and_then(|azure| azure.api_version.clone()),
        model_facts: ModelFacts::default(),
        max_price: None,
    }
}
