//! What the slash commands do.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::complete::expand;
use super::compose;
use super::editor::Editor;
use super::said;
use super::session::{Attached, Goes, Session, readable};
use super::slash::{self, Verb};
use crate::commands::rate;
use crate::conversation::{self, Opening, Pinned, Talk, Which};
use crate::error::{Error, Kind, Result};
use crate::host;
use crate::router;
use crate::types::{CandidateId, Message, Role};

/// What takes a pin away.
const ANY: [&str; 2] = ["any", "-"];
/// What takes attached things or the system prompt away.
const NOTHING: &str = "-";
/// What makes `/save` replace a file.
const FORCE: &str = "--force";

impl Session<'_> {
    /// Does what a command says.
    pub fn command(&mut self, verb: Verb, argument: &str, editor: &mut Editor) -> Result<Goes> {
        match verb {
            Verb::Exit => return Ok(Goes::Out),
            Verb::Help => self.tell(&slash::help()),
            Verb::Model => self.model(argument)?,
            Verb::Provider => self.provider(argument)?,
            Verb::System => self.system(argument)?,
            Verb::File => self.file(argument)?,
            Verb::Image => self.image(argument)?,
            Verb::Retry => self.retry(argument)?,
            Verb::Edit => self.edit(argument, editor)?,
            Verb::Good => self.rate(true)?,
            Verb::Bad => self.rate(false)?,
            Verb::Cost => self.tell(&said::costs(&self.talk.turns, self.spent(), &self.voice.terminal)),
            Verb::Budget => self.tell(&said::day(&self.router.day()?)),
            Verb::Save => self.save(argument)?,
            Verb::Session => self.session(argument)?,
            Verb::Clear => self.clear()?,
        }
        Ok(Goes::On)
    }

    /// Says what was asked for, line by line.
    fn tell(&mut self, text: &str) {
        for line in text.lines() {
            self.messages.plain(line);
        }
    }

    fn model(&mut self, argument: &str) -> Result<()> {
        let pinned = match argument {
            "" => self.pinned(),
            name if ANY.contains(&name) => Pinned { model: None, ..self.pinned() },
            name => {
                let pinned = Pinned { model: Some(name.to_owned()), ..self.pinned() };
                match self.is_elsewhere(&pinned) {
                    true => Pinned { providers: Vec::new(), ..pinned },
                    false => pinned,
                }
            }
        };
        self.pin(pinned)
    }

    /// Whether the model is known, but not at any of the providers: together they would ask for something that is
    /// not there.
    fn is_elsewhere(&self, pinned: &Pinned) -> bool {
        let anywhere = self.selection(&Pinned { providers: Vec::new(), ..pinned.clone() });
        let known = router::select(self.router.config, &anywhere, self.router.host.now().day());
        let among = |id: &CandidateId| pinned.providers.is_empty() || pinned.providers.contains(&id.provider);
        pinned.model.is_some()
            && known.is_ok_and(|known| !known.targets.iter().any(|target| among(&target.candidate.id)))
    }

    fn provider(&mut self, argument: &str) -> Result<()> {
        let names: Vec<String> =
            argument.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let pinned = match names.first() {
            None => self.pinned(),
            Some(name) if ANY.contains(&name.as_str()) => Pinned { providers: Vec::new(), ..self.pinned() },
            Some(_) => Pinned { providers: names, ..self.pinned() },
        };
        let pinned = match self.is_elsewhere(&pinned) {
            true => Pinned { model: None, ..pinned },
            false => pinned,
        };
        self.pin(pinned)
    }

    /// Pins this, if somebody would answer with it, and says who.
    fn pin(&mut self, pinned: Pinned) -> Result<()> {
        let selected = router::select(self.router.config, &self.selection(&pinned), self.router.host.now().day())?;
        let before = self.pinned();
        if pinned != before {
            self.talk.pin(&self.router.store, &pinned)?;
        }
        let model = before.model.filter(|_| pinned.model.is_none());
        let providers = if pinned.providers.is_empty() { before.providers } else { Vec::new() };
        for name in model.into_iter().chain(providers) {
            self.messages.aside(&format!("{name} is not pinned any more"));
        }
        let warnings = selected.warnings.iter().chain(selected.targets.iter().filter_map(|t| t.warning.as_ref()));
        warnings.for_each(|warning| self.messages.warning(warning));
        self.tell(&said::who(&selected, pinned.model.as_deref()));
        Ok(())
    }

    fn system(&mut self, argument: &str) -> Result<()> {
        let system = match argument {
            "" => {
                let system = self.talk.conversation.system.clone();
                self.tell(system.as_deref().unwrap_or("there is no system prompt"));
                return Ok(());
            }
            NOTHING => None,
            text => Some(text.to_owned()),
        };
        let said = if system.is_some() {
            "the system prompt holds from the next turn on"
        } else {
            "no system prompt any more"
        };
        self.talk.pin(&self.router.store, &Pinned { system, ..self.pinned() })?;
        self.messages.aside(said);
        Ok(())
    }

    fn file(&mut self, argument: &str) -> Result<()> {
        match argument {
            "" => {}
            NOTHING => self.attached.files.clear(),
            path => {
                let files = vec![self.path(path)];
                readable(&Attached { files: files.clone(), ..Attached::default() })?;
                self.attached.files.extend(files);
            }
        }
        self.tell_attached();
        Ok(())
    }

    fn image(&mut self, argument: &str) -> Result<()> {
        match argument {
            "" => {}
            NOTHING => self.attached.images.clear(),
            path => {
                let images = vec![self.path(path)];
                readable(&Attached { images: images.clone(), ..Attached::default() })?;
                self.attached.images.extend(images);
            }
        }
        self.tell_attached();
        Ok(())
    }

    fn tell_attached(&mut self) {
        let all = self.attached.files.iter().chain(&self.attached.images);
        let names = all.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        self.tell(&if names.is_empty() {
            "nothing goes with the next prompt".to_owned()
        } else {
            format!("with the next prompt: {names}")
        });
    }

    /// A path as a shell would have it.
    fn path(&self, typed: &str) -> PathBuf {
        let home = self.router.host.home.as_ref().and_then(|home| home.to_str());
        PathBuf::from(expand(typed, home))
    }

    /// Asks the last prompt again: a turn that brought nothing, else the last one, which is taken back. The model is
    /// for this once.
    fn retry(&mut self, model: &str) -> Result<()> {
        let before = self.pinned();
        if !model.is_empty() {
            let once = Pinned { model: Some(model.to_owned()), ..before.clone() };
            router::select(self.router.config, &self.selection(&once), self.router.host.now().day())?;
        }
        let message = match self.unanswered.take() {
            Some(message) => message,
            None => self.taken_back()?,
        };
        if model.is_empty() {
            return self.ask(message, true);
        }
        self.talk.conversation.model = Some(model.to_owned());
        let asked = self.ask(message, true);
        self.talk.pin(&self.router.store, &before)?;
        asked
    }

    fn rate(&mut self, good: bool) -> Result<()> {
        let answered = self.talk.turns.iter().rev().find(|turn| turn.answer.is_some());
        let last = answered.ok_or_else(|| Error::new(Kind::Usage, "nothing was answered yet"))?.request;
        let rated = rate::rate(&self.router.store, last, good, self.router.host.now())?;
        self.tell(&rate::text(&rated));
        Ok(())
    }

    fn taken_back(&mut self) -> Result<Message> {
        let turn = self.talk.drop_last(&self.router.store)?;
        let turn = turn.ok_or_else(|| Error::new(Kind::Usage, "there is nothing yet that could be asked again"))?;
        Ok(Message { role: Role::User, text: turn.prompt, images: turn.images })
    }

    /// Has a text written in the user's editor and asks it: from what is given, else from the last prompt.
    pub fn edit(&mut self, text: &str, editor: &mut Editor) -> Result<()> {
        let command = compose::editor(self.router.host)?;
        let last = || self.talk.turns.iter().rev().find(|turn| !turn.dropped).map(|turn| turn.prompt.clone());
        let unanswered = self.unanswered.as_ref().map(|message| message.text.clone());
        let begun = if text.is_empty() { unanswered.or_else(last).unwrap_or_default() } else { text.to_owned() };
        let config = self.router.config;
        let edited = compose::edit(&command, &begun, &config.paths.data_dir, &config.secret_variables())?;
        if edited.trim().is_empty() || (text.is_empty() && edited == begun) {
            self.messages.aside("nothing was changed, nothing is sent");
            return Ok(());
        }
        self.remember(&edited, editor);
        self.tell(&edited);
        self.ask_typed(&edited)
    }

    fn save(&mut self, argument: &str) -> Result<()> {
        let (force, name) = match argument.strip_prefix(FORCE) {
            Some(rest) if rest.starts_with(' ') => (true, rest.trim()),
            _ => (false, argument),
        };
        if name.is_empty() {
            return Err(
                Error::new(Kind::Usage, "/save needs a name, or a file to write to").hint("/save trip, /save trip.md")
            );
        }
        if !is_file(name) {
            self.talk.rename(&self.router.store, name)?;
            self.tell(&format!("named {name}: `llmr chat --session {name}` goes on with it"));
            return Ok(());
        }
        let path = self.path(name);
        write(&path, &conversation::markdown(&self.talk), force)?;
        self.tell(&format!("written to {}", path.display()));
        Ok(())
    }

    fn session(&mut self, name: &str) -> Result<()> {
        if !name.is_empty() {
            let now = self.router.host.now();
            let store = &self.router.store;
            let known = Talk::open(store, &Which::Known(name.to_owned()), &Opening::default(), now);
            self.talk = match known {
                Ok(talk) => talk,
                Err(_) => Talk::open(store, &Which::Named(name.to_owned()), &Opening::with(self.pinned()), now)?,
            };
            self.unanswered = None;
        }
        self.tell(&said::conversation(&self.talk.conversation, &self.talk.turns, self.spent()));
        if let Some(recalled) = said::recalled(&self.talk.turns).filter(|_| !name.is_empty()) {
            self.messages.aside(&recalled);
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        let left = (!self.talk.turns.is_empty())
            .then(|| said::conversation(&self.talk.conversation, &self.talk.turns, self.spent()));
        let opening = Opening::with(self.pinned());
        self.talk = Talk::open(&self.router.store, &Which::New(None), &opening, self.router.host.now())?;
        self.unanswered = None;
        self.messages.aside(&match left {
            Some(left) => format!("a new conversation; kept: {left}"),
            None => said::conversation(&self.talk.conversation, &[], None),
        });
        Ok(())
    }
}

