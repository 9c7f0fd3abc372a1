//! How long a call waits for GitHub before it gives up.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

/// Waits for a time. The clock belongs to the caller, so that a test needs none.
pub type Wait = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The first pause after an answer that says nothing about time; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// GitHub asks for at least a minute after a secondary limit that names no time.
const SECONDARY_PAUSE: Duration = Duration::from_secs(60);

/// How often a call is repeated, and how long it waits in all.
#[derive(Clone)]
pub struct Patience {
    /// Most repetitions of one call.
    pub most_repeats: u32,
    /// Most waiting of one call, all pauses together. A pause that GitHub asks for and that does not fit ends the call at once.
    pub longest: Duration,
    wait: Wait,
}

impl Patience {
    /// Waits by the clock.
    pub fn new(most_repeats: u32, longest: Duration) -> Self {
        Self::with_wait(
            most_repeats,
            longest,
            Arc::new(|pause| Box::pin(tokio::time::sleep(pause))),
        )
    }

    /// Waits as the caller says.
    pub fn with_wait(most_repeats: u32, longest: Duration, wait: Wait) -> Self {
        Self {
            most_repeats,
            longest,
            wait,
        }
    }

    /// Starts the patience of one call.
    pub(super) fn start(&self) -> Remaining<'_> {
        Remaining {
            patience: self,
            n_repeats: 0,
            waited: Duration::ZERO,
        }
    }
}

impl Default for Patience {
    /// Four repetitions and two and a half minutes: a secondary limit passes in that time, a spent hourly budget does not.
    fn default() -> Self {
        Self::new(4, Duration::from_secs(150))
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Patience")
            .field("most_repeats", &self.most_repeats)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

/// Why there is a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// The server named a time.
    Asked(Duration),
    /// The server said that it is too much, and named no time.
    TooMuch,
    /// The server did not answer, or answered that it cannot.
    Trouble,
}

/// What is left of the patience of one call.
pub(super) struct Remaining<'p> {
    patience: &'p Patience,
    n_repeats: u32,
    waited: Duration,
}

impl Remaining<'_> {
    /// Waits before a repetition and says whether there is to be one.
    pub(super) async fn wait(&mut self, pause: Pause) -> bool {
        let doubled = |first: Duration| first.saturating_mul(1 << self.n_repeats.min(16));
        let pause = match pause {
            Pause::Asked(time) => time,
            Pause::TooMuch => doubled(SECONDARY_PAUSE),
            Pause::Trouble => doubled(FIRST_PAUSE),
        };
        let waited = self.waited.saturating_add(pause);
        if self.n_repeats >= self.patience.most_repeats || waited > self.patience.longest {
            return false;
        }
        self.n_repeats += 1;
        self.waited = waited;
        (self.patience.wait)(pause).await;
        true
    }
}
