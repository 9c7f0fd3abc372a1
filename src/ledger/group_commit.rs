//! One sync for everyone who waits for one.

use std::{
    io,
    sync::{Condvar, Mutex, PoisonError},
};

/// Knows how much of a file is on the disk, and lets one of those who wait sync it for all.
#[derive(Debug, Default)]
pub(super) struct GroupCommit {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    /// Bytes that are known to be on the disk.
    synced: u64,
    /// Whether somebody syncs at this moment.
    syncing: bool,
    failed: bool,
}

/// Why a part of a file is not known to be on the disk.
#[derive(Debug)]
pub(super) enum SyncError {
    /// The sync of this caller failed.
    Failed(io::Error),
    /// A sync failed before. The kernel drops what it could not write and says so once, so a second try proves nothing.
    FailedBefore,
}

impl GroupCommit {
    /// Returns when the first `end` bytes are on the disk. `written` tells how many bytes a sync that starts now covers.
    pub(super) fn reach(
        &self,
        end: u64,
        written: impl Fn() -> u64,
        sync: impl Fn() -> io::Result<()>,
    ) -> Result<(), SyncError> {
        let mut progress = self.lock();
        loop {
            if progress.failed {
                return Err(SyncError::FailedBefore);
            }
            if progress.synced >= end {
                return Ok(());
            }
            if !progress.syncing {
                break;
            }
            progress = self
                .changed
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        progress.syncing = true;
        drop(progress);
        let covered = written();
        let result = sync();
        let mut progress = self.lock();
        progress.syncing = false;
        match result {
            Ok(()) => progress.synced = progress.synced.max(covered),
            Err(_) => progress.failed = true,
        }
        drop(progress);
        self.changed.notify_all();
        result.map_err(SyncError::Failed)
    }

    /// Whether a sync failed, after which nothing is certain any more.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().failed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicU64, Ordering},
            mpsc,
        },
        thread,
    };

    use super::*;

    #[test]
    fn those_who_wait_during_a_sync_share_the_next_one() {
        let commit = GroupCommit::default();
        let written = AtomicU64::new(1);
        let n_syncs = AtomicU64::new(0);
        let (entered, is_entered) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let first = scope.spawn({
                let commit = &commit;
                move || {
                    let slow_sync = || {
                        entered.send(()).expect("the test listens");
                        may_go_on.recv().expect("the test answers");
                        Ok(())
                    };
                    commit.reach(1, || 1, slow_sync)
                }
            });
            is_entered.recv().expect("the first sync begins");
            written.store(9, Ordering::SeqCst);
            let others: Vec<_> = (2..=9)
                .map(|end| {
                    let (commit, written, n_syncs) = (&commit, &written, &n_syncs);
                    scope.spawn(move || {
                        commit.reach(
                            end,
                            || written.load(Ordering::SeqCst),
                            || {
                                n_syncs.fetch_add(1, Ordering::SeqCst);
                                Ok(())
                            },
                        )
                    })
                })
                .collect();
            go_on.send(()).expect("the first sync waits");
            assert!(first.join().expect("no panic").is_ok());
            for other in others {
                assert!(other.join().expect("no panic").is_ok());
            }
        });
        assert_eq!(n_syncs.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_is_on_the_disk_is_not_synced_again() {
        let commit = GroupCommit::default();
        assert!(commit.reach(5, || 7, || Ok(())).is_ok());
        let never = || -> io::Result<()> { panic!("the bytes are there") };
        assert!(commit.reach(7, || 7, never).is_ok());
    }

    #[test]
    fn after_a_failed_sync_nothing_is_certain_any_more() {
        let commit = GroupCommit::default();
        let full = || Err(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(
            commit.reach(1, || 1, full),
            Err(SyncError::Failed(_))
        ));
        assert!(matches!(
            commit.reach(1, || 1, || Ok(())),
            Err(SyncError::FailedBefore)
        ));
        assert!(commit.has_failed());
    }
}
