//! Text as a search sees it: words in lower case and without accents, and overlapping groups of characters where a
//! script writes no spaces between words.

use icu_normalizer::properties::{CanonicalDecompositionBorrowed, Decomposed};

/// Han, kana and hangul: a pair is about a word. Words alone find next to nothing in Chinese, pairs nearly all.
const PAIR: usize = 2;

/// Thai, Lao, Khmer and Burmese are alphabets, and pairs of their letters are as common as pairs of Latin ones. On English
/// and Spanish written without spaces, pairs find 0.84 / 0.81 of the answers, threes 0.98 / 0.97, fours hardly more.
const TRIPLE: usize = 3;

/// A longer word is no word (base64, a ruler of letters); what comes after so many characters is not looked at.
const LONGEST: usize = 40;

/// What the characters of a word have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word between spaces or marks.
    Word,
    /// Neighbouring characters of a script without spaces.
    Group,
}

/// A word or group, folded, and where it begins in the text (byte).
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'w> {
    pub start: usize,
    pub folded: &'w str,
    pub kind: Kind,
}

/// Calls `visit` with every word and group of the text, in its order.
pub(super) fn each(text: &str, mut visit: impl FnMut(Word<'_>)) {
    let bytes = text.as_bytes();
    let mut reader = Reader { folded: String::with_capacity(64), group: Vec::new() };
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii() && !byte.is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        at = match text[at..].chars().next() {
            Some(c) if group_size(c).is_some() => reader.groups(text, at, &mut visit),
            Some(c) if is_letter(c) => reader.word(text, at, &mut visit),
            Some(c) => at + c.len_utf8(),
            None => return,
        };
    }
}

/// The buffers of a pass over a text, used again for each word.
struct Reader {
    folded: String,
    group: Vec<(usize, char)>,
}

impl Reader {
    /// The word that begins here; where it ends.
    fn word(&mut self, text: &str, start: usize, visit: &mut impl FnMut(Word<'_>)) -> usize {
        self.folded.clear();
        let bytes = text.as_bytes();
        let mut at = start;
        let mut count = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte.is_ascii() {
                if !byte.is_ascii_alphanumeric() {
                    break;
                }
                at += 1;
                count += 1;
                if count <= LONGEST {
                    self.folded.push(byte.to_ascii_lowercase() as char);
                }
                continue;
            }
            let Some(c) = text[at..].chars().next() else { break };
            if !is_letter(c) || group_size(c).is_some() {
                break;
            }
            at += c.len_utf8();
            count += 1;
            if count <= LONGEST {
                fold(c, &mut self.folded);
            }
        }
        visit(Word { start, folded: &self.folded, kind: Kind::Word });
        at
    }

    /// The groups of the run of such characters that begins here; where the run ends.
    fn groups(&mut self, text: &str, start: usize, visit: &mut impl FnMut(Word<'_>)) -> usize {
        self.group.clear();
        let mut end = start;
        let mut size = PAIR;
        for (at, c) in text[start..].char_indices() {
            match group_size(c) {
                Some(of) => size = of,
                None if is_mark(c) => {}
                None => break,
            }
            end = start + at + c.len_utf8();
            self.group.push((start + at, c));
        }
        for group in self.group.windows(size.min(self.group.len()).max(1)) {
            self.folded.clear();
            group.iter().for_each(|(_, c)| self.folded.push(*c));
            let start = group.first().map_or(start, |(at, _)| *at);
            visit(Word { start, folded: &self.folded, kind: Kind::Group });
        }
        end
    }
}

/// How many characters of this script make a group; none where words stand between spaces.
pub(super) fn group_size(c: char) -> Option<usize> {
    match c {
        '\0'..='\u{dff}' => None,
        '\u{e00}'..='\u{e3e}' | '\u{e40}'..='\u{e4e}' | '\u{e80}'..='\u{ece}' => Some(TRIPLE),
        '\u{1000}'..='\u{1049}' | '\u{1780}'..='\u{17d3}' => Some(TRIPLE),
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}' => Some(PAIR),
        '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' => Some(PAIR),
        '\u{20000}'..='\u{3ffff}' => Some(PAIR),
        _ => None,
    }
}

/// Whether its script writes no spaces between words. Korean does.
fn is_unspaced(c: char) -> bool {
    group_size(c).is_some() && !matches!(c, '\u{ac00}'..='\u{d7a3}')
}

