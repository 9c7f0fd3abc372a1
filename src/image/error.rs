//! What can go wrong with images, for people, for retries and for exit codes.

use std::{fmt, io, path::PathBuf, time::Duration};

use crate::{
    digest::Digest,
    event::FailureKind,
    http::{self, HttpError},
    image::{CredentialsError, ImageReference, InvalidReference, Platform, RepositoryName},
};

/// A failure around an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file or folder could not be read or written.
    #[error("could not {doing} `{}`", path.display())]
    Io {
        /// What was tried: a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What an image is to be made of does not fit.
    #[error("cannot assemble the image: {because}")]
    Assembly {
        /// Found and expected.
        because: String,
    },
    /// Images do not fit into one index.
    #[error("cannot join the parts of the image: {because}")]
    Join {
        /// Found and expected.
        because: String,
    },
    /// A builder made an image for another platform than it was asked for.
    #[error("the image is for `{found}`, expected `{expected}`")]
    OtherPlatform {
        /// The platform that was asked for.
        expected: Box<Platform>,
        /// That of the image.
        found: Box<Platform>,
    },
    /// A folder is no OCI image layout.
    #[error("`{}` is not an OCI image layout: {because}", path.display())]
    NotALayout {
        /// The folder.
        path: PathBuf,
        /// What is missing or wrong.
        because: String,
    },
    /// A manifest, index, configuration or layer breaks its format.
    #[error("{what} is malformed: {because}")]
    Malformed {
        /// Which document.
        what: String,
        /// Found and expected.
        because: String,
    },
    /// Bytes are not those that their name promises.
    #[error("{what} has digest {found}, expected {expected}")]
    WrongDigest {
        /// Where the bytes came from.
        what: String,
        /// The digest that names them.
        expected: Digest,
        /// The digest that they have.
        found: Digest,
    },
    /// Bytes are more or fewer than their descriptor promises.
    #[error("{what} has {found} bytes, expected {expected}")]
    WrongSize {
        /// Where the bytes came from.
        what: String,
        /// The promised number.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// A layer names a path outside its image.
    #[error("a layer of the image would write outside of it: `{path}`")]
    Escape {
        /// The path as the layer says it.
        path: String,
    },
    /// A name is no image reference.
    #[error(transparent)]
    Reference(#[from] InvalidReference),
    /// A registry does not have what was asked for.
    #[error("registry `{registry}` does not have {what}")]
    Missing {
        /// The registry's host.
        registry: String,
        /// A manifest, a blob or a repository.
        what: String,
    },
    /// A registry refused.
    #[error("registry `{registry}` refused to {doing}: {status}{}", words(message))]
    Refused {
        /// The registry's host.
        registry: String,
        /// What was tried: a verb and its object.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// What the registry said, shortened.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// What a registry asks for to know us could not be had.
    #[error("there is no login for registry `{registry}`")]
    Login {
        /// The registry's host.
        registry: String,
        /// Why not.
        #[source]
        source: Box<CredentialsError>,
    },
    /// The HTTP client could not be made.
    #[error(transparent)]
    Client(#[from] HttpError),
    /// A registry could not be reached, or the connection broke.
    #[error("registry `{registry}` could not be reached to {doing}")]
    Unreachable {
        /// The registry's host.
        registry: String,
        /// What was tried: a verb and its object.
        doing: String,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
    /// A registry's answer breaks the protocol, or leads where credentials and data must not go.
    #[error("registry `{registry}` answered against the protocol when asked to {doing}: {because}")]
    Protocol {
        /// The registry's host.
        registry: String,
        /// What was tried: a verb and its object.
        doing: String,
        /// Found and expected.
        because: String,
    },
    /// What was published is not what is read back.
    #[error("`{reference}` was pushed, but reads back as {found}")]
    ReadBack {
        /// The image that should be there.
        reference: Box<ImageReference>,
        /// What is there.
        found: String,
    },
    /// Publishing ended in the middle.
    #[error("publishing to {} ended early; {standing}", list(repositories))]
    Unfinished {
        /// The repositories that were to be published to.
        repositories: Vec<RepositoryName>,
        /// What each tag names now.
        standing: Box<Standing>,
        /// What ended it.
        #[source]
        source: Box<ImageError>,
    },
}

/// Where the tags of a publication stand after it ended early: each is in one of the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Tags that name the new image.
    pub moved: Vec<ImageReference>,
    /// Tags that do not.
    pub not_moved: Vec<ImageReference>,
    /// Tags whose registry took the request and was not heard of any more.
    pub unknown: Vec<ImageReference>,
}

impl Standing {
    /// Adds what is known of other tags.
    pub(super) fn add(&mut self, other: Self) {
        self.moved.extend(other.moved);
        self.not_moved.extend(other.not_moved);
        self.unknown.extend(other.unknown);
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("moved", &self.moved),
            ("not moved", &self.not_moved),
            ("not known", &self.unknown),
        ];
        let words: Vec<String> = lists
            .iter()
            .filter(|(_, tags)| !tags.is_empty())
            .map(|(what, tags)| format!("{what}: {}", list(tags)))
            .collect();
        if words.is_empty() {
            return formatter.write_str("no tag was to be moved");
        }
        formatter.write_str(&words.join("; "))
    }
}

impl ImageError {
    /// Classifies the failure for retries and exit codes.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Io { .. }
            | Self::Malformed { .. }
            | Self::NotALayout { .. }
            | Self::OtherPlatform { .. }
            | Self::WrongDigest { .. }
            | Self::WrongSize { .. }
            | Self::Escape { .. }
            | Self::Missing { .. }
            | Self::Protocol { .. } => FailureKind::Task,
            Self::Assembly { .. } | Self::Join { .. } | Self::Reference(_) => FailureKind::Invalid,
            Self::Refused {
                status, message, ..
            } => match status {
                401 => FailureKind::AuthExpired,
                429 => FailureKind::Quota,
                403 if names_a_rate_limit(message) => FailureKind::Quota,
                408 | 500..=599 => FailureKind::Unavailable,
                _ => FailureKind::Task,
            },
            Self::Login { source, .. } => source.kind(),
            Self::Unreachable { source, .. } if source.is_timeout() => FailureKind::Timeout,
            Self::Unreachable { source, .. } if http::is_untrusted(source) => FailureKind::Task,
            Self::Unreachable { .. } => FailureKind::Unavailable,
            Self::Client(_) => FailureKind::Invalid,
            Self::ReadBack { .. } => FailureKind::VerifyFailed,
            Self::Unfinished { source, .. } => source.kind(),
        }
    }

    /// Says what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Refused {
                registry,
                status,
                message,
                ..
            } => return refusal_hint(registry, *status, message),
            Self::NotALayout { .. } => {
                "an OCI image layout has `oci-layout`, `index.json` and `blobs/sha256/`; \
                                        `docker buildx build -o type=oci,tar=false,dest=DIR .` writes one"
            }
            Self::WrongDigest { .. } | Self::WrongSize { .. } => {
                "the copy is damaged or was changed; make or fetch it again"
            }
            Self::Escape { .. } => "do not use this image",
            Self::ReadBack { .. } => {
                "another run moves the same tag, or the registry serves stale answers"
            }
            Self::OtherPlatform { .. } => {
                "this builder does not build for other platforms than its own, or the Dockerfile names one by `FROM --platform`; \
                 docker buildx does, and so does a runner of that platform"
            }
            Self::Missing { .. } => {
                "check the name; a private repository without credentials looks like one that is missing"
            }
            Self::Login { source, .. } => return source.hint(),
            Self::Unreachable { source, .. } if http::is_untrusted(source) => {
                return Some(format!(
                    "name the certificate of its authority by {}",
                    http::CA_FILE
                ));
            }
            Self::Unfinished { source, .. } => return source.hint(),
            Self::Io { .. }
            | Self::Assembly { .. }
            | Self::Join { .. }
            | Self::Malformed { .. }
            | Self::Reference(_)
            | Self::Client(_)
            | Self::Unreachable { .. }
            | Self::Protocol { .. } => return None,
        };
        Some(text.to_owned())
    }

    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

