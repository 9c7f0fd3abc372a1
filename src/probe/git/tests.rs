use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::expression::Value;

const LIMIT: Duration = Duration::from_secs(20);

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.com"),
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ])
        .output()
        .expect("git");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// A folder with `repo.git`, which has two branches and a tag, and an empty `empty.git`.
fn repositories() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let repo = folder.path().join("repo.git");
    fs::create_dir(&repo).expect("a folder");
    git(&repo, &["init", "--quiet", "--initial-branch=main"]);
    git(
        &repo,
        &["commit", "--quiet", "--allow-empty", "--message=One"],
    );
    git(&repo, &["branch", "next"]);
    git(&repo, &["tag", "--annotate", "--message=First", "v1"]);
    git(folder.path(), &["init", "--quiet", "--bare", "empty.git"]);
    let head = git(&repo, &["rev-parse", "HEAD"]);
    (folder, head)
}

/// A real `git daemon`, killed when dropped.
struct Daemon {
    process: Child,
    address: SocketAddr,
}

impl Daemon {
    async fn start(folder: &Path) -> Self {
        let program = Path::new(&git(folder, &["--exec-path"])).join("git-daemon");
        // The daemon cannot choose a port itself, so one is found and let go; should another take it, the next is.
        loop {
            let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = free.local_addr().expect("its address");
            drop(free);
            // Not by `git daemon`, which is a parent that leaves its child behind when it is killed.
            let process = Command::new(&program)
                .args(["--reuseaddr", "--export-all", "--informative-errors"])
                .arg("--listen=127.0.0.1")
                .arg(format!("--port={}", address.port()))
                .arg(format!("--base-path={}", folder.display()))
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", "safe.directory")
                .env("GIT_CONFIG_VALUE_0", "*")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("git-daemon");
            let mut daemon = Self { process, address };
            if daemon.is_up().await {
                return daemon;
            }
        }
    }

    /// Waits until it listens; false when it has ended instead.
    async fn is_up(&mut self) -> bool {
        let begun = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            if self.process.try_wait().expect("its state").is_some() {
                return false;
            }
            assert!(begun.elapsed() < LIMIT, "git daemon does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    async fn ask(&self, path: &str) -> Evidence {
        let mut resolve = Resolve::new();
        resolve.lead("relay.example", GIT_PORT, self.address);
        let question = GitQuestion {
            url: format!("git://relay.example{path}"),
        };
        ask_git(&question, &resolve, LIMIT)
            .await
            .expect("an answer")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("its end");
    }
}

fn names(evidence: &Evidence) -> Value {
    evidence.observed.get("refs").expect("refs").value.clone()
}

#[tokio::test]
async fn a_git_daemon_tells_its_references() {
    let (folder, head) = repositories();
    let evidence = Daemon::start(folder.path()).await.ask("/repo.git").await;
    assert_eq!(evidence.holds, Ok(()));
    let expected = ["refs/heads/main", "refs/heads/next", "refs/tags/v1"];
    assert_eq!(
        names(&evidence),
        Value::List(expected.map(Value::from).to_vec())
    );
    assert_eq!(
        evidence.observed.get("head").expect("a head").value,
        Value::from(head)
    );
}

#[tokio::test]
async fn an_empty_repository_has_no_reference() {
    let (folder, _) = repositories();
    let evidence = Daemon::start(folder.path()).await.ask("/empty.git").await;
    assert_eq!(names(&evidence), Value::List(Vec::new()));
    assert_eq!(
        evidence.observed.get("head").expect("a head").value,
        Value::Null
    );
    assert_eq!(
        evidence.holds,
        Err("`git://relay.example/empty.git` has no reference".to_owned())
    );
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_refused_in_the_server_s_words() {
    let (folder, _) = repositories();
    let evidence = Daemon::start(folder.path()).await.ask("/absent.git").await;
    let reason = evidence.holds.expect_err("not there");
    assert!(reason.contains("no such repository"), "{reason}");
}

/// Serves `git upload-pack --advertise-refs` as a smart server does, through `axum`.
async fn smart_server(folder: &Path) -> SocketAddr {
    use axum::{Router, http::Uri, routing::get};
    let repo = folder.join("repo.git");
    let advertise = get(move |uri: Uri| async move {
        assert_eq!(uri.query(), Some("service=git-upload-pack"));
        let output = Command::new("git")
            .args(["upload-pack", "--stateless-rpc", "--advertise-refs"])
            .arg(repo)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .output()
            .expect("git");
        let mut body = b"001e# service=git-upload-pack\n0000".to_vec();
        body.extend(output.stdout);
        ([("content-type", ADVERTISEMENT)], body)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let router = Router::new()
        .route("/o/repo.git/info/refs", advertise)
        .route("/page/info/refs", get(|| async { "<html>" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn a_smart_http_server_tells_its_references() {
    let (folder, head) = repositories();
    let address = smart_server(folder.path()).await;
    let ask = async |path: &str| {
        let question = GitQuestion {
            url: format!("http://{address}{path}"),
        };
        ask_git(&question, &Resolve::new(), LIMIT)
            .await
            .expect("an answer")
    };
    let evidence = ask("/o/repo.git/").await;
    assert_eq!(evidence.holds, Ok(()));
    assert_eq!(
        evidence.observed.get("head").expect("a head").value,
        Value::from(head)
    );
    let reason = ask("/page").await.holds.expect_err("a page");
    assert!(reason.contains("smart protocol"), "{reason}");
    let reason = ask("/absent").await.holds.expect_err("nothing");
    assert!(reason.ends_with("the status is 404"), "{reason}");
}

#[tokio::test]
async fn the_request_names_the_repository_and_the_host() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut request = vec![0; 50];
        let length = stream.read(&mut request).await.expect("a request");
        request.truncate(length);
        request
    });
    let question = GitQuestion {
        url: format!("git://{address}/a%20b.git"),
    };
    let evidence = ask_git(&question, &Resolve::new(), LIMIT)
        .await
        .expect("an answer");
    let reason = evidence.holds.expect_err("it says nothing");
    assert!(reason.ends_with("the answer breaks off"), "{reason}");
    let line = format!("git-upload-pack /a b.git\0host={address}\0");
    let expected = format!("{:04x}{line}", line.len() + 4);
    assert_eq!(
        String::from_utf8(server.await.expect("it ends")).expect("text"),
        expected
    );
}

#[tokio::test]
async fn another_scheme_is_not_asked() {
    let question = GitQuestion {
        url: "ssh://git@relay.example/repo.git".to_owned(),
    };
    let error = ask_git(&question, &Resolve::new(), LIMIT)
        .await
        .expect_err("no such scheme");
    assert!(error.to_string().contains("scheme is `ssh`"), "{error}");
}
