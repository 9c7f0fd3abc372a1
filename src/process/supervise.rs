//! The life of a child: reading it, stopping it once, and knowing when it is over.

use std::{io, os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process, kill_process_group},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Child,
    time::{Instant, sleep_until},
};

use super::{
    ended::{Ended, Exit, Note, StopReason},
    scope::{Scope, ignore_gone},
    stop::{Patience, SignalTarget, StopListener, StopPolicy},
    tee::Tee,
};

/// Time to read what a child left in its pipes while another process holds them open.
const DRAIN: Duration = Duration::from_secs(2);

/// Time for the system to end what was killed.
const AFTER_KILL: Duration = Duration::from_secs(5);

/// How often it is asked whether a stopped child's own children have ended too.
const TICK: Duration = Duration::from_millis(25);

/// Bytes read at once.
const BUFFER: usize = 32 * 1024;

/// How a child is to be stopped, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) policy: StopPolicy,
    pub(super) timeout: Option<Duration>,
}

/// Reads a child to the end. It ends when the leader has ended and its pipes are closed; where it was stopped, when
/// nothing of it runs any more.
pub(super) async fn supervise(
    child: &mut Child,
    mut tee: Tee,
    scope: Scope,
    limits: Limits,
    mut stop: StopListener,
) -> io::Result<Ended> {
    let began = Instant::now();
    let mut stdout = Pipe::of(child.stdout.take());
    let mut stderr = Pipe::of(child.stderr.take());
    let mut course = Course::new(child, scope, limits, began);
    while !course.is_over(stdout.is_open() || stderr.is_open()) {
        let wake_at = course.wake_at();
        tokio::select! {
            () = stdout.fill(), if stdout.is_open() => tee.take_stdout(&stdout.bytes),
            () = stderr.fill(), if stderr.is_open() => tee.take_stderr(&stderr.bytes),
            status = child.wait(), if course.status.is_none() => course.leader_ended(status?),
            patience = stop.requested(), if course.is_running() => {
                course.interrupt(StopReason::Cancelled, patience);
            }
            () = until(wake_at) => course.wake(),
        }
    }
    let read = tee.finish();
    course.notes.extend(read.notes);
    Ok(Ended {
        how: course.status.map_or(Exit::Code(0), exit),
        stopped: course.stopped,
        killed: course.killed,
        took: began.elapsed(),
        log_bytes: read.log_bytes,
        stdout: read.stdout,
        notes: course.notes,
    })
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

async fn until(wake_at: Option<Instant>) {
    match wake_at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// One end of a pipe, and what was read last.
struct Pipe<R> {
    reader: Option<R>,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Pipe<R> {
    fn of(reader: Option<R>) -> Self {
        Self {
            reader,
            bytes: Vec::with_capacity(BUFFER),
        }
    }

    fn is_open(&self) -> bool {
        self.reader.is_some()
    }

    /// Reads what is there, or closes the pipe at its end.
    async fn fill(&mut self) {
        self.bytes.clear();
        let Some(reader) = &mut self.reader else {
            return;
        };
        // A pipe that cannot be read has no more to say than one that ended.
        if !matches!(reader.read_buf(&mut self.bytes).await, Ok(1..)) {
            self.reader = None;
        }
    }
}

/// Where a child is on its way.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// It runs, until its time is over.
    Running { until: Option<Instant> },
    /// It got its SIGINT.
    Stopping { kill_at: Instant },
    /// It got SIGKILL.
    Killed { until: Instant },
    /// The leader ended; its pipes are read to the end.
    Draining { until: Instant },
    /// Its pipes are held open by others.
    Held,
}

struct Course {
    leader: Option<Pid>,
    scope: Scope,
    policy: StopPolicy,
    phase: Phase,
    status: Option<ExitStatus>,
    stopped: Option<StopReason>,
    killed: bool,
    notes: Vec<Note>,
}

impl Course {
    fn new(child: &Child, scope: Scope, limits: Limits, began: Instant) -> Self {
        Self {
            leader: child
                .id()
                .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)),
            scope,
            policy: limits.policy,
            phase: Phase::Running {
                until: limits.timeout.map(|timeout| began + timeout),
            },
            status: None,
            stopped: None,
            killed: false,
            notes: Vec::new(),
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    fn is_over(&self, has_open_pipes: bool) -> bool {
        match self.phase {
            Phase::Running { .. } | Phase::Stopping { .. } | Phase::Killed { .. } => false,
            Phase::Draining { .. } => !has_open_pipes,
            Phase::Held => true,
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running { until } => until,
            Phase::Stopping { kill_at } if self.status.is_some() => {
                Some(kill_at.min(Instant::now() + TICK))
            }
            Phase::Stopping { kill_at } => Some(kill_at),
            Phase::Killed { .. } => Some(Instant::now() + TICK),
            Phase::Draining { until } => Some(until),
            Phase::Held => None,
        }
    }

    /// Sends the one SIGINT.
    fn interrupt(&mut self, reason: StopReason, patience: Patience) {
        let grace = match patience {
            Patience::Policy => self.policy.grace,
            Patience::AtMost(most) => most.min(self.policy.grace),
        };
        self.stopped = Some(reason);
        self.phase = Phase::Stopping {
            kill_at: Instant::now() + grace,
        };
        let Some(leader) = self.leader else {
            return;
        };
        let sent = match self.policy.signal_to {
            SignalTarget::Leader => kill_process(leader, Signal::INT),
            SignalTarget::Group => kill_process_group(leader, Signal::INT),
        };
        self.note_refusal(sent);
    }

    fn kill(&mut self) {
        let sent = self.scope.kill();
        self.note_refusal(sent);
    }

    fn note_refusal(&mut self, sent: Result<(), Errno>) {
        let refusal = ignore_gone(sent).err();
        let note = refusal.map(|refusal| Note::SignalRefused(refusal.to_string()));
        self.notes
            .extend(note.filter(|note| !self.notes.contains(note)));
    }

    fn leader_ended(&mut self, status: ExitStatus) {
        self.status = Some(status);
        match self.phase {
            Phase::Running { .. } => self.drain(),
            Phase::Stopping { .. } | Phase::Killed { .. } => self.drain_where_all_ended(),
            Phase::Draining { .. } | Phase::Held => {}
        }
    }

    fn drain(&mut self) {
        self.phase = Phase::Draining {
            until: Instant::now() + DRAIN,
        };
    }

    /// Patience with a stopped child is patience with what it started: a script ends at once, its terraform does not.
    fn drain_where_all_ended(&mut self) {
        if self.status.is_some() && !self.scope.is_alive() {
            self.drain();
        }
    }

    fn wake(&mut self) {
        let now = Instant::now();
        match self.phase {
            Phase::Running { .. } => self.interrupt(StopReason::TimedOut, Patience::Policy),
            Phase::Stopping { kill_at } if now < kill_at => self.drain_where_all_ended(),
            Phase::Stopping { .. } => {
                self.killed = true;
                self.kill();
                self.phase = Phase::Killed {
                    until: now + AFTER_KILL,
                };
            }
            Phase::Killed { until } => {
                self.drain_where_all_ended();
                if matches!(self.phase, Phase::Killed { .. }) {
                    // Whoever was started while the others were killed.
                    self.kill();
                    if now >= until && self.status.is_some() {
                        self.drain();
                    }
                }
            }
            Phase::Draining { .. } => {
                self.notes.push(Note::OutputHeld);
                self.phase = Phase::Held;
            }
            Phase::Held => {}
        }
    }
}
