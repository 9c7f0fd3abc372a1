//! From a declaration to the model of its file.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    WorkflowError, action,
    conditions::{AfterFailure, braces, event_is_one_of, has_work, inert},
    events::{Command, Events},
    gates::{Gate, gates, hold_back},
    grants::{self, Permissions},
    groups::{Group, approval_environment, groups},
    handed::{kept_days, producers},
    minutes,
    model::{Concurrency, Job, JobEnvironment, JobTask, Step, Target, WorkflowModel},
    order,
    steps::{History, Steps, secret_variables, selected},
};
use crate::{
    graph::{Node, Selection, TaskGraph, select},
    ident::{EnvironmentName, Name},
    plan::{
        Plan,
        model::{Kind, WorkflowDeclaration},
    },
};

/// The runner of jobs without tasks.
const RUNNER: &str = "ubuntu-24.04";
/// Reason of the finding that zizmor has for a secret of a task without environment.
const SHARED_SECRET: &str =
    "zizmor: ignore[secrets-outside-env] the task belongs to no environment";

impl WorkflowModel {
    /// Works out the file of a declaration. `plan_path` is the plan file from the root of the repository.
    ///
    /// # Errors
    ///
    /// Events that start nothing, an empty selection, and what GitHub's limits or rules forbid; see [`WorkflowError`].
    pub fn of(
        plan: &Plan,
        graph: &TaskGraph<'_>,
        name: &Name,
        declaration: &WorkflowDeclaration,
        plan_path: &str,
    ) -> Result<Self, WorkflowError> {
        let mut events = Events::read(name.as_str(), declaration)?;
        let selection = Selection {
            phases: declaration.phases.clone(),
            environments: declaration.environments.clone(),
            ..Selection::default()
        };
        let nodes = select(graph, &selection)?;
        if nodes.is_empty() {
            return Err(WorkflowError::NothingSelected {
                workflow: name.to_string(),
            });
        }
        let confirmed = if events.start(Command::Run) {
            gates_of_dispatch(graph, &nodes)
        } else {
            Vec::new()
        };
        events.add_inputs(name.as_str(), plan, &confirmed)?;
        let steps = Steps::new(plan, plan_path, &events, !confirmed.is_empty());
        let build = Build {
            plan,
            graph,
            declaration,
            events: &events,
            steps,
        };
        let mut jobs = Vec::new();
        for command in [Command::Preview, Command::Drift, Command::Verify] {
            if events.start(command) {
                jobs.push(build.one_job(command));
            }
        }
        if events.start(Command::Run) {
            build.run_jobs(&nodes, &mut jobs)?;
        }
        if events.start(Command::Run) || events.start(Command::Preview) {
            jobs.push(build.checkpoint(&jobs));
        }
        Ok(Self {
            name: format!("{} / {name}", inert(&plan.name)),
            plan: plan_path.to_owned(),
            target: Target::GitHub,
            concurrency: build.concurrency(&nodes),
            on: Value::Object(events.filters),
            jobs,
        })
    }
}

/// The gates that are confirmed by the dispatch: where reviewers approve, they confirm too.
fn gates_of_dispatch(graph: &TaskGraph<'_>, nodes: &BTreeSet<usize>) -> Vec<String> {
    let nodes = nodes.iter().map(|&index| &graph.nodes()[index]);
    let gates = nodes.filter(|node| {
        grants::asks_confirmation(node.task) && !grants::is_approved(graph.plan(), node)
    });
    let mut names: Vec<String> = gates.map(|node| node.task.id.to_string()).collect();
    names.dedup();
    names
}

struct Build<'b, 'p> {
    plan: &'p Plan,
    graph: &'b TaskGraph<'p>,
    declaration: &'b WorkflowDeclaration,
    events: &'b Events,
    steps: Steps,
}

