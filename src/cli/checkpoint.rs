//! `deploy-action checkpoint`: the summary as Markdown, JSON or HTML; on the pull request and in the job summary.

use camino::Utf8PathBuf;

use super::{
    CliError, Environment, Exit, output,
    page_files::{self, Links},
    plan_file::PlanFile,
    report_files::{self, Replayed},
    session::{Choice, Session, block_on},
};
use crate::{
    checkpoint::{Beside, Budget, Summary, to_markdown},
    github::{Client, ClientError, CommentOutcome, Marker, file::append_summary},
};

/// Prints the checkpoint, or posts it to the pull request
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action checkpoint
  deploy-action checkpoint --format html --out page.html
  deploy-action checkpoint --post")]
pub struct CheckpointArgs {
    #[command(flatten)]
    plan: PlanFile,
    #[command(flatten)]
    choice: Choice,
    /// In which form
    #[arg(long, value_enum, default_value = "markdown")]
    format: Form,
    /// Writes it to this file, not to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<Utf8PathBuf>,
    /// Keeps it in one comment of the pull request, and in the job summary
    #[arg(long)]
    post: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For comments and summaries
    Markdown,
    /// For programs
    Json,
    /// A page of its own, without network
    Html,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan is not valid, the ledger cannot be read, or nothing could be posted.
pub fn checkpoint(args: &CheckpointArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(async {
        let session = Session::open(&args.plan, &args.choice, environment).await?;
        let graph = session.graph(environment)?;
        let replayed = report_files::replayed(&session.state, session.plan())?;
        let summary = report_files::summary(
            &graph,
            &session.values,
            session.read.document.as_ref(),
            &replayed,
        );
        if args.post {
            return post(&session, &summary, &replayed).await;
        }
        let excerpts = report_files::excerpts(&replayed);
        let text = match args.format {
            Form::Markdown => to_markdown(
                &summary,
                &Beside {
                    marker: None,
                    excerpts: &excerpts,
                },
                Budget::JOB_SUMMARY,
            ),
            Form::Json => format!("{:#}\n", summary.to_json()),
            Form::Html => {
                let links = Links::of(args.out.as_deref())?;
                page_files::page(&graph, &summary, &replayed, &links)
            }
        };
        match &args.out {
            Some(path) => {
                std::fs::write(path, text).map_err(|error| CliError::file("write", path, &error))?
            }
            None => output::data(&text),
        }
        Ok(Exit::Done)
    })
}

async fn post(session: &Session, summary: &Summary, replayed: &Replayed) -> Result<Exit, CliError> {
    let excerpts = report_files::excerpts(replayed);
    let runner = &session.world.runner;
    if let Some(path) = &runner.files.step_summary {
        let text = to_markdown(
            summary,
            &Beside {
                marker: None,
                excerpts: &excerpts,
            },
            Budget::JOB_SUMMARY,
        );
        append_summary(path, &[text])
            .map_err(|error| CliError::from_error(Exit::Failed, &error))?;
    }
    let posted = comment(session, summary, &excerpts).await;
    match posted {
        Ok(Some(outcome)) => {
            let word = match outcome {
                CommentOutcome::Created(_) => "posted",
                CommentOutcome::Updated(_) => "edited",
                CommentOutcome::Unchanged(_) => "unchanged",
            };
            output::words(&format!("checkpoint {word}: {}\n", outcome.url()));
            Ok(Exit::Done)
        }
        Ok(None) => {
            output::words(
                "no pull request belongs to this commit; the checkpoint stands in the job summary\n",
            );
            Ok(Exit::Done)
        }
        // In a job of a workflow a comment that cannot be posted never fails a deployment.
        Err(error) if runner.on_actions => {
            output::words(&format!(
                "warning: the checkpoint could not be posted: {}\n",
                error.message
            ));
            Ok(Exit::Done)
        }
        Err(error) => Err(error),
    }
}

async fn comment(
    session: &Session,
    summary: &Summary,
    excerpts: &crate::checkpoint::Excerpts,
) -> Result<Option<CommentOutcome>, CliError> {
    let runner = &session.world.runner;
    let (Some(repository), Some(token)) = (&runner.repository, &runner.token) else {
        return Err(CliError::new(
            Exit::Unavailable,
            "nobody can be asked: no repository or no GITHUB_TOKEN is known",
        )
        .hint("set GITHUB_TOKEN, and run in a clone with a remote `origin`"));
    };
    let failed = |error: ClientError| {
        let hint = error.hint();
        let failure = CliError::from_error(Exit::Unavailable, &error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    };
    let client = Client::new(&runner.servers.api_url, repository.clone(), token).map_err(failed)?;
    let number = match (&runner.event.pull_request, &runner.revision.sha) {
        (Some(pull_request), _) => Some(pull_request.number),
        (None, Some(sha)) => client
            .pull_requests_of_commit(sha)
            .await
            .map_err(failed)?
            .first()
            .map(|pull_request| pull_request.number),
        (None, None) => None,
    };
    let Some(number) = number else {
        return Ok(None);
    };
    let marker = Marker::new(&session.plan().name, None);
    let text = to_markdown(
        summary,
        &Beside {
            marker: None,
            excerpts,
        },
        Budget::COMMENT,
    );
    client
        .upsert_comment(number, &marker, &text)
        .await
        .map(Some)
        .map_err(failed)
}
