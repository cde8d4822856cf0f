//! The pictures of `-i`: read, known by their bytes, measured.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use imagesize::ImageType;

use super::{Given, MAX_BYTES, Stdin, files, is_dash, read_stdin, too_long};
use crate::error::{Error, Kind, Result};
use crate::types::{Image, ImageKind};

/// The flag, for messages.
const FLAG: &str = "-i";

/// Whether a picture comes on stdin, which then holds no text.
pub fn takes_stdin(paths: &[PathBuf]) -> bool {
    paths.iter().any(|path| is_dash(path))
}

/// Fails (exit 2) where `-i -` and something else want stdin, or `--no-stdin` leaves it out.
pub fn check(paths: &[PathBuf], given: &Given<'_>) -> Result<()> {
    let dashes = paths.iter().filter(|path| is_dash(path)).count();
    let others = usize::from(given.words.last().is_some_and(|word| word == super::DASH))
        + given.files.iter().filter(|path| is_dash(path)).count();
    match (dashes, others, given.no_stdin) {
        (0, ..) => Ok(()),
        (1, 0, false) => Ok(()),
        (1, 0, true) => Err(super::left_out()),
        _ => Err(super::named_twice()),
    }
}

/// Reads the pictures that these paths and patterns name, in the order given; `-` is stdin.
///
/// Errors (exit 2) name what cannot be read, is no picture of the four kinds, is cut short, or is too large.
pub fn read<R>(paths: &[PathBuf], stdin: Stdin<R>, hint: impl FnOnce(&str)) -> Result<Vec<Image>>
where
    R: Read + Send + 'static,
{
    let paths = files::expand(FLAG, paths)?;
    let mut rest = Some((stdin, hint));
    let mut images = Vec::new();
    let mut sum = 0;
    for path in &paths {
        let (name, bytes) = match is_dash(path).then(|| rest.take()).flatten() {
            Some((stdin, hint)) => ("standard input".to_owned(), read_stdin(stdin, hint)?),
            None => (path.display().to_string(), files::bytes(FLAG, path)?),
        };
        sum += bytes.len();
        if sum > MAX_BYTES {
            return Err(too_long(&format!("what {FLAG} names, up to `{name}`,")));
        }
        images.push(image(name, bytes)?);
    }
    Ok(images)
}

/// The picture that these bytes are.
pub fn image(name: String, bytes: Vec<u8>) -> Result<Image> {
    let wrong = |what: &str| Error::new(Kind::Input, format!("`{name}` {what}"));
    if bytes.is_empty() {
        return Err(wrong("is empty"));
    }
    let Some(kind) = kind(&bytes) else {
        let error = wrong("is not a PNG, JPEG, GIF or WebP picture");
        return Err(match std::str::from_utf8(&bytes) {
            Ok(text) if !text.contains('\0') => error.hint("a text goes in with -f"),
            _ => error.hint("convert it, such as with: magick FILE picture.png"),
        });
    };
    let cut = || wrong("is cut short or damaged").hint(format!("its first bytes are those of a {}", kind.name()));
    let size = imagesize::blob_size(&bytes).map_err(|_| cut())?;
    let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height)) else { return Err(cut()) };
    if width == 0 || height == 0 || !is_whole(kind, &bytes) {
        return Err(cut());
    }
    Ok(Image { name, kind, width, height, bytes: Arc::from(bytes) })
}

/// What kind of picture these bytes begin like.
pub(super) fn kind(bytes: &[u8]) -> Option<ImageKind> {
    match imagesize::image_type(bytes).ok()? {
        ImageType::Png => Some(ImageKind::Png),
        ImageType::Jpeg => Some(ImageKind::Jpeg),
        ImageType::Gif => Some(ImageKind::Gif),
        ImageType::Webp => Some(ImageKind::Webp),
        _ => None,
    }
}

/// Whether a picture has its end: a download that broke off has not. What follows the end is nobody's matter.
fn is_whole(kind: ImageKind, bytes: &[u8]) -> bool {
    let has = |mark: &[u8]| bytes.windows(mark.len()).rev().any(|window| window == mark);
    match kind {
        ImageKind::Png => has(b"IEND"),
        ImageKind::Jpeg => has(&[0xff, 0xd9]),
        ImageKind::Gif => bytes.iter().rev().find(|byte| **byte != 0) == Some(&0x3b),
        ImageKind::Webp => match bytes.get(4..8).map(<[u8; 4]>::try_from) {
            // The length of all that follows it.
            Some(Ok(length)) => bytes.len() as u64 >= u64::from(u32::from_le_bytes(length)) + 8,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests;
