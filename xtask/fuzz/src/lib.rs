//! What is held against inputs that nobody wrote.
//!
//! A [`Target`] is a function from bytes to a panic or none: whatever the bytes are, it checks what the program promises about
//! them. The engine (`src/main.rs`, behind the feature `engine`) looks for bytes that reach further; without it the targets are
//! plain functions, and the tests of this package hold them on their seeds.

mod comment;
mod dictionary;
mod expression;
mod hcl;
mod plan;
mod records;
mod seeds;
mod tags;
mod target;
mod terraform;

pub use seeds::write_seeds;
pub use target::Target;
