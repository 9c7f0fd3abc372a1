//! The changes as people read them: what is lost comes first.

use std::fmt;

use serde::Serialize;

use super::{
    Action, AttributeChange, Changes, Counts, ResourceChange, Shown, Standing, StandingStatus,
};
use crate::diagnostic::words::count;

/// What a plan would do, in groups: replaced, destroyed, forgotten, then what is changed, made, taken over, moved, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many of each.
    pub counts: Counts,
    /// One a kind of change, only where there is one.
    pub groups: Vec<Group>,
    /// Outputs that change.
    pub outputs: Vec<Entry>,
    /// What cannot be planned yet.
    pub deferred: Vec<Entry>,
    /// What somebody else changed.
    pub drift: Vec<Entry>,
    /// Conditions that do not hold, or could not be evaluated.
    pub failing: Vec<Standing>,
}

/// Changes of one kind, by address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The kind: `replace`, `destroy`, `forget`, `update`, `create`, `import`, `move`, `read`.
    pub action: &'static str,
    /// The changes.
    pub entries: Vec<Entry>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What is changed.
    pub address: String,
    /// Why, or from where.
    pub because: Option<String>,
    /// What of it.
    pub attributes: Vec<AttributeChange>,
}

impl Changes {
    /// Returns the changes as people read them.
    pub fn summary(&self) -> Summary {
        let mut changes: Vec<&ResourceChange> = self.resources.iter().collect();
        // `Action` is ordered by what is lost.
        changes.sort_by(|left, right| {
            (rank(left.action), &left.address).cmp(&(rank(right.action), &right.address))
        });
        let groups = changes
            .chunk_by(|left, right| rank(left.action) == rank(right.action))
            .map(|changes| Group {
                action: changes[0].action.word(),
                entries: changes.iter().map(|change| Entry::of(change)).collect(),
            })
            .collect();
        let outputs = self.outputs.iter().map(|output| Entry {
            address: output.name.clone(),
            because: Some(output.action.word().to_owned()),
            attributes: output.parts.clone(),
        });
        let deferred = self.deferred.iter().map(|deferred| Entry {
            because: Some(deferred.reason.clone()),
            ..Entry::of(&deferred.change)
        });
        let failing = self
            .standings
            .iter()
            .filter(|standing| match standing.status {
                StandingStatus::Fail | StandingStatus::Error => true,
                StandingStatus::Pass | StandingStatus::Unknown => false,
            });
        Summary {
            counts: self.counts(),
            groups,
            outputs: outputs.collect(),
            deferred: deferred.collect(),
            drift: self.drift.iter().map(Entry::of).collect(),
            failing: failing.cloned().collect(),
        }
    }
}

/// Both orders of a replacement stand together.
fn rank(action: Action) -> Action {
    match action {
        Action::Replace { .. } => Action::Replace {
            create_before_destroy: false,
        },
        other => other,
    }
}

impl Entry {
    fn of(change: &ResourceChange) -> Self {
        Self {
            address: match &change.deposed {
                Some(deposed) => format!("{} (deposed {deposed})", change.address),
                None => change.address.clone(),
            },
            because: because(change),
            attributes: change.attributes.clone(),
        }
    }
}

/// Why something is replaced or destroyed, and where it comes from.
fn because(change: &ResourceChange) -> Option<String> {
    let mut parts = Vec::new();
    let forcing: Vec<&str> = change
        .attributes
        .iter()
        .filter(|attribute| attribute.forces_replacement)
        .map(|attribute| attribute.path.as_ref())
        .collect();
    if !forcing.is_empty() {
        parts.push(format!("{} cannot be changed in place", forcing.join(", ")));
    } else if let Some(reason) = &change.reason {
        parts.push(reason.clone());
    }
    if let Action::Replace {
        create_before_destroy: true,
    } = change.action
    {
        parts.push("the new one first".to_owned());
    }
    if let Some(previous) = &change.previous_address {
        parts.push(format!("was {previous}"));
    }
    if let Some(from) = &change.importing {
        parts.push(match &from.id {
            Some(id) => format!("from `{id}`"),
            None => "taken over".to_owned(),
        });
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Writes one line a change, and below it one an attribute, without a line break at the end.
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.headline())?;
        for group in &self.groups {
            write_entries(formatter, group.action, &group.entries)?;
        }
        write_entries(formatter, "output", &self.outputs)?;
        write_entries(formatter, "deferred", &self.deferred)?;
        write_entries(formatter, "drifted", &self.drift)?;
        for standing in &self.failing {
            write!(formatter, "\nfailing  {}", standing.address)?;
            if !standing.problems.is_empty() {
                write!(formatter, ": {}", standing.problems.join("; "))?;
            }
        }
        Ok(())
    }
}

impl Summary {
    /// Says in one line how much changes.
    pub fn headline(&self) -> String {
        let counts = self.counts;
        let parts = [
            (counts.replace, "to replace"),
            (counts.destroy, "to destroy"),
            (counts.forget, "to forget"),
            (counts.change, "to change"),
            (counts.add, "to add"),
            (counts.import, "to import"),
            (counts.moved, "to move"),
        ];
        let mut parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        if !self.outputs.is_empty() {
            parts.push(format!("{} to change", count(self.outputs.len(), "output")));
        }
        if !self.deferred.is_empty() {
            parts.push(format!("{} deferred", self.deferred.len()));
        }
        if parts.is_empty() {
            let only_read = !self.groups.is_empty();
            return if only_read {
                "data to read"
            } else {
                "no changes"
            }
            .to_owned();
        }
        parts.join(", ")
    }
}

fn write_entries(formatter: &mut fmt::Formatter<'_>, word: &str, entries: &[Entry]) -> fmt::Result {
    for entry in entries {
        write!(formatter, "\n{word:<8} {}", entry.address)?;
        if let Some(because) = &entry.because {
            write!(formatter, " ({because})")?;
        }
        for attribute in &entry.attributes {
            write!(formatter, "\n           ")?;
            if !attribute.path.is_empty() {
                write!(formatter, "{}: ", attribute.path)?;
            }
            match attribute.before {
                Shown::Absent => write!(formatter, "{}", attribute.after)?,
                Shown::Text(_) | Shown::Unknown | Shown::Sensitive => {
                    write!(formatter, "{} -> {}", attribute.before, attribute.after)?;
                }
            }
        }
    }
    Ok(())
}
