//! Vectors of texts in the dialects' own words: one for each message, in the messages' order.
//!
//! An answer of vectors is an answer like any other: its text is theirs ([`encode_vectors`]), it comes whole, and what a
//! vendor says of failures it says here, too.

use serde_json::{Map, Value, json};

use crate::types::{
    Ask, Delta, DialectKind, Embed, Failure, FailureClass, FinishReason, Purpose, Usage, encode_vectors,
};

use super::failure::{in_value, inside_ok, malformed, not_json};
use super::request::{join, key_header, pass_through, post};
use super::table::{Auth, Quirks};
use super::usage::{count, reported_cost};
use super::{Dialect, Endpoint, Frame, Headers, HttpRequest, Partial, gemini, openai, partial};

/// A vendor's way to ask for vectors.
pub struct Embedder {
    /// The vendor's words for everything that is not about vectors.
    pub chat: Box<dyn Dialect>,
    /// Whose they are.
    pub kind: DialectKind,
    /// How this copy differs.
    pub quirks: Quirks,
    /// How many vectors are asked for.
    pub texts: usize,
    /// How many numbers each one shall have, where that is asked for.
    pub dimensions: Option<u32>,
}

impl Dialect for Embedder {
    fn request(&self, to: &Endpoint, ask: &Ask) -> Result<HttpRequest, Failure> {
        let wanted = ask.embed.unwrap_or(Embed { dimensions: None, purpose: Purpose::Document });
        let texts: Vec<&str> = ask.messages.iter().map(|message| message.text.as_str()).collect();
        let (url, auth, mut body) = match self.kind {
            DialectKind::Openai => {
                let (url, names_model) = openai_address(to)?;
                (url, self.quirks.auth, openai_body(to, names_model, &texts, wanted))
            }
            DialectKind::Gemini => {
                let url = gemini::address_of(to, "batchEmbedContents")?;
                (url, Auth::Header("x-goog-api-key"), gemini_body(to, &texts, wanted))
            }
            DialectKind::Cohere => (join(&to.base_url, "/v2/embed"), self.quirks.auth, cohere_body(to, &texts, wanted)),
            DialectKind::Anthropic => {
                let message = format!("{} has no models that make vectors", to.provider);
                return Err(Failure { unsent: true, ..Failure::new(FailureClass::InvalidRequest, message) });
            }
        };
        pass_through(&mut body, &ask.extra);
        Ok(post(url, key_header(auth, to.key.as_ref()), body, ask))
    }

    fn read(&self, body: &[u8], so_far: &mut Partial) -> Result<(), Failure> {
        let answer: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
        so_far.set_model(answer.get("model").and_then(Value::as_str));
        (so_far.usage, so_far.reported_cost) = self.told(&answer);
        // What an answer without a count is charged is estimated from its prompt: of vectors nothing was written.
        let vectors = match vectors(self.kind, &answer) {
            Some(vectors) => vectors.map_err(malformed)?,
            None => return Err(in_value(&answer).unwrap_or_else(|| no_vectors(&answer))),
        };
        if vectors.is_empty() {
            return Err(partial::inside_ok(FailureClass::Empty, "an answer without vectors"));
        }
        let size = vectors.first().map_or(0, Vec::len);
        if vectors.len() != self.texts {
            return Err(malformed(&format!(
                "as many vectors as texts were asked for: {} came for {}",
                vectors.len(),
                self.texts
            )));
        }
        if size == 0 || vectors.iter().any(|vector| vector.len() != size) {
            return Err(malformed("the vectors are not of one length"));
        }
        if let Some(wanted) = self.dimensions.filter(|wanted| *wanted as usize != size) {
            return Err(malformed(&format!("vectors of {wanted} numbers were asked for: they have {size}")));
        }
        so_far.text = encode_vectors(&vectors);
        so_far.set_finish(FinishReason::Stop, "stop");
        so_far.ended = true;
        Ok(())
    }

    /// Vectors are not streamed.
    fn event(&self, _: &Frame, _: &mut Partial) -> Result<Option<Delta>, Failure> {
        Err(malformed("a stream came in place of vectors"))
    }

