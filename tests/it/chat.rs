//! A chat at a terminal, as somebody types it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use llmr::sandbox::{Sandbox, SandboxProvider};

use crate::common::pty::Pty;
use crate::common::{Place, paced, provider, sandbox_at, sandbox_of};

/// One provider; its answers are at once.
fn quick() -> Sandbox {
    sandbox_of(one(0), "")
}

/// One that writes a word every so often, so that an answer can be cancelled in its middle.
fn slow() -> Sandbox {
    sandbox_at(1.0, one(20), "")
}

fn one(per_token_ms: u64) -> Vec<SandboxProvider> {
    vec![paced(provider("openai", "gpt-6-luna", "0.10", "0.50"), 0, per_token_ms)]
}

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";
const CTRL_R: &str = "\x12";
const ALT_ENTER: &str = "\x1b\r";

/// A chat whose prompt has come.
fn chat(place: &Place, args: &[&str]) -> Pty {
    let mut pty = Pty::start(place, &[&["chat"], args].concat(), 80, 120);
    pty.wait_until("the prompt", at_prompt);
    pty
}

/// Types a prompt and waits until it is answered.
fn ask(pty: &mut Pty, prompt: &str, turns: usize) {
    pty.send(prompt);
    pty.send("\r");
    pty.wait_until("the answer", |screen| answered(screen) == turns && at_prompt(screen));
}

fn answered(screen: &str) -> usize {
    screen.matches(" left today").count()
}

/// Whether the last line is an empty prompt.
fn at_prompt(screen: &str) -> bool {
    screen.trim_end().lines().last().is_some_and(|line| line.trim_end().ends_with('>'))
}

/// Waits until this was said and the next prompt has come: what is typed before is a draft.
fn said(pty: &mut Pty, text: &str) -> String {
    pty.wait_until(text, |screen| screen.contains(text) && at_prompt(screen))
}

/// What was asked in order, as the database has it, with the costs.
fn prompts(place: &Place) -> Vec<String> {
    place.sql("SELECT prompt FROM contents ORDER BY request_id")
}

#[test]
fn turns_are_answered_told_and_kept() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &["-m", "gpt-6-luna", "-s", "be brief"]);
    assert!(pty.screen().contains("gpt-6-luna>"), "{}", pty.screen());
    ask(&mut pty, "hello", 1);
    let screen = pty.screen();
    assert!(screen.contains("no model was asked"), "{screen}");
    let line = screen.lines().find(|line| line.contains("left today")).unwrap().to_owned();
    assert!(line.starts_with("gpt-6-luna · $0.0") && line.contains(" · session $0.0"), "{line}");
    ask(&mut pty, "and more", 2);
    pty.send(CTRL_D);
    let (code, printed) = pty.end_restored();
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("kept: c1, 2 turns"), "{printed}");

    let requests = sandbox.requests();
    let sent = requests[1].body.to_string();
    for part in ["be brief", "hello", "no model was asked", "and more"] {
        assert!(sent.contains(part), "{part}: {sent}");
    }

    let mut second = chat(&place, &["-c"]);
    let screen = second.screen();
    assert!(screen.contains("going on with c1, 2 turns") && screen.contains("> and more"), "{screen}");
    ask(&mut second, "third", 1);
    second.send("/exit\r");
    assert_eq!(second.end_restored().0, 0);
    let sent = sandbox.requests()[2].body.to_string();
    assert!(sent.contains("hello") && sent.contains("and more") && sent.contains("third"), "{sent}");
}

/// Types a text until it shows: a Ctrl-C that is still on its way to the prompt takes what comes right behind it along.
fn type_until_shown(pty: &mut Pty, text: &str) {
    let shown = |pty: &mut Pty| {
        pty.send(text);
        (0..250).any(|_| {
            std::thread::sleep(Duration::from_millis(2));
            pty.screen().trim_end().ends_with(text)
        })
    };
    assert!((0..20).any(|_| shown(pty)), "{}", pty.screen());
}

