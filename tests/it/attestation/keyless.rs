//! Signing as a job, without a key: by a stand-in for sigstore, verified by cosign itself.

use std::fs;

use deploy_action::{
    attestation::{AUDIENCE, JobSigner, Signer, Sigstore},
    cloud::{Addresses, Clock, IdTokens, Repeats, Services},
    image::{Access, ImageReference, http_client},
};
use deploy_action_test_wire::{IDENTITY, ISSUER, SigstoreFault, SigstoreServer};

use super::cosign::{Cosign, FORMS, Published, everywhere};
use crate::registries;

/// The job whose tokens this server gives.
fn signer(sigstore: &SigstoreServer) -> Signer {
    let http = http_client("test").expect("a client");
    let variables = sigstore.variables();
    let services = Services {
        http: http.clone(),
        addresses: Addresses::default(),
        clock: Clock::new(jiff::Timestamp::now),
        repeats: Repeats::immediate(),
    };
    let tokens = IdTokens::new(AUDIENCE, &variables, services).expect("a job");
    let services = Sigstore::new(&variables, http, Repeats::immediate()).expect("addresses");
    Signer::Job(Box::new(JobSigner::new(tokens, services)))
}

/// cosign, which believes this server and asks nobody.
struct Verifier<'s> {
    cosign: Cosign,
    sigstore: &'s SigstoreServer,
}

impl<'s> Verifier<'s> {
    fn new(sigstore: &'s SigstoreServer) -> Self {
        let cosign = Cosign::new();
        Self { cosign, sigstore }
    }

    fn accepts(&self, image: &ImageReference, identity: &str, options: &[&str]) -> (bool, String) {
        let root = self.cosign.folder().join("trusted_root.json");
        fs::write(&root, self.sigstore.trusted_root().to_string()).expect("a file");
        let root = root.display().to_string();
        let by = [
            "--trusted-root",
            &root,
            "--certificate-identity",
            identity,
            "--certificate-oidc-issuer",
            ISSUER,
            // The stand-in keeps no log of certificates.
            "--insecure-ignore-sct",
            "--rekor-url=",
        ];
        let (is_signed, words) = self
            .cosign
            .accepts("verify", image, &[&by, options].concat());
        let made = ["--type", "slsaprovenance1"];
        let by = [&by, options, &made].concat();
        let (is_made, more) = self.cosign.accepts("verify-attestation", image, &by);
        assert_eq!(is_signed, is_made, "{words}\n{more}");
        (is_signed, words + &more)
    }
}

/// Signs image and provenance where they are not signed; tells how many documents were added.
async fn sign(published: &Published, signer: &Signer) -> usize {
    let repository = published
        .client
        .repository(&published.repository, Access::Push)
        .expect("an address");
    let mut n_added = 0;
    for claim in [published.image(), published.provenance()] {
        let signed = claim.sign_once(signer, &repository, &published.subject);
        if let Some(documents) = signed.await.expect("signed") {
            n_added += published.attach(&documents).await;
        }
    }
    n_added
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_accepts_what_a_job_signed_as_that_job_and_as_no_other() {
    let sigstore = SigstoreServer::start();
    let verifier = Verifier::new(&sigstore);
    for registry in everywhere() {
        let published = Published::to(&registry, b"x").await;
        let image = &published.reference;
        assert_eq!(sign(&published, &signer(&sigstore)).await, 4);
        for form in FORMS {
            let (accepted, words) = verifier.accepts(image, IDENTITY, form);
            assert!(accepted, "{form:?}: {words}");
            let other = IDENTITY.replace("refs/heads/main", "refs/heads/other");
            let (accepted, words) = verifier.accepts(image, &other, form);
            assert!(!accepted, "{form:?}: {words}");
        }
    }
}
