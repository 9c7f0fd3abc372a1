//! The stand-in for GitHub's REST API: it stores what it is told, answers as documented, and records every request.
//!
//! One repository, at most one pull request. The state is a folder, so two rehearsals on one folder share a comment and
//! the second one edits it in place. It renders no Markdown, sends no mail, and knows no permissions but its token.
mod answer;
mod api;
mod comments;
mod fault;
mod packages;
mod page;
mod pulls;
mod rate_limit;
mod repository;
mod runs;
mod server;
mod state;
mod statuses;
#[cfg(test)]
mod tests;
mod users;

pub use comments::Comment;
pub use fault::Fault;
pub use pulls::{PullRequest, PullRequestState};
pub use runs::{Approval, ApprovalState, Conclusion, Progress, WorkflowJob, WorkflowRun};
pub use server::{Hub, HubError, HubOptions, HubRequest, Packages, VERSION};
pub use statuses::CommitStatus;
