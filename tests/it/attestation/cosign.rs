//! What was signed, verified by cosign.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use deploy_action::{
    attestation::{Claim, Occasion, Signer, SigningKey},
    image::{
        Access, Attachment, ImageReference, PublishTarget, RegistryClient, RepositoryName, attach,
        http_client, publish,
    },
    secret::Secret,
};

use deploy_action_test_wire::ISSUER;
use serde_json::Value;

use super::{image, provenance_of};
use crate::registries::{self, Running};

/// cosign with a home of its own.
pub struct Cosign {
    folder: tempfile::TempDir,
}

impl Cosign {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    /// A pair of keys, the private one behind this password; returns it and where the public one lies.
    pub fn keys(&self, password: &str) -> (Secret, PathBuf) {
        let keys = tempfile::tempdir_in(self.folder.path())
            .expect("a folder")
            .keep();
        let (code, words) = self.call(&keys, password, &["generate-key-pair"]);
        assert_eq!(code, Some(0), "{words}");
        let private = fs::read_to_string(keys.join("cosign.key")).expect("a key");
        (Secret::new(private), keys.join("cosign.pub"))
    }

    fn call(&self, folder: &Path, password: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(registries::program("cosign"))
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("COSIGN_PASSWORD", password)
            .output()
            .expect("it starts");
        let words = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&words).into_owned(),
        )
    }

    /// Whether a signature by this key is accepted, and what it said.
    pub fn verifies(&self, key: &Path, image: &ImageReference, options: &[&str]) -> (bool, String) {
        self.ask("verify", key, image, options)
    }

    pub fn verifies_provenance(
        &self,
        key: &Path,
        image: &ImageReference,
        options: &[&str],
    ) -> (bool, String) {
        let options = [&["--type", "slsaprovenance1"], options].concat();
        self.ask("verify-attestation", key, image, &options)
    }

    fn ask(
        &self,
        verb: &str,
        key: &Path,
        image: &ImageReference,
        options: &[&str],
    ) -> (bool, String) {
        let key = key.display().to_string();
        let by = [&["--key", &key, "--insecure-ignore-tlog"], options].concat();
        self.accepts(verb, image, &by)
    }

    /// Whether it accepts an image by these options, and what it said.
    pub fn accepts(&self, verb: &str, image: &ImageReference, options: &[&str]) -> (bool, String) {
        let image = image.to_string();
        let arguments = [&[verb], options, &[&image]].concat();
        let (code, words) = self.call(self.folder.path(), "", &arguments);
        (code == Some(0), words)
    }

    /// Whether it accepts an image as signed by somebody without a key, by a trusted root and without asking anybody.
    pub fn accepts_as(
        &self,
        trusted: &Value,
        (verb, identity): (&str, &str),
        image: &ImageReference,
        options: &[&str],
    ) -> (bool, String) {
        let root = self.folder.path().join("trusted_root.json");
        fs::write(&root, trusted.to_string()).expect("a file");
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
        self.accepts(verb, image, &[&by, options].concat())
    }
}

/// An image in a registry, as programs name it.
pub struct Published {
    pub client: RegistryClient,
    pub repository: RepositoryName,
    pub reference: ImageReference,
    pub subject: deploy_action::image::Descriptor,
}

impl Published {
    pub async fn to(registry: &Running, content: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = image(folder.path(), &[("/app", content)]);
        let client = RegistryClient::new(http_client("test").expect("a client"));
        let repository: RepositoryName = format!("{}/acme/api", registry.host)
            .parse()
            .expect("a repository");
        let target = PublishTarget {
            repository: repository.clone(),
            tags: vec!["main".parse().expect("a tag")],
        };
        let published = publish(&client, &layout, &[target])
            .await
            .expect("published");
        Self {
            reference: published.targets[0].reference.clone(),
            subject: layout.root().expect("an image").clone(),
            client,
            repository,
        }
    }

    pub async fn attach(&self, attachments: &[Attachment]) -> usize {
        let repository = self.client.repository(&self.repository, Access::Push);
        let repository = repository.expect("an address");
        let attached = attach(&repository, &self.subject, attachments).await;
        attached.expect("attached").added.len()
    }

    pub fn image(&self) -> Claim {
        Claim::Image {
            repository: self.repository.clone(),
            digest: self.subject.digest,
        }
    }

    pub fn provenance(&self) -> Claim {
        Claim::Statement {
            statement: provenance_of(self.subject.digest),
            occasion: Occasion {
                revision: Some("abc".to_owned()),
                created: None,
            },
        }
    }
}

/// Image and provenance, signed.
async fn signed(published: &Published, signer: &Signer) -> Vec<Attachment> {
    let image = published.image().sign(signer).await.expect("signed");
    let made = published.provenance().sign(signer).await.expect("signed");
    [image, made].concat()
}

