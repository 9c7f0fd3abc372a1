//! Kind `run`: a command, a script or a make target as a child.
//!
//! What changes the outside runs under a keeper, whose start is recorded before the child's; everything else is a direct
//! child. Both get the same environment: the runner's without its tokens and private files, then the plan's, the phase's
//! and the task's variables.

use std::{collections::BTreeMap, fs, io, path::Path};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::sync::mpsc;

use super::{Attempt, BodyResult, ExecuteError, Run, evaluate};
use crate::{
    event::{Effect, Event, FailureKind, LogRef, Reality},
    execute::{login::ChildLogins, outputs, scope::Artifacts},
    expression::{Map, Value},
    github::file::parse_output_file,
    graph::Node,
    ident::Name,
    ledger::Durability,
    plan::{
        kind::{
            Reader,
            run::{Call, Run as RunBody},
        },
        model::Kind,
    },
    portable,
    process::{
        self, CommandSpec, Ended, GRACE, GRACE_OF_CHANGES, Output, OutputLine, SignalTarget,
        StopListener, StopPolicy, StopReason,
        kept::{self, KeptState},
    },
    secret::Secret,
};

/// Standard output is kept up to this size, in bytes, for outputs and checks.
pub(in crate::execute) const MOST_STDOUT: u64 = 16 * 1024 * 1024;

/// The variable by which the runner finds what a job left behind.
pub(super) const TRACKING: &str = "RUNNER_TRACKING_ID";
/// Lines that may wait to be shown.
const LIVE_LINES: usize = 256;

pub(super) async fn execute<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let body = RunBody::read(Reader::new(&evaluate(run, attempt)?))?;
    let node = attempt.node;
    let (folder, relative) = run.recorder.attempt_folder(&node.key, attempt.number)?;
    let outputs_file = if writes_outputs(node) {
        run.recorder
            .ledger_of(&node.key)?
            .create_folder(&relative)?;
        Some(OutputsFile::create(folder.join(OutputsFile::NAME))?)
    } else {
        None
    };
    let outputs_path = outputs_file.as_ref().map(|file| file.path.as_str());
    let mut logins = run.child_logins(node)?;
    result.effects.append(&mut logins.effects);
    let spec = run.give_tools(call(run, node, &body)?, &body.tools).await?;
    let spec = capture(spec, node)
        .env("GITHUB_OUTPUT", outputs_path.unwrap_or(NO_OUTPUTS))
        .timeout(node.task.timeout);
    let spec = logins.apply(spec);
    result.effects.push(Effect {
        what: format!("run {}", body.purpose()),
        reality: Reality::Real,
    });
    let (ended, log) = if body.changes {
        kept_child(
            run,
            attempt,
            (&spec, logins),
            &folder.join("child"),
            &relative.join("child"),
        )
        .await?
    } else {
        direct_child(
            run,
            attempt,
            &spec,
            &folder.join("log"),
            &relative.join("log"),
        )
        .await?
    };
    result.log = log;
    finish(
        run,
        node,
        &body.purpose(),
        &ended,
        outputs_file.as_ref(),
        result,
    )
}

/// What `GITHUB_OUTPUT` names for a child of which no output is read from there.
const NO_OUTPUTS: &str = "/dev/null";

/// Whether an output of the task is read from the file that `GITHUB_OUTPUT` names.
fn writes_outputs(node: &Node<'_>) -> bool {
    let mut outputs = node.task.outputs.values();
    outputs.any(|output| output.matches.is_none())
}

/// Keeps standard output where an output is found in it. It lies beside the log while a kept child runs, so nothing is kept
/// without need; where the output is secret, the log shows nothing of it, because nobody knows the secret before.
fn capture(spec: CommandSpec, node: &Node<'_>) -> CommandSpec {
    let mut matched = node
        .task
        .outputs
        .values()
        .filter(|output| output.matches.is_some())
        .peekable();
    if matched.peek().is_none() {
        return spec;
    }
    if matched.any(|output| output.sensitive) {
        spec.capture_secret_stdout(MOST_STDOUT)
    } else {
        spec.capture_stdout(MOST_STDOUT)
    }
}

