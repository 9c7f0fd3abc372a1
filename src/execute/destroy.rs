//! The way back through all that an environment holds: which tasks, in which order, who lets it happen, what is recorded.
//!
//! Destroyed are terraform's modules. What other kinds changed is named as left, in words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::Timestamp;

use super::{ExecuteError, Run, attempt::Attempt, body::Destruction};
use crate::{
    diagnostic::words::count,
    event::{Answer, CheckMoment, Event, Failure, FailureKind, Reality},
    graph::Node,
    ident::{EnvironmentName, TaskKey},
    ledger::Durability,
    plan::model::{Kind, Proof, Rollback, Way},
    process::StopListener,
};

/// What an environment holds.
#[derive(Debug, Default)]
pub struct Held {
    /// What can be destroyed, in the order in which it is.
    pub units: Vec<usize>,
    /// What cannot.
    pub left: Vec<Left>,
}

/// Something that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The task that made it.
    pub task: TaskKey,
    /// Why it stays.
    pub because: String,
}

/// A task whose destruction is planned.
pub struct Doomed {
    /// The task.
    pub task: TaskKey,
    /// The addresses of what goes.
    pub resources: Vec<String>,
    /// What is lost with it, as the plan says.
    pub data_loss: String,
    index: usize,
    destruction: Destruction,
}

impl Doomed {
    /// Removes the saved plan without carrying it out.
    ///
    /// # Errors
    ///
    /// A file cannot be removed.
    pub fn give_up(&self) -> Result<(), ExecuteError> {
        self.destruction.give_up()
    }

    /// Writes what goes, and what is lost by that.
    pub fn lines(&self) -> String {
        let mut text = format!("{}: ", self.task);
        match self.resources.len() {
            0 => text.push_str("nothing of it is there\n"),
            number => {
                writeln!(text, "{} to destroy", count(number, "resource"))
                    .expect("a text takes all");
            }
        }
        for address in &self.resources {
            writeln!(text, "  {address}").expect("a text takes all");
        }
        writeln!(text, "  data loss: {}", self.data_loss).expect("a text takes all");
        text
    }
}

/// Who lets an environment be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestructionGate {
    /// Somebody did.
    Open {
        /// Who.
        by: String,
        /// Whether that was a person.
        reality: Reality,
    },
    /// A word on the command line does.
    Confirmation,
    /// The environment's reviewers do, by approving the run for the environment of this name on GitHub.
    Approval {
        /// The environment.
        gate: String,
        /// The reviewers.
        reviewers: Vec<String>,
    },
}

