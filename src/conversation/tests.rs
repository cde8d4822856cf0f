//! What is opened, what is sent, where a conversation is cut: without any request.

use super::*;
use crate::engine::estimate::tokens;
use crate::store::{Kept, Place, RequestEnd, RequestStart, StoreOptions, Waiting};
use crate::types::{CacheOutcome, Liveness, Mode, Owner, RequestId, Role};

const NOW: Timestamp = Timestamp(1_000);

fn store() -> Store {
    let me = Owner { pid: 1, start_ticks: 1, boot_id: "b".into(), pid_namespace: "n".into() };
    Store::in_memory(StoreOptions {
        busy_timeout_ms: 0,
        me: me.into(),
        liveness: |_| Liveness::Alive,
        seed: 1.into(),
        waiting: Waiting::default(),
    })
    .unwrap()
}

fn conversation(store: &Store, name: Option<&str>, used_at: i64) -> Conversation {
    let new = Talk::begun(name.map(str::to_owned), Timestamp(used_at)).conversation;
    let id = store.begin_conversation(&new).unwrap().unwrap();
    Conversation { id, ..new }
}

/// A turn of a conversation, answered or not.
fn said(store: &Store, conversation: i64, prompt: &str, answer: Option<&str>) -> RequestId {
    let message = Message::user(prompt);
    let kept = Kept { system: None, message: Some(&message), logged: false, place: Place::Turn { conversation } };
    let start = RequestStart {
        at: NOW,
        tag: None,
        mode: Mode::Production,
        stream: false,
        requested_model: None,
        kept: Some(kept),
    };
    let id = store.begin(&start).unwrap();
    let end = RequestEnd {
        id,
        at: NOW,
        exit_code: 0,
        cache: CacheOutcome::Off,
        provider: Some("p"),
        model: Some("m"),
        tier: None,
        finish_reason: None,
        cost: Some(NanoUsd(10)),
        latency_ms: 1,
        first_token_ms: None,
        usage: None,
        error_kind: None,
        decision: None,
        answer,
        partial: false,
        cache_key: None,
        judged: None,
    };
    store.finish(&end).unwrap();
    id
}

fn load(store: &Store, id: i64) -> Talk {
    Talk::load(store, store.conversation(Find::Number(id)).unwrap().unwrap()).unwrap()
}

fn sent(talk: &Talk, message: &str) -> Vec<(Role, String)> {
    talk.messages(Message::user(message)).into_iter().map(|m| (m.role, m.text)).collect()
}

#[test]
fn every_way_to_name_a_conversation_finds_it_or_says_why_not() {
    let store = store();
    let trip = conversation(&store, Some("trip"), 5).id;
    let last = conversation(&store, None, 9).id;
    conversation(&store, Some("old"), 1);
    let open = |which: &Which| Talk::open(&store, which, &Opening::default(), NOW).map(|t| t.conversation.id);
    let named = |name: &str| name.to_owned();
    for (which, expected) in [
        (Which::New(None), Ok(0)),
        (Which::New(Some(named("fresh"))), Ok(0)),
        (Which::New(Some(named("trip"))), Err(Kind::Usage)),
        (Which::New(Some(named("c9"))), Err(Kind::Usage)),
        (Which::Last, Ok(last)),
        (Which::Known(named("last")), Ok(last)),
        (Which::Known(named("trip")), Ok(trip)),
        (Which::Known(format!("c{trip}")), Ok(trip)),
        (Which::Known(named("fresh")), Err(Kind::Usage)),
        (Which::Named(named("trip")), Ok(trip)),
        (Which::Named(format!("c{trip}")), Ok(trip)),
        (Which::Named(named("c99")), Err(Kind::Usage)),
        (Which::Named(named("fresh")), Ok(0)),
    ] {
        assert_eq!(open(&which).map_err(|error| error.kind), expected, "{which:?}");
    }
    assert_eq!(names(&store).unwrap(), ["trip", "old"]);
}

