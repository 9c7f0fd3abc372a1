//! Images from Dockerfiles: by real builders, and by one of our own that tells how it was called.
#![cfg(target_os = "linux")]

mod daemon;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use deploy_action::image::{Assembly, assemble};
use deploy_action_test_wire::{Access, Edition, Fault, Proxy, Registry, Schedule, tag_digest};
use rustix::process::Signal;

pub use self::daemon::Daemon;
use crate::world::{Ran, World};

const SECRET: &str = "sesame-opens-the-door";

/// A stage of an image from nothing, whose one step needs a secret and an argument, and a stage that is not asked for.
const DOCKERFILE: &str = r#"FROM scratch AS server
ARG GREETING=none
COPY prove kept.txt /
RUN --mount=type=secret,id=token ["/prove"]
USER 65532
EXPOSE 8088

FROM server AS debug
USER 0
"#;

const PLAN: &str = r#"
version: 1
name: app
secrets: { TOKEN: {} }
phases:
  - id: one
    tasks:
      - id: image
        image:
          context: app
          file: build/Dockerfile
          target: server
          build-args: { GREETING: hello }
          secrets: { token: "${{ secrets.TOKEN }}" }
          labels: org.example.label=a b
          annotations: org.example.note=c
          name: app
          expect: { user: "65532", ports: 8088, files: [/prove, /proved, /kept.txt], platforms: linux/amd64 }
"#;

/// The same without a step that runs, which every builder of any age can do.
const PLAIN: &str = r#"
version: 1
name: app
phases:
  - id: one
    tasks:
      - { id: image, image: { context: app, name: app, expect: { user: "7", files: /kept.txt } } }
"#;

/// A program that is linked statically, built once.
fn prove() -> &'static Path {
    static PROVE: OnceLock<(tempfile::TempDir, std::path::PathBuf)> = OnceLock::new();
    let (_, path) = PROVE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("prove");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/build/prove.rs");
        let status = Command::new("rustc")
            .args(["--edition=2024", "-C", "target-feature=+crt-static", "-o"])
            .arg(&program)
            .arg(source)
            .status()
            .expect("rustc");
        assert!(status.success(), "the program did not compile");
        (folder, program)
    });
    path
}

fn world(plan: &str, builder: &str) -> World {
    let world = World::new(plan)
        .with("DEPLOY_ACTION_BUILDER", builder)
        .with("TOKEN", SECRET);
    world.write("build/Dockerfile", DOCKERFILE);
    world.write("app/Dockerfile", "FROM scratch\nCOPY kept.txt /\nUSER 7\n");
    world.write("app/kept.txt", "kept");
    world.write("app/left-out.txt", "left out");
    world.write("app/.dockerignore", "left-out.txt\n");
    fs::copy(prove(), world.repository().join("app/prove")).expect("the program");
    world.commit();
    world
}

/// Podman and buildah keep images in a store of the test's own, and run steps without control groups.
fn with_store(mut world: World) -> World {
    let store = world.out("store");
    fs::create_dir(&store).expect("a folder");
    let configuration = store.join("storage.conf");
    let text = format!(
        "[storage]\ndriver = \"vfs\"\nrunroot = \"{0}/run\"\ngraphroot = \"{0}/root\"\n",
        store.display()
    );
    fs::write(&configuration, text).expect("a file");
    world.set(
        "CONTAINERS_STORAGE_CONF",
        &configuration.display().to_string(),
    );
    world.set("BUILDAH_ISOLATION", "chroot");
    world
}

fn is_there(program: &str) {
    let answer = Command::new(program).arg("--version").output();
    assert!(
        answer.is_ok_and(|answer| answer.status.success()),
        "{program} is needed here; `cargo xtask setup` installs it"
    );
}

/// Runs the plan and holds what any builder owes.
fn builds(world: &World, builder: &str) -> Ran {
    let ran = world.run(&[]);
    ran.tells("0: image succeeded");
    let finished = ran.last("task-finished", "image");
    let effect = finished["effects"][0]["what"].as_str().expect("an effect");
    assert!(effect.contains(&format!("by {builder} ")), "{effect}");
    assert!(!ran.all().contains(SECRET), "{}", ran.all());
    assert_eq!(world.files_with(SECRET), [] as [std::path::PathBuf; 0]);
    ran
}

