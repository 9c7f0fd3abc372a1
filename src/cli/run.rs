//! `deploy-action run`: carries out a plan, resuming from the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    time::Duration,
};

use super::{
    CliError, Environment, Exit, bundles, exit, look, outcome, output, page_watch,
    plan_file::PlanFile,
    session::{Choice, Session, block_on, execute_error, select},
    signals,
};
use crate::{
    diagnostic::words::count,
    event::{Event, RunSummary, StartedRun},
    execute::{DryRun, Options, Reads, Run},
    github::{Nonce, file::append_outputs},
    graph::TaskGraph,
    ident::TaskKey,
    ledger::{Acquisition, Claim, Host, Ledger, Member, this_process},
    plan::duration,
    workflow::{action, jobs_with_work},
};

const EXAMPLES: &str = "\
Examples:
  deploy-action run --dry-run
  deploy-action run --environment staging
  deploy-action run --task build --force build
  deploy-action run --from app --input region=eu
  deploy-action run --bundle sha256:DIGEST  exactly what was previewed
  deploy-action run --done migrate        it was interrupted, and somebody looked: it is done";

/// Carries out the plan, resuming from the ledger
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{}", exit::table())
)]
pub struct RunArgs {
    #[command(flatten)]
    pub(super) plan: PlanFile,
    #[command(flatten)]
    pub(super) choice: Choice,
    /// Carries out exactly what this bundle of `preview` holds, or refuses
    #[arg(long, value_name = "DIGEST", env = "DEPLOY_ACTION_BUNDLE")]
    pub(super) bundle: Option<String>,
    #[command(flatten)]
    pub(super) bundles: bundles::Folder,
    /// Runs this task although its record stands, or again although nobody knows how it ended; may be repeated
    #[arg(long, value_name = "TASK")]
    pub(super) force: Vec<String>,
    /// Says that this interrupted task is done; may be repeated
    #[arg(long, value_name = "TASK")]
    pub(super) done: Vec<String>,
    /// Confirms this gate; may be repeated
    #[arg(long, value_name = "TASK")]
    pub(super) confirm: Vec<String>,
    /// Age up to which the record of a task that changes the outside is believed without a look
    #[arg(long, value_name = "DURATION", default_value = "1d")]
    fresh_for: String,
    /// How many tasks run at once [default: one a processor]
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
    /// Starts nothing new after a failure
    #[arg(long)]
    fail_fast: bool,
    /// Prints what would run, and changes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Serves the page of the run on this machine while it goes on [default port: a free one]
    #[arg(
        long,
        value_name = "PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0",
        conflicts_with = "dry_run"
    )]
    watch_page: Option<u16>,
    /// Shows the output of all tasks, and not of failed ones alone
    #[arg(long, short)]
    verbose: bool,
    /// How the run is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
    /// How a run is shown while it goes on
    #[arg(long, value_enum, default_value = "auto")]
    progress: look::Progress,
}

/// How long a lease lasts without a heartbeat.
const LEASE: Duration = Duration::from_secs(120);

/// Runs the verb.
///
/// # Errors
///
/// Nothing could be run: the plan, the selection, the ledger.
pub fn run(args: &RunArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(carry_out(args, environment))
}

async fn carry_out(args: &RunArgs, environment: &Environment) -> Result<Exit, CliError> {
    let cancelled = signals::listen()?;
    let session = Session::open(&args.plan, &args.choice, environment).await?;
    let graph = session.graph(environment)?;
    let selected = select(&graph, &args.choice)?;
    if selected.is_empty() {
        output::words("nothing is selected\n");
        return Ok(Exit::NothingSelected);
    }
    let mut options = options(args, &session, &graph)?;
    if let Some(digest) = &args.bundle {
        let named = (digest.as_str(), &args.bundles);
        let opening = match args.dry_run {
            true => bundles::Opening::Nothing,
            false => bundles::Opening::Plans,
        };
        let reviewed = bundles::take(named, &session, (&graph, &selected), opening).await?;
        options.bundle = Some(reviewed);
    }
    let walks = selected
        .iter()
        .map(|&index| graph.nodes()[index].key.environment.clone());
    let look = look::Look::of(args.format, args.progress, environment, &session)?;
    let page = page_watch::start(args.watch_page)?;
    let mut reporters = look.reporters(args.verbose, &session, &graph, &selected);
    reporters.extend(page.iter().map(page_watch::PageWatch::reporter));
    let recorder = session.recorder(reporters)?.writing_to(walks.collect());
    let run = session.run(&graph, &options, &recorder, selected).await?;
    bundles::hold(&run)?;
    if args.dry_run {
        return dry_run(&run, args.format);
    }
    let member = Member {
        host: Host::here(),
        process: this_process(),
    };
    let held = acquire(&run, &session, &member)?;
    recorder.catch_up().map_err(|error| execute_error(&error))?;
    let carried_out = under_lease(&run, &session, cancelled);
    let exit = tokio::select! {
        exit = page_watch::beside(page, &session, &graph, carried_out) => exit,
        never = look.passes(&recorder) => match never {},
    };
    for ledger in held {
        ledger
            .release(&session.world.run, &member)
            .map_err(|error| execute_error(&error.into()))?;
    }
    if exit.is_ok() {
        look.end(&run);
    }
    exit
}

