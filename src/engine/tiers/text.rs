//! A prompt cut into words, numbers and marks, in one pass over a bounded part of it.
//!
//! What a word is here is only what the hashed weights need: letters in lower case, a number as its
//! shape, every CJK character and every mark alone.

/// So many bytes are read from the start of a prompt and as many from its end: instructions stand at
/// either. 95 % of the training prompts are shorter than both together, and reading 4 KiB takes about 50 µs.
const WINDOW: usize = 2048;
/// Letters of a word beyond these do not tell it apart (and a page without spaces stays bounded).
const WORD_BYTES: usize = 32;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters, or one character of a script written without spaces.
    Word,
    /// A run of digits with points and commas between them.
    Number,
    /// Anything else that is no space.
    Mark,
    /// The end of a line.
    Break,
}

/// One token of a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// As written.
    pub raw: &'a str,
    /// In lower case when it is a word of ASCII letters, else as written.
    pub lower: &'a str,
    /// Whether a space or the start of a line stands before it.
    pub apart: bool,
}

/// The part of a prompt that is looked at: all of it, or its start and its end.
pub fn windows(prompt: &str) -> [&str; 2] {
    if prompt.len() <= 2 * WINDOW {
        return [prompt, ""];
    }
    let head = prompt.floor_char_boundary(WINDOW);
    let tail = prompt.ceil_char_boundary(prompt.len() - WINDOW);
    [&prompt[..head], &prompt[tail..]]
}

/// Calls `each` with every token of the text.
pub fn scan(text: &str, mut each: impl FnMut(Token<'_>)) {
    let mut lower = String::with_capacity(WORD_BYTES);
    let mut rest = text;
    let mut apart = true;
    while let Some(c) = rest.chars().next() {
        let (kind, length) = token(rest, c);
        let (raw, after) = rest.split_at(length);
        rest = after;
        let Some(kind) = kind else {
            apart = true;
            continue;
        };
        lower.clear();
        lowered(raw, kind, &mut lower);
        each(Token { kind, raw, lower: &lower, apart });
        apart = kind == Kind::Break;
    }
}

/// What starts here and how many bytes it has; `None` is a space.
fn token(rest: &str, c: char) -> (Option<Kind>, usize) {
    match c {
        '\n' => (Some(Kind::Break), 1),
        _ if c.is_whitespace() || c.is_control() => (None, c.len_utf8()),
        _ if is_wide(c) => (Some(Kind::Word), c.len_utf8()),
        '0'..='9' => (Some(Kind::Number), number(rest)),
        _ if c.is_alphabetic() => (Some(Kind::Word), word(rest)),
        _ => (Some(Kind::Mark), c.len_utf8()),
    }
}

/// Scripts written without spaces: one character says about as much as a word.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

fn word(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip_while(|&(_, c)| (c.is_alphanumeric() || is_joiner(c)) && !is_wide(c));
    letters.next().map_or(rest.len(), |(at, _)| at)
}

/// Marks that combine with the letter before (Indic vowels, accents written apart).
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{0900}'..='\u{0DFF}' | '\u{200C}' | '\u{200D}')
}

fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut end = 1;
    while let Some(&b) = bytes.get(end) {
        let inner = matches!(b, b'.' | b',') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !b.is_ascii_digit() && !inner {
            break;
        }
        end += 1;
    }
    end
}

/// A number becomes its shape, so that 12 and 57 are one word; a word its lower case.
fn lowered(raw: &str, kind: Kind, into: &mut String) {
    if kind == Kind::Number {
        let point = raw.contains('.');
        into.push_str(match (raw.len(), point) {
            (1, _) => "0",
            (2, _) => "00",
            (_, true) => "0.0",
            (3, _) => "000",
            _ => "0000",
        });
    } else if raw.is_ascii() {
        into.extend(raw.bytes().take(WORD_BYTES).map(|b| char::from(b.to_ascii_lowercase())));
    } else {
        into.extend(raw.chars().take(WORD_BYTES).flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_words_numbers_and_marks() {
        let cases = [
            ("Hello, World", "hello|,|world"),
            ("12 and 3.14", "00|and|0.0"),
            ("a\nb", "a|\n|b"),
            ("你好", "你|好"),
            ("x^2", "x|^|0"),
            ("Été", "été"),
            ("", ""),
        ];
        for (text, wanted) in cases {
            let mut found = Vec::new();
            scan(text, |token| found.push(token.lower.to_owned()));
            assert_eq!(found.join("|"), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_long_prompt_is_read_at_both_ends_only() {
        let prompt = format!("start{}end", "é".repeat(5000));
        let [head, tail] = windows(&prompt);
        assert!(head.starts_with("start") && tail.ends_with("end"));
        assert!(head.len() + tail.len() <= 2 * WINDOW);
    }
}
