//! `init`: a plan from what a repository holds, which `lint` accepts.

use deploy_action_test_support::{Ended, World};

fn world(files: &[(&str, &str)]) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_deploy-action"));
    for (path, text) in files {
        world.write(path, text);
    }
    world
}

fn ok(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn what_it_writes_is_linted_shown_as_a_graph_and_rendered() {
    let world = world(&[
        ("Dockerfile", "FROM scratch\n"),
        ("Cargo.toml", "[package]\n"),
        ("infra/main.tf", "provider \"google\" {}\n"),
        ("k8s/app.yaml", "apiVersion: v1\nkind: Service\n"),
    ]);
    let ended = world.run(["init"]);
    ok(&ended);
    assert_eq!(ended.stdout, "deploy.yaml\n");
    for words in [
        "saw a package: Cargo.toml",
        "saw a Dockerfile: Dockerfile",
        "saw terraform: infra",
    ] {
        assert!(ended.stderr.contains(words), "{words}\n{}", ended.stderr);
    }
    ok(&world.run(["lint", "--deny", "warnings"]));
    ok(&world.run(["render"]));
    let graph = world.run(["graph"]);
    ok(&graph);
    for task in ["build", "test", "image", "terraform-infra", "apply-k8s"] {
        assert!(graph.stdout.contains(task), "{task}\n{}", graph.stdout);
    }
}

#[test]
fn a_plan_that_is_there_is_left_alone_unless_it_is_forced() {
    let world = world(&[("deploy.yaml", "name: mine\n")]);
    let refused = world.run(["init"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("`deploy.yaml` is there already"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    let read = || std::fs::read_to_string(world.folder().join("deploy.yaml")).expect("a plan");
    assert_eq!(read(), "name: mine\n");
    let printed = world.run(["init", "--stdout"]);
    ok(&printed);
    assert_eq!(read(), "name: mine\n");
    ok(&world.run(["init", "--force"]));
    assert_eq!(read(), printed.stdout);
}

#[test]
fn a_plan_elsewhere_is_made_of_what_lies_beside_it() {
    let world = world(&[
        ("Dockerfile", "FROM scratch\n"),
        ("services/shop/go.mod", "module example.org/shop\n"),
    ]);
    let ended = world.run(["init", "services/shop/deploy.yaml"]);
    ok(&ended);
    assert!(!ended.stderr.contains("Dockerfile"), "{}", ended.stderr);
    ok(&world.run(["lint", "services/shop/deploy.yaml"]));
    let missing = world.run(["init", "nowhere/deploy.yaml"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("`nowhere`"), "{}", missing.stderr);
}

#[test]
fn what_it_writes_is_a_plan_for_the_schema_too() {
    let world = world(&[
        ("Dockerfile", "FROM scratch\n"),
        ("Makefile", "build:\n\ttrue\ndeploy:\n\ttrue\n"),
        ("k8s/kustomization.yaml", "resources: []\n"),
    ]);
    let ended = world.run(["init", "--stdout"]);
    ok(&ended);
    let schema = deploy_action::plan::grammar::schema();
    let validator = jsonschema::draft202012::new(&schema).expect("the schema can be used");
    let plan = serde_yaml::from_str(&ended.stdout).expect("YAML");
    let problems: Vec<String> = validator
        .iter_errors(&plan)
        .map(|error| error.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:#?}\n{}", ended.stdout);
    let first = ended.stdout.lines().next().unwrap_or_default();
    let id = schema["$id"].as_str().unwrap_or_default();
    assert_eq!(first, format!("# yaml-language-server: $schema={id}"));
}
