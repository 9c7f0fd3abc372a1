//! Shows records: on a terminal, as lines, as annotations, as a page.
//!
//! A [`Reporter`] gets each fact once it is in the ledger. Streams are handed in; this module opens none.
mod colours;
#[cfg(test)]
pub(crate) mod fixture;
mod json_lines;
mod reporter;
mod shorten;
mod terminal;
pub mod words;

#[cfg(test)]
mod tests;

pub use colours::{Colours, Tone};
pub use json_lines::JsonLines;
pub use reporter::Reporter;
pub(crate) use shorten::shortened;
pub use terminal::{Output, Terminal};
