//! The supervisor: it stays outside the container's file system and processes, holds its ports, and ends it when
//! whoever asked for it is gone.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use camino::Utf8Path;
use rustix::{
    fs::{Mode, OFlags, ResolveFlags, open, openat2},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use crate::container::{
    inside::{
        network::{self, Ways},
        unshare::{self, Rights},
    },
    user::User,
    wire::{ContainOrder, InitOrder, Obstacle, Report, Word},
};

/// Bound of the files with the image's users.
const MAX_ACCOUNTS: u64 = 4 * 1024 * 1024;

/// A container that runs: its first process, and the thread that waits for it.
struct Running {
    first: OwnedFd,
    ports: BTreeMap<u16, u16>,
    end: JoinHandle<io::Result<ExitStatus>>,
}

/// Starts the container, reports, and stays until it has ended.
pub(in crate::container) fn supervise(
    order: ContainOrder,
    words: impl BufRead + Send + 'static,
) -> ExitCode {
    let running = match start(order) {
        Ok(running) => running,
        Err(obstacle) => return report(&Report::Failed(obstacle)),
    };
    let ports = running.ports;
    // Where nobody listens or the words cannot be heard, this process ends, and the container with it.
    if report(&Report::Started { ports }) != ExitCode::SUCCESS
        || watch(running.first, words).is_err()
    {
        return ExitCode::FAILURE;
    }
    match running.end.join() {
        Ok(Ok(status)) => report(&Report::Ended {
            code: exit_code(status),
        }),
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

fn start(order: ContainOrder) -> Result<Running, Obstacle> {
    let user = find_user(&order)?;
    let ways = Ways::take(&order.ports)?;
    let ports = ways.ports()?;
    let rights = unshare::leave_outside(&user)?;
    network::bring_up()?;
    let order = InitOrder {
        contain: order,
        user,
        user_namespace: rights == Rights::UserNamespace,
    };
    let (sender, started) = mpsc::channel();
    // The first process dies with the thread that started it, so that thread stays until then.
    let end = thread::Builder::new()
        .name("first process".to_owned())
        .spawn(move || match start_first(&order) {
            Ok((mut child, first)) => {
                // The other end waits for this message, and only then goes on.
                sender.send(Ok(first)).ok();
                child.wait()
            }
            Err(obstacle) => {
                sender.send(Err(obstacle)).ok();
                Err(io::ErrorKind::Other.into())
            }
        })
        .map_err(|error| Obstacle::step("a thread for the first process", &error))?;
    let first = started.recv().map_err(|_| Obstacle::Bug {
        words: "lost a thread".to_owned(),
    })??;
    ways.open()
        .map_err(|error| Obstacle::step("a thread for a port", &error))?;
    Ok(Running { first, ports, end })
}

fn find_user(order: &ContainOrder) -> Result<User, Obstacle> {
    let passwd = read_in_root(&order.root, "etc/passwd")?;
    let group = read_in_root(&order.root, "etc/group")?;
    User::find(&order.user, &passwd, &group).map_err(|error| match error {
        crate::container::ContainerError::UnknownUser { user, file } => Obstacle::User {
            user,
            group: file == "/etc/group",
        },
        other => Obstacle::Bug {
            words: other.to_string(),
        },
    })
}

/// Reads a file of the image; a link in it that leads out of the image is followed inside it. No file, no text.
fn read_in_root(root: &Utf8Path, path: &str) -> Result<String, Obstacle> {
    let step = || format!("`/{path}` of the image");
    let folder = open(
        root.as_str(),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(|error| Obstacle::step(format!("the root `{root}`"), &error.into()))?;
    let file: OwnedFd = match openat2(
        &folder,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
        Mode::empty(),
        ResolveFlags::IN_ROOT,
    ) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT) => return Ok(String::new()),
        Err(error) => return Err(Obstacle::step(step(), &error.into())),
    };
    let mut bytes = Vec::new();
    File::from(file)
        .take(MAX_ACCOUNTS)
        .read_to_end(&mut bytes)
        .map_err(|error| Obstacle::step(step(), &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Starts the first process, and returns when it has become the image's command. Besides the child a descriptor of
/// it, which, unlike its number, never means another process.
fn start_first(order: &InitOrder) -> Result<(Child, OwnedFd), Obstacle> {
    let bug = |words: String| Obstacle::Bug { words };
    let failed = |error: io::Error| Obstacle::step("the first process", &error);
    unshare::leave_processes()?;
    let mut child = Command::new("/proc/self/exe")
        .arg0("deploy-action")
        .args(["contain", "--init"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut line = serde_json::to_vec(order).map_err(|error| bug(error.to_string()))?;
    line.push(b'\n');
    let (Some(mut orders), Some(mut status)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(bug("has no pipes".to_owned()));
    };
    let mut said = Vec::new();
    let told = orders.write_all(&line);
    let heard = status.read_to_end(&mut said);
    // The pipe was open until here: while it is, the first process knows that we live.
    drop(orders);
    heard.map_err(failed)?;
    if !said.is_empty() {
        child.wait().map_err(failed)?;
        return Err(serde_json::from_slice(&said).unwrap_or_else(|error| bug(error.to_string())));
    }
    told.map_err(failed)?;
    let first = descriptor(&child).map_err(failed)?;
    Ok((child, first))
}

fn descriptor(child: &Child) -> io::Result<OwnedFd> {
    let number = i32::try_from(child.id()).map_err(io::Error::other)?;
    let pid = Pid::from_raw(number).ok_or(io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Does what it is told, and ends the container at the end of its input.
fn watch(first: OwnedFd, words: impl BufRead + Send + 'static) -> io::Result<()> {
    let listen = move || {
        for line in words.lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(Word::Terminate) => send(&first, Signal::TERM),
                Ok(Word::Kill) => send(&first, Signal::KILL),
                Ok(Word::Release) | Err(_) => {}
            }
        }
        send(&first, Signal::KILL);
    };
    thread::Builder::new()
        .name("words".to_owned())
        .spawn(listen)?;
    Ok(())
}

fn send(first: &OwnedFd, signal: Signal) {
    // The only error is that it has ended, which is what is wanted.
    pidfd_send_signal(first, signal).ok();
}

fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

fn report(report: &Report) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let said = serde_json::to_writer(&mut stdout, report)
        .map_err(io::Error::from)
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush());
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
