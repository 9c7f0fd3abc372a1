//! What a person asks for when an apply was cut off: a rescued state put into its backend, a lock taken away.

use std::{fs, io::Write as _};

use super::{
    Place,
    call::{Calls, LOCK_TIMEOUT, Manner},
    lock_file::NewLockFile,
    rescue,
    unit::Unit,
};
use camino::Utf8PathBuf;

use crate::{
    event::{Event, FailureKind},
    execute::{
        ExecuteError, Moment, Run,
        attempt::Attempt,
        body::evaluate,
        prepare::{Mode, Prepared},
    },
    graph::Node,
    ledger::Durability,
    plan::{
        kind::{Reader, terraform::Terraform},
        model::Kind,
    },
    portable,
    process::StopListener,
    secret::sealed,
    terraform::{Rescue, State, arguments},
};

/// What a repair came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// What was done, in words.
    pub words: String,
}

impl<'p> Run<'_, 'p> {
    /// Puts the rescued state of a terraform task into its backend, if the backend knows less of the same state.
    ///
    /// # Errors
    ///
    /// Nothing was rescued, nothing here opens it, or the backend has another state or knows more.
    pub async fn recover(&self, index: usize) -> Result<Repaired, ExecuteError> {
        let node = &self.graph.nodes()[index];
        let rescued = rescue::read(self, node)?;
        let state = match rescued.is_sealed {
            true => sealed::open(&rescued.bytes, &self.key_of(node)?)?,
            false => rescued.bytes.clone(),
        };
        let words = self
            .with_module(index, Moment::Run, async |calls| {
                calls.initialise().await?;
                push(calls, &state).await
            })
            .await?;
        let because = format!(
            "its rescued state was put into the backend by {}",
            self.actor()
        );
        let event = Event::TaskInvalidated {
            task: node.key.clone(),
            because,
        };
        self.record(node, event, Durability::Synced)?;
        fs::remove_file(&rescued.path)
            .map_err(|error| ExecuteError::file("remove", &rescued.path, error))?;
        Ok(Repaired { words })
    }

    /// Takes the state that an apply of the last attempt could not write, or a destruction since, and keeps it with the
    /// ledger. Returns where, if there is one.
    ///
    /// # Errors
    ///
    /// It cannot be read, sealed or kept.
    pub fn rescue(&self, index: usize) -> Result<Option<Utf8PathBuf>, ExecuteError> {
        let node = &self.graph.nodes()[index];
        let last = {
            let known = self.recorder.known();
            let record = known.state().task(&node.key);
            record.and_then(|record| record.attempt.clone())
        };
        match last.filter(|_| node.task.kind == Kind::Terraform) {
            Some(attempt) => rescue::stranded(self, node, &attempt),
            None => Ok(None),
        }
    }

    /// Takes the lock of a terraform state away, by its id.
    ///
    /// # Errors
    ///
    /// The backend has no such lock, or another.
    pub async fn force_unlock(&self, index: usize, id: &str) -> Result<Repaired, ExecuteError> {
        self.with_module(index, Moment::Run, async |calls| {
            calls.initialise().await?;
            let said = calls
                .direct("force-unlock", arguments::force_unlock(id))
                .await?;
            match said.code {
                0 => Ok(()),
                _ => Err(calls.failed("force-unlock", &said)),
            }
        })
        .await?;
        Ok(Repaired {
            words: format!("the lock {id} is gone"),
        })
    }

    pub(super) async fn with_module<T>(
        &self,
        index: usize,
        moment: Moment,
        work: impl AsyncFnOnce(&Calls<'_, '_, 'p>) -> Result<T, ExecuteError>,
    ) -> Result<T, ExecuteError> {
        let node = &self.graph.nodes()[index];
        if node.task.kind != Kind::Terraform {
            let message = format!(
                "`{}` is of kind {}, and has no state",
                node.key,
                node.task.kind.key()
            );
            return Err(ExecuteError::task(FailureKind::Invalid, message));
        }
        self.trusted(node, moment)?;
        self.read_again(node).await?;
        let prepared = Prepared {
            parts: self.fingerprint_parts(index)?,
            mode: Mode::Whole,
        };
        let attempt = Attempt {
            node,
            number: 0,
            prepared: &prepared,
            stop: StopListener::never(),
        };
        let place = Place::of(self, &attempt)?;
        let body = Terraform::read(Reader::new(&evaluate(self, &attempt)?))?;
        let unit = Unit::of(self, &attempt, body, &place.folder)?;
        let transcript = place.transcript(self, node, &unit);
        let calls = Calls {
            manner: Manner::Look,
            ..place.calls(self, &attempt, &unit, &transcript)
        };
        let lock_file = NewLockFile::of(&unit);
        let done = match calls.version().await {
            Ok(()) => work(&calls).await,
            Err(error) => Err(error),
        };
        let removed = lock_file.remove();
        unit.sweep()?;
        removed?;
        done
    }

    fn key_of(&self, node: &Node<'p>) -> Result<crate::secret::Secret, ExecuteError> {
        let environments = &self.graph.plan().environments;
        let environment = node.key.environment.as_ref();
        let environment = environment.and_then(|name| environments.get(name));
        let Some(key) = environment.and_then(|environment| environment.key.as_ref()) else {
            let message = format!("the environment of `{}` names no `key`", node.key);
            return Err(ExecuteError::task(FailureKind::Invalid, message)
                .hint("`key` of the environment names the secret that opens what is sealed"));
        };
        self.secrets.get(key.as_str()).cloned()
    }
}

/// Writes a state to the backend, where that is right.
async fn push(calls: &Calls<'_, '_, '_>, state: &[u8]) -> Result<String, ExecuteError> {
    let said = calls.direct("state pull", arguments::state_pull()).await?;
    if said.code != 0 {
        return Err(calls.failed("state pull", &said));
    }
    let Some(rescued) = read(state)? else {
        let message = "the rescued state is empty";
        return Err(ExecuteError::task(FailureKind::Task, message));
    };
    let order = rescued.beside(read(&said.stdout)?.as_ref());
    if order == Rescue::Same {
        return Ok(order.to_string());
    }
    if !order.can_be_pushed() {
        return Err(ExecuteError::task(FailureKind::PlanStale, order.to_string()).hint(
            "look at both; what is right goes into the backend by `terraform state push`, and the rescued file away by hand",
        ));
    }
    let file = calls.unit.folder.join("rescued.tfstate");
    let written = portable::private_file()
        .create_new(true)
        .write(true)
        .open(&file)
        .and_then(|mut file| file.write_all(state));
    written.map_err(|error| ExecuteError::file("write", &file, error))?;
    let args = arguments::state_push(&file, LOCK_TIMEOUT);
    let said = calls.kept("push", args).await?;
    match said.code {
        0 => Ok(format!("{order}; it is in the backend now")),
        _ => Err(calls.failed("state push", &said)),
    }
}

fn read(state: &[u8]) -> Result<Option<State>, ExecuteError> {
    State::read(&String::from_utf8_lossy(state))
        .map_err(|error| ExecuteError::task(FailureKind::Task, error.to_string()))
}
