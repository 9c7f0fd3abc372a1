//! Values that must not be printed, and the mask that keeps them out of every stream.
mod text;

pub use text::Secret;
