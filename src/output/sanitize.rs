//! Text from outside, made harmless for a terminal: it may not move the cursor, set a title, write
//! the clipboard, hide a link, or show its characters in another order than they come.
//!
//! Each dangerous character is replaced by itself, without parsing sequences: `ESC` becomes `␛`, and
//! what follows it is then plain text. So a sequence cut in two is as harmless as a whole one, and
//! one that never ends swallows nothing. The price: the inner part of a sequence stays visible,
//! which also shows the reader that somebody tried.
//!
//! Left alone: `\n`, `\t`, `\r\n`; the marks and joiners that real text needs (U+200B–200F, U+2060,
//! U+061C, variation selectors, U+FEFF), which have no width and move nothing. Not left alone although
//! some flags (of England, Scotland, Wales) are spelled with them: tag characters, which hide text.

use std::borrow::Cow;
use std::fmt::Write;

/// Makes a text harmless that comes in pieces. Its only memory is a `\r` at the end of a piece,
/// which is harmless if the next one begins with `\n`.
#[derive(Debug, Clone, Default)]
pub struct Sanitizer {
    held_cr: bool,
}

impl Sanitizer {
    /// The next piece; borrowed, without any copy, if there is nothing to replace.
    pub fn push<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        if piece.is_empty() || (!self.held_cr && !piece.contains(acts_on_a_terminal)) {
            return Cow::Borrowed(piece);
        }
        let mut out = String::with_capacity(piece.len() + 16);
        for c in piece.chars() {
            if std::mem::take(&mut self.held_cr) {
                out.push_str(if c == '\n' { "\r" } else { CR_MARK });
            }
            match c {
                '\r' => self.held_cr = true,
                c if acts_on_a_terminal(c) => push_mark(&mut out, c),
                c => out.push(c),
            }
        }
        Cow::Owned(out)
    }

    /// What is left at the end of the text.
    pub fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.held_cr) { CR_MARK } else { "" }
    }
}

/// A whole text, harmless, its lines kept.
pub fn text(text: &str) -> Cow<'_, str> {
    if !text.contains(acts_on_a_terminal) {
        return Cow::Borrowed(text);
    }
    let mut sanitizer = Sanitizer::default();
    let mut out = sanitizer.push(text).into_owned();
    out.push_str(sanitizer.finish());
    Cow::Owned(out)
}

/// The attributes that a table of ours has: bold and nothing. Whoever else writes them does no harm.
const OWN: [&str; 2] = ["\x1b[1m", "\x1b[0m"];

/// A whole report of ours, harmless: of all sequences the attributes of tables alone are kept.
pub fn report(text: &str) -> Cow<'_, str> {
    if !text.contains(acts_on_a_terminal) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len() + 16), text);
    while let Some((at, own)) = OWN.iter().filter_map(|own| Some((rest.find(own)?, *own))).min() {
        out.push_str(&self::text(&rest[..at]));
        out.push_str(own);
        rest = &rest[at + own.len()..];
    }
    out.push_str(&self::text(rest));
    Cow::Owned(out)
}

/// A whole text, harmless and on one line: each line break or tab becomes a space.
pub fn line(text: &str) -> Cow<'_, str> {
    let harmless = self::text(text);
    if harmless.contains(['\n', '\t']) {
        return Cow::Owned(harmless.replace("\r\n", " ").replace(['\n', '\t'], " "));
    }
    harmless
}

/// Whether a terminal may do something else with this character than show it.
/// `\r` is among them: alone it overwrites the line it stands on.
pub(super) fn acts_on_a_terminal(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{B}'..='\u{1F}' | '\u{7F}'      // C0 without \t and \n; DEL
        | '\u{80}'..='\u{9F}'                               // C1: 8-bit CSI, OSC, DCS, …
        | '\u{2028}' | '\u{2029}'                           // line and paragraph separator
        | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}' // bidi embedding, override, isolate; deprecated formats
        | '\u{FFF9}'..='\u{FFFB}'                           // interlinear annotation
        | '\u{E0000}'..='\u{E007F}'                         // tags
    )
}

const CR_MARK: &str = "␍";

