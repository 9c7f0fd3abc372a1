//! A run of a plan: what it holds, and what it would do.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use camino::Utf8PathBuf;

use super::{
    ExecuteError, Listing, Logins, Options, Recorder, Secrets, Tools, World,
    scope::{Artifacts, RunScope, Unopened},
};
use crate::{
    event::{Event, FailureKind, OutputValue},
    expression::Value,
    graph::{EdgeSource, Node, Standing, TaskGraph},
    ident::EnvironmentName,
    image::{Depth, ImageError, ImageReference, inspect},
    ledger::{Durability, Heartbeat, Host, Resume, TaskState, is_alive, this_process},
    plan::{FingerprintParts, model::Kind, values::Values},
    secret::{Masker, Secret},
};

/// Everything that a run of a plan needs.
pub struct Run<'r, 'p> {
    /// The graph.
    pub graph: &'r TaskGraph<'p>,
    /// What is known before anything runs.
    pub values: &'r Values,
    /// The world.
    pub world: &'r World,
    /// How it behaves.
    pub options: &'r Options,
    /// The ledger and the reporters.
    pub recorder: &'r Recorder,
    /// Secrets with a value here.
    pub secrets: Secrets,
    /// The files of the plan's folder.
    pub listing: Listing,
    /// The mask, which grows with the secret outputs of tasks.
    pub masker: RefCell<Masker>,
    /// Who it is logged in as.
    pub logins: Logins,
    /// The programs that the plan pins, as far as tasks called them.
    pub tools: Tools,
    /// The tasks that the run is about.
    pub selected: BTreeSet<usize>,
}

/// What a run would do about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// It would run, as far as can be told before what it reads exists.
    Run,
    /// Its record stands, and it has nothing to observe.
    UpToDate,
    /// Its record stands; its checks would be asked again.
    Observe,
    /// Its record stands, unless what it reads comes out differently of a task that would run.
    Depends,
    /// It does not take part.
    Skip,
}

impl<'p> Run<'_, 'p> {
    /// Records a fact about a task.
    pub(super) fn record(
        &self,
        node: &Node<'_>,
        event: Event,
        durability: Durability,
    ) -> Result<(), ExecuteError> {
        self.recorder
            .task(&node.key, event, self.world.now(), durability)
    }

    /// Names who acts, for the record.
    pub(super) fn actor(&self) -> String {
        let on_actions = self.world.runner.event.actor.clone();
        let local = self
            .world
            .variable("USER")
            .or(self.world.variable("LOGNAME"))
            .map(str::to_owned);
        on_actions
            .or(local)
            .unwrap_or_else(|| "somebody".to_owned())
    }

    /// Returns what a run would do about each selected task, by the ledger and without asking anything outside.
    pub fn dry_run(&self) -> BTreeMap<usize, DryRun> {
        let mut found: BTreeMap<usize, DryRun> = self
            .selected
            .iter()
            .map(|&index| (index, self.dry_run_of(index)))
            .collect();
        let readers = self.readers();
        let mut runs: Vec<usize> = found
            .iter()
            .filter(|(_, would)| **would == DryRun::Run)
            .map(|(&index, _)| index)
            .collect();
        while let Some(index) = runs.pop() {
            for reader in readers.get(&index).into_iter().flatten() {
                if let Some(would @ (DryRun::UpToDate | DryRun::Observe)) = found.get_mut(reader) {
                    *would = DryRun::Depends;
                    runs.push(*reader);
                }
            }
        }
        found
    }

    /// Returns of each task those that read what it gives.
    fn readers(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut readers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, node) in self.graph.nodes().iter().enumerate() {
            for edge in &node.after {
                if matches!(edge.source, EdgeSource::Reference { .. }) {
                    readers.entry(edge.to).or_default().push(index);
                }
            }
        }
        readers
    }

    fn dry_run_of(&self, index: usize) -> DryRun {
        let node = &self.graph.nodes()[index];
        if matches!(node.standing, Standing::Skipped { .. }) {
            return DryRun::Skip;
        }
        let Ok(parts) = self.fingerprint_parts(index) else {
            return DryRun::Run;
        };
        let known = self.recorder.known();
        match known.state().resume(&node.key, &parts.fingerprint()) {
            Resume::UpToDate(attempt)
                if (attempt.ended.as_ref())
                    .is_some_and(|ended| self.is_planned_since(node, ended.at)) =>
            {
                DryRun::Run
            }
            Resume::UpToDate(_) if node.task.verify.is_empty() && node.task.checks.is_empty() => {
                DryRun::UpToDate
            }
            Resume::UpToDate(_) => DryRun::Observe,
            Resume::Run { .. } | Resume::Unfinished(_) => DryRun::Run,
        }
    }

    /// Returns what a task is made of now.
    ///
    /// # Errors
    ///
    /// Something that it reads has no value yet.
    pub fn fingerprint_parts(&self, index: usize) -> Result<FingerprintParts, ExecuteError> {
        self.parts_of(&self.graph.nodes()[index])
    }

    /// As [`Run::fingerprint_parts`], of a node.
    pub(super) fn parts_of(&self, node: &Node<'p>) -> Result<FingerprintParts, ExecuteError> {
        let known = self.recorder.known();
        let scope = RunScope {
            unopened: Unopened::Supposed,
            ..self.scope_of(node, &known, Artifacts::ByContent)
        };
        super::fingerprint::parts(self.graph.plan(), node, &scope, &self.listing)
    }
}

