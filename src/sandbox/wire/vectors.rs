//! Vectors of texts, in the vendors' words. They are made of the words' hashes, so that texts that share words are alike.

use serde_json::{Value, json};

use super::{Problem, Route};
use crate::catalogue;
use crate::sandbox::text;
use crate::types::DialectKind;

/// How many numbers a vector of an unknown model has.
const DIMENSIONS: u32 = 64;
/// The most texts of one request that each of the vendors takes.
const MOST_TEXTS: usize = 96;

/// What vectors are asked for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sandbox) struct Wanted {
    pub model: String,
    pub texts: Vec<String>,
    pub dimensions: Option<u32>,
}

/// Where a dialect makes vectors, if a path is there.
pub(in crate::sandbox) fn route(dialect: DialectKind, path: &str) -> Option<Route> {
    let here = match dialect {
        DialectKind::Openai => ["/v1/embeddings", "/embeddings"].contains(&path),
        DialectKind::Cohere => path == "/v2/embed",
        DialectKind::Gemini => {
            let model = path.strip_prefix("/v1beta/models/")?.strip_suffix(":batchEmbedContents")?;
            return (!model.is_empty()).then(|| Route { model: Some(model.to_owned()), stream: false });
        }
        DialectKind::Anthropic => false,
    };
    here.then(Route::default)
}

/// Reads a request as strictly as the vendor does.
pub(in crate::sandbox) fn read(dialect: DialectKind, route: Route, body: &Value) -> Result<Wanted, Problem> {
    let wanted = match dialect {
        DialectKind::Gemini => gemini(route.model.unwrap_or_default(), body)?,
        DialectKind::Cohere => {
            if !["search_document", "search_query", "classification", "clustering"]
                .iter()
                .any(|k| body["input_type"] == *k)
            {
                return Err(Problem::Invalid("valid input_type must be provided", Some("input_type")));
            }
            let dimensions = number(body, "output_dimension")?;
            Wanted { model: super::model(body)?, texts: list(&body["texts"], "texts")?, dimensions }
        }
        _ => {
            let texts = match &body["input"] {
                Value::String(text) => vec![text.clone()],
                texts => list(texts, "input")?,
            };
            Wanted { model: super::model(body)?, texts, dimensions: number(body, "dimensions")? }
        }
    };
    match wanted.texts.len() {
        0 => Err(Problem::Invalid("there is no text", None)),
        n if n > MOST_TEXTS => Err(Problem::Invalid("there are too many texts", None)),
        _ if wanted.texts.iter().any(|text| text.trim().is_empty()) => Err(Problem::Invalid("a text is empty", None)),
        _ => Ok(wanted),
    }
}

fn gemini(model: String, body: &Value) -> Result<Wanted, Problem> {
    const WRONG: Problem = Problem::Invalid("requests: a list of requests with content is required", None);
    let requests = body["requests"].as_array().ok_or(WRONG)?;
    let named = format!("models/{model}");
    if requests.iter().any(|request| request["model"] != named.as_str()) {
        return Err(Problem::Invalid("the model of a request is not that of the path", None));
    }
    let text = |request: &Value| {
        let parts = request["content"]["parts"].as_array()?;
        parts.iter().map(|part| part["text"].as_str()).collect::<Option<String>>()
    };
    let texts = requests.iter().map(text).collect::<Option<Vec<_>>>().ok_or(WRONG)?;
    let dimensions = requests.first().map_or(Ok(None), |first| number(first, "outputDimensionality"))?;
    Ok(Wanted { model, texts, dimensions })
}

fn list(value: &Value, field: &'static str) -> Result<Vec<String>, Problem> {
    let texts = value.as_array().and_then(|list| list.iter().map(|text| text.as_str().map(str::to_owned)).collect());
    texts.ok_or(Problem::Invalid("a list of texts is required", Some(field)))
}

fn number(body: &Value, field: &'static str) -> Result<Option<u32>, Problem> {
    let number = super::limit(body, field)?;
    number
        .map(|n| u32::try_from(n).map_err(|_| Problem::Invalid("that many numbers are too many", Some(field))))
        .transpose()
}

