//! Values that must not be printed, and the mask that keeps them out of every stream.
//!
//! A [`Secret`] has no `Display`. A [`Masker`] is built once from named secrets and replaces each of them, in every
//! form of [`Masker::new`], by `***`; its [`MaskStream`] does the same for text that arrives in pieces.
//! This module performs no I/O.
mod automaton;
mod encoding;
mod masker;
pub mod sealed;
mod stream;
mod text;

pub use masker::{MaskError, Masker};
pub use stream::MaskStream;
pub use text::Secret;
