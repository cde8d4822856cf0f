//! "Did you mean": the known name that is nearest to a mistyped one.

/// The nearest of the known names, if it is near enough to be meant: a third of the letters may differ.
pub(super) fn closest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    let most = (name.chars().count() / 3).max(1);
    known.map(|known| (distance(known), known)).filter(|(d, _)| *d <= most).min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_meant_and_far_ones_are_not() {
        let known = || ["max_retries", "max_attempts", "mode"].into_iter();
        assert_eq!(closest("max_retry", known()), Some("max_retries"));
        assert_eq!(closest("MODE", known()), Some("mode"));
        assert_eq!(closest("colour", known()), None);
    }
}
