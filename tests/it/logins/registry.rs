//! Debian's registry, which asks for a user and a password, and where those are kept.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
};

use crate::world::World;

/// `robot:pass:word`, as bcrypt keeps it.
const USERS: &str = "robot:$2b$05$J5inw0Cw72EVAna6Gy8ZJeCsQTl3C1LFYXpfB14rLOIe2wo2aCo.G\n";

/// A registry that is not ours.
struct Registry {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display();
        fs::write(folder.path().join("users"), USERS).expect("a file");
        let config = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {path}/data }} }}\nhttp: {{ addr: \"127.0.0.1:0\" }}\n\
             auth: {{ htpasswd: {{ realm: test, path: {path}/users }} }}\n"
        );
        let file = folder.path().join("config.yml");
        fs::write(&file, config).expect("a file");
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("docker-registry is there; `cargo xtask setup` brings it, `cargo xtask test` finds it");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            rest.split(['"', ',', ' ']).next().map(str::to_owned)
        });
        // It stops when nobody reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.expect("it listens"),
            _folder: folder,
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn world(registry: &Registry) -> World {
    let world = World::new(&format!(
        "name: app\n\
         connections: {{ r: {{ registry: {{ host: \"{}\", path: team }} }} }}\n\
         phases:\n  - id: ship\n    tasks:\n      - {{ id: image, image: {{ assemble: {{ files: {{ /srv/page: page }}, entrypoint: [/srv/none] }}, push: r, name: app, tags: \"type=raw,value=one\" }} }}\n",
        registry.address
    ));
    world.write("page", "page");
    world
}

fn keep(world: &World, config: &str) {
    let folder = world.repository().with_file_name("home/.docker");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.json"), config).expect("a file");
}

#[test]
fn a_registry_that_asks_is_shown_what_docker_keeps_for_it() {
    let registry = Registry::start();
    let world = world(&registry);
    let refused = world.run(&[]);
    refused.tells("1: image failed (auth-expired)");
    let auth = "cm9ib3Q6cGFzczp3b3Jk";
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#,
        registry.address
    );
    keep(&world, &config);
    let ran = world.run(&[]);
    ran.tells("0: image succeeded");
    let shown = ran.all();
    assert!(
        !shown.contains(auth) && !shown.contains("pass:word"),
        "{shown}"
    );
}

#[test]
fn a_registry_that_asks_is_shown_what_a_helper_says() {
    let registry = Registry::start();
    let world = world(&registry);
    let folder = world.repository().with_file_name("helpers");
    fs::create_dir(&folder).expect("a folder");
    let helper = folder.join("docker-credential-mine");
    let script = "#!/bin/sh\ncat > \"$OUT/asked\"\necho '{\"Username\":\"robot\",\"Secret\":\"pass:word\"}'\n";
    fs::write(&helper, script).expect("a file");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).expect("a mode");
    let config = format!(r#"{{"credHelpers":{{"{}":"mine"}}}}"#, registry.address);
    keep(&world, &config);
    let path = std::env::var("PATH").expect("there is one");
    let world = world.with("PATH", &format!("{}:{path}", folder.display()));
    let ran = world.run(&[]);
    ran.tells("0: image succeeded");
    assert_eq!(world.read("asked"), registry.address);
    assert!(!ran.all().contains("pass:word"), "{}", ran.all());
}
