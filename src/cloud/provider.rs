//! The name of a workload identity provider.

use std::{fmt, str::FromStr};

/// The full name of a provider: `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provider(String);

/// A text that is no name of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProvider {
    /// The name of the pool, which holds providers.
    #[error("`{0}` is a workload identity pool, expected one of its providers")]
    Pool(String),
    /// The project's id in place of its number.
    #[error("`{provider}` names the project by its id `{project}`, expected its number")]
    ProjectId {
        /// The whole text.
        provider: String,
        /// The id in it.
        project: String,
    },
    /// Something else.
    #[error(
        "`{0}` is no workload identity provider, expected \
         `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`"
    )]
    Form(String),
}

impl InvalidProvider {
    /// Returns what to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Pool(pool) => format!("write `{pool}/providers/PROVIDER`"),
            Self::ProjectId { project, .. } => format!(
                "`gcloud projects describe {project} --format='value(projectNumber)'` prints the number"
            ),
            Self::Form(_) => "`gcloud iam workload-identity-pools providers describe PROVIDER --workload-identity-pool=POOL \
                              --location=global --format='value(name)'` prints it"
                .to_owned(),
        }
    }
}

impl FromStr for Provider {
    type Err = InvalidProvider;

    fn from_str(text: &str) -> Result<Self, InvalidProvider> {
        let form = || InvalidProvider::Form(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let (project, rest) = match parts.as_slice() {
            [
                "projects",
                project,
                "locations",
                "global",
                "workloadIdentityPools",
                rest @ ..,
            ] => (*project, rest),
            _ => return Err(form()),
        };
        match rest {
            [pool] if !pool.is_empty() => return Err(InvalidProvider::Pool(text.to_owned())),
            [pool, "providers", provider] if !pool.is_empty() && !provider.is_empty() => {}
            _ => return Err(form()),
        }
        if project.is_empty() {
            return Err(form());
        }
        if !project.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidProvider::ProjectId {
                provider: text.to_owned(),
                project: project.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_told_from_its_pool_and_a_number_from_an_id() {
        let pool = "projects/123/locations/global/workloadIdentityPools/github";
        let provider = format!("{pool}/providers/actions");
        assert_eq!(
            provider.parse::<Provider>().map(|found| found.to_string()),
            Ok(provider.clone())
        );
        assert_eq!(
            pool.parse::<Provider>(),
            Err(InvalidProvider::Pool(pool.to_owned()))
        );
        let by_id = provider.replace("123", "acme-prod");
        let problem = by_id.parse::<Provider>().expect_err("an id");
        assert!(problem.hint().contains("describe acme-prod"), "{problem}");
        for wrong in [
            "",
            "github",
            "projects//locations/global/workloadIdentityPools/a/providers/b",
            "projects/1/locations/global/workloadIdentityPools//providers/b",
            "projects/1/locations/global/workloadIdentityPools/a/providers/",
            "projects/1/locations/eu/workloadIdentityPools/a/providers/b",
            "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
        ] {
            assert_eq!(
                wrong.parse::<Provider>(),
                Err(InvalidProvider::Form(wrong.to_owned()))
            );
        }
    }
}
