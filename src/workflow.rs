//! The workflow files of a plan: what they hold, how they are written, and that they say what the plan says.
//!
//! [`files`] goes the whole way: each declaration of the plan becomes a [`WorkflowModel`], the model a text by the one
//! template in `templates/`, and the text is parsed again by [`read()`] and its order of jobs compared with the plan's graph
//! before anybody writes it. The same plan gives the same bytes on every machine.
//!
//! This module reads and writes no files, and nothing of the environment.
pub mod action;
mod compare;
mod conditions;
mod declared;
mod error;
mod events;
mod file;
mod gates;
mod grants;
mod groups;
mod handed;
mod jobs;
mod minutes;
mod model;
mod order;
mod patch;
pub mod pins;
mod read;
mod steps;
mod template;
#[cfg(test)]
mod tests;
mod work;
mod yaml;

pub use compare::compare;
pub use declared::declarations;
pub use error::WorkflowError;
pub use file::{LARGEST_FILE, RenderedFile, files, source_of};
pub use grants::{Permissions, secrets};
pub use groups::{LONGEST_JOB_ID, approval_environment};
pub use model::{
    Concurrency, Job, JobEnvironment, JobTask, Permission, Step, Target, WorkflowModel,
};
pub use patch::{apply, merge};
pub use read::{JobFile, RenderedWorkflow, StepFile, read};
pub use template::render;
pub use work::jobs_with_work;
pub use yaml::quote;
