//! What may stand in a line, as a request with every setting resolved.
//!
//! A field that llmr does not know belongs to the user and goes through to the output. One that is nearly the name of
//! a known field, or would change the answer elsewhere, is an error: it must not be passed over in silence.

use serde_json::{Map, Value};

use super::base::Base;
use crate::config::templates::Template;
use crate::router::Request;
use crate::types::{Message, Role};

/// The fields of a line.
pub const FIELDS: [&str; 13] = [
    "id",
    "prompt",
    "messages",
    "system",
    "model",
    "provider",
    "max_tokens",
    "temperature",
    "top_p",
    "stop",
    "effort",
    "tier",
    "tag",
];

/// Fields of vendors' requests that a line cannot set, and what can.
const ELSEWHERE: [(&str, &str); 10] = [
    ("body", "write its fields into the line itself"),
    ("max_completion_tokens", "the field is max_tokens"),
    ("max_cost", "--max-cost is for the whole batch"),
    ("n", "a line gets one answer: write it several times"),
    ("response_format", "--schema FILE is for all lines"),
    ("schema", "--schema FILE is for all lines"),
    ("seed", "no provider promises to honour it"),
    ("stream", "answers come whole"),
    ("timeout", "--timeout SECS is for each line"),
    ("tools", "llmr calls no tools"),
];

/// A line that may be asked.
#[derive(Debug, Clone)]
pub struct Line {
    /// The user's own name for it: a text or a number.
    pub id: Option<Value>,
    /// What is asked.
    pub request: Request,
    /// The fields that are the user's own.
    pub own: Map<String, Value>,
}

type Checked<T> = Result<T, String>;

/// A line as a request, on top of what holds for all lines. An error says what is wrong with which field.
pub fn line(base: &Base, object: Map<String, Value>) -> Checked<Line> {
    let variables = base.template.as_ref().map(Template::variables).unwrap_or_default();
    let mut line = Line { id: None, request: base.request.clone(), own: Map::new() };
    let (mut prompt, mut messages, mut system) = (None, None, None);
    for (name, value) in object {
        let request = &mut line.request;
        match name.as_str() {
            // `null` is how some programs write "left out".
            known if value.is_null() && FIELDS.contains(&known) => {}
            "id" => line.id = Some(id(value)?),
            "prompt" => prompt = Some(word("prompt", &value)?),
            "messages" => messages = Some(value),
            "system" => system = Some(text("system", &value)?),
            "model" => request.selection.model = Some(word("model", &value)?),
            "provider" => request.selection.providers = words("provider", &value)?,
            "max_tokens" => request.explicit_cap = Some(count("max_tokens", &value)?),
            "temperature" => request.temperature = Some(within("temperature", &value, 2.0)?),
            "top_p" => request.top_p = Some(within("top_p", &value, 1.0)?),
            "stop" => request.stop = words("stop", &value)?,
            "effort" => request.effort = Some(named("effort", &value)?),
            "tier" => {
                request.selection = std::mem::take(&mut request.selection).with_tier(Some(named("tier", &value)?));
            }
            "tag" => request.tag = Some(word("tag", &value)?),
            _ => {
                if !variables.contains(&name) {
                    not_mistaken(&name)?;
                }
                // What a rule of [tiers] may go by: whose line it is, on which plan.
                if let Some(text) = value.as_str() {
                    request.meta.insert(name.clone(), text.to_owned());
                }
                line.own.insert(name, value);
            }
        }
    }
    if let Some(template) = &base.template {
        prompt = expand(template, &mut line, prompt, messages.is_some())?;
    }
    if system.is_some() {
        line.request.system = system;
    }
    match (prompt, messages) {
        (Some(prompt), None) => line.request.messages = vec![Message::user(prompt)],
        (None, Some(messages)) => conversation(&mut line.request, &messages)?,
        (None, None) => return Err("`prompt` is missing".to_owned()),
        (Some(_), Some(_)) => return Err("both `prompt` and `messages`: which one is asked?".to_owned()),
    }
    Ok(line)
}

