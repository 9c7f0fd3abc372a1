//! Containers: a static program in an empty image, started by the real binary.
#![cfg(target_os = "linux")]

mod engine;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use deploy_action::container::{
    ContainerError, ContainerExit, ContainerRequest, Helper, ImageConfig, RootFolder, RootMode,
    Started, StartedBy,
};
use tempfile::TempDir;

/// How long anything here may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// How long between two looks at something that tells nobody when it changes.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Set in the process that is killed by `nothing_survives_a_kill_of_the_process_that_started_it`.
const VICTIM: &str = "CONTAINER_TEST_VICTIM_FOLDER";

/// An image with one file, `/server`.
struct Image {
    folder: TempDir,
    config: ImageConfig,
    mode: RootMode,
}

impl Image {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::copy(server(), folder.path().join("server")).expect("the server");
        Self {
            folder,
            config: ImageConfig {
                entrypoint: vec!["/server".to_owned()],
                cmd: vec!["at=0.0.0.0:8088".to_owned()],
                ..ImageConfig::default()
            },
            mode: RootMode::Writable,
        }
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }

    fn root(&self) -> RootFolder {
        RootFolder {
            path: utf8(self.folder.path()),
            mode: self.mode,
            config: self.config.clone(),
        }
    }

    async fn try_start(&self) -> Result<Started, ContainerError> {
        let request = ContainerRequest {
            env: BTreeMap::from([("MODE".to_owned(), "check".to_owned())]),
            ports: BTreeSet::from([8088, 8089]),
        };
        Started::in_namespaces(&helper(), &self.root(), &request).await
    }

    async fn start(&self) -> Started {
        self.try_start().await.expect("a container")
    }
}

fn helper() -> Helper {
    Helper::new(env!("CARGO_BIN_EXE_deploy-action"))
}

fn utf8(path: &Path) -> Utf8PathBuf {
    Utf8PathBuf::from_path_buf(path.to_owned()).expect("a path in UTF-8")
}

/// Builds the server once a run.
fn server() -> &'static Path {
    static SERVER: OnceLock<(TempDir, std::path::PathBuf)> = OnceLock::new();
    let (_, path) = SERVER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("server");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/container/server.rs");
        let status = Command::new("rustc")
            .args(["--edition=2024", "-C", "target-feature=+crt-static", "-o"])
            .arg(&program)
            .arg(source)
            .status()
            .expect("rustc");
        assert!(status.success(), "the server did not compile");
        (folder, program)
    });
    path
}

fn address(container: &Started) -> SocketAddr {
    container.ports()[&8088]
}

/// Asks once; an error where nothing listens.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: container\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => Ok(body.to_owned()),
        None => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Asks until it is answered. It blocks its thread, so the tests' runtimes have a second one for the container's streams.
#[track_caller]
fn answer(container: &Started, path: &str) -> String {
    within_deadline(|| ask(address(container), path).ok())
}

#[track_caller]
fn within_deadline<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < DEADLINE, "it did not happen in time");
        thread::sleep(LOOK_AGAIN);
    }
}

