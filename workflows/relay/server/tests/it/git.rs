use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::started::Started;

/// What a git command said on its two outputs, and whether it was content.
struct Said {
    stdout: String,
    stderr: String,
    success: bool,
}

/// Runs git in `folder` with nobody's configuration.
fn git(folder: &Path, arguments: &[&str]) -> Said {
    let output = Command::new("git")
        .current_dir(folder)
        .env_clear()
        .env(
            "PATH",
            std::env::var_os("PATH").expect("git is on the PATH"),
        )
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .args(["-c", "user.name=Test", "-c", "user.email=test@localhost"])
        .args(arguments)
        .output()
        .expect("git starts");
    Said {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        success: output.status.success(),
    }
}

fn git_well(folder: &Path, arguments: &[&str]) -> String {
    let said = git(folder, arguments);
    assert!(said.success, "git {arguments:?}: {}", said.stderr);
    said.stdout
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

#[test]
fn ls_remote_shows_head_and_the_branch_it_stands_for() {
    let (server, folder) = (Started::new(), folder());
    for version in ["0", "1", "2"] {
        let version = format!("protocol.version={version}");
        let refs = git_well(
            folder.path(),
            &[
                "-c",
                &version,
                "ls-remote",
                "--symref",
                &server.repository(),
            ],
        );
        let lines: Vec<&str> = refs.lines().collect();
        let [symref, head, main] = lines.as_slice() else {
            panic!("three lines, not {refs}")
        };
        assert_eq!(*symref, "ref: refs/heads/main\tHEAD");
        let id = head.strip_suffix("\tHEAD").expect("HEAD comes first");
        assert_eq!(*main, format!("{id}\trefs/heads/main"));
        assert!(server.http("GET /health HTTP/1.1\r\n\r\n").contains(id));
    }
}

#[test]
fn a_clone_is_whole_and_holds_the_readme() {
    let (server, folder) = (Started::new(), folder());
    git_well(
        folder.path(),
        &["clone", "--quiet", &server.repository(), "copy"],
    );
    let copy = folder.path().join("copy");
    let readme = fs::read_to_string(copy.join("README.md")).expect("the clone has it");
    assert_eq!(readme, include_str!("../../repository/README.md"));
    assert_eq!(git_well(&copy, &["branch", "--show-current"]), "main\n");
    git_well(&copy, &["fsck", "--strict", "--full"]);
}

#[test]
fn a_repository_of_another_history_can_fetch() {
    let (server, folder) = (Started::new(), folder());
    git_well(folder.path(), &["init", "--quiet"]);
    for message in 0..40 {
        git_well(
            folder.path(),
            &[
                "commit",
                "--quiet",
                "--allow-empty",
                "--message",
                &message.to_string(),
            ],
        );
    }
    git_well(
        folder.path(),
        &["fetch", "--quiet", &server.repository(), "main"],
    );
    assert_eq!(
        git_well(folder.path(), &["ls-tree", "--name-only", "FETCH_HEAD"]),
        "README.md\n"
    );
}

#[test]
fn a_push_is_refused_and_changes_nothing() {
    let (server, folder) = (Started::new(), folder());
    git_well(
        folder.path(),
        &["clone", "--quiet", &server.repository(), "copy"],
    );
    let copy = folder.path().join("copy");
    let before = git_well(&copy, &["ls-remote", "origin"]);
    git_well(
        &copy,
        &["commit", "--quiet", "--allow-empty", "--message", "Mine"],
    );
    let pushed = git(&copy, &["push", "origin", "main"]);
    assert!(!pushed.success);
    assert!(
        pushed.stderr.contains("this server is read-only"),
        "{}",
        pushed.stderr
    );
    assert_eq!(git_well(&copy, &["ls-remote", "origin"]), before);
}

#[test]
fn another_repository_is_refused_by_name() {
    let (server, folder) = (Started::new(), folder());
    let address = format!("git://{}/other.git", server.git);
    let refused = git(folder.path(), &["ls-remote", &address]);
    assert!(!refused.success);
    assert!(
        refused
            .stderr
            .contains("no repository `/other.git` here, only /repo.git"),
        "{}",
        refused.stderr
    );
}
