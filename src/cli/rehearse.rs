//! `deploy-action rehearse`: the rendered job graph on this machine, on stand-ins.

use std::{collections::BTreeMap, fs, num::NonZeroUsize, time::Instant};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::sync::mpsc;

use super::{
    CliError, Environment, Exit, output, plan_file, report_files,
    session::{block_on, execute_error, local_github, state_home},
    signals,
};
use crate::{
    diagnostic::words::count,
    execute::{Git, StandIns},
    expression::{Map, Value},
    github::RunnerContext,
    graph::{self, TaskGraph},
    plan::{
        Plan,
        values::{Given, Values, Wanted},
    },
    process::{Patience, stopper},
    rehearse::{
        Happening, JobReport, JobResult, JobRunner, Played, Source, Stage, StageOptions,
        contexts::Contexts,
        play,
        registry::{self, Registry, RegistryOptions},
    },
    report::words,
    secret::{Masker, Secret},
    workflow::{RenderedFile, files},
};

/// Rehearses the plan on this machine: its rendered jobs, on stand-ins where the thing is a cloud
#[derive(Debug, clap::Args)]
pub struct RehearseArgs {
    #[command(flatten)]
    plan: plan_file::PlanFile,
    /// The event that is rehearsed; without it a push to the default branch, then whatever is started by hand
    #[arg(long, value_enum)]
    event: Option<RehearsedEvent>,
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
    /// Starts the embedded registry alone, on its folder below the stage, until it is stopped
    #[arg(long)]
    registry_only: bool,
    /// Port of the registry that is started alone [default: a free one]
    #[arg(long, value_name = "NUMBER", requires = "registry_only")]
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RehearsedEvent {
    /// A push to the default branch, of merged pull request 1
    Push,
    /// A push of a tag
    Tag,
    /// What is started by hand
    Dispatch,
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
    let given = Given {
        inputs: inputs(args)?,
        rehearsal: true,
        ..Given::default()
    };
    let shown = |problems: Vec<crate::diagnostic::Diagnostic>| {
        output::problems(environment, output::Format::Text, &read.source, &problems);
        plan_file::invalid(&args.plan.file)
    };
    let values = Values::resolve(plan, &given, Wanted::All).map_err(shown)?;
    let graph = graph::build(plan, &values).map_err(shown)?;
    let subject = look(plan, environment).await?;
    let rendered = files(plan, &graph, &subject.plan_path)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let chosen = choose(&rendered, args.event)?;
    let stage = set(args, environment, plan, &subject)?;
    announce(environment, &stage, &subject, plan);
    let mut reports = Vec::new();
    for (number, (file, event)) in chosen.iter().enumerate() {
        let played = play_one(
            args,
            environment,
            &stage,
            &subject,
            file,
            *event,
            number as u64,
            cancelled.clone(),
        )
        .await?;
        let ended_badly = played
            .iter()
            .any(|job| matches!(job.result, JobResult::Cancelled));
        reports.extend(played);
        if ended_badly {
            break;
        }
    }
    let exit = close(
        args,
        environment,
        &stage,
        &Ended {
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
    stage.strike().await;
    Ok(match *cancelled.borrow() {
        Some(signal) => super::outcome::cancelled(signal),
        None => exit,
    })
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
    }
}

fn set(
    args: &RehearseArgs,
    environment: &Environment,
    plan: &Plan,
    subject: &Subject,
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
        is_merged: true,
    };
    Stage::set(&options, plan).map_err(|error| {
        CliError::from_error(Exit::Unavailable, &error)
            .hint("wait for its end, or name another folder by `--stage`")
    })
}

fn announce(environment: &Environment, stage: &Stage, subject: &Subject, plan: &Plan) {
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

#[expect(
    clippy::too_many_arguments,
    reason = "one call, of the parts of one rehearsal"
)]
async fn play_one(
    args: &RehearseArgs,
    environment: &Environment,
    stage: &Stage,
    subject: &Subject,
    file: &RenderedFile,
    event: RehearsedEvent,
    number: u64,
    cancelled: signals::Cancelled,
) -> Result<Vec<JobReport>, CliError> {
    let run = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default() * 10 + number;
    output::words(&format!(
        "\n{} ({})\n",
        file.workflow.name,
        event_word(event)
    ));
    let world = Github {
        stage,
        subject,
        event,
        run,
        workflow: &file.workflow.name,
    };
    let work = stage.folder().join("work").join(run.to_string());
    fs::create_dir_all(&work).map_err(|error| CliError::file("make", &work, &error))?;
    let payload = work.join("event.json");
    fs::write(&payload, world.payload(args)?.to_string())
        .map_err(|error| CliError::file("write", &payload, &error))?;
    let stand_ins = StandIns::read(&stage.stand_ins_file())
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    let masker = masker(stage, &stand_ins)?;
    let (stopper, stop) = stopper();
    let base = inherited(environment);
    let runner = JobRunner {
        program: &environment.program,
        base: &base,
        masker: &masker,
        work: work.clone(),
        artifacts: stage.folder().join("artifacts").join(run.to_string()),
        stop,
    };
    let played = Played {
        workflow: &file.workflow,
        source: &subject.source,
        git: Git {
            variables: &environment.variables,
            masker: &masker,
        },
        contexts: world.contexts(&stand_ins),
        variables: world.variables(&payload),
        slots: args
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
        let mut cancelled = cancelled;
        while cancelled.borrow_and_update().is_none() {
            if cancelled.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        stopper.stop(Patience::Policy);
        std::future::pending::<()>().await
    };
    let reports = tokio::select! {
        (reports, ()) = async { tokio::join!(playing, show(receiver, environment, args.verbose)) } => reports,
        () = stopping => Ok(Vec::new()),
    };
    reports.map_err(|error| execute_error(&error))
}

fn event_word(event: RehearsedEvent) -> &'static str {
    match event {
        RehearsedEvent::Push => "push to main, of merged pull request 1",
        RehearsedEvent::Tag => "push of tag v1.0.0",
        RehearsedEvent::Dispatch => "started by hand",
    }
}