/// Counts the processes of this machine whose arguments hold `mark`.
fn processes_with(mark: &str) -> usize {
    let marked = |entry: fs::DirEntry| {
        // A process that ends while we look has no arguments any more.
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(mark)
    };
    fs::read_dir("/proc")
        .expect("/proc")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().join("status").exists())
        .filter(|entry| entry.file_name() != std::process::id().to_string().as_str())
        .map(marked)
        .filter(|marked| *marked)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_answers_at_a_port_of_loopback() {
    let image = Image::new();
    let container = image.start().await;
    assert_eq!(*container.how(), StartedBy::Namespaces);
    assert!(address(&container).ip().is_loopback());
    assert_eq!(answer(&container, "/"), "ok");
    assert!(container.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_containers_listen_on_one_port_side_by_side() {
    let (mut first, mut second) = (Image::new(), Image::new());
    first.config.env = vec!["WHO=first".to_owned()];
    second.config.env = vec!["WHO=second".to_owned()];
    let both = (first.start().await, second.start().await);
    assert_eq!(answer(&both.0, "/env?WHO"), "first");
    assert_eq!(answer(&both.1, "/env?WHO"), "second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_is_the_image_s_user_and_has_no_rights() {
    let mut image = Image::new();
    image.write("etc/passwd", "app:x:65532:65533::/home/app:\n");
    image.config.user = "app".to_owned();
    let container = image.start().await;
    let status = answer(&container, "/read?/proc/self/status");
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .expect("a field")
            .split_whitespace()
            .collect::<Vec<_>>()
    };
    assert_eq!(field("Uid"), ["65532"; 4]);
    assert_eq!(field("Gid"), ["65533"; 4]);
    assert_eq!(field("NoNewPrivs"), ["1"]);
    assert_eq!(field("CapEff"), ["0000000000000000"]);
    assert_eq!(field("Pid"), ["1"]);
    assert_eq!(answer(&container, "/env?HOME"), "/home/app");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_in_a_container_cannot_administer_the_machine() {
    let image = Image::new();
    let container = image.start().await;
    let status = answer(&container, "/read?/proc/self/status");
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .expect("the field");
    let effective = u64::from_str_radix(effective.trim(), 16).expect("a set");
    const SYS_ADMIN: u64 = 1 << 21;
    const MKNOD: u64 = 1 << 27;
    assert_eq!(effective & (SYS_ADMIN | MKNOD), 0);
    let answer = answer(&container, "/write?/proc/sys/kernel/core_pattern");
    assert!(answer.contains("Read-only file system"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_is_the_image_s_and_the_request_s_alone() {
    let image = Image::new();
    let container = image.start().await;
    assert_eq!(answer(&container, "/env?MODE"), "check");
    assert_eq!(answer(&container, "/env?CARGO_MANIFEST_DIR"), "absent");
    assert_eq!(answer(&container, "/env?HOSTNAME"), "container");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_sees_its_own_files_and_processes_only() {
    let image = Image::new();
    let container = image.start().await;
    let root = answer(&container, "/list?/");
    let mut root: Vec<&str> = root.split(' ').collect();
    root.sort_unstable();
    assert_eq!(root, ["dev", "etc", "proc", "server", "tmp"]);
    let processes = answer(&container, "/list?/proc");
    let numbers: Vec<&str> = processes
        .split(' ')
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    assert_eq!(numbers, ["1"]);
    let mut devices: Vec<String> = answer(&container, "/list?/dev")
        .split(' ')
        .map(str::to_owned)
        .collect();
    devices.sort_unstable();
    assert_eq!(
        devices,
        [
            "fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom",
            "zero"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_the_image_leads_nowhere_outside() {
    let image = Image::new();
    let outside = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(outside.path(), image.folder.path().join("dev")).expect("a link");
    // The target does not exist inside, so that the container cannot be prepared; what counts is what was written.
    let error = image.try_start().await.expect_err("a dangling link");
    assert!(matches!(error, ContainerError::Prepare { .. }), "{error}");
    assert_eq!(fs::read_dir(outside.path()).expect("the folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_root_takes_no_writes_but_tmp_does() {
    let mut image = Image::new();
    image.mode = RootMode::ReadOnly;
    let container = image.start().await;
    let answered = answer(&container, "/write?/file");
    assert!(answered.contains("Read-only file system"), "{answered}");
    assert_eq!(answer(&container, "/write?/tmp/file"), "written");
    assert_eq!(answer(&container, "/write?/dev/null"), "written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_loopback_alone_is_refused_outside() {
    let mut image = Image::new();
    image.config.cmd = vec!["at=127.0.0.1:8088".to_owned(), "at=0.0.0.0:8089".to_owned()];
    let container = image.start().await;
    // Both listen before the way to the second opens.
    within_deadline(|| {
        container
            .log_tail()
            .contains("127.0.0.1:8088")
            .then_some(())
    });
    within_deadline(|| ask(container.ports()[&8089], "/").ok());
    let error = ask(address(&container), "/").expect_err("no way in");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_container_is_seen_with_its_code_and_last_words() {
    let image = Image::new();
    let mut container = image.start().await;
    within_deadline(|| ask(address(&container), "/").ok());
    ask(address(&container), "/exit?3").expect_err("it ends without an answer");
    assert_eq!(container.wait().await, ContainerExit { code: 3 });
    assert!(!container.is_running());
    let (exit, log) = container.stop().await.expect("it is cleared away");
    assert_eq!(exit, ContainerExit { code: 3 });
    assert_eq!(log, "listening on 0.0.0.0:8088\nleaving with 3\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_a_container_that_does_not_listen_to_signals() {
    // The first process of a process namespace gets no signal that it has no handler for, so SIGTERM does nothing.
    let mut image = Image::new();
    let mark = image.folder.path().display().to_string();
    image.config.cmd.push(mark.clone());
    let container = image.start().await;
    answer(&container, "/");
    assert_eq!(processes_with(&mark), 1);
    let begun = Instant::now();
    let (exit, _) = container.stop().await.expect("it is cleared away");
    assert_eq!(exit, ContainerExit { code: 128 + 9 });
    assert!(
        begun.elapsed() >= Duration::from_secs(5),
        "it was given no time"
    );
    assert_eq!(processes_with(&mark), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_container_is_killed() {
    let mut image = Image::new();
    let mark = image.folder.path().display().to_string();
    image.config.cmd.push(mark.clone());
    let container = image.start().await;
    answer(&container, "/");
    drop(container);
    within_deadline(|| (processes_with(&mark) == 0).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_root_outside_may_start_containers_too() {
    const NOBODY: u32 = 65534;
    if !we_are_root() {
        // Then every other test here is this one.
        return;
    }
    let mut image = Image::new();
    image.config.user = "1234:4321".to_owned();
    std::os::unix::fs::chown(image.folder.path(), Some(NOBODY), Some(NOBODY)).expect("an owner");
    let programs = tempfile::tempdir().expect("a folder");
    fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let program = programs.path().join("deploy-action");
    fs::copy(env!("CARGO_BIN_EXE_deploy-action"), &program).expect("a copy of the program");
    let script = format!(
        "#!/bin/sh\nexec /usr/bin/setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups {} \"$@\"\n",
        program.display()
    );
    let wrapper = programs.path().join("as-nobody");
    fs::write(&wrapper, script).expect("a script");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("a mode");
    let request = ContainerRequest {
        ports: BTreeSet::from([8088]),
        ..ContainerRequest::default()
    };
    let container = Started::in_namespaces(&Helper::new(&wrapper), &image.root(), &request)
        .await
        .expect("a container");
    let status = answer(&container, "/read?/proc/self/status");
    assert!(
        status.contains("\nUid:\t1234\t1234\t1234\t1234\n"),
        "{status}"
    );
    assert!(
        status.contains("\nGid:\t4321\t4321\t4321\t4321\n"),
        "{status}"
    );
    assert!(status.contains("\nCapEff:\t0000000000000000\n"), "{status}");
}

fn we_are_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_not_in_the_image_is_named() {
    let mut image = Image::new();
    image.config.entrypoint = vec!["/absent".to_owned()];
    let error = image.try_start().await.expect_err("no such file");
    assert_eq!(
        error.to_string(),
        "`/absent` could not be executed in the container"
    );
    assert!(error.hint().expect("a hint").contains("not in the image"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_that_is_not_in_the_image_is_named() {
    let mut image = Image::new();
    image.config.user = "app".to_owned();
    let error = image.try_start().await.expect_err("no such user");
    assert_eq!(
        error.to_string(),
        "user `app` is not in the image's `/etc/passwd`"
    );
}

#[test]
fn nothing_survives_a_kill_of_the_process_that_started_it() {
    let mut image = Image::new();
    let mark = image.folder.path().display().to_string();
    image.config.cmd.push(mark.clone());
    let mut victim = Command::new(env::current_exe().expect("this program"))
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "container::the_victim_of_another_test",
        ])
        .env(VICTIM, image.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a second test process");
    let lines = BufReader::new(victim.stdout.take().expect("a pipe")).lines();
    let port: u16 = lines
        .map(|line| line.expect("text"))
        .find_map(|line| line.split_once("reached at ")?.1.parse().ok())
        .expect("the victim tells its port");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    within_deadline(|| ask(address, "/").ok());
    assert_eq!(processes_with(&mark), 1);
    victim.kill().expect("SIGKILL");
    victim.wait().expect("its end");
    within_deadline(|| (processes_with(&mark) == 0).then_some(()));
    // The port is let go a moment after the container is gone.
    let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    within_deadline(|| ask(address, "/").is_err_and(refused).then_some(()));
}

/// Starts a container and waits to be killed. Does nothing unless another test starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by `nothing_survives_a_kill_of_the_process_that_started_it`"]
async fn the_victim_of_another_test() {
    let Some(folder) = env::var_os(VICTIM) else {
        return;
    };
    let folder = utf8(Path::new(&folder));
    let root = RootFolder {
        config: ImageConfig {
            entrypoint: vec!["/server".to_owned()],
            cmd: vec!["at=0.0.0.0:8088".to_owned(), folder.to_string()],
            ..ImageConfig::default()
        },
        path: folder,
        mode: RootMode::Writable,
    };
    let request = ContainerRequest {
        ports: BTreeSet::from([8088]),
        ..ContainerRequest::default()
    };
    let mut container = Started::in_namespaces(&helper(), &root, &request)
        .await
        .expect("a container");
    let said = writeln!(
        std::io::stdout(),
        "reached at {}",
        address(&container).port()
    );
    said.expect("somebody listens");
    container.wait().await;
}
