//! Where blobs are known to be: what earlier pushes saw, and uploads that were cut off.
//!
//! A registry takes a blob over from a repository that has it, if it is told which one that is; nobody else knows. So each
//! push writes down what it saw, and the next one, of another process, asks with that. What is written is a hint and never
//! believed: a registry that does not have the blob any more begins an upload, and the line is taken back.
//!
//! The file is JSON lines, appended to; its form is in `docs/output.md`. Two processes may append at once, a torn line is
//! passed over, and beyond [`LARGEST`] bytes only the newest half stays. It is for its owner alone, because the
//! address of an upload is the right to go on with it.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;
use url::Url;

use crate::{digest::Digest, portable};

/// Bytes of the file beyond which it is made shorter.
const LARGEST: u64 = 4 << 20;

/// What is known of blobs, shared by all pushes of a process.
#[derive(Debug, Default)]
pub struct BlobCache {
    file: Option<PathBuf>,
    known: Mutex<Known>,
    flights: Mutex<HashMap<Blob, Arc<tokio::sync::Mutex<()>>>>,
}

/// A blob of a registry, by the registry's address: a rehearsal's registry is another one than that whose name it has.
type Blob = (String, Digest);

#[derive(Debug, Default)]
struct Known {
    /// Paths of the repositories that have a blob, the newest last.
    places: HashMap<Blob, Vec<String>>,
    /// Uploads that were cut off, by blob and repository.
    uploads: BTreeMap<(String, Digest, String), CutUpload>,
}

/// An upload that began and was not seen to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CutUpload {
    /// Where it goes on.
    pub(super) location: Url,
    /// Whether it was sent in pieces; a registry seldom keeps the half of what came in one.
    pub(super) in_pieces: bool,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    registry: String,
    blob: Digest,
    repository: String,
    fact: Fact,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum Fact {
    /// The repository has the blob.
    Seen,
    /// It does not have it any more.
    Gone,
    /// An upload goes on at this address.
    Begun { location: Url, in_pieces: bool },
    /// That upload is over, in whatever way.
    Ended,
}

impl BlobCache {
    /// Reads what a file holds; without one, or without one that can be read, nothing is known yet.
    pub fn open(file: PathBuf) -> Self {
        let mut known = Known::default();
        match fs::read_to_string(&file) {
            Ok(text) => {
                for line in text.lines() {
                    // A line that was torn, or of a later version, says nothing: it is a hint that is missing.
                    if let Ok(line) = serde_json::from_str(line) {
                        known.learn(line);
                    }
                }
            }
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
            Err(problem) => {
                tracing::warn!(file = %file.display(), %problem, "the blob cache cannot be read, so nothing is taken over");
            }
        }
        Self {
            file: Some(file),
            known: Mutex::new(known),
            flights: Mutex::default(),
        }
    }

    /// Returns the repositories of a registry that had a blob, the one seen last first.
    pub(super) fn places(&self, registry: &str, blob: Digest) -> Vec<String> {
        let known = self.known();
        let places = known.places.get(&(registry.to_owned(), blob));
        places
            .map(|places| places.iter().rev().cloned().collect())
            .unwrap_or_default()
    }

    /// Whether a repository is known to have a blob.
    pub(super) fn holds(&self, registry: &str, blob: Digest, repository: &str) -> bool {
        let places = self.places(registry, blob);
        places.iter().any(|place| place == repository)
    }

    /// Waits until nobody else of this process brings a blob to a registry; the turn ends with what is returned.
    pub(super) async fn turn(&self, registry: &str, blob: Digest) -> OwnedMutexGuard<()> {
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(flights.entry((registry.to_owned(), blob)).or_default())
        };
        flight.lock_owned().await
    }

    /// Writes down that a repository has a blob.
    pub(super) fn saw(&self, registry: &str, blob: Digest, repository: &str) {
        if !self.holds(registry, blob, repository) {
            self.write(registry, blob, repository, Fact::Seen);
        }
    }

    /// Takes back that a repository has a blob.
    pub(super) fn lost(&self, registry: &str, blob: Digest, repository: &str) {
        if self.holds(registry, blob, repository) {
            self.write(registry, blob, repository, Fact::Gone);
        }
    }

    /// Returns the upload of a blob to a repository that was cut off.
    pub(super) fn cut(&self, registry: &str, blob: Digest, repository: &str) -> Option<CutUpload> {
        let key = (registry.to_owned(), blob, repository.to_owned());
        self.known().uploads.get(&key).cloned()
    }

    /// Writes down where an upload goes on if this process does not live to end it.
    pub(super) fn begun(&self, registry: &str, blob: Digest, repository: &str, upload: CutUpload) {
        let CutUpload {
            location,
            in_pieces,
        } = upload;
        let fact = Fact::Begun {
            location,
            in_pieces,
        };
        self.write(registry, blob, repository, fact);
    }

    /// Writes down that no upload of a blob is to be gone on with.
    pub(super) fn ended(&self, registry: &str, blob: Digest, repository: &str) {
        if self.cut(registry, blob, repository).is_some() {
            self.write(registry, blob, repository, Fact::Ended);
        }
    }

    fn write(&self, registry: &str, blob: Digest, repository: &str, fact: Fact) {
        let line = Line {
            registry: registry.to_owned(),
            blob,
            repository: repository.to_owned(),
            fact,
        };
        if let Some(file) = &self.file
            && let Err(problem) = append(file, &line)
        {
            // Whoever pushes next asks for what it could have known.
            tracing::warn!(file = %file.display(), %problem, "the blob cache cannot be written");
        }
        self.known().learn(line);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn learn(&mut self, line: Line) {
        let Line {
            registry,
            blob,
            repository,
            fact,
        } = line;
        match fact {
            Fact::Seen | Fact::Gone => {
                let places = self.places.entry((registry, blob)).or_default();
                places.retain(|place| *place != repository);
                if matches!(fact, Fact::Seen) {
                    places.push(repository);
                }
            }
            Fact::Begun {
                location,
                in_pieces,
            } => {
                let upload = CutUpload {
                    location,
                    in_pieces,
                };
                self.uploads.insert((registry, blob, repository), upload);
            }
            Fact::Ended => {
                self.uploads.remove(&(registry, blob, repository));
            }
        }
    }
}

