//! `deploy-action explain`: which part of a task's fingerprint changed since it last ran.

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    session::{Choice, Session, block_on, execute_error, looking, select},
};
use crate::{
    diagnostic::words::count,
    execute::Run,
    plan::fingerprint::{Change, changes},
};

/// Says which part of a task's fingerprint changed since it last ran
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The task, as TASK, TASK[LEG] or TASK@ENVIRONMENT
    #[arg(value_name = "TASK")]
    name: String,
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
/// The plan is not valid, has no such task, or the ledger cannot be read.
pub fn explain(args: &ExplainArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(async {
        let session = Session::open(&args.plan, &args.choice, environment).await?;
        let graph = session.graph(environment)?;
        let selected = select(
            &graph,
            &Choice {
                task: vec![args.name.clone()],
                ..Choice::default()
            },
        )?;
        let options = looking();
        let recorder = session.recorder(Vec::new())?;
        let run = session.run(&graph, &options, &recorder, selected).await?;
        for &index in &run.selected {
            show(&run, index, args.format)?;
        }
        Ok(Exit::Done)
    })
}

fn show(run: &Run<'_, '_>, index: usize, format: output::Format) -> Result<(), CliError> {
    let key = run.graph.nodes()[index].key.clone();
    let now = match run.fingerprint_parts(index) {
        Ok(parts) => parts,
        Err(error) => {
            output::data(&format!("{key}: not known yet: {error}\n"));
            return Ok(());
        }
    };
    let known = run.recorder.known();
    let attempt = known
        .state()
        .task(&key)
        .and_then(|record| record.attempt.clone());
    let Some(attempt) = attempt else {
        output::data(&format!("{key}: has never run\n"));
        return Ok(());
    };
    let ledger = run
        .recorder
        .ledger_of(&key)
        .map_err(|error| execute_error(&error))?;
    let before = ledger
        .fingerprint_parts(&attempt.fingerprint)
        .map_err(|error| execute_error(&error.into()))?
        .unwrap_or_default();
    let found = changes(&before, now.as_map());
    match format {
        output::Format::Text => output::data(&text(&key.to_string(), &found, attempt.started)),
        output::Format::Json => output::json(&serde_json::json!({
            "task": key,
            "started": attempt.started,
            "changes": found.iter().map(|change| serde_json::json!({
                "part": change.part, "before": change.before, "now": change.now,
            })).collect::<Vec<_>>(),
        })),
    }
    Ok(())
}

fn text(key: &str, found: &[Change], started: jiff::Timestamp) -> String {
    let since = started.strftime("%F %T UTC");
    if found.is_empty() {
        return format!("{key}: nothing changed since {since}\n");
    }
    let mut text = format!(
        "{key}: {} changed since {since}\n",
        count(found.len(), "part")
    );
    for change in found {
        let before = change.before.as_deref().unwrap_or("(was not there)");
        let now = change.now.as_deref().unwrap_or("(is gone)");
        text.push_str(&format!(
            "  {}\n    was {before}\n    is  {now}\n",
            change.part
        ));
    }
    text
}
