//! `llmr chat list|show|rm|export`: what is done with kept conversations.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::ChatAction;
use crate::commands::log::Picture;
use crate::commands::{Context, forget, write};
use crate::conversation::{self, Talk};
use crate::error::{Error, Kind, Result};
use crate::output::json::{self as objects, Layout};
use crate::output::{Align, Table, Terminal, sanitize, units};
use crate::store::{Condensation, Conversation, Forget, Listed, Store, Turn};
use crate::types::{NanoUsd, RequestId, Timestamp};

/// So many characters of a conversation's first message are shown in a list.
const FIRST_CHARS: usize = 50;

/// Runs what is done with kept conversations.
pub fn run(context: &mut Context, action: &ChatAction) -> Result<()> {
    match action {
        ChatAction::List { n } => list(context, *n),
        ChatAction::Show { id } => {
            let store = context.store_for_reading()?;
            let report = Report::of(&store, id)?;
            context.print(&report, |report, terminal| report.text(terminal))
        }
        ChatAction::Rm { ids } => remove(context, ids),
        ChatAction::Export { id, format } => export(context, id, format),
    }
}

/// The conversations as an object.
#[derive(Debug, Serialize)]
struct Conversations {
    conversations: Vec<Row>,
}

/// A conversation without its turns.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: Option<String>,
    at: Timestamp,
    used_at: Timestamp,
    turns: u64,
    cost_usd: Option<NanoUsd>,
    system: Option<String>,
    model: Option<String>,
    providers: Vec<String>,
    /// The beginning of what was asked first.
    first: Option<String>,
}

impl Row {
    fn new(listed: Listed) -> Self {
        let id = listed.conversation.handle();
        let Conversation { name, at, used_at, system, model, providers, .. } = listed.conversation;
        let first = listed.first.map(|text| shortened(&sanitize::line(text.trim())));
        Self { id, name, at, used_at, turns: listed.turns, cost_usd: listed.cost, system, model, providers, first }
    }
}

/// The beginning of a line, with a mark where it goes on.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(FIRST_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

fn list(context: &mut Context, n: u32) -> Result<()> {
    let listed = context.store_for_reading()?.conversations(Some(u64::from(n)))?;
    let report = Conversations { conversations: listed.into_iter().map(Row::new).collect() };
    context.print(&report, |report, terminal| {
        let mut table = Table::new(&[
            ("id", Align::Left),
            ("name", Align::Left),
            ("used (UTC)", Align::Left),
            ("turns", Align::Right),
            ("cost", Align::Right),
            ("began with", Align::Left),
        ]);
        for row in &report.conversations {
            table.row([
                row.id.clone(),
                row.name.clone().unwrap_or_default(),
                units::to_the_second(row.used_at),
                row.turns.to_string(),
                units::usd_or_unknown(row.cost_usd),
                row.first.clone().unwrap_or_default(),
            ]);
        }
        match table.is_empty() {
            true => "no conversation is kept yet\n".to_owned(),
            false => table.render(terminal),
        }
    })
}

fn remove(context: &mut Context, ids: &[String]) -> Result<()> {
    let store = context.store()?;
    let found = ids.iter().map(|id| Ok(Forget::Conversation(conversation::find(&store, id)?.id)));
    let these = found.collect::<Result<Vec<_>>>()?;
    forget::report(context, &store, store.forget(&these)?, false)
}

fn export(context: &mut Context, id: &str, format: &str) -> Result<()> {
    let store = context.store_for_reading()?;
    let report = Report::of(&store, id)?;
    let text = match format {
        "jsonl" => examples(&report.talk)?,
        "json" => objects::render(&report, Layout::of(&context.printer.terminal))?,
        _ if context.json() => objects::render(&report, Layout::of(&context.printer.terminal))?,
        _ => conversation::markdown(&report.talk),
    };
    write(&match context.printer.terminal.stdout {
        true => sanitize::text(&text).into_owned(),
        false => text,
    })
}

/// A conversation with all that is kept of it.
#[derive(Debug, Serialize)]
struct Report {
    conversation: Row,
    turns: Vec<TurnRow>,
    /// What older turns are condensed into where a window is too small for all of them.
    condensed: Option<Condensed>,
    #[serde(skip)]
    talk: Talk,
}

/// One turn.
#[derive(Debug, Serialize)]
struct TurnRow {
    number: u32,
    request: RequestId,
    at: Timestamp,
    prompt: String,
    images: Vec<Picture>,
    answer: Option<String>,
    partial: bool,
    provider: Option<String>,
    model: Option<String>,
    cost_usd: Option<NanoUsd>,
    dropped: bool,
    forgotten: bool,
}

/// What older turns were condensed into.
#[derive(Debug, Serialize)]
struct Condensed {
    upto: u32,
    summary: String,
    request: RequestId,
}

