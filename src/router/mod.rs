//! The only place that decides *and* acts: reads facts, has the engine plan, walks the plan, settles.
//!
//! One request goes down one way: [`Router::prepare`] finds out who comes into question, [`Router::cached`]
//! looks for a stored answer, [`Router::answer`] walks. [`Router::rehearse`] stops before the walk: that is
//! the whole of a dry run.

mod attempt;
pub mod cascade;
pub mod decision;
pub mod ending;
mod exchange;
mod facts;
pub mod hedge;
mod interrupt;
mod parallel;
mod purse;
mod record;
mod repair;
pub mod request;
pub mod select;
mod settle;
mod shape;
pub mod tiering;
mod walk;

use std::rc::Rc;

use crate::cache::{self, Sealer, Verdict};
use crate::config::Config;
use crate::engine::facts::{Done, Question};
use crate::engine::{draw, estimate, plan};
use crate::error::Result;
use crate::host::Host;
use crate::output::Redactor;
use crate::providers::passed;
use crate::providers::schema::instructions;
use crate::store::{CacheFailure, CacheHit, CacheRow, Kept, Place, RequestStart, Store};
use crate::transport::{Client, Network};
use crate::types::{CacheOutcome, CandidateId, Limit, NanoUsd, RequestId, Timestamp};

pub use facts::Day;
pub use interrupt::{Stop, asked_to_stop, interrupted, outlive_signals, overlook_past_signals};
pub use purse::Purse;
pub use request::{Answered, CacheUse, Flow, Keep, Listener, Rehearsal, Request, Selection};
pub use select::{Selected, Target, select};
use shape::unsure_of_pictures;
pub use tiering::{Judgement, Tiering};
pub use walk::{SOFT_WARNING, stopped};

/// The id of a request that has no row.
const UNRECORDED: RequestId = RequestId(0);

/// Everything a request needs, in one place.
pub struct Router<'a> {
    /// Clock and process.
    pub host: &'a Host,
    /// Settings.
    pub config: &'a Config,
    /// The database.
    pub store: Store,
    /// The day's limit, with the one kept in the database taken in.
    pub limit: Limit,
    /// What seals cache entries; `None` where the cache is off.
    pub sealer: Option<Sealer>,
    /// Keeps keys out of every text that came from outside.
    pub redactor: Redactor,
    /// How the network is reached.
    pub network: Network,
    /// The client, from the first request that is sent on.
    pub client: Option<Client>,
    /// What was warned of before a request was made.
    pub warned: Vec<String>,
    /// What several requests may cost together, where that is bounded.
    pub purse: Option<Rc<Purse>>,
}

/// A request with all that is known before any fact is read.
#[derive(Clone)]
pub struct Job {
    /// The request.
    pub request: Request,
    /// Who comes into question.
    pub selected: Selected,
    /// How large it is.
    pub question: Question,
    /// Its cache key.
    pub key: cache::Key,
    /// When it began.
    pub began: Timestamp,
    /// What is thought of its prompt.
    pub judgement: Judgement,
    /// How its tier was chosen, where that was left to llmr.
    pub tiering: Option<Tiering>,
}

impl<'a> Router<'a> {
    /// One more, for a request side by side with this one's: it shares database, client and purse.
    pub fn sibling(&mut self) -> Result<Router<'a>> {
        Ok(Router {
            host: self.host,
            config: self.config,
            store: self.store.clone(),
            limit: self.limit,
            sealer: self.sealer.clone(),
            redactor: self.redactor.clone(),
            network: self.network.clone(),
            client: Some(self.client()?),
            warned: Vec::new(),
            purse: self.purse.clone(),
        })
    }
}

