//! The user's own keys in a text, also where they were written in another way: in other letters' case, in base64 or hex,
//! with characters escaped as URLs, JSON or HTML do, with something invisible between, or only a long part of one.
//!
//! A text is first read as [`Glyph`]s, that is with its escapes undone and its invisible characters left out; each one
//! remembers where it came from. Then it is searched by seed and extension: every stretch of a form that is long enough to
//! be secret has a [`SEED`] in it that is known, and from there the two are alike as far as they are alike.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{SHORTEST_SUBSTRING, is_word};
use crate::output::sanitize::acts_on_a_terminal;

/// So many characters of a key in a row are as secret as the whole. Fewer are what vendors themselves show of a key.
const PART: usize = 12;
/// Escapes within escapes are undone this often: a URL in a URL, JSON in JSON.
const DEPTH: usize = 3;

/// So many characters are looked up at once.
const SEED: usize = 6;
/// Of the seeds of a form only those are kept that stand at a multiple of this: any [`PART`] characters hold one.
const STEP: usize = PART - SEED + 1;

/// What is looked for. Without `Debug`: it is made of keys.
#[derive(Default)]
pub(super) struct Forms {
    /// The ways in which the keys can be written.
    forms: Vec<Vec<char>>,
    /// In their order, each with the form that it is of and where it stands in that.
    seeds: Vec<([char; SEED], usize, usize)>,
}

impl Forms {
    /// The forms of these keys. Shorter ones than [`SHORTEST_SUBSTRING`] have none: they would blank ordinary text.
    pub fn of<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        let mut forms = Self::default();
        for key in keys.filter(|key| key.len() >= SHORTEST_SUBSTRING) {
            forms.add(key);
            encoded(key.as_bytes()).iter().for_each(|form| forms.add(form));
        }
        forms.seeds.sort_unstable();
        forms
    }

    fn add(&mut self, form: &str) {
        let form: Vec<char> = read(form).iter().map(|glyph| glyph.is).collect();
        if form.len() < SHORTEST_SUBSTRING {
            return;
        }
        let number = self.forms.len();
        for (at, seed) in form.windows(SEED).enumerate().step_by(STEP) {
            self.seeds.extend(seed.try_into().ok().map(|seed| (seed, number, at)));
        }
        self.forms.push(form);
    }

    /// Where any of them stands, in bytes of the text: [`PART`] characters of it or more, or the whole of a shorter one.
    /// The spans may overlap.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        if self.seeds.is_empty() {
            return Vec::new();
        }
        let glyphs = read(text);
        let is: Vec<char> = glyphs.iter().map(|glyph| glyph.is).collect();
        let mut spans = Vec::new();
        for (at, seed) in is.windows(SEED).enumerate() {
            let first = self.seeds.partition_point(|(known, ..)| known[..] < *seed);
            for (_, form, place) in self.seeds[first..].iter().take_while(|(known, ..)| known[..] == *seed) {
                let form = &self.forms[*form];
                let before = alike(form[..*place].iter().rev(), is[..at].iter().rev());
                let from_here = alike(form[*place..].iter(), is[at..].iter());
                if before + from_here >= PART.min(form.len()) {
                    add(&mut spans, glyphs[at - before].from.start..glyphs[at + from_here - 1].from.end);
                }
            }
        }
        spans
    }
}

/// A key of the same letter throughout is found at every place of such a text, in many ways: the last span grows.
fn add(spans: &mut Vec<Range<usize>>, found: Range<usize>) {
    match spans.last_mut().filter(|last| last.start <= found.start && found.start <= last.end) {
        Some(last) => last.end = last.end.max(found.end),
        None => spans.push(found),
    }
}

/// How many characters are the same at the beginning of both.
fn alike<'c>(one: impl Iterator<Item = &'c char>, other: impl Iterator<Item = &'c char>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

/// A key in base64 (of both alphabets, and wherever in a longer text it begins) and in hex.
fn encoded(key: &[u8]) -> Vec<String> {
    let mut forms = vec![key.iter().map(|byte| format!("{byte:02x}")).collect()];
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend(key);
        for base64 in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = base64.encode(&bytes);
            // The characters at both ends hold bits of the neighbours too.
            let first = (before * 8).div_ceil(6);
            let end = bytes.len() * 8 / 6;
            forms.push(text[first..end].to_owned());
        }
    }
    forms
}

/// A character as it is meant, in lower case, and the bytes that it was read from.
#[derive(Clone)]
struct Glyph {
    is: char,
    from: Range<usize>,
}

/// A text as it is meant.
fn read(text: &str) -> Vec<Glyph> {
    let glyph = |(at, c): (usize, char)| Glyph { is: c.to_ascii_lowercase(), from: at..at + c.len_utf8() };
    let mut glyphs: Vec<Glyph> = text.char_indices().filter(|(_, c)| !is_invisible(*c)).map(glyph).collect();
    for _ in 0..DEPTH {
        if !glyphs.iter().any(|glyph| matches!(glyph.is, '%' | '\\' | '&')) {
            break;
        }
        glyphs = undone(&glyphs);
    }
    glyphs
}

