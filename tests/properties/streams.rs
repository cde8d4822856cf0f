//! Recorded answers of every dialect, damaged at random: however their bytes are cut, they come to the same answer or
//! the same failure, with the same usage; and what was shown is the answer's text.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use llmr::providers::{AnswerReader, Dialect, Headers, dialect, table};
use llmr::types::{Answer, Delta, FailureClass, NanoUsd, Usage};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases;
use crate::split;

/// A recorded body, its provider, and whether it is a stream.
struct Recorded {
    provider: String,
    name: PathBuf,
    body: Vec<u8>,
    stream: bool,
}

static ALL: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let mut all = Vec::new();
    for folder in entries(&root) {
        let provider = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if table::find(&provider).is_none() {
            continue;
        }
        for name in entries(&folder) {
            let stream = name.extension().is_some_and(|kind| kind == "sse");
            all.push(Recorded { provider: provider.clone(), body: std::fs::read(&name).unwrap(), stream, name });
        }
    }
    assert!(all.len() > 40, "the recorded answers are not where they should be");
    all
});

/// What can happen to a body on its way.
#[derive(Debug, Clone)]
enum Damage {
    Nothing,
    Cut(Index),
    Lost(Index, usize),
    Twice(Index, usize),
    Put(Index, &'static [u8]),
    LineEnds(&'static str),
}

const NOISE: &[&[u8]] = &[
    b"\n\n",
    b"\r",
    b"\xff",
    b": comment\n",
    b"data: [DONE]\n\n",
    b"data: {\"error\":{\"message\":\"overloaded\",\"type\":\"overloaded_error\"}}\n\n",
    b"event: error\ndata: {}\n\n",
    b"data: {}\n\n",
    b"data: {\"usage\":{\"prompt_tokens\":18446744073709551615,\"completion_tokens\":1e300}}\n\n",
    b"\xef\xbb\xbf",
    b"\"",
    b"<html>",
    b"\\u0000",
];

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        Just(Damage::Nothing),
        place().prop_map(Damage::Cut),
        (place(), 1..60usize).prop_map(|(at, length)| Damage::Lost(at, length)),
        (place(), 1..60usize).prop_map(|(at, length)| Damage::Twice(at, length)),
        (place(), prop::sample::select(NOISE)).prop_map(|(at, noise)| Damage::Put(at, noise)),
        prop::sample::select(vec!["\r\n", "\r"]).prop_map(Damage::LineEnds),
    ]
}

fn damaged(mut body: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let length = body.len();
    match damage {
        Damage::Nothing => {}
        Damage::Cut(at) => body.truncate(at.index(length + 1)),
        Damage::Lost(at, n) => {
            let at = at.index(length + 1);
            body.drain(at..(at + n).min(length));
        }
        Damage::Twice(at, n) => {
            let at = at.index(length + 1);
            let again = body[at..(at + n).min(length)].to_vec();
            body.splice(at..at, again);
        }
        Damage::Put(at, noise) => _ = body.splice(at.index(length + 1)..at.index(length + 1), noise.iter().copied()),
        Damage::LineEnds(end) => {
            let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
            body = lines.join(end.as_bytes());
        }
    }
    body
}

/// What a body comes to.
#[derive(Debug, PartialEq)]
struct Came {
    answer: Result<Answer, (FailureClass, String)>,
    usage: Option<Usage>,
    cost: Option<NanoUsd>,
    thinking: u64,
    /// The text as far as it came.
    text: Option<String>,
}

/// Reads a body in pieces as the router does: until it is complete, or at an end.
fn read(dialect: &dyn Dialect, pieces: &[&[u8]], stream: bool) -> Result<Came, TestCaseError> {
    let mut reader = AnswerReader::new(dialect, stream, &Headers::default());
    let mut shown = String::new();
    for piece in pieces {
        reader.push(piece).iter().for_each(|Delta(text)| shown.push_str(text));
    }
    let text = (reader.is_over() && !reader.is_complete()).then(|| reader.so_far().text.clone());
    let read = reader.end();
    if let (Some(_), Err(failure)) = (&text, &read.answer) {
        prop_assert_eq!(failure.status, Some(200));
    }
    if let (Some(Delta(rest)), Ok(_)) = (&read.rest, &read.answer) {
        shown.push_str(rest);
    }
    if let Ok(answer) = &read.answer {
        prop_assert_eq!(&answer.text, &shown, "what was shown is the text");
    }
    let (usage, cost, thinking) = (read.usage, read.reported_cost, read.thinking_chars);
    let answer = read.answer.map_err(|failure| (failure.class, failure.message));
    Ok(Came { answer, usage, cost, thinking, text })
}

proptest! {
    #![proptest_config(cases(2048))]

    #[test]
    fn a_damaged_answer_comes_to_the_same_at_every_split(
        which in any::<Index>(), damage in prop::collection::vec(damage(), 1..3), cuts in [split::cuts(), split::cuts()],
    ) {
        let recorded = which.get(&ALL);
        let row = table::find(&recorded.provider).unwrap();
        let dialect = dialect(row.dialect, &row.quirks);
        let body = damage.iter().fold(recorded.body.clone(), damaged_by);
        let whole = read(&*dialect, &[&body], recorded.stream)?;
        for cuts in &cuts {
            let came = read(&*dialect, &split::bytes(&body, cuts), recorded.stream)?;
            let same = came == whole || (came.text.is_some() != whole.text.is_some() && alike(&came, &whole));
            prop_assert!(same, "{}: {:?}\nis in pieces {:?}\nand whole {:?}", recorded.name.display(), String::from_utf8_lossy(&body), came, whole);
        }
    }
}

fn damaged_by(body: Vec<u8>, damage: &Damage) -> Vec<u8> {
    damaged(body, damage)
}

/// A failure met at the very end is told there, and one met before when it is met: the text beside it is not compared.
fn alike(a: &Came, b: &Came) -> bool {
    (&a.answer, a.usage, a.cost, a.thinking) == (&b.answer, b.usage, b.cost, b.thinking)
}

/// What came before a fault in the same piece was once lost with it: the usage, and so the cost of a cut stream.
#[test]
fn what_came_before_a_fault_in_the_same_piece_is_kept() {
    let row = table::find("openai").unwrap();
    let dialect = dialect(row.dialect, &row.quirks);
    let body =
        b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":{\"prompt_tokens\":3}}\n\ndata: \xff\n\n";
    let whole = read(&*dialect, &[body], true).unwrap();
    assert_eq!((whole.text.as_deref(), whole.usage.map(|usage| usage.input_tokens)), (Some("Hi"), Some(3)));
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(read(&*dialect, &bytes, true).unwrap(), whole);
}

/// Behind the end marker nothing is read, also where it comes in the same piece.
#[test]
fn what_follows_the_end_marker_is_nobody_s_business() {
    let row = table::find("openai").unwrap();
    let dialect = dialect(row.dialect, &row.quirks);
    let end = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    for noise in [&b"data: \xff\n\n"[..], b"\xff", b"data: {", b"data: {\"error\":{\"message\":\"x\"}}\n\n"] {
        let body = [end.as_bytes(), noise].concat();
        for pieces in [vec![&body[..]], vec![end.as_bytes(), noise]] {
            assert_eq!(read(&*dialect, &pieces, true).unwrap().answer.unwrap().text, "Hi", "{noise:?}");
        }
    }
}
