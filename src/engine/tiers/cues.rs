//! Cue words of the intents, by hand, in the languages that the program's users write most.

use super::intent::Intent;

/// The intent that a word in lower case speaks for, and whether it does so anywhere in the prompt or
/// only in its opening words.
pub fn of(word: &str) -> Option<(Intent, bool)> {
    everywhere(word).map(|intent| (intent, true)).or_else(|| opening(word).map(|intent| (intent, false)))
}

#[rustfmt::skip]
fn everywhere(word: &str) -> Option<Intent> {
    Some(match word {
        "translate" | "translation" | "übersetze" | "übersetzen" | "übersetzung" | "traduce" | "traducir" | "traduis"
        | "traduire" | "traduci" | "traduza" | "переведи" | "переведите" | "译" | "訳" | "번역해줘" | "vertaal" => Intent::Translation,
        "extract" | "extrahiere" | "extrae" | "extraire" | "extrais" | "classify" | "sentiment" | "entities" | "json" | "csv"
        | "klassifiziere" | "clasifica" | "提" | "categorize" | "label" => Intent::Extraction,
        "passage" | "context" | "article" | "paragraph" | "summarize" | "summarise" | "summary" | "zusammen" | "résume"
        | "resume" | "resumen" | "tl" | "excerpt" | "author" => Intent::Reading,
        "def" | "function" | "python" | "javascript" | "typescript" | "java" | "sql" | "rust" | "code" | "regex" | "bug"
        | "script" | "git" | "html" | "css" | "bash" | "api" | "algorithm" | "compile" | "exception" | "docker" | "react"
        | "const" | "fn" | "println" | "void" | "funktion" | "función" | "fonction" | "функцию" | "array" | "linux" => Intent::Code,
        "poem" | "essay" | "story" | "haiku" | "limerick" | "letter" | "blog" | "slogan" | "slogans" | "speech" | "lyrics"
        | "song" | "gedicht" | "geschichte" | "poème" | "discours" | "cuento" | "poema" | "rewrite" | "rephrase" | "proofread"
        | "诗" | "paraphrase" | "tone" | "headline" | "caption" | "outline" => Intent::Writing,
        "solve" | "calculate" | "compute" | "simplify" | "equation" | "integral" | "derivative" | "sqrt" | "frac" | "sum"
        | "percent" | "berechne" | "combien" | "сколько" | "factorial" | "prove" | "triangle" => Intent::Math,
        "premise" | "conclusion" | "puzzle" | "riddle" | "knight" | "knights" | "knaves" | "liar" | "clues" | "valid"
        | "houses" | "sequence" | "infer" | "entail" => Intent::Logic,
        _ => return None,
    })
}

#[rustfmt::skip]
fn opening(word: &str) -> Option<Intent> {
    Some(match word {
        "hi" | "hello" | "hey" | "hallo" | "hola" | "bonjour" | "salut" | "ciao" | "moin" | "servus" | "olá" | "oi" | "привет"
        | "здравствуйте" | "안녕하세요" | "مرحبا" | "thanks" | "thank" | "thx" | "danke" | "merci" | "gracias" | "grazie" | "obrigado"
        | "спасибо" | "bye" | "goodbye" | "morning" | "evening" | "afternoon" | "morgen" | "tschüss" | "yo" | "hej"
        | "buenos" | "buenas" | "welcome" | "greetings" => Intent::Greeting,
        "send" | "book" | "remind" | "schedule" | "set" | "play" | "turn" | "cancel" | "call" | "order" | "buy" | "open"
        | "delete" | "navigate" | "add" | "pon" | "mets" | "erinnere" | "schalte" | "search" | "download" | "upload" | "pay"
        | "sende" | "buche" | "envía" | "envoie" | "напомни" | "включи" => Intent::Action,
        "write" | "draft" | "compose" | "schreibe" | "schreib" | "écris" | "escribe" | "scrivi" | "напиши" | "写" | "brainstorm"
        | "imagine" | "create" | "verfasse" | "rédige" | "redacta" | "edit" | "improve" => Intent::Writing,
        "who" | "what" | "when" | "which" | "where" | "why" | "explain" | "wer" | "was" | "wann" | "welche" | "quién" | "qué"
        | "cuándo" | "qui" | "quelle" | "кто" | "define" | "describe" => Intent::Knowledge,
        "if" | "all" | "suppose" | "three" | "four" | "five" => Intent::Logic,
        "find" | "let" | "evaluate" | "determine" => Intent::Math,
        "list" | "identify" | "tag" | "pull" => Intent::Extraction,
        "implement" | "debug" | "refactor" | "fix" | "import" | "from" => Intent::Code,
        "someone" | "he" | "she" | "they" | "goal" => Intent::Commonsense,
        "recommend" | "suggest" | "plan" | "should" | "pretend" | "joke" | "you" | "i" | "ok" | "continue" => Intent::Other,
        _ => return None,
    })
}
