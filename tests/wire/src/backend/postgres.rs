//! A real PostgreSQL on a socket in a folder of its own.

use std::{
    fs::{self, File},
    io,
    os::unix::{fs::PermissionsExt as _, fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{processes, tool::found, wait::wait_until};

/// Where Debian puts what is not on the PATH.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Owner of the database and its name.
const NAME: &str = "terraform";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    child: Option<Child>,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server with one database.
    ///
    /// # Panics
    ///
    /// Its programs are missing, or do not do it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pg-")
            .tempdir()
            .expect("a folder");
        let inner = folder.path().join("data");
        fs::create_dir(&inner).expect("a folder");
        if let Some((user, group)) = other_user() {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
            chown(&inner, Some(user), Some(group)).expect("we are root");
        }
        let mut server = Self {
            child: None,
            folder,
        };
        let mut initdb = server.command("initdb");
        initdb
            .args(["--no-sync", "--no-locale", "--auth=trust"])
            .args(["--encoding=UTF8", "--username", NAME, "--pgdata"])
            .arg(server.data());
        let made = initdb.output().expect("initdb starts");
        let words = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {words}");
        server.come_back();
        let made = server.psql("postgres", &format!("create database {NAME}"));
        made.expect("a database");
        server
    }

    /// The block of a module that keeps its state here.
    pub fn backend(&self) -> String {
        let url = format!(
            "postgres://{NAME}@/{NAME}?host={}&sslmode=disable",
            self.data().display()
        );
        format!("terraform {{\n  backend \"pg\" {{\n    conn_str = \"{url}\"\n  }}\n}}\n")
    }

    /// The state that was written last.
    pub fn state(&self) -> Option<String> {
        let query = "select data from terraform_remote_state.states where name = 'default'";
        self.psql(NAME, query).ok()
    }

    /// Whether a session holds a lock of terraform's.
    pub fn is_locked(&self) -> bool {
        let query = "select count(*) from pg_locks where locktype = 'advisory' and granted";
        self.psql(NAME, query)
            .is_ok_and(|count| count.trim() != "0")
    }

    /// Ends at once, as where a machine goes.
    pub fn go_away(&mut self) {
        self.freeze(false);
        let Some(mut child) = self.child.take() else {
            return;
        };
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--silent", "--pgdata"])
            .arg(self.data());
        // Where it has ended by itself there is nothing to stop.
        stop.status().ok();
        child.wait().ok();
    }

    /// Stands still, or goes on.
    pub fn freeze(&self, is_frozen: bool) {
        if let Some(child) = &self.child {
            processes::freeze(&processes::tree(child.id()), is_frozen);
        }
    }

    /// Starts on what is there.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn come_back(&mut self) {
        let log = File::create(self.folder.path().join("log")).expect("a file");
        let mut postgres = self.command("postgres");
        postgres
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.data())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stderr(log);
        self.child = Some(postgres.spawn().expect("postgres starts"));
        wait_until("PostgreSQL answers", || {
            self.psql("postgres", "select 1").ok()
        });
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn psql(&self, database: &str, query: &str) -> io::Result<String> {
        let output = Command::new(program("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--username", NAME, "--dbname", database, "--command", query])
            .arg("--host")
            .arg(self.data())
            .env_clear()
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            ));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A program of PostgreSQL's, as somebody else where we are root, which it refuses to be.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Signals of a terminal are ours to take.
            .process_group(0);
        if let Some((user, group)) = other_user() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.go_away();
    }
}

/// Finds a program of PostgreSQL's.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    folders.sort();
    let on_path = found("initdb").and_then(|path| Some(path.parent()?.to_owned()));
    let with_server = |folder: &PathBuf| folder.join("postgres").is_file();
    let folder = folders
        .into_iter()
        .rev()
        .chain(on_path)
        .find(with_server)
        .unwrap_or_else(|| {
            panic!("PostgreSQL is not there: `cargo xtask setup` brings it (`apt-get install postgresql-15`)")
        });
    folder.join(name)
}

/// The user as whom the server runs where we are root: Debian's `postgres`, or else nobody.
fn other_user() -> Option<(u32, u32)> {
    let is_root =
        fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let users = fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
    let of = |name: &str| {
        let mut fields = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let fields = fields.find(|fields| fields.first() == Some(&name))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    is_root.then(|| of("postgres").or_else(|| of("nobody")))?
}
