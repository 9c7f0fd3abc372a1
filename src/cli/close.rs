//! `deploy-action close`: the closing step of a job, which runs whatever became of it: it waits for children that a keeper
//! holds, and says what is true.

use std::{path::Path, time::Duration};

use camino::Utf8Path;

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    session::{Choice, Session, block_on, execute_error, looking, select},
};
use crate::{
    diagnostic::words::count,
    ledger::{KeptChild, TaskRecord},
    plan::model::Way,
    process::kept::{self, KeptState},
};

/// GitHub gives a cancelled job five minutes in all; what is left goes to saying so.
const LONGEST: Duration = Duration::from_secs(270);

/// Says that a job left nothing open.
pub(super) const NOTHING_OPEN: &str = "nothing was left running";

/// Waits for what a cancelled job left running, and says what is true
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action close")]
pub struct CloseArgs {
    #[command(flatten)]
    plan: PlanFile,
    #[command(flatten)]
    choice: Choice,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan is not valid, or the ledger cannot be read.
pub fn close(args: &CloseArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(async {
        let session = Session::open(&args.plan, &args.choice, environment).await?;
        let graph = session.graph(environment)?;
        let selected = select(&graph, &args.choice)?;
        let recorder = session.recorder(Vec::new())?;
        let options = looking();
        let run = session
            .run(&graph, &options, &recorder, selected.clone())
            .await?;
        let mut left = Vec::new();
        for index in selected {
            let key = &graph.nodes()[index].key;
            let children = {
                let known = recorder.known();
                known.state().task(key).map(open).unwrap_or_default()
            };
            for child in children {
                let ledger = recorder
                    .ledger_of(key)
                    .map_err(|error| execute_error(&error))?;
                let folder = ledger
                    .path_of(&child.folder)
                    .map_err(|error| execute_error(&error.into()))?;
                let state = kept::wait(Path::new(folder.as_str()), LONGEST)
                    .await
                    .map_err(|error| execute_error(&error.into()))?;
                output::words(&format!("{key}: {}\n", words(&state, &child.purpose)));
                left.push(entry(&key.to_string(), &state, &child.purpose));
            }
            let rescued = run.rescue(index).map_err(|error| execute_error(&error))?;
            if let Some(path) = rescued {
                output::words(&format!(
                    "{key}: its state could not be written to the backend and is kept in `{path}`; next: deploy-action recover --task {key}\n"
                ));
            }
        }
        if left.is_empty() {
            output::words(&format!("{NOTHING_OPEN}\n"));
        } else {
            output::words(&format!(
                "{} left without a word; the next run takes over what ended, and asks about the rest\n",
                count(left.len(), "child")
            ));
        }
        if args.format == output::Format::Json {
            output::json(&left.into());
        }
        Ok(Exit::Done)
    })
}

/// The children of a task without an end on record: those of an unfinished attempt, or the one that undoes it.
fn open(record: &TaskRecord) -> Vec<KeptChild> {
    let Some(attempt) = &record.attempt else {
        return Vec::new();
    };
    if record.unfinished().is_some() {
        return attempt.kept.clone();
    }
    let last = attempt.kept.last();
    let undoes = last.filter(|child| {
        let is_destruction = Utf8Path::new(&child.folder).file_name() == Some(Way::Destroy.word());
        is_destruction && record.undone.way.is_none()
    });
    undoes.cloned().into_iter().collect()
}

/// A child that was left, for programs.
fn entry(task: &str, state: &KeptState, purpose: &str) -> serde_json::Value {
    let (word, how, keeper) = match state {
        KeptState::Ended(ended) => ("ended", Some(ended.how.to_string()), None),
        KeptState::Running(keeper) => ("running", None, Some(keeper.pid)),
        KeptState::Vanished => ("vanished", None, None),
        KeptState::NeverStarted => ("never-started", None, None),
    };
    serde_json::json!({
        "task": task, "purpose": purpose, "state": word, "how": how, "keeper": keeper,
    })
}

fn words(state: &KeptState, purpose: &str) -> String {
    match state {
        KeptState::Ended(ended) => format!("{purpose}: ended with {}", ended.how),
        KeptState::Running(keeper) => format!(
            "{purpose}: still runs under keeper {} and will be lost with this machine",
            keeper.pid
        ),
        KeptState::Vanished => format!("{purpose}: is gone, and nobody knows how it ended"),
        KeptState::NeverStarted => format!("{purpose}: was never started"),
    }
}
