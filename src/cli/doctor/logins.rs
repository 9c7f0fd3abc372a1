//! Secrets, registries, and the token for GitHub: whether they have values here, never which.

use std::collections::BTreeSet;

use super::{
    Patient,
    finding::{Area, Finding, Needed, Report},
    needs::{self, needed_by, words},
    programs,
};
use crate::{
    cloud::{Clock, CloudError, Federation, GoogleIdentity},
    execute::{ExecuteError, Secrets, StandIns},
    expression::Reference,
    image::http_client,
    login::{Surroundings, is_github, logins_for, services},
    plan::{
        Plan, connections_of,
        field::Field,
        model::{Connection, ConnectionKind},
    },
    process::{self, CommandSpec, Output, StopListener},
    secret::{Masker, Secret},
};

/// Looks at what opens doors.
pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    if let Some(plan) = patient.plan() {
        let variables = &patient.environment.variables;
        let secrets = Secrets::find(plan, &plan.folder, variables, &StandIns::default());
        of_secrets(plan, &secrets, report);
        of_registries(patient, plan, &secrets, report);
    }
    of_github(patient, report).await;
}

fn of_secrets(plan: &Plan, secrets: &Secrets, report: &mut Report) {
    for (name, need) in needs::secrets(plan) {
        let readers = words(&need.tasks);
        let what = format!("secret {name}");
        report.add(match secrets.get(&name) {
            Ok(_) => Finding::ok(Area::Logins, what, "has a value here"),
            Err(error) => {
                let finding =
                    Finding::missing_if(need.needed, Area::Logins, what, "has no value here")
                        .expected(format!("a value, for {readers}"));
                match error {
                    ExecuteError::NoSecret { hint, .. } => finding.next(hint),
                    _ => finding,
                }
            }
        });
    }
}

fn of_registries(patient: &Patient<'_>, plan: &Plan, secrets: &Secrets, report: &mut Report) {
    let registries = plan
        .connections
        .iter()
        .filter(|(_, connection)| connection.kind == ConnectionKind::Registry);
    for (name, connection) in registries {
        let host = connection.body.get("host").and_then(Field::literal);
        let host = host.unwrap_or_else(|| "a host that an expression tells".to_owned());
        let what = format!("registry `{name}`, {host}");
        let users = plan
            .tasks
            .iter()
            .filter(|task| connections_of(task).iter().any(|used| used == name));
        let tasks: BTreeSet<String> = users.clone().map(|task| task.id.to_string()).collect();
        let needed = users.map(needed_by).max().unwrap_or(Needed::Later);
        report.add(match login((patient, plan), connection, &host, secrets) {
            Ok(found) => Finding::ok(Area::Logins, what, found),
            Err((found, next)) => Finding::missing_if(needed, Area::Logins, what, found)
                .expected(format!("a login that may push, for {}", words(&tasks)))
                .next(next),
        });
    }
}

