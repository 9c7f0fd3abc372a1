//! Registries, as the plan's connections name them.

use std::{collections::BTreeMap, sync::Arc};

use super::{ExecuteError, Run, scope::Artifacts};
use crate::{
    event::FailureKind,
    expression::{Map, Value},
    graph::Node,
    image::{Credentials, Endpoints, ImageReference, RegistryClient, RepositoryName},
    login::is_github,
    plan::model::ConnectionKind,
    secret::Secret,
};

/// GitHub's registry on the internet.
const GHCR: &str = "ghcr.io";

/// A registry connection with its expressions evaluated.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its host.
    pub host: String,
    /// What stands before the image's name.
    pub path: Option<String>,
    /// By host, or by host and the beginning of a repository's path.
    credentials: Vec<(String, Credentials)>,
    /// Whether it is GitHub's own, whose packages have owners.
    is_github: bool,
}

impl<'p> Run<'_, 'p> {
    /// Evaluates a registry connection for a task.
    pub(super) fn registry(&self, node: &Node<'p>, name: &str) -> Result<Registry, ExecuteError> {
        let connection = self
            .graph
            .plan()
            .connections
            .get(name)
            .filter(|connection| connection.kind == ConnectionKind::Registry);
        let Some(connection) = connection else {
            return Err(ExecuteError::task(
                FailureKind::Invalid,
                format!("connection `{name}` is no registry"),
            ));
        };
        let body = {
            let known = self.recorder.known();
            let scope = self.scope_of(node, &known, Artifacts::ByContent);
            connection.body.evaluate(&scope)?
        };
        self.mask_computed(node, &body)?;
        let Value::Map(body) = body else {
            return Err(ExecuteError::task(
                FailureKind::Internal,
                format!("connection `{name}` has no keys"),
            ));
        };
        let text = |key: &str| body.get(key).and_then(Value::as_plain_text);
        let host = text("host").unwrap_or_default();
        Ok(Registry {
            path: text("path"),
            credentials: self.credentials(node, &host, &body)?,
            is_github: host == GHCR || is_github(&host, &self.world.runner.servers.server_url),
            host,
        })
    }

    /// The logins of a registry: what the connection says, else what is known of it here.
    fn credentials(
        &self,
        node: &Node<'p>,
        host: &str,
        body: &Map,
    ) -> Result<Vec<(String, Credentials)>, ExecuteError> {
        // A stand-in asks for no login, and a secret does not go where it does not have to.
        if self.world.stand_ins.registries.contains_key(host) {
            return Ok(Vec::new());
        }
        let whole = |credentials| Ok(vec![(host.to_owned(), credentials)]);
        let text = |key: &str| body.get(key).and_then(Value::as_plain_text);
        let password = match body.get("password") {
            Some(Value::Secret(secret)) => Some(secret.clone()),
            Some(value) => value.as_plain_text().map(Secret::new),
            None => None,
        };
        if let Some(password) = password {
            let username = text("username").unwrap_or_default();
            return whole(Credentials::password(username, password));
        }
        if let Some(login) = text("login") {
            let identity = self.google(node, &login)?;
            return whole(Credentials::Google(identity));
        }
        let logins = self.known_logins(host)?.into_iter();
        let named = logins.map(
            |(scope, credentials)| match (credentials, text("username")) {
                (Credentials::Password { password, .. }, Some(username)) => {
                    (scope, Credentials::password(username, password))
                }
                (credentials, _) => (scope, credentials),
            },
        );
        Ok(named.collect())
    }

    /// Returns a client that knows the logins of some registries, and where stand-ins are.
    pub(super) fn registry_client(
        &self,
        registries: &[Registry],
    ) -> Result<RegistryClient, ExecuteError> {
        let mut endpoints = Endpoints::default();
        for (host, server) in &self.world.stand_ins.registries {
            let url = server.url.parse().map_err(|error| {
                ExecuteError::task(
                    FailureKind::Internal,
                    format!("the stand-in of `{host}` has no address: {error}"),
                )
            })?;
            endpoints = endpoints.lead(host, url);
        }
        let mut client = RegistryClient::new(self.world.http.clone())
            .with_endpoints(endpoints)
            .with_blob_cache(Arc::clone(&self.world.blobs));
        for registry in registries {
            for (scope, credentials) in &registry.credentials {
                client = client.with_credentials(scope, credentials.clone());
            }
        }
        Ok(client)
    }

    /// Returns a client for one reference, with the login of the connection whose registry it names.
    pub(super) fn client_for(
        &self,
        node: &Node<'p>,
        reference: &ImageReference,
    ) -> Result<RegistryClient, ExecuteError> {
        let host = reference.repository().registry();
        let mut registries = Vec::new();
        for (name, connection) in &self.graph.plan().connections {
            if connection.kind == ConnectionKind::Registry {
                // A connection that cannot be evaluated yet is not the one of this reference.
                registries.extend(
                    self.registry(node, name.as_str())
                        .ok()
                        .filter(|registry| registry.host == host),
                );
            }
        }
        self.registry_client(&registries)
    }
}

/// Returns the name of an image in a registry: under the connection's path, lower-cased.
///
/// # Errors
///
/// The result is no name of a repository, or nothing tells the owner.
pub fn repository_name(
    registry: &Registry,
    name: Option<&str>,
    repository: Option<&crate::github::Repository>,
) -> Result<RepositoryName, ExecuteError> {
    let owner = registry.path.clone().or_else(|| {
        repository
            .filter(|_| registry.is_github)
            .map(|repository| repository.owner().to_owned())
    });
    let name = match name {
        Some(name) => name.to_owned(),
        None => repository
            .map(|repository| repository.name().to_owned())
            .ok_or_else(|| {
                ExecuteError::task(
                    FailureKind::Invalid,
                    "the image has no `name`, and no repository is known whose name it could take",
                )
                .hint("write `name`, or run in a clone with a remote `origin`")
            })?,
    };
    if registry.is_github && owner.is_none() {
        return Err(ExecuteError::task(
            FailureKind::Invalid,
            "the owner of the package is not known",
        )
        .hint("write `path: OWNER` in the connection, or run in a clone with a remote `origin`"));
    }
    let path = owner.map_or_else(
        || name.clone(),
        |owner| format!("{}/{name}", owner.trim_matches('/')),
    );
    RepositoryName::new(&registry.host, &path.to_lowercase())
        .map_err(|error| ExecuteError::task(FailureKind::Invalid, error.to_string()))
}

/// Maps registry to reference, for the output `references`.
pub fn references_by_registry(references: &[ImageReference]) -> Value {
    let by_registry: BTreeMap<&str, String> = references
        .iter()
        .map(|reference| (reference.repository().registry(), reference.to_string()))
        .collect();
    Value::Map(
        by_registry
            .into_iter()
            .map(|(host, reference)| (host.to_owned(), Value::from(reference)))
            .collect(),
    )
}
