//! `deploy-action doctor`: what a plan needs of this machine and of GitHub, what is missing, and how to get it.
//!
//! It changes nothing. It asks the network only when told to, and prints names of secrets and never their values.
mod builders;
mod containers;
mod finding;
mod github;
mod logins;
mod machine;
mod needs;
mod online;
mod programs;
mod signing;

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    session::{block_on, local_github},
};
use crate::{
    github::RunnerContext,
    graph::{self, TaskGraph},
    plan::{
        Plan,
        values::{Given, Values, Wanted},
    },
};
use finding::{Area, Finding, Report};

const EXAMPLES: &str = "\
Examples:
  deploy-action doctor
  deploy-action doctor --online
  deploy-action doctor ops/deploy.yaml --format json

It ends with 1 where something is missing that the plan needs, with 0 else.";

/// Says what the plan needs here and on GitHub, what is missing, and how to get it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    #[command(flatten)]
    plan: PlanFile,
    /// Asks GitHub too: the clock, the token's rights, environments, their reviewers and secrets
    #[arg(long)]
    online: bool,
    /// How the findings are printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

/// What is looked at.
struct Patient<'p> {
    environment: &'p Environment,
    runner: &'p RunnerContext,
    graph: Option<&'p TaskGraph<'p>>,
}

impl Patient<'_> {
    fn plan(&self) -> Option<&Plan> {
        self.graph.map(TaskGraph::plan)
    }
}

/// Runs the verb.
///
/// # Errors
///
/// The plan that was named cannot be read, or the environment holds what it cannot.
pub fn doctor(args: &DoctorArgs, environment: &Environment) -> Result<Exit, CliError> {
    let report = block_on(examine(args, environment))?;
    match args.format {
        output::Format::Text => output::data(&report.to_text()),
        output::Format::Json => output::json(&report.to_json()),
    }
    Ok(if report.is_something_missing() {
        Exit::Failed
    } else {
        Exit::Done
    })
}

async fn examine(args: &DoctorArgs, environment: &Environment) -> Result<Report, CliError> {
    let mut report = Report::default();
    let read = if args.plan.is_default_and_missing() {
        report.add(
            Finding::note(Area::Plan, "plan", "there is no deploy.yaml here")
                .next("deploy-action init"),
        );
        None
    } else {
        Some(args.plan.open()?)
    };
    let plan = read.as_ref().and_then(|read| read.plan.as_ref());
    let values = plan.map(|plan| {
        // Examples stand for what only a run is given, as in `graph`.
        let given = Given {
            rehearsal: true,
            ..Given::default()
        };
        Values::resolve(plan, &given, Wanted::Known)
    });
    let graph = match (plan, &values) {
        (Some(plan), Some(Ok(values))) => graph::build(plan, values).ok(),
        _ => None,
    };
    if read.is_some() {
        report.add(of_plan(args, graph.as_ref()));
    }
    let folder = match plan {
        Some(plan) => plan.folder.clone(),
        None => Utf8PathBuf::from("."),
    };
    let runner = runner(environment, &folder).await?;
    let patient = Patient {
        environment,
        runner: &runner,
        graph: graph.as_ref(),
    };
    machine::examine(&patient, &mut report).await;
    programs::examine(&patient, &mut report).await;
    containers::examine(&patient, &mut report).await;
    logins::examine(&patient, &mut report).await;
    signing::examine(&patient, &mut report);
    github::examine(&patient, &mut report, args.online);
    if args.online {
        online::examine(&patient, &mut report).await;
    }
    Ok(report)
}

/// What is known of GitHub; without children, git is not asked for the rest.
async fn runner(environment: &Environment, folder: &Utf8Path) -> Result<RunnerContext, CliError> {
    if cfg!(unix) {
        return local_github(environment, folder).await;
    }
    RunnerContext::read(&environment.variables)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))
}

fn of_plan(args: &DoctorArgs, graph: Option<&TaskGraph<'_>>) -> Finding {
    let file = &args.plan.file;
    match graph {
        Some(_) => Finding::ok(Area::Plan, "plan", format!("`{file}` is valid")),
        None => Finding::missing(Area::Plan, "plan", format!("`{file}` is not valid"))
            .expected("a plan without errors; nothing that it needs can be looked for")
            .next(format!("deploy-action lint {file}")),
    }
}
