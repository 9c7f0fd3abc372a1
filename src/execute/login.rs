//! Logins: of registries, and those that the processes of a task get.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{ExecuteError, Run, scope::Artifacts};
use crate::{
    cloud::{
        self, Addresses, Clock, CredentialFile, Federation, GoogleIdentity, IdTokens, Provider,
        Services,
    },
    event::{Effect, FailureKind, Reality},
    expression::{Map, Value},
    graph::Node,
    image::Credentials,
    login::{Surroundings, logins_for, services},
    plan::model::ConnectionKind,
    process::CommandSpec,
};

/// The provider that a stand-in is asked by where the plan names none.
const REHEARSED_PROVIDER: &str =
    "projects/1/locations/global/workloadIdentityPools/rehearsal/providers/rehearsal";

/// The logins of a run. Who is asked for once is kept, with the token that is good at the moment.
#[derive(Debug, Default)]
pub struct Logins {
    google: RefCell<BTreeMap<String, Arc<GoogleIdentity>>>,
    registries: RefCell<BTreeMap<String, Vec<(String, Credentials)>>>,
}

/// What the processes of a task get of its `login`.
#[derive(Debug, Default)]
pub(super) struct ChildLogins {
    variables: Vec<(&'static str, String)>,
    files: Vec<CredentialFile>,
    pub(super) effects: Vec<Effect>,
}

impl ChildLogins {
    /// Adds the variables to what is to be run.
    pub(super) fn apply(&self, spec: CommandSpec) -> CommandSpec {
        let with = |spec: CommandSpec, (name, value): &(&str, String)| spec.env(*name, value);
        let spec = self.variables.iter().fold(spec, with);
        let paths = self.files.iter().map(CredentialFile::path);
        paths.fold(spec, |spec, path| spec.remove_at_end(path))
    }

    /// Leaves the files to the keeper, which removes them when the child has ended.
    pub(super) fn hand_over(self) -> Vec<PathBuf> {
        let files = self.files.into_iter();
        files.map(CredentialFile::hand_over).collect()
    }
}

impl<'p> Run<'_, 'p> {
    /// Finds the logins of a registry that the plan says nothing of, each with the part of it that it is for.
    pub(super) fn known_logins(
        &self,
        host: &str,
    ) -> Result<Vec<(String, Credentials)>, ExecuteError> {
        if let Some(known) = self.logins.registries.borrow().get(host) {
            return Ok(known.clone());
        }
        let found = self.with_surroundings(|surroundings| logins_for(host, surroundings))?;
        let found = found.into_iter();
        let found: Vec<_> = found
            .map(|login| (login.scope, login.credentials))
            .collect();
        let mut known = self.logins.registries.borrow_mut();
        known.insert(host.to_owned(), found.clone());
        Ok(found)
    }

