//! Names of repositories.

use std::{fmt, str::FromStr};

/// A repository by owner and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    owner: Box<str>,
    name: Box<str>,
}

/// A text that names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository: expected `OWNER/NAME`")]
pub struct InvalidRepository(pub String);

impl Repository {
    /// Returns the person or organisation that owns it, as written.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns its name without the owner, as written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `owner/name` in lower case, as image references need it.
    pub fn lower_case(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl FromStr for Repository {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        let is_name = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match text.split_once('/') {
            Some((owner, name)) if is_name(owner) && is_name(name) => Ok(Self {
                owner: owner.into(),
                name: name.into(),
            }),
            _ => Err(InvalidRepository(text.to_owned())),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        let repository: Repository = "Acme/Web.site".parse().expect("it is well formed");
        assert_eq!(
            (repository.owner(), repository.name()),
            ("Acme", "Web.site")
        );
        assert_eq!(repository.lower_case(), "acme/web.site");
        for bad in [
            "", "acme", "acme/", "/web", "a/b/c", "a/..", "a b/c", "a/b?x",
        ] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }
}
