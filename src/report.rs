//! Shows records: on a terminal, as lines, as annotations, as a page.
mod reporter;
pub mod words;

pub use reporter::Reporter;