    fn ends_with_marker(&self) -> bool {
        false
    }

    fn failure(&self, status: u16, headers: &Headers, body: &[u8]) -> Failure {
        self.chat.failure(status, headers, body)
    }
}

impl Embedder {
    /// Usage and cost, where they are told: tokens that were read, for none are written.
    fn told(&self, answer: &Value) -> (Option<Usage>, Option<crate::types::NanoUsd>) {
        // A text that is there was read: 0 says nothing.
        let input = READ_TOKENS.iter().find_map(|path| count(answer, &[path]).filter(|tokens| *tokens > 0));
        let usage = input.map(|input_tokens| Usage { input_tokens, ..Usage::default() });
        let cost = answer.get("usage").and_then(|told| reported_cost(told, self.quirks.cost));
        (usage, cost)
    }
}

/// Where the vendors tell how much they have read.
const READ_TOKENS: &[&str] = &[
    "/usage/prompt_tokens",
    "/usage/total_tokens",
    "/meta/billed_units/input_tokens",
    "/usageMetadata/promptTokenCount",
];

/// The vectors of an answer in the texts' order, or what is wrong with them; `None` where it has none.
fn vectors(kind: DialectKind, answer: &Value) -> Option<Result<Vec<Vec<f32>>, &'static str>> {
    let rows: Vec<&Value> = match kind {
        DialectKind::Cohere => answer.pointer("/embeddings/float")?.as_array()?.iter().collect(),
        DialectKind::Gemini => answer.get("embeddings")?.as_array()?.iter().map(|row| &row["values"]).collect(),
        _ => match in_order(answer.get("data")?.as_array()?) {
            Some(rows) => rows.into_iter().map(|row| &row["embedding"]).collect(),
            None => return Some(Err("which vector is of which text is not told")),
        },
    };
    let vectors: Option<Vec<_>> = rows.into_iter().map(vector).collect();
    Some(vectors.ok_or("a vector is no list of numbers"))
}

/// Rows by their `index`, each number once; as they stand where none has any.
fn in_order(rows: &[Value]) -> Option<Vec<&Value>> {
    let mut told: Vec<(Option<u64>, &Value)> = rows.iter().map(|row| (row["index"].as_u64(), row)).collect();
    if told.iter().any(|(index, _)| index.is_some()) {
        told.sort_by_key(|(index, _)| *index);
        let once = (0..).zip(&told).all(|(place, (index, _))| *index == Some(place));
        return once.then(|| told.into_iter().map(|(_, row)| row).collect());
    }
    Some(rows.iter().collect())
}

fn vector(row: &Value) -> Option<Vec<f32>> {
    row.as_array()?.iter().map(number).collect()
}

/// A finite number; vectors are of 32 bits wherever they are made.
#[allow(clippy::cast_possible_truncation)]
fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
}

fn no_vectors(answer: &Value) -> Failure {
    let said = answer.get("detail").or_else(|| answer.get("message").filter(|message| message.is_string()));
    said.map_or_else(|| malformed("the answer has no vectors"), |_| inside_ok(answer))
}

/// Where the copies of OpenAI make vectors.
const PATH: &str = "/embeddings";

fn openai_address(to: &Endpoint) -> Result<(String, bool), Failure> {
    // A base URL may be that of the other path.
    let base = to.base_url.trim_end_matches('/');
    let base_url = base.strip_suffix(to.quirks.path).unwrap_or(base).to_owned();
    openai::address(&Endpoint { base_url, quirks: Quirks { path: PATH, ..to.quirks }, ..to.clone() })
}

fn openai_body(to: &Endpoint, names_model: bool, texts: &[&str], wanted: Embed) -> Map<String, Value> {
    let mut body = Map::new();
    if names_model {
        body.insert("model".into(), json!(to.model));
    }
    body.insert("input".into(), json!(texts));
    if let Some(dimensions) = wanted.dimensions {
        // Mistral has a word of its own for it.
        let field = if to.provider == "mistral" { "output_dimension" } else { "dimensions" };
        body.insert(field.into(), json!(dimensions));
    }
    if let Some(most) = to.max_price.filter(|_| to.quirks.max_price) {
        body.insert("provider".into(), json!({"max_price": {"prompt": most.prompt, "request": most.request}}));
    }
    body
}

