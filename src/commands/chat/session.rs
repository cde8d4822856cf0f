//! A chat at the terminal: reads, asks, shows, until the user leaves. One router, one runtime and one client for all of
//! it; what is pinned and attached is plain data of each turn.

use std::path::PathBuf;

use super::complete::Names;
use super::draft;
use super::editor::{Editor, Typed};
use super::opening::{Frame, Opening, opening, which};
use super::said::{self, Sums};
use super::slash::{self, Input};
use super::watch::Watch;
use crate::cli;
use crate::commands::alerts::{self, Deliveries, Happened};
use crate::commands::answer::{Format, Output, Voice, show};
use crate::commands::{Context, Runtime, Stderr, runtime, sandbox};
use crate::conversation::{self, Pinned, Talk};
use crate::error::{Error, Kind, Result};
use crate::host;
use crate::host::modes::{Modes, forget_typed};
use crate::input::{self, Given, Stdin, StdinKind};
use crate::router::{
    self, Answered, CacheUse, Listener, Request, Router, Selection, outlive_signals, overlook_past_signals,
};
use crate::types::{AttemptReport, CacheOutcome, Message, NanoUsd};

/// Terminals that the line editor does not drive: they read whole lines, and show what is typed themselves.
const PLAIN_TERMINALS: [&str; 3] = ["dumb", "cons25", "emacs"];

/// Holds a chat at the terminal.
pub fn run(context: &mut Context, args: &cli::Chat) -> Result<()> {
    outlive_signals();
    let modes = Modes::now();
    restore_on_panic(modes.clone());
    let watch = Watch::start(modes.clone())?;
    refuse_stdin(&args.question)?;
    let Opening { base, pinned, first, frame } = opening(context, &args.question, false)?;
    let base = Request { mode: context.config.settings.mode, tag: args.tag.clone(), ..base };
    let attached = match first {
        Some(_) => Attached::default(),
        None => Attached { files: args.question.files.clone(), images: args.question.images.clone() },
    };
    readable(&attached)?;
    let rehearsal = sandbox::start(context)?;
    let mut voice = Voice::of(context);
    // JSON is for other programs, also when somebody looks on.
    voice.renders &= base.schema.is_none();
    let deliveries = context.deliveries.clone();
    let names = Names { home: home(context), ..Names::of(&context.config, context.now().day()) };
    // Told before anything is typed that nobody would answer.
    router::select(&context.config, &base.selection, context.now().day())?;
    let mut editor = Editor::new(&voice.terminal, names)?;
    let hushes = !context.host.env.get("TERM").is_some_and(|term| PLAIN_TERMINALS.contains(&term.as_str()));
    let runtime = runtime()?;
    let router = context.router()?;
    let talk = Talk::open(&router.store, &which(args), &pinned, router.host.now())?;
    let mut session = Session {
        talk,
        base,
        runtime,
        messages: voice.messages(),
        voice,
        raw: args.raw,
        modes: hushes.then_some(modes),
        watch,
        attached,
        frame,
        deliveries,
        unanswered: None,
        cancelled: false,
        history: router.config.paths.history_file.clone(),
        router,
    };
    if let Err(error) = editor.load_history(&session.history) {
        session.messages.warning(&error.message);
        // What cannot be read is not written to either.
        session.history = PathBuf::new();
    }
    let ended = session.hold(&mut editor, first);
    drop(rehearsal);
    ended
}

/// A terminal is given back also by a process that dies of a bug.
fn restore_on_panic(modes: Modes) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        modes.restore();
        before(info);
    }));
}

/// What is asked is typed: standard input is not read to its end.
fn refuse_stdin(question: &cli::Question) -> Result<()> {
    let file = question.files.iter().any(|path| path.as_os_str() == "-");
    if file || question.prompt.last().is_some_and(|word| word == "-") {
        return Err(Error::new(Kind::Usage, "`-` reads standard input, and a chat at the terminal is typed there")
            .hint("put it into a file: -f FILE, or /file FILE inside"));
    }
    Ok(())
}

fn home(context: &Context) -> Option<String> {
    context.host.home.as_ref().and_then(|home| home.to_str()).map(str::to_owned)
}

/// What goes with the next prompt.
#[derive(Debug, Clone, Default)]
pub(super) struct Attached {
    pub files: Vec<PathBuf>,
    pub images: Vec<PathBuf>,
}

impl Attached {
    fn count(&self) -> usize {
        self.files.len() + self.images.len()
    }
}

