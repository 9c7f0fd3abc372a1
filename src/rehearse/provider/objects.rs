//! Objects of the stand-in's cloud: made, read, changed, deleted, imported, and shown by data sources.

use std::time::Duration;

use serde_json::Value as Json;

use super::{
    cloud::Contents,
    computed::Computing,
    fault::{Call, Fault},
    kept::{kept, read_back},
    problem::Problem,
    rules::{DataRule, ResourceRule},
    schema::Schema,
    service::{Service, dynamic, said, text, value},
    template::Scope,
    value::Value,
    wire::{Fields, Message},
};

/// Between two looks for an object that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Equal objects that may be in a cloud, each with a name of its own.
const MOST_ALIKE: usize = 10_000;

/// A resource of one type, with what a call knows about it.
struct Resource<'s> {
    service: &'s Service,
    kind: &'s str,
    schema: &'s Schema,
    rule: ResourceRule,
}

/// What became of a change: the state as far as it is known, and what went wrong.
struct Applied {
    state: Value,
    problem: Option<Problem>,
}

impl Applied {
    fn done(state: Value) -> Self {
        Self {
            state,
            problem: None,
        }
    }

    fn failed(state: Value, problem: impl Into<Problem>) -> Self {
        Self {
            state,
            problem: Some(problem.into()),
        }
    }
}

impl Service {
    /// Answers `ApplyResourceChange`: whatever goes wrong, terraform is told what there is.
    pub(super) async fn apply(&self, fields: &Fields<'_>) -> Message {
        let read = || {
            let resource = self.of_kind(text(fields, 1)?)?;
            let block = &resource.schema.block;
            let (prior, planned) = (value(fields, 2, block)?, value(fields, 3, block)?);
            Ok((resource, prior, planned))
        };
        let (resource, prior, planned) = match read() {
            Ok(read) => read,
            Err(problem) => return said(3, Err(problem)),
        };
        let applied = match (prior.is_null(), planned.is_null()) {
            (true, _) => resource.create(planned).await,
            (false, true) => resource.delete(prior).await,
            (false, false) => resource.update(prior, planned).await,
        };
        let message = Message::default().message(1, &dynamic(&applied.state));
        message.messages(3, applied.problem.iter().map(Problem::message))
    }

    /// Answers `ReadResource`.
    pub(super) async fn read(&self, fields: &Fields<'_>) -> Result<Message, Problem> {
        let resource = self.of_kind(text(fields, 1)?)?;
        let state = value(fields, 2, &resource.schema.block)?;
        let name = resource.identity(&state)?;
        let found = resource.look(&name).await?;
        let state = match found {
            Some(json) => read_back(&resource.schema.block, &json, &state)?,
            None => Value::Null,
        };
        Ok(Message::default().message(1, &dynamic(&state)))
    }

    /// Answers `ImportResourceState`: an object by the name that the cloud's file gives it.
    pub(super) fn import(&self, fields: &Fields<'_>) -> Result<Message, Problem> {
        let (kind, name) = (text(fields, 1)?, text(fields, 2)?);
        let resource = self.of_kind(kind)?;
        let contents = self.cloud.read()?;
        let json = contents
            .object(kind, name)
            .ok_or_else(|| not_there(kind, name))?;
        let state = read_back(&resource.schema.block, json, &resource.schema.block.none())?;
        let imported = Message::default()
            .text(1, kind)
            .message(2, &dynamic(&state));
        Ok(Message::default().message(1, &imported))
    }

    /// Answers `ReadDataSource`.
    pub(super) async fn read_data_source(&self, fields: &Fields<'_>) -> Result<Message, Problem> {
        let kind = text(fields, 1)?;
        let schema = self.data_source(kind)?;
        let config = value(fields, 2, &schema.block)?;
        let rule = self
            .rules
            .data_sources
            .get(kind)
            .cloned()
            .unwrap_or_default();
        let shown = match &rule.of {
            Some(of) => Some(self.shown(of, &rule, &config).await?),
            None => None,
        };
        let mut open = schema.block.opened(&config);
        let of = schema.block.implied_type();
        if let (Some(shown), Value::Members(members)) = (shown, &mut open) {
            for (name, member) in members {
                if member.is_unknown() && schema.block.is_same(name, &shown.0.block) {
                    *member = shown.1.get(name).clone();
                }
            }
        }
        let given = self.given()?;
        let computing = Computing {
            rules: &rule.computed,
            config: &self.config(),
            given: &given,
            seed: kind,
            n_alike: 0,
        };
        let state = computing.complete(open, &of)?;
        Ok(Message::default().message(1, &dynamic(&state)))
    }

