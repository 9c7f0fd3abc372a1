//! Files of credentials: those that are found, and the one that children get.

use std::{fs, path::Path, process::Command};

use ring::rsa::KeyPair;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};

use super::{ACCOUNT, SUBJECT, World, variables};
use crate::cloud::{self, CloudError, GoogleIdentity};

/// Who somebody is by application default credentials.
async fn who_by_default(world: &World, pairs: &[(&str, &str)]) -> Option<String> {
    let identity = GoogleIdentity::by_default(&variables(pairs), world.services());
    world.who(&identity.expect("an identity")).await
}

fn write(folder: &Path, name: &str, document: &Value) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, document.to_string()).expect("a file");
    path.to_string_lossy().into_owned()
}

/// Makes an RSA key, which nothing in this program can.
fn rsa_key() -> String {
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ])
        .output()
        .expect("openssl is there; `apt-get install openssl` brings it");
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).expect("a PEM")
}

fn public_key(pem: &str) -> Vec<u8> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
    let pair = KeyPair::from_pkcs8(key.secret_pkcs8_der()).expect("an RSA key");
    pair.public().as_ref().to_vec()
}

#[cfg(unix)]
#[tokio::test]
async fn children_get_a_file_that_its_owner_alone_reads_and_that_google_takes() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    for account in [None, Some(ACCOUNT)] {
        let identity = world.identity(account);
        let given = identity.token().await.expect("a token");
        let file = identity.credential_file(folder.path()).expect("no error");
        let file = file.expect("a file");
        let path = file.path().to_owned();
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(
            !text.contains(given.secret().expose()),
            "no token that runs out"
        );
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(name.starts_with("gha-creds-") && name.len() == 31, "{name}");
        // Who reads it is the same, and stays it after the token that is good now.
        world.pass(3600);
        let pairs = [(
            "GOOGLE_APPLICATION_CREDENTIALS",
            path.to_str().expect("text"),
        )];
        let who = who_by_default(&world, &pairs).await;
        assert_eq!(who.as_deref(), Some(account.unwrap_or(SUBJECT)));
        drop(file);
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_file_that_was_handed_over_stays_for_whoever_removes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let file = world.identity(None).credential_file(folder.path());
    let path = file.expect("no error").expect("a file").hand_over();
    assert!(path.exists());
}

#[test]
fn children_find_file_and_project_under_all_their_names() {
    let named = cloud::variables(Some(Path::new("/x.json")), "acme");
    let of = |value: &str| {
        let named = named.iter().filter(|(_, found)| found == value);
        named.map(|(name, _)| *name).collect::<Vec<_>>()
    };
    assert_eq!(
        of("/x.json"),
        [
            "GOOGLE_APPLICATION_CREDENTIALS",
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
            "GOOGLE_GHA_CREDS_PATH"
        ]
    );
    assert_eq!(of("acme").len(), 5);
    assert_eq!(cloud::variables(None, "acme").len(), 5);
}

