//! One gateway to child processes: own group, one signal, masked streams, and a keeper for what may not be cut.
//!
//! A child is described by a [`CommandSpec`]. It gets no input and no environment besides what the description names, and
//! a process group of its own, so that the terminal's Ctrl-C never reaches it. When it has to stop it gets exactly one
//! SIGINT, the patience of its [`StopPolicy`], and then SIGKILL with all that belongs to it.
//!
//! - [`run`] is for what changes nothing outside: a direct child, which ends with this process's patience.
//! - [`kept`] is for what may not be cut: the child belongs to a keeper, which is this program in a session of its own
//!   ([`keeper_main`]) and stays when the runner is killed.
//!
//! Nothing else in the program starts a process. Children need Unix; elsewhere starting one is an error.
#[cfg_attr(not(unix), expect(dead_code, reason = "no child is started there"))]
mod ended;
mod error;
mod output;
#[cfg_attr(not(unix), expect(dead_code, reason = "no child is started there"))]
mod spec;
mod stop;

#[cfg(unix)]
mod direct;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod identity;
#[cfg(unix)]
mod keeper;
#[cfg(unix)]
pub mod kept;
#[cfg(unix)]
mod record;
#[cfg(unix)]
mod scope;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod supervise;
#[cfg(unix)]
mod tee;

pub use ended::{Captured, Ended, Exit, Note, StopReason};
pub use error::ProcessError;
pub use output::{Output, OutputLine, Source};
pub use spec::CommandSpec;
pub use stop::{
    GRACE, GRACE_OF_CHANGES, GRACE_WHEN_CANCELLED, Patience, SignalTarget, StopListener,
    StopPolicy, Stopper, stopper,
};

#[cfg(unix)]
pub use direct::run;
#[cfg(not(unix))]
pub use elsewhere::{identity_of, is_alive, keeper_main, kept, run};
#[cfg(unix)]
pub use identity::{identity_of, is_alive};
#[cfg(unix)]
pub use keeper::keeper_main;
