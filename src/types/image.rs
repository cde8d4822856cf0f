//! A picture that goes with a message.

use std::fmt;
use std::sync::Arc;

/// What kind of file a picture is: the four that every vendor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF; vendors look at its first frame.
    Gif,
    /// WebP.
    Webp,
}

impl ImageKind {
    /// Every kind with its media type (RFC 2046; WebP by RFC 9649).
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Png, "image/png"), (Self::Jpeg, "image/jpeg"), (Self::Gif, "image/gif"), (Self::Webp, "image/webp")];

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of that media type.
    pub fn from_media_type(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(kind, _)| *kind)
    }
}

/// A picture as it was read; clones share its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// The path it came from, for messages.
    pub name: String,
    /// What kind of file it is, by its bytes and not by its name.
    pub kind: ImageKind,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The file.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, width, height, bytes } = self;
        write!(f, "Image({name}, {}, {width}x{height}, {} bytes)", kind.media_type(), bytes.len())
    }
}
