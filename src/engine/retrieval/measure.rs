//! What a text costs of a budget: an estimate that is honest for a person who pays and never below a quarter of the
//! characters, the rule of thumb that others count by.

use crate::engine::estimate;

/// One token in hundredths.
pub const TOKEN: u64 = 100;

/// The rule of thumb: four characters a token, so a character is 25 hundredths.
const CHARACTER: u64 = 25;

/// The cost of a text in tokens.
pub fn tokens(text: &str) -> u64 {
    u64::from(hundredths(text)).div_ceil(TOKEN)
}

/// The cost of a text in hundredths of a token.
pub fn hundredths(text: &str) -> u32 {
    let rule = CHARACTER * text.chars().count() as u64;
    let estimate = estimate::hundredths(text);
    u32::try_from(rule.max(estimate)).unwrap_or(u32::MAX)
}
