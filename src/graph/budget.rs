//! What the tasks cost, and what they may cost.

use super::model::{Node, Standing};
use crate::{
    diagnostic::Diagnostic,
    expression::Value,
    ident::EnvironmentName,
    plan::{
        Plan,
        model::Budget,
        values::{Values, known_now},
    },
};

/// Lines that a message names at most.
const MOST_LINES: usize = 20;

/// Returns a problem for each environment whose tasks, with the shared ones, cost more than the budget allows.
///
/// A task that is skipped costs nothing; one whose condition is decided in the run may take part.
pub fn exceeded(plan: &Plan, values: &Values, nodes: &[Node<'_>]) -> Vec<Diagnostic> {
    let Some(budget) = &plan.budget else {
        return Vec::new();
    };
    let walks: Vec<Option<&EnvironmentName>> = match plan.environments.is_empty() {
        true => vec![None],
        false => plan.environments.keys().map(Some).collect(),
    };
    walks
        .into_iter()
        .filter_map(|walk| {
            let scope = values.planning(plan, walk, None);
            let Ok(Some(Value::Number(most))) = known_now(&budget.monthly, &scope) else {
                return None;
            };
            let lines = lines(plan, values, nodes, walk);
            let sum: f64 = lines.iter().map(|(_, cost)| cost).sum();
            // Sums of decimal fractions are off by less than a cent.
            let is_more = (sum * 100.0).round() > (most * 100.0).round();
            is_more.then(|| problem(budget, walk, sum, most, &lines))
        })
        .collect()
}

fn lines(
    plan: &Plan,
    values: &Values,
    nodes: &[Node<'_>],
    walk: Option<&EnvironmentName>,
) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for node in nodes {
        let place = node.key.environment.as_ref();
        let counts = (place.is_none() || place == walk)
            && !matches!(node.standing, Standing::Skipped { .. });
        if !counts {
            continue;
        }
        let scope = values.planning(plan, place, node.leg.as_ref());
        for (line, field) in node.task.cost.entries().into_iter().flatten() {
            if let Ok(Some(Value::Number(cost))) = known_now(field, &scope) {
                found.push((format!("{}/{line}", node.key), cost));
            }
        }
    }
    found
}

fn problem(
    budget: &Budget,
    walk: Option<&EnvironmentName>,
    sum: f64,
    most: f64,
    lines: &[(String, f64)],
) -> Diagnostic {
    let place = walk.map_or(String::new(), |name| format!(" in `{name}`"));
    let message = format!(
        "{sum:.2} {} a month{place}, {most} allowed",
        budget.currency
    );
    let shown = lines.iter().take(MOST_LINES);
    let mut shown: Vec<String> = shown
        .map(|(line, cost)| format!("{line} {cost:.2}"))
        .collect();
    if lines.len() > MOST_LINES {
        shown.push(format!("and {} more", lines.len() - MOST_LINES));
    }
    Diagnostic::error("budget", message)
        .at(budget.span)
        .help(format!("the lines are {}", shown.join(", ")))
}