/// Whether it may stand inside a word.
pub(super) fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// Whether two neighbouring characters are parts of one word or of one character, so that no cut may fall between them.
///
/// Where a script writes no spaces, only signs above, below or behind a letter hold on to it.
pub(super) fn belongs(last: char, next: char) -> bool {
    let joined = is_mark(next) || is_emoji_part(next) || last == '\u{200d}' || is_leading_vowel(last);
    let vowel = matches!(next, '\u{e30}'..='\u{e3a}' | '\u{e45}'..='\u{e4e}' | '\u{eb0}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}'
        | '\u{102b}'..='\u{103e}' | '\u{17b4}'..='\u{17d3}' | '\u{3099}'..='\u{309a}');
    let in_word = [last, next].into_iter().all(|c| is_letter(c) && !is_unspaced(c));
    joined || vowel || in_word
}

/// Thai and Lao vowels that are written before their consonant.
fn is_leading_vowel(c: char) -> bool {
    matches!(c, '\u{e40}'..='\u{e44}' | '\u{ec0}'..='\u{ec4}')
}

/// What changes the picture before it: variation selectors, skin tones; and the second half of a flag.
fn is_emoji_part(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{1f1e6}'..='\u{1f1ff}' | '\u{e0020}'..='\u{e007f}')
}

/// Signs that belong to the letter before them and are no letters to the standard library: accents on their own,
/// Arabic and Hebrew vowels, Indian viramas, joiners.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}'
        | '\u{9bc}'..='\u{9cd}' | '\u{a3c}'..='\u{a4d}' | '\u{abc}'..='\u{acd}' | '\u{b3c}'..='\u{b4d}'
        | '\u{bbe}'..='\u{bcd}' | '\u{c3c}'..='\u{c4d}' | '\u{cbc}'..='\u{ccd}' | '\u{d3b}'..='\u{d4d}'
        | '\u{dca}'..='\u{ddf}' | '\u{200c}' | '\u{200d}')
}

/// Adds the letter in lower case and without its accent: questions are typed without them, and documents come both
/// composed and decomposed.
fn fold(c: char, into: &mut String) {
    for c in c.to_lowercase() {
        match base(c) {
            '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{640}' | '\u{200c}' | '\u{200d}' => {}
            'ß' => into.push_str("ss"),
            'æ' => into.push_str("ae"),
            'œ' => into.push_str("oe"),
            'ø' => into.push('o'),
            'đ' | 'ð' => into.push('d'),
            'ł' => into.push('l'),
            'ı' => into.push('i'),
            'ς' => into.push('σ'),
            'ى' => into.push('ي'),
            'ة' => into.push('ه'),
            c => into.push(c),
        }
    }
}

/// The letter under the accents.
fn base(c: char) -> char {
    let table = CanonicalDecompositionBorrowed::new();
    let mut base = c;
    while let Decomposed::Expansion(first, _) | Decomposed::Singleton(first) = table.decompose(base) {
        base = first;
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        each(text, |word| words.push(word.folded.to_owned()));
        words
    }

    #[test]
    fn a_text_is_read_as_folded_words() {
        for (text, expected) in [
            ("", ""),
            ("Hello, World-2", "hello world 2"),
            ("Größe ŁÓDŹ Çelik İZMİR ISI", "grosse lodz celik izmir isi"),
            ("cafe\u{301} café", "cafe cafe"),
            ("Κόσμος", "κοσμοσ"),
            ("हिन्दी में", "हिन्दी में"),
            ("مُحَمَّد أحمد", "محمد احمد"),
            ("東京都", "東京 京都"),
            ("漢", "漢"),
            ("ab漢字cd", "ab 漢字 cd"),
            ("한국은", "한국 국은"),
            ("🎉🎉 ok", "ok"),
        ] {
            assert_eq!(all(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn a_word_without_end_is_looked_at_in_part() {
        assert_eq!(all(&"x".repeat(10_000)), ["x".repeat(LONGEST)]);
    }

    #[test]
    fn what_belongs_together_is_known() {
        for (last, next, expected) in [
            ('a', 'b', true),
            ('a', ' ', false),
            ('漢', '字', false),
            ('한', '국', true),
            ('ก', 'ิ', true),
            ('เ', 'ก', true),
            ('ก', 'ข', false),
            ('👍', '\u{1f3fd}', true),
            ('e', '\u{301}', true),
        ] {
            assert_eq!(belongs(last, next), expected, "{last:?} {next:?}");
        }
    }
}
