//! What is set in files: `.env` of the user's own and of a stranger, `config.toml`, templates.

use std::collections::BTreeMap;
use std::path::Path;

use llmr::config::templates::Template;
use llmr::config::{Additions, Config, Fate, Flags, NewProvider, Proxies, edit, load};
use llmr::error::Error;
use llmr::host::{Host, dotenv};

use super::feed::{self, Folder};

/// A `.env`: lines are counted, and a value that has a literal is that one whatever is set elsewhere.
pub fn dotenv(data: &[u8]) {
    let text = feed::text(data);
    let lines = text.matches('\n').count() + 1;
    let entries = match dotenv::parse(&text) {
        Ok(entries) => entries,
        Err(error) => return assert!((1..=lines).contains(&error.line), "{error:?}"),
    };
    assert!(entries.is_sorted_by_key(|entry| entry.line), "{entries:?}");
    for entry in entries {
        assert!((1..=lines).contains(&entry.line) && !entry.name.is_empty(), "{entry:?}");
        let Ok(value) = entry.value else { continue };
        assert_eq!(format!("{value:?}"), "Value(…)");
        match value.literal() {
            Some(literal) => assert_eq!(value.expanded(|_| Some("the-key-of-alpha".to_owned())), literal),
            None => assert!(text.contains('$'), "nothing to expand"),
        }
    }
}

/// A host whose home is that folder, and that works in another one.
fn host(home: &Path, cwd: &Path) -> Host {
    let home = home.to_str().expect("a path that is text");
    Host::from_env([("LLMR_HOME", home), ("OPENAI_API_KEY", "the-key-of-alpha"), ("LLMR_MAX_RETRIES", "1")], cwd)
}

fn loaded(folder: &Folder) -> Result<Config, Error> {
    load(&host(&folder.path().join("home"), &folder.path().join("work")), &Flags::default())
}

/// A working folder's `.env`: it can name keys and models and tighten limits, and nothing else.
pub fn foreign_env(data: &[u8]) {
    let folder = Folder::new("foreign_env");
    folder.write("home/config.toml", b"[[provider]]\nname = \"lab\"\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:1\"\napi_key_env = \"LAB_KEY\"\nmodels = [\"m\"]\n");
    folder.write("work/.env", b"");
    let before = loaded(&folder).expect("an empty .env");
    let path = folder.write("work/.env", data);
    let after = match loaded(&folder) {
        Ok(after) => after,
        Err(error) => return named(&error, &path, true),
    };
    let places = |config: &Config| -> Vec<(String, String)> {
        config.providers.iter().map(|p| (p.name.clone(), format!("{:?} {:?}", p.base_url, p.dialect))).collect()
    };
    assert_eq!(places(&after), places(&before), "an address has moved");
    assert_eq!(after.proxies, Proxies::default());
    let key = |config: &Config| config.provider("openai").and_then(|p| p.key.clone());
    assert_eq!(key(&after), key(&before), "the environment's own key");
    assert!(after.settings.cache.hmac_key.is_none() && after.settings.metrics_token.is_none());
    assert_eq!(after.paths.database, before.paths.database);
    assert!(after.settings.max_retries <= before.settings.max_retries);
    let limits = [&after.settings.budget, &before.settings.budget].map(|budget| budget.limit(None).0);
    assert!(!limits[0].is_looser_than(limits[1]), "{limits:?}");
    let text = feed::text(data);
    let quiet = |line: &String| !line.contains("the-key-of-alpha");
    let rows = after.rows.iter().map(|row| &row.value).chain(&after.warnings);
    assert!(text.contains("the-key-of-alpha") || rows.clone().all(quiet), "a key is shown");
}

/// An error of exit code 2 that names the file and, where it has a line, that line.
fn named(error: &Error, path: &Path, is_env: bool) {
    assert_eq!(error.exit_code(), 2, "{error}");
    let place = path.to_str().expect("a path that is text");
    let canonical = path.canonicalize().expect("the file is there");
    let known = [place, canonical.to_str().expect("a path that is text")];
    let rest = known.iter().find_map(|path| error.message.strip_prefix(path));
    let rest = rest.unwrap_or_else(|| panic!("no file in: {}", error.message));
    let line = rest.strip_prefix(':').map(|rest| rest.split([':', ' ']).next().unwrap_or_default());
    let bytes = std::fs::read(path).expect("the file is there");
    let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
    let in_file = |line: &str| line.parse().is_ok_and(|line: usize| (1..=lines).contains(&line));
    let whole = !is_env && std::str::from_utf8(&bytes).is_err();
    assert!(whole || line.is_some_and(in_file), "no line of {lines} in: {}", error.message);
}