    pub(super) fn with_surroundings<T>(&self, ask: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        // A program that knows passwords is no task: the plan's secrets are nothing to it.
        let is_secret = |name: &str| self.graph.plan().secrets.contains_key(name);
        let variables = self.world.variables.iter();
        let variables = variables
            .filter(|(name, _)| !is_secret(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        ask(&Surroundings {
            variables: &variables,
            runner: &self.world.runner,
            http: &self.world.http,
            clock: &Clock::new(jiff::Timestamp::now),
        })
    }

    /// Returns the identity that a google connection stands for, the same for all who ask.
    pub(super) fn google(
        &self,
        node: &Node<'p>,
        name: &str,
    ) -> Result<Arc<GoogleIdentity>, ExecuteError> {
        let body = self.google_body(node, name)?;
        let text = |key: &str| body.get(key).and_then(Value::as_plain_text);
        let provider = text("workload-identity-provider");
        let account = self.account(name, &body)?;
        let key = format!("{name} {provider:?} {account:?}");
        if let Some(known) = self.logins.google.borrow().get(&key) {
            return Ok(Arc::clone(known));
        }
        self.add_to_mask(IdTokens::secrets(&self.oidc_variables()))?;
        let identity = Arc::new(self.identify(provider.as_deref(), account)?);
        let mut known = self.logins.google.borrow_mut();
        known.insert(key, Arc::clone(&identity));
        Ok(identity)
    }

    fn identify(
        &self,
        provider: Option<&str>,
        service_account: Option<String>,
    ) -> Result<GoogleIdentity, ExecuteError> {
        let services = self.with_surroundings(services);
        let stand_in = self.world.stand_ins.google.as_ref();
        let services = match stand_in {
            Some(google) => Services {
                addresses: Addresses::led(&google.server.url),
                ..services
            },
            None => services,
        };
        // A person's machine has no OIDC: who is logged in there is who acts.
        let is_job = self.world.runner.on_actions || stand_in.is_some();
        let provider = provider.or(stand_in.map(|_| REHEARSED_PROVIDER));
        Ok(match provider.filter(|_| is_job) {
            Some(provider) => {
                let federation = Federation {
                    provider: provider
                        .parse::<Provider>()
                        .map_err(cloud::CloudError::from)?,
                    service_account,
                };
                GoogleIdentity::federated(&federation, &self.oidc_variables(), services)?
            }
            None => GoogleIdentity::by_default(&self.world.variables, services)?,
        })
    }

    /// The account that the job takes on: in a pull request the one that can only read, and no other.
    fn account(&self, name: &str, body: &Map) -> Result<Option<String>, ExecuteError> {
        let text = |key: &str| body.get(key).and_then(Value::as_plain_text);
        let own = text("service-account");
        if !self.trust().only_reads() {
            return Ok(own);
        }
        match (text("preview-service-account"), own) {
            (None, Some(own)) => {
                let message = format!(
                    "connection `{name}` has no account that a pull request may take on; `{own}` is not for it"
                );
                Err(ExecuteError::task(FailureKind::Invalid, message).hint(
                    "name one that can only read as `preview-service-account` of the connection",
                ))
            }
            (preview, _) => Ok(preview),
        }
    }

    /// Where OIDC tokens come from: the runner, or what stands in its place.
    pub(super) fn oidc_variables(&self) -> BTreeMap<String, String> {
        match &self.world.stand_ins.google {
            Some(google) => google.variables.clone(),
            None => self.world.variables.clone(),
        }
    }

    fn google_body(&self, node: &Node<'p>, name: &str) -> Result<Map, ExecuteError> {
        let connections = &self.graph.plan().connections;
        let connection = connections
            .get(name)
            .filter(|connection| connection.kind == ConnectionKind::Google);
        let Some(connection) = connection else {
            let message = format!("connection `{name}` is no google connection");
            return Err(ExecuteError::task(FailureKind::Invalid, message));
        };
        let known = self.recorder.known();
        let scope = self.scope_of(node, &known, Artifacts::ByContent);
        match connection.body.evaluate(&scope)? {
            Value::Map(body) => Ok(body),
            _ => {
                let message = format!("connection `{name}` has no keys");
                Err(ExecuteError::task(FailureKind::Internal, message))
            }
        }
    }

    /// Prepares what the processes of a task get of its `login`: by the variables of Google's own tools, and by a file that only its
    /// owner reads.
    pub(super) fn child_logins(&self, node: &Node<'p>) -> Result<ChildLogins, ExecuteError> {
        let mut logins = ChildLogins::default();
        for name in &node.task.login {
            let connection = self.graph.plan().connections.get(name);
            match connection.map(|connection| connection.kind) {
                Some(ConnectionKind::Google) => self.log_in(node, name.as_str(), &mut logins)?,
                Some(kind) => self.recorder.notice(&format!(
                    "{}: this version logs its processes in to connections of kind google, and not to `{name}`, of kind {}",
                    node.key,
                    kind.key()
                )),
                None => {}
            }
        }
        Ok(logins)
    }

    fn log_in(
        &self,
        node: &Node<'p>,
        name: &str,
        logins: &mut ChildLogins,
    ) -> Result<(), ExecuteError> {
        let identity = self.google(node, name)?;
        let project = self.google_body(node, name)?;
        let project = project.get("project").and_then(Value::as_plain_text);
        let file = identity.credential_file(Path::new(self.world.scratch.as_str()))?;
        let path = file.as_ref().map(CredentialFile::path);
        let project = project.unwrap_or_default();
        logins.variables.extend(cloud::variables(path, &project));
        logins.files.extend(file);
        let stand_in = self.world.stand_ins.google.as_ref();
        logins.effects.push(Effect {
            what: format!("log in to Google Cloud by `{name}`"),
            reality: stand_in.map_or(Reality::Real, |google| google.server.reality()),
        });
        Ok(())
    }
}
