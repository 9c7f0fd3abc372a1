//! Terraform's processes, one after another.

use std::time::Duration;

use camino::Utf8Path;

use super::{
    super::run::{TRACKING, direct_child, kept_child},
    cache::Cache,
    copy::LOCK_FILE,
    made::Made,
    transcript::{Follower, Transcript},
    unit::Unit,
};
use crate::{
    event::FailureKind,
    execute::{ExecuteError, Run, attempt::Attempt},
    process::{
        CommandSpec, Ended, GRACE, GRACE_OF_CHANGES, SignalTarget, StopPolicy, StopReason, kept,
    },
    terraform::{
        LockFile,
        arguments::{self, Locked},
    },
};

/// How long the lock of a state is waited for. A run that meets a longer one says who holds it, and is repeated where the plan's
/// `retry` says so.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How often what a kept child printed is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

/// What all processes of one attempt have in common.
pub(super) struct Calls<'c, 'r, 'p> {
    pub(super) run: &'c Run<'r, 'p>,
    pub(super) attempt: &'c Attempt<'c, 'p>,
    pub(super) unit: &'c Unit,
    pub(super) transcript: &'c Transcript<'c, 'r, 'p>,
    pub(super) folder: &'c Utf8Path,
    pub(super) relative: &'c Utf8Path,
    pub(super) manner: Manner,
}

/// How a module is worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As a run does: a workspace that is not there is made, and who plans has a keeper.
    Run,
    /// Looked at alone: nothing is made that was not there, and nothing outlives the look.
    Look,
}

/// How a process of terraform ended that was not stopped, and what it printed.
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    /// What it wrote for people, masked.
    pub(super) stderr: String,
}

