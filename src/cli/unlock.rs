//! `deploy-action unlock`: a lease whose run is dead, or the lock of a terraform state.

use jiff::Timestamp;

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    repair::under_lease,
    session::{Choice, Session, block_on, execute_error},
};
use crate::ledger::{Host, Lease, is_alive};

/// Takes away a lease whose run is dead, or the lock of a terraform state
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A run holds a lease on each environment that it writes to; where its machine is gone, the lease ends
by itself two minutes after its last sign of life. Terraform's backend has a lock of its own; a run
that meets it names its holder and its id.

Examples:
  deploy-action unlock                          the leases of dead runs
  deploy-action unlock --run 1234               the lease of this run, though it may live
  deploy-action unlock --task network --id 6d1f the lock of a terraform state")]
pub struct UnlockArgs {
    /// The id of a state's lock, as the run that met it was told; wants --task
    #[arg(long, value_name = "ID", requires = "task")]
    id: Option<String>,
    /// Takes the lease from this run, though it may live
    #[arg(long, value_name = "RUN", conflicts_with = "id")]
    run: Option<String>,
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
/// A run lives, the lock is another's, or the ledger cannot be read.
pub fn unlock(args: &UnlockArgs, environment: &Environment) -> Result<Exit, CliError> {
    match &args.id {
        Some(id) => block_on(under_lease(
            (&args.plan, &args.choice, args.format),
            environment,
            async |run, index| run.force_unlock(index, id).await,
        )),
        None => block_on(leases(args, environment)),
    }
}

async fn leases(args: &UnlockArgs, environment: &Environment) -> Result<Exit, CliError> {
    let session = Session::open(&args.plan, &args.choice, environment).await?;
    let recorder = session.recorder(Vec::new())?;
    let (now, here) = (session.world.now(), Host::here());
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for ledger in recorder.ledgers() {
        let failed = |error: crate::ledger::LedgerError| execute_error(&error.into());
        let Some(lease) = ledger.holder().map_err(failed)? else {
            continue;
        };
        let is_named = args.run.as_deref() == Some(lease.run.as_str());
        let is_dead = lease.lapse(&here, now, is_alive).is_some();
        if !is_named && !is_dead {
            left.push(lease);
            continue;
        }
        // It is taken from the run that was looked at, and from no later one.
        taken.extend(ledger.unlock(&lease.run).map_err(failed)?);
    }
    for lease in &taken {
        output::words(&format!("run `{}` {} no more\n", lease.run, lease.reason));
    }
    if args.format == output::Format::Json {
        let runs = taken.iter().map(|lease| lease.run.as_str().into());
        output::json(&serde_json::Value::Array(runs.collect()));
    }
    match left.first() {
        Some(lease) => Err(lives(lease, now)),
        None if taken.is_empty() => {
            output::words("no lease is held\n");
            Ok(Exit::Done)
        }
        None => Ok(Exit::Done),
    }
}

fn lives(lease: &Lease, now: Timestamp) -> CliError {
    let seconds = now.duration_since(lease.heartbeat).as_secs();
    let message = format!(
        "run `{}` {}, and gave a sign of life {seconds} s ago",
        lease.run, lease.reason
    );
    CliError::new(Exit::Unavailable, message).hint(format!(
        "wait for its end; `deploy-action unlock --run {}` takes the lease from it all the same",
        lease.run
    ))
}
