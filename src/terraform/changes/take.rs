//! Takes the parts of the document as they come, and puts the changes together when all are there.

use indexmap::IndexMap;
use serde_json::{Value, error::Category, value::RawValue};

use super::{
    Action, AttributeChange, Changes, ChangesError, Deferred, Importing, Kept, Mode, OutputChange,
    Reading, ResourceChange, Resources, Shown, Standing, StandingStatus, Stated,
    attributes::{Sides, Walk, gather, print, push_index, push_name},
    document::{
        ChangeDocument, DeclaredVariable, DeferredDocument, Part, ResourceDocument,
        StandingDocument, StatedDocument, VariableDocument,
    },
};
use crate::{
    secret::{Masker, Secret},
    terraform::AddressPattern,
};

/// What has been read so far.
pub(super) struct Taking<'r> {
    reading: Reading<'r>,
    /// The key of the document that is being read.
    pub part: Option<String>,
    /// Why the reading ends here, if it is not for the document's form.
    problem: Option<ChangesError>,
    /// Whether this is a state alone, in which managed resources stand nowhere else.
    is_state: bool,
    /// Whether something was seen that only plans have.
    pub is_plan: bool,
    pub terraform_version: Option<String>,
    pub timestamp: Option<String>,
    pub complete: Option<bool>,
    pub errored: Option<bool>,
    pub applyable: Option<bool>,
    pub variables: IndexMap<String, VariableDocument>,
    pub declared: IndexMap<String, DeclaredVariable>,
    has_format: bool,
    resources: Vec<ResourceChange>,
    unchanged: usize,
    drift: Vec<ResourceChange>,
    deferred: Vec<Deferred>,
    outputs: Vec<OutputChange>,
    standings: Vec<Standing>,
    kept: Vec<Kept>,
    secrets: IndexMap<Secret, String>,
    stated: Vec<Stated>,
}

/// The values of a change, read where they are needed.
#[derive(Default)]
struct Values {
    before: Option<Value>,
    after: Option<Value>,
    unknown: Option<Value>,
    before_sensitive: Option<Value>,
    after_sensitive: Option<Value>,
}

impl<'r> Taking<'r> {
    pub(super) fn new(reading: &Reading<'r>) -> Self {
        Self {
            reading: *reading,
            part: None,
            problem: None,
            is_state: false,
            is_plan: false,
            terraform_version: None,
            timestamp: None,
            complete: None,
            errored: None,
            applyable: None,
            variables: IndexMap::new(),
            declared: IndexMap::new(),
            has_format: false,
            resources: Vec::new(),
            unchanged: 0,
            drift: Vec::new(),
            deferred: Vec::new(),
            outputs: Vec::new(),
            standings: Vec::new(),
            kept: Vec::new(),
            secrets: IndexMap::new(),
            stated: Vec::new(),
        }
    }

    pub(super) fn of_state(reading: &Reading<'r>) -> Self {
        Self {
            is_state: true,
            ..Self::new(reading)
        }
    }

    pub(super) fn into_secrets(self) -> Vec<(String, Secret)> {
        let secrets = self.secrets.into_iter();
        secrets.map(|(secret, place)| (place, secret)).collect()
    }

    pub(super) fn into_resources(self) -> Resources {
        Resources {
            found: self.stated,
            secrets: self
                .secrets
                .into_iter()
                .map(|(secret, place)| (place, secret))
                .collect(),
        }
    }

    /// Ends the reading where something could not be taken; the reason is kept for [`Taking::into_error`].
    pub(super) fn hold<E: serde::de::Error>(
        &mut self,
        taken: Result<(), ChangesError>,
    ) -> Result<(), E> {
        taken.map_err(|problem| {
            self.problem = Some(problem);
            E::custom("not taken")
        })
    }

    /// Says why the reading ended. What the library says of a value would show it, so only the place is taken.
    pub(super) fn into_error(self, error: serde_json::Error) -> ChangesError {
        if let Some(problem) = self.problem {
            return problem;
        }
        let what = match error.classify() {
            Category::Io => return ChangesError::Io(error.into()),
            Category::Eof => "the document ends too early",
            Category::Syntax => "this is no JSON",
            Category::Data => "something else stands there than in a plan",
        };
        ChangesError::Malformed {
            what,
            line: error.line(),
            column: error.column(),
            part: self.part,
        }
    }

