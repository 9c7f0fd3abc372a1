//! What the verbs that look at, or carry out, a plan have in common: its values, its graph, its world, its ledger.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{CliError, Environment, Exit, output, plan_file::PlanFile, registries::blob_cache};
use crate::{
    diagnostic::words::count,
    execute::{
        ExecuteError, Listing, Logins, Options, Reads, Recorder, Run, Secrets, StandIns, Tools,
        World, stand_in,
    },
    expression::Map,
    github::{GitFacts, RunnerContext},
    graph::{self, Selection, TaskGraph},
    ident::{EnvironmentName, RunId},
    image::{BlobCache, http_client},
    ledger::plan_folder,
    plan::{
        Plan,
        values::{Given, Values, Wanted},
    },
    probe::Git,
    report::Reporter,
    secret::{Masker, Secret},
};

/// Which tasks, and with which values; the same in every verb that takes them.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Choice {
    /// Only tasks of this phase; may be repeated
    #[arg(long, value_name = "PHASE")]
    pub phase: Vec<String>,
    /// Only this task, as TASK, TASK[LEG] or TASK@ENVIRONMENT; may be repeated
    #[arg(long, value_name = "TASK")]
    pub task: Vec<String>,
    /// Only this environment, and the shared tasks; may be repeated
    #[arg(long, value_name = "NAME")]
    pub environment: Vec<String>,
    /// From this task on, in the order of the plan
    #[arg(long, value_name = "TASK")]
    pub from: Option<String>,
    /// Value of an input, as NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub input: Vec<String>,
    /// Folder of the ledgers [default: $XDG_STATE_HOME/deploy-action]
    #[arg(long, value_name = "DIR", env = "DEPLOY_ACTION_STATE", value_hint = clap::ValueHint::DirPath)]
    pub state: Option<Utf8PathBuf>,
}

/// A plan with its values and its world.
pub struct Session {
    /// What came of the file.
    pub read: crate::plan::Read,
    /// What is known before anything runs.
    pub values: Values,
    /// The world.
    pub world: World,
    /// Folder of the plan's ledgers.
    pub state: Utf8PathBuf,
    scratch: RefCell<tempfile::TempDir>,
}

impl Session {
    /// Reads a plan and gathers its world.
    ///
    /// # Errors
    ///
    /// The plan is not valid, an input has no value, or the environment holds what it cannot.
    pub async fn open(
        file: &PlanFile,
        choice: &Choice,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let read = file.read(environment)?;
        let plan = read
            .plan
            .as_ref()
            .ok_or_else(|| super::plan_file::invalid(&file.file))?;
        let stand_ins = match environment.get(stand_in::VARIABLE) {
            Some(path) => StandIns::read(Utf8Path::new(path))
                .map_err(|error| CliError::from_error(Exit::Usage, &error))?,
            None => StandIns::default(),
        };
        let folder = absolute(&plan.folder)?;
        let runner = local_github(environment, &folder).await?;
        let given = given(choice, environment, &runner, stand_ins.is_rehearsal())?;
        let values = Values::resolve(plan, &given, Wanted::All).map_err(|problems| {
            output::problems(environment, output::Format::Text, &read.source, &problems);
            CliError::new(
                Exit::Usage,
                format!("{} before anything ran", count(problems.len(), "problem")),
            )
        })?;
        let state = plan_folder(
            &state_folder(choice, environment),
            &repository_name(&runner, &folder),
            &plan.name,
        );
        let scratch = scratch(&runner)?;
        let world = World {
            folder,
            variables: environment.variables.clone(),
            program: environment.program.clone(),
            scratch: utf8(scratch.path().to_owned())?,
            run: runner.run_id().unwrap_or_else(local_run),
            runner,
            // A stand-in is gone after its rehearsal, and what it had with it.
            blobs: Arc::new(match stand_ins.is_rehearsal() {
                true => BlobCache::default(),
                false => blob_cache(environment),
            }),
            stand_ins,
            http: http_client(concat!("deploy-action/", env!("CARGO_PKG_VERSION")))
                .map_err(|error| CliError::from_error(Exit::Usage, &error))?,
        };
        Ok(Self {
            read,
            values,
            world,
            state,
            scratch: RefCell::new(scratch),
        })
    }

    /// Leaves the private folder where it is: children that are kept still read their scripts and artifacts in it.
    pub fn keep_scratch(&self) {
        self.scratch.borrow_mut().disable_cleanup(true);
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        self.read
            .plan
            .as_ref()
            .expect("a session is opened only on a valid plan")
    }

