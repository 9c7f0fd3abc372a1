//! The order in which logins of a registry are looked for.

use std::{collections::BTreeMap, sync::Arc};

use super::{LoginError, config};
use crate::{
    cloud::{Addresses, Clock, CloudError, GoogleIdentity, Repeats, Services},
    github::RunnerContext,
    image::Credentials,
};

/// The variable by which Google's libraries are told another universe.
const UNIVERSE: &str = "GOOGLE_CLOUD_UNIVERSE_DOMAIN";

/// What no program that knows passwords is given: what is this program's own.
const WITHHELD: [&str; 2] = ["GITHUB_TOKEN", "GH_TOKEN"];
const WITHHELD_FAMILIES: [&str; 3] = ["ACTIONS_", "INPUT_", "DEPLOY_ACTION_"];

/// Where logins are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'s> {
    /// The process environment.
    pub variables: &'s BTreeMap<String, String>,
    /// What the runner says.
    pub runner: &'s RunnerContext,
    /// The HTTP client.
    pub http: &'s reqwest::Client,
    /// The time.
    pub clock: &'s Clock,
}

/// A login, and where it was found.
#[derive(Debug, Clone)]
pub struct Login {
    /// For what it is: the host, or repositories of it whose names begin so.
    pub scope: String,
    /// The login.
    pub credentials: Credentials,
    /// Where it was found, in words.
    pub found: String,
}

/// Finds the logins of a registry, by the host that references name, each for another part of it. None: nobody is known, and it is
/// spoken to as anybody may.
///
/// # Errors
///
/// A login seems to be there, and cannot be read.
pub fn logins_for(host: &str, surroundings: &Surroundings<'_>) -> Result<Vec<Login>, LoginError> {
    if let Some(token) = &surroundings.runner.token
        && is_github(host, &surroundings.runner.servers.server_url)
    {
        let actor = surroundings.runner.event.actor.clone();
        let username = actor.unwrap_or_else(|| "token".to_owned());
        return Ok(vec![Login {
            scope: host.to_owned(),
            credentials: Credentials::password(username, token.clone()),
            found: "the token for GitHub".to_owned(),
        }]);
    }
    let environment = environment(surroundings.variables);
    let mut logins: Vec<Login> = Vec::new();
    let mut store = None;
    for path in config::files(surroundings.variables) {
        let found = config::find(&path, host, &environment)?;
        let before = logins.len();
        for (scope, credentials) in found.logins {
            // What an earlier file says of a part, it says of what is in it.
            if logins[..before]
                .iter()
                .any(|login| is_within(&scope, &login.scope))
            {
                continue;
            }
            logins.push(Login {
                scope,
                credentials,
                found: format!("`{}`", path.display()),
            });
        }
        store = store.or_else(|| found.store.map(|store| (store, path)));
    }
    if logins.iter().any(|login| login.scope == host) {
        return Ok(logins);
    }
    if let Some(identity) = google(host, surroundings)? {
        logins.push(Login {
            scope: host.to_owned(),
            credentials: Credentials::Google(Arc::new(identity)),
            found: "Google's application default credentials".to_owned(),
        });
    } else if let Some((store, path)) = store {
        logins.push(Login {
            scope: host.to_owned(),
            found: format!(
                "perhaps `docker-credential-{}`, by `{}`",
                store.name,
                path.display()
            ),
            credentials: store.into(),
        });
    }
    Ok(logins)
}

