//! Each vendor's examples, and every size against each vendor's own arithmetic.

use super::*;
use crate::engine::score::tests::known;
use crate::types::{ImageKind, Sight};

const GPT_4O: ImageTokens = ImageTokens::Tiles { base: 85, each: 170 };
const GPT_5_4: ImageTokens = ImageTokens::Patches { px: 32, side: 2048, most: 2500, scales: true, percent: 120 };
const GPT_6: ImageTokens = ImageTokens::Patches { px: 32, side: 65_535, most: 30_000, scales: false, percent: 120 };
const CLAUDE: ImageTokens = ImageTokens::Patches { px: 28, side: 2576, most: 4784, scales: true, percent: 100 };
const OLD_CLAUDE: ImageTokens = ImageTokens::Patches { px: 28, side: 1568, most: 1568, scales: true, percent: 100 };

#[test]
fn the_vendors_examples_come_out() {
    for (rule, width, height, tokens) in [
        // OpenAI, "Calculating costs".
        (GPT_4O, 1024, 1024, 85 + 4 * 170),
        (GPT_4O, 2048, 4096, 85 + 6 * 170),
        (GPT_4O, 512, 512, 85 + 170),
        (GPT_4O, 1, 1, 85 + 170),
        (GPT_5_4, 1024, 1024, 1229),
        (GPT_5_4, 2048, 2048, 3000),
        (GPT_6, 2048, 2048, 4916),
        // Longer than its side allows: fitted to 2048 x 128 first, 64 x 4 patches.
        (GPT_5_4, 4096, 256, 308),
        // Anthropic, "Resolution and token cost".
        (CLAUDE, 200, 200, 64),
        (CLAUDE, 1000, 1000, 1296),
        (CLAUDE, 1092, 1092, 1521),
        (CLAUDE, 1920, 1080, 2691),
        (CLAUDE, 3840, 2160, 4784),
        (OLD_CLAUDE, 3840, 2160, 1568),
        // Google, "Image understanding": 960 x 540 is six crops.
        (ImageTokens::Crops, 384, 384, 258),
        (ImageTokens::Crops, 385, 384, 258 * 4),
        (ImageTokens::Crops, 960, 540, 258 * 6),
        (ImageTokens::Crops, 3072, 3072, 258 * 16),
        (ImageTokens::Flat { likely: 1120, most: 1120 }, 10, 10_000, 1120),
        (ImageTokens::Area { px: 750 }, 1000, 750, 1000),
        (ImageTokens::Unknown, 280, 280, 100),
    ] {
        assert_eq!(count(rule, width, height).likely, tokens, "{rule:?} {width}x{height}");
    }
}

/// OpenAI's words about tiles, in floating point, with either rounding where it says none.
fn tiles_as_told(width: f64, height: f64, round: fn(f64) -> f64) -> f64 {
    let fit = (2048.0 / width.max(height)).min(1.0);
    let (w, h) = (round(width * fit).clamp(1.0, 2048.0), round(height * fit).clamp(1.0, 2048.0));
    let shrink = (768.0 / w.min(h)).min(1.0);
    let (w, h) = ((w * shrink).floor(), (h * shrink).floor());
    (w / 512.0).ceil().max(1.0) * (h / 512.0).ceil().max(1.0)
}

/// OpenAI's words about patches: fitted, and scaled down where there are more than the budget.
fn patches_as_told(width: f64, height: f64, px: f64, side: f64, budget: f64, round: fn(f64) -> f64) -> f64 {
    let fit = (side / width.max(height)).min(1.0);
    let fitted = |length: f64| round(length * fit).clamp(1.0, side);
    let (w, h) = (fitted(width), fitted(height));
    let cover = |w: f64, h: f64| (w / px).ceil() * (h / px).ceil();
    if cover(w, h) <= budget {
        return cover(w, h);
    }
    let shrink = (px * px * budget / (w * h)).sqrt();
    let part = |length: f64| (length * shrink / px).floor() / (length * shrink / px);
    let shrink = shrink * part(w).min(part(h));
    cover((w * shrink).floor().max(1.0), (h * shrink).floor().max(1.0)).min(budget)
}

