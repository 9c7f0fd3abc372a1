//! Who signs what is published: the key that is given, else the job, where `--sign` asks for it.

use super::attach::attestation_error;
use crate::{
    attestation::{
        AUDIENCE, AttestationError, JobSigner, KeylessError, Signer, SigningKey, Sigstore,
    },
    cli::{
        CliError, Environment, Exit, output,
        registries::{image_error, stand_ins},
    },
    cloud::{Clock, IdTokens},
    github::RunnerContext,
    image::http_client,
    login::{Surroundings, services},
    secret::Secret,
};

/// Whether an image is signed where there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Wanted,
    ByKeyAlone,
}

/// Finds who signs; nobody is asked for anything yet.
///
/// # Errors
///
/// The key is none, or a signature is wanted and nobody can make it.
pub(super) fn signer(sign: Sign, environment: &Environment) -> Result<Option<Signer>, CliError> {
    let failed = |error: AttestationError| attestation_error(&error);
    let secret = |name: &str| environment.get(name).map(Secret::new);
    if let Some(pem) = secret("COSIGN_PRIVATE_KEY") {
        let key = SigningKey::from_pem(&pem, secret("COSIGN_PASSWORD").as_ref()).map_err(failed)?;
        return Ok(Some(Signer::from(key)));
    }
    if sign == Sign::ByKeyAlone {
        return Ok(None);
    }
    let stand_ins = stand_ins(environment)?;
    if stand_ins.is_rehearsal() && stand_ins.sigstore.is_none() {
        output::words(
            "warning: the image is not signed: a rehearsal asks no certificate authority and writes into no public log\n",
        );
        return Ok(None);
    }
    let runner = RunnerContext::read(&environment.variables)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let http = http_client(concat!("deploy-action/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| image_error(&error))?;
    let clock = Clock::new(jiff::Timestamp::now);
    let services = services(&Surroundings {
        variables: &environment.variables,
        runner: &runner,
        http: &http,
        clock: &clock,
    });
    let sigstore = match &stand_ins.sigstore {
        Some(server) => Sigstore::led(&server.url, http, services.repeats),
        None => Sigstore::new(&environment.variables, http, services.repeats)
            .map_err(|problem| failed(problem.into()))?,
    };
    let tokens = IdTokens::new(AUDIENCE, &environment.variables, services)
        .map_err(|problem| failed(KeylessError::Nobody(problem).into()))?;
    let job = JobSigner::new(tokens, sigstore);
    Ok(Some(Signer::from(job)))
}
