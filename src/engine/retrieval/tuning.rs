//! The numbers of the ranking, in one place, so that a report can measure what each is worth.

/// How a word of the text may differ from the question's and still count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stemming {
    /// Not at all.
    None,
    /// Another ending.
    Endings,
    /// Another ending, or more of a compound.
    Compounds,
}

/// What a unit's surroundings add to its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Tokens of text around the unit that are looked at, in all; 0 is the unit alone.
    pub tokens: u32,
    /// What its BM25 score counts.
    pub weight: f32,
    /// BM25: how soon a word said again adds no more.
    pub k1: f32,
    /// BM25: how much long text is marked down, 0 to 1.
    pub b: f32,
}

/// Every number of the ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The levels that are added up.
    pub levels: Vec<Level>,
    /// Which words count as the same.
    pub stemming: Stemming,
    /// Whether question words are left out.
    pub stops: bool,
    /// What two words side by side count that stand so in the question, too; a part of the rarer one's weight.
    pub phrase: f32,
    /// What a name or number counts, compared with another word.
    pub name: f32,
    /// What another ending counts.
    pub ending: f32,
    /// What a compound counts.
    pub compound: f32,
}

/// Round numbers near the best of a coarse search over four documents in three languages; halving or doubling any one of
/// them moves the recall by no more than a point or two, so they were not searched more finely. The levels count alike.
impl Default for Tuning {
    fn default() -> Self {
        let level = |tokens| Level { tokens, weight: 0.5, k1: 1.0, b: 0.5 };
        Self {
            levels: vec![level(0), level(120), level(300), level(1000), level(6000)],
            stemming: Stemming::Endings,
            stops: true,
            phrase: 0.5,
            name: 1.0,
            ending: 0.9,
            compound: 0.4,
        }
    }
}
