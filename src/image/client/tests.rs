//! How the client behaves towards registries of all kinds.

use std::sync::{Arc, Mutex};

use crate::{
    digest::Digest,
    event::FailureKind,
    image::{
        Access, CredentialHelper, Credentials, Descriptor, ImageError, Lookup, ManifestName,
        RepositoryName, Tag, Unknown, Upload,
        fixture::{Registry, Reply},
    },
    secret::Secret,
};

fn api() -> RepositoryName {
    "ghcr.io/acme/api".parse().expect("a repository")
}

fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: "application/octet-stream".to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        platform: None,
        annotations: Default::default(),
        urls: Vec::new(),
    }
}

fn status(status: u16) -> Option<Reply> {
    Some((status, Vec::new(), Vec::new()))
}

fn robot() -> Credentials {
    Credentials::password("robot", Secret::new("hunter2"))
}

#[tokio::test]
async fn a_token_is_bought_with_the_scope_and_bought_anew_when_it_runs_out() {
    let sold = Arc::new(Mutex::new(0));
    let seller = Arc::clone(&sold);
    let registry = Registry::with_trick(move |seen, _| {
        let mut sold = seller.lock().expect("no panic");
        if seen.target.starts_with("/token") {
            assert_eq!(
                seen.authorization.as_deref(),
                Some("Basic cm9ib3Q6aHVudGVyMg==")
            );
            *sold += 1;
            return Some((
                200,
                Vec::new(),
                format!(r#"{{"token":"t{sold}"}}"#).into_bytes(),
            ));
        }
        // Each token is good for one request.
        let good = seen.authorization.as_deref() == Some(&format!("Bearer t{sold}"));
        let first_use = seen
            .target
            .contains(&format!("blobs/{}", Digest::of(format!("{sold}"))));
        let challenge = r#"Bearer realm="/token",service="s",scope="repository:acme/api:pull""#;
        (!good || !first_use).then(|| {
            (
                401,
                vec![("www-authenticate", challenge.to_owned())],
                Vec::new(),
            )
        })
    })
    .await;
    let client = registry.client().with_credentials("ghcr.io", robot());
    let repository = client.repository(&api(), Access::Push).expect("an address");
    assert_eq!(
        repository.head_blob(Digest::of("1")).await.ok(),
        Some(false)
    );
    assert_eq!(
        repository.head_blob(Digest::of("2")).await.ok(),
        Some(false)
    );
    assert_eq!(*sold.lock().expect("no panic"), 2);
    assert_eq!(
        registry.seen("GET"),
        ["/token?service=s&scope=repository%3Aacme%2Fapi%3Apull%2Cpush"; 2]
    );
    // A token that is not accepted ends it: nothing is bought without end.
    let refused = repository
        .head_blob(Digest::of("9"))
        .await
        .expect_err("no token fits");
    assert_eq!(refused.kind(), FailureKind::AuthExpired);
    assert!(refused.hint().is_some());
}

#[tokio::test]
async fn one_token_is_bought_for_requests_at_the_same_time() {
    let registry = Registry::with_trick(|seen, _| match seen.target.as_str() {
        target if target.starts_with("/token") => {
            Some((200, Vec::new(), br#"{"token":"t"}"#.to_vec()))
        }
        _ if seen.authorization.is_none() => {
            let challenge = vec![("www-authenticate", r#"Bearer realm="/token""#.to_owned())];
            Some((401, challenge, Vec::new()))
        }
        _ => None,
    })
    .await;
    let client = registry.client();
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    let digests: Vec<_> = (0..8)
        .map(|number| Digest::of(format!("{number}")))
        .collect();
    let looks = digests.iter().map(|digest| repository.head_blob(*digest));
    for found in futures_util::future::join_all(looks).await {
        assert!(!found.expect("an answer"));
    }
    assert_eq!(registry.seen("GET").len(), 1);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_and_never_stands_in_an_address() {
    let registry = Registry::with_trick(|seen, _| match seen.target.as_str() {
        "/token" if seen.method == "POST" => {
            assert_eq!(seen.authorization, None);
            Some((200, Vec::new(), br#"{"access_token":"bought"}"#.to_vec()))
        }
        _ if seen.authorization.as_deref() != Some("Bearer bought") => {
            let challenge = r#"Bearer realm="/token",service="s""#.to_owned();
            Some((401, vec![("www-authenticate", challenge)], Vec::new()))
        }
        _ => None,
    })
    .await;
    let token = Credentials::IdentityToken(Secret::new("refresh"));
    let client = registry.client().with_credentials("ghcr.io", token);
    let repository = client.repository(&api(), Access::Push).expect("an address");
    assert_eq!(
        repository.head_blob(Digest::of("1")).await.ok(),
        Some(false)
    );
    let stored = registry.stored.lock().expect("no panic");
    assert_eq!(
        stored.bodies,
        [
            "grant_type=refresh_token&client_id=deploy-action&scope=repository%3Aacme%2Fapi%3Apull%2Cpush\
          &refresh_token=refresh&service=s"
        ]
    );
}

#[tokio::test]
async fn a_registrys_own_token_goes_to_it_as_it_is_whatever_it_asks_for() {
    for challenge in [r#"Bearer realm="/token""#, r#"Basic realm="x""#] {
        let registry = Registry::with_trick(move |seen, _| {
            let header = vec![("www-authenticate", challenge.to_owned())];
            (seen.authorization.as_deref() != Some("Bearer own")).then(|| (401, header, Vec::new()))
        })
        .await;
        let of = |token: &str| Credentials::RegistryToken(Secret::new(token));
        let client = registry.client().with_credentials("ghcr.io", of("own"));
        let repository = client.repository(&api(), Access::Push).expect("an address");
        let found = repository.head_blob(Digest::of("1")).await;
        assert_eq!(found.ok(), Some(false), "{challenge}");
        assert_eq!(registry.seen("GET"), [""; 0], "no token is bought");
        let client = registry.client().with_credentials("ghcr.io", of("other"));
        let repository = client.repository(&api(), Access::Push).expect("an address");
        let refused = repository.head_blob(Digest::of("1")).await;
        let refused = refused.expect_err("another token");
        assert_eq!(refused.kind(), FailureKind::AuthExpired);
    }
}

#[tokio::test]
async fn the_user_of_the_longest_path_that_fits_a_repository_is_taken() {
    let registry = Registry::with_trick(|seen, _| {
        let user = match seen
            .target
            .split('/')
            .skip(2)
            .collect::<Vec<_>>()
            .as_slice()
        {
            ["acme", "api", "blobs", _] => "Basic YXBpOnA=",
            ["acme", "apis", "blobs", _] => "Basic dGVhbTpw",
            _ => "Basic aG9zdDpw",
        };
        let challenge = vec![("www-authenticate", r#"Basic realm="x""#.to_owned())];
        (seen.authorization.as_deref() != Some(user)).then(|| (401, challenge, Vec::new()))
    })
    .await;
    let user = |name: &str| Credentials::password(name, Secret::new("p"));
    let client = registry
        .client()
        .with_credentials("ghcr.io", user("host"))
        .with_credentials("ghcr.io/acme", user("team"))
        .with_credentials("ghcr.io/acme/api", user("api"));
    for name in ["ghcr.io/acme/api", "ghcr.io/acme/apis", "ghcr.io/acmes/api"] {
        let name = name.parse().expect("a repository");
        let repository = client.repository(&name, Access::Pull).expect("an address");
        let found = repository.head_blob(Digest::of("1")).await;
        assert_eq!(found.ok(), Some(false), "{name}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_that_knows_nobody_leaves_the_registry_to_anybody_unless_a_login_was_promised() {
    let registry = Registry::with_trick(|seen, _| match seen.target.as_str() {
        target if target.starts_with("/token") => {
            assert_eq!(seen.authorization, None);
            Some((200, Vec::new(), br#"{"token":"t"}"#.to_vec()))
        }
        _ if seen.authorization.is_none() => {
            let challenge = vec![("www-authenticate", r#"Bearer realm="/token""#.to_owned())];
            Some((401, challenge, Vec::new()))
        }
        _ => None,
    })
    .await;
    for (unknown, may_look) in [(Unknown::Nobody, true), (Unknown::Refused, false)] {
        let store = CredentialHelper {
            name: "of-nobody".to_owned(),
            server: "ghcr.io".to_owned(),
            environment: [("PATH".to_owned(), "/nowhere".to_owned())].into(),
            unknown,
        };
        let client = registry.client().with_credentials("ghcr.io", store.into());
        let repository = client.repository(&api(), Access::Pull).expect("an address");
        let found = repository.head_blob(Digest::of("1")).await;
        assert_eq!(found.is_ok(), may_look, "{unknown:?}: {found:?}");
    }
}

#[tokio::test]
async fn a_password_is_given_where_it_is_asked_for_and_missing_ones_are_named() {
    let registry = Registry::with_trick(|seen, _| {
        let challenge = vec![("www-authenticate", r#"Basic realm="x""#.to_owned())];
        (seen.authorization.as_deref() != Some("Basic cm9ib3Q6aHVudGVyMg=="))
            .then(|| (401, challenge, Vec::new()))
    })
    .await;
    let client = registry.client().with_credentials("ghcr.io", robot());
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    assert_eq!(
        repository.head_blob(Digest::of("1")).await.ok(),
        Some(false)
    );
    for client in [
        registry.client(),
        registry.client().with_credentials("quay.io", robot()),
    ] {
        let repository = client.repository(&api(), Access::Pull).expect("an address");
        let refused = repository
            .head_blob(Digest::of("1"))
            .await
            .expect_err("no user");
        assert_eq!(refused.kind(), FailureKind::AuthExpired);
        assert!(refused.hint().is_some_and(|hint| hint.contains("ghcr.io")));
    }
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_for_another_host() {
    let storage = Registry::with_trick(|_, _| Some((200, Vec::new(), b"content".to_vec()))).await;
    let elsewhere = format!("http://{}/bucket/x?signature=1", storage.address);
    let registry = Registry::with_trick(move |seen, _| match &seen.authorization {
        None => Some((
            401,
            vec![("www-authenticate", "Basic".to_owned())],
            Vec::new(),
        )),
        Some(_) => Some((307, vec![("location", elsewhere.clone())], Vec::new())),
    })
    .await;
    let client = registry.client().with_credentials("ghcr.io", robot());
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("blob");
    repository
        .get_blob(&blob(b"content"), &file)
        .await
        .expect("the blob");
    assert_eq!(std::fs::read(&file).expect("a file"), b"content");
    let seen = storage.stored.lock().expect("no panic").seen.clone();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].target.as_str(), &seen[0].authorization),
        ("/bucket/x?signature=1", &None)
    );

    // Bytes that are not the promised ones never become the file.
    for wrong in [blob(b"another"), blob(b"cont"), blob(b"content and more")] {
        let file = folder.path().join("wrong");
        let problem = repository
            .get_blob(&wrong, &file)
            .await
            .expect_err("damaged");
        assert!(
            matches!(
                problem,
                ImageError::WrongDigest { .. } | ImageError::WrongSize { .. }
            ),
            "{problem}"
        );
        assert!(!file.exists());
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1
    );
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let registry = Registry::with_trick(|_, _| {
        Some((307, vec![("location", "/v2/again".to_owned())], Vec::new()))
    })
    .await;
    let client = registry.client();
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    let problem = repository
        .head_blob(Digest::of("1"))
        .await
        .expect_err("a circle");
    assert!(matches!(problem, ImageError::Protocol { .. }), "{problem}");
}

#[tokio::test]
async fn what_passes_is_tried_again_and_a_permission_is_not() {
    for (answers, kind, tries) in [
        (vec![500, 503, 429], None, 4),
        (vec![503; 9], Some(FailureKind::Unavailable), 5),
        (vec![429; 9], Some(FailureKind::Quota), 5),
        (vec![403; 9], Some(FailureKind::Task), 1),
        (vec![501; 9], Some(FailureKind::Unavailable), 1),
    ] {
        let given = answers.clone();
        let registry =
            Registry::with_trick(move |_, before| given.get(before).and_then(|code| status(*code)))
                .await;
        let client = registry.client();
        let repository = client.repository(&api(), Access::Pull).expect("an address");
        let result = repository.head_blob(Digest::of("1")).await;
        assert_eq!(
            result.err().map(|problem| problem.kind()),
            kind,
            "{answers:?}"
        );
        assert_eq!(registry.seen("HEAD").len(), tries, "{answers:?}");
        // What HEAD was forbidden is asked by GET once, for the words that tell a limit from a permission.
        let for_words = registry.seen("GET").len();
        assert_eq!(for_words, usize::from(answers[0] == 403), "{answers:?}");
        assert_eq!(client.requests(), (tries + for_words) as u64);
    }
}

#[tokio::test]
async fn a_limit_that_forbids_is_told_from_a_permission_also_where_head_was_asked() {
    let registry = Registry::with_trick(|seen, before| {
        let words = br#"{"errors":[{"code":"DENIED","message":"You have exceeded a secondary rate limit"}]}"#;
        (before == 0).then(|| match seen.method.as_str() {
            "HEAD" => (403, Vec::new(), Vec::new()),
            _ => (403, Vec::new(), words.to_vec()),
        })
    })
    .await;
    let client = registry.client();
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    let found = repository.head_blob(Digest::of("1")).await;
    assert_eq!(found.ok(), Some(false));
    assert_eq!(registry.seen("HEAD").len(), 2);
}

#[tokio::test]
async fn a_head_that_was_forbidden_for_a_moment_is_asked_again() {
    let registry = Registry::with_trick(|seen, before| {
        (seen.method == "HEAD" && before == 0).then(|| (403, Vec::new(), Vec::new()))
    })
    .await;
    let client = registry.client();
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    let found = repository.head_blob(Digest::of("1")).await;
    assert_eq!(found.ok(), Some(false));
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let registry = Registry::start().await;
    let client = registry.client();
    drop(registry);
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    let problem = loop {
        // The server ends when its task does, which nobody awaits.
        if let Err(problem) = repository.head_blob(Digest::of("1")).await {
            break problem;
        }
    };
    assert_eq!(problem.kind(), FailureKind::Unavailable);
}

#[tokio::test]
async fn an_upload_goes_where_the_registry_says_without_credentials_for_another_host() {
    let storage = Registry::with_trick(|_, _| status(201)).await;
    let elsewhere = format!("http://{}/put?_state=a%2Fb+c", storage.address);
    let registry =
        Registry::with_trick(
            move |seen, _| match (&seen.authorization, seen.method.as_str()) {
                (None, _) => Some((
                    401,
                    vec![("www-authenticate", "Basic".to_owned())],
                    Vec::new(),
                )),
                (_, "POST") => Some((202, vec![("location", elsewhere.clone())], Vec::new())),
                _ => None,
            },
        )
        .await;
    let client = registry.client().with_credentials("ghcr.io", robot());
    let repository = client.repository(&api(), Access::Push).expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("blob");
    for content in [&b"content"[..], b""] {
        std::fs::write(&file, content).expect("a file");
        let upload = repository
            .upload_blob(&blob(content), &file, Lookup::Head)
            .await
            .expect("an upload");
        assert_eq!(upload, Upload::Sent);
        let seen = storage
            .stored
            .lock()
            .expect("no panic")
            .seen
            .pop()
            .expect("a request");
        assert_eq!(
            seen.target,
            format!("/put?_state=a%2Fb+c&digest={}", Digest::of(content))
        );
        assert_eq!(seen.authorization, None);
    }
}

#[tokio::test]
async fn an_upload_that_breaks_begins_anew_and_what_is_stored_is_not_sent_again() {
    let registry = Registry::with_trick(|seen, before| match (seen.method.as_str(), before) {
        ("PUT", 0) => status(502),
        _ => None,
    })
    .await;
    let client = registry.client();
    let repository = client.repository(&api(), Access::Push).expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("blob");
    std::fs::write(&file, "content").expect("a file");
    let upload = repository
        .upload_blob(&blob(b"content"), &file, Lookup::Head)
        .await
        .expect("an upload");
    assert_eq!(upload, Upload::Sent);
    assert_eq!(registry.seen("POST").len(), 2);
    assert_eq!(
        repository.head_blob(Digest::of("content")).await.ok(),
        Some(true)
    );
    let again = repository
        .upload_blob(&blob(b"content"), &file, Lookup::Head)
        .await
        .expect("an upload");
    assert_eq!(again, Upload::Existing);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_never_stored() {
    let registry = Registry::start().await;
    let client = registry.client();
    let repository = client.repository(&api(), Access::Push).expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("blob");
    let content = vec![7; 1 << 20];
    let mut damaged = content.clone();
    damaged[5] = 8;
    for bytes in [
        damaged,
        content[1..].to_vec(),
        [&content[..], b"x"].concat(),
    ] {
        std::fs::write(&file, &bytes).expect("a file");
        let problem = repository
            .upload_blob(&blob(&content), &file, Lookup::Head)
            .await
            .expect_err("damaged");
        assert!(
            matches!(
                problem,
                ImageError::WrongDigest { .. } | ImageError::WrongSize { .. }
            ),
            "{problem:?}"
        );
    }
    assert!(registry.stored.lock().expect("no panic").blobs.is_empty());
}

#[tokio::test]
async fn a_registry_without_the_digest_header_is_asked_for_the_bytes() {
    let registry = Registry::with_trick(|seen, _| match seen.method.as_str() {
        "HEAD" => Some((200, Vec::new(), Vec::new())),
        _ => Some((
            200,
            vec![("content-type", "application/x; charset=utf-8".to_owned())],
            b"{}".to_vec(),
        )),
    })
    .await;
    let client = registry.client();
    let repository = client.repository(&api(), Access::Pull).expect("an address");
    let head = repository
        .head_manifest(&ManifestName::Tag(Tag::latest()))
        .await
        .expect("an answer");
    let head = head.expect("a manifest");
    assert_eq!(
        (head.digest, head.media_type.as_str()),
        (Digest::of("{}"), "application/x")
    );
    let wrong = repository
        .get_manifest(&ManifestName::Digest(Digest::of("x")))
        .await;
    assert!(
        matches!(wrong, Err(ImageError::WrongDigest { .. })),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn tags_are_listed_over_all_pages() {
    let registry = Registry::with_trick(|seen, _| {
        let page = |tags: &str| format!(r#"{{"name":"acme/api","tags":{tags}}}"#).into_bytes();
        match seen.target.as_str() {
            "/v2/acme/api/tags/list?n=1000" => {
                let next = r#"</v2/acme/api/tags/list?n=1000&last=b>; rel="next""#.to_owned();
                Some((200, vec![("link", next)], page(r#"["a","b","not a tag"]"#)))
            }
            "/v2/acme/api/tags/list?n=1000&last=b" => Some((200, Vec::new(), page("null"))),
            _ => None,
        }
    })
    .await;
    let client = registry.client();
    let tags = client
        .repository(&api(), Access::Pull)
        .expect("an address")
        .tags()
        .await
        .expect("tags");
    assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b"]);
    let none: RepositoryName = "ghcr.io/acme/none".parse().expect("a repository");
    let problem = client
        .repository(&none, Access::Pull)
        .expect("an address")
        .tags()
        .await
        .expect_err("none");
    assert!(matches!(problem, ImageError::Missing { .. }), "{problem}");
}