/// Fills a template with a line's own fields: the system prompt goes into its request, the prompt comes back.
fn expand(template: &Template, line: &mut Line, prompt: Option<String>, messages: bool) -> Checked<Option<String>> {
    if messages && template.prompt.is_some() {
        return Err(format!("`messages` have no place in the prompt of template `{}`: give `prompt`", template.name));
    }
    let known = template.variables();
    let given = line.own.iter().filter(|(name, value)| known.contains(name) && !value.is_null());
    let given =
        given.map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    let values = template.values(&given.collect()).map_err(|error| error.message)?;
    if let Some(system) = template.system(&values) {
        line.request.system = Some(system);
    }
    Ok(template.asks(&values, prompt.as_deref()))
}

/// Refuses a field that was probably meant to be another.
fn not_mistaken(name: &str) -> Checked<()> {
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(field, _)| *field == name) {
        return Err(format!("field `{name}` cannot be set in a line: {instead}"));
    }
    let lower = name.to_lowercase();
    // One slip in four letters is a slip; in a shorter name it is another name.
    let near = |field: &&&str| {
        let slips = if field.len() >= 4 { 1 } else { 0 };
        strsim::osa_distance(&lower, field) <= slips
    };
    match FIELDS.iter().find(near) {
        Some(meant) => Err(format!("unknown field `{name}`: did you mean `{meant}`? If it is your own, rename it")),
        None => Ok(()),
    }
}

fn id(value: Value) -> Checked<Value> {
    match value {
        Value::String(ref text) if !text.is_empty() => Ok(value),
        Value::Number(_) => Ok(value),
        _ => Err("`id` is not a text or a number".to_owned()),
    }
}

