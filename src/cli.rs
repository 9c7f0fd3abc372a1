//! The command line: arguments in, exit code out; one file a verb.
//!
//! Only this module and `report` write to the standard streams: data to stdout, words for people to stderr.
mod action;
mod args;
mod bundles;
mod checkpoint;
mod close;
mod completion;
mod destroy;
mod doctor;
mod drift;
mod environment;
mod exit;
mod explain;
mod graph;
mod init;
mod lint;
mod look;
mod man;
mod outcome;
mod output;
mod page_files;
mod page_watch;
mod plan_file;
mod preview;
mod publish;
mod recover;
mod registries;
mod rehearse;
mod render;
mod repair;
mod report_files;
mod retention;
mod run;
mod schema;
mod session;
mod signals;
#[cfg(unix)]
mod stand_in_provider;
mod status;
mod tags;
mod trace;
mod unified_diff;
mod unlock;

pub use args::{Args, run};
pub use environment::Environment;
pub use exit::{CliError, Exit};
