//! What a run would do, without doing it: another interpreter of the same tasks.
//!
//! It works on a ledger of its own, a copy that is thrown away. What changes nothing outside is carried out, images are made and
//! not pushed, terraform plans; the rest is listed. What reads something that only the run will know is *deferred*: nothing is
//! ever planned on a value that somebody made up.
mod forecast;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

pub use self::forecast::Forecast;
use super::{ExecuteError, Run};
use crate::{
    bundle::{Entry, Outlook, Plans},
    event::{Event, Reason},
    graph::EdgeSource,
    ident::{EnvironmentName, TaskKey},
    ledger::{Durability, TaskState},
    process::StopListener,
};

/// Everything that is foreseen.
#[derive(Debug, Default)]
pub struct Previewed {
    /// Of each selected task.
    pub tasks: BTreeMap<TaskKey, Entry>,
    /// The saved plans, by environment.
    pub plans: BTreeMap<EnvironmentName, Plans>,
}

/// What is known of the tasks that were looked at.
#[derive(Default)]
struct Looked {
    /// Those for which a run would change something, or of which nobody knows yet.
    open: BTreeSet<usize>,
    /// Those, and all that come behind one of them.
    behind: BTreeSet<usize>,
    failed: BTreeSet<usize>,
}

impl<'p> Run<'_, 'p> {
    /// Looks at each selected task, first those that others wait for. `begin` is told of each before it is looked at.
    ///
    /// # Errors
    ///
    /// The ledger of the preview cannot be written, or it was cancelled. What is wrong with a task is what is foreseen of it.
    pub async fn preview(
        &self,
        stop: &StopListener,
        begin: &mut dyn FnMut(&TaskKey),
        end: &mut dyn FnMut(&TaskKey, &Outlook),
    ) -> Result<Previewed, ExecuteError> {
        let mut previewed = Previewed::default();
        let mut looked = Looked::default();
        for index in order::of(self.graph, &self.selected) {
            let key = &self.graph.nodes()[index].key;
            begin(key);
            let forecast = self.forecast(index, &looked, stop).await?;
            self.settle_preview(index, &forecast)?;
            self.note(index, &forecast.outlook, &mut looked);
            end(key, &forecast.outlook);
            if let (Some(plan), Some(environment)) = (forecast.plan, &key.environment) {
                let plans = previewed.plans.entry(environment.clone()).or_default();
                plans.insert(key.clone(), Zeroizing::new(plan));
            }
            let made_of = forecast.parts.map(|parts| parts.own().clone());
            let entry = Entry {
                outlook: forecast.outlook,
                made_of,
            };
            previewed.tasks.insert(key.clone(), entry);
        }
        Ok(previewed)
    }

    fn note(&self, index: usize, outlook: &Outlook, looked: &mut Looked) {
        let is_behind = self
            .ancestors(index)
            .iter()
            .any(|before| looked.behind.contains(before));
        if outlook.is_open() {
            looked.open.insert(index);
        }
        if outlook.is_open() || is_behind {
            looked.behind.insert(index);
        }
        if outlook.is_failure() {
            looked.failed.insert(index);
        }
    }

    /// The tasks that come directly before one: by its edges, and by the order of phases.
    fn ancestors(&self, index: usize) -> BTreeSet<usize> {
        let node = &self.graph.nodes()[index];
        let barriers = node.waits_for.iter();
        let members =
            barriers.flat_map(|&barrier| self.graph.barriers()[barrier].members.iter().copied());
        let edges = node.after.iter().map(|edge| edge.to);
        edges.chain(members).collect()
    }

    /// Takes away what the copied ledger says of a task that a run would do otherwise: nothing may be read of it.
    fn settle_preview(&self, index: usize, forecast: &Forecast) -> Result<(), ExecuteError> {
        let node = &self.graph.nodes()[index];
        if let Outlook::Skipped { because } = &forecast.outlook {
            // Its outputs are null, whatever they were.
            let because = Reason::Condition {
                text: because.clone(),
            };
            let task = node.key.clone();
            return self.record(
                node,
                Event::TaskSkipped { task, because },
                Durability::Written,
            );
        }
        if forecast.is_readable {
            return Ok(());
        }
        let stands = matches!(
            self.state_of(index),
            Some(TaskState::Succeeded | TaskState::UpToDate { .. } | TaskState::Skipped { .. })
        );
        if !stands {
            return Ok(());
        }
        let event = Event::TaskInvalidated {
            task: node.key.clone(),
            because: "a run would change it".to_owned(),
        };
        self.record(node, event, Durability::Written)
    }

    /// Names a task that this one waits for by an edge, and that a run would carry out.
    fn open_before(&self, index: usize, looked: &Looked) -> Option<&TaskKey> {
        let mut edges = self.graph.nodes()[index].after.iter();
        let edge = edges.find(|edge| looked.open.contains(&edge.to))?;
        Some(&self.graph.nodes()[edge.to].key)
    }

    /// Names a task that `needs` puts before this one, and for which a run would change something outside: what this one
    /// looks at may be another then. Of what it reads it is known whether that changes.
    fn changing_before(&self, index: usize, looked: &Looked) -> Option<&TaskKey> {
        let nodes = self.graph.nodes();
        let mut edges = nodes[index].after.iter();
        let edge = edges.find(|edge| {
            let is_needed = matches!(edge.source, EdgeSource::Needs(_));
            is_needed && looked.open.contains(&edge.to) && nodes[edge.to].task.changes
        })?;
        Some(&nodes[edge.to].key)
    }
}
