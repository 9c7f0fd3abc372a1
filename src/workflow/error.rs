//! Why a workflow file cannot be rendered.

use crate::{diagnostic::words::list_ticked, graph::SelectionError};

/// Why a workflow file cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// `on` is neither an event, nor a list, nor a map of them.
    #[error("`on` of workflow `{workflow}` names no event")]
    NoEvent {
        /// The workflow.
        workflow: String,
    },
    /// An event that says nothing about what it starts.
    #[error("event `{event}` of workflow `{workflow}` starts nothing by itself")]
    UnknownEvent {
        /// The workflow.
        workflow: String,
        /// The event.
        event: String,
    },
    /// An event that hands secrets to strangers' code.
    #[error(
        "event `{event}` of workflow `{workflow}` would run strangers' changes with this repository's secrets"
    )]
    DangerousEvent {
        /// The workflow.
        workflow: String,
        /// The event.
        event: String,
    },
    /// A verb that a workflow cannot run.
    #[error("workflow `{workflow}` cannot run `{command}`")]
    UnknownCommand {
        /// The workflow.
        workflow: String,
        /// The verb.
        command: String,
    },
    /// Phases and environments that together hold no task.
    #[error("workflow `{workflow}` has no task to run")]
    NothingSelected {
        /// The workflow.
        workflow: String,
    },
    /// A phase or environment that the plan does not have.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// More inputs than GitHub takes.
    #[error("a dispatch of workflow `{workflow}` would have {found} inputs; GitHub takes {most}")]
    TooManyInputs {
        /// The workflow.
        workflow: String,
        /// How many there are.
        found: usize,
        /// How many there can be.
        most: usize,
    },
    /// An input of the plan whose name the workflow needs.
    #[error("input `{0}` of the plan has the name of an input of the workflow")]
    ReservedInput(String),
    /// A secret that GitHub cannot hold.
    #[error("GitHub holds no secret `{0}`")]
    SecretName(String),
    /// A job that GitHub would end in the middle.
    #[error("job `{job}` may take {minutes} minutes; a hosted runner ends a job after {most}")]
    TooLong {
        /// The job.
        job: String,
        /// Its time.
        minutes: u64,
        /// The most.
        most: u64,
    },
    /// Tasks of one job that want different runners.
    #[error("phase `{phase}` cannot be one job: `{task}` wants another runner than `{other}`")]
    RunnersDiffer {
        /// The phase.
        phase: String,
        /// A task.
        task: String,
        /// Another one.
        other: String,
    },
    /// Tasks of one job that wait for another job, which waits for them.
    #[error(
        "phase `{phase}` cannot be one job: its tasks wait for tasks of other jobs, which wait for it"
    )]
    Knot {
        /// The phase.
        phase: String,
    },
    /// Two jobs with one id.
    #[error("two jobs would be called `{0}`")]
    DuplicateJob(String),
    /// A file that GitHub does not read.
    #[error("workflow `{workflow}` would have {size} bytes in {jobs} jobs; GitHub reads {most}")]
    TooLarge {
        /// The workflow.
        workflow: String,
        /// Its size in bytes.
        size: usize,
        /// Its number of jobs.
        jobs: usize,
        /// The most, in bytes.
        most: usize,
    },
    /// A text that is no workflow.
    #[error("this is no workflow: {0}")]
    NotAWorkflow(String),
    /// A patch whose result is no workflow.
    #[error("after the patch of workflow `{workflow}` it is no workflow any more: {why}")]
    Patch {
        /// The workflow.
        workflow: String,
        /// What is wrong.
        why: String,
    },
    /// A rendered file whose jobs wait for others than the plan's tasks do.
    #[error("the rendered jobs do not say what the plan says: {0}")]
    Mismatch(String),
    /// A template of ours that does not render.
    #[error("the template of workflow files does not render")]
    Template(#[source] Box<tera::Error>),
}

impl WorkflowError {
    /// Whether it is a mistake of this program.
    pub fn is_bug(&self) -> bool {
        matches!(
            self,
            Self::Mismatch(_) | Self::Template(_) | Self::NotAWorkflow(_)
        )
    }

    /// Returns what to write instead.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoEvent { .. } => {
                "`on: { push: { branches: [main] }, workflow_dispatch: {} }`".to_owned()
            }
            Self::UnknownEvent { .. } => {
                format!("add `command`: {}", list_ticked(super::events::COMMANDS))
            }
            Self::DangerousEvent { .. } => "take `pull_request`".to_owned(),
            Self::UnknownCommand { .. } => {
                format!("a workflow runs {}", list_ticked(super::events::COMMANDS))
            }
            Self::NothingSelected { .. } => "look at its `phases` and `environment`".to_owned(),
            Self::Selection(error) => error.hint(),
            Self::TooManyInputs { .. } => {
                "take `workflow_dispatch` out, or gather inputs in one of type `json`".to_owned()
            }
            Self::ReservedInput(_) => "call it otherwise".to_owned(),
            Self::SecretName(_) => {
                "upper-case letters, digits and `_`, not starting with a digit or `GITHUB_`"
                    .to_owned()
            }
            Self::TooLong { .. } => {
                "lower `timeout`, `retry` or `within`, or take a runner of your own by `runs-on`"
                    .to_owned()
            }
            Self::RunnersDiffer { .. } => {
                "give them one `runs-on`, or take `one-job` away".to_owned()
            }
            Self::Knot { .. } => {
                "take `one-job` away, or move the task that waits to a later phase".to_owned()
            }
            Self::DuplicateJob(_) => "rename one of the tasks or legs".to_owned(),
            Self::TooLarge { .. } => {
                "give phases `one-job: true`, or split the workflow by `phases`".to_owned()
            }
            Self::Patch { .. } => {
                "a patch may change jobs and add keys; each job keeps `runs-on` and `steps`"
                    .to_owned()
            }
            Self::NotAWorkflow(_) | Self::Mismatch(_) | Self::Template(_) => return None,
        })
    }
}
