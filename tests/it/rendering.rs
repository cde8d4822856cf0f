//! Answers on a terminal: Markdown as it is drawn, and hostile answers that leave the terminal as it was.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use llmr::output::AnswerWriter;
use llmr::output::markdown::Look;
use serde_json::json;

use crate::common::pty::Pty;
use crate::common::{Place, sandbox};

/// What a model might write to take over a terminal. `{}` is left out: contexts are made with it.
const HOSTILE: &[&str] = &[
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1b]52;c;?\x1b\\",
    "\x1b]8;;https://evil.example\x1b\\bank\x1b]8;;\x1b\\",
    "\x1b]0;title\x07",
    "\x1b]2;title\x1b\\",
    "\x1b]1;icon\x07",
    "\x1b]4;1;rgb:00/00/00\x07",
    "\x1b]10;#000000\x07\x1b]11;?\x07",
    "\x1b]1337;File=name=eA==:AAAA\x07",
    "\x1b]133;A\x07",
    "\x1b[2J\x1b[H",
    "\x1b[999A\x1b[2Kfake",
    "\x1b[s\x1b[10;10Hx\x1b[u",
    "\x1b[?1049h",
    "\x1b[?47h\x1b[?1047h",
    "\x1b[?25l",
    "\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1006h",
    "\x1b[?2004h",
    "\x1b[?1h\x1b=",
    "\x1b[?7l\x1b[?6h",
    "\x1b[2;5r",
    "\x1b[31;1;5;7mred",
    "\x1b[8mhidden",
    "\x1b[6n\x1b[c\x1b[>q",
    "\x1b[5i",
    "\x1b[4h\x1b[20h",
    "\x1b[3 q",
    "\x1b[22;2t\x1b[8;1;1t",
    "\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1b_Gf=100;AAAA\x1b\\",
    "\x1b^private\x1b\\",
    "\x1bXsos\x1b\\",
    "\x1bOA\x1bOP",
    "\x1bN\x1bO",
    "\x1bc",
    "\x1b(0lqqk\x0e",
    "\x1b#8",
    "\x1b7\x1b8\x1bD\x1bM\x1bE",
    "\u{9b}31m\u{9b}2J",
    "\u{9d}0;title\u{9c}",
    "\u{90}q\u{9c}\u{9f}apc\u{9c}",
    "\u{8f}A\u{85}\u{84}",
    "user\u{202e}gpj.exe\u{2066}\u{2069}",
    "zero\u{200b}width\u{200d}\u{feff}",
    "\u{e0068}\u{e0069}",
    "pass\x08\x08\x08\x08fail",
    "real\rfake",
    "\x07\x07 \x7f\x0b\x0c\0",
    "\x1b[",
    "\x1b]0;never ends",
    "\x1bP never ends",
    "\x1b",
    "&#27;[2J&#x1b;]0;x&#7;",
    "&#155;31m&#x202e;&#8;&#13;&#127;",
    "\\\x1b[31m\\&#27;",
];

/// Where it may stand.
const CONTEXTS: &[&str] = &[
    "{}",
    "a {} b\n",
    "**{}** *x {}*",
    "`{}`",
    "```\n{}\n```",
    "```rust\nlet x = \"{}\"; // {}\n```",
    "```{}\ncode\n```",
    "~~~rust {}\ncode",
    "| a | {} |\n|---|---|\n| {} | x |\n",
    "# {}",
    "[text]({})",
    "[{}](https://x.example \"{}\")",
    "![{}]({})",
    "<{}> <a href=\"{}\">",
    "> - {}\n>   {}",
    "1. [ ] {}",
    "$${}$$ \\({}\\)",
    "    {}",
];

const COLOR: Look = Look { color: true, utf8: true, columns: Some(40) };

fn drawn(pieces: &[&str], look: Look) -> String {
    let mut out = Vec::new();
    let mut writer = AnswerWriter::rendered(&mut out, look);
    for piece in pieces {
        writer.push(piece).unwrap();
    }
    writer.finish().unwrap();
    String::from_utf8(out).unwrap()
}