/// The file to which a child writes outputs. It lies beside the log, so that whoever adopts the child finds it, is readable
/// for its owner alone, and is removed once the child has ended here.
struct OutputsFile {
    path: Utf8PathBuf,
}

impl OutputsFile {
    const NAME: &str = "outputs";

    fn create(path: Utf8PathBuf) -> Result<Self, ExecuteError> {
        portable::private_file()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| ExecuteError::file("write", path.clone(), error))?;
        Ok(Self { path })
    }

    /// Reads what the child wrote, and removes it.
    fn take(&self) -> Result<Vec<u8>, ExecuteError> {
        let written = match fs::read(&self.path) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ExecuteError::file("read", self.path.clone(), error)),
        };
        fs::remove_file(&self.path)
            .map_err(|error| ExecuteError::file("remove", self.path.clone(), error))?;
        Ok(written)
    }
}

/// Takes over a child that was kept when an earlier runner died: waits for its end and reads what it left.
pub(super) async fn adopt<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    folder: &str,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let node = attempt.node;
    let body = RunBody::read(Reader::new(&evaluate(run, attempt)?))?;
    let path = run.recorder.ledger_of(&node.key)?.path_of(folder)?;
    let ended = end_of_kept(attempt, &path, &body.purpose()).await?;
    result.effects.push(Effect {
        what: format!("adopt {}", body.purpose()),
        reality: Reality::Real,
    });
    result.log = Some(LogRef {
        path: format!("{folder}/log"),
        bytes: ended.log_bytes,
    });
    let beside = path.parent().unwrap_or(&path);
    let outputs_file = OutputsFile {
        path: beside.join(OutputsFile::NAME),
    };
    finish(
        run,
        node,
        &body.purpose(),
        &ended,
        Some(&outputs_file),
        result,
    )
}

/// Waits for the end of a child that an earlier runner left to its keeper, and takes what it printed.
pub(super) async fn end_of_kept<'p>(
    attempt: &Attempt<'_, 'p>,
    folder: &Utf8Path,
    purpose: &str,
) -> Result<Ended, ExecuteError> {
    let folder = Path::new(folder.as_str());
    let mut stop = attempt.stop.clone();
    let ended = loop {
        tokio::select! {
            state = kept::wait(folder, attempt.node.task.timeout) => match state? {
                KeptState::Ended(ended) => break ended,
                KeptState::Running(_) => {}
                KeptState::Vanished | KeptState::NeverStarted => {
                    return Err(ExecuteError::UnknownEnd { purpose: purpose.to_owned() });
                }
            },
            _ = stop.requested() => {
                kept::stop(folder)?;
                stop = StopListener::never();
            }
        }
    };
    Ok(Ended {
        stdout: kept::take_stdout(folder)?,
        ..ended
    })
}

/// Describes the child of a run, also for a check of that kind.
pub(in crate::execute) fn call<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    body: &RunBody,
) -> Result<CommandSpec, ExecuteError> {
    let purpose = format!("run `{}` for `{}`", body.purpose(), node.key);
    let mut spec = match &body.call {
        Call::Command(command) => {
            CommandSpec::new(&command[0], purpose).args(command[1..].iter().cloned())
        }
        Call::Script(script) => {
            let file = run.world.scratch.join(format!(
                "script-{}.sh",
                crate::digest::Digest::of(script).short()
            ));
            fs::write(&file, script)
                .map_err(|error| ExecuteError::file("write", file.clone(), error))?;
            CommandSpec::new("bash", purpose)
                .args(["--noprofile", "--norc", "-euo", "pipefail"])
                .arg(file.as_str())
        }
        Call::Make(target) => CommandSpec::new("make", purpose).arg(target),
    };
    spec = spec
        .dir(run.world.path(&body.working_directory))
        .stop(StopPolicy {
            signal_to: SignalTarget::Group,
            grace: if body.changes {
                GRACE_OF_CHANGES
            } else {
                GRACE
            },
        });
    spec = Environment::of(run, node)?.give(spec);
    // What no keeper holds ends with its job, whatever became of us: the runner's clean-up finds it by this.
    if !body.changes
        && let Some(id) = run.world.variables.get(TRACKING)
    {
        spec = spec.env(TRACKING, id);
    }
    if let (false, Some(token)) = (body.permissions.is_empty(), &run.world.runner.token) {
        spec = spec.secret_env("GITHUB_TOKEN", token.clone());
    }
    Ok(spec)
}

