//! A run of what was reviewed: each task is held against the bundle, and what is not in it, or is another, is refused.

use std::{fmt, sync::Arc};

use super::{ExecuteError, Run};
use crate::{
    bundle::{Bundle, Entry, Manifest, Outlook, Plans, SealedPlan, Words},
    digest::Digest,
    event::FailureKind,
    graph::{Node, Standing},
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
        let gone = reviewed.manifest.tasks.keys();
        let gone = gone.filter(|task| self.graph.find(task).is_none());
        let mut differences: Vec<String> = gone
            .map(|task| format!("`{task}` was reviewed, and the plan does not have it any more"))
            .collect();
        for &index in &self.selected {
            let node = &self.graph.nodes()[index];
            match &node.standing {
                Standing::Skipped { .. } => {}
                Standing::TakesPart | Standing::Undecided => {
                    differences.extend(self.differing_before(index, reviewed));
                }
            }
        }
        differences
    }

    /// What can be told of a task before anything runs. What it reads may not be there yet, and what it waited for may still be
    /// waited for: the rest is told when it comes to the task.
    fn differing_before(&self, index: usize, reviewed: &Reviewed) -> Vec<String> {
        let node = &self.graph.nodes()[index];
        let Some(entry) = reviewed.entry(&node.key) else {
            return vec![format!("`{}` was not reviewed", node.key)];
        };
        match (&entry.outlook, self.fingerprint_parts(index)) {
            (outlook, _) if outlook.is_held_back() => Vec::new(),
            (Outlook::Deferred { .. }, _) => self.differing_from_all(node, reviewed),
            (_, Ok(parts)) if node.standing == Standing::TakesPart => self.differing(node, &parts),
            (_, Ok(_) | Err(_)) => Vec::new(),
        }
    }

    /// Returns what all tracked files come to.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn files(&self) -> Result<Digest, ExecuteError> {
        Ok(*self.listing.tracked()?.digest())
    }

    /// How the files and the plan differ, for a task of which not everything was known when it was previewed.
    fn differing_from_all(&self, node: &Node<'p>, reviewed: &Reviewed) -> Vec<String> {
        let manifest = &reviewed.manifest;
        let files = match self.files() {
            Ok(files) => files,
            Err(error) => return vec![format!("`{}`: {}", node.key, super::chain(&error))],
        };
        let plan = self.graph.plan().digest();
        let pairs = [
            ("the plan", manifest.bound.plan_digest, plan),
            ("the repository's files", manifest.files, files),
        ];
        let differing = pairs.into_iter().filter(|(_, before, now)| before != now);
        let told = differing.map(|(what, before, now)| {
            format!(
                "`{}` is planned in the run, of what was reviewed alone: {what}: {before} was reviewed, now it is {now}{}",
                node.key,
                reviewed.shown_by()
            )
        });
        told.collect()
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
            return not_previewed(reviewed, node).into_iter().collect();
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
            let side = |side: Option<String>| side.unwrap_or_else(|| "nothing".to_owned());
            let tree = match change.part == fingerprint::SHARED {
                true => reviewed.shown_by(),
                false => String::new(),
            };
            format!(
                "`{}`: {}: {} was reviewed, now it is {}{tree}",
                node.key,
                change.part,
                side(change.before),
                side(change.now)
            )
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

fn not_previewed(reviewed: &Reviewed, node: &Node<'_>) -> Option<String> {
    let is_there = reviewed.entry(&node.key).is_some();
    (!is_there).then(|| format!("`{}` was not reviewed", node.key))
}

/// Something that is not what was reviewed.
pub(super) fn stale(message: String) -> ExecuteError {
    ExecuteError::task(FailureKind::PlanStale, message)
        .hint("nothing of it was carried out; preview again, and let that be reviewed")
}
