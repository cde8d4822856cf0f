//! The form of a prompt, as far as it tells what kind of task it is: whether there are options and what they look
//! like, whether the text before them is a question, who is spoken of. Words of a topic carry over to another
//! benchmark badly; its form does so better.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::text::{Kind, Token};
use crate::engine::math;

/// How many properties there are.
pub const COUNT: usize = 34;

/// The keys are hashes already: spread over 64 bits they do, at a fraction of the time of the usual hasher.
#[derive(Debug, Clone, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(u32::from(byte)));
    }

    fn write_u32(&mut self, key: u32) {
        self.0 = (self.0 ^ u64::from(key)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What was counted of the form.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    tokens: u32,
    words: u32,
    numbers: u32,
    /// Tokens, options and their tokens.
    option_tokens: u32,
    options: u32,
    /// Options that begin in lower case, and tokens of options that occur in the text before.
    low_options: u32,
    echoes: u32,
    /// The mark the text before the options ends with.
    stem_end: Option<End>,
    last: Option<End>,
    stem: HashSet<u32, BuildHasherDefault<Spread>>,
    pronouns: u32,
    names: u32,
    you: u32,
    me: u32,
    quantity: u32,
    everyday: u32,
    latex: u32,
    calls: u32,
    commas: u32,
    quotes: u32,
    sentences: u32,
    blanks: u32,
    /// Sentences before the first question.
    told: u32,
    asked: bool,
    low_start: bool,
    code_lines: u32,
    currency: u32,
    conditions: u32,
    before: Before,
}

/// What a stretch of text ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Question,
    Stop,
    Open,
}

/// What the token before was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Before {
    #[default]
    Start,
    Word,
    Other,
}

impl Shape {
    /// Counts one token in; `options` is how many options have begun, `hash` that of the token.
    pub fn add(&mut self, token: &Token<'_>, options: u32, inside: bool, hash: u32) {
        if token.kind == Kind::Break {
            self.before = Before::Start;
            return;
        }
        if options > 0 && self.stem_end.is_none() {
            self.stem_end = self.last;
        }
        let begins = options > self.options;
        self.options = options;
        if options == 0 {
            self.stem.insert(hash);
        } else if inside {
            self.option(token, hash);
        }
        if !begins && self.tokens == 0 {
            self.low_start = token.raw.starts_with(char::is_lowercase);
        }
        self.tokens += 1;
        match token.kind {
            Kind::Word => self.word(token),
            Kind::Number => self.numbers += 1,
            _ => self.mark(token),
        }
        self.end(token, options);
        self.before = if token.kind == Kind::Word { Before::Word } else { Before::Other };
    }

    fn option(&mut self, token: &Token<'_>, hash: u32) {
        self.option_tokens += 1;
        if token.kind == Kind::Word {
            self.echoes += u32::from(self.stem.contains(&hash));
            self.low_options += u32::from(token.raw.starts_with(char::is_lowercase));
        }
    }

    fn word(&mut self, token: &Token<'_>) {
        self.words += 1;
        let capital = token.raw.starts_with(char::is_uppercase);
        self.names += u32::from(capital && token.raw.len() > 2 && self.before == Before::Word);
        match token.lower {
            "he" | "she" | "his" | "her" | "him" | "they" | "their" | "them" => self.pronouns += 1,
            "you" | "your" => self.you += 1,
            "i" | "my" | "me" | "we" => self.me += 1,
            "many" | "much" | "total" | "altogether" | "left" | "each" | "remain" | "remaining" | "twice" | "times"
            | "half" | "cost" | "costs" | "sells" | "earn" | "earns" | "spend" => self.quantity += 1,
            "if" | "then" | "either" | "exactly" | "must" | "cannot" | "every" | "some" | "no" | "true" | "false"
            | "statement" | "argument" | "therefore" | "unless" | "only" => self.conditions += 1,
            "person" | "someone" | "people" | "would" | "might" | "likely" | "usually" | "probably" | "could"
            | "want" | "wanted" | "feel" | "because" | "put" | "keep" | "find" => self.everyday += 1,
            _ => {}
        }
    }

    fn mark(&mut self, token: &Token<'_>) {
        match token.lower {
            "(" if !token.apart && self.before == Before::Word => self.calls += 1,
            "\\" | "^" => self.latex += 1,
            "$" | "€" | "£" => self.currency += 1,
            "," => self.commas += 1,
            "\"" | "'" | "“" | "”" => self.quotes += 1,
            "_" => self.blanks += u32::from(token.apart),
            "{" | "}" | "=" | "[" | "`" | ";" => self.code_lines += 1,
            _ => {}
        }
    }

    fn end(&mut self, token: &Token<'_>, options: u32) {
        let end = match token.lower {
            "?" | "？" | "؟" => End::Question,
            "." | "!" | ":" | "。" | "！" | "।" => End::Stop,
            _ => End::Open,
        };
        if end != End::Open {
            self.sentences += 1;
        }
        if options == 0 {
            if end == End::Question {
                self.asked = true;
            } else if end == End::Stop && !self.asked {
                self.told += 1;
            }
        }
        self.last = Some(end);
    }

    /// Every property, between 0 and about 1.
    #[allow(clippy::cast_precision_loss)] // counts of at most 4 KiB of text
    pub fn values(&self) -> [f32; COUNT] {
        let yes = |is: bool| f32::from(u8::from(is));
        let share = |part: u32| (6.0 * part as f32 / (self.words as f32 + 6.0)).min(1.0);
        let log = |count: u32| (math::ln_f32(1.0 + count as f32) / 3.0).min(1.5);
        let options = self.options >= 2;
        let each = self.option_tokens as f32 / self.options.max(1) as f32;
        let end = |end: End| self.stem_end.or(self.last) == Some(end);
        let stem = self.tokens - self.option_tokens.min(self.tokens);
        let echo = self.echoes as f32 / (self.option_tokens as f32 + 1.0);
        let low = self.low_options as f32 / (self.option_tokens as f32 + 1.0);
        let (two, blank) = (self.options == 2, self.blanks > 0);
        let people = share(self.pronouns + self.names);
        [
            yes(options),
            yes(two),
            yes(self.options > 5),
            yes(options && each <= 3.0),
            yes(options && each > 7.0),
            yes(options) * echo,
            yes(options) * low,
            yes(options && end(End::Question)),
            yes(options && end(End::Open)),
            yes(options && end(End::Stop)),
            yes(!options && end(End::Question)),
            yes(!options && end(End::Open)),
            yes(blank),
            yes(blank && two),
            share(self.pronouns),
            share(self.names),
            share(self.you),
            share(self.me),
            share(self.everyday),
            share(self.conditions),
            log(self.quantity) * yes(self.numbers > 1),
            log(self.quantity),
            log(self.latex),
            log(self.calls),
            log(self.code_lines),
            yes(self.currency > 0),
            share(self.commas),
            log(self.quotes),
            yes(self.low_start),
            yes(self.told >= 3 && self.numbers < 2),
            yes(self.told >= 5),
            yes(stem <= 6),
            yes(stem > 60),
            yes(options && end(End::Open) && !blank) * (0.3 + people),
        ]
    }
}
