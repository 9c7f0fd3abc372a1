//! Tags from rules in docker/metadata-action's grammar: what an event of git calls an image.
//!
//! The rules are the original's; the answer is better where the original's is wrong (`docs/decisions/tags.md`), unless
//! [`Dialect::Docker`] is asked for. This module performs no I/O and reads no clock.

mod compare;
mod compute;
mod date;
mod dialect;
mod event;
mod flavor;
mod highest;
mod images;
mod labels;
mod lines;
mod name;
mod pattern;
mod problem;
mod produce;
mod rule;
mod steps;
mod template;
#[cfg(test)]
mod tests;
mod version;

pub use compute::{ComputedTags, TagNames};
pub use dialect::Dialect;
pub use event::{GitFacts, PullRequestCommit, ToldEvent, short_sha_length};
pub use highest::{KnownTags, LeftTag, RegistryTags, SettledTags};
pub use images::TagImages;
pub use labels::{AnnotationLevel, ImageTitle, LabelLines, Labels};
pub use problem::{TagInput, TagProblem, TagRulesError};
pub use rule::TagRules;
pub use steps::{Fate, TagStep};
