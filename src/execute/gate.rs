//! What a task waits for before it may begin: a decision, a confirmation, the reviewers of its phase.

use super::{ExecuteError, Run, scope::Artifacts};
use crate::{
    event::{Event, FailureKind, Reality, Waiting},
    expression::ReadError,
    graph::Node,
    ident::EnvironmentName,
    ledger::Durability,
    plan::{field::Field, model::Kind},
};

impl<'p> Run<'_, 'p> {
    /// What a gate waits for, if it does.
    pub(super) fn gate(&self, node: &Node<'p>) -> Result<Option<Waiting>, ExecuteError> {
        if node.task.kind != Kind::Gate {
            return Ok(None);
        }
        if let Some(text) = node.task.body.get("confirm").and_then(Field::literal) {
            // Where there are reviewers, their approval is the confirmation.
            return match self.reviewed_environment(node) {
                Some(_) => Ok(None),
                None => self.confirmation(node, text),
            };
        }
        let known = self.recorder.known();
        let scope = self.scope_of(node, &known, Artifacts::ByContent);
        for name in node
            .task
            .body
            .get("decisions")
            .map_or(&[][..], Field::items)
            .iter()
            .filter_map(Field::literal)
        {
            let open = scope.answer(&name);
            match open {
                Ok(_) => {}
                Err(ReadError::Open { .. }) => {
                    return Ok(name
                        .parse()
                        .ok()
                        .map(|decision| Waiting::Decision { decision }));
                }
                Err(error) => {
                    return Err(ExecuteError::task(FailureKind::Invalid, error.to_string()));
                }
            }
        }
        Ok(None)
    }

    fn confirmation(&self, node: &Node<'p>, text: String) -> Result<Option<Waiting>, ExecuteError> {
        if self.is_confirmed(node)? {
            return Ok(None);
        }
        let given = self.options.confirm.contains(&node.key);
        let by = match (given, &self.world.stand_ins.person) {
            (true, _) => self.actor(),
            (false, Some(person)) => person.clone(),
            (false, None) => return Ok(Some(Waiting::Confirmation { text })),
        };
        self.record(
            node,
            Event::GateConfirmed {
                task: node.key.clone(),
                by,
            },
            Durability::Synced,
        )?;
        Ok(None)
    }

    /// Whether somebody confirmed what the gate asks now, and not only what it asked before the plan was changed.
    fn is_confirmed(&self, node: &Node<'p>) -> Result<bool, ExecuteError> {
        let known = self.recorder.known();
        let Some(record) = known.state().task(&node.key) else {
            return Ok(false);
        };
        let Some(confirmed) = &record.confirmed else {
            return Ok(false);
        };
        let Some(attempt) = &record.attempt else {
            return Ok(true);
        };
        let scope = self.scope_of(node, &known, Artifacts::ByContent);
        let parts = super::fingerprint::parts(self.graph.plan(), node, &scope, &self.listing)?;
        Ok(attempt.fingerprint == parts.fingerprint() || confirmed.at > attempt.started)
    }

    /// Returns the task's environment where it has reviewers.
    fn reviewed_environment(&self, node: &Node<'p>) -> Option<EnvironmentName> {
        let name = node.key.environment.as_ref()?;
        let environment = self.graph.plan().environments.get(name)?;
        (!environment.reviewers.is_empty()).then(|| name.clone())
    }

    /// Whether the task's phase still waits for its reviewers: once a phase, environment and run.
    pub(super) async fn approval(&self, node: &Node<'p>) -> Result<Option<Waiting>, ExecuteError> {
        let plan = self.graph.plan();
        let asks = node.task.changes || node.task.body.get("confirm").is_some();
        let Some(name) = self.reviewed_environment(node).filter(|_| asks) else {
            return Ok(None);
        };
        let phase = plan.phase_of(node.task).id.clone();
        let is_given = {
            let known = self.recorder.known();
            known
                .state()
                .approval(&phase, &name)
                .is_some_and(|approval| approval.word.run == *self.recorder.run())
        };
        if is_given {
            return Ok(None);
        }
        let person = &self.world.stand_ins.person;
        let on_github = match person {
            // Whoever stands in for people is asked in their place.
            Some(_) => None,
            None => self.approved_on_github(name.as_str()).await?,
        };
        let (by, reality) = match (person, on_github) {
            (Some(person), _) => (
                person.clone(),
                Reality::StandIn {
                    who: person.clone(),
                },
            ),
            (None, Some(by)) => (by, Reality::Real),
            (None, None) => {
                return Ok(Some(Waiting::Approval {
                    phase,
                    environment: name,
                }));
            }
        };
        let event = Event::PhaseApproved {
            phase,
            environment: name,
            by,
            reality,
        };
        self.record(node, event, Durability::Synced)?;
        Ok(None)
    }
}
