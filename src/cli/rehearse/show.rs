//! What is shown while jobs are played.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::Subject;
use crate::{
    cli::{Environment, output},
    diagnostic::words::count,
    plan::Plan,
    rehearse::{Happening, JobReport, JobResult, Stage},
};

/// Says what is rehearsed, and who stands in for what.
pub(super) fn announce(environment: &Environment, stage: &Stage, subject: &Subject, plan: &Plan) {
    let bold = if environment.colours() {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    let changed = match subject.source.uncommitted {
        0 => String::new(),
        uncommitted => format!(", with {}", count(uncommitted, "uncommitted change")),
    };
    let sha = &subject.sha[..subject.sha.len().min(12)];
    output::words(&format!(
        "{}rehearsing {}{} at {sha}{changed}\n",
        bold.0, plan.name, bold.1
    ));
    for (what, who) in stage.who() {
        output::words(&format!("  stand-in for {what}: {who}\n"));
    }
}

/// Shows jobs as they begin and end.
pub(super) async fn show(
    mut happenings: mpsc::UnboundedReceiver<Happening>,
    environment: &Environment,
    verbose: bool,
) {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (green, red, dim, plain) = if environment.colours() {
        ("\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m")
    } else {
        ("", "", "", "")
    };
    while let Some(happening) = happenings.recv().await {
        match happening {
            Happening::JobStarted { name } => {
                output::words(&format!("{dim}  job {name} …{plain}\n"))
            }
            Happening::Line { job, text } if verbose => {
                output::words(&format!("{dim}    {job} |{plain} {text}\n"))
            }
            Happening::Line { job, text } => lines.entry(job).or_default().push(text),
            Happening::JobEnded(report) => {
                let kept = lines.remove(&report.id).unwrap_or_default();
                let colour = if report.result == JobResult::Success {
                    green
                } else {
                    red
                };
                output::words(&format!(
                    "  {colour}{}{plain} {}{}\n",
                    report.result.word(),
                    report.name,
                    exit_words(&report)
                ));
                if report.result != JobResult::Success {
                    kept.iter()
                        .for_each(|line| output::words(&format!("    {line}\n")));
                } else if !verbose {
                    told(&kept).for_each(|line| output::words(&format!("    {line}\n")));
                }
            }
        }
    }
}

/// Of a job that went well, the lines that say what became of its task.
fn told(lines: &[String]) -> impl Iterator<Item = &String> {
    lines
        .iter()
        .filter(|line| !line.is_empty() && !line.contains(" | "))
}

fn exit_words(report: &JobReport) -> String {
    match report
        .steps
        .iter()
        .filter_map(|step| step.exit)
        .find(|exit| *exit != 0)
    {
        Some(exit) => format!(" (exit code {exit})"),
        None => String::new(),
    }
}
