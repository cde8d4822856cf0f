//! Forgetting, where others are in the way, and whose texts go with whose.

use super::*;
use crate::types::Message;

fn asked(store: &Store, prompt: &str, place: Place, logged: bool) -> RequestId {
    let message = Message::user(prompt);
    let kept = Kept { system: None, message: Some(&message), logged, place };
    let start = RequestStart {
        at: NOON,
        tag: None,
        mode: Mode::Production,
        stream: false,
        requested_model: None,
        kept: Some(kept),
    };
    store.begin(&start).unwrap()
}

fn talk(store: &Store) -> i64 {
    let new =
        Conversation { id: 0, name: None, at: NOON, used_at: NOON, system: None, model: None, providers: Vec::new() };
    store.begin_conversation(&new).unwrap().unwrap()
}

#[test]
fn a_reader_keeps_the_log_from_being_emptied_and_that_is_told() {
    let home = Home::new();
    let store = Store::open(&home.path(), StoreOptions { busy_timeout_ms: 20, ..options(1) }).unwrap();
    asked(&store, "hello", Place::Log, true);
    let reader = Connection::open(home.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM contents").unwrap();
    store.forget_all().unwrap();
    assert!(!store.scrub().unwrap());
    reader.execute_batch("COMMIT").unwrap();
    assert!(store.scrub().unwrap());
}

#[test]
fn what_was_condensed_since_is_void_and_what_was_before_is_not() {
    let home = Home::new();
    let store = Store::open(&home.path(), options(1)).unwrap();
    let id = talk(&store);
    let turn = |prompt| asked(&store, prompt, Place::Turn { conversation: id }, false);
    let extra = |prompt| asked(&store, prompt, Place::Log, true);
    turn("one");
    let before = extra("condensed: one");
    store.keep_condensation(id, before, 1, Some("of one")).unwrap();
    let two = turn("two");
    let since = extra("condensed: one, two");
    store.keep_condensation(id, since, 2, Some("of both")).unwrap();
    let elsewhere = extra("another request");

    let done = store.forget(&[Forget::Request(two)]).unwrap();
    assert_eq!((done.requests, done.condensations), (2, 1), "what it was condensed with had its text too");
    assert_eq!(store.condensation(id).unwrap().map(|c| c.summary), Some("of one".to_owned()));
    assert_eq!(store.content(since).unwrap(), None);
    assert!(store.content(before).unwrap().is_some() && store.content(elsewhere).unwrap().is_some());
    assert!(store.turns(id).unwrap()[1].is_forgotten());

    let done = store.forget(&[Forget::Conversation(id)]).unwrap();
    assert_eq!((done.requests, done.conversations, done.condensations), (2, 1, 1));
    assert_eq!(store.conversation(Find::Number(id)).unwrap(), None);
    assert!(store.content(elsewhere).unwrap().is_some());
}

#[test]
fn a_retracted_turn_keeps_its_text_only_where_the_log_does() {
    for logged in [false, true] {
        let home = Home::new();
        let store = Store::open(&home.path(), options(1)).unwrap();
        let id = talk(&store);
        let request = asked(&store, "too long", Place::Turn { conversation: id }, logged);
        store.retract_turn(id, request).unwrap();
        assert_eq!(store.turns(id).unwrap(), []);
        assert_eq!(store.content(request).unwrap().is_some(), logged);
        assert_eq!(store.conversation_cost(id).unwrap(), Some(NanoUsd::ZERO));
    }
}
