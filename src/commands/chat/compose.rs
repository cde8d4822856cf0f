//! A prompt written in the user's own editor.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Kind, Result};
use crate::host::Host;

/// A prompt longer than this was not written by hand.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The user's editor, as its variables name it: a command line.
pub fn editor(host: &Host) -> Result<String> {
    let set = |name: &str| host.env.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).map(str::to_owned).ok_or_else(|| {
        Error::new(Kind::Usage, "no editor is set").hint("set VISUAL or EDITOR, such as: export EDITOR=nano")
    })
}

/// Lets the user go on with a text in the editor; what was saved, without line breaks at its end.
///
/// The text lies in `folder`, which is the user's alone, and is removed after. Fails when the editor cannot be started
/// or says that it failed: then nothing is to be sent.
pub fn edit(editor: &str, text: &str, folder: &Path) -> Result<String> {
    let path = folder.join(format!("prompt-{}.md", std::process::id()));
    let _gone = Gone(&path);
    let failed = |why: std::io::Error| Error::new(Kind::Other, format!("{} cannot be used: {why}", path.display()));
    write(&path, text).map_err(failed)?;
    run(editor, &path)?;
    let mut edited = String::new();
    File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut edited)).map_err(failed)?;
    Ok(edited.trim_end_matches(['\n', '\r']).to_owned())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    if text.is_empty() { Ok(()) } else { file.write_all(b"\n") }
}

/// Through the shell, as git does it: the variable may hold arguments and quotes.
fn run(editor: &str, path: &Path) -> Result<()> {
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$@\"")).arg(editor).arg(path).status();
    let status =
        status.map_err(|why| Error::new(Kind::Other, format!("the editor `{editor}` cannot be started: {why}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::new(Kind::Other, format!("the editor `{editor}` ended with {status}; nothing was sent"))
            .hint("VISUAL and EDITOR name the editor")),
    }
}

/// The file is removed, whatever came of it.
struct Gone<'p>(&'p PathBuf);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        // It holds a prompt of the user's own, in a folder of their own: one that stays is no danger.
        _ = std::fs::remove_file(self.0);
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
        let text = edit("f() { printf 'two\\n\\n' >> \"$1\"; }; f", "one", folder.path()).unwrap();
        assert_eq!((text.as_str(), left()), ("one\ntwo", 0));
        let modes = folder.path().join("modes");
        edit(&format!("stat -c %a >{}", modes.display()), "", folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&modes).unwrap().trim(), "600");
        std::fs::remove_file(&modes).unwrap();
        assert!(edit("false", "x", folder.path()).unwrap_err().message.contains("nothing was sent"));
        assert!(edit("/nowhere/ed", "x", folder.path()).is_err());
        assert_eq!(left(), 0);
    }
}
