//! What is said to the person who started the command.

use std::{
    io::{self, Write as _},
    process::{ExitCode, ExitStatus},
};

/// Says one line on stderr.
pub(crate) fn say(line: &str) {
    // Somebody who closed stderr does not want to hear it.
    writeln!(io::stderr(), "{line}").ok();
}

/// Prints one line of data on stdout.
pub(crate) fn print(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

/// The exit code of a child as ours: 128 and the signal's number when one ended it.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let by_signal =
        std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
    #[cfg(not(unix))]
    let by_signal = None;
    let code = status
        .code()
        .or(by_signal)
        .and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
