//! An answer on its way to the user: shown while it comes, then what there is to say about it. `ask` and `chat`
//! share it.

use std::io;

use serde::Serialize;
use serde_json::Value;

use crate::commands::{Context, long};
use crate::conversation::Talk;
use crate::error::{Error, Kind, Result};
use crate::host;
use crate::output::json::{self, Event, Layout, Next};
use crate::output::markdown::Look;
use crate::output::usage::{self, Receipt};
use crate::output::{self, AnswerWriter, Level, Messages, Redactor, Spinner, Terminal, Wrote};
use crate::router::{Answered, Day, Flow, Listener, Router};
use crate::store::Store;
use crate::types::{
    AttemptReport, CacheOutcome, CandidateId, CostSource, FinishReason, Limit, NanoUsd, Outcome, RequestId, Tier, Usage,
};

/// What is printed on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The answer alone.
    Text,
    /// One object.
    Json,
    /// One object a line.
    StreamJson,
}

/// Where the answer goes while it comes.
pub struct Output {
    format: Format,
    streams: bool,
    writer: AnswerWriter<Box<dyn io::Write + Send>>,
    spinner: Spinner,
    messages: crate::commands::Stderr,
    /// The first thing that went wrong with stdout.
    broken: Option<io::Error>,
    closed: bool,
    begun: bool,
    /// Whether any of the answer was streamed: then it is not printed again as a whole.
    streamed: bool,
    /// Warnings that were said when they arose.
    told: Vec<String>,
    layout: Layout,
    /// Whether the receipt may go beyond ASCII.
    utf8: bool,
    conversation: Option<ConversationReport>,
    long: Option<long::Report>,
    /// Whether the first code block alone is printed.
    extracts: bool,
    /// Whether the answer is JSON that was asked for by a schema.
    parses: bool,
}

/// What an output needs of a command's surroundings: a chat, whose router borrows these, keeps a copy.
#[derive(Debug, Clone)]
pub struct Voice {
    /// What stdout and stderr are.
    pub terminal: Terminal,
    /// How much is said on stderr.
    pub level: Level,
    /// Whether Markdown is rendered on a terminal.
    pub renders: bool,
    redactor: Redactor,
}

impl Voice {
    /// That of a command.
    pub fn of(context: &Context) -> Self {
        let terminal = context.printer.terminal;
        let dumb = context.host.env.get("TERM").is_some_and(|term| term == "dumb") && !terminal.stdout_color;
        Self {
            terminal,
            level: context.level(),
            renders: context.config.settings.markdown && !dumb,
            redactor: context.redactor.clone(),
        }
    }

    /// A writer of messages.
    pub fn messages(&self) -> crate::commands::Stderr {
        Messages::new(io::stderr(), &self.terminal, self.level, self.redactor.clone())
    }

    /// Rendered on a terminal that can do more than print, unless the user wants it otherwise; a pipe gets what the
    /// model wrote, whatever `--color` says.
    fn writer(&self, raw: bool) -> AnswerWriter<Box<dyn io::Write + Send>> {
        let out = crate::output::stdout::stdout();
        match (self.terminal.stdout && !raw, self.renders) {
            (false, _) => AnswerWriter::plain(out),
            (true, false) => AnswerWriter::for_terminal(out),
            (true, true) => AnswerWriter::rendered(out, Look::of(&self.terminal)),
        }
    }
}

impl Output {
    /// For one request: to stdout and stderr.
    pub fn new(context: &Context, format: Format, streams: bool, raw: bool) -> Self {
        Self::speaking(&Voice::of(context), format, streams, raw)
    }

    /// For one of many requests.
    pub fn speaking(voice: &Voice, format: Format, streams: bool, raw: bool) -> Self {
        let writer = voice.writer(raw);
        let spinner = match format {
            Format::Text => Spinner::start("waiting for an answer", &voice.terminal, voice.level, host::terminal_width),
            _ => Spinner::none(),
        };
        let messages = voice.messages();
        let layout = Layout::of(&voice.terminal);
        let utf8 = voice.terminal.utf8;
        Self {
            utf8,
            format,
            streams,
            writer,
            spinner,
            messages,
            layout,
            broken: None,
            closed: false,
            begun: false,
            streamed: false,
            told: Vec::new(),
            conversation: None,
            long: None,
            parses: false,
            extracts: false,
        }
    }

    /// The same, for an answer that is JSON by a schema.
    pub fn parsing(self, parses: bool) -> Self {
        Self { parses, ..self }
    }

    /// The same, printing the first code block alone.
    pub fn extracting(self, extracts: bool) -> Self {
        Self { extracts, ..self }
    }