#[test]
fn podman_builds_with_secrets_arguments_and_a_stage() {
    is_there("podman");
    let world = with_store(world(PLAN, "podman"));
    drop(builds(&world, "podman"));
    assert_eq!(world.files_with("the secret is ***").len(), 1);
}

#[test]
fn buildah_builds_with_secrets_arguments_and_a_stage() {
    is_there("buildah");
    let world = with_store(world(PLAN, "buildah"));
    drop(builds(&world, "buildah"));
    assert_eq!(world.files_with("the secret is ***").len(), 1);
}

#[test]
fn an_image_is_as_old_as_it_shall_be_and_the_same_again() {
    is_there("buildah");
    let digest = || {
        let world = with_store(world(PLAIN, "buildah")).with("SOURCE_DATE_EPOCH", "1000000000");
        builds(&world, "buildah").output("image", "digest")
    };
    assert_eq!(digest(), digest());
}

#[test]
fn docker_s_image_is_saved_and_becomes_a_layout() {
    let daemon = Daemon::start();
    let plain = world(PLAIN, "docker").with("DOCKER_HOST", &daemon.host());
    drop(builds(&plain, "docker"));

    // Secrets are BuildKit's, which docker's client has within it up to version 22, and calls as a plugin since.
    let secret = world(PLAN, "docker").with("DOCKER_HOST", &daemon.host());
    let version = secret.command("docker").arg("--version").output();
    let version = String::from_utf8_lossy(&version.expect("docker").stdout).into_owned();
    let major = version
        .split(|letter: char| !letter.is_ascii_digit())
        .find(|word| !word.is_empty());
    let major: u64 = major
        .and_then(|major| major.parse().ok())
        .expect("a version");
    if major < 23 {
        drop(builds(&secret, "docker"));
    } else {
        let ran = secret.run(&[]);
        assert_eq!(
            ran.failure("image"),
            "nothing here builds images from Dockerfiles: docker (without buildx it takes no build secrets)"
        );
    }
}

#[test]
fn images_for_several_platforms_become_one_index() {
    is_there("buildah");
    let plan = PLAIN.replace(
        "context: app",
        "context: app, platforms: [linux/arm64, linux/amd64]",
    );
    let plan = plan.replace(
        "files: /kept.txt",
        "files: /kept.txt, platforms: [linux/amd64, linux/arm64]",
    );
    let world = with_store(world(&plan, "buildah"));
    let ran = builds(&world, "buildah");
    let finished = ran.last("task-finished", "image");
    let effects = finished["effects"].as_array().expect("effects");
    let builds = effects.iter().filter_map(|effect| effect["what"].as_str());
    assert_eq!(builds.filter(|what| what.starts_with("build ")).count(), 2);
}

#[test]
fn a_build_that_fails_names_its_builder_and_its_log() {
    is_there("buildah");
    let world = with_store(world(PLAIN, "buildah"));
    world.write("app/Dockerfile", "FROM scratch\nCOPY none /\n");
    let ran = world.run(&[]);
    ran.tells("1: image failed (task)");
    let failure = ran.failure("image");
    assert!(
        failure.starts_with("could not build `app`: buildah 1."),
        "{failure}"
    );
    assert!(ran.last("task-finished", "image")["log"]["bytes"].as_u64() > Some(0));
}

/// A `docker` with buildx that writes its arguments, its secret and the mode of that down, and leaves a finished layout.
const BUILDX: &str = r#"#!/bin/sh
case "$1 $2" in
"buildx version") echo "github.com/docker/buildx v0.12.1 30feaa1" ;;
"buildx inspect") printf 'Name: x\nDriver: %s\n' "$DRIVER" ;;
"version --format") echo "28.2.2 28.2.2" ;;
"buildx build")
  for argument; do echo "$argument"; done > "$OUT/arguments"
  [ ! -e secret-0 ] || { stat -c %a secret-0; cat secret-0; } > "$OUT/secret"
  echo "$SOURCE_DATE_EPOCH,$BUILDX_NO_DEFAULT_ATTESTATIONS" > "$OUT/environment"
  if [ -e "$OUT/wait" ]; then echo started > "$OUT/started"; exec sleep 600; fi
  case "$DRIVER" in
  docker) printf 'sha256:%064d' 7 > image-id ;;
  *) cp -r "$OUT/image" layout ;;
  esac ;;