#[test]
fn ctrl_c_cancels_an_answer_keeps_what_came_and_never_quits() {
    let sandbox = slow();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    for (number, prompt) in [(1, "one"), (2, "two"), (3, "three")] {
        type_until_shown(&mut pty, prompt);
        pty.send("\r");
        pty.wait_until("a piece of it", |screen| screen.matches("This is the sandbox").count() == number);
        // Nobody who is impatient presses it once.
        pty.send(CTRL_C);
        pty.send(CTRL_C);
        pty.wait_until("the prompt", |screen| {
            screen.matches("cancelled; about").count() == number && at_prompt(screen)
        });
    }
    let screen = pty.screen();
    assert!(screen.contains("tokens came, $0.0") && screen.contains("are charged"), "{screen}");
    for line in ["", "half a line"] {
        let prompts = pty.screen().matches("\n>").count();
        pty.send(line);
        pty.wait_until("the line", |screen| screen.ends_with(line));
        pty.send(CTRL_C);
        pty.wait_until("an empty prompt", |screen| screen.matches("\n>").count() > prompts && at_prompt(screen));
    }
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    let kept = place.sql("SELECT count(*), min(length(answer)) > 10 FROM contents WHERE partial");
    assert_eq!(kept, ["3|1"]);
    let (spent, held, holds) = place.money();
    assert!(spent > 0 && held == 0 && holds == 0, "{spent} {held}");
    assert_eq!(sandbox.bill().provider("openai").unwrap().requests, 3);
}

#[test]
fn a_ctrl_c_from_before_does_not_cancel_the_next_answer() {
    let sandbox = sandbox_at(1.0, one(1), "");
    // Without a line editor Ctrl-C is a signal at the prompt, too.
    let place = Place::new().with(&sandbox).var("TERM", "dumb");
    let mut pty = chat(&place, &[]);
    let mut ask = |prompt: &str, turns| {
        pty.send(prompt);
        pty.wait_until("the answer", |screen| answered(screen) == turns && at_prompt(screen));
    };
    ask("hello\n", 1);
    ask("\x03and more\n", 2);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(prompts(&place), ["hello", "and more"]);
}

#[test]
fn a_paste_is_sent_by_enter_only_and_several_lines_are_one_prompt() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    pty.send("\x1b[200~first line\rsecond line\r\tthird \\\r\x1b[201~");
    pty.wait_for("third");
    assert_eq!(sandbox.requests().len(), 0);
    ask(&mut pty, "", 1);
    ask(&mut pty, &format!("with alt{ALT_ENTER}enter"), 2);
    ask(&mut pty, "goes on \\\rbehind it", 3);
    ask(&mut pty, "\"\"\"\r/no command\r\r\"\"\"", 4);
    ask(&mut pty, "with ctrl\nj", 5);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    let expected = [
        "first line\nsecond line\n\tthird \\",
        "with alt\nenter",
        "goes on \nbehind it",
        "/no command\n",
        "with ctrl\nj",
    ];
    assert_eq!(prompts(&place), expected);
}

#[test]
fn what_is_typed_while_an_answer_streams_garbles_nothing_and_waits() {
    let sandbox = slow();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    pty.send("hello\r");
    pty.wait_for("This is the sandbox");
    pty.send("typed meanwhile\r");
    pty.resize(50, 30);
    pty.wait_until("the draft", |screen| answered(screen) == 1 && screen.contains("> typed meanwhile"));
    let screen = pty.screen();
    assert_eq!(screen.matches("typed meanwhile").count(), 1, "{screen}");
    assert_eq!(sandbox.requests().len(), 1, "not sent before it was seen");
    pty.send("\r");
    pty.wait_until("its answer", |screen| answered(screen) == 2 && at_prompt(screen));
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(prompts(&place), ["hello", "typed meanwhile"]);
}

#[test]
fn a_long_paste_while_an_answer_streams_is_one_draft_and_sends_nothing() {
    let sandbox = slow();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    pty.send("hello\r");
    pty.wait_for("This is the sandbox");
    assert!(pty.terminal().bracketed_paste(), "a terminal marks pastes only where it is asked to");
    // More than the 4 KiB that a kernel keeps of what nobody reads.
    let lines: Vec<String> = (1..=200).map(|n| format!("line {n} of a long paste, with some words")).collect();
    pty.send(&format!("\x1b[200~{}\x1b[201~", lines.join("\r")));
    pty.wait_until("the draft", |screen| screen.trim_end().ends_with(lines[199].as_str()));
    assert_eq!(sandbox.requests().len(), 1, "not sent before it was seen");
    pty.send("\r");
    pty.wait_until("its answer", |screen| screen.contains("session") && sandbox.requests().len() == 2);
    pty.wait_until("the prompt", at_prompt);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(prompts(&place), ["hello", &lines.join("\n")]);
}