    /// Shows an answer that cannot be given as one: on stderr, so that nothing takes it for the answer.
    pub fn show_unfit(&mut self, answer: &str) {
        if !self.quiet() {
            self.spinner.clear();
            self.messages.plain("the answer, which was paid for:");
            self.messages.plain(answer);
        }
    }

    /// The same with every object on one line, whoever reads it.
    #[must_use]
    pub fn in_lines(self) -> Self {
        Self { layout: Layout::Compact, ..self }
    }

    /// Says in JSON which conversation the answer belongs to.
    pub fn about(&mut self, conversation: ConversationReport) {
        self.conversation = Some(conversation);
    }

    /// Says in JSON how the texts were read.
    pub fn read_in_parts(&mut self, report: long::Report) {
        self.long = Some(report);
    }

    /// Whether nothing but results is said, because they are JSON.
    pub fn quiet(&self) -> bool {
        self.format != Format::Text
    }

    fn took(&mut self, wrote: io::Result<Wrote>) -> Flow {
        match wrote {
            Ok(Wrote::All) => return Flow::On,
            Ok(Wrote::Closed) => self.closed = true,
            Err(error) => self.broken = Some(error),
        }
        Flow::Closed
    }

    fn line(&mut self, event: &Event<'_, Report>) -> Flow {
        let wrote = json::line(event)
            .map_err(io::Error::other)
            .and_then(|line| crate::output::stdout::write_all(&mut crate::output::stdout::stdout(), line.as_bytes()));
        self.took(wrote)
    }

    /// Says that nobody was asked.
    pub fn hit(&mut self, who: &CandidateId) {
        self.spinner.clear();
        if !self.quiet() {
            self.messages.note(&format!("from the cache, as {who} answered before; --refresh asks anew"));
        }
    }

    /// Says what the person may do.
    pub fn hint(&mut self, text: &str) {
        if !self.quiet() {
            self.messages.hint(text);
        }
    }

    /// Ends what was streamed with its line break, also when the answer broke off.
    pub fn finish_stream(&mut self) -> Result<()> {
        self.spinner.clear();
        if self.format == Format::Text && self.writer.has_begun() {
            let wrote = self.writer.finish();
            self.took(wrote);
        }
        match self.broken.take() {
            Some(error) => Err(Error::new(Kind::Other, format!("cannot write to standard output: {error}"))),
            None => Ok(()),
        }
    }
}

impl Listener for Output {
    fn streams(&self) -> bool {
        self.streams
    }

    fn started(&mut self, id: RequestId, candidate: &CandidateId) {
        if self.format == Format::StreamJson && !std::mem::replace(&mut self.begun, true) {
            let start = Event::Start { id: Some(id), provider: &candidate.provider, model: &candidate.model };
            self.line(&start);
        }
        self.spinner.set_message(&format!("waiting for {candidate}"));
        if !self.quiet() {
            let messages = &mut self.messages;
            self.spinner.suspend(|| messages.detail(&format!("asking {candidate}")));
        }
    }

    fn delta(&mut self, text: &str) -> Flow {
        if self.format == Format::StreamJson {
            return self.line(&Event::Delta { text });
        }
        self.streamed |= !text.is_empty();
        self.writer.set_columns(host::terminal_width);
        let spinner = &mut self.spinner;
        let wrote = self.writer.push_after(text, || spinner.clear());
        self.took(wrote)
    }

    fn switched(&mut self, attempt: &AttemptReport, why: &str, to: &CandidateId) {
        if self.format == Format::StreamJson {
            self.line(&Event::Fallback { attempt, next: Next::from(to) });
        }
        if !self.quiet() {
            let text = format!("{}/{} failed ({why}); asking {to}", attempt.provider, attempt.model);
            let messages = &mut self.messages;
            self.spinner.suspend(|| messages.warning(&text));
        }
    }

    fn detail(&mut self, text: &str) {
        if !self.quiet() {
            self.messages.detail(text);
        }
    }

    fn note(&mut self, text: &str) {
        if !self.quiet() && !self.told.iter().any(|told| told == text) {
            let messages = &mut self.messages;
            self.spinner.suspend(|| messages.warning(text));
            self.told.push(text.to_owned());
        }
    }
}

