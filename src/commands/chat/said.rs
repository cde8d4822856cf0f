//! What a chat says beside the answers, as texts: what a turn cost, the day, the turns, whom a prompt goes to. Pure.

use crate::engine::estimate;
use crate::output::{Align, Table, Terminal, sanitize, units};
use crate::router::{Day, Selected};
use crate::store::{Conversation, Turn};
use crate::types::{CacheOutcome, CandidateId, NanoUsd};

/// A model's name in the prompt is cut here.
const NAME_COLUMNS: usize = 24;
/// A terminal narrower than this has no room for a name beside what is typed.
const NARROW: u16 = 40;
/// Of an exchange that is only recalled, so much is shown.
const RECALLED_CHARS: usize = 160;
/// So many candidates are named; who is further behind is hardly ever asked.
const NAMED: usize = 4;

/// The prompt of the line editor.
pub fn prompt(model: Option<&str>, attached: usize, width: Option<u16>) -> String {
    let room = width.is_none_or(|width| width == 0 || width >= NARROW);
    let model = model.filter(|_| room).map(|model| cut(&sanitize::line(model), NAME_COLUMNS));
    let attached = (attached > 0).then(|| format!("+{attached}"));
    let parts: Vec<String> = model.into_iter().chain(attached).collect();
    format!("{}> ", parts.join(" "))
}

/// What a turn cost, with what comes of it.
pub fn turn(
    who: &CandidateId,
    cost: Option<NanoUsd>,
    cache: CacheOutcome,
    sums: &Sums<'_>,
    terminal: &Terminal,
) -> String {
    let cost = match cache {
        CacheOutcome::Hit => "from the cache".to_owned(),
        _ => price(cost),
    };
    join(vec![who.model.clone(), cost].into_iter().chain(sums.parts()).collect(), terminal)
}

/// What the turns have cost together, and what is left.
pub struct Sums<'d> {
    /// Of the conversation; `None` where a price is not known.
    pub session: Option<NanoUsd>,
    /// The day's money, where it can be told.
    pub day: Option<&'d Day>,
}

impl Sums<'_> {
    fn parts(&self) -> Vec<String> {
        let session = self
            .session
            .map_or_else(|| "session: price unknown".to_owned(), |sum| format!("session {}", units::usd(sum)));
        let day = self.day.map(|day| match day.remaining_usd {
            Some(left) => format!("{} left today", units::usd(left)),
            None => format!("{} today, no limit", units::usd(day.spent_usd)),
        });
        [session].into_iter().chain(day).collect()
    }

    /// On a line of their own, after a turn that brought no answer.
    pub fn line(&self, terminal: &Terminal) -> String {
        join(self.parts(), terminal)
    }
}

fn join(parts: Vec<String>, terminal: &Terminal) -> String {
    parts.join(if terminal.utf8 { " · " } else { " | " })
}

fn price(cost: Option<NanoUsd>) -> String {
    cost.map_or_else(|| "price unknown".to_owned(), units::usd)
}

/// What a cancelled answer cost, with what had come of it.
pub fn cancelled(cost: Option<NanoUsd>, partial: Option<&str>) -> String {
    let came = partial
        .filter(|text| !text.is_empty())
        .map(|text| format!("about {} tokens came, ", units::tokens(estimate::tokens(text))));
    match cost {
        Some(NanoUsd::ZERO) => "cancelled; nothing is charged".to_owned(),
        Some(cost) => format!("cancelled; {}{} are charged", came.unwrap_or_default(), units::usd(cost)),
        None => format!("cancelled; {}what they cost is not known", came.unwrap_or_default()),
    }
}

/// `/cost`: every turn with its cost.
pub fn costs(turns: &[Turn], sum: Option<NanoUsd>, terminal: &Terminal) -> String {
    if turns.is_empty() {
        return "nothing was asked yet".to_owned();
    }
    let mut table = Table::new(&[
        ("turn", Align::Right),
        ("prompt", Align::Left),
        ("answered by", Align::Left),
        ("cost", Align::Right),
    ]);
    for turn in turns {
        let note = match (turn.dropped, turn.answer.is_some(), turn.partial) {
            (true, ..) => " (taken back)",
            (_, false, _) => " (no answer)",
            (.., true) => " (broken off)",
            _ => "",
        };
        let who = turn.candidate.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let prompt = cut(&sanitize::line(&turn.prompt), NAME_COLUMNS);
        table.row([turn.number.to_string(), prompt, format!("{who}{note}"), units::usd_or_unknown(turn.cost)]);
    }
    // It goes to stderr, where texts are made harmless: codes for colours among them.
    let plain = Terminal { stdout_color: false, ..*terminal };
    format!("{}together {}", table.render(&plain), units::usd_or_unknown(sum))
}

/// `/budget`: the day's money.
pub fn day(day: &Day) -> String {
    match (day.limit_usd, day.remaining_usd) {
        (Some(limit), Some(left)) => format!(
            "{}: {} of {} spent ({}), {} held, {} left; resets at {}",
            day.day,
            units::usd(day.spent_usd),
            units::usd(limit),
            units::percent(day.used_pct),
            units::usd(day.held_usd),
            units::usd(left),
            day.resets_at
        ),
        _ => format!("{}: {} spent, no limit", day.day, units::usd(day.spent_usd)),
    }
}

/// A conversation in a few words: `c3 (trip), 4 turns, $0.0031`.
pub fn conversation(conversation: &Conversation, turns: &[Turn], sum: Option<NanoUsd>) -> String {
    if turns.is_empty() {
        return match &conversation.name {
            Some(name) => format!("a new conversation named {name}"),
            None => "a new conversation".to_owned(),
        };
    }
    let name = conversation.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let count = turns.len();
    let plural = if count == 1 { "" } else { "s" };
    format!("{}{name}, {count} turn{plural}, {}", conversation.handle(), price(sum))
}

