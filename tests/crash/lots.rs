//! Chance that is the same in every run with the same seed.

/// Knuth's MMIX generator.
pub struct Lots(u64);

impl Lots {
    /// The chance of one round.
    pub fn of_round(seed: u64, round: u64) -> Self {
        let mut lots = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ round.wrapping_mul(0xbf58_476d_1ce4_e5b9));
        // Rounds that follow each other begin alike.
        (0..4).for_each(|_| _ = lots.below(2));
        lots
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, n: u64) -> bool {
        self.below(100) < n
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}
