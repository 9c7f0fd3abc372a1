//! What the plan file says of a terraform plan: which changes it allows, and what policies demand.

use std::fmt;

use super::{Action, Changes, Kept};
use crate::{
    diagnostic::Severity,
    expression::Value,
    plan::requirement::{
        FieldPath, FieldPathError, Observed, Requirement, RequirementError, Verdict,
    },
    terraform::AddressPattern,
};

/// The changes that a plan may hold.
///
/// What is only read or given another address is always allowed. An import needs `create`, for it brings something under
/// management; what is forgotten needs `delete`, for terraform would no longer keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    create: bool,
    update: bool,
    replace: bool,
    delete: bool,
}

impl Default for Allowed {
    /// What is allowed where the plan file says nothing: create and update.
    fn default() -> Self {
        Self::of(["create", "update"])
    }
}

impl Allowed {
    /// Takes the words of the plan file; its grammar knows no others.
    pub fn of<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let words: Vec<&str> = words.into_iter().collect();
        let holds = |word| words.contains(&word);
        Self {
            create: holds("create"),
            update: holds("update"),
            replace: holds("replace"),
            delete: holds("delete"),
        }
    }

    /// Returns the word that would allow this; `None` where it is allowed.
    fn missing(self, action: Action) -> Option<&'static str> {
        let (is_allowed, word) = match action {
            Action::Create | Action::Import => (self.create, "create"),
            Action::Update => (self.update, "update"),
            Action::Replace { .. } => (self.replace, "replace"),
            Action::Delete | Action::Forget => (self.delete, "delete"),
            Action::Move | Action::Read | Action::NoOp => (true, ""),
        };
        (!is_allowed).then_some(word)
    }
}

/// A change that the plan file does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAllowed {
    /// The resource.
    pub address: String,
    /// What would happen to it.
    pub action: Action,
    /// What `allow` would have to name.
    pub word: &'static str,
}

impl fmt::Display for NotAllowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            action,
            word,
        } = self;
        write!(
            formatter,
            "`{address}`: {action} is not allowed here; `allow` would have to name `{word}`"
        )
    }
}

/// A policy of the plan file, its expressions evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What people see.
    pub name: String,
    /// Whether a violation stops, or is only told.
    pub severity: Severity,
    /// What it is about.
    pub resource: AddressPattern,
    /// How many there must be.
    pub count: Requirement,
    /// What their attributes must be.
    pub expect: Vec<(FieldPath, Requirement)>,
}

/// A policy that cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The resource is missing, or no text.
    #[error("policy {number} names no resource")]
    Resource {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A requirement that is none.
    #[error("policy `{policy}`: `{key}` is no requirement")]
    Requirement {
        /// The policy.
        policy: String,
        /// Where in it.
        key: String,
        /// What is wrong.
        #[source]
        source: RequirementError,
    },
    /// A path that is none.
    #[error("policy `{policy}`: `{key}` is no path of an attribute")]
    Path {
        /// The policy.
        policy: String,
        /// The path.
        key: String,
        /// What is wrong.
        #[source]
        source: FieldPathError,
    },
}

impl PolicyError {
    /// Returns what to write instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Resource { .. } => None,
            Self::Requirement { source, .. } => source.hint(),
            Self::Path { source, .. } => source.hint(),
        }
    }
}

impl Policy {
    /// Reads the policy that stands at `number`, from 1, in the evaluated list of a task.
    ///
    /// # Errors
    ///
    /// It names no resource, or demands what cannot be judged.
    pub fn read(number: usize, value: &Value) -> Result<Self, PolicyError> {
        let text = |key| value.get(key).and_then(Value::as_plain_text);
        let resource = text("resource").ok_or(PolicyError::Resource { number })?;
        let name = text("name").unwrap_or_else(|| resource.clone());
        let requirement = |key: &str, value: &Value| {
            Requirement::parse(value).map_err(|source| PolicyError::Requirement {
                policy: name.clone(),
                key: key.to_owned(),
                source,
            })
        };
        let at_least_one = Value::from(">= 1");
        let count = match value.get("count") {
            None | Some(Value::Null) => requirement("count", &at_least_one)?,
            Some(count) => requirement("count", count)?,
        };
        let mut expect = Vec::new();
        if let Some(Value::Map(entries)) = value.get("expect") {
            for (key, value) in entries {
                let path = FieldPath::parse(key).map_err(|source| PolicyError::Path {
                    policy: name.clone(),
                    key: key.clone(),
                    source,
                })?;
                expect.push((path, requirement(key, value)?));
            }
        }
        Ok(Self {
            severity: match text("severity").as_deref() {
                Some("warning") => Severity::Warning,
                _ => Severity::Error,
            },
            resource: AddressPattern::new(resource),
            count,
            expect,
            name,
        })
    }
}

