//! The ledger against the bill: what reached a provider has its row, and what was answered costs what was billed.

use std::collections::BTreeMap;

use llmr::sandbox::Sandbox;

use crate::database::{Hold, Row};

/// What begins every prompt, followed by numbers: who asks, and which turn or line it is.
pub const MARK: &str = "mark-";

/// Who asked, by what it asked.
pub fn key(prompt: Option<&str>, tag: &str) -> String {
    match prompt.and_then(mark) {
        Some(mark) => mark,
        // Its texts are forgotten: only those with one prompt are.
        None => format!("{MARK}{}-0", tag.trim_start_matches('k')),
    }
}

/// The last mark of a text: of a conversation that is its last turn.
fn mark(text: &str) -> Option<String> {
    let at = text.rfind(MARK)?;
    let numbers = text[at + MARK.len()..].chars().take_while(|c| c.is_ascii_digit() || *c == '-');
    Some(format!("{MARK}{}", numbers.collect::<String>()))
}

/// Everything that one asker had to do with one provider.
#[derive(Debug, Default)]
struct Account<'a> {
    /// How often the provider was asked.
    asked: usize,
    /// What it billed for each, where it billed.
    billed: Vec<i64>,
    rows: Vec<&'a Row>,
    holds: Vec<&'a Hold>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    /// What is wrong.
    pub wrong: Vec<String>,
    /// Attempts that reached a provider.
    pub sent: u64,
    /// Answers that are charged as they were billed.
    pub exact: u64,
    /// Attempts that reached a provider and have neither row nor hold.
    pub lost: u64,
}

/// Compares rows and holds with the sandbox's own books.
pub fn audit(sandbox: &Sandbox, rows: &[Row], holds: impl IntoIterator<Item = Hold>) -> Audit {
    let holds: Vec<Hold> = holds.into_iter().collect();
    let mut accounts: BTreeMap<(String, String), Account<'_>> = BTreeMap::new();
    let (bill, asked) = (sandbox.bill(), sandbox.requests());
    let asked: Vec<_> = asked.iter().filter(|r| r.method == "POST" && !r.provider.is_empty()).collect();
    for request in &asked {
        let key = mark(&request.body.to_string()).unwrap_or_default();
        accounts.entry((key, request.provider.clone())).or_default().asked += 1;
    }
    for billed in &bill.requests {
        // They are numbered as they come.
        let key = mark(&asked[billed.number as usize - 1].body.to_string()).unwrap_or_default();
        accounts.entry((key, billed.provider.clone())).or_default().billed.push(billed.cost_usd.0);
    }
    for row in rows {
        accounts.entry((key(row.prompt.as_deref(), &row.tag), row.provider.clone())).or_default().rows.push(row);
    }
    for hold in &holds {
        accounts.entry((key(hold.prompt.as_deref(), &hold.tag), hold.provider.clone())).or_default().holds.push(hold);
    }
    let mut audit = Audit { sent: asked.len() as u64, ..Audit::default() };
    for (whose, account) in &accounts {
        let wrong = account.wrong(&mut audit);
        audit.wrong.extend(wrong.into_iter().map(|what| format!("{whose:?}: {what}: {account:?}")));
    }
    audit
}

impl Account<'_> {
    fn wrong(&self, audit: &mut Audit) -> Vec<String> {
        let mut wrong = Vec::new();
        let known = self.rows.len() + self.holds.len();
        if self.asked > known {
            audit.lost += (self.asked - known) as u64;
            wrong.push(format!("asked {} times, {known} attempts are known", self.asked));
        }
        let mut billed = self.billed.clone();
        for row in self.rows.iter().filter(|row| row.outcome == "ok" && !row.estimated) {
            match billed.iter().position(|cost| *cost == row.cost) {
                Some(at) => {
                    billed.swap_remove(at);
                    audit.exact += 1;
                }
                None => wrong.push(format!("{:?} was answered for {}, which nobody billed", row.id, row.cost)),
            }
        }
        wrong.extend(self.presumed_for_something_else());
        let (bill, most) = (billed.iter().sum::<i64>(), self.of_the_others());
        if bill > most {
            wrong.push(format!("{bill} billed beside the answers, {most} charged and held"));
        }
        wrong
    }

    fn presumed_for_something_else(&self) -> Option<String> {
        let row = self.rows.iter().find(|row| row.presumed && row.cost != row.held)?;
        Some(format!("{:?} is presumed to have cost {}, {} were held", row.id, row.cost, row.held))
    }

    /// The most that may have been billed for what was not answered, or not to the end.
    fn of_the_others(&self) -> i64 {
        let others = self.rows.iter().filter(|row| row.outcome != "ok" || row.estimated);
        // What was on its way when a stream was given up, nobody but the provider knows: on a busy machine that may be
        // all of it. It was held.
        let most = |row: &Row| if row.given_up { row.held } else { row.cost };
        others.map(|row| most(row)).sum::<i64>() + self.holds.iter().map(|hold| hold.amount).sum::<i64>()
    }
}
