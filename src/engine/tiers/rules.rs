//! The counted properties of a prompt: length, numbers, mathematics, code, options, reasoning words …

use super::text::{Kind, Token};
use crate::engine::math;

/// A counted property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Logarithm of the bytes.
    Length,
    /// Logarithm of the words.
    Words,
    /// Mean letters of a word.
    WordLength,
    /// Share of words of nine letters or more.
    LongWords,
    /// Logarithm of the numbers.
    Numbers,
    /// Share of numbers among the tokens.
    NumberShare,
    /// Logarithm of the digits of the longest number.
    BigNumbers,
    /// Share of mathematical marks and LaTeX commands.
    Mathematics,
    /// Share of marks that code has.
    Code,
    /// Logarithm of words that ask for reasoning.
    Reasoning,
    /// Number of options to choose from.
    Options,
    /// Whether there are more than five options.
    ManyOptions,
    /// Logarithm of the mean words of an option.
    OptionLength,
    /// Share of numbers in the options.
    NumericOptions,
    /// Question marks.
    Questions,
    /// Logarithm of the sentences.
    Sentences,
    /// Logarithm of the lines.
    Lines,
    /// Share of words with a capital.
    Capitals,
    /// Whether it starts with who, what, when, where, which.
    Asks,
    /// Whether there is a blank to fill.
    Blank,
    /// Words that turn a question round: not, except, least.
    Negation,
    /// Share of letters outside ASCII.
    Foreign,
    /// Share of the commonest English words.
    Common,
    /// Whether it ends with a mark that ends a sentence.
    Closed,
}

/// How many rules there are.
pub const COUNT: usize = 24;

impl Rule {
    /// Every rule, in the order of the weights.
    pub const ALL: [Rule; COUNT] = [
        Rule::Length,
        Rule::Words,
        Rule::WordLength,
        Rule::LongWords,
        Rule::Numbers,
        Rule::NumberShare,
        Rule::BigNumbers,
        Rule::Mathematics,
        Rule::Code,
        Rule::Reasoning,
        Rule::Options,
        Rule::ManyOptions,
        Rule::OptionLength,
        Rule::NumericOptions,
        Rule::Questions,
        Rule::Sentences,
        Rule::Lines,
        Rule::Capitals,
        Rule::Asks,
        Rule::Blank,
        Rule::Negation,
        Rule::Foreign,
        Rule::Common,
        Rule::Closed,
    ];

    /// Its name in explanations.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Length => "length",
            Rule::Words => "words",
            Rule::WordLength => "word length",
            Rule::LongWords => "long words",
            Rule::Numbers => "numbers",
            Rule::NumberShare => "share of numbers",
            Rule::BigNumbers => "big numbers",
            Rule::Mathematics => "mathematics",
            Rule::Code => "code",
            Rule::Reasoning => "reasoning words",
            Rule::Options => "options",
            Rule::ManyOptions => "many options",
            Rule::OptionLength => "length of options",
            Rule::NumericOptions => "numeric options",
            Rule::Questions => "questions",
            Rule::Sentences => "sentences",
            Rule::Lines => "lines",
            Rule::Capitals => "capitals",
            Rule::Asks => "opens with a question word",
            Rule::Blank => "blank to fill",
            Rule::Negation => "negation",
            Rule::Foreign => "letters beyond ASCII",
            Rule::Common => "common words",
            Rule::Closed => "closed sentence",
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    bytes: usize,
    tokens: u32,
    words: u32,
    letters: u32,
    long: u32,
    capitals: u32,
    common: u32,
    foreign: u32,
    numbers: u32,
    digits: usize,
    math: u32,
    code: u32,
    reasoning: u32,
    negation: u32,
    questions: u32,
    sentences: u32,
    lines: u32,
    options: u32,
    option_tokens: u32,
    option_numbers: u32,
    blank: bool,
    asks: bool,
    closed: bool,
    at: Place,
}

/// Where in the line the scan is: an option is a letter or digit at its start with a mark behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Opened,
    Letter,
    Inside,
    Option,
}

impl Counts {
    /// Of a prompt of so many bytes, before its tokens.
    pub fn of_length(bytes: usize) -> Counts {
        Counts { bytes, ..Counts::default() }
    }

    /// Counts one token in.
    pub fn add(&mut self, token: &Token<'_>) {
        self.place(token);
        match token.kind {
            Kind::Break => self.lines += 1,
            Kind::Word => self.word(token),
            Kind::Number => {
                self.numbers += 1;
                self.digits = self.digits.max(token.raw.len());
                self.option_numbers += u32::from(self.at == Place::Option);
            }
            Kind::Mark => self.mark(token),
        }
        if token.kind != Kind::Break {
            self.tokens += 1;
            self.option_tokens += u32::from(self.at == Place::Option);
            self.closed = matches!(token.lower, "." | "?" | "!" | "。" | "？" | "！" | "؟" | "।");
        }
    }

    fn place(&mut self, token: &Token<'_>) {
        let single = token.raw.len() == 1 && token.kind != Kind::Mark;
        self.at = match (self.at, token.kind) {
            (_, Kind::Break) => Place::Start,
            (Place::Start, Kind::Mark) if token.lower == "(" => Place::Opened,
            (Place::Start | Place::Opened, _) if single => Place::Letter,
            (Place::Letter, Kind::Mark) if matches!(token.lower, ")" | "." | ":") => {
                self.options += 1;
                Place::Option
            }
            (Place::Option, _) => Place::Option,
            _ => Place::Inside,
        };
    }

