//! `deploy-action drift`: what somebody else changed since it was applied.

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    repair::with_run,
    session::{Choice, block_on, execute_error},
};
use crate::{
    diagnostic::words::count,
    execute::{Drifted, Run},
    ledger::TaskState,
    plan::model::Kind,
};

/// Looks for what somebody else changed since it was applied
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asked are the terraform tasks whose last attempt succeeded, by a plan that only refreshes: it changes
nothing. One that was never applied, or whose attempt was cut off, is not somebody else's change.

Exit code 3 says that something drifted.

Examples:
  deploy-action drift
  deploy-action drift --environment production --format json")]
pub struct DriftArgs {
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
/// The plan is not valid, or something cannot be asked.
pub fn drift(args: &DriftArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(with_run(
        (&args.plan, &args.choice),
        environment,
        async |run| look(run, args.format).await,
    ))
}

async fn look(run: &Run<'_, '_>, format: output::Format) -> Result<Exit, CliError> {
    let (mut told, mut n_drifted, mut failed) = (Vec::new(), 0, None);
    for &index in &run.selected {
        let node = &run.graph.nodes()[index];
        let applied = matches!(
            run.state_of(index),
            Some(TaskState::Succeeded | TaskState::UpToDate { .. })
        );
        if node.task.kind != Kind::Terraform || !applied {
            continue;
        }
        match run.drift(index).await {
            Ok(drifted) => {
                n_drifted += usize::from(!drifted.is_nothing());
                say(&node.key.to_string(), &drifted, format);
                told.push(serde_json::json!({
                    "task": node.key.to_string(), "drift": drifted.entries,
                }));
            }
            // The others are looked at all the same.
            Err(error) => {
                output::words(&format!("{}: {error}\n", node.key));
                failed = failed.or(Some(execute_error(&error)));
            }
        }
    }
    if format == output::Format::Json {
        output::json(&serde_json::Value::from(told.clone()));
    }
    match failed {
        Some(error) => return Err(error),
        None if told.is_empty() => output::words("no terraform task was applied\n"),
        None => output::words(&format!(
            "{n_drifted} of {} drifted\n",
            count(told.len(), "task")
        )),
    }
    Ok(match n_drifted {
        0 => Exit::Done,
        _ => Exit::Drift,
    })
}

fn say(key: &str, drifted: &Drifted, format: output::Format) {
    if format == output::Format::Json {
        return;
    }
    match drifted.is_nothing() {
        true => output::data(&format!("{key}: as it was applied\n")),
        false => output::data(&format!("{key}: drifted\n{}", drifted.lines())),
    }
}