fn masker(stage: &Stage, stand_ins: &StandIns) -> Result<Masker, CliError> {
    let canaries = stand_ins
        .secrets
        .iter()
        .map(|(name, value)| (name.clone(), Secret::new(value.clone())));
    let token = std::iter::once(("GITHUB_TOKEN".to_owned(), stage.token().clone()));
    Masker::new(canaries.chain(token)).map_err(|error| CliError::from_error(Exit::Bug, &error))
}

/// The GitHub world of one run.
struct Github<'g> {
    stage: &'g Stage,
    subject: &'g Subject,
    event: RehearsedEvent,
    run: u64,
    workflow: &'g str,
}

impl Github<'_> {
    fn event_name(&self) -> &'static str {
        match self.event {
            RehearsedEvent::Push | RehearsedEvent::Tag => "push",
            RehearsedEvent::Dispatch => "workflow_dispatch",
        }
    }

    fn reference(&self) -> (String, &'static str, String) {
        match self.event {
            RehearsedEvent::Tag => ("refs/tags/v1.0.0".to_owned(), "tag", "v1.0.0".to_owned()),
            RehearsedEvent::Push | RehearsedEvent::Dispatch => (
                format!("refs/heads/{}", self.subject.branch),
                "branch",
                self.subject.branch.clone(),
            ),
        }
    }

    fn owner(&self) -> &str {
        self.subject
            .repository
            .split('/')
            .next()
            .unwrap_or_default()
    }

    fn variables(&self, payload: &Utf8Path) -> BTreeMap<String, String> {
        let (reference, ref_type, ref_name) = self.reference();
        let servers = &self.subject.runner.servers;
        let pairs = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_REPOSITORY", self.subject.repository.clone()),
            ("GITHUB_REPOSITORY_OWNER", self.owner().to_owned()),
            ("GITHUB_SHA", self.subject.sha.clone()),
            ("GITHUB_REF", reference),
            ("GITHUB_REF_TYPE", ref_type.to_owned()),
            ("GITHUB_REF_NAME", ref_name),
            ("GITHUB_EVENT_NAME", self.event_name().to_owned()),
            ("GITHUB_EVENT_PATH", payload.to_string()),
            ("GITHUB_RUN_ID", self.run.to_string()),
            ("GITHUB_RUN_NUMBER", "1".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_WORKFLOW", self.workflow.to_owned()),
            ("GITHUB_ACTOR", "rehearsal".to_owned()),
            ("GITHUB_SERVER_URL", servers.server_url.clone()),
            ("GITHUB_API_URL", self.stage.hub().api_url()),
            ("RUNNER_OS", "Linux".to_owned()),
            ("DEPLOY_ACTION_STATE", self.stage.state().to_string()),
            (
                crate::execute::stand_in::VARIABLE,
                self.stage.stand_ins_file().to_string(),
            ),
        ];
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn contexts(&self, stand_ins: &StandIns) -> Contexts {
        let (reference, ref_type, ref_name) = self.reference();
        let text = |value: &str| Value::from(value);
        let github: Map = [
            ("repository", text(&self.subject.repository)),
            ("repository_owner", text(self.owner())),
            ("sha", text(&self.subject.sha)),
            ("ref", text(&reference)),
            ("ref_type", text(ref_type)),
            ("ref_name", text(&ref_name)),
            ("event_name", text(self.event_name())),
            ("run_id", text(&self.run.to_string())),
            ("run_attempt", text("1")),
            ("actor", text("rehearsal")),
            ("token", Value::from(self.stage.token().expose())),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let secrets: Map = stand_ins
            .secrets
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let roots = [
            ("github", Value::Map(github)),
            ("secrets", Value::Map(secrets)),
            ("inputs", Value::Map(Map::new())),
            ("vars", Value::Map(Map::new())),
        ];
        Contexts {
            roots: roots
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..Contexts::default()
        }
    }

    fn payload(&self, args: &RehearseArgs) -> Result<serde_json::Value, CliError> {
        let repository = serde_json::json!({ "full_name": self.subject.repository, "default_branch": self.subject.branch });
        Ok(match self.event {
            RehearsedEvent::Push | RehearsedEvent::Tag => {
                serde_json::json!({ "repository": repository, "after": self.subject.sha })
            }
            RehearsedEvent::Dispatch => {
                serde_json::json!({ "repository": repository, "inputs": inputs(args)? })
            }
        })
    }
}

/// What jobs get of this machine's environment: where programs are and how the network is reached, and nothing that could
/// be a credential.
fn inherited(environment: &Environment) -> BTreeMap<String, String> {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TZ",
        "TMPDIR",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "DOCKER_HOST",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "GOPROXY",
        "GOMODCACHE",
        "CARGO_NET_GIT_FETCH_WITH_CLI",
        "CARGO_HTTP_CAINFO",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
    ];
    let is_cargo_source = |name: &str| {
        name.starts_with("CARGO_REGISTRIES_") && name.ends_with("_INDEX")
            || name.starts_with("CARGO_SOURCE_")
    };
    let kept = environment
        .variables
        .iter()
        .filter(|(name, _)| NAMES.contains(&name.as_str()) || is_cargo_source(name));
    let mut kept: BTreeMap<String, String> = kept
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // The stand-ins are on this machine, and no proxy leads there.
    let direct = environment
        .get("NO_PROXY")
        .or(environment.get("no_proxy"))
        .map(|list| format!("{list},"))
        .unwrap_or_default();
    kept.insert(
        "NO_PROXY".to_owned(),
        format!("{direct}127.0.0.1,localhost"),
    );
    kept
}