/// What every child of a task gets: the runner's environment less what is withheld, then the variables of the plan.
pub(super) struct Environment {
    plain: BTreeMap<String, String>,
    secret: Vec<(String, Secret)>,
}

impl Environment {
    pub(super) fn of<'p>(run: &Run<'_, 'p>, node: &Node<'p>) -> Result<Self, ExecuteError> {
        let mut plain: BTreeMap<String, String> = inherited(&run.world.variables, run, node)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut secret = Vec::new();
        for (name, value) in variables(run, node)? {
            match (&value, value.as_plain_text()) {
                (Value::Secret(value), _) => {
                    plain.remove(&name);
                    secret.push((name, value.clone()));
                }
                (_, Some(text)) => drop(plain.insert(name, text)),
                (_, None) => return Err(no_variable(&name, &value)),
            }
        }
        Ok(Self { plain, secret })
    }

    /// Returns a variable that is no secret.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.plain.get(name).map(String::as_str)
    }

    pub(super) fn give(&self, mut spec: CommandSpec) -> CommandSpec {
        for (name, value) in &self.plain {
            spec = spec.env(name, value);
        }
        for (name, value) in &self.secret {
            spec = spec.secret_env(name, value.clone());
        }
        spec
    }
}

fn no_variable(name: &str, value: &Value) -> ExecuteError {
    let message = format!("variable `{name}` is a {}", value.type_name());
    ExecuteError::task(FailureKind::Invalid, message).hint(match value {
        Value::Null => "give it a second choice, as in `tasks.a.outputs.x || 'none'`",
        _ => "write `toJSON(…)` around it",
    })
}

/// The variables of plan, phase and task; the inner one wins.
fn variables<'p>(run: &Run<'_, 'p>, node: &Node<'p>) -> Result<Map, ExecuteError> {
    let files = run.fetch_artifacts(node)?;
    let plan = run.graph.plan();
    let mut found = Map::new();
    for field in [&plan.env, &plan.phase_of(node.task).env, &node.task.env] {
        let known = run.recorder.known();
        // The scope of the inner graph node is the same for all three.
        if let Value::Map(entries) =
            field.evaluate(&run.scope_of(node, &known, Artifacts::AsFiles(&files)))?
        {
            found.extend(entries);
        }
    }
    for value in found.values() {
        run.mask_computed(node, value)?;
    }
    Ok(found)
}

