//! Files that one task hands over to another, perhaps in another job: kept by the digest of their content.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::{
    directory::Ledger,
    error::{LedgerError, io_error},
    folder::{create_private_folder, inside, sync_folder},
};
use crate::{
    digest::{Digest, Hasher},
    portable::{is_executable, set_mode_of, temporary_file_with_mode},
};

const FOLDER: &str = "artifacts";

/// A file or folder that the ledger holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its path as records say it; it carries digest and kind, and is all that is needed to take it out again.
    pub path: String,
    /// Digest of the file, or of the list of a folder's files.
    pub digest: Digest,
    /// Bytes of the file, or of all files of the folder.
    pub bytes: u64,
}

/// What an artifact is, which its ending says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Executable,
    Folder,
}

/// A file of a folder that is handed over.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TreeEntry {
    digest: Digest,
    executable: bool,
}

/// The files of a folder by their paths in it. Folders without files are not kept.
type Tree = BTreeMap<Utf8PathBuf, TreeEntry>;

impl Ledger {
    /// Copies a file, or a folder with all files in it, into the ledger. On the disk when this returns. Whether the owner may
    /// execute a file is kept; other modes, owners and times are not.
    ///
    /// # Errors
    /// A path that cannot be read, a link or device in a folder, or a ledger that cannot be written.
    pub fn keep_artifact(&self, source: &Utf8Path) -> Result<Artifact, LedgerError> {
        let store = self.folder().join(FOLDER);
        create_private_folder(&store)?;
        let metadata = fs::metadata(source).map_err(io_error("read", source))?;
        if metadata.is_file() {
            keep_file(&store, source)
        } else if metadata.is_dir() {
            keep_folder(&store, source)
        } else {
            Err(LedgerError::NotAFile {
                path: source.to_owned(),
            })
        }
    }

    /// Copies an artifact to `target`: a file in one step, a folder file by file into what is there.
    ///
    /// # Errors
    /// A path that names no artifact, one that is missing or whose content has changed (then nothing of that file is
    /// placed), or a target that cannot be written.
    pub fn place_artifact(&self, path: &str, target: &Utf8Path) -> Result<(), LedgerError> {
        let (digest, kind) = parse(path).ok_or_else(|| LedgerError::Outside {
            path: path.to_owned(),
        })?;
        let store = self.folder().join(FOLDER);
        if kind != Kind::Folder {
            return place_file(&store, digest, kind, target);
        }
        let mut json = Vec::new();
        let (found, _) =
            copy(&mut open(&store, digest, kind)?, &mut json).map_err(io_error("read", path))?;
        check(&store, digest, kind, found)?;
        let tree: Tree =
            serde_json::from_slice(&json).map_err(|source| LedgerError::Malformed {
                path: store.join(name(digest, kind)),
                source,
            })?;
        fs::create_dir_all(target).map_err(io_error("make the folder", target))?;
        for (path, entry) in &tree {
            let target = inside(target, path.as_str())?;
            place_file(&store, entry.digest, file_kind(entry.executable), &target)?;
        }
        Ok(())
    }
}

fn name(digest: Digest, kind: Kind) -> String {
    let ending = match kind {
        Kind::File => "",
        Kind::Executable => ".run",
        Kind::Folder => ".tree",
    };
    format!("{}{ending}", digest.hex())
}

fn parse(path: &str) -> Option<(Digest, Kind)> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let (hex, kind) = match name.split_once('.') {
        None => (name, Kind::File),
        Some((hex, "run")) => (hex, Kind::Executable),
        Some((hex, "tree")) => (hex, Kind::Folder),
        Some(_) => return None,
    };
    let digest = format!("sha256:{hex}").parse().ok()?;
    Some((digest, kind))
}

fn file_kind(executable: bool) -> Kind {
    if executable {
        Kind::Executable
    } else {
        Kind::File
    }
}

fn keep_file(store: &Utf8Path, source: &Utf8Path) -> Result<Artifact, LedgerError> {
    let mut file = File::open(source).map_err(io_error("read", source))?;
    let metadata = file.metadata().map_err(io_error("read", source))?;
    let kind = file_kind(is_executable(&metadata));
    keep(store, source, &mut file, kind)
}

