//! `--schema`: the file it names, and whether an answer fits.
//!
//! How a schema goes to a vendor is in [`crate::providers::schema`]; that an answer which does not fit is asked for
//! once more is the router's matter. Only what is in the file counts: a `$ref` to another place is an error, and
//! nothing is ever fetched.

use std::path::Path;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::host;
use crate::types::Schema;

/// So many complaints about an answer are told: who mends the first ones mends most of the others with them.
const MOST_COMPLAINTS: usize = 5;
/// The longest complaint, in characters: the answer itself may stand in it.
const LONGEST_COMPLAINT: usize = 200;
/// Of a longer answer, in bytes, only the first complaint is told: the library makes all of them before it gives the
/// first, and an answer of some megabytes, wrong in every item, would cost gigabytes.
const LONG_ANSWER: usize = 1 << 20;
/// The longest name vendors take, in characters (OpenAI's limit).
const LONGEST_NAME: usize = 64;

/// Reads a schema from a file. Fails (exit 2) naming the file and the line, or the place inside the schema.
pub fn read(path: &Path) -> Result<Arc<Schema>> {
    let bytes = host::read_any(path).map_err(|error| Error { kind: Kind::Input, ..error })?;
    let place = path.display().to_string();
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| not_json(&place, &error))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    checked(&stem, value, &place)
}

/// A schema from somewhere else; `place` says where, for errors.
pub fn checked(name: &str, value: Value, place: &str) -> Result<Arc<Schema>> {
    let schema = Schema { name: plain_name(name), value };
    match compiled(&schema) {
        Ok(_) => Ok(Arc::new(schema)),
        Err(what) => Err(Error::new(Kind::Input, format!("{place}: not a JSON Schema that can be used: {what}"))
            .hint("json-schema.org describes the form; a $ref may point inside the file only (#/$defs/…)")),
    }
}

/// The JSON inside an answer, if that fits; else what is wrong with it.
///
/// A code block around the JSON is taken off; nothing else may stand beside it.
pub fn fit<'t>(schema: &Schema, text: &'t str) -> std::result::Result<&'t str, Vec<String>> {
    let json = inside(text);
    let value: Value = serde_json::from_str(json).map_err(|error| vec![format!("not JSON: {error}")])?;
    let validator = compiled(schema).map_err(|what| vec![what])?;
    let complaints: Vec<String> = match json.len() > LONG_ANSWER {
        true => validator.validate(&value).err().iter().map(complaint).collect(),
        false => validator.iter_errors(&value).take(MOST_COMPLAINTS).map(|error| complaint(&error)).collect(),
    };
    if complaints.is_empty() { Ok(json) } else { Err(complaints) }
}

/// What is sent to have an answer mended.
pub fn repair_prompt(complaints: &[String]) -> String {
    let list: Vec<String> = complaints.iter().map(|what| format!("- {what}")).collect();
    format!(
        "This answer does not fit the JSON Schema:\n{}\nWrite the whole answer again so that it fits: the JSON alone, \
         without any explanation and without a code block.",
        list.join("\n")
    )
}

fn compiled(schema: &Schema) -> std::result::Result<Validator, String> {
    jsonschema::validator_for(&schema.value).map_err(|error| complaint(&error))
}