    /// Builds the graph.
    ///
    /// # Errors
    ///
    /// It has a cycle, or a matrix that cannot be expanded; the problems have been shown then.
    pub fn graph(&self, environment: &Environment) -> Result<TaskGraph<'_>, CliError> {
        graph::build(self.plan(), &self.values).map_err(|problems| {
            output::problems(
                environment,
                output::Format::Text,
                &self.read.source,
                &problems,
            );
            CliError::new(
                Exit::Usage,
                format!(
                    "`{}` is not a valid plan; nothing was run",
                    self.read.source.name()
                ),
            )
        })
    }

    /// Returns the walks of the plan: the shared one and each environment.
    pub fn walks(&self) -> Vec<Option<EnvironmentName>> {
        std::iter::once(None)
            .chain(self.plan().environments.keys().cloned().map(Some))
            .collect()
    }

    /// Puts a run together.
    ///
    /// # Errors
    ///
    /// Git fails, or a secret cannot be masked.
    pub async fn run<'r, 'p>(
        &'r self,
        graph: &'r TaskGraph<'p>,
        options: &'r Options,
        recorder: &'r Recorder,
        selected: BTreeSet<usize>,
    ) -> Result<Run<'r, 'p>, CliError> {
        let secrets = Secrets::find(
            self.plan(),
            &self.world.folder,
            &self.world.variables,
            &self.world.stand_ins,
        );
        let masker = self.masker(&secrets)?;
        let masked = secrets.iter().map(|(_, secret)| secret.clone());
        let masked: Vec<Secret> = masked.chain(self.world.runner.token.clone()).collect();
        recorder.secrets(&masked);
        for name in masker.too_short() {
            recorder.notice(&format!(
                "secret `{name}` has less than four bytes and cannot be masked"
            ));
        }
        let listing = {
            let git = Git {
                variables: &self.world.variables,
                masker: &masker,
            };
            Listing::read(&self.world.folder, &git)
                .await
                .map_err(|error| execute_error(&error))?
        };
        Ok(Run {
            graph,
            values: &self.values,
            world: &self.world,
            options,
            recorder,
            secrets,
            listing,
            masker: RefCell::new(masker),
            logins: Logins::default(),
            tools: Tools::default(),
            selected,
        })
    }

    fn masker(&self, secrets: &Secrets) -> Result<Masker, CliError> {
        let token = self
            .world
            .runner
            .token
            .clone()
            .map(|token| ("GITHUB_TOKEN".to_owned(), token));
        let named = secrets
            .iter()
            .map(|(name, secret)| (name.to_owned(), secret.clone()));
        Masker::new(named.chain(token)).map_err(|error| CliError::from_error(Exit::Bug, &error))
    }

    /// Opens the ledgers of all walks.
    ///
    /// # Errors
    ///
    /// A ledger cannot be read or written.
    pub fn recorder(&self, reporters: Vec<Box<dyn Reporter>>) -> Result<Recorder, CliError> {
        Recorder::open(&self.state, self.walks(), self.world.run.clone(), reporters)
            .map_err(|error| execute_error(&error))
    }
}

/// Returns the selection that the command line asks for.
///
/// # Errors
///
/// A phase, task or environment is no name, or the plan does not have it.
pub fn select(graph: &TaskGraph<'_>, choice: &Choice) -> Result<BTreeSet<usize>, CliError> {
    let names = |error: crate::ident::InvalidName| CliError::new(Exit::Usage, error.to_string());
    let selection = Selection {
        phases: choice
            .phase
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(names)?,
        tasks: choice.task.clone(),
        environments: choice
            .environment
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(names)?,
        from: choice.from.clone(),
    };
    graph::select(graph, &selection)
        .map_err(|error| CliError::new(Exit::Usage, error.to_string()).hint(error.hint()))
}

/// The options of a run that only looks.
pub fn looking() -> Options {
    Options {
        force: BTreeSet::new(),
        done: BTreeSet::new(),
        confirm: BTreeSet::new(),
        fresh_for: Duration::MAX,
        slots: NonZeroUsize::MIN,
        fail_fast: false,
        bundle: None,
        reads: Reads::Standing,
    }
}

/// Turns an error of the run into one of the command line, with its class as the exit.
pub fn execute_error(error: &ExecuteError) -> CliError {
    use crate::event::FailureKind;
    let exit = match error.kind() {
        FailureKind::Unavailable | FailureKind::Quota | FailureKind::StateLocked => {
            Exit::Unavailable
        }
        FailureKind::Internal => Exit::Bug,
        FailureKind::Invalid => Exit::Usage,
        _ => Exit::Failed,
    };
    let told = CliError::from_error(exit, error);
    match error.hint_of() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

fn given(
    choice: &Choice,
    environment: &Environment,
    runner: &RunnerContext,
    rehearsal: bool,
) -> Result<Given, CliError> {
    let mut inputs: BTreeMap<String, String> = runner.event.inputs.clone();
    // `confirm` is asked for by every rendered workflow, and is no input of the plan.
    inputs.remove("confirm");
    for pair in &choice.input {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            CliError::new(Exit::Usage, format!("`--input {pair}` has no value"))
                .hint("write `--input NAME=VALUE`")
        })?;
        inputs.insert(name.to_owned(), value.to_owned());
    }
    let vars = match environment.get("DEPLOY_ACTION_VARS") {
        Some(text) => serde_json::from_str::<serde_json::Value>(text).map_err(|error| {
            CliError::new(
                Exit::Usage,
                format!("DEPLOY_ACTION_VARS is no JSON: {error}"),
            )
        })?,
        None => serde_json::Value::Null,
    };
    let vars = match crate::expression::Value::from(vars) {
        crate::expression::Value::Map(vars) => vars,
        _ => Map::new(),
    };
    Ok(Given {
        inputs,
        vars,
        github: github(runner),
        rehearsal,
    })
}

