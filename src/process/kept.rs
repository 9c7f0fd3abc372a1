//! Children that may not be cut: they belong to a keeper, which stays when this process is killed.
//!
//! [`prepare`] starts a keeper, [`Prepared::start`] gives it the word; between the two the caller records durably that
//! the child will run. [`Kept::wait`] stays with it. A later process asks [`look`], waits by [`wait`], and stops
//! it by [`stop`]; all three need nothing but the keeper's folder.

use std::{
    fs::{DirBuilder, File},
    io::{self, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use zeroize::Zeroize as _;

use super::{
    ended::{Captured, Ended},
    error::ProcessError,
    identity::{boot, is_alive},
    keeper::{GO, KEEP, Order, Reply},
    output::{OutputLine, Source},
    record::{self, ExitRecord, KeeperRecord, Progress, exit_path, keeper_path},
    scope::ignore_gone,
    spec::CommandSpec,
    start::Start,
    stop::StopListener,
    tee::Live,
};
use crate::{event::ProcessIdentity, secret::Masker};

/// Time that a keeper has for an answer.
const ANSWER: Duration = Duration::from_secs(60);

/// How often the files of a keeper are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is known of a kept child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptState {
    /// It runs, or its keeper is about to start it. This is the keeper; or the child, where the keeper was killed.
    Running(ProcessIdentity),
    /// It ended. Captured output is not here: [`take_stdout`].
    Ended(Ended),
    /// It was started, or may have been; nobody is there any more, and nobody knows how it ended.
    Vanished,
    /// It never was started.
    NeverStarted,
}

/// Returns the path of the masked log in a keeper's folder.
pub fn log_path(folder: &Path) -> PathBuf {
    record::log_path(folder)
}

/// Returns the path of the captured output in a keeper's folder, as long as nobody has taken it.
pub fn stdout_path(folder: &Path) -> PathBuf {
    record::stdout_path(folder)
}

/// Returns what is known of the child in a keeper's folder.
///
/// # Errors
/// Where a record is there and cannot be read.
pub fn look(folder: &Path) -> Result<KeptState, ProcessError> {
    if let Some(ended) = read_exit(folder)? {
        return Ok(KeptState::Ended(ended.ended()));
    }
    let Some(record) = record::read::<KeeperRecord>(&keeper_path(folder))? else {
        return Ok(KeptState::NeverStarted);
    };
    let is_there = |identity: &ProcessIdentity| record.boot == boot() && is_alive(identity);
    if is_there(&record.keeper) {
        return Ok(KeptState::Running(record.keeper));
    }
    // The record may have been written and the keeper ended between the first look and this one.
    if let Some(ended) = read_exit(folder)? {
        return Ok(KeptState::Ended(ended.ended()));
    }
    Ok(match record.progress {
        Progress::Waiting => KeptState::NeverStarted,
        Progress::Starting => KeptState::Vanished,
        Progress::Started(child) if is_there(&child) => KeptState::Running(child),
        Progress::Started(_) => KeptState::Vanished,
    })
}

fn read_exit(folder: &Path) -> Result<Option<ExitRecord>, ProcessError> {
    record::read(&exit_path(folder))
}

/// Waits until the child in a keeper's folder runs no more, for so long at most, and returns what is known then.
///
/// # Errors
/// As [`look`].
pub async fn wait(folder: &Path, at_most: Duration) -> Result<KeptState, ProcessError> {
    let deadline = Instant::now() + at_most;
    loop {
        let state = look(folder)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !matches!(state, KeptState::Running(_)) {
            return Ok(state);
        }
        sleep(left.min(LOOK_EVERY)).await;
    }
}

/// Asks the keeper to stop its child by its policy, and returns what was known when it was asked. However often it is
/// asked, the child gets one SIGINT.
///
/// A child whose keeper was killed is left alone: nobody would count the signals.
///
/// # Errors
/// As [`look`], and where the keeper may not be signalled.
pub fn stop(folder: &Path) -> Result<KeptState, ProcessError> {
    let state = look(folder)?;
    let path = keeper_path(folder);
    let keeper = record::read::<KeeperRecord>(&path)?.map(|record| record.keeper);
    if let KeptState::Running(running) = state
        && keeper == Some(running)
        && let Some(pid) = Pid::from_raw(running.pid)
    {
        ignore_gone(kill_process(pid, Signal::USR1)).map_err(|refusal| ProcessError::File {
            path,
            what: "signalled",
            source: refusal.into(),
        })?;
    }
    Ok(state)
}

/// Returns the captured output of a child that ended, and removes its file; nothing where none was asked for, or where
/// it was taken already.
///
/// # Errors
/// Where the file cannot be read or removed.
pub fn take_stdout(folder: &Path) -> Result<Option<Captured>, ProcessError> {
    let Some(is_complete) = read_exit(folder)?.and_then(|exit| exit.stdout_is_complete()) else {
        return Ok(None);
    };
    let path = stdout_path(folder);
    let failed = |what| {
        let path = path.clone();
        move |source| ProcessError::File { path, what, source }
    };
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("read")(source)),
    };
    std::fs::remove_file(&path).map_err(failed("removed"))?;
    Ok(Some(Captured::new(bytes, is_complete)))
}

