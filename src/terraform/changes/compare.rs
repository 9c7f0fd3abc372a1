//! Whether two plans would do the same, and what the one would do otherwise.

use std::{collections::BTreeMap, fmt};

use super::{Action, AttributeChange, Changes, ResourceChange, Shown};

/// One thing that two plans would do differently. "Reviewed" is the first, "found" the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The resource, or `output.NAME`.
    pub address: String,
    /// What is different.
    pub differing: Differing,
}

/// What is different between two plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differing {
    /// Only the second changes it.
    Added {
        /// What it would do.
        action: Action,
    },
    /// Only the first changes it.
    Missing {
        /// What was reviewed.
        action: Action,
    },
    /// Both change it, in other ways.
    Action {
        /// What was reviewed.
        reviewed: Action,
        /// What was found.
        found: Action,
    },
    /// It comes from another address, or another object is imported.
    Origin {
        /// What was reviewed.
        reviewed: Option<String>,
        /// What was found.
        found: Option<String>,
    },
    /// An attribute changes from, or to, something else, or is changed by one plan alone.
    Value {
        /// Its path.
        path: String,
        /// From and to, as reviewed.
        reviewed: (Shown, Shown),
        /// From and to, as found.
        found: (Shown, Shown),
    },
}

impl Changes {
    /// Compares what two plans would do, whatever their order, texts, times and versions. Equal plans have no difference.
    ///
    /// Drift, unchanged attributes and the standing of checks do not count. The plans are best read with the same
    /// [`super::Reading`].
    pub fn differences(&self, found: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let (reviewed, found) = (self.effects(), found.effects());
        for (key, effect) in &reviewed {
            let differing = match found.get(key) {
                Some(other) => effect.differing(other),
                None => vec![Differing::Missing {
                    action: effect.action,
                }],
            };
            differences.extend(
                differing
                    .into_iter()
                    .map(|differing| key.differs(differing)),
            );
        }
        for (key, effect) in found.iter().filter(|(key, _)| !reviewed.contains_key(key)) {
            let action = effect.action;
            differences.push(key.differs(Differing::Added { action }));
        }
        differences.sort_by(|left, right| left.address.cmp(&right.address));
        differences
    }

    fn effects(&self) -> BTreeMap<Key<'_>, Effect<'_>> {
        let deferred = self
            .deferred
            .iter()
            .map(|deferred| (&deferred.change, true));
        let resources = self.resources.iter().map(|change| (change, false));
        let resources = resources.chain(deferred).map(|(change, is_deferred)| {
            let key = Key {
                address: change.address.clone(),
                deposed: change.deposed.as_deref(),
                is_deferred,
            };
            (key, Effect::of(change))
        });
        let outputs = self.outputs.iter().map(|output| {
            let key = Key {
                address: format!("output.{}", output.name),
                deposed: None,
                is_deferred: false,
            };
            let effect = Effect {
                action: output.action,
                origin: None,
                parts: parts(&output.parts),
            };
            (key, effect)
        });
        resources.chain(outputs).collect()
    }
}

/// What is changed.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'c> {
    address: String,
    deposed: Option<&'c str>,
    is_deferred: bool,
}

impl Key<'_> {
    fn differs(&self, differing: Differing) -> Difference {
        let address = match self.deposed {
            Some(deposed) => format!("{} (deposed {deposed})", self.address),
            None => self.address.clone(),
        };
        Difference { address, differing }
    }
}

/// How it is changed.
struct Effect<'c> {
    action: Action,
    origin: Option<String>,
    parts: BTreeMap<&'c str, &'c AttributeChange>,
}

fn parts(attributes: &[AttributeChange]) -> BTreeMap<&str, &AttributeChange> {
    let parts = attributes.iter();
    parts.map(|part| (part.path.as_ref(), part)).collect()
}

impl<'c> Effect<'c> {
    fn of(change: &'c ResourceChange) -> Self {
        let imported = change.importing.as_ref();
        let imported = imported.map(|from| match &from.id {
            Some(id) => format!("imported from `{id}`"),
            None => "imported".to_owned(),
        });
        Self {
            action: change.action,
            origin: imported.or_else(|| change.previous_address.clone()),
            parts: parts(&change.attributes),
        }
    }

    fn differing(&self, found: &Self) -> Vec<Differing> {
        if self.action != found.action {
            return vec![Differing::Action {
                reviewed: self.action,
                found: found.action,
            }];
        }
        let mut differing = Vec::new();
        if self.origin != found.origin {
            differing.push(Differing::Origin {
                reviewed: self.origin.clone(),
                found: found.origin.clone(),
            });
        }
        let only_found = found
            .parts
            .keys()
            .filter(|path| !self.parts.contains_key(*path));
        for path in self.parts.keys().chain(only_found) {
            let (ours, theirs) = (self.parts.get(path), found.parts.get(path));
            let is_same = match (ours, theirs) {
                (Some(ours), Some(theirs)) => ours.comes_to(theirs),
                _ => false,
            };
            if !is_same {
                let shown = |part: Option<&&AttributeChange>| {
                    part.map_or((Shown::Absent, Shown::Absent), |part| {
                        (part.before.clone(), part.after.clone())
                    })
                };
                differing.push(Differing::Value {
                    path: (*path).to_owned(),
                    reviewed: shown(ours),
                    found: shown(theirs),
                });
            }
        }
        differing
    }
}

impl AttributeChange {
    /// Whether both change the same to the same.
    fn comes_to(&self, other: &Self) -> bool {
        self.forces_replacement == other.forces_replacement
            && self.print == other.print
            && (self.print.is_some() || (self.before == other.before && self.after == other.after))
            // What is unknown has no print of its own.
            && (self.after == Shown::Unknown) == (other.after == Shown::Unknown)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.address;
        match &self.differing {
            Differing::Added { action } => {
                write!(
                    formatter,
                    "`{address}`: would now {action}, which was not reviewed"
                )
            }
            Differing::Missing { action } => {
                write!(
                    formatter,
                    "`{address}`: {action} was reviewed, and is no longer planned"
                )
            }
            Differing::Action { reviewed, found } => {
                write!(
                    formatter,
                    "`{address}`: {reviewed} was reviewed, now it is {found}"
                )
            }
            Differing::Origin { reviewed, found } => {
                let origin = |origin: &Option<String>| {
                    origin
                        .clone()
                        .unwrap_or_else(|| "its own address".to_owned())
                };
                write!(
                    formatter,
                    "`{address}`: from {} was reviewed, now it is from {}",
                    origin(reviewed),
                    origin(found)
                )
            }
            Differing::Value {
                path,
                reviewed,
                found,
            } => {
                let place = if path.is_empty() { "value" } else { path };
                write!(
                    formatter,
                    "`{address}`: {place}: {} was reviewed, now it is {}",
                    step(reviewed),
                    step(found)
                )
            }
        }
    }
}

fn step(sides: &(Shown, Shown)) -> String {
    match sides {
        (Shown::Absent, Shown::Absent) => "no change".to_owned(),
        (before, after) => format!("{before} -> {after}"),
    }
}
