//! `retention`: what may go of a repository, and that nothing else goes.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use deploy_action::{
    digest::Digest,
    image::{
        Access, Assembly, Attachment, Descriptor, Form, ManifestName, PublishTarget,
        RegistryClient, Repository, RepositoryName, Same, Tag, assemble, attach, companion_tag,
        http_client, publish,
    },
};
use serde_json::{Value, json};

use crate::{
    registries::{self, Running},
    world::{Ran, World},
};

const CREATED: &str = "org.opencontainers.image.created";
const OLD: &str = "2001-02-03T04:05:06Z";
/// Whenever the test runs, this is young.
const YOUNG: &str = "2999-01-01T00:00:00Z";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A repository that is filled from outside of the program.
struct Shelf {
    client: RegistryClient,
    name: RepositoryName,
}

impl Shelf {
    fn in_registry(registry: &Running) -> Self {
        Self {
            client: RegistryClient::new(http_client("test").expect("a client")),
            name: format!("{}/acme/app", registry.host)
                .parse()
                .expect("a name"),
        }
    }

    fn repository(&self) -> Repository<'_> {
        self.client
            .repository(&self.name, Access::Push)
            .expect("an address")
    }

    /// An image that is named by its content, made at this time.
    async fn image(&self, content: &str, created: &str, tags: &[&str]) -> Descriptor {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, content).expect("a file");
        let assembly = Assembly {
            files: BTreeMap::from([("/file".to_owned(), file)]),
            annotations: BTreeMap::from([(CREATED.to_owned(), created.to_owned())]),
            ..Assembly::default()
        };
        let layout = assemble(&assembly, folder.path().join("layout"))
            .expect("an image")
            .layout;
        let target = PublishTarget {
            repository: self.name.clone(),
            tags: tags.iter().map(|tag| tag.parse().expect("a tag")).collect(),
        };
        publish(&self.client, &layout, &[target])
            .await
            .expect("published");
        layout.root().expect("an image").clone()
    }

    async fn index(&self, created: &str, tag: &str, children: &[&Descriptor]) -> Digest {
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": children,
            "annotations": { CREATED: created },
        });
        let tag = ManifestName::Tag(tag.parse().expect("a tag"));
        let bytes = index.to_string().into();
        let stored = self.repository().put_manifest(&tag, INDEX, &bytes).await;
        stored.expect("stored")
    }

    async fn note(&self, about: &Descriptor) -> Digest {
        let note = Attachment {
            artifact_type: "application/x-note".to_owned(),
            media_type: "text/plain".to_owned(),
            bytes: format!("about {}", about.digest).into(),
            annotations: BTreeMap::new(),
            form: Form::Referrer,
            same: Same::Bytes,
        };
        let tagged = Attachment {
            form: Form::Tagged { suffix: "note" },
            ..note.clone()
        };
        let attached = attach(&self.repository(), about, &[note, tagged]).await;
        attached.expect("attached").added[0]
    }

    async fn has(&self, digest: Digest) -> bool {
        let head = self
            .repository()
            .head_manifest(&ManifestName::Digest(digest))
            .await;
        head.expect("an answer").is_some()
    }

    async fn has_tag(&self, tag: Tag) -> bool {
        let head = self
            .repository()
            .head_manifest(&ManifestName::Tag(tag))
            .await;
        head.expect("an answer").is_some()
    }
}

/// A plan that publishes an image into the registry, which was made long ago by its own word.
fn world(registry: &Running) -> World {
    let host = &registry.host;
    World::new(&format!(
        "name: app\nconnections: {{ registry: {{ registry: {{ host: '{host}' }} }} }}\nphases:\n  - id: ship\n    tasks:\n      - id: image\n        \
         image: {{ assemble: {{ files: {{ /a: deploy.yaml }} }}, name: acme/app, push: registry, tags: 'type=raw,value=prod', annotations: '{CREATED}={OLD}' }}\n"
    ))
}

fn retention(world: &World, registry: &Running, args: &[&str]) -> Ran {
    let repository = format!("{}/acme/app", registry.host);
    let with = [
        "retention",
        "--repository",
        &repository,
        "--older-than",
        "30d",
    ];
    world.call(&[&with[..], args].concat())
}

