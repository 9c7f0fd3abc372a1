//! Secret outputs that no ledger keeps so that they can be opened here: terraform has them in its state, and is asked again.

use std::collections::BTreeSet;

use super::outputs;
use crate::{
    event::OutputValue,
    execute::{ExecuteError, Moment, Run, attempt::BodyResult, scope::Artifacts},
    graph::Node,
    plan::model::Kind,
};

impl<'p> Run<'_, 'p> {
    /// Reads the outputs again that a task reads, that are secret, and that nothing here opens.
    pub(in crate::execute) async fn read_again(&self, node: &Node<'p>) -> Result<(), ExecuteError> {
        for index in self.unopened(node) {
            let key = &self.graph.nodes()[index].key;
            let asked = self.with_module(index, Moment::Preview, async |calls| {
                calls.version().await?;
                calls.initialise().await?;
                let mut result = BodyResult::default();
                outputs::read(calls, &mut result).await?;
                Ok(result.outputs)
            });
            // What it reads itself may have to be read again before.
            for (name, produced) in Box::pin(asked).await? {
                if produced.sensitive {
                    self.recorder.withhold(key, &name, produced.value);
                }
            }
        }
        Ok(())
    }

    /// Returns the terraform tasks of which a task reads a secret output that has no value here.
    fn unopened(&self, node: &Node<'p>) -> BTreeSet<usize> {
        let known = self.recorder.known();
        let scope = self.scope_of(node, &known, Artifacts::ByContent);
        let mut found = BTreeSet::new();
        for read in &node.task.reads {
            let names = read.reference.names();
            let ("tasks", [task, "outputs", name, ..]) =
                (read.reference.root.as_str(), names.as_slice())
            else {
                continue;
            };
            let Ok(task) = task.parse() else { continue };
            let made = self.graph.resolve(&task, node.key.environment.as_ref());
            found.extend(made.into_iter().filter(|&index| {
                let maker = &self.graph.nodes()[index];
                let kept = scope.kept_output(maker, name);
                let is_secret = matches!(
                    kept,
                    Some(OutputValue::Sealed { .. } | OutputValue::Withheld)
                );
                maker.task.kind == Kind::Terraform
                    && is_secret
                    && kept.is_some_and(|kept| scope.secret_output(maker, name, kept).is_none())
            }));
        }
        found
    }
}
