//! A picture that goes with a message, and what a model makes of one: plain data, decided upon elsewhere.

use std::fmt;
use std::sync::Arc;

use super::NanoUsd;

/// What kind of file a picture is: the four that most vendors take.
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

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
        }
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

impl Image {
    /// Its size on the wire, in bytes: base64 makes four of three.
    pub fn encoded_bytes(&self) -> u64 {
        (self.bytes.len() as u64).div_ceil(3).saturating_mul(4)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, width, height, bytes } = self;
        write!(f, "Image({name}, {}, {width}x{height}, {} bytes)", kind.media_type(), bytes.len())
    }
}

/// What a model makes of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Whether it can see; `None` for a model nobody knows.
    pub sees: Option<bool>,
    /// How its vendor counts the tokens of a picture.
    pub tokens: ImageTokens,
    /// What its provider refuses.
    pub limits: ImageLimits,
    /// The most that its provider may charge for a picture on top of its tokens.
    pub fee: NanoUsd,
}

impl Sight {
    /// Of a model nobody knows, at a provider without known limits.
    pub const UNKNOWN: Self =
        Self { sees: None, tokens: ImageTokens::Unknown, limits: ImageLimits::NONE, fee: NanoUsd::ZERO };
}

/// A vendor's rule for the tokens of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageTokens {
    /// A token for each square patch that covers the picture, times a factor.
    Patches {
        /// The side of a patch, in pixels.
        px: u32,
        /// The picture is scaled down to this longest side first, in pixels.
        side: u32,
        /// The most patches.
        most: u64,
        /// Whether a picture of more patches is scaled down to them; otherwise it is refused.
        scales: bool,
        /// Tokens for 100 patches.
        percent: u64,
    },
    /// OpenAI's older rule: some tokens for the picture and some for each tile of 512 px, of a picture scaled down to
    /// 2048 px and then to a shorter side of 768 px.
    Tiles {
        /// Tokens of the picture.
        base: u64,
        /// Tokens of each tile.
        each: u64,
    },
    /// Gemini's older rule: 258 tokens for each crop.
    Crops,
    /// The same whatever the size.
    Flat {
        /// Tokens that are to be expected.
        likely: u64,
        /// Tokens at most.
        most: u64,
    },
    /// A token for so many pixels, without an end.
    Area {
        /// Pixels of a token.
        px: u64,
    },
    /// Nobody knows.
    Unknown,
}

/// Which pictures a provider refuses; what is not documented is not limited here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    /// The kinds it takes.
    pub kinds: &'static [ImageKind],
    /// The largest picture, in bytes of base64.
    pub bytes: u64,
    /// All pictures of a request together, in bytes of base64.
    pub total_bytes: u64,
    /// The longest side, in pixels.
    pub side: u32,
    /// The largest picture, in pixels.
    pub pixels: u64,
    /// The most pictures in a request.
    pub count: usize,
    /// With more pictures than this in a request …
    pub crowd: usize,
    /// … this is the longest side of each, in pixels.
    pub crowd_side: u32,
}

impl ImageLimits {
    /// None is known.
    pub const NONE: Self = Self {
        kinds: &[ImageKind::Png, ImageKind::Jpeg, ImageKind::Gif, ImageKind::Webp],
        bytes: u64::MAX,
        total_bytes: u64::MAX,
        side: u32::MAX,
        pixels: u64::MAX,
        count: usize::MAX,
        crowd: usize::MAX,
        crowd_side: u32::MAX,
    };
}
