//! The skeleton of HCL: blocks, labels and attributes with their places. Nothing is evaluated.
//!
//! The language has expressions, templates and heredocs; they are passed over by their brackets, quotes and markers, and only
//! a literal is read. What is no HCL gives what could be made of it, so terraform's own words about it come first.
mod cursor;
mod literal;
mod scan;
#[cfg(test)]
mod tests;

pub use scan::{Attribute, Block, Body, Label, scan};
