//! A started server, ended when dropped.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

/// A `relay` on two free ports of this machine.
pub(crate) struct Started {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Address for HTTP.
    pub(crate) http: String,
    /// Address for git.
    pub(crate) git: String,
}

impl Started {
    /// Starts a server with the given variables, and waits until it listens.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_relay"))
            .env_clear()
            .envs([("RELAY_HTTP", "127.0.0.1:0"), ("RELAY_GIT", "127.0.0.1:0")])
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        stdout
            .read_line(&mut line)
            .expect("the server says where it listens");
        let (http, git) = line
            .trim_end()
            .split_once(": http on ")
            .and_then(|(_, addresses)| addresses.split_once(", git on "))
            .unwrap_or_else(|| panic!("not the line of a server: {line:?}"));
        Self {
            child,
            stdout,
            http: http.to_owned(),
            git: git.to_owned(),
        }
    }

    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The repository's address.
    pub(crate) fn repository(&self) -> String {
        format!("git://{}/repo.git", self.git)
    }

    /// Sends `request` to the HTTP port and reads to the end.
    pub(crate) fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.http).expect("the server accepts");
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
        let mut response = String::new();
        stream
            .read_to_string(&mut response)
            .expect("the server answers and closes");
        response
    }

    /// Sends the signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end; gives its code and the last line.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout
            .read_to_string(&mut rest)
            .expect("the output ends");
        (self.child.wait().expect("it is our child").code(), rest)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends `child` the signal of this name.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill starts").success());
}
