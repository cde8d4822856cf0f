//! Randomness as a value: every draw is a hash of a seed and a name, so that a plan can be told beforehand.

/// The draw of one request: a hash of the database's seed and the request's number.
pub fn of_request(seed: u64, number: i64) -> u64 {
    mix(seed ^ mix(u64::from_ne_bytes(number.to_ne_bytes())))
}

/// A draw of its own for every name, of one request's draw.
pub fn of_name(draw: u64, name: &str) -> u64 {
    Name::of(name).draw(draw)
}

/// A name that is drawn for, hashed: FNV-1a, 64 bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(u64);

impl Name {
    /// Of this text.
    pub const fn of(text: &str) -> Self {
        Self(0xcbf2_9ce4_8422_2325).then(text)
    }

    /// Of the same with this text behind it.
    #[must_use]
    pub const fn then(self, text: &str) -> Self {
        let (mut hash, bytes, mut i) = (self.0, text.as_bytes(), 0);
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        Self(hash)
    }

    /// Its own draw, of one request's draw.
    pub const fn draw(self, draw: u64) -> u64 {
        // `mix` spreads what the hash leaves uneven.
        mix(draw ^ self.0)
    }
}

/// A draw as a number in (0, 1].
pub fn unit(draw: u64) -> f64 {
    // Signed numbers become floats in one instruction, unsigned ones take a branch on most processors.
    #[allow(clippy::cast_precision_loss)]
    let top = ((draw >> 11) + 1).cast_signed() as f64;
    // 53 bits: as many as a float can tell apart.
    top / (1u64 << 53) as f64
}

/// The step of SplitMix64's counter (Steele, Lea, Flood 2014).
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output of SplitMix64 with its counter at this.
pub const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_over_the_unit_interval() {
        let draws: Vec<f64> = (0..10_000).map(|n| unit(of_request(7, n))).collect();
        assert!(draws.iter().all(|d| *d > 0.0 && *d <= 1.0));
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }

    /// Plans are kept with their seeds: a draw must be the same in every version.
    #[test]
    fn draws_are_those_of_the_published_functions() {
        // SplitMix64 begun at 0: its first three outputs, as published with its reference code.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(GOLDEN), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(mix(GOLDEN.wrapping_mul(2)), 0x06c4_5d18_8009_454f);
        // FNV-1a of "a" and "foobar", from the table of the draft that describes it.
        for (name, hash) in [("a", 0xaf63_dc4c_8601_ec8c_u64), ("foobar", 0x8594_4171_f739_67e8)] {
            assert_eq!(of_name(0, name), mix(hash));
            assert_eq!(of_name(0xff00_ff00, name), mix(hash ^ 0xff00_ff00));
            assert_eq!(Name::of(&name[..1]).then(&name[1..]).draw(0), mix(hash), "in two parts");
        }
        assert_eq!(of_request(0xff00_ff00, 0), mix(0xff00_ff00 ^ mix(0)));
    }

    #[test]
    fn a_draw_as_a_number_is_never_nothing_and_at_most_one() {
        let least = 1.0 / 9_007_199_254_740_992.0;
        for (draw, number) in [(0, least), (2047, least), (2048, 2.0 * least), (u64::MAX, 1.0), (1 << 63, 0.5 + least)]
        {
            assert_eq!(unit(draw).to_bits(), f64::to_bits(number), "{draw}");
        }
    }

    #[test]
    fn the_same_seed_and_number_give_the_same_draw() {
        assert_eq!(of_request(1, 2), of_request(1, 2));
        assert_ne!(of_request(1, 2), of_request(2, 1));
        assert_ne!(of_name(1, "a"), of_name(1, "b"));
    }
}