impl<'p> Run<'_, 'p> {
    /// Places the artifacts that a task reads into this job's folder, and returns where they are.
    pub(super) fn fetch_artifacts(
        &self,
        node: &Node<'p>,
    ) -> Result<BTreeMap<(String, String), Utf8PathBuf>, ExecuteError> {
        let mut placed = BTreeMap::new();
        for read in &node.task.reads {
            let names = read.reference.names();
            let (Some(task), Some(&"artifacts"), Some(name)) =
                (names.first(), names.get(1), names.get(2))
            else {
                continue;
            };
            let Ok(id) = task.parse() else { continue };
            for index in self.graph.resolve(&id, node.key.environment.as_ref()) {
                let owner = &self.graph.nodes()[index].key;
                let path = {
                    let known = self.recorder.known();
                    let ended = known
                        .state()
                        .task(owner)
                        .and_then(|record| record.success())
                        .and_then(|attempt| attempt.ended.clone());
                    ended.and_then(|ended| ended.artifacts.get(*name).cloned())
                };
                let Some(path) = path else { continue };
                let target = self
                    .world
                    .scratch
                    .join("artifacts")
                    .join(crate::digest::Digest::of(format!("{owner}/{name}")).short())
                    .join(name);
                if !target.exists() {
                    self.recorder
                        .ledger_of(owner)?
                        .place_artifact(&path, &target)?;
                }
                placed.insert((owner.to_string(), (*name).to_owned()), target);
            }
        }
        Ok(placed)
    }

    /// Masks more from here on. What is too short to be masked is announced.
    pub(super) fn add_to_mask(&self, secrets: Vec<(String, Secret)>) -> Result<(), ExecuteError> {
        let is_new = |(_, secret): &(String, Secret)| !self.masker.borrow().knows(secret);
        let secrets: Vec<_> = secrets.into_iter().filter(is_new).collect();
        if secrets.is_empty() {
            return Ok(());
        }
        let told: Vec<Secret> = secrets.iter().map(|(_, secret)| secret.clone()).collect();
        self.recorder.secrets(&told);
        let grown = self.masker.borrow().with(secrets);
        let grown =
            grown.map_err(|error| ExecuteError::task(FailureKind::Internal, error.to_string()))?;
        let before = self.masker.replace(grown);
        let now = self.masker.borrow();
        for name in &now.too_short()[before.too_short().len()..] {
            self.recorder.notice(&format!(
                "{name} has less than four bytes and cannot be masked"
            ));
        }
        Ok(())
    }

    /// Masks what was computed from secrets from here on: a part of a secret may stand where the whole does not.
    pub(super) fn mask_computed(&self, node: &Node<'p>, value: &Value) -> Result<(), ExecuteError> {
        let secrets = value.secrets().into_iter();
        self.add_to_mask(
            secrets
                .map(|secret| (format!("a secret value of `{}`", node.key), secret.clone()))
                .collect(),
        )
    }

    /// Whether what a task made is still there: an image is asked for by its digest; other kinds are believed.
    pub(super) async fn effect_is_there(&self, node: &Node<'p>) -> Result<bool, ExecuteError> {
        if node.task.kind != Kind::Image {
            return Ok(true);
        }
        let references = {
            let known = self.recorder.known();
            let ended = known
                .state()
                .task(&node.key)
                .and_then(|record| record.success())
                .and_then(|attempt| attempt.ended.clone());
            match ended.and_then(|ended| ended.outputs.get("references").cloned()) {
                Some(OutputValue::Clear {
                    value: Value::Map(references),
                }) => references,
                _ => return Ok(false),
            }
        };
        for reference in references.values().filter_map(Value::as_plain_text) {
            let Ok(parsed) = reference.parse::<ImageReference>() else {
                return Ok(false);
            };
            let client = self.client_for(node, &parsed)?;
            match inspect(&client, &parsed, Depth::Config).await {
                Ok(_) => {}
                Err(ImageError::Missing { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Returns to whom a task's environment seals; in a rehearsal, to whom the rehearsal does.
    pub(super) fn recipient(&self, node: &Node<'p>) -> Option<String> {
        let name = node.key.environment.as_ref()?;
        let stand_in = self.world.stand_ins.recipients.get(name.as_str());
        let environment = self.graph.plan().environments.get(name)?;
        stand_in.or(environment.recipient.as_ref()).cloned()
    }

    /// Returns to whom each environment seals, where it does.
    pub fn recipients(&self) -> BTreeMap<EnvironmentName, String> {
        let nodes = self.graph.nodes().iter();
        let recipients =
            nodes.filter_map(|node| Some((node.key.environment.clone()?, self.recipient(node)?)));
        recipients.collect()
    }

    /// Returns the repository's default branch: what the event says, else `main`.
    pub(super) fn default_branch(&self) -> String {
        let repository = self.world.runner.event.payload.get("repository");
        let told = repository
            .and_then(|repository| repository.get("default_branch"))
            .and_then(Value::as_plain_text);
        told.unwrap_or_else(|| "main".to_owned())
    }
}

impl Run<'_, '_> {
    /// Returns the last word on a task.
    pub fn state_of(&self, index: usize) -> Option<TaskState> {
        let known = self.recorder.known();
        known
            .state()
            .task(&self.graph.nodes()[index].key)
            .map(|record| record.state.clone())
    }

    /// Returns the references that this run published, read back from their registries.
    pub fn published(&self) -> Vec<String> {
        let known = self.recorder.known();
        let mut found = Vec::new();
        for &index in &self.selected {
            let node = &self.graph.nodes()[index];
            let record = known
                .state()
                .task(&node.key)
                .filter(|record| record.run == *self.recorder.run());
            let ended = record
                .and_then(|record| record.success())
                .and_then(|attempt| attempt.ended.as_ref());
            if let Some(OutputValue::Clear {
                value: Value::Map(references),
            }) = ended.and_then(|ended| ended.outputs.get("references"))
            {
                found.extend(references.values().filter_map(Value::as_plain_text));
            }
        }
        found
    }

    /// Whether other processes of this run live: jobs that run at the same time.
    pub fn has_other_members(&self) -> bool {
        let own = this_process();
        let here = Host::here();
        let mut holders = self
            .recorder
            .ledgers()
            .filter_map(|ledger| ledger.holder().ok().flatten());
        holders.any(|lease| {
            lease.members.iter().any(|member| {
                member.host == here && member.process != own && is_alive(&member.process)
            })
        })
    }

    /// Says in each ledger that the run lives. Returns why it may not go on, where another has the lease.
    pub fn beat(&self, lasting: std::time::Duration) -> Option<String> {
        self.recorder.ledgers().find_map(|ledger| {
            match ledger.heartbeat(self.recorder.run(), self.world.now(), lasting) {
                Ok(Heartbeat::Kept(_)) => None,
                Ok(Heartbeat::Lost(Some(lease))) => {
                    Some(format!("run `{}` took the lease over", lease.run))
                }
                Ok(Heartbeat::Lost(None)) => {
                    Some("somebody unlocked the lease of this run".to_owned())
                }
                Err(error) => Some(error.to_string()),
            }
        })
    }
}
