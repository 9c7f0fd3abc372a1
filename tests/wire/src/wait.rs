//! Waiting for what nobody announces.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Nothing takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Asks again and again, until there is an answer.
///
/// # Panics
///
/// There is none for too long.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long until {what}");
        thread::sleep(LOOK);
    }
}