/// The visible stand-in: a control picture; for C1 the picture of `ESC` and the letter of its 7-bit
/// form (U+009B is `␛[`); for all else the code point.
fn push_mark(out: &mut String, c: char) {
    let code = u32::from(c);
    let picture = |code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    match code {
        0..=0x1F => out.push(picture(0x2400 + code)),
        0x7F => out.push('␡'),
        0x80..=0x9F => out.extend(['␛', picture(code - 0x40)]),
        // Writing to a String cannot fail.
        _ => _ = write!(out, "<U+{code:04X}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs and what is shown.
    const CASES: &[(&str, &str)] = &[
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b[2J\x1b[H", "␛[2J␛[H"),
        ("\x1b[999Aup", "␛[999Aup"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b]2;title\x1b\\", "␛]2;title␛\\"),
        ("\x1b]52;c;cm0gLXJm\x07", "␛]52;c;cm0gLXJm␇"),
        ("\x1b]8;;https://a.example\x1b\\bank\x1b]8;;\x1b\\", "␛]8;;https://a.example␛\\bank␛]8;;␛\\"),
        ("\x1bPq#0;2;0;0;0\x1b\\", "␛Pq#0;2;0;0;0␛\\"),
        ("\x1bP+q544e\x1b\\", "␛P+q544e␛\\"),
        ("\x1b_Gf=100;AAAA\x1b\\", "␛_Gf=100;AAAA␛\\"),
        ("\x1b^private\x1b\\", "␛^private␛\\"),
        ("\x1bXstart of string\x1b\\", "␛Xstart of string␛\\"),
        ("\x1bc reset", "␛c reset"),
        ("\x1b(0lqqk", "␛(0lqqk"),
        ("\x1b[?1049h\x1b[?25l", "␛[?1049h␛[?25l"),
        ("\x1b[6n", "␛[6n"),
        ("\x1b[5i print", "␛[5i print"),
        ("\x1b]1337;File=name=eA==:AAAA\x07", "␛]1337;File=name=eA==:AAAA␇"),
        ("\x1b]never ends\nsecond line\nthird", "␛]never ends\nsecond line\nthird"),
        ("\x1b[\x1b[\x1b[", "␛[␛[␛["),
        ("at the end \x1b", "at the end ␛"),
        ("\u{9b}31mred", "␛[31mred"),
        ("\u{9d}0;title\u{9c}", "␛]0;title␛\\"),
        ("\u{90}q\u{9c}", "␛Pq␛\\"),
        ("\u{9f}apc\u{9e}pm\u{98}sos", "␛_apc␛^pm␛Xsos"),
        ("next\u{85}line", "next␛Eline"),
        ("bell\x07 nul\0 back\x08", "bell␇ nul␀ back␈"),
        ("shift\x0e\x0f del\x7f", "shift␎␏ del␡"),
        ("vt\x0b ff\x0c", "vt␋ ff␌"),
        ("real\rfake", "real␍fake"),
        ("dos\r\nlines\r\n", "dos\r\nlines\r\n"),
        ("a\r\r\nb\r", "a␍\r\nb␍"),
        ("a\r\x1b[K\rb", "a␍␛[K␍b"),
        ("user\u{202e}gpj.exe", "user<U+202E>gpj.exe"),
        ("\u{202a}\u{202b}\u{202c}\u{202d}", "<U+202A><U+202B><U+202C><U+202D>"),
        ("\u{2066}a\u{2069}\u{2067}\u{2068}", "<U+2066>a<U+2069><U+2067><U+2068>"),
        ("sym\u{206a}\u{206f}", "sym<U+206A><U+206F>"),
        ("a\u{2028}b\u{2029}c", "a<U+2028>b<U+2029>c"),
        ("\u{fff9}a\u{fffa}b\u{fffb}", "<U+FFF9>a<U+FFFA>b<U+FFFB>"),
        ("hi\u{e0001}\u{e0068}\u{e007f}", "hi<U+E0001><U+E0068><U+E007F>"),
    ];

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        for (hostile, shown) in CASES {
            assert_eq!(text(hostile), *shown, "{hostile:?}");
            let left = text(hostile).replace("\r\n", "\n");
            assert!(!left.contains(acts_on_a_terminal), "{hostile:?}");
        }
        assert!(CASES.len() >= 30);
    }

    #[test]
    fn every_split_gives_the_same() {
        for (hostile, shown) in CASES {
            let borders: Vec<usize> = (0..=hostile.len()).filter(|i| hostile.is_char_boundary(*i)).collect();
            for (i, first) in borders.iter().enumerate() {
                for second in &borders[i..] {
                    let pieces = [&hostile[..*first], &hostile[*first..*second], &hostile[*second..]];
                    assert_eq!(in_pieces(&pieces), *shown, "{pieces:?}");
                }
            }
            let singles: Vec<String> = hostile.chars().map(String::from).collect();
            assert_eq!(in_pieces(&singles), *shown, "{hostile:?} by single characters");
        }
    }

    fn in_pieces(pieces: &[impl AsRef<str>]) -> String {
        let mut sanitizer = Sanitizer::default();
        let mut out: String = pieces.iter().map(|piece| sanitizer.push(piece.as_ref()).into_owned()).collect();
        out.push_str(sanitizer.finish());
        out
    }

    #[test]
    fn clean_text_is_not_even_copied() {
        let clean =
            ["", "plain", "tab\tand\nline", "שלום\u{200f} 👩\u{200d}💻 ไทย\u{200b} e\u{301} 漢\u{fe00}", "\u{feff}bom"];
        for clean in clean {
            assert!(matches!(Sanitizer::default().push(clean), Cow::Borrowed(same) if same == clean), "{clean:?}");
            assert!(matches!(text(clean), Cow::Borrowed(same) if same == clean), "{clean:?}");
        }
    }

    #[test]
    fn a_report_keeps_its_own_attributes_and_nothing_else() {
        assert!(matches!(report("plain"), Cow::Borrowed("plain")));
        for (given, shown) in [
            ("\x1b[1mtitle\x1b[0m\nrow", "\x1b[1mtitle\x1b[0m\nrow"),
            ("\x1b[1m\x1b]0;x\x07\x1b[0m\x1b[8m", "\x1b[1m␛]0;x␇\x1b[0m␛[8m"),
            ("\x1b\x1b[0m\x1b[1", "␛\x1b[0m␛[1"),
            ("\u{202e}\u{9b}1m", "<U+202E>␛[1m"),
        ] {
            assert_eq!(report(given), shown, "{given:?}");
        }
    }

    #[test]
    fn a_line_stays_a_line() {
        for (given, shown) in [("a\nb", "a b"), ("a\r\nb\tc", "a b c"), ("a\rb", "a␍b"), ("a b", "a b")] {
            assert_eq!(line(given), shown);
        }
    }
}
