//! What is attached before the tags move: what is in the image, and a signature where somebody signs.

use jiff::Timestamp;

use crate::{
    attestation::{AttestationError, Claim, Signer, contents, sbom, spdx},
    cli::{CliError, Environment, Exit, output, registries::image_error},
    image::{
        Access, Attachment, Descriptor, ImageError, Layout, PublishTarget, RegistryClient, attach,
    },
};

/// Documents, each with the manifest that it is about, and the key that signs the image under each of its names.
pub(super) struct Documents {
    about: Vec<(Descriptor, Attachment)>,
    signer: Option<Signer>,
    root: Descriptor,
}

/// Whether the contents of an image are listed beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sbom {
    Wanted,
    Unwanted,
}

impl Documents {
    /// Writes what is wanted.
    ///
    /// # Errors
    ///
    /// The image's content cannot be read.
    pub(super) fn of(
        layout: &Layout,
        wanted: Sbom,
        signer: Option<Signer>,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let root = layout.root().map_err(|error| image_error(&error))?.clone();
        let about = match wanted {
            Sbom::Wanted => lists(layout, environment)?,
            Sbom::Unwanted => Vec::new(),
        };
        Ok(Self {
            about,
            signer,
            root,
        })
    }

    /// Whether there is nothing to attach.
    pub(super) fn is_empty(&self) -> bool {
        self.about.is_empty() && self.signer.is_none()
    }

    /// Attaches them in every repository, which has the image by its digest.
    ///
    /// # Errors
    ///
    /// A registry refuses or cannot be reached: then no tag was moved.
    pub(super) async fn attach(
        &self,
        client: &RegistryClient,
        targets: &[PublishTarget],
    ) -> Result<(), CliError> {
        let failed = |error: ImageError| image_error(&error);
        for target in targets {
            let name = &target.repository;
            let repository = client.repository(name, Access::Push).map_err(failed)?;
            let mut about = self.about.clone();
            if let Some(signer) = &self.signer {
                let claim = Claim::Image {
                    repository: name.clone(),
                    digest: self.root.digest,
                };
                let signature = claim
                    .sign_once(signer, &repository, &self.root)
                    .await
                    .map_err(|error| attestation_error(&error))?;
                let signature = signature.into_iter().flatten();
                about.extend(signature.map(|document| (self.root.clone(), document)));
            }
            for (subject, document) in &about {
                let attached = attach(&repository, subject, std::slice::from_ref(document))
                    .await
                    .map_err(failed)?;
                for warning in attached.warnings {
                    output::words(&format!("warning: {warning}\n"));
                }
            }
        }
        Ok(())
    }
}

fn lists(
    layout: &Layout,
    environment: &Environment,
) -> Result<Vec<(Descriptor, Attachment)>, CliError> {
    let created = environment
        .get("SOURCE_DATE_EPOCH")
        .and_then(|text| Timestamp::from_second(text.parse().ok()?).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let images = layout.images().map_err(|error| image_error(&error))?;
    let mut about = Vec::new();
    for (image, platform) in images {
        let found = contents(layout, &image).map_err(|error| attestation_error(&error))?;
        let document = spdx(image.digest, &platform, &found, created)
            .map_err(AttestationError::Document)
            .map_err(|error| attestation_error(&error))?;
        about.push((image, sbom(document)));
    }
    Ok(about)
}

pub(super) fn attestation_error(error: &AttestationError) -> CliError {
    let failed = CliError::from_error(Exit::Failed, error);
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}
