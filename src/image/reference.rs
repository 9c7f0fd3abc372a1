//! Names of images: registry, repository, tag and digest, read and printed as docker does
//! (distribution-spec, "Pulling manifests"; the charset of names and tags is the specification's).

use std::{fmt, str::FromStr};

use crate::digest::Digest;

/// Registry that docker means where a name has none.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Many clients refuse a registry and a path that are longer together, with the slash between them.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// A repository on a registry: `ghcr.io/acme/api`; `alpine` is `docker.io/library/alpine`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName {
    registry: String,
    path: String,
}

/// A tag: 1 to 128 characters of `[A-Za-z0-9_.-]`, the first neither `.` nor `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// An image as people name it: `ghcr.io/acme/api:1.4.0@sha256:…`, where tag and digest may both be absent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    repository: RepositoryName,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// A text that is no image reference, repository or tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}: {because}; expected {expected}")]
pub struct InvalidReference {
    found: String,
    what: &'static str,
    because: String,
    expected: &'static str,
}

impl RepositoryName {
    /// Joins a registry's host and a path on it.
    ///
    /// # Errors
    /// If either has a character or form that the specification does not allow, or both are longer than 255 together.
    pub fn new(registry: &str, path: &str) -> Result<Self, InvalidReference> {
        let invalid = |because: String| InvalidReference {
            found: format!("{registry}/{path}"),
            what: "a repository",
            because,
            expected: "a registry's host and lower-case parts of letters, digits and single separators `.`, `_`, `__` or `-`, \
                       such as `ghcr.io/acme/api`",
        };
        check_registry(registry).map_err(invalid)?;
        check_path(path).map_err(invalid)?;
        if registry.len() + 1 + path.len() > LONGEST_NAME {
            return Err(invalid(format!(
                "it is longer than {LONGEST_NAME} characters"
            )));
        }
        Ok(Self {
            registry: canonical_registry(registry),
            path: path.to_owned(),
        })
    }

    /// Returns the registry's host, with its port where it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the path on the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Names an image of this repository by its tag.
    pub fn tagged(&self, tag: Tag) -> ImageReference {
        ImageReference {
            repository: self.clone(),
            tag: Some(tag),
            digest: None,
        }
    }

    /// Names an image of this repository by its content.
    pub fn pinned(&self, digest: Digest) -> ImageReference {
        ImageReference {
            repository: self.clone(),
            tag: None,
            digest: Some(digest),
        }
    }
}

impl Tag {
    /// Returns the characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag that docker means where a reference names none.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }
}

impl ImageReference {
    /// Returns the repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Returns the tag that is written in the reference.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Returns the digest that is written in the reference.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Returns the same image with this content, keeping the tag for people.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }
}

/// The registry is the first part if that can be a host: it has a dot or a port, is `localhost`, or has an upper-case letter,
/// which no path may have.
fn split_registry(name: &str) -> (&str, String) {
    match name.split_once('/') {
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            if canonical_registry(first) == DEFAULT_REGISTRY && !rest.contains('/') {
                (DEFAULT_REGISTRY, format!("library/{rest}"))
            } else {
                (first, rest.to_owned())
            }
        }
        Some(_) => (DEFAULT_REGISTRY, name.to_owned()),
        None => (DEFAULT_REGISTRY, format!("library/{name}")),
    }
}

fn canonical_registry(registry: &str) -> String {
    match registry {
        "index.docker.io" | "registry-1.docker.io" => DEFAULT_REGISTRY.to_owned(),
        other => other.to_owned(),
    }
}

fn check_registry(registry: &str) -> Result<(), String> {
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or("the bracket of its address is not closed")?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("`{host}` is no IPv6 address"));
            }
            return check_port(
                after
                    .strip_prefix(':')
                    .or((!after.is_empty()).then_some("")),
            );
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        },
    };
    let good_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !host.split('.').all(good_part) {
        return Err(format!("`{host}` is no host name"));
    }
    check_port(port)
}

fn check_port(port: Option<&str>) -> Result<(), String> {
    match port {
        Some(port)
            if port.is_empty()
                || !port.bytes().all(|byte| byte.is_ascii_digit())
                || port.parse::<u16>().is_err() =>
        {
            Err(format!("`{port}` is no port"))
        }
        _ => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), String> {
    for part in path.split('/') {
        if part.is_empty() {
            return Err("it has an empty part".to_owned());
        }
        if let Some(bad) = part.chars().find(|c| {
            !(c.is_ascii_lowercase() || c.is_ascii_digit() || ['.', '_', '-'].contains(c))
        }) {
            return Err(format!("`{bad}` is not allowed in `{part}`"));
        }
        let separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        for separator in separators.filter(|separator| !separator.is_empty()) {
            let known =
                matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-');
            if !known || part.starts_with(separator) || part.ends_with(separator) {
                return Err(format!(
                    "`{separator}` stands where a letter or digit must be, in `{part}`"
                ));
            }
        }
    }
    Ok(())
}

impl FromStr for RepositoryName {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (registry, path) = split_registry(text);
        Self::new(registry, &path)
    }
}