/// GHCR answers 403 where others answer 429; the words are all that tells a limit from a permission.
pub(super) fn names_a_rate_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("rate limit") || message.contains("toomanyrequests")
}

fn refusal_hint(registry: &str, status: u16, message: &str) -> Option<String> {
    let text = match status {
        401 => format!("give credentials for `{registry}`, or fresh ones"),
        403 if names_a_rate_limit(message) => "wait, then run again; what is uploaded is not uploaded again".to_owned(),
        403 if message.contains("Create organization package") || message.contains("Write organization package") => {
            "the job needs `permissions: packages: write`, and the organization must let members create packages".to_owned()
        }
        403 if registry == "ghcr.io" && message.contains("write_package") => {
            "the package was first pushed by a person or another repository, so that this repository's token may not write to it: in the \
             package's settings, under `Manage Actions access`, add this repository with the role Write; if the package is new, the job \
             needs `permissions: packages: write`"
                .to_owned()
        }
        403 if registry == "ghcr.io" => "the job needs `permissions: packages: write`; a package that was first pushed by hand must be \
                                         connected to the repository in the package's settings"
            .to_owned(),
        403 => format!("the credentials for `{registry}` may not do this"),
        413 => "the registry, or a proxy before it, limits the size of an upload".to_owned(),
        429 => "wait, then run again; what is uploaded is not uploaded again".to_owned(),
        _ => return None,
    };
    Some(text)
}

fn words(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(" ({message})"),
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<_> = items
        .iter()
        .map(|item| format!("`{}`", item.to_string()))
        .collect();
    items.join(", ")
}
