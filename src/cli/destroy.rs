//! `deploy-action destroy`: the way back through all that an environment holds, behind a gate.

use super::{
    CliError, Environment, Exit, outcome, output,
    plan_file::{DEFAULT, PlanFile},
    run::{acquire, heartbeat},
    session::{Choice, Session, block_on, execute_error, looking, select},
    signals,
};
use crate::{
    diagnostic::words::{count, list_ticked},
    event::{Failure, FailureKind, Record},
    execute::{DestructionGate, Doomed, ExecuteError, Held, Left, Options, Reads, Run},
    ident::{EnvironmentName, TaskKey},
    ledger::{Host, Member, this_process},
    process::{GRACE_WHEN_CANCELLED, Patience, StopListener, stopper},
    report::Reporter,
};

/// Destroys what an environment holds, the latest first, once somebody confirmed it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Destroyed are the modules of terraform tasks, each by a saved plan that was shown before; what other kinds
changed is listed as not destroyed. Shared tasks belong to no environment and stay.

Nothing is destroyed without a confirmation: exit code 4 then, with what would go. In an environment with
reviewers it is their approval of the run on GitHub, else `--confirm` with the environment's name.
What was cut off goes on with the next call.

Examples:
  deploy-action destroy --environment staging
  deploy-action destroy --environment staging --confirm staging
  deploy-action destroy --environment staging --task cluster --dry-run")]