#[test]
fn ctrl_c_also_drops_the_lines_of_a_paste_that_came_unmarked() {
    let sandbox = slow();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    pty.send("one\rtwo\rthree\r");
    pty.wait_for("This is the sandbox");
    pty.send(CTRL_C);
    pty.wait_until("the prompt", |screen| screen.contains("cancelled; about") && at_prompt(screen));
    pty.send("/cost\r");
    let screen = said(&mut pty, "together $0.0");
    assert_eq!((sandbox.requests().len(), screen.contains("two")), (1, false), "{screen}");
    pty.send(UP);
    pty.send(UP);
    pty.wait_until("the history", |screen| screen.trim_end().ends_with("> one"));
    pty.send(CTRL_C);
    pty.wait_until("the prompt", at_prompt);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(prompts(&place), ["one"]);
}

#[test]
fn a_chat_that_nobody_would_answer_does_not_begin() {
    let place = Place::new();
    let (code, printed) = Pty::start(&place, &["chat"], 100, 20).end_restored();
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("no provider is configured") && !printed.contains("/help"), "{printed}");
}

#[test]
fn a_command_in_a_pipe_is_not_sent() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox);
    let done = place.run_with_stdin(&["chat"], b"hello\n/exit\nnever\n");
    assert_eq!((done.code, sandbox.requests().len()), (Some(0), 1), "{}", done.stderr);
    let done = place.run_with_stdin(&["chat"], b"/model x\nnever\n");
    assert_eq!((done.code, sandbox.requests().len()), (Some(2), 1), "{}", done.stderr);
    assert!(done.stderr.contains("line 1: `/model` is a command of the chat at a terminal; it was not sent"));
}

#[test]
fn a_resize_at_the_prompt_keeps_the_line() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    let long = "a line that is far too long for a terminal as narrow as this one";
    pty.send(long);
    pty.wait_for("narrow as this one");
    pty.resize(30, 40);
    pty.send("!");
    pty.wait_for("!");
    ask(&mut pty, "", 1);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(prompts(&place), [format!("{long}!")]);
}

#[test]
fn retry_asks_the_last_turn_anew_and_a_failed_one_too() {
    let sandbox = sandbox_of(one(0), "openai=okx2,openai=400x1");
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    pty.send("/retry\r");
    said(&mut pty, "there is nothing yet that could be asked again");
    ask(&mut pty, "hello", 1);
    ask(&mut pty, "/retry", 2);
    pty.send("refused\r");
    said(&mut pty, "/retry asks it again");
    ask(&mut pty, "/retry gpt-6-luna", 4);
    pty.send("/cost\r");
    let screen = said(&mut pty, "together");
    assert_eq!(screen.matches("(taken back)").count(), 2, "{screen}");
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(prompts(&place), ["hello", "hello", "refused", "refused"]);
    let sent = sandbox.requests()[1].body.to_string();
    assert_eq!(sent.matches("hello").count(), 1, "the turn taken back is not sent: {sent}");
}

#[test]
fn tab_completes_and_what_is_no_command_is_not_sent() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    pty.send("/mod\tgpt-6-lu\t");
    pty.wait_for("/model gpt-6-luna");
    pty.send("\r");
    said(&mut pty, "openai/gpt-6-luna answers");
    pty.send("/modle x\r");
    let screen = said(&mut pty, "did you mean `/model`?");
    assert!(screen.contains("unknown command `/modle`; nothing was sent"), "{screen}");
    pty.send("/model gpt-6-lnua\r");
    said(&mut pty, "did you mean `gpt-6-luna`?");
    pty.send("/model any\r");
    said(&mut pty, "gpt-6-luna is not pinned any more");
    assert_eq!(sandbox.requests().len(), 0);
    ask(&mut pty, "//slash", 1);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(prompts(&place), ["/slash"]);
}

#[test]
fn the_history_is_private_searched_and_shared() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    ask(&mut pty, "remember the milk", 1);
    ask(&mut pty, " forget the secret", 2);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    let file = place.home().join("chat_history");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("remember the milk") && !text.contains("secret"), "{text}");

    let (mut pty, mut other) = (chat(&place, &[]), chat(&place, &[]));
    ask(&mut other, "from another one", 1);
    pty.send(CTRL_R);
    pty.send("milk");
    pty.wait_for("(reverse-i-search)`milk': remember the milk");
    pty.send("\r");
    pty.wait_until("the answer", |screen| answered(screen) == 1 && at_prompt(screen));
    for pty in [pty, other] {
        let mut pty = pty;
        pty.send(CTRL_D);
        assert_eq!(pty.end_restored().0, 0);
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("from another one") && text.contains("remember the milk"), "{text}");
}

