//! The models that make vectors of texts, one row each, sorted by provider; the provider's default stands first.
//!
//! Kept as [`super::models`] are, apart from them: nobody is to be asked a question with one of these.

use super::row::ModelRow;
use super::row::NONE;
use super::row::Status::{self, Active, Retired};
use crate::types::Tier;

/// A model that makes vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingRow {
    /// Its id, window (of one text), price and life; it has no tier and no abilities.
    pub model: ModelRow,
    /// How many numbers a vector has.
    pub dimensions: u32,
    /// Whether it makes shorter ones, too.
    pub shortens: bool,
}

const fn row(provider: &'static str, id: &'static str, status: Status, context: u64, dimensions: u32) -> EmbeddingRow {
    let model = ModelRow::new(provider, id, status, Tier::Fast).abilities(&[]).context(context);
    EmbeddingRow { model: ModelRow { tier: None, ..model }, dimensions, shortens: false }
}

impl EmbeddingRow {
    const fn usd(self, input: &str) -> Self {
        Self { model: self.model.usd(input, "0", NONE, NONE), ..self }
    }

    const fn as_of(self, date: &str) -> Self {
        Self { model: self.model.as_of(date), ..self }
    }

    const fn released(self, date: &str) -> Self {
        Self { model: self.model.released(date), ..self }
    }

    const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { model: self.model.aliases(aliases), ..self }
    }

    const fn same(self, name: &'static str) -> Self {
        Self { model: self.model.same(name), ..self }
    }

    const fn shortens(self) -> Self {
        Self { shortens: true, ..self }
    }
}

#[rustfmt::skip]
static ROWS: &[EmbeddingRow] = &[
    row("azure", "text-embedding-3-small", Active, 8191, 1536)
        .usd("0.02").as_of("2026-08-21").same("text-embedding-3-small").shortens(),
    row("azure", "text-embedding-3-large", Active, 8191, 3072)
        .usd("0.13").as_of("2026-08-21").same("text-embedding-3-large").shortens(),
    row("azure", "text-embedding-ada-002", Active, 8191, 1536)
        .usd("0.1").as_of("2026-08-21").same("text-embedding-ada-002"),
    row("cohere", "embed-v4.0", Active, 128_000, 1536)
        .usd("0.12").as_of("2026-08-21").released("2025-04-15").shortens(),
    row("cohere", "embed-english-v3.0", Active, 512, 1024).usd("0.1").as_of("2026-08-21").released("2023-11-02"),
    row("cohere", "embed-multilingual-v3.0", Active, 512, 1024).usd("0.1").as_of("2026-08-21").released("2023-11-02"),
    row("gemini", "gemini-embedding-001", Active, 2048, 3072)
        .usd("0.15").as_of("2026-08-21").released("2025-07-14").shortens(),
    row("gemini", "gemini-embedding-2", Active, 8192, 3072).usd("0.2").as_of("2026-10-07").shortens(),
    EmbeddingRow {
        model: row("gemini", "text-embedding-004", Retired, 2048, 768).model.usd("0", "0", NONE, NONE)
            .released("2024-05-14").retired("2026-01-14").successor("gemini-embedding-001"),
        ..row("gemini", "text-embedding-004", Retired, 2048, 768)
    },
    row("mistral", "mistral-embed", Active, 8192, 1024).aliases(&["mistral-embed-2312"])
        .usd("0.1").as_of("2026-08-21").released("2023-12-11"),
    row("mistral", "codestral-embed", Active, 8192, 1536).aliases(&["codestral-embed-2505"])
        .usd("0.15").as_of("2026-08-21").released("2025-05-28").shortens(),
    row("ollama", "nomic-embed-text", Active, 8192, 768).usd("0"),
    row("ollama", "all-minilm", Active, 512, 384).usd("0"),
    row("ollama", "bge-m3", Active, 8192, 1024).usd("0"),
    row("ollama", "mxbai-embed-large", Active, 512, 1024).usd("0"),
    row("openai", "text-embedding-3-small", Active, 8191, 1536)
        .usd("0.02").as_of("2026-08-21").released("2024-01-25").same("text-embedding-3-small").shortens(),
    row("openai", "text-embedding-3-large", Active, 8191, 3072)
        .usd("0.13").as_of("2026-08-21").released("2024-01-25").same("text-embedding-3-large").shortens(),
    row("openai", "text-embedding-ada-002", Active, 8191, 1536)
        .usd("0.1").as_of("2026-08-21").released("2022-12-15").same("text-embedding-ada-002"),
    row("together", "BAAI/bge-base-en-v1.5", Active, 512, 768).usd("0.008").as_of("2026-08-21"),
];

/// Every row, ordered by provider.
pub fn embeddings() -> impl Iterator<Item = &'static EmbeddingRow> {
    ROWS.iter()
}

/// The row of that id or alias at that provider.
pub fn embedding(provider: &str, model: &str) -> Option<&'static EmbeddingRow> {
    embeddings().find(|row| row.model.provider == provider && row.model.is_called(model))
}

/// The model that a provider makes vectors with when nobody names one.
pub fn default_embedding(provider: &str) -> Option<&'static EmbeddingRow> {
    embeddings().find(|row| row.model.provider == provider)
}
