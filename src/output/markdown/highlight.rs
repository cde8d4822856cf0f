//! Colours in code. The definitions of languages are read when the first block with one comes, and never before.

use std::sync::OnceLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use super::style::paint_codes;

/// A longer line is shown without colours: nobody reads it, and patterns may take long on it.
const LONGEST_LINE: usize = 1000;
/// No more than this of a block is coloured, in bytes.
const LONGEST_BLOCK: usize = 200_000;

/// What a scope looks like, as SGR parameters; the innermost scope that is listed counts, the first row of it.
const LOOKS: [(&str, &str); 22] = [
    ("comment", "2;3"),
    ("punctuation.definition.comment", "2;3"),
    ("constant.character.escape", "36"),
    ("string", "32"),
    ("punctuation.definition.string", "32"),
    ("constant", "36"),
    ("support.constant", "36"),
    ("keyword.operator", ""),
    ("keyword", "35"),
    ("storage", "35"),
    ("variable.language", "35"),
    ("entity.name.tag", "34"),
    ("entity.other.attribute-name", "36"),
    ("entity.name", "1;34"),
    ("support.function", "34"),
    ("support.type", "34"),
    ("support.class", "34"),
    ("variable.function", "34"),
    ("markup.inserted", "32"),
    ("markup.deleted", "31"),
    ("markup.heading", "1"),
    ("meta.diff.range", "36"),
];

/// Names that models give to languages and the definitions do not know.
pub(super) const ALIASES: [(&str, &str); 21] = [
    ("shell", "bash"),
    ("console", "bash"),
    ("shell-session", "bash"),
    ("zsh", "bash"),
    ("ksh", "bash"),
    ("golang", "go"),
    ("jsonc", "json"),
    ("json5", "json"),
    ("jsonl", "json"),
    ("csharp", "cs"),
    ("python3", "py"),
    ("py3", "py"),
    ("docker", "dockerfile"),
    ("node", "js"),
    ("mjs", "js"),
    ("typescriptreact", "tsx"),
    ("javascriptreact", "js"),
    ("hcl", "tf"),
    ("protobuf", "proto"),
    ("objective-c", "m"),
    ("make", "makefile"),
];

/// Words that name no language.
const PLAIN: [&str; 6] = ["", "text", "txt", "plain", "plaintext", "output"];

/// A block of code that is being coloured.
pub struct Highlighter {
    state: ParseState,
    scopes: ScopeStack,
    /// Bytes that may still come.
    left: usize,
}

impl Highlighter {
    /// For the language that a fence names, if it is known.
    pub fn new(info: &str) -> Option<Self> {
        let token = info.split([' ', '\t', ',', '{', ':']).next()?.to_ascii_lowercase();
        if PLAIN.contains(&token.as_str()) {
            return None;
        }
        let name = ALIASES.iter().find(|(alias, _)| *alias == token).map_or(token.as_str(), |(_, name)| name);
        let syntax = syntaxes().find_syntax_by_token(name)?;
        Some(Self { state: ParseState::new(syntax), scopes: ScopeStack::new(), left: LONGEST_BLOCK })
    }

    /// A line, without its line break, in colours. `None` where it cannot be followed: then neither can the lines
    /// after it.
    pub fn line(&mut self, line: &str) -> Option<String> {
        self.left = self.left.checked_sub(line.len()).filter(|_| line.len() <= LONGEST_LINE)?;
        let steps = self.state.parse_line(&format!("{line}\n"), syntaxes()).ok()?;
        let mut out = String::with_capacity(line.len() * 2);
        let (mut codes, mut start) = (self.codes(), 0);
        for (end, step) in &steps {
            let end = (*end).min(line.len());
            self.scopes.apply(step).ok()?;
            let next = self.codes();
            if next != codes {
                paint(&mut out, codes, line.get(start..end)?);
                (codes, start) = (next, end);
            }
        }
        paint(&mut out, codes, line.get(start..)?);
        Some(out)
    }

    fn codes(&self) -> &'static str {
        let look = |scope: &Scope| looks().iter().find(|(listed, _)| listed.is_prefix_of(*scope));
        self.scopes.as_slice().iter().rev().find_map(look).map_or("", |(_, codes)| codes)
    }
}

/// Blanks at either end have no colour.
fn paint(out: &mut String, codes: &str, text: &str) {
    let inner = text.trim();
    let start = text.len() - text.trim_start().len();
    out.push_str(&text[..start]);
    paint_codes(out, codes, inner, true);
    if !inner.is_empty() {
        out.push_str(&text[start + inner.len()..]);
    }
}

fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(two_face::syntax::extra_newlines)
}

fn looks() -> &'static [(Scope, &'static str)] {
    static SCOPES: OnceLock<Vec<(Scope, &'static str)>> = OnceLock::new();
    SCOPES.get_or_init(|| LOOKS.iter().filter_map(|(scope, codes)| Some((Scope::new(scope).ok()?, *codes))).collect())
}
