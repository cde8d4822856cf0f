//! Server-sent events beside a reader that looks at the whole body at once: the same frames at every split, in every
//! dress, and the frames before a fault are never lost with it.

use llmr::providers::Frame;
use llmr::providers::framing::SseFramer;
use llmr::providers::think::ThinkFilter;
use proptest::prelude::*;

use crate::cases;
use crate::split;

/// A line of a stream, without its end.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &'static str| Just(text.as_bytes().to_vec());
    prop_oneof![
        6 => "data: ?[a-c{}\": \u{feff}\u{e9}]{0,6}".prop_map(String::into_bytes),
        4 => text(""),
        2 => "event: ?[a-c]{0,3}".prop_map(String::into_bytes),
        2 => ":[ a-c]{0,4}".prop_map(String::into_bytes),
        1 => prop_oneof![text("data"), text("event"), text("id: 1"), text("retry: 5"), text(" data: x"), text("Data: x")],
        1 => text("\u{feff}data: b"),
        1 => prop_oneof![Just(b"data: \xff".to_vec()), Just(b": \xff\xfe".to_vec()), Just(b"\xc3".to_vec())],
    ]
}

/// A body: lines with ends of all three kinds, the last one perhaps without.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let end = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    (prop::collection::vec((line(), end), 0..12), any::<bool>(), line()).prop_map(|(lines, cut, last)| {
        let mut body: Vec<u8> =
            lines.iter().flat_map(|(line, end)| [line.as_slice(), end.as_bytes()].concat()).collect();
        if cut {
            body.extend(last);
        }
        body
    })
}

/// The lines of a body; the last one is what no line end follows.
fn lines(body: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut rest) = (Vec::new(), body);
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.push(&rest[..at]);
        rest = &rest[at + if rest[at..].starts_with(b"\r\n") { 2 } else { 1 }..];
    }
    lines.push(rest);
    lines
}

/// The frames up to a line that is no text, and whether there is such a line.
fn by_the_book(body: &[u8]) -> (Vec<Frame>, bool) {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let (mut frames, mut event, mut data): (Vec<Frame>, String, Option<Vec<String>>) = Default::default();
    for line in lines(body).into_iter().chain([&b""[..]]) {
        if line.is_empty() {
            let event = std::mem::take(&mut event);
            frames.extend(data.take().map(|lines| Frame { event, data: lines.join("\n") }));
            continue;
        }
        if line.starts_with(b":") {
            continue;
        }
        let Ok(line) = std::str::from_utf8(line) else { return (frames, true) };
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "data" => data.get_or_insert_default().push(value),
            "event" => event = value,
            _ => {}
        }
    }
    (frames, false)
}

/// What a framer makes of the pieces.
fn framed(pieces: &[&[u8]]) -> (Vec<Frame>, bool) {
    let (mut framer, mut frames) = (SseFramer::default(), Vec::new());
    for piece in pieces {
        if framer.push(piece, &mut frames).is_err() {
            return (frames, true);
        }
    }
    match framer.end() {
        Ok(last) => {
            frames.extend(last);
            (frames, false)
        }
        Err(_) => (frames, true),
    }
}

/// The text and the dropped characters of a filter that gets these pieces.
fn filtered(pieces: &[&str]) -> (String, u64) {
    let mut filter = ThinkFilter::default();
    let mut text: String = pieces.iter().map(|piece| filter.push(piece)).collect();
    text += &filter.flush();
    (text, filter.dropped_chars())
}

/// The text behind the thinking that opens a whole answer.
fn without_thinking(whole: &str) -> String {
    let Some(inside) = whole.trim_start().strip_prefix("<think>") else {
        return if whole.trim().is_empty() { String::new() } else { whole.to_owned() };
    };
    inside.split_once("</think>").map_or("", |(_, behind)| behind.trim_start()).to_owned()
}

proptest! {
    #![proptest_config(cases(2048))]

    #[test]
    fn frames_are_those_of_the_whole_body(body in body(), cuts in split::cuts()) {
        let expected = by_the_book(&body);
        prop_assert_eq!(&framed(&[&body]), &expected, "whole");
        prop_assert_eq!(&framed(&split::bytes(&body, &cuts)), &expected, "cut");
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        prop_assert_eq!(&framed(&bytes), &expected, "byte by byte");
    }

    #[test]
    fn any_bytes_are_framed_alike(body in prop::collection::vec(any::<u8>(), 0..60), cuts in split::cuts()) {
        prop_assert_eq!(framed(&split::bytes(&body, &cuts)), by_the_book(&body));
    }

    #[test]
    fn thinking_is_kept_out_at_every_split(
        (before, inside, behind) in ("[ \n]{0,2}", "[a<>/]{0,6}|\\PC{0,6}", "[ \n]{0,2}[a<>/think]{0,9}|\\PC{0,9}"),
        (open, close) in (
            prop::sample::select(vec!["<think>", "<think", "<thinking>", ""]),
            prop::sample::select(vec!["</think>", "</thin", "</think></think>", ""]),
        ),
        cuts in split::cuts(),
    ) {
        let whole = format!("{before}{open}{inside}{close}{behind}");
        let told = filtered(&[&whole]);
        prop_assert_eq!(&told.0, &without_thinking(&whole));
        prop_assert_eq!(&filtered(&split::text(&whole, &cuts)), &told);
        prop_assert_eq!(&filtered(&split::letters(&whole)), &told);
    }
}

/// The bound is on what has come of a frame, not on how it came: once a line that ended in the piece it began in was
/// measured otherwise than one that did not.
#[test]
fn a_frame_of_the_largest_size_is_taken_or_refused_in_pieces_as_whole() {
    use llmr::providers::framing::MAX_FRAME;
    for (length, refused) in [(MAX_FRAME - 6, false), (MAX_FRAME - 5, true), (MAX_FRAME, true)] {
        let body = [b"data: ".to_vec(), vec![b'x'; length], b"\n\n".to_vec()].concat();
        assert_eq!(framed(&[&body]).1, refused, "{length} whole");
        let (a, b) = body.split_at(length / 2);
        assert_eq!(framed(&[a, b]).1, refused, "{length} in two");
        let (a, b) = body.split_at(length + 6);
        assert_eq!(framed(&[a, b]).1, refused, "{length} cut before its end");
    }
}