/// The `ask` object.
#[derive(Debug, Serialize)]
pub struct Report {
    id: RequestId,
    provider: String,
    model: String,
    requested_model: Option<String>,
    tier: Option<Tier>,
    content: String,
    finish_reason: FinishReason,
    usage: Usage,
    cost_usd: Option<NanoUsd>,
    cost_source: CostSource,
    latency_ms: u64,
    first_token_ms: Option<u64>,
    cache: CacheOutcome,
    attempts: Vec<AttemptReport>,
    budget: Option<Day>,
    conversation: Option<ConversationReport>,
    warnings: Vec<String>,
    /// How texts were read that are too long for one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    long: Option<long::Report>,
    /// What the content says, where a schema was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// The first code block, where that was asked for; null where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    extracted: Option<Option<String>>,
}

/// The conversation that an answer belongs to.
#[derive(Debug, Serialize)]
pub struct ConversationReport {
    id: String,
    name: Option<String>,
    turn: u32,
    cost_usd: Option<NanoUsd>,
}

impl ConversationReport {
    /// Of a conversation whose last turn was just answered.
    pub fn of(talk: &Talk, store: &Store) -> Self {
        Self {
            id: talk.conversation.handle(),
            name: talk.conversation.name.clone(),
            turn: talk.turns.last().map_or(0, |turn| turn.number),
            // The answer is there: a sum that cannot be read keeps nobody from it.
            cost_usd: talk.cost(store).ok().flatten(),
        }
    }
}

impl Report {
    fn new(answered: Answered, requested_model: Option<&str>, budget: Option<Day>) -> Self {
        Self {
            id: answered.id,
            provider: answered.candidate.provider,
            model: answered.candidate.model,
            requested_model: requested_model.map(str::to_owned),
            tier: answered.tier,
            content: answered.text,
            finish_reason: answered.finish,
            usage: answered.usage,
            cost_usd: answered.cost,
            cost_source: answered.cost_source,
            latency_ms: answered.latency_ms,
            first_token_ms: answered.first_token_ms,
            cache: answered.cache,
            attempts: answered.attempts,
            budget,
            conversation: None,
            warnings: answered.warnings,
            long: None,
            data: None,
            extracted: None,
        }
    }
}

/// Prints the answer, unless it was streamed, and what there is to say about it.
pub fn show(
    router: &mut Router<'_>,
    output: &mut Output,
    requested_model: Option<&str>,
    answered: Answered,
    receipt: bool,
) -> Result<()> {
    let receipt = receipt || router.config.settings.usage;
    // Nobody else reads it.
    let day = if receipt || output.format != Format::Text { router.day().ok() } else { None };
    if output.format == Format::Text {
        if !output.streamed {
            let extracted = output.extracts.then(|| output::first_code_block(&answered.text)).flatten();
            if output.extracts && extracted.is_none() && !output.parses {
                output.note("the answer has no code block: it is printed whole");
            }
            output.spinner.clear();
            let wrote = output.writer.put(extracted.as_deref().unwrap_or(&answered.text));
            output.took(wrote);
        }
        output.finish_stream()?;
        say(output, &answered, day.as_ref(), router.limit, receipt);
        return Ok(());
    }
    let extracted = output.extracts.then(|| output::first_code_block(&answered.text));
    let data = if output.parses { serde_json::from_str(&answered.text).ok() } else { None };
    let mut report = Report { extracted, data, ..Report::new(answered, requested_model, day) };
    report.conversation = output.conversation.take();
    report.long = output.long.take();
    let text = match output.format {
        Format::StreamJson => json::line(&Event::Result(&report))?,
        _ => json::render(&report, output.layout)?,
    };
    let wrote = crate::output::stdout::write_all(&mut crate::output::stdout::stdout(), text.as_bytes());
    output.took(wrote);
    output.finish_stream()
}

/// Warnings that were not said while they arose, and the receipt.
fn say(output: &mut Output, answered: &Answered, day: Option<&Day>, limit: Limit, receipt: bool) {
    for warning in &answered.warnings {
        output.note(warning);
    }
    if !receipt {
        return;
    }
    let receipt = Receipt {
        candidate: answered.candidate.clone(),
        usage: answered.usage,
        cost: answered.cost,
        spent_today: day.map(|day| day.spent_usd),
        limit,
        latency_ms: answered.latency_ms,
        first_token_ms: answered.first_token_ms,
        cache: answered.cache,
        failovers: failovers(&answered.attempts),
    };
    output.messages.plain(&usage::line(&receipt, output.utf8));
}

/// How often another candidate was asked because one had failed; asking several at once is no switch.
fn failovers(attempts: &[AttemptReport]) -> u32 {
    let other = |w: &&[AttemptReport]| (&w[0].provider, &w[0].model) != (&w[1].provider, &w[1].model);
    let switches = attempts.windows(2).filter(other).filter(|w| w[0].outcome == Outcome::Failed);
    u32::try_from(switches.count()).unwrap_or(u32::MAX)
}