/// What is left when llmr's own attributes are taken out: each of them is a known one, and is off again before the
/// next one and before the end.
fn without_attributes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap().to_owned();
    let mut on = false;
    for part in parts {
        let (codes, rest) = part.split_once('m').unwrap_or_else(|| panic!("no attribute: {text:?}"));
        let known = ["0", "1", "2", "3", "4", "9", "31", "32", "34", "35", "36"];
        assert!(codes.split(';').all(|code| known.contains(&code)), "{codes:?} in {text:?}");
        assert_eq!(codes == "0", on, "{text:?}");
        on = !on;
        plain.push_str(rest);
    }
    assert!(!on, "a colour is left on: {text:?}");
    plain
}

/// Every event that is more than text, as the emulator sees it.
#[derive(Default)]
struct Acts(Vec<String>);

impl vt100::Callbacks for Acts {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("bell".into());
    }
    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.0.push(format!("icon {name:?}"));
    }
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.0.push(format!("title {title:?}"));
    }
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.0.push(format!("clipboard {data:?}"));
    }
    fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("paste".into());
    }
    fn unhandled_control(&mut self, _: &mut vt100::Screen, byte: u8) {
        self.0.push(format!("control {byte}"));
    }
    fn unhandled_escape(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, byte: u8) {
        self.0.push(format!("escape {byte}"));
    }
    fn unhandled_csi(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, _: &[&[u16]], c: char) {
        // The emulator knows no struck text; it is llmr's own attribute, checked above.
        if c != 'm' {
            self.0.push(format!("csi {c}"));
        }
    }
    fn unhandled_osc(&mut self, _: &mut vt100::Screen, _: &[&[u8]]) {
        self.0.push("osc".into());
    }
}

/// A terminal's state but for the text on it.
fn state(screen: &vt100::Screen) -> String {
    let modes = (screen.hide_cursor(), screen.alternate_screen(), screen.bracketed_paste(), screen.cursor_style());
    let keys = (screen.application_cursor(), screen.application_keypad());
    let mouse = (screen.mouse_protocol_mode(), screen.mouse_protocol_encoding());
    let colors = (screen.fgcolor(), screen.bgcolor());
    let looks = (screen.bold(), screen.dim(), screen.italic(), screen.underline(), screen.inverse());
    format!("{modes:?} {keys:?} {mouse:?} {colors:?} {looks:?}")
}

fn terminal() -> vt100::Parser<Acts> {
    let size = |n| std::num::NonZeroU16::new(n).unwrap();
    vt100::Parser::new_with_callbacks(size(24), size(40), 0, Acts::default())
}

fn assert_harmless(hostile: &str, out: &str) {
    let plain = without_attributes(out);
    let acts = |c: &char| c.is_control() && !matches!(c, '\n' | '\t') || ('\u{202a}'..='\u{202e}').contains(c);
    assert_eq!(plain.chars().find(acts), None, "{hostile:?}: {out:?}");
    assert!(out.ends_with('\n'), "{hostile:?}: {out:?}");
    let mut after = terminal();
    after.process(out.replace('\n', "\r\n").as_bytes());
    assert_eq!(state(after.screen()), state(terminal().screen()), "{hostile:?}: {out:?}");
    assert_eq!(after.callbacks().0, Vec::<String>::new(), "{hostile:?}: {out:?}");
    // No scroll region, no origin, no insert mode, no other letters: what is printed next stands where it should.
    after.process(format!("{}0123456789q", "\r\n".repeat(30)).as_bytes());
    assert_eq!(after.screen().contents().trim_start_matches('\n'), "0123456789q", "{hostile:?}: {out:?}");
    assert_eq!(after.screen().cursor_position(), (23, 11), "{hostile:?}: {out:?}");
}

#[test]
fn hostile_answers_leave_the_terminal_as_it_was() {
    assert!(HOSTILE.len() >= 30);
    for hostile in HOSTILE {
        for context in CONTEXTS {
            let text = context.replace("{}", hostile);
            for look in [COLOR, Look { color: false, columns: Some(10), ..COLOR }] {
                let whole = drawn(&[&text], look);
                assert_harmless(&text, &whole);
                for (at, _) in text.char_indices() {
                    assert_eq!(drawn(&[&text[..at], &text[at..]], look), whole, "{text:?} at {at}");
                }
            }
            // An answer that breaks off there.
            for (at, _) in text.char_indices().skip(1) {
                without_attributes(&drawn(&[&text[..at]], COLOR));
            }
        }
    }
}

