//! A run of what was reviewed: each task is held against the bundle, and what is not in it, or is another, is refused.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::{DryRun, ExecuteError, Run};
use crate::{
    bundle::{Bundle, Entry, Manifest, Outlook, Plans, SealedPlan, Words},
    digest::Digest,
    event::{FailureKind, Outcome},
    graph::{EdgeSource, Node, Standing},
    ident::TaskKey,
    plan::{FingerprintParts, fingerprint},
};

/// The bundle of a run, with the plans that this run can open.
#[derive(Clone)]
pub struct Reviewed {
    /// Its identity.
    pub digest: Digest,
    manifest: Arc<Manifest>,
    plans: Arc<Plans>,
    begun: Arc<Mutex<BTreeMap<TaskKey, Begun>>>,
}

/// What earlier attempts at a task did.
struct Begun {
    attempts: u32,
    is_half_applied: bool,
}

impl fmt::Debug for Reviewed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reviewed({})", self.digest)
    }
}

impl Reviewed {
    /// Takes a bundle and what was opened of it.
    pub fn new(bundle: Bundle, plans: Plans) -> Self {
        Self {
            digest: bundle.digest,
            manifest: Arc::new(bundle.manifest),
            plans: Arc::new(plans),
            begun: Arc::default(),
        }
    }

    /// Returns its readable part.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Says what shows how files differ.
    fn shown_by(&self) -> String {
        match &self.manifest.bound.tree {
            Some(tree) => format!("; `git diff {tree}` shows it"),
            None => String::new(),
        }
    }

    fn entry(&self, task: &TaskKey) -> Option<&Entry> {
        self.manifest.tasks.get(task)
    }
}

/// A plan of terraform as it was reviewed.
pub(super) struct ReviewedPlan {
    pub(super) shown: SealedPlan,
    /// The saved plan; `None` where the bundle does not hold it, or nothing here opens it.
    pub(super) plan: Option<Arc<Plans>>,
}

