//! Workflow runs, their jobs and their approvals. The rehearsal tells the hub of them; nothing starts one here.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    answer::Answer,
    api::{Call, written_at},
    page,
    repository::repository,
    users::{ACTIONS_BOT, node_id, stable_id, user},
};

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowRun {
    /// `GITHUB_RUN_ID`.
    pub id: u64,
    /// `GITHUB_RUN_ATTEMPT`.
    pub attempt: u32,
    /// The name of the workflow.
    pub workflow: String,
    /// The file of the workflow: `.github/workflows/deploy.yml`.
    pub path: String,
    /// The event that started it.
    pub event: String,
    /// The branch or tag.
    pub branch: String,
    /// The commit.
    pub sha: String,
    /// How far it is.
    pub progress: Progress,
    /// When it began.
    pub started_at: Timestamp,
}

/// A job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowJob {
    /// The run's id.
    pub run: u64,
    /// The run's attempt.
    pub attempt: u32,
    /// The name that is shown: `phase / task`.
    pub name: String,
    /// How far it is.
    pub progress: Progress,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// How far a run or a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Waits for a runner.
    Queued,
    /// Waits for an approval.
    Waiting,
    /// Runs.
    InProgress,
    /// Has ended.
    Completed(Conclusion),
}

/// How a run or a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// It did what it should.
    Success,
    /// It failed.
    Failure,
    /// Somebody stopped it.
    Cancelled,
    /// Its condition did not hold.
    Skipped,
    /// It took too long.
    TimedOut,
}

/// A review of a run's deployment to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The run's id.
    pub run: u64,
    /// The environment.
    pub environment: String,
    /// What was said.
    pub state: ApprovalState,
    /// Who said it.
    pub user: String,
    /// The words that go with it.
    pub comment: String,
}

/// What a reviewer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Go on.
    Approved,
    /// Do not.
    Rejected,
}

impl Progress {
    /// Returns GitHub's `status` and `conclusion`.
    fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Queued => ("queued", None),
            Self::Waiting => ("waiting", None),
            Self::InProgress => ("in_progress", None),
            Self::Completed(conclusion) => {
                let word = match conclusion {
                    Conclusion::Success => "success",
                    Conclusion::Failure => "failure",
                    Conclusion::Cancelled => "cancelled",
                    Conclusion::Skipped => "skipped",
                    Conclusion::TimedOut => "timed_out",
                };
                ("completed", Some(word))
            }
        }
    }
}

/// Answers `GET /repos/…/actions/runs`, newest first.
pub(super) fn list(call: &Call) -> io::Result<Answer> {
    let state = call.hub.state.read()?;
    let is_wanted =
        |name: &str, value: &str| call.parameter(name).is_none_or(|asked| asked == value);
    let runs = state.runs.iter().rev().filter(|run| {
        is_wanted("head_sha", &run.sha)
            && is_wanted("event", &run.event)
            && is_wanted("branch", &run.branch)
    });
    let written: Vec<Value> = runs.map(|run| write_run(call, run)).collect();
    let total = written.len();
    Ok(page::list(
        call,
        written,
        |runs| json!({"total_count": total, "workflow_runs": runs}),
    ))
}

/// Answers `GET /repos/…/actions/runs/{id}`.
pub(super) fn read(call: &Call, id: &str) -> io::Result<Answer> {
    Ok(match find(call, id)? {
        Some(run) => Answer::ok(write_run(call, &run)),
        None => Answer::not_found("/actions/workflow-runs#get-a-workflow-run"),
    })
}

/// Answers `GET /repos/…/actions/runs/{id}/jobs`, by default those of the last attempt, or of the attempt given.
pub(super) fn jobs(call: &Call, id: &str, attempt: Option<&str>) -> io::Result<Answer> {
    let Some(run) = find(call, id)? else {
        return Ok(Answer::not_found(
            "/actions/workflow-jobs#list-jobs-for-a-workflow-run",
        ));
    };
    let is_wanted = |job: &WorkflowJob| match attempt {
        Some(attempt) => job.attempt.to_string() == attempt,
        None => call.parameter("filter") == Some("all") || job.attempt == run.attempt,
    };
    let state = call.hub.state.read()?;
    let jobs = state
        .jobs
        .iter()
        .filter(|job| job.run == run.id && is_wanted(job));
    let written: Vec<Value> = jobs.map(|job| write_job(call, &run, job)).collect();
    let total = written.len();
    Ok(page::list(
        call,
        written,
        |jobs| json!({"total_count": total, "jobs": jobs}),
    ))
}

