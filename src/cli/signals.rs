//! SIGINT and SIGTERM, and when a cancelled run leaves.

use std::time::Duration;

use tokio::sync::watch;

use super::{CliError, Exit};

/// Hears which signal asked the run to stop.
pub type Cancelled = watch::Receiver<Option<&'static str>>;

/// GitHub's runner sends SIGINT, waits 7.5 s, sends SIGTERM, and kills 2.5 s later. The run leaves before; keepers stay.
const LEAVE_AFTER: Duration = Duration::from_secs(7);

/// Listens for the signals from here on.
///
/// # Errors
///
/// The system does not let this process listen.
#[cfg(unix)]
pub fn listen() -> Result<Cancelled, CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen_to = |kind| signal(kind).map_err(|error| CliError::from_error(Exit::Bug, &error));
    let (mut interrupt, mut terminate) = (
        listen_to(SignalKind::interrupt())?,
        listen_to(SignalKind::terminate())?,
    );
    let (sender, receiver) = watch::channel(None);
    // It lives as long as the process: a run that is asked a second time is still asked once.
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                Some(()) = interrupt.recv() => "SIGINT",
                Some(()) = terminate.recv() => "SIGTERM",
                else => return,
            };
            sender.send_if_modified(|heard| {
                let is_first = heard.is_none();
                heard.get_or_insert(name);
                is_first
            });
        }
    });
    Ok(receiver)
}

/// Refuses: what runs has to be stopped by signals, which only Unix has.
///
/// # Errors
///
/// Always.
#[cfg(not(unix))]
pub fn listen() -> Result<Cancelled, CliError> {
    Err(CliError::new(
        Exit::Usage,
        "plans are run and rehearsed on Linux and macOS",
    )
    .hint("on Windows this works in WSL 2; `lint`, `graph` and `render` work here"))
}

/// Ends with the first signal, for a verb that leaves nothing running. Where there are no signals it does not end.
///
/// # Errors
///
/// The system does not let this process listen.
pub async fn heard() -> Result<&'static str, CliError> {
    if !cfg!(unix) {
        return std::future::pending().await;
    }
    let mut cancelled = listen()?;
    loop {
        if let Some(signal) = *cancelled.borrow_and_update() {
            return Ok(signal);
        }
        if cancelled.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Ends seven seconds after the first signal.
pub async fn leave(mut cancelled: Cancelled) -> &'static str {
    let signal = loop {
        if let Some(signal) = *cancelled.borrow_and_update() {
            break signal;
        }
        if cancelled.changed().await.is_err() {
            return std::future::pending().await;
        }
    };
    tokio::time::sleep(LEAVE_AFTER).await;
    signal
}