impl Router<'_> {
    /// Finds out who comes into question, and how large the question is.
    pub fn prepare(&self, request: Request) -> Result<Job> {
        let began = self.host.now();
        let judgement = Judgement::default();
        let (request, tiering) = self.tiered(request, &judgement, began.day())?;
        // Who names a model has chosen.
        let cascade = request.cascade.filter(|_| request.selection.model.is_none());
        let request = Request { cascade, ..request };
        let question = question(&request);
        let selected = match (request.cascade, request.embed) {
            (_, Some(embed)) => select::embedders(self.config, &request, embed, began.day())?,
            (Some(strong), _) => cascade::select_all(self.config, &request, strong, began.day())?,
            _ => select(self.config, &request.selection, began.day())?,
        };
        let key = self.key(&request, &sampling(&request, &selected));
        let job = Job { request, selected, question, key, began, judgement, tiering };
        let two_at_once = self.config.settings.max_parallel > 1;
        match job.request.cascade {
            Some(_) if !two_at_once || cascade::begins_strong(&job) => Ok(cascade::strong(&job)),
            _ => Ok(job),
        }
    }

    /// The cache key of a request: a digest of everything that can change its answer, and of what was pinned.
    /// `sampling` are the defaults in force, as [`sampling`] lists them.
    pub fn key(&self, request: &Request, sampling: &[String]) -> cache::Key {
        let model = request.selection.model.as_deref();
        let alias = |name| self.config.aliases.get(name).filter(|_| request.selection.providers.is_empty());
        let resolved = model.map(|name| alias(name).map_or(name, String::as_str));
        let fallbacks = select::fallbacks(self.config, &request.selection);
        cache::key(&asked(request, resolved, &fallbacks, sampling))
    }

    /// The stored answer to this request, if there is one that may be served.
    pub fn cached(&mut self, job: &Job) -> Result<Option<Answered>> {
        let Some(row) = self.good_entry(job)? else { return Ok(None) };
        let latency_ms = job.began.ms_until(self.host.now());
        let recorded = self.store.record_hit(&CacheHit {
            start: self.start(job),
            key: &job.key,
            used_at: row.used_at,
            answer: self.keeps(job).then_some(row.content.as_str()),
            provider: &row.provider,
            model: &row.model,
            tier: row.tier,
            finish_reason: row.finish_reason,
            usage: row.usage,
            saved: row.cost.unwrap_or_default(),
            latency_ms,
        });
        let target = job.selected.target(&CandidateId::new(&row.provider, &row.model));
        let warning = target.and_then(|target| target.warning.clone());
        let mut warnings: Vec<String> = job.selected.warnings.iter().cloned().chain(warning).collect();
        // The answer is at hand and costs nothing: it is given all the same.
        let id = recorded.unwrap_or_else(|problem| {
            warnings.push(format!("this answer could not be recorded: {problem}"));
            UNRECORDED
        });
        Ok(Some(Answered {
            id,
            candidate: CandidateId::new(row.provider, row.model),
            tier: row.tier,
            text: repair::without_block(&job.request, row.content),
            finish: row.finish_reason,
            usage: row.usage.unwrap_or_default(),
            cost: Some(NanoUsd::ZERO),
            cost_source: row.cost_source,
            latency_ms,
            first_token_ms: None,
            cache: CacheOutcome::Hit,
            attempts: Vec::new(),
            warnings,
        }))
    }

    /// What the cache has for this request: looks, and changes nothing.
    fn entry(&self, job: &Job) -> Result<Entry> {
        let Some(sealer) = self.sealer.as_ref().filter(|_| job.request.cache == CacheUse::On) else {
            return Ok(Entry::None);
        };
        let Some(entry) = self.store.cache_get(&job.key)? else { return Ok(Entry::None) };
        let verdict = entry.row.as_ref().map_or(Verdict::Bad, |row| sealer.judge(row));
        Ok(match (verdict, entry.row) {
            (Verdict::Good, Some(row)) if may_be_served(job, &row) => Entry::Good(row),
            (Verdict::Good, Some(_)) => Entry::None,
            (Verdict::Foreign, _) => Entry::Foreign,
            _ => Entry::Bad { row_id: entry.row_id },
        })
    }

    /// The entry that may be served; one that may not is counted, and removed if somebody has changed it.
    fn good_entry(&mut self, job: &Job) -> Result<Option<CacheRow>> {
        let entry = match self.entry(job) {
            // Without a budget no database that fails stops anything.
            Err(error) if self.limit == Limit::Off => {
                self.warned.push(format!("the cache cannot be read: {error}"));
                Entry::None
            }
            entry => entry?,
        };
        let counted = match entry {
            Entry::None => Ok(()),
            Entry::Good(row) => return Ok(Some(*row)),
            Entry::Foreign => self.store.cache_count_failure(CacheFailure::Foreign, job.began.day()),
            Entry::Bad { row_id } => {
                let counted = self.store.cache_count_failure(CacheFailure::Integrity, job.began.day());
                counted.and_then(|()| self.store.cache_delete(row_id).map(drop))
            }
        };
        // It is not served either way: that is what matters.
        if let Err(problem) = counted {
            self.warned.push(format!("a cache entry that does not verify could not be removed: {problem}"));
        }
        Ok(None)
    }

    /// What the next `ask` would do, without doing it.
    pub fn rehearse(&mut self, job: &Job) -> Result<Rehearsal> {
        let id = self.store.next_request()?;
        let cached = self.entry(job)?.good();
        let facts = self.facts(job, id, draw::of_request(self.seed(), id.0), NanoUsd::ZERO)?;
        let plan = plan::plan(&facts, &Done::new());
        let cache = match (&job.request.cache, &cached, &self.sealer) {
            (CacheUse::Off, ..) | (_, _, None) => CacheOutcome::Off,
            (_, Some(_), _) => CacheOutcome::Hit,
            _ => CacheOutcome::Miss,
        };
        Ok(Rehearsal {
            plan,
            facts,
            cache,
            cached: cached.map(|row| CandidateId::new(row.provider, row.model)),
            warnings: job
                .selected
                .warnings
                .iter()
                .chain(job.selected.targets.iter().filter_map(|t| t.warning.as_ref()))
                .cloned()
                .chain(job.selected.targets.iter().filter_map(|t| unsure_of_pictures(&job.request, &t.candidate)))
                .collect(),
        })
    }

    /// Whether the texts of a request are kept.
    fn keeps(&self, job: &Job) -> bool {
        // Nobody reads vectors.
        let logged = self.config.settings.log_content && job.request.embed.is_none();
        logged || job.request.keep != Keep::Nothing
    }

    /// The request as its row begins.
    fn start<'j>(&self, job: &'j Job) -> RequestStart<'j> {
        RequestStart {
            at: job.began,
            tag: job.request.tag.as_deref(),
            mode: job.request.mode,
            stream: job.request.stream,
            requested_model: job.request.selection.model.as_deref(),
            kept: self.keeps(job).then(|| self.kept(job)),
        }
    }

    /// What is kept of a request: of a conversation the last message, the others are earlier turns.
    fn kept<'j>(&self, job: &'j Job) -> Kept<'j> {
        let request = &job.request;
        let logged = self.config.settings.log_content;
        let prompt = logged || !matches!(request.keep, Keep::Line { prompt: false, .. });
        Kept {
            system: request.system.as_deref().filter(|_| prompt),
            message: request.messages.last().filter(|_| prompt),
            logged,
            place: match request.keep {
                Keep::Nothing => Place::Log,
                Keep::Turn { conversation } => Place::Turn { conversation },
                Keep::Line { batch, line, digest, .. } => Place::Line { batch, line, digest },
            },
        }
    }

    /// The seed of all draws: the user's own, else the database's.
    fn seed(&self) -> u64 {
        self.host.seed().unwrap_or_else(|| self.store.seed())
    }
}

