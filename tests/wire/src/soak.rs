//! Many publications through faults, a few at a time.

use std::{
    net::SocketAddr,
    ops::Range,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    listener::lock,
    survive::{Survived, survive},
};

/// How many publications are under way at one time.
const AT_ONCE: usize = 4;

/// What became of publications, in the order of their numbers.
#[derive(Debug, Default)]
pub struct Soaked {
    /// How many were published.
    pub published: usize,
    /// Causes of those that failed as they should, with their numbers.
    pub failed: Vec<(u64, String)>,
    /// What was wrong, with the numbers.
    pub wrong: Vec<(u64, String)>,
}

/// Publishes once for each seed, through the faults that it draws; ends early where `goes_on` says so.
pub fn soak(
    program: &Path,
    registry: SocketAddr,
    seeds: Range<u64>,
    goes_on: impl Fn() -> bool + Sync,
) -> Soaked {
    let next = AtomicU64::new(seeds.start);
    let soaked = Mutex::new(Soaked::default());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while goes_on() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let survived = survive(program, registry, seed);
                    let mut soaked = lock(&soaked);
                    match survived {
                        Ok(Survived::Published) => soaked.published += 1,
                        Ok(Survived::Failed(cause)) => soaked.failed.push((seed, cause)),
                        Err(wrong) => soaked.wrong.push((seed, wrong)),
                    }
                }
            });
        }
    });
    let mut soaked = soaked
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    soaked.failed.sort();
    soaked.wrong.sort();
    soaked
}
