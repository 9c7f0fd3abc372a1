//! A file by which children are the same identity, as Google's own libraries read it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{CloudError, external::External};
use crate::portable;

/// A file of credentials that only its owner reads, and that goes with this value.
///
/// It names no token of Google's but says where the job's are from, so that what reads it can fetch new ones as long as the
/// job runs.
#[derive(Debug)]
pub struct CredentialFile {
    path: PathBuf,
    is_ours: bool,
}

impl CredentialFile {
    pub(super) fn create(folder: &Path, external: &External) -> Result<Self, CloudError> {
        let document = external.document().unwrap_or_default();
        let mut name = [0; 8];
        // The name keeps two files apart; who may read them, their modes say.
        let drawn = getrandom::fill(&mut name).map_err(std::io::Error::other);
        let path = folder.join(format!("gha-creds-{}.json", hex::encode(name)));
        let write = || {
            drawn?;
            let mut options = portable::private_file();
            let mut file = options.write(true).create_new(true).open(&path)?;
            file.write_all(document.as_bytes())
        };
        let file = Self {
            path: path.clone(),
            is_ours: true,
        };
        match write() {
            Ok(()) => Ok(file),
            Err(source) => Err(CloudError::File {
                doing: "write",
                path: path.clone(),
                source,
            }),
        }
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves its removal to somebody else: the keeper of the child that reads it.
    pub fn hand_over(mut self) -> PathBuf {
        self.is_ours = false;
        self.path.clone()
    }
}

impl Drop for CredentialFile {
    fn drop(&mut self) {
        if self.is_ours
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.path.display(), "a file of credentials stays");
        }
    }
}

/// Names the variables by which children find the file and the project, as Google's libraries, gcloud and terraform know them.
pub fn variables(file: Option<&Path>, project: &str) -> Vec<(&'static str, String)> {
    let project_names = [
        "CLOUDSDK_CORE_PROJECT",
        "CLOUDSDK_PROJECT",
        "GCLOUD_PROJECT",
        "GCP_PROJECT",
        "GOOGLE_CLOUD_PROJECT",
    ];
    let file_names = [
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
        "GOOGLE_GHA_CREDS_PATH",
    ];
    let file = file.map(|file| file.display().to_string());
    let files = file
        .into_iter()
        .flat_map(|file| file_names.map(|name| (name, file.clone())));
    let projects = project_names.map(|name| (name, project.to_owned()));
    files.chain(projects).collect()
}