#[test]
fn no_size_counts_less_than_the_vendor_says() {
    let sizes: Vec<u32> =
        (1..80).chain((80..9000).step_by(37)).chain([511, 512, 513, 767, 768, 769, 1024, 2048, 2049]).collect();
    for (i, &width) in sizes.iter().enumerate() {
        // Every width meets a third of all heights.
        for &height in sizes.iter().skip(i % 3).step_by(3) {
            let (w, h) = (f64::from(width), f64::from(height));
            for round in [f64::floor, f64::round, f64::ceil] {
                let told = 85.0 + 170.0 * tiles_as_told(w, h, round);
                check(GPT_4O, width, height, told);
                check(GPT_5_4, width, height, (1.2 * patches_as_told(w, h, 32.0, 2048.0, 2500.0, round)).ceil());
                check(CLAUDE, width, height, patches_as_told(w, h, 28.0, 2576.0, 4784.0, round));
                check(OLD_CLAUDE, width, height, patches_as_told(w, h, 28.0, 1568.0, 1568.0, round));
            }
        }
    }
}

fn check(rule: ImageTokens, width: u32, height: u32, told: f64) {
    let counted = count(rule, width, height);
    #[allow(clippy::cast_precision_loss)]
    let most = counted.most as f64;
    assert!(told <= most, "{rule:?} {width}x{height}: {told} told, {counted:?}");
    assert!(counted.likely <= counted.most);
}

#[test]
fn no_size_overflows() {
    for rule in [GPT_4O, GPT_6, CLAUDE, ImageTokens::Crops, ImageTokens::Area { px: 0 }, ImageTokens::Unknown] {
        for (width, height) in [(u32::MAX, u32::MAX), (1, u32::MAX), (u32::MAX, 1), (1, 1), (0, 0)] {
            assert!(count(rule, width, height).most > 0, "{rule:?}");
        }
    }
}

fn picture(kind: ImageKind, width: u32, height: u32, bytes: usize) -> Image {
    Image { name: "a".into(), kind, width, height, bytes: vec![0; bytes].into() }
}

#[test]
fn every_picture_counts() {
    let mut candidate = (*known("p", "1", "1").candidate).clone();
    candidate.sight.tokens = CLAUDE;
    let images = [(200, 200), (1000, 1000), (28, 28)].map(|(w, h)| picture(ImageKind::Png, w, h, 1));
    let most = 64 + 1296 + 1 + 3 * PER_IMAGE;
    assert_eq!(count_all(&candidate, &images), ImageCount { likely: 64 + 1296 + 1, most });
    assert_eq!(count_all(&candidate, &[]), ImageCount::default());
}

#[test]
fn what_a_provider_refuses_is_told() {
    let limits = ImageLimits {
        kinds: &[ImageKind::Png],
        bytes: 4000,
        total_bytes: 8000,
        side: 1000,
        pixels: 810_000,
        count: 3,
        crowd: 2,
        crowd_side: 100,
    };
    let mut candidate = (*known("p", "1", "1").candidate).clone();
    candidate.sight = Sight { limits, ..Sight::UNKNOWN };
    let png = |width, height, bytes| picture(ImageKind::Png, width, height, bytes);
    for (images, why) in [
        (vec![png(900, 900, 3000)], None),
        (vec![picture(ImageKind::Gif, 1, 1, 1)], Some("it takes no GIF: `a`")),
        (vec![png(1, 1, 3001)], Some("it takes no picture above 0.1 MB of base64: `a` has 0.1 MB")),
        (vec![png(1001, 1, 1)], Some("it takes no picture above 1000 px a side: `a` has 1001 x 1")),
        (vec![png(901, 900, 1)], Some("it takes no picture above 0 megapixels: `a` has 901 x 900")),
        (vec![png(101, 1, 1); 2], None),
        (vec![png(100, 1, 1); 3], None),
        (vec![png(101, 1, 1); 3], Some("it takes no picture above 100 px a side: `a` has 101 x 1")),
        (vec![png(1, 1, 1); 4], Some("it takes at most 3 pictures, these are 4")),
        (vec![png(1, 1, 3000); 2], None),
        (vec![png(1, 1, 3000); 3], Some("it takes at most 0.1 MB of pictures, these are 0.1 MB")),
    ] {
        assert_eq!(refusal(&candidate, &images).as_deref(), why);
    }
    candidate.sight = Sight { tokens: GPT_6, ..Sight::UNKNOWN };
    assert_eq!(refusal(&candidate, &[png(3200, 9600, 1)]), None, "30,000 patches");
    let why = refusal(&candidate, &[png(3201, 9600, 1)]).unwrap();
    assert_eq!(why, "it takes no picture above 30000 patches of 32 px: `a` has 3201 x 9600 px");
}

#[test]
fn sizes_are_told_so_that_no_limit_looks_met() {
    for (bytes, told) in [(10_000_000, "10 MB"), (10_000_001, "10.1 MB"), (1, "0.1 MB"), (123_456_789, "123.5 MB")] {
        assert_eq!(megabytes(bytes), told);
    }
}
