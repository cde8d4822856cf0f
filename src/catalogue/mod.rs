//! What is known of models: prices, windows, abilities, ends; built in, one row for a model at a provider.
//!
//! Here are the built-in rows and the ways to find one. The user's own rows are merged elsewhere,
//! and nothing here knows what day it is. Nothing is parsed or built at run time: the tables are
//! data of the binary, and a lookup reads a few dozen ids.

mod closest;
mod embeddings;
mod image_tokens;
pub mod models;
mod row;
mod token_factor;

pub use closest::closest;
pub use embeddings::{EmbeddingRow, default_embedding, embedding, embeddings};
pub use image_tokens::image_tokens;
pub use row::{Ability, Defaults, ModelRow, ModelState, Status};
pub use token_factor::token_factor;

use models::SECTIONS;
use row::Section;

/// A price not read from its source for so long is worth a warning.
/// Half a year: vendors have changed prices about that often.
pub const STALE_AFTER_DAYS: i32 = 180;

/// A model with at most so many days left is worth a warning. Vendors announce an end between 45
/// and 90 days ahead; two months leave time to move.
pub const RETIREMENT_NOTICE_DAYS: i32 = 60;

/// Every row, ordered by provider and id.
pub fn rows() -> impl Iterator<Item = &'static ModelRow> {
    SECTIONS.iter().flat_map(|section| section.rows)
}

/// The rows of one provider, ordered by id; empty for one that the catalogue does not know.
pub fn by_provider(provider: &str) -> &'static [ModelRow] {
    section(provider).map_or(&[], |section| section.rows)
}

/// The model of that name at that provider.
///
/// The name is an id or an alias, or either with a date at its end (`-2024-08-06`, `-20240806`):
/// a dated name without a row of its own has the price and the abilities of the undated one.
/// Names are compared as they stand: slashes and endings such as `:free` are part of them.
pub fn find(provider: &str, model: &str) -> Option<&'static ModelRow> {
    let rows = by_provider(provider);
    let called = |name: &str| rows.iter().find(|row| row.is_called(name));
    called(model).or_else(|| called(undated(model)?))
}

/// The rows of the same underlying model at other providers, in the order of [`rows`].
pub fn same_as(row: &ModelRow) -> impl Iterator<Item = &'static ModelRow> {
    let (provider, same) = (row.provider, row.same);
    rows().filter(move |other| same.is_some() && other.same == same && other.provider != provider)
}

/// The models that provider is asked with when nobody names one.
pub fn defaults(provider: &str) -> Option<&'static Defaults> {
    section(provider).map(|section| &section.defaults)
}

fn section(provider: &str) -> Option<&'static Section> {
    SECTIONS.iter().copied().find(|section| section.provider == provider)
}

/// The name without a date at its end.
fn undated(name: &str) -> Option<&str> {
    ["-20dd-dd-dd", "-20dddddd"].iter().find_map(|form| {
        let (stem, date) = name.split_at_checked(name.len().checked_sub(form.len())?)?;
        let fits = |(byte, form): (u8, u8)| byte == form || form == b'd' && byte.is_ascii_digit();
        date.bytes().zip(form.bytes()).all(fits).then_some(stem)
    })
}

#[cfg(test)]
mod tests;
