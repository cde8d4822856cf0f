//! The `llmr` that an example runs as processes of its own.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The one that was built beside this example, if it is not older than its sources.
pub fn built() -> Result<PathBuf, Box<dyn Error>> {
    let me = std::env::current_exe()?;
    let folder = me.parent().and_then(Path::parent).ok_or("this program lies in no folder")?;
    let program = folder.join(format!("llmr{}", std::env::consts::EXE_SUFFIX));
    let release = folder.ends_with("release");
    let build = format!("cargo build{}", if release { " --release" } else { "" });
    let built = std::fs::metadata(&program).and_then(|file| file.modified());
    let built = built.map_err(|_| format!("{} is not there; build it first: {build}", program.display()))?;
    match newest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))? > built {
        true => Err(format!("{} is older than its sources; build it first: {build}", program.display()).into()),
        false => Ok(program),
    }
}

/// When the newest file of a folder was written.
fn newest(folder: &Path) -> std::io::Result<SystemTime> {
    let mut latest = SystemTime::UNIX_EPOCH;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let written =
            if entry.file_type()?.is_dir() { newest(&entry.path())? } else { entry.metadata()?.modified()? };
        latest = latest.max(written);
    }
    Ok(latest)
}
