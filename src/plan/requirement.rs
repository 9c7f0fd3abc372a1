//! One language of requirements, for policies, images, loads and checks (`plan-format.md` 3.8).
//!
//! Nothing is observed here: a [`Requirement`] judges an [`Observed`] that somebody else has seen.
mod judge;
mod path;
mod quantity;
mod rule;
#[cfg(test)]
mod tests;
mod version;

pub use judge::{Observed, Verdict};
pub use path::{FieldPath, FieldPathError};
pub use quantity::Measure;
pub use rule::{Requirement, RequirementError};
