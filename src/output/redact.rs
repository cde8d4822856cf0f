//! Keys taken out of text that is shown, logged or printed: the error bodies of providers, mostly.
//!
//! Every rule finds spans in the same text; the spans are merged and replaced. The user's own keys are
//! found in whatever way they are written (`known.rs`); the other rules look for what is shaped or placed like a key (a
//! key of somebody else's, or one that a proxy added). Ordinary words, model names, UUIDs and request ids shall stay,
//! because an error message is there to be read. Answers of models never pass through here.

mod known;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::types::Secret;

use known::Forms;

/// What stands in the place of a key.
pub const MARK: &str = "[redacted]";

/// A key shorter than this is not looked for: it would blank ordinary text.
const SHORTEST_KEY: usize = 4;
/// A key shorter than this is found only as a whole word. Real keys are 20 characters and more.
const SHORTEST_SUBSTRING: usize = 8;
/// Of a partly masked key so many characters must be left to recognise it.
const SHORTEST_STUB: usize = 3;
/// So long, a mix of letters and digits is no word.
const OPAQUE: usize = 16;
/// So long, a mix of small and capital letters and digits is a key even if nothing else says so.
const OPAQUE_ALONE: usize = 32;

/// First parts of the keys that providers and code hosts hand out.
const KEY_PREFIXES: &[&str] =
    &["sk", "pk", "rk", "xai", "gsk", "pplx", "csk", "fw", "tgp", "hf", "r8", "nvapi", "ghp", "gho", "ghs", "glpat"];
/// First parts of ids that help to find a request again and open nothing.
const ID_PREFIXES: &[&str] = &[
    "req", "chatcmpl", "cmpl", "msg", "resp", "run", "gen", "call", "toolu", "org", "proj", "user", "asst", "file",
    "trace", "id", "batch", "thread", "step", "event",
];
/// Names whose value is a key, in headers, JSON, settings and URLs; as the end of a longer name too.
const SECRET_NAMES: &[&str] = &[
    "authorization",
    "api-key",
    "api_key",
    "apikey",
    "access_token",
    "access-token",
    "auth_token",
    "client_secret",
    "secret_key",
    "private_key",
    "password",
    "passwd",
];
/// Names that mean a key only as a parameter of a URL.
const URL_NAMES: &[&str] = &["key", "token", "sig", "signature", "auth", "secret", "code"];
/// Words between `Authorization:` and the key.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "apikey", "key", "digest"];

/// Takes keys out of text.
#[derive(Clone, Default)]
pub struct Redactor(Arc<Known>);

/// What is secret.
#[derive(Default)]
struct Known {
    /// Keys, and passwords of addresses.
    secrets: Vec<Secret>,
    /// Addresses that are secret as a whole: a proxy with its password, a webhook.
    addresses: Vec<Secret>,
    /// Made of the secrets when a text is looked at for the first time: most runs have nothing to redact.
    forms: OnceLock<Forms>,
}

