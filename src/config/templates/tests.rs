//! Reading, filling and writing templates.

use super::*;

fn parse(text: &str) -> Result<Template> {
    Template::parse(text, "t", Path::new("/c/templates/t.toml"))
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_takes_a_place_is_literal() {
    let template =
        parse("system = 'for {{who}}'\nprompt = 'As {{ who }}: {{input}} {{a b}} {{}} {{{{x-1}}}} {{open'").unwrap();
    assert_eq!(template.variables(), ["who", "x-1"]);
    assert!(template.places_input());
    let values = template.values(&values(&[("who", "{{input}}"), ("x-1", "}}")])).unwrap();
    let prompt = template.prompt(&values, Some("{{who}} $1")).unwrap();
    assert_eq!(prompt, "As {{input}}: {{who}} $1 {{a b}} {{}} {{}}}} {{open");
    assert_eq!(template.system(&values).unwrap(), "for {{input}}");
}

#[test]
fn a_variable_has_a_value_and_a_value_has_a_variable() {
    let template = parse("prompt = '{{a}}{{b}}'\n[variables]\na = 'x'").unwrap();
    assert_eq!(template.values(&values(&[("b", "y")])).unwrap(), values(&[("a", "x"), ("b", "y")]));
    for (given, message) in [
        (values(&[]), "template `t` needs the variable `b`"),
        (values(&[("b", "1"), ("c", "2")]), "template `t` has no variable `c`"),
    ] {
        let error = template.values(&given).unwrap_err();
        assert_eq!((error.exit_code(), error.message.as_str()), (2, message));
    }
    for bad in ["a", "=1", "1=2", "a b=1", "input=1"] {
        assert_eq!(given_variables(&[bad.to_owned()]).unwrap_err().exit_code(), 2, "{bad}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, message) in [
        ("prompt = 'x'\nsistem = 'y'", "/c/templates/t.toml:2: unknown key `sistem`"),
        ("\ntemperature = 2.5", "/c/templates/t.toml:2: temperature: not a number from 0 to 2"),
        ("max_tokens = 0", "/c/templates/t.toml:1: max_tokens: not a whole number from 1"),
        ("tier = 'best'", "/c/templates/t.toml:1: tier: `best` is not one of fast, balanced, advanced, premium"),
        ("prompt = 3", "/c/templates/t.toml:1: prompt: not a string"),
        ("schema = 3", "/c/templates/t.toml:1: schema: not the path of a JSON Schema, or the schema as a table"),
        ("[variables]\na = 1", "/c/templates/t.toml:2: variables.a: not a string"),
        ("prompt = ", "/c/templates/t.toml:1: not valid TOML"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.message.starts_with(message), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
    assert_eq!(parse("sistem = 'y'").unwrap_err().hints, ["did you mean `system`?"]);
}

#[test]
fn flags_win_over_the_template() {
    let template = parse(
        "model = 'm'\nfallbacks = ['f']\nproviders = 'p'\ntemperature = 0.5\nstop = ['S']\n[options]\nseed = 1\nk = 'v'",
    )
    .unwrap();
    let untouched = fill(&Question::default(), &template.flags);
    assert_eq!((untouched.model.as_deref(), untouched.temperature), (Some("m"), Some(0.5)));
    assert_eq!((untouched.providers, untouched.fallbacks), (vec!["p".to_owned()], vec!["f".to_owned()]));
    assert_eq!(untouched.options, ["k=\"v\"", "seed=1"]);
    let given = Question {
        model: Some("other".into()),
        temperature: Some(0.0),
        options: vec!["seed=2".into()],
        ..Question::default()
    };
    let filled = fill(&given, &template.flags);
    assert_eq!((filled.model.as_deref(), filled.temperature, filled.stop.len()), (Some("other"), Some(0.0), 1));
    assert_eq!((filled.providers.len(), filled.fallbacks.len()), (1, 1));
    assert_eq!(filled.options, ["k=\"v\"", "seed=1", "seed=2"]);
}

#[test]
fn a_schema_is_a_file_beside_it_or_inside_it() {
    let beside = parse("schema = 'p.json'").unwrap().schema;
    assert_eq!(beside, Some(SchemaPlace::File("/c/templates/p.json".into())));
    let whole = parse("schema = '/s/p.json'").unwrap().schema;
    assert_eq!(whole, Some(SchemaPlace::File("/s/p.json".into())));
    let inside =
        parse("[schema]\ntype = 'object'\nrequired = ['a']\nproperties.a = {type = 'integer', minimum = 0x10}")
            .unwrap();
    let expected = serde_json::json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 16}}});
    assert_eq!(inside.schema, Some(SchemaPlace::Inline(expected)));
}

#[test]
fn what_is_written_reads_as_it_was_meant() {
    let flags = Question {
        system: Some("Say \"so\".\nTwice.".into()),
        model: Some("m".into()),
        temperature: Some(1.0),
        max_tokens: Some(9),
        stop: vec!["\n".into()],
        options: vec!["seed=1".into(), "a.b=x y".into(), "list=[1, \"z\"]".into()],
        ..Question::default()
    };
    let text = written(&flags, "Do {{input}}\n'''\"\"\"\\");
    let template = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(template.prompt.as_deref(), Some("Do {{input}}\n'''\"\"\"\\"));
    assert_eq!((template.flags.system, template.flags.temperature), (flags.system, Some(1.0)));
    assert_eq!((template.flags.max_tokens, template.flags.options.len()), (Some(9), 3));
    assert!(template.flags.options.contains(&"list=[1,\"z\"]".to_owned()), "{:?}", template.flags.options);
}

#[test]
fn names_are_no_paths() {
    for good in ["review", "a.b", "A-1_2"] {
        assert!(path_of(Path::new("/c"), good).is_ok(), "{good}");
    }
    for bad in ["", "../x", "a/b", ".hidden", "..", "a b", "é", "a\\b", &"x".repeat(65)] {
        assert_eq!(path_of(Path::new("/c"), bad).unwrap_err().exit_code(), 2, "{bad}");
    }
}