impl Calls<'_, '_, '_> {
    fn describe(&self, what: &str, args: Vec<String>, grace: Duration) -> CommandSpec {
        let key = &self.attempt.node.key;
        let binary = &self.unit.body.binary;
        self.unit
            .call(&format!("{binary} {what} for `{key}`"), args)
            .timeout(self.attempt.node.task.timeout)
            .stop(StopPolicy {
                signal_to: SignalTarget::Leader,
                grace,
            })
    }

    /// Runs what changes nothing outside.
    pub(super) async fn direct(&self, what: &str, args: Vec<String>) -> Result<Said, ExecuteError> {
        self.direct_spec(what, self.describe(what, args, GRACE))
            .await
    }

    async fn direct_spec(&self, what: &str, spec: CommandSpec) -> Result<Said, ExecuteError> {
        let logins = self.run.child_logins(self.attempt.node)?;
        let mut spec = logins.apply(spec);
        // What no keeper holds ends with its job, whatever became of us: the runner's clean-up finds it by this.
        if let Some(id) = self.run.world.variable(TRACKING) {
            spec = spec.env(TRACKING, id);
        }
        let (log, relative) = (self.transcript.path(), self.transcript.relative());
        let before = self.transcript.length();
        let (ended, _) = direct_child(self.run, self.attempt, &spec, log, relative).await?;
        self.end(what, ended, self.transcript.from(before))
    }

    /// Runs what a keeper holds. Its folder's name tells a later run what it was.
    pub(super) async fn kept(&self, what: &str, args: Vec<String>) -> Result<Said, ExecuteError> {
        let logins = self.run.child_logins(self.attempt.node)?;
        let spec = logins.apply(self.describe(what, args, GRACE_OF_CHANGES));
        let (folder, relative) = (self.folder.join(what), self.relative.join(what));
        let mut follower = Follower::new(kept::stdout_path(folder.as_std_path()));
        let mut child = std::pin::pin!(kept_child(
            self.run,
            self.attempt,
            (&spec, logins),
            &folder,
            &relative
        ));
        let called = loop {
            tokio::select! {
                called = &mut child => break called?,
                () = tokio::time::sleep(FOLLOW_EVERY) => follower.tell(self.transcript)?,
            }
        };
        let stdout = called
            .0
            .stdout
            .as_ref()
            .map_or(&[][..], |stdout| stdout.expose());
        follower.finish(stdout, self.transcript)?;
        let stderr = self.transcript.add(&folder.join("log"))?;
        self.end(what, called.0, stderr)
    }

    /// Judges how a process ended; its exit code is left to whoever asked for it.
    pub(super) fn end(
        &self,
        what: &str,
        ended: Ended,
        stderr: String,
    ) -> Result<Said, ExecuteError> {
        for note in &ended.notes {
            let key = &self.attempt.node.key;
            self.run.recorder.notice(&format!("{key}: {note}"));
        }
        let printed = ended.stdout.as_ref().map(|stdout| stdout.expose());
        let made = Made::of(printed.unwrap_or_default());
        if made.is_cut_off() {
            let (key, words) = (&self.attempt.node.key, made.words());
            self.run.recorder.notice(&format!("{key}: {words}"));
        }
        match ended.stopped {
            Some(StopReason::Cancelled) => return Err(ExecuteError::Cancelled),
            Some(StopReason::TimedOut) => {
                let limit = crate::plan::duration::text(self.attempt.node.task.timeout);
                let message = format!(
                    "`{} {what}` was stopped after {limit}",
                    self.unit.body.binary
                );
                return Err(ExecuteError::task(FailureKind::Timeout, message)
                    .hint("`timeout` of the task says how long an attempt may take"));
            }
            None => {}
        }
        let stdout = ended
            .stdout
            .map_or_else(Vec::new, |stdout| stdout.expose().to_vec());
        Ok(Said {
            code: ended.how.code(),
            stdout,
            stderr,
        })
    }

    /// A process that ended with another code than was expected, as its own diagnostics tell it.
    pub(super) fn failed(&self, what: &str, said: &Said) -> ExecuteError {
        super::failure::of(self, what, said)
    }

    /// Tells what a process said, and fails where it did.
    fn told(&self, what: &str, said: Said) -> Result<Said, ExecuteError> {
        self.transcript.tell(&said.stdout)?;
        match said.code {
            0 => Ok(said),
            _ => Err(self.failed(what, &said)),
        }
    }

    /// Takes the program at the version that the plan pins. It comes before any other call.
    pub(super) async fn version(&self) -> Result<(), ExecuteError> {
        self.unit.settle_program(self.run).await
    }

    /// Initialises the module, with providers that are shared where its lock file knows them.
    pub(super) async fn initialise(&self) -> Result<(), ExecuteError> {
        let unit = self.unit;
        let path = unit.dir.join(LOCK_FILE);
        let lock = std::fs::read_to_string(&path).ok();
        // Of one that cannot be read terraform says what is wrong.
        let lock = lock.and_then(|text| LockFile::read(text).ok());
        match (unit.cache.as_deref().map(Cache::new), lock) {
            (Some(cache), Some(lock)) => {
                if !cache.holds(&lock).await? {
                    let guard = cache.take().await?;
                    // Somebody may have brought them meanwhile.
                    if !cache.holds(&lock).await? {
                        let own = unit.own_plugins()?;
                        self.init(Some(&own)).await?;
                        cache.share(&own, &lock).await?;
                        drop(guard);
                        return self.select_workspace().await;
                    }
                }
                self.init(unit.cache.as_deref()).await?;
            }
            (Some(_), None) => self.init(Some(&unit.own_plugins()?)).await?,
            (None, _) => self.init(None).await?,
        }
        self.select_workspace().await
    }

    /// Runs `init` with a folder in which terraform looks for providers, and into which it unpacks what is not there.
    async fn init(&self, plugins: Option<&Utf8Path>) -> Result<(), ExecuteError> {
        let unit = self.unit;
        let locked = match unit.dir.join(LOCK_FILE).exists() {
            true => Locked::Yes,
            false => Locked::No,
        };
        let config = match unit.is_stood_in() {
            true => &[][..],
            false => &unit.body.backend_config,
        };
        let args = arguments::init(locked, config);
        let mut spec = self.describe("init", args, GRACE);
        if let Some(plugins) = plugins {
            spec = spec.env("TF_PLUGIN_CACHE_DIR", plugins.as_str());
        }
        let said = self.direct_spec("init", spec).await?;
        self.told("init", said).map(drop)
    }

    async fn select_workspace(&self) -> Result<(), ExecuteError> {
        let workspace = &self.unit.body.workspace;
        if workspace != "default" {
            let args = match self.manner {
                Manner::Run => arguments::workspace(workspace),
                Manner::Look => arguments::workspace_that_is_there(workspace),
            };
            let said = self.direct("workspace", args).await?;
            let is_missing = said.code != 0 && said.stderr.contains("doesn't exist");
            if self.manner == Manner::Look && is_missing {
                let because = format!("its workspace `{workspace}` is made by the run");
                return Err(ExecuteError::OnlyInRun { because });
            }
            self.told("workspace", said)?;
        }
        Ok(())
    }

    /// Says which files are not formatted, and refuses what is not valid.
    pub(super) async fn check(&self) -> Result<(), ExecuteError> {
        let said = self.direct("fmt", arguments::fmt()).await?;
        let unformatted = String::from_utf8_lossy(&said.stdout);
        for file in unformatted.lines().filter(|_| said.code == 3) {
            let (key, dir) = (&self.attempt.node.key, &self.unit.body.dir);
            self.run.recorder.notice(&format!(
                "{key}: `{dir}/{file}` is not formatted: `{} fmt {dir}`",
                self.unit.body.binary
            ));
        }
        let said = self.direct("validate", arguments::validate()).await?;
        match said.code {
            0 => Ok(()),
            _ => Err(self.failed("validate", &said)),
        }
    }
}
