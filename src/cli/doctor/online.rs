//! What only GitHub knows: its clock, the token's rights, environments with their reviewers, secrets by name.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Patient,
    finding::{Area, Finding, Report},
    github::{
        Wanted, approval_commands, environment_commands, repository, secret_command, secret_what,
    },
};
use crate::{
    github::{Client, ClientError},
    graph::TaskGraph,
    ident::EnvironmentName,
    image::http_client,
    workflow::approval_environment,
};

/// A clock that is further from GitHub's than this is wrong, in seconds.
const MOST_SKEW: i64 = 60;

/// Asks GitHub.
pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    report.add(clock(patient).await);
    let (Some(token), Some(repository)) = (&patient.runner.token, &patient.runner.repository)
    else {
        report.add(
            Finding::missing(
                Area::GitHub,
                "questions",
                "there is no token, or no repository, to ask with",
            )
            .expected("GITHUB_TOKEN, in a clone with a remote `origin`")
            .next("export GITHUB_TOKEN=\"$(gh auth token)\""),
        );
        return;
    };
    let client = match Client::new(&patient.runner.servers.api_url, repository.clone(), token) {
        Ok(client) => client,
        Err(error) => return report.add(refused("questions", &error)),
    };
    report.add(rights(&client).await);
    if let Some(graph) = patient.graph {
        environments(patient, graph, &client, report).await;
        secrets(patient, graph, &client, report).await;
    }
}

/// What GitHub did not say.
fn refused(what: impl Into<String>, error: &ClientError) -> Finding {
    let finding = Finding::missing(Area::GitHub, what, crate::execute::chain(error));
    match error.hint() {
        Some(hint) => finding.next(hint),
        None => finding,
    }
}

async fn clock(patient: &Patient<'_>) -> Finding {
    let url = &patient.runner.servers.api_url;
    let what = "clock against GitHub's";
    let answer = match http_client(concat!("deploy-action/", env!("CARGO_PKG_VERSION"))) {
        Ok(client) => client
            .head(url)
            .send()
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(words) => {
            return Finding::missing(
                Area::Machine,
                what,
                format!("{url} does not answer: {words}"),
            )
            .expected("GitHub can be reached from here")
            .next("look at the network, and at HTTPS_PROXY where there is a proxy");
        }
    };
    let date = answer
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok());
    let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(theirs) = theirs else {
        return Finding::note(Area::Machine, what, "GitHub did not say its time");
    };
    let skew = Timestamp::now().as_second() - theirs.timestamp().as_second();
    if skew.abs() > MOST_SKEW {
        return Finding::missing(Area::Machine, what, format!("{skew} seconds apart"))
            .expected(format!(
                "at most {MOST_SKEW} seconds: tokens are valid for minutes"
            ))
            .next("set the clock, as by `timedatectl set-ntp true`");
    }
    Finding::ok(Area::Machine, what, format!("{skew} seconds apart"))
}

async fn rights(client: &Client) -> Finding {
    let what = format!("rights in {}", client.repository());
    match client.rights().await {
        Ok(rights) if rights.admin => Finding::ok(
            Area::GitHub,
            what,
            "the token may push, and set up environments and secrets",
        ),
        Ok(rights) if rights.push => Finding::ok(Area::GitHub, what, "the token may push")
            .expected("somebody who may administer, to set up environments and secrets"),
        Ok(_) => Finding::missing(Area::GitHub, what, "the token may only read")
            .expected("a token that may push: deployments keep their records in the repository")
            .next("gh auth refresh --scopes repo,write:packages"),
        Err(error) => refused(what, &error),
    }
}

async fn environments(
    patient: &Patient<'_>,
    graph: &TaskGraph<'_>,
    client: &Client,
    report: &mut Report,
) {
    let plan = graph.plan();
    let repository = repository(patient);
    for name in plan.environments.keys() {
        let what = format!("environment {name}");
        let commands = environment_commands(plan, name, &repository);
        report.add(match client.environment(name.as_str()).await {
            Ok(Some(settings)) if settings.reviewers > 0 => Finding::note(
                Area::GitHub,
                what,
                "is there, with reviewers: each of its jobs would wait for an approval of its own",
            )
            .expected(format!("reviewers at {} alone", approval_environment(name))),
            Ok(Some(settings)) if !settings.has_branch_rule => {
                let found = "is there; any branch may read its secrets";
                with(
                    Finding::note(Area::GitHub, what, found).expected("a rule for branches"),
                    commands,
                )
            }
            Ok(Some(_)) => Finding::ok(Area::GitHub, what, "is there, with a rule for branches"),
            Ok(None) => with(
                Finding::missing(Area::GitHub, what, "is not there"),
                commands,
            ),
            Err(error) => refused(what, &error),
        });
        let Some(commands) = approval_commands(plan, name, &repository) else {
            continue;
        };
        let approval = approval_environment(name);
        let what = format!("environment {approval}");
        report.add(match client.environment(&approval).await {
            Ok(Some(settings)) if settings.reviewers > 0 => Finding::ok(
                Area::GitHub,
                what,
                format!("is there, with {} to approve", settings.reviewers),
            ),
            Ok(Some(_)) => with(
                Finding::missing(
                    Area::GitHub,
                    what,
                    "is there without reviewers: nothing would wait",
                ),
                commands,
            ),
            Ok(None) => with(
                Finding::missing(Area::GitHub, what, "is not there"),
                commands,
            ),
            Err(error) => refused(what, &error),
        });
    }
}

fn with(finding: Finding, commands: Vec<String>) -> Finding {
    commands.into_iter().fold(finding, Finding::next)
}

async fn secrets(
    patient: &Patient<'_>,
    graph: &TaskGraph<'_>,
    client: &Client,
    report: &mut Report,
) {
    let repository = repository(patient);
    let mut held: BTreeMap<Option<EnvironmentName>, Vec<String>> = BTreeMap::new();
    for (environment, name) in Wanted::of(graph).secrets {
        if !held.contains_key(&environment) {
            match client
                .secret_names(environment.as_ref().map(EnvironmentName::as_str))
                .await
            {
                Ok(names) => {
                    held.insert(environment.clone(), names);
                }
                Err(ClientError::NotFound { .. }) => {
                    held.insert(environment.clone(), Vec::new());
                }
                Err(error) => return report.add(refused("secrets", &error)),
            }
        }
        let is_held = held[&environment]
            .iter()
            .any(|other| other == name.as_str());
        let what = secret_what(environment.as_ref(), &name);
        report.add(if is_held {
            Finding::ok(Area::GitHub, what, "is there")
        } else {
            Finding::missing(Area::GitHub, what, "is not there").next(secret_command(
                graph.plan(),
                environment.as_ref(),
                &name,
                &repository,
            ))
        });
    }
}
