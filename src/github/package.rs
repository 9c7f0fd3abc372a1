//! Packages of an owner.

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Client, ClientError,
    client::{Call, Method, Repeat, segment},
};

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

/// The versions of a package of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageVersions {
    /// Where GitHub has them: with an organisation, or with a person.
    route: String,
    /// The versions, newest first.
    pub versions: Vec<ImageVersion>,
}

/// A manifest, as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImageVersion {
    /// By which GitHub deletes it.
    pub id: u64,
    /// Its digest.
    pub name: String,
    /// When it came.
    pub created_at: Timestamp,
    metadata: VersionMetadata,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct VersionMetadata {
    #[serde(default)]
    container: ContainerMetadata,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct ContainerMetadata {
    #[serde(default)]
    tags: Vec<String>,
}

impl ImageVersion {
    /// Returns its tags.
    pub fn tags(&self) -> &[String] {
        &self.metadata.container.tags
    }
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

    /// Returns the versions of a package of images: its manifests, with a tag or without.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does, and where there is no such package. The job needs `permissions: packages: read`.
    pub async fn image_versions(
        &self,
        owner: &str,
        name: &str,
    ) -> Result<ImageVersions, ClientError> {
        let what = format!("list the versions of the package {name}");
        let kind = PackageKind::Container.as_str();
        let below = format!("packages/{kind}/{}/versions", segment(name));
        let owner = segment(owner);
        let of_organisation = format!("/orgs/{owner}/{below}");
        match self.all_pages(&what, &of_organisation).await {
            Err(ClientError::NotFound { .. }) => {
                let of_person = format!("/users/{owner}/{below}");
                let versions = self.all_pages(&what, &of_person).await?;
                Ok(ImageVersions {
                    route: of_person,
                    versions,
                })
            }
            answer => Ok(ImageVersions {
                versions: answer?,
                route: of_organisation,
            }),
        }
    }

    /// Deletes a version of a package; returns whether there was one.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does: it keeps the last version of a package, and versions that were fetched too often. The job needs
    /// `permissions: packages: write`, and the repository the role of an administrator of the package.
    pub async fn delete_image_version(
        &self,
        versions: &ImageVersions,
        version: &ImageVersion,
    ) -> Result<bool, ClientError> {
        let what = format!("delete the version {}", version.name);
        let call = Call {
            what: &what,
            method: Method::Delete,
            route: &format!("{}/{}", versions.route, version.id),
            repeat: Repeat::Always,
        };
        match self.send(&call, None::<&()>).await {
            Ok(_) => Ok(true),
            Err(ClientError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
