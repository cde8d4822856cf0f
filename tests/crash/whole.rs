//! What the sandbox answers to a prompt, asked of one that bills nobody: the truth that every kept and every printed
//! answer is compared with.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use llmr::sandbox::{Sandbox, SandboxOptions, SandboxProvider};
use llmr::types::DialectKind;
use serde_json::{Value, json};

use crate::common::{paced, provider};

/// The providers of every round, in three dialects, and the model of each.
pub const PROVIDERS: [(&str, &str, DialectKind); 3] =
    [("alpha", "a", DialectKind::Openai), ("beta", "b", DialectKind::Anthropic), ("gamma", "c", DialectKind::Gemini)];

/// The providers, each taking so long.
pub fn providers(first_token_ms: u64, per_token_ms: u64) -> Vec<SandboxProvider> {
    let one = |(name, model, dialect)| {
        let plain = SandboxProvider { dialect, ..provider(name, model, "1", "10") };
        paced(plain, first_token_ms, per_token_ms)
    };
    PROVIDERS.into_iter().map(one).collect()
}

/// Knows every whole answer.
pub struct Oracle {
    sandbox: Sandbox,
    known: Mutex<HashMap<(String, String), String>>,
}

impl Oracle {
    /// The same providers, at once and without faults.
    pub fn new() -> Self {
        let mut all = providers(0, 0);
        // An answer depends on names and prompt alone, and one dialect is enough to read it.
        all.iter_mut().for_each(|one| one.dialect = DialectKind::Openai);
        let options = SandboxOptions { providers: all, speed: 0.0, keep_requests: 0, ..SandboxOptions::default() };
        Self { sandbox: Sandbox::start_on_thread(options).unwrap(), known: Mutex::default() }
    }

    /// Whether this is the whole answer of one of the providers to that prompt.
    pub fn knows(&self, prompt: &str, answer: &str) -> bool {
        self.answers(prompt).iter().any(|whole| whole == answer)
    }

    /// Whether this is the beginning of one.
    pub fn begins(&self, prompt: &str, answer: &str) -> bool {
        self.answers(prompt).iter().any(|whole| whole.starts_with(answer.trim_end()))
    }

    /// What this provider answers.
    pub fn answer(&self, provider: &str, prompt: &str) -> String {
        let key = (provider.to_owned(), prompt.to_owned());
        if let Some(known) = self.known.lock().unwrap().get(&key) {
            return known.clone();
        }
        let answer = self.ask(provider, prompt);
        self.known.lock().unwrap().insert(key, answer.clone());
        answer
    }

    fn answers(&self, prompt: &str) -> Vec<String> {
        PROVIDERS.iter().map(|(name, ..)| self.answer(name, prompt)).collect()
    }

    fn ask(&self, provider: &str, prompt: &str) -> String {
        let model = PROVIDERS.iter().find(|(name, ..)| *name == provider).map_or("", |(_, model, _)| model);
        let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}]}).to_string();
        let mut stream = TcpStream::connect(self.sandbox.addr()).unwrap();
        let head = format!(
            "POST /{provider}/v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             authorization: Bearer test-key\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }
}
