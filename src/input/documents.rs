//! Documents and a question about them, each by itself: nothing is composed of them.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{DASH, Stdin, files, is_dash, named_twice, read_stdin, text_of};
use crate::error::{Error, Kind, Result};

/// A question is a few sentences; ranking takes time for each of its words. So long a text is a document.
const MAX_QUESTION: usize = 16 * 1024;

/// What the command line says about documents and their question.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The words of the question.
    pub words: &'a [String],
    /// The file that has the question instead; `-` means stdin.
    pub query_file: Option<&'a Path>,
    /// The paths and patterns of `-f`; `-` means stdin.
    pub files: &'a [PathBuf],
}

/// The documents, each with its name, in the order given, and the question.
///
/// Stdin is read only where `-` names it; `hint` is as for [`super::read`]. Errors (exit 2) name the file or the flag.
pub fn documents<R>(
    asked: &Asked<'_>,
    stdin: Stdin<R>,
    hint: impl FnOnce(&str),
) -> Result<(Vec<(String, String)>, String)>
where
    R: Read + Send + 'static,
{
    let query_dash = asked.query_file.is_some_and(is_dash);
    let dashes = asked.files.iter().filter(|path| is_dash(path)).count() + usize::from(query_dash);
    if dashes > 1 {
        return Err(named_twice());
    }
    // A wrong question is told before large files are read.
    let question = match asked.query_file {
        Some(_) if query_dash => None,
        Some(path) => Some(question(from_file(path)?)?),
        None if asked.words.is_empty() => return Err(no_question()),
        None => Some(question(asked.words.join(" "))?),
    };
    let paths = files::expand("-f", asked.files)?;
    let mut documents = files::read(&paths)?;
    let piped = if dashes > 0 { text_of(read_stdin(stdin, hint)?, "standard input")? } else { String::new() };
    match question {
        Some(question) => {
            if let Some(at) = paths.iter().position(|path| is_dash(path)) {
                documents.insert(at, (DASH.to_owned(), piped));
            }
            Ok((documents, question))
        }
        None => Ok((documents, self::question(piped)?)),
    }
}

fn from_file(path: &Path) -> Result<String> {
    text_of(files::bytes("--query-file", path)?, &format!("`{}`", path.display()))
}

/// A question that can be looked for.
fn question(text: String) -> Result<String> {
    if text.trim().is_empty() {
        let hint = "if it comes from a variable or a command, that one is empty";
        return Err(Error::new(Kind::Input, "the question is empty").hint(hint));
    }
    if text.len() > MAX_QUESTION {
        let message = format!("the question is longer than {} KiB", MAX_QUESTION / 1024);
        return Err(
            Error::new(Kind::Input, message).hint("-f names what is looked through; the question is a few sentences")
        );
    }
    Ok(text)
}

fn no_question() -> Error {
    Error::new(Kind::Usage, "there is no question")
        .hint("say llmr select -f FILE --budget 4000 \"…\", or name a file that has it: --query-file FILE")
}
