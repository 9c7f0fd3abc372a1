//! The server: serves until it is told to stop.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use relay_server::{Repository, Server, Settings};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// How long connections under way may take once the server was told to stop; an orchestrator waits at least 10 s.
const PATIENCE: Duration = Duration::from_secs(5);

const README: &str = include_str!("../../repository/README.md");

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => serve(),
        [flag] if flag == "--version" => {
            writeln!(io::stdout(), "relay {}", env!("CARGO_PKG_VERSION")).map_err(Into::into)
        }
        _ => Err("usage: relay [--version]; what can be set is set by RELAY_HTTP, RELAY_GIT, RELAY_CONNECTIONS and RELAY_TIMEOUT".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even this cannot be said.
            writeln!(io::stderr(), "relay: {error}").ok();
            ExitCode::from(2)
        }
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    // Before the first address is taken, so that no signal finds the process without its handlers.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let server = Server::bind(Settings::read(|name| env::var(name).ok())?)?;
    let (http, git) = server.addresses()?;
    let running = server.start(Repository::of_readme(README))?;
    writeln!(
        io::stdout(),
        "relay {}: http on {http}, git on {git}",
        env!("CARGO_PKG_VERSION")
    )?;
    signals.forever().next();
    let cut_off = running.stop(PATIENCE);
    writeln!(
        io::stdout(),
        "relay: stopped, {cut_off} connections cut off"
    )?;
    Ok(())
}
