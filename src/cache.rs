//! Which answers may be stored, under which key, and how an entry proves that nobody touched it.
//!
//! The key is a SHA-256 over everything that can change the answer and over what was pinned, not over who
//! happened to answer. The seal is an HMAC-SHA256 over the key and every stored field. Fields go in with their
//! lengths, so that no two lists of fields make the same bytes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use serde_json::{Map, Value};

use crate::store::CacheRow;
use crate::types::{Effort, Embed, FinishReason, Message, Schema, Tier, hex};

/// The version of the key's and the seal's form; another one makes every older entry a miss.
const FORM: &str = "llmr cache 1";

/// A cache key.
pub type Key = [u8; 32];

/// What a stored entry turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Whole and ours.
    Good,
    /// Sealed with another key: not ours to judge.
    Foreign,
    /// Changed since it was sealed.
    Bad,
}

/// The key that seals entries.
#[derive(Clone)]
pub struct Sealer {
    key: Vec<u8>,
    id: String,
}

/// A longer answer is not stored: ten thousand of them must not fill a disk. A novel has about this many bytes.
const MAX_BYTES: usize = 1 << 20;

/// Whether an answer may be stored: only a whole one, that ended because it was done.
pub fn storable(finish: FinishReason, text: &str) -> bool {
    finish == FinishReason::Stop && !text.is_empty() && text.len() <= MAX_BYTES
}

/// Everything a cached answer depends on: what was asked, and what was pinned.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The model asked for, aliases resolved.
    pub model: Option<&'a str>,
    /// The only providers that may answer.
    pub providers: &'a [String],
    /// The lowest tier.
    pub tier: Option<Tier>,
    /// The strong tier of `--cascade`.
    pub cascade: Option<Tier>,
    /// The fallbacks in force, in order.
    pub fallbacks: &'a [String],
    /// The system prompt.
    pub system: Option<&'a str>,
    /// The conversation.
    pub messages: &'a [Message],
    /// The output cap asked for.
    pub cap: u64,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling defaults of providers that are in force.
    pub sampling: &'a [String],
    /// Texts that end the answer.
    pub stop: &'a [String],
    /// How hard to think.
    pub effort: Option<Effort>,
    /// Fields passed through.
    pub extra: &'a Map<String, Value>,
    /// What the answer must fit.
    pub schema: Option<&'a Schema>,
    /// Vectors that are asked for in its place.
    pub embed: Option<Embed>,
}

/// The key of a request.
pub fn key(asked: &Asked<'_>) -> Key {
    let mut fields = Fields::default();
    fields.put("form", FORM);
    fields.option("model", asked.model);
    let mut providers = asked.providers.to_vec();
    providers.sort();
    providers.dedup();
    fields.list("providers", &providers);
    fields.option("tier", asked.tier.map(Tier::name));
    fields.list("fallbacks", asked.fallbacks);
    fields.option("system", asked.system);
    for Message { role, text, images } in asked.messages {
        fields.put("role", &format!("{role:?}"));
        fields.put("text", text);
        for image in images {
            fields.put("image", &hex(&Sha256::digest(&image.bytes)));
        }
    }
    fields.put("cap", &asked.cap.to_string());
    fields.option("temperature", asked.temperature.map(|t| t.to_string()).as_deref());
    fields.option("top_p", asked.top_p.map(|p| p.to_string()).as_deref());
    // Without any, as without pictures and a schema, the key is what it was before there could be one.
    if !asked.sampling.is_empty() {
        fields.list("sampling", asked.sampling);
    }
    fields.list("stop", asked.stop);
    fields.option("effort", asked.effort.map(Effort::name));
    let mut extra: Vec<String> = asked.extra.iter().map(|(k, v)| format!("{k}={v}")).collect();
    extra.sort();
    fields.list("extra", &extra);
    if let Some(strong) = asked.cascade {
        fields.put("cascade", strong.name());
    }
    if let Some(schema) = asked.schema {
        // Vendors get its name, too.
        fields.list("schema", &[schema.name.clone(), schema.value.to_string()]);
    }
    if let Some(Embed { dimensions, purpose }) = asked.embed {
        fields.put("embed", purpose.name());
        fields.option("dimensions", dimensions.map(|n| n.to_string()).as_deref());
    }
    fields.hash()
}

impl Sealer {
    /// From the secret key.
    pub fn new(key: &[u8]) -> Self {
        let mut sealer = Self { key: key.to_vec(), id: String::new() };
        sealer.id = hex(&sealer.mac(b"key id")[..8]);
        sealer
    }

    /// Which key it is, without telling anything of it.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// The seal of an entry's fields.
    pub fn seal(&self, row: &CacheRow) -> [u8; 32] {
        self.mac(&fields_of(row).0)
    }

