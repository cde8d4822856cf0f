//! What is written as CSV or JSON is read back as it was, by other readers; and no cell is a formula.

use llmr::engine::estimate::{scaled, tokens, upper_bound_tokens};
use llmr::output::csv;
use llmr::output::json::{Layout, render};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::cases;

/// Texts with everything that a writer must quote or escape.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a,\"\n\r;'=@+\t -]{0,8}", 1 => any::<String>(), 1 => "\\PC{0,12}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..20_000i64).prop_map(|nano| Value::from(nano as f64 / 1e9)),
        cell().prop_map(Value::from),
        prop::collection::vec(any::<char>(), 0..4).prop_map(|chars| Value::from(chars.into_iter().collect::<String>())),
        "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{202a}-\u{202e}\u{2066}-\u{206f}\u{e0001}-\u{e007f}]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((cell(), inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// What a terminal would act on, in the words of the contract: controls, bidi overrides, tags.
fn acts(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{206f}').contains(&c)
        || ('\u{fff9}'..='\u{fffb}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn rows_are_read_back(columns in 1..5usize, cells in prop::collection::vec(cell(), 0..24)) {
        let header: Vec<String> = (0..columns).map(|n| format!("column {n}")).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let rows: Vec<Vec<String>> = cells.chunks_exact(columns).map(<[String]>::to_vec).collect();
        let text = csv::render(&header, rows.clone()).unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        prop_assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), header);
        let read: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        prop_assert_eq!(read, rows);
        prop_assert!(text.ends_with('\n'));
    }

    #[test]
    fn no_cell_is_a_formula_and_no_text_is_lost(text in cell()) {
        let made = csv::unformula(&text);
        prop_assert!(!made.starts_with(['=', '+', '-', '@', '\t', '\r']));
        // However a spreadsheet parts it: no part behind the first begins a formula but for the lines of a list.
        for part in made.split([';', '\n', '\r']).skip(1).map(|part| part.trim_start_matches([' ', '"'])) {
            prop_assert!(!part.starts_with(['=', '+', '@', '\t']), "{:?} of {:?}", part, made);
            prop_assert!(!part.starts_with('-') || part.starts_with("- "), "{:?} of {:?}", part, made);
        }
        let mut rest = text.chars().peekable();
        let put_in: String = made.chars().filter(|c| rest.next_if_eq(c).is_none()).collect();
        prop_assert!(put_in.chars().all(|c| c == '\'') && rest.next().is_none(), "{:?} became {:?}", text, made);
    }

    #[test]
    fn an_object_is_read_back_and_harmless(fields in prop::collection::vec((cell(), value()), 0..5), pretty in any::<bool>()) {
        let mut body: Map<String, Value> = fields.into_iter().collect();
        body.remove("schema_version");
        let text = render(&body, if pretty { Layout::Pretty } else { Layout::Compact }).unwrap();
        let mut read: Map<String, Value> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.shift_remove("schema_version"), Some(Value::from(1)));
        prop_assert_eq!(read, body);
        prop_assert!(!text.contains(acts), "{:?}", text);
        prop_assert!(text.ends_with('\n') && (pretty || text.matches('\n').count() == 1), "{:?}", text);
    }

    #[test]
    fn a_number_is_written_without_an_exponent(number in prop_oneof![0.0..1e-5f64, -1e16..1e16f64, any::<f64>()]) {
        let text = render(&serde_json::json!({ "n": number }), Layout::Compact).unwrap();
        if number.is_finite() && number.abs() < 1e16 {
            prop_assert!(!text.rsplit(':').next().unwrap().contains(['e', 'E']), "{}", text);
        }
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read["n"].as_f64(), number.is_finite().then_some(number));
    }

    #[test]
    fn an_estimate_scales_upwards(count in any::<u64>(), parts in 1..100_000u32) {
        let factor = f64::from(parts) / 10_000.0;
        let exact = u128::from(count) * u128::from(parts);
        prop_assert_eq!(u128::from(scaled(count, factor)), exact.div_ceil(10_000).min(u64::MAX.into()));
    }

    #[test]
    fn an_upper_bound_only_grows(bytes in any::<u64>(), messages in any::<usize>(), more in 0..1000u64) {
        let bound = upper_bound_tokens(bytes, messages);
        prop_assert!(bound >= bytes);
        prop_assert!(upper_bound_tokens(bytes.saturating_add(more), messages) >= bound);
        prop_assert!(upper_bound_tokens(bytes, messages.saturating_add(1)) >= bound);
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn no_text_makes_more_tokens_than_bytes(text in prop_oneof!["\\PC{0,40}", any::<String>(), "[a-z ]{0,80}", "(z|\u{1f9f5}|\u{fdfa}){0,30}"]) {
        let real = tiktoken::get_encoding("o200k_base").unwrap().count(&text) as u64;
        prop_assert!(real <= text.len() as u64);
        prop_assert!(real < upper_bound_tokens(text.len() as u64, 1));
        prop_assert!(text.trim().is_empty() || tokens(&text) > 0);
    }
}