/// Answers `GET /repos/…/actions/runs/{id}/approvals`.
pub(super) fn approvals(call: &Call, id: &str) -> io::Result<Answer> {
    let Some(run) = find(call, id)? else {
        return Ok(Answer::not_found(
            "/actions/workflow-runs#get-the-review-history-for-a-workflow-run",
        ));
    };
    let state = call.hub.state.read()?;
    let of_run = state
        .approvals
        .iter()
        .filter(|approval| approval.run == run.id);
    let written = of_run
        .map(|approval| write_approval(call, approval))
        .collect();
    Ok(Answer::ok(Value::Array(written)))
}

fn find(call: &Call, id: &str) -> io::Result<Option<WorkflowRun>> {
    let runs = call.hub.state.read()?.runs;
    Ok(runs.into_iter().find(|run| run.id.to_string() == id))
}

fn write_run(call: &Call, run: &WorkflowRun) -> Value {
    let address = format!("{}/actions/runs/{}", call.repository_address(), run.id);
    let workflow = stable_id(&run.workflow);
    let (status, conclusion) = run.progress.words();
    let started = written_at(run.started_at);
    let actor = user(&call.base, ACTIONS_BOT);
    json!({
        "id": run.id,
        "name": run.workflow,
        "path": run.path,
        "display_title": run.workflow,
        "node_id": node_id("WFR", run.id),
        "head_branch": run.branch,
        "head_sha": run.sha,
        "run_number": 1,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": status,
        "conclusion": conclusion,
        "workflow_id": workflow,
        "check_suite_id": run.id,
        "url": address,
        "html_url": format!("https://github.com/{}/actions/runs/{}", call.hub.repository, run.id),
        "pull_requests": [],
        "created_at": started,
        "updated_at": started,
        "run_started_at": started,
        "actor": actor,
        "triggering_actor": actor,
        "jobs_url": format!("{address}/jobs"),
        "logs_url": format!("{address}/logs"),
        "check_suite_url": format!("{}/check-suites/{}", call.repository_address(), run.id),
        "artifacts_url": format!("{address}/artifacts"),
        "cancel_url": format!("{address}/cancel"),
        "rerun_url": format!("{address}/rerun"),
        "previous_attempt_url": null,
        "workflow_url": format!("{}/actions/workflows/{workflow}", call.repository_address()),
        "head_commit": head_commit(run, &started),
        "repository": repository(call),
        "head_repository": repository(call),
    })
}

fn head_commit(run: &WorkflowRun, started: &str) -> Value {
    let person = json!({"name": ACTIONS_BOT, "email": "noreply@github.com"});
    json!({
        "id": run.sha,
        "tree_id": run.sha,
        "message": "",
        "timestamp": started,
        "author": person,
        "committer": person,
    })
}

fn write_job(call: &Call, run: &WorkflowRun, job: &WorkflowJob) -> Value {
    let id = stable_id(&format!("{}/{}/{}", job.run, job.attempt, job.name));
    let address = call.repository_address();
    let (status, conclusion) = job.progress.words();
    json!({
        "id": id,
        "run_id": job.run,
        "run_url": format!("{address}/actions/runs/{}", job.run),
        "run_attempt": job.attempt,
        "workflow_name": run.workflow,
        "node_id": node_id("CR", id),
        "head_branch": run.branch,
        "head_sha": run.sha,
        "url": format!("{address}/actions/jobs/{id}"),
        "html_url": format!("https://github.com/{}/actions/runs/{}/job/{id}", call.hub.repository, job.run),
        "status": status,
        "conclusion": conclusion,
        "created_at": written_at(job.started_at),
        "started_at": written_at(job.started_at),
        "completed_at": job.completed_at.map(written_at),
        "name": job.name,
        "steps": [],
        "check_run_url": format!("{address}/check-runs/{id}"),
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "rehearsal",
        "runner_group_id": 1,
        "runner_group_name": "Default",
    })
}

fn write_approval(call: &Call, approval: &Approval) -> Value {
    let name = &approval.environment;
    let id = stable_id(name);
    let state = match approval.state {
        ApprovalState::Approved => "approved",
        ApprovalState::Rejected => "rejected",
    };
    let html = format!("https://github.com/{}", call.hub.repository);
    json!({
        "state": state,
        "comment": approval.comment,
        "environments": [{
            "id": id,
            "node_id": node_id("EN", id),
            "name": name,
            "url": format!("{}/environments/{name}", call.repository_address()),
            "html_url": format!("{html}/deployments/activity_log?environments_filter={name}"),
            "created_at": call.hub.started(),
            "updated_at": call.hub.started(),
        }],
        "user": user(&call.base, &approval.user),
    })
}
