//! How each builder is called.

use std::path::PathBuf;

use super::find::{Builder, Way};
use crate::process::{CommandSpec, GRACE, SignalTarget, StopPolicy};

/// Name of the file in which a builder says which image it made.
const IMAGE_ID: &str = "image-id";
/// Name of the layout that is left.
const LAYOUT: &str = "layout";
/// Name of the archive that is left.
const ARCHIVE: &str = "image.tar";

/// What is to be built, for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// Folder in which the builder is called and leaves the image. It is empty but for the secrets.
    pub folder: PathBuf,
    /// The context as people know it.
    pub called: String,
    /// The context, absolute.
    pub context: PathBuf,
    /// The Dockerfile, absolute.
    pub file: PathBuf,
    /// The Dockerfile's own list of what is left out of the context.
    pub ignore_file: Option<PathBuf>,
    /// The stage that is built; the last without it.
    pub target: Option<String>,
    /// Build arguments.
    pub args: Vec<(String, String)>,
    /// Secrets.
    pub secrets: Vec<SecretFile>,
    /// Labels of the configuration.
    pub labels: Vec<(String, String)>,
    /// The platform.
    pub platform: String,
    /// Seconds since 1970 that the image shall carry as its time.
    pub epoch: Option<u64>,
}

/// A secret that lies in the folder of a [`BuildRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Its id in the Dockerfile.
    pub id: String,
    /// Name of the file. It holds no comma, which would end it for a builder.
    pub file: String,
}

/// In what form a builder leaves the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaves {
    /// An OCI layout.
    Layout(PathBuf),
    /// An archive of `docker save`.
    Archive(PathBuf),
}

impl Builder {
    /// Describes the build. `equip` gives it its environment.
    pub fn build(
        &self,
        request: &BuildRequest,
        equip: impl Fn(CommandSpec) -> CommandSpec,
    ) -> CommandSpec {
        let purpose = format!("build `{}`", request.called);
        let mut spec = equip(CommandSpec::new(self.kind().program(), purpose))
            .dir(&request.folder)
            .stop(StopPolicy {
                signal_to: SignalTarget::Leader,
                grace: GRACE,
            });
        spec = match self.way {
            Way::BuildxLayout | Way::BuildxLoad => spec
                .args(["buildx", "build", "--progress", "plain"])
                // Lists of contents and origins are made of the finished image, the same way for every builder.
                .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1"),
            Way::DockerBuildKit => spec
                .args(["build", "--progress", "plain"])
                .env("DOCKER_BUILDKIT", "1"),
            Way::DockerLegacy => spec.arg("build").env("DOCKER_BUILDKIT", "0"),
            Way::Podman => spec.args(["build", "--format", "oci"]),
            // The name that every version of it knows.
            Way::Buildah => spec.args(["bud", "--format", "oci"]),
        };
        spec = spec
            .args(["--file".to_owned(), request.file.display().to_string()])
            .args(["--platform", &request.platform]);
        spec = self.add_output(spec, request);
        if let Some(target) = &request.target {
            spec = spec.args(["--target", target]);
        }
        for (name, value) in &request.args {
            spec = spec.args(["--build-arg".to_owned(), format!("{name}={value}")]);
        }
        for SecretFile { id, file } in &request.secrets {
            spec = spec.args(["--secret".to_owned(), format!("id={id},src={file}")]);
        }
        for (name, value) in &request.labels {
            spec = spec.args(["--label".to_owned(), format!("{name}={value}")]);
        }
        spec.arg(request.context.display().to_string())
    }

    fn add_output(&self, spec: CommandSpec, request: &BuildRequest) -> CommandSpec {
        let epoch = request.epoch.map(|seconds| seconds.to_string());
        match (self.way, epoch) {
            (Way::BuildxLayout, epoch) => {
                let again = epoch.as_ref().map_or("", |_| ",rewrite-timestamp=true");
                let spec = spec.args([
                    "--output".to_owned(),
                    format!("type=oci,tar=false,dest={LAYOUT}{again}"),
                ]);
                match epoch {
                    Some(seconds) => spec.env("SOURCE_DATE_EPOCH", seconds),
                    None => spec,
                }
            }
            (Way::BuildxLoad, _) => spec.args(["--load", "--iidfile", IMAGE_ID]),
            (Way::DockerBuildKit | Way::DockerLegacy, _) => spec.args(["--iidfile", IMAGE_ID]),
            (Way::Podman | Way::Buildah, epoch) => {
                let mut spec = spec.args(["--iidfile", IMAGE_ID]);
                if let Some(file) = &request.ignore_file {
                    spec = spec.args(["--ignorefile".to_owned(), file.display().to_string()]);
                }
                match epoch {
                    Some(seconds) => spec.args(["--timestamp".to_owned(), seconds]),
                    None => spec,
                }
            }
        }
    }

    /// Returns the file in which the build says which image it made; none where it leaves the image itself.
    pub fn image_id(&self, request: &BuildRequest) -> Option<PathBuf> {
        match self.way {
            Way::BuildxLayout => None,
            Way::BuildxLoad
            | Way::DockerBuildKit
            | Way::DockerLegacy
            | Way::Podman
            | Way::Buildah => Some(request.folder.join(IMAGE_ID)),
        }
    }

    /// Describes how the image that was made comes out of the builder's store.
    pub fn hand_over(
        &self,
        request: &BuildRequest,
        image_id: &str,
        equip: impl Fn(CommandSpec) -> CommandSpec,
    ) -> CommandSpec {
        let purpose = format!("take the image out of the store of {}", self.kind());
        let spec = equip(CommandSpec::new(self.kind().program(), purpose)).dir(&request.folder);
        match self.way {
            Way::BuildxLayout | Way::BuildxLoad | Way::DockerBuildKit | Way::DockerLegacy => {
                spec.args(["save", "--output", ARCHIVE, image_id])
            }
            Way::Podman => spec.args(["save", "--format", "oci-dir", "--output", LAYOUT, image_id]),
            Way::Buildah => spec.args(["push", image_id]).arg(format!("oci:{LAYOUT}")),
        }
    }

    /// Returns what lies in the folder at the end.
    pub fn leaves(&self, request: &BuildRequest) -> Leaves {
        match self.way {
            Way::BuildxLayout | Way::Podman | Way::Buildah => {
                Leaves::Layout(request.folder.join(LAYOUT))
            }
            Way::BuildxLoad | Way::DockerBuildKit | Way::DockerLegacy => {
                Leaves::Archive(request.folder.join(ARCHIVE))
            }
        }
    }
}