fn is_within(scope: &str, other: &str) -> bool {
    let rest = scope.strip_prefix(other);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn google(
    host: &str,
    surroundings: &Surroundings<'_>,
) -> Result<Option<GoogleIdentity>, LoginError> {
    if !is_google(host) {
        return Ok(None);
    }
    match GoogleIdentity::by_default(surroundings.variables, services(surroundings)) {
        Ok(identity) => Ok(Some(identity)),
        Err(CloudError::NoDefaultCredentials { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns Google's services as they are reached from here.
pub fn services(surroundings: &Surroundings<'_>) -> Services {
    let universe = surroundings.variables.get(UNIVERSE);
    let addresses = match universe.filter(|universe| !universe.is_empty()) {
        Some(universe) => Addresses::of_universe(universe),
        None => Addresses::default(),
    };
    Services {
        http: surroundings.http.clone(),
        addresses,
        clock: surroundings.clock.clone(),
        repeats: Repeats::default(),
    }
}

/// Whether a registry is GitHub's own: ghcr.io, or `containers.HOST` of a GitHub Enterprise Server.
pub fn is_github(host: &str, server_url: &str) -> bool {
    let server = server_url
        .split_once("://")
        .map_or(server_url, |(_, server)| server)
        .trim_end_matches('/');
    match server {
        "github.com" => host == "ghcr.io",
        server => host.strip_prefix("containers.") == Some(server),
    }
}

/// Whether a registry is Google's: Artifact Registry, or the older Container Registry.
pub fn is_google(host: &str) -> bool {
    host.ends_with("-docker.pkg.dev") || host == "gcr.io" || host.ends_with(".gcr.io")
}

fn environment(variables: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_withheld = |name: &str| {
        let mut families = WITHHELD_FAMILIES.iter();
        WITHHELD.contains(&name) || families.any(|family| name.starts_with(family))
    };
    let given = variables.iter().filter(|(name, _)| !is_withheld(name));
    given
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{github::Servers, image::http_client, secret::Secret};

    struct World {
        home: tempfile::TempDir,
        runner: RunnerContext,
    }

    impl World {
        fn new() -> Self {
            Self {
                home: tempfile::tempdir().expect("a folder"),
                runner: RunnerContext::default(),
            }
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.home.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }

        /// Who is shown to a host, and where that was found.
        fn login(&self, host: &str) -> Result<Option<(String, String)>, LoginError> {
            let logins = self.logins(host)?.into_iter();
            let whole = logins.filter(|(scope, ..)| scope == host);
            Ok(whole.map(|(_, who, found)| (who, found)).next())
        }

        /// For what parts of a host there are logins.
        fn logins(&self, host: &str) -> Result<Vec<(String, String, String)>, LoginError> {
            let home = self.home.path().to_string_lossy().into_owned();
            let variables = BTreeMap::from([
                ("HOME".to_owned(), home.clone()),
                ("NO_GCE_CHECK".to_owned(), "true".to_owned()),
                ("DEPLOY_ACTION_X".to_owned(), "ours".to_owned()),
            ]);
            let http = http_client("test").expect("a client");
            let surroundings = Surroundings {
                variables: &variables,
                runner: &self.runner,
                http: &http,
                clock: &Clock::new(jiff::Timestamp::now),
            };
            let logins = logins_for(host, &surroundings)?.into_iter();
            let told = logins.map(|login| {
                let who = match login.credentials {
                    Credentials::Password { username, password } => {
                        format!("{username}:{}", password.expose())
                    }
                    Credentials::IdentityToken(_) | Credentials::RegistryToken(_) => {
                        "a token".to_owned()
                    }
                    Credentials::Google(_) => "google".to_owned(),
                    Credentials::Helper(helper) => {
                        assert!(!helper.environment.contains_key("DEPLOY_ACTION_X"));
                        format!("helper {}", helper.name)
                    }
                };
                (login.scope, who, login.found.replace(&home, "~"))
            });
            Ok(told.collect())
        }
    }

    fn pair(who: &str, found: &str) -> Option<(String, String)> {
        Some((who.to_owned(), found.to_owned()))
    }

    #[test]
    fn the_jobs_token_is_for_githubs_own_registries_alone() {
        let mut world = World::new();
        world.runner.token = Some(Secret::new("t"));
        world.runner.event.actor = Some("octocat".to_owned());
        let token = pair("octocat:t", "the token for GitHub");
        assert_eq!(world.login("ghcr.io").expect("no error"), token);
        assert_eq!(world.login("ghcr.io.example").expect("no error"), None);
        let other = world.login("containers.github.com");
        assert_eq!(other.expect("no error"), None);
        world.runner.servers = Servers {
            server_url: "https://git.acme.example".to_owned(),
            api_url: "https://git.acme.example/api/v3".to_owned(),
        };
        // The token of an enterprise server is nothing that GitHub's cloud should see.
        assert_eq!(world.login("ghcr.io").expect("no error"), None);
        let own = world.login("containers.git.acme.example");
        assert_eq!(own.expect("no error"), token);
    }

    #[test]
    fn dockers_file_comes_before_podmans_and_both_before_googles() {
        let world = World::new();
        let host = "europe-docker.pkg.dev";
        assert_eq!(world.login(host).expect("no error"), None);
        let person =
            r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;
        let file = ".config/gcloud/application_default_credentials.json";
        world.write(file, person);
        let google = pair("google", "Google's application default credentials");
        assert_eq!(world.login(host).expect("no error"), google);
        // Nobody else is shown Google's token.
        let other = world.login("docker.pkg.dev.example");
        assert_eq!(other.expect("no error"), None);
        let auths = format!(r#"{{"auths":{{"{host}":{{"auth":"YTpi"}}}}}}"#);
        world.write(".config/containers/auth.json", &auths);
        let podman = pair("a:b", "`~/.config/containers/auth.json`");
        assert_eq!(world.login(host).expect("no error"), podman);
        let helpers = format!(r#"{{"credHelpers":{{"{host}":"gcloud"}}}}"#);
        world.write(".docker/config.json", &helpers);
        let docker = pair("helper gcloud", "`~/.docker/config.json`");
        assert_eq!(world.login(host).expect("no error"), docker);
    }

    #[test]
    fn a_part_of_a_registry_has_the_login_of_the_first_file_that_names_it_or_what_it_is_in() {
        let world = World::new();
        world.write(
            ".docker/config.json",
            r#"{"auths":{"ghcr.io/acme":{"auth":"YTpi"}},"credsStore":"pass"}"#,
        );
        world.write(
            ".config/containers/auth.json",
            r#"{"auths":{"ghcr.io/acme/app":{"auth":"Yzpk"},"ghcr.io/other":{"auth":"ZTpm"}}}"#,
        );
        let logins = world.logins("ghcr.io").expect("no error");
        let told: Vec<String> = logins
            .iter()
            .map(|(scope, who, found)| format!("{scope}: {who} by {found}"))
            .collect();
        assert_eq!(
            told,
            [
                "ghcr.io/acme: a:b by `~/.docker/config.json`",
                "ghcr.io/other: e:f by `~/.config/containers/auth.json`",
                "ghcr.io: helper pass by perhaps `docker-credential-pass`, by `~/.docker/config.json`",
            ]
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_and_not_quoted() {
        let world = World::new();
        world.write(".docker/config.json", "hunter2");
        let problem = world.login("quay.io").expect_err("no JSON");
        let words = problem.to_string();
        let names_it = words.contains(".docker/config.json");
        assert!(names_it && !words.contains("hunter2"), "{words}");
        assert!(problem.hint().is_some());
    }
}
