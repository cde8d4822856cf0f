//! What a sandboxed provider says, and how it counts.
//!
//! **A token is a word**, with the white space before it: the module above says why.

/// An answer gets sentences until it has so many tokens: from the first number on, this many lengths. With the
/// last sentence the longest has about 160.
const LEAST: u64 = 60;
const LENGTHS: u64 = 81;
/// How much of the prompt is repeated, in words and in characters of a word.
const REPEATED_WORDS: usize = 8;
const REPEATED_CHARS: usize = 24;

/// Sentences that fill an answer up; each is true whatever the prompt was.
const FILLERS: [&str; 8] = [
    "The delays between these words are made up, but they are believable for such a model.",
    "The same prompt gets the same answer here, so that two runs can be compared.",
    "The tokens are counted one a word, and the cost is computed from the list price of the model.",
    "No network but the loopback of this machine was used, and any key would have done.",
    "Ask without the sandbox, and a real model answers in this place.",
    "Errors, cuts and silences can be put on order, one provider at a time.",
    "The wire formats are those of the vendors, so that everything around the model is real.",
    "What this would have cost is on the bill of the sandbox, and nobody has to pay it.",
];

/// The usual answer to a prompt. The same arguments give the same text.
pub(super) fn answer(provider: &str, model: &str, prompt: &str, seed: u64) -> String {
    let draw = hash(&[provider, model, prompt, &seed.to_string()]);
    let mut text = format!(
        "This is the sandbox of llmr: no model was asked, and nothing was sent to anyone. The one to answer here would \
         have been {model} of {provider}. Your prompt has {} bytes in {} words and begins with “{}”.",
        prompt.len(),
        count(prompt),
        beginning(prompt),
    );
    let length = LEAST + draw % LENGTHS;
    let first = usize::try_from(draw % FILLERS.len() as u64).unwrap_or(0);
    for sentence in FILLERS.iter().cycle().skip(first) {
        if count(&text) >= length {
            break;
        }
        text.push(' ');
        text.push_str(sentence);
    }
    text
}

/// What is thought before the answer, where thinking was ordered.
pub(super) const THOUGHT: &str = "The sandbox was told to think first. There is nothing to think about, because no model \
     is here. So it counts these words as thinking, and answers.";

/// The tokens of a text: each word with the white space before it. Together they are the text.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if in_word && c.is_whitespace() {
            starts.push(at);
        }
        in_word = !c.is_whitespace();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let tokens = starts.iter().zip(ends).filter_map(|(start, end)| text.get(*start..end));
    tokens.filter(|token| !token.trim().is_empty()).collect()
}

/// How many tokens a text has.
pub(super) fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// The first so many tokens of a text.
pub(super) fn first(text: &str, limit: u64) -> String {
    tokens(text).into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
}

/// The first words of a prompt, each cut where it is a very long one.
fn beginning(prompt: &str) -> String {
    let mut words: Vec<String> = prompt
        .split_whitespace()
        .take(REPEATED_WORDS)
        .map(|word| word.chars().take(REPEATED_CHARS).collect())
        .collect();
    if count(prompt) > REPEATED_WORDS as u64 {
        words.push("…".to_owned());
    }
    words.join(" ")
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
pub(super) fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_words_with_the_space_before_them() {
        for (text, expected) in [
            ("", vec![]),
            ("  ", vec![]),
            ("one", vec!["one"]),
            ("one two", vec!["one", " two"]),
            (" a\n\nb  c", vec![" a", "\n\nb", "  c"]),
            ("é ü", vec!["é", " ü"]),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
            assert_eq!(count(text), expected.len() as u64, "{text:?}");
        }
        let text = answer("openai", "m", "hello", 1);
        assert_eq!(tokens(&text).concat(), text);
        assert_eq!(count(&first(&text, 7)), 7);
    }

    #[test]
    fn answers_are_of_usual_length_and_repeatable() {
        let mut lengths = Vec::new();
        for seed in 0..200 {
            let text = answer("openai", "gpt-6-luna", "What is a monad, in one sentence, please?", seed);
            assert_eq!(text, answer("openai", "gpt-6-luna", "What is a monad, in one sentence, please?", seed));
            lengths.push(count(&text));
        }
        assert!(lengths.iter().all(|n| (60..=160).contains(n)), "{lengths:?}");
        assert!(lengths.iter().max() > lengths.iter().min());
    }

    #[test]
    fn an_answer_says_what_it_is() {
        let text = answer("gemini", "some-model", "tell me\nabout ünïcode and of a few more things", 0);
        for words in ["no model was asked", "some-model of gemini", "48 bytes in 10 words", "tell me about ünïcode and"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(answer("a", "b", &"x".repeat(1 << 20), 0).len() < 2000);
    }
}