/// The context `github`, as expressions read it (`plan-format.md`, 3.13).
pub fn github(runner: &RunnerContext) -> Map {
    let revision = &runner.revision;
    let mut map = Map::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), value.into());
        }
    };
    add(
        "repository",
        runner.repository.as_ref().map(ToString::to_string),
    );
    add(
        "repository_owner",
        runner.repository_owner().map(str::to_owned),
    );
    add("sha", revision.sha.clone());
    add("ref", revision.full_ref.clone());
    add("ref_name", revision.ref_name.clone());
    add(
        "ref_type",
        revision
            .ref_type
            .map(|ref_type| ref_type.as_str().to_owned()),
    );
    add("head_ref", revision.head_ref.clone());
    add("base_ref", revision.base_ref.clone());
    add("actor", runner.event.actor.clone());
    add("event_name", runner.event.name.clone());
    add("run_id", runner.run.as_ref().map(|run| run.id.to_string()));
    add(
        "run_attempt",
        runner.run.as_ref().map(|run| run.attempt.to_string()),
    );
    add("server_url", Some(runner.servers.server_url.clone()));
    map
}

/// Returns what the runner says, or git in its place.
///
/// # Errors
///
/// A variable holds what it cannot, or git fails.
pub async fn local_github(
    environment: &Environment,
    folder: &Utf8Path,
) -> Result<RunnerContext, CliError> {
    let context = RunnerContext::read(&environment.variables)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let masker = Masker::new(Vec::<(String, Secret)>::new())
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    let git = Git {
        variables: &environment.variables,
        masker: &masker,
    };
    let ask = async |args: &[&str]| {
        git.line(folder, args)
            .await
            .map_err(|error| execute_error(&error.into()))
    };
    let facts = GitFacts {
        commit: ask(&["rev-parse", "--verify", "--quiet", "HEAD"]).await?,
        branch: ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]).await?,
        tag: ask(&["describe", "--exact-match", "--tags", "HEAD"]).await?,
        remote: ask(&["remote", "get-url", "origin"]).await?,
        top: ask(&["rev-parse", "--show-toplevel"]).await?,
    };
    Ok(context.or_from_git(facts))
}

/// Returns by which name the ledgers of a repository are kept.
pub fn repository_name(runner: &RunnerContext, folder: &Utf8Path) -> String {
    match (&runner.repository, &runner.folders.workspace) {
        (Some(repository), _) => repository.to_string(),
        (None, Some(top)) => top.file_name().unwrap_or("repository").to_owned(),
        (None, None) => folder.file_name().unwrap_or("folder").to_owned(),
    }
}

/// Returns the folder of all ledgers: as told, else as the XDG base directory specification says.
fn state_folder(choice: &Choice, environment: &Environment) -> Utf8PathBuf {
    choice
        .state
        .clone()
        .unwrap_or_else(|| state_home(environment))
}

/// Returns the folder for everything that is kept between runs, as the XDG base directory specification says.
pub fn state_home(environment: &Environment) -> Utf8PathBuf {
    match (environment.get("XDG_STATE_HOME"), environment.get("HOME")) {
        (Some(state), _) => Utf8Path::new(state).join("deploy-action"),
        (None, Some(home)) => Utf8Path::new(home).join(".local/state/deploy-action"),
        (None, None) => Utf8PathBuf::from(".deploy-action"),
    }
}

fn absolute(folder: &Utf8Path) -> Result<Utf8PathBuf, CliError> {
    folder
        .canonicalize_utf8()
        .map_err(|error| CliError::file("find", folder, &error))
}

fn utf8(path: std::path::PathBuf) -> Result<Utf8PathBuf, CliError> {
    Utf8PathBuf::try_from(path).map_err(|error| {
        CliError::new(
            Exit::Usage,
            format!("a folder's name is not UTF-8: {error}"),
        )
    })
}

/// A private folder of this process: in the runner's temporary folder, which the runner empties.
fn scratch(runner: &RunnerContext) -> Result<tempfile::TempDir, CliError> {
    let builder = |folder: &std::path::Path| {
        let mut builder = tempfile::Builder::new();
        builder.prefix("deploy-action-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        builder.tempdir_in(folder)
    };
    let folder = runner
        .folders
        .temp
        .as_ref()
        .map_or_else(std::env::temp_dir, |temp| temp.as_std_path().to_owned());
    builder(&folder).map_err(|error| CliError::file("make a folder in", folder.display(), &error))
}

/// Names a run outside of GitHub: by its time, and by chance where two start at once.
fn local_run() -> RunId {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let chance = getrandom::u32().unwrap_or_default();
    RunId::new(format!("local-{now}-{chance:08x}"))
}

/// Runs a verb that waits for something.
///
/// # Errors
///
/// Those of the verb.
pub fn block_on<T>(verb: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?
        .block_on(verb)
}