/// Starts a keeper for a child: `program keep`, where `program` is this program, with an empty environment. The child
/// itself is started by [`Prepared::start`].
///
/// The folder is created, for its owner only. The mask gets the secrets of the child's environment as well.
///
/// # Errors
/// Where the child's program or directory is not there, where the folder is in use, or where no keeper answers. Nothing
/// was started then.
pub async fn prepare(
    spec: &CommandSpec,
    program: &Path,
    folder: &Path,
    masker: &Masker,
) -> Result<Prepared, ProcessError> {
    let start = Start::of(spec)?;
    let child = start.program.clone();
    let folder = create_folder(folder)?;
    if look(&folder)? != KeptState::NeverStarted {
        let because = format!("`{}` belongs to another child", folder.display());
        return Err(ProcessError::NotKept {
            program: child,
            because,
        });
    }
    let masker = spec
        .cover(masker)
        .map_err(|source| ProcessError::Unmaskable {
            program: child.clone(),
            source,
        })?;
    let policy = spec.stop_policy();
    let order = Order {
        folder: folder.clone(),
        purpose: spec.purpose().to_owned(),
        start,
        secrets: expose(&masker),
        signal_to: policy.signal_to,
        grace: policy.grace,
        timeout: spec.time_limit(),
        capture: spec.capture().map(|capture| (capture.limit, capture.shown)),
        removed: spec.removed().to_vec(),
    };
    let keeper = async {
        let (input, mut output) = launch(program, &order).await?;
        match answer(&mut output).await? {
            Reply::Ready(keeper) => Ok((input, output, keeper)),
            other => Err(unexpected(other)),
        }
    };
    let (input, output, keeper) = in_time(keeper).await.map_err(not_kept(&child))?;
    Ok(Prepared {
        folder,
        program: child,
        keeper,
        input,
        output,
    })
}

fn create_folder(folder: &Path) -> Result<PathBuf, ProcessError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    std::path::absolute(folder)
        .and_then(|folder| builder.create(&folder).map(|()| folder))
        .map_err(|source| ProcessError::File {
            path: folder.to_owned(),
            what: "created",
            source,
        })
}

fn expose(masker: &Masker) -> Vec<(String, String)> {
    let secrets = masker.secrets().iter();
    secrets
        .map(|(name, secret)| (name.clone(), secret.expose().to_owned()))
        .collect()
}

fn not_kept(program: &Path) -> impl FnOnce(io::Error) -> ProcessError {
    let program = program.to_owned();
    move |problem| ProcessError::NotKept {
        program,
        because: problem.to_string(),
    }
}

fn unexpected(reply: Reply) -> io::Error {
    io::Error::other(match reply {
        Reply::Refused(because) => because,
        Reply::Ready(_) | Reply::Started(_) => "it answered out of turn".to_owned(),
    })
}

async fn in_time<T>(talk: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(ANSWER, talk)
        .await
        .unwrap_or_else(|_| Err(io::Error::other("it does not answer")))
}

