//! Adding to `config.toml` keeps every line that is there, and what was added is there once.

use std::fs;

use llmr::config::{Additions, Fate, NewProvider, edit};
use proptest::prelude::*;

use crate::cases;

/// Names, some of which meet.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[a-zA-Z0-9_-]{1,8}", "\\PC{0,6}"]
}

/// A file as people write them: comments, blanks, settings, aliases, a provider, in several styles.
fn written() -> impl Strategy<Value = String> {
    let head = prop::sample::select(vec![
        "",
        "# mine\n\n",
        "usage = true # always\n",
        "\u{feff}",
        "# a\r\nusage   =   true\r\n",
        "usage = true",
    ]);
    let aliases = prop::collection::btree_map("[a-c]{1,2}", "[a-z]{1,5}", 0..4);
    let inline = any::<bool>();
    let provider = prop::option::of("[a-c]{1,2}");
    (head, aliases, inline, provider).prop_map(|(head, aliases, inline, provider)| {
        let mut text = head.to_owned();
        if !text.is_empty() && !text.ends_with('\n') && text != "\u{feff}" {
            return text;
        }
        if inline && !aliases.is_empty() {
            let list: Vec<String> = aliases.iter().map(|(name, model)| format!("{name} = \"{model}\"")).collect();
            text += &format!("aliases = {{ {} }} # short names\n", list.join(", "));
        } else if !aliases.is_empty() {
            text += "[aliases] # short names\n";
            aliases.iter().for_each(|(name, model)| text += &format!("  '{name}' = \"{model}\" # {model}\n\n"));
        }
        if let Some(name) = provider {
            text += &format!("\n[[provider]]\nname = \"{name}\" # the lab\ndialect = 'openai'\n");
            text += "base_url = \"http://127.0.0.1:1/v1\"\nmodels = [\n  \"x\", # small\n]\n# the end\n";
        }
        text
    })
}

prop_compose! {
    fn additions()(
        aliases in prop::collection::vec((name(), name()), 0..4),
        providers in prop::collection::vec((name(), prop::sample::select(vec!["http://127.0.0.1:1/v1", "https://lab.example/v1", "nowhere"])), 0..3),
        key in prop::option::of("[A-Z]{1,5}_KEY"),
        models in prop::collection::vec("[a-z]{1,5}", 1..3),
    ) -> Additions {
        let provider = |(name, base_url): (String, &str)| NewProvider {
            name, base_url: base_url.to_owned(), api_key_env: key.clone(), models: models.clone(),
        };
        Additions { aliases, providers: providers.into_iter().map(provider).collect() }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_is_there_stays_and_what_is_added_is_there_once(old in written(), additions in additions()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, &old).unwrap();
        // Some additions do not make a config file; then nothing is written.
        let Ok(edited) = edit(&path, &additions) else {
            prop_assert_eq!(fs::read_to_string(&path).unwrap(), old);
            return Ok(());
        };
        edited.write().unwrap();
        let new = fs::read_to_string(&path).unwrap();
        let fates = || edited.aliases.iter().chain(&edited.providers);
        if !fates().any(|fate| *fate == Fate::Added) {
            prop_assert_eq!(&new, &old);
        }
        kept(&old, &new)?;
        let [table, before] = [&new, &old].map(|text| text.trim_start_matches('\u{feff}').parse::<toml::Table>().unwrap());
        for ((name, model), fate) in additions.aliases.iter().zip(&edited.aliases) {
            let has = |table: &toml::Table| Some(table.get("aliases")?.get(name)?.as_str()?.to_owned());
            match fate {
                Fate::Added | Fate::There => prop_assert_eq!(has(&table), Some(model.clone())),
                Fate::Kept(known) => prop_assert_eq!(has(&table), Some(known.clone())),
                Fate::Unfit(_) => prop_assert_eq!(has(&table), has(&before)),
            }
        }
        let rows = |name: &str| -> usize {
            let all = table.get("provider").and_then(toml::Value::as_array);
            let named = |row: &&toml::Value| row["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name));
            all.map_or(0, |rows| rows.iter().filter(named).count())
        };
        for (provider, fate) in additions.providers.iter().zip(&edited.providers) {
            // An unfit one may share its name with one that is there.
            let count = rows(&provider.name);
            prop_assert!(count == 1 || (count == 0 && matches!(fate, Fate::Unfit(_))), "{} rows: {:?}", count, fate);
        }
        // Once more changes nothing.
        let again = edit(&path, &additions).unwrap();
        prop_assert!(!again.aliases.iter().chain(&again.providers).any(|fate| *fate == Fate::Added));
    }
}

/// Every old line is still there, in the old order; only a table on one line grows.
fn kept(old: &str, new: &str) -> Result<(), TestCaseError> {
    let mut lines = new.trim_start_matches('\u{feff}').lines();
    // A byte order mark is no line of anybody's, and need not stay.
    for line in old.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty()) {
        let found = match line.strip_prefix("aliases = {") {
            Some(inside) => {
                let (values, comment) = inside.split_once('}').unwrap();
                lines.any(|new| new.contains(values.trim()) && new.ends_with(comment))
            }
            None => lines.any(|new| new == line),
        };
        prop_assert!(found, "{:?} is gone from {}", line, new);
    }
    Ok(())
}