fn options(args: &RunArgs, session: &Session, graph: &TaskGraph<'_>) -> Result<Options, CliError> {
    let fresh_for = duration::parse(&args.fresh_for)
        .map_err(|error| CliError::new(Exit::Usage, format!("--fresh-for: {error}")))?;
    Ok(Options {
        force: named(graph, &args.force)?,
        done: named(graph, &args.done)?,
        confirm: named(graph, &confirmed(args, session))?,
        fresh_for,
        slots: args
            .jobs
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN),
        fail_fast: args.fail_fast,
        bundle: None,
        reads: Reads::Standing,
    })
}

/// Returns the gates that are confirmed: on the command line, or by the input `confirm` of a dispatched workflow.
fn confirmed(args: &RunArgs, session: &Session) -> Vec<String> {
    let inputs = &session.world.runner.event.inputs;
    let dispatched = inputs
        .get("confirm")
        .map(String::as_str)
        .unwrap_or_default();
    let names = dispatched
        .split([',', ' ', '\n'])
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    args.confirm.iter().cloned().chain(names).collect()
}

/// Returns the tasks with these names: every leg in every environment where the name says neither.
fn named(graph: &TaskGraph<'_>, names: &[String]) -> Result<BTreeSet<TaskKey>, CliError> {
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    let choice = Choice {
        task: names.to_vec(),
        ..Choice::default()
    };
    let indices = select(graph, &choice)?;
    Ok(indices
        .into_iter()
        .map(|index| graph.nodes()[index].key.clone())
        .collect())
}

/// Takes the lease of each walk that the run writes to.
pub(super) fn acquire<'r>(
    run: &'r Run<'_, '_>,
    session: &Session,
    member: &Member,
) -> Result<Vec<&'r Ledger>, CliError> {
    let mut held = Vec::new();
    for ledger in run.recorder.ledgers() {
        let claim = Claim {
            run: session.world.run.clone(),
            url: session.world.runner.run_url(),
            reason: format!("runs `{}`", session.plan().name),
            member: member.clone(),
            lasting: LEASE,
        };
        match ledger
            .acquire(&claim, session.world.now())
            .map_err(|error| execute_error(&error.into()))?
        {
            Acquisition::Acquired(lease) => {
                if let Some(from) = &lease.taken_from {
                    run.recorder.notice(&format!(
                        "run `{}`, which ended without a word, held the lease; it was taken over",
                        from.run
                    ));
                }
                held.push(ledger);
            }
            Acquisition::HeldBy(lease) => {
                for ledger in held {
                    ledger
                        .release(&session.world.run, member)
                        .map_err(|error| execute_error(&error.into()))?;
                }
                let place = lease.url.map(|url| format!(", {url}")).unwrap_or_default();
                let since = lease.acquired.strftime("%F %T UTC");
                return Err(CliError::new(Exit::Unavailable, format!("run `{}`{place} {}, since {since}", lease.run, lease.reason))
                    .hint("wait for its end; where its machine is gone, the lease ends by itself two minutes after its last sign of life"));
            }
        }
    }
    Ok(held)
}