fn keep_folder(store: &Utf8Path, source: &Utf8Path) -> Result<Artifact, LedgerError> {
    let mut tree = Tree::new();
    let mut n_bytes = 0;
    let mut folders = vec![Utf8PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for (name, kind) in entries(&source.join(&folder))? {
            let relative = folder.join(name);
            let path = source.join(&relative);
            if kind.is_dir() {
                folders.push(relative);
            } else if kind.is_file() {
                let artifact = keep_file(store, &path)?;
                n_bytes += artifact.bytes;
                let executable = artifact.path.ends_with(".run");
                let digest = artifact.digest;
                tree.insert(relative, TreeEntry { digest, executable });
            } else {
                return Err(LedgerError::NotAFile { path });
            }
        }
    }
    let json = serde_json::to_vec(&tree).map_err(|source| LedgerError::Unwritable { source })?;
    let list = keep(store, source, &mut json.as_slice(), Kind::Folder)?;
    Ok(Artifact {
        bytes: n_bytes,
        ..list
    })
}

fn entries(folder: &Utf8Path) -> Result<Vec<(String, fs::FileType)>, LedgerError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("read", folder))? {
        let entry = entry.map_err(io_error("read", folder))?;
        let kind = entry.file_type().map_err(io_error("read", folder))?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| LedgerError::NotUtf8 {
                folder: folder.to_owned(),
            })?;
        entries.push((name, kind));
    }
    Ok(entries)
}

/// Puts bytes under the name of their digest. What is there already is written anew, which heals a damaged copy.
fn keep(
    store: &Utf8Path,
    source: &Utf8Path,
    reader: &mut impl Read,
    kind: Kind,
) -> Result<Artifact, LedgerError> {
    let mut file = tempfile::NamedTempFile::new_in(store).map_err(io_error("write", store))?;
    let (digest, bytes) = copy(reader, file.as_file_mut()).map_err(io_error("copy", source))?;
    let name = name(digest, kind);
    let write = || -> io::Result<()> {
        if kind == Kind::Executable {
            set_mode_of(file.as_file(), 0o700)?;
        }
        file.as_file().sync_all()?;
        file.persist(store.join(&name))?;
        sync_folder(store)
    };
    write().map_err(io_error("write", store.join(&name)))?;
    Ok(Artifact {
        path: format!("{FOLDER}/{name}"),
        digest,
        bytes,
    })
}

fn open(store: &Utf8Path, digest: Digest, kind: Kind) -> Result<File, LedgerError> {
    let path = store.join(name(digest, kind));
    File::open(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LedgerError::ArtifactMissing {
            path: format!("{FOLDER}/{}", name(digest, kind)),
        },
        _ => io_error("read", path)(error),
    })
}

fn check(store: &Utf8Path, expected: Digest, kind: Kind, found: Digest) -> Result<(), LedgerError> {
    if expected == found {
        return Ok(());
    }
    Err(LedgerError::ArtifactDamaged {
        path: store.join(name(expected, kind)),
        found,
    })
}

/// Copies a file out of the ledger; its name appears only when all of it is there and was found right.
fn place_file(
    store: &Utf8Path,
    digest: Digest,
    kind: Kind,
    target: &Utf8Path,
) -> Result<(), LedgerError> {
    let mut source = open(store, digest, kind)?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder,
        Some(_) | None => Utf8Path::new("."),
    };
    fs::create_dir_all(folder).map_err(io_error("make the folder", folder))?;
    // The reader's files are as if it had made them: the mode is what its umask leaves.
    let mode = if kind == Kind::Executable {
        0o777
    } else {
        0o666
    };
    let mut file =
        temporary_file_with_mode(folder.as_std_path(), mode).map_err(io_error("write", target))?;
    let (found, _) = copy(&mut source, file.as_file_mut()).map_err(io_error("copy to", target))?;
    check(store, digest, kind, found)?;
    match file.persist(target) {
        Ok(_) => Ok(()),
        Err(error) => Err(io_error("write", target)(error.error)),
    }
}