/// A provider of the OpenAI dialect that streams these pieces, and ends its answer or never does.
fn streams(pieces: Vec<String>, ends: bool) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            _ = stream_to(stream, &pieces, ends);
        }
    });
    base_url
}

fn stream_to(stream: TcpStream, pieces: &[String], ends: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        match line.strip_prefix("content-length:") {
            Some(n) => length = n.trim().parse().unwrap_or(0),
            None if line.is_empty() => break,
            None => {}
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let mut stream = reader.into_inner();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    let mut event = |delta: serde_json::Value, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [choice]});
        stream.write_all(format!("data: {chunk}\n\n").as_bytes()).and_then(|()| stream.flush())
    };
    for piece in pieces {
        event(json!({"content": piece}), None)?;
        thread::sleep(Duration::from_millis(2));
    }
    if ends {
        event(json!({}), Some("stop"))?;
        return stream.write_all(b"data: [DONE]\n\n");
    }
    // Until the other side has gone.
    _ = stream.read(&mut [0; 1]);
    Ok(())
}

/// A place where only that provider answers.
fn place(base_url: &str) -> Place {
    Place::new().var("GROQ_API_KEY", "test-key").var("GROQ_BASE_URL", base_url).var("LLMR_CACHE", "off")
}

const ANSWER: &str = "# Title\n\nSome **bold** words and `code`.\n\n- one\n  - two\n\n```rust\nfn main() {}\n```\n\n\
                      | Name | 漢字 |\n|---|---|\n| a | 日本語 |\n| b | x |\n\nThe end.\n\n";

/// The answer in pieces of so many characters.
fn pieces(text: &str, characters: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(characters).map(|chunk| chunk.iter().collect()).collect()
}

#[test]
fn an_answer_is_drawn_while_it_streams() {
    let place = place(&streams(pieces(ANSWER, 3), true));
    let mut pty = Pty::start(&place, &["ask", "x"], 60, 30);
    let screen = pty.wait_for("The end.");
    let shown = "Title\n\nSome bold words and code.\n\n• one\n  ◦ two\n\n─── rust\nfn main() {}\n───\n\n\
                 Name │ 漢字\n─────┼───────\na    │ 日本語\nb    │ x\n\nThe end.";
    let lines = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(&screen), shown);
    let cell = |row, column| pty.terminal().cell(row, column).unwrap().clone();
    assert!(cell(0, 0).bold() && cell(0, 0).underline() && cell(2, 5).bold() && !cell(2, 0).bold());
    assert_eq!(cell(8, 0).fgcolor(), vt100::Color::Idx(5), "a keyword");
    let (code, raw) = pty.end();
    assert_eq!(code, 0);
    without_attributes(&raw.replace('\r', ""));
}

#[test]
fn what_the_terminal_can_do_decides() {
    let base_url = streams(pieces(ANSWER, 7), true);
    // Quiet: where the machine is slow a spinner would stand between.
    let on = |variables: &[(&str, &str)], args: &[&str], columns| {
        let place = variables.iter().fold(place(&base_url), |place, (name, value)| place.var(name, value));
        let (code, raw) = Pty::start(&place, &[&["ask", "-q", "x"], args].concat(), columns, 30).end();
        assert_eq!(code, 0, "{raw}");
        raw.replace("\r\n", "\n")
    };
    let plain = format!("{}\n", ANSWER.trim_end());
    let structured = "# Title\n\nSome **bold** words and `code`.\n\n• one\n  ◦ two\n\n─── rust\nfn main() {}\n───\n\n\
                      Name │ 漢字\n─────┼───────\na    │ 日本語\nb    │ x\n\nThe end.\n";
    for (variables, args) in [(&[("NO_COLOR", "1")][..], &[][..]), (&[], &["--color", "never"])] {
        assert_eq!(on(variables, args, 60), structured, "{variables:?} {args:?}");
    }
    let as_written: [(&[_], &[_]); 4] = [
        (&[("TERM", "dumb")], &[]),
        (&[("LLMR_MARKDOWN", "off")], &[]),
        (&[("LLMR_MARKDOWN", "off")], &["--color", "always"]),
        (&[], &["--raw"]),
    ];
    for (variables, args) in as_written {
        assert_eq!(on(variables, args, 60), plain, "{variables:?} {args:?}");
    }
    let colored: [(&[_], &[_]); 3] = [
        (&[], &[]),
        (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], &[]),
        (&[("NO_COLOR", "1")], &["--color", "always"]),
    ];
    for (variables, args) in colored {
        let raw = on(variables, args, 60);
        assert!(raw.contains("\x1b[1;4mTitle\x1b[0m\n"), "{variables:?} {args:?}: {raw:?}");
    }
    // A terminal that says it has no columns, and ones that hardly have any.
    for columns in [0, 1, 5, 10] {
        let raw = without_attributes(&on(&[], &[], columns));
        for word in ["Title", "bold", "code", "one", "two", "main", "Name", "漢字", "日本語", "The end."] {
            assert!(raw.contains(word), "{columns}: {word}: {raw}");
        }
    }
    // A locale without UTF-8 gets no line but ASCII of llmr's own.
    assert!(on(&[("LC_ALL", "C"), ("NO_COLOR", "1")], &[], 60).contains("- one\n  - two\n\n--- rust\n"));
}

