//! `tags`: what the verb answers to events, in all its forms.

mod action;
mod conformance;
mod github;
mod highest;
mod image;
mod verb;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A step of a job in an empty folder, with the event that started it.
struct Step {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Step {
    /// A step of a run that tells no event.
    fn new() -> Self {
        let step = Self {
            folder: tempfile::tempdir().expect("a folder"),
            variables: BTreeMap::new(),
        };
        for folder in ["work", "temp"] {
            fs::create_dir(step.path(folder)).expect("a folder");
        }
        step
    }

    /// The step of an event of acme/api.
    fn of(event: &str, git_ref: &str, payload: &Value) -> Self {
        let mut step = Self::new();
        step.tell(
            event,
            git_ref,
            "860c1904a1ce19322e91ac35af1ab07466440c37",
            payload,
        );
        step.set("GITHUB_REPOSITORY", "acme/api");
        step
    }

    fn tell(&mut self, event: &str, git_ref: &str, sha: &str, payload: &Value) {
        let path = self.path("event.json");
        fs::write(&path, payload.to_string()).expect("a file");
        self.set("GITHUB_EVENT_NAME", event);
        self.set("GITHUB_REF", git_ref);
        self.set("GITHUB_SHA", sha);
        self.set("GITHUB_EVENT_PATH", path.to_str().expect("UTF-8"));
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, args: &[&str]) {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.path("work"));
        self.dress(&mut command);
        let output = command.output().expect("git is there");
        assert!(output.status.success(), "git {args:?}: {output:?}");
    }

    fn dress(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.path("temp"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", self.folder.path())
            .envs(["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
                [
                    (format!("GIT_{who}_NAME"), "Ada"),
                    (format!("GIT_{who}_EMAIL"), "ada@example.org"),
                    (format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z"),
                ]
            }))
            .envs(&self.variables)
            .stdin(Stdio::null());
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deploy-action"));
        command.args(arguments).current_dir(self.path("work"));
        self.dress(&mut command);
        let output = command.output().expect("the program starts");
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs the verb, which has to be done.
    #[track_caller]
    fn tags(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(&[&["tags"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.tags(&[&["--format", "json"], arguments].concat());
        serde_json::from_str(&ended.stdout).expect("it is JSON")
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("the file is there")
}
