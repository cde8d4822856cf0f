//! Answers and streams of OpenAI and its copies, each fixture at every split of its bytes.

use std::path::Path;

use super::{OpenAi, Piece};
use crate::providers::testing::{Came, came, failed, headers, replay};
use crate::providers::testing::{ask, endpoint};
use crate::providers::{Dialect, DialectKind, Frame, Partial, dialect, table};
use crate::types::{
    FailureClass::{ContentRefused, Cut, Empty, Malformed, Overloaded, RateLimited, ServerError},
    FinishReason::{ContentFilter, Length, Stop, ToolCalls},
    NanoUsd,
};

/// The usage of most fixtures: 20 read, of which 12 cached and 3 written to the cache; 9 written, 4 of them thought.
const USAGE: [u64; 5] = [5, 12, 3, 5, 4];

fn of(model: &str, came: Came) -> Came {
    Came { model: Some(model.into()), ..came }
}

fn without_usage(came: Came) -> Came {
    Came { usage: None, ..came }
}

#[test]
fn answers_and_streams_of_every_copy() {
    let hello = || of("m-1", came("Grüße 🌍", Stop, USAGE));
    let bare = |text, finish| of("m-1", without_usage(came(text, finish, USAGE)));
    for (provider, file, expected) in [
        ("openai", "chat.json", hello()),
        ("openai", "stream.sse", hello()),
        ("openai", "refusal.json", of("m-1", came("No, thank you.", ContentFilter, USAGE))),
        ("openai", "stream_refusal.sse", bare("No, thank you.", ContentFilter)),
        ("openai", "stream_changed_mind.sse", bare("<thNo.", ContentFilter)),
        ("openai", "tools.json", Came { tool_calls: true, ..of("m-1", came("", ToolCalls, USAGE)) }),
        ("openai", "stream_tools.sse", Came { tool_calls: true, ..bare("", ToolCalls) }),
        ("openai", "capped.json", of("m-1", came("", Length, USAGE))),
        ("openai", "empty.json", Came { usage: Some(USAGE), ..failed(Empty) }),
        ("openai", "filtered.json", Came { usage: Some(USAGE), ..failed(ContentRefused) }),
        ("openai", "truncated.json", failed(Cut)),
        ("openai", "odd_usage.json", of("m-1", came("ok", Stop, [0, 163, 0, 0, 10]))),
        ("openai", "stream_bare.sse", bare("Hi", Stop)),
        ("openai", "stream_error.sse", failed(ServerError)),
        ("openai", "stream_cut.sse", failed(Cut)),
        ("openai", "stream_no_done.sse", failed(Cut)),
        ("openai", "stream_no_finish.sse", failed(Cut)),
        ("openai", "stream_torn.sse", failed(Cut)),
        ("openai", "stream_garbage.sse", failed(Malformed)),
        ("openai", "stream_lone_end.sse", bare("Hi", Stop)),
        ("openai", "stream_late_noise.sse", bare("Hi", Stop)),
        ("openai", "stream_answered_whole.sse", bare("All at once", Stop)),
        ("openai", "stream_web_page.sse", failed(Malformed)),
        ("azure", "stream.sse", of("m-2", bare("Hallo", Stop))),
        ("azure", "stream_filtered.sse", of("m-2", bare("Well, ", ContentFilter))),
        ("azure", "stream_blocked.sse", failed(ContentRefused)),
        ("mistral", "list.json", of("m-1", came("Nine times", Stop, [6, 5, 0, 20, 0]))),
        ("mistral", "stream_list.sse", of("m-1", came("Nine tïmes", Stop, [6, 5, 0, 20, 0]))),
        ("deepseek", "stream.sse", of("m-1", came("Tea", Stop, [20, 10, 0, 2, 16]))),
        ("deepseek", "blank_lines.json", of("m-1", came("Tea", Stop, [20, 10, 0, 2, 16]))),
        ("deepseek", "stream_starved.sse", failed(Overloaded)),
        (
            "xai",
            "stream.sse",
            Came { cost: Some(NanoUsd(123_457)), ..of("m-3", came("Olé!", Stop, [2, 48, 0, 5, 40])) },
        ),
        (
            "openrouter",
            "waited.json",
            Came { cost: Some(NanoUsd(81_500)), ..of("a/b", came("Yes", Stop, [10, 0, 6, 13, 0])) },
        ),
        (
            "openrouter",
            "stream.sse",
            Came { cost: Some(NanoUsd(81_500)), ..of("a/b", came("Yes", Stop, [10, 0, 6, 13, 0])) },
        ),
        ("openrouter", "stream_error.sse", failed(ServerError)),
        ("openrouter", "stream_error_choice.sse", failed(RateLimited)),
        ("openrouter", "error_in_choice.json", failed(ServerError)),
        ("openrouter", "error.json", failed(ServerError)),
        ("groq", "stream_once.sse", of("m-1", came("Hi", Stop, [20, 0, 0, 4, 0]))),
        ("groq", "stream_thrice.sse", of("m-1", came("Hi", Stop, [20, 0, 0, 4, 0]))),
        ("groq", "stream_error.sse", failed(ServerError)),
        ("groq", "stream_stopped.sse", failed(Overloaded)),
        ("groq", "stream_think.sse", bare("A <think> tag", Stop)),
        ("groq", "stream_think_open.sse", bare("", Length)),
        ("groq", "stream_almost_think.sse", bare("<thi", Stop)),
        ("together", "stream.sse", of("m-4", came("One, two", Stop, [33, 8, 0, 9, 6]))),
        ("together", "stream_usage_last.sse", of("m-4", came("One", Stop, [33, 8, 0, 9, 6]))),
        (
            "perplexity",
            "stream.sse",
            Came { cost: Some(NanoUsd(5_010_000)), ..of("m-5", came("Moin moin", Stop, [8, 0, 0, 2, 0])) },
        ),
        ("perplexity", "stream_cut.sse", Came { usage: Some([8, 0, 0, 1, 0]), ..failed(Cut) }),
        (
            "perplexity",
            "think.json",
            Came { cost: Some(NanoUsd(5_010_000)), ..of("m-5", came("Moin", Stop, [8, 0, 0, 40, 0])) },
        ),
        ("ai21", "stream.sse", came(" Shalom", Stop, [5, 0, 0, 2, 0])),
        ("ollama", "stream.sse", bare("Hey", Stop)),
    ] {
        assert_eq!(replay(provider, file), expected, "{provider}/{file}");
    }
}

