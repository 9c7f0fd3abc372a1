//! Whether rendered jobs say what the plan says.
//!
//! Nothing here uses what made the file: the order of jobs is followed through `needs` as GitHub does, the order of tasks
//! through the graph as the scheduler does, and both are compared for each pair.

use std::collections::{BTreeMap, BTreeSet};

use super::{RenderedWorkflow, WorkflowError, WorkflowModel, action};
use crate::graph::TaskGraph;

/// Compares the jobs of a file with the tasks of a graph: each job waits for exactly those jobs whose tasks come before its own.
///
/// # Errors
///
/// A job or task that only one side has, or a pair in another order: [`WorkflowError::Mismatch`].
pub fn compare(
    graph: &TaskGraph<'_>,
    model: &WorkflowModel,
    file: &RenderedWorkflow,
) -> Result<(), WorkflowError> {
    let found: Vec<&str> = file.jobs.iter().map(|job| job.id.as_str()).collect();
    let meant: Vec<&str> = model.jobs.iter().map(|job| job.id.as_str()).collect();
    if found != meant {
        return Err(mismatch(format!(
            "the file has the jobs {found:?}, and not {meant:?}"
        )));
    }
    let mut job_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, job) in file.jobs.iter().enumerate() {
        for key in tasks_of(job) {
            let node = key.parse().ok().and_then(|key| graph.find(&key));
            let node = node.ok_or_else(|| {
                mismatch(format!("job `{}` runs `{key}`, which is no task", job.id))
            })?;
            if job_of.insert(node, index).is_some() {
                return Err(mismatch(format!("`{key}` would run in two jobs")));
            }
        }
    }
    let tasks: BTreeSet<usize> = model
        .jobs
        .iter()
        .flat_map(|job| job.tasks.iter().map(|task| task.node))
        .collect();
    if let Some(missing) = tasks.iter().find(|node| !job_of.contains_key(node)) {
        return Err(mismatch(format!(
            "`{}` runs in no job",
            graph.nodes()[*missing].key
        )));
    }
    let with_tasks: BTreeSet<usize> = job_of.values().copied().collect();
    for &job in &with_tasks {
        let by_file: BTreeSet<usize> = waits_by_file(file, job)
            .intersection(&with_tasks)
            .copied()
            .collect();
        let by_plan = waits_by_plan(graph, &job_of, job);
        if let Some(other) = by_file.symmetric_difference(&by_plan).next() {
            let (waits, says) = if by_file.contains(other) {
                ("waits", "the plan does not say so")
            } else {
                ("does not wait", "the plan says so")
            };
            return Err(mismatch(format!(
                "job `{}` {waits} for `{}`, and {says}",
                file.jobs[job].id, file.jobs[*other].id
            )));
        }
    }
    Ok(())
}

fn mismatch(words: String) -> WorkflowError {
    WorkflowError::Mismatch(words)
}

/// The tasks that a job runs, as its steps name them.
fn tasks_of(job: &super::JobFile) -> Vec<&str> {
    let step = job.steps.iter().find(|step| {
        step.with
            .get(action::COMMAND.name)
            .is_some_and(|verb| verb == "run")
    });
    step.and_then(|step| step.with.get(action::TASK.name))
        .map_or_else(Vec::new, |tasks| tasks.lines().collect())
}

fn waits_by_file(file: &RenderedWorkflow, job: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![job];
    while let Some(job) = open.pop() {
        for need in &file.jobs[job].needs {
            let other = file.jobs.iter().position(|other| other.id == *need);
            open.extend(other.filter(|&other| found.insert(other)));
        }
    }
    found
}

/// Follows tasks and barriers; to have reached one task of a job is to have reached all of its tasks.
fn waits_by_plan(
    graph: &TaskGraph<'_>,
    job_of: &BTreeMap<usize, usize>,
    job: usize,
) -> BTreeSet<usize> {
    let own = |job: usize| {
        job_of
            .iter()
            .filter(move |(_, of)| **of == job)
            .map(|(&node, _)| node)
    };
    let mut found = BTreeSet::new();
    let mut seen_nodes: BTreeSet<usize> = own(job).collect();
    let mut seen_barriers = BTreeSet::new();
    let mut open: Vec<usize> = seen_nodes.iter().copied().collect();
    while let Some(index) = open.pop() {
        let node = &graph.nodes()[index];
        let mut reached: Vec<usize> = node.after.iter().map(|edge| edge.to).collect();
        for &barrier in node
            .waits_for
            .iter()
            .filter(|&&barrier| seen_barriers.insert(barrier))
        {
            reached.extend(&graph.barriers()[barrier].members);
        }
        for other in reached {
            match job_of.get(&other) {
                Some(&of) if of == job || found.contains(&of) => {}
                Some(&of) => {
                    found.insert(of);
                    open.extend(own(of).filter(|&node| seen_nodes.insert(node)));
                }
                None if seen_nodes.insert(other) => open.push(other),
                None => {}
            }
        }
    }
    found
}
