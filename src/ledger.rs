//! The append-only record of what happened, its lease, and the state that is folded from it.
//!
//! A [`Ledger`] is one folder for each walk of a plan (each environment, and `none` for shared tasks). Several processes
//! may write to it at once. Beside the records lie what they point at: the parts of fingerprints, files that are handed
//! over, logs, evidence, and the [`Lease`] of the run that may write.
//!
//! ```text
//! records.jsonl          a header line, then one record a line with length and checksum
//! lease.json             who may write, while somebody may
//! fingerprints/HEX.json  the parts of a fingerprint
//! artifacts/HEX          files by the digest of their content; HEX.run executable, HEX.tree a folder
//! logs/RUN/TASK/         masked logs
//! evidence/RUN/TASK/     what was seen before something was undone
//! ```
//!
//! What a store has to do is little: give all bytes behind a position, and add bytes behind those that the writer has
//! seen or refuse. `line` knows the bytes and no file, `directory` the file and no bytes, so that another store takes
//! the place of the second and keeps the first. Nothing here reads a clock: times are arguments.
mod artifact;
mod beside;
mod directory;
mod error;
mod folder;
mod group_commit;
mod lease;
mod line;
mod liveness;
mod state;

#[cfg(test)]
mod contract;

pub use artifact::Artifact;
pub use beside::fingerprint_parts;
pub use directory::{Durability, Ledger, Opened, Replay, Warning, replay, replay_bytes};
pub use error::LedgerError;
pub use folder::{evidence_folder, log_folder, plan_folder, task_name, walk_folder};
pub use lease::{Acquisition, Claim, Heartbeat, Lapse, Lease, Member, TakenOver, living_holder};
pub use line::Cursor;
pub use liveness::{Host, is_alive, this_process};
pub use state::{
    Approval, Attempt, CheckRecord, DecisionRecord, Ended, JobRecord, KeptChild, Resume,
    RetryRecord, RunRecord, RunState, TaskRecord, TaskState, Undone, Word,
};
