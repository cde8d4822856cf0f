//! How a JSON Schema goes to a vendor: in a field of its own where the vendor takes it, in words elsewhere.
//!
//! Whether an answer fits is not judged here: whatever a vendor promises, it is checked.

use serde_json::{Map, Value, json};

use crate::types::Schema;

/// How far a provider or a model helps to get JSON, from nothing to a whole schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JsonForm {
    /// Not at all: only words.
    Words,
    /// It writes some JSON object when told to.
    Object,
    /// It writes JSON that fits a schema.
    Schema,
}

/// Which schemas a provider takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Of whatever kind.
    Any,
    /// Of objects: the outermost value is one.
    Objects,
    /// Of objects that list all their properties, in the keywords that Anthropic documents.
    Closed,
}

/// How a provider is asked for JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonMode {
    /// How far it helps.
    pub form: JsonForm,
    /// Which schemas it takes.
    pub takes: Takes,
    /// Whether the model reads the schema; otherwise it is only held to it, and is told in words as well.
    pub seen: bool,
    /// Whether such an answer can be streamed.
    pub streams: bool,
}

impl JsonMode {
    /// In words alone.
    pub const WORDS: Self = Self { form: JsonForm::Words, takes: Takes::Any, seen: false, streams: true };
    /// An object, described in words.
    pub const OBJECT: Self = Self { form: JsonForm::Object, takes: Takes::Objects, ..Self::WORDS };
    /// A schema of an object.
    pub const SCHEMA: Self = Self { form: JsonForm::Schema, takes: Takes::Objects, seen: true, streams: true };

    /// The same for a model that helps no further than this.
    pub fn at_most(self, form: JsonForm) -> Self {
        match form.min(self.form) {
            JsonForm::Words => Self::WORDS,
            JsonForm::Object => Self { form: JsonForm::Object, seen: false, ..self },
            JsonForm::Schema => self,
        }
    }

    /// How this schema is asked for.
    pub fn for_schema(self, schema: &Schema) -> Self {
        match self.takes {
            Takes::Any => self,
            // An object would not fit it: no help at all.
            _ if schema.value.get("type") != Some(&json!("object")) => Self::WORDS,
            Takes::Closed if !keeps_to(&CLOSED, &schema.value) => Self::WORDS,
            _ => self,
        }
    }

    /// Whether the schema must be told in words.
    pub fn needs_words(self) -> bool {
        self.form != JsonForm::Schema || !self.seen
    }
}

/// The system prompt that asks for an answer of this schema, after the user's own.
pub fn instructed(system: Option<&str>, schema: &Schema) -> String {
    let words = instructions(schema);
    system.map_or_else(|| words.clone(), |system| format!("{system}\n\n{words}"))
}

/// The schema in words.
pub fn instructions(schema: &Schema) -> String {
    format!(
        "The answer must be one JSON value that fits this JSON Schema:\n<schema>\n{}\n</schema>\n\
         Write that JSON and nothing else: no explanation before or after it, no code block around it.",
        schema.value
    )
}

/// Whether OpenAI's `strict` takes a schema: it holds the model to it, and refuses every other one.
pub fn is_strict(schema: &Value) -> bool {
    keeps_to(&STRICT, schema)
}

/// The `response_format` of chat completions, where there is one.
pub fn response_format(mode: JsonMode, schema: &Schema) -> Option<Value> {
    match mode.form {
        JsonForm::Words => None,
        JsonForm::Object => Some(json!({"type": "json_object"})),
        JsonForm::Schema => {
            let strict = is_strict(&schema.value);
            let format = json!({"name": schema.name, "schema": schema.value, "strict": strict});
            Some(json!({"type": "json_schema", "json_schema": format}))
        }
    }
}

/// A subset of JSON Schema in which every object lists its properties and takes no others.
struct Subset {
    keywords: &'static [&'static str],
    /// Whether every property must be required.
    all_required: bool,
    /// The greatest `minItems`.
    most_min_items: u64,
}

/// developers.openai.com/api/docs/guides/structured-outputs, "Supported schemas".
const STRICT: Subset = Subset {
    keywords: &[
        "$defs",
        "$ref",
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "definitions",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
    ],
    all_required: true,
    most_min_items: u64::MAX,
};

/// platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations".
const CLOSED: Subset = Subset {
    keywords: &[
        "$defs",
        "$ref",
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "definitions",
        "description",
        "enum",
        "items",
        "minItems",
        "properties",
        "required",
        "title",
        "type",
    ],
    all_required: false,
    most_min_items: 1,
};

fn keeps_to(subset: &Subset, schema: &Value) -> bool {
    let Some(map) = schema.as_object() else { return false };
    map.keys().all(|key| subset.keywords.contains(&key.as_str()))
        && map.get("minItems").and_then(Value::as_u64).is_none_or(|least| least <= subset.most_min_items)
        && (!is_of_objects(map) || is_closed(subset, map))
        && below(map).all(|schema| keeps_to(subset, schema))
}

fn is_of_objects(map: &Map<String, Value>) -> bool {
    let named =
        |kind: &Value| kind == "object" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("object")));
    map.contains_key("properties") || map.get("type").is_some_and(named)
}

fn is_closed(subset: &Subset, map: &Map<String, Value>) -> bool {
    let required = map.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|known| known == name));
    let properties = map.get("properties").and_then(Value::as_object);
    map.get("additionalProperties") == Some(&json!(false))
        && (!subset.all_required || properties.into_iter().flatten().all(|(name, _)| is_required(name)))
}

