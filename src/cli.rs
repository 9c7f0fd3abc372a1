//! The command line: arguments in, exit code out; one file a verb.
//!
//! Only this module and `report` write to the standard streams: data to stdout, words for people to stderr.
mod args;
mod environment;
mod exit;
mod graph;
mod lint;
mod output;
mod plan_file;
mod render;

pub use args::{Args, run};
pub use environment::Environment;
pub use exit::{CliError, Exit};
