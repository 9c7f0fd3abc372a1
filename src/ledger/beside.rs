//! What lies beside the records: the parts of fingerprints, and evidence.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    directory::{Durability, Ledger},
    error::{LedgerError, io_error},
    folder::{
        create_private_folder, evidence_folder, file_name, read_if_there, replace_file,
        replace_file_unsynced, sync_folder,
    },
};
use crate::{
    digest::Digest,
    ident::{RunId, TaskKey},
    plan::{FingerprintParts, fingerprint::SHARED},
    portable::private_file,
};

impl Ledger {
    /// Keeps what a fingerprint was made of: each part's name, and the part or its digest. Parts that tasks share are kept
    /// once.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep_fingerprint(
        &self,
        fingerprint: &Digest,
        parts: &FingerprintParts,
        durability: Durability,
    ) -> Result<(), LedgerError> {
        if let Some(shared) = parts.shared() {
            self.keep_parts(shared.digest(), shared.as_map(), durability)?;
        }
        self.keep_parts(fingerprint, parts.own(), durability)
    }

    /// Returns what a fingerprint was made of; `None` if that was not kept, or was lost with the machine.
    ///
    /// # Errors
    /// A file that cannot be read, or that something else wrote.
    pub fn fingerprint_parts(
        &self,
        fingerprint: &Digest,
    ) -> Result<Option<BTreeMap<String, String>>, LedgerError> {
        fingerprint_parts(self.folder(), fingerprint)
    }

    fn keep_parts(
        &self,
        digest: &Digest,
        parts: &BTreeMap<String, String>,
        durability: Durability,
    ) -> Result<(), LedgerError> {
        if self.has_kept(digest) {
            return Ok(());
        }
        let path = fingerprint_path(self.folder(), digest);
        // The name is a digest of the parts, so what is there says the same, unless the machine stopped over it.
        let is_there = fs::metadata(&path).is_ok_and(|found| found.len() > 0);
        if !is_there {
            let json = serde_json::to_vec_pretty(parts)
                .map_err(|source| LedgerError::Unwritable { source })?;
            match durability {
                Durability::Synced => replace_file(&path, &json)?,
                Durability::Written => replace_file_unsynced(&path, &json)?,
            }
        }
        self.remember_kept(*digest);
        Ok(())
    }

    /// Keeps evidence about a task and returns its path as records say it. What was kept before under the same name stays:
    /// the new one becomes `NAME-2`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep_evidence(
        &self,
        run: &RunId,
        task: &TaskKey,
        name: &str,
        masked: &[u8],
    ) -> Result<String, LedgerError> {
        let relative = evidence_folder(run, task);
        let folder = self.folder().join(&relative);
        create_private_folder(&folder)?;
        let mut file_name_tried = file_name(name);
        for number in 2_u32.. {
            match write_new(&folder, &folder.join(&file_name_tried), masked) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    file_name_tried = file_name(&format!("{name}-{number}"));
                }
                Err(error) => return Err(io_error("write", folder.join(&file_name_tried))(error)),
            }
        }
        Ok(relative.join(file_name_tried).into_string())
    }
}

/// Returns what a fingerprint was made of by the ledger in `folder`, without opening that; `None` if it was not kept, or was
/// lost with the machine.
///
/// # Errors
/// A file that cannot be read, or that something else wrote.
pub fn fingerprint_parts(
    folder: &Utf8Path,
    fingerprint: &Digest,
) -> Result<Option<BTreeMap<String, String>>, LedgerError> {
    let Some(mut parts) = kept_parts(folder, fingerprint)? else {
        return Ok(None);
    };
    let shared = parts.get(SHARED).and_then(|digest| digest.parse().ok());
    if let Some(shared) = shared
        && let Some(shared) = kept_parts(folder, &shared)?
    {
        parts.remove(SHARED);
        parts.extend(shared);
    }
    Ok(Some(parts))
}

