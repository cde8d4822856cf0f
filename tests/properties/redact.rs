//! No key of the user's own stands in a text that was redacted, wherever it stood before; and the rest stays.

use llmr::output::Redactor;
use llmr::output::redact::MARK;
use llmr::types::Secret;
use proptest::prelude::*;

use crate::cases;

/// Keys of 8 characters and more, which are found anywhere; few letters, so that they overlap.
fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{8,12}", "[a-zA-Z0-9_-]{8,40}", "[a-z\u{e9}\u{1f642}]{8,12}"]
}

/// What stands around keys.
fn around() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-b .,:\"'=&?/\\\\]{0,6}",
        1 => prop::sample::select(vec![
            "Authorization: Bearer ", "\"api_key\": \"", "?key=", "https://user:", "@host/", "x-api-key=", "sk-", "***", "…", "token ",
            "://", "@", "\n", "[redacted]", "key ", "password=\\\"", "://@",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn no_known_key_is_left(
        keys in prop::collection::vec(key(), 1..4),
        parts in prop::collection::vec((around(), any::<prop::sample::Index>(), any::<bool>()), 0..8),
    ) {
        let mut text = String::new();
        for (around, which, put) in &parts {
            text += around;
            if *put {
                text += &keys[which.index(keys.len())];
            }
        }
        let redactor = Redactor::new(&keys.iter().map(|key| Secret::new(key)).collect::<Vec<_>>());
        let redacted = redactor.redact(&text);
        for key in &keys {
            prop_assert!(!redacted.contains(key.as_str()), "{} is left in {:?}", key, redacted);
        }
        let again = redactor.redact(&redacted);
        prop_assert_eq!(&again, &redacted, "once more changes nothing");
    }

    #[test]
    fn ordinary_words_stay(words in prop::collection::vec("[a-z]{1,7}", 0..12), key in "[A-Z0-9]{12,40}") {
        let text = words.join(" ");
        prop_assert_eq!(Redactor::new(&[Secret::new(&key)]).redact(&text), text);
    }

    #[test]
    fn what_stands_around_a_key_stays((before, after) in ("[a-z]{1,6}( [a-z]{1,6}){0,3}", "[a-z]{1,6}( [a-z]{1,6}){0,3}"), key in "[A-Z0-9]{12,31}") {
        let redactor = Redactor::new(&[Secret::new(&key)]);
        let redacted = redactor.redact(&format!("{before} {key} {after}"));
        prop_assert_eq!(redacted, format!("{before} {MARK} {after}"));
    }

    #[test]
    fn nothing_makes_it_panic(text in prop_oneof![any::<String>(), "\\PC{0,60}"], keys in prop::collection::vec("\\PC{0,9}", 0..3)) {
        let redactor = Redactor::new(&keys.iter().map(|key| Secret::new(key)).collect::<Vec<_>>());
        let _ = redactor.redact(&text);
    }
}