/// What a child gets of the runner's environment: everything but tokens, the runner's own files, our own settings, and the
/// plan's secrets, which a task gets by its `env` alone.
fn inherited<'p, 'v>(
    variables: &'v BTreeMap<String, String>,
    run: &Run<'_, 'p>,
    node: &Node<'p>,
) -> BTreeMap<&'v str, &'v str> {
    const WITHHELD: &[&str] = &[
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITHUB_OUTPUT",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
        "COSIGN_PRIVATE_KEY",
        "COSIGN_PASSWORD",
        TRACKING,
    ];
    const WITHHELD_FAMILIES: &[&str] = &["ACTIONS_", "INPUT_", "DEPLOY_ACTION_"];
    /// What would have terraform do other than the plan says.
    const OF_TERRAFORM: &[&str] = &["TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR"];
    let own: &[&str] = match node.task.kind {
        Kind::Terraform => OF_TERRAFORM,
        Kind::Image | Kind::Kubernetes | Kind::Render | Kind::Run | Kind::Check | Kind::Gate => &[],
    };
    let secrets: Vec<&Secret> = run.secrets.iter().map(|(_, secret)| secret).collect();
    let is_withheld = |name: &str, value: &str| {
        WITHHELD.contains(&name)
            || WITHHELD_FAMILIES
                .iter()
                .chain(own)
                .any(|family| name.starts_with(family))
            || run.graph.plan().secrets.contains_key(name)
            || secrets.iter().any(|secret| secret.expose() == value)
    };
    variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, value)| !is_withheld(name, value))
        .collect()
}

/// A child's end with where its log is, if it said anything.
pub(super) type Called = (Ended, Option<LogRef>);

pub(super) async fn kept_child<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    (spec, logins): (&CommandSpec, ChildLogins),
    folder: &Utf8Path,
    relative: &Utf8Path,
) -> Result<Called, ExecuteError> {
    let node = attempt.node;
    let masker = run.masker.borrow().clone();
    let prepared = kept::prepare(
        spec,
        &run.world.program,
        Path::new(folder.as_str()),
        &masker,
    )
    .await?;
    // It is the keeper's to remove them from here on: it stays when we are killed.
    logins.hand_over();
    let event = Event::ChildKept {
        task: node.key.clone(),
        keeper: prepared.keeper(),
        folder: relative.to_string(),
        purpose: spec.purpose().to_owned(),
    };
    run.record(node, event, Durability::Synced)?;
    let (live, lines) = mpsc::channel(LIVE_LINES);
    let with_it = async {
        let kept = prepared.start().await?;
        kept.wait(Some(live), attempt.stop.clone()).await
    };
    let ended = match tokio::join!(with_it, show(run, node, lines)).0 {
        Ok(ended) => ended,
        Err(error) => after_all(error, folder, spec.purpose())?,
    };
    let log = LogRef {
        path: relative.join("log").to_string(),
        bytes: ended.log_bytes,
    };
    Ok((ended, Some(log)))
}

/// Looks at a child whose keeper did not answer, or is gone: only where it never was started is that a failure.
fn after_all(
    error: process::ProcessError,
    folder: &Utf8Path,
    purpose: &str,
) -> Result<Ended, ExecuteError> {
    let folder = Path::new(folder.as_str());
    match kept::look(folder)? {
        KeptState::NeverStarted => Err(error.into()),
        KeptState::Ended(ended) => Ok(Ended {
            stdout: kept::take_stdout(folder)?,
            ..ended
        }),
        KeptState::Running(_) | KeptState::Vanished => Err(ExecuteError::UnknownEnd {
            purpose: purpose.to_owned(),
        }),
    }
}

pub(super) async fn direct_child<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    spec: &CommandSpec,
    log: &Utf8Path,
    relative: &Utf8Path,
) -> Result<Called, ExecuteError> {
    let masker = run.masker.borrow().clone();
    let (live, lines) = mpsc::channel(LIVE_LINES);
    let output = Output {
        masker: &masker,
        log: Some(Path::new(log.as_str())),
        live: Some(live),
    };
    let ended = tokio::join!(
        process::run(spec, output, attempt.stop.clone()),
        show(run, attempt.node, lines)
    )
    .0?;
    let log = (ended.log_bytes > 0).then(|| LogRef {
        path: relative.to_string(),
        bytes: ended.log_bytes,
    });
    Ok((ended, log))
}

async fn show<'p>(run: &Run<'_, 'p>, node: &Node<'p>, mut lines: mpsc::Receiver<OutputLine>) {
    while let Some(line) = lines.recv().await {
        run.recorder.output(&node.key, &line.text);
    }
}

