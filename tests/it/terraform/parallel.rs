//! Units at once.

use std::path::{Path, PathBuf};

use deploy_action_test_wire::{Package, REQUIRED, StandIn};

use crate::world::World;

use super::needs_terraform;

/// Where the program has terraform share its providers, in a home.
const PLUGINS: &str = "home/.cache/deploy-action/terraform/plugins";

/// Eight modules with a resource each of a provider that is unpacked; they have a lock file, or none.
struct Eight {
    world: World,
    stand_in: StandIn,
    _mirror: tempfile::TempDir,
}

impl Eight {
    fn new(is_locked: bool) -> Self {
        needs_terraform();
        let tasks: String = (0..8)
            .map(|number| {
                format!("      - {{ id: unit-{number}, terraform: {{ dir: infra/{number} }} }}\n")
            })
            .collect();
        let mut world = World::new(&format!(
            "name: app\nphases:\n  - id: provision\n    tasks:\n{tasks}"
        ));
        let program = Path::new(env!("CARGO_BIN_EXE_deploy-action"));
        let mirror = tempfile::tempdir().expect("a folder");
        let stand_in = StandIn::install(mirror.path(), program, Package::Zip(4_000_000));
        let stand_in = stand_in.expect("a mirror");
        for (name, value) in stand_in.variables() {
            world.set(name, &value);
        }
        let lock = stand_in.lock_file().expect("terraform writes one");
        for number in 0..8 {
            let folder = format!("infra/{number}");
            let resource = format!(
                "resource \"spot_cloudspace\" \"a\" {{\n  cloudspace_name = \"unit-{number}\"\n  region          = \"us-central-dfw-1\"\n}}\n"
            );
            world.write(
                &format!("{folder}/main.tf"),
                &format!("{REQUIRED}{resource}"),
            );
            if is_locked {
                world.write(&format!("{folder}/.terraform.lock.hcl"), &lock);
            }
        }
        world.commit();
        Self {
            world,
            stand_in,
            _mirror: mirror,
        }
    }

    fn plugins(&self) -> PathBuf {
        self.world.repository().with_file_name(PLUGINS)
    }

    /// All eight end well, and the provider is shared as it was packed.
    fn is_applied(&self) {
        let ran = self.world.run(&["--jobs", "8"]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert_eq!(self.stand_in.objects("spot_cloudspace").len(), 8);
    }
}

/// C-TF-1: eight units at once want the same package, and one cache, which terraform does not guard.
#[test]
fn eight_units_at_once_share_one_plugin_cache_and_what_is_in_it_is_whole() {
    let eight = Eight::new(true);
    eight.is_applied();
    let compared = eight.stand_in.compare(&eight.plugins());
    compared.expect("it is as it was packed");
}

/// Terraform unpacks again for each module without a lock file, over what others run.
#[test]
fn eight_units_at_once_without_lock_files_do_not_disturb_each_other() {
    Eight::new(false).is_applied();
}

/// A machine that went while a provider was unpacked, or somebody who edits it.
#[test]
fn a_provider_that_is_not_what_the_lock_file_knows_is_brought_anew() {
    let eight = Eight::new(true);
    eight.is_applied();
    let package = eight.stand_in.package(&eight.plugins());
    std::fs::write(package.expect("it is there").join("data"), "torn").expect("a file");
    let ran = eight.world.run(&["--force", "unit-3"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let compared = eight.stand_in.compare(&eight.plugins());
    compared.expect("it is as it was packed");
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
