//! A prompt written in the user's own editor.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Kind, Result};
use crate::host::{self, Host};

/// A prompt longer than this was not written by hand.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The user's editor, as its variables name it: a command line.
pub fn editor(host: &Host) -> Result<String> {
    let set = |name: &str| host.env.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).map(str::to_owned).ok_or_else(|| {
        Error::new(Kind::Usage, "no editor is set").hint("set VISUAL or EDITOR, such as: export EDITOR=nano")
    })
}

/// How the folders of texts that are being written are called, with random digits behind.
const DRAFT: &str = "draft-";

/// Lets the user go on with a text in the editor; what was saved, without line breaks at its end.
///
/// The text lies in a folder of its own in `folder`, for the user alone, and is removed after with whatever the editor
/// left beside it. The editor does not see the variables in `hidden`. Fails when it cannot be started or says that it
/// failed: then nothing is to be sent.
pub fn edit(editor: &str, text: &str, folder: &Path, hidden: &[String]) -> Result<String> {
    let own = folder.join(format!("{DRAFT}{:016x}", host::random_u64()?));
    let path = own.join("prompt.md");
    let failed = |why: io::Error| Error::new(Kind::Other, format!("{} cannot be used: {why}", path.display()));
    make(&own).map_err(failed)?;
    let _gone = Gone(&own);
    write(&path, text).map_err(failed)?;
    run(editor, &path, hidden)?;
    let mut edited = String::new();
    File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut edited)).map_err(failed)?;
    Ok(edited.trim_end_matches(['\n', '\r']).to_owned())
}

/// Removes what an editor, or a process that was killed meanwhile, has left there; whether there was anything.
pub fn remove_drafts(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    let mut any = false;
    for entry in entries {
        let entry = entry?;
        if is_draft(&entry.file_name().to_string_lossy()) && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
            any = true;
        }
    }
    Ok(any)
}

/// Whether a folder is called like one of ours: nothing else of the user's is to be removed.
fn is_draft(name: &str) -> bool {
    name.strip_prefix(DRAFT).is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    if text.is_empty() { Ok(()) } else { file.write_all(b"\n") }
}

/// Through the shell, as git does it: the variable may hold arguments and quotes.
fn run(editor: &str, path: &Path, hidden: &[String]) -> Result<()> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(editor).arg(path);
    for name in hidden {
        command.env_remove(name);
    }
    let status = command.status();
    let status =
        status.map_err(|why| Error::new(Kind::Other, format!("the editor `{editor}` cannot be started: {why}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::new(Kind::Other, format!("the editor `{editor}` ended with {status}; nothing was sent"))
            .hint("VISUAL and EDITOR name the editor")),
    }
}

/// The folder is removed, whatever came of it.
struct Gone<'p>(&'p PathBuf);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        // It holds a prompt of the user's own, for the user alone: one that stays goes with `llmr forget --all`.
        _ = fs::remove_dir_all(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visual_goes_before_editor_and_one_of_them_must_be_set() {
        let host = |env: &[(&str, &str)]| Host::from_env(env.iter().copied(), "/");
        assert_eq!(editor(&host(&[("VISUAL", "code --wait"), ("EDITOR", "vi")])).unwrap(), "code --wait");
        assert_eq!(editor(&host(&[("VISUAL", " "), ("EDITOR", "vi")])).unwrap(), "vi");
        assert!(editor(&host(&[])).unwrap_err().hints[0].contains("EDITOR"));
    }

    #[cfg(unix)]
    #[test]
    fn what_the_editor_saves_is_the_text_and_nothing_stays_behind() {
        let folder = tempfile::tempdir().unwrap();
        let left = || std::fs::read_dir(folder.path()).unwrap().count();
        let text = edit("f() { printf 'two\\n\\n' >> \"$1\"; }; f", "one", folder.path(), &[]).unwrap();
        assert_eq!((text.as_str(), left()), ("one\ntwo", 0));
        let modes = folder.path().join("modes");
        edit(&format!("stat -c %a >{}", modes.display()), "", folder.path(), &[]).unwrap();
        assert_eq!(std::fs::read_to_string(&modes).unwrap().trim(), "600");
        std::fs::remove_file(&modes).unwrap();
        assert!(edit("false", "x", folder.path(), &[]).unwrap_err().message.contains("nothing was sent"));
        assert!(edit("/nowhere/ed", "x", folder.path(), &[]).is_err());
        assert_eq!(left(), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["draft-0123456789abcdef", "draft-notes", "draft-0123456789abcdeg", "other"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("draft-0123456789abcdef/prompt.md"), "x").unwrap();
        std::fs::write(folder.path().join("draft-0123456789abcdee"), "a file").unwrap();
        assert!(remove_drafts(folder.path()).unwrap());
        assert!(!folder.path().join("draft-0123456789abcdef").exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
        assert!(!remove_drafts(folder.path()).unwrap() && !remove_drafts(Path::new("/nowhere")).unwrap());
    }
}
