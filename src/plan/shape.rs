//! Holds the tree of a plan file against the grammar: unknown keys, wrong types, missing keys, choices.
mod object;
mod unknown;
mod value;

pub use object::check;