/// One write of one line: what two processes append at once stays two lines.
fn append(file: &PathBuf, line: &Line) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    if let Some(folder) = file.parent() {
        portable::private_folder().create(folder)?;
    }
    let mut open = portable::private_file()
        .create(true)
        .append(true)
        .open(file)?;
    open.write_all(&bytes)?;
    match open.metadata()?.len() > LARGEST {
        true => shorten(file),
        false => Ok(()),
    }
}

/// Keeps the newest half. A line that another process appends meanwhile may be lost, and with it a hint.
fn shorten(file: &PathBuf) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let lines: Vec<&str> = text.lines().collect();
    let folder = file.parent().unwrap_or_else(|| std::path::Path::new("."));
    let mut shorter = portable::temporary_file_with_mode(folder, 0o600)?;
    for line in &lines[lines.len() / 2..] {
        writeln!(shorter, "{line}")?;
    }
    shorter.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "https://ghcr.io/";

    fn file(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join("deploy-action/blobs.jsonl")
    }

    #[test]
    fn another_process_knows_what_one_saw_and_not_what_was_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let blob = Digest::of("layer");
        let first = BlobCache::open(file(&folder));
        for place in ["acme/a", "acme/b", "acme/a", "acme/c"] {
            first.saw(REGISTRY, blob, place);
        }
        first.lost(REGISTRY, blob, "acme/b");
        let second = BlobCache::open(file(&folder));
        for cache in [&first, &second] {
            assert_eq!(cache.places(REGISTRY, blob), ["acme/c", "acme/a"]);
            assert!(cache.places("http://127.0.0.1:5000/", blob).is_empty());
        }
    }

    #[test]
    fn an_upload_that_was_cut_off_is_found_until_it_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let blob = Digest::of("layer");
        let upload = CutUpload {
            location: "https://ghcr.io/v2/acme/a/blobs/uploads/1?_state=x"
                .parse()
                .expect("an address"),
            in_pieces: true,
        };
        let first = BlobCache::open(file(&folder));
        first.begun(REGISTRY, blob, "acme/a", upload.clone());
        let second = BlobCache::open(file(&folder));
        assert_eq!(second.cut(REGISTRY, blob, "acme/a"), Some(upload));
        assert_eq!(second.cut(REGISTRY, blob, "acme/b"), None);
        second.ended(REGISTRY, blob, "acme/a");
        assert_eq!(
            BlobCache::open(file(&folder)).cut(REGISTRY, blob, "acme/a"),
            None
        );
    }

    #[test]
    fn a_torn_line_is_passed_over_and_the_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let blob = Digest::of("layer");
        BlobCache::open(file(&folder)).saw(REGISTRY, blob, "acme/a");
        let mut text = fs::read_to_string(file(&folder)).expect("a file");
        let half = text[..text.len() / 2].to_owned();
        text.push_str(&half);
        fs::write(file(&folder), text).expect("a file");
        let cache = BlobCache::open(file(&folder));
        assert_eq!(cache.places(REGISTRY, blob), ["acme/a"]);
        let metadata = fs::metadata(file(&folder)).expect("a file");
        if cfg!(unix) {
            assert_eq!(portable::mode(&metadata), 0o600);
        }
    }

    #[test]
    fn the_file_stays_within_its_bound_and_keeps_what_is_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let blob = Digest::of("layer");
        let long = "x".repeat(60_000);
        let cache = BlobCache::open(file(&folder));
        for number in 0..100 {
            cache.saw(REGISTRY, blob, &format!("acme/{number}/{long}"));
            let length = fs::metadata(file(&folder)).expect("a file").len();
            assert!(length <= LARGEST + 61_000, "{length}");
        }
        let kept = BlobCache::open(file(&folder)).places(REGISTRY, blob);
        assert!(kept[0].starts_with("acme/99/"));
        assert!((30..100).contains(&kept.len()), "{}", kept.len());
    }

    #[tokio::test]
    async fn a_blob_is_brought_by_one_at_a_time_and_others_do_not_wait() {
        let cache = BlobCache::default();
        let turn = cache.turn(REGISTRY, Digest::of("a")).await;
        drop(cache.turn(REGISTRY, Digest::of("b")).await);
        let mut second = Box::pin(cache.turn(REGISTRY, Digest::of("a")));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(turn);
        assert!(futures_util::poll!(&mut second).is_ready());
    }
}