impl Report {
    fn of(store: &Store, id: &str) -> Result<Self> {
        let talk = Talk::load(store, conversation::find(store, id)?)?;
        let told = |turn: &&Turn| !turn.dropped;
        let listed = Listed {
            conversation: talk.conversation.clone(),
            turns: talk.turns.iter().filter(told).count() as u64,
            cost: talk.cost(store)?,
            first: talk.turns.iter().find(told).map(|turn| turn.prompt.clone()).filter(|prompt| !prompt.is_empty()),
        };
        let condensed = talk.condensed.clone();
        let condensed = condensed.map(|Condensation { upto, summary, request }| Condensed { upto, summary, request });
        let turns = talk.turns.iter().map(turn_row).collect();
        Ok(Self { conversation: Row::new(listed), turns, condensed, talk })
    }

    /// Turn by turn, what was taken back too.
    fn text(&self, terminal: &Terminal) -> String {
        let row = &self.conversation;
        let name = row.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
        let cost = units::usd_or_unknown(row.cost_usd);
        let mut text = format!("{}{name}  {} turns, {cost}\n", row.id, row.turns);
        if let Some(system) = &row.system {
            text += &format!("system: {system}\n");
        }
        for turn in &self.turns {
            text += &turn.text();
            if let Some(condensed) = self.condensed.as_ref().filter(|condensed| condensed.upto == turn.number) {
                text +=
                    &format!("\n· so far condensed, for windows that are too small, into:\n{}\n", condensed.summary);
            }
        }
        match terminal.stdout {
            true => sanitize::text(&text).into_owned(),
            false => text,
        }
    }
}

impl TurnRow {
    fn text(&self) -> String {
        let dropped = if self.dropped { ", taken back" } else { "" };
        let cost = units::usd_or_unknown(self.cost_usd);
        let mut text =
            format!("\n{}. {}  {}  {cost}{dropped}\n", self.number, units::to_the_second(self.at), self.request);
        if self.forgotten {
            return text + "(forgotten)\n";
        }
        for image in &self.images {
            text += &format!("[picture: {}]\n", image.name);
        }
        text += &format!("> {}\n\n", self.prompt.trim_end().replace('\n', "\n> "));
        match (&self.answer, self.partial) {
            (None, _) => text += "(no answer)\n",
            (Some(answer), false) => text += &format!("{}\n", answer.trim_end()),
            (Some(answer), true) => text += &format!("{}\n(the answer broke off here)\n", answer.trim_end()),
        }
        text
    }
}

fn turn_row(turn: &Turn) -> TurnRow {
    let who = turn.candidate.clone();
    TurnRow {
        number: turn.number,
        request: turn.request,
        at: turn.at,
        prompt: turn.prompt.clone(),
        images: turn.images.iter().map(Picture::of).collect(),
        answer: turn.answer.clone(),
        partial: turn.partial,
        provider: who.as_ref().map(|who| who.provider.clone()),
        model: who.map(|who| who.model),
        cost_usd: turn.cost,
        dropped: turn.dropped,
        forgotten: turn.is_forgotten(),
    }
}

/// One line `{"messages": […]}`, the form in which vendors take examples for fine-tuning: no other field is allowed
/// there. Only turns with a whole answer are examples.
fn examples(talk: &Talk) -> Result<String> {
    let whole = talk.turns.iter().filter(|turn| !turn.dropped && !turn.partial);
    let pairs = whole.filter_map(|turn| Some((turn, turn.answer.as_ref().filter(|answer| !answer.is_empty())?)));
    let said = pairs.flat_map(|(turn, answer)| {
        [json!({"role": "user", "content": asked(turn)}), json!({"role": "assistant", "content": answer})]
    });
    let system = talk.conversation.system.as_ref().map(|text| json!({"role": "system", "content": text}));
    let messages: Vec<Value> = system.into_iter().chain(said).collect();
    if messages.iter().all(|message| message["role"] == "system") {
        let handle = talk.conversation.handle();
        return Err(Error::new(Kind::Input, format!("{handle} has no turn with a whole answer")));
    }
    Ok(format!("{}\n", json!({ "messages": messages })))
}

/// What was asked, in parts where there are pictures.
fn asked(turn: &Turn) -> Value {
    if turn.images.is_empty() {
        return Value::from(turn.prompt.as_str());
    }
    let picture = |image: &crate::types::Image| {
        let url =
            format!("data:{};base64,{}", image.kind.media_type(), Picture::with_data(image).data.unwrap_or_default());
        json!({"type": "image_url", "image_url": {"url": url}})
    };
    turn.images.iter().map(picture).chain([json!({"type": "text", "text": turn.prompt})]).collect()
}
