//! Signing as a job, without a key: by a stand-in for sigstore, verified by cosign itself.

use deploy_action::{
    attestation::{AUDIENCE, JobSigner, Signer, Sigstore},
    cloud::{Addresses, Clock, IdTokens, Repeats, Services},
    event::FailureKind,
    image::{Access, ImageReference, http_client},
};
use deploy_action_test_wire::{IDENTITY, SigstoreFault, SigstoreServer};
use serde_json::Value;

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
    Signer::from(JobSigner::new(tokens, services))
}

/// Whether cosign accepts both image and provenance as signed by somebody, and what it said.
pub fn accepts(
    sigstore: &SigstoreServer,
    image: &ImageReference,
    identity: &str,
    options: &[&str],
) -> (bool, String) {
    accepts_by(&sigstore.trusted_root(), image, identity, options)
}

fn accepts_by(
    trusted: &Value,
    image: &ImageReference,
    identity: &str,
    options: &[&str],
) -> (bool, String) {
    let cosign = Cosign::new();
    let verb = "verify";
    let (is_signed, words) = cosign.accepts_as(trusted, (verb, identity), image, options);
    let verb = "verify-attestation";
    let options = [options, &["--type", "slsaprovenance1"]].concat();
    let (is_made, more) = cosign.accepts_as(trusted, (verb, identity), image, &options);
    assert_eq!(is_signed, is_made, "{words}\n{more}");
    (is_signed, words + &more)
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
    for registry in everywhere() {
        let published = Published::to(&registry, b"x").await;
        let image = &published.reference;
        assert_eq!(sign(&published, &signer(&sigstore)).await, 4);
        for form in FORMS {
            let (accepted, words) = accepts(&sigstore, image, IDENTITY, form);
            assert!(accepted, "{form:?}: {words}");
            let other = IDENTITY.replace("refs/heads/main", "refs/heads/other");
            let (accepted, words) = accepts(&sigstore, image, &other, form);
            assert!(!accepted, "{form:?}: {words}");
            assert!(words.contains("refs/heads/main"), "{form:?}: {words}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_believes_neither_another_authority_nor_another_log() {
    let sigstore = SigstoreServer::start();
    let registry = registries::embedded();
    let published = Published::to(&registry, b"x").await;
    sign(&published, &signer(&sigstore)).await;
    let others = SigstoreServer::start();
    let [right, mut wrong] = [&sigstore, &others].map(SigstoreServer::trusted_root);
    let trusted = |root: &Value| {
        let (accepted, words) = accepts_by(root, &published.reference, IDENTITY, &[]);
        assert!(!accepted, "{words}");
    };
    trusted(&wrong);
    wrong["tlogs"] = right["tlogs"].clone();
    trusted(&wrong);
    let mut wrong = others.trusted_root();
    wrong["certificateAuthorities"] = right["certificateAuthorities"].clone();
    trusted(&wrong);
}

/// The kinds of what the log holds.
fn kinds(sigstore: &SigstoreServer) -> Vec<String> {
    let entries = sigstore.entries().into_iter();
    let mut kinds: Vec<String> = entries
        .map(|entry| entry["kind"].as_str().expect("a kind").to_owned())
        .collect();
    kinds.sort();
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_signed_is_signed_once_whatever_the_number_of_runs_and_registries() {
    let sigstore = SigstoreServer::start();
    let registries = [registries::embedded(), registries::version_2()];
    let first = Published::to(&registries[0], b"x").await;
    let second = Published::to(&registries[1], b"x").await;
    let in_one_run = signer(&sigstore);
    assert_eq!(sign(&first, &in_one_run).await, 4);
    assert_eq!(sign(&second, &in_one_run).await, 4);
    // The statements of the image and of its making once; the image's name is another one in each registry.
    let entries = ["dsse", "dsse", "hashedrekord", "hashedrekord"];
    assert_eq!(kinds(&sigstore), entries);
    let asked = |path: &str| {
        let requests = sigstore.requests();
        requests.iter().filter(|line| line.ends_with(path)).count()
    };
    assert_eq!(asked("signingCert"), 1);
    let in_another_run = signer(&sigstore);
    assert_eq!(sign(&first, &in_another_run).await, 0);
    assert_eq!(sign(&second, &in_another_run).await, 0);
    assert_eq!(kinds(&sigstore), entries);
    assert_eq!(asked("signingCert"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_whose_answer_was_lost_is_found_in_the_log_and_not_entered_twice() {
    let sigstore = SigstoreServer::start();
    let registry = registries::embedded();
    let published = Published::to(&registry, b"x").await;
    sigstore.fail(SigstoreFault::LostAnswer);
    assert_eq!(sign(&published, &signer(&sigstore)).await, 4);
    assert_eq!(kinds(&sigstore), ["dsse", "dsse", "hashedrekord"]);
    let requests = sigstore.requests();
    let found = requests
        .iter()
        .filter(|line| line.starts_with("GET /api/v1/log/entries/"));
    assert_eq!(found.count(), 1, "{requests:?}");
    let (accepted, words) = accepts(&sigstore, &published.reference, IDENTITY, &[]);
    assert!(accepted, "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_are_overloaded_for_a_moment_are_asked_again() {
    let sigstore = SigstoreServer::start();
    let registry = registries::embedded();
    let published = Published::to(&registry, b"x").await;
    sigstore.fail(SigstoreFault::Overloaded(3));
    assert_eq!(sign(&published, &signer(&sigstore)).await, 4);
    sigstore.fail(SigstoreFault::Overloaded(100));
    let refused = published.image().sign(&signer(&sigstore)).await;
    let refused = refused.expect_err("overloaded");
    assert_eq!(refused.kind(), FailureKind::Unavailable);
    assert!(
        refused.to_string().contains("(Fulcio) at http://127.0.0.1"),
        "{refused}"
    );
    assert!(refused.to_string().contains("503 (try again)"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_about_our_key_and_our_signature_is_refused() {
    let sigstore = SigstoreServer::start();
    let registry = registries::embedded();
    let published = Published::to(&registry, b"x").await;
    published
        .image()
        .sign(&signer(&sigstore))
        .await
        .expect("signed");
    for (fault, because) in [
        (
            SigstoreFault::AnotherKey,
            "a certificate for another key than ours",
        ),
        (
            SigstoreFault::AnotherEntry,
            "its entry is about something else than our signature",
        ),
    ] {
        sigstore.fail(fault);
        let refused = published.provenance().sign(&signer(&sigstore)).await;
        let refused = refused.expect_err(because);
        assert_eq!(refused.kind(), FailureKind::Task);
        assert!(refused.to_string().contains(because), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_who_refused_and_what_to_do_and_never_the_token() {
    let sigstore = SigstoreServer::start();
    let registry = registries::embedded();
    let published = Published::to(&registry, b"x").await;
    let issuer = "There was an error processing the identity token: unknown issuer".to_owned();
    for (fault, words) in [
        (SigstoreFault::Refused(400, issuer.clone()), issuer.as_str()),
        (SigstoreFault::Quoted, "its words quote the token"),
    ] {
        sigstore.fail(fault);
        let refused = published.image().sign(&signer(&sigstore)).await;
        let refused = refused.expect_err(words);
        let said = format!("{refused} {refused:?}");
        assert!(said.contains(words), "{said}");
        let hint = refused.hint().expect("what to do");
        assert!(hint.contains("SIGSTORE_FULCIO_URL"), "{hint}");
        for secret in sigstore.secrets() {
            assert!(!said.contains(&secret), "{said}");
        }
    }
}
