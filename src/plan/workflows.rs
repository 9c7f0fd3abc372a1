//! Workflows that would do the same thing twice.

use serde_json::Value;

use super::model::{Kind, Plan, Task, WorkflowDeclaration};
use crate::{diagnostic::Diagnostic, ident::PhaseId};

/// Returns a problem for each two workflows that publish the same image for one push: they race for its tags.
pub fn published_twice(plan: &Plan) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let workflows: Vec<(_, &WorkflowDeclaration, Pushes)> = plan
        .workflows
        .iter()
        .filter_map(|(name, workflow)| Some((name, workflow, Pushes::of(&workflow.on)?)))
        .collect();
    for (index, (name, workflow, pushes)) in workflows.iter().enumerate() {
        for (other, earlier, earlier_pushes) in &workflows[..index] {
            if !pushes.meet(earlier_pushes) {
                continue;
            }
            let both = |task: &&Task| {
                let phase = &plan.phase_of(task).id;
                let holds = |phases: &[PhaseId]| phases.is_empty() || phases.contains(phase);
                task.kind == Kind::Image
                    && task.changes
                    && holds(&workflow.phases)
                    && holds(&earlier.phases)
            };
            if let Some(task) = plan.tasks.iter().find(both) {
                let phase = &plan.phase_of(task).id;
                let message = format!(
                    "`{}` would be published twice for one commit, by `{other}` and `{name}`",
                    task.id
                );
                problems.push(
                    Diagnostic::error("published-twice", message)
                        .at(workflow.span)
                        .also(earlier.span, "the first is here")
                        .help(format!("take the phase `{phase}` out of one of them")),
                );
            }
        }
    }
    problems
}

/// Of which branches and tags a push starts a workflow; `None`: of none.
struct Pushes {
    branches: Option<Vec<String>>,
    tags: Option<Vec<String>>,
}

impl Pushes {
    /// Reads `on` as GitHub does: without patterns every branch and tag, with patterns of one sort only those.
    fn of(on: &Value) -> Option<Self> {
        let all = || Some(vec!["**".to_owned()]);
        let push = match on {
            Value::String(event) if event == "push" => &Value::Null,
            Value::Array(events) if events.iter().any(|event| event == "push") => &Value::Null,
            Value::Object(events) => events.get("push")?,
            _ => return None,
        };
        let patterns = |key: &str| -> Option<Vec<String>> {
            let texts = match push.get(key)? {
                Value::Array(items) => items.clone(),
                single => vec![single.clone()],
            };
            Some(
                texts
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            )
        };
        let branches =
            patterns("branches").or_else(|| push.get("branches-ignore").and_then(|_| all()));
        let tags = patterns("tags").or_else(|| push.get("tags-ignore").and_then(|_| all()));
        Some(if branches.is_none() && tags.is_none() {
            Self {
                branches: all(),
                tags: all(),
            }
        } else {
            Self { branches, tags }
        })
    }

    /// Whether one push can start both.
    fn meet(&self, other: &Self) -> bool {
        let any = |ours: &Option<Vec<String>>, theirs: &Option<Vec<String>>| {
            let ours = ours.iter().flatten();
            ours.into_iter()
                .any(|ours| theirs.iter().flatten().any(|theirs| overlap(ours, theirs)))
        };
        any(&self.branches, &other.branches) || any(&self.tags, &other.tags)
    }
}

/// Whether two patterns surely match one name: they are equal, or one is a pattern that matches the other as it stands.
fn overlap(left: &str, right: &str) -> bool {
    left == right || covers(left, right) || covers(right, left)
}

fn covers(pattern: &str, name: &str) -> bool {
    if pattern == "**" || pattern == "*" && !name.contains('/') {
        return !name.starts_with('!');
    }
    glob::Pattern::new(pattern).is_ok_and(|pattern| {
        let options = glob::MatchOptions {
            require_literal_separator: true,
            ..glob::MatchOptions::default()
        };
        !name.contains(['*', '?', '[', '!']) && pattern.matches_with(name, options)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workflows_meet_where_one_push_starts_both() {
        let on = |text: &str| Pushes::of(&serde_json::from_str(text).expect(text)).expect(text);
        for (left, right, meets) in [
            (r#""push""#, r#"{"push": {"branches": ["main"]}}"#, true),
            (r#"["push"]"#, r#"{"push": {"tags": ["v*"]}}"#, true),
            (
                r#"{"push": {"branches": ["main"]}}"#,
                r#"{"push": {"branches": "main"}}"#,
                true,
            ),
            (
                r#"{"push": {"branches": ["release/*"]}}"#,
                r#"{"push": {"branches": ["release/1"]}}"#,
                true,
            ),
            (
                r#"{"push": {"branches": ["*"]}}"#,
                r#"{"push": {"branches": ["release/1"]}}"#,
                false,
            ),
            (
                r#"{"push": {"branches": ["main"]}}"#,
                r#"{"push": {"branches": ["next"]}}"#,
                false,
            ),
            (
                r#"{"push": {"branches": ["main"]}}"#,
                r#"{"push": {"tags": ["main"]}}"#,
                false,
            ),
            (
                r#"{"push": {"tags": ["v*"]}}"#,
                r#"{"push": {"tags": ["v1.2"]}}"#,
                true,
            ),
            (
                r#"{"push": {"branches-ignore": ["main"]}}"#,
                r#"{"push": {"branches": ["next"]}}"#,
                true,
            ),
        ] {
            assert_eq!(on(left).meet(&on(right)), meets, "{left} {right}");
            assert_eq!(on(right).meet(&on(left)), meets, "{right} {left}");
        }
        assert!(Pushes::of(&serde_json::json!({"pull_request": {}})).is_none());
    }
}
