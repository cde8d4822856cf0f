//! How many tokens a text makes, without a vocabulary and without a network.
//!
//! An exact count needs a vocabulary of some megabytes and a tenth of a second to load it; a decision
//! about money or a window needs neither. Here a text is cut into runs of like characters, as a
//! tokenizer would cut it, and each run costs what such runs cost on average. The averages were fitted
//! to about 400 files (source code, manuals, JSON, program messages in 21 languages) with the o200k
//! tokenizer, then rounded by hand. `tests/estimate.rs` measures these texts, which were not fitted to:
//!
//! | text | bytes | o200k | estimate | error |
//! |---|---|---|---|---|
//! | English prose | 2653 | 593 | 593 | 0.0 % |
//! | German prose | 2138 | 511 | 510 | -0.2 % |
//! | French prose | 1500 | 364 | 383 | +5.2 % |
//! | Russian prose | 1886 | 285 | 321 | +12.6 % |
//! | Chinese prose | 1962 | 537 | 566 | +5.4 % |
//! | Japanese prose | 1333 | 374 | 352 | -5.9 % |
//! | Korean prose | 1163 | 297 | 278 | -6.4 % |
//! | Rust | 3112 | 804 | 877 | +9.1 % |
//! | Python | 3075 | 697 | 755 | +8.3 % |
//! | JSON | 1980 | 740 | 689 | -6.9 % |
//!
//! Of 259 other files in English or code that had no part in the fit, 256 came within 15 %, the worst
//! at -27 % and +19 %. Italian, Polish and Czech come out 7 to 18 % too low, Finnish up to 22 %; French
//! and Arabic up to 21 % too high. Base64 comes out 21 % too low, a page of one repeated letter four
//! times too high. 100 kB take about 0.2 ms in an optimised build.
//!
//! Nothing here bounds anything: a limit is kept with [`upper_bound_tokens`].

/// One token in the unit of the costs below: they are hundredths, so that the sum stays whole.
const TOKEN: u64 = 100;

/// The most that a vendor's chat template puts around one message (role, delimiters), in tokens:
/// Llama's takes 5 or 6, others less; taken thrice.
const PER_MESSAGE: u64 = 16;

/// The most that a template puts before the first message, in tokens. The longest one known is the
/// preamble of GPT-OSS, about 70 tokens.
const PER_REQUEST: u64 = 128;

/// What a character is to a tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Accented,
    Cyrillic,
    Greek,
    Digit,
    Space,
    Break,
    Mark,
    Han,
    Kana,
    Hangul,
    WideMark,
    Symbol,
    Other,
}

/// Neighbouring characters that a tokenizer looks at together: a word, a number, a stretch of space.
#[derive(Debug, Clone, Copy)]
struct Run {
    class: Class,
    chars: u64,
    accented: u64,
    after_mark: bool,
}

/// Tokens of a text in the reference tokenizer (OpenAI's o200k), estimated in one pass.
pub fn tokens(text: &str) -> u64 {
    hundredths(text).div_ceil(TOKEN)
}

/// The same in hundredths of a token, for sums of many small texts.
pub fn hundredths(text: &str) -> u64 {
    let mut sum = 0;
    let mut run: Option<Run> = None;
    for c in text.chars() {
        let class = class(c);
        run = Some(match run {
            None => Run::start(class, false),
            Some(run) => run.joined(class, &mut sum),
        });
    }
    sum + run.map_or(0, |run| run.cost(Class::Break))
}