fn gemini_body(to: &Endpoint, texts: &[&str], wanted: Embed) -> Map<String, Value> {
    let name = to.model.strip_prefix("models/").unwrap_or(&to.model);
    let task = match wanted.purpose {
        Purpose::Document => "RETRIEVAL_DOCUMENT",
        Purpose::Query => "RETRIEVAL_QUERY",
    };
    let one = |text: &&str| {
        let mut one = json!({
            "model": format!("models/{name}"),
            "content": {"parts": [{"text": text}]},
            "taskType": task,
        });
        if let Some(dimensions) = wanted.dimensions {
            one["outputDimensionality"] = json!(dimensions);
        }
        one
    };
    Map::from_iter([("requests".to_owned(), texts.iter().map(one).collect())])
}

fn cohere_body(to: &Endpoint, texts: &[&str], wanted: Embed) -> Map<String, Value> {
    let kind = match wanted.purpose {
        Purpose::Document => "search_document",
        Purpose::Query => "search_query",
    };
    let mut body = Map::from_iter([
        ("model".to_owned(), json!(to.model)),
        ("input_type".to_owned(), json!(kind)),
        ("embedding_types".to_owned(), json!(["float"])),
        ("texts".to_owned(), json!(texts)),
        // A text that is too long is refused rather than read in part.
        ("truncate".to_owned(), json!("NONE")),
    ]);
    if let Some(dimensions) = wanted.dimensions {
        body.insert("output_dimension".into(), json!(dimensions));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::embedder;
    use crate::providers::testing::{ask, endpoint, headers, sent};
    use crate::types::{Message, decode_vectors};

    fn two(dimensions: Option<u32>, purpose: Purpose) -> Ask {
        let messages = vec![Message::user("one"), Message::user("two")];
        Ask { messages, embed: Some(Embed { dimensions, purpose }), ..ask() }
    }

    fn request(to: &Endpoint, kind: DialectKind, ask: &Ask) -> HttpRequest {
        embedder(kind, &to.quirks, 2, None).request(to, ask).unwrap()
    }

    #[test]
    fn vectors_are_asked_for_in_the_vendors_words() {
        let openai = endpoint("openai", "text-embedding-3-small");
        let http = request(&openai, DialectKind::Openai, &two(Some(256), Purpose::Query));
        assert_eq!(http.url, "https://api.openai.com/v1/embeddings");
        assert_eq!(headers(&http), [("authorization", "Bearer test-key".to_owned())]);
        assert_eq!(sent(&http), json!({"model": "text-embedding-3-small", "input": ["one", "two"], "dimensions": 256}));

        let cohere = endpoint("cohere", "embed-v4.0");
        let http = request(&cohere, DialectKind::Cohere, &two(None, Purpose::Query));
        assert_eq!(http.url, "https://api.cohere.com/v2/embed");
        assert_eq!(sent(&http)["input_type"], "search_query");
        assert_eq!(sent(&http)["texts"], json!(["one", "two"]));

        let gemini = endpoint("gemini", "gemini-embedding-001");
        let http = request(&gemini, DialectKind::Gemini, &two(Some(768), Purpose::Document));
        let address = "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents";
        assert_eq!(http.url, address);
        let second = &sent(&http)["requests"][1];
        assert_eq!(second["content"]["parts"][0]["text"], "two");
        assert_eq!((&second["outputDimensionality"], &second["taskType"]), (&json!(768), &json!("RETRIEVAL_DOCUMENT")));
    }

    #[test]
    fn where_vectors_are_made_is_found_from_any_base_url() {
        let base = |url: &str| Endpoint { base_url: url.into(), ..endpoint("openai", "m") };
        let azure = Endpoint {
            base_url: "https://own.test".into(),
            api_version: Some("2024-10-21".into()),
            ..endpoint("azure", "of ours")
        };
        let ask = two(None, Purpose::Document);
        for (to, url) in [
            (base("http://a.test/v1/chat/completions"), "http://a.test/v1/embeddings"),
            (base("http://a.test/v1/embeddings"), "http://a.test/v1/embeddings"),
            (azure, "https://own.test/openai/deployments/of%20ours/embeddings?api-version=2024-10-21"),
        ] {
            assert_eq!(request(&to, DialectKind::Openai, &ask).url, url);
        }
        let anthropic = endpoint("anthropic", "claude");
        let refused = embedder(DialectKind::Anthropic, &anthropic.quirks, 2, None).request(&anthropic, &ask);
        assert!(refused.unwrap_err().unsent);
    }

    fn answer(kind: DialectKind, body: &Value) -> Result<crate::types::Answer, Failure> {
        embedder(kind, &Quirks::OPENAI_LIKE, 2, None).answer(body.to_string().as_bytes())
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let expected = Some(vec![vec![0.5, 1.0], vec![-1.0, 0.0]]);
        let (first, second) = (json!([0.5, 1]), json!([-1, 0]));
        let openai = json!({"data": [{"index": 1, "embedding": second}, {"index": 0, "embedding": first}],
            "model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7}});
        let cohere = json!({"embeddings": {"float": [first, second]}, "meta": {"billed_units": {"input_tokens": 7}}});
        let gemini = json!({"embeddings": [{"values": first}, {"values": second}]});
        for (kind, body, tokens) in [
            (DialectKind::Openai, openai, Some(7)),
            (DialectKind::Cohere, cohere, Some(7)),
            (DialectKind::Gemini, gemini, None),
        ] {
            let answer = answer(kind, &body).unwrap();
            assert_eq!(decode_vectors(&answer.text), expected, "{kind:?}");
            let told = answer.usage.map(|usage| (usage.input_tokens, usage.completion_tokens()));
            assert_eq!(told, tokens.map(|read| (read, 0)), "{kind:?}");
        }
    }

    #[test]
    fn what_is_not_a_vector_for_each_text_is_no_answer() {
        let row = |vector: Value| json!({"embedding": vector});
        for data in [
            json!([row(json!([1.0]))]),
            json!([row(json!([1.0])), row(json!([1.0, 2.0]))]),
            json!([row(json!([])), row(json!([]))]),
            json!([row(json!([1.0])), row(json!(["x"]))]),
            json!([row(json!([1.0])), row(json!([1e300]))]),
            json!([{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]),
            json!([{"index": 5, "embedding": [1.0]}, {"index": 6, "embedding": [1.0]}]),
            json!([{"index": 1, "embedding": [1.0]}, {"embedding": [1.0]}]),
            json!("none"),
        ] {
            let failure = answer(DialectKind::Openai, &json!({ "data": data })).unwrap_err();
            assert_eq!((failure.class, failure.status), (FailureClass::Malformed, Some(200)), "{data}");
        }
        let none = answer(DialectKind::Openai, &json!({"data": []})).unwrap_err();
        assert_eq!(none.class, FailureClass::Empty);
        let two =
            json!({"data": [row(json!([1.0])), row(json!([2.0]))], "usage": {"prompt_tokens": 0, "total_tokens": 9}});
        let read = answer(DialectKind::Openai, &two).unwrap().usage.map(|usage| usage.input_tokens);
        assert_eq!(read, Some(9), "a count of 0 says nothing");
        let longer = embedder(DialectKind::Openai, &Quirks::OPENAI_LIKE, 2, Some(2)).answer(two.to_string().as_bytes());
        assert_eq!(longer.unwrap_err().class, FailureClass::Malformed);
        let error = answer(DialectKind::Openai, &json!({"error": {"message": "no", "code": "rate_limit_exceeded"}}));
        assert_eq!(error.unwrap_err().class, FailureClass::RateLimited);
    }
}
