//! Shows records: on a terminal, as lines, as annotations, as a page.
//!
//! A [`Reporter`] gets each fact once it is in the ledger. Streams are handed in; this module opens none.
mod colours;
mod json_lines;
mod reporter;
mod terminal;
pub mod words;

#[cfg(test)]
mod tests;

pub use colours::Colours;
pub use json_lines::JsonLines;
pub use reporter::Reporter;
pub use terminal::{Output, Terminal};
