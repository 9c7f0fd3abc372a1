//! `graph`: the task graph in its four forms, kept in `tests/plans/valid/graph`.

use std::{fmt::Write as _, path::PathBuf};

use camino::Utf8Path;
use deploy_action::{
    graph,
    plan::{
        self,
        values::{Given, Values, Wanted},
    },
};
use proptest::prelude::*;

use deploy_action_test_support::{World, compare_with_file};

fn world() -> World {
    World::new(env!("CARGO_BIN_EXE_deploy-action"))
}

fn plans(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/plans")
        .join(folder)
}

#[test]
fn graphs_of_valid_plans_are_those_kept() {
    let folder = plans("valid");
    let mut wrong = Vec::new();
    for plan in ["late", "environments", "matrix", "answers"] {
        for (form, extension) in [
            ("text", "txt"),
            ("mermaid", "mmd"),
            ("dot", "dot"),
            ("json", "json"),
        ] {
            let file = format!("{plan}.yaml");
            let ended = world().run_in(&folder, ["graph", &file, "--format", form]);
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            let kept = folder.join("graph").join(format!("{plan}.{extension}"));
            wrong.extend(compare_with_file(&kept, &ended.stdout).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_plan_that_is_not_valid_has_no_graph() {
    for plan in [
        "cycle-of-two.yaml",
        "unknown-name-need.yaml",
        "matrix-too-many-legs.yaml",
    ] {
        let ended = world().run_in(&plans("invalid"), ["graph", plan]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains("error["), "{}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("is not a valid plan; nothing was run"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_file_that_is_not_there_has_no_graph() {
    let world = world();
    let ended = world.run(["graph", "nowhere.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("cannot read `nowhere.yaml`"),
        "{}",
        ended.stderr
    );
}

/// A plan of tasks in phases, in which each need leads to a task that is earlier in some order of all.
fn plan_of(phases: &[usize], needs: &[(usize, usize)]) -> String {
    let mut text = "name: random\nphases:\n".to_owned();
    for phase in 0..4 {
        writeln!(text, "  - id: p{phase}\n    tasks:").expect("a text can be written to");
        let tasks = (0..phases.len()).filter(|&task| phases[task] == phase);
        let mut is_empty = true;
        for task in tasks {
            let of_task: Vec<String> = needs
                .iter()
                .filter(|(from, to)| *from == task && to < from)
                .map(|(_, to)| format!("t{to}"))
                .collect();
            writeln!(
                text,
                "      - {{ id: t{task}, needs: [{}], run: {{ command: ls, changes: false }} }}",
                of_task.join(", ")
            )
            .expect("a text can be written to");
            is_empty = false;
        }
        if is_empty {
            writeln!(text, "      []").expect("a text can be written to");
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// `plan-format.md`, 3.2: what counts as late never makes a cycle.
    #[test]
    fn needs_without_a_cycle_always_make_a_graph_and_late_tasks_count_as_the_latest_phase_that_they_wait_for(
        phases in prop::collection::vec(0_usize..4, 1..14),
        needs in prop::collection::vec((0_usize..14, 0_usize..14), 0..25),
    ) {
        let read = plan::read_text("deploy.yaml", plan_of(&phases, &needs), Utf8Path::new("."));
        let plan = read.plan.expect("the plan is valid");
        let values = Values::resolve(&plan, &Given::default(), Wanted::All).expect("there are no inputs");
        let graph = graph::build(&plan, &values).expect("the needs have no cycle");
        for node in graph.nodes() {
            let latest = node.after.iter().map(|edge| graph.nodes()[edge.to].phase).max();
            prop_assert_eq!(node.phase, node.task.phase.max(latest.unwrap_or(0)));
            prop_assert_eq!(node.late, node.phase > node.task.phase);
        }
    }
}