/// What became of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedPolicy {
    /// Its name.
    pub name: String,
    /// Whether a violation stops.
    pub severity: Severity,
    /// How many resources it is about.
    pub matched: usize,
    /// What does not hold, or cannot be said yet; none where it holds.
    pub violations: Vec<Violation>,
}

/// Whether a policy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// It holds.
    Held,
    /// It cannot be said before the apply. That is not held.
    Unknown,
    /// It does not hold.
    Failed,
}

/// One thing that is not as a policy demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The policy's name.
    pub policy: String,
    /// The resource; the pattern where their number is wrong.
    pub address: String,
    /// The attribute; `None` where the number of resources is wrong.
    pub path: Option<String>,
    /// What was found, in words.
    pub found: String,
    /// What is required.
    pub expected: String,
    /// Whether it does not hold, or is not known.
    pub judgement: Judgement,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            policy,
            address,
            path,
            found,
            expected,
            judgement: _,
        } = self;
        let path = path.as_deref().unwrap_or("count");
        write!(
            formatter,
            "policy `{policy}`: `{address}`: {path}: {found}, required {expected}"
        )
    }
}

impl JudgedPolicy {
    /// Whether it holds, by the worst of its violations.
    pub fn judgement(&self) -> Judgement {
        let worst = self.violations.iter().map(|violation| violation.judgement);
        worst.max().unwrap_or(Judgement::Held)
    }

    /// Whether nothing may be applied: it is no mere warning, and does not hold or is not known to.
    pub fn stops(&self) -> bool {
        self.severity == Severity::Error && self.judgement() != Judgement::Held
    }
}

impl Changes {
    /// Returns the changes that are not allowed, in the order of the plan. Outputs may always change.
    pub fn not_allowed(&self, allowed: Allowed) -> Vec<NotAllowed> {
        let refused = self.resources.iter().filter_map(|change| {
            Some(NotAllowed {
                word: allowed.missing(change.action)?,
                address: change.address.clone(),
                action: change.action,
            })
        });
        refused.collect()
    }

    /// Judges a policy on the resources that are there after the change. Its pattern has to be among
    /// [`super::Reading::kept`].
    ///
    /// Data that terraform read while it planned are no changes, so a policy does not see them.
    pub fn judge(&self, policy: &Policy) -> JudgedPolicy {
        let matching: Vec<&Kept> = self
            .kept
            .iter()
            .filter(|kept| policy.resource.matches(&kept.address))
            .collect();
        let n_matching = Observed::plain(matching.len() as f64);
        let mut violations = Vec::new();
        if let Verdict::Failed { because } = policy.count.judge(&n_matching) {
            violations.push(Violation {
                policy: policy.name.clone(),
                address: policy.resource.to_string(),
                path: None,
                found: because,
                expected: policy.count.to_string(),
                judgement: Judgement::Failed,
            });
        }
        for kept in &matching {
            for (path, requirement) in &policy.expect {
                let Some((judgement, found)) = kept.violated(path, requirement) else {
                    continue;
                };
                violations.push(Violation {
                    policy: policy.name.clone(),
                    address: kept.address.clone(),
                    path: Some(path.to_string()),
                    found: self.masker.mask(&found).into_owned(),
                    expected: requirement.to_string(),
                    judgement,
                });
            }
        }
        JudgedPolicy {
            name: policy.name.clone(),
            severity: policy.severity,
            matched: matching.len(),
            violations,
        }
    }
}

impl Kept {
    fn violated(&self, path: &FieldPath, requirement: &Requirement) -> Option<(Judgement, String)> {
        // What a way goes through is one value, or, behind `[*]`, several.
        let meets = |tree: &Value, is_met: fn(&Value) -> bool| {
            path.ways().any(|way| way.select(tree).iter().any(is_met))
        };
        if meets(&self.after, |value| matches!(value, Value::Secret(_))) {
            return Some((Judgement::Failed, "a secret is not judged".to_owned()));
        }
        if meets(&self.unknown, |mark| *mark == Value::Boolean(true))
            || holds_mark(&path.observe(&self.unknown))
        {
            return Some((Judgement::Unknown, "known only after apply".to_owned()));
        }
        match requirement.judge(&Observed::plain(path.observe(&self.after))) {
            Verdict::Held => None,
            Verdict::Failed { because } => Some((Judgement::Failed, because)),
        }
    }
}

/// Whether anything in what is judged is unknown.
fn holds_mark(observed: &Value) -> bool {
    match observed {
        Value::Boolean(mark) => *mark,
        Value::List(items) => items.iter().any(holds_mark),
        Value::Map(entries) => entries.values().any(holds_mark),
        Value::Null | Value::Number(_) | Value::Text(_) | Value::Secret(_) => false,
    }
}
