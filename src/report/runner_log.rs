//! A run in the log of GitHub's runner: facts as lines, the output of each task as a group, failures as annotations.
mod buffer;
mod findings;
mod log;

pub use findings::Spot;
pub use log::{RunnerLog, Shown};
