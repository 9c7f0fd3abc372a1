//! How many connections are served at once, and how the last one is waited for.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A door with a limited number of places behind it.
pub(crate) struct Gate {
    places: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: usize,
    closed: bool,
}

/// A place behind the gate, given back when dropped.
pub(crate) struct Place(Arc<Gate>);

impl Gate {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Waits for a free place; `None` once the gate is closed.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let waiting = |state: &mut State| state.taken >= self.places && !state.closed;
        let mut state = self
            .changed
            .wait_while(self.state(), waiting)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        state.taken += 1;
        Some(Place(Arc::clone(self)))
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits until everybody has left, at most for `patience`; tells how many are still inside.
    pub(crate) fn wait_until_empty(&self, patience: Duration) -> usize {
        let occupied = |state: &mut State| state.taken > 0;
        match self
            .changed
            .wait_timeout_while(self.state(), patience, occupied)
        {
            Ok((state, _)) => state.taken,
            Err(poisoned) => poisoned.into_inner().0.taken,
        }
    }

    // Nothing panics while it holds the lock, so what a poisoned one guards is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.state().taken -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn a_full_gate_lets_the_next_in_when_a_place_is_given_back() {
        let gate = Gate::new(1);
        let first = gate.enter().expect("the gate is open");
        let (entered, was_entered) = mpsc::channel();
        let second = thread::spawn({
            let gate = Arc::clone(&gate);
            move || {
                let place = gate.enter();
                entered.send(place.is_some()).expect("the test listens");
            }
        });
        assert_eq!(was_entered.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(first);
        assert_eq!(was_entered.recv(), Ok(true));
        second.join().expect("the second visitor left");
    }

    #[test]
    fn a_closed_gate_sends_away_who_waits_before_it() {
        let gate = Gate::new(1);
        let _inside = gate.enter().expect("the gate is open");
        let waiting = thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.enter().is_some()
        });
        gate.close();
        assert!(!waiting.join().expect("the visitor left"));
        assert_eq!(gate.wait_until_empty(Duration::ZERO), 1);
    }
}