#[test]
fn thinking_is_counted_but_never_shown() {
    use super::*;
    let openai = OpenAi { quirks: Quirks::OPENAI_LIKE };
    let mut so_far = Partial::default();
    for delta in [
        r#"{"reasoning_content":"abc","content":null}"#,
        r#"{"reasoning":"de","content":""}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"fg"}]}]}"#,
        r#"{"content":"<think>hij</think>"}"#,
    ] {
        let data = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
        assert_eq!(openai.event(&Frame { data, ..Frame::default() }, &mut so_far).unwrap(), None);
    }
    assert_eq!((so_far.thinking_chars, so_far.text.as_str()), (10, ""));
}

#[test]
fn bodies_that_are_no_answers() {
    let dialect = dialect(DialectKind::Openai, &table::Quirks::OPENAI_LIKE);
    for (body, class) in [
        (r#"{"detail":"Something is off"}"#, ServerError),
        (r#"{"object":"error","message":"Rate limit reached","code":"1300"}"#, RateLimited),
        (r#"{"choices":[]}"#, Empty),
        (r#"{"hello":"world"}"#, Malformed),
        ("[]", Malformed),
        ("not json", Malformed),
        ("", Cut),
    ] {
        assert_eq!(dialect.answer(body.as_bytes()).unwrap_err().class, class, "{body}");
    }
}

#[test]
fn the_key_goes_into_the_row_s_header() {
    for (provider, name, value) in [
        ("openai", "authorization", "Bearer test-key"),
        ("azure", "api-key", "test-key"),
        ("cohere", "authorization", "Bearer test-key"),
    ] {
        let row = table::find(provider).unwrap();
        let request = dialect(row.dialect, &row.quirks).request(&endpoint(provider, "m"), &ask()).unwrap();
        assert_eq!(headers(&request), [(name, value.to_owned())], "{provider}");
    }
    let keyless = crate::providers::Endpoint { key: None, ..endpoint("ollama", "m") };
    let row = table::find("ollama").unwrap();
    let request = dialect(row.dialect, &row.quirks).request(&keyless, &ask()).unwrap();
    assert!(request.headers.is_empty());
}

/// Every event of every fixture, as it is and with bytes changed (a linear congruential generator, Knuth's constants).
#[test]
fn a_piece_says_what_its_tree_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (mut state, mut pieces) = (7u64, 0);
    for row in table::PROVIDERS.iter().filter(|row| row.dialect == DialectKind::Openai) {
        let openai = OpenAi { quirks: row.quirks };
        let Ok(files) = std::fs::read_dir(folder.join(row.name)) else { continue };
        for file in files {
            let body = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let lines = body.lines().filter_map(|line| line.strip_prefix("data:")).chain(ODD.iter().copied());
            for (line, round) in lines.flat_map(|line| (0..40).map(move |round| (line, round))) {
                let mut data = line.trim().to_owned().into_bytes();
                for _ in 0..round.min(3) {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let at = (state >> 33) as usize % data.len().max(1);
                    if let Some(byte) = data.get_mut(at) {
                        *byte = b"{}[]\":,nu0 x"[(state >> 20) as usize % 12];
                    }
                }
                let Ok(data) = String::from_utf8(data) else { continue };
                let frame = Frame { event: String::new(), data };
                let (mut one, mut other) = (Partial::default(), Partial::default());
                let by_piece = openai.event(&frame, &mut one);
                if Piece::of(frame.data.trim()).is_none() {
                    continue;
                }
                pieces += 1;
                let by_tree = openai.tree(&frame, frame.data.trim(), &mut other);
                assert_eq!(format!("{by_piece:?} {one:?}"), format!("{by_tree:?} {other:?}"), "{}", frame.data);
            }
        }
    }
    assert!(pieces > 100, "{pieces}");
}

/// Events that are almost such pieces.
const ODD: [&str; 8] = [
    r#"{"choices":[{"delta":{"content":"a"}}],"error":{"message":"no"}}"#,
    r#"{"choices":[{"delta":{"content":"a"},"error":{"message":"no"}}]}"#,
    r#"{"object":"error","message":"no","choices":[{"delta":{"content":"a"}}]}"#,
    r#"{"object":"error","choices":[{"delta":{"content":"a"}}]}"#,
    r#"{"choices":[{"delta":{"content":"b"},"index":1}]}"#,
    r#"{"choices":[{"delta":{"content":"a","refusal":"no"},"finish_reason":"stop"}]}"#,
    r#"{"choices":[{"delta":{"content":"<think>a\n\u00e9","reasoning":"hm"}},{"index":1,"delta":{"content":"b"}}]}"#,
    r#"{"model":"m","choices":[{"delta":{"content":"<think>a\n\u00e9","reasoning":"hm","reasoning_content":null}}]}"#,
];