    /// Finds the object that a data source shows.
    async fn shown<'s>(
        &'s self,
        of: &'s str,
        rule: &DataRule,
        config: &Value,
    ) -> Result<(&'s Schema, Value), Problem> {
        let resource = self.of_kind(of)?;
        let wanted: Vec<(&str, String)> = rule
            .by
            .iter()
            .filter_map(|(ours, theirs)| Some((theirs.as_str(), config.get(ours).as_text()?)))
            .collect();
        let is_it = |json: &Json| {
            let fits = |(name, text): &(&str, String)| text_of(&json[*name]).as_ref() == Some(text);
            wanted.iter().all(fits)
        };
        let contents = self.cloud.read()?;
        let name = contents
            .objects_of(of)
            .find_map(|(name, json)| is_it(json).then(|| name.clone()));
        let words: Vec<String> = wanted
            .iter()
            .map(|(name, text)| format!("{name} {text}"))
            .collect();
        let missing = || not_there(of, &words.join(", "));
        let json = resource.look(&name.ok_or_else(missing)?).await?;
        let block = &resource.schema.block;
        let value = read_back(block, &json.ok_or_else(missing)?, &block.none())?;
        Ok((resource.schema, value))
    }

    fn of_kind<'s>(&'s self, kind: &'s str) -> Result<Resource<'s>, Problem> {
        let (schema, rule) = self.resource(kind)?;
        Ok(Resource {
            service: self,
            kind,
            schema,
            rule,
        })
    }
}