/// What does not show where it stands between two letters.
fn is_invisible(c: char) -> bool {
    acts_on_a_terminal(c)
        || matches!(c, '\n' | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// One level of escapes undone.
fn undone(glyphs: &[Glyph]) -> Vec<Glyph> {
    let mut out = Vec::with_capacity(glyphs.len());
    let mut at = 0;
    while at < glyphs.len() {
        let (is, len) = escape(&glyphs[at..]).unwrap_or((glyphs[at].is, 1));
        if !is_invisible(is) {
            out.push(Glyph { is: is.to_ascii_lowercase(), from: glyphs[at].from.start..glyphs[at + len - 1].from.end });
        }
        at += len;
    }
    out
}

/// The character that an escape at the beginning stands for, and how long that is.
fn escape(glyphs: &[Glyph]) -> Option<(char, usize)> {
    let is = |at: usize| glyphs.get(at).map(|glyph| glyph.is);
    match (is(0)?, is(1)?) {
        ('%', _) => Some((number(glyphs, 1, 2, 16)?, 3)),
        ('\\', 'u') => Some((number(glyphs, 2, 4, 16)?, 6)),
        ('\\', 'x') => Some((number(glyphs, 2, 2, 16)?, 4)),
        // A line break is no part of a key, whoever wrapped it.
        ('\\', 'n' | 'r') => Some(('\n', 2)),
        ('\\', c) if !is_word(c) => Some((c, 2)),
        ('&', '#') => {
            let (from, radix) = if is(2)? == 'x' { (3, 16) } else { (2, 10) };
            let len = glyphs[from..].iter().take(7).position(|glyph| glyph.is == ';')?;
            Some((number(glyphs, from, len, radix)?, from + len + 1))
        }
        _ => None,
    }
}

fn number(glyphs: &[Glyph], from: usize, len: usize, radix: u32) -> Option<char> {
    let digits: String = glyphs.get(from..from + len)?.iter().map(|glyph| glyph.is).collect();
    char::from_u32(u32::from_str_radix(&digits, radix).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::redact::MARK;
    use crate::output::redact::Redactor;
    use crate::types::Secret;

    const KEY: &str = "test-key/that_nobody+may.see~9";

    fn redacted(text: &str) -> String {
        Redactor::new(&[Secret::new(KEY)]).redact(text)
    }

    fn each(of: impl Fn(u8) -> String) -> String {
        KEY.bytes().map(of).collect()
    }

    #[test]
    fn a_key_is_found_however_it_is_written() {
        let escaped = each(|b| if b.is_ascii_alphanumeric() { char::from(b).into() } else { format!("%{b:02X}") });
        for (what, written) in [
            ("as it is", KEY.to_owned()),
            ("in capitals", KEY.to_ascii_uppercase()),
            ("in a URL", escaped.clone()),
            ("in a URL in a URL", escaped.replace('%', "%25")),
            ("every byte in percent", each(|b| format!("%{b:02x}"))),
            ("in JSON", each(|b| format!("\\u{b:04X}"))),
            ("in JSON in JSON", KEY.replace('/', "\\\\/").replace('-', "\\\\u002d")),
            ("in a program", each(|b| format!("\\x{b:02x}"))),
            ("in HTML", each(|b| format!("&#{b};"))),
            ("in HTML in hex", each(|b| format!("&#x{b:X};"))),
            ("in hex", each(|b| format!("{b:02x}"))),
            ("with something invisible", KEY.replace('e', "\u{ad}e\u{200b}")),
            ("with controls", KEY.replace('e', "\u{1}e\u{1b}")),
            ("wrapped", KEY.replace('_', "\n_").replace('+', "\\n+")),
        ] {
            assert_eq!(redacted(&format!("bad key {written}, sorry")), format!("bad key {MARK}, sorry"), "{what}");
        }
    }

    #[test]
    fn base_64_is_found_at_every_place_and_in_both_alphabets() {
        for base64 in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            for before in ["", "a", "ab", "Bearer ", "user:", "key:"] {
                let whole = base64.encode(format!("{before}{KEY} and more"));
                let shown = redacted(&format!("sent {whole}."));
                assert!(shown.contains(MARK), "{before}");
                let left: Vec<&str> = shown.split(MARK).collect();
                assert!(left.iter().all(|part| part.len() < 30), "{before}: {shown}");
                let core: Vec<char> = whole.chars().collect();
                assert!(core.windows(PART).skip(10).take(20).all(|w| !shown.contains(&w.iter().collect::<String>())));
            }
        }
    }

    #[test]
    fn every_long_part_is_found_wherever_it_is_of() {
        let forms = Forms::of([KEY].into_iter());
        for start in 0..=KEY.len() - PART {
            let part = &KEY[start..start + PART];
            let found = forms.find(&format!("<{part}>"));
            assert!(!found.is_empty() && found.iter().all(|span| *span == (1..1 + PART)), "{part}: {found:?}");
            assert!(forms.find(&part[1..]).is_empty(), "{part}");
        }
    }

    #[test]
    fn a_long_part_is_as_secret_as_the_whole_and_a_short_one_may_be_told() {
        assert_eq!(redacted(&format!("it begins with {} …", &KEY[..14])), format!("it begins with {MARK} …"));
        assert_eq!(redacted(&format!("and ends in {}", &KEY[18..])), format!("and ends in {MARK}"));
        assert_eq!(redacted(&format!("{} then {}", &KEY[..15], &KEY[15..])), format!("{MARK} then {MARK}"));
        assert_eq!(redacted("it ends in see~9"), "it ends in see~9");
    }

    #[test]
    fn nothing_else_is_touched() {
        for text in
            ["100% of \\users & co; 50%", "%", "\\", "&#", "&#x;", "\\u12", "%zz", "a\\/b", "é%41", "&#1114112;x"]
        {
            assert_eq!(redacted(text), text);
        }
        assert!(Forms::of(["short", ""].into_iter()).find("short").is_empty());
    }
}
