//! `deploy-action publish`: an image of a layout to registries, its tags last, and the way back.

mod attach;
mod journal;
mod sign;
mod source;
mod to;
mod verify;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use self::{
    attach::{Documents, Sbom},
    journal::Journal,
    sign::Sign,
    source::Source,
    to::{Destinations, destinations},
    verify::Seen,
};
use super::{
    CliError, Environment, Exit, exit, output,
    registries::{image_error, registry_client},
    session::{block_on, state_home},
    signals,
    tags::by_rules,
};
use crate::{
    diagnostic::words::count,
    image::{
        ImageError, ImageReference, Layout, Published, RegistryClient, RepositoryName, RetryPolicy,
        RootManifest, TagBefore, preflight, restore_tag, stage,
    },
    plan::duration,
};

const EXAMPLES: &str = "\
Examples:
  deploy-action publish --layout out/image --to ghcr.io/acme/api:1.4.0
  deploy-action publish --layout out/image --to ghcr.io/acme/api:1.4.0 --to ghcr.io/acme/api:latest \\
                        --to europe-docker.pkg.dev/acme/images/api:1.4.0
  deploy-action publish --part ghcr.io/acme/api@DIGEST --part ghcr.io/acme/api@DIGEST --to ghcr.io/acme/api:1.4.0
  deploy-action publish --verify --to ghcr.io/acme/api:1.4.0
  deploy-action publish --preflight --to ghcr.io/acme/api
  deploy-action publish --restore --to ghcr.io/acme/api       its tags name again what they named before

Every registry gets the whole image first, and then all tags are moved everywhere. What is there is not sent again: a tag that
names the image already costs one request. A registry on the loopback address is spoken to in plain HTTP.

Logins are what docker and podman keep, credential helpers among it; on ghcr.io GITHUB_TOKEN comes first, and on Google's registries
application default credentials come last.

Where COSIGN_PRIVATE_KEY holds a key (and COSIGN_PASSWORD its password), the image is signed before its tags move; --sign has a job on
GitHub sign it without a key, and tells the public log of sigstore, or those that SIGSTORE_FULCIO_URL and SIGSTORE_REKOR_URL name.";

/// Publishes an image of an OCI layout, to several registries at once
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{}", exit::table())
)]
pub struct PublishArgs {
    /// The image: a folder that is an OCI image layout
    #[arg(
        long,
        value_name = "DIR",
        value_hint = clap::ValueHint::DirPath,
        required_unless_present_any = ["part", "preflight", "restore", "verify"]
    )]
    layout: Option<PathBuf>,
    /// A part of the image, for one platform, that is in a registry by its digest: all of them become one index; may be repeated
    #[arg(
        long,
        value_name = "REGISTRY/REPOSITORY@DIGEST",
        conflicts_with = "layout"
    )]
    part: Vec<String>,
    /// Where it goes; without a tag it is there by its digest alone; may be repeated
    #[arg(long, value_name = "REGISTRY/REPOSITORY[:TAG]", required = true)]
    to: Vec<String>,
    /// Attaches a list of what is in the image, SPDX 2.3, in every repository before its tags move
    #[arg(long, requires = "layout")]
    sbom: bool,
    /// Signs the image in every repository before its tags move: by the key in COSIGN_PRIVATE_KEY, without one as the job on GitHub that
    /// this is, with `permissions: id-token: write`
    #[arg(long, conflicts_with_all = ["preflight", "restore"])]
    sign: bool,
    /// Rules that make further tags, one a line, as of docker/metadata-action (`deploy-action tags` explains them); `latest`, `1`, `1.2`
    /// move only where no higher version is known
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    tags: Vec<String>,
    /// What goes for all rules: latest, prefix, suffix
    #[arg(
        long,
        value_name = "LINES",
        requires = "tags",
        allow_hyphen_values = true
    )]
    flavor: Vec<String>,
    /// Proves that these repositories may be written to, and changes nothing
    #[arg(long, conflicts_with_all = ["layout", "part", "restore", "verify"])]
    preflight: bool,
    /// Looks at what is published as somebody else would: reads it back, starts it where docker or podman answers, and asks GitHub
    /// whether the owner's packages list it. Without an image to publish, at what is there
    #[arg(long, conflicts_with = "restore")]
    verify: bool,
    /// Has the tags of these repositories name what they named before the last publication of this machine
    #[arg(long, conflicts_with_all = ["layout", "part"])]
    restore: bool,
    /// How often a request is tried that fails for a reason that may pass
    #[arg(long, value_name = "NUMBER", default_value = "5")]
    tries: NonZeroU32,
    /// Delay before the second try; it doubles, and a registry may ask for a longer one
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = delay)]
    retry_delay: Duration,
    /// Folder of what the way back needs [default: $XDG_STATE_HOME/deploy-action]
    #[arg(long, value_name = "DIR", env = "DEPLOY_ACTION_STATE", value_hint = clap::ValueHint::DirPath)]
    state: Option<Utf8PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