"save --output")
  for argument; do echo "$argument"; done > "$OUT/saved"
  echo secret-* >> "$OUT/saved"
  echo "no space left" >&2
  exit 7 ;;
*) exit 9 ;;
esac
"#;

fn with_buildx(mut world: World) -> World {
    let bin = world.out("bin");
    fs::create_dir(&bin).expect("a folder");
    fs::write(bin.join("docker"), BUILDX).expect("a file");
    fs::set_permissions(bin.join("docker"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = std::env::var("PATH").expect("a PATH");
    world.set("PATH", &format!("{}:{path}", bin.display()));
    world.set("DRIVER", "docker-container");
    let assembly = Assembly {
        files: [(
            "/kept.txt".to_owned(),
            world.repository().join("app/kept.txt"),
        )]
        .into(),
        user: Some("7".to_owned()),
        ..Assembly::default()
    };
    assemble(&assembly, world.out("image")).expect("an image");
    world
}

#[test]
fn buildx_is_told_everything_by_arguments_but_for_the_secret() {
    let plan = PLAN.replace(
        "\"65532\", ports: 8088, files: [/prove, /proved, /kept.txt]",
        "\"7\"",
    );
    let world = with_buildx(world(&plan, "buildx")).with("SOURCE_DATE_EPOCH", "1000000000");
    let ran = builds(&world, "docker buildx");
    let repository = fs::canonicalize(world.repository()).expect("a folder");
    let file = world.repository().join("build/Dockerfile");
    assert_eq!(
        world.read("arguments").lines().collect::<Vec<_>>(),
        [
            "buildx",
            "build",
            "--progress",
            "plain",
            "--file",
            &file.display().to_string(),
            "--platform",
            "linux/amd64",
            "--output",
            "type=oci,tar=false,dest=layout,rewrite-timestamp=true",
            "--target",
            "server",
            "--build-arg",
            "GREETING=hello",
            "--secret",
            "id=token,src=secret-0",
            "--label",
            "org.example.label=a b",
            &repository.join("app").display().to_string(),
        ]
    );
    assert_eq!(world.read("secret"), format!("600\n{SECRET}"));
    assert_eq!(world.read("environment"), "1000000000,1\n");
    // The annotation is ours to add, so the image has another name than what buildx left.
    let digest = ran.output("image", "digest").to_string();
    assert!(world.out("image").join("index.json").exists());
    let left = fs::read_to_string(world.out("image").join("index.json")).expect("an index");
    assert!(
        !left.contains(digest.trim_matches('"').trim_start_matches("sha256:")),
        "{digest}"
    );
}

#[test]
fn buildx_on_docker_s_own_builder_keeps_the_image_for_docker_to_save() {
    let world = with_buildx(world(PLAN, "buildx")).with("DRIVER", "docker");
    let ran = world.run(&[]);
    assert_eq!(
        ran.failure("image"),
        "could not take the image out of the store of docker buildx: docker buildx 0.12.1 ended with exit code 7"
    );
    let arguments = world.read("arguments");
    assert!(
        arguments.contains("\n--load\n--iidfile\nimage-id\n"),
        "{arguments}"
    );
    // The secret went with the build.
    assert_eq!(world.read("secret"), format!("600\n{SECRET}"));
    let id = format!("sha256:{:064}", 7);
    assert_eq!(
        world.read("saved"),
        format!("save\n--output\nimage.tar\n{id}\nsecret-*\n")
    );
    assert_eq!(world.files_with("no space left").len(), 1);
}

#[test]
fn an_image_for_another_platform_than_was_asked_for_is_refused() {
    let plan = PLAIN.replace("context: app", "context: app, platforms: linux/arm64");
    let world = with_buildx(world(&plan, "buildx"));
    let ran = world.run(&[]);
    assert_eq!(
        ran.failure("image"),
        "the image is for `linux/amd64`, expected `linux/arm64`"
    );
}

#[test]
fn a_build_ends_with_its_run_and_leaves_no_secret() {
    let world = with_buildx(world(PLAN, "buildx"));
    world.allow("wait");
    let run = world.start(&[]);
    world.wait_for("started");
    assert_ne!(world.files_with(SECRET), [] as [std::path::PathBuf; 0]);
    run.signal(Signal::INT);
    run.end().tells("130: image cancelled");
    assert_eq!(world.files_with(SECRET), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_build_that_takes_too_long_is_stopped() {
    let plan = PLAIN.replace("id: image, image", "id: image, timeout: 1s, image");
    let world = with_buildx(world(&plan, "buildx"));
    world.allow("wait");
    let ran = world.run(&[]);
    ran.tells("1: image failed (timeout)");
    assert_eq!(ran.failure("image"), "could not build `app` within 1s");
}

/// The Dockerfile and what it can take count, and nothing else.
#[test]
fn an_image_is_built_again_when_its_context_has_changed() {
    let world = with_buildx(world(PLAIN, "buildx"));
    world.write(".gitignore", "app/made.txt\n");
    world.commit();
    world.run(&[]).tells("0: image succeeded");
    world.write("app/left-out.txt", "other");
    world.write("elsewhere.txt", "other");
    world.run(&[]).tells("0: image up-to-date");
    for (file, text) in [
        ("app/kept.txt", "other"),
        (
            "app/Dockerfile",
            "FROM scratch\nCOPY kept.txt /\nUSER 7\n#\n",
        ),
        // What git does not know is there for a Dockerfile all the same.
        ("app/made.txt", "made"),
        ("app/Dockerfile.dockerignore", "prove\n"),
    ] {
        world.write(file, text);
        world.run(&[]).tells("0: image succeeded");
        world.run(&[]).tells("0: image up-to-date");
    }
    // Not the list of all Dockerfiles counts any more, but that of this one.
    fs::write(world.repository().join("app/prove"), "other").expect("a file");
    world.run(&[]).tells("0: image up-to-date");
    world.write("app/left-out.txt", "counts");
    world.run(&[]).tells("0: image succeeded");
}

/// Between two registries nothing is built twice: a build is not reproducible, and one of them has the first one already.
#[test]
fn what_was_built_is_published_by_a_later_attempt_without_another_build() {
    is_there("buildah");
    let (one, two) = (registry(), registry());
    let is_refused = Arc::new(AtomicBool::new(true));
    let refuses = Arc::clone(&is_refused);
    let gate = Proxy::with(
        two.address(),
        Schedule::on(move |request| {
            let puts = request.is_of_manifest() && request.method == "PUT";
            (puts && refuses.load(Ordering::SeqCst)).then_some(Fault::Forbidden)
        }),
    );
    let plan = format!(
        r#"
version: 1
name: app
connections:
  one: {{ registry: {{ host: "{}" }} }}
  two: {{ registry: {{ host: "{}" }} }}
phases:
  - id: one
    tasks:
      - {{ id: image, image: {{ context: app, name: app, push: [one, two], tags: "type=raw,value=v1" }} }}
"#,
        one.address(),
        gate.address()
    );
    let world = with_store(world(&plan, "buildah"));
    let first = world.run(&[]);
    assert_eq!(first.code, Some(1), "{}", first.all());
    let built = first.last("task-finished", "image");
    let built = built["effects"][0]["what"].as_str().expect("an effect");
    let digest = built
        .split(' ')
        .find(|word| word.starts_with("sha256:"))
        .expect("it was built");
    is_refused.store(false, Ordering::SeqCst);
    let second = world.run(&[]);
    second.tells("0: image succeeded");
    let finished = second.last("task-finished", "image");
    let taken = format!("take {digest}, built by an earlier attempt");
    assert_eq!(finished["effects"][0]["what"], taken);
    assert_eq!(finished["outputs"]["digest"]["value"], digest);
    for registry in [&one, &two] {
        let found = tag_digest(registry.address(), "app", "v1");
        assert_eq!(found.as_deref(), Some(digest));
    }
    let is_kept = |path: &std::path::PathBuf| path.to_string_lossy().contains("/built/");
    assert!(!world.files_with("").iter().any(is_kept), "it is published");
    // Whoever forces it wants another one.
    let forced = world.run(&["--force", "image"]);
    let finished = forced.last("task-finished", "image");
    let what = finished["effects"][0]["what"].as_str().expect("an effect");
    assert!(what.starts_with("build sha256:"), "{what}");
}

fn registry() -> Registry {
    Registry::start(Edition::Two, &Access::Open)
}
