//! What a repository holds, as far as its registry tells.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Deserialize;

use super::Held;
use crate::{
    digest::Digest,
    image::{
        Descriptor, ImageError, ManifestName, Repository, Tag, companion_subject,
        inspect::fetch_small,
        referrers,
        spec::{CONFIG, DOCKER_CONFIG},
    },
};

const AT_ONCE: usize = 8;
const CREATED: &str = "org.opencontainers.image.created";

/// A manifest that another list than the registry's tells of, such as that of GitHub's packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its digest.
    pub digest: Digest,
    /// Tags that name it.
    pub tags: Vec<Tag>,
    /// When it came.
    pub created: Option<Timestamp>,
}

/// What is read of a manifest or an index.
#[derive(Debug, Default, Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Vec<Child>,
    config: Option<Descriptor>,
    subject: Option<Child>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Child {
    digest: String,
}

/// Lists what a repository holds: what its tags name, what that is made of, and what is attached to it; besides, what `listed`
/// tells of.
///
/// # Errors
/// If the registry refuses or cannot be reached, or holds a document that is malformed.
pub async fn inventory(
    repository: &Repository<'_>,
    listed: &[Listed],
) -> Result<Vec<Held>, ImageError> {
    let mut search = Search {
        repository,
        held: BTreeMap::new(),
        seen: BTreeSet::new(),
    };
    let mut due = if listed.is_empty() {
        search.tagged().await?
    } else {
        search.listed(listed)
    };
    while !due.is_empty() {
        due = search.look(due).await?;
    }
    Ok(search.held.into_values().collect())
}

struct Search<'r, 'c> {
    repository: &'r Repository<'c>,
    held: BTreeMap<Digest, Held>,
    seen: BTreeSet<Digest>,
}

