use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use tempfile::TempDir;

use super::*;
use crate::secret::{Masker, Secret};

const LIMIT: Duration = Duration::from_secs(20);

/// A folder with files, which is a git repository.
struct Tree(TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        for (path, text) in files {
            let file = tree.root().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, text).expect("a file");
        }
        tree
    }

    fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).expect("a path in UTF-8")
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(self.root())
            .status()
            .expect("git");
        assert!(status.success());
    }

    async fn try_ask(&self, paths: &[&str]) -> Result<Evidence, ProbeError> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let variables = std::env::vars().collect();
        let masker = Masker::new(Vec::<(String, Secret)>::new()).expect("no secret");
        let git = Git {
            variables: &variables,
            masker: &masker,
        };
        ask_file(&FileQuestion { paths }, self.root(), &git, LIMIT).await
    }

    async fn ask(&self, paths: &[&str]) -> Evidence {
        self.try_ask(paths).await.expect("an answer")
    }
}

#[track_caller]
fn check(evidence: &Evidence, name: &str, expected: &str) {
    let seen = &evidence.observed.get(name).expect("an observation").value;
    assert_eq!(
        serde_json::to_string(seen).expect("JSON"),
        expected,
        "{name}"
    );
}

#[tokio::test]
async fn a_file_shows_what_it_is() {
    let guide = "# Guide\n\nTwo words.\n\n```sh\nrun\n```\n\n    # indented\n\nLast\n====\n";
    let tree = Tree::new(&[("docs/guide.md", guide)]);
    let file = tree.root().join("docs/guide.md");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("a mode");
    let evidence = tree.ask(&["docs/guide.md"]).await;
    assert_eq!(evidence.holds, Ok(()));
    check(&evidence, "count", "1");
    check(&evidence, "mode", r#""0755""#);
    check(&evidence, "lines", "12");
    check(&evidence, "words", "11");
    check(&evidence, "headings", "2");
    check(&evidence, "fences", "1");
    check(&evidence, "size", &guide.len().to_string());
    assert_eq!(
        evidence.observed.get("size").expect("a size").unit,
        Unit::Bytes
    );
    let digest = crate::digest::Digest::of(guide).hex();
    check(&evidence, "sha256", &format!("{digest:?}"));
    check(
        &evidence,
        "content",
        &serde_json::to_string(guide).expect("JSON"),
    );
}

#[tokio::test]
async fn only_markdown_has_headings() {
    let tree = Tree::new(&[("run.sh", "# a comment\n")]);
    check(&tree.ask(&["run.sh"]).await, "headings", "null");
}

#[tokio::test]
async fn a_pattern_matches_files_in_every_folder_but_git_s() {
    let tree = Tree::new(&[
        ("a.md", ""),
        ("docs/b.md", ""),
        ("docs/deep/c.md", ""),
        ("docs/deep/d.txt", ""),
        ("docs/.git/e.md", ""),
    ]);
    let count = async |path: &str| {
        let evidence = tree.ask(&[path]).await;
        evidence
            .observed
            .get("count")
            .expect("a count")
            .value
            .clone()
    };
    assert_eq!(count("*.md").await, Value::Number(1.0));
    assert_eq!(count("**/*.md").await, Value::Number(3.0));
    assert_eq!(count("docs/**").await, Value::Number(3.0));
    assert_eq!(count("docs/*/c.md").await, Value::Number(1.0));
    assert_eq!(count("./docs/deep/[cd].*").await, Value::Number(2.0));
}

#[tokio::test]
async fn several_files_give_lists() {
    let tree = Tree::new(&[("a", "one\n"), ("b", "one\ntwo\n")]);
    check(&tree.ask(&["b", "a"]).await, "lines", "[2,1]");
    check(&tree.ask(&["*"]).await, "lines", "[1,2]");
    check(&tree.ask(&["a*"]).await, "lines", "[1]");
}

#[tokio::test]
async fn each_path_and_each_pattern_has_to_be_there() {
    let tree = Tree::new(&[("a", "")]);
    let evidence = tree.ask(&["a", "b", "*.tf"]).await;
    assert_eq!(
        evidence.holds,
        Err("`b` is not there; nothing matches `*.tf`".to_owned())
    );
    check(&evidence, "count", "1");
}

#[tokio::test]
async fn git_is_asked_also_about_a_path_where_nothing_is() {
    let tree = Tree::new(&[(".gitignore", "token\n"), ("lock.hcl", "")]);
    tree.git(&["init", "--quiet"]);
    tree.git(&["add", "lock.hcl"]);
    let token = tree.ask(&["token"]).await;
    check(&token, "ignored", "true");
    check(&token, "tracked", "false");
    check(&token, "size", "null");
    let lock = tree.ask(&["lock.hcl"]).await;
    check(&lock, "ignored", "false");
    check(&lock, "tracked", "true");
    check(
        &tree.ask(&["lock.hcl", "token"]).await,
        "tracked",
        "[true,false]",
    );
}

#[tokio::test]
async fn a_name_that_git_quotes_is_recognised() {
    let names = ["tab\there.sec", "\"quoted\" back\\slash.sec", "ä b.sec"];
    let tree = Tree::new(&[(".gitignore", "*.sec\n"), ("tab\there", "")]);
    tree.git(&["init", "--quiet"]);
    tree.git(&["add", "tab\there"]);
    let asked: Vec<&str> = names.into_iter().chain(["tab\there"]).collect();
    let seen = tree.ask(&asked).await;
    // What is there comes before what is not.
    check(&seen, "ignored", "[false,true,true,true]");
    check(&seen, "tracked", "[true,false,false,false]");
}

#[tokio::test]
async fn without_a_repository_git_s_facts_are_absent() {
    let tree = Tree::new(&[("a", "")]);
    check(&tree.ask(&["a"]).await, "tracked", "null");
}

#[tokio::test]
async fn a_path_that_leads_outside_is_refused() {
    let tree = Tree::new(&[("a", "")]);
    std::os::unix::fs::symlink("/etc/passwd", tree.root().join("link")).expect("a link");
    for path in ["../a", "/etc/passwd", "link", "*", ""] {
        let error = tree.try_ask(&[path]).await.expect_err("it leads outside");
        assert!(matches!(error, ProbeError::Path { .. }), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_large_file_has_a_size_and_a_digest_but_no_content() {
    let large = "x".repeat(2 * 1024 * 1024);
    let tree = Tree::new(&[("large", &large)]);
    let evidence = tree.ask(&["large"]).await;
    check(&evidence, "content", "null");
    check(&evidence, "words", "1");
    let digest = crate::digest::Digest::of(&large).hex();
    check(&evidence, "sha256", &format!("{digest:?}"));
}