fn kept_parts(
    folder: &Utf8Path,
    digest: &Digest,
) -> Result<Option<BTreeMap<String, String>>, LedgerError> {
    let path = fingerprint_path(folder, digest);
    // A file that was not synced has no bytes, or zeros, where the machine stopped before the disk had it.
    let json = read_if_there(&path)?.filter(|json| json.first().is_some_and(|&byte| byte != 0));
    let Some(json) = json else {
        return Ok(None);
    };
    match serde_json::from_slice(&json) {
        Ok(parts) => Ok(Some(parts)),
        Err(source) => Err(LedgerError::Malformed { path, source }),
    }
}

fn fingerprint_path(folder: &Utf8Path, digest: &Digest) -> Utf8PathBuf {
    let name = format!("{}.json", digest.hex());
    folder.join("fingerprints").join(name)
}

fn write_new(folder: &Utf8Path, path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_file().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ledger::directory::Opened, plan::fingerprint::SharedParts};

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = Utf8Path::from_path(folder.path()).expect("its name is UTF-8");
        let Opened { ledger, .. } = Ledger::open(&path.join("none")).expect("a new ledger");
        (folder, ledger)
    }

    fn parts(file: &str) -> FingerprintParts {
        let mut parts = FingerprintParts::new("run");
        let files = BTreeMap::from([("file Dockerfile".to_owned(), file.to_owned())]);
        parts.share(Arc::new(SharedParts::new(files)));
        parts
    }

    #[test]
    fn the_parts_of_a_fingerprint_come_back_for_explain() {
        let (_folder, ledger) = ledger();
        let parts = parts("100644 sha256:00");
        let fingerprint = parts.fingerprint();
        let kept = || ledger.fingerprint_parts(&fingerprint).expect("readable");
        assert_eq!(kept(), None);
        for durability in [Durability::Written, Durability::Synced] {
            ledger
                .keep_fingerprint(&fingerprint, &parts, durability)
                .expect("room");
        }
        assert_eq!(kept(), Some(parts.to_map()));
    }

    #[test]
    fn what_tasks_share_is_kept_once() {
        let (_folder, ledger) = ledger();
        for command in ["make", "just", "ninja"] {
            let mut parts = parts("100644 sha256:00");
            parts.part("body.command[0]", command);
            ledger
                .keep_fingerprint(&parts.fingerprint(), &parts, Durability::Written)
                .expect("room");
        }
        let kept = fs::read_dir(ledger.folder().join("fingerprints")).expect("it is there");
        assert_eq!(kept.count(), 4);
    }

    #[test]
    fn parts_that_the_disk_never_got_are_kept_again() {
        let (_folder, ledger) = ledger();
        let parts = parts("100644 sha256:00");
        let fingerprint = parts.fingerprint();
        let path = fingerprint_path(ledger.folder(), &fingerprint);
        create_private_folder(&ledger.folder().join("fingerprints")).expect("room");
        fs::write(&path, "").expect("room");
        assert_eq!(ledger.fingerprint_parts(&fingerprint).expect("none"), None);
        ledger
            .keep_fingerprint(&fingerprint, &parts, Durability::Written)
            .expect("room");
        let kept = ledger.fingerprint_parts(&fingerprint).expect("readable");
        assert_eq!(kept, Some(parts.to_map()));
    }

    #[test]
    fn evidence_never_takes_the_place_of_earlier_evidence() {
        let (_folder, ledger) = ledger();
        let task = "app@staging".parse().expect("a task key");
        let keep = |bytes: &[u8]| {
            let run = RunId::new("run/7");
            ledger
                .keep_evidence(&run, &task, "Pods.json", bytes)
                .expect("room")
        };
        assert_eq!(keep(b"one"), "evidence/run%2f7/app@staging/%50ods.json");
        let second = keep(b"two");
        assert_eq!(second, "evidence/run%2f7/app@staging/%50ods.json-2");
        let path = ledger.path_of(&second).expect("a path inside");
        assert_eq!(std::fs::read(path).expect("it is there"), b"two");
    }
}