impl Search<'_, '_> {
    /// Asks what each tag names.
    async fn tagged(&mut self) -> Result<BTreeSet<Digest>, ImageError> {
        let tags = match self.repository.tags().await {
            Ok(tags) => tags,
            Err(ImageError::Missing { .. }) => Vec::new(),
            Err(problem) => return Err(problem),
        };
        let repository = self.repository;
        let named: Vec<(Tag, Option<Digest>)> = stream::iter(tags)
            .map(|tag| async move {
                let name = ManifestName::Tag(tag.clone());
                let head = repository.head_manifest(&name).await?;
                Ok::<_, ImageError>((tag, head.map(|head| head.digest)))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut due = BTreeSet::new();
        for (tag, digest) in named {
            // A tag that went between the list and the question is nobody's.
            let Some(digest) = digest else { continue };
            self.entry(digest).name(tag);
            due.insert(digest);
        }
        Ok(due)
    }

    fn listed(&mut self, listed: &[Listed]) -> BTreeSet<Digest> {
        for Listed {
            digest,
            tags,
            created,
        } in listed
        {
            let held = self.entry(*digest);
            held.created = *created;
            tags.iter().for_each(|tag| held.name(tag.clone()));
        }
        listed.iter().map(|listed| listed.digest).collect()
    }

    fn entry(&mut self, digest: Digest) -> &mut Held {
        self.held.entry(digest).or_insert(Held {
            digest,
            tags: Vec::new(),
            companion_tags: Vec::new(),
            children: Vec::new(),
            subject: None,
            created: None,
        })
    }

    /// Reads manifests, and returns those that they lead to.
    async fn look(&mut self, due: BTreeSet<Digest>) -> Result<BTreeSet<Digest>, ImageError> {
        self.seen.extend(&due);
        let repository = self.repository;
        let found: Vec<(Digest, Option<Found>)> = stream::iter(due)
            .map(|digest| async move {
                let found = find(repository, digest).await?;
                Ok::<_, ImageError>((digest, found))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut next = BTreeSet::new();
        for (digest, found) in found {
            let Some(found) = found else {
                // An index may name a part that nobody pushed, and a tag a subject that is gone.
                self.held.remove(&digest);
                continue;
            };
            next.extend(self.keep(digest, found));
        }
        Ok(next
            .into_iter()
            .filter(|digest| !self.seen.contains(digest))
            .collect())
    }

    fn keep(&mut self, digest: Digest, found: Found) -> Vec<Digest> {
        let held = self.entry(digest);
        held.created = held.created.or(found.created);
        held.children = found.children;
        held.subject = held.subject.or(found.subject);
        let mut leads_to = held.children.clone();
        leads_to.extend(held.subject);
        for attached in found.attached {
            self.entry(attached).subject = Some(digest);
            leads_to.push(attached);
        }
        for digest in &leads_to {
            self.entry(*digest);
        }
        leads_to
    }
}

impl Held {
    fn name(&mut self, tag: Tag) {
        match companion_subject(&tag) {
            Some(subject) => {
                self.subject = Some(subject);
                self.companion_tags.push(tag);
            }
            None => self.tags.push(tag),
        }
    }
}

/// What a manifest says.
struct Found {
    children: Vec<Digest>,
    subject: Option<Digest>,
    attached: Vec<Digest>,
    created: Option<Timestamp>,
}

async fn find(repository: &Repository<'_>, digest: Digest) -> Result<Option<Found>, ImageError> {
    let manifest = repository
        .get_manifest(&ManifestName::Digest(digest))
        .await?;
    let Some(manifest) = manifest else {
        return Ok(None);
    };
    let document: Document =
        serde_json::from_slice(&manifest.bytes).map_err(|problem| ImageError::Malformed {
            what: format!("manifest {digest}"),
            because: problem.to_string(),
        })?;
    let mut found = Found {
        children: digests(&document.manifests),
        subject: digests(&document.subject).pop(),
        attached: Vec::new(),
        created: document.annotations.as_ref().and_then(created),
    };
    // What is attached has nothing attached to it that would be looked for.
    if found.subject.is_some() {
        return Ok(Some(found));
    }
    let attached = referrers(repository, digest).await?.list;
    // What was said when the image was published tells its age where the image itself does not.
    let said = attached
        .iter()
        .filter_map(|other| created(&other.annotations));
    found.created = found.created.or(said.max());
    found.attached = attached.iter().map(|other| other.digest).collect();
    if let Some(config) = document.config.filter(|_| found.created.is_none()) {
        found.created = created_by_config(repository, &config).await?;
    }
    Ok(Some(found))
}

/// Digests by another algorithm than ours name nothing that we could delete.
fn digests<'c>(children: impl IntoIterator<Item = &'c Child>) -> Vec<Digest> {
    let digests = children.into_iter().map(|child| child.digest.parse());
    digests.filter_map(Result::ok).collect()
}

fn created(annotations: &BTreeMap<String, String>) -> Option<Timestamp> {
    real_time(annotations.get(CREATED)?)
}

async fn created_by_config(
    repository: &Repository<'_>,
    config: &Descriptor,
) -> Result<Option<Timestamp>, ImageError> {
    #[derive(Deserialize)]
    struct Config {
        created: Option<String>,
    }
    if ![CONFIG, DOCKER_CONFIG].contains(&config.media_type.as_str()) {
        return Ok(None);
    }
    let bytes = match fetch_small(repository, config).await {
        Ok(bytes) => bytes,
        Err(ImageError::Missing { .. }) => return Ok(None),
        Err(problem) => return Err(problem),
    };
    // A configuration that cannot be read tells no age.
    let config = serde_json::from_slice::<Config>(&bytes).ok();
    let created = config.and_then(|config| config.created);
    Ok(created.as_deref().and_then(real_time))
}

/// Images that are made the same each time carry a time that is none: the beginning of the epoch, or some before it.
fn real_time(text: &str) -> Option<Timestamp> {
    const FIRST_YEARS: i64 = 10 * 365 * 24 * 60 * 60;
    let time: Timestamp = text.parse().ok()?;
    (time.as_second() > FIRST_YEARS).then_some(time)
}
