//! `graph`: the task graph in its four forms, kept in `tests/plans/valid/graph`.

use std::path::PathBuf;

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
