//! The checkpoint from a ledger, and the files in which it is kept.

use std::{collections::BTreeSet, fs};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    CliError, Environment,
    page_files::{self, Links},
    session::execute_error,
};
use crate::{
    checkpoint::{Beside, Budget, Excerpts, Material, State, Summary, to_markdown},
    document::Document,
    graph::TaskGraph,
    ident::{EnvironmentName, RunId, TaskKey},
    ledger::{LedgerError, RunState, TaskState, living_holder, replay, walk_folder},
    plan::{Plan, values::Values},
};

/// What the ledgers of a plan hold, and where they are.
pub struct Replayed {
    /// The fold.
    pub state: RunState,
    /// The records of each walk.
    pub records: Vec<Vec<crate::event::Record>>,
    /// The runs that live.
    pub living: BTreeSet<RunId>,
    /// Folder of the plan's ledgers.
    pub folder: Utf8PathBuf,
    /// When the last fact was recorded; what is told is as old as that.
    at: Option<jiff::Timestamp>,
}

/// Replays the ledgers of a plan in its folder.
///
/// # Errors
///
/// A ledger cannot be read.
pub fn replayed(folder: &Utf8Path, plan: &Plan) -> Result<Replayed, CliError> {
    let failed = |error: LedgerError| execute_error(&error.into());
    let now = jiff::Timestamp::now();
    let walks: Vec<Option<&EnvironmentName>> = std::iter::once(None)
        .chain(plan.environments.keys().map(Some))
        .collect();
    let (mut records, mut living) = (Vec::new(), BTreeSet::new());
    for walk in walks {
        let walk = walk_folder(folder, walk);
        records.push(replay(&walk).map_err(failed)?.records);
        let holder = living_holder(&walk, now).map_err(failed)?;
        living.extend(holder.map(|lease| lease.run));
    }
    let at = records
        .iter()
        .filter_map(|walk| Some(walk.last()?.at))
        .max();
    let slices: Vec<&[crate::event::Record]> = records.iter().map(Vec::as_slice).collect();
    let mut state = RunState::of_walks(&slices);
    // A run that lives has its lease; what another one left unfinished was cut off.
    state.mark_interrupted(|_, attempt| living.contains(&attempt.run));
    Ok(Replayed {
        state,
        at,
        records,
        living,
        folder: folder.to_owned(),
    })
}

/// Folds what is known into a summary.
pub fn summary(
    graph: &TaskGraph<'_>,
    values: &Values,
    document: Option<&Document>,
    replayed: &Replayed,
) -> Summary {
    Summary::of(&Material {
        graph,
        values,
        document,
        state: &replayed.state,
        selected: None,
        // The same records make the same words, so that a comment is edited only where something happened.
        now: replayed.at.unwrap_or_else(jiff::Timestamp::now),
    })
}

/// Returns the last lines of the logs of tasks that failed.
pub fn excerpts(replayed: &Replayed) -> Excerpts {
    const LINES: usize = 30;
    let failed = replayed
        .state
        .tasks()
        .filter(|(_, record)| matches!(record.state, TaskState::Failed(_)));
    let with_log =
        failed.filter_map(|(key, record)| Some((key.clone(), record.ended()?.log.clone()?.path)));
    with_log
        .filter_map(|(key, path)| {
            let walk = walk_folder(&replayed.folder, key.environment.as_ref());
            let text = fs::read(walk.join(path)).ok()?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            Some((key, lines[lines.len().saturating_sub(LINES)..].join("\n")))
        })
        .collect::<Vec<(TaskKey, String)>>()
        .into_iter()
        .collect()
}

/// Writes the checkpoint as Markdown, page and JSON, with the logs beside the page, and returns the files.
///
/// # Errors
///
/// A file cannot be written.
pub fn write(
    folder: &Utf8Path,
    graph: &TaskGraph<'_>,
    summary: &Summary,
    replayed: &Replayed,
) -> Result<Vec<Utf8PathBuf>, CliError> {
    fs::create_dir_all(folder).map_err(|error| CliError::file("make", folder, &error))?;
    let excerpts = excerpts(replayed);
    let beside = Beside {
        marker: None,
        excerpts: &excerpts,
    };
    let forms = [
        (
            "checkpoint.md",
            to_markdown(summary, &beside, Budget::JOB_SUMMARY),
        ),
        (
            "checkpoint.html",
            page_files::page(graph, summary, replayed, &Links::Beside),
        ),
        ("checkpoint.json", format!("{:#}\n", summary.to_json())),
    ];
    page_files::copy_logs(folder, replayed)?;
    let mut written = Vec::new();
    for (name, text) in forms {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| CliError::file("write", &path, &error))?;
        written.push(path);
    }
    Ok(written)
}

/// How many tasks could not be carried out here.
pub fn not_run(summary: &Summary) -> usize {
    summary
        .tasks()
        .filter(|task| task.state == State::NotRun)
        .count()
}

/// Columns of the terminal, or of a page where there is none.
pub fn width(environment: &Environment) -> usize {
    const PAGE: usize = 100;
    environment
        .get("COLUMNS")
        .and_then(|columns| columns.parse().ok())
        .unwrap_or_else(|| match environment.stderr_is_terminal {
            true => usize::from(console::Term::stderr().size().1).max(40),
            false => PAGE,
        })
}