#[test]
fn the_chat_goes_on_when_the_money_is_used_up() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox).var("LLMR_BUDGET_DAILY_USD", "0.00056");
    let mut pty = chat(&place, &[]);
    ask(&mut pty, "hello", 1);
    pty.send("one more, please\r");
    let screen = said(&mut pty, "/retry asks it again");
    assert!(screen.contains("today's limit of 0.00056 USD"), "{screen}");
    pty.send("/budget\r");
    said(&mut pty, "of $0.00056 spent");
    place.run(&["budget"]).expect(0);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn a_signal_ends_it_at_the_prompt_and_within_an_answer() {
    let sandbox = slow();
    let place = Place::new().with(&sandbox);
    for signal in ["TERM", "HUP"] {
        let mut pty = chat(&place, &[]);
        pty.send("half");
        pty.wait_for("half");
        pty.signal(signal);
        assert_eq!(pty.end_restored().0, 143, "{signal}");

        let mut pty = chat(&place, &[]);
        pty.send("hello\r");
        pty.wait_for("This is the sandbox");
        pty.signal(signal);
        let (code, printed) = pty.end_restored();
        assert_eq!(code, 143, "{printed}");
        assert!(printed.contains("terminated; what was spent is recorded"), "{printed}");
    }
    let dumb = Place::new().with(&sandbox).var("TERM", "dumb");
    let mut pty = chat(&dumb, &[]);
    pty.signal("TERM");
    assert_eq!(pty.end_restored().0, 143);

    let mut searching = chat(&place, &[]);
    searching.send(CTRL_R);
    searching.wait_for("reverse-i-search");
    searching.signal("TERM");
    assert_eq!(searching.end_restored().0, 143);
    let (spent, held, _) = place.money();
    assert!(spent > 0 && held == 0);
}

#[test]
fn ctrl_c_ends_waiting_and_a_second_chat_finds_it() {
    let sandbox = sandbox_of(one(0), "openai=hangx1");
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &["--session", "trip"]);
    pty.send("hello\r");
    pty.wait_for("waiting for openai");
    pty.send(CTRL_C);
    said(&mut pty, "cancelled;");
    ask(&mut pty, "again", 2);
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    let mut pty = chat(&place, &["--session", "trip"]);
    assert!(pty.screen().contains("going on with c1 (trip), 2 turns"), "{}", pty.screen());
    pty.send("/session tri\t\r/clear\r");
    said(&mut pty, "a new conversation; kept: c1 (trip)");
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
}

/// Adds a line, leaves a copy beside, and notes what it sees.
const EDITOR: &str = "sh -c 'stat -c %a \"$(dirname \"$1\")\" \"$1\" >\"$LLMR_HOME/seen\"; env >>\"$LLMR_HOME/seen\"; \
                      cp \"$1\" \"$1~\"; echo written >>\"$1\"' ed";