fn complaint(error: &jsonschema::ValidationError<'_>) -> String {
    let what = shortened(&error.to_string());
    match error.instance_path().as_str() {
        "" => what,
        path => format!("at {}: {what}", shortened(path)),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_COMPLAINT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Without the white space and the code block around it.
fn inside(text: &str) -> &str {
    let text = text.trim();
    let fenced = || {
        let fence = &text[..text.bytes().take_while(|b| *b == b'`').count()];
        let body = text.strip_prefix(fence)?.strip_suffix(fence).filter(|_| fence.len() >= 3)?;
        let (info, body) = body.split_once('\n')?;
        ["", "json"].contains(&info.trim().to_ascii_lowercase().as_str()).then(|| body.trim())
    };
    fenced().unwrap_or(text)
}

fn not_json(place: &str, error: &serde_json::Error) -> Error {
    let (line, column) = (error.line(), error.column());
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    Error::new(Kind::Input, format!("{place}:{line}:{column}: not JSON: {what}"))
        .hint("--schema wants a JSON Schema: an object such as {\"type\": \"object\", \"properties\": {…}}")
}

fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let name: String = name.chars().map(plain).take(LONGEST_NAME).collect();
    if name.is_empty() { "answer".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(value: Value) -> Schema {
        Schema { name: "s".into(), value }
    }

    #[test]
    fn an_answer_fits_or_says_why_not() {
        let person = schema(json!({
            "type": "object", "properties": {"name": {"$ref": "#/$defs/name"}, "age": {"type": "integer"}},
            "required": ["name"], "$defs": {"name": {"type": "string", "minLength": 2}},
        }));
        for (text, expected) in [
            ("{\"name\": \"Ada\"}", Ok("{\"name\": \"Ada\"}")),
            ("  {\"name\":\"Ada\"}\n\n", Ok("{\"name\":\"Ada\"}")),
            ("```json\n{\"name\": \"Ada\"}\n```", Ok("{\"name\": \"Ada\"}")),
            ("```\n{\"name\": \"Ada\"}\n```\n", Ok("{\"name\": \"Ada\"}")),
            ("````JSON\r\n{\"name\": \"```\"}\r\n````", Ok("{\"name\": \"```\"}")),
            ("```json\n{\"name\": \"Ada\"}", Err("not JSON")),
            ("Sure! {\"name\": \"Ada\"}", Err("not JSON")),
            ("{\"name\": \"Ada\"} {}", Err("not JSON: trailing characters")),
            ("{\"age\": 1}", Err("\"name\" is a required property")),
            ("{\"name\": \"A\"}", Err("at /name: ")),
            ("{\"name\": \"Ada\", \"age\": 1.5}", Err("at /age: 1.5 is not of type \"integer\"")),
            ("", Err("not JSON")),
            ("```", Err("not JSON")),
        ] {
            match (fit(&person, text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(expected)) => assert!(found[0].contains(expected), "{text}: {found:?}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_long_answer_wrong_in_every_item_is_told_of_once_and_its_names_shortly() {
        let words = schema(json!({"type": "array", "items": {"type": "string"}}));
        let numbers = |count| format!("[{}1]", "1,".repeat(count));
        assert_eq!(fit(&words, &numbers(9)).unwrap_err().len(), MOST_COMPLAINTS);
        assert_eq!(fit(&words, &numbers(LONG_ANSWER)).unwrap_err(), ["at /0: 1 is not of type \"string\""]);
        assert!(fit(&words, &format!("[{}\"a\"]", "\"a\",".repeat(LONG_ANSWER))).is_ok());
        let named = schema(json!({"additionalProperties": {"type": "string"}}));
        let complaints = fit(&named, &format!("{{\"{}\": 1}}", "k".repeat(10_000))).unwrap_err();
        assert!(complaints[0].len() < 2 * LONGEST_COMPLAINT + 20, "{}", complaints[0].len());
    }

    #[test]
    fn complaints_are_few_and_short() {
        let many = schema(json!({"type": "array", "items": {"type": "integer"}}));
        let answer = json!(vec!["x".repeat(1000); 9]).to_string();
        let complaints = fit(&many, &answer).unwrap_err();
        assert_eq!(complaints.len(), MOST_COMPLAINTS);
        assert!(complaints.iter().all(|c| c.chars().count() < LONGEST_COMPLAINT + 20), "{complaints:?}");
        assert!(repair_prompt(&complaints).contains("- at /0: "));
    }

    #[test]
    fn what_is_no_schema_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my schema.json");
        for (text, place, message) in [
            ("{\"type\": \"object\"", ":1:17: not JSON: ", "EOF"),
            ("{\n  \"type\": objekt\n}", ":2:11: not JSON: ", "expected value"),
            ("[]", ": not a JSON Schema", ""),
            ("{\"type\": \"objekt\"}", ": not a JSON Schema", "at /type: \"objekt\""),
            ("{\"properties\": {\"a\": {\"minimum\": \"1\"}}}", ": not a JSON Schema", "at /properties/a/minimum: "),
            ("{\"$ref\": \"https://schemas.test/a.json\"}", ": not a JSON Schema", "https://schemas.test/a.json"),
            ("{\"$ref\": \"#/$defs/missing\"}", ": not a JSON Schema", "$defs/missing"),
            ("{\"type\": \"string\", \"pattern\": \"(\"}", ": not a JSON Schema", "pattern"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{text}");
            assert!(error.message.starts_with(&format!("{}{place}", path.display())), "{text}: {error}");
            assert!(error.message.contains(message), "{text}: {error}");
        }
        std::fs::write(&path, "{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"type\": \"string\"}")
            .unwrap();
        assert_eq!(read(&path).unwrap().name, "my_schema");
        let error = read(&folder.path().join("none.json")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.message.contains("none.json"), "{error}");
    }
}
