//! What pictures cost a prompt in tokens, by each vendor's own rule, and who would refuse them.
//!
//! The rules are data of the candidates ([`ImageTokens`]); here is the arithmetic. It is in whole numbers and rounds
//! up wherever a vendor rounds to the nearest or down, so that a count is never below the vendor's own.

use crate::types::{Candidate, Image, ImageLimits, ImageTokens};

/// Tokens of some pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageCount {
    /// To be expected.
    pub likely: u64,
    /// At most.
    pub most: u64,
}

/// What a template may put around a picture (begin, end, separators), in tokens: two are usual; taken eightfold.
const PER_IMAGE: u64 = 16;

/// OpenAI's tiles: the picture is fitted into a square of this side …
const TILE_FIT: u64 = 2048;
/// … then its shorter side is made no longer than this …
const TILE_SHORT: u64 = 768;
/// … and tiles of this side are counted, all in pixels.
const TILE: u64 = 512;

/// Gemini's crops: a picture of at most this side is one of them …
const CROP_WHOLE: u32 = 384;
/// … a crop's side is two thirds of the shorter side, but within these; all in pixels.
const CROP_SIDES: (u64, u64) = (256, 768);
/// Tokens of a crop.
const CROP_TOKENS: u64 = 258;

/// Where the rule is not known: a patch of so many pixels a side is a token, as for Qwen, GLM and Kimi …
const UNKNOWN_PATCH: u64 = 28;
/// … but a picture may be worth this much, as for Llama 3.2 (four tiles of 1601 tokens), the dearest of the open ones.
const UNKNOWN_MOST: u64 = 6404;

/// Tokens of one picture of that size in pixels.
pub fn count(rule: ImageTokens, width: u32, height: u32) -> ImageCount {
    let (w, h) = (u64::from(width), u64::from(height));
    let (likely, most) = match rule {
        ImageTokens::Patches { px, side, most, percent, .. } => {
            let n = patches(width, height, px, side).min(most);
            same((u128::from(n) * u128::from(percent)).div_ceil(100).try_into().unwrap_or(u64::MAX))
        }
        ImageTokens::Tiles { base, each } => same(base.saturating_add(each.saturating_mul(tiles(width, height)))),
        ImageTokens::Crops => same(CROP_TOKENS.saturating_mul(crops(width, height))),
        ImageTokens::Flat { likely, most } => (likely, most),
        ImageTokens::Area { px } => same(w.saturating_mul(h).div_ceil(px.max(1))),
        ImageTokens::Unknown => {
            let n = w.div_ceil(UNKNOWN_PATCH).saturating_mul(h.div_ceil(UNKNOWN_PATCH));
            (n.min(UNKNOWN_MOST), n.max(UNKNOWN_MOST))
        }
    };
    ImageCount { likely, most: most.max(likely).saturating_add(PER_IMAGE) }
}

/// Tokens of all these pictures for a candidate.
pub fn count_all(candidate: &Candidate, images: &[Image]) -> ImageCount {
    images.iter().map(|image| count(candidate.sight.tokens, image.width, image.height)).fold(
        ImageCount::default(),
        |sum, one| ImageCount {
            likely: sum.likely.saturating_add(one.likely),
            most: sum.most.saturating_add(one.most),
        },
    )
}

const fn same(tokens: u64) -> (u64, u64) {
    (tokens, tokens)
}

/// Patches that cover a picture whose longer side is at most `side`.
fn patches(width: u32, height: u32, px: u32, side: u32) -> u64 {
    let (w, h) = fitted(width, height, side);
    let px = u64::from(px.max(1));
    w.div_ceil(px).saturating_mul(h.div_ceil(px))
}

/// The size of a picture once its longer side is at most `side`; never enlarged, rounded up.
fn fitted(width: u32, height: u32, side: u32) -> (u64, u64) {
    let (w, h, side) = (u64::from(width), u64::from(height), u64::from(side));
    let long = w.max(h);
    let scale = |length: u64| if long > side { (length * side).div_ceil(long) } else { length };
    (scale(w), scale(h))
}

fn tiles(width: u32, height: u32) -> u64 {
    let (short, long) = (u64::from(width.min(height)), u64::from(width.max(height)).max(1));
    let fit = long.min(TILE_FIT);
    // Whoever rounds the shorter side down on the way makes the longer one longer.
    let rounded_down = short * fit / long;
    let (short, long) = match rounded_down >= TILE_SHORT {
        true => (TILE_SHORT, (fit * TILE_SHORT).div_ceil(rounded_down)),
        false => ((short * fit).div_ceil(long), fit),
    };
    short.div_ceil(TILE).max(1) * long.div_ceil(TILE)
}

fn crops(width: u32, height: u32) -> u64 {
    if width <= CROP_WHOLE && height <= CROP_WHOLE {
        return 1;
    }
    let (w, h) = (u64::from(width), u64::from(height));
    let (least, most) = CROP_SIDES;
    let side = (w.min(h) * 2 / 3).clamp(least, most);
    w.div_ceil(side).saturating_mul(h.div_ceil(side))
}

/// Why a candidate would refuse these pictures, if it would: the first of them at fault is named.
pub fn refusal(candidate: &Candidate, images: &[Image]) -> Option<String> {
    let limits = &candidate.sight.limits;
    if images.len() > limits.count {
        return Some(format!("it takes at most {} pictures, these are {}", limits.count, images.len()));
    }
    let total = images.iter().map(Image::encoded_bytes).fold(0, u64::saturating_add);
    let side = if images.len() > limits.crowd { limits.crowd_side.min(limits.side) } else { limits.side };
    images
        .iter()
        .find_map(|image| refusal_of(image, limits, side).or_else(|| too_many_patches(candidate, image)))
        .or_else(|| {
            let most = limits.total_bytes;
            (total > most)
                .then(|| format!("it takes at most {} of pictures, these are {}", megabytes(most), megabytes(total)))
        })
}

fn refusal_of(image: &Image, limits: &ImageLimits, side: u32) -> Option<String> {
    let Image { name, kind, width, height, .. } = image;
    let pixels = u64::from(*width) * u64::from(*height);
    let bytes = image.encoded_bytes();
    if !limits.kinds.contains(kind) {
        return Some(format!("it takes no {}: `{name}`", kind.name()));
    }
    if bytes > limits.bytes {
        let (most, has) = (megabytes(limits.bytes), megabytes(bytes));
        return Some(format!("it takes no picture above {most} of base64: `{name}` has {has}"));
    }
    if (*width).max(*height) > side {
        return Some(format!("it takes no picture above {side} px a side: `{name}` has {width} x {height}"));
    }
    if pixels > limits.pixels {
        let most = limits.pixels / 1_000_000;
        return Some(format!("it takes no picture above {most} megapixels: `{name}` has {width} x {height}"));
    }
    None
}

fn too_many_patches(candidate: &Candidate, image: &Image) -> Option<String> {
    let ImageTokens::Patches { px, side, most, scales: false, .. } = candidate.sight.tokens else { return None };
    let (name, width, height) = (&image.name, image.width, image.height);
    (patches(width, height, px, side) > most)
        .then(|| format!("it takes no picture above {most} patches of {px} px: `{name}` has {width} x {height} px"))
}

/// In units of 1,000,000 bytes with one decimal, rounded up: no limit shall look as if it were met.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    match tenths % 10 {
        0 => format!("{} MB", tenths / 10),
        rest => format!("{}.{rest} MB", tenths / 10),
    }
}

#[cfg(test)]
mod tests;
