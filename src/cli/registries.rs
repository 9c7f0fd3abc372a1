//! A client for registries, for verbs that work without a plan: whose login goes where, what stands in, what is known of blobs.

use std::{path::PathBuf, sync::Arc};

use camino::Utf8Path;
use jiff::Timestamp;

use super::{CliError, Environment, Exit};
use crate::{
    cloud::Clock,
    event::FailureKind,
    execute::{StandIns, stand_in},
    github::RunnerContext,
    image::{BlobCache, Endpoints, ImageError, RegistryClient, RetryPolicy, http_client},
    login::{Surroundings, logins_for},
};

/// Makes a client that knows the logins of these registries, by the hosts that references name.
///
/// # Errors
///
/// A login seems to be there and cannot be read, or the environment holds what it cannot.
pub fn registry_client<'h>(
    hosts: impl IntoIterator<Item = &'h str>,
    environment: &Environment,
    pace: RetryPolicy,
) -> Result<RegistryClient, CliError> {
    let stand_ins = stand_ins(environment)?;
    let mut endpoints = Endpoints::default();
    for (host, server) in &stand_ins.registries {
        let url = server
            .url
            .parse()
            .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
        endpoints = endpoints.lead(host, url);
    }
    let runner = RunnerContext::read(&environment.variables)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let http = http_client(concat!("deploy-action/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| image_error(&error))?;
    let clock = Clock::new(Timestamp::now);
    let surroundings = Surroundings {
        variables: &environment.variables,
        runner: &runner,
        http: &http,
        clock: &clock,
    };
    let mut client = RegistryClient::new(http.clone())
        .with_endpoints(endpoints)
        .with_retries(pace)
        .with_blob_cache(Arc::new(blob_cache(environment)));
    for host in hosts {
        // A stand-in asks for no login, and a secret does not go where it does not have to.
        if stand_ins.registries.contains_key(host) {
            continue;
        }
        let logins = logins_for(host, &surroundings).map_err(|error| {
            let failed = CliError::from_error(Exit::Failed, &error);
            match error.hint() {
                Some(hint) => failed.hint(hint),
                None => failed,
            }
        })?;
        for login in logins {
            client = client.with_credentials(login.scope, login.credentials);
        }
    }
    Ok(client)
}

/// What a rehearsal put in the place of others; nothing outside of one.
///
/// # Errors
///
/// Its file cannot be read.
pub fn stand_ins(environment: &Environment) -> Result<StandIns, CliError> {
    match environment.get(stand_in::VARIABLE) {
        Some(path) => StandIns::read(Utf8Path::new(path))
            .map_err(|error| CliError::from_error(Exit::Usage, &error)),
        None => Ok(StandIns::default()),
    }
}

/// The blob cache in its place, as the XDG base directory specification says.
pub fn blob_cache(environment: &Environment) -> BlobCache {
    let cache = match (environment.get("XDG_CACHE_HOME"), environment.get("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => return BlobCache::default(),
    };
    BlobCache::open(cache.join("deploy-action").join("blobs.jsonl"))
}

/// What a failure around an image ends the program with.
pub fn image_error(error: &ImageError) -> CliError {
    let failed = CliError::from_error(exit_of(error.kind()), error);
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// The exit of a verb whose work is with a service.
pub fn exit_of(kind: FailureKind) -> Exit {
    match kind {
        FailureKind::Unavailable | FailureKind::Timeout | FailureKind::Quota => Exit::Unavailable,
        FailureKind::Internal => Exit::Bug,
        _ => Exit::Failed,
    }
}
