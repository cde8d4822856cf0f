//! Vectors that are kept: found by their texts, placed when all are there, never of two models.

use super::*;
use crate::types::bytes_of;

fn collection(model: &str) -> Collection {
    Collection { name: "docs".into(), candidate: CandidateId::new("lab", model), dimensions: 2, asked: None }
}

fn digest(n: u8) -> TextDigest {
    [n; 32]
}

fn vectors(of: &[u8]) -> Vec<(TextDigest, Vec<u8>)> {
    of.iter().map(|n| (digest(*n), bytes_of(&[f32::from(*n), 1.0]))).collect()
}

fn at(source: &str, start: u64) -> TextPlace {
    TextPlace { source: source.into(), start, lines: Some((1, 1)) }
}

/// Every vector's place and first number.
fn there(store: &Store) -> Vec<(String, u64, f32)> {
    let mut found = Vec::new();
    let first = |bytes: &[u8]| f32::from_le_bytes(bytes[..4].try_into().unwrap());
    store.each_vector(&collection("m"), |place, bytes| found.push((place.source, place.start, first(bytes)))).unwrap();
    found
}

#[test]
fn a_vector_gets_its_place_when_all_are_there() {
    let home = Home::new();
    let store = home.open(1);
    assert_eq!(store.keep_vectors(&collection("m"), &vectors(&[1, 2])).unwrap(), Keeping::Kept);
    assert_eq!(store.keep_vectors(&collection("m"), &vectors(&[3])).unwrap(), Keeping::Kept);
    assert!(there(&store).is_empty() && store.texts_of("docs").unwrap().len() == 3);
    // Two pieces of one line, one of them twice.
    let (a, b) = ("/a".to_owned(), "/b".to_owned());
    let texts =
        [(at("/a", 0), digest(1)), (at("/a", 9), digest(2)), (at("/b", 0), digest(3)), (at("/b", 5), digest(1))];
    assert_eq!(store.settle_vectors("docs", &[a.clone(), b.clone()], &texts).unwrap(), 0);
    let all = [("/a", 0, 1.0), ("/a", 9, 2.0), ("/b", 0, 3.0), ("/b", 5, 1.0)];
    let all: Vec<_> = all.into_iter().map(|(source, start, n)| (source.to_owned(), start, n)).collect();
    assert_eq!(there(&store), all);
    // What another process has removed meanwhile is told, and nothing is changed.
    assert_eq!(store.settle_vectors("docs", &["/b".into()], &[(at("/b", 0), digest(9))]).unwrap(), 1);
    assert_eq!(there(&store), all);
    // What a file no longer says goes, what moves from one to the other stays, and an empty file has nothing.
    let moved = [(at("/a", 2), digest(3)), (at("/a", 4), digest(2))];
    store.settle_vectors("docs", &[a, b], &moved).unwrap();
    assert_eq!(there(&store), [("/a".to_owned(), 2, 3.0), ("/a".to_owned(), 4, 2.0)]);
    // Asked for again, a text has its new vector.
    let again = vec![(digest(2), bytes_of(&[7.0, 1.0]))];
    store.keep_vectors(&collection("m"), &again).unwrap();
    assert_eq!(store.settle_vectors("docs", &[], &moved).unwrap(), 0);
    assert_eq!(there(&store), [("/a".to_owned(), 2, 3.0), ("/a".to_owned(), 4, 7.0)]);
    let listed = store.collections().unwrap();
    assert_eq!((listed[0].vectors, listed[0].sources, listed.len()), (2, 1, 1));
    assert_eq!(store.forget_collection("docs").unwrap(), Some((2, 0)));
    assert_eq!((store.forget_collection("docs").unwrap(), store.collections().unwrap()), (None, vec![]));
}

#[test]
fn a_collection_never_has_vectors_of_two_models() {
    let home = Home::new();
    let (one, other) = (home.open(1), home.open(2));
    one.keep_vectors(&collection("m"), &vectors(&[1])).unwrap();
    for wanted in [collection("n"), Collection { dimensions: 3, ..collection("m") }] {
        assert_eq!(other.keep_vectors(&wanted, &vectors(&[2])).unwrap(), Keeping::Other(collection("m")));
    }
    assert_eq!(one.texts_of("docs").unwrap().len(), 1);
}
