//! The same reply as a whole answer and as a stream, cut anywhere: a client makes the same of both, in every dialect.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::providers::{AnswerReader, Headers, dialect, table};
use crate::types::{Answer, Delta, FailureClass, FinishReason};

/// The vendors whose own wire each of these is.
const VENDORS: [&str; 4] = ["openai", "anthropic", "gemini", "cohere"];

/// Words with white space between them, as the sandbox makes its texts; some begin with thinking.
fn words(least: usize) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => "[a-z]{1,7}",
        1 => "[a-z\"\\\\{}\u{e9}\u{6f22}\u{1f9f5}]{1,4}",
        1 => prop::sample::select(vec!["<think>", "</think>", "<thi", "data:", "[DONE]", "\u{1b}[2J"]).prop_map(str::to_owned),
    ];
    let between = prop::sample::select(vec![" ", "\n", "\n\n", "  ", "\t"]);
    prop::collection::vec((between, word), least..12).prop_map(|words| {
        words
            .iter()
            .enumerate()
            .map(|(n, (space, word))| if n == 0 { word.clone() } else { format!("{space}{word}") })
            .collect()
    })
}

prop_compose! {
    fn reply()(
        thought in prop_oneof![2 => Just(String::new()), 1 => words(1)],
        text in prop_oneof![8 => words(1), 1 => Just(String::new())],
        (input_tokens, tell_usage) in (1..100_000u64, prop::bool::weighted(0.9)),
        finish in prop::sample::select(vec![Finish::Stop, Finish::Stop, Finish::Length, Finish::Blocked]),
    ) -> Reply {
        // What the content policy blocked was never said.
        let (thought, text) = if finish == Finish::Blocked { Default::default() } else { (thought, text) };
        let (output_tokens, reasoning_tokens) = (text::count(&text), text::count(&thought));
        Reply {
            number: 7, created: 1_795_262_400, model: "m".into(), thought, text, finish, tell_usage,
            usage: Usage { input_tokens, output_tokens, reasoning_tokens, ..Usage::default() },
            include_usage: true,
        }
    }
}

/// What a client makes of a body that comes in pieces, and what it showed on the way.
fn read(
    vendor: &str,
    body: &[u8],
    stream: bool,
    cuts: &[prop::sample::Index],
) -> (Result<Answer, FailureClass>, String) {
    let row = table::find(vendor).unwrap();
    let dialect = dialect(row.dialect, &row.quirks);
    let mut reader = AnswerReader::new(&*dialect, stream, &Headers::default());
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).chain([0, body.len()]).collect();
    places.sort_unstable();
    let mut shown = String::new();
    for pair in places.windows(2) {
        reader.push(&body[pair[0]..pair[1]]).iter().for_each(|Delta(text)| shown += text);
    }
    let read = reader.end();
    shown.extend(read.rest.map(|Delta(text)| text));
    (read.answer.map_err(|failure| failure.class), shown)
}

proptest! {
    #![proptest_config(Config {
        cases: 512, rng_seed: RngSeed::Fixed(20_261_121), failure_persistence: None, ..Config::default()
    })]

    #[test]
    fn a_streamed_reply_is_the_whole_one(
        reply in reply(), which in 0..4usize, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let vendor = VENDORS[which];
        let wire = of(table::find(vendor).unwrap().dialect);
        let whole = wire.whole(&reply).to_string();
        let streamed: String = wire.events(&reply).into_iter().map(|event| event.wire).collect();
        let (answer, _) = read(vendor, whole.as_bytes(), false, &cuts);
        let (of_stream, shown) = read(vendor, streamed.as_bytes(), true, &cuts);
        prop_assert_eq!(&of_stream, &answer, "{}: {}\n{}", vendor, streamed, whole);
        if let Ok(answer) = answer {
            prop_assert_eq!(&answer.text, &shown);
            prop_assert_eq!(answer.usage, reply.tell_usage.then_some(reply.usage));
            let told = if reply.finish == Finish::Length { FinishReason::Length } else { FinishReason::Stop };
            prop_assert_eq!(answer.finish, told);
            if vendor != "openai" {
                prop_assert_eq!(&answer.text, &reply.text, "only one dialect has thinking in its text");
            }
        }
    }
}