/// The schemas directly inside one.
fn below(map: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs", "definitions"].into_iter().filter_map(|key| map.get(key)?.as_object());
    let listed = map.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    named.flat_map(Map::values).chain(listed).chain(map.get("items"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(properties: Value, required: Value) -> Value {
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    #[test]
    fn what_a_vendor_takes_is_known_before_it_is_asked() {
        let text = json!({"type": "string"});
        let both = closed(json!({"a": text, "b": text}), json!(["a", "b"]));
        let open = json!({"type": "object", "properties": {"a": text}, "required": ["a"]});
        for (schema, strict, anthropic) in [
            (both.clone(), true, JsonForm::Schema),
            (closed(json!({"a": text, "b": text}), json!(["a"])), false, JsonForm::Schema),
            (open.clone(), false, JsonForm::Words),
            (closed(json!({"a": {"type": "integer", "minimum": 1}}), json!(["a"])), true, JsonForm::Words),
            (closed(json!({"a": {"type": "string", "minLength": 1}}), json!(["a"])), false, JsonForm::Words),
            (closed(json!({"a": {"type": "array", "items": open}}), json!(["a"])), false, JsonForm::Words),
            (
                closed(json!({"a": {"type": "array", "items": both, "minItems": 2}}), json!(["a"])),
                true,
                JsonForm::Words,
            ),
            (closed(json!({"a": {"anyOf": [text, open]}}), json!(["a"])), false, JsonForm::Words),
            (json!({"type": "array", "items": text}), true, JsonForm::Words),
            (json!(true), false, JsonForm::Words),
        ] {
            assert_eq!(is_strict(&schema), strict, "{schema}");
            let mode = JsonMode { takes: Takes::Closed, ..JsonMode::SCHEMA };
            let schema = Schema { name: "s".into(), value: schema };
            assert_eq!(mode.for_schema(&schema).form, anthropic, "{}", schema.value);
        }
    }

    #[test]
    fn a_schema_of_something_else_than_an_object_is_asked_for_in_words() {
        let list = Schema { name: "s".into(), value: json!({"type": "array"}) };
        assert_eq!(JsonMode::SCHEMA.for_schema(&list), JsonMode::WORDS);
        assert_eq!(JsonMode::OBJECT.for_schema(&list), JsonMode::WORDS);
        let any = JsonMode { takes: Takes::Any, ..JsonMode::SCHEMA };
        assert_eq!(any.for_schema(&list), any);
    }

    #[test]
    fn a_model_may_help_less_than_its_provider() {
        let schema = Schema { name: "s".into(), value: json!({"type": "object"}) };
        for (form, sent, words) in [
            (JsonForm::Words, None, true),
            (JsonForm::Object, Some("json_object"), true),
            (JsonForm::Schema, Some("json_schema"), false),
        ] {
            let mode = JsonMode::SCHEMA.at_most(form);
            let format = response_format(mode, &schema);
            assert_eq!(format.as_ref().and_then(|f| f["type"].as_str()), sent);
            assert_eq!(mode.needs_words(), words, "{form:?}");
        }
        assert_eq!(JsonMode::OBJECT.at_most(JsonForm::Schema), JsonMode::OBJECT);
        assert!(JsonMode { seen: false, ..JsonMode::SCHEMA }.needs_words());
    }

    #[test]
    fn the_user_s_own_system_prompt_stays_first() {
        let schema = Schema { name: "s".into(), value: json!({"type": "object"}) };
        let both = instructed(Some("Be brief."), &schema);
        assert!(both.starts_with("Be brief.\n\nThe answer must be one JSON value"), "{both}");
        assert!(both.contains("<schema>\n{\"type\":\"object\"}\n</schema>"), "{both}");
        assert_eq!(instructed(None, &schema), instructions(&schema));
    }

    #[test]
    fn every_dialect_has_its_own_field() {
        use crate::providers::testing::{ask, endpoint, sent};
        use crate::providers::{dialect, table};
        use crate::types::{Ask, Effort};
        let value = closed(json!({"a": {"type": "string"}}), json!(["a"]));
        let schema = std::sync::Arc::new(Schema { name: "person".into(), value: value.clone() });
        let asked = Ask { schema: Some(schema), ..ask() };
        let chat = json!({"type": "json_schema", "json_schema": {"name": "person", "schema": value, "strict": true}});
        for (provider, pointer, expected) in [
            ("openai", "/response_format", chat.clone()),
            ("mistral", "/response_format", chat.clone()),
            ("ollama", "/response_format", chat),
            ("deepseek", "/response_format", json!({"type": "json_object"})),
            ("blackbox", "/response_format", Value::Null),
            ("anthropic", "/output_config", json!({"format": {"type": "json_schema", "schema": value}})),
            ("gemini", "/generationConfig/responseMimeType", json!("application/json")),
            ("gemini", "/generationConfig/responseJsonSchema", value.clone()),
            ("cohere", "/response_format", json!({"type": "json_object", "schema": value})),
        ] {
            let (to, row) = (endpoint(provider, "m"), table::find(provider).unwrap());
            let body = sent(&dialect(row.dialect, &row.quirks).request(&to, &asked).unwrap());
            assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), expected, "{provider}");
        }
        // An effort stands beside it.
        let mut to = endpoint("anthropic", "m");
        to.model_facts.adaptive_thinking = true;
        let both = Ask { effort: Some(Effort::Max), ..asked };
        let body = sent(&dialect(table::find("anthropic").unwrap().dialect, &to.quirks).request(&to, &both).unwrap());
        let format = json!({"type": "json_schema", "schema": value});
        assert_eq!(body["output_config"], json!({"effort": "max", "format": format}));
    }
}