/// The last exchange, shortly.
pub fn recalled(turns: &[Turn]) -> Option<String> {
    let last = turns.iter().rev().find(|turn| !turn.dropped)?;
    let short = |text: &str| cut(&sanitize::line(text.trim()), RECALLED_CHARS);
    let answer = last.answer.as_deref().map_or_else(|| "(no answer)".to_owned(), short);
    Some(format!("> {}\n{answer}", short(&last.prompt)))
}

/// Whom the next prompt goes to.
pub fn who(selected: &Selected, pinned: Option<&str>) -> String {
    let ids: Vec<String> = selected.targets.iter().map(|target| target.candidate.id.to_string()).collect();
    let more = ids.len().saturating_sub(NAMED);
    let named = ids.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let named = if more > 0 { format!("{named} and {more} more") } else { named };
    match (pinned, ids.len()) {
        (Some(_), 1) => format!("{named} answers"),
        (Some(model), _) => format!("{model} is answered by one of {named}"),
        (None, 1) => format!("no model is pinned; {named} answers"),
        (None, _) => format!("no model is pinned; the router chooses among {named}"),
    }
}

/// The beginning of a text, with a mark where something is left out.
fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{RequestId, Timestamp};

    const USD: i64 = 1_000_000_000;

    fn turn_of(number: u32, prompt: &str, answer: Option<&str>, cost: Option<i64>) -> Turn {
        Turn {
            number,
            request: RequestId(i64::from(number)),
            at: Timestamp::default(),
            prompt: prompt.into(),
            images: Vec::new(),
            answer: answer.map(str::to_owned),
            partial: false,
            candidate: answer.map(|_| CandidateId::new("openai", "m")),
            cost: cost.map(NanoUsd),
            dropped: false,
        }
    }

    #[test]
    fn the_prompt_is_short_and_shows_what_is_pinned() {
        for (model, attached, width, shown) in [
            (None, 0, Some(80), "> "),
            (Some("gpt-6-luna"), 0, Some(80), "gpt-6-luna> "),
            (Some("gpt-6-luna"), 2, None, "gpt-6-luna +2> "),
            (Some("gpt-6-luna"), 0, Some(20), "> "),
            (Some("gpt-6-luna"), 0, Some(0), "gpt-6-luna> "),
            (Some("a-model-with-a-very-long-name"), 0, Some(80), "a-model-with-a-very-long…> "),
            (Some("bad\x1b[2J"), 1, Some(80), "bad␛[2J +1> "),
        ] {
            assert_eq!(prompt(model, attached, width), shown);
        }
    }

    #[test]
    fn a_turn_says_what_it_cost_and_what_is_left() {
        let who = CandidateId::new("anthropic", "claude-haiku-4-5");
        let day = |limit: Option<i64>| Day {
            limit_usd: limit.map(NanoUsd),
            spent_usd: NanoUsd(USD / 4),
            held_usd: NanoUsd::ZERO,
            remaining_usd: limit.map(|limit| NanoUsd(limit - USD / 4)),
            used_pct: 5.0,
            state: crate::engine::budget::BudgetState::Ok,
            requests: 3,
            day: Timestamp::default().day(),
            resets_at: Timestamp::default(),
        };
        let line = |cost: Option<i64>, cache, session: Option<i64>, limit: Option<i64>, utf8| {
            let day = day(limit);
            let sums = Sums { session: session.map(NanoUsd), day: Some(&day) };
            turn(&who, cost.map(NanoUsd), cache, &sums, &Terminal { utf8, ..Terminal::PIPES })
        };
        let miss = CacheOutcome::Miss;
        assert_eq!(
            line(Some(400_000), miss, Some(3_100_000), Some(5 * USD), true),
            "claude-haiku-4-5 · $0.0004 · session $0.0031 · $4.75 left today"
        );
        assert_eq!(
            line(None, miss, None, None, false),
            "claude-haiku-4-5 | price unknown | session: price unknown | $0.25 today, no limit"
        );
        assert!(
            line(Some(0), CacheOutcome::Hit, Some(0), None, true)
                .starts_with("claude-haiku-4-5 · from the cache · session $0.00")
        );
    }

    #[test]
    fn a_cancelled_answer_says_what_is_charged() {
        assert_eq!(cancelled(Some(NanoUsd::ZERO), None), "cancelled; nothing is charged");
        assert_eq!(cancelled(Some(NanoUsd(300_000)), Some("")), "cancelled; $0.0003 are charged");
        assert_eq!(
            cancelled(Some(NanoUsd(300_000)), Some("hi")),
            "cancelled; about 1 tokens came, $0.0003 are charged"
        );
        assert_eq!(cancelled(None, None), "cancelled; what they cost is not known");
    }

    #[test]
    fn turns_are_listed_with_what_became_of_them() {
        let turns = [
            turn_of(1, "hello\nthere", Some("hi"), Some(1_000_000)),
            Turn { dropped: true, ..turn_of(2, "x", Some("y"), None) },
            turn_of(3, "z", None, Some(0)),
        ];
        let text = costs(&turns, None, &Terminal::PIPES);
        for part in ["hello there", "openai/m (taken back)", "- (no answer)", "$0.001", "unknown", "together unknown"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(costs(&[], Some(NanoUsd::ZERO), &Terminal::PIPES), "nothing was asked yet");
        assert_eq!(recalled(&turns).as_deref(), Some("> z\n(no answer)"));
        assert_eq!(recalled(&turns[..2]).as_deref(), Some("> hello there\nhi"));
        assert_eq!(recalled(&[]), None);
    }
}