/// What the cache has for a request.
enum Entry {
    /// Nothing, or nothing that may be served to it.
    None,
    /// An entry that verifies, is not expired, and names a candidate that may answer.
    Good(Box<CacheRow>),
    /// One sealed with another key: not ours to judge.
    Foreign,
    /// One that somebody has changed.
    Bad { row_id: i64 },
}

impl Entry {
    fn good(self) -> Option<CacheRow> {
        match self {
            Self::Good(row) => Some(*row),
            _ => None,
        }
    }
}

/// Whether an entry is fresh and names a candidate that may answer this request.
fn may_be_served(job: &Job, row: &CacheRow) -> bool {
    let target = job.selected.target(&CandidateId::new(&row.provider, &row.model));
    let allowed = target.is_some_and(|target| {
        job.request.selection.tier.is_none_or(|tier| target.candidate.tier.is_some_and(|has| has >= tier))
    });
    // One from the future was stored by a clock that has been set back since: its age is not known.
    allowed && row.created_at <= job.began && job.began < row.expires_at
}

/// What the cache key is made of.
fn asked<'a>(
    request: &'a Request,
    model: Option<&'a str>,
    fallbacks: &'a [String],
    sampling: &'a [String],
) -> cache::Asked<'a> {
    cache::Asked {
        model,
        providers: &request.selection.providers,
        tier: request.selection.tier,
        fallbacks,
        system: request.system.as_deref(),
        messages: &request.messages,
        cap: request.explicit_cap.unwrap_or(request.default_cap),
        temperature: request.temperature,
        top_p: request.top_p,
        sampling,
        stop: &request.stop,
        effort: request.effort,
        extra: &request.extra,
        schema: request.schema.as_deref(),
        embed: request.embed,
        cascade: request.cascade,
    }
}