/// Without anything that is secret.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// One that knows these keys, and addresses with whatever is secret in them.
    pub fn new(secrets: &[Secret]) -> Self {
        let is_address = |secret: &&Secret| secret.expose().contains("://");
        let long_enough = |secret: &Secret| secret.expose().chars().count() >= SHORTEST_KEY;
        let (addresses, keys): (Vec<_>, Vec<_>) = secrets.iter().partition(is_address);
        let inside = addresses.iter().flat_map(|address| secret_parts(address.expose()));
        let secrets = keys.into_iter().cloned().chain(inside).filter(long_enough).collect();
        Self(Arc::new(Known { secrets, addresses: addresses.into_iter().cloned().collect(), forms: OnceLock::new() }))
    }

    /// The text with every key replaced by [`MARK`].
    pub fn redact(&self, text: &str) -> String {
        let mut spans = self.known(text);
        spans.extend(self.masked(text));
        spans.extend(user_infos(text));
        spans.extend(named_values(text));
        spans.extend(key_words(text));
        replace(text, spans)
    }

    /// The text with the user's own keys replaced and nothing else: for names, which may look like anything.
    pub fn redact_own(&self, text: &str) -> String {
        replace(text, self.known(text))
    }

    /// The user's own keys.
    fn known(&self, text: &str) -> Vec<Range<usize>> {
        let Known { secrets, addresses, forms } = &*self.0;
        let forms = forms.get_or_init(|| Forms::of(secrets.iter().map(Secret::expose)));
        let mut spans = forms.find(text);
        for key in secrets.iter().chain(addresses).map(Secret::expose) {
            let found = text.match_indices(key).map(|(at, key)| at..at + key.len());
            spans.extend(found.filter(|span| key.len() >= SHORTEST_SUBSTRING || is_whole_word(text, span)));
        }
        spans
    }

    /// Keys echoed with their middle masked, such as the first letters, stars, the last letters.
    fn masked(&self, text: &str) -> Vec<Range<usize>> {
        runs(text, |c| matches!(c, '*' | '.' | '…' | '•'))
            .filter_map(|mask| {
                let (stub, rest) = (word_before(text, mask.start), word_after(text, mask.end));
                let (head, tail) = (&text[stub.clone()], &text[rest.clone()]);
                let hidden = &text[mask];
                let stars = hidden.chars().filter(|c| matches!(c, '*' | '•')).count();
                let is_mask = hidden.len() >= 2;
                if let Some(length) = self.begun_before(&text[..stub.end]).filter(|_| is_mask) {
                    return Some(stub.start.min(stub.end - length)..rest.end);
                }
                let is_key = (is_mask && (self.starts_with(head) || starts_like_a_key(head)))
                    || (stars >= 2 && self.ends_with(tail))
                    || (stars >= 3 && head.len() >= SHORTEST_STUB && head.contains(['-', '_']));
                is_key.then_some(stub.start..rest.end)
            })
            .collect()
    }

    /// How many bytes at the end of a text are the beginning of a key, whatever it is glued to: a message that was
    /// shortened may end in the middle of one.
    fn begun_before(&self, text: &str) -> Option<usize> {
        let begun = |key: &str| {
            let longest = key.len().min(text.len());
            (SHORTEST_SUBSTRING..=longest).rev().find(|n| key.get(..*n).is_some_and(|begun| text.ends_with(begun)))
        };
        self.0.secrets.iter().filter_map(|key| begun(key.expose())).max()
    }

    fn starts_with(&self, head: &str) -> bool {
        head.len() >= SHORTEST_STUB && self.0.secrets.iter().any(|key| key.expose().starts_with(head))
    }

    fn ends_with(&self, tail: &str) -> bool {
        tail.len() >= SHORTEST_STUB && self.0.secrets.iter().any(|key| key.expose().ends_with(tail))
    }
}

/// What is secret within an address: user and password as they go into a header, the password alone, and a path with
/// its query that is long enough to be what opens a door.
fn secret_parts(address: &str) -> Vec<Secret> {
    let Some((_, rest)) = address.split_once("://") else { return Vec::new() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let mut parts = vec![path.to_owned()];
    parts.retain(|path| path.len() >= OPAQUE);
    if let Some((user_info, _)) = authority.rsplit_once('@') {
        // Without a password the user name is one: a token.
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let (user, password) = (percent_decoded(user), percent_decoded(password));
        parts.push(format!("{user}:{password}"));
        parts.push(if password.is_empty() { user } else { password });
    }
    parts.iter().map(|part| Secret::new(part)).collect()
}

/// As a client sends it.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text with these spans, merged where they touch, replaced.
fn replace(text: &str, mut spans: Vec<Range<usize>>) -> String {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        if span.end <= done {
            continue;
        }
        if done == 0 || span.start > done {
            out.push_str(&text[done..span.start]);
            out.push_str(MARK);
        }
        done = span.end;
    }
    out.push_str(&text[done..]);
    out
}

/// User name and password in URLs.
fn user_infos(text: &str) -> Vec<Range<usize>> {
    let authority = |(at, _): (usize, &str)| {
        let start = at + "://".len();
        let rest = &text[start..];
        let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'<>)".contains(c)).unwrap_or(rest.len());
        rest[..end].rfind('@').map(|len| start..start + len)
    };
    text.match_indices("://").filter_map(authority).collect()
}

/// Values of headers, JSON fields, settings and URL parameters whose name says that they are keys.
fn named_values(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut spans = Vec::new();
    for name in SECRET_NAMES.iter().chain(URL_NAMES).chain(&["bearer"]) {
        for (at, _) in lower.match_indices(name) {
            spans.extend(value_of(text, &lower, at, name));
        }
    }
    spans
}

