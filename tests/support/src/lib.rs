//! The hermetic world in which the tests run the program: a folder of its own, a home of its own, no environment.

pub mod github_api;
pub mod proxy;
pub mod tls;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The variable with which a test run writes its snapshots again, in place of comparing with them.
pub const UPDATE: &str = "UPDATE_SNAPSHOTS";

/// A place in which the program runs and sees nothing of the machine but what it is given.
#[derive(Debug)]
pub struct World {
    program: PathBuf,
    root: TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
#[must_use]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote for programs.
    pub stdout: String,
    /// What it wrote for people.
    pub stderr: String,
}

impl World {
    /// Makes a world for a program: `env!("CARGO_BIN_EXE_deploy-action")` of the test.
    ///
    /// # Panics
    ///
    /// No temporary folder can be made.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let root = TempDir::new().expect("a temporary folder can be made");
        for folder in ["home", "work"] {
            fs::create_dir(root.path().join(folder)).expect("the temporary folder can be written");
        }
        Self {
            program: program.into(),
            root,
        }
    }

    /// Returns the folder in which the program runs where no other is named.
    pub fn folder(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Writes a file into that folder, with the folders above it, and returns its path.
    ///
    /// # Panics
    ///
    /// The file cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(path);
        let folder = path.parent().expect("the path lies in the folder");
        fs::create_dir_all(folder).expect("the temporary folder can be written");
        fs::write(&path, content).expect("the temporary folder can be written");
        path
    }

    /// Runs the program in the folder of the world.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        self.run_in(&self.folder(), arguments)
    }

    /// Runs the program in a folder.
    ///
    /// # Panics
    ///
    /// The program cannot be started.
    pub fn run_in<A: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Ended {
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", self.root.path())
            .stdin(Stdio::null())
            .output()
            .expect("the program can be started");
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Replaces what differs between runs and machines: the folder of the world, digests.
    pub fn redact(&self, text: &str) -> String {
        let root = self.root.path().to_string_lossy();
        redact_digests(&text.replace(root.as_ref(), "<WORLD>"))
    }
}

/// Replaces `sha256:` digests.
fn redact_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        redacted.push_str("sha256:");
        if digits == 64 {
            redacted.push_str("<DIGEST>");
            redacted.push_str(&part[digits..]);
        } else {
            redacted.push_str(part);
        }
    }
    redacted
}

/// Compares a text with the file that keeps it; with [`UPDATE`] set, writes the file. Returns what differs.
///
/// # Errors
///
/// The file is missing, or holds another text.
pub fn compare_with_file(kept: &Path, found: &str) -> Result<(), String> {
    if std::env::var_os(UPDATE).is_some() {
        return fs::write(kept, found).map_err(|error| format!("{}: {error}", kept.display()));
    }
    let name = kept.display();
    match fs::read_to_string(kept) {
        Ok(expected) if expected == found => Ok(()),
        Ok(expected) => Err(format!(
            "{name} is not what was found; {UPDATE}=1 writes it again\n--- kept\n{expected}\n--- found\n{found}"
        )),
        Err(error) => Err(format!(
            "{name}: {error}; {UPDATE}=1 writes it\n--- found\n{found}"
        )),
    }
}

/// Returns the files of a folder that end in `.EXTENSION`, by name.
///
/// # Panics
///
/// The folder cannot be read.
pub fn files_ending_in(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .collect();
    files.sort();
    files
}