impl Build<'_, '_> {
    /// Previews supersede each other; whatever changes something waits in order, and is never ended by another.
    fn concurrency(&self, nodes: &BTreeSet<usize>) -> Concurrency {
        let environments: BTreeSet<&EnvironmentName> = nodes
            .iter()
            .filter_map(|&index| self.graph.nodes()[index].key.environment.as_ref())
            .collect();
        let mut group = inert(&self.plan.name);
        for environment in environments {
            group.push_str(&format!(" {environment}"));
        }
        if self.events.start_only(Command::Preview) {
            return self.preview_concurrency();
        }
        if self.events.start(Command::Preview) {
            let is_preview = event_is_one_of(&self.events.of(Command::Preview));
            // A preview waits for no deployment, and no deployment for a preview: its group is its own.
            group.push_str(&format!(
                " {}",
                braces(&format!("case({is_preview}, github.run_id, 'run')"))
            ));
        }
        // A later look for drift replaces one that waits; a deployment is never replaced.
        Concurrency {
            group,
            queue: self.events.start(Command::Run),
            cancel_in_progress: false,
        }
    }

    fn preview_concurrency(&self) -> Concurrency {
        let group = format!(
            "{} preview {}",
            inert(&self.plan.name),
            braces("github.ref")
        );
        Concurrency {
            group,
            queue: false,
            cancel_in_progress: true,
        }
    }

    /// The condition of what only some events start; none where all do.
    fn on_events_of(&self, command: Command) -> Option<String> {
        (!self.events.start_only(command)).then(|| event_is_one_of(&self.events.of(command)))
    }

    fn frame(&self, id: &str, name: &str) -> Job {
        Job {
            id: id.to_owned(),
            name: name.to_owned(),
            tasks: Vec::new(),
            needs: Vec::new(),
            condition: None,
            runs_on: vec![RUNNER.to_owned()],
            environment: None,
            timeout_minutes: minutes::PLAN,
            permissions: Vec::new(),
            concurrency: None,
            outputs: IndexMap::new(),
            steps: Vec::new(),
        }
    }

    /// What one job does for all tasks, without any secret: it changes nothing.
    fn one_job(&self, command: Command) -> Job {
        let mut job = self.frame(command.verb(), command.verb());
        job.condition = self
            .on_events_of(command)
            .map(|condition| braces(&condition));
        let permissions = Permissions::reading();
        let word = match command {
            Command::Preview => "Preview",
            Command::Drift => "Look for drift",
            Command::Verify | Command::Run => "Verify",
        };
        let step = self.steps.valued(self.steps.verb(word, command.verb()));
        let step = selected(
            step,
            &self.declaration.phases,
            &self.declaration.environments,
        );
        job.steps = vec![
            self.steps.checkout(History::Whole),
            self.steps.check_files(),
            step,
        ];
        if command == Command::Preview {
            job.timeout_minutes = 60;
            job.steps.push(self.steps.keep_bundles());
            // In a workflow of previews alone the whole run has this group already.
            job.concurrency =
                (!self.events.start_only(Command::Preview)).then(|| self.preview_concurrency());
        }
        job.permissions = permissions.into_list();
        job
    }

    fn run_jobs(&self, nodes: &BTreeSet<usize>, jobs: &mut Vec<Job>) -> Result<(), WorkflowError> {
        jobs.push(self.plan_job());
        let groups = groups(self.graph, nodes)?;
        let mut ancestors = order::ancestors(self.graph, &groups)?;
        let gates = gates(self.graph, &groups);
        hold_back(&gates, &mut ancestors, groups.len());
        let simple: Vec<bool> = (0..groups.len() + gates.len())
            .map(|index| {
                groups.get(index).is_none_or(|group| !group.folded)
                    && ancestors[index]
                        .iter()
                        .all(|other| groups.get(other).is_none_or(|group| !group.folded))
            })
            .collect();
        let ids: Vec<String> = groups
            .iter()
            .map(|group| group.id.clone())
            .chain(gates.iter().map(|gate| gate.id.clone()))
            .collect();
        let needs: Vec<Vec<String>> = order::reduced(&ancestors)
            .into_iter()
            .map(|direct| {
                std::iter::once("plan".to_owned())
                    .chain(direct.into_iter().map(|index| ids[index].clone()))
                    .collect()
            })
            .collect();
        let job_of: BTreeMap<usize, &str> = groups
            .iter()
            .flat_map(|group| group.nodes.iter().map(|&node| (node, group.id.as_str())))
            .collect();
        // A gate stands before the first job that it holds back.
        let mut shown = BTreeSet::new();
        for (index, group) in groups.iter().enumerate() {
            for (gate_index, gate) in gates
                .iter()
                .enumerate()
                .filter(|(_, gate)| gate.groups.contains(&index))
            {
                if shown.insert(gate_index) {
                    let at = groups.len() + gate_index;
                    jobs.push(self.gate_job(gate, needs[at].clone(), after_failure(simple[at])));
                }
            }
            let mut job = self.task_job(group, &job_of)?;
            job.condition = Some(has_work(&group.id, after_failure(simple[index])));
            job.needs.clone_from(&needs[index]);
            jobs.push(job);
        }
        Ok(())
    }