    pub(super) fn format(&mut self, found: String) -> Result<(), ChangesError> {
        let known = found == "1" || found == "0.2" || found.starts_with("1.");
        self.has_format = known;
        if known {
            Ok(())
        } else {
            Err(ChangesError::Format { found })
        }
    }

    pub(super) fn change(&mut self, document: ResourceDocument) -> Result<(), ChangesError> {
        let change = self.resource(document, self.reading.kept)?;
        match change.action {
            Action::NoOp => self.unchanged += 1,
            _ => self.resources.push(change),
        }
        Ok(())
    }

    pub(super) fn drifted(&mut self, document: ResourceDocument) -> Result<(), ChangesError> {
        let change = self.resource(document, &[])?;
        self.drift.push(change);
        Ok(())
    }

    pub(super) fn deferred(&mut self, document: DeferredDocument) -> Result<(), ChangesError> {
        let change = self.resource(document.resource_change, &[])?;
        self.deferred.push(Deferred {
            reason: spaced(&document.reason),
            change,
        });
        Ok(())
    }

    /// Keeps what is secret in a resource of a state. In a plan only data are looked at: of what is managed the changes say more.
    pub(super) fn stated(&mut self, document: StatedDocument) -> Result<(), ChangesError> {
        let is_wanted = self.is_state || document.mode.as_deref() == Some("data");
        let walk = Walk::at(&document.address, self.reading.sensitive);
        let is_plain = walk.patterns.is_empty() && !says_true(&document.sensitive_values);
        let mut kept = self.reading.kept.iter();
        let is_kept = self.is_state && kept.any(|pattern| pattern.matches(&document.address));
        if !is_kept && (!is_wanted || is_plain) {
            return Ok(());
        }
        let values = Values {
            after: value(document.values)?,
            after_sensitive: value(document.sensitive_values)?,
            ..Values::default()
        };
        self.keep_secrets(&walk, &values);
        if is_kept {
            let (after, sensitive) = (values.after.as_ref(), values.after_sensitive.as_ref());
            self.stated.push(Stated {
                values: Kept::of(&walk, after, sensitive, None).after,
                mode: match document.mode.as_deref() {
                    Some("data") => Mode::Data,
                    _ => Mode::Managed,
                },
                address: document.address,
            });
        }
        Ok(())
    }

    pub(super) fn standing(&mut self, document: StandingDocument) -> Result<(), ChangesError> {
        let status = match document.status.as_str() {
            "pass" => StandingStatus::Pass,
            "fail" => StandingStatus::Fail,
            "error" => StandingStatus::Error,
            _ => StandingStatus::Unknown,
        };
        let problems = document
            .instances
            .into_iter()
            .flat_map(|instance| instance.problems)
            .map(|problem| problem.message)
            .collect();
        self.standings.push(Standing {
            address: document.address.to_display,
            status,
            problems,
        });
        Ok(())
    }

    pub(super) fn output(
        &mut self,
        name: String,
        change: ChangeDocument,
    ) -> Result<(), ChangesError> {
        let address = format!("output.{name}");
        let action = action(&address, &change)?;
        let mut walk = Walk::at(&address, self.reading.sensitive);
        let values = Values::of(change)?;
        self.keep_secrets(&walk, &values);
        if action == Action::NoOp {
            return Ok(());
        }
        walk.compare(&mut String::new(), &values.sides());
        self.outputs.push(OutputChange {
            name,
            action,
            parts: walk.found,
        });
        Ok(())
    }