fn text(name: &str, value: &Value) -> Checked<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` is not a text"))
}

fn word(name: &str, value: &Value) -> Checked<String> {
    let text = text(name, value)?;
    if text.trim().is_empty() { Err(format!("`{name}` is empty")) } else { Ok(text) }
}

fn words(name: &str, value: &Value) -> Checked<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(|item| word(name, item)).collect(),
        _ => Ok(vec![word(name, value)?]),
    }
}

fn count(name: &str, value: &Value) -> Checked<u64> {
    value.as_u64().filter(|n| *n >= 1).ok_or_else(|| format!("`{name}` is not a whole number from 1"))
}

fn within(name: &str, value: &Value, most: f64) -> Checked<f64> {
    let number = value.as_f64().filter(|n| (0.0..=most).contains(n));
    number.ok_or_else(|| format!("`{name}` is not a number from 0 to {most}"))
}

fn named<T: std::str::FromStr<Err = String>>(name: &str, value: &Value) -> Checked<T> {
    text(name, value)?.parse().map_err(|why| format!("`{name}`: {why}"))
}

/// `[{"role": "user", "content": "…"}, …]`; a system prompt may come first.
fn conversation(request: &mut Request, value: &Value) -> Checked<()> {
    let wrong = |n: usize| format!("`messages[{n}]` is not an object of `role` and `content`, both texts");
    for (n, item) in value.as_array().ok_or("`messages` is not a list")?.iter().enumerate() {
        let object = item.as_object().filter(|object| object.len() == 2).ok_or_else(|| wrong(n))?;
        let part = |name: &str| object.get(name).and_then(Value::as_str).ok_or_else(|| wrong(n));
        let (role, content) = (part("role")?, part("content")?);
        match role {
            "user" => request.messages.push(Message::user(content)),
            "assistant" => request.messages.push(Message::assistant(content)),
            "system" if n == 0 => request.system = Some(content.to_owned()),
            "system" => return Err(format!("`messages[{n}]`: a system prompt comes first")),
            _ => return Err(format!("`messages[{n}]`: `{role}` is not one of system, user, assistant")),
        }
    }
    match request.messages.last() {
        Some(last) if last.role == Role::User && !last.text.trim().is_empty() => Ok(()),
        _ => Err("the last of `messages` is not a question of the user's".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{CacheUse, Keep, Selection};
    use crate::types::{Effort, Mode, Strategy, Tier, Weights};

    fn base() -> Base {
        Base { request: request(), template: None }
    }

    fn request() -> Request {
        Request {
            selection: Selection { model: Some("small".into()), ..Selection::default() },
            system: Some("be brief".into()),
            messages: Vec::new(),
            explicit_cap: None,
            default_cap: 8192,
            temperature: None,
            top_p: None,
            stop: Vec::new(),
            effort: None,
            extra: Map::new(),
            strategy: Strategy::default(),
            weights: Weights::default(),
            max_cost: None,
            timeout_ms: 1000,
            max_retries: 2,
            allow_unpriced: false,
            parallel: 1,
            race: false,
            hedge: false,
            mode: Mode::Production,
            tag: None,
            meta: std::collections::BTreeMap::new(),
            cascade: None,
            min_quality: 0.6,
            schema: None,
            embed: None,
            keep: Keep::Nothing,
            cache: CacheUse::On,
            stream: true,
        }
    }

    fn of(text: &str) -> Checked<Line> {
        let Value::Object(object) = serde_json::from_str(text).unwrap() else { panic!("{text}") };
        line(&base(), object)
    }

    #[test]
    fn every_field_has_its_place() {
        let line =
            of(r#"{"id": 7, "prompt": "name a river", "system": "in French", "model": "large", "provider": ["a", "b"],
                "max_tokens": 9, "temperature": 0.5, "top_p": 1, "stop": "END", "effort": "low", "tier": "premium",
                "tag": "t", "expected": "Seine", "n_best": 3}"#)
            .unwrap();
        let r = &line.request;
        assert_eq!((line.id, r.messages[0].text.as_str()), (Some(Value::from(7)), "name a river"));
        assert_eq!((r.system.as_deref(), r.selection.model.as_deref()), (Some("in French"), Some("large")));
        assert_eq!(
            (&r.selection.providers[..], r.selection.tier),
            (&["a".into(), "b".into()][..], Some(Tier::Premium))
        );
        assert_eq!(
            (r.explicit_cap, r.temperature, r.top_p, r.effort),
            (Some(9), Some(0.5), Some(1.0), Some(Effort::Low))
        );
        assert_eq!((&r.stop[..], r.tag.as_deref()), (&["END".to_owned()][..], Some("t")));
        assert_eq!(line.own.keys().collect::<Vec<_>>(), ["expected", "n_best"]);

        let plain = of(r#"{"prompt": "x", "id": null, "system": null, "model": null}"#).unwrap();
        assert_eq!((plain.id, plain.request.system.as_deref()), (None, Some("be brief")));
        assert_eq!(plain.request.selection.model.as_deref(), Some("small"));

        let talk = r#"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "1"},
                       {"role": "assistant", "content": "2"}, {"role": "user", "content": "3"}]}"#;
        let talk = of(talk).unwrap().request;
        let texts: Vec<&str> = talk.messages.iter().map(|m| m.text.as_str()).collect();
        assert_eq!((talk.system.as_deref(), &texts[..]), (Some("s"), &["1", "2", "3"][..]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (text, says) in [
            (r#"{}"#, "`prompt` is missing"),
            (r#"{"prompt": "  "}"#, "`prompt` is empty"),
            (r#"{"prompt": 3}"#, "`prompt` is not a text"),
            (r#"{"prompt": "x", "messages": []}"#, "both `prompt` and `messages`"),
            (r#"{"promt": "x"}"#, "unknown field `promt`: did you mean `prompt`?"),
            (r#"{"prompt": "x", "Model": "m"}"#, "did you mean `model`?"),
            (r#"{"prompt": "x", "maxTokens": 3}"#, "did you mean `max_tokens`?"),
            (r#"{"prompt": "x", "ID": 3}"#, "did you mean `id`?"),
            (r#"{"prompt": "x", "max_completion_tokens": 3}"#, "the field is max_tokens"),
            (r#"{"prompt": "x", "stream": true}"#, "field `stream` cannot be set in a line"),
            (r#"{"prompt": "x", "id": [1]}"#, "`id` is not a text or a number"),
            (r#"{"prompt": "x", "max_tokens": 0}"#, "`max_tokens` is not a whole number from 1"),
            (r#"{"prompt": "x", "max_tokens": 1.5}"#, "`max_tokens` is not a whole number from 1"),
            (r#"{"prompt": "x", "temperature": 2.1}"#, "`temperature` is not a number from 0 to 2"),
            (r#"{"prompt": "x", "temperature": "0.5"}"#, "`temperature` is not a number from 0 to 2"),
            (r#"{"prompt": "x", "tier": "best"}"#, "`tier`: `best` is not one of fast"),
            (r#"{"prompt": "x", "provider": [""]}"#, "`provider` is empty"),
            (r#"{"messages": [{"role": "user"}]}"#, "`messages[0]` is not an object of `role` and `content`"),
            (r#"{"messages": [{"role": "tool", "content": "x"}]}"#, "`tool` is not one of system, user, assistant"),
            (r#"{"messages": [{"role": "assistant", "content": "x"}]}"#, "the last of `messages` is not a question"),
        ] {
            let why = of(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
    }

    #[test]
    fn a_line_s_prompt_and_fields_go_into_the_template() {
        let asked = |template: &str, text: &str| {
            let template = Template::parse(template, "t", "t.toml".as_ref()).unwrap();
            let base = Base { template: Some(template), ..base() };
            let Value::Object(object) = serde_json::from_str(text).unwrap() else { panic!("{text}") };
            line(&base, object).map(|line| {
                let own = line.own.keys().cloned().collect::<Vec<_>>().join(",");
                let r = line.request;
                (r.messages.last().unwrap().text.clone(), r.system.unwrap_or_default(), own)
            })
        };
        let into = "prompt = 'Say {{input}} in {{language}}.'\nsystem = 'Be {{how}}.'\n[variables]\nhow = 'kind'";
        let row = |prompt: &str, system: &str, own: &str| Ok((prompt.to_owned(), system.to_owned(), own.to_owned()));
        let wrong = |why: &str| Err(why.to_owned());
        for (template, text, expected) in [
            (into, r#"{"prompt": "hi", "language": "French"}"#, row("Say hi in French.", "Be kind.", "language")),
            // What takes a variable's place is literal; what is no text is written as JSON; null is left out.
            (
                into,
                r#"{"prompt": "{{how}}", "language": 5, "how": null, "x": 1}"#,
                row("Say {{how}} in 5.", "Be kind.", "language,how,x"),
            ),
            // The line wins over the template.
            (into, r#"{"prompt": "a", "language": "b", "system": "c"}"#, row("Say a in b.", "c", "language")),
            (into, r#"{"prompt": "hi"}"#, wrong("template `t` needs the variable `language`")),
            (into, r#"{"language": "b"}"#, wrong("`prompt` is missing")),
            (
                into,
                r#"{"messages": [{"role": "user", "content": "x"}], "language": "b"}"#,
                wrong("`messages` have no place in the prompt of template `t`: give `prompt`"),
            ),
            // Without a place for it the prompt stands behind; a prompt of the template's own needs none.
            (
                "prompt = 'Name a {{what}}.'",
                r#"{"what": "river", "prompt": "Now."}"#,
                row("Name a river.\n\nNow.", "be brief", "what"),
            ),
            ("prompt = 'Name a {{what}}.'", r#"{"what": "river"}"#, row("Name a river.", "be brief", "what")),
            ("system = 'S'", r#"{"messages": [{"role": "user", "content": "x"}]}"#, row("x", "S", "")),
            ("system = 'S'", r#"{}"#, wrong("`prompt` is missing")),
            // A variable may have a name that is nearly a field's, or that a line cannot set.
            ("prompt = '{{Model}} {{body}}'", r#"{"Model": "T", "body": "b"}"#, row("T b", "be brief", "Model,body")),
        ] {
            assert_eq!(asked(template, text), expected, "{template} {text}");
        }
    }

    #[test]
    fn a_name_that_is_far_from_every_field_is_the_user_s_own() {
        for name in ["tags", "title", "expected", "lang", "ids", "meta", "label", "query"] {
            assert_eq!(not_mistaken(name), Ok(()), "{name}");
        }
    }
}