/// Whether a text is longer than the model's window, by the sandbox's own count.
pub(in crate::sandbox) fn overflows(provider: &str, wanted: &Wanted) -> bool {
    let window = catalogue::embedding(provider, &wanted.model).and_then(|row| row.model.context_tokens);
    window.is_some_and(|window| wanted.texts.iter().any(|text| text::count(text) > window))
}

/// What is billed, in tokens: every word of every text.
pub(in crate::sandbox) fn tokens(wanted: &Wanted) -> u64 {
    wanted.texts.iter().map(|text| text::count(text)).sum::<u64>().max(1)
}

/// The body of the answer. Gemini tells no usage.
pub(in crate::sandbox) fn answer(
    dialect: DialectKind,
    provider: &str,
    wanted: &Wanted,
    silent: bool,
    tell_usage: bool,
) -> Value {
    let elsewhere = || catalogue::embeddings().find(|row| row.model.is_called(&wanted.model));
    let own = catalogue::embedding(provider, &wanted.model).or_else(elsewhere).map_or(DIMENSIONS, |row| row.dimensions);
    let size = wanted.dimensions.unwrap_or(own) as usize;
    let texts = if silent { &[][..] } else { &wanted.texts[..] };
    let vectors: Vec<Vec<f64>> = texts.iter().map(|text| vector(text, size)).collect();
    let tokens = tokens(wanted);
    match dialect {
        DialectKind::Gemini => {
            json!({ "embeddings": vectors.iter().map(|vector| json!({ "values": vector })).collect::<Vec<_>>() })
        }
        DialectKind::Cohere => {
            let mut body = json!({ "id": "sandbox", "embeddings": { "float": vectors } });
            if tell_usage {
                body["meta"] = json!({ "api_version": { "version": "2" }, "billed_units": { "input_tokens": tokens } });
            }
            body["response_type"] = json!("embeddings_by_type");
            body
        }
        _ => {
            let row = |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector });
            let mut body = json!({ "object": "list", "model": wanted.model });
            body["data"] = vectors.iter().enumerate().map(row).collect();
            if tell_usage {
                body["usage"] = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
            }
            body
        }
    }
}

/// Every word counts in one place, up or down by its hash; the vector has length 1.
fn vector(of: &str, size: usize) -> Vec<f64> {
    let mut sums = vec![0.0; size.max(1)];
    let words = of.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        let hash = text::hash(&[&word.to_lowercase()]);
        let place = usize::try_from(hash % sums.len() as u64).unwrap_or(0);
        sums[place] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
    }
    let length = sums.iter().map(|x: &f64| x * x).sum::<f64>().sqrt();
    if length > 0.0 { sums.into_iter().map(|x| x / length).collect() } else { vec![1.0; size.max(1)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_share_words_are_alike() {
        let dot = |a: &str, b: &str| vector(a, 256).iter().zip(vector(b, 256)).map(|(x, y)| x * y).sum::<f64>();
        assert!((dot("the bridge", "The bridge!") - 1.0).abs() < 1e-9);
        assert!(dot("a bridge of stone", "who built the bridge") > dot("a bridge of stone", "rain in autumn"));
        assert_eq!(vector("???", 3), [1.0; 3]);
    }

    #[test]
    fn what_a_vendor_would_refuse_is_refused() {
        let gemini = Route { model: Some("m".into()), stream: false };
        let one = json!({"requests": [{"model": "models/n", "content": {"parts": [{"text": "a"}]}}]});
        for (dialect, route, body) in [
            (DialectKind::Openai, Route::default(), json!({"model": "m", "input": []})),
            (DialectKind::Openai, Route::default(), json!({"model": "m", "input": [" "]})),
            (DialectKind::Openai, Route::default(), json!({"model": "m", "input": vec!["a"; 97]})),
            (DialectKind::Openai, Route::default(), json!({"input": ["a"]})),
            (DialectKind::Openai, Route::default(), json!({"model": "m", "input": ["a"], "dimensions": 0})),
            (DialectKind::Cohere, Route::default(), json!({"model": "m", "texts": ["a"]})),
            (DialectKind::Gemini, gemini, one),
        ] {
            assert!(read(dialect, route, &body).is_err(), "{body}");
        }
        let wanted = Wanted { model: "embed-english-v3.0".into(), texts: vec!["word ".repeat(600)], dimensions: None };
        assert!(overflows("cohere", &wanted) && !overflows("else", &wanted));
    }
}
