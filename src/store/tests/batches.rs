//! Batches: what is remembered of their lines, and who may run one.

use super::*;
use crate::types::Message;

const ONE: [u8; 16] = [1; 16];
const TWO: [u8; 16] = [2; 16];

fn opened(store: &Store, when: Timestamp) -> Batch {
    match store.open_batch("in\nout", when).unwrap() {
        BatchOpened::Yes(batch) => batch,
        busy @ BatchOpened::Busy { .. } => panic!("{busy:?}"),
    }
}

fn ask(store: &Store, batch: i64, line: u64, digest: [u8; 16]) -> AttemptId {
    let message = Message::user("hello");
    let place = Place::Line { batch, line, digest };
    let kept = Some(Kept { system: None, message: Some(&message), logged: false, place });
    let mine = AttemptId { request: store.begin(&RequestStart { kept, ..start(NOON) }).unwrap(), number: 1 };
    assert!(matches!(store.admit(&admission(mine, NOON)).unwrap(), Admitted::Yes { .. }));
    mine
}

fn answer(store: &Store, mine: AttemptId) {
    let end = RequestEnd { answer: Some("hi"), ..ended(mine.request, NOON) };
    assert_eq!(store.settle(&answered(mine, NOON), Some(&end), None).unwrap(), Settled::Fresh);
}

fn seen(batch: &Batch) -> Vec<(u64, u8, bool, bool)> {
    batch.lines.iter().map(|l| (l.line, l.digest[0], l.answered, l.cut)).collect()
}

#[test]
fn an_answer_that_is_settled_is_remembered_and_what_was_in_flight_is_told() {
    let home = Home::new();
    let store = home.open(1);
    let batch = opened(&store, NOON);
    assert_eq!((batch.lines.len(), batch.cost), (0, NanoUsd::ZERO));
    let (done, lost, cancelled, failure) = (
        ask(&store, batch.id, 1, ONE),
        ask(&store, batch.id, 2, TWO),
        ask(&store, batch.id, 3, ONE),
        ask(&store, batch.id, 4, ONE),
    );
    answer(&store, done);
    let stopped = Settlement {
        outcome: Outcome::Cancelled,
        cost: Some(NanoUsd(4)),
        ..failed(cancelled, NOON, FailureClass::Cancelled)
    };
    store.settle(&stopped, None, None).unwrap();
    store.settle(&failed(failure, NOON, FailureClass::ServerError), None, None).unwrap();
    let _ = lost;
    kill(1);
    let other = home.open(2);
    let again = opened(&other, NOON);
    assert_eq!(again.id, batch.id);
    assert_eq!(seen(&again), [(1, 1, true, false), (2, 2, false, true), (3, 1, false, true), (4, 1, false, false)]);
    // 3 answered, 10 presumed, 4 cancelled.
    assert_eq!(again.cost, NanoUsd(17));
    let (entry, text) = other.kept_answer(done.request).unwrap().unwrap();
    assert_eq!((entry.id, entry.attempts.len(), text.as_str()), (done.request, 1, "hi"));
    assert!(other.kept_answer(failure.request).unwrap().is_none());

    other.restart_batch(again.id).unwrap();
    let fresh = opened(&other, NOON);
    assert_eq!((fresh.id, fresh.lines.len(), fresh.cost), (batch.id, 0, NanoUsd::ZERO));
    assert!(other.kept_answer(done.request).unwrap().is_none(), "what was kept for the batch alone is gone");
    assert_eq!(budget(&other, NOON).0, 17, "and the ledger stays");
    audit(&other);
}

#[test]
fn a_batch_is_run_by_one_process_at_a_time() {
    let home = Home::new();
    let (first, second) = (home.open(1), home.open(2));
    let batch = opened(&first, NOON);
    assert_eq!(second.open_batch("in\nout", NOON).unwrap(), BatchOpened::Busy { pid: 1, until: None });
    assert!(matches!(second.open_batch("another", NOON).unwrap(), BatchOpened::Yes(_)));
    assert_eq!(opened(&first, NOON).id, batch.id, "one's own is no other");
    first.close_batch(batch.id).unwrap();
    assert_eq!(opened(&second, NOON).id, batch.id);
    kill(2);
    assert_eq!(opened(&first, NOON).id, batch.id, "the dead keep nobody out");
}

#[test]
fn one_of_which_nobody_knows_keeps_others_out_until_what_it_holds_is_over() {
    let home = Home::new();
    let (first, second) = (home.open(1), home.open(2));
    let batch = opened(&first, NOON);
    ask(&first, batch.id, 1, ONE);
    lose_sight_of(1);
    let until = Some(at(60));
    assert_eq!(second.open_batch("in\nout", at(59)).unwrap(), BatchOpened::Busy { pid: 1, until });
    let again = opened(&second, at(60));
    assert_eq!((again.cost, again.lines[0].cut), (NanoUsd(10), true), "then it is charged in full");
}
