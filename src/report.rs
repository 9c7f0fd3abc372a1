//! Shows records: on a terminal, as lines, as annotations, as a page.
//!
//! A [`Reporter`] gets each fact once it is in the ledger. Streams are handed in; this module opens none.
mod colours;
#[cfg(test)]
pub(crate) mod fixture;
mod json_lines;
mod live;
mod places;
mod reporter;
mod runner_log;
mod shorten;
mod terminal;
mod visible;
pub mod words;

#[cfg(test)]
mod tests;

pub use colours::{Colours, Tone};
pub use json_lines::JsonLines;
pub use live::{Canvas, Live, PhaseTasks, Size};
pub use places::Places;
pub use reporter::Reporter;
pub use runner_log::{RunnerLog, Shown, Spot};
pub(crate) use shorten::shortened;
pub use terminal::{Output, Story, Terminal};
pub(crate) use visible::visible;
