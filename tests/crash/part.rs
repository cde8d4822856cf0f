//! Who takes part in a round: which command, from when on, and how it is ended.

use nix::sys::signal::Signal;

use crate::lots::Lots;

/// A command that is killed, or works beside those that are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `ask --stream`.
    Stream,
    /// `ask --no-stream`.
    Whole,
    /// `ask` of a prompt that others ask too, with the cache.
    Cached,
    /// `ask --parallel 2`.
    Parallel,
    /// `ask --parallel 3 --race`.
    Race,
    /// `chat` with lines in a pipe.
    Chat,
    /// `chat` on a terminal.
    Terminal,
    /// `batch`.
    Batch,
    /// `cache clear`.
    Clear,
    /// `cache verify --delete`.
    Verify,
    /// `forget`.
    Forget,
    /// `budget`: the first to look at what others left.
    Budget,
    /// Whatever opens a database of an older version.
    Open,
}

impl Kind {
    /// As the table at the end says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "ask streamed",
            Self::Whole => "ask whole",
            Self::Cached => "ask cached",
            Self::Parallel => "ask parallel",
            Self::Race => "ask race",
            Self::Chat => "chat piped",
            Self::Terminal => "chat terminal",
            Self::Batch => "batch",
            Self::Clear => "cache clear",
            Self::Verify => "cache verify",
            Self::Forget => "forget",
            Self::Budget => "budget",
            Self::Open => "migration",
        }
    }

    /// Whether it asks somebody, so that it ends by a signal only once it has recorded what was spent.
    pub fn asks(self) -> bool {
        !matches!(self, Self::Clear | Self::Verify | Self::Forget | Self::Budget | Self::Open)
    }

    /// About how long it runs when nobody disturbs it, in milliseconds: kills are spread over that.
    fn usual_ms(self) -> u64 {
        match self {
            Self::Chat | Self::Batch => 700,
            Self::Clear | Self::Verify | Self::Budget => 30,
            Self::Forget | Self::Open => 60,
            _ => 300,
        }
    }

    /// The exit codes with which it may end when it was not killed.
    pub fn may_end_with(self, code: i32) -> bool {
        match self {
            Self::Clear | Self::Verify | Self::Forget | Self::Budget | Self::Open => code == 0,
            // One of its lines failed.
            Self::Batch => matches!(code, 0 | 1 | 4 | 69 | 75),
            _ => matches!(code, 0 | 4 | 69 | 75),
        }
    }
}

/// The moment that a kill is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// So many milliseconds after the start.
    After(u64),
    /// So many milliseconds after it was first seen to hold money.
    Holding(u64),
    /// As soon as what it held is settled.
    Settled,
    /// While it has the write lock.
    Writing,
}

/// How somebody is ended.
#[derive(Debug, Clone, Copy)]
pub struct Blow {
    /// With what.
    pub signal: Signal,
    /// When.
    pub aim: Aim,
}

/// One who takes part.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its number in the round: it is in its tag and in its prompts.
    pub number: usize,
    /// What it runs.
    pub kind: Kind,
    /// When it begins, in milliseconds after the round.
    pub starts_ms: u64,
    /// How it is ended, if at all.
    pub blow: Option<Blow>,
}

impl Part {
    /// One that is killed so many times in a hundred, begun within so many milliseconds.
    pub fn draw(lots: &mut Lots, number: usize, kind: Kind, within_ms: u64, killed_percent: u64) -> Self {
        let starts_ms = lots.below(within_ms);
        let blow = Blow { signal: signal(lots), aim: aim(lots, kind) };
        Self { number, kind, starts_ms, blow: lots.percent(killed_percent).then_some(blow) }
    }

    /// Its label in `log`.
    pub fn tag(&self) -> String {
        format!("k{}", self.number)
    }
}

/// What cannot be caught is sent as often as all that can.
fn signal(lots: &mut Lots) -> Signal {
    lots.of(&[Signal::SIGKILL, Signal::SIGKILL, Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])
}

fn aim(lots: &mut Lots, kind: Kind) -> Aim {
    let anytime = Aim::After(lots.below(kind.usual_ms()));
    match lots.below(10) {
        0..4 => anytime,
        4..6 => Aim::Writing,
        _ if !kind.asks() => anytime,
        // Opening the database, reading settings.
        6 => Aim::After(lots.below(25)),
        7..9 => Aim::Holding(lots.below(120)),
        _ => Aim::Settled,
    }
}