fn copy(reader: &mut impl Read, writer: &mut impl io::Write) -> io::Result<(Digest, u64)> {
    let mut hasher = Hasher::new();
    let mut n_bytes = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n_read = match reader.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), n_bytes)),
            Ok(n_read) => n_read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..n_read]);
        writer.write_all(&buffer[..n_read])?;
        n_bytes += n_read as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use super::*;
    use crate::ledger::directory::Opened;

    struct Room {
        _folder: tempfile::TempDir,
        root: Utf8PathBuf,
        ledger: Ledger,
    }

    fn room() -> Room {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = Utf8Path::from_path(folder.path())
            .expect("its name is UTF-8")
            .to_owned();
        let Opened { ledger, .. } = Ledger::open(&root.join("ledger")).expect("a new ledger");
        Room {
            _folder: folder,
            root,
            ledger,
        }
    }

    fn write(path: &Utf8Path, content: &str, mode: u32) {
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("room");
        fs::write(path, content).expect("room");
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("our file");
    }

    fn mode(path: &Utf8Path) -> u32 {
        let metadata = fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    }

    #[test]
    fn a_file_comes_out_as_it_went_in_and_stays_executable() {
        let room = room();
        for (executable, mode_in) in [(false, 0o644), (true, 0o755)] {
            let source = room.root.join("source");
            write(&source, "#!/bin/true\n", mode_in);
            let artifact = room.ledger.keep_artifact(&source).expect("room");
            assert_eq!(artifact.digest, Digest::of("#!/bin/true\n"));
            assert_eq!(artifact.bytes, 12);
            let kept = room.ledger.path_of(&artifact.path).expect("inside");
            assert_eq!(mode(&kept) & 0o077, 0, "nobody else reads the ledger");
            let target = room.root.join("made/for/it/target");
            room.ledger
                .place_artifact(&artifact.path, &target)
                .expect("it is there");
            assert_eq!(fs::read(&target).expect("placed"), b"#!/bin/true\n");
            assert_eq!(mode(&target) & 0o100 != 0, executable);
        }
    }

    #[test]
    fn a_folder_comes_out_with_all_of_its_files() {
        let room = room();
        let source = room.root.join("dist");
        write(&source.join("index.html"), "<p>", 0o644);
        write(&source.join("bin/serve"), "run", 0o755);
        let artifact = room.ledger.keep_artifact(&source).expect("room");
        assert_eq!(artifact.bytes, 6);
        assert_eq!(
            room.ledger.keep_artifact(&source).expect("room"),
            artifact,
            "equal folders are one artifact"
        );
        let target = room.root.join("out");
        room.ledger
            .place_artifact(&artifact.path, &target)
            .expect("it is there");
        assert_eq!(fs::read(target.join("index.html")).expect("placed"), b"<p>");
        assert_eq!(mode(&target.join("bin/serve")) & 0o100, 0o100);
        let list = room.ledger.path_of(&artifact.path).expect("inside");
        fs::write(list, "{}").expect("our file");
        let refused = room.ledger.place_artifact(&artifact.path, &target);
        assert!(matches!(refused, Err(LedgerError::ArtifactDamaged { .. })));
    }

    #[test]
    fn a_damaged_file_is_not_placed_and_handing_it_over_again_heals_it() {
        let room = room();
        let source = room.root.join("source");
        let target = room.root.join("target");
        write(&source, "right", 0o644);
        let artifact = room.ledger.keep_artifact(&source).expect("room");
        let kept = room.ledger.path_of(&artifact.path).expect("inside");
        fs::write(kept, "wrong").expect("our file");
        let refused = room.ledger.place_artifact(&artifact.path, &target);
        assert!(matches!(refused, Err(LedgerError::ArtifactDamaged { .. })));
        assert!(!target.exists());
        room.ledger.keep_artifact(&source).expect("room");
        room.ledger
            .place_artifact(&artifact.path, &target)
            .expect("it is healed");
    }

    #[test]
    fn links_and_paths_that_are_no_artifact_are_refused() {
        let room = room();
        let source = room.root.join("dist");
        fs::create_dir(&source).expect("room");
        std::os::unix::fs::symlink("/etc/passwd", source.join("link")).expect("room");
        assert!(matches!(
            room.ledger.keep_artifact(&source),
            Err(LedgerError::NotAFile { .. })
        ));
        let target = room.root.join("target");
        for path in [
            "records.jsonl",
            "artifacts/../records.jsonl",
            "artifacts/00",
        ] {
            assert!(
                matches!(
                    room.ledger.place_artifact(path, &target),
                    Err(LedgerError::Outside { .. })
                ),
                "{path}"
            );
        }
        let missing = format!("artifacts/{}", Digest::of("nothing").hex());
        assert!(matches!(
            room.ledger.place_artifact(&missing, &target),
            Err(LedgerError::ArtifactMissing { .. })
        ));
    }
}
