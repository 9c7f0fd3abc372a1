//! A terraform module in a folder of its own, with a mirror of stand-ins.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use deploy_action::rehearse::provider::{Mirror, MirrorOptions, ProviderVersion, install};
use serde_json::Value;
use tempfile::TempDir;

use super::TOKEN;

/// The module of the example system.
pub const RELAY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/workflows/relay/terraform/rackspace-spot"
);
const SPOT: (&str, &str) = ("registry.terraform.io/rackerlabs/spot", "0.1.4");

/// A module that is initialized.
pub struct Stack {
    folder: Arc<TempDir>,
    module: PathBuf,
    mirror: Mirror,
}

impl Stack {
    /// Relay's own module, with its state on this machine.
    pub fn relay() -> Self {
        let stack = Self::empty(&[SPOT]);
        for entry in fs::read_dir(RELAY).expect("the module") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            if name.ends_with(".tf") || name == ".terraform.lock.hcl" {
                fs::copy(&path, stack.module.join(&*name)).expect("a copy");
            }
        }
        stack.write(
            "backend_override.tf",
            "terraform {\n  backend \"local\" {}\n}\n",
        );
        stack.ok(&["init", "-lockfile=readonly"]);
        stack
    }

    /// A module of Rackspace Spot.
    pub fn spot(main: &str) -> Self {
        Self::of(&[SPOT], main)
    }

    /// A module with these providers.
    pub fn of(providers: &[(&str, &str)], main: &str) -> Self {
        let stack = Self::empty(providers);
        stack.fill(providers, main);
        stack
    }

    /// Another module on the same cloud and the same mirror.
    pub fn beside(&self, main: &str) -> Self {
        let stack = Self {
            folder: Arc::clone(&self.folder),
            module: self.folder.path().join("second module"),
            mirror: self.mirror.clone(),
        };
        fs::create_dir_all(&stack.module).expect("a folder");
        stack.fill(&[SPOT], main);
        stack
    }

    /// A folder with a mirror and nothing to apply.
    pub fn empty(providers: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        // A shell would read these names otherwise if they were not quoted.
        let options = MirrorOptions {
            folder: folder.path().join("ada's $stage"),
            program: env!("CARGO_BIN_EXE_deploy-action").into(),
            providers: providers
                .iter()
                .map(|(address, version)| ProviderVersion {
                    address: (*address).to_owned(),
                    version: (*version).to_owned(),
                })
                .collect(),
            state: folder.path().join("the cloud.json"),
            faults: folder.path().join("faults.json"),
            given: BTreeMap::from([(
                "kubeconfig".to_owned(),
                "of the rehearsal's own cluster".to_owned(),
            )]),
        };
        let mirror = install(&options).expect("a mirror");
        let module = folder.path().join("module");
        fs::create_dir_all(&module).expect("a folder");
        fs::create_dir_all(folder.path().join("tmp")).expect("a folder");
        Self {
            folder: Arc::new(folder),
            module,
            mirror,
        }
    }

    fn fill(&self, providers: &[(&str, &str)], main: &str) {
        let required = providers.iter().map(|(address, version)| {
            let name = address.rsplit('/').next().expect("a name");
            format!("    {name} = {{\n      source  = \"{address}\"\n      version = \"{version}\"\n    }}\n")
        });
        self.write(
            "versions.tf",
            &format!(
                "terraform {{\n  required_providers {{\n{}  }}\n}}\n",
                required.collect::<String>()
            ),
        );
        self.write("main.tf", main);
        self.ok(&["init"]);
    }

    /// Terraform in the module, with nothing of this machine's environment.
    pub fn terraform(&self, args: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command
            .args(args)
            .current_dir(&self.module)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("TF_CLI_ARGS", "-no-color")
            .env("TF_INPUT", "0")
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env("RXTSPOT_TOKEN", TOKEN)
            .env("TF_VAR_rackspace_spot_token", TOKEN)
            .envs(&self.mirror.variables);
        command
    }

    /// Runs terraform to its end and returns what it said, when it ends like this.
    pub fn ends(&self, args: &[&str], code: i32) -> String {
        let output = self.terraform(args).output().unwrap_or_else(|error| {
            panic!(
                "terraform does not start: {error}; get it from https://developer.hashicorp.com/terraform/install"
            )
        });
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("text");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    /// Runs terraform to its good end.
    pub fn ok(&self, args: &[&str]) {
        self.ends(args, 0);
    }

    /// Runs terraform and reads the JSON that it prints.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.terraform(args).output().expect("terraform starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Writes a file of the module.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.module.join(name), text).expect("a file");
    }

    /// Reads a file of the module.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.module.join(name)).expect("a file")
    }

    /// What stands in.
    pub fn who(&self) -> &[String] {
        &self.mirror.who
    }

    /// How many providers run: each has a folder with its socket.
    pub fn sockets(&self) -> usize {
        let entries = fs::read_dir(self.folder.path().join("tmp")).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with("provider-"))
            .count()
    }

    /// Asks for faults.
    pub fn faults(&self, faults: &Value) {
        fs::write(self.folder.path().join("faults.json"), faults.to_string()).expect("a file");
    }

    /// What the cloud holds.
    pub fn cloud(&self) -> Value {
        let file = self.folder.path().join("the cloud.json");
        fs::read(file).map_or(Value::Null, |bytes| {
            serde_json::from_slice(&bytes).expect("JSON")
        })
    }

    /// Changes what the cloud holds, as a hand does.
    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut cloud = self.cloud();
        change(&mut cloud);
        fs::write(self.folder.path().join("the cloud.json"), cloud.to_string()).expect("a file");
    }

    /// The names of a type's objects.
    pub fn names(&self, kind: &str) -> Vec<String> {
        let objects = self.cloud()["objects"][kind].clone();
        let objects = objects.as_object().cloned().unwrap_or_default();
        objects.into_iter().map(|(name, _)| name).collect()
    }

    /// The name of the one object of a type.
    pub fn only(&self, kind: &str) -> String {
        let names = self.names(kind);
        assert_eq!(names.len(), 1, "{names:?}");
        names[0].clone()
    }

    /// An object's attributes.
    pub fn object(&self, kind: &str, name: &str) -> Value {
        self.cloud()["objects"][kind][name].clone()
    }

    /// Files of the whole stage that hold a text.
    pub fn files_with(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        collect(self.folder.path(), text.as_bytes(), &mut found);
        found
    }
}

fn collect(folder: &Path, text: &[u8], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, text, found);
        } else if fs::read(&path)
            .expect("a file")
            .windows(text.len())
            .any(|window| window == text)
        {
            found.push(path.display().to_string());
        }
    }
}