/// The registries that keep lists, and those that do not.
pub fn everywhere() -> [Running; 3] {
    [
        registries::embedded(),
        registries::version_2(),
        registries::version_3(),
    ]
}

/// What cosign 3 looks for first, and what cosign 2 looks for.
pub const FORMS: [&[&str]; 2] = [&[], &["--new-bundle-format=false"]];

#[tokio::test(flavor = "multi_thread")]
async fn cosign_accepts_our_signature_and_our_provenance_in_every_registry_and_form() {
    let cosign = Cosign::new();
    let (private, public) = cosign.keys("a password");
    let key = SigningKey::from_pem(&private, Some(&Secret::new("a password"))).expect("a key");
    assert_eq!(
        fs::read_to_string(&public).expect("a key"),
        key.public_pem()
    );
    let signer = Signer::from(key);
    for registry in everywhere() {
        let published = Published::to(&registry, b"x").await;
        let image = &published.reference;
        let (is_signed, words) = cosign.verifies(&public, image, &[]);
        assert!(!is_signed, "before it is signed: {words}");
        let documents = signed(&published, &signer).await;
        assert_eq!(published.attach(&documents).await, 4);
        for form in FORMS {
            let (is_signed, words) = cosign.verifies(&public, image, form);
            assert!(is_signed, "{form:?}: {words}");
            let (is_attested, words) = cosign.verifies_provenance(&public, image, form);
            assert!(is_attested, "{form:?}: {words}");
        }
        // Another run signs again, and says again how the image was made; neither is added.
        let documents = signed(&published, &signer).await;
        assert_eq!(published.attach(&documents).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_refuses_another_key_and_a_document_that_was_changed() {
    let cosign = Cosign::new();
    let (private, public) = cosign.keys("");
    let (_, another) = cosign.keys("");
    let signer = Signer::from(SigningKey::from_pem(&private, None).expect("a key"));
    let registry = registries::embedded();
    let right = Published::to(&registry, b"right").await;
    let documents = signed(&right, &signer).await;
    right.attach(&documents).await;
    for form in FORMS {
        let (accepted, words) = cosign.verifies(&another, &right.reference, form);
        assert!(!accepted, "{words}");
        let (accepted, words) = cosign.verifies_provenance(&another, &right.reference, form);
        assert!(!accepted, "{words}");
    }
    // The documents of one image say nothing of another, and signed bytes that were changed say nothing at all.
    let wrong = Published::to(&registry, b"wrong").await;
    wrong.attach(&documents).await;
    let changed = Published::to(&registry, b"changed").await;
    let made = signed(&changed, &signer).await;
    let made: Vec<_> = made.into_iter().map(tampered).collect();
    changed.attach(&made).await;
    for image in [&wrong.reference, &changed.reference] {
        for form in FORMS {
            let (accepted, words) = cosign.verifies(&public, image, form);
            assert!(!accepted, "{words}");
            let (accepted, words) = cosign.verifies_provenance(&public, image, form);
            assert!(!accepted, "{words}");
        }
    }
}

/// The document with one character of what was signed replaced by another.
fn tampered(attachment: Attachment) -> Attachment {
    let text = String::from_utf8(attachment.bytes.to_vec()).expect("JSON");
    let changed = match text.split_once("\"payload\":\"") {
        // Payloads begin with `{"_type"`, in base64.
        Some((before, after)) => format!(
            "{before}\"payload\":\"{}",
            after.replacen("IsIn", "IsIm", 1)
        ),
        None => text.replacen("cosign container", "cosign  container", 1),
    };
    assert_ne!(changed, text);
    Attachment {
        bytes: changed.into(),
        ..attachment
    }
}

#[test]
fn a_key_of_another_kind_or_behind_another_password_is_refused_without_showing_it() {
    let cosign = Cosign::new();
    let (private, _) = cosign.keys("a password");
    let wrong = Secret::new("another password");
    for (pem, password, because) in [
        (
            private.expose().to_owned(),
            Some(&wrong),
            "its password is wrong",
        ),
        (private.expose().to_owned(), None, "its password is wrong"),
        ("hunter2".to_owned(), None, "-----BEGIN"),
        (
            private.expose().replace("SIGSTORE", "RSA"),
            None,
            "ENCRYPTED RSA",
        ),
        (
            private.expose().replace("-----END", "----END"),
            None,
            "ends without",
        ),
    ] {
        let refused = SigningKey::from_pem(&Secret::new(pem), password).expect_err(because);
        let words = refused.to_string();
        assert!(words.contains(because), "{words}");
        assert!(!words.contains("hunter2") && words.len() < 200, "{words}");
        assert!(refused.hint().is_some());
    }
}
