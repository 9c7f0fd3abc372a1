//! How a child is asked to stop, and who asks.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Patience with a child that changes something outside, between SIGINT and SIGKILL (`docs/guide.md`, "Running children").
pub const GRACE_OF_CHANGES: Duration = Duration::from_secs(90);

/// Patience with a child that changes nothing outside.
pub const GRACE: Duration = Duration::from_secs(10);

/// Patience with a child that changes nothing outside when the runner itself was cancelled: GitHub kills it soon after.
pub const GRACE_WHEN_CANCELLED: Duration = Duration::from_secs(6);

/// How a child is stopped: one SIGINT, patience, SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopPolicy {
    /// Who gets the SIGINT.
    pub signal_to: SignalTarget,
    /// Time between SIGINT and SIGKILL.
    pub grace: Duration,
}

impl Default for StopPolicy {
    /// SIGINT to the group, and the [`GRACE`] of what changes nothing outside.
    fn default() -> Self {
        Self {
            signal_to: SignalTarget::Group,
            grace: GRACE,
        }
    }
}

/// Who gets the one SIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalTarget {
    /// The started process only: for tools that forward it themselves (terraform, helm, kubectl, docker).
    Leader,
    /// The process and whatever it started in its group: for scripts.
    Group,
}

/// How long to wait after the SIGINT of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as the child's [`StopPolicy`] says.
    Policy,
    /// As long, but never longer than this. A kept child is not hurried by it: its policy holds.
    AtMost(Duration),
}

/// Makes the two ends of a stop request.
pub fn stopper() -> (Stopper, StopListener) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), StopListener(receiver))
}

/// Asks children to stop, as often as it likes: each gets one signal, for the first request.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<Option<Patience>>);

impl Stopper {
    /// Asks. Only the first request counts.
    pub fn stop(&self, patience: Patience) {
        self.0.send_if_modified(|request| {
            let is_first = request.is_none();
            request.get_or_insert(patience);
            is_first
        });
    }
}

/// Hears the request. Each child takes a clone.
#[derive(Debug, Clone)]
pub struct StopListener(watch::Receiver<Option<Patience>>);

impl StopListener {
    /// Returns a listener that is never asked.
    pub fn never() -> Self {
        stopper().1
    }

    /// Waits for the request, for ever where nobody is left to make it.
    pub async fn requested(&mut self) -> Patience {
        loop {
            if let Some(patience) = *self.0.borrow_and_update() {
                return patience;
            }
            if self.0.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_counts_and_late_listeners_hear_it() {
        let (stopper, listener) = stopper();
        stopper.stop(Patience::AtMost(GRACE_WHEN_CANCELLED));
        stopper.stop(Patience::Policy);
        let mut late = listener.clone();
        drop(stopper);
        assert_eq!(
            late.requested().await,
            Patience::AtMost(GRACE_WHEN_CANCELLED)
        );
    }
}
