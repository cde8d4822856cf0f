//! Texts and bytes cut at random places.

use proptest::prelude::*;

/// Where something is cut, as shares of its length.
pub fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..6)
}

/// The pieces between those places.
pub fn bytes<'b>(whole: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).chain([0, whole.len()]).collect();
    places.sort_unstable();
    places.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect()
}

/// The pieces of a text; a place within a character moves to its beginning.
pub fn text<'t>(whole: &'t str, cuts: &[prop::sample::Index]) -> Vec<&'t str> {
    let at = |cut: &prop::sample::Index| whole.floor_char_boundary(cut.index(whole.len() + 1));
    let mut places: Vec<usize> = cuts.iter().map(at).chain([0, whole.len()]).collect();
    places.sort_unstable();
    places.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect()
}

/// One character a piece.
pub fn letters(whole: &str) -> Vec<&str> {
    whole.char_indices().map(|(at, c)| &whole[at..at + c.len_utf8()]).collect()
}