fn published(ran: &Ran) -> Digest {
    let digest = ran.output("image", "digest")["value"].clone();
    digest
        .as_str()
        .expect("a digest")
        .parse()
        .expect("a digest")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_go_goes_and_parts_attachments_and_what_is_deployed_stay() {
    for registry in [
        registries::embedded(),
        registries::version_2(),
        registries::version_3(),
    ] {
        let shelf = Shelf::in_registry(&registry);
        let world = world(&registry);
        let ran = world.run(&[]);
        ran.tells("0: image succeeded");
        let deployed = published(&ran);
        let old = shelf.image("old", OLD, &["1.0"]).await;
        let note_of_old = shelf.note(&old).await;
        let kept = shelf.image("kept", OLD, &["v1"]).await;
        let shared = shelf.image("shared", OLD, &[]).await;
        let note_of_shared = shelf.note(&shared).await;
        let lone = shelf.image("lone", OLD, &[]).await;
        let young = shelf.index(YOUNG, "2.0", &[&shared]).await;
        let gone = shelf.index(OLD, "1.9", &[&shared, &lone]).await;

        let dry = retention(&world, &registry, &["--keep-tags", "v*"]);
        assert_eq!(dry.code, Some(0), "{}", dry.all());
        let line = |digest: Digest| {
            let digest = digest.to_string();
            let line = dry.stdout.lines().find(|line| line.starts_with(&digest));
            line.unwrap_or_else(|| panic!("{digest}: {}", dry.all()))
                .to_owned()
        };
        assert!(line(old.digest).ends_with("1.0 would go"), "{}", dry.all());
        assert!(line(lone.digest).ends_with("- would go"), "{}", dry.all());
        assert!(
            line(kept.digest).contains("stays: its tag `v1` is kept"),
            "{}",
            dry.all()
        );
        assert!(
            line(deployed).contains("stays: deployed: `image`"),
            "{}",
            dry.all()
        );
        assert!(
            line(shared.digest).contains("stays: part of "),
            "{}",
            dry.all()
        );
        assert!(
            line(note_of_shared).contains("stays: attached to "),
            "{}",
            dry.all()
        );
        assert!(
            shelf.has(old.digest).await && shelf.has(gone).await,
            "nothing was deleted"
        );

        let deleted = retention(&world, &registry, &["--keep-tags", "v*", "--delete"]);
        assert_eq!(deleted.code, Some(0), "{}", deleted.all());
        for digest in [old.digest, note_of_old, lone.digest, gone] {
            assert!(!shelf.has(digest).await, "{digest}: {}", deleted.all());
        }
        for digest in [kept.digest, shared.digest, note_of_shared, young, deployed] {
            assert!(shelf.has(digest).await, "{digest}: {}", deleted.all());
        }
        let companion = |of, suffix| companion_tag(of, suffix).expect("a tag");
        assert!(!shelf.has_tag(companion(old.digest, "note")).await);
        assert!(!shelf.has_tag(companion(old.digest, "")).await);
        assert!(shelf.has_tag(companion(shared.digest, "note")).await);
        // What stays is as it would be after another time.
        let again = retention(
            &world,
            &registry,
            &["--keep-tags", "v*", "--delete", "--format", "json"],
        );
        let again: Value = serde_json::from_str(&again.stdout).expect("JSON");
        let manifests = again["manifests"].as_array().expect("manifests");
        assert!(
            manifests.iter().all(|manifest| manifest["goes"] == false),
            "{again:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_version_stays_because_the_way_back_leads_to_it() {
    let registry = registries::embedded();
    let world = world(&registry);
    let first = published(&world.run(&[]));
    let plan = std::fs::read_to_string(world.repository().join("deploy.yaml")).expect("a plan");
    world.write("deploy.yaml", &format!("{plan}# another\n"));
    let second = published(&world.run(&[]));
    assert_ne!(first, second);
    let shelf = Shelf::in_registry(&registry);
    let subject = deploy_action::image::ManifestName::Digest(first);
    let former = shelf
        .repository()
        .get_manifest(&subject)
        .await
        .expect("an answer")
        .expect("it");
    let tag = ManifestName::Tag("former".parse().expect("a tag"));
    let put = shelf
        .repository()
        .put_manifest(&tag, &former.media_type, &former.bytes)
        .await;
    put.expect("stored");
    let ran = retention(&world, &registry, &["--delete"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout
            .contains("deployed: `image` before, the way back"),
        "{}",
        ran.all()
    );
    assert!(shelf.has(first).await && shelf.has(second).await);
    // With another folder of ledgers, or without the plan, nothing is known of either.
    let elsewhere = world.tmp().display().to_string();
    let ran = retention(&world, &registry, &["--delete", "--state", &elsewhere]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(
        ran.stderr.contains("nothing tells what is deployed"),
        "{}",
        ran.all()
    );
    assert!(shelf.has(first).await);
    let ran = retention(&world, &registry, &["--state", &elsewhere]);
    assert!(
        ran.stderr.contains("nothing is known to be deployed"),
        "{}",
        ran.all()
    );
    std::fs::remove_file(world.repository().join("deploy.yaml")).expect("a plan");
    let ran = retention(&world, &registry, &["--delete"]);
    assert!(
        ran.stderr.contains("nothing is known to be deployed"),
        "{}",
        ran.all()
    );
    assert!(
        !shelf.has(first).await && !shelf.has(second).await,
        "{}",
        ran.all()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_and_without_a_repository_nothing_is_asked() {
    let registry = registries::embedded();
    let world = world(&registry);
    for (args, words) in [
        (
            &["retention", "--repository", "ghcr.io/acme/api"][..],
            "--older-than",
        ),
        (
            &["retention", "--repository", "Not A Name", "--keep", "1"],
            "--repository ghcr.io/acme/api",
        ),
        (
            &[
                "retention",
                "--repository",
                "ghcr.io/acme/api",
                "--keep",
                "1",
            ],
            "GITHUB_TOKEN",
        ),
    ] {
        let ran = world.call(args);
        assert_eq!(ran.code, Some(2), "{}", ran.all());
        assert!(ran.stderr.contains(words), "{}", ran.all());
    }
    assert_eq!(registry.requests().len(), 0);
}

/// GitHub's list of the versions of `acme/app`, and what was asked of it.
struct Packages {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Packages {
    /// Refuses to delete the version with this number.
    async fn of(versions: Value, refused: u64) -> Self {
        use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse as _};
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let answer = move |request: Request| {
            let asked = format!("{} {}", request.method(), request.uri().path());
            seen.lock().expect("no panic").push(asked.clone());
            let versions = versions.clone();
            async move {
                let words = json!({ "message": "You cannot delete the last tagged version." });
                match asked.split_once(' ') {
                    Some(("GET", "/orgs/acme/packages/container/app/versions")) => {
                        versions.to_string().into_response()
                    }
                    Some(("DELETE", path)) if path.ends_with(&format!("/{refused}")) => {
                        (StatusCode::BAD_REQUEST, words.to_string()).into_response()
                    }
                    Some(("DELETE", path))
                        if path.starts_with("/orgs/acme/packages/container/app/versions/") =>
                    {
                        StatusCode::NO_CONTENT.into_response()
                    }
                    _ => (
                        StatusCode::NOT_FOUND,
                        json!({ "message": "Not Found" }).to_string(),
                    )
                        .into_response(),
                }
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            axum::serve(listener, Router::new().fallback(answer))
                .await
                .expect("it serves");
        });
        Self { url, asked }
    }

    fn deleted(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("no panic");
        let deleted = asked
            .iter()
            .filter_map(|asked| asked.strip_prefix("DELETE "));
        deleted
            .map(|path| path.rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_ghcr_versions_are_deleted_by_githubs_list_those_without_a_tag_too() {
    let registry = registries::embedded();
    let shelf = Shelf::in_registry(&registry);
    let part = shelf.image("part", YOUNG, &[]).await;
    let index = shelf.index(YOUNG, "1.0", &[&part]).await;
    let loose = shelf.image("loose", YOUNG, &[]).await;
    let young = shelf.image("young", OLD, &["2.0"]).await;
    let version = |id: u64, digest: Digest, created: &str, tags: &[&str]| {
        json!({
            "id": id, "name": digest.to_string(), "created_at": created,
            "metadata": { "package_type": "container", "container": { "tags": tags } },
        })
    };
    // GitHub knows when each came; what the image says of itself is somebody else's word.
    let versions = json!([
        version(4, young.digest, YOUNG, &["2.0"]),
        version(3, loose.digest, OLD, &[]),
        version(2, index, OLD, &["1.0"]),
        version(1, part.digest, OLD, &[]),
    ]);
    for (refused, code, deleted) in [(0, 0, ["3", "2", "1"].to_vec()), (2, 1, vec!["2"])] {
        let packages = Packages::of(versions.clone(), refused).await;
        let stand_ins = json!({
            "registries": { "ghcr.io": { "url": format!("http://{}", registry.host), "who": "ours" } },
            "github": null, "secrets": {}, "person": null,
        });
        let mut world = world(&registry);
        std::fs::remove_file(world.repository().join("deploy.yaml")).expect("a plan");
        world = world
            .with("GITHUB_TOKEN", "a-token-of-the-test")
            .with("GITHUB_API_URL", &packages.url)
            .with("DEPLOY_ACTION_STAND_INS", "stand-ins.json");
        world.write("stand-ins.json", &stand_ins.to_string());
        let ran = world.call(&[
            "retention",
            "--repository",
            "ghcr.io/acme/app",
            "--older-than",
            "30d",
            "--delete",
        ]);
        assert_eq!(ran.code, Some(code), "{}", ran.all());
        let mut found = packages.deleted();
        // An index goes before its part; what is loose has no place of its own.
        let at = |id: &str| found.iter().position(|other| other == id);
        assert!(
            at("1").is_none_or(|part| at("2").is_some_and(|index| index < part)),
            "{found:?}"
        );
        if code == 0 {
            found.sort();
            found.reverse();
            assert_eq!(found, deleted);
        } else {
            assert!(
                !found.contains(&"1".to_owned()),
                "its index is still there: {found:?}"
            );
            assert!(
                ran.stderr.contains("cannot delete the last tagged version"),
                "{}",
                ran.all()
            );
            assert!(ran.stdout.contains("may go, and is there"), "{}", ran.all());
        }
        assert!(!ran.all().contains("a-token-of-the-test"));
    }
}