/// The value after the name that stands at `at`, if it is a key.
fn value_of(text: &str, lower: &str, at: usize, name: &str) -> Option<Range<usize>> {
    let end = at + name.len();
    let in_url = matches!(text[..at].chars().next_back(), Some('?' | '&'));
    if name == "bearer" {
        let value = value_at(text, skip(text, end, " \t"));
        let is_key = value.start > end && value.len() >= SHORTEST_SUBSTRING && is_secretive(&text[value.clone()]);
        return is_key.then_some(value);
    }
    if URL_NAMES.contains(&name) && !in_url {
        return None;
    }
    let separator = skip(text, end, "\\\"' \t");
    if !text[separator..].starts_with([':', '=']) {
        return None;
    }
    let value = value_at(text, skip(text, separator + 1, "\\\"' \t"));
    if SCHEMES.contains(&&lower[value.clone()]) {
        let key = value_at(text, skip(text, value.end, " \t"));
        return (!key.is_empty()).then_some(key);
    }
    (!value.is_empty() && (in_url || is_secretive(&text[value.clone()]))).then_some(value)
}

/// The first place from `from` on that holds none of these (ASCII) characters.
fn skip(text: &str, from: usize, these: &str) -> usize {
    text.len() - text[from..].trim_start_matches(|c| these.contains(c)).len()
}

/// The value that stands there; what was taken out already is none of it, or a second pass would take its brackets.
fn value_at(text: &str, start: usize) -> Range<usize> {
    let start = text.len() - text[start..].trim_start_matches(MARK).len();
    let ends = |c: char| c.is_whitespace() || "\\\"'`<>,;)}]&#".contains(c);
    start..text[start..].find(ends).map_or(text.len(), |len| start + len)
}

/// Whether it does not look like a word of a sentence.
fn is_secretive(value: &str) -> bool {
    let inner = value.chars().skip(1);
    value.len() >= OPAQUE
        || value.chars().any(|c| c.is_ascii_digit())
        || inner.clone().any(|c| c.is_ascii_uppercase())
        || value.trim_end_matches(['-', '_']).contains(['-', '_'])
}

/// Words that are shaped like a key, and opaque ones that are called one.
fn key_words(text: &str) -> Vec<Range<usize>> {
    let is_key = |span: &Range<usize>| {
        let word = &text[span.clone()];
        looks_like_a_key(word) || (is_opaque(word) && is_called_a_key(&text[..span.start]))
    };
    runs(text, |c| is_word(c) || c == '.').map(|span| trimmed(text, span)).filter(is_key).collect()
}

/// Without the points at its ends, which belong to the sentence.
fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let word = &text[span.clone()];
    let start = span.start + word.len() - word.trim_start_matches('.').len();
    start..start.max(span.start + word.trim_end_matches('.').len())
}

fn looks_like_a_key(word: &str) -> bool {
    let mut parts = word.split(['-', '_']);
    let prefix = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    if rest.peek().is_none() {
        let any = |of: fn(&char) -> bool| word.chars().any(|c| of(&c));
        let mixed = any(char::is_ascii_digit) && any(char::is_ascii_lowercase) && any(char::is_ascii_uppercase);
        return mixed && word.split('.').any(|part| part.len() >= OPAQUE_ALONE);
    }
    let is_token = word.starts_with("eyJ") && word.len() >= OPAQUE_ALONE;
    let is_known_shape = starts_like_a_key(word) && word.len() >= OPAQUE && word.contains(|c: char| c.is_ascii_digit());
    let has_prefix = prefix.len() <= 6 && prefix.starts_with(|c: char| c.is_ascii_alphabetic());
    is_token || is_known_shape || (has_prefix && !ID_PREFIXES.contains(&prefix) && rest.any(is_opaque))
}

/// Whether it begins like one of the keys that are handed out.
fn starts_like_a_key(word: &str) -> bool {
    word.split_once(['-', '_']).is_some_and(|(prefix, _)| KEY_PREFIXES.contains(&prefix))
}

/// Whether it is long, of ASCII letters and digits, and has both.
fn is_opaque(part: &str) -> bool {
    part.len() >= OPAQUE
        && part.chars().all(|c| c.is_ascii_alphanumeric())
        && part.contains(|c: char| c.is_ascii_digit())
        && part.contains(|c: char| c.is_ascii_alphabetic())
}