/// The sampling defaults that this request leaves in force, of the providers that may answer it.
pub fn sampling(request: &Request, selected: &Selected) -> Vec<String> {
    let defaults = selected.targets.iter().flat_map(|target| {
        let temperature = target.sampling.temperature.filter(|_| request.temperature.is_none());
        let top_p = target.sampling.top_p.filter(|_| request.top_p.is_none());
        let text = move |name, value: Option<f64>| {
            value.map(|value| format!("{} {name} {value}", target.candidate.id.provider))
        };
        [text("temperature", temperature), text("top-p", top_p)].into_iter().flatten()
    });
    let mut defaults: Vec<String> = defaults.collect();
    defaults.sort();
    defaults.dedup();
    defaults
}

/// How large a request is, with everything that is sent and read by a model.
fn question(request: &Request) -> Question {
    let extra = request.extra.iter().map(|(name, value)| format!("{name}{value}")).collect::<Vec<_>>();
    // Vendors that take a schema have the model read it, too.
    let schema = request.schema.as_ref().map(|schema| instructions(schema));
    let turns = request.system.iter().chain(request.messages.iter().map(|m| &m.text));
    let messages = turns.clone().count();
    let texts = || turns.clone().chain(&extra).chain(&schema);
    let bytes: usize = texts().map(String::len).sum();
    // Texts that get vectors are no conversation.
    let template = if request.embed.is_some() { 0 } else { chat_template_tokens(messages) };
    Question {
        reference_tokens: texts().map(|text| estimate::tokens(text)).sum::<u64>() + template,
        bound_tokens: estimate::upper_bound_tokens(bytes as u64, messages),
        images: request.messages.iter().flat_map(|message| &message.images).cloned().collect(),
        explicit_cap: request.explicit_cap,
        default_cap: request.default_cap,
        effort: request.effort,
        unbounded: request.extra.iter().any(|(name, value)| passed::opens_charges(name, value)),
    }
}

/// What a chat template adds to so many messages, in tokens: four around each and three before the answer, as
/// OpenAI documents it for its models; the others are alike.
fn chat_template_tokens(messages: usize) -> u64 {
    4 * messages as u64 + 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::shape::tests::request;
    use crate::types::Message;

    #[test]
    fn a_prompt_is_as_long_as_all_that_is_sent_with_it() {
        let hello = estimate::tokens("hello");
        let two = Request { messages: vec![Message::user("hello"), Message::assistant("hello")], ..request() };
        let extra = serde_json::Map::from_iter([("hello".to_owned(), serde_json::Value::from(7))]);
        for (request, tokens) in [
            (request(), hello + 7),
            (two.clone(), 2 * hello + 11),
            (Request { system: Some("hello".into()), ..two }, 3 * hello + 15),
            (Request { extra, ..request() }, hello + estimate::tokens("hello7") + 7),
        ] {
            let question = question(&request);
            assert_eq!(question.reference_tokens, tokens);
            assert!(question.bound_tokens > tokens);
        }
    }
}
