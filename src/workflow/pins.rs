//! The actions that rendered files use, each by the commit of a release.

/// An action at the commit of one of its releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// `OWNER/REPOSITORY`.
    pub action: &'static str,
    /// The commit, 40 hexadecimal digits.
    pub commit: &'static str,
    /// The release whose tag is on the commit.
    pub version: &'static str,
}

/// Ourselves. A commit cannot name itself, so a release's commit enters this table with the commit that follows its tag.
pub const DEPLOY_ACTION: Pin = Pin {
    action: "org/deploy-action",
    commit: "82e940f804c2a4070a235382fb3e1d14a7301ccb",
    version: "v0.1.0",
};

/// Fetches the repository.
pub const CHECKOUT: Pin = Pin {
    action: "actions/checkout",
    commit: "8e8c483db84b4bee98b60c0593521ed34d9990e8",
    version: "v6.0.1",
};

/// Keeps files for the other jobs of the run.
pub const UPLOAD_ARTIFACT: Pin = Pin {
    action: "actions/upload-artifact",
    commit: "b7c566a772e6b6bfb58ed0dc250532a479d7789f",
    version: "v6.0.0",
};

/// Fetches files of other jobs of the run.
pub const DOWNLOAD_ARTIFACT: Pin = Pin {
    action: "actions/download-artifact",
    commit: "37930b1c2abaa49bbe596cd826c3c89aef350131",
    version: "v7.0.0",
};

/// Every action that rendered files use.
pub const ALL: [Pin; 4] = [DEPLOY_ACTION, CHECKOUT, UPLOAD_ARTIFACT, DOWNLOAD_ARTIFACT];

impl Pin {
    /// Returns what stands behind `uses:`, without the comment that names the version.
    pub fn reference(self) -> String {
        format!("{}@{}", self.action, self.commit)
    }
}

/// Returns the release of a reference of ours.
pub fn version_of(uses: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|pin| pin.reference() == uses)
        .map(|pin| pin.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_whole_commit_and_a_version() {
        for pin in ALL {
            assert!(
                pin.commit.len() == 40 && pin.commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{pin:?}"
            );
            assert!(
                pin.version
                    .strip_prefix('v')
                    .is_some_and(|version| semver::Version::parse(version).is_ok()),
                "{pin:?}"
            );
            assert_eq!(version_of(&pin.reference()), Some(pin.version));
        }
    }
}