    fn plan_job(&self) -> Job {
        let mut job = self.frame("plan", "plan");
        job.condition = self
            .on_events_of(Command::Run)
            .map(|condition| braces(&condition));
        for output in [action::OUTPUT_JOBS, action::OUTPUT_DIGEST] {
            job.outputs.insert(
                output.to_owned(),
                braces(&format!("steps.plan.outputs.{output}")),
            );
        }
        job.permissions = Permissions::reading().into_list();
        let step = self
            .steps
            .verb("Plan", "run")
            .with(action::ARGUMENTS.name, "--dry-run");
        let step = selected(
            step,
            &self.declaration.phases,
            &self.declaration.environments,
        );
        let step = Step {
            id: Some("plan".to_owned()),
            ..self.steps.confirmed(self.steps.valued(step))
        };
        job.steps = vec![
            self.steps.checkout(History::Whole),
            self.steps.check_files(),
            step,
        ];
        job
    }

    /// The job that waits for reviewers. It runs nothing of the plan and its token may do nothing: each job that applies
    /// asks for the approvals itself, so that a gate that was skipped opens nothing.
    fn gate_job(&self, gate: &Gate, needs: Vec<String>, after_failure: AfterFailure) -> Job {
        let digest = braces(&format!("needs.plan.outputs.{}", action::OUTPUT_DIGEST));
        let mut job = self.frame(
            &gate.id,
            &format!(
                "{} / approval ({}) of {digest}",
                gate.phase, gate.environment
            ),
        );
        job.needs = needs;
        job.condition = Some(has_work(&gate.id, after_failure));
        job.environment = Some(JobEnvironment {
            name: approval_environment(&gate.environment),
        });
        job.timeout_minutes = 5;
        job.steps = vec![Step {
            name: "Say what was approved".to_owned(),
            run: Some("echo \"approved: $DIGEST\"".to_owned()),
            env: IndexMap::from([("DIGEST".to_owned(), digest)]),
            ..Step::default()
        }];
        job
    }

    fn task_job(
        &self,
        group: &Group,
        job_of: &BTreeMap<usize, &str>,
    ) -> Result<Job, WorkflowError> {
        let nodes: Vec<&Node<'_>> = group
            .nodes
            .iter()
            .map(|&node| &self.graph.nodes()[node])
            .collect();
        let mut job = self.frame(&group.id, &group.name);
        job.tasks = group
            .nodes
            .iter()
            .zip(&nodes)
            .map(|(&node, found)| JobTask {
                node,
                key: found.key.clone(),
            })
            .collect();
        job.runs_on = self.runner(&nodes)?;
        job.timeout_minutes =
            minutes::of_tasks(&group.id, nodes.iter().map(|node| node.task), &job.runs_on)?;
        let mut permissions = Permissions::reading();
        let mut secrets = BTreeSet::new();
        for node in &nodes {
            permissions.add_task(self.plan, node);
            secrets.extend(grants::secrets(self.graph, node)?);
        }
        job.permissions = permissions.into_list();
        let changes = nodes.iter().any(|node| node.task.changes);
        let environment = nodes[0].key.environment.as_ref();
        let holds_token = job
            .permissions
            .iter()
            .any(|permission| permission.scope == "id-token");
        job.environment = environment
            .filter(|_| changes || holds_token || !secrets.is_empty())
            .map(Into::into);
        job.steps = self.task_steps(group, &nodes, &secrets, job_of);
        Ok(job)
    }

