//! An image from a Dockerfile: a builder is found and called once for each platform, and what it leaves is taken over.
//!
//! Build secrets are files of a private folder, for their owner alone, and gone when the build has ended. What the builder
//! says goes to the task's log, masked. Building changes nothing outside, so the builder is a direct child.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Attempt, BodyResult, ExecuteError, Run, make::layer_cache, tags::Words};
use crate::{
    builder::{self, BuildRequest, Builder, Leaves, Needs, SecretFile},
    digest::Digest,
    event::{Effect, FailureKind, LogRef, Reality},
    execute::{
        body::run::{Environment, direct_child},
        context,
    },
    image::{ImageError, Layout, from_docker_archive, join_layouts, take_over},
    plan::kind::image::{Build, Image},
    portable,
    process::{CommandSpec, StopReason},
    secret::Secret,
};

/// The variable by which builds are told how old their results shall be (reproducible-builds.org).
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Builds the image for each of its platforms.
pub(super) async fn build<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    (image, words): (&Image, &Words),
    from: &Build,
    folder: &Utf8Path,
    result: &mut BodyResult,
) -> Result<Layout, ExecuteError> {
    let environment = Environment::of(run, attempt.node)?;
    let site = Site::new(run, attempt, words, from, &environment)?;
    let needs = Needs {
        secrets: !from.secrets.is_empty(),
        own_ignore_file: site.ignore_file.is_some(),
    };
    let builder = builder::find(
        |spec| environment.give(spec),
        run.world.variable(builder::VARIABLE),
        needs,
    )
    .await
    .map_err(|error| {
        let hint = error.hint();
        ExecuteError::task(FailureKind::Task, error.to_string()).hint(hint)
    })?;
    run.recorder
        .notice(&format!("{}: built by {builder}", attempt.node.key));
    if site.epoch.is_some() && !builder.sets_time() {
        run.recorder.notice(&format!(
            "{}: {} does not make images as old as `{EPOCH}` says; docker buildx, podman and buildah do",
            attempt.node.key,
            builder.kind()
        ));
    }
    let mut parts = Vec::new();
    for (number, platform) in image.platforms.iter().enumerate() {
        let folder = folder.join(format!("build-{number}"));
        let request = site.request(&folder, platform)?;
        let layout = site.build_one(&builder, &request, result).await?;
        let digest = layout.root()?.digest;
        result.effects.push(Effect {
            what: format!(
                "build {digest} of `{}` for {platform} by {builder}",
                from.folder
            ),
            reality: Reality::Real,
        });
        parts.push(layout);
    }
    match parts.pop() {
        Some(only) if parts.is_empty() => Ok(only),
        last => {
            parts.extend(last);
            Ok(join_layouts(&parts, folder.join("joined"))?)
        }
    }
}

/// What is the same for every platform.
struct Site<'s, 'r, 'p> {
    run: &'s Run<'r, 'p>,
    attempt: &'s Attempt<'s, 'p>,
    from: &'s Build,
    environment: &'s Environment,
    context: Utf8PathBuf,
    file: Utf8PathBuf,
    ignore_file: Option<Utf8PathBuf>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    epoch: Option<u64>,
    deadline: Instant,
    /// Folder of the log, absolute and as it is recorded.
    logs: (Utf8PathBuf, Utf8PathBuf),
}

impl<'s, 'r, 'p> Site<'s, 'r, 'p> {
    fn new(
        run: &'s Run<'r, 'p>,
        attempt: &'s Attempt<'s, 'p>,
        words: &Words,
        from: &'s Build,
        environment: &'s Environment,
    ) -> Result<Self, ExecuteError> {
        let folder = run.world.path(&from.folder);
        let context = folder
            .canonicalize_utf8()
            .map_err(|error| ExecuteError::file("read the context", folder.clone(), error))?;
        let file = run
            .world
            .path(context::dockerfile(&from.folder, from.file.as_deref()));
        if !file.is_file() {
            return Err(
                ExecuteError::task(FailureKind::Invalid, format!("there is no `{file}`"))
                    .hint("`file` names the Dockerfile, relative to the plan file's folder"),
            );
        }
        for (id, _) in &from.secrets {
            check_id(id)?;
        }
        Ok(Self {
            run,
            attempt,
            from,
            environment,
            ignore_file: context::own_ignore_file(&file),
            context,
            file,
            labels: words.labels.clone(),
            annotations: words.annotations.clone(),
            epoch: epoch(environment)?,
            deadline: Instant::now() + attempt.node.task.timeout,
            logs: run
                .recorder
                .attempt_folder(&attempt.node.key, attempt.number)?,
        })
    }

