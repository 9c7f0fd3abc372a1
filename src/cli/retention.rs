//! `deploy-action retention`: which images of a repository may go, why the others stay, and with `--delete` their deletion.

mod connect;
mod deployed;
mod show;

use std::{collections::BTreeMap, time::Duration};

use camino::Utf8PathBuf;
use jiff::Timestamp;

use self::{connect::Package, deployed::deployed};
use super::{
    CliError, Environment, Exit, exit, output, plan_file,
    registries::{image_error, registry_client},
    session::{block_on, local_github},
};
use crate::{
    digest::Digest,
    image::{
        Access, Held, ImageError, Repository, RepositoryName, RetryPolicy, Rules, Verdict,
        inventory, judge, order_of_deletion,
    },
    plan::duration,
};

const EXAMPLES: &str = "\
Examples:
  deploy-action retention --repository ghcr.io/acme/api --older-than 30d --keep 10 --keep-tags 'v*'
  deploy-action retention --repository ghcr.io/acme/api --older-than 30d --delete

Nothing is deleted without `--delete`. Parts of an index, and what is attached to an image, stay and go with it. What the ledger of
the plan says is deployed stays. On ghcr.io the versions of the package are deleted, and those without a tag are known; other
registries tell of their tags alone.";

/// Says which images of a repository may go, and why the others stay
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{}", exit::table())
)]
pub struct RetentionArgs {
    /// The repository
    #[arg(long, value_name = "REGISTRY/REPOSITORY")]
    repository: String,
    /// Images with a tag like this stay: `v*`; may be repeated
    #[arg(long, value_name = "PATTERN")]
    keep_tags: Vec<glob::Pattern>,
    /// Only images that are older go
    #[arg(long, value_name = "DURATION", value_parser = age, required_unless_present = "keep")]
    older_than: Option<Duration>,
    /// As many of the newest images with a tag stay
    #[arg(long, value_name = "NUMBER")]
    keep: Option<usize>,
    /// The plan whose ledger says what is deployed [default: deploy.yaml, where it is]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    plan: Option<Utf8PathBuf>,
    /// Folder of the ledgers [default: $XDG_STATE_HOME/deploy-action]
    #[arg(long, value_name = "DIR", env = "DEPLOY_ACTION_STATE", value_hint = clap::ValueHint::DirPath)]
    state: Option<Utf8PathBuf>,
    /// Deletes what may go
    #[arg(long)]
    delete: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

fn age(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// Runs the verb.
///
/// # Errors
///
/// The arguments are wrong, the plan or its ledger cannot be read, or the registry refuses or cannot be reached.
pub fn retention(args: &RetentionArgs, environment: &Environment) -> Result<Exit, CliError> {
    let name: RepositoryName = args.repository.parse().map_err(|error| {
        CliError::from_error(Exit::Usage, &error).hint("such as `--repository ghcr.io/acme/api`")
    })?;
    block_on(async {
        let folder = Utf8PathBuf::from(".");
        let runner = local_github(environment, &folder).await?;
        let rules = Rules {
            keep_tags: args.keep_tags.clone(),
            older_than: args.older_than,
            keep: args.keep,
            deployed: known_as_deployed(args, environment).await?,
        };
        let client = registry_client([name.registry()], environment, RetryPolicy::default())?;
        let access = match args.delete {
            true => Access::Delete,
            false => Access::Pull,
        };
        let repository = client
            .repository(&name, access)
            .map_err(|error| image_error(&error))?;
        let package = Package::of(&name, &runner).await?;
        let listed = package.as_ref().map(Package::listed).unwrap_or_default();
        let held = inventory(&repository, &listed)
            .await
            .map_err(|error| image_error(&error))?;
        let verdicts = judge(held, &rules, Timestamp::now());
        if !args.delete {
            show::verdicts(&name, &verdicts, args.format);
            return Ok(Exit::Done);
        }
        let deletion = delete(&repository, package.as_ref(), &verdicts).await;
        show::deletion(&name, &verdicts, &deletion.gone, args.format);
        deletion.ended
    })
}

/// What was deleted, and how it ended.
struct Deletion {
    gone: Vec<Digest>,
    ended: Result<Exit, CliError>,
}

/// Deletes one after the other, and stops at the first that stays: what it names has to stay too.
async fn delete(
    repository: &Repository<'_>,
    package: Option<&Package>,
    verdicts: &[Verdict],
) -> Deletion {
    let mut gone = Vec::new();
    for Held { digest, .. } in order_of_deletion(verdicts) {
        let deleted = match package {
            Some(package) => package.delete(*digest).await,
            None => repository
                .delete_manifest(*digest)
                .await
                .map_err(|error| refused(&error)),
        };
        match deleted {
            Ok(_) => gone.push(*digest),
            Err(error) => {
                return Deletion {
                    gone,
                    ended: Err(error),
                };
            }
        }
    }
    Deletion {
        gone,
        ended: Ok(Exit::Done),
    }
}

fn refused(error: &ImageError) -> CliError {
    match error {
        ImageError::Refused { status: 405, .. } => image_error(error)
            .hint("this registry deletes nothing; the reference implementation does with `storage: { delete: { enabled: true } }`"),
        _ => image_error(error),
    }
}

async fn known_as_deployed(
    args: &RetentionArgs,
    environment: &Environment,
) -> Result<BTreeMap<Digest, String>, CliError> {
    let default = Utf8PathBuf::from(plan_file::DEFAULT);
    let plan = match &args.plan {
        Some(plan) => plan,
        None if default.is_file() => &default,
        None => {
            output::words("no plan is here, so nothing is known to be deployed\n");
            return Ok(BTreeMap::new());
        }
    };
    match deployed(plan, args.state.as_deref(), environment).await? {
        Some(found) => Ok(found),
        None if args.delete => Err(CliError::new(
            Exit::Usage,
            format!("the ledger of `{plan}` holds nothing, so nothing tells what is deployed; nothing was deleted"),
        )
        .hint("`--state DIR` names the folder of the ledgers; where no plan is, none is asked")),
        None => {
            output::words(&format!(
                "the ledger of `{plan}` holds nothing, so nothing is known to be deployed\n"
            ));
            Ok(BTreeMap::new())
        }
    }
}