    fn task_steps(
        &self,
        group: &Group,
        nodes: &[&Node<'_>],
        secrets: &BTreeSet<Name>,
        job_of: &BTreeMap<usize, &str>,
    ) -> Vec<Step> {
        let needs_tags = nodes.iter().any(|node| node.task.kind == Kind::Image);
        let mut steps = vec![self.steps.checkout(if needs_tags {
            History::Whole
        } else {
            History::Commit
        })];
        steps.extend(
            producers(self.graph, group, nodes, job_of)
                .into_iter()
                .map(|job| self.steps.fetch(job)),
        );
        let keys: Vec<String> = nodes.iter().map(|node| node.key.to_string()).collect();
        let with_secrets = |step: Step| {
            let is_shared = nodes.iter().all(|node| node.key.environment.is_none());
            Step {
                env: secret_variables(secrets),
                env_comment: (is_shared && !secrets.is_empty()).then(|| SHARED_SECRET.to_owned()),
                ..step
            }
        };
        let task = self
            .steps
            .verb("Run", "run")
            .with(action::TASK.name, keys.join("\n"));
        steps.push(with_secrets(self.steps.confirmed(self.steps.valued(task))));
        if let Some(days) = kept_days(self.plan, nodes) {
            steps.push(self.steps.keep(&group.id, days));
        }
        if nodes.iter().any(|node| node.task.changes) {
            let close = self
                .steps
                .verb("Close", "close")
                .with(action::TASK.name, keys.join("\n"));
            let close = Step {
                condition: Some(braces("always()")),
                ..self.steps.valued(close)
            };
            steps.push(with_secrets(close));
        }
        steps
    }

    fn runner(&self, nodes: &[&Node<'_>]) -> Result<Vec<String>, WorkflowError> {
        let first = nodes[0].task;
        match nodes.iter().find(|node| node.task.runs_on != first.runs_on) {
            Some(other) => Err(WorkflowError::RunnersDiffer {
                phase: self.plan.phase_of(first).id.to_string(),
                task: other.task.id.to_string(),
                other: first.id.to_string(),
            }),
            None if first.runs_on.is_empty() => Ok(vec![RUNNER.to_owned()]),
            None => Ok(first.runs_on.iter().map(|label| inert(label)).collect()),
        }
    }

    /// The last job. It needs every other one, also where the order of others implies it: it is told each one's result,
    /// and so sees a job that ended before it could record anything.
    fn checkpoint(&self, jobs: &[Job]) -> Job {
        let mut job = self.frame("checkpoint", "checkpoint");
        let others = |command: Command| self.events.start(command).then(|| command.verb());
        let apart: Vec<&str> = [others(Command::Drift), others(Command::Verify)]
            .into_iter()
            .flatten()
            .collect();
        job.needs = jobs
            .iter()
            .map(|job| job.id.clone())
            .filter(|id| !apart.contains(&id.as_str()))
            .collect();
        job.condition = Some(braces(&if apart.is_empty() {
            "always()".to_owned()
        } else {
            let events: Vec<&str> = self
                .events
                .of(Command::Run)
                .into_iter()
                .chain(self.events.of(Command::Preview))
                .collect();
            format!("always() && {}", event_is_one_of(&events))
        }));
        let mut permissions = Permissions::reading();
        permissions.write(
            "pull-requests",
            "find the pull request and write its comment",
        );
        job.permissions = permissions.into_list();
        let step = self
            .steps
            .verb("Post the checkpoint", "checkpoint")
            .with(action::ARGUMENTS.name, "--post");
        let step = step.with(action::NEEDS.name, braces("toJSON(needs)"));
        job.steps = vec![
            self.steps.checkout(History::Commit),
            self.steps.valued(step),
        ];
        job
    }
}

fn after_failure(simple: bool) -> AfterFailure {
    if simple {
        AfterFailure::Skipped
    } else {
        AfterFailure::Decides
    }
}