/// A `config.toml`: what is wrong in it is named with its line, and nothing panics.
pub fn config(data: &[u8]) {
    let folder = Folder::new("config");
    let path = folder.write("home/config.toml", data);
    let config = match loaded(&folder) {
        Ok(config) => config,
        Err(error) => return named(&error, &path, false),
    };
    let line = |source: &str| source.rsplit_once(':').and_then(|(_, line)| line.parse::<usize>().ok());
    let lines = data.iter().filter(|b| **b == b'\n').count() + 1;
    for row in &config.rows {
        assert!(line(&row.source).is_none_or(|line| (1..=lines).contains(&line)), "{row:?}");
        assert!(!row.value.contains("the-key-of-alpha") || feed::text(data).contains("the-key"), "{row:?}");
    }
    assert!(config.provider("openai").is_some());
}

/// Additions to a `config.toml`: it can be used as before, and nothing that stood there is lost.
pub fn config_edit(data: &[u8]) {
    let folder = Folder::new("config_edit");
    let parts = feed::parts(data, 6);
    let part = |n: usize| parts.get(n).cloned().unwrap_or_default();
    let path = folder.write("home/config.toml", part(0).as_bytes());
    let usable = loaded(&folder).is_ok();
    let models = part(5).split(',').map(str::to_owned).collect();
    let key = Some(part(4)).filter(|key| !key.is_empty());
    let additions = Additions {
        aliases: vec![(part(1), part(2)), ("again".to_owned(), part(1))],
        providers: vec![NewProvider { name: part(3), base_url: "http://127.0.0.1:1".into(), api_key_env: key, models }],
    };
    let edited = match edit(&path, &additions) {
        Ok(edited) => edited,
        Err(error) => return assert_eq!(error.exit_code(), 2, "{error}"),
    };
    edited.write().expect("a folder of our own");
    let now = std::fs::read_to_string(&path).expect("the file is there");
    let mut lines = now.lines().map(str::trim_end);
    // But for a byte order mark, which is no text.
    for line in part(0).trim_start_matches('\u{feff}').lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        // An inline table grows at its end.
        let begun = line.trim_end_matches(['}', ' ']);
        assert!(lines.any(|new| new.contains(begun)), "{line:?} is lost in {now:?}");
    }
    if usable {
        let config = loaded(&folder).unwrap_or_else(|error| panic!("{error} in {now:?}"));
        for ((name, model), _) in additions.aliases.iter().zip(&edited.aliases).filter(|(_, f)| **f == Fate::Added) {
            assert_eq!(config.aliases.get(name).map(String::as_str), Some(model.trim()));
        }
    }
    let again = edit(&path, &additions).expect("it was usable");
    assert!(again.aliases.iter().chain(&again.providers).all(|fate| *fate != Fate::Added), "{now:?}");
}

/// A template: what is wrong is named with its line; what a variable holds is literal.
pub fn template(data: &[u8]) {
    let folder = Folder::new("template");
    let path = folder.write("home/templates/t.toml", data);
    let text = feed::text(data);
    let template = match Template::parse(&text, "t", &path) {
        Ok(template) => template,
        Err(error) => return named(&error, &path, false),
    };
    let with = |value: &str| -> BTreeMap<String, String> {
        template.variables().into_iter().map(|name| (name, value.to_owned())).collect()
    };
    let (plain, hostile) = (with("\u{1}"), with("{{input}}{{"));
    assert_eq!(template.values(&plain).ok(), Some(plain.clone()), "every variable has a value");
    let shown = |text: Option<String>| text.map(|text| text.replace('\u{1}', "{{input}}{{"));
    if !text.contains(['\u{1}', '\u{2}']) && !text.contains("\\u0001") {
        assert_eq!(shown(template.system(&plain)), template.system(&hostile));
        assert_eq!(shown(template.prompt(&plain, Some("\u{2}"))), template.prompt(&hostile, Some("\u{2}")));
    }
    assert_eq!(template.asks(&plain, None).is_some(), template.prompt.is_some() && !template.places_input());
}