    fn resource(
        &mut self,
        mut document: ResourceDocument,
        wanted: &[AddressPattern],
    ) -> Result<ResourceChange, ChangesError> {
        let action = moved(action(&document.address, &document.change)?, &document);
        let importing = document.change.importing.as_ref().map(|from| Importing {
            id: from.id.as_deref().map(Into::into),
        });
        let mut walk = Walk::at(&document.address, self.reading.sensitive);
        let mut wanted = wanted.iter();
        let is_kept =
            action.leaves_it() && wanted.any(|pattern| pattern.matches(&document.address));
        let is_still = matches!(action, Action::NoOp | Action::Move);
        let is_plain = walk.patterns.is_empty()
            && !says_true(&document.change.before_sensitive)
            && !says_true(&document.change.after_sensitive);
        let mut attributes = Vec::new();
        if is_kept || !(is_still && is_plain) {
            walk.forcing = forcing(&document.change.replace_paths);
            if is_still {
                document.change.before = None;
            }
            let values = Values::of(document.change)?;
            self.keep_secrets(&walk, &values);
            if is_kept {
                self.kept.push(Kept::of(
                    &walk,
                    values.after.as_ref(),
                    values.after_sensitive.as_ref(),
                    values.unknown.as_ref(),
                ));
            }
            // Of what goes nothing is shown: that it goes is what matters.
            if action.leaves_it() && !is_still {
                walk.compare(&mut String::new(), &values.sides());
                attributes = std::mem::take(&mut walk.found);
            }
        }
        attributes.shrink_to_fit();
        let previous_address = document
            .previous_address
            .filter(|previous| *previous != document.address);
        Ok(ResourceChange {
            previous_address,
            module: document.module_address,
            mode: match document.mode.as_deref() {
                Some("data") => Mode::Data,
                _ => Mode::Managed,
            },
            kind: document.kind,
            provider: document.provider_name,
            deposed: document.deposed,
            action,
            reason: document.action_reason.as_deref().map(spaced),
            importing,
            attributes,
            address: document.address,
        })
    }

    fn keep_secrets(&mut self, walk: &Walk<'_>, values: &Values) {
        let secrets = &mut self.secrets;
        let mut take = |path: &str, text: &str| keep(secrets, walk.address, path, text);
        for (value, marks) in [
            (&values.before, &values.before_sensitive),
            (&values.after, &values.after_sensitive),
        ] {
            if let Some(value) = value {
                gather(walk, &mut String::new(), value, marks.as_ref(), &mut take);
            }
        }
    }

    /// The variables that the configuration declares sensitive are secrets, wherever else they stand.
    fn keep_variables(&mut self) -> Result<(), ChangesError> {
        for (name, variable) in std::mem::take(&mut self.variables) {
            let declared = self.declared.get(&name);
            if !declared.is_some_and(|declared| declared.sensitive) {
                continue;
            }
            if let Some(value) = value(variable.value)? {
                let address = format!("var.{name}");
                let walk = Walk::at(&address, &[]);
                let secrets = &mut self.secrets;
                let mut take = |path: &str, text: &str| keep(secrets, &address, path, text);
                let all = Value::Bool(true);
                gather(&walk, &mut String::new(), &value, Some(&all), &mut take);
            }
        }
        Ok(())
    }

    pub(super) fn into_changes(mut self) -> Result<Changes, ChangesError> {
        if !self.has_format {
            let because = "it has no `format_version`";
            return Err(ChangesError::NotAPlan { because });
        }
        if !self.is_plan {
            let because = "it has no `planned_values`";
            return Err(ChangesError::NotAPlan { because });
        }
        self.keep_variables()?;
        let masker = Masker::new(
            self.secrets
                .iter()
                .map(|(secret, place)| (place.clone(), secret.clone())),
        )?;
        let mut changes = Changes {
            terraform_version: self.terraform_version.unwrap_or_default(),
            timestamp: self.timestamp,
            complete: self.complete.unwrap_or(self.deferred.is_empty()),
            errored: self.errored.unwrap_or_default(),
            applyable: self.applyable,
            resources: self.resources,
            unchanged: self.unchanged,
            drift: self.drift,
            deferred: self.deferred,
            outputs: self.outputs,
            standings: self.standings,
            kept: self.kept,
            secrets: self.secrets,
            masker,
        };
        changes.close();
        Ok(changes)
    }
}

impl Changes {
    /// Masks and shortens every text that is shown.
    fn close(&mut self) {
        let masker = &self.masker;
        let mask = |text: &str| match masker.mask(text) {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(masked) => Some(masked),
        };
        let deferred = self
            .deferred
            .iter_mut()
            .map(|deferred| &mut deferred.change);
        let resources = self.resources.iter_mut().chain(&mut self.drift);
        for resource in resources.chain(deferred) {
            for attribute in &mut resource.attributes {
                attribute.finish(mask);
            }
            if let Some(id) = resource
                .importing
                .as_mut()
                .and_then(|from| from.id.as_mut())
                && let Some(masked) = mask(id)
            {
                *id = masked.into();
            }
        }
        for part in self.outputs.iter_mut().flat_map(|output| &mut output.parts) {
            part.finish(mask);
        }
        let problems = self
            .standings
            .iter_mut()
            .flat_map(|standing| &mut standing.problems);
        for problem in problems {
            if let Some(masked) = mask(problem) {
                *problem = masked;
            }
        }
    }
}

