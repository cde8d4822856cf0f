//! How long to wait for somebody else's lock, in what steps, and who is told of it.
//!
//! SQLite's own busy timeout sleeps longer the longer it has waited, so that under load newcomers overtake
//! those who wait. Here it is the other way round: whoever finds a crowd steps back, so that its asking takes no time
//! from the one who writes, and whoever has waited for long asks often, and so is next. A jitter keeps processes that
//! were started together from asking together.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// The shortest pause, in microseconds: about the length of one write transaction.
const SHORTEST_US: u64 = 400;
/// What the jitter adds at most, in microseconds.
const JITTER_US: u64 = 1200;
/// Mostly somebody is just writing, and done by then …
const SOON_US: u64 = 4_000;
/// … else many wait, and pauses are this many times as long …
const STEP_BACK: u64 = 8;
/// … until a process has waited for so long: several times what a crowd of fifty takes.
const LONG_US: u64 = 120_000;
/// After this long somebody is told why nothing happens: no crowd of llmr's own has anybody wait that long.
const TELL_AFTER_US: u64 = 1_000_000;
/// So long at most waits what could as well be left undone.
const HURRY_US: u64 = 250_000;
/// So long at most waits what says how it ended, in a process that is asked to stop: longer than any crowd of llmr's own
/// keeps anybody waiting, and not as long as another program may.
const PARTING_US: u64 = 2_000_000;

/// Whom a long wait concerns. The default tells nobody and is never broken off.
#[derive(Clone)]
pub struct Waiting {
    /// Told once a wait, after a second, with the database's path.
    pub tell: Arc<dyn Fn(&Path) + Send + Sync>,
    /// Whether the process is asked to stop: then nothing is waited for that no money hangs on.
    pub stopped: fn() -> bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { tell: Arc::new(|_| ()), stopped: || false }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting")
    }
}

/// How much what is being done is worth a wait. A connection and its busy handler share one.
#[derive(Debug, Clone, Default)]
pub(super) struct Mood(Arc<Worth>);

#[derive(Debug, Default)]
struct Worth {
    mood: AtomicU8,
    /// The limit of what is done briefly, in microseconds.
    brief_us: AtomicU64,
}

impl Mood {
    // 0 is the usual one.
    const HURRIED: u8 = 1;
    const STUBBORN: u8 = 2;
    const PARTING: u8 = 3;
    const BRIEF: u8 = 4;

    /// Does something that could as well be left undone.
    pub fn hurried<T>(&self, work: impl FnOnce() -> T) -> T {
        self.during(Self::HURRIED, work)
    }

    /// Does something that money hangs on: it waits as long as it may, also when the process is asked to stop.
    pub fn stubborn<T>(&self, work: impl FnOnce() -> T) -> T {
        self.during(Self::STUBBORN, work)
    }

    /// Says how something ended: it waits for a moment, also when the process is asked to stop.
    pub fn parting<T>(&self, work: impl FnOnce() -> T) -> T {
        self.during(Self::PARTING, work)
    }

    /// Does something that holds up everybody else while it waits, and that the next one may do as well: it waits so long
    /// at most.
    pub fn briefly<T>(&self, limit_ms: u64, work: impl FnOnce() -> T) -> T {
        self.0.brief_us.store(limit_ms * 1000, Ordering::Relaxed);
        self.during(Self::BRIEF, work)
    }

    /// Whether others are held up by this wait.
    fn is_brief(&self) -> bool {
        self.0.mood.load(Ordering::Relaxed) == Self::BRIEF
    }

    fn during<T>(&self, mood: u8, work: impl FnOnce() -> T) -> T {
        let before = self.0.mood.swap(mood, Ordering::Relaxed);
        let done = work();
        self.0.mood.store(before, Ordering::Relaxed);
        done
    }

    /// How long to wait, of `limit_us` at most, in a process that is asked to stop or not.
    fn limit_us(&self, limit_us: u64, stopped: bool) -> u64 {
        match self.0.mood.load(Ordering::Relaxed) {
            Self::STUBBORN => limit_us,
            Self::PARTING if stopped => limit_us.min(PARTING_US),
            _ if stopped => 0,
            Self::HURRIED => limit_us.min(HURRY_US),
            Self::BRIEF => limit_us.min(self.0.brief_us.load(Ordering::Relaxed)),
            _ => limit_us,
        }
    }
}

/// The pauses of one wait, until their sum reaches the limit. Counts what it asked to sleep: no clock is read.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    limit_us: u64,
    waited_us: u64,
    state: u64,
    told: bool,
    waiting: Waiting,
    path: PathBuf,
    mood: Mood,
}

impl Patience {
    /// Waits for `limit_ms` in all; `salt` (a process id) makes the jitter differ between processes.
    pub fn new(limit_ms: u32, salt: u32) -> Self {
        Self {
            limit_us: u64::from(limit_ms) * 1000,
            waited_us: 0,
            state: u64::from(salt),
            told: false,
            waiting: Waiting::default(),
            path: PathBuf::new(),
            mood: Mood::default(),
        }
    }

