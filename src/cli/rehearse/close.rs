//! The end of a rehearsal: its report and its exit.

use std::{collections::BTreeMap, fs};

use serde_json::json;

use super::RehearseArgs;
use crate::{
    checkpoint::{State, Summary, to_text},
    cli::{CliError, Environment, Exit, output, report_files},
    diagnostic::words::count,
    event::Reality,
    graph::TaskGraph,
    ledger::plan_folder,
    plan::{Plan, Read, values::Values},
    rehearse::{JobReport, Stage},
};

/// A rehearsal that has ended.
pub(super) struct Ended<'e> {
    /// The repository, as the jobs were told.
    pub(super) repository: &'e str,
    /// The plan.
    pub(super) plan: &'e Plan,
    /// Its graph.
    pub(super) graph: &'e TaskGraph<'e>,
    /// Its values.
    pub(super) values: &'e Values,
    /// What came of the file.
    pub(super) read: &'e Read,
    /// Its jobs.
    pub(super) reports: &'e [JobReport],
}

/// Writes the report, shows it, and finds the exit.
pub(super) fn close(
    args: &RehearseArgs,
    environment: &Environment,
    stage: &Stage,
    ended: &Ended<'_>,
) -> Result<Exit, CliError> {
    let ledgers = plan_folder(&stage.state(), ended.repository, &ended.plan.name);
    let state = report_files::replayed(&ledgers, ended.plan)?;
    let summary = report_files::summary(
        ended.graph,
        ended.values,
        ended.read.document.as_ref(),
        &state,
    );
    let written = report_files::write(&stage.report(), ended.graph, &summary, &state)?;
    let comments = stage
        .hub()
        .comments(1)
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    output::words("\n");
    output::words(&to_text(
        &summary,
        report_files::width(environment),
        environment.palette(),
    ));
    output::words(&format!("\n{}\n", realities(&summary)));
    for path in &written {
        output::words(&format!("  {path}\n"));
    }
    if let Some(comment) = comments.first() {
        let path = stage.report().join("comment.md");
        fs::write(&path, &comment.body).map_err(|error| CliError::file("write", &path, &error))?;
        output::words(&format!(
            "  {path}, {} of pull request 1 as posted\n",
            count(comments.len(), "comment")
        ));
    }
    let worst = ended
        .reports
        .iter()
        .flat_map(|job| &job.steps)
        .filter_map(|step| step.exit)
        .map(exit_of)
        .max_by_key(|exit| severity(*exit));
    let not_run = report_files::not_run(&summary);
    if not_run > 0 {
        let strict = if args.strict {
            "; with `--strict` that is a failure"
        } else {
            ""
        };
        output::words(&format!(
            "{} not run, for the reasons above{strict}\n",
            count(not_run, "task")
        ));
    }
    let exit = match worst.unwrap_or(Exit::Done) {
        Exit::Done if args.strict && not_run > 0 => Exit::Failed,
        exit => exit,
    };
    if args.format == output::Format::Json {
        output::json(&json!({
            "exit": exit.code(),
            "jobs": ended.reports.iter().map(job).collect::<Vec<_>>(),
            "files": written,
            "checkpoint": summary.to_json(),
        }));
    }
    Ok(exit)
}

/// A job, for programs.
fn job(report: &JobReport) -> serde_json::Value {
    let steps = report.steps.iter();
    let steps = steps.map(|step| json!({ "name": step.name, "exit": step.exit, "log": step.log }));
    json!({
        "id": report.id,
        "name": report.name,
        "result": report.result.word(),
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// How many tasks a line names.
const NAMED: usize = 6;

/// Says which tasks did the real thing, which did it on whose stand-in, and which were not run; a task's word is its
/// weakest.
fn realities(summary: &Summary) -> String {
    let mut real = Vec::new();
    let mut stand_ins: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut not_run = Vec::new();
    for task in summary.tasks() {
        match &task.reality {
            _ if task.state == State::NotRun => not_run.push(task.key.to_string()),
            Some(Reality::Real) => real.push(task.key.to_string()),
            Some(Reality::StandIn { who }) => {
                // The address is that of the rehearsal in which it was done, and the stand-ins of this one are named above.
                let who = who
                    .split_once(" at ")
                    .map_or(who.as_str(), |(name, _)| name);
                stand_ins.entry(who).or_default().push(task.key.to_string());
            }
            Some(Reality::NotRun { .. }) => {
                let effects = task.effects.iter();
                let left_out = effects.filter(|it| matches!(it.reality, Reality::NotRun { .. }));
                let left_out: Vec<&str> = left_out.map(|it| it.what.as_str()).collect();
                not_run.push(format!("{} ({})", task.key, left_out.join(", ")));
            }
            None => {}
        }
    }
    let mut text = String::new();
    let mut line = |word: String, tasks: &[String]| {
        if !tasks.is_empty() {
            text.push_str(&format!("  {word}: {}\n", named(tasks)));
        }
    };
    line("real".to_owned(), &real);
    for (who, tasks) in &stand_ins {
        line(format!("stand-in ({who})"), tasks);
    }
    line("not run".to_owned(), &not_run);
    text
}

fn named(tasks: &[String]) -> String {
    match tasks.len().checked_sub(NAMED) {
        None | Some(0 | 1) => tasks.join(", "),
        Some(more) => format!("{} and {more} more", tasks[..NAMED].join(", ")),
    }
}

fn exit_of(code: i32) -> Exit {
    u8::try_from(code).map_or(Exit::Failed, Exit::from_code)
}

/// Worst wins: `docs/guide.md`, "Exit codes".
fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Bug => 8,
        Exit::Interrupted | Exit::Terminated => 7,
        Exit::Usage => 6,
        Exit::Failed => 5,
        Exit::Unavailable => 4,
        Exit::Paused => 3,
        Exit::Drift => 2,
        Exit::NothingSelected => 1,
        Exit::Done => 0,
    }
}
