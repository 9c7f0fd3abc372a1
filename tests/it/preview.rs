//! Previews and their bundles: what was shown is what is applied, or nothing is.
#![cfg(target_os = "linux")]

mod applied;
mod image;
mod refused;
mod shown;

use std::path::PathBuf;

use age::{secrecy::ExposeSecret as _, x25519::Identity};

use crate::{
    terraform::needs_terraform,
    world::{Ran, World},
};

/// A value that the plan calls secret, and that must be readable nowhere.
const HIDDEN: &str = "a-value-that-is-nobody's-business";

/// A module whose output another one reads.
const NETWORK: &str = r#"variable "size" {
  type = string
}

resource "terraform_data" "net" {
  input = var.size
}

resource "terraform_data" "token" {
  input = "a-value-that-is-nobody's-business"
}

output "address" {
  value = "10.0.0.1/${terraform_data.net.output}"
}
"#;

const CLUSTER: &str = r#"variable "address" {
  type = string
}

resource "terraform_data" "cluster" {
  input = var.address
}

output "name" {
  value = "cluster at ${terraform_data.cluster.output}"
}
"#;

/// Two units of `production`, the second of which reads an output of the first.
fn world() -> World {
    world_of(
        "",
        "      - id: network
        terraform: { dir: network, variables: { size: \"${{ inputs.size }}\" }, sensitive: [terraform_data.token.*] }
      - id: cluster
        terraform: { dir: cluster, variables: { address: \"${{ tasks.network.outputs.address }}\" } }
",
    )
}

/// Tasks of `production`, whose key the world holds.
fn world_of(top: &str, tasks: &str) -> World {
    needs_terraform();
    let identity = Identity::generate();
    let plan = format!(
        "name: app\n{top}secrets: {{ AGE_KEY: {{}} }}\nenvironments: {{ production: {{ recipient: {}, key: AGE_KEY }} }}\ninputs: {{ size: {{ default: small }} }}\nphases:\n  - id: provision\n    environment: production\n    tasks:\n{tasks}",
        identity.to_public()
    );
    let mut world = World::new(&plan);
    world.set("AGE_KEY", identity.to_string().expose_secret());
    world.write("network/main.tf", NETWORK);
    world.write("cluster/main.tf", CLUSTER);
    world.write(".gitignore", "*.tfstate\n*.tfstate.*\n.terraform/\n");
    world.commit();
    world
}

/// What a preview printed, and the digest where it sealed something.
fn preview(world: &World, args: &[&str]) -> (Ran, Option<String>) {
    let args: Vec<&str> = std::iter::once("preview")
        .chain(args.iter().copied())
        .collect();
    let ran = world.call(&args);
    let digest = ran.stdout.trim().to_owned();
    let is_digest = digest.starts_with("sha256:") && !digest.contains('\n');
    (ran, is_digest.then_some(digest))
}

/// The digest of a preview that ended well.
#[track_caller]
fn sealed(world: &World, args: &[&str]) -> String {
    let (ran, digest) = preview(world, args);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    digest.unwrap_or_else(|| panic!("no digest: {}", ran.all()))
}

fn run(world: &World, digest: &str, args: &[&str]) -> Ran {
    let args: Vec<&str> = ["--bundle", digest]
        .into_iter()
        .chain(args.iter().copied())
        .collect();
    world.run(&args)
}

/// The file of a bundle.
fn file(world: &World, digest: &str) -> PathBuf {
    let name = format!("{}.bundle.json", digest.trim_start_matches("sha256:"));
    let mut open = vec![world.state()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|found| found == name.as_str()) {
                return path;
            }
        }
    }
    panic!("no file of {digest}")
}
