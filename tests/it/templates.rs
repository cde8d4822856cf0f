//! `llmr template` and `-T`.

use serde_json::{Value, json};

use crate::common::{Place, sandbox};

fn place(sandbox: &llmr::sandbox::Sandbox) -> Place {
    Place::new().with(sandbox).var("LLMR_STRATEGY", "priority").var("LLMR_CACHE", "off")
}

fn template(place: &Place, name: &str, text: &str) {
    std::fs::create_dir_all(place.home().join("templates")).unwrap();
    std::fs::write(place.home().join("templates").join(format!("{name}.toml")), text).unwrap();
}

#[test]
fn one_is_written_listed_shown_used_and_removed() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    let new = ["template", "new", "review", "-s", "You review {{language}}.", "-t", "0.5", "Review this: {{input}}"];
    let ran = place.run(&new).expect(0);
    let file = place.home().join("templates/review.toml");
    assert_eq!(ran.stderr, format!("note: template `review` is written: {}\n", file.display()));
    let text = "system = \"You review {{language}}.\"\nprompt = \"Review this: {{input}}\"\ntemperature = 0.5\n";
    assert_eq!(place.run(&["template", "show", "review"]).expect(0).stdout, text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
    let (_, list) = place.json(&["template"]);
    assert_eq!(list["templates"][0]["variables"], json!(["language"]));

    let args = ["ask", "-p", "gemini", "-T", "review", "--var", "language=Rust {{input}}"];
    place.run_with_stdin(&args, b"fn {{language}}() {}").expect(0);
    let sent = sandbox.requests().pop().unwrap().body;
    assert_eq!(sent["systemInstruction"]["parts"][0]["text"], "You review Rust {{input}}.");
    assert_eq!(sent["contents"][0]["parts"][0]["text"], "Review this: fn {{language}}() {}");
    assert_eq!(sent["generationConfig"]["temperature"], 0.5);
    // Flags win.
    place.run(&["ask", "-p", "gemini", "-T", "review", "--var", "language=C", "-s", "x", "-t", "0", "hi"]).expect(0);
    let sent = sandbox.requests().pop().unwrap().body;
    assert_eq!(sent["systemInstruction"]["parts"][0]["text"], "x");
    assert_eq!(sent["generationConfig"]["temperature"], 0.0);

    let again = place.run(&["template", "new", "review", "other"]).expect(2);
    assert!(again.stderr.contains("there is a template `review` already"), "{}", again.stderr);
    assert_eq!(place.run(&["template", "show", "review"]).expect(0).stdout, text);
    place.run(&["template", "new", "review", "other", "--force"]).expect(0);
    assert_eq!(place.run(&["template", "show", "review"]).expect(0).stdout, "prompt = \"other\"\n");
    let said = |what: &str| json!({"schema_version": 1, "name": "review", "path": file.to_str(), "what": what});
    assert_eq!(place.json(&["template", "new", "review", "one", "--force"]), (0, said("written")));
    assert_eq!(place.json(&["template", "rm", "review"]), (0, said("removed")));
    let ran = place.run(&["ask", "-T", "review", "x"]).expect(2);
    assert!(ran.stderr.starts_with("error: there is no template `review`\n"), "{}", ran.stderr);
}

#[test]
fn the_input_goes_into_its_place_or_behind() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    template(&place, "plain", "prompt = 'Say it in French.'");
    template(&place, "system", "system = 'Be brief.'");
    let sent = |args: &[&str], stdin: Option<&[u8]>| {
        let args = [&["ask", "-p", "openai", "-T"], args].concat();
        match stdin {
            Some(bytes) => place.run_with_stdin(&args, bytes).expect(0),
            None => place.run(&args).expect(0),
        };
        let messages = sandbox.requests().pop().unwrap().body["messages"].clone();
        messages.as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned()
    };
    assert_eq!(sent(&["plain"], None), "Say it in French.");
    assert_eq!(sent(&["plain", "good", "day"], None), "Say it in French.\n\ngood day");
    assert_eq!(sent(&["plain"], Some(b"tree")), "Say it in French.\n\n<stdin>tree</stdin>");
    assert_eq!(sent(&["plain", "a", "-"], Some(b"tree")), "Say it in French.\n\na\n\n<stdin>tree</stdin>");
    assert_eq!(sent(&["system", "hi"], None), "hi");
    place.run(&["ask", "-T", "system"]).expect(2);
}

#[test]
fn a_template_names_model_limits_and_schema() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    template(
        &place,
        "full",
        "prompt = '{{input}}'\nproviders = ['openai']\nmax_tokens = 77\nstop = ['END']\n[options]\nseed = 5\n\
         [schema]\ntype = 'object'\nrequired = ['n']\nproperties.n = {type = 'integer'}\n",
    );
    let (_, report) = place.json(&["ask", "-T", "full", "how many?"]);
    assert_eq!((&report["provider"], &report["data"]), (&json!("openai"), &json!({"n": 0})));
    let sent = sandbox.requests().pop().unwrap().body;
    assert_eq!(
        (&sent["max_completion_tokens"], &sent["seed"], &sent["stop"]),
        (&json!(77), &json!(5), &json!(["END"]))
    );
    assert_eq!(sent["response_format"]["json_schema"]["name"], "full");
    let (code, plan) = place.json(&["dry-run", "-T", "full", "how many?"]);
    assert_eq!((code, plan["candidates"].as_array().map(Vec::len)), (0, Some(1)), "{plan}");
}

#[test]
fn what_is_wrong_is_told_before_anything_is_asked() {
    let sandbox = sandbox("");
    let place = place(&sandbox);
    template(&place, "typo", "prompt = 'x'\nsistem = 'y'\n");
    template(&place, "needs", "prompt = '{{who}}'\n");
    let home = place.home();
    let typo = format!(
        "error: {}:2: unknown key `sistem`\nhint: did you mean `system`?\n",
        home.join("templates/typo.toml").display()
    );
    for (args, message) in [
        (&["-T", "typo"][..], typo.as_str()),
        (&["-T", "tipo"], "error: there is no template `tipo`\nhint: did you mean `typo`?\n"),
        (&["-T", "needs"], "error: template `needs` needs the variable `who`\nhint: --var who=VALUE"),
        (&["-T", "needs", "--var", "whom=x"], "error: template `needs` has no variable `whom`\nhint: it has who\n"),
        (&["-T", "../needs"], "error: `../needs` is not a template's name\n"),
        (&["--var", "a=b"], "error: "),
    ] {
        let ran = place.run(&[&["ask"], args, &["hi"]].concat()).expect(2);
        assert!(ran.stderr.starts_with(message), "{}", ran.stderr);
    }
    for args in [
        &["new", "a/b", "x"][..],
        &["new", "empty"],
        &["new", "n", "x", "--max-cost", "1"],
        &["new", "n", "x", "-t", "3"],
        &["new", "n", "x", "-o", "max_tokens=1"],
        &["rm", "none"],
        &["show", "none"],
    ] {
        let ran = place.run(&[&["template"], args].concat()).expect(2);
        assert!(!ran.stderr.contains("templates/n.toml"), "{}", ran.stderr);
    }
    // One that cannot be used does not hide the others.
    let (_, list) = place.json(&["template", "list"]);
    let names: Vec<_> = list["templates"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["needs", "typo"]);
    assert!(list["templates"][1]["error"].is_string() && list["templates"][0]["error"] == Value::Null);
    assert!(sandbox.requests().is_empty());
}
