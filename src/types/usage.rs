//! Tokens of one attempt, in buckets that never overlap.

use serde::Serialize;

/// What was read and written, in tokens. The buckets are disjoint: their sum is everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to the provider's cache.
    pub input_tokens: u64,
    /// Prompt tokens read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Prompt tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Tokens of the visible answer.
    pub output_tokens: u64,
    /// Tokens of thinking, beside the visible ones.
    pub reasoning_tokens: u64,
    /// Whether any of it is llmr's own estimate.
    pub estimated: bool,
}

impl Usage {
    /// Everything the model read: what length-dependent prices are chosen by.
    pub fn prompt_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.cached_input_tokens).saturating_add(self.cache_write_tokens)
    }

    /// Everything the model wrote, thinking included.
    pub fn completion_tokens(&self) -> u64 {
        self.output_tokens.saturating_add(self.reasoning_tokens)
    }

    /// Adds another one, bucket by bucket; saturates.
    pub fn add(&mut self, other: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.input_tokens, other.input_tokens);
        add(&mut self.cached_input_tokens, other.cached_input_tokens);
        add(&mut self.cache_write_tokens, other.cache_write_tokens);
        add(&mut self.output_tokens, other.output_tokens);
        add(&mut self.reasoning_tokens, other.reasoning_tokens);
        self.estimated |= other.estimated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_estimated_where_any_part_of_it_is() {
        for (first, second) in [(false, false), (false, true), (true, false), (true, true)] {
            let part = |estimated| Usage { input_tokens: 3, reasoning_tokens: 2, estimated, ..Usage::default() };
            let mut sum = part(first);
            sum.add(&part(second));
            let estimated = first || second;
            assert_eq!(sum, Usage { input_tokens: 6, reasoning_tokens: 4, estimated, ..Usage::default() });
        }
    }
}
