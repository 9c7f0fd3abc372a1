//! The jobs of a rendered workflow, in the order that their `needs` give.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
};

use futures_util::{
    future::LocalBoxFuture,
    stream::{FuturesUnordered, StreamExt as _},
};
use indexmap::IndexMap;
use tokio::sync::mpsc;

use super::{
    contexts::{Contexts, EndedJob, JobResult},
    job::{Job, JobEnd, JobReport, Runner},
    tree::Source,
};
use crate::{
    execute::ExecuteError,
    probe::Git,
    process::{OutputLine, StopListener},
    workflow::{JobFile, RenderedWorkflow},
};

/// What is shown while a workflow is played.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A job began.
    JobStarted {
        /// What people see.
        name: String,
    },
    /// A job printed a line.
    Line {
        /// Id of the job.
        job: String,
        /// The masked line.
        text: String,
    },
    /// A job ended.
    JobEnded(JobReport),
}

/// A workflow and the world of its jobs.
pub struct Played<'p> {
    /// The workflow.
    pub workflow: &'p RenderedWorkflow,
    /// What is checked out.
    pub source: &'p Source,
    /// Asks git.
    pub git: Git<'p>,
    /// Contexts that all jobs have in common.
    pub contexts: Contexts,
    /// Variables that all jobs have in common: the GitHub world.
    pub variables: BTreeMap<String, String>,
    /// How many jobs run at once.
    pub slots: NonZeroUsize,
}

type Work<'p> = LocalBoxFuture<'p, (usize, Result<JobEnd, ExecuteError>)>;

/// Plays a workflow to its end, and returns the reports of its jobs in file order.
///
/// # Errors
///
/// A job could not be carried out at all. A job that fails is a result.
pub async fn play<'p>(
    played: &'p Played<'p>,
    runner: &'p Runner<'p>,
    shown: &mpsc::UnboundedSender<Happening>,
) -> Result<Vec<JobReport>, ExecuteError> {
    let jobs = &played.workflow.jobs;
    let mut ended: IndexMap<String, EndedJob> = IndexMap::new();
    let mut reports: BTreeMap<usize, JobReport> = BTreeMap::new();
    let mut started = BTreeSet::new();
    let mut work: FuturesUnordered<Work<'p>> = FuturesUnordered::new();
    loop {
        let mut has_moved = true;
        while std::mem::take(&mut has_moved) {
            for (index, job) in jobs.iter().enumerate() {
                let is_ready = job.needs.iter().all(|need| ended.contains_key(need));
                if started.contains(&index) || !is_ready || work.len() >= played.slots.get() {
                    continue;
                }
                started.insert(index);
                has_moved = true;
                let mut contexts = contexts_of(played, job, jobs, &ended);
                contexts.cancelled |= runner.is_stopped().await;
                if !contexts
                    .condition(job.condition.as_deref())
                    .map_err(|error| bug(&error))?
                {
                    let skipped = EndedJob {
                        result: JobResult::Skipped,
                        outputs: IndexMap::new(),
                    };
                    ended.insert(job.id.clone(), skipped);
                    reports.insert(
                        index,
                        JobReport {
                            id: job.id.clone(),
                            name: job.name.clone(),
                            result: JobResult::Skipped,
                            steps: Vec::new(),
                        },
                    );
                    continue;
                }
                show(
                    shown,
                    Happening::JobStarted {
                        name: contexts
                            .text(&job.name)
                            .unwrap_or_else(|_| job.name.clone()),
                    },
                );
                work.push(Box::pin(carry_out(
                    played,
                    runner,
                    index,
                    job,
                    contexts,
                    shown.clone(),
                )));
            }
        }
        let Some((index, end)) = work.next().await else {
            break;
        };
        let end = end?;
        show(shown, Happening::JobEnded(end.report.clone()));
        ended.insert(jobs[index].id.clone(), end.ended);
        reports.insert(index, end.report);
    }
    Ok(reports.into_values().collect())
}

fn show(shown: &mpsc::UnboundedSender<Happening>, happening: Happening) {
    // Nobody looks any more when the rehearsal itself ends.
    drop(shown.send(happening));
}

