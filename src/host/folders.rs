//! Where llmr's files live: `LLMR_HOME`, else the XDG folders, else their defaults under the home folder.
//!
//! The same on every system: a macOS user finds the files where the documentation says they are.

use std::path::PathBuf;

use super::Host;
use crate::error::{Error, Kind, Result};

/// The variable of the home folder.
pub(super) const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The folders of this user's files; neither need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// `config.toml`, `.env`, the cache key, the list of trusted files.
    pub config: PathBuf,
    /// The database.
    pub data: PathBuf,
}

impl Host {
    /// The folders. An error when nothing says where they are.
    ///
    /// `LLMR_HOME` may be relative to the working folder; a relative XDG variable is ignored, as its
    /// specification asks.
    pub fn folders(&self) -> Result<Folders> {
        if let Some(home) = self.path_var("LLMR_HOME") {
            let home = self.cwd.join(home);
            return Ok(Folders { config: home.clone(), data: home });
        }
        Ok(Folders {
            config: self.xdg("XDG_CONFIG_HOME", ".config")?.join("llmr"),
            data: self.xdg("XDG_DATA_HOME", ".local/share")?.join("llmr"),
        })
    }

    fn xdg(&self, variable: &str, below_home: &str) -> Result<PathBuf> {
        let set = self.path_var(variable).filter(|path| path.is_absolute());
        set.or_else(|| self.home.as_ref().map(|home| home.join(below_home))).ok_or_else(|| {
            Error::new(Kind::Config, format!("no folder for llmr's files: {HOME} is not set to an absolute path"))
                .hint("set LLMR_HOME to a folder of your own")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_the_first_variable_that_says() {
        type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);
        let cases: &[Case] = &[
            (&[("HOME", "/u")], "/u/.config/llmr", "/u/.local/share/llmr"),
            (&[("HOME", "/u"), ("XDG_CONFIG_HOME", "/c")], "/c/llmr", "/u/.local/share/llmr"),
            (&[("HOME", "/u"), ("XDG_DATA_HOME", "/d")], "/u/.config/llmr", "/d/llmr"),
            (&[("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d")], "/c/llmr", "/d/llmr"),
            (
                &[("HOME", "/u"), ("XDG_CONFIG_HOME", "c"), ("XDG_DATA_HOME", "")],
                "/u/.config/llmr",
                "/u/.local/share/llmr",
            ),
            (&[("LLMR_HOME", "/l"), ("XDG_CONFIG_HOME", "/c"), ("HOME", "/u")], "/l", "/l"),
            (&[("LLMR_HOME", "rel")], "/w/rel", "/w/rel"),
            (&[("LLMR_HOME", ""), ("HOME", "/u")], "/u/.config/llmr", "/u/.local/share/llmr"),
        ];
        for (env, config, data) in cases {
            let folders = Host::from_env(env.iter().copied(), "/w").folders().unwrap();
            assert_eq!(folders, Folders { config: config.into(), data: data.into() }, "{env:?}");
        }
    }

    #[test]
    fn without_a_home_the_error_says_what_to_set() {
        for env in [vec![], vec![("HOME", "")], vec![("HOME", "rel")], vec![("XDG_CONFIG_HOME", "/c")]] {
            let error = Host::from_env(env, "/w").folders().unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.message.contains("HOME is not set"), "{error}");
            assert!(error.hints[0].contains("LLMR_HOME"));
        }
    }
}
