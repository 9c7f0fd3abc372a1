//! Units at once.

use crate::world::World;

use super::needs_terraform;

#[test]
fn eight_units_at_once_share_one_plugin_cache() {
    needs_terraform();
    let tasks: String = (0..8)
        .map(|number| {
            format!("      - {{ id: unit-{number}, terraform: {{ dir: infra/{number} }} }}\n")
        })
        .collect();
    let world = World::new(&format!(
        "name: app\nphases:\n  - id: provision\n    tasks:\n{tasks}"
    ));
    for number in 0..8 {
        let module = format!("resource \"terraform_data\" \"a\" {{ input = {number} }}\n");
        world.write(&format!("infra/{number}/main.tf"), &module);
    }
    world.commit();
    let ran = world.run(&["--jobs", "8"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let n_done = ran.events("task-finished").len();
    assert_eq!(n_done, 8, "{}", ran.all());
}

/// The files of a root module are not only those in its folder.
#[test]
fn a_change_in_a_called_module_is_a_change_of_the_unit() {
    needs_terraform();
    let world = World::new(
        "name: app\nphases: [{ id: provision, tasks: [{ id: net, terraform: { dir: infra } }] }]\n",
    );
    world.write(
        "infra/main.tf",
        "module \"part\" {\n  source = \"../parts/a\"\n}\n",
    );
    let part = |input: &str| {
        world.write(
            "parts/a/main.tf",
            &format!("resource \"terraform_data\" \"a\" {{ input = \"{input}\" }}\n"),
        );
        world.commit();
    };
    part("one");
    world.run(&[]).tells("0: net succeeded");
    world.run(&[]).tells("0: net up-to-date");
    part("two");
    let changed = world.run(&[]);
    changed.tells("0: net succeeded");
    let effect = &changed.last("task-finished", "net")["effects"][0];
    assert_eq!(effect["what"], "terraform infra: 1 to change");
}

/// What one unit gives and the next one needs: from nothing, in order, and then there is nothing more to do.
#[test]
fn a_unit_that_needs_anothers_output_is_planned_when_it_exists() {
    needs_terraform();
    let world = World::new(
        "name: app\nphases:\n  - id: provision\n    tasks:\n      - id: one\n        terraform: { dir: one }\n      - id: two\n        terraform: { dir: two, variables: { network: \"${{ tasks.one.outputs.id }}\" } }\n",
    );
    world.write(
        "one/main.tf",
        "resource \"terraform_data\" \"net\" {}\noutput \"id\" { value = terraform_data.net.id }\n",
    );
    world.write(
        "two/main.tf",
        "variable \"network\" { type = string }\nresource \"terraform_data\" \"node\" { input = var.network }\noutput \"network\" { value = terraform_data.node.output }\n",
    );
    world.commit();
    let first = world.run(&[]);
    first.tells("0: one succeeded, two succeeded");
    let given = first.output("one", "id")["value"].clone();
    assert_eq!(first.output("two", "network")["value"], given);
    world.run(&[]).tells("0: one up-to-date, two up-to-date");
    let again = world.run(&["--force", "one", "--force", "two"]);
    for task in ["one", "two"] {
        let effect = &again.last("task-finished", task)["effects"][0];
        let what = effect["what"].as_str().unwrap_or_default();
        assert!(what.ends_with(": no changes"), "{what}");
    }
}