#[test]
fn what_was_not_said_of_a_conversation_only_begins_a_new_one() {
    let store = store();
    let id = conversation(&store, Some("trip"), 5).id;
    let pinned = |model: &str| Pinned { model: Some(model.into()), ..Pinned::default() };
    let opening = Opening { begins: pinned("usual"), changes: Pinned::default() };
    let model = |name: &str, opening: &Opening| {
        let talk = Talk::open(&store, &Which::Named(name.into()), opening, NOW).unwrap();
        (talk.conversation.id, talk.conversation.model.unwrap_or_default())
    };
    assert_eq!(model("fresh", &opening), (0, "usual".into()));
    assert_eq!(model("trip", &opening), (id, String::new()));
    assert_eq!(model("trip", &Opening { changes: pinned("said"), ..opening }), (id, "said".into()));
}

#[test]
fn flags_change_what_is_pinned_where_they_are_given() {
    let given = |talk: &mut Talk, system: Option<&str>, model: Option<&str>, providers: &[&str]| {
        talk.given(&Pinned {
            system: system.map(str::to_owned),
            model: model.map(str::to_owned),
            providers: providers.iter().map(|p| (*p).to_owned()).collect(),
        });
        let c = &talk.conversation;
        (c.system.clone().unwrap_or_default(), c.model.clone().unwrap_or_default(), c.providers.concat())
    };
    let row = |system: &str, model: &str, providers: &str| (system.to_owned(), model.to_owned(), providers.to_owned());
    let mut talk = Talk::begun(None, NOW);
    assert_eq!(given(&mut talk, Some("brief"), Some("m"), &["a"]), row("brief", "m", "a"));
    assert_eq!(given(&mut talk, None, None, &[]), row("brief", "m", "a"));
    assert_eq!(given(&mut talk, Some("long"), None, &[]), row("long", "m", "a"));
    // A model of another provider is not asked of the one before.
    assert_eq!(given(&mut talk, None, Some("n"), &[]), row("long", "n", ""));
    assert_eq!(given(&mut talk, None, None, &["b"]), row("long", "", "b"));
}

#[test]
fn what_is_pinned_and_named_is_kept() {
    let store = store();
    conversation(&store, Some("taken"), 1);
    let id = conversation(&store, None, 1).id;
    let mut talk = load(&store, id);
    let pinned = Pinned { model: Some("m".into()), providers: vec!["a".into(), "b".into()], ..Pinned::default() };
    talk.pin(&store, &pinned).unwrap();
    talk.rename(&store, "trip").unwrap();
    talk.rename(&store, "trip").unwrap();
    assert_eq!(talk.rename(&store, "taken").unwrap_err().kind, Kind::Usage);
    let stored = load(&store, id).conversation;
    assert_eq!(stored, talk.conversation);
    assert_eq!((stored.name.as_deref(), stored.providers), (Some("trip"), pinned.providers));
    talk.pin(&store, &Pinned::default()).unwrap();
    assert_eq!(load(&store, id).conversation.model, None);
}

#[test]
fn what_is_sent_leaves_out_what_has_no_answer_or_was_taken_back() {
    use Role::{Assistant as A, User as U};
    let store = store();
    let id = conversation(&store, None, 1).id;
    let text = |role, text: &str| (role, text.to_owned());
    said(&store, id, "one", Some("1"));
    said(&store, id, "unanswered", None);
    said(&store, id, "two", Some("2"));
    let mut talk = load(&store, id);
    assert_eq!(sent(&talk, "x"), [text(U, "one"), text(A, "1"), text(U, "two"), text(A, "2"), text(U, "x")]);
    assert_eq!(talk.cost(&store).unwrap(), Some(NanoUsd(30)));

    let two = talk.drop_last(&store).unwrap().unwrap();
    assert_eq!((two.prompt.as_str(), two.dropped), ("two", true));
    assert_eq!(sent(&talk, "x"), [text(U, "one"), text(A, "1"), text(U, "x")]);
    assert_eq!(load(&store, id).turns, talk.turns);
    assert_eq!(talk.cost(&store).unwrap(), Some(NanoUsd(30)), "what was taken back was paid for");
    assert_eq!(talk.drop_last(&store).unwrap().unwrap().prompt, "unanswered");
    talk.drop_last(&store).unwrap();
    assert_eq!(talk.drop_last(&store).unwrap(), None);
}

