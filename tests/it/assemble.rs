//! Assembled images: the same files give the same digest, whoever assembles them, and no layer is compressed twice.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use crate::world::{Ran, World};

const PLAN: &str = r#"
version: 1
name: app
phases:
  - id: one
    tasks:
      - id: image
        image:
          assemble: { files: { FILES }, entrypoint: /app/server, env: { B: "2", A: "1" } }
          labels: org.example.label=a b
          name: app
"#;

const FILES: [&str; 3] = [
    "/app: tree",
    "/etc/large: large",
    "/etc/\u{fc}ber: tree/Zeta",
];

/// Text, runs and noise, from a fixed generator: more than two of the blocks in which a layer is compressed.
fn large() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    (0..2_500_000)
        .map(|at: usize| match (at / 5000) % 3 {
            0 => b'a',
            1 => b"the quick brown fox "[at % 20],
            _ => next().to_le_bytes()[0],
        })
        .collect()
}

fn world(files: &[&str], names: &[&str]) -> World {
    let world = World::new(&PLAN.replace("FILES", &files.join(", ")));
    for name in names {
        world.write(&format!("tree/{name}"), &format!("content of {name}"));
    }
    let server = world.repository().join("tree/server");
    fs::set_permissions(server, fs::Permissions::from_mode(0o755)).expect("a mode");
    fs::write(world.repository().join("large"), large()).expect("a file");
    world
}

const NAMES: [&str; 4] = ["server", "Zeta", "alpha", "sub/\u{e9}t\u{e9}"];

fn digest_by(world: &World, wrapper: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_deploy-action");
    let mut words = wrapper
        .iter()
        .copied()
        .chain([program, "run", "--format", "json"]);
    let first = words.next().expect("a program");
    let output = world.command(first).args(words).output();
    let output =
        output.unwrap_or_else(|error| panic!("{first}: {error}; `cargo xtask setup` brings it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let finished = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|record| record["event"]["type"] == "task-finished")
        .unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    let digest = finished["event"]["outputs"]["digest"]["value"].as_str();
    let digest = digest.unwrap_or_else(|| panic!("{finished}"));
    assert!(digest.starts_with("sha256:"), "{digest}");
    digest.to_owned()
}

#[test]
fn the_same_files_give_the_same_digest_whoever_assembles_them() {
    let expected = digest_by(&world(&FILES, &NAMES), &[]);

    let mut files = FILES;
    files.reverse();
    let mut names = NAMES;
    names.reverse();
    assert_eq!(digest_by(&world(&files, &names), &[]), expected, "order");

    let other = world(&FILES, &NAMES)
        .with("TZ", "Asia/Kathmandu")
        .with("LC_ALL", "tr_TR.UTF-8")
        .with("LANG", "tr_TR.UTF-8");
    assert_eq!(digest_by(&other, &[]), expected, "time zone and locale");

    let other = world(&FILES, &NAMES);
    change_all(&other.repository().join("tree"), &|path| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        let file = fs::File::open(path).expect("it is there");
        file.set_modified(time).expect("a time");
    });
    assert_eq!(digest_by(&other, &[]), expected, "time of change");

    let other = world(&FILES, &NAMES);
    change_all(&other.repository().join("tree"), &|path| {
        // Only root can give files away; for all others they have another owner than root's anyway.
        if rustix::process::geteuid().is_root() {
            chown(path, Some(65_532), Some(65_533)).expect("an owner");
        }
        let mode = fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode();
        fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)).expect("a mode");
    });
    let with_umask = ["sh", "-c", "umask 077; exec \"$@\"", "sh"];
    assert_eq!(digest_by(&other, &with_umask), expected, "owner and umask");

    let one_core = ["taskset", "--cpu-list", "0"];
    assert_eq!(
        digest_by(&world(&FILES, &NAMES), &one_core),
        expected,
        "one core"
    );

    // And it is about what is in the files.
    let other = world(&FILES, &NAMES);
    other.write("tree/alpha", "something else");
    assert_ne!(digest_by(&other, &[]), expected);
}