async fn under_lease(
    run: &Run<'_, '_>,
    session: &Session,
    cancelled: signals::Cancelled,
) -> Result<Exit, CliError> {
    let error = |error| execute_error(&error);
    let own = session.world.run.clone();
    // Whoever else wrote here does not live, or it would hold the lease.
    run.recorder
        .mark_interrupted(|other| *other == own && run.has_other_members());
    let job = session
        .world
        .runner
        .run
        .as_ref()
        .and_then(|run| run.job.clone());
    let started = StartedRun {
        plan: session.plan().name.clone(),
        plan_digest: session.plan().digest(),
        job: job.clone(),
        commit: session.world.runner.revision.sha.clone(),
        actor: session.world.runner.event.actor.clone(),
        url: session.world.runner.run_url(),
        rehearsal: session.world.stand_ins.is_rehearsal(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        bundle: run.options.bundle.as_ref().map(|reviewed| reviewed.digest),
    };
    run.recorder
        .everywhere(&Event::RunStarted(started), session.world.now())
        .map_err(error)?;
    let exit = drive(run, session, cancelled).await?;
    let summary = RunSummary {
        job,
        exit: exit.code(),
    };
    run.recorder
        .everywhere(&Event::RunFinished(summary), session.world.now())
        .map_err(error)?;
    Ok(exit)
}

/// Drives the run, with a heartbeat beside it. A cancelled run leaves before the runner is killed; kept children stay.
async fn drive(
    run: &Run<'_, '_>,
    session: &Session,
    cancelled: signals::Cancelled,
) -> Result<Exit, CliError> {
    let listener = cancelled.clone();
    let ended = tokio::select! {
        statuses = run.drive(listener) => {
            statuses.map_err(|error| execute_error(&error))
        }
        signal = signals::leave(cancelled.clone()) => {
            session.keep_scratch();
            return Ok(outcome::cancelled(signal));
        }
        lost = heartbeat(run) => Err(lost),
    };
    match ended {
        Ok(statuses) => Ok(outcome::exit(run, &statuses, *cancelled.borrow())),
        Err(error) => {
            session.keep_scratch();
            Err(error)
        }
    }
}

/// Says every so often that the run lives. Ends only where the lease was lost.
pub(super) async fn heartbeat(run: &Run<'_, '_>) -> CliError {
    loop {
        tokio::time::sleep(LEASE / 4).await;
        if let Some(lost) = run.beat(LEASE) {
            return CliError::new(Exit::Unavailable, lost)
                .hint("nothing more is started; look at `deploy-action status`");
        }
    }
}

fn dry_run(run: &Run<'_, '_>, format: output::Format) -> Result<Exit, CliError> {
    let would_be = run.dry_run();
    let found: Vec<(String, &'static str)> = would_be
        .iter()
        .map(|(&index, would)| {
            let word = match would {
                DryRun::Run => "would run",
                DryRun::UpToDate => "up to date",
                DryRun::Observe => "up to date, would be observed again",
                DryRun::Depends => "up to date, unless what it reads comes out differently",
                DryRun::Skip => "skipped",
            };
            (run.graph.nodes()[index].key.to_string(), word)
        })
        .collect();
    match format {
        output::Format::Text => {
            let width = found
                .iter()
                .map(|(task, _)| task.len())
                .max()
                .unwrap_or_default();
            found
                .iter()
                .for_each(|(task, word)| output::data(&format!("{task:width$}  {word}\n")));
        }
        output::Format::Json => output::json(
            &found
                .iter()
                .map(|(task, word)| serde_json::json!({ "task": task, "would": word }))
                .collect(),
        ),
    }
    tell_runner(run, &would_be)?;
    let would = found
        .iter()
        .filter(|(_, word)| *word == "would run")
        .count();
    output::words(&format!(
        "{} of {} would run\n",
        would,
        count(found.len(), "task")
    ));
    Ok(Exit::Done)
}

/// On a runner, the jobs that have something to do and the digest that approvals are bound to are outputs of the step.
fn tell_runner(run: &Run<'_, '_>, would_be: &BTreeMap<usize, DryRun>) -> Result<(), CliError> {
    let Some(path) = &run.world.runner.files.output else {
        return Ok(());
    };
    // What is observed again needs a runner as much as what runs; what depends is decided in its own job.
    let has_work = |index: usize| {
        !matches!(
            would_be.get(&index),
            None | Some(DryRun::UpToDate | DryRun::Skip)
        )
    };
    let jobs = jobs_with_work(run.graph, &run.selected, has_work)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let jobs = serde_json::Value::from(jobs).to_string();
    let reviewed = run.options.bundle.as_ref();
    let digest = reviewed.map_or_else(|| run.graph.plan().digest(), |reviewed| reviewed.digest);
    let digest = digest.to_string();
    let outputs = [
        (action::OUTPUT_JOBS, jobs.as_str()),
        (action::OUTPUT_DIGEST, digest.as_str()),
    ];
    look::warn_of_dropped(run, &outputs);
    let nonce = Nonce::random().map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    append_outputs(path, &outputs, &nonce).map_err(|error| CliError::from_error(Exit::Bug, &error))
}
