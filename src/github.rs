//! GitHub: what a runner tells a job, what a job tells its runner, and the REST calls.
//!
//! [`RunnerContext`] is the only reader of the variables that a runner sets. [`command`] and [`mod@file`] are the two ways back
//! to the runner; [`Client`] speaks to the REST API and waits where GitHub asks for patience. This module decides nothing about
//! exit codes and writes to no standard stream by itself.
mod about;
mod approval;
mod client;
pub mod command;
mod comment;
mod commit_status;
mod context;
mod error;
pub mod file;
mod git;
mod marker;
mod nonce;
mod package;
mod patience;
mod pull_request;
mod repository;
mod settings;
#[cfg(test)]
mod tests;
mod trigger;

pub use about::{License, RepositoryAbout};
pub use approval::{Approval, ApprovalState};
pub use client::Client;
pub use comment::{CommentOutcome, LONGEST_COMMENT};
pub use commit_status::{CommitState, CommitStatus};
pub use context::{
    ContextError, Folders, RefType, Revision, RunnerContext, RunnerFiles, Servers, WorkflowRun,
};
pub use error::ClientError;
pub use git::GitFacts;
pub use marker::Marker;
pub use nonce::{NoRandomness, Nonce};
pub use package::{ImageVersion, ImageVersions, Package, PackageKind};
pub use patience::{Patience, Wait};
pub use pull_request::{PullRequest, PullRequestState};
pub use repository::{InvalidRepository, Repository};
pub use settings::{EnvironmentSettings, Rights};
pub use trigger::{EventPullRequest, TriggerEvent};
