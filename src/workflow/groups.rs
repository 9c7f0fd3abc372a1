//! Which tasks share a job, and what jobs are called.

use std::collections::{BTreeSet, HashMap};

use super::{WorkflowError, conditions::inert};
use crate::{
    digest::Digest,
    graph::{Node, TaskGraph},
    ident::EnvironmentName,
};

/// The longest id of a job, in characters.
pub const LONGEST_JOB_ID: usize = 100;

/// Tasks that share a job: one, or those of a phase that is one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Id of the job.
    pub id: String,
    /// What people see.
    pub name: String,
    /// Indices of its tasks, in the order of the graph.
    pub nodes: Vec<usize>,
    /// Whether it is a phase that is one job.
    pub folded: bool,
}

/// Returns the jobs of the selected tasks, in the order of the graph.
pub fn groups(
    graph: &TaskGraph<'_>,
    selected: &BTreeSet<usize>,
) -> Result<Vec<Group>, WorkflowError> {
    let mut groups: Vec<Group> = Vec::new();
    let mut phases: HashMap<(usize, Option<&EnvironmentName>), usize> = HashMap::new();
    for &index in selected {
        let node = &graph.nodes()[index];
        let phase = &graph.plan().phases[node.task.phase];
        // A late task waits for a later phase, which waits for its own.
        if !phase.one_job || node.late {
            groups.push(single(graph, index));
            continue;
        }
        match phases.get(&(node.task.phase, node.key.environment.as_ref())) {
            Some(&group) => groups[group].nodes.push(index),
            None => {
                phases.insert(
                    (node.task.phase, node.key.environment.as_ref()),
                    groups.len(),
                );
                groups.push(folded(graph, node, index));
            }
        }
    }
    let mut seen = BTreeSet::new();
    match groups
        .iter()
        .find(|group| !seen.insert(group.id.as_str()) || group.id.len() > LONGEST_JOB_ID)
    {
        Some(twice) => Err(WorkflowError::DuplicateJob(twice.id.clone())),
        None => Ok(groups),
    }
}

/// Names what a job does in one environment where there are several.
fn in_environment(name: String, several: bool, environment: Option<&EnvironmentName>) -> String {
    match environment.filter(|_| several) {
        Some(environment) => format!("{name} ({environment})"),
        None => name,
    }
}

fn single(graph: &TaskGraph<'_>, index: usize) -> Group {
    let node = &graph.nodes()[index];
    let phase = &graph.plan().phases[node.task.phase];
    let several = node.task.environments.len() > 1;
    let environment = node.key.environment.as_ref();
    let behind = environment
        .filter(|_| several)
        .map(|name| format!("--{name}"))
        .unwrap_or_default();
    let mut id = format!("{}--{}", phase.id, node.key.task);
    let mut name = format!("{} / {}", inert(&phase.name), inert(&node.task.name));
    if let Some(leg) = &node.key.leg {
        // An underscore stands in no id of the plan, so that a leg is never taken for an environment.
        id.push('_');
        id.push_str(&leg_id(
            leg,
            LONGEST_JOB_ID.saturating_sub(id.len() + behind.len()),
        ));
        name.push_str(&format!("[{}]", inert(leg)));
    }
    Group {
        id: id + &behind,
        name: in_environment(name, several, environment),
        nodes: vec![index],
        folded: false,
    }
}

fn folded(graph: &TaskGraph<'_>, node: &Node<'_>, index: usize) -> Group {
    let phase = &graph.plan().phases[node.task.phase];
    let environment = node.key.environment.as_ref();
    let walks: BTreeSet<Option<&EnvironmentName>> = graph
        .nodes()
        .iter()
        .filter(|other| other.task.phase == node.task.phase)
        .map(|other| other.key.environment.as_ref())
        .collect();
    let several = walks.len() > 1;
    let behind = environment
        .filter(|_| several)
        .map(|name| format!("--{name}"))
        .unwrap_or_default();
    // Ids of the plan hold no underscore, so this is no task's job and none of ours.
    let id = format!("all_{}{behind}", phase.id);
    Group {
        id,
        name: in_environment(inert(&phase.name), several, environment),
        nodes: vec![index],
        folded: true,
    }
}

/// Makes a part of an id from the name of a leg: what GitHub refuses is replaced, and what was replaced or cut is told
/// apart by its digest.
fn leg_id(leg: &str, longest: usize) -> String {
    const DIGITS: usize = 8;
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let replaced: String = leg
        .chars()
        .map(|character| if allowed(character) { character } else { '-' })
        .collect();
    if replaced == leg && leg.len() <= longest {
        return replaced;
    }
    let digest = Digest::of(leg.as_bytes()).hex()[..DIGITS].to_owned();
    let room = longest.saturating_sub(DIGITS + 1);
    if room == 0 {
        return digest[..DIGITS.min(longest.max(1))].to_owned();
    }
    format!("{}-{digest}", &replaced[..room.min(replaced.len())])
}

/// Returns the GitHub environment whose reviewers approve for an environment of the plan.
pub fn approval_environment(environment: &EnvironmentName) -> String {
    format!("{environment}-approval")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_keeps_its_name_where_github_takes_it_and_is_told_apart_where_not() {
        assert_eq!(leg_id("api-gateway", 40), "api-gateway");
        let dotted = leg_id("3.12", 40);
        assert!(
            dotted.starts_with("3-12-") && dotted.len() == 13,
            "{dotted}"
        );
        assert_ne!(leg_id("3.12", 40), leg_id("3_12", 40));
        assert_eq!(leg_id(&"a".repeat(50), 20).len(), 20);
        assert_eq!(leg_id("a.b", 5).len(), 5);
    }
}
