//! What is shown while jobs are played.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::Subject;
use crate::{
    cli::{Environment, close::NOTHING_OPEN, output},
    diagnostic::words::count,
    github::command::{LogReader, Seen},
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
    let mut readers: BTreeMap<String, LogReader> = BTreeMap::new();
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
            Happening::Line { job, text } => {
                let reader = readers.entry(job.clone()).or_default();
                let shown = shown(reader.line(&text));
                if verbose {
                    let lines = shown.iter();
                    lines.for_each(|line| {
                        output::words(&format!("{dim}    {job} |{plain} {line}\n"));
                    });
                } else {
                    lines.entry(job).or_default().extend(shown);
                }
            }
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

/// Returns what a line of a job's log shows: output with the task that wrote it, and annotations that no line says already.
fn shown(seen: Seen) -> Vec<String> {
    match seen {
        Seen::Text { group: None, text } => vec![text],
        Seen::Text {
            group: Some(group),
            text,
        } => vec![format!("{group} | {text}")],
        // The log says what became of each task on lines of their own; their titles name it.
        Seen::Annotation { title: Some(_), .. } | Seen::Command => Vec::new(),
        Seen::Annotation {
            level,
            title: None,
            message,
        } => format!("{}: {message}", level.as_str())
            .lines()
            .map(str::to_owned)
            .collect(),
    }
}

/// Of a job that went well, the lines that say what became of its tasks: no output of theirs, and nothing that the rehearsal
/// itself says already.
fn told(lines: &[String]) -> impl Iterator<Item = &String> {
    lines.iter().filter(|line| {
        !line.is_empty() && !line.contains(" | ") && !is_frame(line) && !is_total(line)
    })
}

/// Whether a line says only that a run or a task begins, or that a job left nothing open.
fn is_frame(line: &str) -> bool {
    ["begins ", "starts "]
        .iter()
        .any(|word| line.starts_with(word))
        || line == NOTHING_OPEN
}

/// Whether a line is the last paragraph of a run: `2 tasks: 1 done, 1 up to date`.
fn is_total(line: &str) -> bool {
    let Some((counted, _)) = line.split_once(": ") else {
        return false;
    };
    match counted.split_once(' ') {
        Some((number, noun)) => number.parse::<usize>().is_ok() && matches!(noun, "task" | "tasks"),
        None => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_a_runner_reads_it() {
        let mut reader = LogReader::new();
        let log = [
            "::add-mask::hunter22",
            "starts       image",
            "::group::image",
            "::stop-commands::t0ken",
            "::error::of a child",
            "::t0ken::",
            "::endgroup::",
            "::error title=image::said already",
            "::error::nothing was run%0A  caused by: a reason",
        ];
        let shown: Vec<String> = log
            .iter()
            .flat_map(|line| shown(reader.line(line)))
            .collect();
        assert_eq!(
            shown,
            [
                "starts       image",
                "image | ::error::of a child",
                "error: nothing was run",
                "  caused by: a reason",
            ]
        );
    }

    #[test]
    fn of_a_job_that_went_well_what_became_of_its_tasks_is_told() {
        let lines = [
            "begins       rehearsal of shop, commit 2b19",
            "starts       image",
            "image | a line of its output",
            "held         image/listed: exists true",
            "done         image in 287 ms",
            "ghcr.io/acme/shop@sha256:99b3",
            "",
            "1 task: 1 done",
            "2 of 5 tasks would run",
            "nothing was left running",
        ]
        .map(str::to_owned);
        let told: Vec<&String> = told(&lines).collect();
        assert_eq!(told, [&lines[3], &lines[4], &lines[5], &lines[8]]);
    }
}