impl<'p> Run<'_, 'p> {
    /// Returns what the selected tasks hold, the latest finished first and nothing before what depends on it.
    pub fn held(&self) -> Held {
        let mut held = Held::default();
        let mut units: BTreeSet<usize> = BTreeSet::new();
        for &index in &self.selected {
            let node = &self.graph.nodes()[index];
            if self.changed_at(index).is_none() {
                continue;
            }
            match stays(node) {
                None => drop(units.insert(index)),
                Some(because) => held.left.push(Left {
                    task: node.key.clone(),
                    because,
                }),
            }
        }
        while let Some((index, dependent)) = self.first_needed(&units) {
            units.remove(&index);
            let dependent = &self.graph.nodes()[dependent].key;
            held.left.push(Left {
                task: self.graph.nodes()[index].key.clone(),
                because: format!("`{dependent}` depends on it and is not destroyed"),
            });
        }
        held.units = self.backwards(&units);
        held
    }

    /// Returns what tasks of an environment hold that the plan has no more.
    pub fn obsolete(&self, environment: &EnvironmentName) -> Vec<Left> {
        let known = self.recorder.known();
        let mut left = Vec::new();
        for (task, record) in known.state().tasks() {
            let is_here = task.environment.as_ref() == Some(environment);
            let attempt = record.attempt.as_ref().filter(|_| record.may_hold());
            let changed = attempt.is_some_and(|attempt| attempt.changes);
            if is_here && changed && self.graph.find(task).is_none() {
                left.push(Left {
                    task: task.clone(),
                    because: "the plan has no such task any more".to_owned(),
                });
            }
        }
        left
    }

    /// Returns when a task changed something last that may still be there.
    fn changed_at(&self, index: usize) -> Option<Timestamp> {
        let known = self.recorder.known();
        let record = known.state().task(&self.graph.nodes()[index].key)?;
        let attempt = record.attempt.as_ref().filter(|_| record.may_hold())?;
        let at = attempt
            .ended
            .as_ref()
            .map_or(attempt.started, |ended| ended.at);
        attempt.changes.then_some(at)
    }

    /// Finds one of `units` on which something depends that can be destroyed and is not among them, and that.
    fn first_needed(&self, units: &BTreeSet<usize>) -> Option<(usize, usize)> {
        let nodes = self.graph.nodes().iter().enumerate();
        let mut staying = nodes.filter(|(index, node)| {
            let is_unit = node.task.kind == Kind::Terraform && self.changed_at(*index).is_some();
            is_unit && !units.contains(index)
        });
        staying.find_map(|(dependent, _)| {
            let mut needed = self.all_before(dependent, Before::Dependencies).into_iter();
            let needed = needed.find(|needed| units.contains(needed))?;
            Some((needed, dependent))
        })
    }

    /// Returns the tasks that come before a task, also through others.
    fn all_before(&self, index: usize, what: Before) -> BTreeSet<usize> {
        let nodes = self.graph.nodes();
        let (mut found, mut open) = (BTreeSet::new(), vec![index]);
        let mut take = |open: &mut Vec<usize>, index| {
            if found.insert(index) {
                open.push(index);
            }
        };
        while let Some(index) = open.pop() {
            let node = &nodes[index];
            node.after.iter().for_each(|edge| take(&mut open, edge.to));
            let barriers = node.waits_for.iter().filter(|_| what == Before::Order);
            for &barrier in barriers {
                let members = &self.graph.barriers()[barrier].members;
                members.iter().for_each(|&member| take(&mut open, member));
            }
        }
        found
    }

    /// Orders tasks backwards: of those that nothing else of them comes after, the latest finished first.
    fn backwards(&self, units: &BTreeSet<usize>) -> Vec<usize> {
        let before: BTreeMap<usize, BTreeSet<usize>> = units
            .iter()
            .map(|&index| (index, self.all_before(index, Before::Order)))
            .collect();
        let mut left = units.clone();
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let free = left.iter().copied().filter(|index| {
                let mut others = left.iter().filter(|other| *other != index);
                !others.any(|other| before[other].contains(index))
            });
            let latest = free.max_by_key(|&index| (self.changed_at(index), index));
            let next = latest.expect("the graph has no cycle");
            left.remove(&next);
            ordered.push(next);
        }
        ordered
    }

    /// Plans the destruction of a task, into a file that is kept until it is carried out or given up.
    ///
    /// # Errors
    ///
    /// Terraform cannot plan it, or refuses to.
    pub async fn doom(&self, index: usize, stop: &StopListener) -> Result<Doomed, ExecuteError> {
        let destruction = self.plan_destruction(index, stop).await?;
        let node = &self.graph.nodes()[index];
        Ok(Doomed {
            task: node.key.clone(),
            resources: destruction.resources(),
            data_loss: self.data_loss(index, node),
            index,
            destruction,
        })
    }

    /// Says what is lost. That nothing is, is a claim unless what proves it held since the task changed something.
    fn data_loss(&self, index: usize, node: &Node<'p>) -> String {
        let rollback = node.task.rollback.as_deref();
        match rollback.and_then(|rollback| Some((rollback.data_loss.as_deref()?, rollback))) {
            None => "the plan does not say".to_owned(),
            Some(("none", rollback)) => {
                let mut proofs = rollback.proof.iter();
                match proofs.all(|proof| self.is_proved(index, node, proof)) {
                    true => "none, which is proved".to_owned(),
                    false => "none, which is claimed and not proved".to_owned(),
                }
            }
            Some((text, _)) => text.to_owned(),
        }
    }

    fn is_proved(&self, index: usize, node: &Node<'p>, proof: &Proof) -> bool {
        let Some(changed) = self.changed_at(index) else {
            return false;
        };
        let known = self.recorder.known();
        let environment = node.key.environment.as_ref();
        let nodes = self.graph.resolve(&proof.task, environment).into_iter();
        let keys = nodes.map(|index| &self.graph.nodes()[index].key);
        let records = keys.filter_map(|key| known.state().task(key));
        let mut answers = records
            .flat_map(|record| &record.checks)
            .filter(|(id, _)| proof.check.as_ref().is_none_or(|check| check == *id))
            .peekable();
        let own = proof.task == node.key.task;
        answers.peek().is_some()
            && answers.all(|(_, found)| {
                found.answer.answer == Answer::Held && (own || found.at >= changed)
            })
    }

    /// Looks whether an environment may be destroyed: its reviewers say so, or, where it has none, a word on the command
    /// line. Whoever stands in for people says yes.
    ///
    /// # Errors
    ///
    /// GitHub cannot be asked.
    pub async fn destruction_gate(
        &self,
        environment: &EnvironmentName,
        confirmed: Option<&EnvironmentName>,
    ) -> Result<DestructionGate, ExecuteError> {
        if let Some(person) = &self.world.stand_ins.person {
            let who = person.clone();
            return Ok(DestructionGate::Open {
                by: who.clone(),
                reality: Reality::StandIn { who },
            });
        }
        let declared = self.graph.plan().environments.get(environment);
        let reviewers = declared.map_or(&[][..], |declared| &declared.reviewers);
        let by = match reviewers {
            [] => confirmed
                .filter(|confirmed| *confirmed == environment)
                .map(|_| self.actor()),
            _ => self.approved_on_github(environment.as_str()).await?,
        };
        Ok(match (by, reviewers) {
            (Some(by), _) => DestructionGate::Open {
                by,
                reality: Reality::Real,
            },
            (None, []) => DestructionGate::Confirmation,
            (None, reviewers) => DestructionGate::Approval {
                gate: format!("{environment}-approval"),
                reviewers: reviewers.to_vec(),
            },
        })
    }

    /// Destroys what was planned, and records it: its success counts no more from the beginning, and what depends on it
    /// counts no more once it is gone. Returns the failure where something that must hold before does not, terraform fails,
    /// or something is left.
    ///
    /// # Errors
    ///
    /// It was stopped, nobody knows how it ended, or the ledger cannot be written.
    pub async fn destroy(
        &self,
        doomed: &Doomed,
        by: &str,
        stop: &StopListener,
    ) -> Result<Option<Failure>, ExecuteError> {
        let node = &self.graph.nodes()[doomed.index];
        let failure = match self.destroy_recorded(doomed, node, by, stop).await {
            Ok(()) => None,
            // What goes on under a keeper is neither undone nor failed.
            Err(
                error @ (ExecuteError::Ledger(_)
                | ExecuteError::Cancelled
                | ExecuteError::UnknownEnd { .. }),
            ) => return Err(error),
            Err(error) => Some(self.failure(error)),
        };
        let event = Event::TaskRolledBack {
            task: node.key.clone(),
            way: Way::Destroy.word().to_owned(),
            failure: failure.clone(),
        };
        self.record(node, event, Durability::Synced)?;
        if failure.is_none() {
            self.invalidate_dependents(doomed.index)?;
        }
        Ok(failure)
    }

    async fn destroy_recorded(
        &self,
        doomed: &Doomed,
        node: &Node<'p>,
        by: &str,
        stop: &StopListener,
    ) -> Result<(), ExecuteError> {
        if let Some(rollback) = node.task.rollback.as_deref() {
            self.holds_before(doomed, node, rollback, stop).await?;
        }
        let event = Event::TaskInvalidated {
            task: node.key.clone(),
            because: format!("its destruction began, confirmed by {by}"),
        };
        self.record(node, event, Durability::Synced)?;
        self.carry_out_destruction(doomed.index, &doomed.destruction, stop)
            .await
    }

    /// Asks what must hold before a task is undone.
    async fn holds_before(
        &self,
        doomed: &Doomed,
        node: &Node<'p>,
        rollback: &Rollback,
        stop: &StopListener,
    ) -> Result<(), ExecuteError> {
        let attempt = Attempt {
            node,
            number: 0,
            prepared: doomed.destruction.prepared(),
            stop: stop.clone(),
        };
        let own = self.recorded_outputs(node);
        let asked = self.ask_all(&attempt, &rollback.before, CheckMoment::Before, Some(&own));
        match asked.await? {
            None => Ok(()),
            Some(failed) => Err(ExecuteError::task(FailureKind::VerifyFailed, failed)
                .hint("`rollback.before` must hold, or nothing is undone")),
        }
    }

    /// What changed something on the ground that is gone has to be done again.
    fn invalidate_dependents(&self, gone: usize) -> Result<(), ExecuteError> {
        let nodes = self.graph.nodes();
        let key = &nodes[gone].key;
        for (index, node) in nodes.iter().enumerate() {
            let counts = {
                let known = self.recorder.known();
                let record = known.state().task(&node.key);
                record.is_some_and(|record| record.success().is_some())
            };
            let is_here = node.key.environment == key.environment && node.task.changes;
            if is_here && counts && self.all_before(index, Before::Dependencies).contains(&gone) {
                let event = Event::TaskInvalidated {
                    task: node.key.clone(),
                    because: format!("`{key}`, on which it depends, was destroyed"),
                };
                self.record(node, event, Durability::Synced)?;
            }
        }
        Ok(())
    }
}

/// What comes before a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// What it needs or reads.
    Dependencies,
    /// This, and the phases before its own.
    Order,
}

/// Why what a task made stays, if it does.
fn stays(node: &Node<'_>) -> Option<String> {
    let rollback = node.task.rollback.as_deref();
    match (node.task.kind, rollback.and_then(|rollback| rollback.by)) {
        (_, Some(Way::None)) => {
            let reason = rollback.and_then(|rollback| rollback.reason.as_deref());
            Some(format!(
                "the plan says that nothing leads back: {}",
                reason.unwrap_or("without a reason")
            ))
        }
        (Kind::Terraform, _) => None,
        (kind, _) => Some(format!(
            "this version does not destroy what a task of kind `{}` made",
            kind.key()
        )),
    }
}
