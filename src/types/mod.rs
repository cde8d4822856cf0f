//! The words every other module speaks: plain data without I/O, clock or environment.
//!
//! Leaves of the import graph: nothing here imports from the rest of the crate.

mod ask;
mod attempt;
mod candidate;
mod embed;
mod failure;
mod hex;
mod image;
mod money;
mod owner;
mod pricing;
mod secret;
mod settings;
mod time;
mod usage;

pub use ask::{Answer, Ask, Delta, Effort, FinishReason, Message, Role, Schema};
pub use attempt::{AttemptId, AttemptReport, CacheOutcome, Outcome, RequestId};
pub use candidate::{Candidate, CandidateId, DialectKind, RateLimit, Tier, TierWish};
pub use embed::{Embed, Purpose, bytes_of, cosine, decode_vectors, encode_vectors, of_bytes};
pub use failure::{Failure, FailureClass, Retry};
pub use hex::hex;
pub use image::{Image, ImageKind, ImageLimits, ImageTokens, Sight};
pub use money::{NanoUsd, ParseMoneyError, Rate};
pub use owner::{Liveness, Me, Owner};
pub use pricing::{CostSource, LengthStep, PeakHours, PriceChange, Pricing, Rates};
pub use secret::Secret;
pub use settings::{Limit, Mode, Strategy, Weights};
pub use time::{Day, Timestamp, whole_ms};
pub use usage::Usage;