/// Whether the last few words before it, on the same line, speak of a key.
fn is_called_a_key(before: &str) -> bool {
    const FAR: usize = 24;
    let line = before.rsplit('\n').next().unwrap_or_default();
    let near: Vec<char> = line.chars().rev().take(FAR).collect();
    let near: String = near.into_iter().rev().collect::<String>().to_ascii_lowercase();
    ["key", "secret", "credential"].iter().any(|word| near.contains(word))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_whole_word(text: &str, span: &Range<usize>) -> bool {
    !text[..span.start].ends_with(is_word) && !text[span.end..].starts_with(is_word)
}

fn word_before(text: &str, end: usize) -> Range<usize> {
    text[..end].trim_end_matches(is_word).len()..end
}

fn word_after(text: &str, start: usize) -> Range<usize> {
    let rest = &text[start..];
    start..start + rest.len() - rest.trim_start_matches(is_word).len()
}

/// The longest runs of such characters.
fn runs(text: &str, of: impl Fn(char) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(&of)?;
        at = start + text[start..].find(|c| !of(c)).unwrap_or(text.len() - start);
        Some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(keys: &[&str]) -> Redactor {
        Redactor::new(&keys.iter().map(|key| Secret::new(key)).collect::<Vec<_>>())
    }

    /// Something shaped like a key, put together here so that none stands in the source.
    fn shaped(prefix: &str, len: usize) -> String {
        let body: String = "aB3dE6gH9kL2".chars().cycle().take(len).collect();
        format!("{prefix}{body}")
    }

    #[test]
    fn known_keys_are_found_wherever_they_stand() {
        let redactor = redactor(&["test-key-one", "test-key-one-longer", "pass", "ab", ""]);
        for (text, shown) in [
            ("bad key test-key-one!", "bad key [redacted]!"),
            ("test-key-one-longer", "[redacted]"),
            ("xtest-key-oney", "x[redacted]y"),
            ("test-key-onetest-key-one", "[redacted]"),
            ("the pass is pass.", "the [redacted] is [redacted]."),
            ("passport, bypass, pass_word", "passport, bypass, pass_word"),
            ("ab is no key", "ab is no key"),
        ] {
            assert_eq!(redactor.redact(text), shown, "{text}");
        }
    }

    #[test]
    fn partly_masked_keys_are_found() {
        let redactor = redactor(&["test-key-of-mine"]);
        for (text, shown) in [
            ("provided: test-ke*********ine. You", "provided: [redacted]. You"),
            ("provided: tes...", "provided: [redacted]"),
            ("ends in ****mine", "ends in [redacted]"),
            ("other: zz-ab***xyz.", "other: [redacted]."),
            ("auth=Bearer%20test-key-of-m…", "auth=Bearer%[redacted]"),
            ("a latest-k… is none", "a latest-k… is none"),
            ("this is ***bold*** and **so** on...", "this is ***bold*** and **so** on..."),
            ("wait...what, and...mine, well-known……then", "wait...what, and...mine, well-known……then"),
            ("2 ** 3, a..b, 1...9", "2 ** 3, a..b, 1...9"),
        ] {
            assert_eq!(redactor.redact(text), shown, "{text}");
        }
        let dotted = format!("{}k-ab...yz was refused", "s");
        assert_eq!(redactor.redact(&dotted), "[redacted] was refused");
    }

    #[test]
    fn values_with_a_telling_name_are_found() {
        for (text, shown) in [
            ("Authorization: Bearer hunter2", "Authorization: Bearer [redacted]"),
            ("authorization:test-key", "authorization:[redacted]"),
            ("Authorization: Basic dXNlcjpwYXNz\nnext", "Authorization: Basic [redacted]\nnext"),
            ("sent Bearer abc123def to it", "sent Bearer [redacted] to it"),
            (r#"{"api_key": "test-key", "n": 1}"#, r#"{"api_key": "[redacted]", "n": 1}"#),
            (r#"\"x-api-key\":\"test-key\""#, r#"\"x-api-key\":\"[redacted]\""#),
            ("x-goog-api-key: test-key", "x-goog-api-key: [redacted]"),
            ("OPENAI_API_KEY=hunter2 set", "OPENAI_API_KEY=[redacted] set"),
            ("GET /v1?key=abc&alt=sse failed", "GET /v1?key=[redacted]&alt=sse failed"),
            ("/v1?a=b&token=abc#top", "/v1?a=b&token=[redacted]#top"),
            ("https://me:pw@host:8080/a@b", "https://[redacted]@host:8080/a@b"),
            ("http://tok@host", "http://[redacted]@host"),
            ("(https://u:p@a.example) and https://b.example", "(https://[redacted]@a.example) and https://b.example"),
        ] {
            assert_eq!(redactor(&[]).redact(text), shown, "{text}");
        }
    }

    #[test]
    fn words_shaped_like_a_key_are_found() {
        for key in [
            shaped(&["s", "k-"].concat(), 24),
            shaped(&["s", "k-proj-"].concat(), 40),
            shaped("gs\u{6b}_", 20),
            shaped("zzz-", 20),
            shaped("new_v1_", 32),
            shaped("", 40),
            format!("ey{}.{}.{}", shaped("J", 30), shaped("", 40), shaped("x-", 20)),
        ] {
            let text = format!("Incorrect: {key}. Look (\"{key}\").");
            assert_eq!(redactor(&[]).redact(&text), "Incorrect: [redacted]. Look (\"[redacted]\").", "{key}");
        }
        let hex = "0123456789abcdef".repeat(2);
        let called = format!("the key {hex} is wrong, trace {hex}");
        assert_eq!(redactor(&[]).redact(&called), format!("the key [redacted] is wrong, trace {hex}"));
    }

    #[test]
    fn ordinary_text_stays() {
        let ids = [shaped("req_", 24), shaped("chatcmpl-", 28), shaped("org-", 24)].join(" ");
        for text in [
            "the model `claude-3-5-sonnet-20241022` does not exist",
            "gpt-4o-mini-2024-07-18, llama-v3p1-405b-instruct, deepseek-r1-distill-qwen-32b, o3-mini-high",
            "trace 550e8400-e29b-41d4-a716-446655440000 at 2026-11-21T12:00:00.000Z",
            "missing Authorization header; a bearer token is needed; bearer authentication",
            "authorization: missing. password: incorrect",
            "set AZURE_OPENAI_API_VERSION or OPENAI_API_KEY=… (openai)",
            "invalid key: temperature; unknown key=value pair; the token: 12",
            "max_tokens: 4096, prompt_tokens=12, tokens 1234567890123456",
            "mail a@b.example or see https://a.example/x@y?q=a@b",
            "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "Straße, naïve, 漢字, emoji 👩‍💻, ünï…cödé***",
            "",
            &ids,
        ] {
            assert_eq!(redactor(&["test-key"]).redact(text), text);
        }
    }

    #[test]
    fn no_text_breaks_it_and_no_known_key_survives() {
        let key = "test-key-of-mine";
        let redactor = redactor(&[key, "pass"]);
        let parts = [
            key,
            "pass",
            "é",
            "…",
            "***",
            "..",
            "://",
            "@",
            "Authorization",
            ":",
            " ",
            "\"",
            "\\",
            "Bearer ",
            "?key=",
            "&",
            "sk",
            "-",
            "_",
            "a1b2c3d4e5f6g7h8",
            "\n",
            "👩",
            "=",
            "\u{202e}",
            "eyJ",
            "API_KEY",
        ];
        // A small linear congruential generator: the same texts every time.
        let mut state = 1u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap()
        };
        for _ in 0..5000 {
            let text: String = (0..draw() % 12).map(|_| parts[draw() % parts.len()]).collect();
            assert!(!redactor.redact(&text).contains(key), "{text:?}");
        }
    }

    #[test]
    fn what_is_secret_in_an_address_is_found_without_it() {
        let redactor = redactor(&[
            "http://user:pass%40word@127.0.0.1:9/",
            "socks5://only-a-token@h.test",
            "https://h.test/hooks/T0/B0/opens?x=1",
            "http://plain.test:8080",
        ]);
        for (text, shown) in [
            ("user:pass@word is wrong", "[redacted] is wrong"),
            ("the password pass%40word", "the password [redacted]"),
            ("sent dXNlcjpwYXNzQHdvcmQ=", "sent [redacted]Q="),
            ("token only-a-token", "token [redacted]"),
            ("POST /hooks/T0/B0/opens?x=1 failed", "POST [redacted] failed"),
            ("cannot reach http://plain.test:8080", "cannot reach [redacted]"),
            (
                "user of 127.0.0.1:9 and h.test and plain.test:8080",
                "user of 127.0.0.1:9 and h.test and plain.test:8080",
            ),
        ] {
            assert_eq!(redactor.redact(text), shown, "{text}");
        }
        for (text, decoded) in [("a%20b", "a b"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%é", "%é")] {
            assert_eq!(percent_decoded(text), decoded);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", redactor(&["test-key"])).contains("test-key"));
    }
}
