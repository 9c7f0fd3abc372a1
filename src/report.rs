//! Shows records: on a terminal, as lines, as annotations, as a page.
mod reporter;
mod temporary;
pub mod words;

pub use reporter::Reporter;
pub use temporary::{JsonLines, Terminal, TerminalOptions};
