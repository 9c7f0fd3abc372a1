//! Shows records: on a terminal, as lines, as annotations, as a page.
mod reporter;

pub use reporter::Reporter;
