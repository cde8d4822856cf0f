//! The smallest value that fits a JSON Schema, as far as one is found without trying: for answers of the sandbox.

use serde_json::{Map, Value, json};

/// References are followed this far: a schema may contain itself.
const DEEPEST: usize = 32;

/// A value for a schema: what it names (`const`, the first of `enum`, `default`), else the least of its type.
pub(super) fn of(schema: &Value) -> Value {
    instance(schema, schema, 0)
}

fn instance(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(map) = schema.as_object().filter(|_| depth < DEEPEST) else { return Value::Null };
    let below = |schema: &Value| instance(schema, root, depth + 1);
    let first = |key: &str| map.get(key).and_then(Value::as_array).and_then(|all| all.first());
    if let Some(named) = map.get("const").or_else(|| first("enum")).or_else(|| map.get("default")) {
        return named.clone();
    }
    if let Some(target) = map.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.strip_prefix('#')?)) {
        return below(target);
    }
    if let Some(one) = first("anyOf").or_else(|| first("oneOf")) {
        return below(one);
    }
    match kind(map) {
        "object" => object(map, &below),
        "array" => {
            let items = map.get("items").unwrap_or(&Value::Null);
            (0..number(map, "minItems").unwrap_or(0.0) as u64).map(|_| below(items)).collect()
        }
        "string" => json!(text(map)),
        "integer" => json!(least(map).ceil() as i64),
        "number" => json!(least(map)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

/// Its type, the first one of several; without one what its keywords tell.
fn kind(map: &Map<String, Value>) -> &str {
    let named = match map.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    let told = [("properties", "object"), ("required", "object"), ("items", "array")];
    let told = told.iter().find(|(key, _)| map.contains_key(*key)).map(|(_, kind)| *kind);
    named.or(told).unwrap_or("object")
}

fn object(map: &Map<String, Value>, below: &dyn Fn(&Value) -> Value) -> Value {
    let properties = map.get("properties").and_then(Value::as_object);
    let required = map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let value = |name: &str| properties.and_then(|all| all.get(name)).map_or(Value::Null, below);
    let fields: Map<String, Value> = required.map(|name| (name.to_owned(), value(name))).collect();
    Value::Object(fields)
}

fn text(map: &Map<String, Value>) -> String {
    let form = match map.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("email") => "sandbox@llmr.test",
        Some("uri") => "https://llmr.test/",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "sandbox",
    };
    let (least, most) = (number(map, "minLength").unwrap_or(0.0), number(map, "maxLength").unwrap_or(f64::MAX));
    form.chars().chain(std::iter::repeat('x')).take((form.len() as f64).max(least).min(most) as usize).collect()
}

/// The least number that is allowed; 0 where nothing says otherwise.
fn least(map: &Map<String, Value>) -> f64 {
    let over = number(map, "exclusiveMinimum").map(|n| n + 1.0);
    let most = number(map, "maximum").or_else(|| number(map, "exclusiveMaximum").map(|n| n - 1.0));
    let least = number(map, "minimum").or(over).unwrap_or_else(|| most.unwrap_or(0.0).min(0.0));
    match number(map, "multipleOf").filter(|step| *step > 0.0) {
        Some(step) => (least / step).ceil() * step,
        None => least,
    }
}

fn number(map: &Map<String, Value>, key: &str) -> Option<f64> {
    map.get(key).and_then(Value::as_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_fits() {
        let list = json!({"$defs": {"node": {"type": "object", "properties": {"next": {"anyOf": [{"type": "null"},
            {"$ref": "#/$defs/node"}]}}, "required": ["next"]}}, "$ref": "#/$defs/node"});
        for (schema, expected) in [
            (
                json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}),
                json!({"a": "sandbox"}),
            ),
            (json!({"enum": ["red", "green"]}), json!("red")),
            (json!({"const": 7}), json!(7)),
            (json!({"type": "integer", "minimum": 1.5}), json!(2)),
            (json!({"type": "integer", "exclusiveMinimum": 3}), json!(4)),
            (json!({"type": "number", "maximum": -2}), json!(-2.0)),
            (json!({"type": "integer", "minimum": 4, "multipleOf": 5}), json!(5)),
            (json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2}), json!([true, true])),
            (json!({"type": "string", "minLength": 9}), json!("sandboxxx")),
            (json!({"type": "string", "format": "date-time"}), json!("2026-01-01T00:00:00Z")),
            (json!({"type": "string", "format": "date"}), json!("2026-01-01")),
            (json!({"type": "string", "format": "time"}), json!("00:00:00Z")),
            (json!({"type": "string", "maxLength": 2}), json!("sa")),
            (json!({"type": ["null", "string"]}), json!(null)),
            (json!({"type": "string", "format": "date"}), json!("2026-01-01")),
            (json!({}), json!({})),
            (json!(true), json!(null)),
            (list, json!({"next": null})),
        ] {
            let found = of(&schema);
            assert_eq!(found, expected, "{schema}");
            assert!(jsonschema::is_valid(&schema, &found), "{schema} {found}");
        }
        let endless = json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]});
        assert!(of(&endless).is_object());
    }
}