impl FromStr for Tag {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |because: String| InvalidReference {
            found: text.to_owned(),
            what: "a tag",
            because,
            expected: "1 to 128 letters, digits, `_`, `.` or `-`, the first neither `.` nor `-`",
        };
        if text.is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        if let Some(bad) = text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(c)))
        {
            return Err(invalid(format!("`{bad}` is not allowed")));
        }
        if text.starts_with(['.', '-']) {
            return Err(invalid(format!("it starts with `{}`", &text[..1])));
        }
        if text.len() > LONGEST_TAG {
            return Err(invalid(format!("it has {} characters", text.len())));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for ImageReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(read_digest(text, digest)?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let path_start = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named[path_start..].find(':') {
            Some(colon) => (
                &named[..path_start + colon],
                Some(named[path_start + colon + 1..].parse()?),
            ),
            None => (named, None),
        };
        Ok(Self {
            repository: name.parse()?,
            tag,
            digest,
        })
    }
}

fn read_digest(text: &str, digest: &str) -> Result<Digest, InvalidReference> {
    digest
        .parse()
        .map_err(|problem: crate::digest::InvalidDigest| InvalidReference {
            found: text.to_owned(),
            what: "an image reference",
            because: problem.to_string(),
            expected: "`@sha256:…` after the name",
        })
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_reference_prints_in_full_and_reads_back() {
        for (text, printed) in [
            ("alpine", "docker.io/library/alpine"),
            ("alpine:3", "docker.io/library/alpine:3"),
            ("acme/api", "docker.io/acme/api"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("index.docker.io/acme/api", "docker.io/acme/api"),
            ("localhost/api", "localhost/api"),
            ("localhost:5000/a/b:t", "localhost:5000/a/b:t"),
            ("127.0.0.1:5000/api", "127.0.0.1:5000/api"),
            ("[::1]:5000/api:x", "[::1]:5000/api:x"),
            (
                "ghcr.io/acme/api__x.y-z:V1_.-",
                "ghcr.io/acme/api__x.y-z:V1_.-",
            ),
            ("ghcr.io/a---b/c", "ghcr.io/a---b/c"),
        ] {
            for (text, printed) in [
                (text.to_owned(), printed.to_owned()),
                (format!("{text}@{DIGEST}"), format!("{printed}@{DIGEST}")),
            ] {
                let reference: ImageReference = text.parse().expect("a good reference");
                assert_eq!(reference.to_string(), printed);
                assert_eq!(printed.parse(), Ok(reference));
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_reference_is_said() {
        for (text, because) in [
            ("", "it has an empty part"),
            ("ghcr.io/", "it has an empty part"),
            ("ghcr.io/Acme/api", "`A` is not allowed in `Acme`"),
            ("ghcr.io/a//b", "it has an empty part"),
            (
                "ghcr.io/-a",
                "`-` stands where a letter or digit must be, in `-a`",
            ),
            ("ghcr.io/a___b", "`___` stands"),
            ("ghcr.io/a..b", "`..` stands"),
            ("ghcr.io/../b", "`..` stands"),
            ("ghcr.io/a/b:", "it is empty"),
            ("ghcr.io/a/b:-x", "it starts with `-`"),
            ("ghcr.io/a/b:x y", "` ` is not allowed"),
            ("ghcr.io:x/a", "`x` is no port"),
            ("ghcr.io:70000/a", "`70000` is no port"),
            ("-ghcr.io/a", "is no host name"),
            ("a/b@sha512:00", "is not a digest"),
            ("https://ghcr.io/a", "`` is no port"),
        ] {
            let problem = text.parse::<ImageReference>().expect_err(text).to_string();
            assert!(problem.contains(because), "{text}: {problem}");
        }
        let long = format!("ghcr.io/{}", "a".repeat(248));
        assert!(long.parse::<RepositoryName>().is_err());
        assert!("t".repeat(128).parse::<Tag>().is_ok());
        assert!("t".repeat(129).parse::<Tag>().is_err());
    }
}
