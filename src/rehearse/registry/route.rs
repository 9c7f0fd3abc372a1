//! Which endpoint of the distribution specification a path leads to.
//!
//! A repository's name may hold the words of the endpoints (`acme/blobs`), so a path is read from its end.

use super::{
    answer::{Code, Refusal},
    name::RepositoryName,
};
use crate::rehearse::loopback::percent_decoded;

/// A path, taken apart. Digests, tags and session ids are still text: what is wrong with them depends on the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Base,
    Catalog,
    Blob {
        name: RepositoryName,
        digest: String,
    },
    Uploads {
        name: RepositoryName,
    },
    Upload {
        name: RepositoryName,
        session: String,
    },
    Manifest {
        name: RepositoryName,
        reference: String,
    },
    Tags {
        name: RepositoryName,
    },
    Referrers {
        name: RepositoryName,
        digest: String,
    },
}

impl Route {
    /// Reads a path as it stands in the request line.
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let path = percent_decoded(path)
            .ok_or_else(|| Refusal::new(Code::NameInvalid, "the path is not well encoded"))?;
        let Some(behind) = path.strip_prefix("/v2") else {
            return Err(no_endpoint(&path));
        };
        match behind {
            "" | "/" => return Ok(Self::Base),
            "/_catalog" => return Ok(Self::Catalog),
            _ => {}
        }
        let segments: Vec<&str> = behind.split('/').skip(1).collect();
        match segments.as_slice() {
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Ok(Self::Uploads {
                    name: repository(name)?,
                })
            }
            [name @ .., "blobs", "uploads", session] => Ok(Self::Upload {
                name: repository(name)?,
                session: (*session).to_owned(),
            }),
            [name @ .., "tags", "list"] => Ok(Self::Tags {
                name: repository(name)?,
            }),
            [name @ .., "blobs", digest] => Ok(Self::Blob {
                name: repository(name)?,
                digest: (*digest).to_owned(),
            }),
            [name @ .., "manifests", reference] => Ok(Self::Manifest {
                name: repository(name)?,
                reference: (*reference).to_owned(),
            }),
            [name @ .., "referrers", digest] => Ok(Self::Referrers {
                name: repository(name)?,
                digest: (*digest).to_owned(),
            }),
            _ => Err(no_endpoint(&path)),
        }
    }
}

fn repository(segments: &[&str]) -> Result<RepositoryName, Refusal> {
    segments
        .join("/")
        .parse()
        .map_err(|error| Refusal::new(Code::NameInvalid, format!("repository name {error}")))
}

fn no_endpoint(path: &str) -> Refusal {
    Refusal::new(
        Code::NameUnknown,
        format!("`{path}` is no endpoint of a registry"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().expect(text)
    }

    #[test]
    fn a_path_is_read_from_its_end() {
        let digest = || "sha256:00".to_owned();
        for (path, expected) in [
            ("/v2/", Route::Base),
            ("/v2", Route::Base),
            ("/v2/_catalog", Route::Catalog),
            (
                "/v2/a/blobs/sha256:00",
                Route::Blob {
                    name: name("a"),
                    digest: digest(),
                },
            ),
            (
                "/v2/a/blobs/sha256%3A00",
                Route::Blob {
                    name: name("a"),
                    digest: digest(),
                },
            ),
            ("/v2/a/blobs/uploads/", Route::Uploads { name: name("a") }),
            ("/v2/a/blobs/uploads", Route::Uploads { name: name("a") }),
            (
                "/v2/a/blobs/uploads/0f",
                Route::Upload {
                    name: name("a"),
                    session: "0f".into(),
                },
            ),
            (
                "/v2/a/blobs/manifests/list",
                Route::Manifest {
                    name: name("a/blobs"),
                    reference: "list".into(),
                },
            ),
            (
                "/v2/a/tags/tags/list",
                Route::Tags {
                    name: name("a/tags"),
                },
            ),
            (
                "/v2/a/b/referrers/sha256:00",
                Route::Referrers {
                    name: name("a/b"),
                    digest: digest(),
                },
            ),
        ] {
            let found = Route::parse(path);
            assert_eq!(found.ok(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_path_outside_the_folder_is_no_name() {
        for path in [
            "/v2/../blobs/sha256:00",
            "/v2/a/../b/manifests/x",
            "/v2/a%2F..%2Fb/manifests/x",
            "/v2//manifests/x",
            "/v2/_catalog/manifests/x",
            "/v2/manifests/x",
            "/v3/",
            "/",
            "/v2/a%zz/tags/list",
        ] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
    }
}