/// Judges the end of a child, and reads the outputs and artifacts that it left.
fn finish<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    purpose: &str,
    ended: &Ended,
    outputs_file: Option<&OutputsFile>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    for note in &ended.notes {
        run.recorder.notice(&format!("{}: {note}", node.key));
    }
    let written = match outputs_file {
        Some(file) => file.take()?,
        None => Vec::new(),
    };
    match ended.stopped {
        Some(StopReason::Cancelled) => {
            result.cancelled = true;
            return Ok(());
        }
        Some(StopReason::TimedOut) => {
            let limit = crate::plan::duration::text(node.task.timeout);
            return Err(ExecuteError::task(
                FailureKind::Timeout,
                format!("`{purpose}` was stopped after {limit}"),
            )
            .hint("`timeout` of the task says how long an attempt may take"));
        }
        None => {}
    }
    if !ended.succeeded() {
        return Err(ExecuteError::Task {
            kind: FailureKind::Task,
            message: format!("`{purpose}` ended with {}", ended.how),
            hint: result
                .log
                .as_ref()
                .map(|log| format!("its output is in `{}`", log.path)),
            exit: Some(ended.how.code()),
        });
    }
    read_outputs(run, node, ended, &written, result)?;
    for (name, artifact) in &node.task.artifacts {
        let file = run.world.path(&artifact.path);
        if !file.exists() {
            return Err(ExecuteError::task(
                FailureKind::Task,
                format!("artifact `{name}`: `{}` was not made", artifact.path),
            )
            .hint("the path is relative to the plan file's folder"));
        }
        result.artifacts.push((name.clone(), file));
    }
    mask_secret_outputs(run, result)
}

fn read_outputs<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    ended: &Ended,
    written: &[u8],
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    if node.task.outputs.is_empty() {
        return Ok(());
    }
    let stdout = ended
        .stdout
        .as_ref()
        .map(|stdout| String::from_utf8_lossy(stdout.expose()).into_owned())
        .unwrap_or_default();
    let written = parse_output_file(written)
        .map_err(|error| ExecuteError::task(FailureKind::Task, super::super::chain(&error)))?;
    for (name, declaration) in &node.task.outputs {
        let text = match &declaration.matches {
            Some(regex) => stdout
                .lines()
                .find_map(|line| regex.captures(line)?.get(1))
                .map(|group| group.as_str().to_owned()),
            None => written.get(name.as_str()).cloned(),
        };
        let text = text.ok_or_else(|| missing_output(name, declaration.matches.as_ref()))?;
        let mut produced = outputs::typed(name, declaration, &text)?;
        if !produced.sensitive && run.masker.borrow().finds(&text) {
            run.recorder.notice(&format!(
                "{}: output `{name}` holds a secret and is kept as one; write `sensitive: true` where it is declared",
                node.key
            ));
            produced = outputs::secret(&text);
        }
        result.outputs.insert(name.clone(), produced);
    }
    Ok(())
}

fn missing_output(name: &Name, regex: Option<&regex::Regex>) -> ExecuteError {
    let message = format!("output `{name}` was not given");
    ExecuteError::task(FailureKind::Task, message).hint(match regex {
        Some(regex) => format!("no line of standard output matches `{regex}`"),
        None => format!("write `{name}=VALUE` to the file `$GITHUB_OUTPUT`"),
    })
}

/// Whatever a task declares secret is masked from here on.
fn mask_secret_outputs<'p>(run: &Run<'_, 'p>, result: &BodyResult) -> Result<(), ExecuteError> {
    let secrets: Vec<(String, Secret)> = result
        .outputs
        .iter()
        .filter_map(|(name, produced)| match &produced.value {
            Value::Secret(secret) => Some((format!("output `{name}`"), secret.clone())),
            _ => None,
        })
        .collect();
    run.add_to_mask(secrets)
}
