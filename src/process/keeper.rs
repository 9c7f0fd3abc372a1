//! The keeper: this program in a session of its own, which stays with a child when the runner is killed.
//!
//! The runner starts `PROGRAM keep`. That begins a session, starts itself once more as `keep --detached` and ends; the
//! second begins a session of its own, and is nobody's child and in no group that the runner knows. Its environment is empty: GitHub's clean-up at the
//! end of a job looks for RUNNER_TRACKING_ID, in it and in the child.
//!
//! The order comes as one line of JSON on standard input: never as an argument, never on disk, for it holds secrets.
//! The keeper answers with lines on standard output ([`Reply`]): first who it is, and, once the runner has written
//! [`GO`], whom it started. Then it is silent, and keeps its end of the pipe open until it ends. A runner that goes away
//! before [`GO`] has started nothing.
//!
//! SIGUSR1 asks it to stop the child; any process may send it, as often as it likes. SIGINT, SIGTERM, SIGHUP and SIGPIPE
//! do nothing.

use std::{
    fs::File,
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use rustix::process::{Pid, getpid, setsid};
use serde::{Deserialize, Serialize};
use tokio::{
    process::Child,
    signal::unix::{Signal, SignalKind, signal},
};

use super::{
    ended::Ended,
    identity::{boot, identity_of},
    record::{
        ExitRecord, KeeperRecord, Progress, Survives, exit_path, keeper_path, log_path, private,
        replace, stdout_path,
    },
    scope::Scope,
    spec::{Capture, RemovedAtEnd, Shown},
    start::Start,
    stop::{Patience, SignalTarget, StopPolicy, Stopper, stopper},
    supervise::{Limits, supervise},
    tee::{Keep, Live, Log, Tee},
};
use crate::{
    event::ProcessIdentity,
    secret::{Masker, Secret},
};

/// The hidden argument under which the program is a keeper.
pub(super) const KEEP: &str = "keep";

/// The second argument of the keeper that stays.
const DETACHED: &str = "--detached";

/// The word to start the child.
pub(super) const GO: &str = "go";

/// How often and in what distance the exit record is tried again where the disk is full.
const EXIT_RECORD_TRIES: u32 = 60;
const EXIT_RECORD_RETRY: Duration = Duration::from_secs(1);

/// What a keeper is to do.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pub(super) folder: PathBuf,
    pub(super) purpose: String,
    pub(super) start: Start,
    pub(super) secrets: Vec<(String, String)>,
    pub(super) signal_to: SignalTarget,
    pub(super) grace: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) capture: Option<(u64, Shown)>,
    pub(super) removed: Vec<PathBuf>,
}

/// What a keeper answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    /// It waits for the word.
    Ready(ProcessIdentity),
    /// The child runs.
    Started(ProcessIdentity),
    /// Nothing was started.
    Refused(String),
}

/// Is the keeper, when the program was called with the hidden argument `keep`. It has to be called before any thread
/// or runtime exists.
pub fn keeper_main() -> ExitCode {
    let is_detached = std::env::args_os()
        .nth(2)
        .is_some_and(|arg| arg == DETACHED);
    let kept = if is_detached { keep() } else { detach() };
    match kept {
        Ok(()) => ExitCode::SUCCESS,
        // The runner that listens learns it in words; nobody else is there.
        Err(problem) => match reply(&Reply::Refused(problem.to_string())) {
            Ok(()) | Err(_) => ExitCode::FAILURE,
        },
    }
}

