//! GitHub's expression language: `${{ … }}` read, checked against what its place allows, and evaluated.
//!
//! This module performs no I/O and knows nothing of plans: where a reference leads is told to it by its caller.
mod value;

pub use value::{Map, Value, number_text};
