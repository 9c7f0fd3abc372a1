//! `deploy-action rehearse`: the rendered job graph on this machine, on stand-ins.
mod close;
mod reviewed;
mod show;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZeroUsize,
    time::Instant,
};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::sync::mpsc;

use super::{
    CliError, Environment, Exit, output, plan_file,
    session::{block_on, execute_error, github, local_github, state_home},
    signals,
};
use crate::{
    cloud::IdTokens,
    diagnostic::Diagnostic,
    execute::StandIns,
    github::RunnerContext,
    graph,
    plan::{
        Plan,
        model::ConnectionKind,
        values::{Given, Values, Wanted},
    },
    probe::Git,
    process::{Patience, stopper},
    rehearse::{
        GithubWorld, JobReport, JobRunner, Played, RehearsedEvent, Source, Stage, StageOptions,
        inherited, play,
        registry::{self, Registry, RegistryOptions},
    },
    report::words,
    secret::{Masker, Secret},
    workflow::{RenderedFile, Target, files},
};

/// Rehearses the plan on this machine: its rendered jobs, on stand-ins where the thing is a cloud
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action rehearse
  deploy-action rehearse --event pull_request
  deploy-action rehearse --reviewed        a preview, and then exactly what it sealed
  cargo xtask rehearse relay")]
