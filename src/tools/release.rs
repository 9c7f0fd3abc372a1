//! The release of a program: where it is, and what its digest must be.

use url::Url;

use super::{ToolError, known};
use crate::plan::model;

/// A release that may be fetched: it is known what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) url: Url,
    /// SHA-256 in lower-case hexadecimal characters.
    pub(super) sha256: String,
}

impl Release {
    /// Finds the release of a program for this machine; `here` says in words what the machine has in its place.
    ///
    /// # Errors
    ///
    /// The plan says no digest for this machine, or nobody knows where the release is.
    pub(super) fn of(name: &str, wanted: &model::Tool, here: String) -> Result<Self, ToolError> {
        let platform = known::platform();
        let Some(sha256) = wanted.sha256.get(&platform) else {
            return Err(ToolError::NoDigest {
                name: name.to_owned(),
                here,
                version: wanted.version.clone(),
                platform,
            });
        };
        let pattern = wanted.url.as_deref().or_else(|| known::releases(name));
        let url = pattern.and_then(|pattern| known::filled(pattern, &wanted.version).parse().ok());
        match url {
            Some(url) => Ok(Self {
                url,
                sha256: sha256.clone(),
            }),
            None => Err(ToolError::NoUrl {
                name: name.to_owned(),
                here,
                version: wanted.version.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;

    fn wanted(version: &str, url: Option<&str>, sha256: &[(&str, &str)]) -> model::Tool {
        let pairs = sha256
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        model::Tool {
            version: version.to_owned(),
            url: url.map(str::to_owned),
            sha256: pairs.collect::<IndexMap<_, _>>(),
        }
    }

    fn of(name: &str, tool: &model::Tool) -> Result<Release, ToolError> {
        Release::of(name, tool, format!("`{name}` is not on the PATH"))
    }

    #[test]
    fn a_known_program_is_where_its_makers_publish_it_unless_the_plan_says_where() {
        let here = known::platform();
        let digest = "ab".repeat(32);
        let found = of("terraform", &wanted("1.11.4", None, &[(&here, &digest)]));
        let found = found.expect("it is known");
        let (os, arch) = here.split_once('-').expect("two words");
        assert_eq!(
            found.url.as_str(),
            format!(
                "https://releases.hashicorp.com/terraform/1.11.4/terraform_1.11.4_{os}_{arch}.zip"
            )
        );
        assert_eq!(found.sha256, digest);
        let own = wanted(
            "2",
            Some("http://files.acme/{os}/{arch}/{version}/x"),
            &[(&here, &digest)],
        );
        assert_eq!(
            of("x", &own).expect("the plan says where").url.path(),
            format!("/{os}/{arch}/2/x")
        );
    }

    #[test]
    fn nothing_is_fetched_without_a_digest_for_this_machine_and_the_hint_says_where_it_stands() {
        let other = wanted("1.11.4", None, &[("plan9-mips", &"00".repeat(32))]);
        let problem = of("terraform", &other).expect_err("there is none for this machine");
        assert_eq!(
            problem.to_string(),
            "`terraform` is not on the PATH, the plan's `tools` want 1.11.4, and no digest of its release is known"
        );
        let hint = problem.hint().expect("a next step");
        let expected = format!(
            "tools: {{ terraform: {{ version: 1.11.4, sha256: {{ {}: … }} }} }}",
            known::platform()
        );
        assert!(hint.contains(&expected), "{hint}");
    }

    #[test]
    fn where_a_program_is_that_nobody_knows_has_to_be_said() {
        let wanted = wanted("1", None, &[(&known::platform(), &"00".repeat(32))]);
        let problem = of("own", &wanted).expect_err("nobody knows where");
        assert!(
            problem
                .to_string()
                .contains("where its release is is not known"),
            "{problem}"
        );
        let hint = problem.hint().expect("a next step");
        assert!(hint.contains("add `url` to `tools.own`"), "{hint}");
    }
}
