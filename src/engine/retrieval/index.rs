//! All the words of a text, for many questions about it. One question alone is answered faster by `scan`.

use std::collections::HashMap;
use std::ops::Range;

use super::question::Term;
use super::scan::{Hit, Hits};
use super::split::{self, Unit};
use super::stems;
use super::tuning::Tuning;
use super::words::{self, Kind};

/// Where every word and group of a text stands.
#[derive(Debug)]
pub struct Index {
    units: Vec<Unit>,
    /// How many words come before each unit.
    words_before: Vec<u32>,
    /// Sorted by word.
    entries: Vec<Entry>,
}

/// A word and its places, counted in words from the start of the text.
#[derive(Debug)]
struct Entry {
    folded: Box<str>,
    kind: Kind,
    places: Vec<u32>,
}

impl Index {
    /// Reads the text once.
    pub fn new(text: &str) -> Self {
        let units = split::units(text);
        let mut words_before = Vec::with_capacity(units.len());
        let mut found: HashMap<Box<str>, (Kind, Vec<u32>)> = HashMap::new();
        let mut place = 0;
        words::each(text, |word| {
            while units.get(words_before.len()).is_some_and(|unit| unit.start <= word.start) {
                words_before.push(place);
            }
            match found.get_mut(word.folded) {
                Some((_, places)) => places.push(place),
                None => _ = found.insert(word.folded.into(), (word.kind, vec![place])),
            }
            place += 1;
        });
        words_before.resize(units.len(), place);
        let mut entries: Vec<Entry> =
            found.into_iter().map(|(folded, (kind, places))| Entry { folded, kind, places }).collect();
        entries.sort_unstable_by(|one, other| one.folded.cmp(&other.folded));
        Self { units, words_before, entries }
    }

    /// The units of the text.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Where the terms occur.
    pub(super) fn hits(&self, terms: &[Term], tuning: &Tuning) -> Hits {
        let places: Vec<Vec<(u32, f32)>> = terms.iter().map(|term| self.places(term, tuning)).collect();
        let pairs = places.iter().enumerate().map(|(number, of_term)| {
            let follows = terms.get(number).is_some_and(|term| term.follows);
            let before = number.checked_sub(1).and_then(|before| places.get(before)).filter(|_| follows);
            self.in_units(&behind(before.map_or(&[][..], Vec::as_slice), of_term))
        });
        Hits { pairs: pairs.collect(), terms: places.iter().map(|places| self.in_units(places)).collect() }
    }

    /// The places of a term and what each counts, ascending.
    fn places(&self, term: &Term, tuning: &Tuning) -> Vec<(u32, f32)> {
        let mut places = Vec::new();
        for entry in self.entries.get(self.alike(term)).unwrap_or_default() {
            let count = match entry.kind == term.kind {
                true => stems::alike(&term.folded, term.shape, &entry.folded, tuning),
                false => 0.0,
            };
            if count > 0.0 {
                places.extend(entry.places.iter().map(|place| (*place, count)));
            }
        }
        places.sort_unstable_by_key(|(place, _)| *place);
        places
    }

    /// The entries that begin with the first byte of the term: no others are like it.
    fn alike(&self, term: &Term) -> Range<usize> {
        let first = term.folded.as_bytes().first();
        let from = self.entries.partition_point(|entry| entry.folded.as_bytes().first() < first);
        let to = self.entries.partition_point(|entry| entry.folded.as_bytes().first() <= first);
        from..to
    }

    /// Places as hits in units.
    fn in_units(&self, places: &[(u32, f32)]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        let mut unit = 0;
        for (place, count) in places {
            while self.words_before.get(unit + 1).is_some_and(|before| before <= place) {
                unit += 1;
            }
            match hits.last_mut() {
                Some(hit) if hit.unit as usize == unit => hit.count += count,
                _ => hits.push(Hit { unit: u32::try_from(unit).unwrap_or(u32::MAX), count: *count }),
            }
        }
        hits
    }
}

/// Those of the places that lie right behind one of the others; each counts 1.
fn behind(before: &[(u32, f32)], places: &[(u32, f32)]) -> Vec<(u32, f32)> {
    let mut before = before.iter().map(|(place, _)| place + 1).peekable();
    let mut found = Vec::new();
    for (place, _) in places {
        while before.next_if(|next| next < place).is_some() {}
        if before.peek() == Some(place) {
            found.push((*place, 1.0));
        }
    }
    found
}
