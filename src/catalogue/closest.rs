//! The name that somebody probably meant.

use std::cmp::Reverse;

use super::rows;

/// The known model name nearest to one that is not known, for a hint; `None` when none is near.
///
/// Near means at most one wrong, missing or extra letter in four, and never more than three.
/// Of equally near ones it is the newest.
pub fn closest(name: &str) -> Option<&'static str> {
    let limit = (name.len() / 4).clamp(1, 3);
    rows()
        .flat_map(|row| row.aliases.iter().chain([&row.id]).map(move |known| (row, *known)))
        .filter(|(_, known)| known.len().abs_diff(name.len()) <= limit)
        .map(|(row, known)| (strsim::levenshtein(&name.to_lowercase(), &known.to_lowercase()), row, known))
        .filter(|(distance, _, _)| *distance <= limit)
        .min_by_key(|(distance, row, _)| (*distance, Reverse(row.released)))
        .map(|(_, _, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        for (typed, meant) in [
            ("claude-sonet-5-5", Some("claude-sonnet-5-5")),
            ("gpt4o", Some("gpt-4o")),
            ("Deepseek-Flash", Some("deepseek-flash")),
            ("gemini-3.9-flash", Some("gemini-3.8-flash")),
            ("openai/gpt-oss-120", Some("openai/gpt-oss-120b")),
            ("banana", None),
            ("", None),
            ("gpt", None),
        ] {
            assert_eq!(closest(typed), meant, "{typed}");
        }
    }
}