pub struct RehearseArgs {
    #[command(flatten)]
    plan: plan_file::PlanFile,
    /// The event that is rehearsed; without it a push to the default branch, then whatever is started by hand
    #[arg(long, value_enum)]
    event: Option<RehearsedEvent>,
    /// Previews pull request 1 first, carries out exactly the bundle that was sealed, and previews again
    #[arg(long, conflicts_with = "event")]
    reviewed: bool,
    /// Ends with 1 where a task was not run
    #[arg(long)]
    strict: bool,
    /// Forgets all earlier rehearsals of this plan
    #[arg(long)]
    fresh: bool,
    /// Folder of the rehearsal [default: one for this plan below $XDG_STATE_HOME/deploy-action/rehearsals]
    #[arg(long, value_name = "DIR")]
    stage: Option<Utf8PathBuf>,
    /// Value of an input, as NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    input: Vec<String>,
    /// How many jobs run at once [default: one a processor]
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
    /// Shows the output of all jobs as it comes
    #[arg(long, short)]
    verbose: bool,
    /// Prints what became of it to stdout as JSON, besides the words
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
    /// Starts the embedded registry alone, on its folder below the stage, until it is stopped
    #[arg(long)]
    registry_only: bool,
    /// Port of the registry that is started alone [default: a free one]
    #[arg(long, value_name = "NUMBER", requires = "registry_only")]
    port: Option<u16>,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan is not valid, or the stage cannot be set.
pub fn rehearse(args: &RehearseArgs, environment: &Environment) -> Result<Exit, CliError> {
    if args.registry_only {
        return block_on(serve_registry(args, environment));
    }
    block_on(rehearsal(args, environment))
}

async fn serve_registry(args: &RehearseArgs, environment: &Environment) -> Result<Exit, CliError> {
    let mut cancelled = signals::listen()?;
    let folder = args
        .stage
        .clone()
        .unwrap_or_else(|| state_home(environment).join("registry"));
    fs::create_dir_all(&folder).map_err(|error| CliError::file("make", &folder, &error))?;
    let started = Registry::start(RegistryOptions {
        folder: folder.clone(),
        port: args.port,
    });
    let registry = started.map_err(|error| CliError::from_error(Exit::Unavailable, &error))?;
    output::data(&format!("{}\n", registry.base_url()));
    output::words(&format!(
        "{} serves {folder} until it is stopped\n",
        registry::VERSION
    ));
    // The sender lives as long as this process; a change is a signal.
    drop(cancelled.changed().await);
    registry.stop().await;
    Ok(Exit::Done)
}

/// What is rehearsed, looked at once.
struct Subject {
    source: Source,
    plan_path: String,
    runner: RunnerContext,
    repository: String,
    sha: String,
    branch: String,
}

async fn rehearsal(args: &RehearseArgs, environment: &Environment) -> Result<Exit, CliError> {
    let began = Instant::now();
    let cancelled = signals::listen()?;
    let read = args.plan.read(environment)?;
    let plan = read
        .plan
        .as_ref()
        .ok_or_else(|| plan_file::invalid(&args.plan.file))?;
    let subject = look(plan, environment).await?;
    let given = Given {
        inputs: inputs(args)?,
        github: github(&subject.runner),
        rehearsal: true,
        ..Given::default()
    };
    let shown = |problems: Vec<Diagnostic>| {
        output::problems(environment, output::Format::Text, &read.source, &problems);
        plan_file::invalid(&args.plan.file)
    };
    let values = Values::resolve(plan, &given, Wanted::All).map_err(shown)?;
    let graph = graph::build(plan, &values).map_err(shown)?;
    let rendered = files(plan, &graph, &subject.plan_path, Target::GitHub)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let chosen = choose(&rendered, args.event)?;
    let registries = registries(plan, &values)?;
    let stage = set(args, environment, plan, &subject, registries)?;
    show::announce(environment, &stage, &subject, plan);
    let playing = Playing {
        args,
        environment,
        stage: &stage,
        subject: &subject,
        cancelled: cancelled.clone(),
    };
    let mut reports = Vec::new();
    let reviewed = match args.reviewed {
        true => Some(playing.review(&rendered, 0, &mut reports).await?),
        false => None,
    };
    let is_refused = matches!(reviewed, Some(None));
    for (number, (file, event)) in chosen.iter().enumerate() {
        if is_refused || cancelled.borrow().is_some() {
            break;
        }
        let bundle = reviewed.as_ref().and_then(Option::as_ref);
        let number = number as u64 + u64::from(args.reviewed);
        reports.extend(playing.play(file, *event, number, bundle).await?.reports);
    }
    if args.reviewed && !is_refused && cancelled.borrow().is_none() {
        // What was applied as reviewed leaves nothing to do.
        let number = chosen.len() as u64 + 1;
        playing.review(&rendered, number, &mut reports).await?;
    }
    let exit = close::close(
        args,
        environment,
        &stage,
        &close::Ended {
            repository: &subject.repository,
            plan,
            graph: &graph,
            values: &values,
            read: &read,
            reports: &reports,
        },
    )?;
    output::words(&format!(
        "rehearsed in {}\n",
        words::duration(began.elapsed())
    ));
    let exit = match *cancelled.borrow() {
        Some(signal) => super::outcome::cancelled(signal),
        None if is_refused && exit == Exit::Done => Exit::Failed,
        None => exit,
    };
    if exit == Exit::Done {
        stage
            .sweep()
            .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    }
    stage.strike().await;
    Ok(exit)
}

/// The hosts of the plan's registries, in all of its environments. None of them may be reached by a rehearsal.
fn registries(plan: &Plan, values: &Values) -> Result<BTreeSet<String>, CliError> {
    let registries = plan
        .connections
        .iter()
        .filter(|(_, connection)| connection.kind == ConnectionKind::Registry);
    let walks = || std::iter::once(None).chain(plan.environments.keys().map(Some));
    let mut hosts = BTreeSet::new();
    for (name, connection) in registries {
        let Some(host) = connection.body.get("host") else {
            continue;
        };
        let known: Vec<String> = walks()
            .filter_map(|walk| host.evaluate(&values.planning(plan, walk, None)).ok())
            .filter_map(|host| host.as_plain_text())
            .collect();
        if known.is_empty() {
            let refused = format!(
                "the host of connection `{name}` is known only in a run, so nothing can stand in for it"
            );
            return Err(CliError::new(Exit::Usage, refused)
                .hint("write the host out, or read it from an input"));
        }
        hosts.extend(known);
    }
    Ok(hosts)
}

fn inputs(args: &RehearseArgs) -> Result<BTreeMap<String, String>, CliError> {
    let pairs = args.input.iter().map(|pair| match pair.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(
            CliError::new(Exit::Usage, format!("`--input {pair}` has no value"))
                .hint("write `--input NAME=VALUE`"),
        ),
    });
    pairs.collect()
}