    fn request(&self, folder: &Utf8Path, platform: &str) -> Result<BuildRequest, ExecuteError> {
        // What an earlier attempt left would be taken for this one's.
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ExecuteError::file("remove", folder, error));
            }
            _ => {}
        }
        portable::private_folder()
            .create(folder)
            .map_err(|error| ExecuteError::file("make", folder, error))?;
        let numbered = self.from.secrets.iter().enumerate();
        Ok(BuildRequest {
            folder: folder.into(),
            called: self.from.folder.clone(),
            context: self.context.clone().into(),
            file: self.file.clone().into(),
            ignore_file: self.ignore_file.clone().map(PathBuf::from),
            target: self.from.target.clone(),
            args: self.from.args.clone(),
            secrets: numbered
                .map(|(number, (id, _))| SecretFile {
                    id: id.clone(),
                    file: format!("secret-{number}"),
                })
                .collect(),
            labels: self.labels.clone().into_iter().collect(),
            platform: platform.to_owned(),
            epoch: self.epoch,
        })
    }

    async fn build_one(
        &self,
        builder: &Builder,
        request: &BuildRequest,
        result: &mut BodyResult,
    ) -> Result<Layout, ExecuteError> {
        let secrets = SecretFiles::write(request, &self.from.secrets)?;
        let equip = |spec| self.environment.give(spec);
        let built = self
            .call(builder, builder.build(request, equip), result)
            .await;
        secrets.remove()?;
        built?;
        if let Some(file) = builder.image_id(request) {
            let id = read_image_id(&file)?;
            self.call(builder, builder.hand_over(request, &id, equip), result)
                .await?;
        }
        let layout = match builder.leaves(request) {
            Leaves::Layout(folder) => Layout::open(folder)?,
            Leaves::Archive(file) => {
                let into = request.folder.join("layout");
                let layout = from_docker_archive(&file, into, &layer_cache(self.run))?;
                fs::remove_file(&file).map_err(|source| ImageError::Io {
                    doing: "remove",
                    path: file.clone(),
                    source,
                })?;
                layout
            }
        };
        let platform =
            request
                .platform
                .parse()
                .map_err(|error: crate::image::InvalidPlatform| {
                    ExecuteError::task(FailureKind::Invalid, error.to_string())
                })?;
        Ok(take_over(&layout, &platform, &self.annotations)?)
    }

    /// Runs one call of the builder to its end; all calls of an attempt share its time and its log.
    async fn call(
        &self,
        builder: &Builder,
        spec: CommandSpec,
        result: &mut BodyResult,
    ) -> Result<(), ExecuteError> {
        let node = self.attempt.node;
        let purpose = spec.purpose().to_owned();
        let left = self.deadline.saturating_duration_since(Instant::now());
        let spec = spec.timeout(left.max(Duration::from_secs(1)));
        let (folder, relative) = &self.logs;
        let (ended, log) = direct_child(
            self.run,
            self.attempt,
            &spec,
            &folder.join("log"),
            &relative.join("log"),
        )
        .await?;
        if let Some(log) = log {
            let before = result.log.take().map_or(0, |log| log.bytes);
            result.log = Some(LogRef {
                bytes: log.bytes + before,
                ..log
            });
        }
        for note in &ended.notes {
            self.run.recorder.notice(&format!("{}: {note}", node.key));
        }
        match ended.stopped {
            Some(StopReason::Cancelled) => return Err(ExecuteError::Cancelled),
            Some(StopReason::TimedOut) => {
                let limit = crate::plan::duration::text(node.task.timeout);
                return Err(ExecuteError::task(
                    FailureKind::Timeout,
                    format!("could not {purpose} within {limit}"),
                )
                .hint("`timeout` of the task says how long an attempt may take"));
            }
            None if ended.succeeded() => return Ok(()),
            None => {}
        }
        Err(ExecuteError::Task {
            kind: FailureKind::Task,
            message: format!("could not {purpose}: {builder} ended with {}", ended.how),
            hint: result.log.as_ref().map(|log| {
                format!(
                    "its output is in `{}`; another builder is taken by `{}`",
                    log.path,
                    builder::VARIABLE
                )
            }),
            exit: Some(ended.how.code()),
        })
    }
}

/// An id becomes part of an argument in which commas and equals signs mean something.
fn check_id(id: &str) -> Result<(), ExecuteError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !id.is_empty() && id.bytes().all(fits) {
        return Ok(());
    }
    Err(ExecuteError::task(
        FailureKind::Invalid,
        format!("`{id}` is no id of a build secret"),
    )
    .hint("expected letters, digits, `.`, `_` and `-`, as in `RUN --mount=type=secret,id=…`"))
}

fn epoch(environment: &Environment) -> Result<Option<u64>, ExecuteError> {
    let Some(text) = environment.get(EPOCH).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds) => Ok(Some(seconds)),
        Err(_) => Err(ExecuteError::task(
            FailureKind::Invalid,
            format!("`{EPOCH}` is `{text}`, expected seconds since 1970"),
        )),
    }
}

fn read_image_id(file: &std::path::Path) -> Result<String, ExecuteError> {
    let text = fs::read_to_string(file).map_err(|source| ImageError::Io {
        doing: "read",
        path: file.to_owned(),
        source,
    })?;
    let digest: Digest = text.trim().parse().map_err(|_| {
        ExecuteError::task(
            FailureKind::Task,
            format!(
                "the builder says that it made `{}`, expected a digest",
                text.trim()
            ),
        )
    })?;
    Ok(digest.to_string())
}

/// The files of build secrets while they are needed.
struct SecretFiles {
    paths: Vec<PathBuf>,
}

impl SecretFiles {
    fn write(request: &BuildRequest, secrets: &[(String, Secret)]) -> Result<Self, ExecuteError> {
        let mut written = Self { paths: Vec::new() };
        for (file, (_, secret)) in request.secrets.iter().zip(secrets) {
            let path = request.folder.join(&file.file);
            written.paths.push(path.clone());
            portable::private_file()
                .write(true)
                .create_new(true)
                .open(&path)
                .and_then(|mut file| io::Write::write_all(&mut file, secret.expose().as_bytes()))
                .map_err(|source| ImageError::Io {
                    doing: "write",
                    path,
                    source,
                })?;
        }
        Ok(written)
    }

    fn remove(mut self) -> Result<(), ExecuteError> {
        for path in self.paths.drain(..) {
            fs::remove_file(&path).map_err(|source| ImageError::Io {
                doing: "remove",
                path,
                source,
            })?;
        }
        Ok(())
    }
}

impl Drop for SecretFiles {
    fn drop(&mut self) {
        for path in &self.paths {
            // What is left here was given up on already; the folder goes with the run.
            fs::remove_file(path).ok();
        }
    }
}
