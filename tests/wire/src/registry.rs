//! The reference implementation of a registry, as it was for years and as it is.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    thread,
};

use tempfile::TempDir;

use crate::tool::tool;

/// [`crate::USER`] and [`crate::PASSWORD`] as `htpasswd` writes them.
const PASSWORDS: &str = "robot:$2b$04$rLaMPxhXSjETA.bmMb7OS.4wnN8eLqzi6pW.5kofuS3ow5..xb3la\n";

/// Which version of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// Debian's `docker-registry` 2.8, which knows no referrers.
    Two,
    /// `registry` 3, of the distribution specification 1.1.
    Three,
}

/// Whom a registry lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// [`crate::USER`] by [`crate::PASSWORD`].
    Password,
    /// Who has a token of a service.
    Token {
        /// Address of the service.
        realm: String,
        /// The name of this registry to the service.
        service: String,
        /// The name of the service in its tokens.
        issuer: String,
        /// The certificate of the service's key.
        certificate: PathBuf,
    },
}

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Registry {
    /// Starts a registry on an empty folder of its own.
    ///
    /// # Panics
    ///
    /// Its program is missing or does not start.
    pub fn start(edition: Edition, access: &Access) -> Self {
        Self::of(
            &tool(match edition {
                Edition::Two => "docker-registry",
                Edition::Three => "registry",
            }),
            access,
        )
    }

    /// As [`Registry::start`], with a program that is not on the PATH.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn of(program: &Path, access: &Access) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.yml");
        fs::write(folder.path().join("passwords"), PASSWORDS).expect("a file");
        fs::write(&file, config(folder.path(), access)).expect("a file");
        let mut child = Command::new(program)
            .arg("serve")
            .arg(&file)
            .env_clear()
            .env("HOME", folder.path())
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the registry starts");
        let stderr = child.stderr.take().expect("stderr is piped");
        let address = listening(stderr);
        Self {
            child,
            address,
            folder,
        }
    }

    /// Starts the registry that is part of `deploy-action`, which lets everybody in.
    ///
    /// # Panics
    ///
    /// The program does not start.
    pub fn embedded(program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(program)
            .args(["rehearse", "--registry-only", "--stage"])
            .arg(folder.path().join("content"))
            .env_clear()
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the program says where it listens");
        let address = line.trim_end().trim_start_matches("http://");
        Self {
            address: address.parse().expect("an address"),
            child,
            folder,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder in which it keeps what it was given.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("content")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself, which tests see by its answers.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn config(folder: &Path, access: &Access) -> String {
    let path = folder.display();
    let mut text = format!(
        "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {path}/content}}, delete: {{enabled: true}}}}\n\
         http: {{addr: '127.0.0.1:0'}}\n"
    );
    let written = match access {
        Access::Open => Ok(()),
        Access::Password => writeln!(
            text,
            "auth: {{htpasswd: {{realm: test, path: {path}/passwords}}}}"
        ),
        Access::Token {
            realm,
            service,
            issuer,
            certificate,
        } => writeln!(
            text,
            "auth: {{token: {{realm: '{realm}', service: {service}, issuer: {issuer}, rootcertbundle: {}}}}}",
            certificate.display()
        ),
    };
    written.expect("memory takes all text");
    text
}

/// Reads the address from the log, of which the rest is read and dropped: a registry whose log is full would stand still.
fn listening(log: ChildStderr) -> SocketAddr {
    let mut lines = BufReader::new(log).lines();
    let mut said = String::new();
    for line in lines.by_ref() {
        let line = line.expect("the log is text");
        if let Some((_, rest)) = line.split_once("listening on ") {
            let address: String = rest
                .chars()
                .take_while(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ':'))
                .collect();
            thread::spawn(move || lines.for_each(drop));
            return address.parse().expect("an address");
        }
        said.push_str(&line);
        said.push('\n');
    }
    panic!("the registry ended: {said}")
}
