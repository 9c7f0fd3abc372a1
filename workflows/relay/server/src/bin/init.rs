//! The first process of a container: starts one program, passes signals on to it, reaps what it leaves behind,
//! and ends as it ended.

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    process::{Command, ExitCode},
};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};
use signal_hook::{
    consts::{
        SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
    },
    iterator::Signals,
};

/// What a shell says of a program that is there and cannot be started.
const NOT_EXECUTABLE: u8 = 126;
/// What a shell says of a program that is not there.
const NOT_FOUND: u8 = 127;
/// What a shell adds to the number of the signal that ended a program.
const BY_SIGNAL: i32 = 128;

const PASSED_ON: [i32; 9] = [
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
];

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--") {
        arguments.remove(0);
    }
    let Some((program, arguments)) = arguments.split_first() else {
        return fail("usage: init [--] PROGRAM [ARGUMENT…]", 2);
    };
    match supervise(Command::new(program).args(arguments)) {
        Ok(code) => code,
        Err(error) => {
            let code = if error.kind() == io::ErrorKind::NotFound {
                NOT_FOUND
            } else {
                NOT_EXECUTABLE
            };
            fail(&format!("cannot run {}: {error}", program.display()), code)
        }
    }
}

fn fail(words: &str, code: u8) -> ExitCode {
    // Nothing is left to do when even this cannot be said.
    writeln!(io::stderr(), "init: {words}").ok();
    ExitCode::from(code)
}

fn supervise(command: &mut Command) -> io::Result<ExitCode> {
    // The kernel drops a signal for which the first process of a container has no handler: handlers come first.
    let mut signals = Signals::new(PASSED_ON.iter().chain(&[SIGCHLD]))?;
    if !getpid().is_init() {
        set_child_subreaper(Some(getpid()))?;
    }
    let child = command.spawn()?;
    let child = Pid::from_raw(child.id().cast_signed()).expect("a child has a number above 0");
    for signal in signals.forever() {
        if signal == SIGCHLD {
            if let Some(code) = reap(child)? {
                return Ok(code);
            }
        } else {
            pass_on(signal, child)?;
        }
    }
    unreachable!("the list of signals has no end");
}

/// Reaps everything that has ended; answers with the child's code when it is among it.
fn reap(child: Pid) -> io::Result<Option<ExitCode>> {
    let mut code = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((ended, status))) if ended == child => {
                let by_signal = status.terminating_signal().map(|signal| BY_SIGNAL + signal);
                let number = status.exit_status().or(by_signal).unwrap_or(1);
                code = Some(ExitCode::from(u8::try_from(number).unwrap_or(u8::MAX)));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(code),
            Err(error) => return Err(error.into()),
        }
    }
}

fn pass_on(signal: i32, child: Pid) -> io::Result<()> {
    let signal = Signal::from_named_raw(signal).expect("only named signals are listened for");
    match kill_process(child, signal) {
        // It has ended, and the news of that is on its way.
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => Ok(other?),
    }
}
