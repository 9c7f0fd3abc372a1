//! Texts that would be made of nothing, because the task that they read is skipped.

use super::model::{Node, Standing, resolve_among};
use crate::{
    diagnostic::Diagnostic,
    expression::{EvaluationProblem, ReadError, Reference, Value},
    plan::{
        Plan,
        field::{Field, Scope},
        values::{PlanningScope, Values},
    },
};

/// Returns a problem for each text of a task that takes part and reads a task that does not.
pub fn find(plan: &Plan, values: &Values, nodes: &[Node<'_>]) -> Vec<Diagnostic> {
    if nodes
        .iter()
        .all(|node| !matches!(node.standing, Standing::Skipped { .. }))
    {
        return Vec::new();
    }
    let mut problems: Vec<Diagnostic> = Vec::new();
    for node in nodes
        .iter()
        .filter(|node| node.standing == Standing::TakesPart)
    {
        let planning = values.planning(plan, node.key.environment.as_ref(), node.leg.as_ref());
        let scope = WithSkipped {
            nodes,
            reader: node,
            planning,
        };
        let checks = node
            .task
            .all_checks()
            .flat_map(|check| [&check.body, &check.expect]);
        for field in [&node.task.body, &node.task.env].into_iter().chain(checks) {
            visit(field, &scope, &mut |problem| {
                if problems.iter().all(|known| known.span != problem.span) {
                    problems.push(problem);
                }
            });
        }
    }
    problems
}

fn visit(field: &Field, scope: &WithSkipped<'_, '_>, report: &mut dyn FnMut(Diagnostic)) {
    if let Some(entries) = field.entries() {
        entries
            .values()
            .for_each(|entry| visit(entry, scope, report));
    } else if field.items().len() > 1 {
        field
            .items()
            .iter()
            .for_each(|item| visit(item, scope, report));
    } else if let Err(error) = field.evaluate(scope)
        && let EvaluationProblem::NullInText {
            reference: Some(reference),
            ..
        } = &error.problem
        && let Some((task, because)) = scope.skipped(reference)
    {
        report(
            Diagnostic::error("null-in-text", format!("this is null: `{task}` is skipped, as `{because}` is false"))
                .at(error.span.clone().into())
                .help("give this task the same `if`, or write a second choice: `tasks.a.outputs.x || tasks.b.outputs.x`"),
        );
    }
}

/// What is known at planning, and the nulls of skipped tasks.
struct WithSkipped<'n, 'p> {
    nodes: &'n [Node<'p>],
    reader: &'n Node<'p>,
    planning: PlanningScope<'n>,
}

impl WithSkipped<'_, '_> {
    fn skipped(&self, reference: &Reference) -> Option<(String, String)> {
        let name = *reference
            .names()
            .first()
            .filter(|_| reference.root == "tasks")?;
        let of_task: Vec<usize> = (0..self.nodes.len())
            .filter(|&index| self.nodes[index].key.task.as_str() == name)
            .collect();
        let found = resolve_among(self.nodes, &of_task, self.reader.key.environment.as_ref())?;
        found
            .into_iter()
            .find_map(|index| match &self.nodes[index].standing {
                Standing::Skipped { because } => {
                    Some((self.nodes[index].key.to_string(), because.clone()))
                }
                Standing::TakesPart | Standing::Undecided => None,
            })
    }
}

impl Scope for WithSkipped<'_, '_> {
    fn read(&self, reference: &Reference) -> Result<Value, ReadError> {
        match self.skipped(reference) {
            Some(_) => Ok(Value::Null),
            None => self.planning.read(reference),
        }
    }

    fn hash_files(&self, patterns: &[String]) -> Result<String, String> {
        self.planning.hash_files(patterns)
    }
}
