//! Requests under way: closed with their owner, also where that held nothing.

use super::*;

fn state_of(store: &Store, id: RequestId) -> RequestState {
    store.log(&LogFilter { id: Some(id), ..LogFilter::default() }).unwrap().remove(0).state
}

fn left(home: &Home) -> i64 {
    let db = Connection::open(home.path()).unwrap();
    db.query_row("SELECT count(*) FROM running", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_request_is_closed_with_its_owner() {
    // Before its first hold, between two attempts, holding, released; by a look at the day, a new request, a batch.
    type Next = fn(&Store);
    let next: [Next; 3] = [
        |store| _ = store.budget_day(at(1)).unwrap(),
        |store| _ = store.begin(&start(at(1))).unwrap(),
        |store| _ = store.open_batch("b", at(1)).unwrap(),
    ];
    for next in next {
        let home = Home::new();
        let (store, dying) = (home.open(1), home.open(2));
        let alive = begin(&store, NOON);
        let begun = begin(&dying, NOON);
        let [failed_once, holding, released] = [held(&dying, NOON), held(&dying, NOON), held(&dying, NOON)];
        dying.settle(&failed(failed_once, NOON, FailureClass::ServerError), None, None).unwrap();
        dying.release(released, NOON).unwrap();
        next(&store);
        assert_eq!(state_of(&store, begun.request), RequestState::Running);
        kill(2);
        next(&store);
        for one in [begun, failed_once, holding, released] {
            assert_eq!(state_of(&store, one.request), RequestState::Orphaned);
        }
        assert_eq!(state_of(&store, alive.request), RequestState::Running);
        audit(&store);
        // One that ends after all, whoever was wrong about it.
        store.finish(&ended(begun.request, at(2))).unwrap();
        assert_eq!(state_of(&store, begun.request), RequestState::Done);
        DEAD.with_borrow_mut(HashSet::clear);
    }
}

#[test]
fn one_that_ends_is_under_way_no_more() {
    let home = Home::new();
    let store = home.open(1);
    let (one, other) = (held(&store, NOON), begin(&store, NOON));
    assert_eq!(left(&home), 2);
    store.settle(&answered(one, NOON), Some(&ended(one.request, NOON)), None).unwrap();
    store.finish(&ended(other.request, NOON)).unwrap();
    assert_eq!(left(&home), 0);
}

#[test]
fn one_of_whose_owner_nothing_is_known_is_closed_after_a_day() {
    let home = Home::new();
    let (store, other) = (home.open(1), home.open(2));
    let begun = begin(&other, NOON);
    lose_sight_of(2);
    for (secs, state) in [(86_399, RequestState::Running), (86_400, RequestState::Orphaned)] {
        store.budget_day(at(secs)).unwrap();
        assert_eq!(state_of(&store, begun.request), state);
    }
}
