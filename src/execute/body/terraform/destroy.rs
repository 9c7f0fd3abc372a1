//! Destroying: what a module holds is planned away into a file, and later exactly that file is applied.

use std::path::Path;

use camino::Utf8PathBuf;

use super::{
    Place,
    call::{Calls, LOCK_TIMEOUT, Said},
    plan, rescue,
    unit::Unit,
};
use crate::{
    event::FailureKind,
    execute::{
        ExecuteError, Moment, Run,
        attempt::Attempt,
        body::{evaluate, run::end_of_kept},
        prepare::{Mode, Prepared},
    },
    graph::Node,
    ledger::KeptChild,
    plan::{
        kind::{Reader, terraform::Terraform},
        model::Way,
    },
    process::{
        StopListener,
        kept::{self, KeptState},
    },
    terraform::{
        AddressPattern, Changes, Reading,
        arguments::{self, Purpose},
        changes::{Action, Mode as ResourceMode, resources_of_state},
    },
};

/// A module whose destruction is planned. The saved plan lies in a private folder until it is applied or given up.
pub(in crate::execute) struct Destruction {
    prepared: Prepared,
    place: Place,
    unit: Unit,
    changes: Changes,
}

impl Destruction {
    /// Returns the addresses of what goes, in the order of the plan.
    pub(in crate::execute) fn resources(&self) -> Vec<String> {
        let gone = self.changes.resources.iter().filter(|change| {
            change.mode == ResourceMode::Managed && matches!(change.action, Action::Delete)
        });
        gone.map(|change| match &change.deposed {
            Some(deposed) => format!("{} (deposed {deposed})", change.address),
            None => change.address.clone(),
        })
        .collect()
    }

    /// Returns what the task is made of.
    pub(in crate::execute) fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// Removes the saved plan, and what else was made for it.
    pub(in crate::execute) fn give_up(&self) -> Result<(), ExecuteError> {
        self.unit.sweep()
    }
}

impl<'p> Run<'_, 'p> {
    /// Plans the destruction of a terraform task. What an earlier process of the task left is waited for and taken up first.
    pub(in crate::execute) async fn plan_destruction(
        &self,
        index: usize,
        stop: &StopListener,
    ) -> Result<Destruction, ExecuteError> {
        let node = &self.graph.nodes()[index];
        self.trusted(node, Moment::Run)?;
        self.read_again(node).await?;
        let prepared = Prepared {
            parts: self.fingerprint_parts(index)?,
            mode: Mode::Whole,
        };
        let attempt = attempt_of(node, &prepared, stop);
        self.wait_for_earlier(&attempt).await?;
        let place = Place::of(self, &attempt)?;
        let body = Terraform::read(Reader::new(&evaluate(self, &attempt)?))?;
        let unit = Unit::of(self, &attempt, body, &place.folder)?;
        let planned = {
            let transcript = place.transcript(self, node, &unit);
            let calls = place.calls(self, &attempt, &unit, &transcript);
            let planned = async {
                rescue::before(&calls)?;
                calls.version().await?;
                calls.initialise().await?;
                plan::changes(&calls, Purpose::Destroy, &[]).await
            };
            planned.await
        };
        match planned {
            Ok(changes) => Ok(Destruction {
                prepared,
                place,
                unit,
                changes,
            }),
            Err(error) => {
                unit.sweep()?;
                Err(error)
            }
        }
    }

    /// Applies exactly what was planned, and looks whether nothing is left.
    pub(in crate::execute) async fn carry_out_destruction(
        &self,
        index: usize,
        destruction: &Destruction,
        stop: &StopListener,
    ) -> Result<(), ExecuteError> {
        let node = &self.graph.nodes()[index];
        let attempt = attempt_of(node, &destruction.prepared, stop);
        let (place, unit) = (&destruction.place, &destruction.unit);
        let transcript = place.transcript(self, node, unit);
        let calls = place.calls(self, &attempt, unit, &transcript);
        let ended = apply(&calls, &destruction.changes).await;
        rescue::after(&calls, ended)
    }

    /// Waits for children that an earlier runner left to their keepers, and takes up what they left.
    async fn wait_for_earlier(&self, attempt: &Attempt<'_, 'p>) -> Result<(), ExecuteError> {
        let node = attempt.node;
        let earlier = {
            let known = self.recorder.known();
            let record = known.state().task(&node.key);
            record.and_then(|record| record.attempt.clone())
        };
        let Some(earlier) = earlier else {
            return Ok(());
        };
        for KeptChild {
            folder, purpose, ..
        } in &earlier.kept
        {
            let folder = self.recorder.ledger_of(&node.key)?.path_of(folder)?;
            if let KeptState::Running(_) = kept::look(Path::new(folder.as_str()))? {
                let waits = format!("{}: waits for the end of `{purpose}`", node.key);
                self.recorder.notice(&waits);
                end_of_kept(attempt, &folder, purpose).await?;
            }
        }
        let is_over = earlier.ended.is_some();
        match rescue::take_up(self, node, &earlier, is_over)? {
            None => self.sweep_earlier(node, &earlier.kept),
            Some(look) => Err(ExecuteError::task(FailureKind::Invalid, look).hint(format!(
                "then say so: `deploy-action run --task {} --done {}`",
                node.key, node.key
            ))),
        }
    }

    /// Removes the saved plans of destructions that were cut off: they lie in folders of their own runs.
    fn sweep_earlier(&self, node: &Node<'p>, children: &[KeptChild]) -> Result<(), ExecuteError> {
        for child in children {
            let folder = self.recorder.ledger_of(&node.key)?.path_of(&child.folder)?;
            if let Some(of_attempt) = folder.parent() {
                rescue::sweep(of_attempt)?;
            }
        }
        Ok(())
    }
}

fn attempt_of<'a, 'p>(
    node: &'a Node<'p>,
    prepared: &'a Prepared,
    stop: &StopListener,
) -> Attempt<'a, 'p> {
    Attempt {
        node,
        number: 0,
        prepared,
        stop: stop.clone(),
    }
}

async fn apply(calls: &Calls<'_, '_, '_>, changes: &Changes) -> Result<(), ExecuteError> {
    if !changes.is_empty() {
        let plan = calls.unit.plan_file();
        let var_files = calls.unit.var_files_of_apply(calls.run);
        let var_files = var_files.iter().map(Utf8PathBuf::as_path);
        let args = arguments::apply(&plan, var_files, LOCK_TIMEOUT);
        let said = calls.kept(Way::Destroy.word(), args).await?;
        succeeded(calls, "apply", &said)?;
    }
    let shown = calls.direct("show", arguments::show_state()).await?;
    succeeded(calls, "show", &shown)?;
    let everything = [AddressPattern::new("*")];
    let reading = Reading {
        sensitive: &[],
        kept: &everything,
    };
    let state = resources_of_state(&shown.stdout[..], &reading)
        .map_err(|error| ExecuteError::task(FailureKind::Task, crate::execute::chain(&error)))?;
    let mut left = state.found.iter();
    match left.find(|resource| resource.mode == ResourceMode::Managed) {
        None => Ok(()),
        Some(first) => {
            let message = format!("`{}` is still in the state", first.address);
            Err(ExecuteError::task(FailureKind::VerifyFailed, message))
        }
    }
}

fn succeeded(calls: &Calls<'_, '_, '_>, what: &str, said: &Said) -> Result<(), ExecuteError> {
    match said.code {
        0 => Ok(()),
        _ => Err(calls.failed(what, said)),
    }
}