/// The estimate for a model that makes so many tokens of one of the reference tokenizer, rounded up.
/// A factor that is no positive number counts as 1; its fourth decimal is the last that counts.
pub fn scaled(tokens: u64, factor: f64) -> u64 {
    const ONE: f64 = 10_000.0;
    if !factor.is_finite() || factor <= 0.0 {
        return tokens;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // Not `round`: that is a call, and every candidate of a plan asks.
    let parts = (factor * ONE + 0.5) as u64;
    match tokens.checked_mul(parts) {
        // A wide division takes several times as long.
        Some(product) => product.div_ceil(10_000),
        None => u64::try_from((u128::from(tokens) * u128::from(parts)).div_ceil(10_000)).unwrap_or(u64::MAX),
    }
}

/// More tokens than a prompt of so many bytes in so many messages (a system prompt is one) can make.
///
/// A tokenizer that falls back to bytes, as all in use do, makes at most a token of each byte; the chat
/// template around them comes on top. Images and files that are not sent as text have prices of their own.
pub fn upper_bound_tokens(bytes: u64, messages: usize) -> u64 {
    let messages = u64::try_from(messages).unwrap_or(u64::MAX);
    bytes.saturating_add(messages.saturating_mul(PER_MESSAGE)).saturating_add(PER_REQUEST)
}

impl Run {
    fn start(class: Class, after_mark: bool) -> Self {
        Self { class, chars: 1, accented: u64::from(class == Class::Accented), after_mark }
    }

    /// The run with one more character, or the next run once this one's cost is in the sum.
    fn joined(mut self, next: Class, sum: &mut u64) -> Self {
        let in_word = matches!(next, Class::Lower | Class::Accented);
        match self.class {
            class if class == next => {}
            Class::Lower | Class::Accented if in_word => {}
            // The last of some capitals begins a word: `Word`, or `Server` in `HTTPServer`.
            Class::Upper if in_word => {
                if self.chars > 1 {
                    *sum += Self { chars: self.chars - 1, ..self }.cost(next);
                }
                self.chars = 1;
            }
            _ => {
                *sum += self.cost(next);
                return Self::start(next, self.class == Class::Mark);
            }
        }
        if self.class != Class::Accented {
            self.class = next;
        }
        self.chars += 1;
        self.accented += u64::from(next == Class::Accented);
        self
    }

    /// What it adds, in hundredths of a token, with a character of this class behind it.
    fn cost(self, next: Class) -> u64 {
        let beyond = |chars: u64| self.chars.saturating_sub(chars);
        match self.class {
            Class::Lower => TOKEN + 8 * (beyond(6) - beyond(10)) + 50 * beyond(10),
            Class::Upper => TOKEN + 22 * beyond(3),
            Class::Accented => TOKEN + 40 * self.accented + 60 * beyond(4 + self.accented),
            Class::Cyrillic => 90 + 32 * beyond(3),
            Class::Greek => 145 + 31 * beyond(3),
            Class::Digit => TOKEN * self.chars.div_ceil(3),
            Class::Space if self.chars == 1 => 0,
            Class::Space => TOKEN,
            Class::Break if self.after_mark => 10,
            Class::Break => TOKEN,
            Class::Mark if self.chars == 1 && next.is_letter() => 50,
            // Rulers (`=====`) are in the vocabulary at many lengths.
            Class::Mark => TOKEN + 20 * beyond(1).min(10),
            Class::Han => 86 * self.chars,
            Class::Kana => 74 * self.chars,
            Class::Hangul => 75 * self.chars,
            Class::WideMark => 80 * self.chars,
            Class::Symbol => 150 * self.chars,
            Class::Other => 45 * self.chars,
        }
    }
}

impl Class {
    fn is_letter(self) -> bool {
        !matches!(
            self,
            Self::Digit | Self::Space | Self::Break | Self::Mark | Self::WideMark | Self::Symbol | Self::Other
        )
    }
}

/// The classes of ASCII, looked up: most text is nothing else.
const ASCII: [Class; 128] = {
    let mut table = [Class::Mark; 128];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = class_of(byte as char);
        byte += 1;
    }
    table
};

fn class(c: char) -> Class {
    ASCII.get(c as usize).copied().unwrap_or_else(|| class_of(c))
}