#[test]
fn a_pipe_gets_what_the_model_wrote() {
    let place = place(&streams(pieces(ANSWER, 7), true));
    for args in [&["ask", "x"][..], &["ask", "--stream", "x"], &["ask", "x", "--color", "always"]] {
        assert_eq!(place.run(args).expect(0).stdout, format!("{}\n", ANSWER.trim_end()), "{args:?}");
    }
    let forced = place.var("CLICOLOR_FORCE", "1").run(&["ask", "x"]).expect(0);
    assert_eq!(forced.stdout, format!("{}\n", ANSWER.trim_end()));
}

#[test]
fn an_answer_that_is_interrupted_leaves_no_colour_behind() {
    let begun = "Words that are shown at once, **bold ones\nthat never end\n```rust\nfn main";
    let place = place(&streams(pieces(begun, 5), false));
    let mut pty = Pty::start(&place, &["ask", "x"], 60, 24);
    pty.wait_for("─── rust");
    pty.send("\x03");
    let (code, raw) = pty.end();
    assert_eq!(code, 130, "{raw}");
    let shown = without_attributes(&raw.replace("\r\n", "\n"));
    assert!(shown.contains("Words that are shown at once, **bold ones\nthat never end\n─── rust"), "{shown}");
}

#[test]
fn hostile_answers_on_a_real_terminal() {
    let answers = HOSTILE.join(" x\n\n") + "\n\nThe end.";
    let place = place(&streams(pieces(&answers, 1), true));
    let mut pty = Pty::start(&place, &["ask", "x"], 80, 50);
    // Plain text behind it all: by then every attribute has been turned off again.
    pty.wait_for("The end.");
    let (before, after) = (vt100::Parser::new(1.try_into().unwrap(), 1.try_into().unwrap(), 0), state(pty.terminal()));
    assert_eq!(after, state(before.screen()));
    let (code, raw) = pty.end();
    assert_eq!(code, 0);
    assert!(!without_attributes(&raw).contains('\x1b') && !raw.contains('\x07') && !raw.contains('\u{9b}'), "{raw:?}");
    // The same from a provider that repeats what it was asked.
    let sandbox = sandbox("");
    let place = Place::new().with(&sandbox);
    let (_, raw) = Pty::start(&place, &["ask", "\x1b]0;pwned\x07 say"], 80, 24).end();
    assert!(raw.contains("␛]0;pwned␇") && !raw.contains('\x07'), "{raw}");
}

#[test]
fn a_table_is_fitted_into_the_terminal_as_it_is_by_then() {
    let table = "| Name | What it is about |\n|---|---|\n| alpha | the first of the many letters |\n";
    let mut before = pieces("Words that come before the table and are shown.\n\n", 9);
    before.extend(std::iter::repeat_n(String::new(), 100));
    before.extend(pieces(&format!("{table}\nThe end."), 9));
    let place = place(&streams(before, true));
    let mut pty = Pty::start(&place, &["ask", "x"], 80, 24);
    pty.wait_for("Words that come");
    pty.resize(30, 24);
    let (code, raw) = pty.end();
    assert_eq!(code, 0);
    let shown = without_attributes(&raw.replace("\r\n", "\n"));
    assert!(shown.contains("alpha │ the first of the many\n      │ letters\n"), "{shown}");
}
