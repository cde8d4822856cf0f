//! What reaches a terminal: text made harmless, Markdown drawn, keys taken out.

use llmr::output::markdown::{Look, Renderer};
use llmr::output::{Redactor, Sanitizer, sanitize};
use llmr::providers::{Headers, Quirks, dialect};
use llmr::types::{DialectKind, Secret};

use super::feed;

/// What a terminal may take for more than a character, written down anew: not the table that is tested.
fn acts(c: char) -> bool {
    let bidi = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && !matches!(c, '\n' | '\t')) || bidi || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A text from anywhere, made harmless: in pieces as in one, a second time as the first, untouched where it is plain.
pub fn sanitizer(data: &[u8]) {
    let ([seed], body) = feed::choices(data);
    let text = feed::text(body);
    let harmless = sanitize::text(&text).into_owned();
    assert!(!harmless.replace("\r\n", "\n").contains(acts), "{harmless:?}");
    assert_eq!(sanitize::text(&harmless), harmless, "twice");
    for pieces in [vec![text.as_str()], feed::text_pieces(&text, 0), feed::text_pieces(&text, seed)] {
        assert_eq!(in_pieces(&pieces), harmless, "in {} pieces", pieces.len());
    }
    let plain: String = text.chars().filter(|c| matches!(c, '\n' | '\t' | ' '..='~' | '\u{a0}'..='\u{1fff}')).collect();
    assert_eq!(sanitize::text(&plain), plain, "plain text");
    let line = sanitize::line(&text);
    assert!(!line.contains(acts) && !line.contains(['\n', '\t', '\r']), "{line:?}");
}

fn in_pieces(pieces: &[&str]) -> String {
    let mut sanitizer = Sanitizer::default();
    let mut out: String = pieces.iter().map(|piece| sanitizer.push(piece).into_owned()).collect();
    out.push_str(sanitizer.finish());
    out
}

/// Markdown for a terminal: in pieces as in one, no escape but its own, no letter lost.
pub fn markdown(data: &[u8]) {
    let ([look, seed], body) = feed::choices(data);
    let text = sanitize::text(&feed::text(body)).into_owned();
    let look = Look {
        color: look & 1 == 1,
        utf8: look & 2 == 2,
        columns: [None, Some(80), Some(12), Some(1)][usize::from(look >> 2) % 4],
    };
    let drawn = rendered(&[&text], look);
    for pieces in [feed::text_pieces(&text, 0), feed::text_pieces(&text, seed)] {
        assert_eq!(rendered(&pieces, look), drawn, "in {} pieces", pieces.len());
    }
    let shown = without_looks(&drawn);
    assert!(look.color || shown == drawn, "colour where there is none");
    assert!(!shown.replace("\r\n", "\n").contains(acts), "{shown:?}");
    // Entities, addresses and tables become other text; all else keeps every letter in its place.
    if !text.contains(['&', '<', '[', '|']) {
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        assert_eq!(letters(&shown), letters(&text));
    }
}

fn rendered(pieces: &[&str], look: Look) -> String {
    let mut renderer = Renderer::new(look);
    let mut out = String::new();
    for piece in pieces {
        let drawn = renderer.push(piece);
        assert!(is_off(&drawn), "looks are left on: {drawn:?}");
        out.push_str(&drawn);
    }
    out + &renderer.finish()
}

/// Whether the last attribute of a piece turns all of them off.
fn is_off(drawn: &str) -> bool {
    drawn.rsplit_once('\u{1b}').is_none_or(|(_, last)| last.starts_with("[0m"))
}

/// Without SGR sequences; any other escape stays.
fn without_looks(drawn: &str) -> String {
    let mut parts = drawn.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('m') {
            Some((codes, rest)) if codes.bytes().all(|b| b.is_ascii_digit() || b == b';') => out.push_str(rest),
            _ => out.extend(["\u{1b}[", part]),
        }
    }
    out
}

/// Keys that are known; nothing of them that is longer than this may be left.
const KEYS: [&str; 3] = ["the-key-of-alpha-0123", "test-key-of-beta", "KEYofGamma7"];
const LONGEST_LEFT: usize = 11;

/// Text from outside with known keys in it (where bytes 1 to 3 stand), whole and as the error of a provider.
pub fn redactor(data: &[u8]) {
    let ([status], body) = feed::choices(data);
    let text = KEYS.iter().zip(["\u{1}", "\u{2}", "\u{3}"]).fold(feed::text(body), |t, (key, at)| t.replace(at, key));
    let redactor = Redactor::new(&KEYS.map(Secret::new));
    let shown = redactor.redact(&text);
    for key in KEYS {
        assert!(!shown.contains(key) && !sanitize::text(&shown).contains(key), "{shown:?}");
    }
    // An error's text is shortened before keys are taken out: also a key that was cut in two shall not be left.
    let failure = dialect(DialectKind::Openai, &Quirks::OPENAI_LIKE);
    let failure = failure.failure(400 + u16::from(status), &Headers::default(), text.as_bytes());
    let said = redactor.redact(&failure.message);
    for key in KEYS {
        let left = &key[..key.len().min(LONGEST_LEFT)];
        assert!(text.replace(key, "").contains(left) || !said.contains(left), "{said:?}");
    }
}