    /// The same, for that database.
    pub fn of(self, path: &Path, waiting: Waiting, mood: Mood) -> Self {
        Self { path: path.to_owned(), waiting, mood, ..self }
    }

    /// Starts over: a new wait with the old jitter going on.
    pub fn restart(&mut self) {
        (self.waited_us, self.told) = (0, false);
    }

    /// The next pause, or `None` when the limit is reached.
    pub fn next_pause(&mut self) -> Option<Duration> {
        if self.waited_us >= self.mood.limit_us(self.limit_us, (self.waiting.stopped)()) {
            return None;
        }
        // Knuth's MMIX generator: its upper bits are random enough to spread pauses.
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let steps_back = (SOON_US..LONG_US).contains(&self.waited_us) && !self.mood.is_brief();
        let times = if steps_back { STEP_BACK } else { 1 };
        let pause = times * (SHORTEST_US + (self.state >> 33) % JITTER_US);
        self.waited_us += pause;
        Some(Duration::from_micros(pause))
    }

    /// Sleeps the next pause; `false` when there is nothing more to wait for.
    pub fn pause(&mut self) -> bool {
        let Some(pause) = self.next_pause() else { return false };
        if self.waited_us >= TELL_AFTER_US && !std::mem::replace(&mut self.told, true) {
            (self.waiting.tell)(&self.path);
        }
        std::thread::sleep(pause);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_short_and_sum_up_to_the_limit() {
        let mut patience = Patience::new(200, 42);
        let pauses: Vec<_> = std::iter::from_fn(|| patience.next_pause()).collect();
        let mut waited = 0;
        for pause in pauses.iter().map(Duration::as_micros) {
            let times = if (4_000..120_000).contains(&waited) { 8 } else { 1 };
            assert!((400 * times..1600 * times).contains(&pause), "{pause} after {waited}");
            waited += pause;
        }
        let sum: Duration = pauses.iter().sum();
        assert!((200..202).contains(&sum.as_millis()), "{sum:?}");
        assert!(pauses.iter().collect::<std::collections::HashSet<_>>().len() > pauses.len() / 2);
        patience.restart();
        assert!(patience.next_pause().is_some());
    }

    #[test]
    fn processes_started_together_do_not_ask_together() {
        assert_ne!(Patience::new(10, 1).next_pause(), Patience::new(10, 2).next_pause());
        assert_eq!(Patience::new(0, 1).next_pause(), None);
    }

    #[test]
    fn what_can_be_left_undone_waits_shortly_and_what_money_hangs_on_is_not_broken_off() {
        let sum = |patience: &mut Patience| std::iter::from_fn(|| patience.next_pause()).sum::<Duration>().as_millis();
        let mood = Mood::default();
        let waiting = |stopped| Waiting { stopped, ..Waiting::default() };
        let patience = |stopped| Patience::new(2000, 1).of(Path::new("db"), waiting(stopped), mood.clone());
        assert!((250..260).contains(&mood.hurried(|| sum(&mut patience(|| false)))));
        assert!((10..12).contains(&mood.briefly(10, || sum(&mut patience(|| false)))));
        assert_eq!(sum(&mut patience(|| true)), 0);
        assert!(mood.stubborn(|| mood.briefly(10, || sum(&mut patience(|| false)))) < 12);
        assert!(mood.stubborn(|| sum(&mut patience(|| true))) >= 2000);
        let mut long = Patience::new(9000, 1).of(Path::new("db"), waiting(|| true), mood.clone());
        assert!((2000..2010).contains(&mood.parting(|| sum(&mut long))));
        long.waiting.stopped = || false;
        assert!(mood.parting(|| sum(&mut long)) >= 6900, "nobody asked it to stop");
        assert!(sum(&mut patience(|| false)) >= 2000, "the mood has passed");
    }

    #[test]
    fn a_long_wait_is_told_of_once() {
        let told = Arc::new(AtomicU8::new(0));
        let count = Arc::clone(&told);
        let tell = move |path: &Path| {
            assert_eq!(path, Path::new("db"));
            count.fetch_add(1, Ordering::Relaxed);
        };
        let waiting = Waiting { tell: Arc::new(tell), ..Waiting::default() };
        let mut patience = Patience::new(1010, 1).of(Path::new("db"), waiting, Mood::default());
        for times in [1, 2] {
            // Nearly all of it is waited without sleeping.
            while patience.waited_us < TELL_AFTER_US - 5_000 {
                patience.next_pause();
            }
            assert_eq!(told.load(Ordering::Relaxed), times - 1);
            while patience.pause() {}
            assert_eq!(told.load(Ordering::Relaxed), times);
            patience.restart();
        }
    }
}