const fn class_of(c: char) -> Class {
    match c {
        'a'..='z' => Class::Lower,
        ' ' | '\t' => Class::Space,
        'A'..='Z' => Class::Upper,
        '0'..='9' => Class::Digit,
        '\n' | '\r' => Class::Break,
        '\0'..='\u{7f}' | '’' => Class::Mark,
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Class::Accented,
        '\u{370}'..='\u{3ff}' => Class::Greek,
        '\u{400}'..='\u{52f}' => Class::Cyrillic,
        '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' => {
            Class::WideMark
        }
        '\u{3040}'..='\u{30ff}' => Class::Kana,
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => Class::Hangul,
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Class::Han,
        '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => Class::Symbol,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_count_as_the_reference_counts_them() {
        for (text, expected) in [
            ("", 0),
            ("hello", 1),
            ("hello world", 2),
            ("Hello, world!", 4),
            ("XMLHttp", 2),
            ("camelCaseName", 3),
            ("2026", 2),
            ("a\n\n    b", 4),
            ("one;\ntwo", 4),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_kind_of_run_has_its_price() {
        for (text, expected) in [
            // Short words are one token; long ones cost by the letter, the more the longer they are.
            ("abcdef", 100),
            ("abcdefg", 108),
            ("abcdefghij", 132),
            ("abcdefghijkl", 232),
            ("ABC", 100),
            ("ABCDE", 144),
            // An accent costs, and so does every plain letter beyond four.
            ("é", 140),
            ("éé", 180),
            ("écoles", 200),
            ("abé", 140),
            ("abécdefgh", 380),
            ("éécoles", 240),
            ("дом", 90),
            ("домами", 186),
            ("και", 145),
            ("λόγος", 207),
            ("123", 100),
            ("1234", 200),
            // One space belongs to the word behind it.
            ("a b", 200),
            ("a  b", 300),
            ("a\nb", 300),
            ("a;\nb", 310),
            ("\n", 100),
            // A mark before a word is half a token, alone or in a row a whole one.
            ("(a", 150),
            ("(é", 190),
            ("(漢", 136),
            ("(1", 200),
            ("( a", 200),
            ("((a", 220),
            ("=====", 180),
            ("===================", 300),
            ("漢字", 172),
            ("かな", 148),
            ("한글", 150),
            ("。。", 160),
            ("→→", 300),
            ("عع", 90),
            // Capitals before a word are a run of their own but for the last one.
            ("Word", 100),
            ("HTTPServer", 222),
            ("HTTPSServer", 244),
            ("HTTPS2", 244),
            ("Été", 180),
            ("ABé", 240),
        ] {
            assert_eq!(hundredths(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_character_counts_something() {
        // A long stretch of any script is never free, or it would pass every limit.
        for c in ['a', 'Z', 'é', 'я', 'λ', '7', '#', '漢', 'か', '한', '。', '→', '🎉', 'ع', 'ท', '\u{0}']
        {
            let text: String = std::iter::repeat_n(c, 600).collect();
            assert!(tokens(&text) > 1, "{c:?}: {}", tokens(&text));
        }
    }

    #[test]
    fn a_factor_scales_upwards() {
        for (count, factor, expected) in [
            (100, 1.0, 100),
            (100, 1.1, 110),
            (1, 1.1, 2),
            (1000, 1.35, 1350),
            // 0.50049 is taken for 0.5005, 0.50041 for 0.5004.
            (10_000, 0.50049, 5005),
            (10_000, 0.50041, 5004),
            (7, f64::NAN, 7),
            (7, -1.0, 7),
            (7, 0.0, 7),
            (u64::MAX, 2.0, u64::MAX),
        ] {
            assert_eq!(scaled(count, factor), expected, "{count} x {factor}");
        }
    }

    #[test]
    fn the_upper_bound_counts_bytes_and_the_template() {
        assert_eq!(upper_bound_tokens(0, 0), 128);
        assert_eq!(upper_bound_tokens(1000, 2), 1000 + 32 + 128);
        assert_eq!(upper_bound_tokens(u64::MAX, usize::MAX), u64::MAX);
    }
}
