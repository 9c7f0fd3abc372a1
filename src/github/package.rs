//! Packages of an owner.

use serde::Deserialize;

use super::{Client, ClientError, client::segment};

/// A package of GitHub's registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Its name without the owner; may contain slashes.
    pub name: String,
    /// `public`, `private` or `internal`.
    pub visibility: String,
    /// Its page.
    #[serde(rename = "html_url")]
    pub url: String,
    /// How many versions it has.
    #[serde(default)]
    pub version_count: u64,
}

/// What packages hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackageKind {
    /// Images.
    Container,
}

impl PackageKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
        }
    }
}

impl Client {
    /// Returns the packages of an organisation or a person that the token can see.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does. The job needs `permissions: packages: read`.
    pub async fn packages(
        &self,
        owner: &str,
        kind: PackageKind,
    ) -> Result<Vec<Package>, ClientError> {
        let what = format!("list the packages of {owner}");
        let owner = segment(owner);
        let kind = kind.as_str();
        let of_organisation = format!("/orgs/{owner}/packages?package_type={kind}");
        match self.all_pages(&what, &of_organisation).await {
            // A person is no organisation, and is asked for elsewhere.
            Err(ClientError::NotFound { .. }) => {
                let of_person = format!("/users/{owner}/packages?package_type={kind}");
                self.all_pages(&what, &of_person).await
            }
            answer => answer,
        }
    }
}