impl Resource<'_> {
    async fn create(&self, planned: Value) -> Applied {
        let made = match self.make(&planned) {
            Ok(made) => made,
            Err(problem) => return Applied::failed(Value::Null, problem),
        };
        // The object is there from here on: whoever is cut off now finds it in the cloud, and in terraform's state.
        let (name, state) = made;
        match self.wait(Call::Create, &name).await {
            Ok(()) => Applied::done(state),
            Err(problem) => Applied::failed(state, problem),
        }
    }

    /// Puts a new object into the cloud, and returns its name and its state.
    fn make(&self, planned: &Value) -> Result<(String, Value), Problem> {
        let cloud = &self.service.cloud;
        cloud.change(|contents| {
            let (name, state) = self.new_object(planned, contents)?;
            let fault = self.fault(&name)?;
            if let Some(words) = fault.failure(Call::Create, &self.object(&name), contents) {
                return Err(self.refused(&name, &words));
            }
            let there = contents.objects_of(self.kind).count();
            if fault.quota.is_some_and(|most| there >= most) {
                let words = format!("quota exceeded: {there} of {there} {} are used", self.kind);
                return Err(self.refused(&name, &words));
            }
            contents.put(self.kind, &name, kept(&self.schema.block, &state));
            if let Some(later) = fault.later {
                contents
                    .unseen
                    .insert(self.object(&name), later.reads.into());
            }
            Ok((name, state))
        })?
    }

    /// Computes an object. Where its name is made up, it is one that nobody has or had.
    fn new_object(
        &self,
        planned: &Value,
        contents: &mut Contents,
    ) -> Result<(String, Value), Problem> {
        let seed = self.seed(planned);
        let first = contents.made(&seed);
        let mut before = None;
        for n_alike in first..first + MOST_ALIKE {
            let state = self.complete(planned, n_alike)?;
            let name = self.identity(&state)?;
            if contents.object(self.kind, &name).is_none() {
                contents.note_made(&seed, n_alike + 1);
                return Ok((name, state));
            }
            if before.replace(name.clone()) == Some(name.clone()) {
                return Err(self.refused(&name, "409: it exists already"));
            }
        }
        Err(self.refused("", "409: there are too many of its kind"))
    }

    async fn update(&self, prior: Value, planned: Value) -> Applied {
        let change = async {
            let name = self.identity(&prior)?;
            let cloud = &self.service.cloud;
            cloud.change(|contents| self.may(Call::Update, &name, contents))??;
            self.wait(Call::Update, &name).await?;
            let state = self.complete(&planned, 0)?;
            let new_name = self.identity(&state)?;
            cloud.change(|contents| {
                if new_name != name {
                    contents.remove(self.kind, &name);
                }
                contents.put(self.kind, &new_name, kept(&self.schema.block, &state));
            })?;
            Ok::<_, Problem>(state)
        };
        match change.await {
            Ok(state) => Applied::done(state),
            Err(problem) => Applied::failed(prior, problem),
        }
    }

    async fn delete(&self, prior: Value) -> Applied {
        let change = async {
            let name = self.identity(&prior)?;
            let protection = self.rule.protected_by.as_ref();
            if protection.is_some_and(|by| *prior.get(by) == Value::Bool(true)) {
                return Err(self.refused(&name, "it is protected from being deleted"));
            }
            let cloud = &self.service.cloud;
            let is_there = cloud.change(|contents| {
                let is_there = contents.object(self.kind, &name).is_some();
                if is_there {
                    self.may(Call::Delete, &name, contents)?;
                }
                Ok::<_, Problem>(is_there)
            })??;
            if is_there {
                self.wait(Call::Delete, &name).await?;
            }
            cloud.change(|contents| contents.remove(self.kind, &name))?;
            Ok::<_, Problem>(())
        };
        match change.await {
            Ok(()) => Applied::done(Value::Null),
            Err(problem) => Applied::failed(prior, problem),
        }
    }

    /// Whether a call on an object that should be there goes through.
    fn may(&self, call: Call, name: &str, contents: &mut Contents) -> Result<(), Problem> {
        if contents.object(self.kind, name).is_none() {
            return Err(not_there(self.kind, name));
        }
        let fault = self.fault(name)?;
        match fault.failure(call, &self.object(name), contents) {
            Some(words) => Err(self.refused(name, &words)),
            None => Ok(()),
        }
    }

    /// Reads what the cloud holds of an object, again and again while it is not shown.
    async fn look(&self, name: &str) -> Result<Option<Json>, Problem> {
        self.wait(Call::Read, name).await?;
        loop {
            let fault = self.fault(name)?;
            let object = self.object(name);
            let (found, is_hidden) = self.service.cloud.change(|contents| {
                if let Some(words) = fault.failure(Call::Read, &object, contents) {
                    return Err(self.refused(name, &words));
                }
                let is_hidden = one_look_less(contents, &object);
                Ok((contents.object(self.kind, name).cloned(), is_hidden))
            })??;
            if !is_hidden {
                return Ok(found);
            }
            if fault.later.is_some_and(|later| later.shown) {
                return Ok(None);
            }
            tokio::select! {
                () = self.service.stopped() => return Err(self.stopped(Call::Read, name)),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Takes as long as a fault says, or until terraform asks for an end.
    async fn wait(&self, call: Call, name: &str) -> Result<(), Problem> {
        let fault = self.fault(name)?;
        if fault.crashes(call) {
            // As a provider of Go ends that panics.
            std::process::exit(2);
        }
        let Some(delay) = fault.delay(call) else {
            return Ok(());
        };
        tokio::select! {
            () = self.service.stopped(), if !fault.deaf => Err(self.stopped(call, name)),
            () = tokio::time::sleep(delay) => Ok(()),
        }
    }

    /// Returns the object with everything that is known after apply.
    fn complete(&self, planned: &Value, n_alike: usize) -> Result<Value, Problem> {
        let computing = Computing {
            rules: &self.rule.computed,
            config: &self.service.config(),
            given: &self.service.given()?,
            seed: &self.seed(planned),
            n_alike,
        };
        computing.complete(planned.clone(), &self.schema.block.implied_type())
    }

    /// What an object is made from.
    fn seed(&self, planned: &Value) -> String {
        format!("{} {}", self.kind, kept(&self.schema.block, planned))
    }

    /// Returns the name by which the cloud knows an object.
    fn identity(&self, state: &Value) -> Result<String, Problem> {
        let template = self
            .rule
            .identity
            .as_deref()
            .unwrap_or("{self.id|self.name}");
        let scope = Scope {
            object: state,
            config: &self.service.config(),
            given: &serde_json::Map::new(),
            seed: "",
            n_alike: 0,
        };
        Ok(scope.fill_text(template, "")?)
    }

    fn fault(&self, name: &str) -> Result<Fault, Problem> {
        Ok(self.service.faults.of(self.kind, Some(name))?)
    }

    fn object(&self, name: &str) -> String {
        format!("{}.{name}", self.kind)
    }

    fn refused(&self, name: &str, words: &str) -> Problem {
        Problem::new(
            words,
            format!("The stand-in's cloud refused `{}`", self.object(name)),
        )
    }

    fn stopped(&self, call: Call, name: &str) -> Problem {
        Problem::new(
            format!("{} was interrupted", call.name()),
            format!(
                "Terraform asked for an end while `{}` was not done",
                self.object(name)
            ),
        )
    }
}

/// Counts a look at an object; whether it did not find it yet.
fn one_look_less(contents: &mut Contents, object: &str) -> bool {
    let left = contents
        .unseen
        .get(object)
        .and_then(Json::as_u64)
        .unwrap_or(0);
    match left {
        0 => false,
        1 => {
            contents.unseen.shift_remove(object);
            true
        }
        left => {
            contents.unseen.insert(object.to_owned(), (left - 1).into());
            true
        }
    }
}

fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(json.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn not_there(kind: &str, name: &str) -> Problem {
    Problem::new(
        "404: not found",
        format!("The stand-in's cloud holds no `{kind}` with {name}"),
    )
}
