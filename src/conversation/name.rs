//! Names of conversations, and what would be taken for a number.

use crate::error::{Error, Kind, Result};
use crate::types::RequestId;

/// More characters than a line of a list has room for.
const LONGEST: usize = 80;

/// The number in `c3`.
pub(super) fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('c').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

/// A name that a conversation may have: one that is not taken for something else.
pub(super) fn checked(name: &str) -> Result<&str> {
    let wrong = |why: &str| Err(Error::new(Kind::Usage, format!("`{name}` cannot name a conversation: {why}")));
    if name.trim() != name || name.is_empty() {
        return wrong("it is empty, or has spaces around it");
    }
    if name.chars().any(char::is_control) || name.chars().count() > LONGEST {
        return wrong("a name is one line of at most 80 characters");
    }
    if name == "last" || number(name).is_some() || RequestId::parse(name).is_some() {
        return wrong("it means something else already");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_told_apart() {
        for (text, expected) in
            [("c3", Some(3)), ("c", None), ("c3x", None), ("trip", None), ("c-3", None), ("3", None)]
        {
            assert_eq!(number(text), expected, "{text}");
        }
        for good in ["trip", "a trip to Rome", "c", "c3x", "ça va", "--x"] {
            assert_eq!(checked(good).unwrap(), good);
        }
        let long = "x".repeat(LONGEST + 1);
        for bad in ["", " ", " trip", "trip ", "a\nb", "\u{1b}[2J", "last", "c3", "r17", &long] {
            assert_eq!(checked(bad).unwrap_err().kind, Kind::Usage, "{bad:?}");
        }
    }
}