fn delay(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// Runs the verb.
///
/// # Errors
///
/// The arguments are wrong, the layout is none, or a registry refuses, cannot be reached or reads back as something else.
pub fn publish(args: &PublishArgs, environment: &Environment) -> Result<Exit, CliError> {
    let to = destinations(&args.to)?;
    block_on(async {
        let cancelled = signals::heard();
        tokio::select! {
            done = carry_out(args, &to, environment) => done,
            signal = cancelled => Err(stopped(signal?)),
        }
    })
}

fn stopped(signal: &str) -> CliError {
    let exit = match signal {
        "SIGTERM" => Exit::Terminated,
        _ => Exit::Interrupted,
    };
    CliError::new(
        exit,
        format!("publishing was cancelled by {signal}; tags may be moved in one repository and not in another"),
    )
    .hint("run it again: it goes on where it stopped; or `publish --restore` with the same `--to`")
}

async fn carry_out(
    args: &PublishArgs,
    to: &Destinations,
    environment: &Environment,
) -> Result<Exit, CliError> {
    let client = client(args, to, environment)?;
    let state = args
        .state
        .clone()
        .unwrap_or_else(|| state_home(environment));
    if args.preflight {
        return prove(&client, to).await;
    }
    if args.restore {
        return restore(&client, to, &state, args.format).await;
    }
    let source = match (&args.layout, args.part.as_slice()) {
        (Some(layout), _) => Source::Layout(layout),
        (None, []) => return look_at(&client, to.named(), args.format, environment).await,
        (None, texts) => Source::Parts(source::parts(texts)?),
    };
    let sign = match args.sign {
        true => Sign::Wanted,
        false => Sign::ByKeyAlone,
    };
    let signer = sign::signer(sign, environment)?;
    let scratch = tempfile::tempdir().map_err(|error| {
        CliError::file("make a folder in", std::env::temp_dir().display(), &error)
    })?;
    let layout = source.open(&client, to, scratch.path()).await?;
    let to = with_rules(args, to, environment).await?;
    let sbom = match args.sbom {
        true => Sbom::Wanted,
        false => Sbom::Unwanted,
    };
    let documents = Documents::of(&layout, sbom, signer, environment)?;
    let published = send(&client, (&layout, &documents), &to, &state).await?;
    match (args.format, args.verify) {
        (output::Format::Text, _) => say(&published),
        (output::Format::Json, false) => output::json(&as_json(&published)),
        // One document: that of the look.
        (output::Format::Json, true) => {}
    }
    if !args.verify {
        return Ok(Exit::Done);
    }
    let references = published.targets.into_iter().map(|target| target.reference);
    look_at(&client, references.collect(), args.format, environment).await
}

/// Adds the tags that rules come to, and says which of them stay where they are.
async fn with_rules(
    args: &PublishArgs,
    to: &Destinations,
    environment: &Environment,
) -> Result<Destinations, CliError> {
    let mut to = to.clone();
    if args.tags.is_empty() {
        return Ok(to);
    }
    let repositories = to.repositories();
    let settled = by_rules((&args.tags, &args.flavor), &repositories, environment).await?;
    for (repository, settled) in repositories.iter().zip(&settled) {
        for left in &settled.left {
            output::words(&format!(
                "warning: `{repository}:{}` stays where it is: {}\n",
                left.tag, left.because
            ));
        }
    }
    to.add(settled);
    Ok(to)
}

/// Looks at images as somebody else would.
async fn look_at(
    client: &RegistryClient,
    references: Vec<ImageReference>,
    format: output::Format,
    environment: &Environment,
) -> Result<Exit, CliError> {
    let mut seen = Vec::new();
    for reference in &references {
        let image = Seen::of(client, reference, environment).await?;
        if format == output::Format::Text {
            output::words(&image.lines());
        }
        seen.push(image);
    }
    if format == output::Format::Json {
        output::json(&seen.iter().map(Seen::as_json).collect());
    }
    Ok(match seen.iter().all(Seen::holds) {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

async fn send(
    client: &RegistryClient,
    (layout, documents): (&Layout, &Documents),
    to: &Destinations,
    state: &Utf8Path,
) -> Result<Published, CliError> {
    let root = match documents.is_empty() {
        true => RootManifest::MayWait,
        false => RootManifest::First,
    };
    let staged = stage(client, layout, to.targets(), root)
        .await
        .map_err(|error| image_error(&error))?;
    documents.attach(client, to.targets()).await?;
    for (repository, moves) in staged.moves() {
        let journal = Journal::read(state, &repository)?;
        journal
            .with(staged.digest(), &moves)
            .write(state, &repository)?;
    }
    staged
        .move_tags()
        .await
        .map_err(|error| image_error(&error))
}

/// One reference a line, for programs; what happened, for people.
fn say(published: &Published) {
    for target in &published.targets {
        output::data(&format!("{}\n", target.reference));
        let set = target.tags_set.iter().map(|moved| match moved.previous {
            Some(previous) => format!("  {} moved from {previous}\n", moved.tag),
            None => format!("  {} is new\n", moved.tag),
        });
        let stood = target
            .tags_unchanged
            .iter()
            .map(|tag| format!("  {tag} named it before\n"));
        output::words(&set.chain(stood).collect::<String>());
    }
    let traffic = published.traffic;
    output::words(&format!(
        "{}: {} sent ({} bytes), {} taken over, {} there\n",
        count(
            usize::try_from(traffic.requests).unwrap_or(usize::MAX),
            "request"
        ),
        count(traffic.uploaded, "blob"),
        traffic.uploaded_bytes,
        traffic.mounted,
        traffic.existing,
    ));
}

fn as_json(published: &Published) -> serde_json::Value {
    let targets = published.targets.iter().map(|target| {
        let set = target.tags_set.iter().map(|moved| {
            json!({
                "tag": moved.tag.as_str(),
                "previous": moved.previous.map(|digest| digest.to_string()),
            })
        });
        let unchanged = target.tags_unchanged.iter().map(|tag| tag.as_str());
        json!({
            "reference": target.reference.to_string(),
            "tags-set": set.collect::<Vec<_>>(),
            "tags-unchanged": unchanged.collect::<Vec<_>>(),
        })
    });
    let traffic = published.traffic;
    json!({
        "digest": published.digest.to_string(),
        "media-type": published.media_type,
        "targets": targets.collect::<Vec<_>>(),
        "requests": traffic.requests,
        "uploaded": traffic.uploaded,
        "uploaded-bytes": traffic.uploaded_bytes,
        "mounted": traffic.mounted,
        "existing": traffic.existing,
    })
}

async fn prove(client: &RegistryClient, to: &Destinations) -> Result<Exit, CliError> {
    for target in to.targets() {
        preflight(client, &target.repository)
            .await
            .map_err(|error| image_error(&error))?;
        output::words(&format!("{} may be written to\n", target.repository));
    }
    Ok(Exit::Done)
}

/// Restores the tags of every repository, also after one of them failed.
async fn restore(
    client: &RegistryClient,
    to: &Destinations,
    state: &Utf8Path,
    format: output::Format,
) -> Result<Exit, CliError> {
    let mut journals: BTreeMap<&RepositoryName, Journal> = BTreeMap::new();
    for target in to.targets() {
        let journal = Journal::read(state, &target.repository)?;
        if journal.published.is_none() {
            return Err(CliError::new(
                Exit::Usage,
                format!("nothing was published to `{}` from here", target.repository),
            )
            .hint(format!(
                "`{state}` keeps what tags named before; `--state DIR` names another folder"
            )));
        }
        journals.insert(&target.repository, journal);
    }
    let mut first_error = None;
    let mut restored = Vec::new();
    for (repository, journal) in journals {
        for (tag, before) in &journal.tags {
            let Some(published) = journal.published else {
                continue;
            };
            match restore_tag(client, repository, tag, published, *before).await {
                Ok(done) => restored.push((repository.tagged(tag.clone()), *before, done)),
                Err(error) => {
                    let error = image_error(&error);
                    output::words(&format!(
                        "not restored: {}\n",
                        repository.tagged(tag.clone())
                    ));
                    first_error.get_or_insert(error);
                }
            }
        }
    }
    let rows = restored.iter().map(|(reference, before, done)| {
        let what = match done {
            TagBefore::Restored => "restored",
            TagBefore::Removed => "removed",
            TagBefore::MovedSince(_) => "moved-since",
        };
        let before = before.map(|digest| digest.to_string());
        (reference.to_string(), before, what)
    });
    match format {
        output::Format::Json => output::json(
            &rows
                .map(|(tag, digest, what)| json!({ "tag": tag, "digest": digest, "result": what }))
                .collect(),
        ),
        output::Format::Text => {
            for (tag, digest, what) in rows {
                output::data(&format!("{tag} {what} {}\n", digest.unwrap_or_default()));
            }
        }
    }
    first_error.map_or(Ok(Exit::Done), Err)
}

fn client(
    args: &PublishArgs,
    to: &Destinations,
    environment: &Environment,
) -> Result<RegistryClient, CliError> {
    let pace = match args.retry_delay.is_zero() {
        true => RetryPolicy::immediate(),
        false => RetryPolicy {
            first_delay: args.retry_delay,
            ..RetryPolicy::default()
        },
    };
    let pace = RetryPolicy {
        attempts: args.tries.get(),
        ..pace
    };
    let parts = source::parts(&args.part)?;
    let targets = to.targets().iter().map(|target| &target.repository);
    let repositories = targets.chain(parts.iter().map(ImageReference::repository));
    let hosts: BTreeSet<&str> = repositories.map(RepositoryName::registry).collect();
    registry_client(hosts, environment, pace)
}

fn wrong_layout(error: &ImageError) -> CliError {
    let failed = CliError::from_error(Exit::Usage, error);
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}
