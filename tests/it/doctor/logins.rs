//! Secrets, logins and what signs: found, and never printed.

use super::{BUILD, has, next, program, world};

const SECRETS: &str = "\
name: app
secrets:
  TOKEN: {}
  KEY: { file: key.txt }
connections:
  ghcr: { registry: { host: ghcr.io } }
  other: { registry: { host: registry.example.org, username: ci, password: \"${{ secrets.KEY }}\" } }
phases:
  - id: ship
    tasks:
      - { id: tell, run: { command: [git, --version], changes: false }, env: { TOKEN: \"${{ secrets.TOKEN }}\", KEY: \"${{ secrets.KEY }}\" } }
      - { id: image, image: { assemble: { files: { /app: deploy.yaml } }, push: [ghcr, other], name: app } }
";

#[test]
fn secrets_and_logins_are_looked_for_and_never_printed() {
    let mut world = world(SECRETS);
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(&ran, "missing secret TOKEN: has no value here");
    has(&ran, "missing secret KEY: has no value here");
    has(
        &ran,
        "missing registry `ghcr`, ghcr.io: no token for GitHub is there to log in with",
    );
    has(
        &ran,
        "missing registry `other`, registry.example.org: its password has no value here",
    );
    assert_eq!(
        next(&ran, "secret KEY"),
        ["set the variable `KEY`, or write it to `key.txt`"]
    );

    world.write("key.txt", "hunter2-of-a-file\n");
    world.set("TOKEN", "hunter2-of-a-variable");
    world.set("GITHUB_TOKEN", "hunter2-of-github");
    for form in ["json", "text"] {
        let ran = world.call(&["doctor", "--format", form]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert!(!ran.all().contains("hunter2"), "{}", ran.all());
    }
    let ran = world.call(&["doctor", "--format", "json"]);
    has(&ran, "ok secret TOKEN: has a value here");
    has(&ran, "ok token for GitHub: GITHUB_TOKEN is set");
    has(
        &ran,
        "ok registry `other`, registry.example.org: the connection's own password",
    );
}

const CLOUD: &str = "\
name: app
connections:
  cloud: { google: { project: acme, workload-identity-provider: projects/1/locations/global/workloadIdentityPools/p/providers/q } }
  kept: { registry: { host: registry.example.org } }
  images: { registry: { host: europe-docker.pkg.dev, path: acme, login: cloud } }
phases:
  - id: ship
    tasks:
      - { id: image, image: { assemble: { files: { /app: deploy.yaml } }, push: [kept, images], name: app } }
";

#[test]
fn logins_that_are_kept_on_the_machine_or_lead_to_google_are_found() {
    let mut world = world(CLOUD);
    world.set("NO_GCE_CHECK", "true");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(
        &ran,
        "missing registry `kept`, registry.example.org: the connection names no `password`, and no login is kept here",
    );
    assert_eq!(
        next(&ran, "registry `kept`, registry.example.org"),
        [
            "`docker login registry.example.org`, or give `username` and `password` in the connection"
        ]
    );
    let home = world.repository().parent().expect("a folder").join("home");
    let write = |path: &str, text: &str| {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write(
        ".docker/config.json",
        r#"{"auths":{"registry.example.org":{"auth":"YTpodW50ZXIy"}}}"#,
    );
    write(
        ".config/gcloud/application_default_credentials.json",
        r#"{"type":"authorized_user","client_id":"c","client_secret":"hunter2","refresh_token":"hunter2"}"#,
    );
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let kept = home.join(".docker/config.json");
    has(
        &ran,
        &format!(
            "ok registry `kept`, registry.example.org: `{}`",
            kept.display()
        ),
    );
    has(
        &ran,
        "ok registry `images`, europe-docker.pkg.dev: connection `cloud`, by Google's application default credentials",
    );
    assert!(!ran.all().contains("hunter2") && !ran.all().contains("YTpodW50ZXIy"));
    // A job on GitHub is itself, and needs the permission for it.
    let mut world = world.on_actions();
    let ran = world.call(&["doctor", "--format", "json"]);
    let what = "registry `images`, europe-docker.pkg.dev";
    assert!(
        next(&ran, what)[0].contains("id-token: write"),
        "{}",
        ran.all()
    );
    world.set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://oidc.example/");
    world.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2");
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        &format!("ok {what}: connection `cloud`, by Workload Identity Federation"),
    );
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}

#[test]
fn what_signs_an_image_is_found_without_asking_anybody() {
    let plan = |more: &str| {
        format!(
            "version: 1\nname: shop\nconnections: {{ hub: {{ registry: {{ host: registry.example.org, username: u, password: p }} }} }}\n\
             phases: [{{ id: build, tasks: [{{ id: page, image: {{ layout: out, push: hub{more} }} }}] }}]\n"
        )
    };
    let unsigned = world(&plan("")).call(&["doctor", "--format", "json"]);
    assert!(!unsigned.all().contains("signature"), "{}", unsigned.all());
    let mut world = world(&plan(", sign: true"));
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        "note signature of task `page`: COSIGN_PRIVATE_KEY holds no key here; on GitHub the job signs without one",
    );
    world = world.on_actions();
    let ran = world.call(&["doctor", "--format", "json"]);
    assert!(
        next(&ran, "signature of task `page`")[0].contains("id-token: write"),
        "{}",
        ran.all()
    );
    world.set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://oidc.example/");
    world.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2");
    let ran = world.call(&["doctor", "--format", "json"]);
    has(&ran, "ok signature of task `page`: this job, without a key");
    world.set("COSIGN_PRIVATE_KEY", "hunter2");
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        "ok signature of task `page`: the key in COSIGN_PRIVATE_KEY",
    );
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}

#[test]
fn a_login_of_gh_is_seen_and_its_token_is_not_read() {
    let world = world(BUILD);
    program(
        &world,
        "gh",
        "test \"$1 $2\" = 'auth token' && echo hunter2-of-gh",
    );
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        "note token for GitHub: not set; `gh` is logged in and can give one",
    );
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}
