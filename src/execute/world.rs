//! What a run is carried out in: folders, environment, clients, stand-ins.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::{Reviewed, stand_in::StandIns};
use crate::{
    github::RunnerContext,
    ident::{RunId, TaskKey},
    image::BlobCache,
};

/// Everything outside of the plan that a run reads. It is gathered once, before anything starts.
#[derive(Debug)]
pub struct World {
    /// The plan's folder, absolute.
    pub folder: Utf8PathBuf,
    /// The process environment.
    pub variables: BTreeMap<String, String>,
    /// This program, to start itself as a keeper or in a container.
    pub program: PathBuf,
    /// Private folder of this process; removed at its end.
    pub scratch: Utf8PathBuf,
    /// What the runner, or git in its place, says.
    pub runner: RunnerContext,
    /// What is replaced.
    pub stand_ins: StandIns,
    /// Who runs.
    pub run: RunId,
    /// The only HTTP client.
    pub http: reqwest::Client,
    /// What is known of blobs in registries.
    pub blobs: Arc<BlobCache>,
}

/// How a run behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Tasks that are run though their record stands, or that are repeated though nobody knows how they ended.
    pub force: BTreeSet<TaskKey>,
    /// Interrupted tasks that a person says are done.
    pub done: BTreeSet<TaskKey>,
    /// Gates that a person confirms.
    pub confirm: BTreeSet<TaskKey>,
    /// Age up to which the record of a task that changes the outside is believed without a look.
    pub fresh_for: Duration,
    /// How many tasks run at once.
    pub slots: std::num::NonZeroUsize,
    /// Whether nothing new starts after a failure.
    pub fail_fast: bool,
    /// What was reviewed, and nothing else is carried out.
    pub bundle: Option<Reviewed>,
    /// Which successes give the outputs that are read.
    pub reads: Reads,
}

/// Which successes give the outputs that tasks read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Those that count.
    Standing,
    /// Also those that count no more: what was made by them is to be undone by them.
    LastKnown,
}

impl World {
    /// The time now. Layers below are given times and read no clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Leads from a path of the plan to the file.
    pub fn path(&self, path: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        self.folder.join(path)
    }

    /// Returns a variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
