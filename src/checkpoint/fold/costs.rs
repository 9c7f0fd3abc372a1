//! Costs against the budget.

use super::{Material, scope::KnownScope};
use crate::{
    checkpoint::summary::{CostLine, Costs, CostsOfWalk},
    ident::EnvironmentName,
};

/// The currency of costs in a plan without a budget.
const USUAL_CURRENCY: &str = "USD";

/// Returns the costs of each environment: those of its tasks and of the shared ones.
pub(super) fn fold(material: &Material<'_>) -> Option<Costs> {
    let plan = material.plan();
    let has_lines = plan.tasks.iter().any(|task| !task.cost.is_null());
    if plan.budget.is_none() && !has_lines {
        return None;
    }
    let budget = plan.budget.as_ref();
    let environments: Vec<Option<&EnvironmentName>> = match plan.environments.is_empty() {
        true => vec![None],
        false => plan.environments.keys().map(Some).collect(),
    };
    let walks: Vec<(Option<f64>, CostsOfWalk)> = environments
        .into_iter()
        .map(|environment| {
            let monthly =
                budget.and_then(|budget| material.scope(environment).number(&budget.monthly));
            (monthly, walk(material, environment, monthly))
        })
        .collect();
    Some(Costs {
        currency: budget
            .map_or(USUAL_CURRENCY, |budget| &budget.currency)
            .to_owned(),
        // Where the budget differs by environment, the smallest is the one to name for all.
        monthly: walks
            .iter()
            .filter_map(|(monthly, _)| *monthly)
            .reduce(f64::min),
        walks: walks.into_iter().map(|(_, walk)| walk).collect(),
    })
}

fn walk(
    material: &Material<'_>,
    environment: Option<&EnvironmentName>,
    monthly: Option<f64>,
) -> CostsOfWalk {
    let nodes = material.graph.nodes().iter();
    let of_walk = nodes.filter(|node| {
        node.key.environment.is_none() || node.key.environment.as_ref() == environment
    });
    let lines: Vec<CostLine> = of_walk
        .flat_map(|node| {
            let scope = KnownScope::new(material, node.key.environment.as_ref(), node.leg.as_ref());
            let lines = node.task.cost.entries().into_iter().flatten();
            lines
                .map(|(what, field)| CostLine {
                    task: node.key.clone(),
                    what: what.clone(),
                    amount: scope.number(field),
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let total = lines.iter().filter_map(|line| line.amount).sum();
    let is_whole = lines.iter().all(|line| line.amount.is_some());
    CostsOfWalk {
        environment: environment.cloned(),
        total,
        // Above the budget is above it, whatever the rest comes to.
        within: monthly
            .and_then(|monthly| (is_whole || total > monthly).then_some(total <= monthly)),
        lines,
    }
}