#[tokio::test]
async fn a_persons_login_is_found_where_gcloud_keeps_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::trusting(|trust| {
        trust.refresh_tokens.insert("refresh".to_owned());
    });
    let home = folder.path().to_str().expect("text");
    let person = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "refresh",
    });
    let name = ".config/gcloud/application_default_credentials.json";
    write(folder.path(), name, &person);
    let who = who_by_default(&world, &[("HOME", home)]).await;
    assert_eq!(who.as_deref(), Some("a person"));
    // One that was taken back is told as such.
    let revoked = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "old",
    });
    let path = write(folder.path(), "old.json", &revoked);
    let pairs = variables(&[("HOME", home), ("GOOGLE_APPLICATION_CREDENTIALS", &path)]);
    let identity = GoogleIdentity::by_default(&pairs, world.services()).expect("an identity");
    let problem = identity.token().await.expect_err("it was taken back");
    assert!(
        problem.to_string().contains("expired or was revoked"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_key_signs_by_googles_clock_where_ours_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let pem = rsa_key();
    let world = World::trusting(|trust| {
        trust.keys.insert(ACCOUNT.to_owned(), public_key(&pem));
    });
    let key = |pem: &str| {
        json!({
            "type": "service_account", "client_email": ACCOUNT, "private_key": pem,
            "private_key_id": "1", "token_uri": format!("{}/token", world.google.base_url()),
        })
    };
    let path = write(folder.path(), "key.json", &key(&pem));
    for ahead in [0, 3600, -3600] {
        world
            .ahead
            .store(ahead, std::sync::atomic::Ordering::Relaxed);
        let who = who_by_default(&world, &[("GOOGLE_APPLICATION_CREDENTIALS", &path)]).await;
        assert_eq!(who.as_deref(), Some(ACCOUNT), "{ahead}");
    }
    world.ahead.store(0, std::sync::atomic::Ordering::Relaxed);
    let other = write(folder.path(), "other.json", &key(&rsa_key()));
    let pairs = variables(&[("GOOGLE_APPLICATION_CREDENTIALS", &other)]);
    let identity = GoogleIdentity::by_default(&pairs, world.services()).expect("an identity");
    let problem = identity.token().await.expect_err("another key");
    assert!(
        problem.to_string().contains("Invalid JWT Signature"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_machine_is_asked_who_it_is_only_where_it_is_googles() {
    let world = World::new();
    let base = world.google.base_url();
    let host = base.trim_start_matches("http://");
    let who = who_by_default(&world, &[("GCE_METADATA_HOST", host)]).await;
    assert_eq!(who.as_deref(), Some("the machine"));
    let nowhere = variables(&[("HOME", "/nowhere"), ("NO_GCE_CHECK", "true")]);
    let problem = GoogleIdentity::by_default(&nowhere, world.services()).expect_err("nobody");
    assert!(
        matches!(problem, CloudError::NoDefaultCredentials { .. }),
        "{problem:?}"
    );
    let words = problem.to_string();
    assert!(words.contains("/nowhere/.config/gcloud/"), "{words}");
}

#[tokio::test]
async fn a_subject_token_may_lie_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let variables = world.google.variables();
    let audience = format!("//iam.googleapis.com/{}", super::PROVIDER);
    let url = format!(
        "{}&audience=https:{audience}",
        variables["ACTIONS_ID_TOKEN_REQUEST_URL"]
    );
    let bearer = &variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    let answer = world
        .services()
        .http
        .get(url)
        .bearer_auth(bearer)
        .send()
        .await;
    let document: Value = answer.expect("an answer").json().await.expect("JSON");
    let token = write(folder.path(), "token.json", &document);
    let file = write(
        folder.path(),
        "external.json",
        &json!({
            "type": "external_account", "audience": audience,
            "token_url": format!("{}/v1/token", world.google.base_url()),
            "credential_source": {
                "file": token, "format": { "type": "json", "subject_token_field_name": "value" },
            },
        }),
    );
    let who = who_by_default(&world, &[("GOOGLE_APPLICATION_CREDENTIALS", &file)]).await;
    assert_eq!(who.as_deref(), Some(SUBJECT));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_and_never_quoted() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let insecure = json!({
        "type": "external_account", "audience": "a", "token_url": "http://sts.example/token",
        "credential_source": { "file": "/x" },
    });
    let key = json!({ "type": "service_account", "client_email": "a", "private_key": "hunter2" });
    for (document, expected) in [
        (json!("hunter2"), "a `type`"),
        (
            json!({ "type": "gdch_service_account" }),
            "gdch_service_account",
        ),
        (
            json!({ "type": "authorized_user", "refresh_token": "hunter2" }),
            "it lacks",
        ),
        (insecure, "http://sts.example/token"),
        (key, "no PEM"),
    ] {
        let path = write(folder.path(), "file.json", &document);
        let pairs = variables(&[("GOOGLE_APPLICATION_CREDENTIALS", &path)]);
        let problem = GoogleIdentity::by_default(&pairs, world.services()).expect_err("unusable");
        let words = problem.to_string();
        assert!(words.contains(&path) && words.contains(expected), "{words}");
        assert!(!words.contains("hunter2"), "{words}");
        assert!(problem.hint().is_some());
    }
}