/// By what a registry is logged in to.
fn login(
    (patient, plan): (&Patient<'_>, &Plan),
    connection: &Connection,
    host: &str,
    secrets: &Secrets,
) -> Result<String, (String, String)> {
    if connection.body.get("password").is_some() {
        let read = connection
            .reads
            .iter()
            .filter(|read| read.root == "secrets")
            .filter_map(|read| {
                Reference::names(read)
                    .first()
                    .map(|name| (*name).to_owned())
            });
        let missing: Vec<String> = read.filter(|name| secrets.get(name).is_err()).collect();
        return match missing.as_slice() {
            [] => Ok("the connection's own password".to_owned()),
            names => Err((
                "its password has no value here".to_owned(),
                format!("give a value to {}", names.join(", ")),
            )),
        };
    }
    if let Some(name) = connection.body.get("login").and_then(Field::literal) {
        return google(patient, plan, &name);
    }
    let clock = Clock::new(jiff::Timestamp::now);
    let http = http()?;
    let surroundings = surroundings(patient, &http, &clock);
    match logins_for(host, &surroundings).map(|logins| logins.into_iter().next()) {
        Ok(Some(login)) if is_github(host, &patient.runner.servers.server_url) => Ok(format!(
            "{}, which needs `write:packages` to push",
            login.found
        )),
        Ok(Some(login)) => Ok(login.found),
        Ok(None) if is_github(host, &patient.runner.servers.server_url) => Err((
            "no token for GitHub is there to log in with".to_owned(),
            "export GITHUB_TOKEN=\"$(gh auth token)\"".to_owned(),
        )),
        Ok(None) => Err((
            "the connection names no `password`, and no login is kept here".to_owned(),
            format!("`docker login {host}`, or give `username` and `password` in the connection"),
        )),
        Err(error) => Err((error.to_string(), error.hint().unwrap_or_default())),
    }
}

/// Whether a google connection has what it takes to ask for a token; nobody is asked.
fn google(patient: &Patient<'_>, plan: &Plan, name: &str) -> Result<String, (String, String)> {
    let connection = plan.connections.get(name);
    let provider = connection
        .and_then(|connection| connection.body.get("workload-identity-provider"))
        .filter(|_| patient.runner.on_actions);
    let clock = Clock::new(jiff::Timestamp::now);
    let http = http()?;
    let services = services(&surroundings(patient, &http, &clock));
    let variables = &patient.environment.variables;
    let identity = match provider.map(Field::literal) {
        Some(None) => {
            return Ok(format!(
                "connection `{name}`, whose provider an expression tells"
            ));
        }
        Some(Some(provider)) => provider
            .parse()
            .map_err(CloudError::from)
            .and_then(|provider| {
                let service_account = None;
                let federation = Federation {
                    provider,
                    service_account,
                };
                GoogleIdentity::federated(&federation, variables, services)
            }),
        None => GoogleIdentity::by_default(variables, services),
    };
    match identity {
        Ok(_) if provider.is_some() => Ok(format!(
            "connection `{name}`, by Workload Identity Federation"
        )),
        Ok(_) => Ok(format!(
            "connection `{name}`, by Google's application default credentials"
        )),
        Err(error) => Err((error.to_string(), error.hint().unwrap_or_default())),
    }
}

pub(super) fn http() -> Result<reqwest::Client, (String, String)> {
    http_client(concat!("deploy-action/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| (error.to_string(), error.hint().unwrap_or_default()))
}

pub(super) fn surroundings<'s>(
    patient: &'s Patient<'_>,
    http: &'s reqwest::Client,
    clock: &'s Clock,
) -> Surroundings<'s> {
    Surroundings {
        variables: &patient.environment.variables,
        runner: patient.runner,
        http,
        clock,
    }
}

/// The token, or a login of `gh` that could give one.
async fn of_github(patient: &Patient<'_>, report: &mut Report) {
    let what = "token for GitHub";
    let variable = ["GITHUB_TOKEN", "GH_TOKEN"]
        .into_iter()
        .find(|name| patient.environment.get(name).is_some());
    if let Some(variable) = variable {
        report.add(Finding::ok(
            Area::Logins,
            what,
            format!("{variable} is set"),
        ));
        return;
    }
    let finding = if gh_is_logged_in(patient).await {
        Finding::note(
            Area::Logins,
            what,
            "not set; `gh` is logged in and can give one",
        )
        .next("export GITHUB_TOKEN=\"$(gh auth token)\"")
    } else {
        let gh = programs::find("gh", &patient.environment.variables);
        let first = match gh {
            Some(_) => "gh auth login".to_owned(),
            None => programs::how_to_get("gh", &patient.environment.variables),
        };
        Finding::note(Area::Logins, what, "not set, and `gh` is not logged in")
            .next(first)
            .next("export GITHUB_TOKEN=\"$(gh auth token)\"")
    };
    report.add(finding.expected(
        "a token, to push to ghcr.io and to post checkpoints from here; jobs on GitHub have their own",
    ));
}

/// Asks `gh` whether it has a token for the repository's host; the token itself is not read.
async fn gh_is_logged_in(patient: &Patient<'_>) -> bool {
    let variables = &patient.environment.variables;
    let Ok(masker) = Masker::new(Vec::<(String, Secret)>::new()) else {
        return false;
    };
    if programs::find("gh", variables).is_none() {
        return false;
    }
    let server = &patient.runner.servers.server_url;
    let host = server
        .split_once("://")
        .map_or(server.as_str(), |(_, host)| host);
    let spec = CommandSpec::new("gh", "ask gh whether it is logged in")
        .args(["auth", "token", "--hostname", host])
        .pass_env(
            variables,
            [
                "PATH",
                "HOME",
                "GH_CONFIG_DIR",
                "XDG_CONFIG_HOME",
                "DBUS_SESSION_BUS_ADDRESS",
            ],
        )
        .timeout(std::time::Duration::from_secs(10));
    let output = Output {
        masker: &masker,
        log: None,
        live: None,
    };
    let ended = process::run(&spec, output, StopListener::never()).await;
    ended.is_ok_and(|ended| ended.succeeded())
}
