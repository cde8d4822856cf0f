//! What lies in the database, where anybody with the file can change it: the rows of the cache.

use std::sync::OnceLock;

use llmr::cache::{Sealer, Verdict};
use llmr::store::{CachePut, CacheRow, Store, StoreOptions, Waiting};
use llmr::types::{CostSource, FinishReason, Liveness, NanoUsd, Owner, Tier, Timestamp, Usage};

use super::feed::{self, Folder};

fn sealer() -> Sealer {
    Sealer::new(b"the-key-of-these-rows")
}

/// A row whose every field comes from the data.
fn row(data: &[u8]) -> CacheRow {
    let ([a, b, c, d, e, key], rest) = feed::choices(data);
    let parts = feed::parts(rest, 4);
    let part = |n: usize| parts.get(n).cloned().unwrap_or_default();
    let tokens = |n: u8| u64::from(n % 8);
    let usage = Usage {
        input_tokens: tokens(b),
        cached_input_tokens: tokens(b >> 3),
        cache_write_tokens: tokens(c),
        output_tokens: tokens(c >> 3),
        reasoning_tokens: tokens(d),
        estimated: d & 8 == 8,
    };
    let finish = [FinishReason::Stop, FinishReason::Length, FinishReason::ToolCalls, FinishReason::Other];
    CacheRow {
        key: [key; 32],
        provider: part(0),
        model: part(1),
        answered_model: (a & 1 == 1).then(|| part(2)),
        tier: (a & 2 == 2).then_some(if a & 4 == 4 { Tier::Fast } else { Tier::Premium }),
        content: part(3),
        finish_reason: finish[usize::from(a >> 3) % 4],
        usage: (a & 32 == 32).then_some(usage),
        cost: (a & 64 == 64).then_some(NanoUsd(i64::from(e) - 9)),
        cost_source: if a & 128 == 128 { CostSource::Provider } else { CostSource::Catalogue },
        created_at: Timestamp(i64::from(d >> 4)),
        expires_at: Timestamp(i64::from(e >> 4)),
        key_id: sealer().key_id().to_owned(),
        seal: Vec::new(),
        used_at: Timestamp(0),
    }
}

/// Two rows, of which one bears the other's seal: it verifies exactly where they are the same.
pub fn cache_seal(data: &[u8]) {
    let ([at, flip], rest) = feed::choices(data);
    let (one, other) = rest.split_at(usize::from(at).min(rest.len()));
    let (mut one, mut other) = (row(one), row(other));
    let same = one == other;
    one.seal = sealer().seal(&one).to_vec();
    other.seal.clone_from(&one.seal);
    assert_eq!(sealer().judge(&one), Verdict::Good);
    assert_eq!(sealer().judge(&other) == Verdict::Good, same, "{one:?} and {other:?}");
    let bit = usize::from(flip) % (8 * one.seal.len());
    one.seal[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(sealer().judge(&one), Verdict::Bad, "a bit of the seal");
    assert_eq!(Sealer::new(b"another key").judge(&other), Verdict::Foreign);
}

fn options() -> StoreOptions {
    StoreOptions {
        busy_timeout_ms: 100,
        me: Owner::default().into(),
        liveness: |_| Liveness::Unknown,
        seed: 7.into(),
        waiting: Waiting::default(),
    }
}

/// A database with two rows in its cache, the rows, and where in the file theirs begin.
fn database() -> &'static (Vec<u8>, Vec<CacheRow>, usize) {
    static MADE: OnceLock<(Vec<u8>, Vec<CacheRow>, usize)> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Folder::new("made");
        let path = folder.path().join("llmr.db");
        let store = Store::open(&path, options()).expect("a database");
        let rows: Vec<CacheRow> = [
            b"\xff\x11\x22\x33\xa4\x01openai\0gpt\0gpt-1\0what was answered",
            &b"\x00\x00\x00\x00\xf4\x02lab\0m\0\0another answer"[..],
        ]
        .map(|data| CacheRow { finish_reason: FinishReason::Stop, ..row(data) })
        .map(|row| CacheRow { seal: sealer().seal(&row).to_vec(), ..row })
        .to_vec();
        // So often that the log is copied into the file, which is all that is kept.
        for row in rows.iter().cycle().take(400) {
            store.cache_put(&CachePut { row, max_entries: 10, max_bytes: 1 << 20 }, Timestamp(-5)).expect("a row");
        }
        drop(store);
        let bytes = std::fs::read(&path).expect("the file of the database");
        let at = bytes.windows(17).rposition(|part| part == b"what was answered").expect("a row in the file");
        (bytes, rows, at / 4096 * 4096)
    })
}

/// A file of a database with some bytes changed, among those of its cache by default: no row is good but as it was.
pub fn cache_row(data: &[u8]) {
    let (bytes, rows, page) = database();
    let mut bytes = bytes.clone();
    for patch in data.chunks_exact(4) {
        let offset = usize::from(u16::from_be_bytes([patch[0], patch[1]]));
        // Three of four times in the page of the rows, else anywhere behind the first bytes of the file.
        let at = if patch[3] & 3 > 0 { page + offset % 4096 } else { 100 + offset % (bytes.len() - 100) };
        bytes[at] = patch[2];
    }
    let folder = Folder::new("cache_row");
    let path = folder.write("llmr.db", &bytes);
    let Ok(store) = Store::open(&path, options()) else { return };
    let check = |found: Option<Box<CacheRow>>| {
        let Some(found) = found.filter(|found| sealer().judge(found) == Verdict::Good) else { return };
        let served = |row: &CacheRow| CacheRow { used_at: Timestamp(0), ..row.clone() };
        assert!(rows.iter().any(|row| served(row) == served(&found)), "a changed row is good: {found:?}");
    };
    for row in rows {
        if let Ok(Some(entry)) = store.cache_get(&row.key) {
            check(entry.row);
        }
    }
    _ = store.cache_rows(|entry| check(entry.row));
}