async fn show(
    mut happenings: mpsc::UnboundedReceiver<Happening>,
    environment: &Environment,
    verbose: bool,
) {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
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
            Happening::Line { job, text } if verbose => {
                output::words(&format!("{dim}    {job} |{plain} {text}\n"))
            }
            Happening::Line { job, text } => lines.entry(job).or_default().push(text),
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

/// Of a job that went well, the lines that say what became of its task.
fn told(lines: &[String]) -> impl Iterator<Item = &String> {
    lines
        .iter()
        .filter(|line| !line.is_empty() && !line.contains(" | "))
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

/// A rehearsal that has ended.
struct Ended<'e> {
    plan: &'e Plan,
    graph: &'e TaskGraph<'e>,
    values: &'e Values,
    read: &'e crate::plan::Read,
    reports: &'e [JobReport],
}

/// Writes the report, shows it, and finds the exit.
fn close(
    args: &RehearseArgs,
    environment: &Environment,
    stage: &Stage,
    ended: &Ended<'_>,
) -> Result<Exit, CliError> {
    let state = report_files::replayed(&stage.state(), ended.plan)?;
    let summary = report_files::summary(
        ended.graph,
        ended.values,
        ended.read.document.as_ref(),
        &state,
    );
    let written = report_files::write(&stage.report(), &summary, &state)?;
    let comments = stage
        .hub()
        .comments(1)
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    output::words("\n");
    output::words(&crate::checkpoint::to_text(
        &summary,
        report_files::width(environment),
        environment.colours(),
    ));
    output::words("\n");
    for path in &written {
        output::words(&format!("  {path}\n"));
    }
    if let Some(comment) = comments.first() {
        let path = stage.report().join("comment.md");
        fs::write(&path, &comment.body).map_err(|error| CliError::file("write", &path, &error))?;
        output::words(&format!(
            "  {path}, {} of pull request 1 as posted\n",
            count(comments.len(), "comment")
        ));
    }
    let worst = ended
        .reports
        .iter()
        .flat_map(|job| &job.steps)
        .filter_map(|step| step.exit)
        .map(exit_of)
        .max_by_key(|exit| severity(*exit));
    let not_run = report_files::not_run(&summary);
    if not_run > 0 {
        let strict = if args.strict {
            "; with `--strict` that is a failure"
        } else {
            ""
        };
        output::words(&format!(
            "{} not run, for the reasons above{strict}\n",
            count(not_run, "task")
        ));
    }
    Ok(match worst.unwrap_or(Exit::Done) {
        Exit::Done if args.strict && not_run > 0 => Exit::Failed,
        exit => exit,
    })
}

fn exit_of(code: i32) -> Exit {
    u8::try_from(code).map_or(Exit::Failed, Exit::from_code)
}

/// Worst wins: `semantics.md`, "Exit codes".
fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Bug => 8,
        Exit::Interrupted | Exit::Terminated => 7,
        Exit::Usage => 6,
        Exit::Failed => 5,
        Exit::Unavailable => 4,
        Exit::Paused => 3,
        Exit::Drift => 2,
        Exit::NothingSelected => 1,
        Exit::Done => 0,
    }
}