async fn look(plan: &Plan, environment: &Environment) -> Result<Subject, CliError> {
    let folder = plan
        .folder
        .canonicalize_utf8()
        .map_err(|error| CliError::file("find", &plan.folder, &error))?;
    let masker = Masker::default();
    let git = Git {
        variables: &environment.variables,
        masker: &masker,
    };
    let source = Source::read(&folder, &git)
        .await
        .map_err(|error| execute_error(&error))?;
    let runner = local_github(environment, &folder).await?;
    let file = Utf8Path::new(plan.source.name())
        .file_name()
        .unwrap_or(plan_file::DEFAULT)
        .to_owned();
    let relative = folder
        .strip_prefix(&source.top)
        .unwrap_or(Utf8Path::new(""))
        .join(file);
    let name = Utf8Path::new(&plan.name)
        .file_name()
        .unwrap_or("plan")
        .replace(' ', "-");
    Ok(Subject {
        plan_path: relative.to_string(),
        repository: runner
            .repository
            .as_ref()
            .map_or_else(|| format!("rehearsal/{name}"), ToString::to_string),
        sha: runner
            .revision
            .sha
            .clone()
            .unwrap_or_else(|| "0".repeat(40)),
        branch: "main".to_owned(),
        source,
        runner,
    })
}

/// The workflows that are played, each with its event.
fn choose(
    rendered: &[RenderedFile],
    event: Option<RehearsedEvent>,
) -> Result<Vec<(&RenderedFile, RehearsedEvent)>, CliError> {
    let started_by = |file: &RenderedFile, event: RehearsedEvent| starts(&file.workflow.on, event);
    let chosen: Vec<(&RenderedFile, RehearsedEvent)> = match event {
        Some(event) => rendered
            .iter()
            .filter(|file| started_by(file, event))
            .map(|file| (file, event))
            .collect(),
        None => {
            let pushed = rendered
                .iter()
                .filter(|file| started_by(file, RehearsedEvent::Push))
                .map(|file| (file, RehearsedEvent::Push));
            let by_hand = rendered
                .iter()
                .filter(|file| {
                    !started_by(file, RehearsedEvent::Push)
                        && started_by(file, RehearsedEvent::Dispatch)
                })
                .map(|file| (file, RehearsedEvent::Dispatch));
            pushed.chain(by_hand).collect()
        }
    };
    if chosen.is_empty() {
        return Err(CliError::new(
            Exit::NothingSelected,
            "no workflow of the plan is started by that event",
        )
        .hint("`workflows` of the plan says which events start what"));
    }
    Ok(chosen)
}

fn starts(on: &serde_json::Value, event: RehearsedEvent) -> bool {
    let filter = |name: &str| match on {
        serde_json::Value::String(only) => (only == name).then_some(&serde_json::Value::Null),
        serde_json::Value::Array(names) => names
            .iter()
            .any(|listed| listed == name)
            .then_some(&serde_json::Value::Null),
        serde_json::Value::Object(events) => events.get(name),
        _ => None,
    };
    match event {
        RehearsedEvent::Push => filter("push")
            .is_some_and(|push| push.get("branches").is_some() || push.get("tags").is_none()),
        RehearsedEvent::Tag => filter("push")
            .is_some_and(|push| push.get("tags").is_some() || push.get("branches").is_none()),
        RehearsedEvent::Dispatch => filter("workflow_dispatch").is_some(),
        RehearsedEvent::PullRequest => filter("pull_request").is_some(),
    }
}

fn set(
    args: &RehearseArgs,
    environment: &Environment,
    plan: &Plan,
    subject: &Subject,
    registries: BTreeSet<String>,
) -> Result<Stage, CliError> {
    // Two clones of one repository are two stages; they never meet.
    let place =
        crate::digest::Digest::of(format!("{}/{}", subject.source.top, subject.plan_path)).short();
    let name = format!(
        "{}-{place}",
        plan.name
            .replace(|character: char| !character.is_ascii_alphanumeric(), "-")
    );
    let options = StageOptions {
        folder: args
            .stage
            .clone()
            .unwrap_or_else(|| state_home(environment).join("rehearsals").join(name)),
        fresh: args.fresh,
        repository: subject.repository.clone(),
        sha: subject.sha.clone(),
        branch: subject.branch.clone(),
        is_merged: args.event != Some(RehearsedEvent::PullRequest),
        registries,
        program: environment.program.clone(),
    };
    Stage::set(&options, plan).map_err(|error| {
        CliError::from_error(Exit::Unavailable, &error)
            .hint("wait for its end, or name another folder by `--stage`")
    })
}

