//! What lies beside the records: the parts of fingerprints, and evidence.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    directory::Ledger,
    error::{LedgerError, io_error},
    folder::{
        create_private_folder, evidence_folder, file_name, read_if_there, replace_file, sync_folder,
    },
};
use crate::{
    digest::Digest,
    ident::{RunId, TaskKey},
    portable::private_file,
};

impl Ledger {
    /// Keeps what a fingerprint was made of: each part's name, and the digest of the part.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep_fingerprint(
        &self,
        fingerprint: &Digest,
        parts: &BTreeMap<String, String>,
    ) -> Result<(), LedgerError> {
        let path = fingerprint_path(self.folder(), fingerprint);
        // The name is a digest of the parts, so what is there says the same.
        if path.exists() {
            return Ok(());
        }
        let json = serde_json::to_vec_pretty(parts)
            .map_err(|source| LedgerError::Unwritable { source })?;
        replace_file(&path, &json)
    }

    /// Returns what a fingerprint was made of; `None` if that was not kept.
    ///
    /// # Errors
    /// A file that cannot be read, or that something else wrote.
    pub fn fingerprint_parts(
        &self,
        fingerprint: &Digest,
    ) -> Result<Option<BTreeMap<String, String>>, LedgerError> {
        fingerprint_parts(self.folder(), fingerprint)
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

/// Returns what a fingerprint was made of by the ledger in `folder`, without opening that; `None` if it was not kept.
///
/// # Errors
/// A file that cannot be read, or that something else wrote.
pub fn fingerprint_parts(
    folder: &Utf8Path,
    fingerprint: &Digest,
) -> Result<Option<BTreeMap<String, String>>, LedgerError> {
    let path = fingerprint_path(folder, fingerprint);
    let Some(json) = read_if_there(&path)? else {
        return Ok(None);
    };
    match serde_json::from_slice(&json) {
        Ok(parts) => Ok(Some(parts)),
        Err(source) => Err(LedgerError::Malformed { path, source }),
    }
}

fn fingerprint_path(folder: &Utf8Path, fingerprint: &Digest) -> Utf8PathBuf {
    let name = format!("{}.json", fingerprint.hex());
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
    use super::*;
    use crate::ledger::directory::Opened;

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = Utf8Path::from_path(folder.path()).expect("its name is UTF-8");
        let Opened { ledger, .. } = Ledger::open(&path.join("none")).expect("a new ledger");
        (folder, ledger)
    }

    #[test]
    fn the_parts_of_a_fingerprint_come_back_for_explain() {
        let (_folder, ledger) = ledger();
        let fingerprint = Digest::of("all parts");
        assert_eq!(
            ledger.fingerprint_parts(&fingerprint).expect("no file"),
            None
        );
        let parts = BTreeMap::from([
            ("file Dockerfile".to_owned(), "sha256:00".to_owned()),
            ("kind".to_owned(), "sha256:01".to_owned()),
        ]);
        for _ in 0..2 {
            ledger.keep_fingerprint(&fingerprint, &parts).expect("room");
        }
        assert_eq!(
            ledger.fingerprint_parts(&fingerprint).expect("a file"),
            Some(parts)
        );
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
