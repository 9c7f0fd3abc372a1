//! Environment files: how a step hands outputs, variables and a summary to its runner.
mod append;
mod error;
mod read;
mod summary;

pub use append::{append_outputs, append_variables};
pub use error::FileError;
pub use read::parse_output_file;
pub use summary::{LONGEST_SUMMARY, SummaryOutcome, append_summary};