    /// What an entry turns out to be. The comparison takes the same time whatever differs.
    pub fn judge(&self, row: &CacheRow) -> Verdict {
        if row.key_id != self.id {
            return Verdict::Foreign;
        }
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return Verdict::Bad };
        mac.update(&fields_of(row).0);
        match mac.verify_slice(&row.seal) {
            Ok(()) => Verdict::Good,
            Err(_) => Verdict::Bad,
        }
    }

    fn mac(&self, bytes: &[u8]) -> [u8; 32] {
        // HMAC takes keys of any length: the error cannot happen, and an empty seal verifies nowhere.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return [0; 32] };
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

/// Named fields as bytes, each with its length.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn put(&mut self, name: &str, value: &str) {
        for part in [name, value] {
            self.0.extend((part.len() as u64).to_le_bytes());
            self.0.extend(part.as_bytes());
        }
    }

    /// Nothing is another value than an empty text.
    fn option(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.put(name, &format!("+{value}")),
            None => self.put(name, "-"),
        }
    }

    fn list(&mut self, name: &str, values: &[String]) {
        self.put(name, &values.len().to_string());
        values.iter().for_each(|value| self.put("", value));
    }

    fn hash(&self) -> Key {
        Sha256::digest(&self.0).into()
    }
}

/// Every field of an entry that is served, its key and its times included.
fn fields_of(row: &CacheRow) -> Fields {
    let mut fields = Fields::default();
    fields.put("form", FORM);
    fields.put("key", &hex(&row.key));
    fields.put("provider", &row.provider);
    fields.put("model", &row.model);
    fields.option("answered", row.answered_model.as_deref());
    fields.option("tier", row.tier.map(Tier::name));
    fields.put("content", &row.content);
    fields.put("finish", row.finish_reason.name());
    let usage = row.usage.map(|u| {
        let tokens = [u.input_tokens, u.cached_input_tokens, u.cache_write_tokens, u.output_tokens, u.reasoning_tokens];
        format!("{tokens:?} {}", u.estimated)
    });
    fields.option("usage", usage.as_deref());
    fields.option("cost", row.cost.map(|c| c.0.to_string()).as_deref());
    fields.put("source", row.cost_source.name());
    fields.put("created", &row.created_at.0.to_string());
    fields.put("expires", &row.expires_at.0.to_string());
    fields.put("key id", &row.key_id);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CostSource, Image, ImageKind, NanoUsd, Purpose, Timestamp, Usage};

    fn messages(text: &str) -> Vec<Message> {
        vec![Message::user(text)]
    }

    /// What can be varied about a plain question.
    #[derive(Default)]
    struct Varied {
        cascade: Option<Tier>,
        model: Option<&'static str>,
        providers: &'static [&'static str],
        tier: Option<Tier>,
        fallbacks: &'static [&'static str],
        system: Option<&'static str>,
        turns: Option<Vec<Message>>,
        cap: u64,
        temperature: Option<f64>,
        top_p: Option<f64>,
        sampling: &'static [&'static str],
        stop: &'static [&'static str],
        effort: Option<Effort>,
        extra: Map<String, Value>,
        schema: Option<Schema>,
        embed: Option<Embed>,
    }

    fn key_of(v: &Varied) -> Key {
        let owned = |words: &[&str]| -> Vec<String> { words.iter().map(|w| (*w).to_owned()).collect() };
        let plain = messages("hello");
        key(&Asked {
            model: v.model,
            providers: &owned(v.providers),
            tier: v.tier,
            cascade: v.cascade,
            fallbacks: &owned(v.fallbacks),
            system: v.system,
            messages: v.turns.as_ref().unwrap_or(&plain),
            cap: v.cap,
            temperature: v.temperature,
            top_p: v.top_p,
            sampling: &owned(v.sampling),
            stop: &owned(v.stop),
            effort: v.effort,
            extra: &v.extra,
            schema: v.schema.as_ref(),
            embed: v.embed,
        })
    }

    #[test]
    fn everything_that_can_change_the_answer_changes_the_key() {
        let plain = Varied::default;
        let assistant = vec![Message::assistant("hello")];
        let picture = |bytes: &[u8]| {
            let (kind, name, bytes) = (ImageKind::Png, "p.png".to_owned(), bytes.into());
            Image { name, kind, width: 1, height: 1, bytes }
        };
        let seen = |images: Vec<Image>| Some(vec![Message { images, ..Message::user("hello") }]);
        let schema = |name: &str, value: Value| Some(Schema { name: name.to_owned(), value });
        let extra: Map<String, Value> = [("seed".to_owned(), Value::from(1))].into_iter().collect();
        let embed = |dimensions, purpose| Some(Embed { dimensions, purpose });
        let varied = [
            plain(),
            Varied { model: Some(""), ..plain() },
            Varied { model: Some("m"), ..plain() },
            Varied { providers: &["a"], ..plain() },
            Varied { providers: &["ab"], ..plain() },
            Varied { providers: &["a", "b"], ..plain() },
            Varied { sampling: &["a"], ..plain() },
            Varied { fallbacks: &["a"], ..plain() },
            Varied { fallbacks: &["a", "b"], ..plain() },
            Varied { fallbacks: &["b", "a"], ..plain() },
            Varied { stop: &["a"], ..plain() },
            Varied { tier: Some(Tier::Fast), ..plain() },
            Varied { cascade: Some(Tier::Fast), ..plain() },
            Varied { embed: embed(None, Purpose::Document), ..plain() },
            Varied { embed: embed(None, Purpose::Query), ..plain() },
            Varied { embed: embed(Some(2), Purpose::Query), ..plain() },
            Varied { system: Some("m"), ..plain() },
            Varied { turns: Some(messages("hello!")), ..plain() },
            Varied { turns: Some([messages("hel"), messages("lo")].concat()), ..plain() },
            Varied { turns: Some(assistant), ..plain() },
            Varied { cap: 101, ..plain() },
            Varied { temperature: Some(0.0), ..plain() },
            Varied { temperature: Some(0.5), ..plain() },
            Varied { top_p: Some(0.5), ..plain() },
            Varied { effort: Some(Effort::Low), ..plain() },
            Varied { extra, ..plain() },
            Varied { turns: seen(vec![picture(b"1")]), ..plain() },
            Varied { turns: seen(vec![picture(b"2")]), ..plain() },
            Varied { turns: seen(vec![picture(b"1"), picture(b"2")]), ..plain() },
            Varied { turns: seen(vec![picture(b"2"), picture(b"1")]), ..plain() },
            Varied { schema: schema("a", Value::from(true)), ..plain() },
            Varied { schema: schema("b", Value::from(true)), ..plain() },
            Varied { schema: schema("a", Value::from(false)), ..plain() },
        ];
        let mut keys: Vec<Key> = varied.iter().map(key_of).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), varied.len());
    }

    #[test]
    fn a_request_without_anything_new_keeps_its_key() {
        // As the first version of the database knows it.
        let key = hex(&key_of(&Varied::default()));
        assert_eq!(key, "c8efb5700df3b700304b4f632b5b7cab8e8ace2c110a1ec503816406049cf118");
    }

    #[test]
    fn the_order_of_providers_changes_nothing() {
        let of = |providers| key_of(&Varied { providers, ..Varied::default() });
        assert_eq!(of(&["a", "b"]), of(&["b", "a", "b"]));
    }

    fn sealed(sealer: &Sealer) -> CacheRow {
        let mut row = CacheRow {
            key: [7; 32],
            provider: "p".into(),
            model: "m".into(),
            answered_model: Some("m-1".into()),
            tier: Some(Tier::Fast),
            content: "an answer".into(),
            finish_reason: FinishReason::Stop,
            usage: Some(Usage { input_tokens: 1, ..Usage::default() }),
            cost: Some(NanoUsd(5)),
            cost_source: CostSource::Catalogue,
            created_at: Timestamp(1),
            expires_at: Timestamp(2),
            key_id: sealer.key_id().to_owned(),
            seal: Vec::new(),
            used_at: Timestamp(1),
        };
        row.seal = sealer.seal(&row).to_vec();
        row
    }

    #[test]
    fn a_change_of_any_served_field_is_found_out() {
        let sealer = Sealer::new(b"a key for this test");
        let good = sealed(&sealer);
        assert_eq!(sealer.judge(&good), Verdict::Good);
        let changes: [fn(&mut CacheRow); 14] = [
            |r| r.key[0] ^= 1,
            |r| r.provider.push('x'),
            |r| r.model.push('x'),
            |r| r.answered_model = None,
            |r| r.tier = None,
            |r| r.content.push(' '),
            |r| r.finish_reason = FinishReason::Length,
            |r| r.usage = None,
            |r| r.cost = None,
            |r| r.cost_source = CostSource::Provider,
            |r| r.created_at = Timestamp(0),
            |r| r.expires_at = Timestamp(3),
            |r| r.seal[0] ^= 1,
            |r| r.seal.clear(),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut row = good.clone();
            change(&mut row);
            assert_eq!(sealer.judge(&row), Verdict::Bad, "change {i}");
        }
    }

    #[test]
    fn what_moves_between_fields_is_found_out() {
        let sealer = Sealer::new(b"a key for this test");
        let mut row = sealed(&sealer);
        (row.provider, row.model) = ("pm".into(), String::new());
        assert_eq!(sealer.judge(&row), Verdict::Bad);
    }

    #[test]
    fn another_key_s_entries_are_foreign_and_claiming_ours_makes_them_bad() {
        let (ours, theirs) = (Sealer::new(b"ours"), Sealer::new(b"theirs"));
        let mut row = sealed(&theirs);
        assert_eq!(ours.judge(&row), Verdict::Foreign);
        row.key_id = ours.key_id().to_owned();
        assert_eq!(ours.judge(&row), Verdict::Bad);
    }

    #[test]
    fn only_whole_answers_that_were_done_are_stored() {
        assert!(storable(FinishReason::Stop, "x"));
        assert!(!storable(FinishReason::Stop, ""));
        assert!(storable(FinishReason::Stop, &"x".repeat(MAX_BYTES)));
        assert!(!storable(FinishReason::Stop, &"x".repeat(MAX_BYTES + 1)));
        for finish in [FinishReason::Length, FinishReason::ContentFilter, FinishReason::ToolCalls, FinishReason::Other]
        {
            assert!(!storable(finish, "x"));
        }
    }
}