#[test]
fn a_summary_stands_for_its_turns_until_one_of_them_is_taken_back() {
    let store = store();
    let id = conversation(&store, None, 1).id;
    let first = said(&store, id, "one", Some("1"));
    let second = said(&store, id, "two", Some("2"));
    said(&store, id, "three", Some("3"));
    store.keep_condensation(id, first, 1, Some("of one")).unwrap();
    store.keep_condensation(id, second, 2, Some("of both")).unwrap();
    let mut talk = load(&store, id);
    let messages = sent(&talk, "x");
    assert_eq!(messages.len(), 3);
    assert!(messages[0].1.contains("of both") && messages[0].1.ends_with("\n\nthree"), "{messages:?}");
    talk.drop_last(&store).unwrap();
    assert!(sent(&talk, "x")[0].1.ends_with("\n\nx"), "the summary has no turn behind it");
    talk.drop_last(&store).unwrap();
    let messages = sent(&talk, "x");
    assert!(messages[0].1.contains("of one") && !messages[0].1.contains("two"), "{messages:?}");
}

/// A conversation of so many turns of the same size; and that size, in tokens.
fn even(turns: u32, words: usize) -> (Talk, u64) {
    let mut talk = Talk::begun(None, NOW);
    let turn = |number| Turn {
        number,
        request: RequestId(i64::from(number)),
        at: NOW,
        prompt: "word ".repeat(words),
        images: Vec::new(),
        answer: Some("word ".repeat(words)),
        partial: false,
        candidate: None,
        cost: None,
        dropped: false,
    };
    talk.turns = (1..=turns).map(turn).collect();
    let size = tokens(&condense::transcript(&talk.turns[0]));
    (talk, size)
}

#[test]
fn the_newest_turns_that_fit_half_the_window_stay() {
    let (talk, size) = even(10, 50);
    for (message, room, upto) in [
        ("x", size * 8 + 2, Some(6)),
        ("x", size * 4 + 2, Some(8)),
        // Not one fits, so all go into the summary.
        ("x", size, Some(10)),
        // All would fit by the estimate, and still it was too much.
        ("x", size * 30, Some(5)),
        ("a message that is longer than the whole window", 5, None),
    ] {
        let cut = talk.cut(&Message::user(message), room);
        assert_eq!(cut.map(|cut| cut.upto), upto, "room {room}");
    }
    assert_eq!(Talk::begun(None, NOW).cut(&Message::user("x"), 100), None);
}

#[test]
fn a_summary_alone_is_made_shorter_only_where_it_is_long() {
    let mut talk = Talk::begun(None, NOW);
    let summary = |words: usize| Some(Condensation { upto: 3, summary: "word ".repeat(words), request: RequestId(1) });
    talk.condensed = summary(10);
    assert_eq!(talk.cut(&Message::user("x"), 1000), None);
    talk.condensed = summary(400);
    assert_eq!(talk.cut(&Message::user("x"), 1000).map(|cut| (cut.upto, cut.turns.len())), Some((3, 0)));
}

#[test]
fn pieces_are_whole_turns_where_they_fit_and_lose_nothing() {
    let (talk, size) = even(6, 50);
    let whole: String = talk.turns.iter().map(condense::transcript).collect();
    for (most, expected) in [
        (size * 6, vec![Some(6)]),
        (size * 2, vec![Some(2), Some(4), Some(6)]),
        (size, vec![Some(1), Some(2), Some(3), Some(4), Some(5), Some(6)]),
    ] {
        let pieces = condense::pieces(&talk.turns, most);
        assert_eq!(pieces.iter().map(|piece| piece.ends).collect::<Vec<_>>(), expected, "{most}");
    }
    for most in [1, 3, size / 3, size / 2, size + 1] {
        let pieces = condense::pieces(&talk.turns, most);
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), whole, "{most}");
        assert_eq!(pieces.iter().filter_map(|piece| piece.ends).next_back(), Some(6), "{most}");
    }
}

#[test]
fn parts_are_cut_between_characters_and_join_to_the_whole() {
    for text in
        ["", "a", "one two three four five six seven", "ünïcödé\nünïcödé ünïcödé", "漢字漢字漢字漢字漢字", "🎉🎉🎉🎉"]
    {
        for most in [1, 2, 3, 1000] {
            assert_eq!(condense::parts(text, most).concat(), text, "{text} {most}");
        }
    }
    assert_eq!(condense::parts("one two three four", 2), ["one two ", "three ", "four"]);
}
