//! The cache: requests that differ have different keys, equal ones the same, and a sealed entry cannot be changed.

use llmr::cache::{Asked, Key, Sealer, Verdict, key};
use llmr::store::CacheRow;
use llmr::types::{
    CostSource, Effort, Embed, FinishReason, Image, ImageKind, Message, NanoUsd, Purpose, Role, Schema, Tier,
    Timestamp, Usage,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::cases;

/// Few letters, so that texts meet; the ones that a careless joining would take for its own.
fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[ab=+,:-]{0,3}", Just("\u{e9}".to_owned()), Just("e\u{301}".to_owned()), "[\\[\\]\"0\n\0]{0,2}"]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(word(), 0..3)
}

fn number() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(prop_oneof![Just(0.0), Just(1.0), Just(0.1), 0.0..2.0f64])
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(1)),
        Just(json!(1.0)),
        Just(json!("1")),
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        word().prop_map(Value::from)
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map(word(), inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn message() -> impl Strategy<Value = Message> {
    let image = (word(), 0..2u32).prop_map(|(bytes, kind)| Image {
        name: "p".into(),
        kind: if kind == 0 { ImageKind::Png } else { ImageKind::Gif },
        width: 1,
        height: 1,
        // The kind is read from the bytes, so that bytes of two kinds differ.
        bytes: format!("{kind}{bytes}").into_bytes().into(),
    });
    (any::<bool>(), word(), prop::collection::vec(image, 0..3)).prop_map(|(user, text, images)| Message {
        role: if user { Role::User } else { Role::Assistant },
        text,
        images,
    })
}

/// A request's part in the cache, owned.
#[derive(Debug, Clone, PartialEq)]
struct Request {
    model: Option<String>,
    providers: Vec<String>,
    tier: Option<Tier>,
    fallbacks: Vec<String>,
    system: Option<String>,
    messages: Vec<Message>,
    cap: u64,
    temperature: Option<f64>,
    top_p: Option<f64>,
    sampling: Vec<String>,
    stop: Vec<String>,
    effort: Option<Effort>,
    extra: Map<String, Value>,
    schema: Option<Schema>,
    embed: Option<Embed>,
}

prop_compose! {
    fn request()(
        (model, providers, tier, fallbacks) in
            (prop::option::of(word()), words(), prop::option::of(prop::sample::select(&Tier::ALL[..])), words()),
        (system, messages, cap) in
            (prop::option::of(word()), prop::collection::vec(message(), 0..3), prop_oneof![0..12u64, any::<u64>()]),
        (temperature, top_p, sampling, stop) in (number(), number(), words(), words()),
        effort in prop::option::of(prop::sample::select(&Effort::ALL[..])),
        extra in prop::collection::hash_map(word(), value(), 0..3),
        schema in prop::option::of((word(), value())),
        embed in prop::option::of((prop::option::of(1..4u32), prop::bool::ANY)),
    ) -> Request {
        let mut providers = providers;
        // A set: their order and their number are no part of what was asked.
        providers.sort();
        providers.dedup();
        Request {
            model, providers, tier, fallbacks, system, messages, cap, temperature, top_p, sampling, stop,
            effort: effort.map(|(effort, _)| effort),
            extra: extra.into_iter().collect(),
            schema: schema.map(|(name, value)| Schema { name, value }),
            embed: embed.map(|(dimensions, query)| Embed {
                dimensions,
                purpose: if query { Purpose::Query } else { Purpose::Document },
            }),
        }
    }
}

fn key_of(r: &Request) -> Key {
    key(&Asked {
        model: r.model.as_deref(),
        providers: &r.providers,
        cascade: None,
        tier: r.tier,
        fallbacks: &r.fallbacks,
        system: r.system.as_deref(),
        messages: &r.messages,
        cap: r.cap,
        temperature: r.temperature,
        top_p: r.top_p,
        sampling: &r.sampling,
        stop: &r.stop,
        effort: r.effort,
        extra: &r.extra,
        schema: r.schema.as_ref(),
        embed: r.embed,
    })
}

/// Requests with one field of another's: what is taken over is often the same, or nearly.
fn with_one_of(this: &Request, other: &Request, field: usize) -> Request {
    let (mut made, o) = (this.clone(), other.clone());
    match field {
        0 => made.model = o.model,
        1 => made.providers = o.providers,
        2 => made.tier = o.tier,
        3 => made.fallbacks = o.fallbacks,
        4 => made.system = o.system,
        5 => made.messages = o.messages,
        6 => made.cap = o.cap,
        7 => made.temperature = o.temperature,
        8 => made.top_p = o.top_p,
        9 => made.sampling = o.sampling,
        10 => made.stop = o.stop,
        11 => made.effort = o.effort,
        12 => made.extra = o.extra,
        13 => made.schema = o.schema,
        // What stands in neighbouring fields, exchanged.
        14 => (made.fallbacks, made.providers) = (made.providers, made.fallbacks),
        15 => (made.model, made.system) = (made.system, made.model),
        16 => (made.sampling, made.stop) = (made.stop, made.sampling),
        17 => (made.temperature, made.top_p) = (made.top_p, made.temperature),
        18 => made.messages.reverse(),
        19 => made.stop.reverse(),
        20 => made.fallbacks.reverse(),
        21 => _ = made.stop.pop(),
        22 => made.embed = o.embed,
        _ => made.stop = vec![made.stop.concat()],
    }
    made.providers.sort();
    made.providers.dedup();
    made
}

/// The same request, so that nothing but the order of a map differs; `==` on maps does not see it.
fn same(a: &Request, b: &Request) -> bool {
    // -0 and 0 are the same number and may have two keys: that costs a miss and no wrong answer.
    format!("{:?}", canonical(a)) == format!("{:?}", canonical(b))
}

fn canonical(r: &Request) -> Request {
    let mut extra: Vec<_> = r.extra.clone().into_iter().collect();
    extra.sort_by(|a, b| a.0.cmp(&b.0));
    Request { extra: extra.into_iter().collect(), ..r.clone() }
}

/// Moves the border between two neighbouring texts by one character, if it can.
fn moved(texts: &mut [String], at: usize) -> bool {
    let Some([left, right]) = texts.get_mut(at..at + 2) else { return false };
    match left.pop() {
        Some(c) => right.insert(0, c),
        None => return false,
    }
    true
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn two_requests_share_a_key_only_if_they_are_the_same(a in request(), b in request(), field in 0..23usize) {
        let c = with_one_of(&a, &b, field);
        prop_assert_eq!(key_of(&a) == key_of(&c), same(&a, &c), "{:#?}", c);
        prop_assert_eq!(key_of(&a) == key_of(&b), same(&a, &b));
        prop_assert_eq!(key_of(&a), key_of(&a.clone()));
    }

    #[test]
    fn a_moved_border_is_another_request(a in request(), list in 0..4usize, at in 0..2usize) {
        let mut b = a.clone();
        let done = match list {
            0 => moved(&mut b.stop, at),
            1 => moved(&mut b.fallbacks, at),
            2 => moved(&mut b.sampling, at),
            _ => {
                let mut texts: Vec<String> = b.messages.iter().map(|m| m.text.clone()).collect();
                let done = moved(&mut texts, at);
                b.messages.iter_mut().zip(texts).for_each(|(message, text)| message.text = text);
                done
            }
        };
        if done {
            prop_assert!(key_of(&a) != key_of(&b), "{:#?}", b);
        }
    }

    #[test]
    fn nothing_depends_on_the_order_of_providers_and_passed_fields(a in request()) {
        let mut b = a.clone();
        b.providers.reverse();
        b.providers.extend(a.providers.iter().cloned());
        b.extra = a.extra.clone().into_iter().rev().collect();
        prop_assert_eq!(key_of(&a), key_of(&b));
    }
}

prop_compose! {
    fn row()(
        (provider, model, answered_model, content) in (word(), word(), prop::option::of(word()), word()),
        tier in prop::option::of(prop::sample::select(&Tier::ALL[..])),
        finish in prop::sample::select(&["stop", "length", "content_filter", "tool_calls", "other"][..]),
        source in prop::sample::select(&["provider", "catalogue", "config", "none"][..]),
        usage in prop::option::of((0..3u64, 0..3u64, 0..3u64, 0..3u64, 0..3u64, any::<bool>())),
        cost in prop::option::of(-2..20i64),
        (created, expires, key) in (-1..12i64, -1..12i64, any::<[u8; 32]>()),
    ) -> CacheRow {
        CacheRow {
            key, provider, model, answered_model, tier, content,
            finish_reason: FinishReason::from_name(finish).unwrap(),
            usage: usage.map(|(i, c, w, o, r, estimated)| Usage {
                input_tokens: i, cached_input_tokens: c, cache_write_tokens: w, output_tokens: o, reasoning_tokens: r,
                estimated,
            }),
            cost: cost.map(NanoUsd),
            cost_source: CostSource::from_name(source).unwrap(),
            created_at: Timestamp(created),
            expires_at: Timestamp(expires),
            key_id: String::new(),
            seal: Vec::new(),
            used_at: Timestamp(0),
        }
    }
}

/// Everything of a row that is served.
fn served(row: &CacheRow) -> String {
    format!(
        "{:?}",
        (
            (row.key, &row.provider, &row.model, &row.answered_model, row.tier, &row.content),
            (row.finish_reason, row.usage, row.cost, row.cost_source, row.created_at, row.expires_at),
        )
    )
}

/// One field of another row.
fn forged(this: &CacheRow, other: &CacheRow, field: usize) -> CacheRow {
    let (mut row, o) = (this.clone(), other.clone());
    match field {
        0 => row.key = o.key,
        1 => row.provider = o.provider,
        2 => row.model = o.model,
        3 => row.answered_model = o.answered_model,
        4 => row.tier = o.tier,
        5 => row.content = o.content,
        6 => row.finish_reason = o.finish_reason,
        7 => row.usage = o.usage,
        8 => row.cost = o.cost,
        9 => row.cost_source = o.cost_source,
        10 => row.created_at = o.created_at,
        11 => row.expires_at = o.expires_at,
        12 => (row.provider, row.model) = (row.model, row.provider),
        13 => (row.created_at, row.expires_at) = (row.expires_at, row.created_at),
        _ => (row.model, row.content) = (row.content, row.model),
    }
    row
}

proptest! {
    #![proptest_config(cases(768))]

    #[test]
    fn a_sealed_entry_is_good_as_it_is_and_only_so(
        a in row(), b in row(), field in 0..15usize, secret in prop::collection::vec(any::<u8>(), 0..80),
        (byte, flip) in (0..32usize, 1..=255u8), cut in 0..32usize,
    ) {
        let sealer = Sealer::new(&secret);
        let mut sealed = CacheRow { key_id: sealer.key_id().to_owned(), ..a };
        sealed.seal = sealer.seal(&sealed).to_vec();
        prop_assert_eq!(sealer.judge(&sealed), Verdict::Good);
        // Counters are no part of what is served.
        prop_assert_eq!(sealer.judge(&CacheRow { used_at: Timestamp(9), ..sealed.clone() }), Verdict::Good);
        let other = forged(&sealed, &b, field);
        let expected = if served(&sealed) == served(&other) { Verdict::Good } else { Verdict::Bad };
        prop_assert_eq!(sealer.judge(&other), expected, "{:#?}", other);
        // No bit of the seal may change, and none of it may be missing.
        let mut bent = sealed.clone();
        bent.seal[byte] ^= flip;
        prop_assert_eq!(sealer.judge(&bent), Verdict::Bad);
        let mut short = sealed.clone();
        short.seal.truncate(cut);
        prop_assert_eq!(sealer.judge(&short), Verdict::Bad);
        let mut long = sealed.clone();
        long.seal.push(flip);
        prop_assert_eq!(sealer.judge(&long), Verdict::Bad);
    }

    #[test]
    fn no_other_key_s_seal_is_taken(a in row(), ours in "[a-c]{1,3}", theirs in "[a-c]{1,3}") {
        let (ours, theirs) = (Sealer::new(ours.as_bytes()), Sealer::new(theirs.as_bytes()));
        let mut row = CacheRow { key_id: theirs.key_id().to_owned(), ..a };
        row.seal = theirs.seal(&row).to_vec();
        let same = ours.key_id() == theirs.key_id();
        prop_assert_eq!(ours.judge(&row), if same { Verdict::Good } else { Verdict::Foreign });
        let claimed = CacheRow { key_id: ours.key_id().to_owned(), ..row };
        prop_assert_eq!(ours.judge(&claimed), if same { Verdict::Good } else { Verdict::Bad });
    }
}
