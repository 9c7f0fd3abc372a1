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
    /// Reads what the plan says of a program; `here` says in words what this machine has in its place.
    ///
    /// # Errors
    ///
    /// No digest for this machine, no address, or something that is neither.
    pub(super) fn of(name: &str, wanted: &model::Tool, here: String) -> Result<Self, ToolError> {
        let version = wanted.version.trim_start_matches('v');
        let nonsense = |what, found: &str, expected| ToolError::Nonsense {
            name: name.to_owned(),
            what,
            found: found.to_owned(),
            expected,
        };
        if !is_version(version) {
            return Err(nonsense("version", version, "exact version, as `1.11.4`"));
        }
        let platform = known::platform();
        let Some(sha256) = wanted.sha256.get(&platform) else {
            return Err(ToolError::NoDigest {
                name: name.to_owned(),
                here,
                version: version.to_owned(),
                platform,
            });
        };
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            return Err(nonsense(
                "sha256",
                sha256,
                "SHA-256 of 64 hexadecimal characters",
            ));
        }
        let Some(pattern) = wanted.url.as_deref().or_else(|| known::releases(name)) else {
            return Err(ToolError::NoUrl {
                name: name.to_owned(),
                here,
                version: version.to_owned(),
            });
        };
        let filled = known::filled(pattern, version);
        let url = Url::parse(&filled)
            .ok()
            .filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        Ok(Self {
            url: url.ok_or_else(|| nonsense("url", &filled, "address of a release"))?,
            sha256: sha256.to_ascii_lowercase(),
        })
    }
}

/// Whether a version can be the name of a folder.
fn is_version(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(is_plain)
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
        let digest = "AB".repeat(32);
        let found = of("terraform", &wanted("1.11.4", None, &[(&here, &digest)]));
        let found = found.expect("it is known");
        let (os, arch) = here.split_once('-').expect("two words");
        assert_eq!(
            found.url.as_str(),
            format!(
                "https://releases.hashicorp.com/terraform/1.11.4/terraform_1.11.4_{os}_{arch}.zip"
            )
        );
        assert_eq!(found.sha256, "ab".repeat(32));
        let own = wanted(
            "v2",
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
    fn what_is_no_version_no_digest_and_no_address_is_named() {
        let here = known::platform();
        let digest = "00".repeat(32);
        for (tool, words) in [
            (
                wanted("../../x", None, &[(&here, &digest)]),
                "no exact version",
            ),
            (wanted("1", None, &[(&here, "beef")]), "no SHA-256"),
            (
                wanted("1", Some("file:///etc/passwd"), &[(&here, &digest)]),
                "no address of a release",
            ),
        ] {
            let problem = of("terraform", &tool)
                .expect_err("it is nonsense")
                .to_string();
            assert!(problem.contains(words), "{problem}");
        }
        let nowhere = of("own", &wanted("1", None, &[(&here, &digest)]));
        let problem = nowhere.expect_err("nobody knows where").to_string();
        assert!(
            problem.contains("where its release is is not known"),
            "{problem}"
        );
    }
}