/// A chat under way.
pub(super) struct Session<'a> {
    pub router: Router<'a>,
    pub talk: Talk,
    base: Request,
    runtime: Runtime,
    pub voice: Voice,
    pub messages: Stderr,
    raw: bool,
    /// The terminal's modes, where keys can be kept from showing during an answer.
    modes: Option<Modes>,
    watch: Watch,
    pub attached: Attached,
    /// Where the next prompt that is typed goes.
    frame: Option<Frame>,
    deliveries: Deliveries,
    /// What was asked last and is not among the turns: nobody could be asked.
    pub unanswered: Option<Message>,
    /// Whether Ctrl-C has ended an answer since the last prompt: nothing that was typed before it is to be sent.
    cancelled: bool,
    history: PathBuf,
}

/// Whether the chat goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goes {
    On,
    Out,
}

impl Session<'_> {
    fn hold(&mut self, editor: &mut Editor, first: Option<Message>) -> Result<()> {
        self.greet();
        if let Some(first) = first {
            let asked = self.ask(first, false);
            self.heed(asked.map(|()| Goes::On))?;
        }
        loop {
            if self.watch.asked() {
                return Err(terminated());
            }
            let typed = self.read(editor);
            if self.watch.asked() {
                continue;
            }
            let goes = typed.and_then(|typed| self.typed(typed, editor));
            if self.heed(goes)? == Goes::Out {
                break;
            }
        }
        self.farewell();
        Ok(())
    }

    fn read(&mut self, editor: &mut Editor) -> Result<Typed> {
        if std::mem::take(&mut self.cancelled) {
            forget_typed();
            editor.forget_keys()?;
        }
        if let Some(names) = editor.names() {
            names.sessions = conversation::names(&self.router.store).unwrap_or_default();
        }
        let model = self.talk.conversation.model.as_deref();
        let prompt = said::prompt(model, self.attached.count(), host::terminal_width());
        self.watch.reading(|| editor.read(&prompt, ""))
    }

    /// What went wrong is told, and the chat goes on; only what ends the process ends the chat.
    fn heed(&mut self, result: Result<Goes>) -> Result<Goes> {
        match result {
            Err(error) if matches!(error.kind, Kind::Terminated | Kind::Closed) => Err(error),
            Err(error) => {
                self.messages.error(&error);
                Ok(Goes::On)
            }
            went => went,
        }
    }

    fn typed(&mut self, typed: Typed, editor: &mut Editor) -> Result<Goes> {
        match typed {
            Typed::End => {
                // Where no line editor ends the line, the terminal is still in it.
                if self.modes.is_none() {
                    self.messages.plain("");
                }
                Ok(Goes::Out)
            }
            Typed::Dropped => Ok(Goes::On),
            Typed::Draft(text) => self.edit(&text, editor).map(|()| Goes::On),
            Typed::Text(text) => {
                self.remember(&text, editor);
                let meant = draft::meant(&text);
                let input = if draft::is_block(&text) { Input::Prompt(meant) } else { slash::parse(&meant)? };
                match input {
                    Input::Nothing => Ok(Goes::On),
                    Input::Prompt(prompt) => self.ask_typed(&prompt).map(|()| Goes::On),
                    Input::Command(verb, argument) => self.command(verb, &argument, editor),
                }
            }
        }
    }

    /// Keeps what was typed for the next time. A history that cannot be written is told once and stops nothing.
    pub fn remember(&mut self, text: &str, editor: &mut Editor) {
        if self.history.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = editor.remember(text.trim_end_matches(['\n', '\r']), &self.history) {
            self.messages.warning(&error.message);
            self.history = PathBuf::new();
        }
    }

    fn greet(&mut self) {
        if self.talk.turns.is_empty() {
            self.messages.aside("/help lists the commands, Ctrl-D leaves");
        } else {
            self.recall();
        }
        if let Some(frame) = &self.frame {
            self.messages.note(&frame.text());
        }
    }

    fn recall(&mut self) {
        let said = said::conversation(&self.talk.conversation, &self.talk.turns, self.spent());
        self.messages.aside(&format!("going on with {said}"));
        if let Some(recalled) = said::recalled(&self.talk.turns) {
            self.messages.aside(&recalled);
        }
    }

    fn farewell(&mut self) {
        if !self.talk.turns.is_empty() {
            let said = said::conversation(&self.talk.conversation, &self.talk.turns, self.spent());
            self.messages.aside(&format!("kept: {said}; `llmr chat -c` goes on with it"));
        }
    }

    /// What the conversation has cost.
    pub fn spent(&self) -> Option<NanoUsd> {
        self.talk.cost(&self.router.store).ok().flatten()
    }

    /// What is pinned now.
    pub fn pinned(&self) -> Pinned {
        let now = &self.talk.conversation;
        Pinned { system: now.system.clone(), model: now.model.clone(), providers: now.providers.clone() }
    }

    /// Whom prompts go to with this pinned. Fails where nobody would answer.
    pub fn selection(&self, pinned: &Pinned) -> Selection {
        Selection { model: pinned.model.clone(), providers: pinned.providers.clone(), ..self.base.selection.clone() }
    }

    /// Asks what was typed, with what is attached to it.
    pub fn ask_typed(&mut self, text: &str) -> Result<()> {
        let mut message = message(text, &self.attached)?;
        self.attached = Attached::default();
        if let Some(frame) = self.frame.take() {
            message.text = frame.around(&message.text);
        }
        self.ask(message, false)
    }

    /// Asks, and shows what comes. `anew`: not from the cache.
    ///
    /// An answer that was cancelled is no failure. Any other failure can be asked again by `/retry`.
    pub fn ask(&mut self, message: Message, anew: bool) -> Result<()> {
        self.runtime.block_on(overlook_past_signals());
        if self.watch.asked() {
            return Err(terminated());
        }
        self.voice.terminal.width = host::terminal_width();
        let streams = self.voice.terminal.stdout;
        let cache = if anew && self.base.cache == CacheUse::On { CacheUse::Refresh } else { self.base.cache };
        let request = Request { cache, stream: true, ..self.base.clone() };
        let (turns, told) = (self.talk.turns.len(), self.router.warned.len());
        let hush = self.modes.as_ref().map(Modes::hush);
        let structured = request.schema.is_some();
        let mut output = Output::speaking(&self.voice, Format::Text, streams, self.raw).parsing(structured);
        let asking = conversation::turn(&mut self.router, &mut self.talk, request, message.clone(), &mut output);
        let answered = self.runtime.block_on(asking);
        self.router.warned.iter().skip(told).for_each(|warning| output.note(warning));
        let wrote = output.finish_stream();
        let happened = answered.as_ref().map_or_else(Happened::failed, Happened::answered);
        let shown = wrote.and_then(|()| self.conclude(answered, turns, message, &mut output));
        drop(hush);
        alerts::after(&self.router, &mut self.messages, &self.deliveries, &happened);
        shown
    }

    fn conclude(
        &mut self,
        answered: Result<Answered>,
        turns: usize,
        message: Message,
        output: &mut Output,
    ) -> Result<()> {
        // Another process may have added turns of its own.
        let taken =
            self.talk.turns.len() > turns && self.talk.turns.last().is_some_and(|turn| turn.prompt == message.text);
        self.unanswered = (answered.is_err() && !taken).then_some(message);
        let day = self.router.day().ok();
        let session = self.spent();
        let sums = Sums { session, day: day.as_ref() };
        match answered {
            Ok(answered) => {
                let line = said::turn(&answered.candidate, answered.cost, answered.cache, &sums, &self.voice.terminal);
                let hit = answered.cache == CacheOutcome::Hit;
                let model = self.talk.conversation.model.as_deref();
                show(&mut self.router, output, model, answered, false)?;
                self.messages.aside(&line);
                if hit {
                    self.messages.aside("this answer was given before; /retry asks anew");
                }
                Ok(())
            }
            Err(error) if error.kind == Kind::Interrupted => {
                self.cancelled = true;
                let partial = self.talk.turns.last().filter(|_| taken).and_then(|turn| turn.answer.as_deref());
                let said = said::cancelled(charged(&error.attempts), partial);
                self.messages.note(&said);
                self.messages.aside(&sums.line(&self.voice.terminal));
                Ok(())
            }
            Err(error) if matches!(error.kind, Kind::Terminated | Kind::Closed) => Err(error),
            Err(error) => {
                error.answer.iter().for_each(|answer| output.show_unfit(answer));
                let again = error.hint("/retry asks it again");
                self.messages.error(&again);
                if !again.attempts.is_empty() {
                    self.messages.aside(&sums.line(&self.voice.terminal));
                }
                Ok(())
            }
        }
    }
}

fn terminated() -> Error {
    Error::new(Kind::Terminated, "terminated; what was spent is recorded")
}

/// What the attempts cost together; `None` where that is not known.
fn charged(attempts: &[AttemptReport]) -> Option<NanoUsd> {
    attempts.iter().map(|attempt| attempt.cost_usd).sum()
}

/// A text with what goes with it.
pub(super) fn message(text: &str, attached: &Attached) -> Result<Message> {
    let nothing = || Stdin { kind: StdinKind::Other, reader: std::io::empty(), silence: input::SILENCE };
    let images = input::images::read(&attached.images, nothing(), |_| ())?;
    if attached.files.is_empty() {
        return Ok(Message { images, ..Message::user(text) });
    }
    let words = [text.to_owned()];
    let given = Given { words: &words, files: &attached.files, no_stdin: true };
    let text = input::read(&given, nothing(), |_| ())?;
    Ok(Message { images, ..Message::user(text) })
}

/// Whether all of it can go with a prompt.
pub(super) fn readable(attached: &Attached) -> Result<()> {
    message("x", attached).map(drop)
}