impl AttributeChange {
    fn finish(&mut self, mask: impl Fn(&str) -> Option<String> + Copy) {
        let (before, after) = (self.before.closed(mask), self.after.closed(mask));
        if before.is_none() && after.is_none() {
            return;
        }
        if self.print.is_none() {
            self.print = Some(Box::new(print(
                &self.before.to_string(),
                &self.after.to_string(),
            )));
        }
        self.before = before.unwrap_or_else(|| std::mem::replace(&mut self.before, Shown::Absent));
        self.after = after.unwrap_or_else(|| std::mem::replace(&mut self.after, Shown::Absent));
    }
}

impl Values {
    fn of(change: ChangeDocument) -> Result<Self, ChangesError> {
        let marks = |part: Part| {
            if says_true(&part) {
                value(part)
            } else {
                Ok(None)
            }
        };
        Ok(Self {
            before: value(change.before)?,
            after: value(change.after)?,
            unknown: marks(change.after_unknown)?,
            before_sensitive: marks(change.before_sensitive)?,
            after_sensitive: marks(change.after_sensitive)?,
        })
    }

    fn sides(&self) -> Sides<'_> {
        Sides {
            before: self.before.as_ref(),
            after: self.after.as_ref(),
            unknown: self.unknown.as_ref(),
            before_sensitive: self.before_sensitive.as_ref(),
            after_sensitive: self.after_sensitive.as_ref(),
        }
    }
}

/// Whether a tree of marks may hold one. Most do not, and are not read.
fn says_true(part: &Part) -> bool {
    part.as_ref()
        .is_some_and(|part| part.get().contains("true"))
}

fn value(part: Part) -> Result<Option<Value>, ChangesError> {
    let read = |part: Box<RawValue>| serde_json::from_str(part.get());
    // What is JSON in the document is JSON here; only its depth has a bound of its own.
    part.map(read)
        .transpose()
        .map_err(|error| ChangesError::Malformed {
            what: "a value is nested too deeply",
            line: error.line(),
            column: error.column(),
            part: None,
        })
}

fn action(address: &str, change: &ChangeDocument) -> Result<Action, ChangesError> {
    let words: Vec<&str> = change.actions.iter().map(String::as_str).collect();
    let replace = |create_before_destroy| Action::Replace {
        create_before_destroy,
    };
    Ok(match words.as_slice() {
        ["no-op"] => match change.importing {
            Some(_) => Action::Import,
            None => Action::NoOp,
        },
        ["create"] => Action::Create,
        ["read"] => Action::Read,
        ["update"] => Action::Update,
        ["delete"] => Action::Delete,
        ["forget"] => Action::Forget,
        ["delete", "create"] => replace(false),
        ["create", "delete"] => replace(true),
        _ => {
            return Err(ChangesError::Action {
                address: address.to_owned(),
                actions: words.join(", "),
            });
        }
    })
}

/// A resource of which only the address changes is moved.
fn moved(action: Action, document: &ResourceDocument) -> Action {
    let previous = document.previous_address.as_ref();
    match action {
        Action::NoOp if previous.is_some_and(|previous| *previous != document.address) => {
            Action::Move
        }
        other => other,
    }
}

/// Writes the paths that force a replacement as paths of fields.
fn forcing(paths: &[Vec<Value>]) -> Vec<String> {
    let written = |steps: &Vec<Value>| {
        let mut path = String::new();
        for step in steps {
            match (step.as_str(), step.as_u64().map(usize::try_from)) {
                (Some(name), _) => push_name(&mut path, name),
                (None, Some(Ok(index))) => push_index(&mut path, index),
                (None, _) => break,
            };
        }
        path
    };
    paths.iter().map(written).collect()
}

fn keep(secrets: &mut IndexMap<Secret, String>, address: &str, path: &str, text: &str) {
    let place = || match path {
        "" => address.to_owned(),
        path if path.starts_with('[') => format!("{address}{path}"),
        path => format!("{address}.{path}"),
    };
    secrets.entry(Secret::new(text)).or_insert_with(place);
}

/// `replace_because_cannot_update` as people read it.
fn spaced(word: &str) -> String {
    word.replace('_', " ")
}