    fn word(&mut self, token: &Token<'_>) {
        let letters = u32::try_from(token.raw.len()).unwrap_or(u32::MAX);
        if self.words == 0 {
            self.asks = matches!(token.lower, "who" | "what" | "when" | "where" | "which" | "whose" | "in" | "how");
        }
        self.words += 1;
        self.letters = self.letters.saturating_add(letters);
        self.long += u32::from(letters > 8);
        self.foreign += u32::from(!token.raw.is_ascii());
        self.capitals += u32::from(token.raw.starts_with(char::is_uppercase));
        self.common += u32::from(is_common(token.lower));
        self.reasoning += u32::from(is_reasoning(token.lower));
        self.negation += u32::from(is_negation(token.lower));
        self.code += u32::from(is_code(token.lower));
    }

    fn mark(&mut self, token: &Token<'_>) {
        match token.lower {
            "?" | "？" | "؟" => {
                self.questions += 1;
                self.sentences += 1;
            }
            "." | "!" | "。" | "！" | "।" => self.sentences += 1,
            "_" => self.blank |= token.apart,
            "$" | "\\" | "^" | "+" | "=" | "×" | "÷" | "√" | "∑" | "∫" | "π" | "≤" | "≥" | "°" | "%" => {
                self.math += 1
            }
            "{" | "}" | "[" | "]" | ";" | "`" | "#" | "<" | ">" => self.code += 1,
            _ => {}
        }
    }

    /// Every rule's value, roughly between 0 and 1, for the models.
    pub fn values(&self) -> [f32; COUNT] {
        Rule::ALL.map(|rule| self.value(rule))
    }

    #[allow(clippy::cast_precision_loss)] // counts of at most 4 KiB of text
    fn value(&self, rule: Rule) -> f32 {
        let share = |part: u32, of: u32| part as f32 / (of as f32 + 3.0);
        let log = |count: u32| math::ln_f32(1.0 + count as f32) / 5.0;
        let yes = |is: bool| f32::from(u8::from(is));
        match rule {
            Rule::Length => math::ln_f32(1.0 + self.bytes as f32) / 10.0,
            Rule::Words => log(self.words),
            Rule::WordLength => (self.letters as f32 / (self.words as f32 + 1.0) / 10.0).min(1.0),
            Rule::LongWords => share(self.long, self.words),
            Rule::Numbers => log(self.numbers),
            Rule::NumberShare => share(self.numbers, self.tokens),
            Rule::BigNumbers => (math::ln_f32(1.0 + self.digits as f32) / 3.0).min(1.0),
            Rule::Mathematics => share(self.math, self.tokens),
            Rule::Code => share(self.code, self.tokens),
            Rule::Reasoning => log(self.reasoning),
            Rule::Options => (self.options as f32 / 10.0).min(1.0),
            Rule::ManyOptions => yes(self.options > 5),
            Rule::OptionLength => math::ln_f32(1.0 + self.option_tokens as f32 / (self.options as f32 + 1.0)) / 5.0,
            Rule::NumericOptions => share(self.option_numbers, self.option_tokens),
            Rule::Questions => (self.questions as f32 / 3.0).min(1.0),
            Rule::Sentences => log(self.sentences),
            Rule::Lines => log(self.lines + 1),
            Rule::Capitals => share(self.capitals, self.words),
            Rule::Asks => yes(self.asks),
            Rule::Blank => yes(self.blank),
            Rule::Negation => (self.negation as f32 / 2.0).min(1.0),
            Rule::Foreign => share(self.foreign, self.words),
            Rule::Common => share(self.common, self.words),
            Rule::Closed => yes(self.closed),
        }
    }

    /// Whether the last token stands in an option.
    pub fn in_option(&self) -> bool {
        self.at == Place::Option
    }

    /// Options to choose from.
    pub fn options(&self) -> u32 {
        self.options
    }
}

/// The commonest English words, by any frequency list.
#[rustfmt::skip]
fn is_common(word: &str) -> bool {
    matches!(
        word,
        "the" | "of" | "and" | "a" | "to" | "in" | "is" | "it" | "that" | "for" | "was" | "on" | "are"
        | "as" | "with" | "his" | "they" | "at" | "be" | "this" | "have" | "from" | "or" | "had" | "by"
        | "but" | "not" | "what" | "all" | "were" | "we" | "when" | "your" | "can" | "said" | "there"
        | "an" | "which" | "she" | "he" | "do" | "how" | "their" | "if" | "will" | "up" | "about" | "out"
        | "many" | "then" | "them" | "would" | "so"
    )
}

/// Words of tasks that take several steps.
#[rustfmt::skip]
fn is_reasoning(word: &str) -> bool {
    matches!(
        word,
        "prove" | "derive" | "calculate" | "determine" | "compute" | "find" | "evaluate" | "estimate"
        | "solve" | "why" | "explain" | "compare" | "if" | "assume" | "suppose" | "given" | "each"
        | "every" | "total" | "then" | "than" | "must" | "integer" | "probability" | "minimum" | "maximum"
        | "such" | "therefore" | "because" | "step" | "steps" | "after" | "before" | "between"
        | "remaining" | "rate" | "ratio" | "equation" | "function"
    )
}

fn is_negation(word: &str) -> bool {
    matches!(word, "not" | "except" | "least" | "false" | "never" | "without" | "incorrect" | "unlikely")
}

#[rustfmt::skip]
fn is_code(word: &str) -> bool {
    matches!(
        word,
        "def" | "return" | "python" | "list" | "string" | "array" | "int" | "str" | "class" | "import"
        | "code" | "sql" | "javascript" | "rust" | "java"
    )
}
