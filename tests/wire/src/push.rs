//! The program, publishing images in a world of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The program with a home, a state and a cache of its own.
#[derive(Debug)]
pub struct Publisher {
    program: PathBuf,
    home: TempDir,
}

/// How a publication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    /// References, one a line.
    pub stdout: String,
    /// Words for people.
    pub stderr: String,
}

impl Publisher {
    /// Makes a world for a program.
    ///
    /// # Panics
    ///
    /// No folder can be made.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            home: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Writes docker's login of this user at a registry.
    ///
    /// # Panics
    ///
    /// The file cannot be written.
    pub fn log_in(&self, registry: &str, login: &str) {
        let folder = self.home.path().join(".docker");
        fs::create_dir_all(&folder).expect("a folder");
        let config = serde_json::json!({"auths": {registry: {"auth": login}}});
        fs::write(folder.join("config.json"), config.to_string()).expect("a file");
    }

    /// Publishes a layout, with as many tries as usual and no pause between them.
    pub fn publish(&self, layout: &Path, to: &[String]) -> Ended {
        let mut arguments = vec!["--layout".to_owned(), layout.display().to_string()];
        arguments.extend(to.iter().flat_map(|to| ["--to".to_owned(), to.clone()]));
        self.run(&arguments)
    }

    /// Has the tags of repositories name what they named before.
    pub fn restore(&self, to: &[String]) -> Ended {
        let mut arguments = vec!["--restore".to_owned()];
        arguments.extend(to.iter().flat_map(|to| ["--to".to_owned(), to.clone()]));
        self.run(&arguments)
    }

    fn run(&self, arguments: &[String]) -> Ended {
        let output = Command::new(&self.program)
            .args(["publish", "--retry-delay", "0s"])
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