/// Whether `/save` means a file: a path, or a name that ends like a text's.
fn is_file(name: &str) -> bool {
    let endings = [".md", ".markdown", ".txt"];
    name.contains('/') || name.starts_with('~') || endings.iter().any(|ending| name.ends_with(ending))
}

/// Writes a conversation's text, for the user alone. What is replaced is replaced in one step; a link of that name is
/// not followed: in somebody else's folder it may lead anywhere.
fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    let wrote = match force {
        true => replace(path, text)?,
        false => write_new(path, text),
    };
    wrote.map_err(|why| match why.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(Kind::Input, format!("`{}` is there already", path.display()))
            .hint(format!("to replace it: /save {FORCE} {}", path.display())),
        _ => Error::new(Kind::Input, format!("cannot write `{}`: {why}", path.display())),
    })
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
        // Half a conversation (the disk is full) would stand for a whole one, and keep the next try from writing it.
        _ = fs::remove_file(path);
    })
}

fn replace(path: &Path, text: &str) -> Result<io::Result<()>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{:016x}", host::random_u64()?));
    let wrote = write_new(&beside, text).and_then(|()| fs::rename(&beside, path));
    if wrote.is_err() {
        // What could not be moved is of no use; that it stays would be no worse than the error that is told.
        _ = fs::remove_file(&beside);
    }
    Ok(wrote)
}