pub struct DestroyArgs {
    #[command(flatten)]
    plan: PlanFile,
    #[command(flatten)]
    choice: Choice,
    /// Confirms that what this environment holds is destroyed
    #[arg(long, value_name = "ENVIRONMENT")]
    confirm: Option<String>,
    /// Prints what would go, and destroys nothing
    #[arg(long)]
    dry_run: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan or the choice is not valid, something cannot be planned, or a service cannot be asked.
pub fn destroy(args: &DestroyArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(carry_out(args, environment))
}

async fn carry_out(args: &DestroyArgs, environment: &Environment) -> Result<Exit, CliError> {
    let name = the_environment(args)?;
    let cancelled = signals::listen()?;
    let session = Session::open(&args.plan, &args.choice, environment).await?;
    let graph = session.graph(environment)?;
    let mut selected = select(&graph, &args.choice)?;
    selected.retain(|&index| graph.nodes()[index].key.environment.as_ref() == Some(&name));
    if selected.is_empty() {
        output::words(&format!("no such task belongs to `{name}`\n"));
        return Ok(Exit::NothingSelected);
    }
    let recorder = session
        .recorder(vec![Box::new(Lines)])?
        .writing_to([Some(name.clone())].into_iter().collect());
    let options = Options {
        reads: Reads::LastKnown,
        ..looking()
    };
    let run = session.run(&graph, &options, &recorder, selected).await?;
    let member = Member {
        host: Host::here(),
        process: this_process(),
    };
    let leased = acquire(&run, &session, &member)?;
    let (stopper, stop) = stopper();
    let asked = Asked {
        args,
        name: &name,
        stop: &stop,
    };
    let work = async {
        recorder.catch_up().map_err(|error| execute_error(&error))?;
        asked.through(&run).await
    };
    let exit = tokio::select! {
        exit = work => exit,
        never = passes_on(cancelled.clone(), stopper) => match never {},
        signal = signals::leave(cancelled.clone()) => {
            session.keep_scratch();
            Ok(outcome::cancelled(signal))
        }
        lost = heartbeat(&run) => Err(lost),
    };
    for ledger in leased {
        ledger
            .release(&session.world.run, &member)
            .map_err(|error| execute_error(&error.into()))?;
    }
    match (*cancelled.borrow(), exit) {
        (Some(signal), Ok(_)) => Ok(outcome::cancelled(signal)),
        (Some(signal), Err(error)) if error.exit != Exit::Bug => Err(CliError {
            exit: outcome::cancelled(signal),
            ..error
        }),
        (_, exit) => exit,
    }
}

/// Asks children to stop as soon as a signal is heard.
async fn passes_on(
    mut cancelled: signals::Cancelled,
    stopper: crate::process::Stopper,
) -> std::convert::Infallible {
    loop {
        if cancelled.borrow_and_update().is_some() {
            stopper.stop(Patience::AtMost(GRACE_WHEN_CANCELLED));
            return std::future::pending().await;
        }
        if cancelled.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Returns the one environment that is meant.
fn the_environment(args: &DestroyArgs) -> Result<EnvironmentName, CliError> {
    let usage = |message: String| CliError::new(Exit::Usage, message);
    let [name] = &args.choice.environment[..] else {
        let found = args.choice.environment.len();
        return Err(
            usage(format!("one environment is wanted, and {found} are named"))
                .hint("name it by `--environment NAME`; what is shared by all stays"),
        );
    };
    if let Some(confirmed) = args.confirm.as_ref().filter(|other| *other != name) {
        return Err(usage(format!(
            "`{confirmed}` is confirmed, and `{name}` is to be destroyed"
        )));
    }
    name.parse().map_err(|error| usage(format!("{error}")))
}

/// Shows what terraform says while it works.
struct Lines;

impl Reporter for Lines {
    fn record(&mut self, _: &Record) {}

    fn output(&mut self, task: &TaskKey, line: &str) {
        output::words(&format!("{task}: {line}\n"));
    }

    fn notice(&mut self, text: &str) {
        output::words(&format!("notice: {text}\n"));
    }
}

/// What was asked for.
struct Asked<'a> {
    args: &'a DestroyArgs,
    name: &'a EnvironmentName,
    stop: &'a StopListener,
}

/// What has become of a task, for programs.
struct Told {
    doomed: Vec<(Doomed, &'static str)>,
    left: Vec<Left>,
}

impl Asked<'_> {
    async fn through(&self, run: &Run<'_, '_>) -> Result<Exit, CliError> {
        let Held { units, mut left } = run.held();
        if !self.is_narrowed() {
            left.extend(run.obsolete(self.name));
        }
        let mut told = Told {
            doomed: Vec::new(),
            left,
        };
        let planned = self.plan(run, &units, &mut told).await;
        self.show(&told);
        let ended = match planned {
            Ok(()) => self.behind_the_gate(run, &mut told).await,
            Err(error) => Err(error),
        };
        for (doomed, _) in told.doomed.iter().filter(|(_, word)| *word == WAITS) {
            doomed.give_up().map_err(|error| execute_error(&error))?;
        }
        if self.args.format == output::Format::Json {
            output::json(&self.told(&told));
        }
        ended
    }

    /// Plans everything before anything is destroyed.
    async fn plan(
        &self,
        run: &Run<'_, '_>,
        units: &[usize],
        told: &mut Told,
    ) -> Result<(), CliError> {
        for &index in units {
            match run.doom(index, self.stop).await {
                Ok(doomed) => told.doomed.push((doomed, WAITS)),
                Err(error) => {
                    let key = &run.graph.nodes()[index].key;
                    let error = execute_error(&error);
                    return Err(CliError {
                        message: format!("{key}: {}; nothing was destroyed", error.message),
                        ..error
                    });
                }
            }
        }
        Ok(())
    }

    fn show(&self, told: &Told) {
        if self.args.format == output::Format::Text {
            let doomed = told.doomed.iter().map(|(doomed, _)| doomed.lines());
            output::data(&doomed.collect::<String>());
        }
        for Left { task, because } in &told.left {
            output::words(&format!("{task}: not destroyed: {because}\n"));
        }
    }

    async fn behind_the_gate(&self, run: &Run<'_, '_>, told: &mut Told) -> Result<Exit, CliError> {
        if told.doomed.is_empty() {
            output::words(&format!("nothing in `{}` can be destroyed\n", self.name));
            return Ok(self.of_left(told));
        }
        if self.args.dry_run {
            output::words(&format!(
                "{} would be destroyed\n",
                count(told.doomed.len(), "task")
            ));
            return Ok(Exit::Done);
        }
        let confirmed = self.args.confirm.as_ref().map(|_| self.name);
        let gate = run
            .destruction_gate(self.name, confirmed)
            .await
            .map_err(|error| execute_error(&error))?;
        match gate {
            DestructionGate::Open { by, .. } => self.destroy(run, told, &by).await,
            closed => {
                output::words(&self.closed(&closed));
                Ok(Exit::Paused)
            }
        }
    }

    fn closed(&self, gate: &DestructionGate) -> String {
        let name = self.name;
        match gate {
            DestructionGate::Approval { gate, reviewers } => format!(
                "nothing was destroyed: `{name}` is destroyed once {} approved the run on GitHub for the environment `{gate}`\n",
                list_ticked(reviewers.iter().map(String::as_str)),
            ),
            DestructionGate::Open { .. } | DestructionGate::Confirmation => format!(
                "nothing was destroyed: `{name}` wants a confirmation\nnext: {}\n",
                self.confirming()
            ),
        }
    }

    /// The command that confirms this one.
    fn confirming(&self) -> String {
        let (choice, name) = (&self.args.choice, self.name);
        let mut words = vec!["deploy-action destroy".to_owned()];
        if self.args.plan.file != DEFAULT {
            words.push(quoted(self.args.plan.file.as_str()));
        }
        words.push(format!("--environment {name}"));
        let options = [
            ("--phase", &choice.phase),
            ("--task", &choice.task),
            ("--input", &choice.input),
        ];
        for (option, values) in options {
            words.extend(
                values
                    .iter()
                    .map(|value| format!("{option} {}", quoted(value))),
            );
        }
        let more = [
            ("--from", choice.from.as_deref()),
            ("--state", choice.state.as_ref().map(|state| state.as_str())),
        ];
        for (option, value) in more {
            words.extend(value.map(|value| format!("{option} {}", quoted(value))));
        }
        words.push(format!("--confirm {name}"));
        words.join(" ")
    }

    /// Destroys one after the other. The first failure stops it.
    async fn destroy(
        &self,
        run: &Run<'_, '_>,
        told: &mut Told,
        by: &str,
    ) -> Result<Exit, CliError> {
        let mut stopped = None;
        for (doomed, word) in &mut told.doomed {
            let key = &doomed.task;
            if let Some((_, at)) = &stopped {
                output::words(&format!("{key}: not destroyed: it stopped at `{at}`\n"));
                continue;
            }
            match run.destroy(doomed, by, self.stop).await {
                Ok(None) => {
                    *word = DESTROYED;
                    output::words(&format!("{key}: destroyed, confirmed by {by}\n"));
                }
                Ok(Some(failure)) => {
                    *word = FAILED;
                    stopped = Some((error_of(key, failure), key.clone()));
                }
                Err(error) => {
                    *word = OPEN;
                    stopped = Some((self.cut_off(key, &error), key.clone()));
                }
            }
        }
        match stopped {
            Some((error, _)) => Err(error),
            None => Ok(self.of_left(told)),
        }
    }

    fn cut_off(&self, key: &TaskKey, error: &ExecuteError) -> CliError {
        let error = execute_error(error);
        CliError {
            message: format!("{key}: {}", error.message),
            ..error
        }
        .hint("the next `destroy` waits for what goes on, and goes on with it")
    }

    /// What was asked for by name and stays is a failure.
    fn of_left(&self, told: &Told) -> Exit {
        let is_named = !self.args.choice.task.is_empty();
        match is_named && !told.left.is_empty() {
            true => Exit::Failed,
            false => Exit::Done,
        }
    }

    fn is_narrowed(&self) -> bool {
        let Choice {
            phase, task, from, ..
        } = &self.args.choice;
        !phase.is_empty() || !task.is_empty() || from.is_some()
    }

    fn told(&self, told: &Told) -> serde_json::Value {
        let doomed = told.doomed.iter().map(|(doomed, word)| {
            serde_json::json!({
                "task": doomed.task.to_string(), "state": word,
                "resources": doomed.resources, "data-loss": doomed.data_loss,
            })
        });
        let left = told.left.iter().map(
            |left| serde_json::json!({ "task": left.task.to_string(), "because": left.because }),
        );
        serde_json::json!({
            "environment": self.name.as_str(),
            "tasks": doomed.collect::<Vec<_>>(),
            "not-destroyed": left.collect::<Vec<_>>(),
            "confirm": self.confirming(),
        })
    }
}

/// Planned, and nothing else.
const WAITS: &str = "planned";
const DESTROYED: &str = "destroyed";
const FAILED: &str = "failed";
/// Cut off: how it ends is found by the next call.
const OPEN: &str = "cut-off";

/// Failures that this stage knows are no wrong usage any more: something ran.
fn error_of(key: &TaskKey, failure: Failure) -> CliError {
    let exit = match failure.kind {
        FailureKind::Unavailable | FailureKind::Quota | FailureKind::StateLocked => {
            Exit::Unavailable
        }
        FailureKind::Internal => Exit::Bug,
        _ => Exit::Failed,
    };
    let error = CliError::new(exit, format!("{key}: {}", failure.message));
    match failure.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Writes a word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./=:@,+%".contains(sign);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