fn change_all(folder: &Path, change: &dyn Fn(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            change_all(&path, change);
        }
        change(&path);
    }
    change(folder);
}

/// The compressor and the hash pick instructions by what the processor has.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_oldest_and_the_newest_processor_give_the_same_digest() {
    let there = Command::new("qemu-x86_64").arg("--version").output();
    assert!(
        there.is_ok_and(|answer| answer.status.success()),
        "qemu-x86_64 is needed here; `cargo xtask setup` brings it (Debian: apt-get install qemu-user)"
    );
    let expected = digest_by(&world(&FILES, &NAMES), &[]);
    for processor in ["qemu64", "max"] {
        let emulated = ["qemu-x86_64", "-cpu", processor];
        assert_eq!(
            digest_by(&world(&FILES, &NAMES), &emulated),
            expected,
            "{processor}"
        );
    }
}

fn effect(ran: &Ran) -> String {
    let finished = ran.last("task-finished", "image");
    let effect = finished["effects"][0]["what"].as_str();
    effect.expect("an effect").to_owned()
}

#[test]
fn a_layer_that_has_not_changed_is_not_compressed_again() {
    let world = world(&FILES, &NAMES);
    let first = world.run(&[]);
    let (first_effect, first_digest) = (effect(&first), first.output("image", "digest"));
    assert!(
        !first_effect.contains("as it was compressed before"),
        "{first_effect}"
    );

    world.write(
        "deploy.yaml",
        &PLAN
            .replace("FILES", &FILES.join(", "))
            .replace("A: \"1\"", "A: \"2\""),
    );
    let second = world.run(&[]);
    assert!(
        effect(&second).ends_with("the layer as it was compressed before"),
        "{}",
        effect(&second)
    );
    assert_ne!(second.output("image", "digest"), first_digest);

    world.write("tree/alpha", "something else");
    let third = world.run(&[]);
    assert!(
        !effect(&third).contains("as it was compressed before"),
        "{}",
        effect(&third)
    );
}

/// A registry of its own process, which ends with this.
struct Registry {
    child: Child,
    host: String,
    _folder: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_deploy-action"))
            .args(["rehearse", "--registry-only", "--stage"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says where it is");
        let host = line.trim().trim_start_matches("http://").to_owned();
        Self {
            child,
            host,
            _folder: folder,
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_copy_has_all_platforms_and_the_digest_of_what_was_copied() {
    let (from, to) = (Registry::start(), Registry::start());
    let plan = r#"
version: 1
name: app
connections:
  from: { registry: { host: "FROM" } }
  to: { registry: { host: "TO" } }
phases:
  - id: one
    tasks:
      - id: image
        image:
          assemble: { files: { /page: large } }
          platforms: [linux/arm64, linux/amd64]
          push: from
          name: app
          tags: type=raw,value=v1
          expect: { platforms: [linux/amd64, linux/arm64], files: /page }
      - id: copied
        image: { copy: "${{ tasks.image.outputs.reference }}", push: to, name: mirror/app, tags: "type=raw,value=v2" }
        verify:
          - { image: { reference: "TO/mirror/app:v2" }, expect: { platforms: [linux/amd64, linux/arm64], files: /page } }
"#;
    let world = World::new(&plan.replace("FROM", &from.host).replace("TO", &to.host));
    fs::write(world.repository().join("large"), large()).expect("a file");
    let ran = world.run(&[]);
    ran.tells("0: copied succeeded, image succeeded");
    assert_eq!(
        ran.output("copied", "digest"),
        ran.output("image", "digest")
    );
    let reference = ran.output("copied", "reference")["value"].to_string();
    assert!(
        reference.contains(&format!("{}/mirror/app@sha256:", to.host)),
        "{reference}"
    );
}
