//! Tags from rules in docker/metadata-action's grammar: what an event of git calls an image.
//!
//! Two things are stricter than the original: a tag that no registry would take is an error and not a tag, and a pre-release
//! by `type=ref,event=tag` does not move `latest`. This module performs no I/O and reads no clock.

mod compute;
mod date;
mod rule;
mod template;
mod version;

pub use compute::{ComputedTags, GitFacts};
pub use rule::{TagRules, TagRulesError};