/// Begins a session and starts the keeper that stays. Nobody waits for it: it is reparented when this process ends.
fn detach() -> io::Result<()> {
    setsid()?;
    let program = std::env::current_exe()?;
    Command::new(program)
        .args([KEEP, DETACHED])
        .env_clear()
        .current_dir("/")
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

fn keep() -> io::Result<()> {
    // It kills its whole session when patience runs out: that must be one which it began itself.
    let session = setsid()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::catch()?;
        let mut order = read_order()?;
        // They go however this ends, and before anybody learns of it.
        let removed = RemovedAtEnd(std::mem::take(&mut order.removed));
        let mut record = KeeperRecord::new(order.purpose.clone(), this_process()?, boot());
        let keeper_path = keeper_path(&order.folder);
        replace(&keeper_path, &record, Survives::Writer)?;
        reply(&Reply::Ready(record.keeper))?;
        if !is_told_to_go()? {
            return std::fs::remove_file(&keeper_path);
        }
        record.progress = Progress::Starting;
        replace(&keeper_path, &record, Survives::Writer)?;
        let begun = prepare(&order).and_then(|tee| Ok((order.start.spawn()?, tee)));
        let (mut child, tee) = match begun {
            Ok(begun) => begun,
            Err(problem) => {
                std::fs::remove_file(&keeper_path)?;
                return Err(problem);
            }
        };
        let identity = identity_of(number_of(&child)?).ok_or(io::ErrorKind::NotFound)?;
        record.progress = Progress::Started(identity);
        // The child runs: from here on nothing but its end may end the keeper, neither a full disk nor a runner that is gone.
        let recorded = replace(&keeper_path, &record, Survives::Writer);
        let told = reply(&Reply::Started(identity));
        if let Err(problem) = recorded.and(told) {
            tracing::debug!(%problem, "somebody does not know that the child runs");
        }
        let ended = attend(&mut child, tee, &order, session, &mut signals).await?;
        drop(removed);
        leave_record(&order.folder, &ended).await
    })
}

fn this_process() -> io::Result<ProcessIdentity> {
    identity_of(getpid().as_raw_pid()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn number_of(child: &Child) -> io::Result<i32> {
    child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn read_order() -> io::Result<Order> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let order = serde_json::from_str(&line);
    drop(Secret::new(line));
    Ok(order?)
}

/// Waits for the word. Whoever goes away without it has started nothing.
fn is_told_to_go() -> io::Result<bool> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end() == GO)
}

fn reply(reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}

/// Opens everything that the child's output needs, so that nothing can fail once it runs.
fn prepare(order: &Order) -> io::Result<Tee> {
    let secrets = order.secrets.iter();
    let masker = Masker::new(secrets.map(|(name, text)| (name, Secret::new(text))))
        .map_err(io::Error::other)?;
    let log = Log::open(&log_path(&order.folder)).map_err(io::Error::other)?;
    let capture = order
        .capture
        .map(|(limit, shown)| {
            let file = create_stdout(&order.folder)?;
            Ok::<_, io::Error>(Keep::in_file(Capture { limit, shown }, file))
        })
        .transpose()?;
    Ok(Tee::new(&masker, log, Live::new(None), capture))
}

fn create_stdout(folder: &Path) -> io::Result<File> {
    private()
        .create(true)
        .truncate(true)
        .open(stdout_path(folder))
}

/// Stays with the child until it has ended.
async fn attend(
    child: &mut Child,
    tee: Tee,
    order: &Order,
    session: Pid,
    signals: &mut Signals,
) -> io::Result<Ended> {
    let pid = |number| Pid::from_raw(number).ok_or(io::ErrorKind::NotFound);
    let scope = Scope::Session {
        session,
        group: pid(number_of(child)?)?,
    };
    let limits = Limits {
        policy: StopPolicy {
            signal_to: order.signal_to,
            grace: order.grace,
        },
        timeout: order.timeout,
    };
    let (stopper, listener) = stopper();
    tokio::select! {
        ended = supervise(child, tee, scope, limits, listener) => ended,
        never = signals.pass_on(&stopper) => match never {},
    }
}

/// Writes how the child ended. A full disk may have room a moment later.
async fn leave_record(folder: &Path, ended: &Ended) -> io::Result<()> {
    let record = ExitRecord::of(ended);
    let path = exit_path(folder);
    for _ in 1..EXIT_RECORD_TRIES {
        if replace(&path, &record, Survives::Machine).is_ok() {
            return Ok(());
        }
        tokio::time::sleep(EXIT_RECORD_RETRY).await;
    }
    replace(&path, &record, Survives::Machine)
}

/// The signals that a keeper catches. It catches and does not ignore them: an ignored one would be ignored by the
/// child too, a caught one is not. (SIGPIPE is ignored by Rust's runtime, and given back to children by it.)
struct Signals {
    stop: Signal,
    _unheeded: [Signal; 3],
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            stop: signal(SignalKind::user_defined1())?,
            _unheeded: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
        })
    }

    /// Asks for a stop whenever SIGUSR1 comes.
    async fn pass_on(&mut self, stopper: &Stopper) -> std::convert::Infallible {
        loop {
            match self.stop.recv().await {
                Some(()) => stopper.stop(Patience::Policy),
                None => std::future::pending().await,
            }
        }
    }
}