/// A workflow that was played.
struct Ended {
    reports: Vec<JobReport>,
    /// What its jobs kept.
    artifacts: Utf8PathBuf,
}

/// What all workflows of a rehearsal have in common.
struct Playing<'p> {
    args: &'p RehearseArgs,
    environment: &'p Environment,
    stage: &'p Stage,
    subject: &'p Subject,
    cancelled: signals::Cancelled,
}

impl Playing<'_> {
    /// Plays one workflow, with the output of its jobs on stderr.
    async fn play(
        &self,
        file: &RenderedFile,
        event: RehearsedEvent,
        number: u64,
        bundle: Option<&reviewed::Sealed>,
    ) -> Result<Ended, CliError> {
        // Two rehearsals of one stage are two runs, even when one follows the other within a second.
        let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
        let run = now * 100 + number;
        let inputs = inputs(self.args)?;
        output::words(&format!("\n{} ({})\n", file.workflow.name, event.words()));
        let world = GithubWorld {
            stage: self.stage,
            repository: &self.subject.repository,
            sha: &self.subject.sha,
            branch: &self.subject.branch,
            server_url: &self.subject.runner.servers.server_url,
            event,
            run,
            workflow: &file.workflow.name,
        };
        let work = self.stage.folder().join("work").join(run.to_string());
        fs::create_dir_all(&work).map_err(|error| CliError::file("make", &work, &error))?;
        let payload = work.join("event.json");
        fs::write(&payload, world.payload(&inputs).to_string())
            .map_err(|error| CliError::file("write", &payload, &error))?;
        let stand_ins = StandIns::read(&self.stage.stand_ins_file())
            .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
        let masker = masker(self.stage, &stand_ins)?;
        let (stopper, stop) = stopper();
        let base = inherited(&self.environment.variables);
        let artifacts = self.stage.folder().join("artifacts").join(run.to_string());
        let mut variables = world.variables(&payload);
        variables.extend(bundle.into_iter().flat_map(reviewed::Sealed::variables));
        let runner = JobRunner {
            program: &self.environment.program,
            base: &base,
            masker: &masker,
            work: work.clone(),
            artifacts: artifacts.clone(),
            stop,
        };
        let played = Played {
            workflow: &file.workflow,
            source: &self.subject.source,
            git: Git {
                variables: &self.environment.variables,
                masker: &masker,
            },
            contexts: world.contexts(&stand_ins, &inputs),
            variables,
            slots: self
                .args
                .jobs
                .or_else(|| std::thread::available_parallelism().ok())
                .unwrap_or(NonZeroUsize::MIN),
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        let playing = async {
            let result = play(&played, &runner, &sender).await;
            drop(sender);
            result
        };
        let stopping = async {
            let mut cancelled = self.cancelled.clone();
            while cancelled.borrow_and_update().is_none() {
                if cancelled.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            stopper.stop(Patience::Policy);
            std::future::pending::<()>().await
        };
        let reports = tokio::select! {
            (reports, ()) = async { tokio::join!(playing, show::show(receiver, self.environment, self.args.verbose)) } => reports,
            () = stopping => Ok(Vec::new()),
        };
        let reports = reports.map_err(|error| execute_error(&error))?;
        Ok(Ended { reports, artifacts })
    }
}

fn masker(stage: &Stage, stand_ins: &StandIns) -> Result<Masker, CliError> {
    let canaries = stand_ins
        .secrets
        .iter()
        .map(|(name, value)| (name.clone(), Secret::new(value.clone())));
    let token = std::iter::once(("GITHUB_TOKEN".to_owned(), stage.token().clone()));
    let google = stand_ins.google.iter();
    let google = google.flat_map(|google| IdTokens::secrets(&google.variables));
    Masker::new(canaries.chain(token).chain(google))
        .map_err(|error| CliError::from_error(Exit::Bug, &error))
}
