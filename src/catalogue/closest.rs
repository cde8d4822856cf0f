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
        .map(|(row, known)| (distance(name.as_bytes(), known.as_bytes()), row, known))
        .filter(|(distance, _, _)| *distance <= limit)
        .min_by_key(|(distance, row, _)| (*distance, Reverse(row.released)))
        .map(|(_, _, known)| known)
}

/// Bytes to change, insert or drop to get from one to the other (Levenshtein).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(!from.eq_ignore_ascii_case(to));
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_changes() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("abc", "ABC", 0), ("gpt4o", "gpt-4o", 1), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }

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
