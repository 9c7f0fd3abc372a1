//! Registries on the loopback address: the reference implementation in both versions, and ours.
#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use deploy_action::rehearse::registry::{Registry, RegistryOptions, RegistryRequest};

/// A registry that runs until the test ends.
pub struct Running {
    /// `127.0.0.1:PORT`.
    pub host: String,
    _folder: tempfile::TempDir,
    server: Server,
}

enum Server {
    Child(Child),
    /// It ends with the runtime.
    Ours {
        registry: Registry,
    },
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Child(child) = self {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }
}

impl Running {
    /// What our registry was asked.
    pub fn requests(&self) -> Vec<RegistryRequest> {
        match &self.server {
            Server::Ours { registry } => registry.requests().expect("a log"),
            Server::Child(_) => panic!("only ours keeps a log"),
        }
    }
}

/// Debian's `docker-registry`, which is 2.8; deleting is enabled.
pub fn version_2() -> Running {
    reference("docker-registry")
}

/// The reference implementation 3; deleting is enabled.
pub fn version_3() -> Running {
    reference("registry")
}

/// The registry of rehearsals, which keeps lists of referrers. It needs a runtime.
pub fn embedded() -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a text").into();
    let options = RegistryOptions {
        folder: path,
        port: None,
    };
    let registry = Registry::start(options).expect("it starts");
    Running {
        host: registry.address().to_string(),
        _folder: folder,
        server: Server::Ours { registry },
    }
}

fn reference(program: &str) -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.yml");
    let data = folder.path().join("data");
    let text = format!(
        "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {} }}, delete: {{ enabled: true }} }}\n\
         http: {{ addr: \"127.0.0.1:0\" }}\n",
        data.display()
    );
    std::fs::write(&config, text).expect("a file");
    let mut child = Command::new(program)
        .args(["serve".into(), config])
        .env("OTEL_TRACES_EXPORTER", "none")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "`{program}` ({error}): `cargo xtask setup` brings it, `cargo xtask test` finds it"
            )
        });
    let stderr = child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines();
    let host = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split('"').next()?.to_owned())
        })
        .expect("it says where it listens");
    // Whatever it says further must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Running {
        host,
        _folder: folder,
        server: Server::Child(child),
    }
}

/// The program `name` on the PATH.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("`{name}` is not on the PATH: `cargo xtask setup` brings it, `cargo xtask test` finds it"))
}