impl<'p> Run<'_, 'p> {
    /// Says how what is selected differs from what was reviewed, as far as it is known before anything runs. A run that goes
    /// on where an earlier one stopped holds the rest against the bundle when it comes to it.
    pub fn differences_from_review(&self) -> Vec<String> {
        let Some(reviewed) = &self.options.bundle else {
            return Vec::new();
        };
        let manifest = &reviewed.manifest;
        let mut differences = Vec::new();
        let (before, now) = (manifest.bound.plan_digest, self.graph.plan().digest());
        if before != now {
            differences.push(format!(
                "the plan: {before} was reviewed, now it is {now}{}",
                reviewed.shown_by()
            ));
        }
        let values = self.values.parts();
        let values = fingerprint::changes(&manifest.values, values.own());
        differences.extend(values.into_iter().map(told));
        let would = self.dry_run();
        for &index in &self.selected {
            differences.extend(self.differing_before(index, reviewed, &would));
        }
        differences
    }

    /// What can be told of a task before anything runs. What it reads may not be there yet, or come out otherwise, and what it
    /// waited for may still be waited for: the rest is told when it comes to the task.
    fn differing_before(
        &self,
        index: usize,
        reviewed: &Reviewed,
        would: &BTreeMap<usize, DryRun>,
    ) -> Vec<String> {
        let node = &self.graph.nodes()[index];
        let Some(entry) = reviewed.entry(&node.key) else {
            return vec![format!("`{}` was not reviewed", node.key)];
        };
        if let Standing::Skipped { because } = &node.standing {
            return skipped(node, entry, because).into_iter().collect();
        }
        let mut reads = node.after.iter().filter(|edge| {
            let is_read = matches!(edge.source, EdgeSource::Reference { .. });
            is_read && matches!(would.get(&edge.to), Some(DryRun::Run | DryRun::Depends))
        });
        let is_open = reads.next().is_some() || node.standing == Standing::Undecided;
        match self.fingerprint_parts(index) {
            _ if entry.outlook.is_held_back() => Vec::new(),
            _ if entry.made_of.is_none() => self.differing_from_all(node, reviewed),
            Ok(parts) if !is_open => self.differing(node, &parts),
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// Refuses to pass over a task that took part when it was previewed.
    pub(super) fn hold_skipped(&self, node: &Node<'p>, because: &str) -> Result<(), ExecuteError> {
        let reviewed = self.options.bundle.as_ref();
        let entry = reviewed.and_then(|reviewed| reviewed.entry(&node.key));
        match entry.and_then(|entry| skipped(node, entry, because)) {
            Some(difference) => Err(stale(difference)),
            None => Ok(()),
        }
    }

    /// Returns what all files come to that git does not ignore.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn files(&self) -> Result<Digest, ExecuteError> {
        Ok(*self.listing.all()?.digest())
    }

    /// How the files differ, for a task of which not everything was known when it was previewed.
    fn differing_from_all(&self, node: &Node<'p>, reviewed: &Reviewed) -> Vec<String> {
        let before = reviewed.manifest.files;
        match self.files() {
            Ok(files) if files == before => Vec::new(),
            Ok(files) => vec![format!(
                "`{}` is planned in the run, of what was reviewed alone: the repository's files: {before} was reviewed, now it is {files}{}",
                node.key,
                reviewed.shown_by()
            )],
            Err(error) => vec![format!("`{}`: {}", node.key, super::chain(&error))],
        }
    }

    /// Refuses a task that changes something outside and would not have run when it was previewed.
    pub(super) fn hold_standing(&self, node: &Node<'p>) -> Result<(), ExecuteError> {
        let reviewed = self.options.bundle.as_ref();
        let entry = reviewed.and_then(|reviewed| reviewed.entry(&node.key));
        match entry.map(|entry| &entry.outlook) {
            Some(Outlook::UpToDate) if node.task.changes => Err(stale(format!(
                "`{}` was up to date when it was reviewed, and would run now",
                node.key
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses a task that is not made of what was reviewed.
    pub(super) fn hold_against_review(
        &self,
        node: &Node<'p>,
        parts: &FingerprintParts,
    ) -> Result<(), ExecuteError> {
        let differences = self.differing(node, parts);
        let Some(first) = differences.first() else {
            return Ok(());
        };
        let more = match differences.len() {
            1 => String::new(),
            number => format!("; {} more", number - 1),
        };
        Err(stale(format!("{first}{more}")))
    }

    fn differing(&self, node: &Node<'p>, parts: &FingerprintParts) -> Vec<String> {
        let Some(reviewed) = &self.options.bundle else {
            return Vec::new();
        };
        let Some(entry) = reviewed.entry(&node.key) else {
            return vec![format!("`{}` was not reviewed", node.key)];
        };
        if entry.outlook.is_held_back() {
            let (word, because) = (entry.outlook.word(), entry.outlook.details());
            let message = format!(
                "`{}` was {word} when it was reviewed ({because}), and takes part now",
                node.key
            );
            return vec![message];
        }
        let Some(made_of) = &entry.made_of else {
            return self.differing_from_all(node, reviewed);
        };
        let changes = fingerprint::changes(made_of, parts.own());
        let told = changes.into_iter().map(|change| {
            let tree = match change.part == fingerprint::SHARED {
                true => reviewed.shown_by(),
                false => String::new(),
            };
            format!("`{}`: {}{tree}", node.key, told(change))
        });
        told.collect()
    }

    /// Returns the plan of a terraform task that was reviewed; `None` where no bundle is carried out, or the task was to be
    /// planned in the run.
    pub(super) fn reviewed_plan(&self, node: &Node<'p>) -> Option<ReviewedPlan> {
        let reviewed = self.options.bundle.as_ref()?;
        match &reviewed.entry(&node.key)?.outlook {
            Outlook::Planned(shown) => Some(ReviewedPlan {
                shown: (**shown).clone(),
                plan: reviewed
                    .plans
                    .contains_key(&node.key)
                    .then(|| Arc::clone(&reviewed.plans)),
            }),
            _ => None,
        }
    }

    /// Whether an attempt at this bundle's plan of the task was begun before, and left something undone: then a later one may go
    /// on with the rest. One that was refused did nothing.
    pub(super) fn is_half_applied(&self, node: &Node<'p>, number: u32) -> bool {
        let Some(reviewed) = &self.options.bundle else {
            return false;
        };
        let begun = reviewed
            .begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match begun.get(&node.key) {
            // An attempt of this run, whose failure was not that the plan is stale: such a one is not repeated.
            Some(before) => before.is_half_applied || number > before.attempts + 1,
            None => false,
        }
    }

    /// Looks at what earlier attempts at the task did, before another begins.
    pub(super) fn note_begun(&self, node: &Node<'p>, parts: &FingerprintParts) {
        let Some(reviewed) = &self.options.bundle else {
            return;
        };
        let known = self.recorder.known();
        let record = known.state().task(&node.key);
        let attempt = record.and_then(|record| record.attempt.as_ref());
        let attempt = attempt.filter(|attempt| attempt.fingerprint == parts.fingerprint());
        let is_half_applied = attempt.is_some_and(|attempt| {
            let is_undone = match attempt.ended.as_ref().map(|ended| &ended.outcome) {
                None | Some(Outcome::Cancelled) => true,
                // What was refused did nothing.
                Some(Outcome::Failed(failure)) => failure.kind != FailureKind::PlanStale,
                Some(Outcome::Succeeded) => false,
            };
            let mut kept = attempt.kept.iter();
            let is_applied = kept.any(|child| super::body::is_apply(child.folder.as_str()));
            attempt.started > reviewed.manifest.created && is_applied && is_undone
        });
        // After a success they are counted anew.
        let counted = attempt.filter(|attempt| {
            let ended = attempt.ended.as_ref();
            ended.is_none_or(|ended| ended.outcome != Outcome::Succeeded)
        });
        let attempts = counted.map_or(0, |attempt| attempt.number);
        let mut begun = reviewed
            .begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        begun.insert(
            node.key.clone(),
            Begun {
                attempts,
                is_half_applied,
            },
        );
    }

    /// Whether a plan with changes was reviewed after the task had last succeeded: then its record does not stand.
    pub(super) fn is_planned_since(&self, node: &Node<'p>, succeeded: jiff::Timestamp) -> bool {
        let Some(reviewed) = &self.options.bundle else {
            return false;
        };
        let is_planned = reviewed.entry(&node.key).is_some_and(
            |entry| matches!(&entry.outlook, Outlook::Planned(planned) if planned.changes),
        );
        is_planned && reviewed.manifest.created > succeeded
    }

    /// Returns the labels and annotations that an image was reviewed with.
    pub(super) fn reviewed_words(&self, node: &Node<'p>) -> Option<Words> {
        match &self.options.bundle.as_ref()?.entry(&node.key)?.outlook {
            Outlook::Built { words, .. } => Some(words.clone()),
            _ => None,
        }
    }

    /// Refuses an image that is not the one that was reviewed.
    pub(super) fn hold_image_against_review(
        &self,
        node: &Node<'p>,
        found: &Digest,
    ) -> Result<(), ExecuteError> {
        let reviewed = self.options.bundle.as_ref();
        let entry = reviewed.and_then(|reviewed| reviewed.entry(&node.key));
        match entry.map(|entry| &entry.outlook) {
            Some(Outlook::Built {
                digest: Some(digest),
                ..
            }) if digest != found => Err(stale(format!(
                "`{}`: image {digest} was reviewed, now it is {found}",
                node.key
            ))),
            _ => Ok(()),
        }
    }
}

/// Both sides of a part that differs.
fn told(change: fingerprint::Change) -> String {
    let side = |side: Option<String>| side.unwrap_or_else(|| "nothing".to_owned());
    format!(
        "{}: {} was reviewed, now it is {}",
        change.part,
        side(change.before),
        side(change.now)
    )
}

/// A task that would be passed over now, and was carried out, or was to be, when it was previewed. Of one that was deferred
/// its condition may have been what nobody knew.
fn skipped(node: &Node<'_>, entry: &Entry, because: &str) -> Option<String> {
    let is_open = matches!(entry.outlook, Outlook::Deferred { .. });
    (!is_open && !entry.outlook.is_held_back()).then(|| {
        let word = entry.outlook.word();
        format!(
            "`{}` was {word} when it was reviewed, and would be skipped now ({because})",
            node.key
        )
    })
}

/// Something that is not what was reviewed.
pub(super) fn stale(message: String) -> ExecuteError {
    ExecuteError::task(FailureKind::PlanStale, message)
        .hint("nothing of it was carried out; preview again, and let that be reviewed")
}