/// Starts the first of the two processes, hands over the order, and waits until it has ended: then the second has no
/// parent here.
async fn launch(program: &Path, order: &Order) -> io::Result<(ChildStdin, BufReader<ChildStdout>)> {
    let mut command = Command::new(program);
    command
        .arg(KEEP)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut first = tokio::process::Command::from(command).spawn()?;
    let (Some(mut input), Some(output)) = (first.stdin.take(), first.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    let written = input.write_all(&line).await;
    line.zeroize();
    let status = first.wait().await?;
    let mut output = BufReader::new(output);
    if !status.success() {
        return Err(unexpected(answer(&mut output).await?));
    }
    written?;
    Ok((input, output))
}

async fn answer(output: &mut BufReader<ChildStdout>) -> io::Result<Reply> {
    let mut line = String::new();
    output.read_line(&mut line).await?;
    if line.is_empty() {
        return Err(io::Error::other("it ended without an answer"));
    }
    Ok(serde_json::from_str(&line)?)
}

/// A keeper that waits for the word. Dropped, it starts nothing.
#[derive(Debug)]
pub struct Prepared {
    folder: PathBuf,
    program: PathBuf,
    keeper: ProcessIdentity,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Prepared {
    /// Returns the keeper, for the record that has to be durable before the start.
    pub fn keeper(&self) -> ProcessIdentity {
        self.keeper
    }

    /// Lets the keeper start the child.
    ///
    /// # Errors
    /// Where it could not. Where it does not answer or is killed meanwhile, [`look`] tells what became of the child.
    pub async fn start(self) -> Result<Kept, ProcessError> {
        let Self {
            folder,
            program,
            keeper,
            mut input,
            mut output,
        } = self;
        let talk = async {
            input.write_all(format!("{GO}\n").as_bytes()).await?;
            match answer(&mut output).await? {
                Reply::Started(child) => Ok(child),
                other => Err(unexpected(other)),
            }
        };
        let child = in_time(talk).await.map_err(not_kept(&program))?;
        Ok(Kept {
            folder,
            keeper,
            child,
            output,
        })
    }
}

/// A running child and its keeper. Dropped, both stay.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    keeper: ProcessIdentity,
    child: ProcessIdentity,
    /// The keeper's end of this pipe closes when it ends.
    output: BufReader<ChildStdout>,
}

impl Kept {
    /// Returns the keeper.
    pub fn keeper(&self) -> ProcessIdentity {
        self.keeper
    }

    /// Returns the child.
    pub fn child(&self) -> ProcessIdentity {
        self.child
    }

    /// Waits for the end, shows the log as it grows, and passes one stop request on. The captured output is taken.
    ///
    /// The future may be dropped at any time: the child and its keeper stay.
    ///
    /// # Errors
    /// Where the keeper ended and left no exit record, or its files cannot be read.
    pub async fn wait(
        mut self,
        live: Option<mpsc::Sender<OutputLine>>,
        mut stop: StopListener,
    ) -> Result<Ended, ProcessError> {
        let mut tail = Tail::new(&self.folder, live);
        let mut is_asked = false;
        let mut rest = String::new();
        loop {
            tokio::select! {
                // It says nothing more: whatever comes is its end.
                _ = self.output.read_line(&mut rest) => break,
                _ = stop.requested(), if !is_asked => {
                    is_asked = true;
                    self::stop(&self.folder)?;
                }
                () = sleep(LOOK_EVERY), if tail.is_watched() => tail.show_lines()?,
            }
        }
        let KeptState::Ended(mut ended) = look(&self.folder)? else {
            return Err(ProcessError::KeeperVanished {
                folder: self.folder,
            });
        };
        ended.stdout = take_stdout(&self.folder)?;
        ended.notes.extend(tail.finish()?);
        Ok(ended)
    }
}

/// Shows a log that another process writes.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    line: Vec<u8>,
    live: Option<Live>,
}

impl Tail {
    fn new(folder: &Path, live: Option<mpsc::Sender<OutputLine>>) -> Self {
        Self {
            path: log_path(folder),
            file: None,
            line: Vec::new(),
            live: live.map(|lines| Live::new(Some(lines))),
        }
    }

    fn is_watched(&self) -> bool {
        self.live.is_some()
    }

    fn show_lines(&mut self) -> Result<(), ProcessError> {
        self.read().map_err(|source| ProcessError::File {
            path: self.path.clone(),
            what: "read",
            source,
        })?;
        let end = self.line.iter().rposition(|&byte| byte == b'\n');
        self.show(end.map_or(0, |end| end + 1));
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(File::open(&self.path)?);
        }
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut self.line)?;
        }
        Ok(())
    }

    fn show(&mut self, end: usize) {
        if let Some(live) = &mut self.live {
            live.show(Source::Log, &self.line[..end]);
        }
        self.line.drain(..end);
    }

    fn finish(mut self) -> Result<Option<super::Note>, ProcessError> {
        if !self.is_watched() {
            return Ok(None);
        }
        self.show_lines()?;
        self.show(self.line.len());
        Ok(self.live.and_then(Live::finish))
    }
}