#[test]
fn files_an_editor_and_a_first_prompt() {
    let sandbox = quick();
    let place = Place::new()
        .with(&sandbox)
        .var("EDITOR", EDITOR)
        .var("PATH", "/usr/bin:/bin")
        .var("LLMR_METRICS_TOKEN", "test-key");
    let elsewhere = place.home_file("elsewhere", "mine");
    std::os::unix::fs::symlink(&elsewhere, place.work().join("link.md")).unwrap();
    place.work_file("notes.md", "some notes");
    let mut pty = chat(&place, &["first", "prompt"]);
    pty.wait_until("its answer", |screen| answered(screen) == 1 && at_prompt(screen));
    pty.send("/file nowhere.md\r");
    said(&mut pty, "cannot read `nowhere.md`");
    pty.send("/file no\t\r");
    said(&mut pty, "with the next prompt: notes.md");
    assert!(pty.screen().contains("+1>"));
    ask(&mut pty, "summarise", 2);
    pty.send("/edit a draft\r");
    pty.wait_until("the answer", |screen| answered(screen) == 3 && at_prompt(screen));
    pty.send("in the line\x18\x05");
    pty.wait_until("the answer", |screen| answered(screen) == 4 && at_prompt(screen));
    pty.send("/save out.md\r");
    said(&mut pty, "written to out.md");
    pty.send("/save out.md\r");
    said(&mut pty, "to replace it: /save --force out.md");
    pty.send("/save --force out.md\r/save --force link.md\r");
    said(&mut pty, "written to link.md");
    pty.send(CTRL_D);
    assert_eq!(pty.end_restored().0, 0);
    let file = "summarise\n\n<file name=\"notes.md\">some notes</file>";
    assert_eq!(prompts(&place), ["first prompt", file, "a draft\nwritten", "in the line\nwritten"]);
    for name in ["out.md", "link.md"] {
        let path = place.work().join(name);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::symlink_metadata(&path).unwrap().permissions());
        assert_eq!(mode, 0o100_600, "a file of its own, for the user alone: {name}");
        assert!(std::fs::read_to_string(path).unwrap().contains("in the line"));
    }
    assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "mine", "no link is followed");
    // The editor saw a file of a folder that others cannot enter, and no key; both are gone with what it left beside.
    let seen = std::fs::read_to_string(place.home().join("seen")).unwrap();
    assert!(seen.starts_with("700\n600\n") && seen.contains("LLMR_HOME="), "{seen}");
    assert!(!seen.contains("test-key"), "{seen}");
    let left = std::fs::read_dir(place.home()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!left.into_iter().any(|name| name.starts_with("draft-")));
}

#[test]
fn plain_and_odd_terminals_can_be_talked_to() {
    let sandbox = quick();
    for (term, columns) in [("dumb", 80), ("xterm", 0), ("xterm", 12)] {
        let place = Place::new().with(&sandbox).var("TERM", term).var("NO_COLOR", "1");
        let mut pty = Pty::start(&place, &["chat", "--no-cache"], columns, 40);
        pty.wait_until("the prompt", |screen| screen.contains('>'));
        pty.send("日本語 hello\r");
        pty.wait_until("the end of the turn", |_| place_has_answer(&place));
        pty.wait_until("the next prompt", |screen| screen.trim_end().ends_with('>'));
        pty.send(CTRL_D);
        let (code, printed) = pty.end_restored();
        assert_eq!(code, 0, "{term} {columns}: {printed}");
        assert!(!printed.contains("\x1b[1m") && !printed.contains("\x1b[2m"), "{term} {columns}: {printed:?}");
        assert_eq!(term == "dumb", !printed.contains('\x1b'), "{term} {columns}: {printed:?}");
        assert_eq!(prompts(&place), ["日本語 hello"]);
    }
}

fn place_has_answer(place: &Place) -> bool {
    place.home().join("llmr.db").exists()
        && rusqlite::Connection::open(place.home().join("llmr.db"))
            .and_then(|db| db.query_row("SELECT count(*) FROM contents WHERE answer IS NOT NULL", [], |row| row.get(0)))
            .is_ok_and(|count: i64| count > 0)
}

#[test]
fn what_a_terminal_cannot_have_is_said() {
    let place = Place::new().with(&quick());
    for (args, said) in [
        (vec!["chat", "--json"], "--json is for a chat in a pipe"),
        (vec!["chat", "-f", "-"], "`-` reads standard input"),
        (vec!["chat", "-c"], "there is no conversation yet"),
        (vec!["chat", "-f", "nowhere"], "cannot read `nowhere`"),
    ] {
        let (code, printed) = Pty::start(&place, &args, 100, 20).end_restored();
        assert_eq!(code, 2, "{printed}");
        assert!(printed.contains(said), "{printed}");
    }
    let place = place.var("LLMR_MODE", "dry-run");
    let (code, printed) = Pty::start(&place, &["chat"], 100, 20).end_restored();
    assert!(code == 2 && printed.contains("mode dry-run sends nothing"), "{printed}");
}

#[test]
fn a_word_about_the_last_answer_is_taken() {
    let sandbox = quick();
    let place = Place::new().with(&sandbox);
    let mut pty = chat(&place, &[]);
    pty.send("/good\r");
    said(&mut pty, "nothing was answered yet");
    ask(&mut pty, "hello", 1);
    pty.send("/bad\r");
    said(&mut pty, "r1 is bad");
    pty.send("/exit\r");
    assert_eq!(place.sql("SELECT rating, rated_by FROM requests"), ["bad|user"]);
}
