//! Texts that would be made of nothing, because the task that they read is skipped.

use std::collections::{HashMap, HashSet};

use super::model::{Node, Standing, resolve_among};
use crate::{
    diagnostic::Diagnostic,
    expression::{EvaluationProblem, ReadError, Reference, Value},
    ident::TaskId,
    plan::{
        Plan, Task, connections_of,
        field::{Field, Scope},
        model::Check,
        values::{PlanningScope, Values},
    },
};

/// Returns a problem for each text that a task which takes part makes of a task which does not; also in the connections
/// that it uses.
pub fn find(
    plan: &Plan,
    values: &Values,
    nodes: &[Node<'_>],
    of_task: &HashMap<&TaskId, Vec<usize>>,
) -> Vec<Diagnostic> {
    if nodes
        .iter()
        .all(|node| !matches!(node.standing, Standing::Skipped { .. }))
    {
        return Vec::new();
    }
    let mut problems: Vec<Diagnostic> = Vec::new();
    let mut seen_places = HashSet::new();
    let mut seen_connections = HashSet::new();
    for node in nodes
        .iter()
        .filter(|node| node.standing == Standing::TakesPart)
    {
        let environment = node.key.environment.as_ref();
        let scope = WithSkipped {
            nodes,
            of_task,
            reader: node,
            planning: values.planning(plan, environment, node.leg.as_ref()),
        };
        let mut report = |problem: Diagnostic| {
            if seen_places.insert(problem.span) {
                problems.push(problem);
            }
        };
        for field in fields(node.task) {
            visit(field, &scope, &mut report);
        }
        for name in connections_of(node.task) {
            let connection = plan.connections.get(&name);
            if let Some(connection) =
                connection.filter(|_| seen_connections.insert((name, environment)))
            {
                visit(&connection.body, &scope, &mut |problem| {
                    report(problem.also(node.task.span, "this task uses the connection"));
                });
            }
        }
    }
    problems
}

/// Everything of a task that holds expressions, besides its condition and its matrix.
fn fields(task: &Task) -> Vec<&Field> {
    let mut found = vec![&task.body, &task.env, &task.cost];
    found.extend(
        task.outputs
            .values()
            .filter_map(|output| output.resource.as_ref()),
    );
    task.all_checks()
        .for_each(|check| fields_of_check(check, &mut found));
    let command = task
        .rollback
        .as_ref()
        .and_then(|rollback| rollback.command.as_ref());
    found.extend(command);
    found
}

fn fields_of_check<'t>(check: &'t Check, found: &mut Vec<&'t Field>) {
    found.extend([&check.body, &check.expect]);
    check
        .checks
        .iter()
        .for_each(|check| fields_of_check(check, found));
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
    of_task: &'n HashMap<&'p TaskId, Vec<usize>>,
    reader: &'n Node<'p>,
    planning: PlanningScope<'n>,
}

impl WithSkipped<'_, '_> {
    fn skipped(&self, reference: &Reference) -> Option<(String, String)> {
        let names = reference.names();
        let name = names.first().filter(|_| reference.root == "tasks")?;
        let of_task = self.of_task.get(&name.parse::<TaskId>().ok()?)?;
        let found = resolve_among(self.nodes, of_task, self.reader.key.environment.as_ref())?;
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
