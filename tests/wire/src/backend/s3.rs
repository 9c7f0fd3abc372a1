//! A real S3 server over a folder.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{PASSWORD, USER, processes, tool::tool, wait::wait_until};

const BUCKET: &str = "states";
const KEY: &str = "app.tfstate";

/// A running server with one bucket.
#[derive(Debug)]
pub struct S3Server {
    child: Option<Child>,
    address: SocketAddr,
    folder: TempDir,
}

impl S3Server {
    /// Starts a server with an empty bucket.
    ///
    /// # Panics
    ///
    /// Its program is missing or does not start.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("s3-")
            .tempdir()
            .expect("a folder");
        for name in ["content", "content/states"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("it has an address");
        drop(free);
        let mut server = Self {
            child: None,
            address,
            folder,
        };
        server.come_back();
        server
    }

    /// The block of a module that keeps its state here.
    pub fn backend(&self) -> String {
        format!(
            "terraform {{\n  backend \"s3\" {{\n    bucket                      = \"{BUCKET}\"\n    key                         = \"{KEY}\"\n    region                      = \"us-east-1\"\n    access_key                  = \"{USER}\"\n    secret_key                  = \"{PASSWORD}\"\n    endpoints                   = {{ s3 = \"http://{}\" }}\n    use_path_style              = true\n    use_lockfile                = true\n    max_retries                 = 1\n    skip_credentials_validation = true\n    skip_metadata_api_check     = true\n    skip_region_validation      = true\n    skip_requesting_account_id  = true\n    skip_s3_checksum            = true\n  }}\n}}\n",
            self.address
        )
    }

    /// The state that was written last.
    pub fn state(&self) -> Option<String> {
        fs::read_to_string(self.object(KEY)).ok()
    }

    /// Whether there is a lock file.
    pub fn is_locked(&self) -> bool {
        self.object(&format!("{KEY}.tflock")).exists()
    }

    /// Ends at once.
    pub fn go_away(&mut self) {
        self.freeze(false);
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Stands still, or goes on.
    pub fn freeze(&self, is_frozen: bool) {
        if let Some(child) = &self.child {
            processes::freeze(&processes::tree(child.id()), is_frozen);
        }
    }

    /// Starts on what is there, where it listened before.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn come_back(&mut self) {
        let log = File::create(self.folder.path().join("log")).expect("a file");
        let child = Command::new(tool("versitygw"))
            .args(["--access", USER, "--secret", PASSWORD, "--port"])
            .arg(self.address.to_string())
            .arg("posix")
            .arg(self.folder.path().join("content"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            // Signals of a terminal are ours to take.
            .process_group(0)
            .spawn()
            .expect("versitygw starts");
        self.child = Some(child);
        wait_until("versitygw answers", || {
            TcpStream::connect(self.address).ok()
        });
    }

    fn object(&self, key: &str) -> PathBuf {
        self.folder.path().join("content").join(BUCKET).join(key)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.go_away();
    }
}
