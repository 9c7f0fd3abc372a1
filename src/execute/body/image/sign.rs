//! Who signs an image: the key that is given, else the job, where the plan asks for it.

use super::super::{Attempt, ExecuteError, Run};
use crate::{
    attestation::{
        AUDIENCE, AttestationError, JobSigner, KeylessError, Signer, SigningKey, Sigstore,
    },
    cloud::IdTokens,
    event::Reality,
    expression::Value,
    login::services,
    plan::kind::image::Image,
    secret::Secret,
};

/// Whether an image is signed, and by whom.
pub(super) enum Signing {
    /// Nobody signs.
    No,
    /// Somebody does.
    By(Signer),
    /// Somebody would: a rehearsal has no keys, asks no certificate authority, and writes into no log, which forgets nothing.
    NotInRehearsal,
}

impl Signing {
    /// Finds who signs, before anything is made for it. Nobody is asked for anything yet.
    pub(super) fn of<'p>(
        run: &Run<'_, 'p>,
        attempt: &Attempt<'_, 'p>,
        image: &Image,
    ) -> Result<Self, ExecuteError> {
        if image.sign == Some(false) {
            return Ok(Self::No);
        }
        if let Some(key) = signing_key(run, attempt)? {
            return Ok(key);
        }
        if image.sign.is_none() {
            return Ok(Self::No);
        }
        let services = run.with_surroundings(services);
        let (http, repeats) = (services.http.clone(), services.repeats);
        let stand_ins = &run.world.stand_ins;
        let sigstore = match &stand_ins.sigstore {
            Some(server) => Ok(Sigstore::led(&server.url, http, repeats)),
            None if stand_ins.is_rehearsal() => return Ok(Self::NotInRehearsal),
            None => Sigstore::new(&run.world.variables, http, repeats),
        };
        let sigstore = sigstore.map_err(AttestationError::from)?;
        let variables = run.oidc_variables();
        run.add_to_mask(IdTokens::secrets(&variables))?;
        let tokens = IdTokens::new(AUDIENCE, &variables, services)
            .map_err(|problem| AttestationError::from(KeylessError::Nobody(problem)))?;
        Ok(Self::By(Signer::from(JobSigner::new(tokens, sigstore))))
    }

    /// Who signs, where somebody does.
    pub(super) fn signer(&self) -> Option<&Signer> {
        match self {
            Self::By(signer) => Some(signer),
            Self::No | Self::NotInRehearsal => None,
        }
    }

    /// Whether a signature was the real thing.
    pub(super) fn reality(&self, run: &Run<'_, '_>) -> Reality {
        match (self, &run.world.stand_ins.sigstore) {
            (Self::NotInRehearsal, _) => Reality::NotRun {
                because:
                    "a rehearsal has no key, asks no certificate authority and writes into no public log"
                        .to_owned(),
            },
            (Self::By(Signer::Job(_)), Some(server)) => server.reality(),
            (Self::By(_) | Self::No, _) => Reality::Real,
        }
    }
}

/// Whoever has the secret `COSIGN_PRIVATE_KEY`, with its password in `COSIGN_PASSWORD`.
fn signing_key<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
) -> Result<Option<Signing>, ExecuteError> {
    let secret = |name: &str| {
        let declared = run.secrets.get(name).ok().cloned();
        declared.or_else(|| run.world.variable(name).map(Secret::new))
    };
    let Some(pem) = secret("COSIGN_PRIVATE_KEY") else {
        return Ok(None);
    };
    let password = secret("COSIGN_PASSWORD");
    for secret in password.iter().chain([&pem]) {
        run.mask_computed(attempt.node, &Value::Secret(secret.clone()))?;
    }
    // What a rehearsal puts in the place of a secret is no key.
    let mut stand_ins = run.world.stand_ins.secrets.values();
    if stand_ins.any(|canary| canary == pem.expose()) {
        return Ok(Some(Signing::NotInRehearsal));
    }
    let key = SigningKey::from_pem(&pem, password.as_ref())?;
    Ok(Some(Signing::By(Signer::from(key))))
}
