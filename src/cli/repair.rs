//! What the verbs that repair one task have in common: the task, and the lease that keeps runs away meanwhile.

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    run::acquire,
    session::{Choice, Session, execute_error, looking, select},
};
use crate::{
    execute::{ExecuteError, Repaired, Run},
    ledger::{Host, Member, this_process},
};

/// Puts a run together that carries nothing out, for those who look.
pub(super) async fn with_run(
    (plan, choice): (&PlanFile, &Choice),
    environment: &Environment,
    look: impl AsyncFnOnce(&Run<'_, '_>) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    let session = Session::open(plan, choice, environment).await?;
    let graph = session.graph(environment)?;
    let selected = select(&graph, choice)?;
    let recorder = session.recorder(Vec::new())?;
    let options = looking();
    let run = session.run(&graph, &options, &recorder, selected).await?;
    look(&run).await
}

/// Repairs the one task that is chosen, under the lease of its environment.
pub(super) async fn under_lease(
    (plan, choice, format): (&PlanFile, &Choice, output::Format),
    environment: &Environment,
    repair: impl AsyncFnOnce(&Run<'_, '_>, usize) -> Result<Repaired, ExecuteError>,
) -> Result<Exit, CliError> {
    let session = Session::open(plan, choice, environment).await?;
    let graph = session.graph(environment)?;
    let selected = select(&graph, choice)?;
    let mut tasks = selected.iter().copied();
    let (Some(index), None) = (tasks.next(), tasks.next()) else {
        let message = format!("one task is wanted, and {} are chosen", selected.len());
        return Err(CliError::new(Exit::Usage, message)
            .hint("name it by `--task TASK`, or `--task TASK@ENVIRONMENT`"));
    };
    let key = graph.nodes()[index].key.clone();
    let walks = [key.environment.clone()].into_iter().collect();
    let recorder = session.recorder(Vec::new())?.writing_to(walks);
    let options = looking();
    let run = session.run(&graph, &options, &recorder, selected).await?;
    let member = Member {
        host: Host::here(),
        process: this_process(),
    };
    let held = acquire(&run, &session, &member)?;
    let caught_up = recorder.catch_up();
    let repaired = match caught_up {
        Ok(()) => repair(&run, index).await,
        Err(error) => Err(error),
    };
    for ledger in held {
        ledger
            .release(&session.world.run, &member)
            .map_err(|error| execute_error(&error.into()))?;
    }
    let repaired = repaired.map_err(|error| execute_error(&error))?;
    output::words(&format!("{key}: {}\n", repaired.words));
    if format == output::Format::Json {
        let told = serde_json::json!({ "task": key.to_string(), "done": repaired.words });
        output::json(&told);
    }
    Ok(Exit::Done)
}
