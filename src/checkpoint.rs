//! The checkpoint: run state folded into a summary, written within a budget, kept in one comment.
//!
//! A [`Summary`] is a pure fold of plan, document and [`crate::ledger::RunState`]; all forms show the same one. Nothing
//! here posts, writes a file or reads a clock.
#[cfg(test)]
pub(crate) mod fixture;
mod fold;
mod markdown;
mod state;
pub mod summary;
mod text;

pub use fold::Material;
pub use markdown::{Beside, Budget, Excerpts, preview_to_markdown, to_markdown};
pub use state::State;
pub use summary::Summary;
pub use text::to_text;