async fn carry_out<'p>(
    played: &'p Played<'p>,
    runner: &'p Runner<'p>,
    index: usize,
    job: &'p JobFile,
    mut contexts: Contexts,
    shown: mpsc::UnboundedSender<Happening>,
) -> (usize, Result<JobEnd, ExecuteError>) {
    // What failed before decides whether a job runs; inside, its steps start anew. A job that runs although the rehearsal
    // was stopped is one that closes it, and is not cut short.
    contexts.failed_before = false;
    let stop = if std::mem::take(&mut contexts.cancelled) {
        StopListener::never()
    } else {
        runner.stop.clone()
    };
    let tree = runner.work.join(&job.id);
    if let Err(error) = played.source.check_out(&tree, &played.git).await {
        return (index, Err(error));
    }
    let (live, lines) = mpsc::channel(1024);
    let temp = runner.work.join(format!("{}.temp", job.id));
    if let Err(error) = std::fs::create_dir_all(&temp) {
        return (index, Err(ExecuteError::file("make", temp, error)));
    }
    let variables = job_variables(played, job, &tree, &temp);
    contexts
        .roots
        .insert("runner".to_owned(), runner_context(temp.as_str()));
    let carried = Job {
        file: job,
        contexts,
        tree: tree.clone(),
        variables,
        live,
        stop,
    };
    let (end, ()) = tokio::join!(runner.carry_out(carried), forward(job, lines, shown));
    if end
        .as_ref()
        .is_ok_and(|end| end.ended.result == JobResult::Success)
    {
        // What a job leaves in its tree goes with its machine; a failed one is kept to be looked at.
        drop(std::fs::remove_dir_all(&tree));
        drop(std::fs::remove_dir_all(&temp));
    }
    (index, end)
}

async fn forward(
    job: &JobFile,
    mut lines: mpsc::Receiver<OutputLine>,
    shown: mpsc::UnboundedSender<Happening>,
) {
    while let Some(line) = lines.recv().await {
        show(
            &shown,
            Happening::Line {
                job: job.id.clone(),
                text: line.text,
            },
        );
    }
}

fn job_variables(
    played: &Played<'_>,
    job: &JobFile,
    tree: &camino::Utf8Path,
    temp: &camino::Utf8Path,
) -> BTreeMap<String, String> {
    let mut variables = played.variables.clone();
    variables.insert("GITHUB_JOB".to_owned(), job.id.clone());
    variables.insert("GITHUB_WORKSPACE".to_owned(), tree.to_string());
    variables.insert("RUNNER_TEMP".to_owned(), temp.to_string());
    variables.insert(
        "RUNNER_TOOL_CACHE".to_owned(),
        temp.join("tool-cache").to_string(),
    );
    variables
}

fn runner_context(temp: &str) -> crate::expression::Value {
    let entries = [
        ("temp".to_owned(), crate::expression::Value::from(temp)),
        ("os".to_owned(), crate::expression::Value::from("Linux")),
    ];
    crate::expression::Value::Map(entries.into_iter().collect())
}

/// What a job's condition and steps read: the jobs that it needs, and whether any before it failed, as `failure()` asks.
fn contexts_of(
    played: &Played<'_>,
    job: &JobFile,
    jobs: &[JobFile],
    ended: &IndexMap<String, EndedJob>,
) -> Contexts {
    let mut contexts = played.contexts.clone();
    let needs: Vec<(String, EndedJob)> = job
        .needs
        .iter()
        .filter_map(|need| Some((need.clone(), ended.get(need)?.clone())))
        .collect();
    contexts.add_needs(&needs);
    let mut before: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = job.needs.iter().map(String::as_str).collect();
    while let Some(id) = open.pop() {
        if before.insert(id)
            && let Some(other) = jobs.iter().find(|other| other.id == id)
        {
            open.extend(other.needs.iter().map(String::as_str));
        }
    }
    let result = |id: &&str| ended.get(*id).map(|ended| ended.result);
    contexts.failed_before = before
        .iter()
        .any(|id| result(id) == Some(JobResult::Failure));
    contexts.cancelled = before
        .iter()
        .any(|id| result(id) == Some(JobResult::Cancelled));
    contexts
}

fn bug(error: &dyn std::error::Error) -> ExecuteError {
    ExecuteError::task(
        crate::event::FailureKind::Internal,
        crate::execute::chain(error),
    )
}
